//! The consensus of the chain, with what the arguments of its nodes say of it.

use chain_plugin_sdk::Diagnostics;
use quorum_formats::qubernetes::{ConsensusKind, NodeEntry, Qubernetes};
use quorum_formats::version::Version;
use quorum_service::fault::refuse_with;
use serde_json::{Map, Value, json};

use super::QUBERNETES;
use super::notes::Notes;
use super::overlay::Overlay;

/// The first version that can change to QBFT.
const QBFT: Version = Version::new(21, 7, 0);
/// Members of raft that bear the loss of one.
const ENOUGH: usize = 3;
/// Seconds between blocks of istanbul, as the original always said.
const PERIOD: u64 = 3;

/// The service.
pub fn service(
    read: &Qubernetes,
    client: &mut Overlay,
    notes: &mut Notes,
) -> Result<Value, Diagnostics> {
    let kind = read.genesis.consensus;
    one(read, kind)?;
    let mut options = Map::new();
    let plugin = match kind {
        ConsensusKind::Istanbul => "istanbul",
        ConsensusKind::Qibft => match read.genesis.qibft_block {
            Some(0) => "qbft",
            Some(block) => {
                changes(read)?;
                options.insert("qbftBlock".to_owned(), json!(block));
                "istanbul"
            }
            None => {
                return Err(refuse_with(
                    QUBERNETES,
                    "/genesis/qibftBlock",
                    "it is missing: the block at which qibft changes to QBFT",
                    "`qibftBlock: 100`, or `consensus: qbft` for QBFT from the first block on",
                ));
            }
        },
        ConsensusKind::Qbft => "qbft",
        ConsensusKind::Raft => "raft",
        ConsensusKind::Clique => "clique",
    };
    match plugin {
        "raft" => {
            if let Some(time) = said(client, "--raftblocktime", notes) {
                options.insert("blockTime".to_owned(), json!(time));
            }
            if read.nodes.len() < ENOUGH {
                options.insert("fragile".to_owned(), json!(true));
                let reason =
                    "raft of fewer than 3 nodes stops when one is away; `fragile: true` allows it";
                notes.warn("/nodes", reason, None);
            }
        }
        "clique" => {
            options.insert("blockPeriod".to_owned(), json!(0));
        }
        _ => {
            let said = said(client, "--istanbul.blockperiod", notes);
            let always =
                (kind == ConsensusKind::Istanbul || kind == ConsensusKind::Qibft).then_some(PERIOD);
            if let Some(period) = said.or(always) {
                options.insert("blockPeriod".to_owned(), json!(period));
            }
        }
    }
    let mut service = json!({"plugin": plugin});
    if let (false, Some(service)) = (options.is_empty(), service.as_object_mut()) {
        service.insert("options".to_owned(), Value::Object(options));
    }
    Ok(service)
}

/// What all nodes say of a time between blocks.
fn said(client: &mut Overlay, argument: &str, notes: &mut Notes) -> Option<u64> {
    let Ok(value) = client.common_argument(argument) else {
        let reason = format!("{argument} differs between nodes: it stays an argument of each");
        notes.warn("/nodes", &reason, None);
        return None;
    };
    value
}

/// All nodes of a chain have its consensus. Before the change, qibft is istanbul.
fn one(read: &Qubernetes, kind: ConsensusKind) -> Result<(), Diagnostics> {
    let plain = |kind: ConsensusKind| match kind {
        ConsensusKind::Qibft => ConsensusKind::Istanbul,
        kind => kind,
    };
    let other = |node: &&NodeEntry| plain(node.consensus) != plain(kind);
    let Some(node) = read.nodes.iter().find(other) else {
        return Ok(());
    };
    Err(refuse_with(
        QUBERNETES,
        "/nodes",
        format!(
            "line {}: {} has another consensus than genesis: all nodes of a chain have one",
            node.line, node.name
        ),
        "the same `consensus` for all",
    ))
}

/// Whether every client can change to QBFT.
fn changes(read: &Qubernetes) -> Result<(), Diagnostics> {
    let old = |node: &&NodeEntry| {
        let version = node.client.version.parse::<Version>();
        version.is_ok_and(|version| version < QBFT)
    };
    let Some(node) = read.nodes.iter().find(old) else {
        return Ok(());
    };
    Err(refuse_with(
        QUBERNETES,
        "/genesis/consensus",
        format!(
            "line {}: {} runs version {}, and no client before {QBFT} can change from istanbul to QBFT: no release ever read qibftBlock",
            node.line, node.name, node.client.version
        ),
        format!("`Quorum_Version: 22.7.1` (or another from {QBFT} on), or `consensus: istanbul`"),
    ))
}
