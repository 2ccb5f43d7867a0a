//! Proposals and transactions that others made: opened, and checked as far as that takes no knowledge of the channel.
//!
//! What is opened has the id of its nonce and creator, names one chaincode in all places, and carries no private input.
//! Signatures are the caller's to verify: [`agree`](crate::endorsement::agree) does it for endorsements.

use fabric_proto::Message;
use fabric_proto::common::{
    ChannelHeader, Envelope, Header, HeaderType, Payload, SignatureHeader, Timestamp,
};
use fabric_proto::peer::{
    ChaincodeAction, ChaincodeActionPayload, ChaincodeHeaderExtension, ChaincodeInvocationSpec,
    ChaincodeProposalPayload, Proposal, ProposalResponse, ProposalResponsePayload, SignedProposal,
    Transaction,
};
use thiserror::Error;

use crate::proposal::{Prepared, tx_id};

/// Why bytes are no proposal and no transaction.
#[derive(Debug, Error)]
pub enum OpenError {
    /// A layer cannot be decoded.
    #[error("its {what} cannot be decoded")]
    Decode {
        /// Name of the message.
        what: &'static str,
        /// What prost says.
        #[source]
        source: fabric_proto::prost::DecodeError,
    },
    /// A layer is not there.
    #[error("it has no {0}")]
    Missing(&'static str),
    /// It is something else.
    #[error("its header has type {0}, expected 3 (ENDORSER_TRANSACTION)")]
    Type(i32),
    /// The id was changed, or the creator.
    #[error("its id is {found}, expected {expected}: the hash of its nonce and creator")]
    Id {
        /// The id in the header.
        found: String,
        /// The hash.
        expected: String,
    },
    /// The header says something else than the input.
    #[error("its header names chaincode `{header}`, its input `{input}`")]
    Chaincode {
        /// In the header.
        header: String,
        /// In the input.
        input: String,
    },
    /// Private input would be read by everybody who holds the file.
    #[error("it holds private input, which belongs into no file")]
    Private,
    /// Transactions have one action.
    #[error("it has {0} actions, expected 1")]
    Actions(usize),
    /// Its parts are of two proposals.
    #[error("its action is of another proposal than its header")]
    Action,
}

/// A call as it stands in a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Name of the chaincode.
    pub chaincode: String,
    /// Function and arguments.
    pub args: Vec<Vec<u8>>,
    /// Whether it is the call that initialises a chaincode.
    pub is_init: bool,
}

fn decode<T: Message + Default>(what: &'static str, bytes: &[u8]) -> Result<T, OpenError> {
    T::decode(bytes).map_err(|source| OpenError::Decode { what, source })
}

impl Prepared {
    /// Opens a proposal that somebody signed.
    ///
    /// # Errors
    /// A layer that is missing or broken, and parts that do not fit each other.
    pub fn open(signed: &SignedProposal) -> Result<Self, OpenError> {
        let proposal: Proposal = decode("Proposal", &signed.proposal_bytes)?;
        let header: Header = decode("Header", &proposal.header)?;
        let payload: ChaincodeProposalPayload =
            decode("ChaincodeProposalPayload", &proposal.payload)?;
        Self::of(header, payload, signed.clone())
    }

    fn of(
        header: Header,
        payload: ChaincodeProposalPayload,
        signed: SignedProposal,
    ) -> Result<Self, OpenError> {
        if !payload.transient_map.is_empty() {
            return Err(OpenError::Private);
        }
        let channel: ChannelHeader = decode("ChannelHeader", &header.channel_header)?;
        let signature: SignatureHeader = decode("SignatureHeader", &header.signature_header)?;
        if channel.r#type != HeaderType::EndorserTransaction as i32 {
            return Err(OpenError::Type(channel.r#type));
        }
        let expected = tx_id(&signature.nonce, &signature.creator);
        if channel.tx_id != expected {
            return Err(OpenError::Id {
                found: channel.tx_id,
                expected,
            });
        }
        let extension: ChaincodeHeaderExtension =
            decode("ChaincodeHeaderExtension", &channel.extension)?;
        let named = extension.chaincode_id.unwrap_or_default().name;
        let prepared = Self {
            tx_id: channel.tx_id,
            channel: channel.channel_id,
            header,
            input: payload.input,
            signed,
        };
        let called = prepared.invocation()?.chaincode;
        if named != called {
            return Err(OpenError::Chaincode {
                header: named,
                input: called,
            });
        }
        Ok(prepared)
    }

    /// The call in it.
    ///
    /// # Errors
    /// An input that is none.
    pub fn invocation(&self) -> Result<Invocation, OpenError> {
        let spec: ChaincodeInvocationSpec = decode("ChaincodeInvocationSpec", &self.input)?;
        let spec = spec
            .chaincode_spec
            .ok_or(OpenError::Missing("ChaincodeSpec"))?;
        let input = spec.input.ok_or(OpenError::Missing("ChaincodeInput"))?;
        Ok(Invocation {
            chaincode: spec.chaincode_id.unwrap_or_default().name,
            args: input.args,
            is_init: input.is_init,
        })
    }

    /// Encoded identity of who made it.
    ///
    /// # Errors
    /// A header that is none.
    pub fn creator(&self) -> Result<Vec<u8>, OpenError> {
        let header: SignatureHeader = decode("SignatureHeader", &self.header.signature_header)?;
        Ok(header.creator)
    }

    /// When it was made.
    ///
    /// # Errors
    /// A header that is none, or that has no time.
    pub fn time(&self) -> Result<Timestamp, OpenError> {
        let header: ChannelHeader = decode("ChannelHeader", &self.header.channel_header)?;
        header.timestamp.ok_or(OpenError::Missing("timestamp"))
    }
}

/// Opens the envelope of a transaction: its proposal, though without the creator's signature of that, and the answers that
/// it was put together of, one for each endorsement.
///
/// # Errors
/// As [`Prepared::open`].
pub fn transaction(envelope: &Envelope) -> Result<(Prepared, Vec<ProposalResponse>), OpenError> {
    let payload: Payload = decode("Payload", &envelope.payload)?;
    let header = payload.header.ok_or(OpenError::Missing("Header"))?;
    let channel: ChannelHeader = decode("ChannelHeader", &header.channel_header)?;
    if channel.r#type != HeaderType::EndorserTransaction as i32 {
        return Err(OpenError::Type(channel.r#type));
    }
    let transaction: Transaction = decode("Transaction", &payload.data)?;
    let [action] = transaction.actions.as_slice() else {
        return Err(OpenError::Actions(transaction.actions.len()));
    };
    if action.header != header.signature_header {
        return Err(OpenError::Action);
    }
    let action: ChaincodeActionPayload = decode("ChaincodeActionPayload", &action.payload)?;
    let proposed: ChaincodeProposalPayload = decode(
        "ChaincodeProposalPayload",
        &action.chaincode_proposal_payload,
    )?;
    let endorsed = action
        .action
        .ok_or(OpenError::Missing("ChaincodeEndorsedAction"))?;
    let outcome: ProposalResponsePayload = decode(
        "ProposalResponsePayload",
        &endorsed.proposal_response_payload,
    )?;
    let outcome: ChaincodeAction = decode("ChaincodeAction", &outcome.extension)?;
    let prepared = Prepared::of(header, proposed, SignedProposal::default())?;
    if prepared.public_payload() != action.chaincode_proposal_payload {
        return Err(OpenError::Action);
    }
    let responses = endorsed.endorsements.into_iter();
    let responses = responses.map(|endorsement| ProposalResponse {
        version: 1,
        timestamp: None,
        response: outcome.response.clone(),
        payload: endorsed.proposal_response_payload.clone(),
        endorsement: Some(endorsement),
    });
    Ok((prepared, responses.collect()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use fabric_proto::Signer as _;
    use fabric_proto::peer::{Endorsement, Response};

    use super::*;
    use crate::endorsement::{Endorsed, Reply, agree};
    use crate::proposal::{Call, prepare};
    use crate::test_signer::{TestSigner, stamp};
    use crate::transaction::assemble;

    fn prepared(transient: bool) -> Prepared {
        let mut call = Call::new("mychannel", "kv", vec![b"put".to_vec(), b"k".to_vec()]);
        if transient {
            call.transient = BTreeMap::from([("k".to_owned(), b"secret".to_vec())]);
        }
        prepare(&call, &TestSigner::new(1), &stamp(1))
    }

    fn endorsed(prepared: &Prepared) -> Endorsed {
        let action = ChaincodeAction {
            response: Some(Response {
                status: 200,
                payload: b"ok".to_vec(),
                ..Response::default()
            }),
            ..ChaincodeAction::default()
        };
        let payload = ProposalResponsePayload {
            proposal_hash: prepared.hash().to_vec(),
            extension: action.encode_to_vec(),
        };
        let endorsement = |number| Endorsement {
            endorser: vec![number],
            signature: vec![number],
        };
        Endorsed {
            payload: payload.encode_to_vec(),
            endorsements: vec![endorsement(2), endorsement(3)],
            result: b"ok".to_vec(),
        }
    }

    #[test]
    fn what_is_signed_opens_as_it_was_made() {
        let made = prepared(false);
        assert_eq!(Prepared::open(&made.signed).unwrap(), made);
        let call = made.invocation().unwrap();
        assert_eq!(call.args, [b"put".to_vec(), b"k".to_vec()]);
        assert_eq!((call.chaincode.as_str(), call.is_init), ("kv", false));
        assert_eq!(made.creator().unwrap(), TestSigner::new(1).creator());
        assert_eq!(made.time().unwrap(), stamp(1).time);
    }

    #[test]
    fn a_transaction_opens_into_what_it_was_put_together_of() {
        let made = prepared(true);
        let endorsed = endorsed(&made);
        let envelope = assemble(&made, &endorsed, &TestSigner::new(1)).unwrap();
        let (opened, responses) = transaction(&envelope).unwrap();
        assert_eq!(opened.hash(), made.hash());
        assert_eq!(
            (opened.tx_id, opened.channel),
            (made.tx_id.clone(), made.channel.clone())
        );
        let replies: Vec<Reply> = responses
            .into_iter()
            .map(|answer| Reply {
                peer: "p".to_owned(),
                answer,
            })
            .collect();
        let again = agree(&made, &replies, |_, _, _| true).unwrap();
        assert_eq!(again, endorsed);
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        // Private input is in a proposal, and in no file.
        let private = Prepared::open(&prepared(true).signed).unwrap_err();
        assert!(matches!(private, OpenError::Private), "{private}");
        let changed = |change: &dyn Fn(&mut ChannelHeader)| {
            let mut proposal =
                Proposal::decode(prepared(false).signed.proposal_bytes.as_slice()).unwrap();
            let mut header = Header::decode(proposal.header.as_slice()).unwrap();
            let mut channel = ChannelHeader::decode(header.channel_header.as_slice()).unwrap();
            change(&mut channel);
            header.channel_header = channel.encode_to_vec();
            proposal.header = header.encode_to_vec();
            Prepared::open(&SignedProposal {
                proposal_bytes: proposal.encode_to_vec(),
                signature: Vec::new(),
            })
        };
        assert!(changed(&|_| ()).is_ok());
        let id = changed(&|it| it.tx_id = "00".to_owned());
        assert!(matches!(id, Err(OpenError::Id { .. })), "{id:?}");
        let kind = changed(&|it| it.r#type = 1);
        assert!(matches!(kind, Err(OpenError::Type(1))), "{kind:?}");
        let other = changed(&|it| it.extension.clear());
        assert!(
            matches!(other, Err(OpenError::Chaincode { .. })),
            "{other:?}"
        );

        let made = prepared(false);
        let envelope = assemble(&made, &endorsed(&made), &TestSigner::new(1)).unwrap();
        let mut payload = Payload::decode(envelope.payload.as_slice()).unwrap();
        let mut all = Transaction::decode(payload.data.as_slice()).unwrap();
        all.actions[0].header.push(0);
        payload.data = all.encode_to_vec();
        let envelope = Envelope {
            payload: payload.encode_to_vec(),
            signature: Vec::new(),
        };
        let action = transaction(&envelope);
        assert!(matches!(action, Err(OpenError::Action)), "{action:?}");
    }
}
