//! `network-config.toml`: the listening port and the other nodes.

use core::fmt::Write as _;

/// The peer-to-peer port (TCP) inside a pod.
pub const P2P_PORT: u16 = 40000;

/// Another node of the chain, as this node dials it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Name or address, the key `ip` of the file. Looked up once, at start, and only the first
    /// answer is used; a name that does not resolve ends the service.
    pub ip: String,
    /// Port (TCP).
    pub port: u16,
}

/// The content of `network-config.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkConfig {
    /// The port to listen on, normally [`P2P_PORT`].
    pub port: u16,
    /// All OTHER nodes, in node order.
    pub peers: Vec<Peer>,
}

impl NetworkConfig {
    /// The name of the file.
    pub const FILE_NAME: &str = "network-config.toml";

    /// The text of the file, byte for byte as the original writes it. The key `peers` is there even
    /// when the node is alone: without it the service ends with `missing field peers`.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = format!("port = {}\n", self.port);
        if self.peers.is_empty() {
            text.push_str("peers = []\n");
        }
        for peer in &self.peers {
            text.push_str("[[peers]]\nip = ");
            push_basic_string(&mut text, &peer.ip);
            text.push_str("\nport = ");
            text.push_str(&peer.port.to_string());
            text.push_str("\n\n");
        }
        text
    }
}

/// Appends a TOML basic string, so that no name can end it early.
fn push_basic_string(text: &mut String, value: &str) {
    text.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => {
                text.push('\\');
                text.push(c);
            }
            c if c.is_ascii_control() => {
                // Writing to a string cannot fail.
                let _ = write!(text, "\\u{:04X}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::golden_files;

    #[test]
    fn vector_golden_files() {
        for golden in golden_files(NetworkConfig::FILE_NAME) {
            let peers = (0..golden.nodes)
                .filter(|&other| other != golden.node)
                .map(|other| Peer {
                    ip: format!("test-chain-{other}"),
                    port: P2P_PORT,
                })
                .collect();
            let config = NetworkConfig {
                port: P2P_PORT,
                peers,
            };
            assert_eq!(
                config.render(),
                golden.text,
                "{} {}",
                golden.scenario,
                golden.node
            );
        }
    }

    #[test]
    fn a_strange_name_stays_one_string() {
        let ip = "a\"]\nport = 1 \\ \u{7f}é".to_owned();
        let config = NetworkConfig {
            port: 1,
            peers: vec![Peer {
                ip: ip.clone(),
                port: 2,
            }],
        };
        let read: toml::Table = config.render().parse().unwrap();
        assert_eq!(read["peers"][0]["ip"].as_str(), Some(ip.as_str()));
    }
}
