//! Trees and live files: mounted as whole folders, where nothing else is mounted in them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::bind::{FileMount, Plan};
use super::names::beneath;
use super::object::{list, set, text};
use super::problem::Problem;
use super::shown::{From, Items, from, kind_of, source};
use super::store::Store;

/// Mount paths that fragments themselves say: container and path.
pub fn said(template: &Value) -> Vec<(String, String)> {
    let mut said = Vec::new();
    for field in ["containers", "initContainers"] {
        for container in list(template, &["spec", field]) {
            let name = text(container, &["name"]);
            for mount in list(container, &["volumeMounts"]) {
                said.push((name.to_owned(), text(mount, &["mountPath"]).to_owned()));
            }
        }
    }
    said
}

/// Files by container and folder.
pub type Folders<'p, 'a> = BTreeMap<(String, String), Vec<&'p FileMount<'a>>>;

/// Which files are mounted as whole folders, and which one by one, given all other mounts (container and path).
pub fn split<'p, 'a>(
    plan: &'p Plan<'a>,
    mounted: &[(String, String)],
    problems: &mut Vec<Problem>,
) -> (Folders<'p, 'a>, Vec<&'p FileMount<'a>>) {
    let mut folders: Folders<'p, 'a> = BTreeMap::new();
    let mut files = Vec::new();
    for file in &plan.mounts {
        match &file.folder {
            Some(folder) => folders
                .entry((file.container.to_owned(), folder.clone()))
                .or_default()
                .push(file),
            None => files.push(file),
        }
    }
    let keys: Vec<(String, String)> = folders.keys().cloned().collect();
    for key in keys {
        let (container, folder) = &key;
        let other = mounted
            .iter()
            .filter(|(c, _)| c == container)
            .map(|(_, path)| path.as_str())
            .chain(
                files
                    .iter()
                    .filter(|f| f.container == container)
                    .map(|f| f.path.as_str()),
            )
            .chain(
                folders
                    .keys()
                    .filter(|k| **k != key && k.0 == *container)
                    .map(|k| k.1.as_str()),
            )
            .find(|path| beneath(path, folder))
            .map(str::to_owned);
        let Some(other) = other else {
            continue;
        };
        let inside = folders.remove(&key).unwrap_or_default();
        for file in inside {
            if file.live {
                problems.push(Problem::Binding {
                    subject: plan.subject.id.clone(),
                    plugin: file.plugin.to_owned(),
                    source_name: "a live file".to_owned(),
                    target: file.path.clone(),
                    container: container.clone(),
                    why: format!(
                        "it shares folder {folder} with the mount {other}, so it would be mounted by subPath and never change; give it a folder of its own"
                    ),
                });
            } else {
                files.push(file);
            }
        }
    }
    (folders, files)
}

/// The volume of a folder: of one object, or projected from several.
pub fn folder_volume(
    name: &str,
    folder: &str,
    inside: &[&FileMount<'_>],
    store: &Store<'_>,
) -> Value {
    let mut by_object: BTreeMap<From<'_>, Vec<Value>> = BTreeMap::new();
    for file in inside {
        let path = file
            .path
            .strip_prefix(folder)
            .unwrap_or(&file.path)
            .trim_start_matches('/');
        if let Some((at, key)) = from(&file.content, store) {
            by_object
                .entry(at)
                .or_default()
                .push(json!({"key": key, "path": path, "mode": file.mode}));
        }
    }
    let single = by_object.len() == 1;
    let mut sources: Vec<(&'static str, Value)> = by_object
        .into_iter()
        .map(|(at, items)| {
            let mut value = source(&at, &Items::new(), single);
            set(&mut value, &[], "items", Value::Array(items));
            (kind_of(&at), value)
        })
        .collect();
    if single && let Some((kind, value)) = sources.pop() {
        return json!({"name": name, kind: value});
    }
    let sources: Vec<Value> = sources
        .into_iter()
        .map(|(kind, value)| json!({kind: value}))
        .collect();
    json!({"name": name, "projected": {"sources": sources}})
}
