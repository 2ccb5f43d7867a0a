//! What a stack's `expand` is given: the user's spec, resolved, as JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::descriptor::Port;

/// The user's spec with resolved services, as `stack.expand` sees it. Keys that the stack's kinds declare
/// (`orgs`, `channels`, ...) stand in `kinds`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExpandSpec {
    /// The chain's name.
    pub chain: String,
    /// Its home namespace.
    pub namespace: String,
    /// Release of the stack.
    pub release: String,
    /// Nodes, in the user's order; a count arrives as that many entries without a name.
    pub nodes: Vec<NodeSpec>,
    /// Services in the order of the stack's roles.
    pub services: Vec<ServiceSpec>,
    /// The stack's own options, defaults filled in.
    pub options: Value,
    /// How the user wants the chain to be reached.
    pub expose: Value,
    /// Clusters by name.
    pub clusters: BTreeMap<String, Value>,
    /// By the key that a kind declares: what the user wrote under it.
    pub kinds: BTreeMap<String, Value>,
    /// Whether the nodes share one claim.
    pub shared_storage: bool,
    /// What other parties of the chain have told of theirs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub foreign: Vec<ForeignSpec>,
}

/// A subject of another party, as that party's stack made it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ForeignSpec {
    /// Its id here: `node/beta/node0`.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// Its name here: `beta-node0`.
    pub name: String,
    /// What the stack said about it.
    pub extra: Value,
}

/// One node as the user wrote it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeSpec {
    /// Name, if the user gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Organisation that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub org: Option<String>,
    /// Cluster by its name under `clusters`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Address at which others reach it from outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The stack's own options for this node.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub options: Value,
}

/// One filled role.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceSpec {
    /// Role.
    pub role: String,
    /// Instance: the role's name when it is the only one.
    pub instance: String,
    /// Plugin that fills it.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// Ports that its descriptor declares.
    pub ports: Vec<Port>,
}
