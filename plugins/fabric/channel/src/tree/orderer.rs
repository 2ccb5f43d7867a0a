//! Group `Orderer`, and what each consensus needs there.

use std::collections::BTreeMap;

use fabric_proto::Message;
use fabric_proto::configuration::{
    BatchSize, BatchTimeout, ChannelRestrictions, ConfigGroup, ConfigValue, ConsensusState,
    ConsensusType, Consenter, KafkaBrokers, Orderers, etcdraft, smartbft,
};
use fabric_proto::msp::SerializedIdentity;
use fabric_proto::policies::{
    MspPrincipal, NOutOf, Policy, PrincipalClassification, SignaturePolicy,
    SignaturePolicyEnvelope, SignatureRule,
};

use super::{
    ADMINS, CHANNEL, ORDERER, TreeError, empty_group, guarded, insert, insert_capabilities,
    orderer_organization, policies, value,
};
use crate::model::{
    BftConsenter, BftOptions, Channel, Consensus, Orderer, RaftConsenter, RaftOptions,
    orderer_policies,
};

pub(super) fn orderer_group(
    channel: &Channel,
    orderer: &Orderer,
) -> Result<ConfigGroup, TreeError> {
    let path = format!("/{CHANNEL}/{ORDERER}");
    let mut group = empty_group();
    group.policies = policies(&path, orderer_policies(), &orderer.policies)?;
    if let Consensus::Bft { consenters, .. } = &orderer.consensus
        && !orderer.policies.contains_key("BlockValidation")
    {
        let policy = guarded(bft_block_validation(consenters));
        group.policies.insert("BlockValidation".to_owned(), policy);
    }
    group.values = consensus_values(&orderer.consensus, orderer.maintenance);
    let size = BatchSize {
        max_message_count: orderer.batch_size.max_message_count,
        absolute_max_bytes: orderer.batch_size.absolute_max_bytes,
        preferred_max_bytes: orderer.batch_size.preferred_max_bytes,
    };
    let timeout = BatchTimeout {
        timeout: orderer.batch_timeout.clone(),
    };
    let mut restrictions = value(
        &ChannelRestrictions {
            max_count: orderer.max_channels.unwrap_or_default(),
        },
        ADMINS,
    );
    restrictions.explicit = orderer.max_channels.is_some();
    group.values.extend([
        ("BatchSize".to_owned(), value(&size, ADMINS)),
        ("BatchTimeout".to_owned(), value(&timeout, ADMINS)),
        ("ChannelRestrictions".to_owned(), restrictions),
    ]);
    insert_capabilities(
        &mut group,
        orderer.capabilities.as_ref(),
        channel.release.orderer_capability(),
    );
    for organization in channel.orderer_organizations() {
        let below = orderer_organization(organization)?;
        insert(&mut group, &path, &organization.name, below)?;
    }
    Ok(group)
}

/// The values that a consensus needs: `ConsensusType`, and `KafkaBrokers` or `Orderers`.
pub fn consensus_values(consensus: &Consensus, maintenance: bool) -> BTreeMap<String, ConfigValue> {
    let mut values = BTreeMap::new();
    let (name, metadata) = match consensus {
        Consensus::Solo => ("solo", Vec::new()),
        Consensus::Kafka { brokers } => {
            let message = KafkaBrokers {
                brokers: brokers.clone(),
            };
            values.insert("KafkaBrokers".to_owned(), value(&message, ADMINS));
            ("kafka", Vec::new())
        }
        Consensus::Etcdraft {
            consenters,
            options,
        } => (
            "etcdraft",
            raft_metadata(consenters, options).encode_to_vec(),
        ),
        Consensus::Bft {
            consenters,
            options,
        } => {
            values.insert(
                "Orderers".to_owned(),
                value(&bft_orderers(consenters), ADMINS),
            );
            ("BFT", bft_metadata(options).encode_to_vec())
        }
    };
    let state = if maintenance {
        ConsensusState::Maintenance
    } else {
        ConsensusState::Normal
    };
    let message = ConsensusType {
        r#type: name.to_owned(),
        metadata,
        state: state as i32,
    };
    values.insert("ConsensusType".to_owned(), value(&message, ADMINS));
    values
}

/// What Raft is told.
pub fn raft_metadata(
    consenters: &[RaftConsenter],
    options: &RaftOptions,
) -> etcdraft::ConfigMetadata {
    etcdraft::ConfigMetadata {
        consenters: consenters
            .iter()
            .map(|consenter| etcdraft::Consenter {
                host: consenter.host.clone(),
                port: u32::from(consenter.port),
                client_tls_cert: consenter.client_tls_cert.as_bytes().to_vec(),
                server_tls_cert: consenter.server_tls_cert.as_bytes().to_vec(),
            })
            .collect(),
        options: Some(etcdraft::Options {
            tick_interval: options.tick_interval.clone(),
            election_tick: options.election_tick,
            heartbeat_tick: options.heartbeat_tick,
            max_inflight_blocks: options.max_inflight_blocks,
            snapshot_interval_size: options.snapshot_interval_size,
        }),
    }
}

fn bft_orderers(consenters: &[BftConsenter]) -> Orderers {
    Orderers {
        consenter_mapping: consenters.iter().map(bft_mapping).collect(),
    }
}

/// A consenter as value `Orderers` has it.
pub fn bft_mapping(consenter: &BftConsenter) -> Consenter {
    Consenter {
        id: consenter.id,
        host: consenter.host.clone(),
        port: u32::from(consenter.port),
        msp_id: consenter.msp_id.clone(),
        identity: consenter.identity.as_bytes().to_vec(),
        client_tls_cert: consenter.client_tls_cert.as_bytes().to_vec(),
        server_tls_cert: consenter.server_tls_cert.as_bytes().to_vec(),
    }
}

fn bft_metadata(options: &BftOptions) -> smartbft::Options {
    let options = options.clone();
    smartbft::Options {
        request_batch_max_count: options.request_batch_max_count,
        request_batch_max_bytes: options.request_batch_max_bytes,
        request_batch_max_interval: options.request_batch_max_interval,
        incoming_message_buffer_size: options.incoming_message_buffer_size,
        request_pool_size: options.request_pool_size,
        request_forward_timeout: options.request_forward_timeout,
        request_complain_timeout: options.request_complain_timeout,
        request_auto_remove_timeout: options.request_auto_remove_timeout,
        request_max_bytes: options.request_max_bytes,
        view_change_resend_interval: options.view_change_resend_interval,
        view_change_timeout: options.view_change_timeout,
        leader_heartbeat_timeout: options.leader_heartbeat_timeout,
        leader_heartbeat_count: options.leader_heartbeat_count,
        collect_timeout: options.collect_timeout,
        sync_on_start: options.sync_on_start,
        speed_up_view_change: options.speed_up_view_change,
        leader_rotation: options.leader_rotation,
        decisions_per_leader: options.decisions_per_leader,
    }
}

/// Signatures of consenters that make a block final: `(n + f + 1) / 2` rounded up, where `f` is the
/// number of liars that `n` consenters tolerate.
pub fn bft_quorum(consenters: usize) -> usize {
    let faults = consenters.saturating_sub(1) / 3;
    (consenters + faults + 1).div_ceil(2)
}

/// Policy `BlockValidation` with BFT: a quorum of the very identities of the consenters.
pub fn bft_block_validation(consenters: &[BftConsenter]) -> Policy {
    let identities = consenters
        .iter()
        .map(|consenter| MspPrincipal {
            principal_classification: PrincipalClassification::Identity as i32,
            principal: SerializedIdentity {
                mspid: consenter.msp_id.clone(),
                id_bytes: consenter.identity.as_bytes().to_vec(),
            }
            .encode_to_vec(),
        })
        .collect();
    let number = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    let rules = (0..number(consenters.len()))
        .map(|index| SignaturePolicy {
            r#type: Some(SignatureRule::SignedBy(index)),
        })
        .collect();
    Policy::from_signature(&SignaturePolicyEnvelope {
        version: 0,
        rule: Some(SignaturePolicy {
            r#type: Some(SignatureRule::NOutOf(NOutOf {
                n: number(bft_quorum(consenters.len())),
                rules,
            })),
        }),
        identities,
    })
}
