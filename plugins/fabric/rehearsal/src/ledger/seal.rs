//! Blocks as orderers make them: numbered, chained by their hashes, signed.

use fabric_channel::block::{block_data_hash, block_header_hash};
use fabric_identity::identity::Identity;
use fabric_proto::Message as _;
use fabric_proto::common::{
    Block, BlockData, BlockHeader, BlockMetadata, BlockMetadataIndex, ChannelHeader, Envelope,
    Header, HeaderType, LastConfig, METADATA_SLOTS, Metadata, MetadataSignature,
    OrdererBlockMetadata, Payload, SignatureHeader, Timestamp,
};
use fabric_proto::configuration::{Config, ConfigEnvelope};

/// The hash of a block.
pub(super) fn hash(block: Option<&Block>) -> [u8; 32] {
    let header = block.and_then(|it| it.header.as_ref());
    header.map(block_header_hash).unwrap_or_default()
}

/// The envelope of a configuration as an orderer makes it.
pub(super) fn config_envelope(
    channel: &str,
    config: &Config,
    last_update: &Envelope,
    orderer: &Identity,
    now_ms: u64,
) -> Envelope {
    let channel_header = ChannelHeader {
        r#type: HeaderType::Config as i32,
        timestamp: Some(Timestamp {
            seconds: i64::try_from(now_ms / 1000).unwrap_or(i64::MAX),
            nanos: 0,
        }),
        channel_id: channel.to_owned(),
        ..ChannelHeader::default()
    };
    let nonce = block_data_hash(&BlockData {
        data: vec![last_update.encode_to_vec(), config.encode_to_vec()],
    });
    let payload = Payload {
        header: Some(Header {
            channel_header: channel_header.encode_to_vec(),
            signature_header: SignatureHeader {
                creator: orderer.creator().to_vec(),
                nonce: nonce.to_vec(),
            }
            .encode_to_vec(),
        }),
        data: ConfigEnvelope {
            config: Some(config.clone()),
            last_update: Some(last_update.clone()),
        }
        .encode_to_vec(),
    }
    .encode_to_vec();
    Envelope {
        signature: orderer.sign(&payload),
        payload,
    }
}

/// Block 0 of a channel out of a system channel, signed by an orderer.
pub fn first_block(
    channel: &str,
    config: &Config,
    last_update: &Envelope,
    orderer: &Identity,
    now_ms: u64,
) -> Block {
    let envelope = config_envelope(channel, config, last_update, orderer, now_ms);
    let data = BlockData {
        data: vec![envelope.encode_to_vec()],
    };
    let header = BlockHeader {
        number: 0,
        previous_hash: Vec::new(),
        data_hash: block_data_hash(&data).to_vec(),
    };
    Block {
        metadata: Some(sealed(&header, 0, Vec::new(), orderer)),
        header: Some(header),
        data: Some(data),
    }
}

/// The metadata of a block, signed: which block configures the channel stands in the first two slots.
pub(super) fn sealed(
    header: &BlockHeader,
    configured: u64,
    filter: Vec<u8>,
    orderer: &Identity,
) -> BlockMetadata {
    let last = LastConfig { index: configured };
    let sign = |value: &[u8]| {
        let signature_header = SignatureHeader {
            creator: orderer.creator().to_vec(),
            nonce: block_header_hash(header).to_vec(),
        }
        .encode_to_vec();
        let message = [value, &signature_header, &block_header_hash(header)].concat();
        vec![MetadataSignature {
            signature: orderer.sign(&message),
            signature_header,
            identifier_header: Vec::new(),
        }]
    };
    let mut slots = vec![Vec::new(); METADATA_SLOTS];
    let mut set = |slot: BlockMetadataIndex, bytes: Vec<u8>| {
        if let Some(place) = slots.get_mut(slot as usize) {
            *place = bytes;
        }
    };
    // Since 1.4.1 the number stands here too.
    let value = OrdererBlockMetadata {
        last_config: Some(last.clone()),
        consenter_metadata: Vec::new(),
    }
    .encode_to_vec();
    let signatures = Metadata {
        signatures: sign(&value),
        value,
    };
    set(BlockMetadataIndex::Signatures, signatures.encode_to_vec());
    let value = last.encode_to_vec();
    let configured = Metadata {
        signatures: sign(&value),
        value,
    };
    set(BlockMetadataIndex::LastConfig, configured.encode_to_vec());
    set(BlockMetadataIndex::TransactionsFilter, filter);
    BlockMetadata { metadata: slots }
}
