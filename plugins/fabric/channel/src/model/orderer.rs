//! How transactions are ordered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Policies;

/// How transactions are ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Orderer {
    /// Who agrees on the order, and how.
    pub consensus: Consensus,
    /// Whether only changes of configuration are taken, to change the consensus.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub maintenance: bool,
    /// Longest wait for a block to fill, a Go duration such as `2s`.
    #[serde(default = "two_seconds")]
    pub batch_timeout: String,
    /// Sizes of blocks.
    #[serde(default)]
    pub batch_size: BatchSize,
    /// Channels that may be created through a system channel; 0 for any number. When absent, that
    /// number is meant and not written, as Fabric's tools do it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_channels: Option<u64>,
    /// Addresses for all organisations, `host:port`: before `V1_4_2`, where organisations have none
    /// of their own. Forbidden with `V3_0`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Capabilities; absent for the custom of the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<String>>,
    /// Policies that differ from [`orderer_policies`](super::orderer_policies).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub policies: Policies,
}

impl Orderer {
    /// An orderer with the custom for everything but the consensus.
    pub fn new(consensus: Consensus) -> Self {
        Self {
            consensus,
            maintenance: false,
            batch_timeout: two_seconds(),
            batch_size: BatchSize::default(),
            max_channels: None,
            addresses: Vec::new(),
            capabilities: None,
            policies: Policies::new(),
        }
    }
}

fn two_seconds() -> String {
    "2s".to_owned()
}

/// Who agrees on the order of transactions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum Consensus {
    /// One orderer; up to 2.5, and there only through a system channel.
    Solo,
    /// A Kafka cluster; up to 2.5, and there only through a system channel.
    Kafka {
        /// Addresses, `host:port`.
        brokers: Vec<String>,
    },
    /// Raft among the orderers; tolerates crashes.
    Etcdraft {
        /// Orderers that take part.
        consenters: Vec<RaftConsenter>,
        /// Timing and sizes.
        #[serde(default)]
        options: RaftOptions,
    },
    /// `SmartBFT` among the orderers; tolerates lies. From 3.0 on.
    Bft {
        /// Orderers that take part.
        consenters: Vec<BftConsenter>,
        /// Timing and sizes.
        #[serde(default)]
        options: Box<BftOptions>,
    },
}

/// An orderer that takes part in Raft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RaftConsenter {
    /// Name that the other consenters dial; must be in the server certificate.
    pub host: String,
    /// Port that they dial.
    pub port: u16,
    /// PEM certificate that it dials the others with.
    pub client_tls_cert: String,
    /// PEM certificate that it serves with; usually the same.
    pub server_tls_cert: String,
}

/// An orderer that takes part in BFT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BftConsenter {
    /// Number, from 1.
    pub id: u32,
    /// Name that the other consenters dial.
    pub host: String,
    /// Port that they dial.
    pub port: u16,
    /// Membership provider of its organisation.
    pub msp_id: String,
    /// PEM certificate that it signs blocks with.
    pub identity: String,
    /// PEM certificate that it dials the others with.
    pub client_tls_cert: String,
    /// PEM certificate that it serves with.
    pub server_tls_cert: String,
}

/// Sizes of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct BatchSize {
    /// Transactions.
    pub max_message_count: u32,
    /// Bytes that are never exceeded.
    pub absolute_max_bytes: u32,
    /// Bytes that only a single large transaction exceeds.
    pub preferred_max_bytes: u32,
}

impl Default for BatchSize {
    fn default() -> Self {
        Self {
            max_message_count: 500,
            absolute_max_bytes: 10 * 1024 * 1024,
            preferred_max_bytes: 2 * 1024 * 1024,
        }
    }
}

/// Timing and sizes of Raft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RaftOptions {
    /// Length of a tick, a Go duration.
    pub tick_interval: String,
    /// Ticks without a leader before an election.
    pub election_tick: u32,
    /// Ticks between heartbeats; fewer than `election_tick`.
    pub heartbeat_tick: u32,
    /// Blocks on their way at once.
    pub max_inflight_blocks: u32,
    /// Bytes of log after which a snapshot is taken.
    pub snapshot_interval_size: u32,
}

impl Default for RaftOptions {
    fn default() -> Self {
        Self {
            tick_interval: "500ms".to_owned(),
            election_tick: 10,
            heartbeat_tick: 1,
            max_inflight_blocks: 5,
            snapshot_interval_size: 16 * 1024 * 1024,
        }
    }
}

/// Timing and sizes of BFT, named as in the channel; durations are Go durations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct BftOptions {
    /// Requests in a batch.
    pub request_batch_max_count: u64,
    /// Bytes in a batch.
    pub request_batch_max_bytes: u64,
    /// Longest wait for a batch to fill.
    pub request_batch_max_interval: String,
    /// Messages that wait to be processed.
    pub incoming_message_buffer_size: u64,
    /// Requests that wait to be ordered.
    pub request_pool_size: u64,
    /// Wait before a request is forwarded to the leader.
    pub request_forward_timeout: String,
    /// Wait before the leader is complained of.
    pub request_complain_timeout: String,
    /// Wait before a request is dropped.
    pub request_auto_remove_timeout: String,
    /// Size of a request; 0 leaves it to the batch size.
    pub request_max_bytes: u64,
    /// Interval of repeated view change messages.
    pub view_change_resend_interval: String,
    /// Longest view change.
    pub view_change_timeout: String,
    /// Silence after which the leader counts as failed.
    pub leader_heartbeat_timeout: String,
    /// Heartbeats within that time.
    pub leader_heartbeat_count: u64,
    /// Wait for the states of the others.
    pub collect_timeout: String,
    /// Whether to fetch blocks before taking part.
    pub sync_on_start: bool,
    /// Whether to join a view change early.
    pub speed_up_view_change: bool,
    /// Whether the leader changes without a fault: 0 unspecified, 1 no, 2 yes.
    pub leader_rotation: i32,
    /// Blocks after which it does.
    pub decisions_per_leader: u64,
}

impl Default for BftOptions {
    fn default() -> Self {
        let text = |text: &str| text.to_owned();
        Self {
            request_batch_max_count: 100,
            request_batch_max_bytes: 10 * 1024 * 1024,
            request_batch_max_interval: text("50ms"),
            incoming_message_buffer_size: 200,
            request_pool_size: 400,
            request_forward_timeout: text("2s"),
            request_complain_timeout: text("20s"),
            request_auto_remove_timeout: text("3m0s"),
            request_max_bytes: 0,
            view_change_resend_interval: text("5s"),
            view_change_timeout: text("20s"),
            leader_heartbeat_timeout: text("1m0s"),
            leader_heartbeat_count: 10,
            collect_timeout: text("1s"),
            sync_on_start: false,
            speed_up_view_change: false,
            leader_rotation: 0,
            decisions_per_leader: 0,
        }
    }
}
