//! The genesis block: the consensus gives its fields, every founder's account has a balance.

use chain_plugin_sdk::{At, Blob, Configured, Diagnostics, Subject};
use quorum_formats::address::Address;
use quorum_formats::genesis::config::ChainConfig;
use quorum_formats::genesis::{Allocation, Genesis};
use quorum_formats::quantity::Quantity;
use quorum_formats::version::Version;
use quorum_service::facts::{
    self, ClientChain, ClientFacts, ConsensusFacts, ConsensusNode, PrivacyChain,
};
use quorum_service::fault::{at as fault_at, refuse, refuse_with};
use quorum_service::{CHAIN, CLIENT, CONSENSUS, Nodes, PRIVACY};

use crate::options::Options;
use crate::{peers, spelling};

/// The file.
pub const FILE: &str = "genesis.json";

/// The first version of the privacy manager with privacy enhancements.
const ENHANCED: Version = Version::new(1, 0, 0);

/// The result about the chain.
pub fn configured(nodes: &Nodes, at: &At<'_>) -> Result<Configured, Diagnostics> {
    let options = Options::of(at)?;
    let version = options.version(at)?;
    let consensus: ConsensusFacts = at.fact(CHAIN, CONSENSUS)?;
    one_consensus(nodes, at, &consensus.kind)?;
    let privacy: Option<PrivacyChain> = facts::optional(at, CHAIN, PRIVACY)?;
    let name = &nodes.topology.chain;
    let config = ChainConfig::new(
        options.chain_id(name),
        spelling::consensus(&consensus, &version)
            .map_err(|fault| refuse("consensus", "", fault.0))?,
        &version,
        privacy
            .is_some_and(|privacy| privacy.privacy_enhancements)
            .then_some(&ENHANCED),
    );
    let fields = &consensus.genesis;
    let genesis = Genesis {
        difficulty: fields
            .difficulty
            .parse()
            .map_err(fault_at("difficulty", ""))?,
        mix_hash: fields
            .mix_hash
            .parse()
            .map(|hash: Quantity| *hash.as_bytes())
            .map_err(fault_at("mix-hash", ""))?,
        extra_data: hex::decode(fields.extra_data.trim_start_matches("0x"))
            .map_err(fault_at("extra-data", ""))?,
        gas_limit: options.gas_limit,
        ..Genesis::new(config, &[], alloc(nodes, at, &options)?)
    };
    genesis.check(&version).map_err(fault_at("genesis", ""))?;
    let hash = genesis.block().hash().to_string();
    let text = genesis.render().map_err(fault_at("genesis", ""))?;
    let mut files = vec![Blob {
        name: FILE.to_owned(),
        bytes: text.into_bytes(),
    }];
    // Before a node has a number of its own, Raft counts its place in this list, which therefore never changes.
    if consensus.kind == "raft" {
        let founders = peers::list(nodes, at, nodes.founders())?;
        files.push(Blob {
            name: peers::FOUNDERS.to_owned(),
            bytes: founders.render().into_bytes(),
        });
    }
    let facts = ClientChain {
        chain_id: options.chain_id(name),
        network_id: options.network_id(name),
        genesis_hash: hash.clone(),
        members_method: spelling::members_method(&consensus.kind).map(str::to_owned),
    };
    Ok(Configured {
        files,
        facts: facts::text(&facts),
        fingerprint: Some(hash),
        notes: Vec::new(),
    })
}

/// All nodes of a chain have one consensus.
fn one_consensus(nodes: &Nodes, at: &At<'_>, kind: &str) -> Result<(), Diagnostics> {
    for node in nodes.own() {
        same_consensus(node, &at.fact(&node.id, CONSENSUS)?, kind)?;
    }
    Ok(())
}

/// A node has the consensus of its chain.
pub fn same_consensus(
    node: &Subject,
    of_node: &ConsensusNode,
    kind: &str,
) -> Result<(), Diagnostics> {
    if of_node.kind == kind {
        return Ok(());
    }
    let message = format!(
        "{} is set to {}, the chain to {kind}: all nodes of a chain have one consensus",
        node.name, of_node.kind
    );
    let hint = "say the consensus once, under `services`, not under a node";
    Err(refuse_with("mixed-consensus", "", message, hint))
}

/// What the founders' accounts have, in the order of the nodes.
fn alloc(
    nodes: &Nodes,
    at: &At<'_>,
    options: &Options,
) -> Result<Vec<(Address, Allocation)>, Diagnostics> {
    let balance = options.balance()?;
    let account = |id: &str| {
        let facts: ClientFacts = at.fact(id, CLIENT)?;
        Address::checked(&facts.account_address).map_err(fault_at("account", ""))
    };
    nodes
        .founders()
        .map(|node| Ok((account(&node.id)?, Allocation::of(balance))))
        .collect()
}
