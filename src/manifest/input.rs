//! What the manifest layer is given: the chain's shape and what its plugins rendered, as plain data.
//!
//! The pipeline fills [`Shape`] from spec, descriptors, lock and head, and one [`Part`] for each plugin and subject.
//! Nothing here is read from a cluster, a clock or the environment, so the same input gives the same bytes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

pub use crate::plugin::contract::{Rendered, Subject};

/// Who rendered something: a plugin in an instance of a role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// Name of the plugin.
    pub plugin: String,
    /// The role it fills.
    pub role: String,
    /// The instance of the role; the role's own name when it is the only one.
    pub instance: String,
}

/// What one plugin rendered about one subject.
#[derive(Debug)]
pub struct Part {
    /// Who rendered it.
    pub owner: Owner,
    /// The subject's id.
    pub subject: String,
    /// Files, bindings and fragments.
    pub rendered: Rendered,
}

/// Where a kept item, a configured file or a rendered file is found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The subject's id.
    pub subject: String,
    /// Role of the maker.
    pub role: String,
    /// Instance of the maker.
    pub instance: String,
    /// Name that the maker gave.
    pub name: String,
}

/// Where a kept item lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeptPlace {
    /// A secret one: mounted straight from the vault, which lies in the subject's cluster and namespace. Its bytes
    /// are not here, so `apply` reads no key.
    Vault {
        /// Name of the vault's Secret.
        secret: String,
        /// Key in its data.
        key: String,
    },
    /// A public one: copied into the `ConfigMap` of who binds it.
    Public(Vec<u8>),
}

/// The maker's descriptor, the taker's and the user's lock agree that one role may bind another's secret item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Consent {
    /// Role that made the item.
    pub maker: String,
    /// Role that may bind it.
    pub taker: String,
    /// Name of the item.
    pub item: String,
}

/// On what a declared volume lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Medium {
    /// A claim that outlives the pod.
    #[default]
    Disk,
    /// The node's disk, gone with the pod.
    Scratch,
    /// The node's memory, gone with the pod.
    Memory,
}

/// A volume that a descriptor names; all plugins of the pod may bind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeDecl {
    /// Name, as bindings say it.
    pub name: String,
    /// Size unless the user says otherwise, e.g. `10Gi`. Of several declarations the first counts.
    pub size: Option<String>,
    /// On what it lies.
    pub medium: Medium,
}

/// What the host must know of one plugin that takes part: from its descriptor.
#[derive(Debug, Clone)]
pub struct Service {
    /// Plugin, role and instance.
    pub owner: Owner,
    /// The main container, which gets the host's keys for this role.
    pub container: Option<String>,
    /// Volumes that the descriptor declares. Over all services, the first on disk is the one at a shared claim's root.
    pub volumes: Vec<VolumeDecl>,
    /// Resources of the main container unless the user says otherwise; null for none.
    pub resources: Value,
}

/// Host keys of the spec for one role at one subject.
#[derive(Debug, Clone, Default)]
pub struct RoleKeys {
    /// `resources` of the main container, merged over what the plugin says; null for none.
    pub resources: Value,
    /// An exception for an image that cannot run restricted: merged over the main container's `securityContext`.
    /// The gate asks for the permission all the same.
    pub security: Value,
}

/// Where volumes come from.
#[derive(Debug, Clone, Default)]
pub struct Storage {
    /// Storage class; the cluster's default when absent.
    pub class: Option<String>,
    /// Size of every claim; the descriptor's when absent.
    pub size: Option<String>,
    /// One claim that the user made and that all subjects share, each in its own folder.
    pub claim: Option<String>,
    /// Access modes; `ReadWriteOnce` when empty.
    pub access_modes: Vec<String>,
    /// Annotations of the claims.
    pub annotations: BTreeMap<String, String>,
}

/// How Services that a plugin marks with the annotation `chain.dev/expose` are reached from outside.
#[derive(Debug, Clone, Default)]
pub struct Expose {
    /// `ClusterIP`, `NodePort` or `LoadBalancer`; what the plugin says when absent.
    pub kind: Option<String>,
    /// Annotations for the cluster's load balancer.
    pub annotations: BTreeMap<String, String>,
    /// Further fields of the Service's spec (`loadBalancerClass`, `externalTrafficPolicy`, ...); null for none.
    pub spec: Value,
}

/// Host keys of the spec for one subject.
#[derive(Debug, Clone, Default)]
pub struct HostKeys {
    /// Scaled to zero on purpose.
    pub stopped: bool,
    /// Further fields of the pod's spec: `nodeSelector`, `affinity`, `tolerations`, `priorityClassName`, and
    /// `topologySpreadConstraints` in place of the default. Null for none.
    pub placement: Value,
    /// Names of pull secrets, in the subject's namespace.
    pub pull_secrets: Vec<String>,
    /// `imagePullPolicy` of every container; what the plugin says when absent.
    pub pull_policy: Option<String>,
    /// Image of the init container; the first bound container's when absent. Needs a `sh`.
    pub seed_image: Option<String>,
    /// Where volumes come from.
    pub storage: Storage,
    /// How marked Services are reached.
    pub expose: Expose,
    /// By role and instance.
    pub roles: BTreeMap<(String, String), RoleKeys>,
}

/// One of the user's patches: the last word.
#[derive(Debug, Clone)]
pub struct Patch {
    /// Kind of the objects that it changes.
    pub kind: String,
    /// Name of the object; `*` for all of the kind.
    pub name: String,
    /// Merged by the API's list-map keys; null deletes, an entry with `$patch: delete` goes.
    pub patch: Value,
}

/// Subjects of which only so many may be down at once.
#[derive(Debug, Clone)]
pub struct DisruptionGroup {
    /// Name, a DNS label.
    pub name: String,
    /// A number or a percentage, as `maxUnavailable` takes it.
    pub max_unavailable: Value,
    /// Ids of the subjects.
    pub subjects: Vec<String>,
}

/// The chain as the manifest layer sees it.
#[derive(Debug, Default)]
pub struct Shape {
    /// Name of the chain.
    pub chain: String,
    /// UID of the chain.
    pub uid: String,
    /// Name of the stack.
    pub stack: String,
    /// Release of the stack.
    pub release: String,
    /// The chain's own namespace in the home cluster.
    pub home_namespace: String,
    /// All subjects, foreign ones too.
    pub subjects: Vec<Subject>,
    /// Labels that the user wants on every object.
    pub labels: BTreeMap<String, String>,
    /// Annotations that the user wants on every object.
    pub annotations: BTreeMap<String, String>,
    /// All plugins that take part, in container order.
    pub services: Vec<Service>,
    /// Host keys by subject id; a subject that is not here has none.
    pub keys: BTreeMap<String, HostKeys>,
    /// The user's patches, in order.
    pub patches: Vec<Patch>,
    /// Disruption groups; a subject is in one at most.
    pub groups: Vec<DisruptionGroup>,
    /// Permissions that the user granted, by plugin; those for `patches` stand under that name.
    pub granted: BTreeMap<String, BTreeSet<String>>,
    /// Where kept items live.
    pub kept: BTreeMap<Address, KeptPlace>,
    /// Configured files.
    pub configured: BTreeMap<Address, Vec<u8>>,
    /// Who may bind whose secrets.
    pub consents: BTreeSet<Consent>,
    /// Secrets that the user made and names in the spec (certificates of an Ingress), by namespace and name.
    pub secrets: BTreeSet<(String, String)>,
}
