//! What `SmartBFT` is told in [`ConsensusType::metadata`](super::ConsensusType::metadata).
//!
//! From `orderer/smartbft/configuration.proto`; release 3.0 and later. Durations are Go durations.

/// Whether the leader changes without a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ::prost::Enumeration)]
#[repr(i32)]
pub enum LeaderRotation {
    /// The library decides.
    Unspecified = 0,
    /// It stays.
    Off = 1,
    /// It changes.
    On = 2,
}

/// Metadata of consensus type `BFT`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Options {
    /// Requests in a batch.
    #[prost(uint64, tag = "1")]
    pub request_batch_max_count: u64,
    /// Bytes in a batch.
    #[prost(uint64, tag = "2")]
    pub request_batch_max_bytes: u64,
    /// Longest wait for a batch to fill.
    #[prost(string, tag = "3")]
    pub request_batch_max_interval: String,
    /// Messages that wait to be processed.
    #[prost(uint64, tag = "4")]
    pub incoming_message_buffer_size: u64,
    /// Requests that wait to be ordered.
    #[prost(uint64, tag = "5")]
    pub request_pool_size: u64,
    /// Wait before a request is forwarded to the leader.
    #[prost(string, tag = "6")]
    pub request_forward_timeout: String,
    /// Wait before the leader is complained of.
    #[prost(string, tag = "7")]
    pub request_complain_timeout: String,
    /// Wait before a request is dropped.
    #[prost(string, tag = "8")]
    pub request_auto_remove_timeout: String,
    /// Size of a request; 0 leaves it to the batch size.
    #[prost(uint64, tag = "9")]
    pub request_max_bytes: u64,
    /// Interval of repeated view change messages.
    #[prost(string, tag = "10")]
    pub view_change_resend_interval: String,
    /// Longest view change.
    #[prost(string, tag = "11")]
    pub view_change_timeout: String,
    /// Silence after which the leader counts as failed.
    #[prost(string, tag = "12")]
    pub leader_heartbeat_timeout: String,
    /// Heartbeats within that time.
    #[prost(uint64, tag = "13")]
    pub leader_heartbeat_count: u64,
    /// Wait for the states of the others.
    #[prost(string, tag = "14")]
    pub collect_timeout: String,
    /// Whether to fetch blocks before taking part.
    #[prost(bool, tag = "15")]
    pub sync_on_start: bool,
    /// Whether to join a view change early.
    #[prost(bool, tag = "16")]
    pub speed_up_view_change: bool,
    /// Whether the leader changes without a fault.
    #[prost(enumeration = "LeaderRotation", tag = "17")]
    pub leader_rotation: i32,
    /// Blocks after which it does.
    #[prost(uint64, tag = "18")]
    pub decisions_per_leader: u64,
}
