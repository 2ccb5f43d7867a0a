//! What the two Byzantine consensus of the family share: options, and the facts that follow from them.

use std::collections::BTreeMap;

use chain_plugin_sdk::{At, Configured, Diagnostics};
use quorum_formats::address::Address;
use quorum_formats::genesis::ISTANBUL_MIX_HASH;
use quorum_formats::genesis::consensus::EPOCH;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Nodes;
use crate::facts::{ConsensusFacts, Identity, ProposerPolicy};
use crate::member::{self, SECOND};

/// What the user may say.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Options {
    /// Seconds between two blocks.
    pub block_period: u64,
    /// Seconds between two blocks of which the second is empty.
    pub empty_block_period: Option<u64>,
    /// Seconds until a round is given up.
    pub request_timeout: u64,
    /// Blocks after which pending votes are dropped.
    pub epoch_length: u64,
    /// Who proposes.
    pub proposer_policy: ProposerPolicy,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            block_period: 5,
            empty_block_period: None,
            request_timeout: 10,
            epoch_length: EPOCH,
            proposer_policy: ProposerPolicy::RoundRobin,
        }
    }
}

/// The schema of the options.
pub fn schema() -> Value {
    json!({
        "type": "object", "additionalProperties": false,
        "properties": {
            "blockPeriod": member::seconds(5, 1, "seconds between two blocks"),
            "emptyBlockPeriod": {
                "type": "integer", "minimum": 1, "maximum": 86400, "x-chain-fixed": true,
                "description": "seconds between two blocks of which the second is empty; the block period when absent",
            },
            "requestTimeout": member::seconds(10, 1, "seconds until a round without a block is given up"),
            "epochLength": member::epoch(),
            "proposerPolicy": {
                "type": "string", "enum": ["round-robin", "sticky"], "default": "round-robin", "x-chain-fixed": true,
                "description": "who proposes the next block: each in turn, or the same one until it fails",
            },
        },
    })
}

/// The facts about the chain. `extra_data` writes the validators as the consensus does.
pub fn configured(
    nodes: &Nodes,
    at: &At<'_>,
    kind: &str,
    extra_data: impl Fn(Vec<Address>) -> Vec<u8>,
) -> Result<Configured, Diagnostics> {
    changing(nodes, at, kind, None, extra_data)
}

/// As [`configured`], of a chain that changes to QBFT at a block.
pub fn changing(
    nodes: &Nodes,
    at: &At<'_>,
    kind: &str,
    qbft_from_block: Option<u64>,
    extra_data: impl Fn(Vec<Address>) -> Vec<u8>,
) -> Result<Configured, Diagnostics> {
    let options: Options = at.options()?;
    let members = member::addresses(nodes, at, Identity::Node)?;
    let remarks = member::few(members.len()).into_iter().collect();
    let facts = ConsensusFacts {
        kind: kind.to_owned(),
        block_period_ms: options.block_period.saturating_mul(SECOND),
        empty_block_period_ms: options
            .empty_block_period
            .map(|seconds| seconds.saturating_mul(SECOND)),
        request_timeout_ms: Some(options.request_timeout.saturating_mul(SECOND)),
        epoch_length: Some(options.epoch_length),
        proposer_policy: Some(options.proposer_policy),
        qbft_from_block,
        identity: Identity::Node,
        members: members.iter().map(ToString::to_string).collect(),
        numbers: BTreeMap::new(),
        genesis: member::genesis(1, &ISTANBUL_MIX_HASH, &extra_data(members)),
    };
    Ok(member::configured(&facts, remarks))
}
