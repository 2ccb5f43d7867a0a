//! The block that the client makes of a genesis file, and its hash: the fingerprint of a network.
//!
//! Nodes of another hash never become peers. It covers the accounts and the header, not `config`.
//! Keys are read as the client reads them, without regard to case; two spellings of one key are
//! refused, because which of them counts is the reader's whim.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::address::Address;
use crate::extra_data::bft::{Bft, Dialect};
use crate::extra_data::istanbul::Istanbul;
use crate::genesis::{Allocation, ISTANBUL_MIX_HASH, trie};
use crate::keccak::keccak256;
use crate::quantity::Quantity;
use crate::rlp::Item;

/// What a client takes for a gas limit of 0.
const DEFAULT_GAS_LIMIT: u64 = 800_000_000;

/// Why a text is no genesis file.
#[derive(Debug, Error)]
pub enum BlockError {
    /// Not a JSON object.
    #[error("genesis is not a JSON object")]
    Json(#[source] serde_json::Error),
    /// A key that the client insists on.
    #[error("genesis has no {0}")]
    Missing(&'static str),
    /// Two keys that differ in their case.
    #[error("genesis has {0} twice, in different case")]
    Ambiguous(&'static str),
    /// A value of another form.
    #[error("genesis has no valid {key}: {value}")]
    Invalid {
        /// The key.
        key: &'static str,
        /// What stands there.
        value: String,
    },
}

/// The hash of a block. `Display` gives `0x` and 64 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlockHash(pub [u8; 32]);

/// What a genesis file says of its block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// No block.
    pub parent_hash: [u8; 32],
    /// Who was paid.
    pub coinbase: Address,
    /// 1, and 0 for Raft.
    pub difficulty: Quantity,
    /// 0.
    pub number: u64,
    /// Gas; at 0 the client takes its own default.
    pub gas_limit: u64,
    /// 0.
    pub gas_used: u64,
    /// Seconds.
    pub timestamp: u64,
    /// The first validators or signers.
    pub extra_data: Vec<u8>,
    /// Which consensus the extra data is for.
    pub mix_hash: [u8; 32],
    /// 0.
    pub nonce: u64,
    /// Accounts that have something from the beginning.
    pub alloc: BTreeMap<Address, Allocation>,
}

impl fmt::Display for BlockHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

impl Block {
    /// Reads a genesis file.
    ///
    /// # Errors
    /// When it is no JSON object, lacks what the client insists on, or holds a value of another form.
    pub fn parse(json: &str) -> Result<Self, BlockError> {
        let object: Map<String, Value> = serde_json::from_str(json).map_err(BlockError::Json)?;
        let file = Object(&object);
        let mut alloc = BTreeMap::new();
        for (address, account) in file.object("alloc")?.ok_or(BlockError::Missing("alloc"))? {
            let address: Address = address.parse().map_err(|_| invalid("alloc", address))?;
            let account = account
                .as_object()
                .ok_or_else(|| invalid("alloc", account))?;
            alloc.insert(address, read_account(&Object(account))?);
        }
        Ok(Self {
            parent_hash: file.array("parentHash")?,
            coinbase: Address::from_bytes(file.array("coinbase")?),
            difficulty: file
                .number("difficulty")?
                .ok_or(BlockError::Missing("difficulty"))?,
            number: file.word("number")?.unwrap_or_default(),
            gas_limit: file
                .word("gasLimit")?
                .ok_or(BlockError::Missing("gasLimit"))?,
            gas_used: file.word("gasUsed")?.unwrap_or_default(),
            timestamp: file.word("timestamp")?.unwrap_or_default(),
            extra_data: file.bytes("extraData")?,
            mix_hash: file.array("mixHash")?,
            nonce: file.word("nonce")?.unwrap_or_default(),
            alloc,
        })
    }

    /// The root of the accounts.
    #[must_use]
    pub fn state_root(&self) -> [u8; 32] {
        trie::root(
            self.alloc
                .iter()
                .map(|(address, account)| (keccak256(address.as_bytes()), encode_account(account))),
        )
    }

    /// The hash that the client gives the block. Under Istanbul's mix hash it leaves out what
    /// validators add after agreeing; a fresh genesis block has none of it.
    #[must_use]
    pub fn hash(&self) -> BlockHash {
        let empty_root = trie::root([]);
        let gas_limit = match self.gas_limit {
            0 => DEFAULT_GAS_LIMIT,
            limit => limit,
        };
        let header = Item::List(vec![
            Item::bytes(self.parent_hash),
            Item::bytes(keccak256(&Item::List(Vec::new()).encode())),
            Item::bytes(*self.coinbase.as_bytes()),
            Item::bytes(self.state_root()),
            Item::bytes(empty_root),
            Item::bytes(empty_root),
            Item::bytes([0; 256]),
            Item::number(self.difficulty.as_bytes()),
            Item::number(&self.number.to_be_bytes()),
            Item::number(&gas_limit.to_be_bytes()),
            Item::number(&self.gas_used.to_be_bytes()),
            Item::number(&self.timestamp.to_be_bytes()),
            Item::Bytes(self.hashed_extra_data()),
            Item::bytes(self.mix_hash),
            Item::bytes(self.nonce.to_be_bytes()),
        ]);
        BlockHash(keccak256(&header.encode()))
    }

    fn hashed_extra_data(&self) -> Vec<u8> {
        if self.mix_hash != ISTANBUL_MIX_HASH {
            return self.extra_data.clone();
        }
        if let Ok(mut extra) = Istanbul::decode(&self.extra_data) {
            extra.committed.clear();
            return extra.encode();
        }
        match Bft::decode(&self.extra_data) {
            Ok(mut extra) if extra.dialect == Dialect::Qbft => {
                extra.round = 0;
                extra.seals.clear();
                extra.encode()
            }
            _ => self.extra_data.clone(),
        }
    }
}

fn encode_account(account: &Allocation) -> Vec<u8> {
    let storage = account
        .storage
        .iter()
        .filter(|(_, value)| **value != [0; 32]);
    let storage =
        trie::root(storage.map(|(key, value)| (keccak256(key), Item::number(value).encode())));
    Item::List(vec![
        Item::number(&account.nonce.to_be_bytes()),
        Item::number(account.balance.as_bytes()),
        Item::bytes(storage),
        Item::bytes(keccak256(&account.code)),
    ])
    .encode()
}

fn read_account(account: &Object<'_>) -> Result<Allocation, BlockError> {
    let mut storage = BTreeMap::new();
    for (key, value) in account.object("storage")?.into_iter().flatten() {
        let value = value.as_str().ok_or_else(|| invalid("storage", value))?;
        storage.insert(slot(key)?, slot(value)?);
    }
    Ok(Allocation {
        balance: account
            .number("balance")?
            .ok_or(BlockError::Missing("balance"))?,
        nonce: account.word("nonce")?.unwrap_or_default(),
        code: account.bytes("code")?,
        storage,
    })
}

/// 32 bytes of storage: an even number of hex digits, filled up on the left.
fn slot(text: &str) -> Result<[u8; 32], BlockError> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let given = hex::decode(digits).map_err(|_| invalid("storage", text))?;
    let mut slot = [0; 32];
    if given.len() > slot.len() {
        return Err(invalid("storage", text));
    }
    for (to, from) in slot.iter_mut().rev().zip(given.iter().rev()) {
        *to = *from;
    }
    Ok(slot)
}

fn invalid(key: &'static str, value: impl fmt::Display) -> BlockError {
    BlockError::Invalid {
        key,
        value: value.to_string(),
    }
}

/// A JSON object whose keys are found without regard to case.
pub(super) struct Object<'a>(pub(super) &'a Map<String, Value>);

impl<'a> Object<'a> {
    pub(super) fn get(&self, key: &'static str) -> Result<Option<&'a Value>, BlockError> {
        let mut found = self.0.iter().filter(|(k, _)| k.eq_ignore_ascii_case(key));
        let first = found.next().map(|(_, value)| value);
        match found.next() {
            Some(_) => Err(BlockError::Ambiguous(key)),
            None => Ok(first.filter(|value| !value.is_null())),
        }
    }

    pub(super) fn object(
        &self,
        key: &'static str,
    ) -> Result<Option<&'a Map<String, Value>>, BlockError> {
        self.get(key)?
            .map(|value| value.as_object().ok_or_else(|| invalid(key, value)))
            .transpose()
    }

    /// A number in a string, decimal or hexadecimal, or a plain JSON number. The empty string is 0.
    fn number(&self, key: &'static str) -> Result<Option<Quantity>, BlockError> {
        let Some(value) = self.get(key)? else {
            return Ok(None);
        };
        let number = match value {
            Value::String(text) if text.is_empty() => Some(Quantity::default()),
            Value::String(text) => text.parse().ok(),
            value => value.as_u64().map(Quantity::from),
        };
        number.map(Some).ok_or_else(|| invalid(key, value))
    }

    pub(super) fn word(&self, key: &'static str) -> Result<Option<u64>, BlockError> {
        let number = self.number(key)?;
        number
            .map(|number| number.as_u64().ok_or_else(|| invalid(key, number)))
            .transpose()
    }

    fn bytes(&self, key: &'static str) -> Result<Vec<u8>, BlockError> {
        let Some(value) = self.get(key)? else {
            return Ok(Vec::new());
        };
        value
            .as_str()
            .and_then(|text| text.strip_prefix("0x"))
            .and_then(|digits| hex::decode(digits).ok())
            .ok_or_else(|| invalid(key, value))
    }

    /// Bytes of a fixed length; all zero when absent.
    fn array<const N: usize>(&self, key: &'static str) -> Result<[u8; N], BlockError> {
        match self.get(key)? {
            None => Ok([0; N]),
            Some(value) => {
                let bytes = self.bytes(key)?;
                bytes.try_into().map_err(|_| invalid(key, value))
            }
        }
    }
}
