//! Messages between clients and peers: proposals, transactions, lifecycle, delivery of blocks.
//!
//! From `peer/*.proto`, `peer/lifecycle/lifecycle.proto`, `orderer/ab.proto` and `common/ledger.proto`.
//! Fields that hold a nested message as `Vec<u8>` do so in the interface files as well: they are
//! signed or hashed as the exact bytes that were received, so they must never be encoded again.
//! Where a peer and an orderer have a message of one name, the orderer's is called after it here.

use std::collections::BTreeMap;

use crate::common::{Block, Envelope, Timestamp};
use crate::policies::SignaturePolicyEnvelope;

// Proposals (peer/proposal.proto, peer/chaincode.proto).

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

// Answers to proposals (peer/proposal_response.proto).

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

// Transactions (peer/transaction.proto).

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
    /// Encoded [`ChaincodeProposalPayload`] without its transient map.
    #[prost(bytes = "vec", tag = "1")]
    pub chaincode_proposal_payload: Vec<u8>,
    /// The outcome with its endorsements.
    #[prost(message, optional, tag = "2")]
    pub action: Option<ChaincodeEndorsedAction>,
}

/// An outcome with its endorsements.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChaincodeEndorsedAction {
    /// Encoded [`ProposalResponsePayload`], the same from all endorsers.
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

// Policies and collections of a chaincode (peer/policy.proto, peer/collection.proto).

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

// Lifecycle since 2.0 (peer/lifecycle/lifecycle.proto).

/// A message without fields.
#[derive(Clone, Copy, PartialEq, Eq, ::prost::Message)]
pub struct Empty {}

/// Argument of `InstallChaincode`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct InstallChaincodeArgs {
    /// The package: a gzip tar.
    #[prost(bytes = "vec", tag = "1")]
    pub chaincode_install_package: Vec<u8>,
}

/// Result of `InstallChaincode`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct InstallChaincodeResult {
    /// Id of the package.
    #[prost(string, tag = "1")]
    pub package_id: String,
    /// Label of the package.
    #[prost(string, tag = "2")]
    pub label: String,
}

/// Argument of `QueryInstalledChaincode`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct QueryInstalledChaincodeArgs {
    /// Id of the package.
    #[prost(string, tag = "1")]
    pub package_id: String,
}

/// A package that is installed on a peer: result of `QueryInstalledChaincode`, part of that of
/// `QueryInstalledChaincodes`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct InstalledChaincode {
    /// Id of the package.
    #[prost(string, tag = "1")]
    pub package_id: String,
    /// Label of the package.
    #[prost(string, tag = "2")]
    pub label: String,
    /// The definitions that use it, by channel.
    #[prost(btree_map = "string, message", tag = "3")]
    pub references: BTreeMap<String, InstalledReferences>,
}

/// The definitions of one channel that use a package.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct InstalledReferences {
    /// The definitions.
    #[prost(message, repeated, tag = "1")]
    pub chaincodes: Vec<InstalledReference>,
}

/// A definition that uses a package.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct InstalledReference {
    /// Name on the channel.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Version of the definition.
    #[prost(string, tag = "2")]
    pub version: String,
}

/// Argument of `GetInstalledChaincodePackage`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct GetInstalledChaincodePackageArgs {
    /// Id of the package.
    #[prost(string, tag = "1")]
    pub package_id: String,
}

/// Result of `GetInstalledChaincodePackage`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct GetInstalledChaincodePackageResult {
    /// The package, as it was installed.
    #[prost(bytes = "vec", tag = "1")]
    pub chaincode_install_package: Vec<u8>,
}

/// Argument of `QueryInstalledChaincodes`: nothing.
pub type QueryInstalledChaincodesArgs = Empty;

/// Result of `QueryInstalledChaincodes`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct QueryInstalledChaincodesResult {
    /// All packages of the peer.
    #[prost(message, repeated, tag = "1")]
    pub installed_chaincodes: Vec<InstalledChaincode>,
}

/// Argument of `ApproveChaincodeDefinitionForMyOrg`. Empty plugins and an empty parameter stand for
/// `escc`, `vscc` and the channel's own endorsement policy.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ApproveChaincodeDefinitionForMyOrgArgs {
    /// Number of the definition: one more than the committed one.
    #[prost(int64, tag = "1")]
    pub sequence: i64,
    /// Name on the channel.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Any text.
    #[prost(string, tag = "3")]
    pub version: String,
    /// Plugin that endorses.
    #[prost(string, tag = "4")]
    pub endorsement_plugin: String,
    /// Plugin that validates.
    #[prost(string, tag = "5")]
    pub validation_plugin: String,
    /// Encoded [`ApplicationPolicy`].
    #[prost(bytes = "vec", tag = "6")]
    pub validation_parameter: Vec<u8>,
    /// Collections of private data.
    #[prost(message, optional, tag = "7")]
    pub collections: Option<CollectionConfigPackage>,
    /// The first call must be one with `is_init`.
    #[prost(bool, tag = "8")]
    pub init_required: bool,
    /// The package that this organisation runs.
    #[prost(message, optional, tag = "9")]
    pub source: Option<ChaincodeSource>,
}

/// Where an organisation's peers have the code.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChaincodeSource {
    /// Absent only in a malformed message.
    #[prost(oneof = "ChaincodeSourceKind", tags = "1, 2")]
    pub r#type: Option<ChaincodeSourceKind>,
}

/// Whether an organisation's peers have the code.
#[derive(Clone, PartialEq, Eq, ::prost::Oneof)]
pub enum ChaincodeSourceKind {
    /// They do not: the organisation approves but does not endorse.
    #[prost(message, tag = "1")]
    Unavailable(Empty),
    /// As an installed package.
    #[prost(message, tag = "2")]
    LocalPackage(LocalPackage),
}

/// An installed package.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct LocalPackage {
    /// Id of the package.
    #[prost(string, tag = "1")]
    pub package_id: String,
}

/// Argument of `CommitChaincodeDefinition` and of `CheckCommitReadiness`, which have the same fields.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct CommitChaincodeDefinitionArgs {
    /// Number of the definition: one more than the committed one.
    #[prost(int64, tag = "1")]
    pub sequence: i64,
    /// Name on the channel.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Any text.
    #[prost(string, tag = "3")]
    pub version: String,
    /// Plugin that endorses.
    #[prost(string, tag = "4")]
    pub endorsement_plugin: String,
    /// Plugin that validates.
    #[prost(string, tag = "5")]
    pub validation_plugin: String,
    /// Encoded [`ApplicationPolicy`].
    #[prost(bytes = "vec", tag = "6")]
    pub validation_parameter: Vec<u8>,
    /// Collections of private data.
    #[prost(message, optional, tag = "7")]
    pub collections: Option<CollectionConfigPackage>,
    /// The first call must be one with `is_init`.
    #[prost(bool, tag = "8")]
    pub init_required: bool,
}

/// Argument of `CheckCommitReadiness`.
pub type CheckCommitReadinessArgs = CommitChaincodeDefinitionArgs;

/// Result of `CheckCommitReadiness`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct CheckCommitReadinessResult {
    /// By membership provider: whether the organisation has approved exactly this definition.
    #[prost(btree_map = "string, bool", tag = "1")]
    pub approvals: BTreeMap<String, bool>,
    /// By membership provider: what it has approved otherwise; since 2.5.
    #[prost(btree_map = "string, message", tag = "2")]
    pub mismatches: BTreeMap<String, Mismatches>,
}

/// Parts of a definition that differ.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Mismatches {
    /// Names of parts.
    #[prost(string, repeated, tag = "1")]
    pub items: Vec<String>,
}

/// Argument of `QueryApprovedChaincodeDefinition`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct QueryApprovedChaincodeDefinitionArgs {
    /// Name on the channel.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Number of the definition; 0 for the newest.
    #[prost(int64, tag = "2")]
    pub sequence: i64,
}

/// Result of `QueryApprovedChaincodeDefinition`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct QueryApprovedChaincodeDefinitionResult {
    /// Number of the definition.
    #[prost(int64, tag = "1")]
    pub sequence: i64,
    /// Its version.
    #[prost(string, tag = "2")]
    pub version: String,
    /// Plugin that endorses.
    #[prost(string, tag = "3")]
    pub endorsement_plugin: String,
    /// Plugin that validates.
    #[prost(string, tag = "4")]
    pub validation_plugin: String,
    /// Encoded [`ApplicationPolicy`].
    #[prost(bytes = "vec", tag = "5")]
    pub validation_parameter: Vec<u8>,
    /// Collections of private data.
    #[prost(message, optional, tag = "6")]
    pub collections: Option<CollectionConfigPackage>,
    /// The first call must be one with `is_init`.
    #[prost(bool, tag = "7")]
    pub init_required: bool,
    /// The package that this organisation runs.
    #[prost(message, optional, tag = "8")]
    pub source: Option<ChaincodeSource>,
}

/// Argument of `QueryChaincodeDefinition`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct QueryChaincodeDefinitionArgs {
    /// Name on the channel.
    #[prost(string, tag = "1")]
    pub name: String,
}

/// Result of `QueryChaincodeDefinition`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct QueryChaincodeDefinitionResult {
    /// Number of the committed definition.
    #[prost(int64, tag = "1")]
    pub sequence: i64,
    /// Its version.
    #[prost(string, tag = "2")]
    pub version: String,
    /// Plugin that endorses.
    #[prost(string, tag = "3")]
    pub endorsement_plugin: String,
    /// Plugin that validates.
    #[prost(string, tag = "4")]
    pub validation_plugin: String,
    /// Encoded [`ApplicationPolicy`].
    #[prost(bytes = "vec", tag = "5")]
    pub validation_parameter: Vec<u8>,
    /// Collections of private data.
    #[prost(message, optional, tag = "6")]
    pub collections: Option<CollectionConfigPackage>,
    /// The first call must be one with `is_init`.
    #[prost(bool, tag = "7")]
    pub init_required: bool,
    /// By membership provider: whether the organisation has approved it.
    #[prost(btree_map = "string, bool", tag = "8")]
    pub approvals: BTreeMap<String, bool>,
}

/// Argument of `QueryChaincodeDefinitions`: nothing.
pub type QueryChaincodeDefinitionsArgs = Empty;

/// Result of `QueryChaincodeDefinitions`. Its entries have the fields of a definition's arguments.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct QueryChaincodeDefinitionsResult {
    /// All definitions of the channel.
    #[prost(message, repeated, tag = "1")]
    pub chaincode_definitions: Vec<CommitChaincodeDefinitionArgs>,
}

// Lifecycle of 1.x (peer/chaincode.proto, peer/query.proto).

/// Code with its name: what lscc installs; without code: what it deploys.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChaincodeDeploymentSpec {
    /// Language, name, version, path; when deployed, the arguments of `Init`.
    #[prost(message, optional, tag = "1")]
    pub chaincode_spec: Option<ChaincodeSpec>,
    /// A gzip tar of sources; must be empty when deployed.
    #[prost(bytes = "vec", tag = "3")]
    pub code_package: Vec<u8>,
    /// Where it runs, 0 for docker; gone since 2.0.
    #[prost(int32, tag = "4")]
    pub exec_env: i32,
}

/// An instantiated chaincode: result of lscc `getccdata`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChaincodeData {
    /// Name on the channel.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Version that is instantiated.
    #[prost(string, tag = "2")]
    pub version: String,
    /// Plugin that endorses.
    #[prost(string, tag = "3")]
    pub escc: String,
    /// Plugin that validates.
    #[prost(string, tag = "4")]
    pub vscc: String,
    /// Who must endorse.
    #[prost(message, optional, tag = "5")]
    pub policy: Option<SignaturePolicyEnvelope>,
    /// Hashes of the code.
    #[prost(bytes = "vec", tag = "6")]
    pub data: Vec<u8>,
    /// Hash of the package: differs between peers when they have other code.
    #[prost(bytes = "vec", tag = "7")]
    pub id: Vec<u8>,
    /// Who may instantiate.
    #[prost(message, optional, tag = "8")]
    pub instantiation_policy: Option<SignaturePolicyEnvelope>,
}

/// Result of lscc `getchaincodes` and `getinstalledchaincodes`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChaincodeQueryResponse {
    /// The chaincodes.
    #[prost(message, repeated, tag = "1")]
    pub chaincodes: Vec<ChaincodeInfo>,
}

/// A chaincode of 1.x.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChaincodeInfo {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its version.
    #[prost(string, tag = "2")]
    pub version: String,
    /// Where its source was.
    #[prost(string, tag = "3")]
    pub path: String,
    /// Arguments of `Init`; only when instantiated.
    #[prost(string, tag = "4")]
    pub input: String,
    /// Plugin that endorses.
    #[prost(string, tag = "5")]
    pub escc: String,
    /// Plugin that validates.
    #[prost(string, tag = "6")]
    pub vscc: String,
    /// Hash of the package.
    #[prost(bytes = "vec", tag = "7")]
    pub id: Vec<u8>,
}

// System chaincodes (peer/query.proto, common/ledger.proto).

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

// Delivery of blocks (orderer/ab.proto, peer/events.proto).

/// What `AtomicBroadcast/Broadcast` answers to each envelope.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct BroadcastResponse {
    /// A [`Status`](crate::common::Status); kept as a number.
    #[prost(int32, tag = "1")]
    pub status: i32,
    /// An error's text.
    #[prost(string, tag = "2")]
    pub info: String,
}

/// [`Payload::data`](crate::common::Payload::data) of a request for blocks.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct SeekInfo {
    /// The first block.
    #[prost(message, optional, tag = "1")]
    pub start: Option<SeekPosition>,
    /// The last block.
    #[prost(message, optional, tag = "2")]
    pub stop: Option<SeekPosition>,
    /// What to do about blocks that do not exist yet.
    #[prost(enumeration = "SeekBehavior", tag = "3")]
    pub behavior: i32,
    /// What to do when consensus is in trouble.
    #[prost(enumeration = "SeekErrorResponse", tag = "4")]
    pub error_response: i32,
    /// 0 for blocks, 1 for headers with signatures.
    #[prost(int32, tag = "5")]
    pub content_type: i32,
}

/// A place in the chain.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct SeekPosition {
    /// Absent only in a malformed message.
    #[prost(oneof = "SeekPositionKind", tags = "1, 2, 3, 4")]
    pub r#type: Option<SeekPositionKind>,
}

/// Ways to name a place in the chain.
#[derive(Clone, PartialEq, Eq, ::prost::Oneof)]
pub enum SeekPositionKind {
    /// The newest block.
    #[prost(message, tag = "1")]
    Newest(Empty),
    /// The oldest block, which is 0.
    #[prost(message, tag = "2")]
    Oldest(Empty),
    /// By number.
    #[prost(message, tag = "3")]
    Specified(SeekSpecified),
    /// The block that comes next.
    #[prost(message, tag = "4")]
    NextCommit(Empty),
}

/// A block by number.
#[derive(Clone, Copy, PartialEq, Eq, ::prost::Message)]
pub struct SeekSpecified {
    /// The number; `u64::MAX` for no end.
    #[prost(uint64, tag = "1")]
    pub number: u64,
}

/// What a node does about blocks that do not exist yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ::prost::Enumeration)]
#[repr(i32)]
pub enum SeekBehavior {
    /// It waits for them.
    BlockUntilReady = 0,
    /// It answers 404.
    FailIfNotReady = 1,
}

/// What an orderer does when consensus is in trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ::prost::Enumeration)]
#[repr(i32)]
pub enum SeekErrorResponse {
    /// It answers 503.
    Strict = 0,
    /// It gives the blocks that it has.
    BestEffort = 1,
}

/// What `AtomicBroadcast/Deliver` of an orderer answers, one of several.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct OrdererDeliverResponse {
    /// Absent only in a malformed message.
    #[prost(oneof = "OrdererDeliverResponseKind", tags = "1, 2")]
    pub r#type: Option<OrdererDeliverResponseKind>,
}

/// Kinds of answers of an orderer.
#[derive(Clone, PartialEq, Eq, ::prost::Oneof)]
pub enum OrdererDeliverResponseKind {
    /// The end of an answer: a [`Status`](crate::common::Status), kept as a number.
    #[prost(int32, tag = "1")]
    Status(i32),
    /// A block.
    #[prost(message, tag = "2")]
    Block(Block),
}

/// What `Deliver/Deliver` and `Deliver/DeliverFiltered` of a peer answer, one of several.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct DeliverResponse {
    /// Absent in a malformed message, and when it carries private data.
    #[prost(oneof = "DeliverResponseKind", tags = "1, 2, 3")]
    pub r#type: Option<DeliverResponseKind>,
}

/// Kinds of answers of a peer.
#[derive(Clone, PartialEq, Eq, ::prost::Oneof)]
pub enum DeliverResponseKind {
    /// The end of an answer: a [`Status`](crate::common::Status), kept as a number.
    #[prost(int32, tag = "1")]
    Status(i32),
    /// A block.
    #[prost(message, tag = "2")]
    Block(Block),
    /// What anyone may know of a block.
    #[prost(message, tag = "3")]
    FilteredBlock(FilteredBlock),
}

/// A block without the contents of its transactions.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct FilteredBlock {
    /// Name of the channel.
    #[prost(string, tag = "1")]
    pub channel_id: String,
    /// Number of the block.
    #[prost(uint64, tag = "2")]
    pub number: u64,
    /// Its transactions.
    #[prost(message, repeated, tag = "4")]
    pub filtered_transactions: Vec<FilteredTransaction>,
}

/// A transaction without its contents. Names of events, which nobody here needs, are skipped.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct FilteredTransaction {
    /// Its id.
    #[prost(string, tag = "1")]
    pub txid: String,
    /// A [`HeaderType`](crate::common::HeaderType).
    #[prost(int32, tag = "2")]
    pub r#type: i32,
    /// A [`TxValidationCode`]; kept as a number.
    #[prost(int32, tag = "3")]
    pub tx_validation_code: i32,
}
