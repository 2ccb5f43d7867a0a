//! The revision: one immutable, numbered account of what was applied. Ten are kept.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bundle::Party;

/// Identity of an object: group, kind, namespace, name (and cluster by its name in the spec, "" for home).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectId {
    /// API group, "" for core.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Kind, e.g. `StatefulSet`.
    pub kind: String,
    /// Namespace, "" for cluster-scoped kinds.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Cluster by its name in the spec, "" for the home cluster.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cluster: String,
}

impl ObjectId {
    /// Its kind as `ApplySet` writes it: `Service`, `StatefulSet.apps`.
    pub fn group_kind(&self) -> String {
        if self.group.is_empty() {
            self.kind.clone()
        } else {
            format!("{}.{}", self.kind, self.group)
        }
    }
}

/// All objects that a revision applied.
pub type Inventory = BTreeSet<ObjectId>;

/// Which plugin filled a role: name, version and digest of the component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginPin {
    /// Plugin name.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// `sha256:` and 64 hex digits of the component.
    pub digest: String,
}

/// Everything public that was derived: facts, configured results, public kept items. Content-addressed: many revisions
/// of a chain share one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Public {
    /// Facts: subject -> `role/instance` -> JSON.
    pub facts: BTreeMap<String, BTreeMap<String, Value>>,
    /// Configured results: subject -> `role/instance` -> result.
    pub configured: BTreeMap<String, BTreeMap<String, ConfiguredResult>>,
    /// Public kept items: subject -> `role/instance` -> name -> base64.
    pub items: BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>,
    /// Which secret items there are: subject -> `role/instance` -> name -> the vault (Secret) that holds it. Only names,
    /// so that apply can bind them without reading a key.
    #[serde(default)]
    pub sealed: BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>,
    /// The chain's other parties, by name, as their bundles told.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parties: BTreeMap<String, Party>,
}

/// What `configure` gave about one subject: immutable.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ConfiguredResult {
    /// File name -> base64 of its bytes.
    pub files: BTreeMap<String, String>,
    /// Public facts.
    pub facts: Value,
    /// Decides whether two parties mean one chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

/// One numbered revision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// From 1.
    pub number: u32,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: u64,
    /// For people: user@host.
    pub by: String,
    /// Version of the host that made it.
    pub tool: String,
    /// The user's spec, resolved, without secrets.
    pub spec: Value,
    /// Role (or `role/instance`) to plugin; "" is the stack.
    pub lock: BTreeMap<String, PluginPin>,
    /// SHA-256 of the [`Public`] part, 64 hex digits.
    pub public: String,
    /// What was applied.
    pub inventory: Inventory,
}
