//! The chain's objects as they are in the cluster: one list per kind and namespace, by label.
//!
//! Of Secrets only the metadata is read, and vaults not at all: no key crosses the line.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::Value;

use super::connect::Connection;
use super::error::ClusterError;
use super::labels::{CHAIN, RECORD, UID, label, meta};
use super::object_api::ApiKind;
use super::request::ListQuery;
use crate::state::ObjectId;

/// Objects that carry a chain's label, by identity.
#[derive(Debug, Clone, Default)]
pub struct LiveObjects {
    objects: BTreeMap<ObjectId, Value>,
}

impl LiveObjects {
    /// Lists the objects of `chain` of these kinds in these namespaces. `cluster` is the cluster's name in the spec.
    /// Secrets that may not be listed are taken as not there: applying finds out.
    ///
    /// # Errors
    /// A kind may not be listed, or the server does not answer.
    pub async fn list(
        connection: &Connection,
        cluster: &str,
        chain: &str,
        wanted: &BTreeSet<(ApiKind, String)>,
    ) -> Result<Self, ClusterError> {
        let lists: Vec<Vec<(ObjectId, Value)>> = stream::iter(wanted)
            .map(|(kind, namespace)| list_kind(connection, cluster, chain, kind, namespace))
            .buffer_unordered(super::connect::DEFAULT_CONCURRENCY)
            .try_collect()
            .await?;
        Ok(Self {
            objects: lists.into_iter().flatten().collect(),
        })
    }

    /// One object.
    pub fn get(&self, id: &ObjectId) -> Option<&Value> {
        self.objects.get(id)
    }

    /// All objects, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&ObjectId, &Value)> {
        self.objects.iter()
    }
}

async fn list_kind(
    connection: &Connection,
    cluster: &str,
    chain: &str,
    kind: &ApiKind,
    namespace: &str,
) -> Result<Vec<(ObjectId, Value)>, ClusterError> {
    let secret = kind.group.is_empty() && kind.kind == "Secret";
    let labels = format!("{CHAIN}={chain},!{RECORD}");
    let query = ListQuery {
        labels: &labels,
        metadata_only: secret,
        ..ListQuery::default()
    };
    let items = match connection.list(kind, namespace, query).await {
        Err(error) if secret && error.is_forbidden() => Vec::new(),
        // A namespace or kind that is not there holds nothing.
        Err(error) if error.is_not_found() => Vec::new(),
        other => other?,
    };
    let identified = items.into_iter().map(|item| {
        let id = ObjectId {
            group: kind.group.clone(),
            kind: kind.kind.clone(),
            namespace: meta(&item, "namespace").to_owned(),
            name: meta(&item, "name").to_owned(),
            cluster: cluster.to_owned(),
        };
        (id, item)
    });
    Ok(identified.collect())
}

/// Whether an object is being deleted.
pub fn is_terminating(object: &Value) -> bool {
    !meta(object, "deletionTimestamp").is_empty()
}

/// Whether an object says that it is of this chain.
pub fn is_of_chain(object: &Value, uid: &str) -> bool {
    !uid.is_empty() && label(object, UID) == uid
}

/// What holds an object that is being deleted.
pub(super) fn finalizers(object: &Value) -> Vec<String> {
    object
        .pointer("/metadata/finalizers")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|f| f.as_str().map(str::to_owned))
        .collect()
}
