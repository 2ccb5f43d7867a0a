//! Which workloads are restarted one after the other.

use crate::cluster::apply::DisruptionGroup;
use crate::pipeline::Resolved;
use crate::pipeline::form::Prepared;
use crate::pipeline::shape::groups;
use crate::state::ObjectId;

pub(super) fn disruption_groups(resolved: &Resolved, prepared: &Prepared) -> Vec<DisruptionGroup> {
    let workload = |subject: &String| {
        let subject = prepared
            .outcome
            .subjects
            .iter()
            .find(|it| it.id == *subject)?;
        let (kind, name) = subject.workload.as_deref()?.split_once('/')?;
        let kind = if kind == "deployment" {
            "Deployment"
        } else {
            "StatefulSet"
        };
        Some(ObjectId {
            group: "apps".to_owned(),
            kind: kind.to_owned(),
            namespace: subject.namespace.clone(),
            name: name.to_owned(),
            cluster: subject.cluster.clone(),
        })
    };
    groups(
        &resolved.stack.plugin.descriptor.rollout,
        &prepared.outcome.subjects,
    )
    .into_iter()
    .map(|group| DisruptionGroup {
        name: group.name,
        max_unavailable: group
            .max_unavailable
            .as_u64()
            .and_then(|it| usize::try_from(it).ok())
            .unwrap_or(1),
        members: group.subjects.iter().filter_map(workload).collect(),
    })
    .collect()
}
