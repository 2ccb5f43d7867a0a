//! Proposals: calls of chaincodes, of users and of the system, signed by a client.
//!
//! Built as the field's own client builds them: version and epoch 0, type 3, but type 1 where that
//! client joins a peer to a channel. The transaction's id is SHA-256 over nonce and creator; a peer
//! checks it, and that the signer is known in the channel, or to itself when no channel is named.

pub mod arguments;
pub mod legacy;
pub mod lifecycle;
pub mod system;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use fabric_proto::common::{ChannelHeader, Header, HeaderType, SignatureHeader, Timestamp};
use fabric_proto::peer::{
    ChaincodeHeaderExtension, ChaincodeId, ChaincodeInput, ChaincodeInvocationSpec,
    ChaincodeProposalPayload, ChaincodeSpec, ChaincodeType, Proposal, ProposalResponse, Response,
    SignedProposal,
};
use fabric_proto::{Message, Signer};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::failure::{self, Verdict};
use crate::grpc::{self, FrameError};

/// Length of a nonce, by convention.
pub const NONCE: usize = 24;

/// A call of a chaincode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Name of the channel; empty for calls that concern the peer alone, which are not endorsed.
    pub channel: String,
    /// Name of the chaincode.
    pub chaincode: String,
    /// Function and arguments.
    pub args: Vec<Vec<u8>>,
    /// Private input.
    pub transient: BTreeMap<String, Vec<u8>>,
    /// The call that initialises a chaincode with `init_required`.
    pub is_init: bool,
    /// What the field's client writes here; peers do not look at it.
    pub kind: ChaincodeType,
    /// Type in the channel header.
    pub header: HeaderType,
}

impl Call {
    /// A call of a user's chaincode, for a transaction or a query.
    pub fn new(channel: &str, chaincode: &str, args: Vec<Vec<u8>>) -> Self {
        Self {
            channel: channel.to_owned(),
            chaincode: chaincode.to_owned(),
            args,
            transient: BTreeMap::new(),
            is_init: false,
            kind: ChaincodeType::Golang,
            header: HeaderType::EndorserTransaction,
        }
    }
}

/// What makes a message unique: given by the caller, since nothing here has a clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Random bytes, never used twice.
    pub nonce: [u8; NONCE],
    /// Now. Deliveries, and proposals from 3.1 on, are refused when it is 15 minutes off.
    pub time: Timestamp,
    /// SHA-256 of the client's TLS certificate in DER; needed with mutual TLS for deliver only.
    pub tls_cert_hash: Option<[u8; 32]>,
}

/// A proposal that is ready to be sent, to any number of peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Id of the transaction that may come of it.
    pub tx_id: String,
    /// Name of the channel; empty for none.
    pub channel: String,
    /// The two headers, as they are signed.
    pub header: Header,
    /// Encoded [`ChaincodeInvocationSpec`].
    pub input: Vec<u8>,
    /// The proposal with its signature.
    pub signed: SignedProposal,
}

impl Prepared {
    /// Body of the request to `Endorser/ProcessProposal`.
    pub fn body(&self) -> Vec<u8> {
        grpc::frame(&self.signed.encode_to_vec())
    }

    /// The payload as it goes into a transaction: without the transient map.
    pub fn public_payload(&self) -> Vec<u8> {
        ChaincodeProposalPayload {
            input: self.input.clone(),
            transient_map: BTreeMap::new(),
        }
        .encode_to_vec()
    }

    /// The hash that each endorser puts into its answer.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::new()
            .chain_update(&self.header.channel_header)
            .chain_update(&self.header.signature_header)
            .chain_update(self.public_payload())
            .finalize()
            .into()
    }
}

/// Id of the transaction that `creator` makes with `nonce`.
pub fn tx_id(nonce: &[u8], creator: &[u8]) -> String {
    hex::encode(
        Sha256::new()
            .chain_update(nonce)
            .chain_update(creator)
            .finalize(),
    )
}

/// Builds and signs the proposal of a call.
pub fn prepare(call: &Call, signer: &dyn Signer, stamp: &Stamp) -> Prepared {
    let creator = signer.creator();
    let tx_id = tx_id(&stamp.nonce, &creator);
    let chaincode = ChaincodeId {
        name: call.chaincode.clone(),
        ..ChaincodeId::default()
    };
    let channel_header = ChannelHeader {
        r#type: call.header as i32,
        timestamp: Some(stamp.time.clone()),
        channel_id: call.channel.clone(),
        tx_id: tx_id.clone(),
        extension: ChaincodeHeaderExtension {
            chaincode_id: Some(chaincode.clone()),
        }
        .encode_to_vec(),
        tls_cert_hash: stamp.tls_cert_hash.map(Vec::from).unwrap_or_default(),
        ..ChannelHeader::default()
    };
    let header = Header {
        channel_header: channel_header.encode_to_vec(),
        signature_header: SignatureHeader {
            creator,
            nonce: stamp.nonce.to_vec(),
        }
        .encode_to_vec(),
    };
    let input = ChaincodeInvocationSpec {
        chaincode_spec: Some(ChaincodeSpec {
            r#type: call.kind as i32,
            chaincode_id: Some(chaincode),
            input: Some(ChaincodeInput {
                args: call.args.clone(),
                is_init: call.is_init,
                ..ChaincodeInput::default()
            }),
            timeout: 0,
        }),
    }
    .encode_to_vec();
    let proposal_bytes = Proposal {
        header: header.encode_to_vec(),
        payload: ChaincodeProposalPayload {
            input: input.clone(),
            transient_map: call.transient.clone(),
        }
        .encode_to_vec(),
        extension: Vec::new(),
    }
    .encode_to_vec();
    let signature = signer.sign(&proposal_bytes);
    Prepared {
        tx_id,
        channel: call.channel.clone(),
        header,
        input,
        signed: SignedProposal {
            proposal_bytes,
            signature,
        },
    }
}

/// Why an answer to a proposal gives no result.
#[derive(Debug, Error)]
pub enum AnswerError {
    /// The body is not one message of gRPC.
    #[error("the peer's answer to the proposal is broken")]
    Frame(#[source] FrameError),
    /// The message cannot be decoded.
    #[error("the peer's {what} cannot be decoded")]
    Decode {
        /// Name of the message.
        what: &'static str,
        /// What prost says.
        #[source]
        source: fabric_proto::prost::DecodeError,
    },
    /// The answer has no response in it.
    #[error("the peer's answer has no response: is it a peer?")]
    Empty,
    /// The peer or the chaincode says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl AnswerError {
    /// What to do about it.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Refused(refusal) => refusal.verdict(),
            _ => Verdict::GiveUp,
        }
    }
}

/// A peer or a chaincode says no.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("status {status}: {message}")]
pub struct Refusal {
    /// Usually 500; 404 for what the lifecycle does not know; chaincodes may use any from 400.
    pub status: i32,
    /// The text.
    pub message: String,
}

impl Refusal {
    /// What to do about it. Only the text tells: a peer has no status for "try again".
    pub fn verdict(&self) -> Verdict {
        failure::advise(&self.message).map_or(
            if self.status == 404 {
                Verdict::Absent
            } else {
                Verdict::GiveUp
            },
            |advice| advice.verdict,
        )
    }

    /// The cause in plain words, where it is known.
    pub fn words(&self) -> Option<&'static str> {
        failure::advise(&self.message).map(|advice| advice.words)
    }
}

/// Decodes the body of an answer; check the status of the call first.
///
/// # Errors
/// A body that is not one such message.
pub fn read_answer(body: &[u8]) -> Result<ProposalResponse, AnswerError> {
    let message = grpc::only(body, grpc::MAX_MESSAGE).map_err(AnswerError::Frame)?;
    decode("ProposalResponse", message)
}

/// The response of an answer, if it is a success: status 200 to 399, or the 0 that 1.x gives for a join.
///
/// # Errors
/// The refusal.
pub fn success(answer: &ProposalResponse) -> Result<&Response, AnswerError> {
    let response = answer.response.as_ref().ok_or(AnswerError::Empty)?;
    if response.status == 0 || (200..400).contains(&response.status) {
        Ok(response)
    } else {
        Err(AnswerError::Refused(Refusal {
            status: response.status,
            message: response.message.clone(),
        }))
    }
}

/// The result of a query or of a call of the lifecycle, as a message.
///
/// # Errors
/// A refusal, or a result that is no such message.
pub fn result<T: Message + Default>(answer: &ProposalResponse) -> Result<T, AnswerError> {
    decode("result", &success(answer)?.payload)
}

fn decode<T: Message + Default>(what: &'static str, bytes: &[u8]) -> Result<T, AnswerError> {
    T::decode(bytes).map_err(|source| AnswerError::Decode { what, source })
}
