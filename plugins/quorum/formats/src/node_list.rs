//! The lists of nodes: `static-nodes.json`, `permissioned-nodes.json`, `disallowed-nodes.json`.
//!
//! All three are one JSON array of enode URLs. Whom the client dials it takes from the first, whom
//! it admits from the second (keys only, read again at every connection), whom it never admits from
//! the third. The order matters: before Raft ids were explicit, a node's id was its place in
//! `static-nodes.json`, so all nodes must have the same list at their first start.

use thiserror::Error;

use crate::enode::{Enode, EnodeError, NodeId};

/// Why a text is no list of nodes.
#[derive(Debug, Error)]
pub enum NodeListError {
    /// Not an array of strings.
    #[error("node list is not a JSON array of enode URLs")]
    Json(#[source] serde_json::Error),
    /// An entry that is no enode URL.
    #[error("entry {index} of the node list is no enode")]
    Entry {
        /// Its place, from 0.
        index: usize,
        /// What is wrong with it.
        #[source]
        source: EnodeError,
    },
    /// Two entries for one node: the second would never be dialled.
    #[error("node {id} stands in the node list twice, as entries {first} and {second}")]
    Duplicate {
        /// The node.
        id: NodeId,
        /// The place of the first entry, from 0.
        first: usize,
        /// The place of the second.
        second: usize,
    },
}

/// Nodes in the order of the file, each at most once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeList(Vec<Enode>);

impl NodeList {
    /// The list of these nodes: one's own in the order of the configuration, then those of others.
    ///
    /// # Errors
    /// When a node is named twice.
    pub fn new(nodes: Vec<Enode>) -> Result<Self, NodeListError> {
        let mut seen = std::collections::BTreeMap::new();
        for (second, node) in nodes.iter().enumerate() {
            if let Some(first) = seen.insert(node.id, second) {
                return Err(NodeListError::Duplicate {
                    id: node.id,
                    first,
                    second,
                });
            }
        }
        Ok(Self(nodes))
    }

    /// Reads any of the three files.
    ///
    /// # Errors
    /// When the text is no array of enode URLs, or names a node twice.
    pub fn parse(json: &str) -> Result<Self, NodeListError> {
        let urls: Vec<String> = serde_json::from_str(json).map_err(NodeListError::Json)?;
        let nodes = urls.iter().enumerate().map(|(index, url)| {
            url.parse()
                .map_err(|source| NodeListError::Entry { index, source })
        });
        Self::new(nodes.collect::<Result<_, _>>()?)
    }

    /// The file: an array with one URL a line, indented by two, and a newline at the end.
    #[must_use]
    pub fn render(&self) -> String {
        if self.0.is_empty() {
            return "[]\n".to_owned();
        }
        let lines: Vec<String> = self.0.iter().map(|node| format!("  \"{node}\"")).collect();
        format!("[\n{}\n]\n", lines.join(",\n"))
    }

    /// The nodes, in order.
    #[must_use]
    pub fn nodes(&self) -> &[Enode] {
        &self.0
    }

    /// Whether the client takes this node for a listed one.
    #[must_use]
    pub fn contains(&self, id: &NodeId) -> bool {
        self.0.iter().any(|node| node.id == *id)
    }

    /// The Raft id that a node has at the first start of the network: its place, from 1.
    #[must_use]
    pub fn raft_id(&self, id: &NodeId) -> Option<usize> {
        let place = self.0.iter().position(|node| node.id == *id)?;
        Some(place.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::vector;

    fn published() -> Vec<String> {
        let urls = vector("enode_urls_qubernetes")["computed"].clone();
        serde_json::from_value(urls).unwrap()
    }

    #[test]
    fn vector_enode_urls_qubernetes() {
        let urls = published();
        let json = serde_json::to_string_pretty(&urls).unwrap() + "\n";
        let list = NodeList::parse(&json).unwrap();
        assert_eq!(list.render(), json);
        assert_eq!(list.raft_id(&list.nodes()[2].id), Some(3));
        assert!(list.contains(&list.nodes()[6].id));
    }

    #[test]
    fn the_layout_of_the_original_is_read() {
        let urls = published();
        let text = format!("\n[\n  \"{}\",\n  \n  \"{}\"\n  \n\n]\n", urls[0], urls[1]);
        assert_eq!(NodeList::parse(&text).unwrap().nodes().len(), 2);
    }

    #[test]
    fn a_disallowed_node_may_be_named_by_its_key_alone() {
        let (id, _) = published()[0]
            .split_once('@')
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .unwrap();
        let list = NodeList::parse(&format!("[\"{id}\"]")).unwrap();
        assert_eq!(list.nodes()[0].endpoint, None);
        assert_eq!(NodeList::parse(&list.render()).unwrap(), list);
    }

    #[test]
    fn an_empty_list_is_an_array() {
        assert_eq!(NodeList::default().render(), "[]\n");
        assert_eq!(NodeList::parse("[]").unwrap(), NodeList::default());
    }

    #[test]
    fn faults_name_their_place() {
        let url = &published()[0];
        let twice = NodeList::parse(&format!("[\"{url}\", \"{url}\"]")).unwrap_err();
        assert!(twice.to_string().ends_with("as entries 0 and 1"), "{twice}");
        let wrong = NodeList::parse(&format!("[\"{url}\", \"enode://\"]")).unwrap_err();
        assert_eq!(wrong.to_string(), "entry 1 of the node list is no enode");
        assert!(NodeList::parse("{}").is_err());
    }
}
