//! What one party of a chain gives to another: its subjects with their facts and addresses, the chain's configured
//! results, and the fingerprint by which both know that they mean one chain. Public by definition; one file each way.
//!
//! The file carries a checksum of each value, so a slip on the way is told by the path of the field in which it happened.
//! That is no signature: who sends it must be known from elsewhere, and the fingerprint be compared.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::revision::ConfiguredResult;
use super::store::digest_of;
use crate::spec::chain_spec::API_VERSION;

/// `kind` of the file.
pub const KIND: &str = "Bundle";
/// Hex digits of a checksum of one value: enough for a slip.
const DIGITS: usize = 12;

/// Another party of the chain, as its bundle told. Kept with the chain's public part.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Party {
    /// UID of the chain in the other party's cluster; "" when the file came from another tool.
    #[serde(default)]
    pub uid: String,
    /// Stack.
    pub stack: String,
    /// Its release.
    pub release: String,
    /// The chain's fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// When the chain was born, in milliseconds since 1970: the same for all parties. 0 when it is not known.
    #[serde(default)]
    pub born_ms: u64,
    /// Configured results: subject -> `role/instance` -> result.
    #[serde(default)]
    pub configured: BTreeMap<String, BTreeMap<String, ConfiguredResult>>,
    /// The party's own subjects.
    pub subjects: Vec<ForeignSubject>,
}

/// A subject of another party.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ForeignSubject {
    /// Id there, e.g. `node/node0`.
    pub id: String,
    /// Kind.
    pub kind: String,
    /// Name there.
    pub name: String,
    /// Id of its parent there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Ordinal there.
    #[serde(default)]
    pub ordinal: u32,
    /// Birth time in milliseconds since 1970.
    #[serde(default)]
    pub born_ms: u64,
    /// The stack's own.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub extra: Value,
    /// Where it is reached from here.
    #[serde(default)]
    pub endpoints: Vec<ForeignEndpoint>,
    /// Facts: `role/instance` -> JSON.
    #[serde(default)]
    pub facts: BTreeMap<String, Value>,
}

/// A port of a foreign subject.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ForeignEndpoint {
    /// Name of the port.
    pub port: String,
    /// `host:port` at which it is reached.
    pub address: String,
}

/// The file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bundle {
    /// [`API_VERSION`].
    pub api_version: String,
    /// [`KIND`].
    pub kind: String,
    /// Chain and party.
    pub metadata: BundleMetadata,
    /// What is told.
    pub spec: Party,
    /// JSON pointer -> checksum of the value there; absent when another tool made the file.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub checks: BTreeMap<String, String>,
    /// SHA-256 of `metadata` and `spec`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub digest: String,
}

/// Who tells, and about which chain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BundleMetadata {
    /// The chain's name there.
    pub name: String,
    /// The party, as others call it: part of the names of its subjects.
    pub party: String,
}

/// Why a bundle is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// Not a bundle.
    #[error("{0}")]
    Shape(String),
    /// A value is not what it was.
    #[error("{path}: {what}\nhint: ask for the file again; nothing in it may be changed by hand")]
    Changed {
        /// JSON pointer.
        path: String,
        /// How.
        what: &'static str,
    },
}

impl Bundle {
    /// A bundle with its checksums.
    pub fn new(name: &str, party: &str, spec: Party) -> Self {
        let mut bundle = Self {
            api_version: API_VERSION.to_owned(),
            kind: KIND.to_owned(),
            metadata: BundleMetadata {
                name: name.to_owned(),
                party: party.to_owned(),
            },
            spec,
            checks: BTreeMap::new(),
            digest: String::new(),
        };
        let told = bundle.told();
        bundle.checks = leaves(&told);
        bundle.digest = digest_of(told.to_string().as_bytes());
        bundle
    }

    /// Reads `tree`. Every value must be what it was when the bundle was made, and there must be nothing else.
    ///
    /// # Errors
    /// The path of the field that is not as it was.
    pub fn read(tree: &Value) -> Result<Self, BundleError> {
        let changed = |path: &str, what| BundleError::Changed {
            path: path.to_owned(),
            what,
        };
        let checks: BTreeMap<String, String> = tree
            .get("checks")
            .cloned()
            .and_then(|checks| serde_json::from_value(checks).ok())
            .ok_or_else(|| changed("/checks", "the checksums are missing or broken"))?;
        let whole = |key: &str| tree.get(key).cloned().unwrap_or_default();
        let told = told(&whole("metadata"), &whole("spec"));
        let found = leaves(&told);
        let intact = tree.get("digest").and_then(Value::as_str)
            == Some(digest_of(told.to_string().as_bytes()).as_str());
        for (path, check) in &found {
            match checks.get(path) {
                Some(known) if known == check => {}
                _ if intact => {
                    return Err(changed(
                        &format!("/checks/{}", escape(path)),
                        "this checksum was changed",
                    ));
                }
                Some(_) => return Err(changed(path, "this is not what was exported")),
                None => return Err(changed(path, "this was added")),
            }
        }
        if let Some(path) = checks.keys().find(|path| !found.contains_key(*path)) {
            return Err(if intact {
                changed(
                    &format!("/checks/{}", escape(path)),
                    "this checksum was added",
                )
            } else {
                changed(path, "this was taken away")
            });
        }
        if !intact {
            return Err(changed("/digest", "this is not the digest of the bundle"));
        }
        for (key, expected) in [("apiVersion", API_VERSION), ("kind", KIND)] {
            if tree.get(key).and_then(Value::as_str) != Some(expected) {
                return Err(changed(&format!("/{key}"), "this is not what was exported"));
            }
        }
        let known = ["apiVersion", "kind", "metadata", "spec", "checks", "digest"];
        let mut keys = tree.as_object().into_iter().flatten();
        if let Some((key, _)) = keys.find(|(key, _)| !known.contains(&key.as_str())) {
            return Err(changed(&format!("/{key}"), "this was added"));
        }
        serde_json::from_value(tree.clone())
            .map_err(|fault| BundleError::Shape(format!("the bundle does not fit: {fault}")))
    }

    fn told(&self) -> Value {
        let value = |part: serde_json::Result<Value>| part.unwrap_or_default();
        told(
            &value(serde_json::to_value(&self.metadata)),
            &value(serde_json::to_value(&self.spec)),
        )
    }
}

fn told(metadata: &Value, spec: &Value) -> Value {
    serde_json::json!({"metadata": metadata, "spec": spec})
}

/// Checksums of all values that hold no others, by their paths.
fn leaves(tree: &Value) -> BTreeMap<String, String> {
    fn walk(path: &str, value: &Value, into: &mut BTreeMap<String, String>) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                for (key, value) in map {
                    walk(&format!("{path}/{}", escape(key)), value, into);
                }
            }
            Value::Array(list) if !list.is_empty() => {
                for (index, value) in list.iter().enumerate() {
                    walk(&format!("{path}/{index}"), value, into);
                }
            }
            leaf => {
                let mut digest = digest_of(leaf.to_string().as_bytes());
                digest.truncate(DIGITS);
                into.insert(path.to_owned(), digest);
            }
        }
    }
    let mut into = BTreeMap::new();
    walk("", tree, &mut into);
    into
}

/// A key as a part of a JSON pointer (RFC 6901).
fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn bundle() -> Value {
        let party = Party {
            uid: "u".to_owned(),
            stack: "pebble".to_owned(),
            release: "1".to_owned(),
            fingerprint: Some("f".to_owned()),
            born_ms: 1_700_000_000_000,
            configured: [(
                "chain".to_owned(),
                [("talker".to_owned(), ConfiguredResult::default())].into(),
            )]
            .into(),
            subjects: vec![ForeignSubject {
                id: "node/node0".to_owned(),
                kind: "node".to_owned(),
                name: "node0".to_owned(),
                endpoints: vec![ForeignEndpoint {
                    port: "talk".to_owned(),
                    address: "10.0.0.1:30001".to_owned(),
                }],
                facts: [("talker".to_owned(), json!({"id": "ab/cd", "n": 1}))].into(),
                ..ForeignSubject::default()
            }],
        };
        serde_json::to_value(Bundle::new("demo", "alpha", party)).unwrap()
    }

    /// The paths of all values that hold no others.
    fn paths(tree: &Value) -> Vec<String> {
        leaves(tree).into_keys().collect()
    }

    #[test]
    fn what_was_exported_is_taken() {
        let read = Bundle::read(&bundle()).unwrap();
        assert_eq!(read.metadata.party, "alpha");
        assert_eq!(read.spec.subjects.len(), 1);
    }

    #[test]
    fn an_edit_of_any_one_value_is_told_by_its_path() {
        for path in paths(&bundle()) {
            let mut tree = bundle();
            let place = tree.pointer_mut(&path).unwrap();
            *place = match &*place {
                Value::String(text) => Value::String(format!("{text}x")),
                Value::Number(number) => Value::from(number.as_u64().unwrap() + 1),
                other => json!([other.clone()]),
            };
            match Bundle::read(&tree) {
                Err(BundleError::Changed { path: told, .. }) => {
                    assert!(told == path || told.starts_with(&path), "{path}: {told}");
                }
                other => panic!("{path}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_is_added_or_taken_away_is_told_by_its_path() {
        let refused = |change: &dyn Fn(&mut Value)| {
            let mut tree = bundle();
            change(&mut tree);
            Bundle::read(&tree).unwrap_err().to_string()
        };
        let added = refused(&|tree| tree["spec"]["subjects"][0]["secret"] = json!("x"));
        assert!(added.starts_with("/spec/subjects/0/secret: "), "{added}");
        let taken = refused(&|tree| {
            tree["spec"]["subjects"][0]["endpoints"] = json!([]);
        });
        assert!(taken.starts_with("/spec/subjects/0/endpoints"), "{taken}");
        assert!(refused(&|tree| tree["x"] = json!(1)).starts_with("/x: "));
        assert!(refused(&|tree| tree["checks"] = json!({})).starts_with("/checks"));
    }
}
