//! Who agrees on the order, read from group `Orderer`.

use fabric_proto::Message;
use fabric_proto::configuration::{
    ConfigGroup, ConsensusState, ConsensusType, KafkaBrokers, Orderers, etcdraft, smartbft,
};

use super::{ReadError, optional, port, required};
use crate::model::{BftConsenter, BftOptions, Consensus, RaftConsenter, RaftOptions};

/// The consensus, and whether it is under maintenance.
pub(super) fn read(group: &ConfigGroup, path: &str) -> Result<(Consensus, bool), ReadError> {
    let value: ConsensusType = required(group, path, "ConsensusType", "ConsensusType")?;
    let place = format!("{path}/ConsensusType");
    let consensus = match value.r#type.as_str() {
        "solo" => Consensus::Solo,
        "kafka" => {
            let brokers: KafkaBrokers =
                optional(group, path, "KafkaBrokers", "KafkaBrokers")?.unwrap_or_default();
            Consensus::Kafka {
                brokers: brokers.brokers,
            }
        }
        "etcdraft" => raft(&value.metadata, &place)?,
        "BFT" => {
            let orderers: Orderers = required(group, path, "Orderers", "Orderers")?;
            bft(&value.metadata, orderers, path)?
        }
        other => {
            return Err(ReadError::Unknown {
                path: place,
                found: format!("type `{other}`"),
                expected: "solo, kafka, etcdraft or BFT",
            });
        }
    };
    let maintenance = value.state == ConsensusState::Maintenance as i32;
    Ok((consensus, maintenance))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn raft(metadata: &[u8], path: &str) -> Result<Consensus, ReadError> {
    let metadata =
        etcdraft::ConfigMetadata::decode(metadata).map_err(|source| ReadError::Decode {
            path: path.to_owned(),
            kind: "ConfigMetadata of etcdraft",
            source,
        })?;
    let options = metadata.options.unwrap_or_default();
    let consenters = metadata
        .consenters
        .into_iter()
        .map(|consenter| {
            Ok(RaftConsenter {
                port: port(consenter.port, path)?,
                client_tls_cert: text(&consenter.client_tls_cert),
                server_tls_cert: text(&consenter.server_tls_cert),
                host: consenter.host,
            })
        })
        .collect::<Result<_, ReadError>>()?;
    Ok(Consensus::Etcdraft {
        consenters,
        options: RaftOptions {
            tick_interval: options.tick_interval,
            election_tick: options.election_tick,
            heartbeat_tick: options.heartbeat_tick,
            max_inflight_blocks: options.max_inflight_blocks,
            snapshot_interval_size: options.snapshot_interval_size,
        },
    })
}

fn bft(metadata: &[u8], orderers: Orderers, path: &str) -> Result<Consensus, ReadError> {
    let options = smartbft::Options::decode(metadata).map_err(|source| ReadError::Decode {
        path: format!("{path}/ConsensusType"),
        kind: "Options of BFT",
        source,
    })?;
    let consenters = orderers
        .consenter_mapping
        .into_iter()
        .map(|consenter| {
            Ok(BftConsenter {
                id: consenter.id,
                port: port(consenter.port, &format!("{path}/Orderers"))?,
                identity: text(&consenter.identity),
                client_tls_cert: text(&consenter.client_tls_cert),
                server_tls_cert: text(&consenter.server_tls_cert),
                host: consenter.host,
                msp_id: consenter.msp_id,
            })
        })
        .collect::<Result<_, ReadError>>()?;
    Ok(Consensus::Bft {
        consenters,
        options: Box::new(BftOptions {
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
        }),
    })
}
