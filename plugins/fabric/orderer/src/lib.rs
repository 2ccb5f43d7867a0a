//! What the orderers of the stack `fabric` share: a descriptor, an environment by release, a pod.
//!
//! They are one program; the consensus is what a channel says. A plugin says its consensus as facts, and what its pod has
//! besides as [`Pod`]: a log of its own volume, further variables. All listen with TLS, also those who could do without.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub mod descriptor;
pub mod duration;
pub mod options;
pub mod pod;

pub use pod::{Log, Pod};

/// The name of the container and of its image.
pub const CONTAINER: &str = "orderer";
/// Where the images come from.
pub const REPOSITORY: &str = "hyperledger/fabric-orderer";
/// The volume of the ledger.
pub const LEDGER: &str = "ledger";
