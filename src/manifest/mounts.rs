//! The second pass over bindings: volumes, mounts, variables and the init container, written into the pod.
//!
//! A file is mounted by subPath, read-only, for that never hides what else is in its folder (of the image or of a
//! volume). A tree, and a file that its service rereads, are mounted as a folder; such a folder is refused where
//! anything else is mounted in it, since a subPath mount never changes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};

use super::bind::{Plan, join};
use super::input::{HostKeys, VolumeDecl};
use super::names::{parent, short_hash};
use super::object::{list, map_at, push, set, text};
use super::problem::Problem;
use super::shown::{From, Items, from, kind_of, source};
use super::store::Store;
use super::volumes::pod_volume;
use super::{folders, init, seed};

/// What writing a pod needs besides its plan.
pub struct Write<'s, 'a> {
    /// Names of objects.
    pub store: &'s Store<'a>,
    /// Declared volumes.
    pub volumes: &'s BTreeMap<&'a str, &'a VolumeDecl>,
    /// The one at the root of a shared claim.
    pub first_disk: Option<&'a str>,
    /// Host keys of the subject.
    pub keys: &'s HostKeys,
    /// What is wrong.
    pub problems: &'s mut Vec<Problem>,
}

/// A mount to be written: container, path, then volume and subPath.
struct Mount {
    volume: String,
    sub_path: Option<String>,
    read_only: bool,
}

struct Pod<'s> {
    /// By what they show: key -> (path, mode).
    files: BTreeMap<From<'s>, Items>,
    mounts: BTreeMap<(String, String), Mount>,
}

/// Writes a plan into a pod template whose containers are merged already.
pub fn write<'a>(plan: &Plan<'a>, template: &mut Value, to: &mut Write<'_, 'a>) {
    let mut volumes: Vec<Value> = Vec::new();
    let mut pod = Pod {
        files: BTreeMap::new(),
        mounts: BTreeMap::new(),
    };
    let mut mounted = folders::said(template);

    for name in plan.volumes() {
        if let Some(decl) = to.volumes.get(name) {
            volumes.push(pod_volume(plan, decl, to.keys));
        }
    }
    for use_ in plan.uses.values() {
        let Some(decl) = to.volumes.get(use_.volume) else {
            continue;
        };
        let base = seed::base(plan, decl, to.first_disk, &to.keys.storage);
        let sub_path = join(&[&base, use_.folder]);
        pod.mount(
            use_.container,
            use_.path,
            use_.volume,
            (!sub_path.is_empty()).then_some(sub_path),
            false,
        );
    }
    for (container, path) in &plan.folders {
        let name = format!("chain-empty-{}", short_hash(&[container, path], 8));
        volumes.push(json!({"name": name, "emptyDir": {}}));
        pod.mount(container, path, &name, None, false);
    }
    mounted.extend(pod.mounts.keys().cloned());
    let (folders, files) = folders::split(plan, &mounted, to.problems);
    for file in &files {
        if let Some(from) = from(&file.content, to.store) {
            pod.show(from.0, from.1, file.mode);
        }
    }
    for (_, content) in plan.seeded.iter().filter_map(|s| s.copy.as_ref()) {
        if let Some((at, key)) = from(content, to.store) {
            // The script sets the mode that was asked for; the source must only be readable by the pod's group.
            pod.show(
                at,
                key,
                if kind_of(&at) == "secret" {
                    0o440
                } else {
                    0o444
                },
            );
        }
    }
    if let Some((script, list)) = &plan.script {
        for content in [script, list] {
            if let Some((at, key)) = from(content, to.store) {
                pod.show(at, key, 0o444);
            }
        }
    }
    let names = pod.names();
    for (at, items) in &pod.files {
        let name = names.get(at).cloned().unwrap_or_default();
        volumes.push(json!({"name": name, kind_of(at): source(at, items, true)}));
    }
    for file in &files {
        if let Some((at, key)) = from(&file.content, to.store)
            && let Some(name) = names.get(&at)
        {
            pod.mount(file.container, &file.path, name, Some(key.to_owned()), true);
        }
    }
    for ((container, folder), inside) in &folders {
        let name = format!("chain-folder-{}", short_hash(&[container, folder], 8));
        volumes.push(folders::folder_volume(&name, folder, inside, to.store));
        pod.mount(container, folder, &name, None, true);
    }
    if let Some(init) = init::container(plan, template, &names, to.store, to.keys) {
        let spec = map_at(template, &["spec"]);
        if let Some(Value::Array(inits)) =
            spec.map(|s| s.entry("initContainers").or_insert_with(|| json!([])))
        {
            inits.insert(0, init);
        }
    }
    let said: BTreeSet<String> = list(template, &["spec", "volumes"])
        .iter()
        .map(|v| text(v, &["name"]).to_owned())
        .collect();
    for volume in volumes {
        let name = text(&volume, &["name"]);
        if said.contains(name) {
            to.problems.push(Problem::Shape {
                subject: plan.subject.id.clone(),
                why: format!(
                    "volume {name} is declared by a descriptor and said by a fragment; bind it"
                ),
            });
            continue;
        }
        push(template, &["spec"], "volumes", volume);
    }
    let mut variables: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for variable in &plan.variables {
        let Some((at, key)) = from(&variable.content, to.store) else {
            continue;
        };
        let (field, object) = match at {
            From::Store(group, _, object) if !group.secret => ("configMapKeyRef", object),
            From::Store(_, _, object) | From::Vault(object) => ("secretKeyRef", object),
        };
        variables.entry(variable.container).or_default().push(
            json!({"name": variable.name, "valueFrom": {field: {"name": object, "key": key}}}),
        );
    }
    finish(template, plan, &pod.mounts, variables, to.problems);
}

impl<'s> Pod<'s> {
    fn mount(
        &mut self,
        container: &str,
        path: &str,
        volume: &str,
        sub_path: Option<String>,
        read_only: bool,
    ) {
        let mount = Mount {
            volume: volume.to_owned(),
            sub_path,
            read_only,
        };
        self.mounts
            .insert((container.to_owned(), path.to_owned()), mount);
    }

    fn show(&mut self, from: From<'s>, key: &str, mode: u32) {
        let items = self.files.entry(from).or_default();
        let entry = items
            .entry(key.to_owned())
            .or_insert((key.to_owned(), mode));
        entry.1 |= mode;
    }

    /// Short names that do not change with the content.
    fn names(&self) -> HashMap<From<'s>, String> {
        let mut names = HashMap::new();
        let (mut shared, mut vaults) = (0, 0);
        for at in self.files.keys() {
            let name = match at {
                From::Store(group, chunk, _) if group.workload.is_some() => {
                    let base = match (group.mutable, group.secret) {
                        (false, false) => "chain-files",
                        (false, true) => "chain-secrets",
                        (true, false) => "chain-live",
                        (true, true) => "chain-live-secrets",
                    };
                    if *chunk == 0 {
                        base.to_owned()
                    } else {
                        format!("{base}-{chunk}")
                    }
                }
                From::Store(..) => {
                    shared += 1;
                    format!("chain-shared-{}", shared - 1)
                }
                From::Vault(_) => {
                    vaults += 1;
                    format!("chain-vault-{}", vaults - 1)
                }
            };
            names.insert(*at, name);
        }
        names
    }
}

/// Puts mounts and variables into their containers.
fn finish(
    template: &mut Value,
    plan: &Plan<'_>,
    mounts: &BTreeMap<(String, String), Mount>,
    mut variables: BTreeMap<&str, Vec<Value>>,
    problems: &mut Vec<Problem>,
) {
    for field in ["containers", "initContainers"] {
        let containers = template
            .get_mut("spec")
            .and_then(|s| s.get_mut(field))
            .and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            let name = text(container, &["name"]).to_owned();
            let twice = |what: &str, kind: &str| Problem::Shape {
                subject: plan.subject.id.clone(),
                why: format!("container {name} has {kind} {what} twice"),
            };
            let from = (name.clone(), String::new());
            for ((_, path), mount) in mounts.range(from..).take_while(|((c, _), _)| *c == name) {
                if list(container, &["volumeMounts"])
                    .iter()
                    .any(|m| text(m, &["mountPath"]) == path)
                {
                    problems.push(twice(path, "a mount at"));
                    continue;
                }
                let mut value = json!({"name": mount.volume, "mountPath": path});
                if let Some(sub_path) = &mount.sub_path {
                    set(&mut value, &[], "subPath", json!(sub_path));
                }
                if mount.read_only {
                    set(&mut value, &[], "readOnly", json!(true));
                }
                push(container, &[], "volumeMounts", value);
            }
            for variable in variables.remove(&*name).unwrap_or_default() {
                let key = text(&variable, &["name"]).to_owned();
                if list(container, &["env"])
                    .iter()
                    .any(|e| text(e, &["name"]) == key)
                {
                    problems.push(twice(&key, "the variable"));
                    continue;
                }
                push(container, &[], "env", variable);
            }
        }
    }
    let mut seen = BTreeSet::new();
    for file in &plan.mounts {
        if !seen.insert((file.container, file.path.as_str()))
            || plan
                .uses
                .contains_key(&(file.container, file.path.as_str()))
        {
            problems.push(Problem::Shape {
                subject: plan.subject.id.clone(),
                why: format!(
                    "two bindings of plugin {} meet at {} in container {} (folder {})",
                    file.plugin,
                    file.path,
                    file.container,
                    parent(&file.path)
                ),
            });
        }
    }
}
