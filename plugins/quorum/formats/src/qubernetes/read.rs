//! The present schema.

use std::collections::BTreeSet;

use crate::address::Address;
use crate::quantity::Quantity;
use crate::qubernetes::QubernetesError;
use crate::qubernetes::model::{
    ConsensusKind, ExternalNode, ExternalNodes, Genesis, Geth, Image, Manager, NodeEntry,
    PrivacyManager, Qubernetes,
};
use crate::qubernetes::section::{Section, Unhonoured, invalid};
use crate::qubernetes::surroundings;
use crate::yaml::{Kind, Node};

pub(super) const REPOSITORY: &str = "quorumengineering";
pub(super) const VERBOSITY: u8 = 9;
const CHAIN_ID: u64 = 1101;

pub(super) const CONSENSUS: [(&str, ConsensusKind); 6] = [
    ("istanbul", ConsensusKind::Istanbul),
    ("ibft", ConsensusKind::Istanbul),
    ("qibft", ConsensusKind::Qibft),
    ("qbft", ConsensusKind::Qbft),
    ("raft", ConsensusKind::Raft),
    ("clique", ConsensusKind::Clique),
];
pub(super) const CONSENSUS_WORDS: &str = "istanbul, qbft, raft or clique";

pub(super) type Remarks = Vec<Unhonoured>;

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
    let external_nodes = external_nodes(&mut top, &mut remarks)?;
    let k8s = surroundings::kubernetes(&mut top, &mut remarks)?;
    let cakeshop = surroundings::cakeshop(&mut top, &mut remarks)?;
    let prometheus = surroundings::prometheus(&mut top, &mut remarks)?;
    let existing = surroundings::existing(&mut top, &mut remarks)?;
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

/// A file of nodes of another cluster, and nothing else that has an effect.
pub(super) fn external(root: &Node) -> Result<ExternalNodes, QubernetesError> {
    let mut remarks = Remarks::new();
    let mut top = Section::of(Some(root), "", 1)?;
    let nodes = external_nodes(&mut top, &mut remarks)?;
    if nodes.is_empty() {
        return Err(top.missing("external_nodes"));
    }
    for key in ["k8s", "cakeshop", "prometheus", "config"] {
        top.ignored(
            key,
            "without genesis and nodes there is no network that it is about",
            &mut remarks,
        );
    }
    top.finish(&mut remarks);
    remarks.sort_by_key(|note| note.line);
    Ok(ExternalNodes {
        nodes,
        unhonoured: remarks,
    })
}

fn external_nodes(
    top: &mut Section<'_>,
    remarks: &mut Remarks,
) -> Result<Vec<ExternalNode>, QubernetesError> {
    let entries = top.list("external_nodes")?.iter().enumerate();
    entries
        .map(|(index, node)| external_node(node, index, remarks))
        .collect()
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
        "tessera" => Manager::Tessera,
        _ => {
            let reason =
                "it is neither tessera nor constellation; the original takes it for tessera";
            tm.ignored("Name", reason, remarks);
            Manager::Tessera
        }
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
        line: node.line,
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

/// A name that a Service can have.
pub(super) fn is_label(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
