//! Consenters of Raft: one more, one less, or one in the place of another.

use fabric_proto::Message;
use fabric_proto::configuration::{ConfigGroup, ConsensusType, etcdraft};

use super::{EditError, Endpoint, add_endpoint, decode, group, remove_endpoint, set};
use crate::model::{RaftConsenter, RaftOptions};
use crate::tree::{ADMINS, CHANNEL, ORDERER, raft_metadata, value};

/// Changes the metadata of Raft.
fn change_raft(
    root: &mut ConfigGroup,
    change: impl FnOnce(&mut etcdraft::ConfigMetadata) -> Result<(), EditError>,
) -> Result<(), EditError> {
    let path = format!("/{CHANNEL}/{ORDERER}");
    let group = group(root, &[ORDERER])?;
    let mut consensus: ConsensusType = decode(group, &path, "ConsensusType", "ConsensusType")?;
    if consensus.r#type != "etcdraft" {
        return Err(EditError::Consensus {
            found: consensus.r#type,
            expected: "etcdraft",
        });
    }
    let mut metadata =
        etcdraft::ConfigMetadata::decode(consensus.metadata.as_slice()).map_err(|source| {
            EditError::Decode {
                path: format!("{path}/ConsensusType"),
                kind: "ConfigMetadata of etcdraft",
                source,
            }
        })?;
    change(&mut metadata)?;
    consensus.metadata = metadata.encode_to_vec();
    set(group, "ConsensusType", value(&consensus, ADMINS));
    Ok(())
}

fn is_at(consenter: &etcdraft::Consenter, host: &str, port: u16) -> bool {
    consenter.host == host && consenter.port == u32::from(port)
}

fn encoded(consenter: &RaftConsenter) -> Option<etcdraft::Consenter> {
    raft_metadata(std::slice::from_ref(consenter), &RaftOptions::default())
        .consenters
        .pop()
}

/// Adds a consenter to Raft, and the address of its orderer if one is given.
///
/// Add one at a time and wait until it has caught up: a second one that is not there yet can cost
/// the majority.
pub fn add_raft_consenter(
    root: &mut ConfigGroup,
    consenter: &RaftConsenter,
    endpoint: Option<Endpoint>,
) -> Result<(), EditError> {
    change_raft(root, |metadata| {
        let (host, port) = (&consenter.host, consenter.port);
        if metadata.consenters.iter().any(|one| is_at(one, host, port)) {
            return Err(EditError::Present {
                path: format!("consenter {host}:{port}"),
            });
        }
        metadata.consenters.extend(encoded(consenter));
        Ok(())
    })?;
    endpoint.map_or(Ok(()), |endpoint| add_endpoint(root, endpoint))
}

/// Removes a consenter from Raft, and the address of its orderer if one is given.
pub fn remove_raft_consenter(
    root: &mut ConfigGroup,
    host: &str,
    port: u16,
    endpoint: Option<Endpoint>,
) -> Result<(), EditError> {
    change_raft(root, |metadata| {
        let before = metadata.consenters.len();
        metadata.consenters.retain(|one| !is_at(one, host, port));
        if metadata.consenters.len() == before {
            return Err(EditError::Absent {
                path: format!("consenter {host}:{port}"),
            });
        }
        Ok(())
    })?;
    endpoint.map_or(Ok(()), |endpoint| remove_endpoint(root, endpoint))
}

/// Replaces a consenter in its place: for new certificates with new keys, or a new address.
///
/// New certificates over the same keys need no change of the channel: a node finds itself by key.
pub fn replace_raft_consenter(
    root: &mut ConfigGroup,
    host: &str,
    port: u16,
    new: &RaftConsenter,
) -> Result<(), EditError> {
    change_raft(root, |metadata| {
        let taken = (new.host != host || new.port != port)
            && metadata
                .consenters
                .iter()
                .any(|one| is_at(one, &new.host, new.port));
        if taken {
            return Err(EditError::Present {
                path: format!("consenter {}:{}", new.host, new.port),
            });
        }
        let slot = metadata
            .consenters
            .iter_mut()
            .find(|one| is_at(one, host, port))
            .ok_or_else(|| EditError::Absent {
                path: format!("consenter {host}:{port}"),
            })?;
        if let Some(new) = encoded(new) {
            *slot = new;
        }
        Ok(())
    })
}
