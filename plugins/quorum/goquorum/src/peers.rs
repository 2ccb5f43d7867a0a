//! The lists of nodes: whom a client dials and admits. One file for all nodes, which they reread.

use std::collections::BTreeMap;

use chain_plugin_sdk::{At, Diagnostics, Subject};
use quorum_formats::node_list::NodeList;
use quorum_service::facts::ClientFacts;
use quorum_service::fault::{at as fault_at, refuse_with};
use quorum_service::nodes::enode;
use quorum_service::{CLIENT, Nodes};

/// The list of all nodes.
pub const LIST: &str = "permissioned-nodes.json";

/// The list of the founders, by which Raft counts them.
pub const FOUNDERS: &str = "static-nodes.json";

/// The list of these nodes, in their order.
pub fn list<'a>(
    nodes: &Nodes,
    at: &At<'_>,
    these: impl Iterator<Item = &'a Subject>,
) -> Result<NodeList, Diagnostics> {
    let these: Vec<&Subject> = these.collect();
    distinct(at, these.iter().copied())?;
    let enodes = these.into_iter().map(|node| {
        let facts: ClientFacts = at.fact(&node.id, CLIENT)?;
        let id = facts.node_id.parse().map_err(fault_at("node-id", ""))?;
        enode(nodes, node, id)
    });
    NodeList::new(enodes.collect::<Result<_, _>>()?).map_err(fault_at("node-list", ""))
}

/// Refuses two nodes with one key: peers would take them for one node.
pub fn distinct<'a>(
    at: &At<'_>,
    these: impl Iterator<Item = &'a Subject>,
) -> Result<(), Diagnostics> {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for node in these {
        let facts: ClientFacts = at.fact(&node.id, CLIENT)?;
        for (what, option, key) in [
            ("node key", "nodeKey", Some(facts.node_id)),
            ("account", "accountKey", facts.account_address),
        ] {
            let Some(first) = key.and_then(|key| seen.insert(key, &node.id)) else {
                continue;
            };
            return Err(refuse_with(
                "same-key",
                "",
                format!("{first} and {} have one {what}", node.id),
                format!(
                    "`{option}` belongs under a node, each with a key of its own; a key that is not given is made"
                ),
            ));
        }
    }
    Ok(())
}
