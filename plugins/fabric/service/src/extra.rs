//! What the stack says about a subject in its `extra`, for all plugins of the stack to read.

use chain_plugin_sdk::{Diagnostics, Subject};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

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
    pub policies: std::collections::BTreeMap<String, String>,
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
