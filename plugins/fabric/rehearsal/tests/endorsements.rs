//! Chaincode between parties: one has the orderers, each reaches its own peers alone, and what they need of each other goes
//! as files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs
)]

mod homes;
#[path = "homes/steps.rs"]
mod steps;

use chain_plugin_sdk::Blob;
use fabric_rehearsal::driver::Faults;
use fabric_service::Release;
use serde_json::{Value, json};

use homes::{BASIC, CHANNEL, File, World};
use steps::{BY_ONE, BY_TWO, ONE, TWO, both, faulty, goes};

/// What both parties read of the key that a call added to.
fn sums(world: &mut World) -> Vec<String> {
    let get = json!({"call": "get n"});
    let mut all = Vec::new();
    for party in [ONE, TWO] {
        let report = world.does(party, "chaincode-query", BASIC, &get, &[]);
        all.push(report.unwrap().text);
    }
    all
}

#[test]
fn two_parties_commit_a_chaincode_and_call_it() {
    for steps in [&BY_ONE[..], &BY_TWO[..]] {
        let mut world = both().world();
        world.all_join();
        let mut made = Vec::new();
        let reports = goes(&mut world, steps, &mut made);
        let raised: Vec<_> = world.ledger.audit.raised.clone().into_iter().collect();
        let first = ("mychannel".to_owned(), "basic".to_owned(), 1);
        assert_eq!(raised, [(first, 1)]);
        assert_eq!(sums(&mut world), ["1", "1"]);
        let last = reports.last().unwrap();
        assert!(last.text.contains("is committed in block"), "{}", last.text);
        assert_eq!(faulty(&world.ledger), None);
        for home in &world.homes {
            assert!(home.refused.borrow().is_empty(), "{:?}", home.refused);
        }

        // All of it again, with the same files: nothing is done twice. Calls are left out: each is a new one.
        let (before, blocks) = (world.ledger.summary(), world.ledger.blocks());
        for step in steps.iter().filter(|it| it.call.is_empty()) {
            let again = step.run(&mut world, &made, &Faults::none());
            let report = again.unwrap_or_else(|why| panic!("{}: {why:?}", step.operation));
            assert_eq!(report.files, [], "{}: {}", step.operation, report.text);
            assert_eq!(world.ledger.blocks(), blocks, "{}", step.operation);
        }
        assert_eq!(world.ledger.summary(), before);
    }
}

#[test]
fn each_file_says_what_it_does_and_what_is_typed() {
    let mut world = both().world();
    world.all_join();
    let reports = goes(&mut world, &BY_TWO, &mut Vec::new());
    let definition =
        "chaincode basic 1.0, sequence 1, with policy AND('Org1MSP.peer', 'Org2MSP.peer')";
    for (number, words) in [
        (
            0,
            vec![
                "approves for Org2MSP chaincode basic 1.0, sequence 1",
                "channel-submit mychannel --file basic-approve-1-Org2MSP-ready.pb",
            ],
        ),
        (1, vec!["approves for Org2MSP", "is committed in block"]),
        (
            3,
            vec![
                "commits",
                definition,
                "endorsements of Org1MSP",
                "chaincode-endorse mychannel --file basic-commit-1.pb",
            ],
        ),
        (
            4,
            vec![
                "commits",
                definition,
                "of Org2MSP",
                "endorsed by Org1MSP; all endorsements are there",
                "basic-commit-1-Org1MSP.pb back to Org2MSP",
            ],
        ),
        (
            5,
            vec!["channel-submit mychannel --file basic-commit-1-ready.pb"],
        ),
        (6, vec!["commits", definition, "is committed in block"]),
        (
            7,
            vec!["calls chaincode basic: add n 1", "endorsements of Org1MSP"],
        ),
        (8, vec!["calls chaincode basic: add n 1"]),
        (9, vec!["-ready.pb", "channel-submit mychannel"]),
        (
            10,
            vec![
                "calls chaincode basic: add n 1",
                "is committed in block",
                "\n1",
            ],
        ),
    ] {
        let text = &reports[number].text;
        for word in words {
            assert!(text.contains(word), "{number}: {word} in {text}");
        }
    }
    // No file holds a key, nor has anything of one.
    for file in reports.iter().flat_map(|it| &it.files) {
        let text = String::from_utf8_lossy(&file.bytes);
        assert!(!text.contains("PRIVATE KEY"), "{}", file.name);
    }
}

/// A changed byte is noticed before anything is sent; or it was nobody's word, and changes nothing.
#[test]
fn a_file_that_was_tampered_with_is_refused() {
    let mut world = both().world();
    world.all_join();
    let mut made = Vec::new();
    let mut refused = 0;
    for number in 0..BY_TWO.len() {
        let step = BY_TWO[number];
        let (before, honest_files) = (world.ledger.clone(), made.clone());
        goes(&mut world, &BY_TWO[..=number], &mut made);
        let honest = made.last().unwrap().clone();
        let after = world.ledger.clone();
        for used in step.files {
            let length = honest_files[*used][0].bytes.len();
            for at in (0..length).step_by(length / 60) {
                world.ledger = before.clone();
                let mut files = honest_files.clone();
                files[*used][0].bytes[at] ^= 1;
                let told = format!("{number} {} at {at} of {length}", step.operation);
                if let Ok(report) = step.run(&mut world, &files, &Faults::none()) {
                    let same = |it: &Vec<Blob>| it.iter().map(|it| it.bytes.clone()).collect();
                    let (given, wanted): (Vec<_>, Vec<_>) = (same(&report.files), same(&honest));
                    assert_eq!(given, wanted, "{told}: {}", report.text);
                    assert_eq!(world.ledger.summary(), after.summary(), "{told}");
                } else {
                    refused += 1;
                    assert_eq!(world.ledger.summary(), before.summary(), "{told}");
                    assert_eq!(world.ledger.blocks(), before.blocks(), "{told}");
                }
            }
        }
        world.ledger = after;
    }
    assert!(refused > 300, "{refused}");
}

#[test]
fn files_of_another_kind_say_where_they_belong() {
    let mut world = both().world();
    world.all_join();
    let mut made = Vec::new();
    goes(&mut world, &BY_TWO[..6], &mut made);
    let wish = json!({"policies": {"Endorsement": "ANY Endorsement"}});
    let change = world
        .does(ONE, "channel-update", CHANNEL, &wish, &[])
        .unwrap();
    let none = json!({});
    let other = [made[3].clone(), made[0].clone()].concat();
    for (operation, files, word) in [
        (
            "chaincode-endorse",
            &made[5],
            "channel-submit mychannel --file basic-commit-1-ready.pb",
        ),
        (
            "channel-submit",
            &made[4],
            "chaincode-endorse mychannel --file basic-commit-1-Org1MSP.pb",
        ),
        (
            "chaincode-endorse",
            &change.files,
            "channel-sign mychannel --file mychannel-update.pb",
        ),
        ("chaincode-endorse", &Vec::new(), "--file FILE"),
        (
            "chaincode-endorse",
            &other,
            "basic-approve-1-Org2MSP-ready.pb",
        ),
    ] {
        let fault = world
            .does(ONE, operation, CHANNEL, &none, files)
            .unwrap_err();
        let text = format!("{fault:?}");
        assert!(text.contains(word), "{word} in {text}");
    }
}

/// Two proposals of one sequence: the second finds it done, and is refused once the chaincode has moved on.
#[test]
fn a_proposal_that_the_chaincode_left_behind_is_refused() {
    let mut world = both().world();
    world.all_join();
    let none = json!({});
    let mut made = Vec::new();
    goes(&mut world, &BY_ONE[..4], &mut made);
    let second = world
        .does(TWO, "chaincode-commit", BASIC, &none, &[])
        .unwrap();
    goes(&mut world, &BY_ONE[..7], &mut made);
    let blocks = world.ledger.blocks();
    for party in [ONE, TWO] {
        let late = world.does(party, "chaincode-endorse", CHANNEL, &none, &second.files);
        let late = late.unwrap();
        assert!(
            late.text.contains("with sequence 1 already"),
            "{}",
            late.text
        );
        assert_eq!(late.files, []);
    }
    let call = made[6].clone();
    let next = File {
        version: "2.0",
        ..both()
    };
    world.homes = next.homes().into();
    for home in &mut world.homes {
        home.runs = 50;
    }
    goes(&mut world, &BY_ONE[..6], &mut Vec::new());
    let raised: Vec<i64> = world.ledger.audit.raised.keys().map(|it| it.2).collect();
    assert_eq!(raised, [1, 2]);
    assert!(world.ledger.blocks() > blocks);
    let before = (world.ledger.summary(), world.ledger.blocks());
    for (files, word) in [
        (&second.files, "sequence 2 is committed"),
        (&call, "made under sequence 1"),
    ] {
        for party in [ONE, TWO] {
            let late = world.does(party, "chaincode-endorse", CHANNEL, &none, files);
            let text = format!("{:?}", late.unwrap_err());
            assert!(text.contains(word), "{word} in {text}");
            let asked = &world.homes[party].log.requests;
            assert!(
                asked.iter().all(|it| !it.2.ends_with("/Broadcast")),
                "{asked:?}"
            );
        }
    }
    assert_eq!((world.ledger.summary(), world.ledger.blocks()), before);
    assert_eq!(faulty(&world.ledger), None);
}

/// Two transactions of one outcome at once: the one that comes second finds the first.
#[test]
fn both_parties_commit_at_once_and_it_is_done_once() {
    let mut world = both().world();
    world.all_join();
    let none = json!({});
    let mut made = Vec::new();
    goes(&mut world, &BY_ONE[..3], &mut made);
    let wishes = [ONE, TWO].map(|party| {
        let wish = world
            .does(party, "chaincode-commit", BASIC, &none, &[])
            .unwrap();
        let other = 1 - party;
        let answer = world.does(other, "chaincode-endorse", CHANNEL, &none, &wish.files);
        answer.unwrap().files
    });
    let ready = world
        .does(TWO, "chaincode-endorse", CHANNEL, &none, &wishes[TWO])
        .unwrap();
    // The command that began it takes the files as well.
    let first = world
        .does(ONE, "chaincode-commit", BASIC, &none, &wishes[ONE])
        .unwrap();
    assert!(
        first.text.contains("is committed in block"),
        "{}",
        first.text
    );
    let second = world
        .does(ONE, "channel-submit", CHANNEL, &none, &ready.files)
        .unwrap();
    assert!(
        second.text.contains("with sequence 1 already"),
        "{}",
        second.text
    );
    assert_eq!(faulty(&world.ledger), None);
}

/// A party that orders, and has no peer: it cannot tell what is valid, and hands in what is endorsed.
#[test]
fn who_has_orderers_alone_hands_in_for_the_others() {
    let file = both();
    let homes = vec![
        file.home(&["org/org1", "org/org2"]),
        file.home(&["org/orderer", "org/org2"]),
        file.home(&["org/orderer", "org/org1"]),
    ];
    let mut world = World::of(homes);
    world.all_join();
    let none = json!({});
    let hand_in = |world: &mut World, files: &[Blob]| {
        let report = world.does(0, "channel-submit", CHANNEL, &none, files);
        report.unwrap().text
    };
    for party in [1, 2] {
        let approval = world
            .does(party, "chaincode-deploy", BASIC, &none, &[])
            .unwrap();
        let text = hand_in(&mut world, &approval.files);
        assert!(text.contains("stands in block"), "{text}");
    }
    let wish = world
        .does(1, "chaincode-deploy", BASIC, &none, &[])
        .unwrap();
    let early = world.does(0, "chaincode-endorse", CHANNEL, &none, &wish.files);
    let text = format!("{:?}", early.unwrap_err());
    assert!(text.contains("no peer of channel mychannel"), "{text}");
    let answer = world
        .does(2, "chaincode-endorse", CHANNEL, &none, &wish.files)
        .unwrap();
    let ready = world
        .does(1, "chaincode-endorse", CHANNEL, &none, &answer.files)
        .unwrap();
    for _ in 0..2 {
        hand_in(&mut world, &ready.files);
    }
    for party in [1, 2] {
        let done = world
            .does(party, "chaincode-deploy", BASIC, &none, &[])
            .unwrap();
        assert!(
            done.text.contains("is committed on mychannel"),
            "{}",
            done.text
        );
    }
    assert_eq!(faulty(&world.ledger), None);
}

/// Peers of 3.1 look at the time of a proposal, those before do not.
#[test]
fn a_proposal_grows_old_where_peers_look_at_its_time() {
    for release in [Release::V2_5, Release::V3_1] {
        let file = File { release, ..both() };
        let mut world = file.world();
        world.all_join();
        let mut made = Vec::new();
        let reports = goes(&mut world, &BY_ONE[..4], &mut made);
        let ages = release == Release::V3_1;
        assert_eq!(reports[3].text.contains("for 15 minutes"), ages);
        fabric_rehearsal::driver::World::pass(&mut world.ledger, 20 * 60 * 1000);
        let late = BY_ONE[4].run(&mut world, &made, &Faults::none());
        if ages {
            let text = format!("{:?}", late.unwrap_err());
            assert!(text.contains("was made 20 minutes ago"), "{text}");
            // What is endorsed already does not grow old: an approval on its way, for days.
            assert!(world.ledger.audit.refusals.is_empty());
        } else {
            late.unwrap();
        }
    }
}

#[test]
fn private_input_goes_into_no_file() {
    let mut world = both().world();
    world.all_join();
    goes(&mut world, &BY_ONE[..6], &mut Vec::new());
    let call = json!({"call": "add n 1", "transient": "{\"k\": \"c2VjcmV0\"}"});
    let fault = world.does(ONE, "chaincode-invoke", BASIC, &call, &[]);
    let text = format!("{:?}", fault.unwrap_err());
    assert!(text.contains("endorsements of Org2MSP"), "{text}");
    // Alone it would be enough: then nothing of it is in the transaction.
    let file = File {
        policy: "OR('Org1MSP.peer', 'Org2MSP.peer')",
        version: "2.0",
        ..File::default()
    };
    world.homes = file.homes().into();
    for home in &mut world.homes {
        home.runs = 50;
    }
    goes(&mut world, &BY_ONE[..6], &mut Vec::new());
    let done = world
        .does(ONE, "chaincode-invoke", BASIC, &call, &[])
        .unwrap();
    assert_eq!(done.files, []);
    let ready = world
        .does(TWO, "chaincode-invoke", BASIC, &call, &[])
        .unwrap();
    let bytes = &ready.files[0].bytes;
    assert!(!bytes.windows(6).any(|it| it == b"secret"));
    let table: Value = serde_json::from_str(&ready.table).unwrap();
    assert_eq!(table["endorsed"], json!(["Org2MSP"]));
    let done = world.does(ONE, "channel-submit", CHANNEL, &json!({}), &ready.files);
    assert!(done.unwrap().text.contains("is committed in block"));
    assert_eq!(sums(&mut world), ["2", "2"]);
    assert_eq!(faulty(&world.ledger), None);
}
