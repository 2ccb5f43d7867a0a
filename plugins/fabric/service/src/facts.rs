//! The facts by which roles know of each other, and their JSON schemas.
//!
//! Terms are those of the field: an MSP, a certificate, a consensus type. How a program is told is the matter of its
//! plugin.

use std::collections::BTreeMap;

use chain_plugin_sdk::{At, Diagnostics, Provisioned};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::extra::Index;
use crate::{CHAIN, kind, role};

/// What `msp` says about an organisation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrgIdentity {
    /// Its name in channels.
    pub msp_id: String,
    /// Certificate of its CA, PEM.
    pub ca_certificate: String,
    /// Certificate of its TLS CA, PEM.
    pub tls_ca_certificate: String,
    /// Whether roles stand in its certificates.
    pub node_ous: bool,
    /// Certificates of its administrators, PEM, where roles do not stand in them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub administrators: Vec<String>,
}

/// What `msp` says about an orderer, a peer or a user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeIdentity {
    /// Its certificate, PEM.
    pub certificate: String,
    /// Its TLS certificate, PEM.
    pub tls_certificate: String,
}

/// What `orderer` says about the chain.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ordering {
    /// The consensus type as a channel names it: `etcdraft`, `BFT`, `solo`, `kafka`.
    pub kind: String,
    /// Its own settings, by the names of its metadata: `tickInterval`, `electionTick`, ...
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, Value>,
    /// Whether each orderer stands in the channel by its TLS certificate (a consenter).
    pub consenters: bool,
}

/// What `ca` says about a CA server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CaServer {
    /// Whether it speaks TLS.
    pub tls: bool,
}

/// What `kafka` says about the chain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Brokers {
    /// `host:port` of each.
    pub brokers: Vec<String>,
}

/// What `state-db` says about a peer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateDatabase {
    /// `goleveldb` or `CouchDB`, as the peer names it.
    pub kind: String,
    /// `host:port` as the peer's own pod reaches it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Its user; the password is the item `password` that the role keeps about the peer and shares with `peer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

/// What `chaincode` says about the chain: how peers come to run chaincode.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Runtime {
    /// `ccaas`: a server of its own; `k8s`: the peer starts pods; `docker`: a daemon builds and runs it.
    pub kind: String,
    /// The external builder that peers need for it beside that of `ccaas`, which their images have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub builder: Option<Builder>,
}

/// An external builder, as a peer is told of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Builder {
    /// Its name: `k8s_builder`.
    pub name: String,
    /// Its folder in the peer's container, in which `bin/` lies.
    pub path: String,
    /// The volume that the peer binds at `path`: declared by the plugin of the role, and filled by an init container of
    /// its own. None where the peer's image has the builder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<String>,
    /// Variables for it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// Names of further variables of the peer's container that it may see.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed: Vec<String>,
}

/// What `chaincode` says about the pod of a chaincode, or about a chaincode that has none of ours.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Package {
    /// `ccaas` or `k8s`: the type in the package.
    pub kind: String,
    /// Label of the package.
    pub label: String,
    /// What peers dial, for `ccaas`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// How long they wait for an answer, where it is not what a package says usually.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dial_timeout: Option<String>,
    /// Image and digest, for `k8s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Indexes in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<Index>,
    /// `<label>:<hex SHA-256 of the package>`.
    pub package_id: String,
}

/// Facts as the text that a plugin gives.
pub fn text<T: Serialize>(facts: &T) -> String {
    serde_json::to_string(facts).unwrap_or_default()
}

/// Facts about a subject for which nothing is kept.
pub fn known<T: Serialize>(facts: &T) -> Provisioned {
    Provisioned {
        keep: Vec::new(),
        facts: text(facts),
        notes: Vec::new(),
    }
}

/// The facts of the one plugin that fills `role`; none when nobody does.
pub fn optional<T: DeserializeOwned>(
    at: &At<'_>,
    subject: &str,
    role: &str,
) -> Result<Option<T>, Diagnostics> {
    if at.facts(subject, role).is_empty() {
        return Ok(None);
    }
    at.fact(subject, role).map(Some)
}

/// The JSON schema of what a role says about a kind; null for nothing.
pub fn schema(of_role: &str, of_kind: &str) -> Value {
    let text = || json!({"type": "string"});
    match (of_role, of_kind) {
        (role::MSP, kind::ORG) => json!({
            "type": "object",
            "required": ["mspId", "caCertificate", "tlsCaCertificate", "nodeOus"],
            "additionalProperties": false,
            "properties": {
                "mspId": {"type": "string", "minLength": 1},
                "caCertificate": text(),
                "tlsCaCertificate": text(),
                "nodeOus": {"type": "boolean"},
                "administrators": {"type": "array", "items": text()},
            },
        }),
        (role::MSP, kind::ORDERER | kind::PEER | kind::USER) => json!({
            "type": "object",
            "required": ["certificate", "tlsCertificate"],
            "additionalProperties": false,
            "properties": {"certificate": text(), "tlsCertificate": text()},
        }),
        (role::ORDERER, CHAIN) => json!({
            "type": "object",
            "required": ["kind", "consenters"],
            "additionalProperties": false,
            "properties": {
                "kind": {"enum": ["etcdraft", "BFT", "solo", "kafka"]},
                "settings": {"type": "object"},
                "consenters": {"type": "boolean"},
            },
        }),
        (role::KAFKA, CHAIN) => json!({
            "type": "object",
            "required": ["brokers"],
            "additionalProperties": false,
            "properties": {"brokers": {"type": "array", "items": text(), "minItems": 1}},
        }),
        (role::STATE_DB, kind::PEER) => json!({
            "type": "object",
            "required": ["kind"],
            "additionalProperties": false,
            "properties": {
                "kind": {"enum": ["goleveldb", "CouchDB"]},
                "address": text(),
                "user": text(),
            },
        }),
        (role::CA, kind::CA) => json!({
            "type": "object",
            "required": ["tls"],
            "additionalProperties": false,
            "properties": {"tls": {"type": "boolean"}},
        }),
        (role::CHAINCODE, CHAIN) => json!({
            "type": "object",
            "required": ["kind"],
            "additionalProperties": false,
            "properties": {
                "kind": {"enum": ["ccaas", "k8s", "docker"]},
                "builder": {
                    "type": "object",
                    "required": ["name", "path"],
                    "additionalProperties": false,
                    "properties": {
                        "name": {"type": "string", "minLength": 1},
                        "path": {"type": "string", "pattern": "^/"},
                        "volume": text(),
                        "environment": {"type": "object", "additionalProperties": text()},
                        "passed": {"type": "array", "items": text()},
                    },
                },
            },
        }),
        (role::CHAINCODE, kind::SERVER | kind::CHAINCODE) => json!({
            "type": "object",
            "required": ["kind", "label", "packageId"],
            "additionalProperties": false,
            "properties": {
                "kind": {"enum": ["ccaas", "k8s"]},
                "label": text(),
                "address": text(),
                "dialTimeout": text(),
                "image": text(),
                "indexes": {"type": "array", "items": {
                    "type": "object",
                    "required": ["name", "definition"],
                    "additionalProperties": false,
                    "properties": {
                        "collection": text(),
                        "name": text(),
                        "definition": {"type": "object"},
                    },
                }},
                "packageId": text(),
            },
        }),
        _ => Value::Null,
    }
}
