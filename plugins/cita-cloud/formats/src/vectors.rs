//! The published vectors (`tests/fixtures/cita-cloud/vectors.json`), for the tests of this crate.

use serde_json::Value;

const VECTORS: &str = include_str!("../../../../tests/fixtures/cita-cloud/vectors.json");

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

/// A member in hex, with or without `0x`, of exactly `N` bytes.
pub fn bytes<const N: usize>(value: &Value, key: &str) -> [u8; N] {
    let hexed = text(value, key);
    let digits = hexed.strip_prefix("0x").unwrap_or(hexed);
    hex::decode(digits).unwrap().try_into().unwrap()
}

/// One file that the original tool wrote for a node: where, and its exact text.
pub struct GoldenFile {
    pub scenario: String,
    pub node: usize,
    pub nodes: usize,
    pub text: String,
}

/// Every golden file called `name`, in all scenarios and nodes.
pub fn golden_files(name: &str) -> Vec<GoldenFile> {
    let scenarios = vector("golden_seed_runner_k8s")["scenarios"].clone();
    let mut found = Vec::new();
    for (scenario, written) in scenarios.as_object().unwrap() {
        let files = written["files"].as_object().unwrap();
        let of_nodes: Vec<(usize, &Value)> = files
            .iter()
            .filter_map(|(path, text)| {
                let path = path.strip_prefix("cita-cloud/test-chain/node")?;
                let (index, file) = path.split_once('/')?;
                (file == name).then(|| (index.parse().unwrap(), text))
            })
            .collect();
        let nodes = of_nodes.len();
        found.extend(of_nodes.into_iter().map(|(node, text)| GoldenFile {
            scenario: scenario.clone(),
            node,
            nodes,
            text: text.as_str().unwrap().to_owned(),
        }));
    }
    assert!(!found.is_empty(), "no golden file called {name}");
    found
}
