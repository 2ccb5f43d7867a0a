//! What the plugins of the role `consensus` do alike: a descriptor without a container, and who the first members are.

use chain_plugin_sdk::descriptor::{Descriptor, Phase};
use chain_plugin_sdk::{
    At, Blob, Configured, Diagnostic, Diagnostics, Provisioned, Subject, warning,
};
use quorum_formats::address::Address;
use serde_json::Value;

use crate::container::need;
use crate::facts::{self, ClientFacts, ConsensusFacts, ConsensusNode, GenesisFields, Identity};
use crate::fault::{refuse, refuse_with};
use crate::nodes::takes_part;
use crate::{CHAIN, CLIENT, CONSENSUS, Nodes, RELEASE, STACK};

/// Seconds, as users say them, in milliseconds.
pub const SECOND: u64 = 1000;

/// The descriptor of a consensus; it has no container of its own, the client runs it.
pub fn descriptor(name: &str, summary: &str, options: Value) -> Descriptor {
    Descriptor {
        name: name.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        summary: summary.to_owned(),
        license: "Apache-2.0".to_owned(),
        stack: STACK.to_owned(),
        role: CONSENSUS.to_owned(),
        series: vec![RELEASE.to_owned()],
        options,
        on: [
            (Phase::Provision, vec!["node".to_owned()]),
            (Phase::Configure, vec![CHAIN.to_owned()]),
        ]
        .into(),
        needs: vec![need(
            Phase::Configure,
            CLIENT,
            Phase::Provision,
            "node",
            false,
        )],
        ..Descriptor::default()
    }
}

/// What a consensus whose members are known by address says about a node.
pub fn provisioned(nodes: &Nodes, at: &At<'_>, kind: &str) -> Result<Provisioned, Diagnostics> {
    let node = nodes.subject(&at.call.subject)?;
    Ok(facts::known(&ConsensusNode {
        kind: kind.to_owned(),
        founder: nodes.founder(node) && takes_part(node),
        member_number: None,
    }))
}

/// The nodes that are members from the first block on, in their order.
pub fn founders(nodes: &Nodes) -> Vec<&Subject> {
    nodes.founders().filter(|node| takes_part(node)).collect()
}

/// Their addresses. A node of another party without an address is refused: the genesis block must name it.
pub fn addresses(
    nodes: &Nodes,
    at: &At<'_>,
    identity: Identity,
) -> Result<Vec<Address>, Diagnostics> {
    let members = founders(nodes);
    if members.is_empty() {
        return Err(refuse_with(
            "members",
            "",
            "no node takes part in the consensus: nobody could make a block",
            "leave out `validator: false` for at least one node",
        ));
    }
    members
        .into_iter()
        .map(|node| {
            let facts: ClientFacts = at.fact(&node.id, CLIENT).map_err(|faults| {
                if node.foreign {
                    let message = format!("{} of another party has no address", node.id);
                    let hint = "the bundle of its party names it; ask for a complete one";
                    return refuse_with("members", "", message, hint);
                }
                faults
            })?;
            let text = match identity {
                Identity::Account => facts.account_address.ok_or_else(|| {
                    let message = format!("{} of another party has no account address", node.id);
                    let hint = "ask for what `kubectl chain export` prints: the files of other tools do not say it";
                    refuse_with("members", "", message, hint)
                })?,
                Identity::Node | Identity::Number => facts.node_address,
            };
            Address::checked(&text)
                .map_err(|fault| refuse("members", "", format!("{}: {fault}", node.id)))
        })
        .collect()
}

/// The fields of the genesis block as text.
pub fn genesis(difficulty: u64, mix_hash: &[u8; 32], extra_data: &[u8]) -> GenesisFields {
    GenesisFields {
        difficulty: format!("{difficulty:#x}"),
        mix_hash: hexed(mix_hash),
        extra_data: hexed(extra_data),
    }
}

fn hexed(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold("0x".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

/// The result about the chain.
pub fn configured(facts: &ConsensusFacts, notes: Vec<Diagnostic>) -> Configured {
    Configured {
        files: Vec::<Blob>::new(),
        facts: facts::text(facts),
        fingerprint: None,
        notes,
    }
}

/// What to know about a Byzantine consensus of so few members: it goes on with more than two thirds of them.
pub fn few(count: usize) -> Option<Diagnostic> {
    let spare = count.saturating_sub(1) / 3;
    (spare == 0).then(|| {
        let message = format!(
            "{count} validators make no block when one of them is away; 4 bear the loss of one"
        );
        warning("few-validators", "/nodes", message)
    })
}

/// The schema of an option in seconds.
pub fn seconds(default: u64, least: u64, description: &str) -> Value {
    serde_json::json!({
        "type": "integer", "minimum": least, "maximum": 86400, "default": default, "x-chain-fixed": true,
        "description": description,
    })
}

/// The schema of the length of an epoch.
pub fn epoch() -> Value {
    serde_json::json!({
        "type": "integer", "minimum": 1, "maximum": 4_294_967_295_u64, "x-chain-fixed": true,
        "default": quorum_formats::genesis::consensus::EPOCH,
        "description": "blocks after which votes that did not come to a result are dropped",
    })
}
