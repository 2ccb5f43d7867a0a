//! Hashes of blocks, and the way from a block's bytes to the configuration inside.
//!
//! Blocks come from files and nodes: every step is bounded and gives an error that says which layer
//! was broken.

use fabric_proto::Message;
use fabric_proto::common::{
    Block, BlockData, BlockHeader, ChannelHeader, Envelope, Header, HeaderType, Payload,
    SignatureHeader,
};
use fabric_proto::configuration::{Config, ConfigEnvelope, ConfigGroup, ConfigUpdateEnvelope};
use fabric_proto::prost::DecodeError;
use sha2::{Digest, Sha256};

/// Largest block that is read, in bytes; Fabric's own limit on a message is 100 MiB.
pub const MAX_BLOCK: usize = 100 * 1024 * 1024;

/// Why bytes are not a block of configuration.
#[derive(Debug, thiserror::Error)]
pub enum BlockError {
    /// The input is too large.
    #[error("block has {len} bytes, expected at most {MAX_BLOCK}")]
    TooLarge {
        /// Its size.
        len: usize,
    },
    /// A layer does not decode.
    #[error("{layer} does not decode")]
    Decode {
        /// Name of the message.
        layer: &'static str,
        /// Why not.
        #[source]
        source: DecodeError,
    },
    /// A part that must be there is not.
    #[error("{layer} is missing")]
    Missing {
        /// Name of the part.
        layer: &'static str,
    },
    /// The block has another number of transactions.
    #[error("block of configuration has {count} transactions, expected 1")]
    Transactions {
        /// How many.
        count: usize,
    },
    /// Envelopes are nested deeper than any channel has them.
    #[error("envelopes are nested too deep, expected a change inside of a configuration at most")]
    Nested,
    /// The payload is of another type.
    #[error("channel header has type {found}, expected {expected}")]
    Type {
        /// The type found, see [`HeaderType`].
        found: i32,
        /// The type expected.
        expected: i32,
    },
}

/// Decodes a layer, or says which one was broken.
pub(crate) fn layer<M: Message + Default>(
    layer: &'static str,
    bytes: &[u8],
) -> Result<M, BlockError> {
    M::decode(bytes).map_err(|source| BlockError::Decode { layer, source })
}

/// SHA-256 over the concatenation of the transactions: `BlockHeader.data_hash`.
pub fn block_data_hash(data: &BlockData) -> [u8; 32] {
    let mut hash = Sha256::new();
    for transaction in &data.data {
        hash.update(transaction);
    }
    hash.finalize().into()
}

/// Hash of a block, which the next block names and peers report as `currentBlockHash`: SHA-256 over
/// DER of number, previous hash and data hash.
pub fn block_header_hash(header: &BlockHeader) -> [u8; 32] {
    let mut number = header.number.to_be_bytes().to_vec();
    while number.len() > 1 && number.first() == Some(&0) {
        number.remove(0);
    }
    // A leading one bit would make it negative.
    if number.first().is_some_and(|first| first & 0x80 != 0) {
        number.insert(0, 0);
    }
    let mut content = der(0x02, &number);
    content.extend(der(0x04, &header.previous_hash));
    content.extend(der(0x04, &header.data_hash));
    Sha256::digest(der(0x30, &content)).into()
}

/// One element of DER.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let len = content.len();
    match u8::try_from(len) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let bytes: Vec<u8> = len
                .to_be_bytes()
                .into_iter()
                .skip_while(|byte| *byte == 0)
                .collect();
            out.push(0x80 | u8::try_from(bytes.len()).unwrap_or(u8::MAX));
            out.extend(bytes);
        }
    }
    out.extend_from_slice(content);
    out
}

/// Lower-case hex of SHA-256 over nonce and creator: the identifier of a transaction.
pub fn transaction_id(nonce: &[u8], creator: &[u8]) -> String {
    let hash = Sha256::new()
        .chain_update(nonce)
        .chain_update(creator)
        .finalize();
    hex::encode(hash)
}

/// An envelope, its layers decoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// What the payload is, and of which channel.
    pub channel_header: ChannelHeader,
    /// Who made it; a default where the bytes are empty.
    pub signature_header: SignatureHeader,
    /// The message, encoded.
    pub data: Vec<u8>,
    /// Signature over the payload.
    pub signature: Vec<u8>,
}

impl Opened {
    fn expect(&self, expected: HeaderType) -> Result<(), BlockError> {
        if self.channel_header.r#type == expected as i32 {
            return Ok(());
        }
        Err(BlockError::Type {
            found: self.channel_header.r#type,
            expected: expected as i32,
        })
    }
}

/// Decodes the layers of an envelope.
pub fn open_envelope(envelope: &Envelope) -> Result<Opened, BlockError> {
    let payload: Payload = layer("Payload", &envelope.payload)?;
    let header: Header = payload
        .header
        .ok_or(BlockError::Missing { layer: "Header" })?;
    Ok(Opened {
        channel_header: layer("ChannelHeader", &header.channel_header)?,
        signature_header: layer("SignatureHeader", &header.signature_header)?,
        data: payload.data,
        signature: envelope.signature.clone(),
    })
}

/// Decodes a block's outermost layer.
pub fn decode_block(bytes: &[u8]) -> Result<Block, BlockError> {
    if bytes.len() > MAX_BLOCK {
        return Err(BlockError::TooLarge { len: bytes.len() });
    }
    let block: Block = layer("Block", bytes)?;
    for (part, there) in [
        ("BlockHeader", block.header.is_some()),
        ("BlockData", block.data.is_some()),
    ] {
        if !there {
            return Err(BlockError::Missing { layer: part });
        }
    }
    Ok(block)
}

/// A block of configuration, with everything that a reader asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigBlock {
    /// The block.
    pub block: Block,
    /// Its single envelope.
    pub envelope: Opened,
    /// The configuration and the change that led to it.
    pub config_envelope: ConfigEnvelope,
    /// The configuration.
    pub config: Config,
    /// Root of the tree.
    pub group: ConfigGroup,
}

impl ConfigBlock {
    /// Name of the channel.
    pub fn channel_id(&self) -> &str {
        &self.envelope.channel_header.channel_id
    }

    /// Hash of the block, see [`block_header_hash`].
    pub fn hash(&self) -> [u8; 32] {
        block_header_hash(&self.block.header.clone().unwrap_or_default())
    }
}

/// Decodes a block of configuration down to the tree.
pub fn decode_config_block(bytes: &[u8]) -> Result<ConfigBlock, BlockError> {
    open_config_block(decode_block(bytes)?)
}

/// The same for a block that is decoded already.
pub fn open_config_block(block: Block) -> Result<ConfigBlock, BlockError> {
    let data = block
        .data
        .as_ref()
        .ok_or(BlockError::Missing { layer: "BlockData" })?;
    let [transaction] = data.data.as_slice() else {
        return Err(BlockError::Transactions {
            count: data.data.len(),
        });
    };
    let envelope = open_envelope(&layer("Envelope", transaction)?)?;
    envelope.expect(HeaderType::Config)?;
    let config_envelope: ConfigEnvelope = layer("ConfigEnvelope", &envelope.data)?;
    let config = config_envelope
        .config
        .clone()
        .ok_or(BlockError::Missing { layer: "Config" })?;
    let group = config.channel_group.clone().ok_or(BlockError::Missing {
        layer: "ConfigGroup of the channel",
    })?;
    Ok(ConfigBlock {
        block,
        envelope,
        config_envelope,
        config,
        group,
    })
}

/// Decodes the file of a change (`channel.tx`, an update to sign): an envelope around a
/// [`ConfigUpdateEnvelope`].
pub fn decode_update_file(bytes: &[u8]) -> Result<(Opened, ConfigUpdateEnvelope), BlockError> {
    if bytes.len() > MAX_BLOCK {
        return Err(BlockError::TooLarge { len: bytes.len() });
    }
    let opened = open_envelope(&layer("Envelope", bytes)?)?;
    opened.expect(HeaderType::ConfigUpdate)?;
    let update = layer("ConfigUpdateEnvelope", &opened.data)?;
    Ok((opened, update))
}

#[cfg(test)]
mod tests;
