//! The chain as its plugins see it: the nodes in order, and how one reaches another.

use std::collections::BTreeSet;

use chain_plugin_sdk::{Diagnostics, Endpoint, Subject, Topology, error};

use crate::{CHAIN, NODE};

/// The topology with what is asked of it again and again.
#[derive(Debug)]
pub struct Nodes {
    /// All of it.
    pub topology: Topology,
    /// Places of the nodes among the subjects, in the order of their ordinals; those of others last.
    order: Vec<usize>,
    /// Places of all subjects, in the order of their ids.
    by_id: Vec<usize>,
    clusters: usize,
    namespaces: usize,
}

impl Nodes {
    /// Orders the nodes.
    pub fn new(topology: Topology) -> Self {
        let subjects = &topology.subjects;
        let mut order: Vec<(bool, u32, usize)> = subjects
            .iter()
            .enumerate()
            .filter(|(_, subject)| subject.kind == NODE)
            .map(|(place, subject)| (subject.foreign, subject.ordinal, place))
            .collect();
        order.sort_unstable();
        let mut by_id: Vec<usize> = (0..subjects.len()).collect();
        by_id.sort_by_key(|place| subjects.get(*place).map(|subject| subject.id.as_str()));
        // Nodes of others have neither here, and must not change how our own reach each other.
        let own = || subjects.iter().filter(|it| it.kind == NODE && !it.foreign);
        let clusters: BTreeSet<&str> = own().map(|it| it.cluster.as_str()).collect();
        let namespaces: BTreeSet<&str> = own().map(|it| it.namespace.as_str()).collect();
        let (clusters, namespaces) = (clusters.len(), namespaces.len());
        Self {
            order: order.into_iter().map(|(_, _, place)| place).collect(),
            by_id,
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
        let at = |place: &usize| self.topology.subjects.get(*place);
        self.by_id
            .binary_search_by(|place| at(place).map(|it| it.id.as_str()).cmp(&Some(id)))
            .ok()
            .and_then(|found| at(self.by_id.get(found)?))
            .ok_or_else(|| vec![error("subject", "", format!("there is no subject {id}"))])
    }

    /// The chain itself.
    pub fn chain(&self) -> Result<&Subject, Diagnostics> {
        self.subject(CHAIN)
    }

    /// The number of a node: how many stand before it. Contiguous from 0 as long as only the last node is ever removed,
    /// and then the same for life.
    pub fn number(&self, id: &str) -> Result<u32, Diagnostics> {
        self.all()
            .position(|node| node.id == id)
            .and_then(|number| u32::try_from(number).ok())
            .ok_or_else(|| vec![error("subject", "", format!("there is no node {id}"))])
    }

    /// The clusters in which one's own nodes live, by their names in the spec, "" for the home of the chain.
    pub fn clusters(&self) -> BTreeSet<&str> {
        self.own().map(|node| node.cluster.as_str()).collect()
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
            .ok_or_else(|| {
                let message = format!("{} has no endpoint {port}", to.id);
                vec![error("endpoint", "", message)]
            })?;
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
        outside(endpoint).ok_or_else(|| {
            let message = format!(
                "{} is not in this cluster and has no address outside for {port}",
                to.id
            );
            vec![error("endpoint", "", message).hint("give the node a `host`")]
        })
    }

    /// Host and port at which `to` is reached from outside of its cluster on a named port.
    pub fn address_outside(&self, to: &Subject, port: &str) -> Option<(String, u16)> {
        let endpoint = to.endpoints.iter().find(|endpoint| endpoint.port == port);
        outside(endpoint?)
    }
}

/// Host and port of an endpoint that is reached from outside.
fn outside(endpoint: &Endpoint) -> Option<(String, u16)> {
    let outside = endpoint.outside.as_deref()?;
    let (host, port) = outside.rsplit_once(':')?;
    Some((host.to_owned(), port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(ordinal: u32, cluster: &str, namespace: &str, outside: Option<&str>) -> Subject {
        Subject {
            id: format!("node/node{ordinal}"),
            kind: NODE.to_owned(),
            name: format!("node{ordinal}"),
            parent: Some(CHAIN.to_owned()),
            ordinal,
            born_ms: 0,
            foreign: false,
            cluster: cluster.to_owned(),
            namespace: namespace.to_owned(),
            workload: None,
            endpoints: vec![Endpoint {
                port: "network".to_owned(),
                service: format!("c-{ordinal}"),
                number: 40000,
                outside: outside.map(str::to_owned),
            }],
            folder: String::new(),
            extra: "{}".to_owned(),
        }
    }

    /// Another party's node, as the host tells of it: without cluster and namespace.
    fn foreign(ordinal: u32) -> Subject {
        let mut node = node(ordinal, "", "", Some("beta.example:30010"));
        node.id = format!("node/beta/node{ordinal}");
        node.foreign = true;
        node
    }

    fn nodes(subjects: Vec<Subject>) -> Nodes {
        Nodes::new(Topology {
            chain: "c".to_owned(),
            stack: "s".to_owned(),
            release: "r".to_owned(),
            subjects,
            host_features: Vec::new(),
            extra: "{}".to_owned(),
        })
    }

    #[test]
    fn nodes_stand_in_ordinal_order_and_are_numbered_without_gaps() {
        let nodes = nodes(vec![
            node(4, "", "n", None),
            node(0, "", "n", None),
            node(1, "", "n", None),
        ]);
        assert_eq!(nodes.number("node/node4").unwrap(), 2);
        assert!(nodes.number("node/node3").is_err());
    }

    #[test]
    fn a_subject_is_found_by_its_id() {
        let nodes = nodes(vec![
            node(4, "", "n", None),
            node(10, "", "n", None),
            node(0, "", "n", None),
        ]);
        for ordinal in [0, 4, 10] {
            let id = format!("node/node{ordinal}");
            assert_eq!(nodes.subject(&id).unwrap().ordinal, ordinal);
        }
        assert!(nodes.subject("node/node1").is_err());
        assert!(nodes.chain().is_err());
    }

    #[test]
    fn a_namespace_is_named_only_when_it_differs() {
        let nodes = nodes(vec![
            node(0, "", "n", None),
            node(1, "", "n", None),
            node(2, "", "m", None),
        ]);
        let all: Vec<&Subject> = nodes.all().collect();
        let to = |to: usize| nodes.address(Some(all[0]), all[to], "network").unwrap().0;
        assert_eq!((to(1).as_str(), to(2).as_str()), ("c-1", "c-2.m"));
        // One file for all of them says it always.
        assert_eq!(nodes.address(None, all[1], "network").unwrap().0, "c-1.n");
    }

    #[test]
    fn a_node_of_another_cluster_is_reached_from_outside_or_not_at_all() {
        let nodes = nodes(vec![
            node(0, "a", "n", None),
            node(1, "b", "n", Some("b.example:30010")),
        ]);
        let all: Vec<&Subject> = nodes.all().collect();
        let there = nodes.address(Some(all[0]), all[1], "network").unwrap();
        assert_eq!(there, ("b.example".to_owned(), 30010));
        let back = nodes.address(Some(all[1]), all[0], "network").unwrap_err();
        assert!(back[0].message.contains("node/node0"));
    }

    #[test]
    fn nodes_of_others_come_last_and_change_nothing_among_our_own() {
        let nodes = nodes(vec![
            foreign(0),
            node(0, "", "n", None),
            node(1, "", "n", None),
        ]);
        let ids: Vec<&str> = nodes.all().map(|it| it.id.as_str()).collect();
        assert_eq!(ids, ["node/node0", "node/node1", "node/beta/node0"]);
        assert_eq!(nodes.own().count(), 2);
        assert!(!nodes.one_home());
        let address = |id: &str| {
            let to = nodes.subject(id).unwrap();
            nodes.address(None, to, "network").unwrap().0
        };
        assert_eq!(address("node/node1"), "c-1");
        assert_eq!(address("node/beta/node0"), "beta.example");
    }
}
