//! What the plugins of the stack `quorum` share.
//!
//! Roles know of each other by facts (`facts`), never by each other's flags: a consensus says how often blocks are made
//! and who votes, a privacy manager where its socket is, and the client spells that for its own version. `nodes` is the
//! chain as a plugin sees it, `rpc` the questions that operations ask a client, `side` the pods beside the nodes. Nothing
//! here knows of one implementation of a role.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub mod bft;
pub mod container;
pub mod facts;
pub mod member;
pub mod nodes;
pub mod privacy;
pub mod rpc;
pub mod side;
pub mod topology_extra;

#[cfg(any(test, feature = "test"))]
pub mod fixture;

pub use nodes::Nodes;
pub use plugin_pods::{CHAIN, fault, operation};
pub use topology_extra::Extra;

/// The name of the stack.
pub const STACK: &str = "quorum";

/// The release of the stack that these plugins belong to: after the client's last one.
pub const RELEASE: &str = "v24.4.1";

/// The role under which the stack plugin itself is found.
pub const STACK_ROLE: &str = "stack";

/// The role that holds keys and makes blocks.
pub const CLIENT: &str = "client";

/// The role that says who may make the next block.
pub const CONSENSUS: &str = "consensus";

/// The role that carries private payloads past the chain.
pub const PRIVACY: &str = "privacy";

/// The role that shows blocks to people.
pub const EXPLORER: &str = "explorer";

/// The role that collects metrics.
pub const MONITOR: &str = "monitor";

/// The volume of a node: chain, database of the privacy manager. The stack declares it.
pub const DATA_VOLUME: &str = "data";

/// The volume in memory in which the privacy manager's socket lies, so that none is left over from an earlier pod. The
/// stack declares it.
pub const SOCKET_VOLUME: &str = "socket";

/// The name of the port at which peers connect to a client.
pub const P2P: &str = "p2p";

/// The name of the port of Raft's transport.
pub const RAFT_ENDPOINT: &str = "raft";

/// The port of Raft's transport, which stands in every enode: with it a client keeps the host names of its peers, also
/// while they do not resolve.
pub const RAFT_PORT: u16 = 50401;

/// The port on which clients serve metrics.
pub const METRICS_PORT: u16 = quorum_formats::prometheus::METRICS_PORT;
