//! The genesis block: the file `genesis.json` that makes it, and its hash.
//!
//! The consensus decides four of its fields: extra data, difficulty, mix hash and a fragment of the
//! configuration; the rest is the same everywhere. The file is written with the key names that the
//! client documents; the original spells four of them in lower case for Raft, which the client reads
//! all the same but other tools do not.

pub mod block;
pub mod check;
pub mod config;
pub mod consensus;
pub mod summary;
pub mod transition;
mod trie;

use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::address::Address;
use crate::genesis::block::Block;
use crate::genesis::config::ChainConfig;
use crate::quantity::Quantity;

/// What the original funds every account with, in wei: 10^27.
pub const BALANCE: &str = "1000000000000000000000000000";

/// The gas limit of the first block.
pub const GAS_LIMIT: u64 = 0xE000_0000;

/// The mix hash of Istanbul, QBFT and, by custom, Clique: by it the client knows the extra data for
/// Istanbul's, and hashes the header without its seals.
pub const ISTANBUL_MIX_HASH: [u8; 32] = *b"ctical byzantine fault tolerance";

/// The mix hash of Raft.
pub const RAFT_MIX_HASH: [u8; 32] = *b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0duralexsedlex";

/// The JSON could not be written, which no value of these types causes.
#[derive(Debug, Error)]
#[error("genesis cannot be written as JSON")]
pub struct RenderError(#[source] serde_json::Error);

/// What an account has in the first block.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Allocation {
    /// Wei.
    pub balance: Quantity,
    /// The number of its transactions; 0 but in a copied state.
    pub nonce: u64,
    /// The code of a contract.
    pub code: Vec<u8>,
    /// The storage of a contract.
    pub storage: BTreeMap<[u8; 32], [u8; 32]>,
}

/// A genesis block, and what its file says beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Genesis {
    /// Accounts that have something from the beginning, in the order of the file.
    pub alloc: Vec<(Address, Allocation)>,
    /// Who was paid for the first block: nobody.
    pub coinbase: Address,
    /// The rules of the chain. Not part of the hash: two networks with one hash may disagree.
    pub config: ChainConfig,
    /// 1, and 0 for Raft.
    pub difficulty: Quantity,
    /// The first validators or signers.
    pub extra_data: Vec<u8>,
    /// Gas of the first block.
    pub gas_limit: u64,
    /// Which consensus the extra data is for.
    pub mix_hash: [u8; 32],
    /// 0.
    pub nonce: u64,
    /// Seconds; 0, so that the same configuration gives the same block.
    pub timestamp: u64,
    /// No block.
    pub parent_hash: [u8; 32],
}

impl Allocation {
    /// An account with so many wei.
    #[must_use]
    pub fn of(balance: Quantity) -> Self {
        Self {
            balance,
            ..Self::default()
        }
    }
}

impl Genesis {
    /// The genesis block of a configuration. `members` are the validators (addresses of node keys)
    /// or, for Clique, the signers (addresses of accounts), in the order of the configuration.
    #[must_use]
    pub fn new(
        config: ChainConfig,
        members: &[Address],
        alloc: Vec<(Address, Allocation)>,
    ) -> Self {
        let consensus = &config.consensus;
        Self {
            alloc,
            coinbase: Address::default(),
            difficulty: Quantity::from(consensus.difficulty()),
            extra_data: consensus.extra_data(members),
            gas_limit: GAS_LIMIT,
            mix_hash: consensus.mix_hash(),
            nonce: 0,
            timestamp: 0,
            parent_hash: [0; 32],
            config,
        }
    }

    /// The file: JSON indented by two, and a newline at the end.
    ///
    /// # Errors
    /// Never with values of this type.
    pub fn render(&self) -> Result<String, RenderError> {
        let mut text = serde_json::to_string_pretty(&self.file()).map_err(RenderError)?;
        text.push('\n');
        Ok(text)
    }

    /// The block that the client makes of the file.
    #[must_use]
    pub fn block(&self) -> Block {
        Block {
            parent_hash: self.parent_hash,
            coinbase: self.coinbase,
            difficulty: self.difficulty,
            number: 0,
            gas_limit: self.gas_limit,
            gas_used: 0,
            timestamp: self.timestamp,
            extra_data: self.extra_data.clone(),
            mix_hash: self.mix_hash,
            nonce: self.nonce,
            alloc: self.alloc.iter().cloned().collect(),
        }
    }

    fn file(&self) -> File<'_> {
        File {
            alloc: Alloc(&self.alloc),
            coinbase: self.coinbase,
            config: &self.config,
            difficulty: self.difficulty.hex(),
            extra_data: hexed(&self.extra_data),
            gas_limit: format!("{:#x}", self.gas_limit),
            mix_hash: hexed(&self.mix_hash),
            nonce: format!("{:#x}", self.nonce),
            parent_hash: hexed(&self.parent_hash),
            timestamp: format!("{:#x}", self.timestamp),
        }
    }
}

fn hexed(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct File<'a> {
    alloc: Alloc<'a>,
    coinbase: Address,
    config: &'a ChainConfig,
    difficulty: String,
    extra_data: String,
    gas_limit: String,
    mix_hash: String,
    nonce: String,
    parent_hash: String,
    timestamp: String,
}

struct Alloc<'a>(&'a [(Address, Allocation)]);

impl Serialize for Alloc<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let accounts = self.0.iter().map(|(address, of)| (address, Account(of)));
        serializer.collect_map(accounts)
    }
}

struct Account<'a>(&'a Allocation);

impl Serialize for Account<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Allocation {
            balance,
            nonce,
            code,
            storage,
        } = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("balance", &balance.to_string())?;
        if *nonce != 0 {
            map.serialize_entry("nonce", &format!("{nonce:#x}"))?;
        }
        if !code.is_empty() {
            map.serialize_entry("code", &hexed(code))?;
        }
        if !storage.is_empty() {
            let hexed: BTreeMap<String, String> = storage
                .iter()
                .map(|(key, value)| (hexed(key), hexed(value)))
                .collect();
            map.serialize_entry("storage", &hexed)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests;
