//! What the plugins render for the pod of one subject: environment, files and volumes of each container.

use std::collections::BTreeMap;

use chain_plugin_sdk::{Diagnostics, Place, Source, Target, error};
use serde_json::Value;

use crate::network::{Network, place};

/// A container.
#[derive(Debug, Clone, Default)]
pub struct Container {
    /// As it stands in the pod's template.
    pub template: Value,
    /// Its environment.
    pub env: BTreeMap<String, String>,
    /// Its files by absolute path.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Volumes by absolute path.
    pub volumes: BTreeMap<String, String>,
}

/// The containers of a subject's pod by name, init containers too.
///
/// # Errors
/// What a plugin refuses, and what the host would refuse: files that are not there, secrets that nobody shares.
pub fn containers(
    network: &Network,
    subject: &str,
) -> Result<BTreeMap<String, Container>, Diagnostics> {
    let mut all: BTreeMap<String, Container> = BTreeMap::new();
    let mut bindings = Vec::new();
    for service in network.services() {
        let Some(rendered) = network.rendered(subject, &service.role)? else {
            continue;
        };
        for fragment in rendered
            .fragments
            .iter()
            .filter(|it| it.place == Place::Pod)
        {
            let body: Value = serde_json::from_str(&fragment.body)
                .map_err(|fault| vec![error("fragment", "", fault.to_string())])?;
            for list in ["/spec/containers", "/spec/initContainers"] {
                let list = body.pointer(list).and_then(Value::as_array);
                for container in list.into_iter().flatten() {
                    let (name, container) = read(container);
                    all.insert(name, container);
                }
            }
        }
        bindings.extend(rendered.bindings.into_iter().map(|it| (service, it)));
    }
    for (service, binding) in bindings {
        let refuse = |why: String| vec![error("binding", "", format!("{subject}: {why}"))];
        let container = all
            .get_mut(&binding.container)
            .ok_or_else(|| refuse(format!("no container {}", binding.container)))?;
        match (&binding.source, &binding.target) {
            (Source::File(from), target) => {
                let secret = network.item(&place(from)).is_some_and(|item| item.secret);
                if secret && from.role != service.role {
                    let takes = service.descriptor.takes.iter();
                    let asks = takes
                        .filter(|take| take.role == from.role)
                        .any(|take| take.item == from.name);
                    if !asks || !network.shares(from, &service.role) {
                        let message = format!("{} is not shared with {}", from.name, service.role);
                        return Err(refuse(message));
                    }
                }
                let bytes = network.bytes(from)?;
                match target {
                    Target::Path(path) => {
                        container.files.insert(path.clone(), bytes);
                    }
                    Target::Env(name) => {
                        let text = String::from_utf8_lossy(&bytes).into_owned();
                        container.env.insert(name.clone(), text);
                    }
                }
            }
            (Source::Volume((volume, _)), Target::Path(path)) => {
                container.volumes.insert(path.clone(), volume.clone());
            }
            (Source::Volume(_), Target::Env(name)) => {
                return Err(refuse(format!("a volume is bound to the variable {name}")));
            }
        }
    }
    Ok(all)
}

fn read(template: &Value) -> (String, Container) {
    let text = |it: &Value, key: &str| {
        let found = it.get(key).and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    let list = |key: &str| {
        template
            .get(key)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    let container = Container {
        template: template.clone(),
        env: list("env")
            .map(|it| (text(it, "name"), text(it, "value")))
            .collect(),
        files: BTreeMap::new(),
        volumes: list("volumeMounts")
            .map(|it| (text(it, "mountPath"), text(it, "name")))
            .collect(),
    };
    (text(template, "name"), container)
}
