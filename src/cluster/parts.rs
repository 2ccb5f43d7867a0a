//! Large JSON in several immutable `ConfigMaps`: cut into pieces, each compressed for itself.
//!
//! A piece is cut before it is compressed, so that its bytes do not depend on the compressor's version, and it fits
//! into an object even if it does not compress at all. Reading is bounded: nobody can fill the memory with a small
//! object that grows.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::state::StoreError;

/// Bytes of JSON per part.
const PART: usize = 700 * 1000;
/// What one object may hold, over all its keys.
pub(super) const OBJECT_LIMIT: usize = 1_048_576;
/// The most that anything may grow to when it is decompressed.
const GROWN_LIMIT: u64 = 64 << 20;

/// Key of a part's bytes in `binaryData`.
pub(super) const PART_KEY: &str = "part.json.gz";

/// Compresses `bytes`; the same bytes give the same result.
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Writing into memory does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// Decompresses, up to a limit.
pub(super) fn gunzip(what: &str, bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
    let damaged = |why: String| StoreError::Damaged {
        what: what.to_owned(),
        why,
    };
    let mut out = Vec::new();
    GzDecoder::new(bytes)
        .take(GROWN_LIMIT + 1)
        .read_to_end(&mut out)
        .map_err(|error| damaged(error.to_string()))?;
    if out.len() as u64 > GROWN_LIMIT {
        return Err(damaged(format!("it grows beyond {GROWN_LIMIT} bytes")));
    }
    Ok(out)
}

/// The parts of some JSON, each as base64 of its compressed bytes; at least one.
pub(super) fn split(json: &[u8]) -> Vec<String> {
    if json.is_empty() {
        return vec![BASE64.encode(gzip(json))];
    }
    json.chunks(PART)
        .map(|piece| BASE64.encode(gzip(piece)))
        .collect()
}

/// The bytes of one part's `ConfigMap`.
pub(super) fn piece(what: &str, part: &Value) -> Result<Vec<u8>, StoreError> {
    let text = part
        .get("binaryData")
        .and_then(|d| d.get(PART_KEY))
        .and_then(Value::as_str)
        .ok_or_else(|| StoreError::Damaged {
            what: what.to_owned(),
            why: format!("no {PART_KEY}"),
        })?;
    let compressed = BASE64.decode(text).map_err(|_| StoreError::Damaged {
        what: what.to_owned(),
        why: format!("{PART_KEY} is not base64"),
    })?;
    gunzip(what, &compressed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_cut_is_put_together_again() {
        let json: Vec<u8> = (0..2_000_000_u32)
            .flat_map(|n| n.to_string().into_bytes())
            .take(1_500_000)
            .collect();
        let parts = split(&json);
        assert_eq!(parts.len(), 3);
        let mut whole = Vec::new();
        for part in &parts {
            assert!(part.len() < OBJECT_LIMIT);
            let object = json!({"binaryData": {PART_KEY: part}});
            whole.extend(piece("x", &object).unwrap());
        }
        assert_eq!(whole, json);
    }

    #[test]
    fn a_bomb_is_refused() {
        let bomb = gzip(&vec![0_u8; 65 << 20]);
        assert!(bomb.len() < 100_000);
        let error = gunzip("head", &bomb).unwrap_err().to_string();
        assert!(error.contains("grows"), "{error}");
    }
}
