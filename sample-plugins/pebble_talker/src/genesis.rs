//! The file with which a chain begins: the same for all nodes, so it is made once.

use chain_plugin_sdk::serde_json;
use serde::{Deserialize, Serialize};

/// What the consensus gives about the chain.
#[derive(Debug, Deserialize)]
pub struct Order {
    /// Ids of the founders, in the order in which they speak.
    pub order: Vec<String>,
    /// How the order goes on.
    pub kind: String,
}

/// A circle and what it stands for.
#[derive(Debug, Serialize)]
pub struct Circle {
    /// Name.
    pub name: String,
    /// Hash of the circle's secret root.
    pub motto: String,
}

/// The file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Genesis {
    /// Name of the chain.
    pub chain: String,
    /// Birth in milliseconds since 1970, as text: some readers lose digits of large numbers.
    pub born_ms: String,
    /// The first message.
    pub greeting: String,
    /// All circles.
    pub circles: Vec<Circle>,
    /// How the order of members goes on.
    pub kind: String,
    /// Ids of the founders.
    pub members: Vec<String>,
}

impl Genesis {
    /// The bytes of the file.
    pub fn text(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}
