//! Role to plugin: which plugin fills which slot of the stack, with which options and images.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chain_plugin_sdk::descriptor::{Descriptor, Release, Role};
use serde_json::{Map, Value};

use super::options::{self, Options};
use crate::plugin::{Catalog, PluginError, Shared, is_file_name, nearest};
use crate::spec::names::{not_a_label, not_a_namespace};
use crate::spec::{ChainSpec, ClusterEntry, Loaded, Nodes, Service, Services, SpecError};
use crate::state::{ClusterRecord, PluginPin};

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

/// What the user gave: the file (with the flags already merged into it) and where it came from.
#[derive(Debug)]
pub struct Inputs {
    /// The tree with its source text.
    pub loaded: Loaded,
    /// The home namespace.
    pub namespace: String,
}

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

/// Characters that the name of a cluster may have at most.
const CLUSTER_NAME: usize = 63;

/// The name of the role under which the stack plugin itself is called.
pub const STACK_ROLE: &str = "stack";

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

/// What to type where the first stack that counts `key` was meant.
fn stack_with(catalog: &Catalog, key: &str) -> Option<String> {
    let all = catalog.stacks();
    all.map(|plugin| &plugin.descriptor)
        .find(|stack| stack.kinds.iter().any(|kind| kind.key == key))
        .map(|stack| format!("stack `{0}` has it: `--stack {0}`", stack.stack))
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

fn check_kinds(
    loaded: &Loaded,
    kinds: &[chain_plugin_sdk::descriptor::Kind],
    spec: &ChainSpec,
    catalog: &Catalog,
) -> Result<(), ResolveError> {
    for key in spec.kinds.keys() {
        if !kinds.iter().any(|kind| kind.key == *key) {
            let known = HOST_KEYS
                .iter()
                .copied()
                .chain(kinds.iter().map(|kind| kind.key.as_str()));
            // Who names no stack has the default one, and may have meant another.
            let hint = if loaded.file.spec.stack.is_none() {
                stack_with(catalog, key)
            } else {
                None
            };
            let hint =
                hint.or_else(|| nearest(key, known).map(|near| format!("did you mean `{near}`?")));
            return Err(loaded
                .refuse(
                    &format!("/spec/{key}"),
                    format!("unknown field `spec.{key}`"),
                    hint,
                )
                .into());
        }
    }
    check_by_kind(loaded, kinds, spec)
}

/// The clusters have names and namespaces that can be, and every node lives in one of them.
fn check_clusters(loaded: &Loaded, spec: &ChainSpec) -> Result<(), ResolveError> {
    for (name, entry) in &spec.clusters {
        let wrong = [
            (String::new(), not_a_label(name, CLUSTER_NAME)),
            (
                "/namespace".to_owned(),
                entry.namespace.as_deref().and_then(not_a_namespace),
            ),
            (
                "/context".to_owned(),
                entry
                    .context
                    .is_empty()
                    .then(|| "the name of a context of the kubeconfig is expected".to_owned()),
            ),
        ];
        for (key, why) in wrong {
            if let Some(why) = why {
                let pointer = format!("/spec/clusters/{name}{key}");
                let message = format!("clusters.{name}{}: {why}", key.replace('/', "."));
                return Err(loaded.refuse(&pointer, message, None).into());
            }
        }
    }
    let Some(Nodes::List(entries)) = &spec.nodes else {
        return Ok(());
    };
    for (index, entry) in entries.iter().enumerate() {
        let unknown = entry
            .cluster
            .as_ref()
            .filter(|name| !spec.clusters.contains_key(*name));
        let Some(name) = unknown else { continue };
        let hint = nearest(name, spec.clusters.keys().map(String::as_str)).map_or_else(
            || format!("name it under `clusters`: {name}: {{context: NAME}}"),
            |near| format!("did you mean `{near}`?"),
        );
        let pointer = format!("/spec/nodes/{index}/cluster");
        let message = format!("nodes[{index}]: there is no cluster `{name}`");
        return Err(loaded.refuse(&pointer, message, Some(hint)).into());
    }
    Ok(())
}

/// What is said for one kind of subjects names a kind of the stack, and is said once for the chain.
fn check_by_kind(
    loaded: &Loaded,
    kinds: &[chain_plugin_sdk::descriptor::Kind],
    spec: &ChainSpec,
) -> Result<(), ResolveError> {
    let known = || kinds.iter().map(|kind| kind.name.as_str()).chain(["node"]);
    let said = [
        (
            "placement",
            spec.placement.by_kind.keys().collect::<Vec<_>>(),
        ),
        ("storage", spec.storage.by_kind.keys().collect()),
    ];
    for (field, names) in said {
        let unknown = names.into_iter().find(|name| known().all(|it| it != *name));
        if let Some(name) = unknown {
            let all: Vec<&str> = known().collect();
            let near = nearest(name, known());
            let hint = near.map_or_else(
                || format!("the kinds of this stack: {}", all.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            let pointer = format!("/spec/{field}/byKind/{name}");
            let message = format!("{field}.byKind: the stack has no kind `{name}`");
            return Err(loaded.refuse(&pointer, message, Some(hint)).into());
        }
    }
    // Anywhere else it would say nothing.
    let nodes = spec.node_entries();
    let nodes = nodes.iter().enumerate().flat_map(|(index, node)| {
        let at = |field: &str| format!("/spec/nodes/{index}/{field}/byKind");
        [
            (at("placement"), node.placement.by_kind.is_empty()),
            (at("storage"), node.storage.by_kind.is_empty()),
        ]
    });
    let at = |field: &str, name: &str| format!("/spec/{field}/byKind/{name}/byKind");
    let placements = spec.placement.by_kind.iter();
    let storages = spec.storage.by_kind.iter();
    let mut places = nodes
        .chain(placements.map(|(name, it)| (at("placement", name), it.by_kind.is_empty())))
        .chain(storages.map(|(name, it)| (at("storage", name), it.by_kind.is_empty())));
    if let Some((pointer, _)) = places.find(|(_, is_empty)| !is_empty) {
        let message = "byKind stands under `spec.placement` and `spec.storage` only";
        return Err(loaded.refuse(&pointer, message, None).into());
    }
    Ok(())
}

/// What stands under `services.stack`: images and resources of the stack's own containers. Its plugin is `spec.stack`, its
/// options are `spec.options`.
fn of_stack(loaded: &Loaded, spec: &ChainSpec) -> Result<Service, ResolveError> {
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

fn check_roles(
    loaded: &Loaded,
    stack: &Descriptor,
    release: &str,
    given: &BTreeMap<String, Services>,
) -> Result<(), ResolveError> {
    let roles = |of: &Release| -> Vec<String> {
        let roles = of.roles.iter();
        roles.map(|role| role.name.clone()).collect()
    };
    let own = stack.releases.get(release).map(roles).unwrap_or_default();
    for role in given.keys().filter(|role| *role != STACK_ROLE) {
        if !own.contains(role) {
            let names: Vec<&str> = own.iter().map(String::as_str).collect();
            let others = stack.releases.iter();
            let others = others.filter(|(_, it)| roles(it).contains(role));
            let others: Vec<&str> = others.map(|(name, _)| name.as_str()).collect();
            if !others.is_empty() {
                let message = format!(
                    "release {release} of stack `{}` has no role `{role}`: it belongs to release {}",
                    stack.stack,
                    others.join(", ")
                );
                let hint = format!(
                    "take `--release {}`, or leave it out; roles of {release}: {}",
                    others.join("` or `--release "),
                    names.join(", ")
                );
                let pointer = format!("/spec/services/{role}");
                return Err(loaded.refuse(&pointer, message, Some(hint)).into());
            }
            let hint = nearest(role, names.iter().copied()).map_or_else(
                || format!("known roles: {}", names.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(loaded
                .refuse(
                    &format!("/spec/services/{role}"),
                    format!("unknown role `{role}`"),
                    Some(hint),
                )
                .into());
        }
    }
    Ok(())
}

/// Instances of a role: (instance, what the user said, where he said it).
fn instances(
    loaded: &Loaded,
    role: &Role,
    given: Option<&Services>,
) -> Result<Vec<(String, Service, String)>, ResolveError> {
    let pointer = format!("/spec/services/{}", role.name);
    let mut all = given.map(Services::instances).unwrap_or_default();
    let many = matches!(given, Some(Services::Many(_)));
    if given.is_none() && !role.default.is_empty() {
        all.push(Service::default());
    }
    let none = |service: &Service| service.plugin.as_deref() == Some("none");
    if all.len() == 1 && all.iter().all(none) && role.count != "one" && !role.count.is_empty() {
        return Ok(Vec::new());
    }
    let fault = match (role.count.as_str(), all.len()) {
        ("" | "one", 0) => Some(format!("role `{}` is not filled", role.name)),
        ("" | "one" | "optional", 2..) => Some(format!(
            "role `{}` is filled {} times, once is enough",
            role.name,
            all.len()
        )),
        _ => None,
    };
    if let Some(message) = fault {
        return Err(loaded.refuse(&pointer, message, None).into());
    }
    let alone = all.len() == 1;
    let mut seen = std::collections::BTreeSet::new();
    all.into_iter()
        .enumerate()
        .map(|(index, service)| {
            let place = if many {
                format!("{pointer}/{index}")
            } else {
                pointer.clone()
            };
            let instance = match &service.name {
                Some(name) => name.clone(),
                None if alone => role.name.clone(),
                None => {
                    return Err(loaded
                        .refuse(
                            &place,
                            format!(
                                "several services fill role `{}`: each needs a `name`",
                                role.name
                            ),
                            None,
                        )
                        .into());
                }
            };
            if !seen.insert(instance.clone()) {
                return Err(loaded
                    .refuse(&place, format!("two services are named `{instance}`"), None)
                    .into());
            }
            Ok((instance, service, place))
        })
        .collect()
}

fn plugin_for(
    loaded: &Loaded,
    catalog: &mut Catalog,
    stack: &Shared,
    role: &Role,
    given: &Service,
    release: &str,
    pointer: &str,
) -> Result<Shared, ResolveError> {
    let name = given.plugin.clone().unwrap_or_else(|| role.default.clone());
    let stack_name = &stack.descriptor.stack;
    let candidates = |catalog: &Catalog| -> Vec<String> {
        catalog
            .of_role(stack_name, &role.name)
            .map(|plugin| plugin.name().to_owned())
            .collect()
    };
    if name.is_empty() {
        let hint = format!("known plugins: {}", candidates(catalog).join(", "));
        return Err(loaded
            .refuse(
                pointer,
                format!("role `{}` needs a plugin", role.name),
                Some(hint),
            )
            .into());
    }
    let plugin = match catalog.find(&name) {
        Ok(plugin) => plugin,
        Err(PluginError::Unknown { .. }) => {
            let known = candidates(catalog);
            let hint = nearest(&name, known.iter().map(String::as_str)).map_or_else(
                || {
                    if known.is_empty() {
                        "no plugin in sight fills it: name a .wasm file".to_owned()
                    } else {
                        format!("known plugins for `{}`: {}", role.name, known.join(", "))
                    }
                },
                |near| format!("did you mean `{near}`?"),
            );
            return Err(loaded
                .refuse(
                    pointer,
                    format!("unknown plugin `{name}` for role `{}`", role.name),
                    Some(hint),
                )
                .into());
        }
        Err(fault) => return Err(fault.into()),
    };
    let descriptor = &plugin.descriptor;
    if descriptor.stack != *stack_name || descriptor.role != role.name {
        let filled = if descriptor.role.is_empty() {
            "is a stack".to_owned()
        } else {
            format!("fills `{}`", descriptor.role)
        };
        return Err(loaded
            .refuse(
                pointer,
                format!(
                    "plugin `{name}` of stack `{}` {filled}, not role `{}` of `{stack_name}`",
                    descriptor.stack, role.name
                ),
                Some(format!(
                    "known plugins for `{}`: {}",
                    role.name,
                    candidates(catalog).join(", ")
                )),
            )
            .into());
    }
    if !descriptor.series.iter().any(|series| series == release) {
        let fits = catalog.of_role(stack_name, &role.name);
        let fits = fits.filter(|it| it.descriptor.series.iter().any(|series| series == release));
        let fits: Vec<&str> = fits.map(|it| it.name()).collect();
        let mut hint = "generations must not be mixed".to_owned();
        if !fits.is_empty() {
            hint = format!("{hint}: for {release} there is {}", fits.join(", "));
        }
        let releases = &stack.descriptor.releases;
        let own = descriptor.series.iter();
        let own: Vec<&str> = own
            .map(String::as_str)
            .filter(|it| releases.contains_key(*it))
            .collect();
        if !own.is_empty() {
            let own = own.join("` or `--release ");
            hint = format!("{hint}; `{name}` goes with `--release {own}`");
        }
        return Err(loaded
            .refuse(
                pointer,
                format!(
                    "plugin `{name}` is of series {}, the chain is of release {release}",
                    descriptor.series.join(", ")
                ),
                Some(hint),
            )
            .into());
    }
    Ok(plugin)
}

fn service(
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
fn merged(base: Option<&Services>, over: &Service, same_plugin: bool) -> Service {
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

/// Makes every default visible, and takes every secret out.
fn fill_in(
    spec: &mut ChainSpec,
    stack: &ResolvedService,
    release: &str,
    services: &[ResolvedService],
) {
    spec.stack = Some(stack.plugin.descriptor.stack.clone());
    spec.release = Some(release.to_owned());
    spec.options = stack.options.open.clone();
    if spec.nodes.is_none() {
        spec.nodes = Some(crate::spec::Nodes::Count(3));
    }
    let mut roles: BTreeMap<String, Vec<Service>> = BTreeMap::new();
    for service in std::iter::once(stack).chain(services) {
        let of_stack = service.role == STACK_ROLE;
        if of_stack && service.images.is_empty() && service.resources.is_null() {
            continue;
        }
        let main = &service.plugin.descriptor.container;
        let image = service
            .images
            .iter()
            .find(|(name, _)| name == main)
            .map(|(_, image)| image.clone());
        roles
            .entry(service.role.clone())
            .or_default()
            .push(Service {
                name: (service.instance != service.role).then(|| service.instance.clone()),
                plugin: (!of_stack).then(|| service.plugin.name().to_owned()),
                options: if of_stack {
                    Map::new()
                } else {
                    service.options.open.clone()
                },
                image,
                images: service
                    .images
                    .iter()
                    .filter(|(name, _)| name != main)
                    .cloned()
                    .collect(),
                resources: service.resources.clone(),
            });
    }
    spec.services = roles
        .into_iter()
        .map(|(role, mut all)| match (all.pop(), all.is_empty()) {
            (Some(one), true) => (role, Services::One(Box::new(one))),
            (last, _) => {
                all.extend(last);
                (role, Services::Many(all))
            }
        })
        .collect();
    if let Some(crate::spec::Nodes::List(entries)) = &mut spec.nodes {
        for entry in entries {
            for (key, service) in &mut entry.services {
                let schema = services
                    .iter()
                    .find(|it| it.key() == *key)
                    .map(|it| it.plugin.descriptor.options.clone());
                let secret: Vec<String> = schema
                    .iter()
                    .flat_map(|schema| {
                        options::properties(schema)
                            .map(|(name, it)| (name.clone(), options::is_secret(it)))
                    })
                    .filter(|(_, secret)| *secret)
                    .flat_map(|(name, _)| [format!("{name}File"), format!("{name}Env"), name])
                    .collect();
                service.options.retain(|name, _| !secret.contains(name));
            }
        }
    }
}
