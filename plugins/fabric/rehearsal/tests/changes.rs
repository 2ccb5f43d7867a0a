//! What changes who is in a channel and what a chain is of: whatever is lost, whenever the process ends, the same command
//! again brings it to the same end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs
)]

mod homes;

use chain_plugin_sdk::{Blob, Diagnostics, Report};
use fabric_rehearsal::driver::{FAULTS, Faults, run};
use fabric_rehearsal::ledger::Ledger;
use fabric_rehearsal::network::{Network, Orderers, Spec};
use fabric_service::Release;
use homes::{CHANNEL, File, World};
use serde_json::{Value, json};

/// An operation, and what it is about.
type Step = (&'static str, &'static str, Value);

fn network(members: &[&str]) -> Network {
    let kinds = json!({
        "orderers": 1, "orgs": 2, "peers": 1,
        "channels": [{"name": "mychannel", "orgs": members}],
        "chaincodes": [{
            "name": "basic", "image": "registry.example/basic:1.0", "policy": "OR('Org1MSP.peer', 'Org2MSP.peer')",
        }],
    });
    Network::new(Spec::new(Release::V2_5, Orderers::Raft, &kinds)).unwrap()
}

fn tries(
    network: &mut Network,
    ledger: &mut Ledger,
    (operation, subject, args): &Step,
    faults: &Faults,
) -> Result<Report, Diagnostics> {
    network.now_ms = network.now_ms.max(ledger.clock_ms());
    run(network, ledger, operation, subject, args, &[], faults)
}

fn does(network: &mut Network, ledger: &mut Ledger, step: &Step) -> Report {
    let ended = tries(network, ledger, step, &Faults::none());
    ended.unwrap_or_else(|why| panic!("{step:?}: {why:?} {:#?}", ledger.audit.refusals))
}

fn brings_up() -> Step {
    ("bring-up", "chain", json!({}))
}

/// How far the host comes with an amendment before the process ends.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Until {
    /// Nothing of it is done.
    Wished,
    /// The spec says so, and what is new has started.
    Started,
    /// It is brought up as well.
    Ended,
}

/// Carries out what the last operation wished of the spec, as far as that.
fn amended(network: &mut Network, ledger: &mut Ledger, until: Until) {
    if until == Until::Wished {
        return;
    }
    for patch in network.log.amended.clone() {
        network.amend(&patch).unwrap();
        ledger.start(network).unwrap();
        if until == Until::Ended {
            does(network, ledger, &("after-ready", "chain", json!({})));
        }
    }
}

/// The end of a step and of the hook after it, as the nodes and the spec are then.
fn ends(network: &mut Network, ledger: &mut Ledger, step: &Step) -> (Value, Value) {
    does(network, ledger, step);
    amended(network, ledger, Until::Ended);
    does(network, ledger, &brings_up());
    (ledger.summary(), network.kinds().clone())
}

/// One fault at each request of a step; and the process ends before its wish of the spec is carried out, and in the midst
/// of that. The step is run again, and all is as without.
fn stands(start: impl Fn() -> (Network, Ledger), step: &Step) {
    let (mut network, mut ledger) = start();
    let mut whole = ledger.clone();
    tries(&mut network, &mut whole, step, &Faults::none()).unwrap();
    let requests = network.log.requests.len();
    let (mut network, _) = start();
    let wanted = ends(&mut network, &mut ledger, step);
    println!("{step:?}: {requests} requests");
    let mut cases = Vec::new();
    for at in 0..requests {
        cases.extend(FAULTS.map(|fault| (Faults::one(at, fault), Until::Wished)));
    }
    for until in [Until::Wished, Until::Started] {
        cases.push((Faults::none(), until));
    }
    for (faults, until) in cases {
        let (mut network, mut ledger) = start();
        network.runs = 1_000;
        let told = format!("{step:?}, {faults:?}, {until:?}");
        let ended = tries(&mut network, &mut ledger, step, &faults);
        ended.unwrap_or_else(|why| panic!("{told}: {why:?}"));
        amended(&mut network, &mut ledger, until);
        let (summary, kinds) = ends(&mut network, &mut ledger, step);
        assert_eq!(kinds, wanted.1, "{told}");
        assert_eq!(summary, wanted.0, "{told}");
        assert_eq!(ledger.audit.fault(), None, "{told}");
    }
}

fn brought_up(members: &[&str]) -> (Network, Ledger) {
    let mut network = network(members);
    let mut ledger = Ledger::new(&network).unwrap();
    does(&mut network, &mut ledger, &brings_up());
    (network, ledger)
}

#[test]
fn an_organisation_comes_whatever_is_lost() {
    let step = ("channel-add-org", CHANNEL, json!({"org": "org2"}));
    stands(|| brought_up(&["org1"]), &step);
}

#[test]
fn an_organisation_goes_whatever_is_lost() {
    let step = ("channel-remove-org", CHANNEL, json!({"org": "org2"}));
    stands(|| brought_up(&["org1", "org2"]), &step);
}

#[test]
fn a_channel_more_is_made_once() {
    let step = (
        "channel-create",
        "chain",
        json!({"name": "second", "orgs": ["org1"]}),
    );
    stands(|| brought_up(&["org1", "org2"]), &step);
}

#[test]
fn an_upgrade_raises_the_sequence_once_whenever_the_process_ends() {
    let step = (
        "chaincode-upgrade",
        "chaincode/basic",
        json!({"version": "2.0"}),
    );
    stands(|| brought_up(&["org1", "org2"]), &step);
}

#[test]
fn an_identity_is_issued_once() {
    let step = (
        "identity-issue",
        "chain",
        json!({"org": "org1", "name": "alice"}),
    );
    stands(|| brought_up(&["org1"]), &step);
}

/// An update that needs both parties: drafted by one, signed by the other, submitted by the first.
#[test]
fn an_update_of_two_homes_is_made_once_whatever_is_lost() {
    let wish = json!({"policies": {"Endorsement": "ANY Endorsement"}});
    let none = json!({});
    let steps: [(usize, &str, &Value, &[usize]); 3] = [
        (0, "channel-update", &wish, &[]),
        (1, "channel-sign", &none, &[0]),
        (0, "channel-submit", &none, &[0, 1]),
    ];
    let take = |world: &mut World, number: usize, made: &[Vec<Blob>], faults: &Faults| {
        let (party, operation, args, from) = steps[number];
        let files: Vec<Blob> = from.iter().flat_map(|it| made[*it].clone()).collect();
        world.tries(party, operation, CHANNEL, args, &files, faults)
    };
    let start = || {
        let mut world = File::default().world();
        world.all_join();
        world
    };
    let mut world = start();
    let mut made: Vec<Vec<Blob>> = Vec::new();
    let mut requests = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let report = take(&mut world, number, &made, &Faults::none()).unwrap();
        requests.push(world.homes[step.0].log.requests.len());
        made.push(report.files);
    }
    let wanted = world.ledger.summary();
    assert_eq!(world.ledger.chain("mychannel").unwrap().config.sequence, 1);
    println!("requests: {requests:?}");
    for (number, requests) in requests.iter().enumerate() {
        for at in 0..*requests {
            for fault in FAULTS {
                let told = format!("{}, {fault:?} at {at}", steps[number].1);
                let mut world = start();
                let mut made: Vec<Vec<Blob>> = Vec::new();
                for step in 0..steps.len() {
                    let runs = if step == number {
                        vec![Faults::one(at, fault), Faults::none()]
                    } else {
                        vec![Faults::none()]
                    };
                    let mut files = Vec::new();
                    for faults in runs {
                        let ended = take(&mut world, step, &made, &faults);
                        files = ended.unwrap_or_else(|why| panic!("{told}: {why:?}")).files;
                    }
                    made.push(files);
                }
                assert_eq!(world.ledger.summary(), wanted, "{told}");
                assert_eq!(world.ledger.audit.fault(), None, "{told}");
            }
        }
    }
}
