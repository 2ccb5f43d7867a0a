//! The tree of chain.yaml. Every field has a default; the whole file could be `kubectl chain create`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// `apiVersion` of the file.
pub const API_VERSION: &str = "chain.dev/v1alpha1";
/// Most nodes that one chain may have.
pub const MOST_NODES: usize = 10_000;

/// The file: `apiVersion`, `kind`, `metadata`, `spec`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChainFile {
    /// [`API_VERSION`].
    #[serde(default = "api_version")]
    pub api_version: String,
    /// `Chain`.
    #[serde(default = "kind")]
    pub kind: String,
    /// Name and namespace.
    #[serde(default)]
    pub metadata: Metadata,
    /// The rest.
    #[serde(default)]
    pub spec: ChainSpec,
}

fn api_version() -> String {
    API_VERSION.to_owned()
}

fn kind() -> String {
    "Chain".to_owned()
}

impl Default for ChainFile {
    fn default() -> Self {
        Self {
            api_version: api_version(),
            kind: kind(),
            metadata: Metadata::default(),
            spec: ChainSpec::default(),
        }
    }
}

/// Name and namespace.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// The chain's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its home namespace; the context's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Labels for every object.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations for every object.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// What the user wants.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChainSpec {
    /// The stack; the only one in sight, or `cita-cloud`-like first one, when absent (see resolve).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    /// Its release; the stack's default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// How many nodes, or which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Nodes>,
    /// The stack's own options.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub options: Map<String, Value>,
    /// Plugins by role.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub services: BTreeMap<String, Services>,
    /// Volumes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub storage: Storage,
    /// How the chain is reached from outside.
    #[serde(default, skip_serializing_if = "is_default")]
    pub expose: Expose,
    /// Where images come from.
    #[serde(default, skip_serializing_if = "is_default")]
    pub images: Images,
    /// Where pods run.
    #[serde(default, skip_serializing_if = "is_default")]
    pub placement: Placement,
    /// Other clusters in which nodes live, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub clusters: BTreeMap<String, ClusterEntry>,
    /// Whose pods are stopped on purpose; as it was when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
    /// The last word on any object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<Patch>,
    /// What the stack's kinds declare, each under its key.
    #[serde(flatten)]
    pub kinds: BTreeMap<String, Value>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// `true` for the whole chain, or a list of subjects by id (`node/node0`) or name (`node0`), each with what is below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected true, false or a list of names such as [node0]"
)]
pub enum Stopped {
    /// All of it, or nothing.
    All(bool),
    /// These.
    Some(BTreeSet<String>),
}

impl Default for Stopped {
    fn default() -> Self {
        Self::All(false)
    }
}

/// A number of nodes, or a list of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Nodes {
    /// That many, all alike.
    Count(u64),
    /// One entry each.
    List(Vec<NodeEntry>),
}

/// Another cluster in which nodes of the chain live.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterEntry {
    /// Context of the kubeconfig that leads there.
    pub context: String,
    /// Namespace there; that of the chain when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Address at which others reach its nodes from outside, where a node names none itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The stack's own options for this cluster.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub options: Map<String, Value>,
}

/// One node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct NodeEntry {
    /// Its name; the stack's own pattern when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Organisation that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub org: Option<String>,
    /// Cluster by its name under `clusters`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Address at which others reach it from outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The stack's own options for this node.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub options: Map<String, Value>,
    /// What differs in this node's services; provision and render follow it, configure does not.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub services: BTreeMap<String, Service>,
    /// Where its pod runs.
    #[serde(skip_serializing_if = "is_default")]
    pub placement: Placement,
    /// Its volumes.
    #[serde(skip_serializing_if = "is_default")]
    pub storage: Storage,
}

/// One plugin for a role, or several instances.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Services {
    /// `kms: kms_sm`
    Name(String),
    /// `kms: {plugin: kms_sm, options: {...}}`
    One(Box<Service>),
    /// Several, each with a name of its own.
    Many(Vec<Service>),
}

/// A service: the plugin that fills a role, and what the user says about it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Service {
    /// Name of the instance; the role's when it is the only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Plugin name, or path of a `.wasm` file; the stack's default when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// The plugin's own options.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub options: Map<String, Value>,
    /// Image of its main container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Its other images, by the names in its descriptor.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub images: BTreeMap<String, String>,
    /// Kubernetes `resources` of its main container.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub resources: Value,
}

/// Volumes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Storage {
    /// StorageClass; the cluster's default when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Size of each volume; the plugin's when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// A claim that already exists and that all nodes share, each in its own folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
    /// Access modes; `ReadWriteOnce` when absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub access_modes: Vec<String>,
    /// Annotations of the claims.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// What differs for subjects of a kind: `{"orderer": {"class": …}}`. Said for the whole chain only.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub by_kind: BTreeMap<String, Storage>,
}

/// How the chain is reached from outside.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Expose {
    /// `ClusterIP`, `NodePort` or `LoadBalancer`; the stack's default when absent.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// First port of the block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Annotations of the Services that face outside.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// Where images come from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Images {
    /// Put before every image that the user did not name himself, e.g. `mirror.example/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Names of pull secrets that exist in the namespace.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pull_secrets: Vec<String>,
    /// `IfNotPresent` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_policy: Option<String>,
    /// Image of the init container that seeds volumes; the service's own when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<String>,
}

/// Where pods run, in Kubernetes' own words.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Placement {
    /// `nodeSelector` of the pod.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// `affinity` of the pod.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub affinity: Value,
    /// `tolerations` of the pod.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Value>,
    /// `topologySpreadConstraints` of the pod; a preferred spread over hosts when absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub topology_spread_constraints: Vec<Value>,
    /// `priorityClassName` of the pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority_class_name: Option<String>,
    /// What differs for subjects of a kind: `{"kafka": {"nodeSelector": …}}`. Said for the whole chain only.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub by_kind: BTreeMap<String, Placement>,
}

/// A patch: which objects, and what is merged into them by the API's own list keys; `null` deletes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Patch {
    /// Which objects.
    pub target: PatchTarget,
    /// What is merged.
    pub patch: Value,
}

/// Objects by kind, and by name if only one is meant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PatchTarget {
    /// Kind, e.g. `StatefulSet`.
    pub kind: String,
    /// Name; all of that kind when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl ChainSpec {
    /// The nodes as a list: a count becomes that many entries without a name.
    pub fn node_entries(&self) -> Vec<NodeEntry> {
        match &self.nodes {
            None => vec![NodeEntry::default(); 3],
            Some(Nodes::Count(count)) => {
                vec![
                    NodeEntry::default();
                    usize::try_from(*count)
                        .unwrap_or(usize::MAX)
                        .min(MOST_NODES + 1)
                ]
            }
            Some(Nodes::List(entries)) => entries.clone(),
        }
    }
}

impl Services {
    /// The instances, one or several.
    pub fn instances(&self) -> Vec<Service> {
        match self {
            Self::Name(name) => vec![Service {
                plugin: Some(name.clone()),
                ..Service::default()
            }],
            Self::One(service) => vec![(**service).clone()],
            Self::Many(services) => services.clone(),
        }
    }
}
