//! What the plugins of the stack `fabric` share.
//!
//! Every identity is a subject: an organisation, its orderers and peers, its users, the pod of a chaincode. Roles know of
//! each other by [`facts`]; [`network`] is the network as a plugin sees it, [`extra`] what the stack says about a subject.
//! Nothing here knows of one implementation of a role.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub mod container;
pub mod descriptor;
pub mod extra;
pub mod facts;
pub mod image;
pub mod network;
pub mod release;

#[cfg(any(test, feature = "test"))]
pub mod fixture;

pub use network::Network;
pub use plugin_pods::{CHAIN, fault, names, operation};
pub use release::Release;

/// The name of the stack.
pub const STACK: &str = "fabric";

/// Roles of the stack.
pub mod role {
    /// The stack plugin itself, as others name it.
    pub const STACK: &str = "stack";
    /// Makes all identities: authorities, certificates, keys.
    pub const MSP: &str = "msp";
    /// A server that issues identities while the network lives.
    pub const CA: &str = "ca";
    /// Orders transactions into blocks.
    pub const ORDERER: &str = "orderer";
    /// The brokers of an orderer that needs some.
    pub const KAFKA: &str = "kafka";
    /// Where a peer keeps the state.
    pub const STATE_DB: &str = "state-db";
    /// Endorses and commits.
    pub const PEER: &str = "peer";
    /// Runs chaincode.
    pub const CHAINCODE: &str = "chaincode";
    /// A pod with Fabric's own command line.
    pub const CLI: &str = "cli";
}

/// Kinds of subjects. Each but the chain has a parent: organisations and channels the chain; orderers, peers, users,
/// servers, `ca` and docker daemons their organisation; a `cli` the user whose identity it has; a chaincode its channel;
/// brokers as said beside them.
pub mod kind {
    /// An organisation: `org/org1`. Its namespace is that of all that it owns.
    pub const ORG: &str = "org";
    /// An orderer: `orderer/orderer0.org`.
    pub const ORDERER: &str = "orderer";
    /// A peer: `peer/peer0.org1`.
    pub const PEER: &str = "peer";
    /// A person or a program: `user/Admin@org1`.
    pub const USER: &str = "user";
    /// A channel: `channel/mychannel`.
    pub const CHANNEL: &str = "channel";
    /// A chaincode of a channel: `chaincode/basic`.
    pub const CHAINCODE: &str = "chaincode";
    /// The pod of a chaincode for one organisation: `server/basic.org1`.
    pub const SERVER: &str = "server";
    /// An organisation's CA server: `ca/ca.org1`.
    pub const CA: &str = "ca";
    /// An organisation's command line: `cli/cli.org1`. Its parent is the user (`user/Admin@org1`): a pod gets keys of its
    /// own subject and of those above it, and no others.
    pub const CLI: &str = "cli";
    /// A broker: `kafka/kafka0`, of the chain.
    pub const KAFKA: &str = "kafka";
    /// A member of the brokers' ensemble: `zookeeper/zookeeper0`, of the chain.
    pub const ZOOKEEPER: &str = "zookeeper";
    /// A `ZooKeeper`'s for those who follow it as their leader.
    pub const ZOOKEEPER_QUORUM: &str = "zookeeper-peers";
    /// A `ZooKeeper`'s for elections.
    pub const ZOOKEEPER_ELECTION: &str = "zookeeper-elect";
    /// A docker daemon for the chaincode of one organisation: `docker/docker.org1`.
    pub const DOCKER: &str = "docker";
}

/// Names of ports, each unique in the stack.
pub mod port {
    /// An orderer's gRPC: clients, peers and other orderers.
    pub const ORDERER: &str = "orderer";
    /// An orderer's channel participation API, on the pod's loopback.
    pub const ADMIN: &str = "admin";
    /// An orderer's health and metrics.
    pub const ORDERER_OPS: &str = "orderer-ops";
    /// A peer's gRPC.
    pub const PEER: &str = "peer";
    /// A peer's health and metrics.
    pub const PEER_OPS: &str = "peer-ops";
    /// Where a peer listens for chaincode that dials it: chaincode of a docker daemon or of a builder, never that which is
    /// a server itself. Only then has a peer an endpoint for it.
    pub const PEER_CHAINCODE: &str = "peer-chaincode";
    /// Where chaincode listens.
    pub const CHAINCODE: &str = "chaincode";
    /// A CA server's.
    pub const CA: &str = "ca";
    /// A `CouchDB`'s.
    pub const COUCHDB: &str = "couchdb";
    /// A broker's.
    pub const KAFKA: &str = "kafka";
    /// A `ZooKeeper`'s for its clients. Names of its other ports begin alike, by which the stack tells whose they are.
    pub const ZOOKEEPER: &str = "zookeeper";
    /// A `ZooKeeper`'s for those who follow it as their leader.
    pub const ZOOKEEPER_QUORUM: &str = "zookeeper-peers";
    /// A `ZooKeeper`'s for elections.
    pub const ZOOKEEPER_ELECTION: &str = "zookeeper-elect";
    /// A docker daemon's.
    pub const DOCKER: &str = "docker";
}

/// Names of what the role `msp` keeps and renders. The paths at which a program wants them are in [`container`].
pub mod item {
    /// About an organisation: certificate of its CA, PEM.
    pub const CA_CERT: &str = "ca-cert";
    /// About an organisation: key of its CA, a secret.
    pub const CA_KEY: &str = "ca-key";
    /// About an organisation: certificate of its TLS CA, PEM.
    pub const TLS_CA_CERT: &str = "tlsca-cert";
    /// About an organisation: key of its TLS CA, a secret.
    pub const TLS_CA_KEY: &str = "tlsca-key";
    /// About an orderer, a peer or a user: its certificate, PEM.
    pub const CERT: &str = "cert";
    /// About an orderer, a peer or a user: its key, a secret, PEM.
    pub const KEY: &str = "key";
    /// About an orderer, a peer or a user: its TLS certificate, PEM.
    pub const TLS_CERT: &str = "tls-cert";
    /// About an orderer, a peer or a user: its TLS key, a secret, PEM.
    pub const TLS_KEY: &str = "tls-key";
    /// About a CA server, kept by it: the name of its first administrator.
    pub const CA_ADMIN: &str = "admin";
    /// About a CA server, kept by it: that administrator's password, a secret.
    pub const CA_PASSWORD: &str = "password";
    /// A file about an organisation, rendered by `msp`: `config.yaml` with the `NodeOUs`.
    pub const NODE_OUS: &str = "config.yaml";
    /// A file about the chain, configured by the stack where a release has a system channel: its block 0.
    pub const GENESIS: &str = "genesis.block";
    /// A file about a channel, configured by the stack: its block 0.
    pub const BLOCK: &str = "channel.block";
}
