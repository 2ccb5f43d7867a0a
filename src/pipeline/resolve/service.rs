//! A filled role: the plugin with its options and images, for the chain and for one node.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value};

use super::{ResolveError, STACK_ROLE};
use crate::pipeline::options::{self, Options};
use crate::plugin::Shared;
use crate::spec::{ChainSpec, Loaded, Service, Services};

/// A filled role.
#[derive(Debug, Clone)]
pub struct ResolvedService {
    /// Role; `stack` for the stack plugin itself.
    pub role: String,
    /// Instance: the role's name when it is the only one.
    pub instance: String,
    /// The plugin.
    pub plugin: Shared,
    /// Its options.
    pub options: Options,
    /// Image references by the names in its descriptor.
    pub images: Vec<(String, String)>,
    /// Kubernetes `resources` of its main container; null for the descriptor's.
    pub resources: Value,
}

impl ResolvedService {
    /// `role`, or `role/instance` when the instance has a name of its own.
    pub fn key(&self) -> String {
        service_key(&self.role, &self.instance)
    }
}

/// `role`, or `role/instance` when the instance has a name of its own.
pub fn service_key(role: &str, instance: &str) -> String {
    if role == instance {
        role.to_owned()
    } else {
        format!("{role}/{instance}")
    }
}

/// Role and instance of a key that [`service_key`] made.
pub fn split_key(key: &str) -> (&str, &str) {
    key.split_once('/').unwrap_or((key, key))
}

/// What stands under `services.stack`: images and resources of the stack's own containers. Its plugin is `spec.stack`, its
/// options are `spec.options`.
pub(super) fn of_stack(loaded: &Loaded, spec: &ChainSpec) -> Result<Service, ResolveError> {
    let pointer = format!("/spec/services/{STACK_ROLE}");
    match spec.services.get(STACK_ROLE) {
        None => Ok(Service::default()),
        Some(Services::One(given))
            if given.plugin.is_none() && given.name.is_none() && given.options.is_empty() =>
        {
            Ok((**given).clone())
        }
        Some(_) => Err(loaded
            .refuse(
                &pointer,
                "the stack has `image`, `images` and `resources` here",
                Some(
                    "its plugin is named under `spec.stack`, its options stand under `spec.options`"
                        .to_owned(),
                ),
            )
            .into()),
    }
}

pub(super) fn service(
    loaded: &Loaded,
    pointer: &str,
    role: &str,
    instance: &str,
    plugin: &Shared,
    given: &Service,
    spec: &ChainSpec,
) -> Result<ResolvedService, ResolveError> {
    let descriptor = &plugin.descriptor;
    let folder: PathBuf = loaded.folder();
    let options =
        options::check(&descriptor.options, &given.options, &folder).map_err(|faults| {
            let first = faults.into_iter().next();
            let (below, message, hint) = first
                .map(|it| (it.pointer, it.message, it.hint))
                .unwrap_or_default();
            let message = format!("{}: {message}", descriptor.name);
            loaded.refuse(&format!("{pointer}/options{below}"), message, hint)
        })?;
    for name in given.images.keys() {
        if !descriptor.images.iter().any(|image| image.name == *name) {
            let known: Vec<&str> = descriptor
                .images
                .iter()
                .map(|image| image.name.as_str())
                .collect();
            return Err(loaded
                .refuse(
                    &format!("{pointer}/images/{name}"),
                    format!("plugin `{}` has no image `{name}`", descriptor.name),
                    Some(format!("known images: {}", known.join(", "))),
                )
                .into());
        }
    }
    let prefix = spec.images.prefix.as_deref().unwrap_or_default();
    let images = descriptor
        .images
        .iter()
        .map(|image| {
            let main = image.name == descriptor.container;
            let chosen = given
                .images
                .get(&image.name)
                .or_else(|| given.image.as_ref().filter(|_| main));
            (
                image.name.clone(),
                chosen
                    .cloned()
                    .unwrap_or_else(|| format!("{prefix}{}", image.default)),
            )
        })
        .collect();
    Ok(ResolvedService {
        role: role.to_owned(),
        instance: instance.to_owned(),
        plugin: plugin.clone(),
        options,
        images,
        resources: given.resources.clone(),
    })
}

/// What the chain says about a service, with what a node says over it.
pub(super) fn merged(base: Option<&Services>, over: &Service, same_plugin: bool) -> Service {
    let base = base
        .map(Services::instances)
        .and_then(|all| all.into_iter().next())
        .unwrap_or_default();
    let mut options = if same_plugin {
        base.options
    } else {
        Map::new()
    };
    options.extend(over.options.clone());
    let mut images = if same_plugin {
        base.images
    } else {
        BTreeMap::new()
    };
    images.extend(over.images.clone());
    Service {
        name: base.name,
        plugin: over.plugin.clone().or(base.plugin),
        options,
        image: over
            .image
            .clone()
            .or(if same_plugin { base.image } else { None }),
        images,
        resources: if over.resources.is_null() {
            base.resources
        } else {
            over.resources.clone()
        },
    }
}
