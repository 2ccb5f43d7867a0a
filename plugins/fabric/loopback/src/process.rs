//! What a process is.

use std::collections::BTreeMap;

/// Which program a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An orderer.
    Orderer,
    /// A peer.
    Peer,
    /// A chaincode server, which speaks with peers of its organisation.
    Chaincode,
}

impl Kind {
    /// Name of the program.
    pub fn program(self) -> &'static str {
        match self {
            Self::Orderer => "orderer",
            Self::Peer => "peer",
            Self::Chaincode => "chaincode",
        }
    }

    /// What the image's command has besides the program.
    pub(crate) fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Peer => &["node", "start"],
            Self::Orderer | Self::Chaincode => &[],
        }
    }

    /// Where clients connect.
    pub fn port(self) -> u16 {
        match self {
            Self::Orderer => 7050,
            Self::Peer => 7051,
            Self::Chaincode => 9999,
        }
    }

    /// Where `/healthz` and `/metrics` are, without TLS; a chaincode server has none.
    pub fn operations(self) -> Option<u16> {
        match self {
            Self::Orderer => Some(8443),
            Self::Peer => Some(9443),
            Self::Chaincode => None,
        }
    }
}

/// A process to start.
#[derive(Clone, Debug)]
pub struct Process {
    /// Its name, as a pod has one: `orderer0.orderer`, `peer0.org1`. Also that of its folder.
    pub name: String,
    /// What it runs.
    pub kind: Kind,
    /// Names that it resolves, each with the process that is meant: `basic` is another server in each
    /// organisation.
    pub hosts: BTreeMap<String, String>,
    /// Its environment, and nothing else.
    pub env: BTreeMap<String, String>,
    /// Its files by absolute path. The image's configuration is there besides, in
    /// `/etc/hyperledger/fabric`, and on a peer `core.yaml` without docker in `/etc/hyperledger/cfg`.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Process {
    /// A process without names, variables or files.
    pub fn new(name: &str, kind: Kind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            hosts: BTreeMap::new(),
            env: BTreeMap::new(),
            files: BTreeMap::new(),
        }
    }
}
