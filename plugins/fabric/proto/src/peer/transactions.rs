//! Transactions: proposals with their endorsements, and what becomes of them.
//!
//! From `peer/transaction.proto`.

use super::answers::Endorsement;
use crate::common::Envelope;

/// [`Payload::data`](crate::common::Payload::data) of an endorsed transaction.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Transaction {
    /// Exactly one; more are refused.
    #[prost(message, repeated, tag = "1")]
    pub actions: Vec<TransactionAction>,
}

/// One action of a transaction.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct TransactionAction {
    /// Encoded [`SignatureHeader`](crate::common::SignatureHeader) of the proposal.
    #[prost(bytes = "vec", tag = "1")]
    pub header: Vec<u8>,
    /// Encoded [`ChaincodeActionPayload`].
    #[prost(bytes = "vec", tag = "2")]
    pub payload: Vec<u8>,
}

/// A proposal with what came of it.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChaincodeActionPayload {
    /// Encoded [`ChaincodeProposalPayload`](super::ChaincodeProposalPayload) without its transient map.
    #[prost(bytes = "vec", tag = "1")]
    pub chaincode_proposal_payload: Vec<u8>,
    /// The outcome with its endorsements.
    #[prost(message, optional, tag = "2")]
    pub action: Option<ChaincodeEndorsedAction>,
}

/// An outcome with its endorsements.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChaincodeEndorsedAction {
    /// Encoded [`ProposalResponsePayload`](super::ProposalResponsePayload), the same from all endorsers.
    #[prost(bytes = "vec", tag = "1")]
    pub proposal_response_payload: Vec<u8>,
    /// One of each endorser.
    #[prost(message, repeated, tag = "2")]
    pub endorsements: Vec<Endorsement>,
}

/// A transaction of a block with its validation code, as qscc `GetTransactionByID` answers.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ProcessedTransaction {
    /// The transaction.
    #[prost(message, optional, tag = "1")]
    pub transaction_envelope: Option<Envelope>,
    /// A [`TxValidationCode`].
    #[prost(int32, tag = "2")]
    pub validation_code: i32,
}

/// What committing peers say of a transaction; one byte of the block's metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ::prost::Enumeration)]
#[repr(i32)]
pub enum TxValidationCode {
    /// It changed the state.
    Valid = 0,
    /// The envelope is empty.
    NilEnvelope = 1,
    /// The payload cannot be read.
    BadPayload = 2,
    /// A header cannot be read or is wrong.
    BadCommonHeader = 3,
    /// The creator's signature is wrong, or the creator is unknown.
    BadCreatorSignature = 4,
    /// The transaction cannot be read.
    InvalidEndorserTransaction = 5,
    /// The configuration cannot be applied.
    InvalidConfigTransaction = 6,
    /// A type that peers do not process.
    UnsupportedTxPayload = 7,
    /// The id is not the hash of nonce and creator.
    BadProposalTxid = 8,
    /// The id was used before.
    DuplicateTxid = 9,
    /// Too few endorsements, or by the wrong organisations.
    EndorsementPolicyFailure = 10,
    /// A key that was read has changed since.
    MvccReadConflict = 11,
    /// A range that was read has changed since.
    PhantomReadConflict = 12,
    /// An unknown type.
    UnknownTxType = 13,
    /// The channel does not exist.
    TargetChainNotFound = 14,
    /// The transaction cannot be encoded again.
    MarshalTxError = 15,
    /// It has no action.
    NilTxaction = 16,
    /// The chaincode was upgraded in the meantime (1.x).
    ExpiredChaincode = 17,
    /// Another version of the chaincode is defined (1.x).
    ChaincodeVersionConflict = 18,
    /// The header names no chaincode.
    BadHeaderExtension = 19,
    /// The channel header is wrong.
    BadChannelHeader = 20,
    /// The outcome cannot be read.
    BadResponsePayload = 21,
    /// The read and write sets cannot be read.
    BadRwset = 22,
    /// It writes where it may not.
    IllegalWriteset = 23,
    /// What it writes is malformed.
    InvalidWriteset = 24,
    /// The chaincode is not defined.
    InvalidChaincode = 25,
    /// Not looked at yet.
    NotValidated = 254,
    /// Anything else.
    InvalidOtherReason = 255,
}

impl TxValidationCode {
    /// The name in the interface files, which the field's tools print.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Valid => "VALID",
            Self::NilEnvelope => "NIL_ENVELOPE",
            Self::BadPayload => "BAD_PAYLOAD",
            Self::BadCommonHeader => "BAD_COMMON_HEADER",
            Self::BadCreatorSignature => "BAD_CREATOR_SIGNATURE",
            Self::InvalidEndorserTransaction => "INVALID_ENDORSER_TRANSACTION",
            Self::InvalidConfigTransaction => "INVALID_CONFIG_TRANSACTION",
            Self::UnsupportedTxPayload => "UNSUPPORTED_TX_PAYLOAD",
            Self::BadProposalTxid => "BAD_PROPOSAL_TXID",
            Self::DuplicateTxid => "DUPLICATE_TXID",
            Self::EndorsementPolicyFailure => "ENDORSEMENT_POLICY_FAILURE",
            Self::MvccReadConflict => "MVCC_READ_CONFLICT",
            Self::PhantomReadConflict => "PHANTOM_READ_CONFLICT",
            Self::UnknownTxType => "UNKNOWN_TX_TYPE",
            Self::TargetChainNotFound => "TARGET_CHAIN_NOT_FOUND",
            Self::MarshalTxError => "MARSHAL_TX_ERROR",
            Self::NilTxaction => "NIL_TXACTION",
            Self::ExpiredChaincode => "EXPIRED_CHAINCODE",
            Self::ChaincodeVersionConflict => "CHAINCODE_VERSION_CONFLICT",
            Self::BadHeaderExtension => "BAD_HEADER_EXTENSION",
            Self::BadChannelHeader => "BAD_CHANNEL_HEADER",
            Self::BadResponsePayload => "BAD_RESPONSE_PAYLOAD",
            Self::BadRwset => "BAD_RWSET",
            Self::IllegalWriteset => "ILLEGAL_WRITESET",
            Self::InvalidWriteset => "INVALID_WRITESET",
            Self::InvalidChaincode => "INVALID_CHAINCODE",
            Self::NotValidated => "NOT_VALIDATED",
            Self::InvalidOtherReason => "INVALID_OTHER_REASON",
        }
    }
}
