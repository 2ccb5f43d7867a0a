//! The options of the controller, and those of the stack that it reads.

use chain_plugin_sdk::serde_json::{self, Value, json};
use chain_plugin_sdk::{At, Diagnostics, Topology, error};
use cita_cloud_formats::chain_id::ChainId;
use cita_cloud_formats::controller_config::check_block_delay_number;
use cita_cloud_formats::genesis::Genesis;
use cita_cloud_formats::sys_config::SysConfig;
use serde::Deserialize;

/// What the user may say about the chain.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Options {
    /// Seconds between blocks.
    pub block_interval: u32,
    /// Blocks between proposal and finality; only 0 works.
    pub block_delay_number: u32,
    /// `seed`, `name`, or an id.
    pub chain_id: String,
    /// Birth of the chain in milliseconds since 1970, if not that of the subject.
    pub genesis_timestamp: Option<u64>,
    /// Hash of the block before the first.
    pub prevhash: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            block_interval: SysConfig::BLOCK_INTERVAL,
            block_delay_number: 0,
            chain_id: "seed".to_owned(),
            genesis_timestamp: None,
            prevhash: None,
        }
    }
}

/// The schema of the options, without the log level.
pub fn schema() -> Value {
    json!({
        "blockInterval": {
            "type": "integer", "minimum": 1, "maximum": 86400, "default": SysConfig::BLOCK_INTERVAL, "x-chain-fixed": true,
            "description": "seconds between blocks; the service rounds up by at most one",
        },
        "blockDelayNumber": {
            "type": "integer", "minimum": 0, "maximum": u32::MAX, "default": 0,
            "description": "blocks between proposal and finality; anything but 0 is refused, since this generation then makes no block at all",
        },
        "chainId": {
            "type": "string", "pattern": "^(seed|name|0x[0-9a-fA-F]{64})$", "default": "seed", "x-chain-fixed": true,
            "description": "`seed` is the original's constant 1, the same for every chain; `name` is the SHA-256 of the chain's name, so that no transaction of another chain is valid here; or an id of 0x and 64 hex digits",
        },
        "genesisTimestamp": {
            "type": "integer", "minimum": 0, "maximum": 9_007_199_254_740_991_u64, "x-chain-fixed": true,
            "description": "time of block 0 in milliseconds since 1970, the same for all parties; when the chain was created when absent",
        },
        "prevhash": {
            "type": "string", "pattern": "^0x[0-9a-fA-F]{64}$", "x-chain-fixed": true,
            "description": "hash of the block before block 0: 0x and 64 hex digits; zeros when absent",
        },
    })
}

impl Options {
    /// The options of this call; those that would keep the chain at height 0 are refused.
    pub fn of(at: &At<'_>) -> Result<Self, Diagnostics> {
        let options: Self = at.options()?;
        check_block_delay_number(options.block_delay_number).map_err(|fault| {
            vec![error("block-delay", "/blockDelayNumber", fault.to_string()).hint("leave it out")]
        })?;
        Ok(options)
    }

    /// The id of the chain called `name`.
    pub fn chain_id(&self, name: &str) -> Result<ChainId, Diagnostics> {
        match self.chain_id.as_str() {
            "seed" => Ok(ChainId::SEED),
            "name" => Ok(ChainId::of_name(name)),
            text => text
                .parse()
                .map_err(|fault| vec![error("chain-id", "/chainId", format!("{fault}"))]),
        }
    }

    /// The hash of the block before the first.
    pub fn prevhash(&self) -> Result<[u8; 32], Diagnostics> {
        match &self.prevhash {
            None => Ok([0; 32]),
            Some(text) => Genesis::parse_prevhash(text).ok_or_else(|| {
                let message = format!("prevhash {text:?} is not 0x followed by 64 hex digits");
                vec![error("prevhash", "/prevhash", message)]
            }),
        }
    }
}

/// The options of the stack that the controller reads.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StackOptions {
    /// Address of the super admin, if the user has one.
    pub super_admin: Option<String>,
}

impl StackOptions {
    /// The options of the stack in a topology.
    pub fn of(topology: &Topology) -> Result<Self, Diagnostics> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Extra {
            options: Option<StackOptions>,
        }
        let extra: Extra = serde_json::from_str(&topology.extra).map_err(|fault| {
            let message = format!("the options of the stack do not fit: {fault}");
            vec![error("options", "", message)]
        })?;
        Ok(extra.options.unwrap_or_default())
    }
}
