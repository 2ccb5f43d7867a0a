//! Values at the leaves of the tree as JSON.

use fabric_proto::configuration::{
    Acls, AnchorPeers, BatchSize, BatchTimeout, BlockDataHashingStructure, Capabilities,
    ChannelRestrictions, ConsensusState, ConsensusType, Consortium, HashingAlgorithm, KafkaBrokers,
    OrdererAddresses, Orderers, etcdraft, smartbft,
};
use fabric_proto::msp::{FabricMspConfig, FabricOuIdentifier, MSP_TYPE_FABRIC, MspConfig};
use fabric_proto::policies::Policy;
use serde_json::{Value, json};

use super::{bytes, long, map, policy_json};
use crate::block::{BlockError, layer};

/// A value, decoded by its name; base64 where the name is unknown, `null` where it is empty.
pub fn value_json(name: &str, encoded: &[u8]) -> Result<Value, BlockError> {
    if encoded.is_empty() {
        return Ok(Value::Null);
    }
    Ok(match name {
        "HashingAlgorithm" => {
            let value: HashingAlgorithm = layer("HashingAlgorithm", encoded)?;
            json!({"name": value.name})
        }
        "BlockDataHashingStructure" => {
            let value: BlockDataHashingStructure = layer("BlockDataHashingStructure", encoded)?;
            json!({"width": value.width})
        }
        "OrdererAddresses" | "Endpoints" => {
            let value: OrdererAddresses = layer("OrdererAddresses", encoded)?;
            json!({"addresses": value.addresses})
        }
        "Consortium" => {
            let value: Consortium = layer("Consortium", encoded)?;
            json!({"name": value.name})
        }
        "Capabilities" => {
            let value: Capabilities = layer("Capabilities", encoded)?;
            json!({"capabilities": map(&value.capabilities, |_, _| Ok(json!({})))?})
        }
        "ConsensusType" => consensus_json(&layer("ConsensusType", encoded)?)?,
        "BatchSize" => {
            let value: BatchSize = layer("BatchSize", encoded)?;
            json!({
                "max_message_count": value.max_message_count,
                "absolute_max_bytes": value.absolute_max_bytes,
                "preferred_max_bytes": value.preferred_max_bytes,
            })
        }
        "BatchTimeout" => {
            let value: BatchTimeout = layer("BatchTimeout", encoded)?;
            json!({"timeout": value.timeout})
        }
        "ChannelRestrictions" => {
            let value: ChannelRestrictions = layer("ChannelRestrictions", encoded)?;
            json!({"max_count": long(value.max_count)})
        }
        "KafkaBrokers" => {
            let value: KafkaBrokers = layer("KafkaBrokers", encoded)?;
            json!({"brokers": value.brokers})
        }
        "Orderers" => orderers_json(&layer("Orderers", encoded)?),
        "MSP" => msp_json(&layer("MSPConfig", encoded)?)?,
        "AnchorPeers" => {
            let value: AnchorPeers = layer("AnchorPeers", encoded)?;
            let peers: Vec<Value> = value
                .anchor_peers
                .iter()
                .map(|peer| json!({"host": peer.host, "port": peer.port}))
                .collect();
            json!({"anchor_peers": peers})
        }
        "ACLs" => {
            let value: Acls = layer("ACLs", encoded)?;
            let acls = map(&value.acls, |_, resource| {
                Ok(json!({"policy_ref": resource.policy_ref}))
            })?;
            json!({"acls": acls})
        }
        "ChannelCreationPolicy" => policy_json(&layer::<Policy>("Policy", encoded)?)?,
        _ => bytes(encoded),
    })
}

fn consensus_json(value: &ConsensusType) -> Result<Value, BlockError> {
    let metadata = match value.r#type.as_str() {
        _ if value.metadata.is_empty() => Value::Null,
        "etcdraft" => raft_json(&layer("ConfigMetadata of etcdraft", &value.metadata)?),
        "BFT" => bft_json(&layer("Options of BFT", &value.metadata)?),
        _ => bytes(&value.metadata),
    };
    let state = match ConsensusState::try_from(value.state) {
        Ok(ConsensusState::Normal) => json!("STATE_NORMAL"),
        Ok(ConsensusState::Maintenance) => json!("STATE_MAINTENANCE"),
        Err(_) => json!(value.state),
    };
    Ok(json!({"type": value.r#type, "metadata": metadata, "state": state}))
}

fn raft_json(value: &etcdraft::ConfigMetadata) -> Value {
    let consenters: Vec<Value> = value
        .consenters
        .iter()
        .map(|consenter| {
            json!({
                "host": consenter.host,
                "port": consenter.port,
                "client_tls_cert": bytes(&consenter.client_tls_cert),
                "server_tls_cert": bytes(&consenter.server_tls_cert),
            })
        })
        .collect();
    let options = value.options.as_ref().map(|options| {
        json!({
            "tick_interval": options.tick_interval,
            "election_tick": options.election_tick,
            "heartbeat_tick": options.heartbeat_tick,
            "max_inflight_blocks": options.max_inflight_blocks,
            "snapshot_interval_size": options.snapshot_interval_size,
        })
    });
    json!({"consenters": consenters, "options": options})
}

fn bft_json(value: &smartbft::Options) -> Value {
    let rotation = match smartbft::LeaderRotation::try_from(value.leader_rotation) {
        Ok(smartbft::LeaderRotation::Unspecified) => json!("ROTATION_UNSPECIFIED"),
        Ok(smartbft::LeaderRotation::Off) => json!("ROTATION_OFF"),
        Ok(smartbft::LeaderRotation::On) => json!("ROTATION_ON"),
        Err(_) => json!(value.leader_rotation),
    };
    json!({
        "request_batch_max_count": long(value.request_batch_max_count),
        "request_batch_max_bytes": long(value.request_batch_max_bytes),
        "request_batch_max_interval": value.request_batch_max_interval,
        "incoming_message_buffer_size": long(value.incoming_message_buffer_size),
        "request_pool_size": long(value.request_pool_size),
        "request_forward_timeout": value.request_forward_timeout,
        "request_complain_timeout": value.request_complain_timeout,
        "request_auto_remove_timeout": value.request_auto_remove_timeout,
        "request_max_bytes": long(value.request_max_bytes),
        "view_change_resend_interval": value.view_change_resend_interval,
        "view_change_timeout": value.view_change_timeout,
        "leader_heartbeat_timeout": value.leader_heartbeat_timeout,
        "leader_heartbeat_count": long(value.leader_heartbeat_count),
        "collect_timeout": value.collect_timeout,
        "sync_on_start": value.sync_on_start,
        "speed_up_view_change": value.speed_up_view_change,
        "leader_rotation": rotation,
        "decisions_per_leader": long(value.decisions_per_leader),
    })
}

fn orderers_json(value: &Orderers) -> Value {
    let consenters: Vec<Value> = value
        .consenter_mapping
        .iter()
        .map(|consenter| {
            json!({
                "id": consenter.id,
                "host": consenter.host,
                "port": consenter.port,
                "msp_id": consenter.msp_id,
                "identity": bytes(&consenter.identity),
                "client_tls_cert": bytes(&consenter.client_tls_cert),
                "server_tls_cert": bytes(&consenter.server_tls_cert),
            })
        })
        .collect();
    json!({"consenter_mapping": consenters})
}

fn msp_json(value: &MspConfig) -> Result<Value, BlockError> {
    let config = if value.config.is_empty() {
        Value::Null
    } else if value.r#type == MSP_TYPE_FABRIC {
        fabric_msp_json(&layer("FabricMSPConfig", &value.config)?)
    } else {
        bytes(&value.config)
    };
    Ok(json!({"type": value.r#type, "config": config}))
}

fn list(all: &[Vec<u8>]) -> Value {
    all.iter().map(|one| bytes(one)).collect()
}

fn unit_json(unit: &FabricOuIdentifier) -> Value {
    json!({
        "certificate": bytes(&unit.certificate),
        "organizational_unit_identifier": unit.organizational_unit_identifier,
    })
}

fn fabric_msp_json(config: &FabricMspConfig) -> Value {
    let units: Vec<Value> = config
        .organizational_unit_identifiers
        .iter()
        .map(unit_json)
        .collect();
    json!({
        "name": config.name,
        "root_certs": list(&config.root_certs),
        "intermediate_certs": list(&config.intermediate_certs),
        "admins": list(&config.admins),
        "revocation_list": list(&config.revocation_list),
        // A key has no place in a channel, and none in a report: only whether there is one.
        "signing_identity": config.signing_identity.as_ref().map(|identity| {
            json!({"public_signer": bytes(&identity.public_signer)})
        }),
        "organizational_unit_identifiers": units,
        "crypto_config": config.crypto_config.as_ref().map(|crypto| json!({
            "signature_hash_family": crypto.signature_hash_family,
            "identity_identifier_hash_function": crypto.identity_identifier_hash_function,
        })),
        "tls_root_certs": list(&config.tls_root_certs),
        "tls_intermediate_certs": list(&config.tls_intermediate_certs),
        "fabric_node_ous": config.fabric_node_ous.as_ref().map(|units| json!({
            "enable": units.enable,
            "client_ou_identifier": units.client_ou_identifier.as_ref().map(unit_json),
            "peer_ou_identifier": units.peer_ou_identifier.as_ref().map(unit_json),
            "admin_ou_identifier": units.admin_ou_identifier.as_ref().map(unit_json),
            "orderer_ou_identifier": units.orderer_ou_identifier.as_ref().map(unit_json),
        })),
    })
}
