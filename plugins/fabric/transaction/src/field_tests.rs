//! Hashes of messages that the code of Fabric 2.5.16 itself made from the same input: the functions
//! behind the field's own client, with nonce, time and signatures replaced by fixed ones.

use fabric_proto::peer::{
    ApplicationPolicy, ChaincodeAction, ChaincodeType, CollectionConfig, CollectionConfigKind,
    CollectionPolicyConfig, CollectionPolicyKind, Endorsement, ProposalResponse,
    ProposalResponsePayload, Response, StaticCollectionConfig,
};
use fabric_proto::policies::{
    MspPrincipal, SignaturePolicy, SignaturePolicyEnvelope, SignatureRule,
};
use fabric_proto::{Message as _, Signer};
use sha2::{Digest as _, Sha256};

use crate::definition::Definition;
use crate::deliver::{self, Seek};
use crate::endorsement::{Reply, agree};
use crate::proposal::legacy::{self, Instantiation, LegacyChaincode};
use crate::proposal::{Call, Prepared, Stamp, lifecycle, prepare, system};
use crate::test_signer::{TestSigner, stamp};
use crate::transaction::assemble;

/// Has the identity of a [`TestSigner`], and signs with one byte.
struct Fixed(u8);

impl Signer for Fixed {
    fn creator(&self) -> Vec<u8> {
        TestSigner::new(self.0).creator()
    }

    fn sign(&self, _: &[u8]) -> Vec<u8> {
        vec![self.0]
    }
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn proposal(call: &Call) -> Prepared {
    prepare(call, &Fixed(1), &stamp(1))
}

fn invoke() -> Prepared {
    let mut call = Call::new("mychannel", "kv", vec![b"put".to_vec(), vec![0, 255]]);
    call.is_init = true;
    call.transient.insert("k".to_owned(), b"secret".to_vec());
    proposal(&call)
}

#[test]
fn proposals_are_those_of_the_fields_client() {
    let invoke = invoke();
    assert_eq!(
        invoke.tx_id,
        "0b0292d203050878a00699d37c47b9bf94257b460322f482dcf45b3b92dcc7ca"
    );
    assert_eq!(
        hash(&invoke.signed.proposal_bytes),
        "af591983ed3fd01cf943791c193955b0260410e8ec939b66491f7ca251759e77"
    );
    assert_eq!(
        hex::encode(invoke.hash()),
        "2b78cd21c2444922a17dd3984b58784532ca7465a5b451bc40a9478f17d82a73"
    );
    let join = proposal(&system::join_channel(b"block"));
    assert_eq!(
        hash(&join.signed.proposal_bytes),
        "99cc0d6a8abae11a3fc75bf3782eb9eba459a06fb41854e82b7ade3b33f5fff3"
    );
}

#[test]
fn an_approval_with_collections_is_that_of_the_fields_client() {
    let members = SignaturePolicyEnvelope {
        version: 0,
        rule: Some(SignaturePolicy {
            r#type: Some(SignatureRule::SignedBy(0)),
        }),
        identities: vec![MspPrincipal {
            principal_classification: 0,
            principal: b"p".to_vec(),
        }],
    };
    let mut definition = Definition::new("kv", "1.0");
    definition.sequence = 1;
    definition.init_required = true;
    definition.collections.config.push(CollectionConfig {
        payload: Some(CollectionConfigKind::StaticCollectionConfig(
            StaticCollectionConfig {
                name: "secrets".to_owned(),
                member_orgs_policy: Some(CollectionPolicyConfig {
                    payload: Some(CollectionPolicyKind::SignaturePolicy(members)),
                }),
                required_peer_count: 1,
                maximum_peer_count: 2,
                block_to_live: 3,
                member_only_read: true,
                member_only_write: false,
                endorsement_policy: None::<ApplicationPolicy>,
            },
        )),
    });
    let args = definition.approve_args(Some("kv_1:ad"));
    let approve = proposal(&lifecycle::approve("mychannel", &args));
    assert_eq!(
        hash(&approve.signed.proposal_bytes),
        "e7719b6194fd0bec3e711dd038a805a6cc979f8323ff08e79dbcaf4d6ba5c132"
    );
}

#[test]
fn a_deployment_of_1_4_is_that_of_the_fields_client() {
    let chaincode = LegacyChaincode {
        name: "kv".to_owned(),
        version: "1.0".to_owned(),
        path: "example.com/kv".to_owned(),
        language: ChaincodeType::Golang,
    };
    let with = Instantiation {
        args: vec![b"init".to_vec()],
        ..Instantiation::default()
    };
    let deploy = proposal(&legacy::deploy("mychannel", &chaincode, &with));

    assert_eq!(
        hash(&deploy.input),
        "6d9bef8d7446734242152b2362e8b67f8bf959eb404e605cd2414f2d1c7b5382"
    );
}

#[test]
fn a_transaction_is_that_of_the_fields_client() {
    let prepared = invoke();
    let response = Response {
        status: 200,
        message: String::new(),
        payload: b"ok".to_vec(),
    };
    let action = ChaincodeAction {
        results: b"w".to_vec(),
        response: Some(response.clone()),
        ..ChaincodeAction::default()
    };
    let payload = ProposalResponsePayload {
        proposal_hash: prepared.hash().to_vec(),
        extension: action.encode_to_vec(),
    }
    .encode_to_vec();
    assert_eq!(
        hash(&payload),
        "bbc50621b3f39876aaeaed53623f6f961f6c4c0cb565a7479ef6c60fce5c9686"
    );
    let replies = [2, 3].map(|number| Reply {
        peer: format!("peer{number}"),
        answer: ProposalResponse {
            response: Some(response.clone()),
            payload: payload.clone(),
            endorsement: Some(Endorsement {
                endorser: Fixed(number).creator(),
                signature: vec![number],
            }),
            ..ProposalResponse::default()
        },
    });
    let endorsed = agree(&prepared, &replies, |_, _, _| true).unwrap();
    let envelope = assemble(&prepared, &endorsed, &Fixed(1)).unwrap();
    assert_eq!(
        hash(&envelope.payload),
        "54c9426b777961e317ea8d0945ed10e2aa68805227a4db4232b7f39524a46a6a"
    );
}

#[test]
fn a_request_for_blocks_is_that_of_the_fields_client() {
    let stamp = Stamp {
        tls_cert_hash: Some([5; 32]),
        ..stamp(1)
    };
    let seek = Seek::FromNewest.info(false);
    let envelope = deliver::envelope("mychannel", &seek, &Fixed(1), &stamp);
    assert_eq!(
        hash(&envelope.payload),
        "785e922bddf4fb98bb9431874ac5516f3278857f2fde4ee46e1be59f453419b6"
    );
}
