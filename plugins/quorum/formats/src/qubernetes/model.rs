//! What a `qubernetes.yaml` says, with the defaults of the original filled in.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::address::Address;
use crate::enode::Enode;
use crate::qubernetes::Unhonoured;

/// A whole file.
#[derive(Debug, Clone, PartialEq)]
pub struct Qubernetes {
    /// The chain.
    pub genesis: Genesis,
    /// Its nodes, in order: Raft ids and validators follow it.
    pub nodes: Vec<NodeEntry>,
    /// Nodes of the same chain in other clusters.
    pub external_nodes: Vec<ExternalNode>,
    /// The objects around the nodes.
    pub k8s: Kubernetes,
    /// The explorer, when there is one.
    pub cakeshop: Option<Cakeshop>,
    /// The monitoring, when there is some.
    pub prometheus: Option<Prometheus>,
    /// Files that are there already.
    pub existing: Existing,
    /// Whether the file was of the schema before 0.1.3.
    pub legacy: bool,
    /// Keys that change nothing.
    pub unhonoured: Vec<Unhonoured>,
}

/// A consensus by its name in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsensusKind {
    /// `istanbul`, and `ibft`, which the original's documents say but its templates do not know.
    Istanbul,
    /// `qibft`: Istanbul that is to change to QBFT at `qibftBlock`.
    Qibft,
    /// `qbft`, of which the same holds as of `ibft`.
    Qbft,
    /// `raft`.
    Raft,
    /// `clique`.
    Clique,
}

/// The section `genesis`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Genesis {
    /// The consensus of the chain.
    pub consensus: ConsensusKind,
    /// The block at which `qibft` changes.
    pub qibft_block: Option<u64>,
    /// The client's version, from which keys of the genesis file follow.
    pub quorum_version: String,
    /// The privacy manager's version; two of the shipped examples lack it.
    pub tm_version: Option<String>,
    /// The chain id.
    pub chain_id: u64,
}

/// Where an image comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The version, which is the tag.
    pub version: String,
    /// The repository, `quorumengineering` when the file says none.
    pub repository: String,
    /// A whole reference, which then is the image, and never pulled.
    pub whole: Option<String>,
}

impl Image {
    /// The reference of the image that the original runs.
    #[must_use]
    pub fn reference(&self, name: &str) -> String {
        match &self.whole {
            Some(whole) => whole.clone(),
            None => format!("{}/{name}:{}", self.repository, self.version),
        }
    }
}

/// Which privacy manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manager {
    /// Tessera: whatever is not called Constellation.
    Tessera,
    /// Constellation.
    Constellation,
}

/// The privacy manager of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivacyManager {
    /// Which.
    pub manager: Manager,
    /// Its image.
    pub image: Image,
}

/// The section `geth` of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Geth {
    /// Further arguments, as they stand: see [`startup_arguments`](Self::startup_arguments).
    pub startup_params: String,
    /// How much the client says; 9 when the file says nothing.
    pub verbosity: u8,
    /// The id of the network, the chain id when the file says nothing.
    pub network_id: u64,
}

impl Geth {
    /// The further arguments as a shell would split them. They were pasted into a quoted string of
    /// YAML, so a quotation mark stands there as `\"`.
    #[must_use]
    pub fn startup_arguments(&self) -> Vec<String> {
        let text = self.startup_params.replace("\\\"", "\"");
        let mut words = Vec::new();
        let mut word: Option<String> = None;
        let mut quote = None;
        for c in text.chars() {
            match (quote, c) {
                (Some(mark), c) if c == mark => quote = None,
                (None, '"' | '\'') => {
                    quote = Some(c);
                    word.get_or_insert_default();
                }
                (None, c) if c.is_whitespace() => words.extend(word.take()),
                (_, c) => word.get_or_insert_default().push(c),
            }
        }
        words.extend(word);
        words
    }
}

/// An entry of `nodes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeEntry {
    /// The line on which it begins.
    pub line: usize,
    /// Its name: of its Service, and before `-deployment` and `-pvc`.
    pub name: String,
    /// The folder of its keys, below [`Existing::key_dir_base`].
    pub key_dir: String,
    /// What its command line is made for; should be the chain's.
    pub consensus: ConsensusKind,
    /// The client.
    pub client: Image,
    /// The privacy manager.
    pub tm: PrivacyManager,
    /// Arguments of the client.
    pub geth: Geth,
}

/// An entry of `external_nodes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalNode {
    /// The line on which it begins; of no meaning where the entry is written.
    pub line: usize,
    /// A label. Names of two clusters may be alike.
    pub name: Option<String>,
    /// Which node, and where it is reached from here.
    pub enode: Enode,
    /// Where its privacy manager is reached: `host:port`.
    pub tm_url: Option<String>,
    /// The address of its node key, for Istanbul.
    pub address: Option<Address>,
}

/// The kind of a Service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceKind {
    /// `ClusterIP`.
    ClusterIp,
    /// `NodePort`.
    NodePort,
    /// `LoadBalancer`.
    LoadBalancer,
}

/// How an Ingress is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IngressStrategy {
    /// One Ingress a node, with a host of its own.
    OneToOne,
    /// One Ingress with a path a node.
    OneToMany,
}

/// The section `Ingress`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ingress {
    /// The layout. Without one the original makes no Ingress.
    pub strategy: Option<IngressStrategy>,
    /// The host, or the domain of the hosts.
    pub host: Option<String>,
    /// Whether web sockets have a path too.
    pub ws: bool,
}

/// The section `storageClass`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageClass {
    /// The template; the original ships one, `eks-storage-class`.
    pub template: String,
    /// The name of the class.
    pub name: Option<String>,
    /// A key for encryption.
    pub kms_key_id: Option<String>,
    /// What becomes of a volume; `Delete` when the file says nothing.
    pub reclaim_policy: String,
}

/// The section `storage`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// The size of each volume, `200Mi` when the file says nothing.
    pub capacity: String,
    /// Annotations of each claim.
    pub annotations: BTreeMap<String, String>,
    /// The class of each claim.
    pub class_name: Option<String>,
    /// A class that is made.
    pub class: Option<StorageClass>,
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            capacity: "200Mi".to_owned(),
            annotations: BTreeMap::new(),
            class_name: None,
            class: None,
        }
    }
}

/// The section `k8s`.
#[derive(Debug, Clone, PartialEq)]
pub struct Kubernetes {
    /// One file a Deployment, not one for all.
    pub separate_files: bool,
    /// The namespace.
    pub namespace: Option<String>,
    /// `securityContext` of the pods, as it stands.
    pub security_context: Option<Value>,
    /// The kind of the nodes' Services.
    pub service: ServiceKind,
    /// An Ingress, when there is one.
    pub ingress: Option<Ingress>,
    /// Whether there are network policies.
    pub network_policy: bool,
    /// The nodes' volumes.
    pub storage: Storage,
}

impl Default for Kubernetes {
    fn default() -> Self {
        Self {
            separate_files: true,
            namespace: None,
            security_context: None,
            service: ServiceKind::NodePort,
            ingress: None,
            network_policy: false,
            storage: Storage::default(),
        }
    }
}

/// The section `cakeshop`; without a version there is no explorer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cakeshop {
    /// The version, which is the tag.
    pub version: String,
    /// The repository of the image.
    pub repository: String,
    /// The kind of its Service.
    pub service: ServiceKind,
    /// A fixed port on every machine.
    pub node_port: Option<u16>,
    /// The host of an Ingress; without one it is any.
    pub ingress: Option<Option<String>>,
}

/// The section `prometheus`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prometheus {
    /// A fixed port on every machine.
    pub node_port: Option<u16>,
    /// Arguments of the client.
    pub geth_params: String,
}

/// The section `config`: where files are that need not be made. What the file does not say is made, and is nothing here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Existing {
    /// The folder of the folders of keys.
    pub key_dir_base: Option<String>,
    /// The list of nodes.
    pub permissioned_nodes_file: Option<String>,
    /// The genesis file.
    pub genesis_file: Option<String>,
    /// The folder of the privacy manager's templates.
    pub tessera_config_dir: Option<String>,
}

/// A file that holds nothing but nodes of another cluster, as the original's export writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalNodes {
    /// The nodes.
    pub nodes: Vec<ExternalNode>,
    /// Keys that change nothing.
    pub unhonoured: Vec<Unhonoured>,
}

impl Qubernetes {
    /// The entries of `external_nodes` with which another cluster joins these, as YAML. Addresses
    /// are quoted, so that no reader takes them for numbers.
    #[must_use]
    pub fn render_external(nodes: &[ExternalNode]) -> String {
        let mut lines = vec!["external_nodes:".to_owned()];
        for node in nodes {
            let name = node.name.as_deref().unwrap_or_default();
            lines.push(format!("- Node_UserIdent: {}", Value::from(name)));
            lines.push(format!("  Enode_Url: \"{}\"", node.enode));
            if let Some(url) = &node.tm_url {
                lines.push(format!("  Tm_Url: {}", Value::from(url.as_str())));
            }
            if let Some(address) = node.address {
                lines.push(format!("  Node_Acct_Addr: \"{address}\""));
            }
        }
        lines.join("\n") + "\n"
    }
}
