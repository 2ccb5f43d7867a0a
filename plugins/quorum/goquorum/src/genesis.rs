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

use crate::existing::Existing;
use crate::options::Options;
use crate::{existing, peers, spelling};

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
    peers::distinct(at, nodes.all())?;
    let enhanced = privacy.is_some_and(|privacy| privacy.privacy_enhancements);
    let (text, says) = match &options.genesis {
        Some(text) => {
            let says = existing::read(text, nodes, &options, &version, &consensus, enhanced)?;
            (text.clone(), says)
        }
        None => made(nodes, at, &options, &version, &consensus, enhanced)?,
    };
    let Existing {
        chain_id,
        hash,
        period_in_genesis,
        enhanced,
        notes,
    } = says;
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
        chain_id,
        network_id: options.network_id.unwrap_or(chain_id),
        genesis_hash: hash.clone(),
        privacy_enhancements: enhanced.then_some(true),
        period_in_genesis: options.genesis.is_some().then_some(period_in_genesis),
        members_method: spelling::members_method(&consensus.kind).map(str::to_owned),
    };
    Ok(Configured {
        files,
        facts: facts::text(&facts),
        fingerprint: Some(hash),
        notes,
    })
}

/// A genesis file that is made: its text, and what it says.
fn made(
    nodes: &Nodes,
    at: &At<'_>,
    options: &Options,
    version: &Version,
    consensus: &ConsensusFacts,
    enhanced: bool,
) -> Result<(String, Existing), Diagnostics> {
    if nodes.all().any(|node| node.foreign) {
        return Err(refuse_with(
            "genesis",
            "/genesis",
            "another party's nodes are known, and not the genesis block of their chain: a new one would begin a chain of our own",
            "`--client-genesis FILE` names theirs; what `kubectl chain export` prints there has it too",
        ));
    }
    let chain_id = options.chain_id(&nodes.topology.chain);
    let mut config = ChainConfig::new(
        chain_id,
        spelling::consensus(consensus, version)
            .map_err(|fault| refuse("consensus", "", fault.0))?,
        version,
        enhanced.then_some(&ENHANCED),
    );
    config.transitions = spelling::transitions(consensus, version);
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
        ..Genesis::new(config, &[], alloc(nodes, at, options)?)
    };
    genesis.check(version).map_err(fault_at("genesis", ""))?;
    let says = Existing {
        chain_id,
        hash: genesis.block().hash().to_string(),
        period_in_genesis: spelling::in_genesis(version),
        enhanced,
        notes: Vec::new(),
    };
    let text = genesis.render().map_err(fault_at("genesis", ""))?;
    Ok((text, says))
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
    let hint = "say the consensus once, under `services`, not under a node; it cannot change once the chain is made";
    Err(refuse_with("mixed-consensus", "", message, hint))
}

/// What the founders' accounts have, in the order of the nodes.
fn alloc(
    nodes: &Nodes,
    at: &At<'_>,
    options: &Options,
) -> Result<Vec<(Address, Allocation)>, Diagnostics> {
    let balance = options.balance()?;
    let mut all = Vec::new();
    for node in nodes.founders() {
        let facts: ClientFacts = at.fact(&node.id, CLIENT)?;
        let Some(account) = facts.account_address else {
            continue;
        };
        let account = Address::checked(&account).map_err(fault_at("account", ""))?;
        all.push((account, Allocation::of(balance)));
    }
    Ok(all)
}
