//! The head of a chain that is formed or changed: who is in it, and in which clusters.

use std::collections::{BTreeMap, BTreeSet};

use super::Setting;
use crate::pipeline::operate::{GATE, hooks, serves};
use crate::pipeline::resolve::{Resolved, ResolvedService};
use crate::plugin::contract::Subject;
use crate::state::{ClusterRecord, Head, Phase, Remembered, head};

pub(super) fn new_head(resolved: &Resolved, setting: &Setting<'_>) -> Head {
    Head {
        schema: head::SCHEMA,
        minimum_host: env!("CARGO_PKG_VERSION").to_owned(),
        uid: setting.fresh_uid.clone(),
        chain: resolved.chain.clone(),
        stack: resolved.stack.plugin.descriptor.stack.clone(),
        release: resolved.release.clone(),
        phase: Phase::Forming,
        subjects: BTreeMap::new(),
        next: BTreeMap::new(),
        born_ms: setting.circumstances.now_ms,
        revision: 0,
        applied: 0,
        clusters: BTreeMap::new(),
        fingerprint: None,
        group_kinds: BTreeSet::new(),
        claims: Vec::new(),
        lock: None,
    }
}

/// Birth time of what is new: that of the chain itself while it is being formed, so that a resumed run gives the same.
pub(super) fn head_time(before: Option<&Head>, now_ms: u64) -> u64 {
    before
        .filter(|head| head.phase == Phase::Forming)
        .map_or(now_ms, |head| head.born_ms)
}

/// Puts the other clusters into the head in which somebody lives, or has lived: vaults and volumes stay where they are.
pub fn know_clusters(head: &mut Head, known: &BTreeMap<String, ClusterRecord>) {
    let lived: BTreeSet<&str> = head
        .subjects
        .values()
        .map(|it| it.cluster.as_str())
        .collect();
    for (name, record) in known
        .iter()
        .filter(|(name, _)| lived.contains(name.as_str()))
    {
        let mut record = record.clone();
        if let Some(before) = head.clusters.get(name)
            && record.uid.is_empty()
        {
            record.uid.clone_from(&before.uid);
        }
        head.clusters.insert(name.clone(), record);
    }
}

/// Puts new subjects into the head, takes retired ones back, and retires those that are not wanted. Hooks that concern
/// them become due: `before-add` only for a chain that lives already.
pub(super) fn claim(head: &mut Head, subjects: &[Subject], resolved: &Resolved) {
    let all: Vec<ResolvedService> = resolved.all().cloned().collect();
    let has =
        |hook: &str, kind: &str| hooks(&all, hook).any(|(_, operation)| serves(operation, kind));
    let wanted: BTreeSet<&str> = subjects.iter().map(|subject| subject.id.as_str()).collect();
    let lives = head.revision > 0;
    for (id, remembered) in &mut head.subjects {
        let retired = !wanted.contains(id.as_str());
        if retired && !remembered.retired && has("before-remove", &remembered.kind) {
            remembered.due.insert("before-remove".to_owned());
        }
        if retired {
            // It is not restarted any more.
            remembered.due.remove(GATE);
        }
        if !retired && remembered.retired {
            remembered.due.remove("before-remove");
            for hook in ["before-add", "after-ready"]
                .into_iter()
                .filter(|hook| has(hook, &remembered.kind))
            {
                remembered.due.insert(hook.to_owned());
            }
        }
        remembered.retired = retired;
    }
    for subject in subjects.iter().filter(|subject| !subject.foreign) {
        let next = head.next.entry(subject.kind.clone()).or_default();
        *next = (*next).max(subject.ordinal.saturating_add(1));
        let remembered = head
            .subjects
            .entry(subject.id.clone())
            .or_insert_with(|| Remembered {
                kind: subject.kind.clone(),
                ordinal: subject.ordinal,
                born_ms: subject.born_ms,
                cluster: subject.cluster.clone(),
                namespace: subject.namespace.clone(),
                pod: subject.workload.is_some(),
                pending: true,
                due: ["before-add", "after-ready"]
                    .into_iter()
                    .filter(|hook| (lives || *hook != "before-add") && has(hook, &subject.kind))
                    .map(ToOwned::to_owned)
                    .collect(),
                ..Remembered::default()
            });
        remembered.parent.clone_from(&subject.parent);
    }
}
