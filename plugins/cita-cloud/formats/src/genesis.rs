//! The genesis block: `genesis.toml` and the hash of block 0.
//!
//! All nodes of a chain need the same two values: one millisecond of difference makes another chain
//! (running notes A 13). The hash formula was compared with a live node (running notes A 9).

use sm3::{Digest, Sm3};

/// The content of `genesis.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Genesis {
    /// When the chain was born, in milliseconds since 1970.
    pub timestamp_ms: u64,
    /// Hash of the block before; zeros.
    pub prevhash: [u8; 32],
}

/// Protobuf wire types of the header's fields.
const VARINT: u8 = 0;
const LENGTH_DELIMITED: u8 = 2;

impl Genesis {
    /// The name of the file.
    pub const FILE_NAME: &str = "genesis.toml";

    /// The genesis of a new chain.
    #[must_use]
    pub const fn new(timestamp_ms: u64) -> Self {
        Self {
            timestamp_ms,
            prevhash: [0; 32],
        }
    }

    /// Reads the hash of the block before: `0x` and 64 hex digits. Without `0x` the controller would
    /// cut two digits off, and the chain would be another one.
    #[must_use]
    pub fn parse_prevhash(text: &str) -> Option<[u8; 32]> {
        let mut hash = [0; 32];
        hex::decode_to_slice(text.strip_prefix("0x")?, &mut hash).ok()?;
        Some(hash)
    }

    /// The hash of block 0 as it is written: `0x` and 64 hex digits.
    #[must_use]
    pub fn block_hash_text(&self) -> String {
        format!("0x{}", hex::encode(self.block_hash_sm()))
    }

    /// The text of the file, byte for byte as the original writes it.
    #[must_use]
    pub fn render(&self) -> String {
        format!(
            "timestamp = {}\nprevhash = \"0x{}\"\n",
            self.timestamp_ms,
            hex::encode(self.prevhash)
        )
    }

    /// The header of block 0 in protobuf: `BlockHeader {1 prevhash, 2 timestamp, 3 height,
    /// 4 transactions_root, 5 proposer}`. The height is 0 and therefore absent; root and proposer
    /// are 32 zero bytes.
    #[must_use]
    pub fn encoded_header(&self) -> Vec<u8> {
        let mut header = Vec::with_capacity(112);
        push_bytes(&mut header, 1, &self.prevhash);
        if self.timestamp_ms != 0 {
            header.push((2 << 3) | VARINT);
            push_varint(&mut header, self.timestamp_ms);
        }
        push_bytes(&mut header, 4, &[0; 32]);
        push_bytes(&mut header, 5, &[0; 32]);
        header
    }

    /// The hash of block 0 in a chain of the sm family: SM3 of the header.
    #[must_use]
    pub fn block_hash_sm(&self) -> [u8; 32] {
        Sm3::digest(self.encoded_header()).into()
    }
}

fn push_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8; 32]) {
    out.push((field << 3) | LENGTH_DELIMITED);
    out.push(32);
    out.extend_from_slice(bytes);
}

fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{bytes, cases, golden_files, text};

    #[test]
    fn vector_genesis_block_hash() {
        for case in cases("genesis_block_hash") {
            let genesis = Genesis {
                timestamp_ms: case["timestamp"].as_u64().unwrap(),
                prevhash: bytes(&case, "prevhash"),
            };
            assert_eq!(
                hex::encode(genesis.encoded_header()),
                text(&case, "encoded_header")
            );
            assert_eq!(genesis.block_hash_sm(), bytes(&case, "genesis_hash_sm"));
        }
    }

    #[test]
    fn vector_golden_files() {
        // The vectors of local clusters have a marker in place of the current time.
        let genesis = Genesis::new(1_618_560_000_000);
        for golden in golden_files(Genesis::FILE_NAME) {
            let expected = golden.text.replace("<now in ms>", "1618560000000");
            assert_eq!(genesis.render(), expected, "{}", golden.scenario);
        }
    }

    #[test]
    fn a_zero_time_is_absent_as_protobuf_wants() {
        assert_eq!(Genesis::new(0).encoded_header().len(), 3 * 34);
        assert_eq!(Genesis::new(127).encoded_header().len(), 3 * 34 + 2);
        assert_eq!(Genesis::new(128).encoded_header().len(), 3 * 34 + 3);
        assert_eq!(Genesis::new(u64::MAX).encoded_header().len(), 3 * 34 + 11);
    }
}
