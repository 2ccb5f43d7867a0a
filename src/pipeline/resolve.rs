//! Role to plugin: which plugin fills which slot of the stack, with which options and images.

mod clusters;
mod fill_in;
mod kinds;
mod roles;
mod service;

use std::collections::BTreeMap;

use self::clusters::check_clusters;
use self::fill_in::fill_in;
use self::kinds::check_kinds;
use self::roles::{check_roles, instances, plugin_for};
use self::service::{merged, of_stack, service};
use crate::plugin::{Catalog, PluginError, is_file_name, nearest};
use crate::spec::{ChainSpec, ClusterEntry, Loaded, Service, SpecError};
use crate::state::{ClusterRecord, PluginPin};

pub use service::{ResolvedService, service_key, split_key};

/// Keys under `spec` that are the host's; a stack's kinds have others.
pub const HOST_KEYS: [&str; 12] = [
    "stack",
    "release",
    "nodes",
    "options",
    "services",
    "storage",
    "expose",
    "images",
    "placement",
    "clusters",
    "stopped",
    "patches",
];

/// Name of a chain when the user gives none.
pub const DEFAULT_NAME: &str = "test-chain";

/// The name of the role under which the stack plugin itself is called.
pub const STACK_ROLE: &str = "stack";

/// What the user gave: the file (with the flags already merged into it) and where it came from.
#[derive(Debug)]
pub struct Inputs {
    /// The tree with its source text.
    pub loaded: Loaded,
    /// The home namespace.
    pub namespace: String,
}

/// Everything that the rest of the pipeline needs to know of the user's wish.
#[derive(Debug)]
pub struct Resolved {
    /// The chain's name.
    pub chain: String,
    /// Its home namespace.
    pub namespace: String,
    /// Release of the stack.
    pub release: String,
    /// The stack plugin, as a service of the role `stack`.
    pub stack: ResolvedService,
    /// The other services, in the order of the stack's roles.
    pub services: Vec<ResolvedService>,
    /// What differs for one node: (index of the node, key of the service) -> service.
    pub overrides: BTreeMap<(usize, String), ResolvedService>,
    /// The user's spec with stack, release and plugins filled in, and without secrets.
    pub spec: ChainSpec,
    /// Labels for every object.
    pub labels: BTreeMap<String, String>,
    /// Annotations for every object.
    pub annotations: BTreeMap<String, String>,
    /// Which plugins.
    pub lock: BTreeMap<String, PluginPin>,
}

impl Resolved {
    /// The stack and the services.
    pub fn all(&self) -> impl Iterator<Item = &ResolvedService> {
        std::iter::once(&self.stack).chain(&self.services)
    }

    /// The other clusters that the user names, not yet known by the UIDs of their namespaces.
    pub fn clusters(&self) -> BTreeMap<String, ClusterRecord> {
        let record = |entry: &ClusterEntry| ClusterRecord {
            context: entry.context.clone(),
            namespace: entry.namespace.as_ref().unwrap_or(&self.namespace).clone(),
            uid: String::new(),
        };
        let entries = self.spec.clusters.iter();
        entries
            .map(|(name, entry)| (name.clone(), record(entry)))
            .collect()
    }

    /// How the user names a plugin of this chain: by its file, or by its name when it is built in.
    pub fn origin(&self, plugin: &str) -> String {
        self.all()
            .chain(self.overrides.values())
            .map(|service| &service.plugin)
            .find(|it| it.name() == plugin && it.origin != "built-in")
            .map_or_else(|| plugin.to_owned(), |it| it.origin.clone())
    }
}

/// Why a spec cannot be resolved.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The user's words.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A plugin.
    #[error(transparent)]
    Plugin(#[from] PluginError),
}

/// Resolves roles, checks options, and fills in what the user left out.
pub fn resolve(inputs: Inputs, catalog: &mut Catalog) -> Result<Resolved, ResolveError> {
    let Inputs { loaded, namespace } = inputs;
    loaded.check()?;
    let mut spec = loaded.file.spec.clone();
    let stack = match &spec.stack {
        Some(name) if is_file_name(name) => catalog.find(name)?,
        Some(name) => catalog.stack(name).map_err(|fault| {
            // What it says to do stands in its last line.
            loaded.refuse("/spec/stack", fault.to_string(), None)
        })?,
        None => {
            let first = stacks(catalog).next().map(ToOwned::to_owned);
            let name = first.ok_or_else(|| {
                loaded.refuse(
                    "/spec/stack",
                    "no stack in sight",
                    Some("name one: `--stack ./stack.wasm`".to_owned()),
                )
            })?;
            catalog.stack(&name)?
        }
    };
    let descriptor = stack.descriptor.clone();
    let release_name = spec
        .release
        .clone()
        .unwrap_or_else(|| descriptor.default_release.clone());
    let release = descriptor.releases.get(&release_name).ok_or_else(|| {
        let known: Vec<&str> = descriptor.releases.keys().map(String::as_str).collect();
        loaded.refuse(
            "/spec/release",
            format!(
                "stack `{}` has no release `{release_name}`",
                descriptor.stack
            ),
            Some(format!("known releases: {}", known.join(", "))),
        )
    })?;
    check_kinds(&loaded, &descriptor.kinds, &spec, catalog)?;
    check_clusters(&loaded, &spec)?;
    let stack_service = {
        let given = Service {
            options: spec.options.clone(),
            ..of_stack(&loaded, &spec)?
        };
        service(
            &loaded, "/spec", STACK_ROLE, STACK_ROLE, &stack, &given, &spec,
        )?
    };
    let mut services = Vec::new();
    check_roles(&loaded, &descriptor, &release_name, &spec.services)?;
    for role in &release.roles {
        for (instance, given, pointer) in instances(&loaded, role, spec.services.get(&role.name))? {
            let plugin = plugin_for(
                &loaded,
                catalog,
                &stack,
                role,
                &given,
                &release_name,
                &pointer,
            )?;
            services.push(service(
                &loaded, &pointer, &role.name, &instance, &plugin, &given, &spec,
            )?);
        }
    }
    let mut overrides = BTreeMap::new();
    for (index, node) in spec.node_entries().iter().enumerate() {
        for (key, given) in &node.services {
            let pointer = format!("/spec/nodes/{index}/services/{key}");
            let base = services
                .iter()
                .find(|service| service.key() == *key)
                .ok_or_else(|| {
                    let near = nearest(key, services.iter().map(|service| service.role.as_str()));
                    loaded.refuse(
                        &pointer,
                        format!("no service fills the role `{key}`"),
                        near.map(|near| format!("did you mean `{near}`?")),
                    )
                })?;
            let role = release
                .roles
                .iter()
                .find(|role| role.name == base.role)
                .cloned()
                .unwrap_or_default();
            let plugin = match &given.plugin {
                Some(_) => plugin_for(
                    &loaded,
                    catalog,
                    &stack,
                    &role,
                    given,
                    &release_name,
                    &pointer,
                )?,
                None => base.plugin.clone(),
            };
            let merged = merged(
                spec.services.get(&role.name),
                given,
                plugin.name() == base.plugin.name(),
            );
            let one = service(
                &loaded,
                &pointer,
                &base.role,
                &base.instance,
                &plugin,
                &merged,
                &spec,
            )?;
            overrides.insert((index, key.clone()), one);
        }
    }
    let lock = std::iter::once(&stack_service)
        .chain(&services)
        .map(|service| {
            let key = if service.role == STACK_ROLE {
                String::new()
            } else {
                service.key()
            };
            let pin = PluginPin {
                plugin: service.plugin.name().to_owned(),
                version: service.plugin.descriptor.version.clone(),
                digest: service.plugin.digest.clone(),
            };
            (key, pin)
        })
        .collect();
    fill_in(&mut spec, &stack_service, &release_name, &services);
    Ok(Resolved {
        chain: loaded
            .file
            .metadata
            .name
            .clone()
            .unwrap_or_else(|| DEFAULT_NAME.to_owned()),
        namespace,
        release: release_name,
        stack: stack_service,
        services,
        overrides,
        spec,
        labels: loaded.file.metadata.labels.clone(),
        annotations: loaded.file.metadata.annotations.clone(),
        lock,
    })
}

fn stacks(catalog: &Catalog) -> impl Iterator<Item = &str> {
    let all = catalog.stacks();
    all.map(|plugin| plugin.descriptor.stack.as_str())
}
