//! Proposals, transactions, chaincode packages and the calls that carry them.
//!
//! Pure functions from bytes to bytes: the operations of the stack send what is made here as requests
//! of HTTP through a host, and give back what arrives. Nothing here reads a clock or a random
//! generator: nonces and times are handed in, so the same input always gives the same bytes.
//!
//! A change of a channel's state goes through [`proposal`], [`endorsement`], [`transaction`],
//! [`broadcast`], [`deliver`] and [`commit`], in this order; a query ends after the first two.
//! [`failure`] knows which errors of the field pass by themselves, [`definition`] what comes next in
//! the life of a chaincode, so that a run that stopped half-way is finished by the next.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub mod broadcast;
pub mod commit;
pub mod config_block;
pub mod definition;
pub mod deliver;
pub mod endorsement;
pub mod failure;
pub mod grpc;
pub mod metrics;
pub mod open;
pub mod package;
pub mod participation;
pub mod proposal;
pub mod transaction;

#[cfg(test)]
mod field_tests;
#[cfg(test)]
mod test_signer;
