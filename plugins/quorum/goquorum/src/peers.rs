//! The lists of nodes: whom a client dials and admits. One file for all nodes, which they reread.

use chain_plugin_sdk::{At, Diagnostics, Subject};
use quorum_formats::enode::{Endpoint, Enode, NodeId};
use quorum_formats::node_list::NodeList;
use quorum_service::facts::ClientFacts;
use quorum_service::fault::at as fault_at;
use quorum_service::{CLIENT, Nodes, RAFT_PORT};

/// The list of all nodes.
pub const LIST: &str = "permissioned-nodes.json";

/// The list of the founders, by which Raft counts them.
pub const FOUNDERS: &str = "static-nodes.json";

/// The port at which peers connect.
pub const P2P: &str = "p2p";

/// The port of Raft.
const RAFT: &str = "raft";

/// Where the other nodes of the chain reach a node.
pub fn enode(nodes: &Nodes, node: &Subject, id: NodeId) -> Result<Enode, Diagnostics> {
    let (host, port) = nodes.address(None, node, P2P)?;
    // From outside the port of Raft is another one, too; a party that has none of it is not asked for it.
    let raft = match nodes.address(None, node, RAFT) {
        Ok((_, port)) if node.foreign => port,
        _ => RAFT_PORT,
    };
    let endpoint = Endpoint::listed(&host, port, raft).map_err(fault_at("enode", ""))?;
    Ok(Enode::new(id, endpoint))
}

/// The list of these nodes, in their order.
pub fn list<'a>(
    nodes: &Nodes,
    at: &At<'_>,
    these: impl Iterator<Item = &'a Subject>,
) -> Result<NodeList, Diagnostics> {
    let enodes = these.map(|node| {
        let facts: ClientFacts = at.fact(&node.id, CLIENT)?;
        let id = facts.node_id.parse().map_err(fault_at("node-id", ""))?;
        enode(nodes, node, id)
    });
    NodeList::new(enodes.collect::<Result<_, _>>()?).map_err(fault_at("node-list", ""))
}
