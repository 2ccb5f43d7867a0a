//! The claims that the host makes: one for each volume on disk of each workload, never a template of the `StatefulSet`,
//! which could not be changed later.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::bind::Plan;
use super::input::{HostKeys, Medium, Shape, Subject, VolumeDecl};
use super::names;
use super::object::{Object, set};
use super::parsed::workload;
use super::problem::Problem;

/// The size of a claim for which nobody gave one.
const DEFAULT_SIZE: &str = "10Gi";

/// All declared volumes by name, and the first on disk. Two descriptors that disagree on the medium are a problem.
pub fn declared<'a>(
    shape: &'a Shape,
    problems: &mut Vec<Problem>,
) -> (BTreeMap<&'a str, &'a VolumeDecl>, Option<&'a str>) {
    let mut all: BTreeMap<&str, &VolumeDecl> = BTreeMap::new();
    let mut first = None;
    for service in &shape.services {
        for volume in &service.volumes {
            let mut wrong = |why| {
                problems.push(Problem::Shape {
                    subject: format!("plugin {}: volume {}", service.owner.plugin, volume.name),
                    why,
                });
            };
            if let Err(why) = names::label(&volume.name, 40) {
                wrong(why);
                continue;
            }
            if volume.name.starts_with(super::parsed::HOST_PREFIX) {
                wrong("names with chain- are the host's".to_owned());
                continue;
            }
            match all.get(volume.name.as_str()) {
                Some(known) if known.medium != volume.medium => {
                    wrong("another descriptor declares it on another medium".to_owned());
                }
                Some(_) => {}
                None => {
                    all.insert(&volume.name, volume);
                    if first.is_none() && volume.medium == Medium::Disk {
                        first = Some(volume.name.as_str());
                    }
                }
            }
        }
    }
    (all, first)
}

/// The name of a workload's own claim.
pub fn claim_name(subject: &Subject, volume: &str) -> String {
    let name = subject
        .workload
        .as_deref()
        .and_then(workload)
        .map_or(subject.name.as_str(), |(_, name)| name);
    format!("{name}-{volume}")
}

/// The claims of one workload; none when the user named one for all.
pub fn claims(
    plan: &Plan<'_>,
    volumes: &BTreeMap<&str, &VolumeDecl>,
    keys: &HostKeys,
) -> Vec<Object> {
    let storage = &keys.storage;
    if storage.claim.is_some() {
        return Vec::new();
    }
    plan.volumes()
        .into_iter()
        .filter_map(|name| volumes.get(name))
        .filter(|v| v.medium == Medium::Disk)
        .map(|volume| {
            let size = storage
                .size
                .as_deref()
                .or(volume.size.as_deref())
                .unwrap_or(DEFAULT_SIZE);
            let modes: Vec<&str> = if storage.access_modes.is_empty() {
                vec!["ReadWriteOnce"]
            } else {
                storage.access_modes.iter().map(String::as_str).collect()
            };
            let mut value = json!({
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {
                    "name": claim_name(plan.subject, &volume.name),
                    "namespace": plan.subject.namespace,
                },
                "spec": {"accessModes": modes, "resources": {"requests": {"storage": size}}},
            });
            if let Some(class) = &storage.class {
                set(&mut value, &["spec"], "storageClassName", json!(class));
            }
            if !storage.annotations.is_empty() {
                let all: Value = json!(storage.annotations);
                set(&mut value, &["metadata"], "annotations", all);
            }
            Object {
                cluster: plan.subject.cluster.clone(),
                value,
            }
        })
        .collect()
}

/// The volume of a pod for a declared one.
pub fn pod_volume(plan: &Plan<'_>, decl: &VolumeDecl, keys: &HostKeys) -> Value {
    let name = &decl.name;
    let mut empty: Map<String, Value> = Map::new();
    if let Some(size) = &decl.size {
        empty.insert("sizeLimit".to_owned(), json!(size));
    }
    match decl.medium {
        Medium::Scratch => json!({"name": name, "emptyDir": empty}),
        Medium::Memory => {
            empty.insert("medium".to_owned(), json!("Memory"));
            json!({"name": name, "emptyDir": empty})
        }
        Medium::Disk => {
            let own = || claim_name(plan.subject, name);
            let claim = keys.storage.claim.clone().unwrap_or_else(own);
            json!({"name": name, "persistentVolumeClaim": {"claimName": claim}})
        }
    }
}
