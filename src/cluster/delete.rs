//! Delete: takes a chain down, and keeps what cannot be made again.
//!
//! Workloads go first, then the rest. Volumes, vaults and the head stay; the head becomes a tombstone, from which
//! `create` revives the chain. With `purge` those go too: volumes, vaults, revisions, and last the head, so that an
//! interrupted run can be finished by the next. Running it twice is no fault.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use serde_json::Value;
use tokio::time::Instant;

use super::apply::{Hooks, Outcome, wait_gone};
use super::connect::{Connection, DEFAULT_CONCURRENCY};
use super::error::ClusterError;
use super::labels::{CHAIN, HEAD, RECORD, SIGNPOST, UID, VAULT_TYPE, label, meta};
use super::live::{LiveObjects, is_of_chain};
use super::object_api::{ApiKind, show_object};
use super::prune::{delete_ours, may_delete};
use super::request::ListQuery;
use crate::state::{Inventory, ObjectId};

/// What to delete, in one cluster.
#[derive(Debug, Clone)]
pub struct DeletePlan<'a> {
    /// The cluster's name in the spec, "" for home.
    pub cluster: &'a str,
    /// The chain's name.
    pub chain: &'a str,
    /// The chain's UID.
    pub uid: &'a str,
    /// The namespaces of this cluster that the chain touches.
    pub namespaces: &'a BTreeSet<String>,
    /// What the last revision applied: tells of kinds outside the usual ones.
    pub inventory: &'a Inventory,
    /// Delete volumes too; the records go by [`purge_records`].
    pub purge: bool,
    /// How long to wait until everything is gone.
    pub timeout: Duration,
}

/// The namespaced kinds that a chain may have made without any permission.
const USUAL: &[(&str, &str)] = &[
    ("apps", "StatefulSet"),
    ("apps", "Deployment"),
    ("", "Pod"),
    ("networking.k8s.io", "Ingress"),
    ("policy", "PodDisruptionBudget"),
    ("networking.k8s.io", "NetworkPolicy"),
    ("", "Service"),
    ("", "ConfigMap"),
    ("", "Secret"),
    ("", "ServiceAccount"),
    ("rbac.authorization.k8s.io", "RoleBinding"),
    ("rbac.authorization.k8s.io", "Role"),
];

fn is_workload(id: &ObjectId) -> bool {
    id.group == "apps" || (id.group.is_empty() && id.kind == "Pod")
}

fn is_volume(id: &ObjectId) -> bool {
    id.group.is_empty()
        && matches!(
            id.kind.as_str(),
            "PersistentVolumeClaim" | "PersistentVolume"
        )
}

/// Whether a controller made it: then it goes with its owner.
fn has_owner(object: &Value) -> bool {
    object
        .pointer("/metadata/ownerReferences")
        .and_then(Value::as_array)
        .is_some_and(|owners| !owners.is_empty())
}

/// Deletes the chain's objects in one cluster and waits until they are gone. Heads, vaults and revisions are not
/// touched. Returns how many objects went.
///
/// # Errors
/// Rights are missing, an object does not go in time, or the server does not answer.
pub async fn delete_objects<H: Hooks>(
    connection: &Connection,
    plan: &DeletePlan<'_>,
    hooks: &H,
) -> Result<usize, ClusterError> {
    let kinds = kinds(connection, plan).await?;
    let live = LiveObjects::list(connection, plan.cluster, plan.chain, &kinds).await?;
    let ours: Vec<(&ObjectId, &Value)> = live
        .iter()
        .filter(|(_, object)| is_of_chain(object, plan.uid) && !has_owner(object))
        .collect();
    let mut deleted = 0;
    for wave in 0..3 {
        let of_wave = ours.iter().filter(|(id, _)| {
            let its = match (is_workload(id), is_volume(id)) {
                (true, _) => 0,
                (false, false) => 1,
                (false, true) => 2,
            };
            its == wave
        });
        if wave == 2 && !plan.purge {
            for (id, _) in of_wave {
                hooks.done(id, Outcome::Kept);
            }
            continue;
        }
        let todo: Vec<_> = of_wave.copied().collect();
        if todo.is_empty() {
            continue;
        }
        hooks.fence().await?;
        deleted += delete_wave(connection, plan, hooks, todo).await?;
        if wave == 0 {
            wait_for_pods(connection, plan, hooks).await?;
        }
    }
    Ok(deleted)
}

async fn delete_wave<H: Hooks>(
    connection: &Connection,
    plan: &DeletePlan<'_>,
    hooks: &H,
    todo: Vec<(&ObjectId, &Value)>,
) -> Result<usize, ClusterError> {
    let mut work = Vec::with_capacity(todo.len());
    for (id, there) in todo {
        work.push(delete_one(connection, plan, hooks, id, there));
    }
    let mut results = stream::iter(work).buffer_unordered(DEFAULT_CONCURRENCY);
    let mut deleted = 0;
    while let Some(result) = results.next().await {
        deleted += usize::from(result?);
    }
    Ok(deleted)
}

async fn delete_one<H: Hooks>(
    connection: &Connection,
    plan: &DeletePlan<'_>,
    hooks: &H,
    id: &ObjectId,
    there: &Value,
) -> Result<bool, ClusterError> {
    let kind = connection.kind_of_id(id).await?;
    let gone = delete_ours(connection, &kind, id, there, |object| {
        may_delete(object, plan.uid)
    })
    .await?;
    if !gone {
        hooks.done(id, Outcome::Kept);
        return Ok(false);
    }
    wait_gone(connection, &kind, id, plan.timeout).await?;
    hooks.done(id, Outcome::Deleted);
    Ok(true)
}

async fn kinds(
    connection: &Connection,
    plan: &DeletePlan<'_>,
) -> Result<BTreeSet<(ApiKind, String)>, ClusterError> {
    let mut kinds = BTreeSet::new();
    // Role and RoleBinding may be listed by few; they are only looked for if the chain has any.
    let applied = |group: &str, kind: &str| {
        plan.inventory
            .iter()
            .any(|id| id.group == group && id.kind == kind)
    };
    for namespace in plan.namespaces {
        for (group, kind) in USUAL {
            if group.starts_with("rbac.") && !applied(group, kind) {
                continue;
            }
            kinds.extend(ApiKind::known(group, kind).map(|kind| (kind, namespace.clone())));
        }
        kinds.extend(
            ApiKind::known("", "PersistentVolumeClaim").map(|kind| (kind, namespace.clone())),
        );
    }
    for id in plan
        .inventory
        .iter()
        .filter(|id| id.cluster == plan.cluster && id.kind != "Namespace")
    {
        match connection.kind_of_id(id).await {
            Ok(kind) => {
                kinds.insert((kind, id.namespace.clone()));
            }
            // The kind itself was removed from the cluster: then its objects are gone too.
            Err(ClusterError::UnknownKind { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(kinds)
}

/// Waits until no pod of the chain is left, so that no volume is taken from under one.
async fn wait_for_pods<H: Hooks>(
    connection: &Connection,
    plan: &DeletePlan<'_>,
    hooks: &H,
) -> Result<(), ClusterError> {
    let Some(pods) = ApiKind::known("", "Pod") else {
        return Ok(());
    };
    let kinds: BTreeSet<_> = plan
        .namespaces
        .iter()
        .map(|n| (pods.clone(), n.clone()))
        .collect();
    let begun = Instant::now();
    let mut told = BTreeSet::new();
    loop {
        let live = LiveObjects::list(connection, plan.cluster, plan.chain, &kinds).await?;
        let left: Vec<&ObjectId> = live
            .iter()
            // Template labels need not carry the UID; a pod with the chain's name in a chain's namespace is enough.
            .map(|(id, _)| id)
            .collect();
        let Some(first) = left.first() else {
            return Ok(());
        };
        if begun.elapsed() >= plan.timeout {
            return Err(ClusterError::Terminating {
                what: show_object(first),
                namespace: first.namespace.clone(),
                after: plan.timeout,
                finalizers: Vec::new(),
            });
        }
        for id in left {
            if told.insert(id.clone()) {
                hooks.waiting(id, "is terminating");
            }
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// Deletes the vaults, revisions and public parts of the chain in one namespace, and last the signpost, if one is there.
/// A head is left: delete it last, with `Store::delete_head`. What carries the chain's name and another UID is left too.
///
/// # Errors
/// Rights are missing, or the server does not answer.
pub async fn purge_records<H: Hooks>(
    connection: &Connection,
    cluster: &str,
    chain: &str,
    uid: &str,
    namespace: &str,
    hooks: &H,
) -> Result<usize, ClusterError> {
    hooks.fence().await?;
    let (mut work, mut signposts) = (Vec::new(), Vec::new());
    let labels = format!("{CHAIN}={chain},{UID}={uid},{RECORD},{RECORD}!={HEAD}");
    for kind_name in ["ConfigMap", "Secret"] {
        let Some(kind) = ApiKind::known("", kind_name) else {
            continue;
        };
        // A Secret that is not of our type is no vault, whatever its labels say.
        let fields = if kind_name == "Secret" {
            format!("type={VAULT_TYPE}")
        } else {
            String::new()
        };
        let query = ListQuery {
            labels: &labels,
            fields: &fields,
            metadata_only: true,
        };
        for there in connection.list(&kind, namespace, query).await? {
            let id = ObjectId {
                group: String::new(),
                kind: kind_name.to_owned(),
                namespace: namespace.to_owned(),
                name: meta(&there, "name").to_owned(),
                cluster: cluster.to_owned(),
            };
            let last = label(&there, RECORD) == SIGNPOST;
            let one = purge_one(connection, kind.clone(), id, there, uid, hooks);
            if last {
                signposts.push(one);
            } else {
                work.push(one);
            }
        }
    }
    let mut results = stream::iter(work).buffer_unordered(DEFAULT_CONCURRENCY);
    let mut deleted = 0;
    while let Some(result) = results.next().await {
        result?;
        deleted += 1;
    }
    for signpost in signposts {
        signpost.await?;
        deleted += 1;
    }
    Ok(deleted)
}

async fn purge_one<H: Hooks>(
    connection: &Connection,
    kind: ApiKind,
    id: ObjectId,
    there: Value,
    uid: &str,
    hooks: &H,
) -> Result<(), ClusterError> {
    delete_ours(connection, &kind, &id, &there, |object| {
        is_of_chain(object, uid)
    })
    .await?;
    hooks.done(&id, Outcome::Deleted);
    Ok(())
}
