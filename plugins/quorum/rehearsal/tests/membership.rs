//! Membership of raft: whatever is lost or killed, a node is a member once, or has gone, and what is remembered is so.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use quorum_rehearsal::driver::{Typed, sweep};
use quorum_rehearsal::network::Network;
use quorum_service::fixture;
use serde_json::{Value, json};

fn typed(operation: &'static str, subject: &str, args: Value) -> Typed {
    Typed::new("consensus", operation, subject, args)
}

#[test]
fn a_node_that_joins_is_a_member_once_and_its_number_is_remembered() {
    let look = |network: &Network| {
        assert_eq!(
            (network.cluster.begun, network.cluster.members.len()),
            (1, 4)
        );
        (network.cluster.clone(), network.remembered.clone())
    };
    let what = typed("join", "node/node3", json!({}));
    let runs = sweep::<raft::Work, _>(&Network::raft(4, 1), &what, true, look);
    assert!(runs.unwrap_or_else(|why| panic!("{why}")) > 100);
}

#[test]
fn a_node_that_leaves_has_gone_and_that_is_remembered() {
    for founder in ["node/node0", "node/node2"] {
        let look = |network: &Network| {
            assert_eq!(
                (network.cluster.ended, network.cluster.members.len()),
                (1, 2)
            );
            assert_eq!(network.remembered.keys().collect::<Vec<_>>(), ["chain"]);
            (network.cluster.members.clone(), network.remembered.clone())
        };
        let what = typed("leave", founder, json!({}));
        let runs = sweep::<raft::Work, _>(&Network::raft(3, 0), &what, true, look);
        runs.unwrap_or_else(|why| panic!("{founder}: {why}"));
    }
}

#[test]
fn a_learner_is_promoted() {
    let mut fresh = Network::raft(3, 0);
    for member in fresh.cluster.members.values_mut().skip(2) {
        member.learner = true;
    }
    let look = |network: &Network| {
        assert!(network.cluster.members.values().all(|it| !it.learner));
        network.cluster.members.clone()
    };
    for member in ["node2", "3"] {
        let what = typed("raft-promote", "chain", json!({"member": member}));
        let runs = sweep::<raft::Work, _>(&fresh, &what, true, look);
        runs.unwrap_or_else(|why| panic!("{member}: {why}"));
    }
}

#[test]
fn a_membership_is_ended_by_hand() {
    let look = |network: &Network| {
        assert_eq!(network.cluster.ended, 1);
        network.cluster.members.clone()
    };
    for member in ["node1", "2"] {
        let what = typed("raft-remove", "chain", json!({"member": member}));
        let runs = sweep::<raft::Work, _>(&Network::raft(4, 0), &what, true, look);
        runs.unwrap_or_else(|why| panic!("{member}: {why}"));
    }
}

#[test]
fn another_partys_node_is_a_member_once_at_its_address() {
    let fresh = Network::raft(3, 0).joined_by("node/beta/node0", "beta-node0", "beta.example");
    let look = |network: &Network| {
        let number = network.cluster.number(&fixture::client(8).node_id);
        assert_eq!((network.cluster.begun, number), (1, Some(4)));
        let url = &network.cluster.members.values().last().unwrap().url;
        assert!(
            url.ends_with("@beta.example:31001?discport=0&raftport=31002"),
            "{url}"
        );
        assert!(
            network.remembered.is_empty(),
            "its number is its own party's"
        );
        network.cluster.clone()
    };
    let what = typed("raft-add", "chain", json!({"member": "beta-node0"}));
    let runs = sweep::<raft::Work, _>(&fresh, &what, true, look);
    runs.unwrap_or_else(|why| panic!("{why}"));
}

#[test]
fn a_number_of_another_partys_is_remembered_and_rendered() {
    let look = |network: &Network| {
        assert_eq!(
            network.remembered.get("node/node1"),
            Some(&json!({"number": 7}))
        );
        assert_eq!(network.rendered, network.remembered);
        network.remembered.clone()
    };
    let what = typed(
        "raft-number",
        "chain",
        json!({"member": "node1", "number": 7}),
    );
    let runs = sweep::<raft::Work, _>(&Network::raft(3, 0), &what, true, look);
    runs.unwrap_or_else(|why| panic!("{why}"));
}
