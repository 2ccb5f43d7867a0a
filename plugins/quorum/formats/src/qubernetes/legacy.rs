//! The schema before 0.1.3: one setting for all nodes, and the nodes in a file of their own.
//!
//! It is no longer read by the original, but still stands in its documents and tests, in two
//! versions: some settings moved from the outer `quorum` into the inner one. Ports and folders could
//! be set there; they are fixed now, and every other value is reported.

use crate::qubernetes::QubernetesError;
use crate::qubernetes::model::{
    Existing, Genesis, Geth, Image, Manager, NodeEntry, PrivacyManager, Qubernetes,
};
use crate::qubernetes::read::{CONSENSUS, CONSENSUS_WORDS, REPOSITORY, VERBOSITY};
use crate::qubernetes::section::{Section, Unhonoured};
use crate::qubernetes::surroundings::{self, SERVICE_WORDS, SERVICES};
use crate::yaml::{Kind, Node};

const FIXED: &str = "it can no longer be set, and has another value now";

/// Whether a file is of this schema: `nodes` is a map with a number, or `quorum` stands at the top.
pub(super) fn is_legacy(root: &Node) -> bool {
    let numbered = root
        .get("nodes")
        .is_some_and(|nodes| matches!(nodes.kind, Kind::Map(_)));
    root.get("genesis").is_none() && (numbered || root.get("quorum").is_some())
}

pub(super) fn read(root: &Node, nodes: Option<&Node>) -> Result<Qubernetes, QubernetesError> {
    let mut remarks = Vec::new();
    let mut top = Section::of(Some(root), "", 1)?;
    let mut quorum = top.section("quorum")?;
    let mut client = quorum.section("quorum")?;
    let consensus = match quorum.choice("consensus", &CONSENSUS, CONSENSUS_WORDS)? {
        Some(consensus) => consensus,
        None => client
            .choice("consensus", &CONSENSUS, CONSENSUS_WORDS)?
            .ok_or_else(|| quorum.missing("consensus"))?,
    };
    let mut place = |key| -> Result<Option<String>, QubernetesError> {
        let (outer, inner) = (quorum.filled(key)?, client.filled(key)?);
        Ok(outer.or(inner))
    };
    let mut existing = Existing {
        key_dir_base: place("Key_Dir_Base")?,
        permissioned_nodes_file: place("Permissioned_Nodes_File")?,
        genesis_file: place("Genesis_File")?,
        tessera_config_dir: None,
    };
    fixed(
        &mut quorum,
        "Node_DataDir",
        "/etc/quorum/qdata",
        &mut remarks,
    )?;
    let quorum_version = client.required("Quorum_Version")?;
    fixed(&mut client, "Raft_Port", "50401", &mut remarks)?;
    client.finish(&mut remarks);
    let mut tm = quorum.section("tm")?;
    let manager = match tm.required("Name")?.as_str() {
        "constellation" => Manager::Constellation,
        _ => Manager::Tessera,
    };
    let tm_version = tm.required("Tm_Version")?;
    fixed(&mut tm, "Port", "9001", &mut remarks)?;
    existing.tessera_config_dir = tm.filled("Tessera_Config_Dir")?;
    tm.finish(&mut remarks);
    let mut storage = quorum.section("storage")?;
    storage.ignored("Type", "volume claims are the only kind", &mut remarks);
    let capacity = storage.filled("Capacity")?;
    storage.finish(&mut remarks);
    quorum.finish(&mut remarks);

    let mut geth_section = top.section("geth")?;
    let mut network = geth_section.section("network")?;
    let network_id = network.number("id", "a number")?.unwrap_or(1101);
    network.ignored("public", "it was planned and is never read", &mut remarks);
    network.finish(&mut remarks);
    let geth = Geth {
        startup_params: geth_section
            .text("Geth_Startup_Params")?
            .unwrap_or_default(),
        verbosity: geth_section
            .number("verbosity", "a small number")?
            .unwrap_or(VERBOSITY),
        network_id,
    };
    fixed(&mut geth_section, "Node_RPCPort", "8545", &mut remarks)?;
    fixed(
        &mut geth_section,
        "NodeP2P_ListenAddr",
        "30303",
        &mut remarks,
    )?;
    geth_section.finish(&mut remarks);

    let mut service = top.section("service")?;
    let kind = service.choice("type", &SERVICES, SERVICE_WORDS)?;
    service.finish(&mut remarks);
    let mut k8s = surroundings::kubernetes(&mut top, &mut remarks)?;
    k8s.service = kind.unwrap_or(k8s.service);
    k8s.storage.capacity = capacity.unwrap_or(k8s.storage.capacity);
    let mut namespace = top.section("namespace")?;
    k8s.namespace = namespace.filled("name")?.or(k8s.namespace);
    namespace.finish(&mut remarks);

    let image = |version: &str| Image {
        version: version.to_owned(),
        repository: REPOSITORY.to_owned(),
        whole: None,
    };
    let mut numbered = top.section("nodes")?;
    let number = numbered.number("number", "a number of nodes")?;
    let names = match nodes {
        Some(nodes) => named(nodes, &mut remarks)?,
        None => (1..=number.unwrap_or(0u16))
            .map(|i| (1, format!("quorum-node{i}"), format!("key{i}")))
            .collect(),
    };
    if names.is_empty() {
        return Err(numbered.missing("number"));
    }
    numbered.finish(&mut remarks);
    top.finish(&mut remarks);
    remarks.sort_by_key(|note| note.line);
    let nodes = names
        .into_iter()
        .map(|(line, name, key_dir)| NodeEntry {
            line,
            name,
            key_dir,
            consensus,
            client: image(&quorum_version),
            tm: PrivacyManager {
                manager,
                image: image(&tm_version),
            },
            geth: geth.clone(),
        })
        .collect();
    Ok(Qubernetes {
        genesis: Genesis {
            consensus,
            qibft_block: None,
            quorum_version: quorum_version.clone(),
            tm_version: Some(tm_version.clone()),
            chain_id: network_id,
        },
        nodes,
        external_nodes: Vec::new(),
        k8s,
        cakeshop: None,
        prometheus: None,
        existing,
        legacy: true,
        unhonoured: remarks,
    })
}

/// Line, name and folder of keys of each node in `nodes.yaml`.
fn named(
    root: &Node,
    remarks: &mut Vec<Unhonoured>,
) -> Result<Vec<(usize, String, String)>, QubernetesError> {
    let mut top = Section::of(Some(root), "", 1)?;
    let mut names = Vec::new();
    for (index, node) in top.list("nodes")?.iter().enumerate() {
        let mut entry = Section::of(Some(node), &format!("/nodes/{index}"), node.line)?;
        let name = entry.required("Node_UserIdent")?;
        names.push((node.line, name, entry.required("Key_Dir")?));
        entry.finish(remarks);
    }
    top.finish(remarks);
    Ok(names)
}

/// A setting that is gone: fine where it says what holds now, reported where it does not.
fn fixed(
    section: &mut Section<'_>,
    key: &'static str,
    now: &str,
    remarks: &mut Vec<Unhonoured>,
) -> Result<(), QubernetesError> {
    match section.text(key)? {
        Some(text) if text != now => {
            section.ignored(key, &format!("{FIXED}: {now}"), remarks);
            Ok(())
        }
        _ => Ok(()),
    }
}
