use fabric_proto::common::ChannelHeader;
use fabric_proto::peer::{
    ChaincodeAction, ChaincodeProposalPayload, Endorsement, ProposalResponse,
    ProposalResponsePayload, Response,
};

use super::*;
use crate::endorsement::{EndorsementError, Reply, agree};
use crate::failure::Verdict;
use crate::proposal::{Call, prepare, system};
use crate::test_signer::{TestSigner, stamp};

fn prepared() -> Prepared {
    let mut call = Call::new("mychannel", "kv", vec![b"put".to_vec()]);
    call.transient.insert("k".to_owned(), b"secret".to_vec());
    prepare(&call, &TestSigner::new(1), &stamp(1))
}

/// A peer's answer, with what it writes.
fn reply(prepared: &Prepared, peer: u8, results: &[u8]) -> Reply {
    let signer = TestSigner::new(peer);
    let response = Response {
        status: 200,
        payload: b"ok".to_vec(),
        ..Response::default()
    };
    let action = ChaincodeAction {
        results: results.to_vec(),
        response: Some(response.clone()),
        ..ChaincodeAction::default()
    };
    let payload = ProposalResponsePayload {
        proposal_hash: prepared.hash().to_vec(),
        extension: action.encode_to_vec(),
    }
    .encode_to_vec();
    let endorser = signer.creator();
    let signature = signer.sign(&[payload.as_slice(), &endorser].concat());
    Reply {
        peer: format!("peer0.org{peer}"),
        answer: ProposalResponse {
            version: 1,
            response: Some(response),
            payload,
            endorsement: Some(Endorsement {
                endorser,
                signature,
            }),
            ..ProposalResponse::default()
        },
    }
}

fn verify(endorser: &[u8], message: &[u8], signature: &[u8]) -> bool {
    (1..5)
        .map(TestSigner::new)
        .any(|signer| signer.creator() == endorser && signer.verify(message, signature))
}

fn failure(replies: &[Reply]) -> EndorsementError {
    agree(&prepared(), replies, verify).unwrap_err()
}

#[test]
fn a_transaction_holds_what_was_endorsed_and_nothing_private() {
    let prepared = prepared();
    let replies = [
        reply(&prepared, 2, b"w"),
        reply(&prepared, 3, b"w"),
        reply(&prepared, 2, b"w"),
    ];
    let endorsed = agree(&prepared, &replies, verify).unwrap();
    assert_eq!(endorsed.result, b"ok");
    assert_eq!(endorsed.endorsements.len(), 2);

    let signer = TestSigner::new(1);
    let envelope = assemble(&prepared, &endorsed, &signer).unwrap();
    assert!(signer.verify(&envelope.payload, &envelope.signature));
    let payload = Payload::decode(envelope.payload.as_slice()).unwrap();
    let header = payload.header.unwrap();
    assert_eq!(header, prepared.header);
    let channel = ChannelHeader::decode(header.channel_header.as_slice()).unwrap();
    assert_eq!(channel.tx_id, prepared.tx_id);
    let transaction = Transaction::decode(payload.data.as_slice()).unwrap();
    let [action] = transaction.actions.as_slice() else {
        panic!("not one action")
    };
    assert_eq!(action.header, header.signature_header);
    let action = ChaincodeActionPayload::decode(action.payload.as_slice()).unwrap();
    let public =
        ChaincodeProposalPayload::decode(action.chaincode_proposal_payload.as_slice()).unwrap();
    assert_eq!(public.input, prepared.input);
    assert!(public.transient_map.is_empty());
    let secret = envelope.payload.windows(6).any(|part| part == b"secret");
    assert!(!secret);
    let action = action.action.unwrap();
    assert_eq!(action.proposal_response_payload, replies[0].answer.payload);
    assert_eq!(action.endorsements, endorsed.endorsements);
}

#[test]
fn the_endorser_that_differs_is_named_with_the_part() {
    let prepared = prepared();
    let error = failure(&[
        reply(&prepared, 2, b"a"),
        reply(&prepared, 3, b"a"),
        reply(&prepared, 4, b"b"),
    ]);
    assert_eq!(
        error.to_string(),
        "peer peer0.org4 differs from peer peer0.org2 in what it reads and writes"
    );
    assert_eq!(error.verdict(), Verdict::Again);
}

#[test]
fn refusals_and_wrong_signatures_are_named() {
    let prepared = prepared();
    assert!(matches!(failure(&[]), EndorsementError::None));
    let good = reply(&prepared, 2, b"a");

    let mut refused = reply(&prepared, 3, b"a");
    refused.answer.response = Some(Response {
        status: 500,
        message: "could not launch chaincode kv".to_owned(),
        payload: Vec::new(),
    });
    let error = failure(&[good.clone(), refused]);
    assert!(error.to_string().contains("peer0.org3"));
    assert_eq!(error.verdict(), Verdict::Again);

    let mut unsigned = reply(&prepared, 3, b"a");
    unsigned.answer.endorsement = None;
    let error = failure(&[good.clone(), unsigned]);
    assert!(matches!(error, EndorsementError::Unsigned { .. }));

    // The signature covers the endorser: nobody can pass it off as another's.
    let mut stolen = reply(&prepared, 3, b"a");
    if let Some(endorsement) = &mut stolen.answer.endorsement {
        endorsement.endorser = TestSigner::new(4).creator();
    }
    assert!(matches!(
        failure(&[good.clone(), stolen]),
        EndorsementError::Signature { .. }
    ));

    let other = prepare(
        &Call::new("mychannel", "kv", vec![]),
        &TestSigner::new(1),
        &stamp(2),
    );
    assert!(matches!(
        failure(&[reply(&other, 2, b"a")]),
        EndorsementError::Hash { .. }
    ));

    let mut broken = good;
    broken.answer.payload.truncate(5);
    assert!(matches!(
        failure(&[broken]),
        EndorsementError::Malformed { .. }
    ));
}

#[test]
fn only_the_signer_of_the_proposal_can_submit_it_and_only_on_a_channel() {
    let prepared = prepared();
    let endorsed = agree(&prepared, &[reply(&prepared, 2, b"a")], verify).unwrap();
    assert!(matches!(
        assemble(&prepared, &endorsed, &TestSigner::new(2)),
        Err(TransactionError::Signer(_))
    ));
    let join = prepare(&system::channels(), &TestSigner::new(1), &stamp(1));
    assert!(matches!(
        assemble(&join, &endorsed, &TestSigner::new(1)),
        Err(TransactionError::NoChannel(_))
    ));
}
