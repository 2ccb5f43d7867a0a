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
    /// Id of the subject that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
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
    /// Addresses that the clusters of a chain in several assigned, by endpoint port name: `host:port`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub observed: BTreeMap<String, String>,
}

impl Remembered {
    /// Where its vaults are.
    pub fn site(&self) -> Site<'_> {
        Site {
            cluster: &self.cluster,
            namespace: &self.namespace,
        }
    }
}

/// A namespace in one of the clusters of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site<'a> {
    /// Cluster by its name in the spec, "" for the home cluster.
    pub cluster: &'a str,
    /// The namespace.
    pub namespace: &'a str,
}

impl<'a> Site<'a> {
    /// A namespace of the home cluster.
    pub fn home(namespace: &'a str) -> Self {
        Self {
            cluster: "",
            namespace,
        }
    }
}

impl std::fmt::Display for Site<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "namespace {:?}", self.namespace)?;
        if self.cluster.is_empty() {
            return Ok(());
        }
        write!(f, " of cluster {:?}", self.cluster)
    }
}

/// Another cluster in which a chain lives.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterRecord {
    /// Context of the kubeconfig that leads there.
    pub context: String,
    /// The chain's namespace there.
    pub namespace: String,
    /// UID of that namespace, by which the cluster is known again; "" where it may not be read.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uid: String,
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

/// The record of one chain in its home. In each other (cluster, namespace) that it touches stands a
/// [signpost](super::Signpost).
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
    /// The other clusters in which it lives, by their names in the spec.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub clusters: BTreeMap<String, ClusterRecord>,
    /// By which two parties know that they mean one chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The kinds that objects of the chain may have, as `ApplySet` writes them (`StatefulSet.apps`):
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

impl Head {
    /// Names of the subjects with pods that belong to the subject called `name`: by its id, or by its name. None when it
    /// is not there, or has a pod itself.
    pub fn pods_below(&self, name: &str) -> Vec<&str> {
        let is_it = |id: &str| id == name || last(id) == name;
        let above = |id: &str| self.subjects.get(id)?.parent.as_deref();
        let belongs = |id: &str| {
            let ancestors = std::iter::successors(above(id), |id| above(id)).take(16);
            ancestors.into_iter().any(is_it)
        };
        let pods = || self.subjects.iter().filter(|(_, it)| it.pod && !it.retired);
        if pods().any(|(id, _)| is_it(id)) {
            return Vec::new();
        }
        pods()
            .filter(|(id, _)| belongs(id))
            .map(|(id, _)| last(id))
            .collect()
    }
}

/// The name in an id such as `peer/peer0.org1`.
fn last(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_an_organisation_is_found_by_its_name() {
        let subjects = serde_json::json!({
            "chain": {"kind": "chain", "ordinal": 0, "bornMs": 1, "namespace": "n"},
            "org/org1": {"kind": "org", "ordinal": 0, "bornMs": 1, "namespace": "n", "parent": "chain"},
            "peer/peer0.org1": {"kind": "peer", "ordinal": 0, "bornMs": 1, "namespace": "n", "parent": "org/org1", "pod": true},
            "peer/peer1.org1": {"kind": "peer", "ordinal": 1, "bornMs": 1, "namespace": "n", "parent": "org/org1", "pod": true, "retired": true},
            "user/admin.org1": {"kind": "user", "ordinal": 0, "bornMs": 1, "namespace": "n", "parent": "org/org1"},
            "peer/peer0.org2": {"kind": "peer", "ordinal": 2, "bornMs": 1, "namespace": "n", "parent": "org/org2", "pod": true},
        });
        let head: Head = serde_json::from_value(serde_json::json!({
            "schema": 1, "minimumHost": "0.1.0", "uid": "u", "chain": "c", "stack": "s", "release": "r",
            "phase": "formed", "subjects": subjects, "next": {}, "bornMs": 1, "revision": 1
        }))
        .unwrap();
        assert_eq!(head.pods_below("org1"), ["peer0.org1"]);
        assert_eq!(head.pods_below("org/org1"), ["peer0.org1"]);
        assert_eq!(head.pods_below("chain"), ["peer0.org1"], "org2 is unknown");
        assert_eq!(head.pods_below("peer0.org1"), [""; 0], "a node itself");
        assert_eq!(head.pods_below("org3"), [""; 0]);
    }
}
