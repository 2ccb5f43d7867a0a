use fabric_proto::Message as _;
use fabric_proto::peer::{
    ApproveChaincodeDefinitionForMyOrgArgs, ChaincodeDeploymentSpec, ChaincodeSourceKind,
    ChannelQueryResponse, InstallChaincodeArgs,
};

use super::legacy::{Instantiation, LegacyChaincode};
use super::*;
use crate::definition::Definition;
use crate::test_signer::{TestSigner, stamp};

/// What a peer takes a proposal apart into.
struct Unpacked {
    channel: ChannelHeader,
    signature: SignatureHeader,
    extension: ChaincodeHeaderExtension,
    transient: BTreeMap<String, Vec<u8>>,
    spec: ChaincodeSpec,
}

fn unpack(prepared: &Prepared) -> Unpacked {
    let proposal = Proposal::decode(prepared.signed.proposal_bytes.as_slice()).unwrap();
    let header = Header::decode(proposal.header.as_slice()).unwrap();
    let channel = ChannelHeader::decode(header.channel_header.as_slice()).unwrap();
    let payload = ChaincodeProposalPayload::decode(proposal.payload.as_slice()).unwrap();
    let input = ChaincodeInvocationSpec::decode(payload.input.as_slice()).unwrap();
    Unpacked {
        extension: ChaincodeHeaderExtension::decode(channel.extension.as_slice()).unwrap(),
        signature: SignatureHeader::decode(header.signature_header.as_slice()).unwrap(),
        channel,
        transient: payload.transient_map,
        spec: input.chaincode_spec.unwrap(),
    }
}

fn args(call: &Call) -> Vec<&str> {
    call.args
        .iter()
        .map(|arg| str::from_utf8(arg).unwrap())
        .collect()
}

#[test]
fn a_peer_finds_everything_in_a_proposal() {
    let signer = TestSigner::new(1);
    let mut call = Call::new("mychannel", "kv", vec![b"put".to_vec(), vec![0, 255]]);
    call.transient.insert("key".to_owned(), vec![1]);
    call.is_init = true;
    let prepared = prepare(&call, &signer, &stamp(7));
    assert!(signer.verify(&prepared.signed.proposal_bytes, &prepared.signed.signature));

    let peer = unpack(&prepared);
    let mut preimage = vec![7; 24];
    preimage.extend(signer.creator());
    assert_eq!(prepared.tx_id, hex::encode(Sha256::digest(&preimage)));
    assert_eq!(peer.channel.tx_id, prepared.tx_id);
    assert_eq!((peer.channel.r#type, peer.channel.version), (3, 0));
    assert_eq!(peer.channel.epoch, 0);
    assert_eq!(peer.channel.channel_id, "mychannel");
    assert_eq!(peer.channel.timestamp.unwrap().seconds, 1_700_000_000);
    assert_eq!(peer.signature.creator, signer.creator());
    assert_eq!(peer.signature.nonce, [7; 24]);
    assert_eq!(peer.extension.chaincode_id.unwrap().name, "kv");
    assert_eq!(peer.transient["key"], [1]);
    let input = peer.spec.input.unwrap();
    assert_eq!(input.args, call.args);
    assert!(input.is_init);
}

#[test]
fn the_same_input_gives_the_same_bytes_and_another_nonce_others() {
    let signer = TestSigner::new(1);
    let call = Call::new("c", "kv", vec![]);
    let body = prepare(&call, &signer, &stamp(1)).body();
    assert_eq!(body, prepare(&call, &signer, &stamp(1)).body());
    assert_ne!(body, prepare(&call, &signer, &stamp(2)).body());
    let message = grpc::only(&body, grpc::MAX_MESSAGE).unwrap();
    assert!(SignedProposal::decode(message).is_ok());
}

#[test]
fn the_hash_leaves_private_input_out() {
    let signer = TestSigner::new(1);
    let mut call = Call::new("c", "kv", vec![b"f".to_vec()]);
    let public = prepare(&call, &signer, &stamp(1));
    call.transient.insert("k".to_owned(), b"secret".to_vec());
    let private = prepare(&call, &signer, &stamp(1));
    assert_ne!(public.signed, private.signed);
    assert_eq!(public.hash(), private.hash());
    let mut preimage = public.header.channel_header.clone();
    preimage.extend(&public.header.signature_header);
    preimage.extend([0x0a, u8::try_from(public.input.len()).unwrap()]);
    preimage.extend(&public.input);
    assert_eq!(public.hash()[..], Sha256::digest(&preimage)[..]);
}

#[test]
fn system_calls_have_the_form_of_the_fields_client() {
    let join = system::join_channel(b"block");
    assert_eq!(join.header, HeaderType::Config);
    assert_eq!(
        (join.channel.as_str(), join.chaincode.as_str()),
        ("", "cscc")
    );
    assert_eq!(args(&join), ["JoinChain", "block"]);
    let peer = unpack(&prepare(&join, &TestSigner::new(1), &stamp(1)));
    assert_eq!(peer.channel.r#type, 1);
    assert_eq!(peer.spec.r#type, 1);
    assert_eq!(args(&system::channels()), ["GetChannels"]);
    assert_eq!(args(&system::config_block("c")), ["GetConfigBlock", "c"]);
    let info = system::chain_info("c");
    assert_eq!(args(&info), ["GetChainInfo", "c"]);
    assert_eq!(info.chaincode, "qscc");
    assert_eq!(
        args(&system::transaction("c", "ab")),
        ["GetTransactionByID", "c", "ab"]
    );
    assert_eq!(
        args(&system::block("c", 12)),
        ["GetBlockByNumber", "c", "12"]
    );
}

#[test]
fn lifecycle_calls_take_a_function_and_a_message() {
    let install = lifecycle::install(b"tgz");
    assert_eq!(install.channel, "");
    assert_eq!(install.chaincode, "_lifecycle");
    assert_eq!(install.kind, ChaincodeType::Undefined);
    assert_eq!(install.args[0], b"InstallChaincode");
    let argument = InstallChaincodeArgs::decode(install.args[1].as_slice()).unwrap();
    assert_eq!(argument.chaincode_install_package, b"tgz");

    let mut definition = Definition::new("kv", "1.0");
    definition.sequence = 1;
    let approve = lifecycle::approve("c", &definition.approve_args(Some("kv_1:ad")));
    assert_eq!(approve.channel, "c");
    assert_eq!(approve.args[0], b"ApproveChaincodeDefinitionForMyOrg");
    let argument =
        ApproveChaincodeDefinitionForMyOrgArgs::decode(approve.args[1].as_slice()).unwrap();
    assert_eq!((argument.sequence, argument.name.as_str()), (1, "kv"));
    let Some(ChaincodeSourceKind::LocalPackage(package)) = argument.source.unwrap().r#type else {
        panic!("no package")
    };
    assert_eq!(package.package_id, "kv_1:ad");
    // Source{unavailable{}}: an empty message that must be there.
    let without = definition.approve_args(None).encode_to_vec();
    assert!(without.ends_with(&[0x4a, 2, 0x0a, 0]));

    assert_eq!(lifecycle::installed().args[1], b"");
    for (call, function) in [
        (lifecycle::installed_package("p"), "QueryInstalledChaincode"),
        (
            lifecycle::fetch_package("p"),
            "GetInstalledChaincodePackage",
        ),
        (lifecycle::committed("c", "p"), "QueryChaincodeDefinition"),
    ] {
        assert_eq!(args(&call), [function, "\n\u{1}p"]);
    }
    assert_eq!(
        args(&lifecycle::approved("c", "p", 2)),
        ["QueryApprovedChaincodeDefinition", "\n\u{1}p\u{10}\u{2}"]
    );
    let commit = lifecycle::commit("c", &definition.commit_args());
    let readiness = lifecycle::readiness("c", &definition.commit_args());
    assert_eq!(commit.args[1], readiness.args[1]);
    assert_eq!(commit.args[0], b"CommitChaincodeDefinition");
    assert_eq!(readiness.args[0], b"CheckCommitReadiness");
}

#[test]
fn chaincodes_of_1_4_are_installed_with_code_and_deployed_without() {
    let chaincode = LegacyChaincode {
        name: "kv".to_owned(),
        version: "1.0".to_owned(),
        path: "example.com/kv".to_owned(),
        language: ChaincodeType::Golang,
    };
    let install = legacy::install(&chaincode, b"tgz");
    assert_eq!(install.channel, "");
    assert_eq!(install.args.len(), 2);
    let spec = ChaincodeDeploymentSpec::decode(install.args[1].as_slice()).unwrap();
    assert_eq!(spec.code_package, b"tgz");
    let id = spec.chaincode_spec.unwrap().chaincode_id.unwrap();
    assert_eq!((id.name.as_str(), id.version.as_str()), ("kv", "1.0"));

    let mut with = Instantiation {
        args: vec![b"init".to_vec()],
        ..Instantiation::default()
    };
    let deploy = legacy::deploy("c", &chaincode, &with);
    assert_eq!(deploy.channel, "c");
    assert_eq!(deploy.args.len(), 6);
    assert_eq!(deploy.args[..2], [b"deploy".to_vec(), b"c".to_vec()]);
    assert_eq!(
        deploy.args[3..],
        [vec![], b"escc".to_vec(), b"vscc".to_vec()]
    );
    let spec = ChaincodeDeploymentSpec::decode(deploy.args[2].as_slice()).unwrap();
    assert!(spec.code_package.is_empty());
    let input = spec.chaincode_spec.unwrap().input.unwrap();
    assert_eq!(input.args, [b"init"]);
    with.collections = Some(fabric_proto::peer::CollectionConfigPackage::default());
    assert_eq!(legacy::upgrade("c", &chaincode, &with).args.len(), 7);
    assert_eq!(
        args(&legacy::chaincode_data("c", "kv")),
        ["getccdata", "c", "kv"]
    );
}

fn answer(status: i32, message: &str, payload: &[u8]) -> ProposalResponse {
    ProposalResponse {
        response: Some(Response {
            status,
            message: message.to_owned(),
            payload: payload.to_vec(),
        }),
        ..ProposalResponse::default()
    }
}

#[test]
fn answers_are_results_or_refusals() {
    // response{status 200, payload ChannelQueryResponse{channels{channel_id "c"}}}
    let body = [
        0, 0, 0, 0, 12, 0x22, 10, 8, 0xc8, 1, 0x1a, 5, 0x0a, 3, 0x0a, 1, b'c',
    ];
    let read = read_answer(&body).unwrap();
    let channels: ChannelQueryResponse = result(&read).unwrap();
    assert_eq!(channels.channels[0].channel_id, "c");
    for end in 0..body.len() {
        assert!(read_answer(&body[..end]).is_err(), "{end}");
    }
    assert!(success(&answer(0, "", b"")).is_ok());
    assert!(success(&answer(399, "", b"")).is_ok());
    assert!(success(&answer(400, "", b"")).is_err());
    assert!(matches!(
        success(&ProposalResponse::default()),
        Err(AnswerError::Empty)
    ));
    let broken: Result<ChannelQueryResponse, _> = result(&answer(200, "", &[0x0a, 9]));
    assert!(matches!(broken, Err(AnswerError::Decode { .. })));
}

#[test]
fn a_refusal_says_what_to_do() {
    let verdict = |status, text| success(&answer(status, text, b"")).unwrap_err().verdict();
    assert_eq!(verdict(404, "namespace kv is not defined"), Verdict::Absent);
    assert_eq!(verdict(500, "no funds"), Verdict::GiveUp);
    assert_eq!(
        verdict(
            500,
            "chaincode already successfully installed (package ID 'a')"
        ),
        Verdict::Done
    );
}
