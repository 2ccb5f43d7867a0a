//! What system chaincodes answer about the channels of a peer.
//!
//! From `peer/query.proto` and `common/ledger.proto`.

/// Result of cscc `GetChannels`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChannelQueryResponse {
    /// The channels that the peer has joined.
    #[prost(message, repeated, tag = "1")]
    pub channels: Vec<ChannelInfo>,
}

/// A channel that a peer has joined.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChannelInfo {
    /// Its name.
    #[prost(string, tag = "1")]
    pub channel_id: String,
}

/// Result of qscc `GetChainInfo`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct BlockchainInfo {
    /// Number of blocks: one more than the number of the newest.
    #[prost(uint64, tag = "1")]
    pub height: u64,
    /// Hash of the newest block's header.
    #[prost(bytes = "vec", tag = "2")]
    pub current_block_hash: Vec<u8>,
    /// Hash of the header before it.
    #[prost(bytes = "vec", tag = "3")]
    pub previous_block_hash: Vec<u8>,
    /// Set on a peer that joined by a snapshot.
    #[prost(message, optional, tag = "4")]
    pub bootstrapping_snapshot_info: Option<BootstrappingSnapshotInfo>,
}

/// The snapshot that a peer began with.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct BootstrappingSnapshotInfo {
    /// Number of the newest block in it.
    #[prost(uint64, tag = "1")]
    pub last_block_in_snapshot: u64,
}
