//! One fault at each request: what is wished for comes about all the same.

use super::*;

/// Operations in a row, with the args of each.
type Steps<'a> = &'a [(&'a str, &'a str, Value)];

/// One fault at each request of each operation in a row: it ends well, and after it is run again all is as without faults.
fn stands(spec: impl Fn() -> Spec + Sync, before: Steps<'_>, steps: Steps<'_>, faults: &[Fault]) {
    let (mut network, mut ledger) = (Network::new(spec()).unwrap(), None);
    let fresh = ledger.insert(Ledger::new(&network).unwrap());
    for (operation, subject, args) in before {
        does(&mut network, fresh, operation, subject, args);
    }
    let mut start = fresh.clone();
    for (operation, subject, args) in steps {
        let mut end = start.clone();
        end.start(&network).unwrap();
        does(&mut network, &mut end, operation, subject, args);
        let (wanted, requests) = (end.summary(), network.log.requests.len());
        println!("{operation}: {requests} requests");
        let failed = sweep_all(faults, |fault| {
            let mut failed = Vec::new();
            let mut network = Network::new(spec()).unwrap();
            // No run here has the seed of one that made the start.
            network.runs = 1_000;
            for at in 0..requests {
                network.now_ms += 1_000;
                let mut ledger = start.clone();
                ledger.start(&network).unwrap();
                network.now_ms = ledger.clock_ms();
                let mut told = String::new();
                for faults in [Faults::one(at, fault), Faults::none()] {
                    let ended = done(&mut network, &mut ledger, operation, subject, args, &faults);
                    if told.is_empty() {
                        let request = network.log.requests.get(at);
                        told = format!("{operation}, {fault:?} at {at} ({request:?})");
                    }
                    if let Err(why) = ended {
                        failed.push(format!("{told}: {why:?}"));
                    }
                }
                if ledger.summary() != wanted {
                    failed.push(format!("{told}: another end"));
                }
                failed.extend(ledger.audit.fault().map(|why| format!("{told}: {why}")));
            }
            failed
        });
        assert!(failed.is_empty(), "{}: {failed:#?}", failed.len());
        start = end;
    }
}

fn bring_up() -> [(&'static str, &'static str, Value); 1] {
    [("bring-up", "chain", json!({}))]
}

#[test]
fn bring_up_stands_every_fault_with_one_orderer() {
    stands(alone, &[], &bring_up(), &FAULTS);
}

#[test]
fn bring_up_stands_every_fault_with_three_orderers() {
    let spec = || Spec::new(Release::V2_5, Orderers::Raft, &kinds(3, 1));
    stands(spec, &[], &bring_up(), &FAULTS);
}

#[test]
fn bring_up_stands_every_fault_with_bft() {
    stands(bft, &[], &bring_up(), &FAULTS);
}

#[test]
fn bring_up_stands_every_fault_with_a_system_channel() {
    stands(solo, &[], &bring_up(), &FAULTS);
}

#[test]
fn changes_of_a_channel_stand_every_fault() {
    let policies = json!({"policies": {"Endorsement": "ANY Endorsement"}});
    let anchors = json!({"org": "org1", "peers": ["elsewhere.example:7051"]});
    let steps = [
        ("channel-update", CHANNEL, json!({"batchTimeout": "1s"})),
        ("channel-update", CHANNEL, policies),
        ("anchor-set", CHANNEL, anchors),
    ];
    stands(alone, &bring_up(), &steps, &FAULTS);
}

#[test]
fn the_steps_of_a_chaincode_stand_every_fault() {
    let none = json!({});
    let before = [("channel-join", CHANNEL, none.clone())];
    let steps = [
        ("chaincode-install", BASIC, none.clone()),
        ("chaincode-approve", BASIC, none.clone()),
        ("chaincode-commit", BASIC, none),
    ];
    stands(alone, &before, &steps, &FAULTS);
}
