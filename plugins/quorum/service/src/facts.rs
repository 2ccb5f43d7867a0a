//! The facts by which roles know of each other, and their JSON schemas.
//!
//! Terms are those of the field: a block period, a vote, a public key. How a client is told is the client's own matter,
//! so that another client may take the role under the same consensus.

use std::collections::BTreeMap;

use chain_plugin_sdk::{At, Diagnostics, Provisioned};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{CHAIN, CONSENSUS, PRIVACY};

/// What the client says about a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientFacts {
    /// Public key by which peers know it: 128 hex digits.
    pub node_id: String,
    /// Address of the node key: its name as a validator.
    pub node_address: String,
    /// Address of its account: funded in the genesis block, and its name as a signer. Other tools do not tell it of the
    /// nodes of others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_address: Option<String>,
    /// The URL at which the other nodes of the chain reach it.
    pub enode: String,
}

/// What the client says about the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientChain {
    /// The number that transactions are signed for.
    pub chain_id: u64,
    /// The number by which peers know the network.
    pub network_id: u64,
    /// Hash of block 0: `0x` and 64 hex digits.
    pub genesis_hash: String,
    /// Whether the genesis block has privacy enhancements, without which a client then does not start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privacy_enhancements: Option<bool>,
    /// Whether the genesis file says how often blocks are made; as the client's version has it when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period_in_genesis: Option<bool>,
    /// The method of its JSON-RPC that lists the members of the consensus: addresses, or objects with a `nodeId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members_method: Option<String>,
}

/// With which of a node's two identities it takes part in the consensus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Identity {
    /// With its node key.
    Node,
    /// With its account.
    Account,
    /// With neither: membership is by number.
    Number,
}

/// Who proposes the next block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProposerPolicy {
    /// Each in turn.
    RoundRobin,
    /// The same one until it fails.
    Sticky,
}

/// The fields of the genesis block that belong to the consensus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GenesisFields {
    /// `0x` and hex digits.
    pub difficulty: String,
    /// `0x` and 64 hex digits.
    pub mix_hash: String,
    /// `0x` and hex digits.
    pub extra_data: String,
}

/// What the consensus says about the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsensusFacts {
    /// Which one: `istanbul`, `qbft`, `raft`, `clique`, ...
    pub kind: String,
    /// Milliseconds between two blocks; 0 for one only when there are transactions.
    pub block_period_ms: u64,
    /// Milliseconds between two blocks of which the second is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty_block_period_ms: Option<u64>,
    /// Milliseconds until a round without a block is given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_timeout_ms: Option<u64>,
    /// Blocks after which pending votes are dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch_length: Option<u64>,
    /// Who proposes the next block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposer_policy: Option<ProposerPolicy>,
    /// With which of its identities a member takes part.
    pub identity: Identity,
    /// The first members by that identity, in the order of the extra data; none where membership is by number.
    pub members: Vec<String>,
    /// The block from which on it is QBFT, where it changes to that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qbft_from_block: Option<u64>,
    /// The founders' numbers by the public keys of their nodes, where membership is by number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub numbers: BTreeMap<String, u16>,
    /// Its fields of the genesis block.
    pub genesis: GenesisFields,
}

/// What the consensus says about a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsensusNode {
    /// Which consensus the node is set to: one for the whole chain.
    pub kind: String,
    /// Whether the genesis block, or the first list of members, names it.
    pub founder: bool,
    /// The number that the members gave to a node that joins them, where membership is by number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member_number: Option<u16>,
}

/// What the privacy manager says about the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PrivacyChain {
    /// Whether all of them know party protection and private state validation.
    pub privacy_enhancements: bool,
}

/// What the privacy manager says about a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PrivacyNode {
    /// The key by which private payloads are addressed to the node: 32 bytes in base64.
    pub public_key: String,
    /// The name of its socket on the volume that the stack declares for it.
    pub socket: String,
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

/// What a role gave about a subject, or nothing when no plugin fills it or it gave nothing.
pub fn optional<T: DeserializeOwned>(
    at: &At<'_>,
    subject: &str,
    role: &str,
) -> Result<Option<T>, Diagnostics> {
    if at.host.facts(subject, role).is_empty() {
        return Ok(None);
    }
    at.fact(subject, role).map(Some)
}

fn address() -> Value {
    json!({"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"})
}

fn hex(digits: &str) -> Value {
    json!({"type": "string", "pattern": format!("^0x[0-9a-f]{digits}$")})
}

fn milliseconds() -> Value {
    json!({"type": "integer", "minimum": 0, "description": "milliseconds"})
}

/// Schema of the facts of a role about a kind of subject; null for none. Other members are welcome.
pub fn schema(role: &str, kind: &str) -> Value {
    let (properties, required) = match (role, kind) {
        (crate::CLIENT, "node") => (
            json!({
                "nodeId": {"type": "string", "pattern": "^[0-9a-f]{128}$"},
                "nodeAddress": address(), "accountAddress": address(),
                "enode": {"type": "string", "pattern": "^enode://[0-9a-f]{128}@.+$"},
            }),
            json!(["enode", "nodeAddress", "nodeId"]),
        ),
        (crate::CLIENT, CHAIN) => (
            json!({
                "chainId": {"type": "integer", "minimum": 1}, "networkId": {"type": "integer", "minimum": 1},
                "genesisHash": hex("{64}"), "periodInGenesis": {"type": "boolean"},
                "privacyEnhancements": {"type": "boolean"},
                "membersMethod": {"type": "string"},
            }),
            json!(["chainId", "genesisHash", "networkId"]),
        ),
        (CONSENSUS, CHAIN) => (
            json!({
                "kind": {"type": "string", "pattern": "^[a-z][a-z0-9]*$"},
                "blockPeriodMs": milliseconds(), "emptyBlockPeriodMs": milliseconds(),
                "requestTimeoutMs": milliseconds(),
                "epochLength": {"type": "integer", "minimum": 1, "description": "blocks"},
                "qbftFromBlock": {"type": "integer", "minimum": 1},
                "proposerPolicy": {"enum": ["round-robin", "sticky"]},
                "identity": {"enum": ["node", "account", "number"]},
                "members": {"type": "array", "items": address()},
                "numbers": {
                    "type": "object",
                    "additionalProperties": {"type": "integer", "minimum": 1, "maximum": 65535},
                },
                "genesis": {
                    "type": "object", "required": ["difficulty", "extraData", "mixHash"],
                    "properties": {"difficulty": hex("+"), "mixHash": hex("{64}"), "extraData": hex("*")},
                },
            }),
            json!(["blockPeriodMs", "genesis", "identity", "kind", "members"]),
        ),
        (CONSENSUS, "node") => (
            json!({
                "kind": {"type": "string"}, "founder": {"type": "boolean"},
                "memberNumber": {"type": "integer", "minimum": 1, "maximum": 65535},
            }),
            json!(["founder", "kind"]),
        ),
        (PRIVACY, CHAIN) => (
            json!({"privacyEnhancements": {"type": "boolean"}}),
            json!(["privacyEnhancements"]),
        ),
        (PRIVACY, "node") => (
            json!({
                "publicKey": {"type": "string", "pattern": "^[0-9A-Za-z+/]{43}=$"},
                "socket": {"type": "string", "pattern": "^[a-z][a-z.]*$"},
            }),
            json!(["publicKey", "socket"]),
        ),
        _ => return Value::Null,
    };
    json!({"type": "object", "properties": properties, "required": required})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_written_with_sorted_keys_and_without_what_is_not_there() {
        let facts = ConsensusNode {
            kind: "raft".to_owned(),
            founder: true,
            member_number: None,
        };
        assert_eq!(text(&facts), r#"{"founder":true,"kind":"raft"}"#);
    }

    #[test]
    fn no_fact_is_spelled_like_a_flag() {
        for (role, kind) in [
            (crate::CLIENT, "node"),
            (crate::CLIENT, CHAIN),
            (CONSENSUS, CHAIN),
            (CONSENSUS, "node"),
            (PRIVACY, CHAIN),
            (PRIVACY, "node"),
        ] {
            let schema = schema(role, kind);
            assert_eq!(schema["type"], "object", "{role} {kind}");
            assert!(!schema.to_string().contains("--"), "{role} {kind}");
        }
        assert!(schema("explorer", CHAIN).is_null());
    }
}
