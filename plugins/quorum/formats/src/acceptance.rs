//! The file by which the acceptance tests of the family find a network.
//!
//! They ran outside the cluster, so both URLs are those of a machine and a node port. The URL called
//! third-party is that of the port for peers: so the original writes it, and so the tests use it.

use serde_json::Value;

use crate::tessera_key::TesseraPublicKey;

/// The name of the file, which its profile asks for.
pub const FILE_NAME: &str = "application-qctl-generated.yml";

/// A node as the tests reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptanceNode {
    /// The key of its privacy manager.
    pub privacy_address: TesseraPublicKey,
    /// JSON-RPC of the client.
    pub url: String,
    /// The privacy manager.
    pub third_party_url: String,
}

/// The file: nodes are called `Node1` and so on, in the order of the configuration.
#[must_use]
pub fn file(nodes: &[AcceptanceNode]) -> String {
    let entries: String = nodes
        .iter()
        .enumerate()
        .map(|(index, node)| {
            format!(
                "    Node{}:\n      privacy-address: \"{}\"\n      url: {}\n      third-party-url: {}\n",
                index.saturating_add(1),
                node.privacy_address,
                Value::from(node.url.as_str()),
                Value::from(node.third_party_url.as_str()),
            )
        })
        .collect();
    format!("quorum:\n  nodes:\n{entries}")
}

/// The tags of the tests for a consensus, `raft` or `istanbul`, when the user names none.
#[must_use]
pub fn tags(consensus: &str) -> String {
    format!("(basic || basic-{consensus} || networks/typical::{consensus}) && !extension")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Node;
    use serde_json::json;

    #[test]
    fn nodes_are_counted_from_one() {
        let key = TesseraPublicKey::from_bytes([7; 32]);
        let node = AcceptanceNode {
            privacy_address: key,
            url: "http://192.0.2.1:30102".to_owned(),
            third_party_url: "http://192.0.2.1:32614".to_owned(),
        };
        let read = Node::parse(&file(&[node.clone(), node])).unwrap().json();
        assert_eq!(
            read["quorum"]["nodes"]["Node2"],
            json!({
                "privacy-address": key.to_string(),
                "url": "http://192.0.2.1:30102",
                "third-party-url": "http://192.0.2.1:32614",
            })
        );
    }

    #[test]
    fn tags_name_the_consensus() {
        assert_eq!(
            tags("raft"),
            "(basic || basic-raft || networks/typical::raft) && !extension"
        );
    }
}
