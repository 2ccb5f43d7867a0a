//! What Raft is told in [`ConsensusType::metadata`](super::ConsensusType::metadata).
//!
//! From `orderer/etcdraft/configuration.proto`.

/// Metadata of consensus type `etcdraft`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ConfigMetadata {
    /// Orderers that take part; none may share a certificate.
    #[prost(message, repeated, tag = "1")]
    pub consenters: Vec<Consenter>,
    /// Timing and sizes.
    #[prost(message, optional, tag = "2")]
    pub options: Option<Options>,
}

/// An orderer that takes part in Raft.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Consenter {
    /// Name that the other consenters dial.
    #[prost(string, tag = "1")]
    pub host: String,
    /// Port that they dial.
    #[prost(uint32, tag = "2")]
    pub port: u32,
    /// PEM certificate that it dials the others with.
    #[prost(bytes = "vec", tag = "3")]
    pub client_tls_cert: Vec<u8>,
    /// PEM certificate that it serves with; the node finds itself by its key.
    #[prost(bytes = "vec", tag = "4")]
    pub server_tls_cert: Vec<u8>,
}

/// Timing and sizes of Raft.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Options {
    /// Length of a tick, a Go duration such as `500ms`.
    #[prost(string, tag = "1")]
    pub tick_interval: String,
    /// Ticks without a leader before an election; more than `heartbeat_tick`.
    #[prost(uint32, tag = "2")]
    pub election_tick: u32,
    /// Ticks between heartbeats.
    #[prost(uint32, tag = "3")]
    pub heartbeat_tick: u32,
    /// Blocks on their way at once.
    #[prost(uint32, tag = "4")]
    pub max_inflight_blocks: u32,
    /// Bytes of log after which a snapshot is taken.
    #[prost(uint32, tag = "5")]
    pub snapshot_interval_size: u32,
}
