//! From a run's outcome to what the manifest layer takes: host keys of the spec, descriptors, where kept items lie.

use std::collections::{BTreeMap, BTreeSet};

use chain_plugin_sdk::descriptor::Rollout;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::options::properties;
use super::resolve::{Resolved, ResolvedService, service_key};
use super::run::{Outcome, node_of};
use crate::manifest::input::{
    Address, Consent, DisruptionGroup, Expose, HostKeys, KeptPlace, Medium, Owner, Part, Patch,
    RoleKeys, Service, Shape, Storage, VolumeDecl,
};
use crate::plugin::contract::Subject;
use crate::spec::{self, Placement};
use crate::state::Vault;

/// The name of the Secret that holds version `version` of what `subject` of `chain` keeps: always the same, so that an
/// interrupted run finds it again.
pub fn vault_name(chain: &str, subject: &str, version: u32) -> String {
    let clean = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let slug: String = subject.chars().map(clean).take(120).collect();
    let hash = hex::encode(Sha256::digest(subject.as_bytes()));
    format!(
        "{chain}-vault-{}-{}-{version}",
        slug.trim_matches('-'),
        hash.get(..6).unwrap_or_default()
    )
}

/// What the run does not know: the chain's identity and the user's grants.
#[derive(Debug, Default)]
pub struct Identity {
    /// UID of the chain.
    pub uid: String,
    /// Subjects whose workloads are scaled to zero on purpose.
    pub stopped: BTreeSet<String>,
    /// Permissions by plugin.
    pub granted: BTreeMap<String, BTreeSet<String>>,
    /// (maker role, taker role, item) to which all agree.
    pub consents: BTreeSet<(String, String, String)>,
}

/// Splits an outcome into shape and parts. Where secrets lie is taken from `outcome.public.sealed`.
pub fn shape(
    resolved: &Resolved,
    outcome: &mut Outcome,
    identity: &Identity,
) -> (Shape, Vec<Part>) {
    let owners: Vec<Owner> = outcome.services.iter().map(owner).collect();
    let parts = std::mem::take(&mut outcome.parts)
        .into_iter()
        .filter_map(|part| {
            let owner = owners.get(part.service)?.clone();
            Some(Part {
                owner,
                subject: part.subject,
                rendered: part.rendered,
            })
        })
        .collect();
    let mut shape = Shape {
        chain: resolved.chain.clone(),
        uid: identity.uid.clone(),
        stack: resolved.stack.plugin.descriptor.stack.clone(),
        release: resolved.release.clone(),
        home_namespace: resolved.namespace.clone(),
        subjects: outcome.subjects.clone(),
        labels: resolved.labels.clone(),
        annotations: resolved.annotations.clone(),
        services: outcome.services.iter().map(service).collect(),
        keys: keys(resolved, outcome, identity),
        patches: resolved
            .spec
            .patches
            .iter()
            .map(|patch| Patch {
                kind: patch.target.kind.clone(),
                name: patch.target.name.clone().unwrap_or_else(|| "*".to_owned()),
                patch: patch.patch.clone(),
            })
            .collect(),
        groups: groups(&resolved.stack.plugin.descriptor.rollout, &outcome.subjects),
        granted: identity.granted.clone(),
        consents: identity
            .consents
            .iter()
            .map(|(maker, taker, item)| Consent {
                maker: maker.clone(),
                taker: taker.clone(),
                item: item.clone(),
            })
            .collect(),
        secrets: named_secrets(resolved, outcome),
        ..Shape::default()
    };
    for (place, item) in &outcome.items {
        let (subject, role, instance, name) = place;
        let address = Address {
            subject: subject.clone(),
            role: role.clone(),
            instance: instance.clone(),
            name: name.clone(),
        };
        if item.secret {
            let key = service_key(role, instance);
            let vault = outcome
                .public
                .sealed
                .get(subject)
                .and_then(|all| all.get(&key))
                .and_then(|all| all.get(name));
            if let Some(secret) = vault {
                let key = Vault::data_key(&(role.clone(), instance.clone(), name.clone()));
                shape.kept.insert(
                    address,
                    KeptPlace::Vault {
                        secret: secret.clone(),
                        key,
                    },
                );
            }
        } else if let Some(bytes) = &item.bytes {
            shape.kept.insert(address, KeptPlace::Public(bytes.clone()));
        }
    }
    for ((subject, role, instance, name), bytes) in &outcome.configured {
        let address = Address {
            subject: subject.clone(),
            role: role.clone(),
            instance: instance.clone(),
            name: name.clone(),
        };
        shape.configured.insert(address, bytes.clone());
    }
    (shape, parts)
}

fn owner(service: &ResolvedService) -> Owner {
    Owner {
        plugin: service.plugin.name().to_owned(),
        role: service.role.clone(),
        instance: service.instance.clone(),
    }
}

fn service(service: &ResolvedService) -> Service {
    let descriptor = &service.plugin.descriptor;
    Service {
        owner: owner(service),
        container: (!descriptor.container.is_empty()).then(|| descriptor.container.clone()),
        volumes: descriptor
            .volumes
            .iter()
            .map(|volume| VolumeDecl {
                name: volume.name.clone(),
                size: (!volume.size.is_empty()).then(|| volume.size.clone()),
                medium: match volume.medium.as_str() {
                    "memory" => Medium::Memory,
                    "scratch" => Medium::Scratch,
                    _ => Medium::Disk,
                },
            })
            .collect(),
        resources: descriptor.resources.clone(),
    }
}

fn keys(resolved: &Resolved, outcome: &Outcome, identity: &Identity) -> BTreeMap<String, HostKeys> {
    let spec = &resolved.spec;
    let entries = spec.node_entries();
    let (anywhere, usual) = (Placement::default(), spec::Storage::default());
    outcome
        .subjects
        .iter()
        .map(|subject| {
            let node = node_of(subject, &outcome.subjects);
            let entry = node
                .and_then(|index| entries.get(index))
                .cloned()
                .unwrap_or_default();
            let roles = outcome
                .services
                .iter()
                .map(|service| {
                    let own =
                        node.and_then(|index| resolved.overrides.get(&(index, service.key())));
                    let resources = own.unwrap_or(service).resources.clone();
                    let keys = RoleKeys {
                        resources,
                        security: Value::Null,
                    };
                    ((service.role.clone(), service.instance.clone()), keys)
                })
                .collect();
            let keys = HostKeys {
                stopped: identity.stopped.contains(&subject.id),
                placement: placement(&[
                    &spec.placement,
                    spec.placement
                        .by_kind
                        .get(&subject.kind)
                        .unwrap_or(&anywhere),
                    &entry.placement,
                ]),
                pull_secrets: spec.images.pull_secrets.clone(),
                pull_policy: spec.images.pull_policy.clone(),
                seed_image: spec.images.seed.clone(),
                storage: storage(&[
                    &spec.storage,
                    spec.storage.by_kind.get(&subject.kind).unwrap_or(&usual),
                    &entry.storage,
                ]),
                expose: Expose {
                    kind: spec.expose.kind.clone(),
                    annotations: spec.expose.annotations.clone(),
                    spec: Value::Null,
                },
                roles,
            };
            (subject.id.clone(), keys)
        })
        .collect()
}

/// What is said first for the chain, then for the kind, then for the node; a later word wins, selectors add up.
fn placement(said: &[&Placement]) -> Value {
    let mut out = Map::new();
    let mut selector = BTreeMap::new();
    for one in said {
        selector.extend(one.node_selector.clone());
        if !one.affinity.is_null() {
            out.insert("affinity".to_owned(), one.affinity.clone());
        }
        for (key, list) in [
            ("tolerations", &one.tolerations),
            (
                "topologySpreadConstraints",
                &one.topology_spread_constraints,
            ),
        ] {
            if !list.is_empty() {
                out.insert(key.to_owned(), json!(list));
            }
        }
        if let Some(class) = &one.priority_class_name {
            out.insert("priorityClassName".to_owned(), json!(class));
        }
    }
    if !selector.is_empty() {
        out.insert("nodeSelector".to_owned(), json!(selector));
    }
    if out.is_empty() {
        Value::Null
    } else {
        Value::Object(out)
    }
}

/// Secrets that the user made and names in an option with `format: secret-ref`, in each namespace of the chain.
fn named_secrets(resolved: &Resolved, outcome: &Outcome) -> BTreeSet<(String, String)> {
    let namespaces: BTreeSet<&str> = outcome
        .subjects
        .iter()
        .filter(|subject| !subject.foreign)
        .map(|subject| subject.namespace.as_str())
        .collect();
    let services = resolved.all();
    let names = services.flat_map(|service| {
        properties(&service.plugin.descriptor.options)
            .filter(|(_, schema)| {
                schema.get("format").and_then(Value::as_str) == Some("secret-ref")
            })
            .filter_map(|(name, _)| service.options.open.get(name)?.as_str())
    });
    names
        .flat_map(|name| {
            namespaces
                .iter()
                .map(move |namespace| ((*namespace).to_owned(), name.to_owned()))
        })
        .collect()
}

/// What is said first for the chain, then for the kind, then for the node; a later word wins, annotations add up.
fn storage(said: &[&spec::Storage]) -> Storage {
    let mut out = Storage::default();
    for one in said {
        let over = |to: &mut Option<String>, from: &Option<String>| {
            if from.is_some() {
                to.clone_from(from);
            }
        };
        over(&mut out.class, &one.class);
        over(&mut out.size, &one.size);
        over(&mut out.claim, &one.claim);
        if !one.access_modes.is_empty() {
            out.access_modes.clone_from(&one.access_modes);
        }
        out.annotations.extend(one.annotations.clone());
    }
    out
}

/// The groups that the stack declares, each with its members and how many of them may be down at once.
pub fn groups(rollout: &[Rollout], subjects: &[Subject]) -> Vec<DisruptionGroup> {
    rollout
        .iter()
        .filter_map(|group| {
            let members: Vec<String> = subjects
                .iter()
                .filter(|subject| {
                    !subject.foreign
                        && subject.workload.is_some()
                        && group.kinds.contains(&subject.kind)
                })
                .map(|subject| subject.id.clone())
                .collect();
            let count = members.len();
            let most = match group.max_unavailable.as_str() {
                "minority" => count.saturating_sub(1) / 2,
                "third" => count.saturating_sub(1) / 3,
                number => number.parse().unwrap_or(1),
            };
            (!members.is_empty()).then(|| DisruptionGroup {
                name: group.name.clone(),
                max_unavailable: json!(most.max(1)),
                subjects: members,
            })
        })
        .collect()
}
