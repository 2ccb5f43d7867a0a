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
use serde::Deserialize;
use serde_json::{Value, json};

/// The name by which clients know it.
pub const KIND: &str = "istanbul";

/// What the user may say beside what both Byzantine consensus have.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    /// The first block under QBFT.
    qbft_block: Option<u64>,
}

fn schema() -> Value {
    let mut schema = bft::schema();
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        let block = json!({
            "type": "integer", "minimum": 1, "maximum": 9_007_199_254_740_991_u64, "x-chain-fixed": true,
            "description": "the block from which on the chain is under QBFT; it stays with IBFT when absent",
        });
        properties.insert("qbftBlock".to_owned(), block);
    }
    schema
}

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
                schema(),
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
        let Options { qbft_block } = at.options()?;
        bft::changing(&self.nodes, at, KIND, qbft_block, |validators| {
            Extra::genesis(validators).encode()
        })
    }
}

export_plugin!(Istanbul);

#[cfg(test)]
mod tests;
