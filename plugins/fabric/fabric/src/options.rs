//! The stack's own options.

use chain_plugin_sdk::Diagnostics;
use fabric_service::fault::refuse;
use serde::Deserialize;
use serde_json::{Value, json};

/// Where organisations live.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum Namespaces {
    /// Each in a namespace of its own.
    #[default]
    #[serde(rename = "perOrg")]
    PerOrg,
    /// All in the chain's.
    #[serde(rename = "one")]
    One,
}

/// What the user says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Options {
    /// Where organisations live.
    pub namespaces: Namespaces,
    /// The organisation that orders when none of the listed ones does.
    pub orderer_org: String,
    /// How long an orderer collects transactions: a Go duration.
    pub batch_timeout: String,
    /// Most transactions of a block.
    pub max_message_count: u32,
    /// Most bytes of a block.
    pub absolute_max_bytes: u32,
    /// Bytes of a block after which no further transaction is added.
    pub preferred_max_bytes: u32,
    /// The consortium of a system channel.
    pub consortium: String,
    /// The system channel of release 1.4.
    pub system_channel: String,
    /// Whether only the chain's own pods and clients in its namespaces reach the nodes.
    pub network_policy: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            namespaces: Namespaces::default(),
            orderer_org: "orderer".to_owned(),
            batch_timeout: "250ms".to_owned(),
            max_message_count: 500,
            absolute_max_bytes: 10 * 1024 * 1024,
            preferred_max_bytes: 2 * 1024 * 1024,
            consortium: "SampleConsortium".to_owned(),
            system_channel: "syschannel".to_owned(),
            network_policy: false,
        }
    }
}

impl Options {
    /// Reads them; the host has checked them against [`schema`].
    pub fn of(options: &Value) -> Result<Self, Diagnostics> {
        if options.is_null() {
            return Ok(Self::default());
        }
        serde_json::from_value(options.clone())
            .map_err(|fault| refuse("options", "/options", fault.to_string()))
    }
}

/// The schema of the options.
pub fn schema() -> Value {
    let usual = Options::default();
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "namespaces": {
                "enum": ["perOrg", "one"], "default": "perOrg", "x-chain-fixed": true,
                "description": "a namespace for each organisation (perOrg), or the chain's for all (one)",
            },
            "ordererOrg": {
                "type": "string", "minLength": 1, "default": usual.orderer_org, "x-chain-fixed": true,
                "description": "organisation that orders when none of the listed ones does",
            },
            "batchTimeout": {
                "type": "string", "pattern": "^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$", "default": usual.batch_timeout,
                "description": "how long an orderer waits for more transactions before it cuts a block of a new channel",
            },
            "maxMessageCount": {
                "type": "integer", "minimum": 1, "maximum": 1_000_000, "default": usual.max_message_count,
                "description": "transactions of a block, at most",
            },
            "absoluteMaxBytes": {
                "type": "integer", "minimum": 1024, "maximum": 102_760_448, "default": usual.absolute_max_bytes,
                "description": "bytes of a block, at most",
            },
            "preferredMaxBytes": {
                "type": "integer", "minimum": 1024, "maximum": 102_760_448, "default": usual.preferred_max_bytes,
                "description": "bytes of a block after which no transaction is added",
            },
            "consortium": {
                "type": "string", "minLength": 1, "default": usual.consortium, "x-chain-fixed": true,
                "description": "release 1.4: the consortium whose members make channels",
            },
            "systemChannel": {
                "type": "string", "minLength": 1, "default": usual.system_channel, "x-chain-fixed": true,
                "description": "release 1.4: name of the system channel",
            },
            "networkPolicy": {
                "type": "boolean", "default": false,
                "description": "let only pods of the chain reach its nodes",
            },
        },
    })
}
