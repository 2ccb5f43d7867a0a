//! The present schema.

use std::collections::{BTreeMap, BTreeSet};

use crate::address::Address;
use crate::quantity::Quantity;
use crate::qubernetes::QubernetesError;
use crate::qubernetes::model::{
    Cakeshop, ConsensusKind, Existing, ExternalNode, Genesis, Geth, Image, Ingress,
    IngressStrategy, Kubernetes, Manager, NodeEntry, PrivacyManager, Prometheus, Qubernetes,
    ServiceKind, Storage, StorageClass,
};
use crate::qubernetes::section::{Section, Unhonoured, invalid};
use crate::yaml::{Kind, Node};

pub(super) const REPOSITORY: &str = "quorumengineering";
pub(super) const VERBOSITY: u8 = 9;
const CHAIN_ID: u64 = 1101;
const METRICS: &str = "--metrics --metrics.expensive --pprof --pprofaddr=0.0.0.0";

pub(super) const CONSENSUS: [(&str, ConsensusKind); 6] = [
    ("istanbul", ConsensusKind::Istanbul),
    ("ibft", ConsensusKind::Istanbul),
    ("qibft", ConsensusKind::Qibft),
    ("qbft", ConsensusKind::Qbft),
    ("raft", ConsensusKind::Raft),
    ("clique", ConsensusKind::Clique),
];
pub(super) const CONSENSUS_WORDS: &str = "istanbul, qbft, raft or clique";
pub(super) const SERVICES: [(&str, ServiceKind); 3] = [
    ("ClusterIP", ServiceKind::ClusterIp),
    ("NodePort", ServiceKind::NodePort),
    ("LoadBalancer", ServiceKind::LoadBalancer),
];
pub(super) const SERVICE_WORDS: &str = "ClusterIP, NodePort or LoadBalancer";
pub(super) const PORT: &str = "a port";

type Remarks = Vec<Unhonoured>;

pub(super) fn read(root: &Node) -> Result<Qubernetes, QubernetesError> {
    let mut remarks = Remarks::new();
    let mut top = Section::of(Some(root), "", 1)?;
    let genesis = genesis(&mut top, &mut remarks)?;
    let mut nodes = Vec::new();
    let (mut names, mut folders) = (BTreeSet::new(), BTreeSet::new());
    for (index, node) in top.list("nodes")?.iter().enumerate() {
        let node = node_entry(node, index, &genesis, &mut remarks)?;
        for (what, name, seen) in [
            ("name", &node.name, &mut names),
            ("key folder", &node.key_dir, &mut folders),
        ] {
            if !seen.insert(name.clone()) {
                return Err(QubernetesError::Twice {
                    line: node.line,
                    what,
                    name: name.clone(),
                });
            }
        }
        nodes.push(node);
    }
    if nodes.is_empty() {
        return Err(top.missing("nodes"));
    }
    let mut external_nodes = Vec::new();
    for (index, node) in top.list("external_nodes")?.iter().enumerate() {
        external_nodes.push(external_node(node, index, &mut remarks)?);
    }
    let k8s = kubernetes(&mut top, &mut remarks)?;
    let cakeshop = cakeshop(&mut top, &mut remarks)?;
    let prometheus = prometheus(&mut top, &mut remarks)?;
    let existing = existing(&mut top, &mut remarks)?;
    top.finish(&mut remarks);
    remarks.sort_by_key(|note| note.line);
    Ok(Qubernetes {
        genesis,
        nodes,
        external_nodes,
        k8s,
        cakeshop,
        prometheus,
        existing,
        legacy: false,
        unhonoured: remarks,
    })
}

fn genesis(top: &mut Section<'_>, remarks: &mut Remarks) -> Result<Genesis, QubernetesError> {
    if !top.has("genesis") {
        return Err(top.missing("genesis"));
    }
    let mut section = top.section("genesis")?;
    let consensus = section
        .choice("consensus", &CONSENSUS, CONSENSUS_WORDS)?
        .ok_or_else(|| section.missing("consensus"))?;
    if consensus != ConsensusKind::Qibft {
        section.ignored(
            "qibftBlock",
            "only the consensus qibft changes at a block",
            remarks,
        );
    }
    let read = Genesis {
        consensus,
        qibft_block: section.number("qibftBlock", "a block number")?,
        quorum_version: section.required("Quorum_Version")?,
        tm_version: section.filled("Tm_Version")?,
        chain_id: section.number("Chain_Id", "a number")?.unwrap_or(CHAIN_ID),
    };
    section.finish(remarks);
    Ok(read)
}

fn node_entry(
    node: &Node,
    index: usize,
    genesis: &Genesis,
    remarks: &mut Remarks,
) -> Result<NodeEntry, QubernetesError> {
    let mut entry = Section::of(Some(node), &format!("/nodes/{index}"), node.line)?;
    let name = entry.required("Node_UserIdent")?;
    if !is_label(&name) {
        return Err(QubernetesError::Invalid {
            line: node.line,
            path: entry.path("Node_UserIdent"),
            value: name,
            expected: "lower-case letters, digits and hyphens, 63 at most",
        });
    }
    let key_dir = entry.required("Key_Dir")?;
    let mut outer = entry.section("quorum")?;
    let misplaced = "geth belongs beside quorum, not into it; here it was never read";
    outer.ignored("geth", misplaced, remarks);
    let mut client = outer.section("quorum")?;
    let consensus = client
        .choice("consensus", &CONSENSUS, CONSENSUS_WORDS)?
        .unwrap_or(genesis.consensus);
    let version = client.required("Quorum_Version")?;
    let client_image = image(&mut client, version)?;
    client.finish(remarks);
    let mut tm = outer.section("tm")?;
    let manager = match tm.required("Name")?.as_str() {
        "constellation" => Manager::Constellation,
        _ => Manager::Tessera,
    };
    let version = tm.required("Tm_Version")?;
    let tm_image = image(&mut tm, version)?;
    tm.finish(remarks);
    outer.finish(remarks);
    let geth = geth(&mut entry, genesis.chain_id, remarks)?;
    entry.finish(remarks);
    Ok(NodeEntry {
        line: node.line,
        name,
        key_dir,
        consensus,
        client: client_image,
        tm: PrivacyManager {
            manager,
            image: tm_image,
        },
        geth,
    })
}

fn image(section: &mut Section<'_>, version: String) -> Result<Image, QubernetesError> {
    Ok(Image {
        version,
        repository: section
            .filled("Docker_Repo")?
            .unwrap_or_else(|| REPOSITORY.to_owned()),
        whole: section.filled("Docker_Repo_Full")?,
    })
}

fn geth(
    entry: &mut Section<'_>,
    chain_id: u64,
    remarks: &mut Remarks,
) -> Result<Geth, QubernetesError> {
    let mut section = entry.section("geth")?;
    let mut network = section.section("network")?;
    let network_id = network.number("id", "a number")?.unwrap_or(chain_id);
    network.ignored("public", "it was planned and is never read", remarks);
    network.finish(remarks);
    let read = Geth {
        startup_params: section.text("Geth_Startup_Params")?.unwrap_or_default(),
        verbosity: section
            .number("verbosity", "a small number")?
            .unwrap_or(VERBOSITY),
        network_id,
    };
    section.finish(remarks);
    Ok(read)
}

fn external_node(
    node: &Node,
    index: usize,
    remarks: &mut Remarks,
) -> Result<ExternalNode, QubernetesError> {
    let mut entry = Section::of(Some(node), &format!("/external_nodes/{index}"), node.line)?;
    let url = entry.required("Enode_Url")?;
    let enode = url
        .trim()
        .parse()
        .map_err(|source| QubernetesError::Enode {
            line: entry.line(),
            path: entry.path("Enode_Url"),
            source,
        })?;
    let path = entry.path("Node_Acct_Addr");
    let address = entry.get("Node_Acct_Addr");
    let address = address.map(|node| address_of(node, &path)).transpose()?;
    let read = ExternalNode {
        name: entry.filled("Node_UserIdent")?,
        enode,
        tm_url: entry.filled("Tm_Url")?,
        address: address.flatten(),
    };
    entry.finish(remarks);
    Ok(read)
}

/// An address, quoted or not. Unquoted it may have passed through a reader that took it for a
/// number, and come back without its leading zeros or in decimal.
fn address_of(node: &Node, path: &str) -> Result<Option<Address>, QubernetesError> {
    let Kind::Scalar { text, plain } = &node.kind else {
        return Err(invalid(node, path, "an address"));
    };
    if text.is_empty() {
        return Ok(None);
    }
    let error = match text.parse::<Address>() {
        Ok(address) => return Ok(Some(address)),
        Err(error) => error,
    };
    let number = text.parse::<Quantity>().ok().filter(|_| *plain);
    match number.and_then(|number| number.as_array()) {
        Some(bytes) => Ok(Some(Address::from_bytes(bytes))),
        None => Err(QubernetesError::Address {
            line: node.line,
            path: path.to_owned(),
            source: error,
        }),
    }
}

fn kubernetes(top: &mut Section<'_>, remarks: &mut Remarks) -> Result<Kubernetes, QubernetesError> {
    let default = Kubernetes::default();
    let mut section = top.section("k8s")?;
    let mut service = section.section("service")?;
    service.ignored(
        "storage",
        "storage belongs beside service, not into it",
        remarks,
    );
    let kind = service.choice("type", &SERVICES, SERVICE_WORDS)?;
    let ingress = match service.get("Ingress") {
        None => None,
        Some(_) => Some(ingress(&mut service, remarks)?),
    };
    let network_policy = service.boolean("NetworkPolicy")?.unwrap_or_default();
    service.finish(remarks);
    let security_context = section.get("securityContext").map(Node::json);
    let storage = storage(&mut section, remarks)?;
    let read = Kubernetes {
        separate_files: section
            .boolean("sep_deployment_files")?
            .unwrap_or(default.separate_files),
        namespace: section.filled("namespace")?,
        security_context,
        service: kind.unwrap_or(default.service),
        ingress,
        network_policy,
        storage,
    };
    section.finish(remarks);
    Ok(read)
}

fn ingress(service: &mut Section<'_>, remarks: &mut Remarks) -> Result<Ingress, QubernetesError> {
    let mut section = service.section("Ingress")?;
    let strategies = [
        ("OneToOne", IngressStrategy::OneToOne),
        ("OneToMany", IngressStrategy::OneToMany),
    ];
    let read = Ingress {
        strategy: section.choice("Strategy", &strategies, "OneToOne or OneToMany")?,
        host: section.filled("Host")?,
        ws: section.boolean("ws")?.unwrap_or_default(),
    };
    section.finish(remarks);
    Ok(read)
}

/// Either flat or below `PVC`; with `PVC` there, what stands flat beside it is not read.
fn storage(k8s: &mut Section<'_>, remarks: &mut Remarks) -> Result<Storage, QubernetesError> {
    let mut flat = k8s.section("storage")?;
    flat.ignored("Type", "volume claims are the only kind", remarks);
    if flat.get("PVC").is_none() {
        let read = volumes(&mut flat, remarks)?;
        flat.finish(remarks);
        return Ok(read);
    }
    let mut below = flat.section("PVC")?;
    let read = volumes(&mut below, remarks)?;
    below.finish(remarks);
    for key in ["Capacity", "annotations", "storageClassName"] {
        flat.ignored(
            key,
            "with PVC beside it, it is read below PVC only",
            remarks,
        );
    }
    flat.finish(remarks);
    Ok(read)
}

fn volumes(section: &mut Section<'_>, remarks: &mut Remarks) -> Result<Storage, QubernetesError> {
    let default = Storage::default();
    section.ignored("Strategy", "it was planned and is never read", remarks);
    let mut annotations = BTreeMap::new();
    if let Some(node) = section.get("annotations") {
        let Kind::Map(entries) = &node.kind else {
            return Err(invalid(node, &section.path("annotations"), "a map"));
        };
        for (key, value) in entries {
            annotations.insert(key.clone(), value.text().unwrap_or_default().to_owned());
        }
    }
    let mut made = section.section("storageClass")?;
    let template = made.filled("template")?;
    made.ignored("provisioner", "the template has its own", remarks);
    let class = match template {
        None => None,
        Some(template) => Some(StorageClass {
            template,
            name: made.filled("name")?,
            kms_key_id: made.filled("kmsKeyId")?,
            reclaim_policy: made
                .filled("reclaimPolicy")?
                .unwrap_or_else(|| "Delete".to_owned()),
        }),
    };
    made.finish(remarks);
    Ok(Storage {
        capacity: section.filled("Capacity")?.unwrap_or(default.capacity),
        annotations,
        class_name: section.filled("storageClassName")?,
        class,
    })
}

fn cakeshop(
    top: &mut Section<'_>,
    remarks: &mut Remarks,
) -> Result<Option<Cakeshop>, QubernetesError> {
    let mut section = top.section("cakeshop")?;
    let version = section.filled("version")?;
    let repository = section.filled("Docker_Repo")?;
    let mut service = section.section("service")?;
    let kind = service.choice("type", &SERVICES, SERVICE_WORDS)?;
    let node_port = service.number("nodePort", PORT)?;
    let mut ingress = None;
    if service.get("Ingress").is_some() {
        let mut section = service.section("Ingress")?;
        ingress = Some(section.filled("Host")?);
        section.finish(remarks);
    }
    service.finish(remarks);
    section.finish(remarks);
    Ok(version.map(|version| Cakeshop {
        version,
        repository: repository.unwrap_or_else(|| REPOSITORY.to_owned()),
        service: kind.unwrap_or(ServiceKind::LoadBalancer),
        node_port,
        ingress,
    }))
}

fn prometheus(
    top: &mut Section<'_>,
    remarks: &mut Remarks,
) -> Result<Option<Prometheus>, QubernetesError> {
    let Some(node) = top.get("prometheus") else {
        return Ok(None);
    };
    match node.boolean() {
        Some(false) => return Ok(None),
        Some(true) => {
            let node_port = None;
            let geth_params = METRICS.to_owned();
            return Ok(Some(Prometheus {
                node_port,
                geth_params,
            }));
        }
        None => {}
    }
    let mut section = top.section("prometheus")?;
    if section.boolean("enabled")? == Some(false) {
        let reason = "the section itself enables it, even with enabled: false";
        section.ignored("enabled", reason, remarks);
    }
    let read = Prometheus {
        node_port: section.number("nodePort_prom", PORT)?,
        geth_params: section
            .filled("monitor_params_geth")?
            .unwrap_or_else(|| METRICS.to_owned()),
    };
    section.finish(remarks);
    Ok(Some(read))
}

fn existing(top: &mut Section<'_>, remarks: &mut Remarks) -> Result<Existing, QubernetesError> {
    let default = Existing::default();
    let mut section = top.section("config")?;
    let reason = "the chain id is that of genesis";
    section.ignored("Chain_Id", reason, remarks);
    let read = Existing {
        key_dir_base: section
            .filled("Key_Dir_Base")?
            .unwrap_or(default.key_dir_base),
        permissioned_nodes_file: section
            .filled("Permissioned_Nodes_File")?
            .unwrap_or(default.permissioned_nodes_file),
        genesis_file: section
            .filled("Genesis_File")?
            .unwrap_or(default.genesis_file),
        tessera_config_dir: section
            .filled("Tessera_Config_Dir")?
            .unwrap_or(default.tessera_config_dir),
    };
    section.finish(remarks);
    Ok(read)
}

/// A name that a Service can have.
pub(super) fn is_label(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
