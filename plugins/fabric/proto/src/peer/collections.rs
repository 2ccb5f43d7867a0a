//! Policies and collections of a chaincode: who must endorse, and who may hold private data.
//!
//! From `peer/policy.proto` and `peer/collection.proto`.

use crate::policies::SignaturePolicyEnvelope;

/// Who must endorse: the meaning of `validation_parameter` of a definition.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ApplicationPolicy {
    /// The policy; absent only in a malformed one.
    #[prost(oneof = "ApplicationPolicyKind", tags = "1, 2")]
    pub r#type: Option<ApplicationPolicyKind>,
}

/// The two ways to say who must endorse.
#[derive(Clone, PartialEq, Eq, ::prost::Oneof)]
pub enum ApplicationPolicyKind {
    /// A rule over signatures.
    #[prost(message, tag = "1")]
    SignaturePolicy(SignaturePolicyEnvelope),
    /// Path of a policy of the channel, such as `/Channel/Application/Endorsement`.
    #[prost(string, tag = "2")]
    ChannelConfigPolicyReference(String),
}

/// All collections of private data of a chaincode.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct CollectionConfigPackage {
    /// In the order of the definition, which peers compare.
    #[prost(message, repeated, tag = "1")]
    pub config: Vec<CollectionConfig>,
}

/// One collection.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct CollectionConfig {
    /// The collection; absent only in a malformed package.
    #[prost(oneof = "CollectionConfigKind", tags = "1")]
    pub payload: Option<CollectionConfigKind>,
}

/// The kinds of collections.
#[derive(Clone, PartialEq, Eq, ::prost::Oneof)]
pub enum CollectionConfigKind {
    /// The one kind that there is.
    #[prost(message, tag = "1")]
    StaticCollectionConfig(StaticCollectionConfig),
}

/// A collection with its members.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct StaticCollectionConfig {
    /// Name within the chaincode.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The organisations that may hold the data.
    #[prost(message, optional, tag = "2")]
    pub member_orgs_policy: Option<CollectionPolicyConfig>,
    /// How many other peers must have the data before an endorsement.
    #[prost(int32, tag = "3")]
    pub required_peer_count: i32,
    /// How many other peers the data is sent to.
    #[prost(int32, tag = "4")]
    pub maximum_peer_count: i32,
    /// Blocks after which the data is purged; 0 for never.
    #[prost(uint64, tag = "5")]
    pub block_to_live: u64,
    /// Only clients of members may read.
    #[prost(bool, tag = "6")]
    pub member_only_read: bool,
    /// Only clients of members may write.
    #[prost(bool, tag = "7")]
    pub member_only_write: bool,
    /// Who must endorse writes, instead of the chaincode's policy.
    #[prost(message, optional, tag = "8")]
    pub endorsement_policy: Option<ApplicationPolicy>,
}

/// The organisations of a collection.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct CollectionPolicyConfig {
    /// The policy; absent only in a malformed one.
    #[prost(oneof = "CollectionPolicyKind", tags = "1")]
    pub payload: Option<CollectionPolicyKind>,
}

/// The kinds of policies of a collection.
#[derive(Clone, PartialEq, Eq, ::prost::Oneof)]
pub enum CollectionPolicyKind {
    /// An OR of principals.
    #[prost(message, tag = "1")]
    SignaturePolicy(SignaturePolicyEnvelope),
}
