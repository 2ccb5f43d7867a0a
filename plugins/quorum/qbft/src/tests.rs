//! The extra data is the published vector's, for the nodes whose keys the vector has.

use super::*;
use chain_plugin_sdk::{Severity, TestHost};
use quorum_service::facts::{ConsensusFacts, ConsensusNode, Identity, ProposerPolicy};
use quorum_service::fixture;
use serde_json::{Value, from_str, json};

const VECTORS: &str = include_str!("../../../../tests/fixtures/quorum/vectors.json");

fn session(nodes: u32, late: u32) -> Qbft {
    Qbft::open(fixture::topology(nodes, late)).unwrap()
}

fn configured(session: &Qbft, options: &Value) -> (ConsensusFacts, Vec<String>) {
    let host = fixture::host(7);
    let call = TestHost::call("chain", "consensus", options, &[]);
    let configured = session.configure(&host.at(&call)).unwrap();
    let notes = configured.notes.iter().map(|it| it.code.clone()).collect();
    (from_str(&configured.facts).unwrap(), notes)
}

#[test]
fn vector_extra_data_of_one_four_and_seven_validators() {
    let vectors: Value = from_str(VECTORS).unwrap();
    for case in &vectors["qbft_extraData"]["cases"].as_array().unwrap()[..3] {
        let count = u32::try_from(case["validators"].as_array().unwrap().len()).unwrap();
        let (facts, _) = configured(&session(count, 0), &json!({}));
        assert_eq!(
            Some(facts.genesis.extra_data.as_str()),
            case["computed"].as_str(),
            "{}",
            case["name"]
        );
    }
}

#[test]
fn every_fact_is_in_terms_of_the_field() {
    let options = json!({
        "blockPeriod": 2, "emptyBlockPeriod": 60, "requestTimeout": 4, "epochLength": 100, "proposerPolicy": "sticky",
    });
    let (facts, notes) = configured(&session(4, 0), &options);
    assert_eq!(facts.kind, "qbft");
    assert_eq!(facts.block_period_ms, 2000);
    assert_eq!(facts.empty_block_period_ms, Some(60_000));
    assert_eq!(facts.request_timeout_ms, Some(4000));
    assert_eq!(facts.epoch_length, Some(100));
    assert_eq!(facts.proposer_policy, Some(ProposerPolicy::Sticky));
    assert_eq!(facts.identity, Identity::Node);
    assert_eq!(facts.genesis.difficulty, "0x1");
    assert_eq!(
        facts.genesis.mix_hash,
        "0x63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365"
    );
    let addresses: Vec<String> = (0..4).map(|it| fixture::client(it).node_address).collect();
    assert_eq!(facts.members, addresses);
    assert!(notes.is_empty());
}

#[test]
fn three_validators_are_too_few_to_lose_one_and_a_note_says_so() {
    let (_, notes) = configured(&session(3, 0), &json!({}));
    assert_eq!(notes, ["few-validators"]);
}

#[test]
fn a_node_that_came_later_or_takes_no_part_is_no_founder() {
    let mut topology = fixture::topology(5, 1);
    topology.subjects[2].extra = json!({"options": {"validator": false}}).to_string();
    let session = Qbft::open(topology).unwrap();
    let (facts, _) = configured(&session, &json!({}));
    let of = |index: u32| fixture::client(index).node_address;
    assert_eq!(facts.members, [of(0), of(2), of(3)]);
    let host = fixture::host(5);
    for (node, founder) in [(0, true), (1, false), (4, false)] {
        let call = TestHost::call(&format!("node/node{node}"), "consensus", &json!({}), &[]);
        let provisioned = session.provision(&host.at(&call)).unwrap();
        let facts: ConsensusNode = from_str(&provisioned.facts).unwrap();
        assert_eq!((facts.kind.as_str(), facts.founder), ("qbft", founder));
    }
}

#[test]
fn a_foreign_node_without_an_address_is_named() {
    let mut topology = fixture::topology(2, 0);
    topology.subjects[2].foreign = true;
    topology.subjects[2].id = "node/theirs".to_owned();
    let host = fixture::host(1);
    let call = TestHost::call("chain", "consensus", &json!({}), &[]);
    let fault = Qbft::open(topology)
        .unwrap()
        .configure(&host.at(&call))
        .unwrap_err();
    assert!(
        fault[0]
            .message
            .contains("node/theirs of another party has no address")
    );
    assert_eq!(fault[0].severity, Severity::Error);
}

#[test]
fn without_a_validator_nobody_could_make_a_block() {
    let mut topology = fixture::topology(1, 0);
    topology.subjects[1].extra = json!({"options": {"validator": false}}).to_string();
    let call = TestHost::call("chain", "consensus", &json!({}), &[]);
    let host = fixture::host(1);
    let fault = Qbft::open(topology)
        .unwrap()
        .configure(&host.at(&call))
        .unwrap_err();
    assert_eq!(fault[0].code, "members");
}
