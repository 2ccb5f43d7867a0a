//! Blocks and envelopes as JSON, in the shape that `configtxlator` gives.
//!
//! Bytes with a known content are decoded in place; other bytes are base64, and `null` when empty.
//! 64-bit numbers are texts, enumerations are names. Release 3.x writes `""` for some empty bytes
//! where this, like the releases before, writes `null`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fabric_proto::common::{
    Block, ChannelHeader, Envelope, HeaderType, SignatureHeader, Timestamp,
};
use fabric_proto::configuration::{ConfigEnvelope, ConfigUpdate, ConfigUpdateEnvelope};
use serde_json::{Map, Value, json};

use crate::block::{BlockError, layer, open_envelope};

mod policy;
mod tree;
mod value;

pub use policy::policy_json;
pub use tree::group_json;
pub use value::value_json;

/// Base64, or `null` when empty.
pub(crate) fn bytes(bytes: &[u8]) -> Value {
    if bytes.is_empty() {
        return Value::Null;
    }
    Value::String(STANDARD.encode(bytes))
}

/// A 64-bit number.
pub(crate) fn long(number: u64) -> Value {
    Value::String(number.to_string())
}

/// An object with one entry for each element of a map.
pub(crate) fn map<'a, T: 'a>(
    entries: impl IntoIterator<Item = (&'a String, &'a T)>,
    mut of: impl FnMut(&'a str, &'a T) -> Result<Value, BlockError>,
) -> Result<Value, BlockError> {
    let mut object = Map::new();
    for (name, entry) in entries {
        object.insert(name.clone(), of(name, entry)?);
    }
    Ok(Value::Object(object))
}

/// A block with all layers decoded.
pub fn block_json(block: &Block) -> Result<Value, BlockError> {
    let header = block.header.clone().unwrap_or_default();
    let data = block
        .data
        .iter()
        .flat_map(|data| &data.data)
        .map(|transaction| envelope_json(&layer("Envelope", transaction)?))
        .collect::<Result<Vec<_>, _>>()?;
    let metadata: Vec<Value> = block
        .metadata
        .iter()
        .flat_map(|metadata| &metadata.metadata)
        .map(|slot| Value::String(STANDARD.encode(slot)))
        .collect();
    Ok(json!({
        "header": {
            "number": long(header.number),
            "previous_hash": bytes(&header.previous_hash),
            "data_hash": bytes(&header.data_hash),
        },
        "data": {"data": data},
        "metadata": {"metadata": metadata},
    }))
}

/// Envelopes within envelopes that are decoded: a block of configuration holds the change before it,
/// and a change holds none. Each is bytes in bytes, which the decoder's own bound does not see.
const MAX_ENVELOPES: usize = 4;

/// An envelope with all layers decoded; the message of a type without configuration stays base64.
pub fn envelope_json(envelope: &Envelope) -> Result<Value, BlockError> {
    nested_json(envelope, 0)
}

fn nested_json(envelope: &Envelope, depth: usize) -> Result<Value, BlockError> {
    if depth >= MAX_ENVELOPES {
        return Err(BlockError::Nested);
    }
    let opened = open_envelope(envelope)?;
    let data = match HeaderType::try_from(opened.channel_header.r#type) {
        Ok(HeaderType::Config) => {
            configuration_json(&layer("ConfigEnvelope", &opened.data)?, depth)?
        }
        Ok(HeaderType::ConfigUpdate) => {
            update_envelope_json(&layer("ConfigUpdateEnvelope", &opened.data)?)?
        }
        _ => bytes(&opened.data),
    };
    Ok(json!({
        "payload": {
            "header": {
                "channel_header": channel_header_json(&opened.channel_header),
                "signature_header": signature_header_json(&opened.signature_header)?,
            },
            "data": data,
        },
        "signature": bytes(&envelope.signature),
    }))
}

fn channel_header_json(header: &ChannelHeader) -> Value {
    json!({
        "type": header.r#type,
        "version": header.version,
        "timestamp": header.timestamp.as_ref().map(timestamp_text),
        "channel_id": header.channel_id,
        "tx_id": header.tx_id,
        "epoch": long(header.epoch),
        "extension": bytes(&header.extension),
        "tls_cert_hash": bytes(&header.tls_cert_hash),
    })
}

fn signature_header_json(header: &SignatureHeader) -> Result<Value, BlockError> {
    if *header == SignatureHeader::default() {
        return Ok(Value::Null);
    }
    let creator = if header.creator.is_empty() {
        Value::Null
    } else {
        policy::identity_json(&header.creator)?
    };
    Ok(json!({"creator": creator, "nonce": bytes(&header.nonce)}))
}

/// Payload of a block of configuration.
pub fn config_envelope_json(envelope: &ConfigEnvelope) -> Result<Value, BlockError> {
    configuration_json(envelope, 0)
}

fn configuration_json(envelope: &ConfigEnvelope, depth: usize) -> Result<Value, BlockError> {
    let config = match &envelope.config {
        None => Value::Null,
        Some(config) => json!({
            "sequence": long(config.sequence),
            "channel_group": match &config.channel_group {
                Some(group) => group_json(group)?,
                None => Value::Null,
            },
        }),
    };
    let last_update = match &envelope.last_update {
        Some(update) => nested_json(update, depth + 1)?,
        None => Value::Null,
    };
    Ok(json!({"config": config, "last_update": last_update}))
}

/// A change with its signatures.
pub fn update_envelope_json(envelope: &ConfigUpdateEnvelope) -> Result<Value, BlockError> {
    let signatures = envelope
        .signatures
        .iter()
        .map(|signature| {
            let header = layer("SignatureHeader", &signature.signature_header)?;
            Ok(json!({
                "signature_header": signature_header_json(&header)?,
                "signature": bytes(&signature.signature),
            }))
        })
        .collect::<Result<Vec<_>, BlockError>>()?;
    let update: ConfigUpdate = layer("ConfigUpdate", &envelope.config_update)?;
    Ok(json!({"config_update": update_json(&update)?, "signatures": signatures}))
}

/// A change.
pub fn update_json(update: &ConfigUpdate) -> Result<Value, BlockError> {
    let set = |group: &Option<_>| match group {
        Some(group) => group_json(group),
        None => Ok(Value::Null),
    };
    Ok(json!({
        "channel_id": update.channel_id,
        "read_set": set(&update.read_set)?,
        "write_set": set(&update.write_set)?,
        "isolated_data": map(&update.isolated_data, |_, data| {
            Ok(Value::String(STANDARD.encode(data)))
        })?,
    }))
}

/// A moment as RFC 3339 in UTC. Nanoseconds have 0, 3, 6 or 9 digits.
pub fn timestamp_text(timestamp: &Timestamp) -> String {
    let days = timestamp.seconds.div_euclid(86_400);
    let seconds = timestamp.seconds.rem_euclid(86_400);
    // Days since 0000-03-01, in eras of 400 years (146097 days).
    let shifted = days.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let nanos = timestamp.nanos;
    let fraction = match nanos {
        0 => String::new(),
        n if n % 1_000_000 == 0 => format!(".{:03}", n / 1_000_000),
        n if n % 1_000 == 0 => format!(".{:06}", n / 1_000),
        n => format!(".{n:09}"),
    };
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}{fraction}Z",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests;
