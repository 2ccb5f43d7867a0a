//! The contracts of a chain and the transactions that make them, as `eth_*` tells it: sent, then in a block, then read by
//! those who have a part in it.

use std::collections::{BTreeMap, BTreeSet};

use quorum_formats::contract::created;
use serde_json::{Value, json};

/// The selector of `set(uint256)`.
const SET: &str = "60fe47b1";

/// A contract that holds one number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contract {
    /// The number.
    pub value: u64,
    /// The nodes that see it.
    pub readers: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Transaction {
    hash: String,
    from: String,
    nonce: u64,
    to: Option<String>,
    data: String,
    readers: BTreeSet<String>,
}

/// The contracts, and what is on its way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Store {
    /// Contracts by address.
    pub contracts: BTreeMap<String, Contract>,
    /// Transactions in blocks, by account.
    pub counts: BTreeMap<String, u64>,
    pool: Vec<Transaction>,
    receipts: BTreeMap<String, Value>,
    /// Transactions in blocks.
    sent: u64,
}

/// A node that is asked.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its account.
    pub account: &'a str,
    /// All nodes, by the keys of their privacy managers, in base64.
    pub keys: &'a BTreeMap<String, String>,
    /// All nodes.
    pub all: &'a BTreeSet<String>,
}

fn last_word(data: &str) -> u64 {
    let digits = data
        .get(data.len().saturating_sub(16)..)
        .unwrap_or_default();
    u64::from_str_radix(digits, 16).unwrap_or_default()
}

impl Store {
    /// The answer of a node; nothing when the method is not about transactions and contracts.
    pub fn answer(
        &mut self,
        asked: Asked<'_>,
        method: &str,
        params: &Value,
    ) -> Option<Result<Value, String>> {
        let first = params.get(0).unwrap_or(&Value::Null);
        let text = first.as_str().unwrap_or_default().to_lowercase();
        Some(Ok(match method {
            "eth_accounts" => json!([asked.account]),
            "eth_getTransactionCount" => {
                let waiting = self.pool.iter().filter(|it| it.from == text).count();
                let waiting = u64::try_from(waiting).unwrap_or_default();
                json!(format!("{:#x}", self.count(&text) + waiting))
            }
            "eth_sendTransaction" => return Some(self.send(asked, first)),
            "eth_getTransactionReceipt" => self.receipts.get(&text).cloned().unwrap_or_default(),
            "eth_call" => {
                let to = first.get("to").and_then(Value::as_str).unwrap_or_default();
                let seen = self.contracts.get(&to.to_lowercase());
                match seen.filter(|it| it.readers.contains(asked.id)) {
                    Some(contract) => json!(format!("0x{:064x}", contract.value)),
                    None => json!("0x"),
                }
            }
            _ => return None,
        }))
    }

    fn count(&self, account: &str) -> u64 {
        self.counts.get(account).copied().unwrap_or_default()
    }

    fn send(&mut self, asked: Asked<'_>, what: &Value) -> Result<Value, String> {
        let text = |key: &str| what.get(key).and_then(Value::as_str).map(str::to_lowercase);
        let from = text("from").unwrap_or_default();
        if from != asked.account {
            return Err("unknown account".to_owned());
        }
        let waiting: Vec<u64> = self
            .pool
            .iter()
            .filter(|it| it.from == from)
            .map(|it| it.nonce)
            .collect();
        let mut next = self.count(&from);
        while waiting.contains(&next) {
            next += 1;
        }
        let nonce = match text("nonce") {
            Some(said) => u64::from_str_radix(said.trim_start_matches("0x"), 16)
                .map_err(|_| "invalid nonce".to_owned())?,
            None => next,
        };
        if nonce < self.count(&from) {
            return Err("nonce too low".to_owned());
        }
        if waiting.contains(&nonce) {
            return Err("replacement transaction underpriced".to_owned());
        }
        let readers = match what.get("privateFor").and_then(Value::as_array) {
            None => asked.all.clone(),
            Some(keys) => {
                let keys = keys.iter().filter_map(Value::as_str);
                let readers = keys.map(|key| asked.keys.get(key).cloned());
                let readers: Option<BTreeSet<String>> = readers.collect();
                let mut readers = readers.ok_or("there is no such recipient")?;
                readers.insert(asked.id.to_owned());
                readers
            }
        };
        self.sent += 1;
        let hash = format!("0x{:064x}", self.sent);
        self.pool.push(Transaction {
            hash: hash.clone(),
            from,
            nonce,
            to: text("to"),
            data: text("data").unwrap_or_default(),
            readers,
        });
        Ok(json!(hash))
    }

    /// A block is made of what waits.
    pub fn block(&mut self) {
        self.pool.sort_by_key(|it| it.nonce);
        for one in std::mem::take(&mut self.pool) {
            *self.counts.entry(one.from.clone()).or_default() = one.nonce + 1;
            let mut receipt = json!({"status": "0x1", "contractAddress": null});
            match &one.to {
                None => {
                    let from = one.from.parse().unwrap_or_default();
                    let address = created(from, one.nonce).to_string();
                    let contract = Contract {
                        value: last_word(&one.data),
                        readers: one.readers,
                    };
                    self.contracts.insert(address.to_lowercase(), contract);
                    receipt = json!({"status": "0x1", "contractAddress": address});
                }
                Some(to) => match self.contracts.get_mut(to) {
                    Some(contract) if one.data.starts_with(&format!("0x{SET}")) => {
                        contract.value = last_word(&one.data);
                    }
                    _ => receipt = json!({"status": "0x0"}),
                },
            }
            self.receipts.insert(one.hash, receipt);
        }
    }
}
