//! Test contracts and acceptance: whatever is lost or killed, one contract is deployed, it holds what was written, and
//! nobody sees it who should not.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::collections::BTreeMap;

use chain_plugin_sdk::Turn;
use quorum_rehearsal::driver::{End, FAULTS, Fault, Typed, run};
use quorum_rehearsal::network::Network;
use serde_json::{Value, json};

fn typed(operation: &'static str, subject: &str, args: Value) -> Typed {
    Typed::new("client", operation, subject, args)
}

/// How many nodes see each contract, and that all hold what was written.
fn readers(network: &Network) -> Vec<usize> {
    let contracts = network.store.contracts.values();
    let mut readers: Vec<usize> = contracts
        .map(|contract| {
            assert_eq!(contract.value, 43);
            contract.readers.len()
        })
        .collect();
    readers.sort_unstable();
    readers
}

/// Each request meets each fault once; one that made it fail is followed by another run.
fn every_fault_once(what: &Typed, nodes: u32, wanted: &[usize]) {
    let fresh = Network::voting("qbft", nodes, nodes).private();
    let mut network = fresh.clone();
    let End { turn, sent } = run::<goquorum::Work>(&mut network, what, &BTreeMap::new());
    assert!(matches!(turn, Turn::Done(_)), "{turn:?}");
    assert_eq!(readers(&network), wanted);
    for at in 0..sent {
        for fault in FAULTS {
            let mut network = fresh.clone();
            let faults = [(at, fault)].into();
            let mut end = run::<goquorum::Work>(&mut network, what, &faults);
            if matches!(end.turn, Turn::Failed(_)) {
                end = run::<goquorum::Work>(&mut network, what, &BTreeMap::new());
            }
            assert!(matches!(end.turn, Turn::Done(_)), "{faults:?}: {end:?}");
            let found = readers(&network);
            // Nothing is remembered of a run that had done its last step: what is typed then is another test.
            if (at, fault) == (sent - 1, Fault::KilledAfter) {
                assert!(found.len() > wanted.len());
            } else {
                assert_eq!(found, wanted, "{faults:?}");
            }
            assert!(
                network.remembered.values().all(Value::is_null),
                "{faults:?}"
            );
        }
    }
}

#[test]
fn a_public_contract_is_deployed_once_and_read_by_all() {
    every_fault_once(&typed("test-contract", "node/node0", json!({})), 4, &[4]);
}

#[test]
fn a_private_contract_is_deployed_once_and_read_by_two() {
    let what = typed("test-contract", "node/node3", json!({"private": true}));
    every_fault_once(&what, 4, &[2]);
}

#[test]
fn acceptance_begins_again_and_comes_to_the_same_end() {
    let what = typed("accept", "chain", json!({}));
    let fresh = Network::voting("qbft", 4, 4).private();
    let mut network = fresh.clone();
    let End { turn, sent } = run::<goquorum::Work>(&mut network, &what, &BTreeMap::new());
    let Turn::Done(report) = turn else {
        panic!("{turn:?}")
    };
    let table: Value = serde_json::from_str(&report.table).unwrap();
    let passed = table.get("passed").and_then(Value::as_array).unwrap();
    assert_eq!(passed.len(), 3);
    assert_eq!(readers(&network), [2, 4]);
    for at in 0..sent {
        for fault in FAULTS {
            let mut network = fresh.clone();
            let faults = [(at, fault)].into();
            let mut end = run::<goquorum::Work>(&mut network, &what, &faults);
            if matches!(end.turn, Turn::Failed(_)) {
                end = run::<goquorum::Work>(&mut network, &what, &BTreeMap::new());
            }
            assert!(matches!(end.turn, Turn::Done(_)), "{faults:?}: {end:?}");
            // A test that had come to its end is made again, whole; none is left half.
            let found = readers(&network);
            assert!(
                found.contains(&2) && found.contains(&4) && found.len() <= 4,
                "{found:?}"
            );
        }
    }
}

#[test]
fn nodes_that_answer_nothing_are_told() {
    let mut network = Network::voting("qbft", 4, 4);
    network.silent.insert("node/node2".to_owned());
    let what = typed("accept", "chain", json!({}));
    let end = run::<goquorum::Work>(&mut network, &what, &BTreeMap::new());
    let Turn::Failed(why) = end.turn else {
        panic!("{end:?}")
    };
    assert!(why[0].message.contains("node/node2"), "{why:?}");
}
