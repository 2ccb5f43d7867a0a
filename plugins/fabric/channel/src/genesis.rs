//! Block 0 of a channel, exactly as `configtxgen` makes it.
//!
//! All orderers and peers of a channel must get the same bytes of this block; nonce and time are in
//! it, so they are handed in (or derived) and the block can be made again from the same inputs.

use fabric_proto::Message;
use fabric_proto::common::{
    Block, BlockData, BlockHeader, BlockMetadata, ChannelHeader, Envelope, Header, HeaderType,
    LastConfig, METADATA_SLOTS, Metadata, OrdererBlockMetadata, Payload, SignatureHeader,
    Timestamp,
};
use fabric_proto::configuration::{Config, ConfigEnvelope, ConfigGroup};
use sha2::{Digest, Sha256};

use crate::block::{block_data_hash, transaction_id};
use crate::model::{Channel, Release};
use crate::tree::{TreeError, channel_group};

/// Length of a nonce by convention.
pub const NONCE_LEN: usize = 24;

/// What makes two blocks with the same configuration different.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed {
    /// Bytes that are never used twice; nobody checks that.
    pub nonce: [u8; NONCE_LEN],
    /// Seconds since 1970, the time of making; nobody checks that either.
    pub timestamp: i64,
}

impl Seed {
    /// A seed that follows from the configuration and a time: for tools that must give the same
    /// block when they run again.
    pub fn derived(channel_id: &str, group: &ConfigGroup, timestamp: i64) -> Self {
        let hash = Sha256::new()
            .chain_update(b"genesis block nonce\0")
            .chain_update(channel_id.as_bytes())
            .chain_update([0])
            .chain_update(timestamp.to_be_bytes())
            .chain_update(group.encode_to_vec())
            .finalize();
        let mut nonce = [0; NONCE_LEN];
        for (to, from) in nonce.iter_mut().zip(hash) {
            *to = from;
        }
        Self { nonce, timestamp }
    }
}

/// Form of the block's metadata; both work with either line of releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Five empty slots, as 1.4 has them.
    V1_4,
    /// The first slot points at block 0 as the last configuration, as 2.x and 3.x have it.
    V2,
}

impl From<Release> for Form {
    fn from(release: Release) -> Self {
        match release {
            Release::V1_4 => Self::V1_4,
            _ => Self::V2,
        }
    }
}

/// The genesis block of a channel.
///
/// Fails if a policy is not one, if two organisations have one name, or if nothing is said of the
/// orderers. Does not judge: see [`lint`](crate::lint) for that.
pub fn genesis_block(channel: &Channel, seed: &Seed) -> Result<Block, TreeError> {
    if channel.orderer.is_none() {
        return Err(TreeError::NoOrderer {
            channel: channel.id.clone(),
        });
    }
    let group = channel_group(channel)?;
    Ok(block_of(&channel.id, group, seed, channel.release.into()))
}

/// The genesis block over a tree that is already made.
pub fn block_of(channel_id: &str, group: ConfigGroup, seed: &Seed, form: Form) -> Block {
    let envelope = ConfigEnvelope {
        config: Some(Config {
            sequence: 0,
            channel_group: Some(group),
        }),
        last_update: None,
    };
    let channel_header = ChannelHeader {
        r#type: HeaderType::Config as i32,
        version: 1,
        timestamp: Some(Timestamp {
            seconds: seed.timestamp,
            nanos: 0,
        }),
        channel_id: channel_id.to_owned(),
        tx_id: transaction_id(&seed.nonce, &[]),
        ..ChannelHeader::default()
    };
    let signature_header = SignatureHeader {
        creator: Vec::new(),
        nonce: seed.nonce.to_vec(),
    };
    let payload = Payload {
        header: Some(Header {
            channel_header: channel_header.encode_to_vec(),
            signature_header: signature_header.encode_to_vec(),
        }),
        data: envelope.encode_to_vec(),
    };
    let data = BlockData {
        data: vec![
            Envelope {
                payload: payload.encode_to_vec(),
                signature: Vec::new(),
            }
            .encode_to_vec(),
        ],
    };
    Block {
        header: Some(BlockHeader {
            number: 0,
            previous_hash: Vec::new(),
            data_hash: block_data_hash(&data).to_vec(),
        }),
        data: Some(data),
        metadata: Some(metadata(form)),
    }
}

/// Metadata of a genesis block. Fewer than five slots make nodes of 2.x die, for good.
pub fn metadata(form: Form) -> BlockMetadata {
    let mut metadata = vec![Vec::new(); METADATA_SLOTS];
    if let (Form::V2, Some(first)) = (form, metadata.first_mut()) {
        let value = OrdererBlockMetadata {
            last_config: Some(LastConfig { index: 0 }),
            consenter_metadata: Vec::new(),
        };
        *first = Metadata {
            value: value.encode_to_vec(),
            signatures: Vec::new(),
        }
        .encode_to_vec();
    }
    BlockMetadata { metadata }
}

#[cfg(test)]
mod tests;
