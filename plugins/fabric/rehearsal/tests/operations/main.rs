//! The operations of the stack against a model of Fabric: what is wished for comes about, whatever is lost on the way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs
)]

mod calls;
mod deployment;
mod faults;
mod members;
mod profile;

use chain_plugin_sdk::{Diagnostics, Report};
use fabric_rehearsal::driver::{FAULTS, Fault, Faults, run, sweep_all};
use fabric_rehearsal::ledger::Ledger;
use fabric_rehearsal::network::{Network, Orderers, Spec, kinds};
use fabric_service::Release;
use serde_json::{Value, json};

const CHANNEL: &str = "channel/mychannel";
const BASIC: &str = "chaincode/basic";

fn raft() -> Spec {
    Spec::new(Release::V2_5, Orderers::Raft, &kinds(3, 2))
}

fn alone() -> Spec {
    Spec::new(Release::V2_5, Orderers::Raft, &kinds(1, 1))
}

fn bft() -> Spec {
    Spec::new(Release::V3_1, Orderers::Bft, &kinds(4, 1))
}

fn solo() -> Spec {
    let kinds = json!({"orgs": 2, "peers": 2, "channels": [{"name": "mychannel"}]});
    Spec::new(Release::V1_4, Orderers::Solo, &kinds)
}

fn done(
    network: &mut Network,
    ledger: &mut Ledger,
    operation: &str,
    subject: &str,
    args: &Value,
    faults: &Faults,
) -> Result<Report, Diagnostics> {
    run(network, ledger, operation, subject, args, &[], faults)
}

/// Runs an operation to its end, without faults.
fn does(
    network: &mut Network,
    ledger: &mut Ledger,
    operation: &str,
    subject: &str,
    args: &Value,
) -> Report {
    let ended = done(network, ledger, operation, subject, args, &Faults::none());
    ended.unwrap_or_else(|fault| {
        panic!(
            "{operation}: {fault:?}\nrefused: {:#?}\nlog: {:#?}",
            ledger.audit.refusals, network.log
        )
    })
}

fn is_clean(ledger: &Ledger, what: &str) {
    let found = ledger.audit.fault();
    assert!(found.is_none(), "{what}: {found:?}");
}

fn brought_up(spec: Spec) -> (Network, Ledger) {
    let mut network = Network::new(spec).unwrap();
    let mut ledger = Ledger::new(&network).unwrap();
    does(&mut network, &mut ledger, "bring-up", "chain", &json!({}));
    (network, ledger)
}

/// Carries out what an operation wishes of the spec, as the host does: what is new starts, and is brought up.
fn amended(network: &mut Network, ledger: &mut Ledger) {
    for patch in network.log.amended.clone() {
        network.amend(&patch).unwrap();
        ledger.start(network).unwrap();
        does(network, ledger, "after-ready", "chain", &json!({}));
    }
}

#[test]
fn a_network_is_brought_up_and_then_left_alone() {
    for (spec, height) in [(raft(), 4), (alone(), 4), (bft(), 4), (solo(), 3)] {
        let release = spec.release;
        let mut network = Network::new(spec).unwrap();
        let mut ledger = Ledger::new(&network).unwrap();
        let report = does(&mut network, &mut ledger, "bring-up", "chain", &json!({}));
        is_clean(&ledger, &report.text);
        assert!(network.refused.borrow().is_empty(), "{:?}", network.refused);
        let chain = ledger.chain("mychannel").unwrap();
        assert_eq!(chain.height(), height, "{release:?}: {}", report.text);
        for orderer in ledger.orderers.values() {
            assert!(orderer.channels.contains_key("mychannel"));
        }
        for peer in ledger.peers.values() {
            assert!(peer.channels.contains_key("mychannel"));
            let wanted = usize::from(release != Release::V1_4);
            assert_eq!(peer.installed.len(), wanted);
        }
        if release != Release::V1_4 {
            let raised = ("mychannel".to_owned(), "basic".to_owned(), 1);
            assert_eq!(ledger.audit.raised.get(&raised), Some(&1));
        }
        let (before, blocks) = (ledger.summary(), ledger.blocks());
        for operation in ["bring-up", "after-ready"] {
            does(&mut network, &mut ledger, operation, "chain", &json!({}));
            assert_eq!(ledger.summary(), before, "{operation}");
            assert_eq!(ledger.blocks(), blocks, "{operation} made blocks");
        }
        is_clean(&ledger, "again");
    }
}

/// In 1.4 a transaction makes the channel, and what would be wrong with it is found before as well.
#[test]
fn a_policy_that_nobody_satisfies_is_refused_in_every_release() {
    let network = |release: Release, orderers: Orderers, rule: &str| {
        let kinds = json!({
            "orgs": 2, "peers": 1,
            "channels": [{"name": "mychannel", "policies": {"Admins": rule}}],
        });
        Network::new(Spec::new(release, orderers, &kinds)).map(|it| it.notes)
    };
    for (release, orderers) in [
        (Release::V1_4, Orderers::Solo),
        (Release::V2_5, Orderers::Raft),
    ] {
        let fault = network(release, orderers, "OR('Org9MSP.admin')").unwrap_err();
        let text = format!("{fault:?}");
        for part in [
            "channel mychannel",
            "/Channel/Application/Admins",
            "Org9MSP",
        ] {
            assert!(text.contains(part), "{release:?} {part}: {text}");
        }
        // Who orders is a member of the channel, too.
        network(release, orderers, "OR('OrdererMSP.admin')").unwrap();
    }
}

/// What only looks changes nothing, and says something.
#[test]
fn who_looks_changes_nothing() {
    let (mut network, mut ledger) = brought_up(alone());
    let (before, blocks) = (ledger.summary(), ledger.blocks());
    for (operation, subject, args) in [
        ("channel-list", "chain", json!({})),
        ("channel-fetch", CHANNEL, json!({"block": "newest"})),
        (
            "channel-fetch",
            CHANNEL,
            json!({"block": "0", "json": true}),
        ),
        ("chaincode-package", BASIC, json!({})),
        ("org-definition", "org/org1", json!({})),
        ("connection-profile", "org/org1", json!({})),
        ("chaincode-approve", BASIC, json!({})),
        ("chaincode-commit", BASIC, json!({})),
        ("chaincode-install", BASIC, json!({})),
        ("channel-join", CHANNEL, json!({})),
    ] {
        let report = does(&mut network, &mut ledger, operation, subject, &args);
        assert!(!report.text.is_empty(), "{operation}");
        assert_eq!(ledger.summary(), before, "{operation}");
        assert_eq!(ledger.blocks(), blocks, "{operation} made blocks");
    }
    is_clean(&ledger, "looked");
}
