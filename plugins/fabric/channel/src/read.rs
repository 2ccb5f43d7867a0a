//! From the tree of a channel back to a [`Channel`].
//!
//! What follows the custom of the release is left out of the answer, so that a channel that was made
//! from a short description reads back as a short one. Versions and modification policies are not
//! part of a description and are lost.

use std::collections::BTreeMap;

use fabric_proto::Message;
use fabric_proto::configuration::{
    Acls, AnchorPeers, BatchSize, BatchTimeout, Capabilities, ChannelRestrictions, ConfigGroup,
    ConfigPolicy, Consortium, OrdererAddresses,
};
use fabric_proto::msp::{FabricMspConfig, MSP_TYPE_FABRIC, MspConfig};
use fabric_proto::prost::DecodeError;

use crate::model::{
    self, AnchorPeer, Application, Channel, Consensus, Orderer, Organization, OrganizationRole,
    Policies, Release, application_organization_policies, application_policies, channel_policies,
    orderer_organization_policies, orderer_policies,
};
use crate::policy::{self, PolicyError};
use crate::tree::{APPLICATION, CHANNEL, CONSORTIUMS, ORDERER, bft_block_validation, msp_model};

mod consensus;

/// Why a tree is not one that a description can say.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A value does not decode.
    #[error("value {path} does not decode as {kind}")]
    Decode {
        /// Path of the value.
        path: String,
        /// The message expected.
        kind: &'static str,
        /// Why not.
        #[source]
        source: DecodeError,
    },
    /// A value that must be there is not.
    #[error("value {path} is missing")]
    Missing {
        /// Path of the value.
        path: String,
    },
    /// A value holds what a description cannot say.
    #[error("value {path}: {found}, expected {expected}")]
    Unknown {
        /// Path of the value.
        path: String,
        /// What it holds.
        found: String,
        /// What would do.
        expected: &'static str,
    },
    /// A policy has no text.
    #[error("policy {path} cannot be read")]
    Policy {
        /// Path of the policy.
        path: String,
        /// Why not.
        #[source]
        source: PolicyError,
    },
    /// An organisation differs between the groups that it stands in.
    #[error("organisation `{name}` has another {what} under Orderer than under Application")]
    Differs {
        /// Its name.
        name: String,
        /// What differs.
        what: &'static str,
    },
}

/// Decodes a value of `group`; none if it is not there.
pub(crate) fn optional<M: Message + Default>(
    group: &ConfigGroup,
    path: &str,
    name: &str,
    kind: &'static str,
) -> Result<Option<M>, ReadError> {
    let Some(value) = group.values.get(name) else {
        return Ok(None);
    };
    M::decode(value.value.as_slice())
        .map(Some)
        .map_err(|source| ReadError::Decode {
            path: format!("{path}/{name}"),
            kind,
            source,
        })
}

/// Decodes a value of `group` that must be there.
fn required<M: Message + Default>(
    group: &ConfigGroup,
    path: &str,
    name: &str,
    kind: &'static str,
) -> Result<M, ReadError> {
    optional(group, path, name, kind)?.ok_or_else(|| ReadError::Missing {
        path: format!("{path}/{name}"),
    })
}

/// The policies of a group that differ from the custom; a missing one is an empty text.
fn policies(
    path: &str,
    found: &BTreeMap<String, ConfigPolicy>,
    custom: &Policies,
) -> Result<Policies, ReadError> {
    let mut own: Policies = custom
        .keys()
        .filter(|name| !found.contains_key(*name))
        .map(|name| (name.clone(), String::new()))
        .collect();
    for (name, policy) in found {
        let fault = |source| ReadError::Policy {
            path: format!("{path}/{name}"),
            source,
        };
        let encoded = policy.policy.clone().unwrap_or_default();
        let usual = custom.get(name).and_then(|text| policy::parse(text).ok());
        if usual.as_ref() != Some(&encoded) {
            own.insert(name.clone(), policy::to_text(&encoded).map_err(fault)?);
        }
    }
    Ok(own)
}

/// Names of the capabilities of a group.
pub fn capability_names(group: &ConfigGroup) -> Vec<String> {
    group
        .values
        .get("Capabilities")
        .and_then(|value| Capabilities::decode(value.value.as_slice()).ok())
        .map(|value| value.capabilities.into_keys().collect())
        .unwrap_or_default()
}

fn own_capabilities(group: &ConfigGroup, custom: &str) -> Option<Vec<String>> {
    let names = capability_names(group);
    (names != [custom]).then_some(names)
}

/// The oldest release that knows all capabilities of a channel, as far as they tell.
pub fn release_of(root: &ConfigGroup) -> Release {
    let names = |group: Option<&ConfigGroup>| group.map(capability_names).unwrap_or_default();
    let channel = names(Some(root));
    let orderer = names(root.groups.get(ORDERER));
    let application = names(root.groups.get(APPLICATION));
    let has = |all: &[String], name: &str| all.iter().any(|one| one == name);
    if has(&channel, "V3_0") {
        Release::V3_1
    } else if has(&application, "V2_5") {
        Release::V2_5
    } else if [&channel, &orderer, &application]
        .iter()
        .any(|all| has(all, "V2_0"))
    {
        Release::V2_2
    } else {
        Release::V1_4
    }
}

/// The description of a channel with this tree.
///
/// Building it again gives the same tree, but for versions and modification policies, and for values
/// that no description can have (those of another name than Fabric's).
pub fn channel_model(id: &str, root: &ConfigGroup) -> Result<Channel, ReadError> {
    let path = format!("/{CHANNEL}");
    let release = release_of(root);
    let mut organizations: Vec<Organization> = Vec::new();
    let orderer = match root.groups.get(ORDERER) {
        None => None,
        Some(group) => {
            let path = format!("{path}/{ORDERER}");
            for (name, group) in &group.groups {
                let path = format!("{path}/{name}");
                let mut found = organization(&path, name, group, OrganizationRole::Orderer)?;
                let custom = orderer_organization_policies(&found);
                found.policies = policies(&path, &group.policies, &custom)?;
                organizations.push(found);
            }
            Some(orderer(root, group, &path, release)?)
        }
    };
    let mut application = Application::default();
    if let Some(group) = root.groups.get(APPLICATION) {
        let path = format!("{path}/{APPLICATION}");
        application.capabilities = own_capabilities(group, release.application_capability());
        application.policies = policies(&path, &group.policies, &application_policies(release))?;
        if let Some(acls) = optional::<Acls>(group, &path, "ACLs", "ACLs")? {
            application.acls = acls
                .acls
                .into_iter()
                .map(|(call, resource)| (call, resource.policy_ref))
                .collect();
        }
        for (name, group) in &group.groups {
            let found = peer_organization(&format!("{path}/{name}"), name, group, release)?;
            join(&mut organizations, found, release, group, root)?;
        }
    }
    let mut consortiums = BTreeMap::new();
    if let Some(group) = root.groups.get(CONSORTIUMS) {
        for (name, group) in &group.groups {
            let path = format!("{path}/{CONSORTIUMS}/{name}");
            let members = group
                .groups
                .iter()
                .map(|(name, group)| {
                    peer_organization(&format!("{path}/{name}"), name, group, release)
                })
                .collect::<Result<Vec<_>, _>>()?;
            consortiums.insert(name.clone(), members);
        }
    }
    Ok(Channel {
        id: id.to_owned(),
        release,
        organizations,
        orderer,
        application,
        capabilities: own_capabilities(root, release.channel_capability()),
        policies: policies(&path, &root.policies, &channel_policies())?,
        consortium: optional::<Consortium>(root, &path, "Consortium", "Consortium")?
            .map(|consortium| consortium.name),
        consortiums,
    })
}

fn peer_organization(
    path: &str,
    name: &str,
    group: &ConfigGroup,
    release: Release,
) -> Result<Organization, ReadError> {
    let mut found = organization(path, name, group, OrganizationRole::Application)?;
    let custom = application_organization_policies(release, &found);
    found.policies = policies(path, &group.policies, &custom)?;
    Ok(found)
}

/// Adds an organisation with peers; one that also has orderers becomes one with both.
fn join(
    organizations: &mut Vec<Organization>,
    found: Organization,
    release: Release,
    group: &ConfigGroup,
    root: &ConfigGroup,
) -> Result<(), ReadError> {
    let Some(known) = organizations
        .iter_mut()
        .find(|organization| organization.name == found.name)
    else {
        organizations.push(found);
        return Ok(());
    };
    let differs = |what| ReadError::Differs {
        name: found.name.clone(),
        what,
    };
    if known.msp_id != found.msp_id || known.msp != found.msp {
        return Err(differs("membership provider"));
    }
    // The description has one set of policies for both groups.
    let other = root
        .groups
        .get(ORDERER)
        .and_then(|orderer| orderer.groups.get(&found.name));
    for (name, policy) in &group.policies {
        let there = other.and_then(|group| group.policies.get(name));
        let usual = policy::parse(
            application_organization_policies(release, &found)
                .get(name)
                .map_or("", String::as_str),
        )
        .ok();
        if there.is_some_and(|there| there.policy != policy.policy) && usual != policy.policy {
            return Err(differs("policy"));
        }
    }
    let mut own = found.policies;
    own.extend(known.policies.clone());
    known.policies = own;
    known.role = OrganizationRole::Both;
    known.anchor_peers = found.anchor_peers;
    Ok(())
}

/// What every organisation's group says; policies are left for the caller.
fn organization(
    path: &str,
    name: &str,
    group: &ConfigGroup,
    role: OrganizationRole,
) -> Result<Organization, ReadError> {
    let config: MspConfig = required(group, path, "MSP", "MSPConfig")?;
    if config.r#type != MSP_TYPE_FABRIC {
        return Err(ReadError::Unknown {
            path: format!("{path}/MSP"),
            found: format!("type {}", config.r#type),
            expected: "type 0 (X.509)",
        });
    }
    let msp =
        FabricMspConfig::decode(config.config.as_slice()).map_err(|source| ReadError::Decode {
            path: format!("{path}/MSP"),
            kind: "FabricMSPConfig",
            source,
        })?;
    let anchors: AnchorPeers =
        optional(group, path, "AnchorPeers", "AnchorPeers")?.unwrap_or_default();
    let anchor_peers = anchors
        .anchor_peers
        .into_iter()
        .map(|peer| {
            Ok(AnchorPeer {
                port: port(peer.port, &format!("{path}/AnchorPeers"))?,
                host: peer.host,
            })
        })
        .collect::<Result<_, ReadError>>()?;
    let endpoints: OrdererAddresses =
        optional(group, path, "Endpoints", "OrdererAddresses")?.unwrap_or_default();
    Ok(Organization {
        name: name.to_owned(),
        msp_id: msp.name.clone(),
        role,
        msp: msp_model(&msp),
        endpoints: endpoints.addresses,
        anchor_peers,
        policies: Policies::new(),
    })
}

/// A port, from the wider number that the message has.
fn port<T>(number: T, path: &str) -> Result<u16, ReadError>
where
    T: Copy + std::fmt::Display + TryInto<u16>,
{
    number.try_into().map_err(|_| ReadError::Unknown {
        path: path.to_owned(),
        found: format!("port {number}"),
        expected: "a port from 0 to 65535",
    })
}

fn orderer(
    root: &ConfigGroup,
    group: &ConfigGroup,
    path: &str,
    release: Release,
) -> Result<Orderer, ReadError> {
    let (consensus, maintenance) = consensus::read(group, path)?;
    let size: BatchSize = required(group, path, "BatchSize", "BatchSize")?;
    let timeout: BatchTimeout = required(group, path, "BatchTimeout", "BatchTimeout")?;
    let restrictions: ChannelRestrictions =
        optional(group, path, "ChannelRestrictions", "ChannelRestrictions")?.unwrap_or_default();
    let stated = group
        .values
        .get("ChannelRestrictions")
        .is_some_and(|value| value.explicit);
    let addresses: OrdererAddresses = optional(
        root,
        &format!("/{CHANNEL}"),
        "OrdererAddresses",
        "OrdererAddresses",
    )?
    .unwrap_or_default();
    let mut found = group.policies.clone();
    let mut custom = orderer_policies();
    if let Consensus::Bft { consenters, .. } = &consensus {
        let usual = bft_block_validation(consenters);
        let own = found
            .get("BlockValidation")
            .and_then(|one| one.policy.as_ref());
        if own == Some(&usual) {
            found.remove("BlockValidation");
            custom.remove("BlockValidation");
        }
    }
    Ok(Orderer {
        consensus,
        maintenance,
        batch_timeout: timeout.timeout,
        batch_size: model::BatchSize {
            max_message_count: size.max_message_count,
            absolute_max_bytes: size.absolute_max_bytes,
            preferred_max_bytes: size.preferred_max_bytes,
        },
        max_channels: stated.then_some(restrictions.max_count),
        addresses: addresses.addresses,
        capabilities: own_capabilities(group, release.orderer_capability()),
        policies: policies(path, &found, &custom)?,
    })
}
