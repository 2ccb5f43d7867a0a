//! The facts by which the services of a node know of each other, and their JSON schemas.
//!
//! They say what a service offers, never how one implementation is told: whoever depends on a service reads its port
//! here, so that another implementation may listen elsewhere.

use chain_plugin_sdk::{At, Diagnostics, Provisioned};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// A service's gRPC port inside the pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Grpc {
    /// The port.
    pub grpc_port: u16,
}

/// What the network says about a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkFacts {
    /// gRPC port inside the pod.
    pub grpc_port: u16,
    /// Port on which other nodes reach it.
    pub p2p_port: u16,
    /// Public key of its sessions in hex, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
}

/// What the kms says about a node or an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KmsFacts {
    /// `0x` and 40 hex digits.
    pub address: String,
    /// Number of the key in the kms.
    pub key_id: u64,
    /// gRPC port inside the pod; an account has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grpc_port: Option<u16>,
}

/// What the controller says about the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChainFacts {
    /// `0x` and 64 hex digits.
    pub chain_id: String,
    /// Seconds between blocks.
    pub block_interval: u32,
    /// Hash of block 0: `0x` and 64 hex digits.
    pub genesis_hash: String,
    /// How many validators the genesis names; a chain that was born before this was told says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validators: Option<usize>,
}

/// What the stack says about a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncFacts {
    /// Id of the node's file exchange.
    pub device_id: String,
}

/// Facts, and nothing new to keep.
pub fn known<T: Serialize>(facts: &T) -> Provisioned {
    Provisioned {
        keep: Vec::new(),
        facts: text(facts),
        notes: Vec::new(),
    }
}

/// Facts as the JSON of the contract: sorted keys.
pub fn text<T: Serialize>(facts: &T) -> String {
    // Through a value, whose maps are sorted.
    serde_json::to_value(facts).unwrap_or_default().to_string()
}

/// The gRPC port of the service in `role` about the node of this call.
pub fn grpc_port(at: &At<'_>, role: &str) -> Result<u16, Diagnostics> {
    of::<Grpc>(at, role).map(|facts| facts.grpc_port)
}

/// What the service in `role` says about the node of this call.
pub fn of<T: DeserializeOwned>(at: &At<'_>, role: &str) -> Result<T, Diagnostics> {
    at.fact(&at.call.subject, role)
}

fn port() -> Value {
    json!({"type": "integer", "minimum": 1, "maximum": 65535})
}

/// Schema of the facts of a role about a kind of subject; null for none. Other members are welcome.
pub fn schema(role: &str, kind: &str) -> Value {
    let address = json!({"type": "string", "pattern": "^0x[0-9a-f]{40}$"});
    let hash = json!({"type": "string", "pattern": "^0x[0-9a-f]{64}$"});
    let (properties, required) = match (role, kind) {
        ("network", "node") => (
            json!({"grpcPort": port(), "p2pPort": port(), "publicKey": {"type": "string"}}),
            json!(["grpcPort", "p2pPort"]),
        ),
        ("consensus" | "executor" | "storage" | "controller", "node") => {
            (json!({"grpcPort": port()}), json!(["grpcPort"]))
        }
        ("controller", "chain") => (
            json!({
                "chainId": hash, "genesisHash": hash,
                "blockInterval": {"type": "integer", "minimum": 1, "description": "seconds between blocks"},
                "validators": {"type": "integer", "minimum": 1, "description": "how many the genesis names"},
            }),
            json!(["blockInterval", "chainId", "genesisHash"]),
        ),
        ("kms", "node") => (
            json!({"address": address, "keyId": {"type": "integer", "minimum": 1}, "grpcPort": port()}),
            json!(["address", "grpcPort", "keyId"]),
        ),
        ("kms", "account") => (
            json!({"address": address, "keyId": {"type": "integer", "minimum": 1}}),
            json!(["address", "keyId"]),
        ),
        _ => return Value::Null,
    };
    json!({"type": "object", "properties": properties, "required": required})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_written_with_sorted_keys() {
        let facts = KmsFacts {
            address: "0x01".to_owned(),
            key_id: 1,
            grpc_port: Some(50005),
        };
        assert_eq!(
            text(&facts),
            r#"{"address":"0x01","grpcPort":50005,"keyId":1}"#
        );
    }

    #[test]
    fn every_role_has_facts_about_a_node() {
        for role in [
            "network",
            "consensus",
            "executor",
            "storage",
            "controller",
            "kms",
        ] {
            assert_eq!(schema(role, "node")["type"], "object", "{role}");
        }
        assert!(schema("network", "account").is_null());
    }
}
