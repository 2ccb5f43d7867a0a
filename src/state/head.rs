//! The head: the one mutable record of a chain, changed by compare-and-swap alone.
//!
//! Nothing in it is secret, so a viewer of the namespace can run `get`, `status` and `logs`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The schema of head, vault and revision that this host writes. A host refuses to write over a newer one.
pub const SCHEMA: u32 = 1;

/// Where a chain stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The name is claimed; vaults are being written. A second run resumes here.
    Forming,
    /// All vaults and a revision exist.
    Formed,
    /// Formed, and its workloads are scaled to zero on purpose.
    Stopped,
    /// Deleted without `--purge`: volumes and vaults are still there, and `create` revives the chain.
    Tombstone,
}

/// Where one vault of a subject is, and what it must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VaultRef {
    /// Name of the Secret (in a folder: of the file, without its extension).
    pub name: String,
    /// SHA-256 over the items, see [`crate::state::Vault::digest`]; 64 hex digits.
    pub digest: String,
}

/// What is remembered of one subject: the part of it that must never change, and its vaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Remembered {
    /// Kind that the stack declares.
    pub kind: String,
    /// Counted per kind, never used again.
    pub ordinal: u32,
    /// Birth, in milliseconds since 1970.
    pub born_ms: u64,
    /// Cluster by its name in the spec, "" for the home cluster.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cluster: String,
    /// Namespace of its vaults and objects.
    pub namespace: String,
    /// Whether it has a pod.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pod: bool,
    /// Claimed, and its vaults are not all known yet: what an interrupted run left is looked for and used.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pending: bool,
    /// No longer wanted, and kept in memory with its vaults and volumes: wanted again, it is the same subject.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retired: bool,
    /// Hooks that are still to be called about it (`before-add`, `after-ready`, `before-remove`, `gate`): a run
    /// that was interrupted calls them again.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub due: BTreeSet<String>,
    /// Oldest first; their items together are what the subject keeps, a later one winning (renewal).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vaults: Vec<VaultRef>,
    /// What operations remembered about it, by `role` or `role/instance`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub state: BTreeMap<String, Value>,
    /// Addresses that the cluster assigned, by endpoint port name: `host:port`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub observed: BTreeMap<String, String>,
}

/// Who is changing the chain right now. Expires by itself, so that a killed client blocks nobody for long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lock {
    /// Random id of the run, so that a run recognises its own lock.
    pub holder: String,
    /// For people: user@host.
    pub by: String,
    /// The command, e.g. `apply`.
    pub operation: String,
    /// When it was taken, in milliseconds since 1970.
    #[serde(default)]
    pub since_ms: u64,
    /// When it expires, in milliseconds since 1970.
    pub expires_ms: u64,
}

/// The record of one chain in one (cluster, namespace).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// [`SCHEMA`] of the host that wrote it.
    pub schema: u32,
    /// The oldest host version that may write it.
    pub minimum_host: String,
    /// Identity of the chain: a random UUID, the same in every namespace and cluster that the chain touches.
    pub uid: String,
    /// The chain's name.
    pub chain: String,
    /// The stack's name, for `get` without reading a revision.
    pub stack: String,
    /// The stack's release.
    pub release: String,
    /// Where the chain stands in its life.
    pub phase: Phase,
    /// By subject id. Those removed are gone from here; their ordinals are not given again, see `next`.
    pub subjects: BTreeMap<String, Remembered>,
    /// The next ordinal by kind.
    pub next: BTreeMap<String, u32>,
    /// Birth of the chain, in milliseconds since 1970.
    pub born_ms: u64,
    /// Number of the current revision; 0 before the first.
    pub revision: u32,
    /// The last revision whose objects were all applied and what it left over pruned; below `revision` while a run is at
    /// it, or was interrupted.
    #[serde(default)]
    pub applied: u32,
    /// By which two parties know that they mean one chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The kinds that objects of the chain in this namespace may have, as `ApplySet` writes them (`StatefulSet.apps`):
    /// before an apply the old and the new ones together, after it the new ones.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub group_kinds: BTreeSet<String>,
    /// Claims that are exclusive over all chains in sight.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<String>,
    /// Who is changing the chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<Lock>,
}
