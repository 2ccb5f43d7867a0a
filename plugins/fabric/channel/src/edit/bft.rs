//! Consenters of BFT: one more or one less, with the policy by which their signatures make a block final.

use fabric_proto::configuration::{ConfigGroup, ConfigPolicy, ConsensusType, Consenter, Orderers};

use super::{EditError, Endpoint, add_endpoint, decode, group, remove_endpoint, set};
use crate::model::BftConsenter;
use crate::tree::{ADMINS, CHANNEL, ORDERER, bft_block_validation, bft_mapping, guarded, value};

/// Name of the policy that must name the very consenters, in their order: orderers refuse any other.
const VALIDATION: &str = "BlockValidation";

fn model(one: &Consenter) -> BftConsenter {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    BftConsenter {
        id: one.id,
        host: one.host.clone(),
        port: u16::try_from(one.port).unwrap_or(0),
        msp_id: one.msp_id.clone(),
        identity: text(&one.identity),
        client_tls_cert: text(&one.client_tls_cert),
        server_tls_cert: text(&one.server_tls_cert),
    }
}

/// Changes the consenters, and makes the policy anew.
fn change_bft(
    root: &mut ConfigGroup,
    change: impl FnOnce(&mut Vec<Consenter>) -> Result<(), EditError>,
) -> Result<(), EditError> {
    let path = format!("/{CHANNEL}/{ORDERER}");
    let group = group(root, &[ORDERER])?;
    let consensus: ConsensusType = decode(group, &path, "ConsensusType", "ConsensusType")?;
    if consensus.r#type != "BFT" {
        return Err(EditError::Consensus {
            found: consensus.r#type,
            expected: "BFT",
        });
    }
    let mut orderers: Orderers = decode(group, &path, "Orderers", "Orderers")?;
    change(&mut orderers.consenter_mapping)?;
    let all: Vec<BftConsenter> = orderers.consenter_mapping.iter().map(model).collect();
    set(group, "Orderers", value(&orderers, ADMINS));
    let made = guarded(bft_block_validation(&all));
    let policy = group
        .policies
        .entry(VALIDATION.to_owned())
        .or_insert(ConfigPolicy {
            policy: None,
            ..made.clone()
        });
    policy.policy = made.policy;
    Ok(())
}

fn is_at(consenter: &Consenter, host: &str, port: u16) -> bool {
    consenter.host == host && consenter.port == u32::from(port)
}

/// Adds a consenter to BFT, and the address of its orderer if one is given. When its number is taken it gets the next one
/// after all.
///
/// Add one at a time and wait until it has caught up: a second one that is not there yet can cost
/// the quorum.
pub fn add_bft_consenter(
    root: &mut ConfigGroup,
    consenter: &BftConsenter,
    endpoint: Option<Endpoint>,
) -> Result<(), EditError> {
    change_bft(root, |all| {
        let (host, port) = (&consenter.host, consenter.port);
        if all.iter().any(|one| is_at(one, host, port)) {
            return Err(EditError::Present {
                path: format!("consenter {host}:{port}"),
            });
        }
        let mut new = consenter.clone();
        if new.id == 0 || all.iter().any(|one| one.id == new.id) {
            let last = all.iter().map(|one| one.id).max();
            new.id = last.unwrap_or(0).saturating_add(1);
        }
        all.push(bft_mapping(&new));
        Ok(())
    })?;
    endpoint.map_or(Ok(()), |endpoint| add_endpoint(root, endpoint))
}

/// Removes a consenter from BFT, and the address of its orderer if one is given.
pub fn remove_bft_consenter(
    root: &mut ConfigGroup,
    host: &str,
    port: u16,
    endpoint: Option<Endpoint>,
) -> Result<(), EditError> {
    change_bft(root, |all| {
        let before = all.len();
        all.retain(|one| !is_at(one, host, port));
        if all.len() == before {
            return Err(EditError::Absent {
                path: format!("consenter {host}:{port}"),
            });
        }
        Ok(())
    })?;
    endpoint.map_or(Ok(()), |endpoint| remove_endpoint(root, endpoint))
}
