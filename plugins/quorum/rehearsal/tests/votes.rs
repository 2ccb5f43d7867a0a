//! Votes of istanbul, qbft and clique: whatever is lost or killed, each voter votes once and the result is the same.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::collections::BTreeMap;

use quorum_rehearsal::driver::{Typed, sweep};
use quorum_rehearsal::network::Network;
use serde_json::json;

fn vote(operation: &'static str, who: &str) -> Typed {
    Typed::new("client", operation, "chain", json!({"validator": who}))
}

#[test]
fn a_validator_is_voted_in_once_by_each() {
    for kind in ["istanbul", "qbft", "clique"] {
        let look = |network: &Network| {
            assert_eq!(network.voters.members.len(), 5);
            // Three of four votes are enough where one was lost on its way.
            let cast = &network.voters.cast;
            assert!(
                cast.len() >= 3 && cast.values().all(|times| *times == 1),
                "{cast:?}"
            );
            assert!(network.voters.pending.values().all(BTreeMap::is_empty));
            network.voters.members.clone()
        };
        let fresh = Network::voting(kind, 5, 4);
        let typed = vote("add-validator", "node4");
        let runs = sweep::<goquorum::Work, _>(&fresh, &typed, true, look);
        assert!(runs.unwrap_or_else(|why| panic!("{kind}: {why}")) > 1000);
    }
}

#[test]
fn a_validator_is_voted_out_once_by_each() {
    for kind in ["istanbul", "qbft", "clique"] {
        let look = |network: &Network| {
            assert_eq!(network.voters.members.len(), 3);
            assert!(network.voters.cast.values().all(|cast| *cast == 1));
            assert!(network.voters.pending.values().all(BTreeMap::is_empty));
            network.voters.members.clone()
        };
        let fresh = Network::voting(kind, 4, 4);
        let typed = vote("remove-validator", "node3");
        let runs = sweep::<goquorum::Work, _>(&fresh, &typed, true, look);
        runs.unwrap_or_else(|why| panic!("{kind}: {why}"));
    }
}

#[test]
fn what_is_so_already_is_not_voted_on() {
    for (operation, who) in [("add-validator", "node1"), ("remove-validator", "node4")] {
        let look = |network: &Network| {
            assert!(network.voters.cast.is_empty());
            network.voters.members.clone()
        };
        let fresh = Network::voting("qbft", 5, 4);
        let runs = sweep::<goquorum::Work, _>(&fresh, &vote(operation, who), true, look);
        runs.unwrap_or_else(|why| panic!("{operation}: {why}"));
    }
}
