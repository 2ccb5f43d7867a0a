//! The objects of a plan, each with its kind and with what is there.

use std::collections::BTreeSet;

use serde_json::Value;

use super::ApplyPlan;
use crate::cluster::connect::Connection;
use crate::cluster::error::ClusterError;
use crate::cluster::labels::meta;
use crate::cluster::live::LiveObjects;
use crate::cluster::object_api::{ApiKind, identify};
use crate::state::ObjectId;

/// One object on its way.
pub(in crate::cluster) struct Item<'a> {
    pub id: ObjectId,
    pub kind: ApiKind,
    pub object: &'a Value,
    pub live: Option<&'a Value>,
}

pub(super) async fn kinds_of(
    connection: &Connection,
    plan: &ApplyPlan<'_>,
) -> Result<Vec<ApiKind>, ClusterError> {
    let mut kinds = Vec::with_capacity(plan.objects.len());
    for object in plan.objects {
        let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
        kinds.push(connection.kind_of(text("apiVersion"), text("kind")).await?);
    }
    Ok(kinds)
}

pub(super) async fn list_live(
    connection: &Connection,
    plan: &ApplyPlan<'_>,
    kinds: &[ApiKind],
) -> Result<LiveObjects, ClusterError> {
    if plan.options.fresh {
        return Ok(LiveObjects::default());
    }
    let mut wanted = BTreeSet::new();
    for (object, kind) in plan.objects.iter().zip(kinds) {
        let namespace = match (kind.namespaced, meta(object, "namespace")) {
            (false, _) => "",
            (true, "") => &connection.namespace,
            (true, given) => given,
        };
        wanted.insert((kind.clone(), namespace.to_owned()));
    }
    LiveObjects::list(connection, plan.cluster, plan.chain, &wanted).await
}

pub(super) fn items<'a>(
    connection: &Connection,
    plan: &ApplyPlan<'a>,
    kinds: &[ApiKind],
    live: &'a LiveObjects,
) -> Result<Vec<Item<'a>>, ClusterError> {
    let pairs = plan.objects.iter().zip(kinds);
    pairs
        .map(|(object, kind)| {
            let mut id = identify(object, plan.cluster, &connection.namespace)?;
            if !kind.namespaced {
                id.namespace.clear();
            }
            Ok(Item {
                live: live.get(&id),
                id,
                kind: kind.clone(),
                object,
            })
        })
        .collect()
}
