//! Delivery: what orderers answer to envelopes, and how blocks are asked for and given.
//!
//! From `orderer/ab.proto` and `peer/events.proto`.

use super::Empty;
use crate::common::Block;

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
    /// A [`TxValidationCode`](super::TxValidationCode); kept as a number.
    #[prost(int32, tag = "3")]
    pub tx_validation_code: i32,
}
