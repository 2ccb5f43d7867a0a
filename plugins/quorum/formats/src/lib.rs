//! File formats of the GoQuorum family, as pure functions.
//!
//! Nothing here reads a clock, a file or a random generator: entropy is handed in by the caller, and
//! the same input always gives the same bytes. That makes every format testable against published
//! vectors, natively, although the plugins that use it run as WebAssembly guests.
//!
//! One module per noun: the keys of a node and the files that carry them, the enode and the lists of
//! enodes, the genesis block with its extra data and its hash, the privacy managers, the contracts
//! and scripts that a network ships with, and the configuration file of the tool that came before.

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

pub mod acceptance;
pub mod account;
pub mod address;
pub mod cakeshop;
pub mod client_flags;
pub mod console;
pub mod constellation;
pub mod contract;
pub mod enode;
pub mod extra_data;
pub mod genesis;
pub mod key_pair;
pub mod keystore;
pub mod node_key;
pub mod node_list;
pub mod prometheus;
pub mod quantity;
pub mod qubernetes;
pub mod rlp;
pub mod scripts;
pub mod tessera_config;
pub mod tessera_key;
pub mod tessera_locked_key;
pub mod validators_toml;
pub mod version;
pub mod yaml;

mod keccak;
#[cfg(test)]
mod vectors;
