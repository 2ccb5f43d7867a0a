//! What the user says about organisations, channels and chaincodes in chain.yaml or by flags.

use std::collections::BTreeMap;

use chain_plugin_sdk::Diagnostics;
use chain_plugin_sdk::spec::ExpandSpec;
use fabric_service::extra::Collection;
use fabric_service::fault::{refuse, refuse_with};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Keys under `spec` that the stack reads.
pub mod key {
    /// Organisations: how many, or a list of [`Org`](super::Org).
    pub const ORGS: &str = "orgs";
    /// How many orderers an ordering organisation has that does not say.
    pub const ORDERERS: &str = "orderers";
    /// How many peers an organisation has that does not say.
    pub const PEERS: &str = "peers";
    /// How many users beside the administrator an organisation has that does not say.
    pub const USERS: &str = "users";
    /// Channels: a list of [`Channel`](super::Channel).
    pub const CHANNELS: &str = "channels";
    /// Chaincodes: a list of [`Chaincode`](super::Chaincode).
    pub const CHAINCODES: &str = "chaincodes";
    /// How many brokers there are.
    pub const KAFKAS: &str = "kafkas";
    /// How many members their ensemble has.
    pub const ZOOKEEPERS: &str = "zookeepers";
}

/// A number, or a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Several<T> {
    /// That many.
    Count(u32),
    /// These.
    List(Vec<T>),
}

/// An organisation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Org {
    /// Its name: a DNS label, and its namespace unless said otherwise.
    pub name: String,
    /// Its name in channels; `Org1MSP` for `org1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub msp_id: Option<String>,
    /// Its namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The domain in its certificates; that of its namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Whether it orders.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ordering: bool,
    /// Its orderers, when it orders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orderers: Option<Several<Node>>,
    /// Its peers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peers: Option<Several<Node>>,
    /// Its users beside the administrator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users: Option<Several<String>>,
    /// Whether roles stand in its certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_ous: Option<bool>,
    /// Subject fields of its certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Province or state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub province: Option<String>,
    /// Locality.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locality: Option<String>,
}

/// An orderer or a peer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Node {
    /// Its name in the organisation: `peer0`.
    pub name: String,
    /// Further names of its TLS certificate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sans: Vec<String>,
    /// Whether other organisations know its own by it; the first peer is when none says so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub anchor: bool,
    /// Address at which others reach it from outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

/// A channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Channel {
    /// Its name.
    pub name: String,
    /// Organisations with peers in it; all when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub orgs: Vec<String>,
    /// Policies of the channel that differ from the usual ones, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub policies: BTreeMap<String, String>,
}

/// A chaincode.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Chaincode {
    /// Its name in the channel.
    pub name: String,
    /// Image of its pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Its channel; the only one when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// Version of its definition, `1.0` at first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Who must endorse, as a signature policy; as the channel says when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Whether its first transaction must be its initialisation.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub init_required: bool,
    /// Arguments of its initialisation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub init_args: Vec<String>,
    /// Its collections of private data.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub collections: Vec<Collection>,
    /// Indexes for `CouchDB` over its public state, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub indexes: BTreeMap<String, Value>,
}

/// What stands under a key: entries, or as many of them as a number says. Nothing when the key is absent.
pub fn list<T: DeserializeOwned>(
    spec: &ExpandSpec,
    key: &str,
    numbered: impl Fn(u32) -> T,
) -> Result<Option<Vec<T>>, Diagnostics> {
    match spec.kinds.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(_)) => {
            let count = count(spec, key)?.unwrap_or(0);
            Ok(Some((0..count).map(numbered).collect()))
        }
        Some(Value::Array(entries)) => {
            let entries = entries.iter().enumerate().map(|(index, entry)| {
                serde_json::from_value(entry.clone()).map_err(|fault| {
                    let path = format!("/{key}/{index}");
                    refuse(key, &path, format!("{key}: {fault}"))
                })
            });
            entries.collect::<Result<_, _>>().map(Some)
        }
        Some(_) => Err(refuse(
            key,
            &format!("/{key}"),
            format!("{key}: a list is expected"),
        )),
    }
}

/// Most nodes of one kind in an organisation.
const MOST: u64 = 1000;

/// The number under a key; a list of one entry whose name is a number is how a flag may spell it.
pub fn count(spec: &ExpandSpec, key: &str) -> Result<Option<u32>, Diagnostics> {
    match spec.kinds.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64() {
            Some(number) if number <= MOST => Ok(u32::try_from(number).ok()),
            _ => Err(refuse_with(
                key,
                &format!("/{key}"),
                format!("{key}: a number from 0 to {MOST} is expected"),
                format!("nodes that differ are listed in their organisation: `orgs[].{key}`"),
            )),
        },
    }
}
