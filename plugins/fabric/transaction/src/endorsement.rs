//! What endorsers answer to one proposal: whether they agree, and whether they signed it.

use std::collections::BTreeSet;

use fabric_proto::Message;
use fabric_proto::peer::{ChaincodeAction, Endorsement, ProposalResponse, ProposalResponsePayload};
use thiserror::Error;

use crate::failure::Verdict;
use crate::proposal::{AnswerError, Prepared, success};

/// One peer's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// Name of the peer, for messages.
    pub peer: String,
    /// What it answered.
    pub answer: ProposalResponse,
}

/// What all endorsers of a proposal agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endorsed {
    /// Encoded [`ProposalResponsePayload`], the same from all.
    pub payload: Vec<u8>,
    /// One of each endorser, in the order of the replies.
    pub endorsements: Vec<Endorsement>,
    /// Result of the chaincode.
    pub result: Vec<u8>,
}

/// Why answers do not make a transaction.
#[derive(Debug, Error)]
pub enum EndorsementError {
    /// Nobody was asked.
    #[error("no endorsements: expected an answer of at least one peer")]
    None,
    /// A peer or the chaincode says no.
    #[error("peer {peer} does not endorse")]
    Refused {
        /// The peer.
        peer: String,
        /// What it says.
        #[source]
        source: AnswerError,
    },
    /// A success without a signature: the call named no channel.
    #[error("peer {peer} answers without an endorsement: only calls on a channel are endorsed")]
    Unsigned {
        /// The peer.
        peer: String,
    },
    /// The answer belongs to another proposal.
    #[error("peer {peer} endorses another proposal: its hash is not that of the one sent")]
    Hash {
        /// The peer.
        peer: String,
    },
    /// The outcome cannot be read.
    #[error("the outcome that peer {peer} endorses cannot be decoded")]
    Malformed {
        /// The peer.
        peer: String,
        /// What prost says.
        #[source]
        source: fabric_proto::prost::DecodeError,
    },
    /// Two peers came to different outcomes.
    #[error("peer {peer} differs from peer {other} in {parts}")]
    Differs {
        /// The peer that differs.
        peer: String,
        /// The first peer.
        other: String,
        /// In what.
        parts: String,
    },
    /// A signature does not verify.
    #[error("the signature of peer {peer} over its endorsement is wrong")]
    Signature {
        /// The peer.
        peer: String,
    },
}

impl EndorsementError {
    /// What to do about it. Peers whose ledgers are at different heights differ for a moment; a
    /// chaincode that is not deterministic always does.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Refused { source, .. } => source.verdict(),
            Self::Differs { .. } => Verdict::Again,
            _ => Verdict::GiveUp,
        }
    }
}

/// Checks that all replies endorse `prepared`, with the same outcome and a right signature.
///
/// `verify` gets an endorser's encoded identity, the message and the signature, and says whether that
/// identity signed the message.
///
/// # Errors
/// The first reply that does not fit, by the peer's name.
pub fn agree(
    prepared: &Prepared,
    replies: &[Reply],
    mut verify: impl FnMut(&[u8], &[u8], &[u8]) -> bool,
) -> Result<Endorsed, EndorsementError> {
    let mut endorsed: Option<(&str, Endorsed)> = None;
    let mut endorsers = BTreeSet::new();
    for Reply { peer, answer } in replies {
        let response = success(answer).map_err(|source| EndorsementError::Refused {
            peer: peer.clone(),
            source,
        })?;
        let endorsement = answer
            .endorsement
            .as_ref()
            .ok_or_else(|| EndorsementError::Unsigned { peer: peer.clone() })?;
        let payload = payload(peer, &answer.payload)?;
        if payload.proposal_hash != prepared.hash() {
            return Err(EndorsementError::Hash { peer: peer.clone() });
        }
        let message = [answer.payload.as_slice(), &endorsement.endorser].concat();
        if !verify(&endorsement.endorser, &message, &endorsement.signature) {
            return Err(EndorsementError::Signature { peer: peer.clone() });
        }
        match &mut endorsed {
            None => {
                endorsed = Some((
                    peer,
                    Endorsed {
                        payload: answer.payload.clone(),
                        endorsements: Vec::new(),
                        result: response.payload.clone(),
                    },
                ));
            }
            Some((first, endorsed)) if endorsed.payload != answer.payload => {
                return Err(EndorsementError::Differs {
                    peer: peer.clone(),
                    other: (*first).to_owned(),
                    parts: differences(first, &endorsed.payload, peer, &answer.payload)?,
                });
            }
            Some(_) => {}
        }
        // An endorser that was asked twice counts once.
        if let Some((_, endorsed)) = &mut endorsed
            && endorsers.insert(&endorsement.endorser)
        {
            endorsed.endorsements.push(endorsement.clone());
        }
    }
    endorsed
        .map(|(_, endorsed)| endorsed)
        .ok_or(EndorsementError::None)
}

fn payload(peer: &str, bytes: &[u8]) -> Result<ProposalResponsePayload, EndorsementError> {
    ProposalResponsePayload::decode(bytes).map_err(|source| EndorsementError::Malformed {
        peer: peer.to_owned(),
        source,
    })
}

/// Names the parts in which two outcomes differ.
fn differences(
    first: &str,
    theirs: &[u8],
    peer: &str,
    ours: &[u8],
) -> Result<String, EndorsementError> {
    let action = |peer: &str, bytes: &[u8]| {
        let payload = payload(peer, bytes)?;
        ChaincodeAction::decode(payload.extension.as_slice()).map_err(|source| {
            EndorsementError::Malformed {
                peer: peer.to_owned(),
                source,
            }
        })
    };
    let (a, b) = (action(first, theirs)?, action(peer, ours)?);
    let parts: Vec<&str> = [
        (a.results != b.results, "what it reads and writes"),
        (a.response != b.response, "the chaincode's response"),
        (a.events != b.events, "the chaincode's event"),
        (a.chaincode_id != b.chaincode_id, "the chaincode's version"),
    ]
    .into_iter()
    .filter_map(|(differs, part)| differs.then_some(part))
    .collect();
    Ok(if parts.is_empty() {
        "the encoding of the outcome".to_owned()
    } else {
        parts.join(", ")
    })
}
