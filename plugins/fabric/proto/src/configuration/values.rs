//! Values at the leaves of the tree of configuration, named as their keys are.
//!
//! From `common/configuration.proto`, `orderer/configuration.proto` and `peer/configuration.proto`.

use std::collections::BTreeMap;

use crate::message_map::impl_message_with_maps;

/// Root value `HashingAlgorithm`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct HashingAlgorithm {
    /// `SHA256`, the only one.
    #[prost(string, tag = "1")]
    pub name: String,
}

/// Root value `BlockDataHashingStructure`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct BlockDataHashingStructure {
    /// Width of the tree of hashes: `u32::MAX`, which makes it a plain hash.
    #[prost(uint32, tag = "1")]
    pub width: u32,
}

/// Root value `OrdererAddresses`, and value `Endpoints` of an orderer organisation.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct OrdererAddresses {
    /// `host:port`.
    #[prost(string, repeated, tag = "1")]
    pub addresses: Vec<String>,
}

/// Root value `Consortium`: which organisations could found the channel.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Consortium {
    /// Name of the consortium in the system channel.
    #[prost(string, tag = "1")]
    pub name: String,
}

/// Value `Capabilities` of the root, of `Orderer` and of `Application`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Required capabilities by name; a node that does not know one refuses the channel.
    pub capabilities: BTreeMap<String, Capability>,
}

impl_message_with_maps!(Capabilities { map capabilities = 1 });

/// A capability; only its name says anything.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Capability {}

/// Value `Orderers` of group `Orderer`, with BFT.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Orderers {
    /// Orderers that take part.
    #[prost(message, repeated, tag = "1")]
    pub consenter_mapping: Vec<Consenter>,
}

/// An orderer that takes part in BFT.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Consenter {
    /// Number, from 1, never used again.
    #[prost(uint32, tag = "1")]
    pub id: u32,
    /// Name that the other consenters dial.
    #[prost(string, tag = "2")]
    pub host: String,
    /// Port that they dial.
    #[prost(uint32, tag = "3")]
    pub port: u32,
    /// Membership provider of its organisation.
    #[prost(string, tag = "4")]
    pub msp_id: String,
    /// PEM certificate that it signs blocks with.
    #[prost(bytes = "vec", tag = "5")]
    pub identity: Vec<u8>,
    /// PEM certificate that it dials the others with.
    #[prost(bytes = "vec", tag = "6")]
    pub client_tls_cert: Vec<u8>,
    /// PEM certificate that it serves with.
    #[prost(bytes = "vec", tag = "7")]
    pub server_tls_cert: Vec<u8>,
}

/// Whether an orderer takes transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ::prost::Enumeration)]
#[repr(i32)]
pub enum ConsensusState {
    /// It does.
    Normal = 0,
    /// It only takes changes of configuration, to change the consensus type.
    Maintenance = 1,
}

/// Value `ConsensusType` of group `Orderer`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ConsensusType {
    /// `solo`, `kafka`, `etcdraft` or `BFT`.
    #[prost(string, tag = "1")]
    pub r#type: String,
    /// Settings of that type, empty for the first two.
    #[prost(bytes = "vec", tag = "2")]
    pub metadata: Vec<u8>,
    /// Whether the channel takes transactions.
    #[prost(enumeration = "ConsensusState", tag = "3")]
    pub state: i32,
}

/// Value `BatchSize` of group `Orderer`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct BatchSize {
    /// Transactions in a block.
    #[prost(uint32, tag = "1")]
    pub max_message_count: u32,
    /// Bytes in a block that are never exceeded.
    #[prost(uint32, tag = "2")]
    pub absolute_max_bytes: u32,
    /// Bytes in a block that only a single large transaction exceeds.
    #[prost(uint32, tag = "3")]
    pub preferred_max_bytes: u32,
}

/// Value `BatchTimeout` of group `Orderer`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct BatchTimeout {
    /// Longest wait for a block to fill, a Go duration such as `2s`.
    #[prost(string, tag = "1")]
    pub timeout: String,
}

/// Value `KafkaBrokers` of group `Orderer`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct KafkaBrokers {
    /// `host:port`.
    #[prost(string, repeated, tag = "1")]
    pub brokers: Vec<String>,
}

/// Value `ChannelRestrictions` of group `Orderer`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChannelRestrictions {
    /// Channels that may be created; 0 for any number.
    #[prost(uint64, tag = "1")]
    pub max_count: u64,
}

/// Value `AnchorPeers` of an application organisation.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct AnchorPeers {
    /// Peers that other organisations gossip with.
    #[prost(message, repeated, tag = "1")]
    pub anchor_peers: Vec<AnchorPeer>,
}

/// A peer that other organisations gossip with.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct AnchorPeer {
    /// Name to dial.
    #[prost(string, tag = "1")]
    pub host: String,
    /// Port to dial.
    #[prost(int32, tag = "2")]
    pub port: i32,
}

/// A rule of [`Acls`].
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ApiResource {
    /// Path of a policy, absolute or below `/Channel/Application`.
    #[prost(string, tag = "1")]
    pub policy_ref: String,
}

/// Value `ACLs` of group `Application`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acls {
    /// Which policy guards a call, by the name of the call, such as `peer/Propose`.
    pub acls: BTreeMap<String, ApiResource>,
}

impl_message_with_maps!(Acls { map acls = 1 });
