//! Finds the block that configures a channel.
//!
//! There is no request for it: one takes the newest block, reads in its metadata which block
//! configures the channel, and takes that one. Since 1.4.1 orderers write the number into the slot
//! of signatures; before, into a slot of its own.

use fabric_proto::Message;
use fabric_proto::common::{Block, BlockMetadataIndex, LastConfig, Metadata, OrdererBlockMetadata};
use thiserror::Error;

/// Why a block does not tell.
#[derive(Debug, Error)]
pub enum ConfigBlockError {
    /// A slot is not there.
    #[error("block {block} has no metadata in slot {slot}")]
    Missing {
        /// Number of the block.
        block: u64,
        /// Number of the slot.
        slot: usize,
    },
    /// A slot cannot be decoded.
    #[error("the metadata of block {block} in slot {slot} cannot be decoded")]
    Decode {
        /// Number of the block.
        block: u64,
        /// Number of the slot.
        slot: usize,
        /// What prost says.
        #[source]
        source: fabric_proto::prost::DecodeError,
    },
    /// The number lies ahead of the block.
    #[error("block {block} names block {index} as the one that configures it, which is later")]
    Later {
        /// Number of the block.
        block: u64,
        /// The number in its metadata.
        index: u64,
    },
}

/// Number of the block that configures the channel as of `block`: the block itself, or one before it.
///
/// # Errors
/// Metadata that is missing or broken. Blocks lose it where they are copied without.
pub fn last_config(block: &Block) -> Result<u64, ConfigBlockError> {
    let number = block.header.as_ref().map_or(0, |header| header.number);
    let slot = BlockMetadataIndex::Signatures as usize;
    let signatures = metadata(block, number, slot)?;
    let index = if signatures.value.is_empty() {
        let slot = BlockMetadataIndex::LastConfig as usize;
        let last = metadata(block, number, slot)?;
        // A zero is encoded as nothing, but below signatures; without any, only block 0 is sure.
        if last.encoded_len() == 0 && number != 0 {
            return Err(ConfigBlockError::Missing {
                block: number,
                slot,
            });
        }
        decode::<LastConfig>(&last.value, number, slot)?.index
    } else {
        decode::<OrdererBlockMetadata>(&signatures.value, number, slot)?
            .last_config
            .unwrap_or_default()
            .index
    };
    if index > number {
        return Err(ConfigBlockError::Later {
            block: number,
            index,
        });
    }
    Ok(index)
}

fn metadata(block: &Block, number: u64, slot: usize) -> Result<Metadata, ConfigBlockError> {
    let bytes = block
        .metadata
        .as_ref()
        .and_then(|metadata| metadata.metadata.get(slot))
        .ok_or(ConfigBlockError::Missing {
            block: number,
            slot,
        })?;
    decode(bytes, number, slot)
}

fn decode<T: Message + Default>(
    bytes: &[u8],
    block: u64,
    slot: usize,
) -> Result<T, ConfigBlockError> {
    T::decode(bytes).map_err(|source| ConfigBlockError::Decode {
        block,
        slot,
        source,
    })
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use fabric_proto::common::{BlockHeader, BlockMetadata, MetadataSignature};

    use super::*;

    fn block(number: u64, metadata: &[&[u8]]) -> Block {
        Block {
            header: Some(BlockHeader {
                number,
                ..BlockHeader::default()
            }),
            data: None,
            metadata: Some(BlockMetadata {
                metadata: metadata.iter().map(|slot| slot.to_vec()).collect(),
            }),
        }
    }

    #[test]
    fn block_0_of_a_channel_of_1_4_configures_itself() {
        let json: serde_json::Value =
            serde_json::from_str(include_str!("../../fixtures/14-mychannel-block0.json")).unwrap();
        let slots: Vec<Vec<u8>> = json["metadata"]["metadata"]
            .as_array()
            .unwrap()
            .iter()
            .map(|slot| {
                base64::engine::general_purpose::STANDARD
                    .decode(slot.as_str().unwrap())
                    .unwrap()
            })
            .collect();
        assert_eq!(slots.len(), 5);
        let slots: Vec<&[u8]> = slots.iter().map(Vec::as_slice).collect();
        assert_eq!(last_config(&block(0, &slots)).unwrap(), 0);
        assert!(last_config(&block(1, &slots)).is_err());
    }

    #[test]
    fn a_genesis_block_of_2_5_says_so_in_the_slot_of_signatures() {
        let bytes = include_bytes!("../../fixtures/25-etcdraft-app-genesis.block");
        let block = Block::decode(&bytes[..]).unwrap();
        assert!(!block.metadata.as_ref().unwrap().metadata[0].is_empty());
        assert_eq!(last_config(&block).unwrap(), 0);
    }

    #[test]
    fn later_blocks_point_back() {
        // Metadata{value: OrdererBlockMetadata{last_config: {index: 5}}}
        let signatures: &[u8] = &[0x0a, 4, 0x0a, 2, 8, 5];
        assert_eq!(last_config(&block(9, &[signatures])).unwrap(), 5);
        assert!(matches!(
            last_config(&block(4, &[signatures])),
            Err(ConfigBlockError::Later { .. })
        ));
        // 1.4: signatures without a value, and LastConfig{index: 3} in slot 1.
        let signed = Metadata {
            value: Vec::new(),
            signatures: vec![MetadataSignature::default()],
        }
        .encode_to_vec();
        assert_eq!(
            last_config(&block(9, &[&signed, &[0x0a, 2, 8, 3]])).unwrap(),
            3
        );
        // 1.4, and block 0 configures the channel still.
        assert_eq!(last_config(&block(9, &[&signed, &signed])).unwrap(), 0);
    }

    #[test]
    fn broken_metadata_is_an_error() {
        for slots in [&[][..], &[&b"\x0a"[..]], &[b"\x0a\x01\x0a"], &[b""]] {
            assert!(last_config(&block(9, slots)).is_err(), "{slots:?}");
        }
        assert!(last_config(&Block::default()).is_err());
    }
}
