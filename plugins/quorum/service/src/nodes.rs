//! The chain as the plugins of this stack see it: who founded it, which roles are filled, and enodes.

use std::ops::Deref;

use chain_plugin_sdk::{Diagnostics, Subject, Topology};
use quorum_formats::enode::{Endpoint, Enode, NodeId};
use serde_json::Value;

use crate::fault::at as fault_at;
use crate::{Extra, P2P, RAFT_ENDPOINT, RAFT_PORT};

/// The nodes, with what the stack says beside them.
#[derive(Debug)]
pub struct Nodes {
    /// What stands beside the subjects.
    pub extra: Extra,
    nodes: plugin_pods::Nodes,
}

impl Deref for Nodes {
    type Target = plugin_pods::Nodes;

    fn deref(&self) -> &Self::Target {
        &self.nodes
    }
}

impl Nodes {
    /// Orders the nodes.
    pub fn new(topology: Topology) -> Self {
        Self {
            extra: Extra::of(&topology),
            nodes: plugin_pods::Nodes::new(topology),
        }
    }

    /// Whether a node was there when the chain was born, so that the genesis block may name it.
    pub fn founder(&self, node: &Subject) -> bool {
        node.foreign
            || self
                .chain()
                .is_ok_and(|chain| chain.born_ms == node.born_ms)
    }

    /// The nodes that founded the chain.
    pub fn founders(&self) -> impl Iterator<Item = &Subject> {
        self.all().filter(|node| self.founder(node))
    }
}

/// Where the other nodes of the chain reach a node. Outside of its cluster Raft's port is another one too.
pub fn enode(nodes: &Nodes, node: &Subject, id: NodeId) -> Result<Enode, Diagnostics> {
    let (host, port) = nodes.address(None, node, P2P)?;
    let raft = nodes
        .address(None, node, RAFT_ENDPOINT)
        .map_or(RAFT_PORT, |(_, port)| port);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let endpoint = Endpoint::listed(host, port, raft).map_err(fault_at("enode", ""))?;
    Ok(Enode::new(id, endpoint))
}

/// What the stack says about a node in its `extra`: one of the node's own options.
pub fn option(node: &Subject, name: &str) -> Option<Value> {
    let extra: Value = serde_json::from_str(&node.extra).ok()?;
    extra.get("options")?.get(name).cloned()
}

/// Whether a node takes part in the consensus from the beginning; a node does unless its options say otherwise.
pub fn takes_part(node: &Subject) -> bool {
    option(node, "validator") != Some(Value::Bool(false))
}
