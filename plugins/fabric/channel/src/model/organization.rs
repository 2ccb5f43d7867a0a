//! Organisations of a channel, and their membership providers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Policies;

/// What an organisation runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OrganizationRole {
    /// Orderers.
    Orderer,
    /// Peers.
    Application,
    /// Both; it then stands in both groups.
    Both,
}

impl OrganizationRole {
    /// Whether it runs orderers.
    pub fn has_orderer(self) -> bool {
        self != Self::Application
    }

    /// Whether it runs peers.
    pub fn has_application(self) -> bool {
        self != Self::Orderer
    }
}

/// An organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Organization {
    /// Key of its group; need not be the MSP ID, but often is.
    pub name: String,
    /// Identifier of its membership provider: letters, digits, `.` and `-`.
    pub msp_id: String,
    /// What it runs.
    pub role: OrganizationRole,
    /// Its certificates.
    pub msp: Msp,
    /// Addresses of its orderers, `host:port`; from channel capability `V1_4_2` on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<String>,
    /// Peers that other organisations gossip with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub anchor_peers: Vec<AnchorPeer>,
    /// Policies that differ from the custom of the release.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub policies: Policies,
}

/// A peer that other organisations gossip with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnchorPeer {
    /// Name to dial.
    pub host: String,
    /// Port to dial.
    pub port: u16,
}

/// A verifying membership provider: certificates, no keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Msp {
    /// Roots of identities.
    pub root_certs: Vec<String>,
    /// Intermediate authorities of identities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intermediate_certs: Vec<String>,
    /// Administrators; needed without a unit of administrators.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub admins: Vec<String>,
    /// Lists of revoked certificates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revocation_list: Vec<String>,
    /// Units that every identity must be of one of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub organizational_units: Vec<OrganizationalUnit>,
    /// Roots of TLS certificates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tls_root_certs: Vec<String>,
    /// Intermediate authorities of TLS certificates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tls_intermediate_certs: Vec<String>,
    /// Units that tell roles apart; absent when administrators are listed instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_ous: Option<NodeOus>,
}

/// Units that tell roles apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NodeOus {
    /// Whether they are looked at.
    pub enable: bool,
    /// Unit of clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<OrganizationalUnit>,
    /// Unit of peers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<OrganizationalUnit>,
    /// Unit of administrators; looked at from channel capability `V1_4_3` on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin: Option<OrganizationalUnit>,
    /// Unit of orderers; looked at from channel capability `V1_4_3` on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orderer: Option<OrganizationalUnit>,
}

impl NodeOus {
    /// The units `client`, `peer`, `admin` and `orderer`, certified by `authority` (PEM), or by any
    /// authority of the provider.
    pub fn usual(authority: Option<&str>) -> Self {
        let unit = |name: &str| {
            Some(OrganizationalUnit {
                certificate: authority.unwrap_or_default().to_owned(),
                unit: name.to_owned(),
            })
        };
        Self {
            enable: true,
            client: unit("client"),
            peer: unit("peer"),
            admin: unit("admin"),
            orderer: unit("orderer"),
        }
    }
}

/// An organisational unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrganizationalUnit {
    /// PEM certificate of the authority that may certify it; empty for any of the provider.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub certificate: String,
    /// Value of `OU`.
    pub unit: String,
}
