//! The consensus `istanbul`: validators are the addresses of node keys, named in the extra data of the genesis block.
//!
//! Gives facts alone: what a block period or a vote is, not how a client is told. Extra data: the seal of the genesis block is 65 zero bytes, as the original writes it.

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
use quorum_formats::extra_data::istanbul::Istanbul as Extra;
use quorum_service::{Nodes, bft, member};

/// The name by which clients know it.
pub const KIND: &str = "istanbul";

/// The plugin.
#[derive(Debug)]
pub struct Istanbul {
    nodes: Nodes,
}

impl Plugin for Istanbul {
    fn descriptor() -> Descriptor {
        Descriptor {
            aliases: vec!["ibft".to_owned()],
            ..member::descriptor(
                KIND,
                "consensus: IBFT, the elder of QBFT; goes on with more than two thirds of the validators",
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
            Extra::genesis(validators).encode()
        })
    }
}

export_plugin!(Istanbul);

#[cfg(test)]
mod tests;
