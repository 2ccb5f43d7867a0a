//! The init container of a pod, see `seed.sh`.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::bind::{Content, Plan};
use super::input::HostKeys;
use super::object::{list, text};
use super::seed;
use super::shown::{From, from};
use super::store::Store;

/// The container, when the pod has a script to run. `names` are those of the pod's volumes.
pub fn container(
    plan: &Plan<'_>,
    template: &Value,
    names: &HashMap<From<'_>, String>,
    store: &Store<'_>,
    keys: &HostKeys,
) -> Option<Value> {
    let (script, manifest) = plan.script.as_ref()?;
    let mut mounts = Vec::new();
    let mut mount = |content: &Content<'_>, path: String| {
        if let Some((at, key)) = from(content, store)
            && let Some(volume) = names.get(&at)
        {
            mounts
                .push(json!({"name": volume, "mountPath": path, "subPath": key, "readOnly": true}));
        }
    };
    mount(manifest, seed::MANIFEST_PATH.to_owned());
    mount(script, seed::SCRIPT_PATH.to_owned());
    for (number, (_, content)) in plan
        .seeded
        .iter()
        .filter_map(|s| s.copy.as_ref())
        .enumerate()
    {
        mount(content, seed::source_path(number));
    }
    for name in plan.volumes() {
        mounts.push(json!({"name": name, "mountPath": seed::volume_path(name)}));
    }
    let image = keys
        .seed_image
        .clone()
        .or_else(|| first_image(plan, template));
    Some(json!({
        "name": seed::CONTAINER,
        "image": image.unwrap_or_default(),
        "command": ["sh", seed::SCRIPT_PATH, seed::MANIFEST_PATH],
        "env": [{"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
        "volumeMounts": mounts,
    }))
}

/// The image of the first container that something is bound into, else of the first.
fn first_image(plan: &Plan<'_>, template: &Value) -> Option<String> {
    let containers = list(template, &["spec", "containers"]);
    let bound = |container: &&Value| {
        let name = text(container, &["name"]);
        plan.uses.keys().any(|(c, _)| *c == name) || plan.mounts.iter().any(|m| m.container == name)
    };
    containers
        .iter()
        .find(bound)
        .or_else(|| containers.first())
        .map(|c| text(c, &["image"]).to_owned())
}
