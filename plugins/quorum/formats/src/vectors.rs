//! The published vectors (`tests/fixtures/quorum/vectors.json`), for the tests of this crate.

use serde_json::Value;

use crate::address::Address;

const VECTORS: &str = include_str!("../../../../tests/fixtures/quorum/vectors.json");

/// The value under one top-level key.
pub fn vector(key: &str) -> Value {
    let all: Value = serde_json::from_str(VECTORS).unwrap();
    all[key].clone()
}

/// The list `cases` under one top-level key.
pub fn cases(key: &str) -> Vec<Value> {
    vector(key)["cases"].as_array().unwrap().clone()
}

/// A string member.
pub fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}

/// A member in hex, with or without `0x`, of any length.
pub fn octets(value: &Value, key: &str) -> Vec<u8> {
    let hexed = text(value, key);
    hex::decode(hexed.strip_prefix("0x").unwrap_or(hexed)).unwrap()
}

/// A member in hex, with or without `0x`, of exactly `N` bytes.
pub fn bytes<const N: usize>(value: &Value, key: &str) -> [u8; N] {
    octets(value, key).try_into().unwrap()
}

/// A list of addresses.
pub fn addresses(value: &Value, key: &str) -> Vec<Address> {
    let listed = value[key].as_array().unwrap();
    listed
        .iter()
        .map(|a| a.as_str().unwrap().parse().unwrap())
        .collect()
}

/// The private keys of the seven demonstration nodes, in their order.
pub fn seven_node_keys() -> Vec<[u8; 32]> {
    let keys = vector("nodekeys");
    let keys = keys.as_array().unwrap().iter().take(7);
    keys.map(|case| bytes(case, "nodekey_hex")).collect()
}
