//! The consensus `raft`: for parties that trust each other; a leader makes blocks, a majority of the members goes on.
//!
//! Membership is by number. The founders' numbers are their places in the first list of nodes; a node that comes later
//! is given one by the members, before it starts (`join`), and keeps it for life (the operation remembers it).

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod cluster;
mod goal;
mod work;

use chain_plugin_sdk::descriptor::{Descriptor, Operation, Phase};
use chain_plugin_sdk::{
    At, Configured, Diagnostics, Host, Plugin, Provisioned, Subject, Topology, export_plugin,
};
use quorum_formats::extra_data::RAFT;
use quorum_formats::genesis::RAFT_MIX_HASH;
use quorum_service::container::{need, port};
use quorum_service::facts::{self, ClientFacts, ConsensusFacts, ConsensusNode, Identity};
use quorum_service::fault::{refuse, refuse_with};
use quorum_service::nodes::takes_part;
use quorum_service::{CHAIN, CLIENT, CONSENSUS, Nodes, RAFT_ENDPOINT, RAFT_PORT, member};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use crate::work::Work;

/// The name by which clients know it.
pub const KIND: &str = "raft";

/// Members that bear the loss of one.
const ENOUGH: usize = 3;

/// What the user may say.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    block_time: u64,
    fragile: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            block_time: 50,
            fragile: false,
        }
    }
}

/// What is remembered of a node that joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Joined {
    /// Its number, for life.
    pub number: u16,
}

/// What is remembered of the chain: founders that went. One that comes back is given a number like any other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Gone {
    /// Their ids.
    pub left: std::collections::BTreeSet<String>,
}

/// What is remembered of the chain.
pub(crate) fn gone(host: &dyn Host) -> Gone {
    let state = host.state(CHAIN);
    state
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default()
}

/// Whether a node is a member by its place in the first list.
pub(crate) fn founds(nodes: &Nodes, host: &dyn Host, node: &Subject) -> bool {
    nodes.founder(node) && !gone(host).left.contains(&node.id)
}

/// What is remembered of a node.
pub(crate) fn joined(host: &dyn Host, node: &str) -> Option<Joined> {
    serde_json::from_str(&host.state(node)?).ok()
}

/// The plugin.
#[derive(Debug)]
pub struct Raft {
    nodes: Nodes,
}

fn operations() -> Vec<Operation> {
    let hook = |name: &str, summary: &str, hook: &str| Operation {
        name: name.to_owned(),
        summary: summary.to_owned(),
        kind: "node".to_owned(),
        hook: hook.to_owned(),
        ..Operation::default()
    };
    let member = |name: &str, summary: &str| Operation {
        name: name.to_owned(),
        summary: summary.to_owned(),
        args: json!({
            "type": "object", "additionalProperties": false, "required": ["member"],
            "properties": {"member": {
                "type": "string", "description": "a node of the chain by its name, or a member by its number",
            }},
        }),
        ..Operation::default()
    };
    vec![
        hook(
            "join",
            "asks the members for a number before a node is added",
            "before-add",
        ),
        hook(
            "leave",
            "ends the membership of a node before it is removed",
            "before-remove",
        ),
        member("raft-promote", "gives a learner a vote"),
        member(
            "raft-add",
            "asks the members for a number for another party's node",
        ),
        Operation {
            name: "raft-number".to_owned(),
            summary: "starts a node with the number that another party's members gave it"
                .to_owned(),
            args: json!({
                "type": "object", "additionalProperties": false, "required": ["member", "number"],
                "properties": {
                    "member": {"type": "string", "description": "a node of one's own, by its name"},
                    "number": {"type": "integer", "minimum": 1, "maximum": 65535, "description": "as `raft-add` told the other party"},
                },
            }),
            ..Operation::default()
        },
        member(
            "raft-remove",
            "ends a membership; a number is never given twice",
        ),
    ]
}

impl Plugin for Raft {
    fn descriptor() -> Descriptor {
        let mut descriptor = Descriptor {
            ports: vec![port(RAFT_ENDPOINT, RAFT_PORT, "peers", "consensus")],
            operations: operations(),
            ..member::descriptor(
                KIND,
                "consensus: Raft, for parties that trust each other; goes on with a majority of the members",
                json!({
                    "type": "object", "additionalProperties": false,
                    "properties": {
                        "blockTime": {
                            "type": "integer", "minimum": 1, "maximum": 3_600_000, "default": 50, "x-chain-fixed": true,
                            "description": "milliseconds between two blocks while there are transactions",
                        },
                        "fragile": {
                            "type": "boolean", "default": false, "x-chain-fixed": true,
                            "description": "found a chain of fewer than 3 members, which stops when one of them is away",
                        },
                    },
                }),
            )
        };
        descriptor.needs.push(need(
            Phase::Operate,
            CLIENT,
            Phase::Provision,
            "node",
            false,
        ));
        descriptor
    }

    fn open(topology: Topology) -> Result<Self, Diagnostics> {
        Ok(Self {
            nodes: Nodes::new(topology),
        })
    }

    fn provision(&self, at: &At<'_>) -> Result<Provisioned, Diagnostics> {
        let node = self.nodes.subject(&at.call.subject)?;
        if !takes_part(node) {
            let path = "/options/validator";
            let message = format!(
                "{} cannot stay out of raft: every node is a member",
                node.name
            );
            return Err(refuse("members", path, message));
        }
        Ok(facts::known(&ConsensusNode {
            kind: KIND.to_owned(),
            founder: founds(&self.nodes, at.host, node),
            member_number: joined(at.host, &node.id).map(|it| it.number),
        }))
    }

    fn configure(&self, at: &At<'_>) -> Result<Configured, Diagnostics> {
        let options: Options = at.options()?;
        let count = member::founders(&self.nodes).len();
        if count < ENOUGH && !options.fragile {
            let message =
                format!("raft needs {ENOUGH} nodes to bear the loss of one, and there are {count}");
            let hint = "`--nodes 3`, or `--consensus-fragile` for a chain that may stop";
            return Err(refuse_with("few-members", "/fragile", message, hint));
        }
        let mut notes = Vec::new();
        if count.is_multiple_of(2) {
            let message = format!(
                "{count} members bear no more losses than {}",
                count.saturating_sub(1)
            );
            notes.push(chain_plugin_sdk::warning("even-members", "/nodes", message));
        }
        let facts = ConsensusFacts {
            kind: KIND.to_owned(),
            block_period_ms: options.block_time,
            empty_block_period_ms: None,
            request_timeout_ms: None,
            epoch_length: None,
            proposer_policy: None,
            qbft_from_block: None,
            identity: Identity::Number,
            members: Vec::new(),
            // The client counts places in its list of founders, from 1.
            numbers: self
                .nodes
                .founders()
                .map(|node| at.fact::<ClientFacts>(&node.id, CLIENT))
                .zip(1..)
                .map(|(client, number)| Ok((client?.node_id, number)))
                .collect::<Result<_, Diagnostics>>()?,
            genesis: member::genesis(0, &RAFT_MIX_HASH, &RAFT),
        };
        Ok(member::configured(&facts, notes))
    }
}

/// The number of a member: what was remembered of it, or its place among the founders.
pub(crate) fn number(host: &dyn Host, node: &str) -> Option<u16> {
    if let Some(Joined { number }) = joined(host, node) {
        return Some(number);
    }
    let (_, text) = host.facts(CHAIN, CONSENSUS).into_iter().next()?;
    let facts: ConsensusFacts = serde_json::from_str(&text).ok()?;
    let (id, _) = node_id(host, node)?;
    facts.numbers.get(&id).copied()
}

/// The facts of the client about a node.
pub(crate) fn node_id(host: &dyn Host, node: &str) -> Option<(String, String)> {
    let (_, text) = host.facts(node, CLIENT).into_iter().next()?;
    let facts: Value = serde_json::from_str(&text).ok()?;
    let get = |key: &str| facts.get(key).and_then(Value::as_str).map(str::to_owned);
    Some((get("nodeId")?, get("enode")?))
}

export_plugin!(Raft, operate = Work);

#[cfg(test)]
mod tests;
