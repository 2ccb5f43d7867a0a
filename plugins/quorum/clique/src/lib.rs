//! The consensus `clique`: signers are the addresses of accounts, named in the extra data of the genesis block.
//!
//! Blocks are final by probability only: more than half of the signers must be there, and a fork is settled by weight.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

use std::collections::BTreeMap;

use chain_plugin_sdk::descriptor::Descriptor;
use chain_plugin_sdk::{At, Configured, Diagnostics, Plugin, Provisioned, Topology, export_plugin};
use quorum_formats::extra_data::clique::Clique as Extra;
use quorum_formats::genesis::ISTANBUL_MIX_HASH;
use quorum_formats::genesis::consensus::EPOCH;
use quorum_service::Nodes;
use quorum_service::facts::{ConsensusFacts, Identity};
use quorum_service::member::{self, SECOND};
use serde::Deserialize;
use serde_json::json;

/// The name by which clients know it.
pub const KIND: &str = "clique";

/// What the user may say.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    block_period: u64,
    epoch_length: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            block_period: 5,
            epoch_length: EPOCH,
        }
    }
}

/// The plugin.
#[derive(Debug)]
pub struct Clique {
    nodes: Nodes,
}

impl Plugin for Clique {
    fn descriptor() -> Descriptor {
        member::descriptor(
            KIND,
            "consensus: Clique, proof of authority by accounts; goes on with more than half of the signers",
            json!({
                "type": "object", "additionalProperties": false,
                "properties": {
                    "blockPeriod": member::seconds(
                        5, 0, "seconds between two blocks; at 0 a block is made only when there are transactions",
                    ),
                    "epochLength": member::epoch(),
                },
            }),
        )
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
        let options: Options = at.options()?;
        let signers = member::addresses(&self.nodes, at, Identity::Account)?;
        let facts = ConsensusFacts {
            kind: KIND.to_owned(),
            block_period_ms: options.block_period.saturating_mul(SECOND),
            empty_block_period_ms: None,
            request_timeout_ms: None,
            epoch_length: Some(options.epoch_length),
            proposer_policy: None,
            qbft_from_block: None,
            identity: Identity::Account,
            members: signers.iter().map(ToString::to_string).collect(),
            numbers: BTreeMap::new(),
            // Clients want any mix hash here; this one is the original's.
            genesis: member::genesis(1, &ISTANBUL_MIX_HASH, &Extra::genesis(signers).encode()),
        };
        Ok(member::configured(&facts, Vec::new()))
    }
}

export_plugin!(Clique);

#[cfg(test)]
mod tests;
