//! The extra data is the published vector's, for the nodes whose keys the vector has.

use super::*;
use chain_plugin_sdk::TestHost;
use quorum_service::facts::{ConsensusFacts, Identity};
use quorum_service::fixture;
use serde_json::from_str;

const VECTORS: &str = include_str!("../../../../tests/fixtures/quorum/vectors.json");

#[test]
fn vector_extra_data_of_the_seven_nodes() {
    let vectors: Value = from_str(VECTORS).unwrap();
    let case = &vectors["istanbul_extraData"]["cases"][0];
    let host = fixture::host(7);
    let call = TestHost::call("chain", "consensus", &json!({"blockPeriod": 1}), &[]);
    let session = Istanbul::open(fixture::topology(7, 0)).unwrap();
    let configured = session.configure(&host.at(&call)).unwrap();
    let facts: ConsensusFacts = from_str(&configured.facts).unwrap();
    assert_eq!(
        Some(facts.genesis.extra_data.as_str()),
        case["computed"].as_str()
    );
    assert_eq!(
        (facts.kind.as_str(), facts.block_period_ms),
        ("istanbul", 1000)
    );
    assert_eq!(facts.identity, Identity::Node);
    assert_eq!(facts.genesis.difficulty, "0x1");
}

#[test]
fn a_later_change_to_qbft_is_a_fact() {
    let said = |options: &Value| {
        let host = fixture::host(4);
        let call = TestHost::call("chain", "consensus", options, &[]);
        let session = Istanbul::open(fixture::topology(4, 0)).unwrap();
        let configured = session.configure(&host.at(&call)).unwrap();
        from_str::<ConsensusFacts>(&configured.facts)
            .unwrap()
            .qbft_from_block
    };
    assert_eq!(said(&json!({})), None);
    assert_eq!(said(&json!({"qbftBlock": 100})), Some(100));
}

#[test]
fn it_answers_to_ibft_too() {
    assert_eq!(Istanbul::descriptor().aliases, ["ibft"]);
}
