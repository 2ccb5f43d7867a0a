//! A genesis file that is there already: taken byte for byte, if it is of this chain and these nodes.
//!
//! What it says about consensus, members and chain id must be what the rest of the chain is set to; otherwise the nodes
//! would start, and never make a block.

use std::collections::BTreeSet;

use chain_plugin_sdk::{Diagnostic, Diagnostics, error, warning};
use quorum_formats::address::Address;
use quorum_formats::genesis::summary::{Kind, Summary};
use quorum_formats::version::Version;
use quorum_service::Nodes;
use quorum_service::facts::ConsensusFacts;
use quorum_service::fault::{at as fault_at, refuse, refuse_with};

use crate::options::Options;

/// Where the option stands.
const PATH: &str = "/genesis";

/// What the file says.
#[derive(Debug)]
pub struct Existing {
    /// The number that transactions are signed for.
    pub chain_id: u64,
    /// Hash of block 0.
    pub hash: String,
    /// Whether it says how often blocks are made.
    pub period_in_genesis: bool,
    /// Whether it has privacy enhancements.
    pub enhanced: bool,
    /// What to know about it.
    pub notes: Vec<Diagnostic>,
}

/// Reads the file and holds it against the chain that it is to begin.
pub fn read(
    text: &str,
    nodes: &Nodes,
    options: &Options,
    version: &Version,
    consensus: &ConsensusFacts,
    enhanced: bool,
) -> Result<Existing, Diagnostics> {
    let file = Summary::parse(text).map_err(fault_at("genesis", PATH))?;
    let chain_id = file
        .chain_id
        .filter(|id| *id > 0)
        .ok_or_else(|| refuse("genesis", PATH, "the genesis file has no config.chainId"))?;
    if let Some(said) = options.chain_id.filter(|said| *said != chain_id) {
        return Err(refuse_with(
            "genesis",
            "/chainId",
            format!("the genesis file is of chain {chain_id}, option `chainId` says {said}"),
            "leave `chainId` out: the file says it",
        ));
    }
    let kind = same_kind(file.consensus, consensus, version)?;
    if file.privacy_enhancements.is_some() && !enhanced {
        return Err(refuse_with(
            "genesis",
            PATH,
            "the genesis file has privacyEnhancementsBlock, for which no privacy manager of this chain is new enough",
            "`--privacy tessera` with an image of 1.0.0 or later",
        ));
    }
    let remarks = if kind == Kind::Raft {
        raft(nodes)?;
        Vec::new()
    } else {
        members(nodes, &file.members, consensus)?
    };
    Ok(Existing {
        chain_id,
        hash: file.hash.to_string(),
        period_in_genesis: matches!(kind, Kind::Ibft | Kind::Qbft | Kind::Clique),
        enhanced: file.privacy_enhancements.is_some(),
        notes: remarks,
    })
}

fn same_kind(
    kind: Option<Kind>,
    consensus: &ConsensusFacts,
    version: &Version,
) -> Result<Kind, Diagnostics> {
    let Some(kind) = kind else {
        let message = "the genesis file names no consensus that the client knows";
        return Err(refuse("genesis", PATH, message));
    };
    let (name, since) = match kind {
        Kind::Istanbul => ("istanbul", Version::new(0, 0, 0)),
        Kind::Ibft => ("istanbul", Version::new(22, 4, 0)),
        Kind::IstanbulQbft => ("qbft", Version::new(21, 7, 0)),
        Kind::Qbft => ("qbft", Version::new(22, 4, 0)),
        Kind::Clique => ("clique", Version::new(0, 0, 0)),
        Kind::Raft => ("raft", Version::new(0, 0, 0)),
    };
    if name != consensus.kind {
        return Err(refuse_with(
            "genesis",
            PATH,
            format!(
                "the genesis file is for {name}, the chain is set to {}",
                consensus.kind
            ),
            format!("`--consensus {name}`"),
        ));
    }
    if *version < since {
        let message = format!(
            "version {version} of the client does not read this genesis file, {since} is the first that does"
        );
        let hint = format!(
            "an image of {since} or later, `services: {{client: {{image: ...}}}}` in the chain's file"
        );
        return Err(refuse_with("genesis", PATH, message, hint));
    }
    Ok(kind)
}

/// Raft counts places in the founders' list, which no genesis file holds.
fn raft(nodes: &Nodes) -> Result<(), Diagnostics> {
    if nodes.all().all(|node| !node.foreign) {
        return Ok(());
    }
    let message = "raft counts the founders of a chain in their list, and the genesis file of another party does not have it";
    let hint = "join with what `kubectl chain export` prints there";
    Err(refuse_with("genesis", PATH, message, hint))
}

/// The first members are nodes that are known here, and the nodes here are among them. Of a chain that others founded some
/// may have gone since, and its members vote on ours.
fn members(
    nodes: &Nodes,
    file: &[Address],
    consensus: &ConsensusFacts,
) -> Result<Vec<Diagnostic>, Diagnostics> {
    let of_file: BTreeSet<Address> = file.iter().copied().collect();
    let mut known = BTreeSet::new();
    for text in &consensus.members {
        known.insert(Address::checked(text).map_err(fault_at("members", ""))?);
    }
    let missing: Vec<&Address> = known.difference(&of_file).collect();
    let strange: Vec<&Address> = of_file.difference(&known).collect();
    let mut faults = Vec::new();
    if !missing.is_empty() {
        faults.push((
            format!("the genesis file does not name {} among its members", shown(&missing)),
            "bring the keys that it was made for (`nodeKeyFile`, for clique `accountKeyFile`), or set `options: {validator: false}` for the node",
            "the members there vote on them: `kubectl chain run add-validator`",
        ));
    }
    if !strange.is_empty() {
        faults.push((
            format!(
                "the genesis file names members that are no nodes here: {}",
                shown(&strange)
            ),
            "all first members must be nodes of the chain, or of a party that it joins",
            "right if they are gone, or of a party that is still to come",
        ));
    }
    let others = nodes.all().any(|node| node.foreign);
    let joins = others && known.intersection(&of_file).next().is_some();
    let all = faults.into_iter().map(|(message, alone, joining)| {
        if joins {
            warning("members", PATH, message).hint(joining)
        } else {
            error("members", PATH, message).hint(alone)
        }
    });
    let all: Vec<Diagnostic> = all.collect();
    if joins || all.is_empty() {
        Ok(all)
    } else {
        Err(all)
    }
}

fn shown(all: &[&Address]) -> String {
    let all: Vec<String> = all.iter().map(ToString::to_string).collect();
    all.join(", ")
}
