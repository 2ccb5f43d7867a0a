//! Prune: what the last revision applied and this one does not, goes.
//!
//! An object goes only if it stood in the last inventory, carries the chain's UID, and was applied by us; with its UID
//! and version as preconditions. Volumes, vaults and Namespaces never go here: only `delete --purge` removes those that
//! hold data, and nothing removes a Namespace.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use serde_json::Value;

use super::apply::{Hooks, Outcome};
use super::compare::is_applied_by_us;
use super::connect::{Connection, DEFAULT_CONCURRENCY};
use super::error::ClusterError;
use super::labels::{KEEP, annotation, meta};
use super::live::{LiveObjects, is_of_chain, is_terminating};
use super::object_api::ApiKind;
use super::request::Preconditions;
use crate::state::{Inventory, ObjectId};

/// How often a deletion is tried when the object's status changes in between.
const ATTEMPTS: u32 = 8;

/// What may be pruned, in one cluster.
#[derive(Debug, Clone)]
pub struct PrunePlan<'a> {
    /// The cluster's name in the spec, "" for home.
    pub cluster: &'a str,
    /// The chain's name.
    pub chain: &'a str,
    /// The chain's UID.
    pub uid: &'a str,
    /// What the last revision applied.
    pub previous: &'a Inventory,
    /// What this one applies.
    pub current: &'a Inventory,
}

/// Whether objects of this kind are never pruned.
pub fn holds_data(id: &ObjectId) -> bool {
    id.group.is_empty()
        && matches!(
            id.kind.as_str(),
            "PersistentVolumeClaim" | "PersistentVolume" | "Namespace"
        )
}

/// Deletes what is no longer wanted. Returns how many objects went. Nothing is asked when nothing is left over.
///
/// # Errors
/// The lock is lost, rights are missing, or the server does not answer.
pub async fn prune<H: Hooks>(
    connection: &Connection,
    plan: &PrunePlan<'_>,
    hooks: &H,
) -> Result<usize, ClusterError> {
    let over: Vec<&ObjectId> = plan
        .previous
        .difference(plan.current)
        .filter(|id| id.cluster == plan.cluster)
        .collect();
    let (kept, over): (Vec<&ObjectId>, Vec<&ObjectId>) =
        over.into_iter().partition(|id| holds_data(id));
    for id in kept {
        hooks.done(id, Outcome::Kept);
    }
    if over.is_empty() {
        return Ok(0);
    }
    hooks.fence().await?;
    let mut kinds = BTreeSet::new();
    for id in &over {
        kinds.insert((connection.kind_of_id(id).await?, id.namespace.clone()));
    }
    let live = LiveObjects::list(connection, plan.cluster, plan.chain, &kinds).await?;
    let mut work = Vec::new();
    for id in over {
        // Without our label it is not ours any more, or it is gone.
        let Some(there) = live.get(id) else { continue };
        let kind = connection.kind_of_id(id).await?;
        work.push(delete_one(connection, kind, id, there, plan.uid, hooks));
    }
    let mut results = stream::iter(work).buffer_unordered(DEFAULT_CONCURRENCY);
    let mut pruned = 0;
    while let Some(outcome) = results.next().await {
        if outcome? == Outcome::Pruned {
            pruned += 1;
        }
    }
    Ok(pruned)
}

/// Whether an object may be deleted as the chain's own.
pub(super) fn may_delete(object: &Value, uid: &str) -> bool {
    is_of_chain(object, uid) && is_applied_by_us(object) && annotation(object, KEEP) != "true"
}

async fn delete_one<H: Hooks>(
    connection: &Connection,
    kind: ApiKind,
    id: &ObjectId,
    there: &Value,
    uid: &str,
    hooks: &H,
) -> Result<Outcome, ClusterError> {
    let outcome = if delete_ours(connection, &kind, id, there, |object| {
        may_delete(object, uid)
    })
    .await?
    {
        Outcome::Pruned
    } else {
        Outcome::Kept
    };
    hooks.done(id, outcome);
    Ok(outcome)
}

/// Deletes an object as long as `allowed` holds of it, looking again whenever it changed in between. Returns false if
/// it is no longer allowed; true if it is gone or going.
pub(super) async fn delete_ours(
    connection: &Connection,
    kind: &ApiKind,
    id: &ObjectId,
    there: &Value,
    allowed: impl Fn(&Value) -> bool,
) -> Result<bool, ClusterError> {
    let mut there = there.clone();
    let mut attempt = 1;
    loop {
        if is_terminating(&there) {
            return Ok(true);
        }
        if !allowed(&there) {
            return Ok(false);
        }
        let conditions = Preconditions {
            uid: Some(meta(&there, "uid").to_owned()),
            resource_version: Some(meta(&there, "resourceVersion").to_owned()),
        };
        match connection
            .delete(kind, &id.namespace, &id.name, &conditions)
            .await
        {
            Ok(_) => return Ok(true),
            Err(ClusterError::Conflict { .. }) if attempt < ATTEMPTS => {}
            Err(error) => return Err(error),
        }
        attempt += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
        match connection.get(kind, &id.namespace, &id.name).await? {
            Some(now) => there = now,
            None => return Ok(true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_we_applied_and_nobody_wants_to_keep_goes() {
        let mut object = json!({"metadata": {
            "labels": {"chain.dev/uid": "u"},
            "managedFields": [{"manager": "kubectl-chain", "operation": "Apply"}],
        }});
        assert!(may_delete(&object, "u"));
        assert!(!may_delete(&object, "other"));
        object["metadata"]["annotations"] = json!({"chain.dev/keep": "true"});
        assert!(!may_delete(&object, "u"));
        let stranger = json!({"metadata": {
            "labels": {"chain.dev/uid": "u"},
            "managedFields": [{"manager": "kubectl-create", "operation": "Update"}],
        }});
        assert!(
            !may_delete(&stranger, "u"),
            "somebody put our label on his own object"
        );
    }
}
