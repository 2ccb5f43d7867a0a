//! What only looks: the console's expressions and the status of a node. A lost answer is told, and nothing is changed.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::collections::BTreeMap;

use chain_plugin_sdk::Turn;
use quorum_rehearsal::driver::{Typed, run, sweep};
use quorum_rehearsal::network::Network;
use serde_json::{Value, json};

fn typed(role: &'static str, operation: &'static str, args: Value) -> Typed {
    Typed::new(role, operation, "node/node0", args)
}

fn nothing(network: &Network) -> (usize, usize, usize) {
    let store = network.store.contracts.len();
    (store, network.voters.cast.len(), network.remembered.len())
}

#[test]
fn an_expression_is_evaluated_and_its_error_is_one() {
    let fresh = Network::voting("qbft", 1, 1);
    let what = typed("client", "exec-js", json!({"script": "eth.blockNumber"}));
    sweep::<goquorum::Work, _>(&fresh, &what, true, nothing).unwrap();
    let wrong = typed("client", "exec-js", json!({"script": "it"}));
    let end = run::<goquorum::Work>(&mut fresh.clone(), &wrong, &BTreeMap::new());
    let Turn::Failed(why) = end.turn else {
        panic!("{end:?}")
    };
    assert!(why[0].message.contains("ReferenceError"), "{why:?}");
}

#[test]
fn the_console_is_opened() {
    let what = typed("client", "console", json!({}));
    sweep::<goquorum::Work, _>(&Network::voting("qbft", 1, 1), &what, true, nothing).unwrap();
}

#[test]
fn a_status_is_told_also_when_answers_are_lost() {
    let what = typed("stack", "status", json!({}));
    sweep::<quorum::Work, _>(&Network::voting("qbft", 4, 4), &what, true, nothing).unwrap();
}
