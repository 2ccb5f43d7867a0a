//! File formats of the CITA-Cloud v4.0.0 family, as pure functions.
//!
//! Nothing here reads a clock, a file or a random generator: entropy and time are handed in by the
//! caller, and the same input always gives the same bytes. That makes every format testable against
//! published vectors, natively, although the plugins that use it run as WebAssembly guests.
//!
//! One module per noun: the account and its `kms.db`, the network key, the Syncthing identity and
//! configuration, the genesis block, and one file for each configuration file of a service.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub use plugin_entropy as entropy;

pub mod account;
pub mod address;
pub mod chain_id;
pub mod consensus_config;
pub mod controller_config;
pub mod genesis;
pub mod kms;
pub mod kms_db;
pub mod log4rs;
pub mod network_config;
pub mod network_key;
pub mod service;
pub mod sqlite;
pub mod syncthing;
pub mod sys_config;

#[cfg(test)]
mod vectors;
