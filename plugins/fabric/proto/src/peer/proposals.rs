//! Proposals: requests to run a chaincode.
//!
//! From `peer/proposal.proto` and `peer/chaincode.proto`.

use std::collections::BTreeMap;

/// What `Endorser/ProcessProposal` takes.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct SignedProposal {
    /// Encoded [`Proposal`].
    #[prost(bytes = "vec", tag = "1")]
    pub proposal_bytes: Vec<u8>,
    /// Signature of the creator over `proposal_bytes`.
    #[prost(bytes = "vec", tag = "2")]
    pub signature: Vec<u8>,
}

/// A request to run a chaincode.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Proposal {
    /// Encoded [`Header`](crate::common::Header).
    #[prost(bytes = "vec", tag = "1")]
    pub header: Vec<u8>,
    /// Encoded [`ChaincodeProposalPayload`].
    #[prost(bytes = "vec", tag = "2")]
    pub payload: Vec<u8>,
    /// Not used.
    #[prost(bytes = "vec", tag = "3")]
    pub extension: Vec<u8>,
}

/// [`ChannelHeader::extension`](crate::common::ChannelHeader::extension) of a proposal and of its transaction.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChaincodeHeaderExtension {
    /// The chaincode to call; a peer wants a name.
    #[prost(message, optional, tag = "2")]
    pub chaincode_id: Option<ChaincodeId>,
}

/// Content of a [`Proposal`].
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChaincodeProposalPayload {
    /// Encoded [`ChaincodeInvocationSpec`].
    #[prost(bytes = "vec", tag = "1")]
    pub input: Vec<u8>,
    /// Private input; never hashed and never part of a transaction.
    #[prost(btree_map = "string, bytes", tag = "2")]
    pub transient_map: BTreeMap<String, Vec<u8>>,
}

/// A call of a chaincode.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChaincodeInvocationSpec {
    /// The call.
    #[prost(message, optional, tag = "1")]
    pub chaincode_spec: Option<ChaincodeSpec>,
}

/// Languages that peers can build for; others are built outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ::prost::Enumeration)]
#[repr(i32)]
pub enum ChaincodeType {
    /// Not said: usual for calls of the lifecycle.
    Undefined = 0,
    /// Go.
    Golang = 1,
    /// JavaScript or TypeScript.
    Node = 2,
    /// An archive; given up.
    Car = 3,
    /// Java.
    Java = 4,
}

/// Which chaincode, and with what.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChaincodeSpec {
    /// Matters only when code is installed.
    #[prost(enumeration = "ChaincodeType", tag = "1")]
    pub r#type: i32,
    /// The chaincode.
    #[prost(message, optional, tag = "2")]
    pub chaincode_id: Option<ChaincodeId>,
    /// Its arguments.
    #[prost(message, optional, tag = "3")]
    pub input: Option<ChaincodeInput>,
    /// Not used.
    #[prost(int32, tag = "4")]
    pub timeout: i32,
}

/// Names a chaincode.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChaincodeId {
    /// Where its source was; only in packages of 1.x.
    #[prost(string, tag = "1")]
    pub path: String,
    /// Name on the channel.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Version; empty in calls.
    #[prost(string, tag = "3")]
    pub version: String,
}

/// Arguments of a call.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChaincodeInput {
    /// The function first, by convention; any bytes.
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub args: Vec<Vec<u8>>,
    /// Set by peers.
    #[prost(btree_map = "string, bytes", tag = "2")]
    pub decorations: BTreeMap<String, Vec<u8>>,
    /// The call that initialises a chaincode with `init_required`; since 2.0.
    #[prost(bool, tag = "3")]
    pub is_init: bool,
}
