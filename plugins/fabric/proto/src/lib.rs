//! Messages of Hyperledger Fabric's protocols, as prost structures written by hand.
//!
//! There is no build script and no compiler of interface files: the messages are few and have not
//! changed their numbers since Fabric 1.0. Fields are encoded by ascending number, zero scalars are
//! left out, maps are ordered, so the same message always gives the same bytes. The numbers come
//! from Fabric's published interface files; a field number that was given up is never used again.
//!
//! Decoding needs no care from the caller: prost refuses nesting deeper than 100 levels and never
//! reserves memory that the input does not hold.

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

pub use prost;
pub use prost::Message;

pub mod common;
pub mod configuration;
pub mod msp;
pub mod peer;
pub mod policies;
pub mod proposed;

mod message_map;
mod signer;
#[cfg(test)]
mod tests;

pub use signer::Signer;
