//! The chain as the plugins of this stack see it: who founded it, which roles are filled, and enodes.

use std::ops::Deref;

use chain_plugin_sdk::{Diagnostics, Subject, Topology};
use quorum_formats::enode::{Endpoint, Enode, NodeId};
use serde_json::Value;

use crate::fault::{at as fault_at, refuse_with};
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
    let address = |port: &str| {
        if !nodes.extra.peers_outside() {
            return nodes.address(None, node, port);
        }
        nodes.address_outside(node, port).ok_or_else(|| {
            let message = format!("{} has no address outside for {port}, and `peersOutside` is set", node.id);
            let hint = "a `host` for the node, and `--expose-type LoadBalancer`, or NodePort with `--expose-port`: the address must be known before the chain is made";
            refuse_with("endpoint", "/options/peersOutside", message, hint)
        })
    };
    let (host, port) = address(P2P)?;
    let has_raft = node.endpoints.iter().any(|it| it.port == RAFT_ENDPOINT);
    let raft = match address(RAFT_ENDPOINT) {
        Ok((_, port)) => port,
        Err(why) if has_raft && nodes.extra.peers_outside() => return Err(why),
        Err(_) => RAFT_PORT,
    };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use serde_json::json;

    /// A chain whose nodes know each other by their addresses outside, as far as they have some.
    fn outside(ports: &[(&str, u16)]) -> Nodes {
        let mut topology = fixture::topology(2, 0);
        topology.extra = json!({"options": {"peersOutside": true}}).to_string();
        for node in topology.subjects.iter_mut().skip(1) {
            let mut raft = node.endpoints[0].clone();
            raft.port = RAFT_ENDPOINT.to_owned();
            node.endpoints.push(raft);
            for (port, number) in ports {
                let found = node.endpoints.iter_mut().find(|it| it.port == *port);
                found.unwrap().outside = Some(format!("192.0.2.7:{number}"));
            }
        }
        Nodes::new(topology)
    }

    #[test]
    fn nodes_may_know_each_other_by_their_addresses_outside() {
        let id = fixture::key(0).id();
        let url = |nodes: &Nodes| enode(nodes, nodes.subject("node/node1")?, id);
        let inside = Nodes::new(fixture::topology(2, 0));
        let shown = url(&inside).unwrap().to_string();
        assert!(
            shown.ends_with("@demo-node1:30303?discport=0&raftport=50401"),
            "{shown}"
        );
        let shown = url(&outside(&[(P2P, 31002), (RAFT_ENDPOINT, 31003)])).unwrap();
        let shown = shown.to_string();
        assert!(
            shown.ends_with("@192.0.2.7:31002?discport=0&raftport=31003"),
            "{shown}"
        );
        for ports in [&[][..], &[(P2P, 31002)]] {
            let fault = url(&outside(ports)).unwrap_err();
            assert_eq!(fault[0].path, "/options/peersOutside");
        }
    }
}
