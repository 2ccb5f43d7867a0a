//! Who of the orderers takes part in the consensus, as a channel's configuration says it.

use chain_plugin_sdk::Diagnostics;
use fabric_channel::block::decode_config_block;
use fabric_channel::edit::{self, Endpoint};
use fabric_channel::tree::ORDERER;
use fabric_proto::Message as _;
use fabric_proto::configuration::{
    ConfigGroup, ConsensusType, OrdererAddresses, Orderers, etcdraft,
};
use fabric_service::fault::{at as fault_at, refuse_with};

use super::crew::Channel;
use super::roster::Consenter;

/// A type of consensus whose consenters stand in the channel.
pub const RAFT: &str = "etcdraft";
/// See [`RAFT`].
pub const BFT: &str = "BFT";

/// Fewest consenters of BFT: with less, one that lies or is down stops the channel.
const FEWEST: usize = 4;

/// The consenters of a configuration as host and port; none when it names none.
pub fn consenters(group: &ConfigGroup) -> Option<Vec<(String, u32)>> {
    let orderer = group.groups.get(ORDERER)?;
    let value = orderer.values.get("ConsensusType")?;
    let consensus = ConsensusType::decode(value.value.as_slice()).ok()?;
    match consensus.r#type.as_str() {
        RAFT => {
            let metadata = etcdraft::ConfigMetadata::decode(consensus.metadata.as_slice()).ok()?;
            let all = metadata.consenters.into_iter();
            Some(all.map(|it| (it.host, it.port)).collect())
        }
        BFT => {
            let value = orderer.values.get("Orderers")?;
            let orderers = Orderers::decode(value.value.as_slice()).ok()?;
            let all = orderers.consenter_mapping.into_iter();
            Some(all.map(|it| (it.host, it.port)).collect())
        }
        _ => None,
    }
}

fn is_consenter(group: &ConfigGroup, consenter: &Consenter) -> bool {
    let place = (consenter.raft.host.clone(), u32::from(consenter.raft.port));
    consenters(group).is_some_and(|all| all.contains(&place))
}

fn has_endpoint(group: &ConfigGroup, organization: &str, address: &str) -> bool {
    let value = group
        .groups
        .get(ORDERER)
        .and_then(|it| it.groups.get(organization))
        .and_then(|it| it.values.get("Endpoints"));
    let Some(value) = value else { return false };
    OrdererAddresses::decode(value.value.as_slice())
        .is_ok_and(|all| all.addresses.iter().any(|it| it == address))
}

/// Makes an orderer a consenter, and its address known.
pub fn admit(
    kind: &str,
    group: &mut ConfigGroup,
    consenter: &Consenter,
) -> Result<(), Diagnostics> {
    let fault = fault_at("orderer", "");
    let endpoint = Endpoint {
        organization: &consenter.organization,
        address: &consenter.address,
    };
    if !is_consenter(group, consenter) {
        let added = if kind == BFT {
            edit::add_bft_consenter(group, &consenter.bft, None)
        } else {
            edit::add_raft_consenter(group, &consenter.raft, None)
        };
        added.map_err(&fault)?;
    }
    if has_endpoint(group, &consenter.organization, &consenter.address) {
        return Ok(());
    }
    edit::add_endpoint(group, endpoint).map_err(fault)
}

/// Takes an orderer out of the consenters, and its address away.
pub fn dismiss(
    kind: &str,
    group: &mut ConfigGroup,
    consenter: &Consenter,
) -> Result<(), Diagnostics> {
    let fault = fault_at("orderer", "");
    let endpoint = Endpoint {
        organization: &consenter.organization,
        address: &consenter.address,
    };
    if is_consenter(group, consenter) {
        let (host, port) = (&consenter.raft.host, consenter.raft.port);
        let removed = if kind == BFT {
            let left = consenters(group).map_or(0, |all| all.len().saturating_sub(1));
            if left < FEWEST {
                return Err(too_few(left));
            }
            edit::remove_bft_consenter(group, host, port, None)
        } else {
            edit::remove_raft_consenter(group, host, port, None)
        };
        removed.map_err(&fault)?;
    }
    if has_endpoint(group, &consenter.organization, &consenter.address) {
        edit::remove_endpoint(group, endpoint).map_err(fault)?;
    }
    Ok(())
}

fn too_few(left: usize) -> Diagnostics {
    let message = format!(
        "the channel would have {left} consenters, and BFT needs {FEWEST} to stand one that lies or is down"
    );
    let hint = "kubectl chain run orderer-add first, then remove this one";
    refuse_with("orderer", "", message, hint)
}

/// Whether an orderer is a consenter from block 0 on. One that is not follows until a change of the channel names it.
pub fn founds(channel: &Channel, host: &str) -> bool {
    founds_by(&channel.first, host)
}

/// The same by the bytes of block 0.
pub fn founds_by(first: &[u8], host: &str) -> bool {
    let Ok(block) = decode_config_block(first) else {
        return true;
    };
    consenters(&block.group).is_none_or(|all| all.iter().any(|(it, _)| it == host))
}

#[cfg(test)]
mod tests {
    use fabric_channel::model::{BftConsenter, RaftConsenter};
    use fabric_service::extra;

    use super::super::update::tests::channel;
    use super::super::words::differences;
    use super::*;

    fn fourth() -> Consenter {
        Consenter {
            organization: "OrdererMSP".to_owned(),
            address: "orderer9.orderer:7050".to_owned(),
            raft: RaftConsenter {
                host: "orderer9.orderer".to_owned(),
                port: 7050,
                client_tls_cert: "c".to_owned(),
                server_tls_cert: "c".to_owned(),
            },
            bft: BftConsenter {
                id: 9,
                host: "orderer9.orderer".to_owned(),
                port: 7050,
                msp_id: "OrdererMSP".to_owned(),
                identity: "i".to_owned(),
                client_tls_cert: "c".to_owned(),
                server_tls_cert: "c".to_owned(),
            },
        }
    }

    /// With four consenters.
    fn bft() -> ConfigGroup {
        let bytes = include_bytes!("../../../fixtures/31-bft-app-genesis.block");
        decode_config_block(bytes).unwrap().group
    }

    /// As the organisation is called in a channel.
    fn of(kind: &str) -> Consenter {
        let mut fourth = fourth();
        if kind == BFT {
            "OrdererOrg".clone_into(&mut fourth.organization);
        }
        fourth
    }

    #[test]
    fn who_comes_goes_again_and_twice_is_once() {
        for (kind, before) in [(RAFT, channel()), (BFT, bft())] {
            let (fourth, count) = (of(kind), consenters(&before).unwrap().len());
            let mut group = before.clone();
            admit(kind, &mut group, &fourth).unwrap();
            assert_eq!(consenters(&group).unwrap().len(), count + 1);
            let org = fourth.organization.as_str();
            assert!(has_endpoint(&group, org, "orderer9.orderer:7050"));
            let once = group.clone();
            admit(kind, &mut group, &fourth).unwrap();
            assert_eq!(group, once);
            // A consenter whose address is not known gets one.
            let endpoint = Endpoint {
                organization: org,
                address: "orderer9.orderer:7050",
            };
            edit::remove_endpoint(&mut group, endpoint).unwrap();
            admit(kind, &mut group, &fourth).unwrap();
            assert_eq!(group, once);
            for _ in 0..2 {
                dismiss(kind, &mut group, &fourth).unwrap();
                assert!(differences(&before, &group).is_empty());
            }
        }
    }

    #[test]
    fn bft_keeps_four() {
        let mut group = bft();
        let (host, port) = consenters(&group).unwrap().remove(0);
        let mut first = of(BFT);
        first.raft.host = host;
        first.raft.port = u16::try_from(port).unwrap();
        let before = group.clone();
        let fault = dismiss(BFT, &mut group, &first).unwrap_err();
        assert!(fault[0].message.contains("3 consenters"), "{fault:?}");
        assert_eq!(group, before);
        admit(BFT, &mut group, &of(BFT)).unwrap();
        dismiss(BFT, &mut group, &first).unwrap();
        assert_eq!(consenters(&group).unwrap().len(), 4);
    }

    #[test]
    fn founders_stand_in_block_0() {
        let mut it = Channel {
            id: String::new(),
            name: String::new(),
            about: extra::Channel::default(),
            first: include_bytes!("../../../fixtures/25-etcdraft-app-genesis.block").to_vec(),
        };
        let hosts = consenters(&decode_config_block(&it.first).unwrap().group).unwrap();
        assert!(founds(&it, &hosts[0].0));
        assert!(!founds(&it, "orderer9.orderer"));
        it.first = include_bytes!("../../../fixtures/14-solo-genesis.block").to_vec();
        assert!(
            founds(&it, "orderer9.orderer"),
            "who is no consenter is none from the beginning on"
        );
    }
}
