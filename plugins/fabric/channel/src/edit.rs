//! Ready-made edits of a channel's tree, to be turned into a change with
//! [`compute_update`](crate::update::compute_update).
//!
//! Each edit works on a copy of the tree and leaves versions and modification policies alone. An
//! edit that would change nothing, or that refers to something absent, is an error. Raft and BFT take
//! one consenter more or less at a time: make one change for each.

use fabric_proto::Message;
use fabric_proto::configuration::{
    BatchTimeout, ConfigGroup, ConfigValue, ConsensusState, ConsensusType, OrdererAddresses,
};
use fabric_proto::prost::DecodeError;

use crate::duration;
use crate::model::{AnchorPeer, BatchSize, Organization, Release};
use crate::tree::{
    ADMINS, APPLICATION, CHANNEL, ORDERER, TreeError, addresses, anchor_peers,
    application_organization, capabilities, orderer_organization, value,
};

mod bft;
mod raft;

pub use bft::{add_bft_consenter, remove_bft_consenter};
pub use raft::{add_raft_consenter, remove_raft_consenter, replace_raft_consenter};

/// Why an edit cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// Something that the edit is about is not there.
    #[error("{path} is not in the configuration")]
    Absent {
        /// Path of the group or value, or what it is.
        path: String,
    },
    /// Something that the edit would add is there already.
    #[error("{path} is in the configuration already")]
    Present {
        /// Path of the group or value, or what it is.
        path: String,
    },
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
    /// The edit needs another kind of consensus.
    #[error("channel has consensus `{found}`, expected `{expected}`")]
    Consensus {
        /// The type found.
        found: String,
        /// The type that the edit is for.
        expected: &'static str,
    },
    /// A value is not one.
    #[error("{field} is `{found}`, expected {expected}")]
    Value {
        /// What was to be set.
        field: &'static str,
        /// To what.
        found: String,
        /// What would do.
        expected: &'static str,
    },
    /// An organisation cannot be built.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

fn group<'a>(root: &'a mut ConfigGroup, path: &[&str]) -> Result<&'a mut ConfigGroup, EditError> {
    let mut here = root;
    let mut place = format!("/{CHANNEL}");
    for name in path {
        place = format!("{place}/{name}");
        here = here
            .groups
            .get_mut(*name)
            .ok_or_else(|| EditError::Absent {
                path: place.clone(),
            })?;
    }
    Ok(here)
}

/// Puts a value in, keeping version and guard of the one that is there.
fn set(group: &mut ConfigGroup, name: &str, new: ConfigValue) {
    let slot = group.values.entry(name.to_owned()).or_insert(ConfigValue {
        value: Vec::new(),
        ..new.clone()
    });
    slot.value = new.value;
}

fn decode<M: Message + Default>(
    group: &ConfigGroup,
    path: &str,
    name: &str,
    kind: &'static str,
) -> Result<M, EditError> {
    let path = format!("{path}/{name}");
    let value = group
        .values
        .get(name)
        .ok_or_else(|| EditError::Absent { path: path.clone() })?;
    M::decode(value.value.as_slice()).map_err(|source| EditError::Decode { path, kind, source })
}

fn add_group(
    root: &mut ConfigGroup,
    parent: &str,
    name: &str,
    new: ConfigGroup,
) -> Result<(), EditError> {
    let parent_group = group(root, &[parent])?;
    if parent_group.groups.contains_key(name) {
        return Err(EditError::Present {
            path: format!("/{CHANNEL}/{parent}/{name}"),
        });
    }
    parent_group.groups.insert(name.to_owned(), new);
    Ok(())
}

fn remove_group(root: &mut ConfigGroup, parent: &str, name: &str) -> Result<(), EditError> {
    match group(root, &[parent])?.groups.remove(name) {
        Some(_) => Ok(()),
        None => Err(EditError::Absent {
            path: format!("/{CHANNEL}/{parent}/{name}"),
        }),
    }
}

/// Adds an organisation with peers.
pub fn add_application_organization(
    root: &mut ConfigGroup,
    release: Release,
    organization: &Organization,
) -> Result<(), EditError> {
    let new = application_organization(release, organization)?;
    add_group(root, APPLICATION, &organization.name, new)
}

/// Removes an organisation's peers from the channel.
pub fn remove_application_organization(
    root: &mut ConfigGroup,
    name: &str,
) -> Result<(), EditError> {
    remove_group(root, APPLICATION, name)
}

/// Adds an organisation with orderers; its consenters are added one by one afterwards.
pub fn add_orderer_organization(
    root: &mut ConfigGroup,
    organization: &Organization,
) -> Result<(), EditError> {
    let new = orderer_organization(organization)?;
    add_group(root, ORDERER, &organization.name, new)
}

/// Removes an organisation's orderers from the channel; remove its consenters before.
pub fn remove_orderer_organization(root: &mut ConfigGroup, name: &str) -> Result<(), EditError> {
    remove_group(root, ORDERER, name)
}

/// Sets the anchor peers of an organisation; none removes the value.
pub fn set_anchor_peers(
    root: &mut ConfigGroup,
    organization: &str,
    peers: &[AnchorPeer],
) -> Result<(), EditError> {
    let group = group(root, &[APPLICATION, organization])?;
    if peers.is_empty() {
        group.values.remove("AnchorPeers");
    } else {
        set(group, "AnchorPeers", anchor_peers(peers));
    }
    Ok(())
}

/// An address of an orderer, under the organisation that runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint<'a> {
    /// Name of the organisation's group.
    pub organization: &'a str,
    /// `host:port`.
    pub address: &'a str,
}

/// Adds an address to an orderer organisation, unless it is there.
pub fn add_endpoint(root: &mut ConfigGroup, endpoint: Endpoint) -> Result<(), EditError> {
    change_endpoints(root, endpoint.organization, |all| {
        if !all.iter().any(|one| one == endpoint.address) {
            all.push(endpoint.address.to_owned());
        }
        true
    })
}

/// Removes an address from an orderer organisation.
pub fn remove_endpoint(root: &mut ConfigGroup, endpoint: Endpoint) -> Result<(), EditError> {
    change_endpoints(root, endpoint.organization, |all| {
        let before = all.len();
        all.retain(|one| one != endpoint.address);
        all.len() < before
    })
    .map_err(|error| match error {
        EditError::Absent { path } if path.ends_with("/Endpoints") => EditError::Absent {
            path: format!("{path} {}", endpoint.address),
        },
        other => other,
    })
}

fn change_endpoints(
    root: &mut ConfigGroup,
    organization: &str,
    change: impl FnOnce(&mut Vec<String>) -> bool,
) -> Result<(), EditError> {
    let path = format!("/{CHANNEL}/{ORDERER}/{organization}");
    let group = group(root, &[ORDERER, organization])?;
    let mut all = if group.values.contains_key("Endpoints") {
        decode::<OrdererAddresses>(group, &path, "Endpoints", "OrdererAddresses")?.addresses
    } else {
        Vec::new()
    };
    if !change(&mut all) {
        return Err(EditError::Absent {
            path: format!("{path}/Endpoints"),
        });
    }
    if all.is_empty() {
        group.values.remove("Endpoints");
    } else {
        set(group, "Endpoints", addresses(&all, ADMINS));
    }
    Ok(())
}

/// Sets the longest wait for a block to fill.
pub fn set_batch_timeout(root: &mut ConfigGroup, timeout: &str) -> Result<(), EditError> {
    if duration::parse(timeout).is_none_or(|length| length == 0) {
        return Err(EditError::Value {
            field: "batch timeout",
            found: timeout.to_owned(),
            expected: "a positive Go duration such as `2s`",
        });
    }
    let message = BatchTimeout {
        timeout: timeout.to_owned(),
    };
    let group = group(root, &[ORDERER])?;
    set(group, "BatchTimeout", value(&message, ADMINS));
    Ok(())
}

/// Sets the sizes of blocks.
pub fn set_batch_size(root: &mut ConfigGroup, size: BatchSize) -> Result<(), EditError> {
    let positive = size.max_message_count > 0
        && size.absolute_max_bytes > 0
        && size.preferred_max_bytes > 0
        && size.preferred_max_bytes <= size.absolute_max_bytes;
    if !positive {
        return Err(EditError::Value {
            field: "batch size",
            found: format!(
                "{}, {}, {}",
                size.max_message_count, size.absolute_max_bytes, size.preferred_max_bytes
            ),
            expected: "positive numbers, and preferred bytes at most the absolute ones",
        });
    }
    let message = fabric_proto::configuration::BatchSize {
        max_message_count: size.max_message_count,
        absolute_max_bytes: size.absolute_max_bytes,
        preferred_max_bytes: size.preferred_max_bytes,
    };
    set(
        group(root, &[ORDERER])?,
        "BatchSize",
        value(&message, ADMINS),
    );
    Ok(())
}

/// A group that has capabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The root.
    Channel,
    /// The orderers.
    Orderer,
    /// The peers.
    Application,
}

/// Sets the capabilities of a group. All nodes must know them before: others stop at the block.
pub fn set_capabilities(
    root: &mut ConfigGroup,
    level: Level,
    names: &[&str],
) -> Result<(), EditError> {
    let path: &[&str] = match level {
        Level::Channel => &[],
        Level::Orderer => &[ORDERER],
        Level::Application => &[APPLICATION],
    };
    set(group(root, path)?, "Capabilities", capabilities(names));
    Ok(())
}

/// Turns maintenance on or off: with it on, only changes of configuration are taken.
pub fn set_maintenance(root: &mut ConfigGroup, on: bool) -> Result<(), EditError> {
    let path = format!("/{CHANNEL}/{ORDERER}");
    let group = group(root, &[ORDERER])?;
    let mut consensus: ConsensusType = decode(group, &path, "ConsensusType", "ConsensusType")?;
    let state = if on {
        ConsensusState::Maintenance
    } else {
        ConsensusState::Normal
    };
    consensus.state = state as i32;
    set(group, "ConsensusType", value(&consensus, ADMINS));
    Ok(())
}

#[cfg(test)]
mod tests;
