//! What is asked about a subject: the service as its node has it, and the call.

use chain_plugin_sdk::descriptor::Phase;
use serde_json::Value;

use super::Run;
use crate::pipeline::resolve::ResolvedService;
use crate::pipeline::world::kept_spec;
use crate::plugin::contract::{Call, Subject};

impl Run<'_> {
    /// The service as this subject has it: a node's override counts in provision and render, not in configure.
    pub(super) fn effective<'s>(
        &'s self,
        service: &'s ResolvedService,
        subject: &Subject,
        phase: Phase,
    ) -> &'s ResolvedService {
        if phase == Phase::Configure || self.resolved.overrides.is_empty() {
            return service;
        }
        node_of(subject, &self.topology.subjects)
            .and_then(|node| self.resolved.overrides.get(&(node, service.key())))
            .unwrap_or(service)
    }

    pub(super) fn call(&self, service: &ResolvedService, subject: &Subject, phase: Phase) -> Call {
        let birth = phase == Phase::Provision;
        Call {
            subject: subject.id.clone(),
            role: service.role.clone(),
            instance: service.instance.clone(),
            options: if birth {
                service.options.with_secrets()
            } else {
                service.options.without_secrets()
            },
            images: service.images.clone(),
            now_ms: if birth { self.circumstances.now_ms } else { 0 },
            renew: if birth {
                self.renewed(service, subject)
            } else {
                Vec::new()
            },
        }
    }

    /// Items of a service about a subject that are made again: those that are wanted, and that it calls renewable.
    pub(super) fn renewed(&self, service: &ResolvedService, subject: &Subject) -> Vec<String> {
        let Some(wanted) = self.circumstances.renew.get(&subject.id) else {
            return Vec::new();
        };
        let renewable = |name: &&String| {
            kept_spec(&service.plugin.descriptor.kept, name, &subject.kind)
                .is_some_and(|it| it.renewable)
        };
        wanted.iter().filter(renewable).cloned().collect()
    }
}

/// The index of the node in the user's spec to which a subject belongs: its own, or an ancestor's, `extra.from`.
pub fn node_of(subject: &Subject, subjects: &[Subject]) -> Option<usize> {
    let mut at = Some(subject);
    for _ in 0..8 {
        let here = at?;
        let extra: Value = serde_json::from_str(&here.extra).unwrap_or_default();
        if let Some(pointer) = extra.get("from").and_then(Value::as_str) {
            return pointer
                .strip_prefix("/nodes/")
                .and_then(|rest| rest.split('/').next()?.parse().ok());
        }
        at = here
            .parent
            .as_ref()
            .and_then(|parent| subjects.iter().find(|other| other.id == *parent));
    }
    None
}
