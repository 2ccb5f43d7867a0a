//! The enode URL: which node (its public key) and where (host and ports).
//!
//! `enode://<128 hex>@<host>:<port>?discport=<p>&raftport=<p>`, or the key alone. The client compares
//! nodes by their key only. It looks a host name up while it reads the URL: without `raftport` a
//! name that does not resolve is fatal, with it the name is kept.

use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;

use k256::PublicKey;
use thiserror::Error;

use crate::address::Address;

/// The public key of a node: 64 bytes X || Y. `Display` gives 128 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId([u8; 64]);

/// A text that is no enode URL.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EnodeError {
    /// Neither an enode URL nor a bare node id.
    #[error("{0:?} is not an enode URL: expected enode://<128 hex digits>@<host>:<port>")]
    Malformed(String),
    /// 128 hex digits that are no point of the curve, or another number of digits.
    #[error("{0:?} is not a node id: expected the 128 hex digits of a secp256k1 public key")]
    Id(String),
    /// A host that is neither an address nor a name.
    #[error("host {0:?} of an enode URL is neither an IP address nor a host name")]
    Host(String),
    /// A port that is no number up to 65535.
    #[error("{name} {value:?} of an enode URL is not a port number")]
    Port {
        /// `port`, `discport` or `raftport`.
        name: &'static str,
        /// What stands there.
        value: String,
    },
}

/// Where a node is reached.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// A host name or an IP address, without the brackets of IPv6.
    pub host: String,
    /// The TCP port, at which peers connect.
    pub port: u16,
    /// The UDP port of discovery; the TCP port when absent, none at all when 0.
    pub discovery_port: Option<u16>,
    /// The port of the Raft transport. Harmless where the consensus is another.
    pub raft_port: Option<u16>,
}

/// A node by its key and, but in lists that only name it, by its place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Enode {
    /// Which node.
    pub id: NodeId,
    /// Where it is.
    pub endpoint: Option<Endpoint>,
}

impl NodeId {
    /// The id of a public key that is known to be one.
    #[must_use]
    pub const fn of_public_key(public: [u8; 64]) -> Self {
        Self(public)
    }

    /// The 64 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }

    /// The address of the node, as a validator.
    #[must_use]
    pub fn address(&self) -> Address {
        Address::of_public_key(&self.0)
    }
}

impl FromStr for NodeId {
    type Err = EnodeError;

    /// Reads 128 hex digits of either case that are a point of the curve.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || EnodeError::Id(text.to_owned());
        let mut point = [4; 65];
        let (_, digits) = point.split_at_mut(1);
        hex::decode_to_slice(text, digits).map_err(|_| refused())?;
        PublicKey::from_sec1_bytes(&point).map_err(|_| refused())?;
        let (_, public) = point.split_at(1);
        <[u8; 64]>::try_from(public)
            .map(Self)
            .map_err(|_| refused())
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl Endpoint {
    /// The endpoint of a node whose peers find it by lists, not by discovery: `discport=0`, and the
    /// Raft port in every consensus, so that the name is kept when it does not resolve yet.
    ///
    /// # Errors
    /// When the host is neither an IP address nor a host name.
    pub fn listed(host: &str, port: u16, raft_port: u16) -> Result<Self, EnodeError> {
        let endpoint = Self {
            host: host.to_owned(),
            port,
            discovery_port: Some(0),
            raft_port: Some(raft_port),
        };
        endpoint.checked()
    }

    /// Whether the client must resolve the host while it reads the URL, and stops when it cannot.
    #[must_use]
    pub fn must_resolve(&self) -> bool {
        self.raft_port.is_none() && self.host.parse::<IpAddr>().is_err()
    }

    fn checked(self) -> Result<Self, EnodeError> {
        if self.host.parse::<IpAddr>().is_ok() || is_host_name(&self.host) {
            Ok(self)
        } else {
            Err(EnodeError::Host(self.host))
        }
    }

    fn parse(place: &str) -> Result<Self, EnodeError> {
        let (authority, query) = place.split_once('?').unwrap_or((place, ""));
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let malformed = || EnodeError::Malformed(place.to_owned());
        let (host, port) = authority.rsplit_once(':').ok_or_else(malformed)?;
        let host = match host.strip_prefix('[') {
            Some(bracketed) => bracketed.strip_suffix(']').ok_or_else(malformed)?,
            None => host,
        };
        let mut endpoint = Self {
            host: host.to_owned(),
            port: port_number("port", port)?,
            discovery_port: None,
            raft_port: None,
        };
        for pair in query.split('&') {
            match pair.split_once('=') {
                Some((_, "")) => {}
                Some(("discport", port)) => {
                    endpoint.discovery_port = Some(port_number("discport", port)?);
                }
                Some(("raftport", port)) => {
                    endpoint.raft_port = Some(port_number("raftport", port)?);
                }
                _ => {}
            }
        }
        endpoint.checked()
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)?;
        } else {
            write!(f, "{}:{}", self.host, self.port)?;
        }
        let mut mark = '?';
        for (name, port) in [
            ("discport", self.discovery_port),
            ("raftport", self.raft_port),
        ] {
            if let Some(port) = port {
                write!(f, "{mark}{name}={port}")?;
                mark = '&';
            }
        }
        Ok(())
    }
}

impl Enode {
    /// A node at an endpoint.
    #[must_use]
    pub const fn new(id: NodeId, endpoint: Endpoint) -> Self {
        Self {
            id,
            endpoint: Some(endpoint),
        }
    }

    /// Whether both are the same node to the client: only the keys are compared.
    #[must_use]
    pub fn same_node(&self, other: &Self) -> bool {
        self.id == other.id
    }

    /// The same node as others reach it, for instance from another cluster: its Raft and discovery
    /// ports are kept.
    ///
    /// # Errors
    /// When the host is neither an IP address nor a host name.
    pub fn reached_at(&self, host: &str, port: u16) -> Result<Self, EnodeError> {
        let endpoint = Endpoint {
            host: host.to_owned(),
            port,
            discovery_port: self.endpoint.as_ref().and_then(|e| e.discovery_port),
            raft_port: self.endpoint.as_ref().and_then(|e| e.raft_port),
        };
        Ok(Self::new(self.id, endpoint.checked()?))
    }
}

impl FromStr for Enode {
    type Err = EnodeError;

    /// Reads what the client reads: a complete URL, `enode://<id>`, or the id alone. Unknown query
    /// parameters are ignored, as the client ignores them.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || EnodeError::Malformed(text.to_owned());
        let rest = text.strip_prefix("enode://");
        let (id, place) = match rest.unwrap_or(text).split_once('@') {
            Some((id, place)) if rest.is_some() => (id, Some(place)),
            Some(_) => return Err(malformed()),
            None if text.contains(':') && rest.is_none() => return Err(malformed()),
            None => (rest.unwrap_or(text), None),
        };
        Ok(Self {
            id: id.parse()?,
            endpoint: place.map(Endpoint::parse).transpose()?,
        })
    }
}

impl fmt::Display for Enode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "enode://{}", self.id)?;
        match &self.endpoint {
            Some(endpoint) => write!(f, "@{endpoint}"),
            None => Ok(()),
        }
    }
}

/// A name of letters, digits and hyphens in labels of 1 to 63, 253 characters in all. Underscores
/// are let through: machines outside of clusters have them.
fn is_host_name(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    let name = host.strip_suffix('.').unwrap_or(host);
    name.len() <= 253 && name.split('.').all(label)
}

fn port_number(name: &'static str, value: &str) -> Result<u16, EnodeError> {
    value.parse().map_err(|_| EnodeError::Port {
        name,
        value: value.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node_key::NodeKey;
    use crate::vectors::{seven_node_keys, vector};

    fn id() -> NodeId {
        NodeKey::from_private(&[1; 32]).unwrap().id()
    }

    #[test]
    fn vector_enode_urls_qubernetes() {
        let published = vector("enode_urls_qubernetes");
        let published = published["computed"].as_array().unwrap();
        assert_eq!(published.len(), 7);
        for (index, (key, url)) in seven_node_keys().iter().zip(published).enumerate() {
            let name = format!("quorum-node{}", index + 1);
            let endpoint = Endpoint::listed(&name, 30303, 50401).unwrap();
            let enode = Enode::new(NodeKey::from_private(key).unwrap().id(), endpoint);
            let url = url.as_str().unwrap();
            assert_eq!(enode.to_string(), url);
            assert_eq!(url.parse::<Enode>().unwrap(), enode);
        }
    }

    #[test]
    fn every_form_of_the_client_is_read() {
        let id = id();
        for (place, expected) in [
            ("10.3.58.6:30303", "10.3.58.6:30303"),
            (
                "10.3.58.6:30303?discport=30301",
                "10.3.58.6:30303?discport=30301",
            ),
            ("[::1]:30303?raftport=1", "[::1]:30303?raftport=1"),
            (
                "n.ns.svc:1?raftport=2&discport=0",
                "n.ns.svc:1?discport=0&raftport=2",
            ),
            ("n:1?discport=&other=3", "n:1"),
        ] {
            let enode: Enode = format!("enode://{id}@{place}").parse().unwrap();
            assert_eq!(enode.to_string(), format!("enode://{id}@{expected}"));
        }
        for text in [format!("enode://{id}"), id.to_string().to_uppercase()] {
            let enode: Enode = text.parse().unwrap();
            assert_eq!(enode, Enode { id, endpoint: None });
            assert_eq!(enode.to_string(), format!("enode://{id}"));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let id = id();
        let off_curve = "11".repeat(64);
        for wrong in [
            String::new(),
            format!("http://{id}@a:1"),
            format!("{id}@a:1"),
            format!("enode://{off_curve}@a:1"),
            format!("enode://{}@a:1", &id.to_string()[2..]),
            format!("enode://{id}@a"),
            format!("enode://{id}@a:70000"),
            format!("enode://{id}@a:1?raftport=x"),
            format!("enode://{id}@a b:1"),
            format!("enode://{id}@:1"),
            format!("enode://{id}@[::1:1"),
        ] {
            assert!(wrong.parse::<Enode>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn nodes_are_compared_by_key() {
        let here: Enode = format!("enode://{}@node:1?discport=0&raftport=2", id())
            .parse()
            .unwrap();
        let there = here.reached_at("198.51.100.7", 31000).unwrap();
        assert!(here.same_node(&there) && here != there);
        assert!(
            there
                .to_string()
                .ends_with("@198.51.100.7:31000?discport=0&raftport=2")
        );
        assert!(here.reached_at("not a host", 1).is_err());
    }

    #[test]
    fn a_name_without_raft_port_must_resolve() {
        let fatal = |place: &str| Endpoint::parse(place).unwrap().must_resolve();
        assert!(fatal("node:1"));
        assert!(!fatal("node:1?raftport=2"));
        assert!(!fatal("10.0.0.1:1"));
    }
}
