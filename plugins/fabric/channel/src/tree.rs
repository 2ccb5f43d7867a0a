//! From a [`Channel`] to the tree of its configuration.
//!
//! Keys, values and modification policies are those that `configtxgen` writes; everything is
//! changed by `Admins` of its own group, but what belongs to the orderers.

use std::collections::BTreeMap;

use fabric_proto::Message;
use fabric_proto::configuration::{
    Acls, AnchorPeers, ApiResource, BlockDataHashingStructure, Capabilities, Capability,
    ConfigGroup, ConfigPolicy, ConfigValue, Consortium, HashingAlgorithm, OrdererAddresses,
};
use fabric_proto::policies::Policy;

use crate::model::{
    self, Channel, Organization, Policies, Release, application_organization_policies,
    application_policies, channel_policies, orderer_organization_policies,
};
use crate::policy::{self, PolicyError};

mod msp;
mod orderer;

pub use msp::{msp_config, msp_model};
pub use orderer::{bft_block_validation, bft_mapping, bft_quorum, consensus_values, raft_metadata};

/// Name of the root group in paths.
pub const CHANNEL: &str = "Channel";
/// Key of the group of the orderers.
pub const ORDERER: &str = "Orderer";
/// Key of the group of the peers.
pub const APPLICATION: &str = "Application";
/// Key of the group of the consortiums.
pub const CONSORTIUMS: &str = "Consortiums";
/// The usual modification policy.
pub const ADMINS: &str = "Admins";
/// Modification policy of what belongs to the orderers but stands elsewhere.
pub const ORDERER_ADMINS: &str = "/Channel/Orderer/Admins";

/// Why a channel cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// A policy's text is not one.
    #[error("policy {path}/{name} is not one")]
    Policy {
        /// Path of the group.
        path: String,
        /// Name of the policy.
        name: String,
        /// Why not.
        #[source]
        source: PolicyError,
    },
    /// Two organisations would get the same group.
    #[error("group {path} has two organisations `{name}`, expected different names")]
    Duplicate {
        /// Path of the group.
        path: String,
        /// The name.
        name: String,
    },
    /// The channel says nothing about orderers.
    #[error("channel `{channel}` has no orderer section, expected one in a genesis block")]
    NoOrderer {
        /// Name of the channel.
        channel: String,
    },
}

/// A value that `mod_policy` guards.
pub fn value<M: Message>(message: &M, mod_policy: &str) -> ConfigValue {
    ConfigValue {
        value: message.encode_to_vec(),
        mod_policy: mod_policy.to_owned(),
        ..ConfigValue::default()
    }
}

/// A policy that `Admins` guard.
pub fn guarded(policy: Policy) -> ConfigPolicy {
    ConfigPolicy {
        version: 0,
        policy: Some(policy),
        mod_policy: ADMINS.to_owned(),
    }
}

/// Policies of a group: the custom, and what differs from it.
fn policies(
    path: &str,
    custom: Policies,
    own: &Policies,
) -> Result<BTreeMap<String, ConfigPolicy>, TreeError> {
    let mut all = custom;
    all.extend(own.clone());
    all.into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| match policy::parse(&text) {
            Ok(policy) => Ok((name, guarded(policy))),
            Err(source) => Err(TreeError::Policy {
                path: path.to_owned(),
                name,
                source,
            }),
        })
        .collect()
}

/// Value `Capabilities`.
pub fn capabilities<S: AsRef<str>>(names: &[S]) -> ConfigValue {
    let message = Capabilities {
        capabilities: names
            .iter()
            .map(|name| (name.as_ref().to_owned(), Capability {}))
            .collect(),
    };
    value(&message, ADMINS)
}

fn insert_capabilities(group: &mut ConfigGroup, given: Option<&Vec<String>>, custom: &str) {
    let names = match given {
        Some(names) => names.clone(),
        None => vec![custom.to_owned()],
    };
    // No names, no value: that is how a channel without capabilities looks.
    if !names.is_empty() {
        group
            .values
            .insert("Capabilities".to_owned(), capabilities(&names));
    }
}

/// Value `Endpoints` or `OrdererAddresses`.
pub fn addresses(all: &[String], mod_policy: &str) -> ConfigValue {
    let message = OrdererAddresses {
        addresses: all.to_vec(),
    };
    value(&message, mod_policy)
}

/// Value `AnchorPeers`.
pub fn anchor_peers(all: &[model::AnchorPeer]) -> ConfigValue {
    let message = AnchorPeers {
        anchor_peers: all
            .iter()
            .map(|peer| fabric_proto::configuration::AnchorPeer {
                host: peer.host.clone(),
                port: i32::from(peer.port),
            })
            .collect(),
    };
    value(&message, ADMINS)
}

fn empty_group() -> ConfigGroup {
    ConfigGroup {
        mod_policy: ADMINS.to_owned(),
        ..ConfigGroup::default()
    }
}

/// Group of an organisation under `Orderer`.
pub fn orderer_organization(organization: &Organization) -> Result<ConfigGroup, TreeError> {
    let path = format!("/{CHANNEL}/{ORDERER}/{}", organization.name);
    let mut own = organization.policies.clone();
    // Endorsement is a matter of peers.
    own.remove("Endorsement");
    let mut group = empty_group();
    group.policies = policies(&path, orderer_organization_policies(organization), &own)?;
    group
        .values
        .insert("MSP".to_owned(), value(&msp_config(organization), ADMINS));
    if !organization.endpoints.is_empty() {
        group.values.insert(
            "Endpoints".to_owned(),
            addresses(&organization.endpoints, ADMINS),
        );
    }
    Ok(group)
}

/// Group of an organisation under `Application`.
pub fn application_organization(
    release: Release,
    organization: &Organization,
) -> Result<ConfigGroup, TreeError> {
    let path = format!("/{CHANNEL}/{APPLICATION}/{}", organization.name);
    let mut group = consortium_organization(release, organization, &path)?;
    if !organization.anchor_peers.is_empty() {
        group.values.insert(
            "AnchorPeers".to_owned(),
            anchor_peers(&organization.anchor_peers),
        );
    }
    Ok(group)
}

/// Group of an organisation in a consortium: as under `Application`, without anchor peers.
fn consortium_organization(
    release: Release,
    organization: &Organization,
    path: &str,
) -> Result<ConfigGroup, TreeError> {
    let mut group = empty_group();
    group.policies = policies(
        path,
        application_organization_policies(release, organization),
        &organization.policies,
    )?;
    group
        .values
        .insert("MSP".to_owned(), value(&msp_config(organization), ADMINS));
    Ok(group)
}

fn insert(
    group: &mut ConfigGroup,
    path: &str,
    name: &str,
    below: ConfigGroup,
) -> Result<(), TreeError> {
    match group.groups.insert(name.to_owned(), below) {
        None => Ok(()),
        Some(_) => Err(TreeError::Duplicate {
            path: path.to_owned(),
            name: name.to_owned(),
        }),
    }
}

/// Group `Application` of a channel.
pub fn application_group(channel: &Channel) -> Result<ConfigGroup, TreeError> {
    let path = format!("/{CHANNEL}/{APPLICATION}");
    let application = &channel.application;
    let mut group = empty_group();
    group.policies = policies(
        &path,
        application_policies(channel.release),
        &application.policies,
    )?;
    insert_capabilities(
        &mut group,
        application.capabilities.as_ref(),
        channel.release.application_capability(),
    );
    if !application.acls.is_empty() {
        let acls = Acls {
            acls: application
                .acls
                .iter()
                .map(|(call, policy)| {
                    let resource = ApiResource {
                        policy_ref: policy.clone(),
                    };
                    (call.clone(), resource)
                })
                .collect(),
        };
        group.values.insert("ACLs".to_owned(), value(&acls, ADMINS));
    }
    for organization in channel.application_organizations() {
        let below = application_organization(channel.release, organization)?;
        insert(&mut group, &path, &organization.name, below)?;
    }
    Ok(group)
}

fn consortiums_group(channel: &Channel) -> Result<ConfigGroup, TreeError> {
    let by_orderers = |group: &mut ConfigGroup| ORDERER_ADMINS.clone_into(&mut group.mod_policy);
    let mut group = empty_group();
    by_orderers(&mut group);
    // Anyone satisfies it: there is no group below that could be asked.
    let anyone = ConfigPolicy {
        mod_policy: ORDERER_ADMINS.to_owned(),
        ..guarded(parse_own(CONSORTIUMS, "Admins", "OutOf(0)")?)
    };
    group.policies.insert(ADMINS.to_owned(), anyone);
    for (name, organizations) in &channel.consortiums {
        let path = format!("/{CHANNEL}/{CONSORTIUMS}/{name}");
        let mut consortium = empty_group();
        by_orderers(&mut consortium);
        let creation = parse_own(&path, "ChannelCreationPolicy", "ANY Admins")?;
        consortium.values.insert(
            "ChannelCreationPolicy".to_owned(),
            value(&creation, ORDERER_ADMINS),
        );
        for organization in organizations {
            let below = consortium_organization(
                channel.release,
                organization,
                &format!("{path}/{}", organization.name),
            )?;
            insert(&mut consortium, &path, &organization.name, below)?;
        }
        group.groups.insert(name.clone(), consortium);
    }
    Ok(group)
}

fn parse_own(path: &str, name: &str, text: &str) -> Result<Policy, TreeError> {
    policy::parse(text).map_err(|source| TreeError::Policy {
        path: path.to_owned(),
        name: name.to_owned(),
        source,
    })
}

/// The whole tree of a channel; without group `Orderer` when the channel says nothing of orderers,
/// and without `Application` in a system channel that no organisation's peers are in.
pub fn channel_group(channel: &Channel) -> Result<ConfigGroup, TreeError> {
    let mut root = empty_group();
    root.policies = policies(
        &format!("/{CHANNEL}"),
        channel_policies(),
        &channel.policies,
    )?;
    let hashing = HashingAlgorithm {
        name: "SHA256".to_owned(),
    };
    let structure = BlockDataHashingStructure { width: u32::MAX };
    root.values
        .insert("HashingAlgorithm".to_owned(), value(&hashing, ADMINS));
    root.values.insert(
        "BlockDataHashingStructure".to_owned(),
        value(&structure, ADMINS),
    );
    insert_capabilities(
        &mut root,
        channel.capabilities.as_ref(),
        channel.release.channel_capability(),
    );
    if let Some(name) = &channel.consortium {
        let consortium = Consortium { name: name.clone() };
        root.values
            .insert("Consortium".to_owned(), value(&consortium, ADMINS));
    }
    if let Some(orderer) = &channel.orderer {
        if !orderer.addresses.is_empty() {
            root.values.insert(
                "OrdererAddresses".to_owned(),
                addresses(&orderer.addresses, ORDERER_ADMINS),
            );
        }
        let group = orderer::orderer_group(channel, orderer)?;
        root.groups.insert(ORDERER.to_owned(), group);
    }
    if !channel.is_system() || channel.application_organizations().next().is_some() {
        root.groups
            .insert(APPLICATION.to_owned(), application_group(channel)?);
    }
    if channel.is_system() {
        root.groups
            .insert(CONSORTIUMS.to_owned(), consortiums_group(channel)?);
    }
    Ok(root)
}
