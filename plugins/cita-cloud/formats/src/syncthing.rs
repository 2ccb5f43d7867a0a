//! Syncthing, the file exchange between the nodes of a chain: who a node is, and `config.xml`.
//!
//! Without the exchange of blocks, proposals and transactions the chain stops after one or two more
//! blocks. Formats of Syncthing 1.x (reference 1.5 and 2.4); 2.x changed both certificate and
//! command line.

pub mod config;
pub mod device_id;
pub mod identity;

mod certificate;
mod der;
