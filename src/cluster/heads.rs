//! The heads and signposts of all chains in sight, by one list request.

use std::collections::{BTreeMap, BTreeSet};

use super::error::ClusterError;
use super::labels::{HEAD, RECORD, SIGNPOST, label, meta};
use super::object_api::ApiKind;
use super::request::ListQuery;
use super::{Clusters, ConnectFlags, Connection, head_object, signpost_object};
use crate::state::{Head, Signpost, Site};

/// The heads in a namespace, or in all, each with its namespace, by namespace and name. One that is damaged is left out.
///
/// # Errors
/// `ConfigMaps` may not be listed there, or the server does not answer.
pub async fn heads(
    connection: &Connection,
    namespace: Option<&str>,
) -> Result<Vec<(String, Head)>, ClusterError> {
    let labels = format!("{RECORD}={HEAD}");
    Ok(list(connection, namespace, &labels).await?.heads)
}

/// By what chains are known in a namespace, or in all.
#[derive(Debug, Default)]
pub struct Records {
    /// The heads of those that are at home there, each with its namespace, by namespace and name.
    pub heads: Vec<(String, Head)>,
    /// The signposts of all others, in the same way.
    pub signposts: Vec<(String, Signpost)>,
}

impl Records {
    /// Leaves those of one chain, when it is named.
    pub fn only(&mut self, chain: Option<&str>) {
        self.heads
            .retain(|(_, it)| chain.is_none_or(|name| it.chain == name));
        self.signposts
            .retain(|(_, it)| chain.is_none_or(|name| it.chain == name));
    }
}

/// The heads and signposts in a namespace, or in all. What is damaged is left out.
///
/// # Errors
/// As [`heads`].
pub async fn records(
    connection: &Connection,
    namespace: Option<&str>,
) -> Result<Records, ClusterError> {
    let labels = format!("{RECORD} in ({HEAD},{SIGNPOST})");
    list(connection, namespace, &labels).await
}

async fn list(
    connection: &Connection,
    namespace: Option<&str>,
    labels: &str,
) -> Result<Records, ClusterError> {
    let mut found = Records::default();
    let Some(kind) = ApiKind::known("", "ConfigMap") else {
        return Ok(found);
    };
    let query = ListQuery {
        labels,
        ..ListQuery::default()
    };
    let objects = connection
        .list(&kind, namespace.unwrap_or_default(), query)
        .await?;
    for object in &objects {
        let namespace = meta(object, "namespace").to_owned();
        if label(object, RECORD) == SIGNPOST {
            let signpost = signpost_object::from_object(object).ok();
            found.signposts.extend(signpost.map(|it| (namespace, it)));
        } else {
            let stored = head_object::from_object(object).ok();
            found.heads.extend(stored.map(|it| (namespace, it.head)));
        }
    }
    found
        .heads
        .sort_by(|a, b| (&a.0, &a.1.chain).cmp(&(&b.0, &b.1.chain)));
    found
        .signposts
        .sort_by(|a, b| (&a.0, &a.1.chain).cmp(&(&b.0, &b.1.chain)));
    Ok(found)
}

/// A place beside the home of heads where chains have subjects.
#[derive(Debug)]
pub struct Away {
    /// Cluster by its name in the chain's spec, "" for that of the home.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// The chains that have subjects there.
    pub chains: BTreeSet<String>,
    /// How it is reached, or why it is not.
    pub reach: Result<Connection, ClusterError>,
}

/// All such places.
pub type Elsewhere = Vec<Away>;

/// Where else chains live than in the home of their heads; one chain, when it is named. A cluster that cannot be reached
/// hides no other.
pub async fn elsewhere(
    flags: &ConnectFlags,
    connection: &Connection,
    heads: &[(String, Head)],
    chain: Option<&str>,
) -> Elsewhere {
    let mut near: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut all = Elsewhere::new();
    for (home, head) in heads {
        if chain.is_some_and(|name| head.chain != name) {
            continue;
        }
        let mut far = BTreeSet::new();
        for subject in head.subjects.values().filter(|it| !it.retired) {
            let site = subject.site();
            if !site.cluster.is_empty() {
                far.insert(site);
            } else if site.namespace != home {
                let chains = near.entry(site.namespace).or_default();
                chains.insert(head.chain.clone());
            }
        }
        for site in far {
            all.push(Away {
                cluster: site.cluster.to_owned(),
                namespace: site.namespace.to_owned(),
                chains: BTreeSet::from([head.chain.clone()]),
                reach: reach(flags, connection, head, site).await,
            });
        }
    }
    let near = near.into_iter().map(|(namespace, chains)| Away {
        cluster: String::new(),
        namespace: namespace.to_owned(),
        chains,
        reach: Ok(connection.in_namespace(namespace)),
    });
    near.chain(all).collect()
}

/// The connection to another cluster of a chain, known to be the one that is meant.
async fn reach(
    flags: &ConnectFlags,
    home: &Connection,
    head: &Head,
    site: Site<'_>,
) -> Result<Connection, ClusterError> {
    let known = head.clusters.get_key_value(site.cluster);
    let mut records = known
        .map(|(name, record)| BTreeMap::from([(name.clone(), record.clone())]))
        .unwrap_or_default();
    let clusters = Clusters::open(flags, home.clone(), &records).await?;
    clusters.identify(&mut records).await?;
    Ok(clusters.of(site.cluster)?.in_namespace(site.namespace))
}

/// The same of the chains whose heads are in the connection's namespace. Nowhere when the heads may not be seen.
///
/// # Errors
/// The server does not answer.
pub async fn find_elsewhere(
    flags: &ConnectFlags,
    connection: &Connection,
    chain: Option<&str>,
) -> Result<Elsewhere, ClusterError> {
    match heads(connection, Some(&connection.namespace)).await {
        Err(error) if error.is_forbidden() => Ok(Elsewhere::new()),
        found => Ok(elsewhere(flags, connection, &found?, chain).await),
    }
}
