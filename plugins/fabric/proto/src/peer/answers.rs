//! Answers to proposals: what endorsers say, and sign.
//!
//! From `peer/proposal_response.proto`.

use super::proposals::ChaincodeId;
use crate::common::Timestamp;

/// What `Endorser/ProcessProposal` answers. The interest of 2.4, which nobody here needs, is skipped.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ProposalResponse {
    /// 1 when endorsed.
    #[prost(int32, tag = "1")]
    pub version: i32,
    /// Not set by peers.
    #[prost(message, optional, tag = "2")]
    pub timestamp: Option<Timestamp>,
    /// What the chaincode or the peer says.
    #[prost(message, optional, tag = "4")]
    pub response: Option<Response>,
    /// Encoded [`ProposalResponsePayload`]: what is endorsed.
    #[prost(bytes = "vec", tag = "5")]
    pub payload: Vec<u8>,
    /// Absent when the call failed or had no channel.
    #[prost(message, optional, tag = "6")]
    pub endorsement: Option<Endorsement>,
}

/// Answer of a chaincode.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Response {
    /// 200 when all is well; from 400 on nothing is endorsed.
    #[prost(int32, tag = "1")]
    pub status: i32,
    /// An error's text.
    #[prost(string, tag = "2")]
    pub message: String,
    /// The result.
    #[prost(bytes = "vec", tag = "3")]
    pub payload: Vec<u8>,
}

/// What endorsers sign, followed by their identity.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ProposalResponsePayload {
    /// SHA-256 over channel header, signature header and payload without the transient map.
    #[prost(bytes = "vec", tag = "1")]
    pub proposal_hash: Vec<u8>,
    /// Encoded [`ChaincodeAction`].
    #[prost(bytes = "vec", tag = "2")]
    pub extension: Vec<u8>,
}

/// Outcome of a simulation.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChaincodeAction {
    /// Encoded read and write sets.
    #[prost(bytes = "vec", tag = "1")]
    pub results: Vec<u8>,
    /// Encoded event of the chaincode, or empty.
    #[prost(bytes = "vec", tag = "2")]
    pub events: Vec<u8>,
    /// Answer of the chaincode.
    #[prost(message, optional, tag = "3")]
    pub response: Option<Response>,
    /// The chaincode with the version that ran.
    #[prost(message, optional, tag = "4")]
    pub chaincode_id: Option<ChaincodeId>,
}

/// One peer's signature over an outcome.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Endorsement {
    /// Encoded [`SerializedIdentity`](crate::msp::SerializedIdentity) of the peer.
    #[prost(bytes = "vec", tag = "1")]
    pub endorser: Vec<u8>,
    /// Signature over [`ProposalResponse::payload`] followed by `endorser`.
    #[prost(bytes = "vec", tag = "2")]
    pub signature: Vec<u8>,
}
