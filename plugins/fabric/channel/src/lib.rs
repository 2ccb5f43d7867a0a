//! Channel configuration of Hyperledger Fabric, as pure functions.
//!
//! A channel is described by a [`model`], built into a tree and a [`genesis`] block, read back from
//! a [`block`], shown as [`json`], changed by an [`edit`] that becomes an [`update`], and checked by
//! a [`lint`] before a node sees it: a node that accepts a faulty block may never work again.
//!
//! Nothing here reads a clock, a file or a random generator: nonces and times are handed in, maps
//! are ordered, so the same input always gives the same bytes.

// A map with values without fields is what the format has.
#![allow(clippy::zero_sized_map_values)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub use fabric_proto as proto;

pub mod block;
pub mod duration;
pub mod edit;
pub mod genesis;
pub mod json;
pub mod lint;
pub mod model;
pub mod policy;
pub mod read;
pub mod tree;
pub mod update;

#[cfg(test)]
mod vectors;
