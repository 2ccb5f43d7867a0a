//! Orderers and peers that were restarted: who leads goes last, and the next one is not touched before the one before is
//! back in its channels.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use chain_plugin_sdk::{Diagnostics, Report};
use fabric_rehearsal::driver::{FAULTS, Faults, run};
use fabric_rehearsal::ledger::Ledger;
use fabric_rehearsal::ledger::restart::{CATCHES_UP, HEARS};
use fabric_rehearsal::network::{Network, Orderers, Spec, kinds};
use fabric_service::Release;
use serde_json::{Value, json};

fn tries(
    network: &mut Network,
    ledger: &mut Ledger,
    (operation, subject): (&str, &str),
    args: &Value,
    faults: &Faults,
) -> Result<Report, Diagnostics> {
    run(network, ledger, operation, subject, args, &[], faults)
}

fn does(network: &mut Network, ledger: &mut Ledger, operation: &str, subject: &str) -> Report {
    let what = (operation, subject);
    tries(network, ledger, what, &json!({}), &Faults::none())
        .unwrap_or_else(|why| panic!("{operation}: {why:?}"))
}

fn brought_up(release: Release, kind: Orderers, orderers: u32) -> (Network, Ledger) {
    let mut network = Network::new(Spec::new(release, kind, &kinds(orderers, 1))).unwrap();
    let mut ledger = Ledger::new(&network).unwrap();
    does(&mut network, &mut ledger, "bring-up", "chain");
    (network, ledger)
}

const ORDERER: &str = "orderer/orderer1.orderer";
const PEER: &str = "peer/peer0.org1";

#[test]
fn a_gate_stands_every_fault_and_opens_no_sooner_than_the_node_is_back() {
    for (release, kind, orderers) in [
        (Release::V2_5, Orderers::Raft, 3),
        (Release::V3_1, Orderers::Bft, 4),
        (Release::V1_4, Orderers::Solo, 1),
    ] {
        let (mut network, start) = brought_up(release, kind, orderers);
        let solo = kind == Orderers::Solo;
        let orderer = if solo {
            "orderer/orderer0.orderer"
        } else {
            ORDERER
        };
        for (gate, node, back) in [
            ("orderer-gate", orderer, if solo { 0 } else { HEARS }),
            ("peer-gate", PEER, CATCHES_UP),
        ] {
            let before = (start.summary(), start.blocks());
            let mut passes = |faults: &Faults, told: &str| {
                let mut ledger = start.clone();
                ledger.restart(node);
                network.now_ms = ledger.clock_ms();
                let ended = tries(&mut network, &mut ledger, (gate, node), &json!({}), faults);
                let report = ended.unwrap_or_else(|why| panic!("{told}: {why:?}"));
                assert!(ledger.uptime_ms(node) >= back, "{told}: {}", report.text);
                assert_eq!((ledger.summary(), ledger.blocks()), before, "{told}");
                network.log.requests.len()
            };
            let requests = passes(&Faults::none(), gate);
            for fault in FAULTS {
                for at in 0..requests {
                    let told = format!("{gate} of {node}, {fault:?} at {at}");
                    passes(&Faults::one(at, fault), &told);
                }
            }
        }
    }
}

/// Where nothing is restarted a gate is open, and costs one look.
#[test]
fn a_gate_is_open_where_all_is_well() {
    let (mut network, mut ledger) = brought_up(Release::V2_5, Orderers::Raft, 3);
    for (gate, node) in [("orderer-gate", ORDERER), ("peer-gate", PEER)] {
        let report = does(&mut network, &mut ledger, gate, node);
        assert!(report.text.contains("is back in its channels"));
        assert_eq!(network.log.turns, 2, "{gate}");
        assert_eq!(network.log.slept_ms, 0, "{gate}");
    }
}

/// An orderer whose TLS key is not the channel's is healthy, and stays a follower for ever.
#[test]
fn a_gate_says_what_is_missing_and_gives_up() {
    let (mut network, mut ledger) = brought_up(Release::V2_5, Orderers::Raft, 3);
    for chain in ledger.chains.values_mut() {
        chain.ordering.consenters.as_mut().unwrap().remove(1);
    }
    let what = ("orderer-gate", ORDERER);
    let fault = tries(&mut network, &mut ledger, what, &json!({}), &Faults::none());
    let text = format!("{:?}", fault.unwrap_err());
    for part in [
        "orderer1.orderer is ready again",
        "only follows channel mychannel",
        "kubectl chain logs orderer1.orderer",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(network.log.slept_ms >= 110_000, "{}", network.log.slept_ms);
}

#[test]
fn one_orderer_leads_and_goes_last() {
    for (release, kind, orderers) in [
        (Release::V2_5, Orderers::Raft, 3),
        (Release::V3_1, Orderers::Bft, 4),
    ] {
        let (mut network, mut ledger) = brought_up(release, kind, orderers);
        let mut later = Vec::new();
        for n in 0..orderers {
            let id = format!("orderer/orderer{n}.orderer");
            let report = does(&mut network, &mut ledger, "orderer-turn", &id);
            let table: Value = serde_json::from_str(&report.table).unwrap();
            later.extend(table["later"].as_str().map(|why| (n, why.to_owned())));
        }
        let why = "it leads channel mychannel".to_owned();
        assert_eq!(later, [(0, why)], "{kind:?}");
    }
    // One that orders alone leads nobody.
    let (mut network, mut ledger) = brought_up(Release::V2_5, Orderers::Raft, 1);
    let id = "orderer/orderer0.orderer";
    let report = does(&mut network, &mut ledger, "orderer-turn", id);
    assert_eq!(report.table, "{}");
}

/// Whose certificates are renewed, whatever is lost on the way: each that is to be, the leader last.
#[test]
fn renewal_stands_every_fault_and_takes_the_leader_last() {
    let (mut network, ledger) = brought_up(Release::V2_5, Orderers::Raft, 3);
    let what = ("cert-renew", "org/orderer");
    let mut renews = |faults: &Faults, told: &str| {
        let mut ledger = ledger.clone();
        network.now_ms = ledger.clock_ms();
        let before = (ledger.summary(), ledger.blocks());
        let ended = tries(&mut network, &mut ledger, what, &json!({}), faults);
        let report = ended.unwrap_or_else(|why| panic!("{told}: {why:?}"));
        assert_eq!((ledger.summary(), ledger.blocks()), before, "{told}");
        let renewed: Vec<String> = network
            .log
            .renewed
            .iter()
            .map(|(id, items)| {
                assert_eq!(items, &["cert", "tls-cert"]);
                id.clone()
            })
            .collect();
        (renewed, network.log.requests.len(), report)
    };
    let (whole, requests, report) = renews(&Faults::none(), "whole");
    assert_eq!(
        whole,
        [
            "user/Admin@orderer",
            ORDERER,
            "orderer/orderer2.orderer",
            "orderer/orderer0.orderer",
        ],
        "{}",
        report.text
    );
    assert!(requests > 0);
    for fault in FAULTS {
        for at in 0..requests {
            let told = format!("{fault:?} at {at}");
            let (renewed, ..) = renews(&Faults::one(at, fault), &told);
            // A run that was killed begins anew; one whose look was lost takes one for a follower at most.
            let mut last: Vec<&String> = renewed.iter().rev().take(whole.len()).collect();
            last.sort();
            let mut all: Vec<&String> = whole.iter().collect();
            all.sort();
            assert_eq!(last, all, "{told}: {renewed:?}");
        }
    }
}
