//! The chain as its plugins see it: the nodes in order, who founded it, and how one reaches another.

use std::collections::BTreeSet;

use chain_plugin_sdk::{Diagnostics, Subject, Topology};
use quorum_formats::enode::{Endpoint, Enode, NodeId};
use serde_json::Value;

use crate::fault::{at as fault_at, refuse, refuse_with};
use crate::{CHAIN, Extra, P2P, RAFT_ENDPOINT, RAFT_PORT};

/// The topology with what is asked of it again and again.
#[derive(Debug)]
pub struct Nodes {
    /// All of it.
    pub topology: Topology,
    /// What stands beside the subjects.
    pub extra: Extra,
    /// Places of the nodes among the subjects, in the order of their ordinals; those of others last.
    order: Vec<usize>,
    clusters: usize,
    namespaces: usize,
}

impl Nodes {
    /// Orders the nodes.
    pub fn new(topology: Topology) -> Self {
        let mut order: Vec<(bool, u32, usize)> = topology
            .subjects
            .iter()
            .enumerate()
            .filter(|(_, subject)| subject.kind == "node")
            .map(|(place, subject)| (subject.foreign, subject.ordinal, place))
            .collect();
        order.sort_unstable();
        // Nodes of others have neither here, and must not change how our own reach each other.
        let own = |it: &&Subject| it.kind == "node" && !it.foreign;
        let nodes = || topology.subjects.iter().filter(own);
        let clusters: BTreeSet<&str> = nodes().map(|it| it.cluster.as_str()).collect();
        let namespaces: BTreeSet<&str> = nodes().map(|it| it.namespace.as_str()).collect();
        let (clusters, namespaces) = (clusters.len(), namespaces.len());
        Self {
            extra: Extra::of(&topology),
            order: order.into_iter().map(|(_, _, place)| place).collect(),
            topology,
            clusters,
            namespaces,
        }
    }

    /// All nodes: one's own in the order of their ordinals, then those of others.
    pub fn all(&self) -> impl Iterator<Item = &Subject> {
        self.order
            .iter()
            .filter_map(|place| self.topology.subjects.get(*place))
    }

    /// All nodes but those of others that have no such port, as those that another tool told of may.
    pub fn with_port(&self, port: &str) -> impl Iterator<Item = &Subject> {
        let has = move |node: &Subject| node.endpoints.iter().any(|it| it.port == port);
        self.all().filter(move |node| !node.foreign || has(node))
    }

    /// The nodes that are one's own.
    pub fn own(&self) -> impl Iterator<Item = &Subject> {
        self.all().filter(|node| !node.foreign)
    }

    /// A subject by its id.
    pub fn subject(&self, id: &str) -> Result<&Subject, Diagnostics> {
        self.topology
            .subjects
            .iter()
            .find(|subject| subject.id == id)
            .ok_or_else(|| refuse("subject", "", format!("there is no subject {id}")))
    }

    /// The chain itself.
    pub fn chain(&self) -> Result<&Subject, Diagnostics> {
        self.subject(CHAIN)
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

    /// Whether all nodes live in the home of the chain.
    pub fn one_home(&self) -> bool {
        self.clusters < 2 && self.namespaces < 2 && self.all().all(|node| !node.foreign)
    }

    /// Host and port at which `to` is reached by `from` on a named port; by any node of the chain when `from` is none.
    ///
    /// Inside a cluster that is the node's own Service, whose name is there before any pod and whose address stays.
    pub fn address(
        &self,
        from: Option<&Subject>,
        to: &Subject,
        port: &str,
    ) -> Result<(String, u16), Diagnostics> {
        let endpoint = to
            .endpoints
            .iter()
            .find(|endpoint| endpoint.port == port)
            .ok_or_else(|| refuse("endpoint", "", format!("{} has no endpoint {port}", to.id)))?;
        let (near, same_namespace) = match from {
            Some(from) => (from.cluster == to.cluster, from.namespace == to.namespace),
            None => (self.clusters < 2, self.namespaces < 2),
        };
        if near && !to.foreign {
            let host = if same_namespace {
                endpoint.service.clone()
            } else {
                format!("{}.{}", endpoint.service, to.namespace)
            };
            return Ok((host, endpoint.number));
        }
        let outside = endpoint.outside.as_deref().and_then(|outside| {
            let (host, port) = outside.rsplit_once(':')?;
            Some((host.to_owned(), port.parse().ok()?))
        });
        outside.ok_or_else(|| {
            let message = format!(
                "{} is not in this cluster and has no address outside for {port}",
                to.id
            );
            refuse_with("endpoint", "", message, "give the node a `host`")
        })
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
