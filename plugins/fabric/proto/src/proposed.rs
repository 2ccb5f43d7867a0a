//! The one message here that is not of Fabric: a proposal on its way between organisations, as a file.

use crate::peer::{ProposalResponse, SignedProposal};

/// A signed proposal with the answers that it has so far. It has no private input and no key in it.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ProposedTransaction {
    /// Id of the transaction that may come of it.
    #[prost(string, tag = "1")]
    pub transaction_id: String,
    /// The proposal as its creator signed it.
    #[prost(message, optional, tag = "2")]
    pub proposal: Option<SignedProposal>,
    /// Answers of peers, each with an endorsement.
    #[prost(message, repeated, tag = "3")]
    pub responses: Vec<ProposalResponse>,
    /// Sequence of the definition of the chaincode that is called, when the proposal was made; 0 when none was needed.
    #[prost(int64, tag = "4")]
    pub sequence: i64,
}
