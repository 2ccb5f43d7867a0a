//! Asks orderers and peers for blocks.
//!
//! One signed envelope says which blocks; the answer is a stream of blocks that a status ends. Nodes
//! wait for blocks that do not exist yet, so a stream for "from the newest on" goes on until the
//! client ends it.

use fabric_proto::common::{
    Block, ChannelHeader, Envelope, Header, HeaderType, Payload, SignatureHeader,
};
use fabric_proto::peer::{
    DeliverResponse, DeliverResponseKind, Empty, FilteredBlock, OrdererDeliverResponse,
    OrdererDeliverResponseKind, SeekBehavior, SeekErrorResponse, SeekInfo, SeekPosition,
    SeekPositionKind, SeekSpecified,
};
use fabric_proto::{Message, Signer};
use thiserror::Error;

use crate::failure::{self, Verdict};
use crate::proposal::Stamp;

/// Which blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seek {
    /// The newest, once.
    Newest,
    /// Block 0, once.
    Oldest,
    /// The block of this number, once; waits until it exists.
    Number(u64),
    /// The newest and all that come, without end: what waits for a transaction. Ask before the
    /// transaction is submitted.
    FromNewest,
    /// From this number on, without end: what waits again after a stream broke.
    From(u64),
}

fn position(kind: SeekPositionKind) -> SeekPosition {
    SeekPosition { r#type: Some(kind) }
}

fn number(number: u64) -> SeekPosition {
    position(SeekPositionKind::Specified(SeekSpecified { number }))
}

impl Seek {
    /// The request, with waiting for blocks that do not exist yet. `best_effort` lets an orderer give
    /// the blocks that it has although it cannot order at the moment.
    pub fn info(self, best_effort: bool) -> SeekInfo {
        let newest = || position(SeekPositionKind::Newest(Empty {}));
        let oldest = || position(SeekPositionKind::Oldest(Empty {}));
        let (start, stop) = match self {
            Self::Newest => (newest(), newest()),
            Self::Oldest => (oldest(), oldest()),
            Self::Number(at) => (number(at), number(at)),
            Self::FromNewest => (newest(), number(u64::MAX)),
            Self::From(at) => (number(at), number(u64::MAX)),
        };
        let error_response = if best_effort {
            SeekErrorResponse::BestEffort
        } else {
            SeekErrorResponse::Strict
        };
        SeekInfo {
            start: Some(start),
            stop: Some(stop),
            behavior: SeekBehavior::BlockUntilReady as i32,
            error_response: error_response as i32,
            content_type: 0,
        }
    }
}

/// Builds and signs the envelope that asks for blocks of a channel. Its frame is the whole body.
pub fn envelope(channel: &str, seek: &SeekInfo, signer: &dyn Signer, stamp: &Stamp) -> Envelope {
    let channel_header = ChannelHeader {
        r#type: HeaderType::DeliverSeekInfo as i32,
        timestamp: Some(stamp.time.clone()),
        channel_id: channel.to_owned(),
        tls_cert_hash: stamp.tls_cert_hash.map(Vec::from).unwrap_or_default(),
        ..ChannelHeader::default()
    };
    let signature_header = SignatureHeader {
        creator: signer.creator(),
        nonce: stamp.nonce.to_vec(),
    };
    let payload = Payload {
        header: Some(Header {
            channel_header: channel_header.encode_to_vec(),
            signature_header: signature_header.encode_to_vec(),
        }),
        data: seek.encode_to_vec(),
    }
    .encode_to_vec();
    let signature = signer.sign(&payload);
    Envelope { payload, signature }
}

/// One answer of a stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Delivered {
    /// A block.
    Block(Block),
    /// What anyone may know of a block.
    Filtered(FilteredBlock),
    /// All blocks that were asked for have been sent.
    End,
}

/// Why a stream gives no block.
#[derive(Debug, Error)]
pub enum DeliverError {
    /// The message cannot be decoded.
    #[error("an answer of the deliver service cannot be decoded")]
    Decode(#[source] fabric_proto::prost::DecodeError),
    /// Neither block nor status: something newer than this.
    #[error("an answer of the deliver service has neither block nor status")]
    Empty,
    /// The node says no.
    #[error("the node does not deliver blocks: status {status} ({})", self.words())]
    Refused {
        /// A [`Status`](fabric_proto::common::Status), as a number.
        status: i32,
    },
}

impl DeliverError {
    /// What to do about it.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Refused { status } => failure::verdict(*status, ""),
            _ => Verdict::GiveUp,
        }
    }

    /// The cause in plain words; the service itself says no more than a number.
    pub fn words(&self) -> &'static str {
        match self {
            Self::Refused { status: 400 } => {
                "the request is malformed, or the clocks differ by more than 15 minutes, or the channel has no Readers policy"
            }
            Self::Refused { status: 403 } => {
                "the signer is not among the channel's Readers, or its certificate has expired"
            }
            Self::Refused { status: 404 } => {
                "the node does not serve the channel (yet), or the block does not exist"
            }
            Self::Refused { status: 503 } => {
                "the orderer has no leader at the moment, or is not a consenter of the channel"
            }
            _ => "an answer that is not understood",
        }
    }
}

/// Reads one message of an orderer's stream.
///
/// # Errors
/// A refusal, or no such message.
pub fn read_orderer(message: &[u8]) -> Result<Delivered, DeliverError> {
    let answer = OrdererDeliverResponse::decode(message).map_err(DeliverError::Decode)?;
    match answer.r#type {
        Some(OrdererDeliverResponseKind::Block(block)) => Ok(Delivered::Block(block)),
        Some(OrdererDeliverResponseKind::Status(status)) => end(status),
        None => Err(DeliverError::Empty),
    }
}

/// Reads one message of a peer's stream, filtered or not.
///
/// # Errors
/// A refusal, or no such message.
pub fn read_peer(message: &[u8]) -> Result<Delivered, DeliverError> {
    let answer = DeliverResponse::decode(message).map_err(DeliverError::Decode)?;
    match answer.r#type {
        Some(DeliverResponseKind::Block(block)) => Ok(Delivered::Block(block)),
        Some(DeliverResponseKind::FilteredBlock(block)) => Ok(Delivered::Filtered(block)),
        Some(DeliverResponseKind::Status(status)) => end(status),
        None => Err(DeliverError::Empty),
    }
}

fn end(status: i32) -> Result<Delivered, DeliverError> {
    if status == 200 {
        Ok(Delivered::End)
    } else {
        Err(DeliverError::Refused { status })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_signer::{TestSigner, stamp};

    #[test]
    fn positions_are_encoded_although_they_are_empty_or_zero() {
        // start {newest {}}, stop {newest {}}; behaviour 0 is left out.
        assert_eq!(
            Seek::Newest.info(false).encode_to_vec(),
            [0x0a, 2, 0x0a, 0, 0x12, 2, 0x0a, 0]
        );
        assert_eq!(
            Seek::Oldest.info(true).encode_to_vec(),
            [0x0a, 2, 0x12, 0, 0x12, 2, 0x12, 0, 0x20, 1]
        );
        assert_eq!(
            Seek::Number(0).info(false).encode_to_vec(),
            [0x0a, 2, 0x1a, 0, 0x12, 2, 0x1a, 0]
        );
        let forever = [0x1a, 11, 8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1];
        let mut wanted = vec![0x0a, 2, 0x0a, 0, 0x12, 13];
        wanted.extend(forever);
        assert_eq!(Seek::FromNewest.info(false).encode_to_vec(), wanted);
        let mut wanted = vec![0x0a, 4, 0x1a, 2, 8, 7, 0x12, 13];
        wanted.extend(forever);
        assert_eq!(Seek::From(7).info(false).encode_to_vec(), wanted);
    }

    #[test]
    fn a_request_is_signed_and_has_no_transaction_id() {
        let signer = TestSigner::new(1);
        let mut stamp = stamp(9);
        stamp.tls_cert_hash = Some([5; 32]);
        let seek = Seek::Number(3).info(false);
        let envelope = envelope("mychannel", &seek, &signer, &stamp);
        assert!(signer.verify(&envelope.payload, &envelope.signature));
        let payload = Payload::decode(envelope.payload.as_slice()).unwrap();
        assert_eq!(SeekInfo::decode(payload.data.as_slice()).unwrap(), seek);
        let header = payload.header.unwrap();
        let channel = ChannelHeader::decode(header.channel_header.as_slice()).unwrap();
        assert_eq!((channel.r#type, channel.version), (5, 0));
        assert_eq!(channel.tx_id, "");
        assert_eq!(channel.tls_cert_hash, [5; 32]);
        let signature = SignatureHeader::decode(header.signature_header.as_slice()).unwrap();
        assert_eq!(signature.nonce, [9; 24]);
        assert_eq!(signature.creator, signer.creator());
    }

    #[test]
    fn a_stream_is_blocks_and_then_a_status() {
        assert_eq!(read_orderer(&[8, 0xc8, 1]).unwrap(), Delivered::End);
        assert_eq!(
            read_orderer(&[0x12, 4, 0x0a, 2, 8, 7]).unwrap(),
            read_peer(&[0x12, 4, 0x0a, 2, 8, 7]).unwrap()
        );
        let Delivered::Filtered(block) = read_peer(&[0x1a, 5, 0x0a, 1, b'c', 0x10, 2]).unwrap()
        else {
            panic!("not a filtered block")
        };
        assert_eq!((block.channel_id.as_str(), block.number), ("c", 2));
        let verdict = |status: u8| read_peer(&[8, status, 3]).unwrap_err().verdict();
        assert_eq!(verdict(0xf7), Verdict::Again); // 503
        assert_eq!(verdict(0x94), Verdict::Again); // 404
        assert_eq!(verdict(0x93), Verdict::GiveUp); // 403
        assert!(matches!(read_orderer(&[]), Err(DeliverError::Empty)));
        assert!(matches!(
            read_orderer(&[0x12, 9]),
            Err(DeliverError::Decode(_))
        ));
    }
}
