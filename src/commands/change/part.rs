//! What of a chain is for one cluster.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cluster::apply::{ApplyOptions, ApplyPlan, DisruptionGroup};
use crate::cluster::{ClusterError, Clusters, Connection};
use crate::pipeline::form::Prepared;

/// The chain whose objects are applied, in whatever cluster.
pub(super) struct Target<'a> {
    pub chain: &'a str,
    pub uid: &'a str,
    pub groups: &'a [DisruptionGroup],
    pub clusters: &'a Clusters,
}

/// What of a chain is for one cluster.
pub(super) struct Part {
    /// Its name in the spec, "" for home.
    pub cluster: String,
    pub connection: Connection,
    /// As they are sent.
    pub objects: Vec<Value>,
    /// Those of the chain there.
    pub namespaces: BTreeSet<String>,
}

impl Part {
    pub fn plan<'a>(&'a self, target: &Target<'a>, options: &ApplyOptions) -> ApplyPlan<'a> {
        ApplyPlan {
            cluster: &self.cluster,
            chain: target.chain,
            uid: target.uid,
            objects: &self.objects,
            groups: target.groups,
            clusters: Some(target.clusters),
            options: options.clone(),
        }
    }
}

/// Everything by cluster, the home first: also clusters in which nothing is left but what is to be pruned.
pub(super) fn parts(prepared: &Prepared, clusters: &Clusters) -> Result<Vec<Part>, ClusterError> {
    let own = || prepared.outcome.subjects.iter().filter(|it| !it.foreign);
    let mut names: BTreeSet<&str> = own().map(|it| it.cluster.as_str()).collect();
    names.extend(prepared.previous.iter().map(|id| id.cluster.as_str()));
    names.extend(prepared.objects.iter().map(|it| it.cluster.as_str()));
    names.insert("");
    let part = |name: &str| {
        let connection = clusters.of(name)?;
        let here = own().filter(|it| it.cluster == name);
        let mut namespaces: BTreeSet<String> = here.map(|it| it.namespace.clone()).collect();
        namespaces.insert(connection.namespace.clone());
        let objects = prepared.objects.iter().filter(|it| it.cluster == name);
        Ok(Part {
            cluster: name.to_owned(),
            connection: connection.clone(),
            objects: objects.map(|it| it.value.clone()).collect(),
            namespaces,
        })
    };
    names.into_iter().map(part).collect()
}
