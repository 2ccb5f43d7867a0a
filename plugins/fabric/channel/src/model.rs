//! What a channel is, in plain structures: what a user would have to say to get it.
//!
//! Whatever a release has a custom for (capabilities, policies, timings) may be left out. Policies
//! are texts, see [`policy`](crate::policy); a text given here replaces the custom for that name,
//! and an empty text leaves the policy out. Certificates are whole PEM texts, last line break
//! included, since they go into the block as they are.

mod defaults;
mod orderer;
mod organization;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use defaults::{
    application_organization_policies, application_policies, channel_policies,
    orderer_organization_policies, orderer_policies,
};
pub use orderer::{
    BatchSize, BftConsenter, BftOptions, Consensus, Orderer, RaftConsenter, RaftOptions,
};
pub use organization::{
    AnchorPeer, Msp, NodeOus, Organization, OrganizationRole, OrganizationalUnit,
};

/// Policies by name, as texts.
pub type Policies = BTreeMap<String, String>;

/// A line of releases; decides customs and the form of the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Release {
    /// 1.4.x: the last one whose channels only come from a system channel.
    #[serde(rename = "1.4")]
    V1_4,
    /// 2.2.x.
    #[serde(rename = "2.2")]
    V2_2,
    /// 2.5.x.
    #[serde(rename = "2.5")]
    V2_5,
    /// 3.x: no solo, no Kafka, no system channel; has BFT.
    #[serde(rename = "3.1")]
    V3_1,
}

/// A channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Channel {
    /// Name of the channel, see [`check_channel_id`](crate::lint::check_channel_id).
    pub id: String,
    /// The oldest release among its nodes.
    pub release: Release,
    /// Organisations of the orderers and of the peers.
    #[serde(default)]
    pub organizations: Vec<Organization>,
    /// How transactions are ordered; absent in the description of a `channel.tx`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orderer: Option<Orderer>,
    /// Rules for the peers.
    #[serde(default)]
    pub application: Application,
    /// Capabilities of the root group; absent for the custom of the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<String>>,
    /// Policies of the root group that differ from [`channel_policies`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub policies: Policies,
    /// Consortium that an application channel was made from (release 1.4, or a system channel).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consortium: Option<String>,
    /// Consortiums, by name: a channel that has some is a system channel.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub consortiums: BTreeMap<String, Vec<Organization>>,
}

/// Rules for the peers of a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Application {
    /// Capabilities; absent for the custom of the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<String>>,
    /// Policies that differ from [`application_policies`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub policies: Policies,
    /// Access rules: path of a policy, by the name of the call, such as `peer/Propose`. What is not
    /// named here follows the node's own defaults.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub acls: BTreeMap<String, String>,
}

impl Channel {
    /// Whether this is a system channel: one that holds consortiums instead of peers.
    pub fn is_system(&self) -> bool {
        !self.consortiums.is_empty()
    }

    /// Organisations whose peers take part.
    pub fn application_organizations(&self) -> impl Iterator<Item = &Organization> {
        self.organizations
            .iter()
            .filter(|organization| organization.role.has_application())
    }

    /// Organisations that run orderers.
    pub fn orderer_organizations(&self) -> impl Iterator<Item = &Organization> {
        self.organizations
            .iter()
            .filter(|organization| organization.role.has_orderer())
    }
}
