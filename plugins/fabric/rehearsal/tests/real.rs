//! The operations of the stack against real nodes that run what the plugins render.
//!
//! Needs the programs, see [`fabric_loopback::VARIABLE`]; without them nothing is tested, with those of another release
//! only what is about it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs
)]

mod stage;

use std::time::Instant;

use fabric_loopback::Programs;
use fabric_rehearsal::driver::{Fault, Faults};
use fabric_rehearsal::network::{Orderers, Spec, kinds};
use fabric_service::Release;
use serde_json::{Value, json};
use stage::Stage;

const CHANNEL: &str = "channel/mychannel";
const BASIC: &str = "chaincode/basic";

fn raft() -> Spec {
    Spec::new(Release::V2_5, Orderers::Raft, &kinds(3, 2))
}

/// The least that goes through all the steps: each request of it can be lost in some minutes.
fn small() -> Spec {
    Spec::new(Release::V2_5, Orderers::Raft, &kinds(1, 1))
}

fn bft() -> Spec {
    let kinds = json!({
        "orgs": 2, "peers": 2,
        "channels": [{"name": "mychannel"}],
        "chaincodes": [{"name": "basic", "image": "registry.example/basic:1.0"}],
    });
    Spec::new(Release::V3_1, Orderers::Bft, &kinds)
}

fn solo() -> Spec {
    let kinds = json!({"orgs": 2, "peers": 2, "channels": [{"name": "mychannel"}]});
    Spec::new(Release::V1_4, Orderers::Solo, &kinds)
}

fn programs(release: &str) -> Option<Programs> {
    Programs::from_env_of(&[release]).unwrap()
}

fn started(programs: &Programs, spec: Spec) -> Stage {
    let begun = Instant::now();
    let stage = Stage::start(programs, spec);
    println!("ready after {:.2} s", begun.elapsed().as_secs_f32());
    stage
}

/// Chaincode answers, a transaction is committed, and what is done already is left alone.
fn works(stage: &mut Stage) {
    let call = |words: &[&str]| json!({"call": json!(words).to_string()});
    let put = call(&["put", "key", "value"]);
    let done = stage.run("chaincode-invoke", BASIC, &put);
    println!("{}", done.text);
    let got = stage.run("chaincode-query", BASIC, &call(&["get", "key"]));
    assert_eq!(got.text, "value");
    unchanged(stage);
}

fn unchanged(stage: &mut Stage) {
    let before = stage.settled();
    let again = stage.run("after-ready", "chain", &json!({}));
    println!("{}", again.text);
    let told = stage.network.log.says.clone();
    assert_eq!(stage.settled(), before);
    assert!(told.is_empty(), "{told:?}");
}

fn whole_life(stage: &mut Stage, nodes: usize) {
    let first = stage.run("after-ready", "chain", &json!({}));
    println!("{}", first.text);
    assert_eq!(first.notes, []);
    let heights = stage.settled();
    assert_eq!(heights.len(), nodes, "{heights:?}");
    unchanged(stage);
    let text = stage.run("channel-list", "chain", &json!({})).text;
    println!("{text}");
    asked_for_nothing_else(stage);
    works(stage);
    stage.run("channel-join", CHANNEL, &json!({}));
    let deployed = stage.run("chaincode-deploy", BASIC, &json!({}));
    let table: Value = serde_json::from_str(&deployed.table).unwrap();
    assert_eq!(table["sequence"], 1, "{table}");
    assert_eq!(stage.strays(), [""; 0]);
}

/// Nothing was asked of the host that it does not give.
fn asked_for_nothing_else(stage: &Stage) {
    let refused = stage.network.refused.borrow();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn raft_comes_up_and_works() {
    let Some(programs) = programs("2.5") else {
        return;
    };
    whole_life(&mut started(&programs, raft()), 7);
}

#[test]
fn bft_comes_up_and_works() {
    let Some(programs) = programs("3.1") else {
        return;
    };
    whole_life(&mut started(&programs, bft()), 8);
}

#[test]
fn channels_come_out_of_a_system_channel() {
    let Some(programs) = programs("1.4") else {
        return;
    };
    let mut stage = started(&programs, solo());
    let first = stage.run("after-ready", "chain", &json!({}));
    println!("{}", first.text);
    let heights = stage.settled();
    println!("{heights:?}");
    unchanged(&mut stage);
    asked_for_nothing_else(&stage);
    stage.run("channel-join", CHANNEL, &json!({}));
    assert_eq!(stage.strays(), [""; 0]);
}

fn shaped(kinds: &Value, options: &Value) -> Spec {
    let mut spec = Spec::new(Release::V2_5, Orderers::Raft, kinds);
    let role = fabric_service::role::STACK.to_owned();
    spec.options.insert(role, options.clone());
    spec
}

#[test]
fn networks_of_other_shapes_work_too() {
    let Some(programs) = programs("2.5") else {
        return;
    };
    let channels = json!([{"name": "mychannel"}]);
    let basic = json!([{"name": "basic", "image": "registry.example/basic:1.0"}]);
    let one = json!({
        "orderers": 1, "orgs": 2, "peers": 1, "channels": channels, "chaincodes": basic,
    });
    let old = json!({
        "orgs": [
            {"name": "orderer", "ordering": true, "orderers": 1, "nodeOus": false},
            {"name": "org1", "peers": 2, "nodeOus": false},
            {"name": "org2", "peers": 1},
        ],
        "channels": channels, "chaincodes": basic,
    });
    let all_order = json!({
        "orgs": [
            {"name": "org1", "ordering": true, "orderers": 1, "peers": 1, "mspId": "Bank", "domain": "bank.example"},
            {"name": "org2", "ordering": true, "orderers": 2, "peers": 1, "namespace": "elsewhere"},
        ],
        "channels": channels,
        "chaincodes": [{
            "name": "basic", "image": "registry.example/basic:1.0", "version": "2.1",
            "policy": "OR('Bank.peer','Org2MSP.peer')",
        }],
    });
    for (name, spec, nodes) in [
        (
            "one namespace",
            shaped(&one, &json!({"namespaces": "one"})),
            3,
        ),
        ("no NodeOUs", shaped(&old, &json!({})), 4),
        ("all order", shaped(&all_order, &json!({})), 5),
    ] {
        println!("== {name}");
        whole_life(&mut started(&programs, spec), nodes);
    }
}

#[test]
fn raft_makes_channels_out_of_a_system_channel() {
    let Some(programs) = programs("1.4") else {
        return;
    };
    let kinds = json!({
        "orderers": 3, "orgs": 2, "peers": 1,
        "channels": [{"name": "mychannel"}, {"name": "second", "orgs": ["org2"]}],
    });
    let spec = Spec::new(Release::V1_4, Orderers::Raft, &kinds);
    let mut stage = started(&programs, spec);
    let first = stage.run("after-ready", "chain", &json!({}));
    println!("{}", first.text);
    let heights = stage.settled();
    assert_eq!(heights.len(), 9, "{heights:?}");
    unchanged(&mut stage);
    asked_for_nothing_else(&stage);
    assert_eq!(stage.strays(), [""; 0]);
}

/// One node of each kind is down while the others work.
fn bears_the_loss_of_one(mut stage: Stage) {
    let call = |words: &[&str]| json!({"call": json!(words).to_string()});
    stage.run("after-ready", "chain", &json!({}));
    stage.settled();
    for orderer in ["orderer0.orderer", "orderer1.orderer"] {
        stage.kill(orderer);
        stage.run("chaincode-invoke", BASIC, &call(&["put", "key", orderer]));
        let got = stage.run("chaincode-query", BASIC, &call(&["get", "key"]));
        assert_eq!(got.text, orderer);
        let told = stage.run("channel-list", "chain", &json!({}));
        assert_eq!(told.notes.len(), 1, "{:?}", told.notes);
        println!("{:?}", told.notes);
        stage.restart(orderer);
        stage.settled();
        unchanged(&mut stage);
    }
    stage.kill("basic.org1");
    stage.restart("basic.org1");
    stage.run("chaincode-invoke", BASIC, &call(&["put", "key", "server"]));
    stage.kill("peer0.org1");
    let got = stage.run("chaincode-query", BASIC, &call(&["get", "key"]));
    assert_eq!(got.text, "server");
    stage.run("chaincode-invoke", BASIC, &call(&["put", "key", "peer"]));
    stage.restart("peer0.org1");
    stage.settled();
    let got = stage.run("chaincode-query", BASIC, &call(&["get", "key"]));
    assert_eq!(got.text, "peer");
    unchanged(&mut stage);
}

#[test]
fn raft_bears_the_loss_of_one() {
    if let Some(programs) = programs("2.5") {
        bears_the_loss_of_one(started(&programs, raft()));
    }
}

#[test]
fn bft_bears_the_loss_of_one() {
    if let Some(programs) = programs("3.1") {
        bears_the_loss_of_one(started(&programs, bft()));
    }
}

/// Every fault at each of the first requests, each in a network of its own; `check` looks at it afterwards.
fn survives(programs: &Programs, spec: fn() -> Spec, usual: usize, check: fn(&mut Stage)) {
    let numbers = |name: &str, usual: usize| {
        let said = std::env::var(name).ok();
        said.map_or(usual, |it| it.parse().unwrap())
    };
    let (from, to) = (
        numbers("CHAIN_TEST_FROM", 0),
        numbers("CHAIN_TEST_TO", usual),
    );
    let mut failed = Vec::new();
    'all: for at in from..to {
        for fault in [Fault::LostBefore, Fault::LostAfter, Fault::KilledAfter] {
            println!("== {fault:?} at request {at}");
            let mut stage = started(programs, spec());
            let faults = Faults::one(at, fault);
            match stage.try_run("after-ready", "chain", &json!({}), &faults) {
                Ok(report) => {
                    println!("{}", report.text);
                    if stage.network.log.requests.len() <= at {
                        println!("it never came to that");
                        break 'all;
                    }
                    check(&mut stage);
                }
                Err(diagnostics) => {
                    println!("FAILED {diagnostics:#?}");
                    failed.push(format!("{fault:?} at {at}: {diagnostics:?}"));
                }
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
#[ignore = "some minutes: 36 networks"]
fn raft_comes_up_through_faults() {
    let Some(programs) = programs("2.5") else {
        return;
    };
    survives(&programs, raft, 12, works);
}

#[test]
#[ignore = "some minutes: a hundred networks"]
fn each_request_may_be_lost() {
    let Some(programs) = programs("2.5") else {
        return;
    };
    survives(&programs, small, 60, works);
}

#[test]
#[ignore = "some minutes: 36 networks"]
fn bft_comes_up_through_faults() {
    let Some(programs) = programs("3.1") else {
        return;
    };
    survives(&programs, bft, 12, works);
}

#[test]
#[ignore = "some minutes: 36 networks"]
fn channels_come_out_of_a_system_channel_through_faults() {
    let Some(programs) = programs("1.4") else {
        return;
    };
    survives(&programs, solo, 40, unchanged);
}
