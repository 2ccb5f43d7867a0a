//! The consensus `qbft`: validators are the addresses of node keys, named in the extra data of the genesis block.
//!
//! Gives facts alone: what a block period or a vote is, not how a client is told. Extra data: the same bytes in every client that has it.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

use chain_plugin_sdk::descriptor::Descriptor;
use chain_plugin_sdk::{At, Configured, Diagnostics, Plugin, Provisioned, Topology, export_plugin};
use quorum_formats::extra_data::bft::{Bft, Dialect};
use quorum_service::{Nodes, bft, member};

/// The name by which clients know it.
pub const KIND: &str = "qbft";

/// The plugin.
#[derive(Debug)]
pub struct Qbft {
    nodes: Nodes,
}

impl Plugin for Qbft {
    fn descriptor() -> Descriptor {
        Descriptor {
            ..member::descriptor(
                KIND,
                "consensus: QBFT, Byzantine fault tolerant, final at once; goes on with more than two thirds of the validators",
                bft::schema(),
            )
        }
    }

    fn open(topology: Topology) -> Result<Self, Diagnostics> {
        Ok(Self {
            nodes: Nodes::new(topology),
        })
    }

    fn provision(&self, at: &At<'_>) -> Result<Provisioned, Diagnostics> {
        member::provisioned(&self.nodes, at, KIND)
    }

    fn configure(&self, at: &At<'_>) -> Result<Configured, Diagnostics> {
        bft::configured(&self.nodes, at, KIND, |validators| {
            Bft::genesis(Dialect::Qbft, validators).encode()
        })
    }
}

export_plugin!(Qbft);

#[cfg(test)]
mod tests;
