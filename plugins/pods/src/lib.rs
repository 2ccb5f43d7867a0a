//! What stacks whose nodes are pods have in common.
//!
//! [`nodes`] is the chain as a plugin sees it: its nodes in order, and how one reaches another. [`places()`] says for a
//! stack which entry of the spec is which node, over all of the chain's life. [`names`] and [`container`] hold what Kubernetes
//! wants, [`descriptor`], [`fault`] and [`operation`] say in one line what plugins say often. Nothing here knows of one stack: what a family says in its own words stands in its own service crate.

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
pub mod fault;
pub mod names;
pub mod nodes;
pub mod operation;
pub mod places;

pub use nodes::Nodes;
pub use places::{Place, places};

/// Id of the subject that is the chain itself.
pub const CHAIN: &str = "chain";

/// Kind of the subjects that are nodes.
const NODE: &str = "node";
