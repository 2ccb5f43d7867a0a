//! The operation `channel-fetch`: a block of a channel as a file.

use chain_plugin_sdk::{Blob, Diagnostics, Report};
use fabric_channel::block::block_header_hash;
use fabric_channel::json::block_json;
use fabric_proto::Message as _;
use fabric_service::fault::at as fault_at;
use serde_json::{Value, json};

use super::crew::Crew;
use super::ledger::{self, which};

/// The schema of the arguments.
pub fn args() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "block": {"type": "string", "default": "newest", "description": "`newest`, `config`, `oldest` or a number"},
            "json": {"type": "boolean", "default": false, "description": "as JSON, all layers decoded"},
        },
    })
}

/// Fetches a block.
pub async fn fetch(crew: &Crew, id: &str, args: &Value) -> Result<Report, Diagnostics> {
    let channel = crew.channel(id)?;
    let said = args
        .get("block")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let block = ledger::block(crew, channel, which(said)?).await?;
    let header = block.header.clone().unwrap_or_default();
    let hash: String = block_header_hash(&header)
        .iter()
        .map(|it| format!("{it:02x}"))
        .collect();
    let as_json = args.get("json").and_then(Value::as_bool).unwrap_or(false);
    let (ending, bytes) = if as_json {
        let value = block_json(&block).map_err(fault_at("channel", ""))?;
        let mut bytes = serde_json::to_vec_pretty(&value).map_err(fault_at("channel", ""))?;
        bytes.push(b'\n');
        ("json", bytes)
    } else {
        ("block", block.encode_to_vec())
    };
    let number = header.number;
    let transactions = block.data.as_ref().map_or(0, |it| it.data.len());
    let configured = ledger::configured_by(&block);
    let by = configured.map_or_else(String::new, |by| format!("; configured by block {by}"));
    let text = format!(
        "channel {}: block {number}, {transactions} transactions, hash {hash}{by}",
        channel.name
    );
    Ok(Report {
        text,
        table: json!({
            "channel": channel.name, "number": number, "hash": hash, "transactions": transactions, "config": configured,
        })
        .to_string(),
        files: vec![Blob {
            name: format!("{}-{number}.{ending}", channel.name),
            bytes,
        }],
        notes: Vec::new(),
    })
}
