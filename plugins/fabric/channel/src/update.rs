//! Changes to the configuration of a channel: made, signed, wrapped, merged, reviewed and applied.
//!
//! A change names what it relies on (read set) and what it sets (write set), both by versions. Each
//! organisation signs the same bytes; the one that submits signs the envelope around them, which
//! only counts as a member's right to write. So files of several organisations can be merged, and
//! the bytes of the change must never be encoded again on the way.

mod create;
mod diff;
mod review;
mod sign;

use fabric_proto::Message;
use fabric_proto::common::{ChannelHeader, Envelope, Header, HeaderType, Payload, Timestamp};
use fabric_proto::configuration::{ConfigUpdate, ConfigUpdateEnvelope};

use crate::block::BlockError;
use crate::tree::TreeError;

pub use create::{channel_creation, first_anchor_update};
pub use diff::compute_update;
pub use review::{Change, Missing, Review, missing, missing_all, review};
pub use sign::{merge, sign_update, signers, wrap};

/// Why a change cannot be made, signed or applied.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// Nothing differs.
    #[error("configuration of channel `{channel}` is the same before and after, expected a change")]
    NoDifference {
        /// Name of the channel.
        channel: String,
    },
    /// The channel's description is not enough.
    #[error("channel `{channel}` has no {what}, expected one")]
    Incomplete {
        /// Name of the channel.
        channel: String,
        /// What is missing.
        what: String,
    },
    /// A part of the tree cannot be built.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A message does not decode.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// Files to merge hold different changes.
    #[error(
        "file {index} holds another change than the first, expected signatures of the same one"
    )]
    Different {
        /// Which file, from 0.
        index: usize,
    },
    /// There is nothing to merge.
    #[error("no files to merge, expected at least one")]
    Nothing,
    /// A version does not follow the configuration.
    #[error("{element} has version {found} in the {set} set, expected {expected}")]
    Version {
        /// Path of the element.
        element: String,
        /// `read` or `write`.
        set: &'static str,
        /// The version found.
        found: u64,
        /// What would do.
        expected: String,
    },
    /// The read set names what is not there.
    #[error("{element} is in the read set but not in the configuration")]
    Absent {
        /// Path of the element.
        element: String,
    },
    /// The write set adds an element to a group whose version it does not raise.
    #[error("{element} is new, but the version of its group is not raised")]
    Unlisted {
        /// Path of the element.
        element: String,
    },
    /// An element is written as it is, without being read.
    #[error("{element} is in the write set with its old version, expected it in the read set too")]
    Unread {
        /// Path of the element.
        element: String,
    },
    /// What is written has no modification policy.
    #[error("{element} is written without a modification policy, expected one")]
    Unguarded {
        /// Path of the element.
        element: String,
    },
    /// The read or write set is absent.
    #[error("change of channel `{channel}` has no {set} set")]
    NoSet {
        /// Name of the channel.
        channel: String,
        /// `read` or `write`.
        set: &'static str,
    },
}

/// A change that nobody has signed.
pub fn unsigned(update: &ConfigUpdate) -> ConfigUpdateEnvelope {
    ConfigUpdateEnvelope {
        config_update: update.encode_to_vec(),
        signatures: Vec::new(),
    }
}

/// The file form of a change (`channel.tx`): an envelope without creator and signature.
///
/// The time is the maker's choice; anchor updates of 1.4 have none.
pub fn update_file(
    channel_id: &str,
    envelope: &ConfigUpdateEnvelope,
    timestamp: Option<Timestamp>,
) -> Envelope {
    Envelope {
        payload: payload(channel_id, envelope, timestamp, Vec::new()).encode_to_vec(),
        signature: Vec::new(),
    }
}

/// Payload around a change. Neither version nor transaction identifier is set, as Fabric's own
/// command does it.
fn payload(
    channel_id: &str,
    envelope: &ConfigUpdateEnvelope,
    timestamp: Option<Timestamp>,
    signature_header: Vec<u8>,
) -> Payload {
    let channel_header = ChannelHeader {
        r#type: HeaderType::ConfigUpdate as i32,
        timestamp,
        channel_id: channel_id.to_owned(),
        ..ChannelHeader::default()
    };
    Payload {
        header: Some(Header {
            channel_header: channel_header.encode_to_vec(),
            signature_header,
        }),
        data: envelope.encode_to_vec(),
    }
}

#[cfg(test)]
mod tests;
