//! The stack turns the user's spec into subjects; the host checks what must never change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chain_plugin_sdk::spec::{ExpandSpec, ForeignSpec, NodeSpec, ServiceSpec};
use serde_json::{Value, json};

use super::between;
use super::resolve::{Resolved, ResolvedService};
use crate::plugin::contract::{Subject, Topology};
use crate::plugin::sandbox::Closed;
use crate::plugin::{PluginError, Runtime, Sandbox};
use crate::spec::names::not_a_label;
use crate::state::{Head, Remembered, Site};

/// What a subject was at birth, as the stack sees it again.
fn born(id: &str, remembered: &Remembered) -> Subject {
    Subject {
        id: id.to_owned(),
        kind: remembered.kind.clone(),
        name: id.rsplit('/').next().unwrap_or(id).to_owned(),
        parent: None,
        ordinal: remembered.ordinal,
        born_ms: remembered.born_ms,
        foreign: false,
        cluster: remembered.cluster.clone(),
        namespace: remembered.namespace.clone(),
        workload: None,
        endpoints: Vec::new(),
        folder: String::new(),
        extra: "{}".to_owned(),
    }
}

/// Runs the stack's `expand` and checks the subjects: ids, parents, names, and that the born are as they were. Those of
/// other parties come after them.
pub fn expand(
    resolved: &Resolved,
    head: Option<&Head>,
    foreign: Vec<Subject>,
    now_ms: u64,
    runtime: &Runtime,
) -> Result<Vec<Subject>, PluginError> {
    let spec = &resolved.spec;
    let input = ExpandSpec {
        chain: resolved.chain.clone(),
        namespace: resolved.namespace.clone(),
        release: resolved.release.clone(),
        nodes: spec
            .node_entries()
            .into_iter()
            .map(|node| NodeSpec {
                name: node.name,
                org: node.org,
                cluster: node.cluster,
                host: node.host,
                options: Value::Object(node.options),
            })
            .collect(),
        services: resolved.services.iter().map(service).collect(),
        options: Value::Object(resolved.stack.options.open.clone()),
        expose: json!(spec.expose),
        clusters: spec
            .clusters
            .iter()
            .map(|(name, entry)| (name.clone(), json!(entry)))
            .collect(),
        kinds: spec.kinds.clone(),
        shared_storage: spec.storage.claim.is_some(),
        foreign: foreign.iter().map(told).collect(),
    };
    let text = serde_json::to_string(&input).unwrap_or_default();
    let known: Vec<Subject> = head
        .iter()
        .flat_map(|head| &head.subjects)
        .map(|(id, remembered)| born(id, remembered))
        .collect();
    let next: Vec<(String, u32)> = head
        .iter()
        .flat_map(|head| &head.next)
        .map(|(kind, number)| (kind.clone(), *number))
        .collect();
    let mut sandbox = Sandbox::new(runtime, &resolved.stack.plugin, Arc::new(Closed))?;
    let mut subjects = sandbox.expand(&text, &known, &next, now_ms)?;
    check(resolved, head, &subjects)?;
    if let Some(head) = head {
        between::recall(&mut subjects, head);
    }
    subjects.extend(foreign);
    Ok(subjects)
}

/// Where a subject lives.
pub fn site_of(subject: &Subject) -> Site<'_> {
    Site {
        cluster: &subject.cluster,
        namespace: &subject.namespace,
    }
}

fn told(subject: &Subject) -> ForeignSpec {
    ForeignSpec {
        id: subject.id.clone(),
        kind: subject.kind.clone(),
        name: subject.name.clone(),
        extra: serde_json::from_str(&subject.extra).unwrap_or_default(),
    }
}

fn service(service: &ResolvedService) -> ServiceSpec {
    ServiceSpec {
        role: service.role.clone(),
        instance: service.instance.clone(),
        plugin: service.plugin.name().to_owned(),
        version: service.plugin.descriptor.version.clone(),
        ports: service.plugin.descriptor.ports.clone(),
    }
}

/// The topology that sessions are opened with.
pub fn topology(resolved: &Resolved, subjects: Vec<Subject>) -> Topology {
    let services: Vec<Value> = resolved
        .services
        .iter()
        .map(|it| json!(service(it)))
        .collect();
    Topology {
        chain: resolved.chain.clone(),
        stack: resolved.stack.plugin.descriptor.stack.clone(),
        release: resolved.release.clone(),
        subjects,
        host_features: Vec::new(),
        extra: json!({
            "services": services,
            "options": Value::Object(resolved.stack.options.open.clone()),
            "expose": json!(resolved.spec.expose),
        })
        .to_string(),
    }
}

fn check(
    resolved: &Resolved,
    head: Option<&Head>,
    subjects: &[Subject],
) -> Result<(), PluginError> {
    let refuse = |subject: &Subject, why: String| PluginError::Refused {
        plugin: resolved.stack.plugin.name().to_owned(),
        what: format!("the subject `{}`", subject.id),
        why,
    };
    let mut kinds: BTreeSet<&str> = resolved
        .stack
        .plugin
        .descriptor
        .kinds
        .iter()
        .map(|kind| kind.name.as_str())
        .collect();
    kinds.extend(["chain", "node"]);
    let ids: BTreeSet<&str> = subjects.iter().map(|subject| subject.id.as_str()).collect();
    let mut seen = BTreeSet::new();
    // Who has no pod may share the folder of its chain; the files of two pods would overwrite each other.
    let mut folders: BTreeMap<&str, &str> = BTreeMap::new();
    let mut ordinals: BTreeMap<(&str, u32), &str> = BTreeMap::new();
    for subject in subjects {
        if !seen.insert(subject.id.as_str()) {
            return Err(refuse(subject, "its id is given twice".to_owned()));
        }
        if !kinds.contains(subject.kind.as_str()) {
            return Err(refuse(
                subject,
                format!("its kind `{}` is not declared", subject.kind),
            ));
        }
        match &subject.parent {
            None if subject.kind == "chain" => {}
            None => return Err(refuse(subject, "it has no parent".to_owned())),
            Some(parent) if ids.contains(parent.as_str()) => {}
            Some(parent) => {
                return Err(refuse(
                    subject,
                    format!("its parent `{parent}` does not exist"),
                ));
            }
        }
        if let Some(other) = ordinals.insert((&subject.kind, subject.ordinal), &subject.id) {
            return Err(refuse(
                subject,
                format!("its ordinal {} is that of `{other}`", subject.ordinal),
            ));
        }
        let relative = |path: &str| {
            !path.starts_with('/')
                && !path
                    .split('/')
                    .any(|part| part == ".." || part == "." || part.contains('\\'))
        };
        if !relative(&subject.folder) {
            return Err(refuse(
                subject,
                format!("its folder `{}` is not relative and normal", subject.folder),
            ));
        }
        if subject.workload.is_some()
            && !subject.folder.is_empty()
            && let Some(other) = folders.insert(subject.folder.as_str(), &subject.id)
        {
            return Err(refuse(
                subject,
                format!("its folder `{}` is that of `{other}`", subject.folder),
            ));
        }
        if let Some(workload) = &subject.workload {
            let name = workload
                .split_once('/')
                .map_or(workload.as_str(), |(_, name)| name);
            if let Some(why) = not_a_label(name, 52) {
                return Err(refuse(
                    subject,
                    format!("its workload `{workload}` cannot be named so: {why}"),
                ));
            }
        }
        for endpoint in &subject.endpoints {
            if let Some(why) = not_a_label(&endpoint.service, 63) {
                return Err(refuse(
                    subject,
                    format!(
                        "its Service `{}` cannot be named so: {why}",
                        endpoint.service
                    ),
                ));
            }
        }
        if let Some(old) = head.and_then(|head| head.subjects.get(&subject.id)) {
            if old.kind != subject.kind
                || old.ordinal != subject.ordinal
                || old.born_ms != subject.born_ms
            {
                return Err(refuse(
                    subject,
                    "kind, ordinal or birth differ from what is remembered".to_owned(),
                ));
            }
            if old.namespace != subject.namespace || old.cluster != subject.cluster {
                return Err(refuse(
                    subject,
                    format!(
                        "it lives in {} and cannot move to {}\nhint: its keys and volumes stay where they are, so say that again; or make another chain, with a name of its own, there",
                        old.site(),
                        site_of(subject)
                    ),
                ));
            }
        } else if let Some(next) = head.and_then(|head| head.next.get(&subject.kind))
            && subject.ordinal < *next
        {
            return Err(refuse(
                subject,
                format!("ordinal {} was given before", subject.ordinal),
            ));
        }
    }
    Ok(())
}
