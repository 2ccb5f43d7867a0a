//! What the stack says about a subject in its `extra`, for all plugins of the stack to read.

use std::collections::BTreeMap;

use chain_plugin_sdk::{Diagnostics, Subject};
use fabric_transaction::package;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::fault::refuse;
use crate::{Network, kind};

/// About an organisation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Org {
    /// Its name in channels: `Org1MSP`.
    pub msp_id: String,
    /// The domain of its names and certificates: `org1`. A peer is `peer0.org1`, its CA `ca.org1`.
    pub domain: String,
    /// Whether it orders.
    pub ordering: bool,
    /// Whether it has peers, and so is a member of channels.
    pub application: bool,
    /// Whether roles stand in certificates; without, an administrator is known by certificate.
    pub node_ous: bool,
    /// Subject fields of its certificates; cryptogen's defaults where empty.
    pub country: String,
    /// Province or state.
    pub province: String,
    /// Locality.
    pub locality: String,
}

/// About an orderer or a peer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Node {
    /// Its name in certificates and its address in the cluster: `peer0.org1`, which is Service and namespace.
    pub host: String,
    /// Further names of its TLS certificate.
    pub sans: Vec<String>,
    /// Whether others of the channel know its organisation by it.
    pub anchor: bool,
}

/// About a user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct User {
    /// `admin` or `client`.
    pub role: String,
}

/// About a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Channel {
    /// Ids of the organisations with peers in it.
    pub orgs: Vec<String>,
    /// Ids of the organisations that order.
    pub ordering: Vec<String>,
    /// Policies that differ from the usual ones, by name: `Endorsement: "MAJORITY Endorsement"`.
    pub policies: BTreeMap<String, String>,
}

/// About a chaincode.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Chaincode {
    /// Its name in the channel.
    pub name: String,
    /// Id of its channel.
    pub channel: String,
    /// Version of its definition.
    pub version: String,
    /// Image of its pods.
    pub image: String,
    /// Who must endorse: `OR('Org1MSP.peer','Org2MSP.peer')`; the channel's policy when empty.
    pub policy: String,
    /// Whether its first transaction must be its initialisation.
    pub init_required: bool,
    /// Arguments of that, or of its instantiation in 1.4.
    pub init_args: Vec<String>,
    /// Its collections of private data.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub collections: Vec<Collection>,
    /// Indexes over its public state, by the names of their files without `.json`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub indexes: BTreeMap<String, Value>,
}

impl Chaincode {
    /// All its indexes, those of its collections too, as its package has them.
    pub fn packaged_indexes(&self) -> Vec<Index> {
        let of = |collection: Option<&Collection>, all: &BTreeMap<String, Value>| {
            let index = |(name, definition): (&String, &Value)| Index {
                collection: collection.map(|it| it.name.clone()),
                name: format!("{name}.json"),
                definition: definition.clone(),
            };
            all.iter().map(index).collect::<Vec<_>>()
        };
        let mut all = of(None, &self.indexes);
        for collection in &self.collections {
            all.extend(of(Some(collection), &collection.indexes));
        }
        all
    }
}

/// A collection of private data, by the names of the file that `--collections-config` of `peer` reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Collection {
    /// Its name.
    pub name: String,
    /// Whose peers hold the data: a policy over signatures, `OR('Org1MSP.member')`.
    pub policy: String,
    /// How many peers must have the data before an endorser answers.
    pub required_peer_count: i32,
    /// To how many an endorser sends it at most.
    pub max_peer_count: i32,
    /// After how many blocks peers forget it; 0 for never.
    pub block_to_live: u64,
    /// Whether only clients of members may read.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub member_only_read: bool,
    /// Whether only clients of members may write.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub member_only_write: bool,
    /// Who must endorse what is written; as the chaincode says when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endorsement_policy: Option<CollectionEndorsement>,
    /// Indexes over it, by the names of their files without `.json`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub indexes: BTreeMap<String, Value>,
}

impl Default for Collection {
    /// The counts that `peer` takes when its file says none.
    fn default() -> Self {
        Self {
            name: String::new(),
            policy: String::new(),
            required_peer_count: 0,
            max_peer_count: 1,
            block_to_live: 0,
            member_only_read: false,
            member_only_write: false,
            endorsement_policy: None,
            indexes: BTreeMap::new(),
        }
    }
}

/// Who must endorse what is written into a collection: one of the two.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct CollectionEndorsement {
    /// A policy over signatures.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub signature_policy: String,
    /// A policy of the channel.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub channel_config_policy: String,
}

/// A file in a package, out of which a peer makes an index in `CouchDB`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// The collection that it is over; none for the public state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<String>,
    /// Name of the file.
    pub name: String,
    /// What stands in it.
    pub definition: Value,
}

impl From<&Index> for package::Index {
    fn from(said: &Index) -> Self {
        Self::new(said.collection.as_deref(), &said.name, &said.definition)
    }
}

/// About the pod of a chaincode.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Server {
    /// Id of the chaincode.
    pub chaincode: String,
    /// Image.
    pub image: String,
    /// Label of its package: `basic_1.0`.
    pub label: String,
    /// What peers dial: `basic:9999`.
    pub address: String,
    /// Indexes in its package.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<Index>,
}

/// The `extra` of a subject.
pub fn of<T: DeserializeOwned>(subject: &Subject) -> Result<T, Diagnostics> {
    serde_json::from_str(&subject.extra).map_err(|fault| {
        let message = format!(
            "what the stack says about {} does not fit: {fault}",
            subject.id
        );
        refuse("extra", "", message)
    })
}

/// Ids of the administrators of an organisation, as [`identity`](crate::container::identity) wants them where roles do
/// not stand in certificates.
pub fn administrators<'a>(network: &'a Network, org: &str) -> Result<Vec<&'a str>, Diagnostics> {
    let mut all = Vec::new();
    for user in network.of_kind(kind::USER) {
        if user.parent.as_deref() == Some(org) && of::<User>(user)?.role == "admin" {
            all.push(user.id.as_str());
        }
    }
    Ok(all)
}
