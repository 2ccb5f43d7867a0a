//! Blocks and envelopes: the layer that every message of a channel travels in.
//!
//! From `common/common.proto`. The layers below an [`Envelope`] are bytes, not messages, since what
//! is signed is the exact bytes: decode them one by one.

/// A moment, as `google.protobuf.Timestamp` encodes it.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Timestamp {
    /// Seconds since 1970-01-01T00:00:00Z.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// Nanoseconds within that second, 0 to 999999999.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

/// What [`ChannelHeader::type`] says of the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ::prost::Enumeration)]
#[repr(i32)]
pub enum HeaderType {
    /// Signed and otherwise opaque.
    Message = 0,
    /// A [`ConfigEnvelope`](crate::configuration::ConfigEnvelope).
    Config = 1,
    /// A [`ConfigUpdateEnvelope`](crate::configuration::ConfigUpdateEnvelope).
    ConfigUpdate = 2,
    /// A transaction with endorsements.
    EndorserTransaction = 3,
    /// Creation of a channel through a system channel; gone since 3.0.
    OrdererTransaction = 4,
    /// A request for blocks.
    DeliverSeekInfo = 5,
    /// A chaincode package of release 1.
    ChaincodePackage = 6,
}

/// Codes that orderers and peers answer with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ::prost::Enumeration)]
#[repr(i32)]
pub enum Status {
    /// Not set.
    Unknown = 0,
    /// Done.
    Success = 200,
    /// The request is malformed or breaks a policy.
    BadRequest = 400,
    /// The signer may not do this.
    Forbidden = 403,
    /// The channel is unknown here (or not ready yet).
    NotFound = 404,
    /// The envelope is larger than a block may be.
    RequestEntityTooLarge = 413,
    /// The node failed.
    InternalServerError = 500,
    /// The node does not know this request.
    NotImplemented = 501,
    /// No leader, or consensus is not running yet: try again.
    ServiceUnavailable = 503,
}

/// Slots of [`BlockMetadata`]. A block must have at least [`METADATA_SLOTS`] of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ::prost::Enumeration)]
#[repr(i32)]
pub enum BlockMetadataIndex {
    /// Signatures of the orderers over the block.
    Signatures = 0,
    /// Number of the last configuration block; kept empty since 2.0.
    LastConfig = 1,
    /// One validation code for each transaction.
    TransactionsFilter = 2,
    /// Bookkeeping of the orderer; kept empty since 2.0.
    Orderer = 3,
    /// Chained hash of the state updates.
    CommitHash = 4,
}

/// Number of metadata slots of a block. With fewer, nodes of 2.x die on the block and stay dead.
pub const METADATA_SLOTS: usize = 5;

/// A block of a channel.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Block {
    /// Number and hashes.
    #[prost(message, optional, tag = "1")]
    pub header: Option<BlockHeader>,
    /// The transactions.
    #[prost(message, optional, tag = "2")]
    pub data: Option<BlockData>,
    /// What was found out about the block later; not part of its hash.
    #[prost(message, optional, tag = "3")]
    pub metadata: Option<BlockMetadata>,
}

/// What a block's hash is taken over.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct BlockHeader {
    /// Height of the block, 0 for the first.
    #[prost(uint64, tag = "1")]
    pub number: u64,
    /// Hash of the header before; empty in block 0.
    #[prost(bytes = "vec", tag = "2")]
    pub previous_hash: Vec<u8>,
    /// SHA-256 over the concatenation of [`BlockData::data`].
    #[prost(bytes = "vec", tag = "3")]
    pub data_hash: Vec<u8>,
}

/// The transactions of a block.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct BlockData {
    /// Encoded [`Envelope`]s.
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub data: Vec<Vec<u8>>,
}

/// Slots of metadata, see [`BlockMetadataIndex`].
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct BlockMetadata {
    /// Encoded [`Metadata`], or empty.
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub metadata: Vec<Vec<u8>>,
}

/// A payload with the signature of its creator.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Envelope {
    /// Encoded [`Payload`].
    #[prost(bytes = "vec", tag = "1")]
    pub payload: Vec<u8>,
    /// Signature over `payload`; empty in block 0 and in unsigned files.
    #[prost(bytes = "vec", tag = "2")]
    pub signature: Vec<u8>,
}

/// Content of an [`Envelope`].
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Payload {
    /// Says what `data` is, and from whom.
    #[prost(message, optional, tag = "1")]
    pub header: Option<Header>,
    /// A message, of the type that the header names.
    #[prost(bytes = "vec", tag = "2")]
    pub data: Vec<u8>,
}

/// The two headers of a payload, encoded.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Header {
    /// Encoded [`ChannelHeader`].
    #[prost(bytes = "vec", tag = "1")]
    pub channel_header: Vec<u8>,
    /// Encoded [`SignatureHeader`].
    #[prost(bytes = "vec", tag = "2")]
    pub signature_header: Vec<u8>,
}

/// Says what a payload is and to which channel it belongs.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChannelHeader {
    /// A [`HeaderType`]; kept as a number, since unknown types exist in old blocks.
    #[prost(int32, tag = "1")]
    pub r#type: i32,
    /// Version of the protocol: 1 in block 0, 0 elsewhere.
    #[prost(int32, tag = "2")]
    pub version: i32,
    /// When the creator made the message.
    #[prost(message, optional, tag = "3")]
    pub timestamp: Option<Timestamp>,
    /// Name of the channel.
    #[prost(string, tag = "4")]
    pub channel_id: String,
    /// Lower-case hex of SHA-256 over nonce and creator.
    #[prost(string, tag = "5")]
    pub tx_id: String,
    /// Always 0.
    #[prost(uint64, tag = "6")]
    pub epoch: u64,
    /// For transactions: which chaincode is called.
    #[prost(bytes = "vec", tag = "7")]
    pub extension: Vec<u8>,
    /// SHA-256 of the client's TLS certificate, with mutual TLS.
    #[prost(bytes = "vec", tag = "8")]
    pub tls_cert_hash: Vec<u8>,
}

/// Who made a message, and a number used once.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct SignatureHeader {
    /// Encoded [`SerializedIdentity`](crate::msp::SerializedIdentity).
    #[prost(bytes = "vec", tag = "1")]
    pub creator: Vec<u8>,
    /// Arbitrary bytes, by convention 24, never used twice.
    #[prost(bytes = "vec", tag = "2")]
    pub nonce: Vec<u8>,
}

/// Content of a slot of [`BlockMetadata`].
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Metadata {
    /// A message that depends on the slot.
    #[prost(bytes = "vec", tag = "1")]
    pub value: Vec<u8>,
    /// Signatures over value, signature header and block header.
    #[prost(message, repeated, tag = "2")]
    pub signatures: Vec<MetadataSignature>,
}

/// One orderer's signature over a block.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct MetadataSignature {
    /// Encoded [`SignatureHeader`].
    #[prost(bytes = "vec", tag = "1")]
    pub signature_header: Vec<u8>,
    /// The signature.
    #[prost(bytes = "vec", tag = "2")]
    pub signature: Vec<u8>,
    /// Names the consenter by number instead, with BFT.
    #[prost(bytes = "vec", tag = "3")]
    pub identifier_header: Vec<u8>,
}

/// Points at the block that configures the channel.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct LastConfig {
    /// Number of that block.
    #[prost(uint64, tag = "1")]
    pub index: u64,
}

/// [`Metadata::value`] of the slot of signatures.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct OrdererBlockMetadata {
    /// The block that configures the channel.
    #[prost(message, optional, tag = "1")]
    pub last_config: Option<LastConfig>,
    /// Bookkeeping of the consensus.
    #[prost(bytes = "vec", tag = "2")]
    pub consenter_metadata: Vec<u8>,
}
