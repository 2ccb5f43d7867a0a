//! The operations of the stack against a model of Fabric: what is wished for comes about, whatever is lost on the way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs
)]

use std::collections::BTreeSet;

use chain_plugin_sdk::{Diagnostics, Report};
use fabric_rehearsal::driver::{FAULTS, Fault, Faults, run};
use fabric_rehearsal::ledger::Ledger;
use fabric_rehearsal::network::{Network, Orderers, Spec};
use fabric_service::Release;
use serde_json::{Value, json};

const CHANNEL: &str = "channel/mychannel";
const BASIC: &str = "chaincode/basic";
fn kinds(orderers: u32, peers: u32) -> Value {
    json!({
        "orderers": orderers, "orgs": 2, "peers": peers,
        "channels": [{"name": "mychannel"}],
        "chaincodes": [{"name": "basic", "image": "registry.example/basic:1.0"}],
    })
}

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
        let failed: Vec<String> = std::thread::scope(|scope| {
            let (spec, start, wanted) = (&spec, &start, &wanted);
            let sweep = move |fault: Fault| {
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
                        let ended =
                            done(&mut network, &mut ledger, operation, subject, args, &faults);
                        if told.is_empty() {
                            let request = network.log.requests.get(at);
                            told = format!("{operation}, {fault:?} at {at} ({request:?})");
                        }
                        if let Err(why) = ended {
                            failed.push(format!("{told}: {why:?}"));
                        }
                    }
                    if ledger.summary() != *wanted {
                        failed.push(format!("{told}: another end"));
                    }
                    failed.extend(ledger.audit.fault().map(|why| format!("{told}: {why}")));
                }
                failed
            };
            let workers: Vec<_> = faults
                .iter()
                .map(|fault| scope.spawn(move || sweep(*fault)))
                .collect();
            let ended = workers.into_iter().map(|it| it.join().unwrap());
            ended.flatten().collect()
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

/// Whoever makes the package for peers makes it as its servers know it, whatever the user says of it.
#[test]
fn a_package_has_the_time_to_dial_that_the_user_says() {
    let mut spec = alone();
    let said = json!({"dialTimeout": "20s"});
    spec.options
        .insert(fabric_service::role::CHAINCODE.to_owned(), said);
    let (mut network, mut ledger) = brought_up(spec);
    let none = json!({});
    let report = does(&mut network, &mut ledger, "chaincode-package", BASIC, &none);
    let limits = fabric_transaction::package::Limits::default();
    let read = fabric_transaction::package::read(&report.files[0].bytes, &limits).unwrap();
    let code = format!("{:?}", read.code);
    assert!(code.contains("20s"), "{code}");
    let call = json!({"call": "add n 1"});
    does(&mut network, &mut ledger, "chaincode-invoke", BASIC, &call);
    is_clean(&ledger, "deployed");
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

#[test]
fn a_channel_is_joined_first_and_its_chaincode_deployed_after() {
    let mut network = Network::new(raft()).unwrap();
    let mut ledger = Ledger::new(&network).unwrap();
    let none = json!({});
    let report = does(&mut network, &mut ledger, "channel-join", CHANNEL, &none);
    let table: Value = serde_json::from_str(&report.table).unwrap();
    assert_eq!(table["orderers"].as_array().unwrap().len(), 3);
    assert_eq!(table["peers"].as_array().unwrap().len(), 4);
    assert_eq!(ledger.chain("mychannel").unwrap().height(), 1);
    let report = does(&mut network, &mut ledger, "chaincode-deploy", BASIC, &none);
    let table: Value = serde_json::from_str(&report.table).unwrap();
    assert_eq!(table["committed"], true, "{}", report.text);
    assert_eq!(table["sequence"], 1);
    let report = does(&mut network, &mut ledger, "channel-list", "chain", &none);
    let rows: Vec<Value> = serde_json::from_str(&report.table).unwrap();
    assert_eq!(rows.len(), 7, "{}", report.text);
    for row in &rows {
        assert_eq!(row["height"], 4, "{row}");
        assert_eq!(row["status"], "active", "{row}");
    }
    is_clean(&ledger, "deployed");
}

#[test]
fn another_version_is_the_next_sequence_and_only_once() {
    let mut network = Network::new(raft()).unwrap();
    let mut ledger = Ledger::new(&network).unwrap();
    let none = json!({});
    does(&mut network, &mut ledger, "bring-up", "chain", &none);
    let mut changed = kinds(3, 2);
    changed["chaincodes"][0]["version"] = json!("2.0");
    network.change(&changed).unwrap();
    for _ in 0..2 {
        let report = does(&mut network, &mut ledger, "chaincode-deploy", BASIC, &none);
        let table: Value = serde_json::from_str(&report.table).unwrap();
        assert_eq!(table["sequence"], 2, "{}", report.text);
    }
    let raised: Vec<i64> = ledger.audit.raised.keys().map(|it| it.2).collect();
    assert_eq!(raised, [1, 2]);
    is_clean(&ledger, "version 2.0");
}

fn brought_up(spec: Spec) -> (Network, Ledger) {
    let mut network = Network::new(spec).unwrap();
    let mut ledger = Ledger::new(&network).unwrap();
    does(&mut network, &mut ledger, "bring-up", "chain", &json!({}));
    (network, ledger)
}

#[test]
fn a_chaincode_is_called() {
    for spec in [raft(), bft()] {
        let (mut network, mut ledger) = brought_up(spec);
        let add = json!({"call": "[\"add\", \"n\", \"2\"]"});
        for sum in ["2", "4"] {
            let report = does(&mut network, &mut ledger, "chaincode-invoke", BASIC, &add);
            let table: Value = serde_json::from_str(&report.table).unwrap();
            assert_eq!(table["result"], sum, "{}", report.text);
        }
        let get = json!({"call": "get n"});
        let report = does(&mut network, &mut ledger, "chaincode-query", BASIC, &get);
        assert_eq!(report.text, "4");
        let wrong = json!({"call": "get nothing"});
        let refused = done(
            &mut network,
            &mut ledger,
            "chaincode-query",
            BASIC,
            &wrong,
            &Faults::none(),
        );
        let text = format!("{:?}", refused.unwrap_err());
        assert!(text.contains("key nothing does not exist"), "{text}");
        is_clean(&ledger, "called");
    }
}

/// Who holds private data is asked, and nobody else: whoever is asked sees what is sent along.
#[test]
fn the_user_says_whose_peers_are_asked() {
    let with = |policy: &str| {
        let mut kinds = kinds(1, 1);
        kinds["chaincodes"][0]["policy"] = json!(policy);
        brought_up(Spec::new(Release::V2_5, Orderers::Raft, &kinds))
    };
    let (mut network, mut ledger) = with("OR('Org1MSP.peer', 'Org2MSP.peer')");
    let asked = |network: &Network| -> BTreeSet<String> {
        let all = network.log.requests.iter().map(|(node, ..)| node.clone());
        all.filter(|node| node.contains("peer/")).collect()
    };
    let add = json!({"call": "add n 2", "orgs": "org2", "transient": "{\"secret\": \"NDI=\"}"});
    does(&mut network, &mut ledger, "chaincode-invoke", BASIC, &add);
    assert_eq!(asked(&network), ["peer/peer0.org2".to_owned()].into());
    let get = json!({"call": "get n", "orgs": "org2"});
    let report = does(&mut network, &mut ledger, "chaincode-query", BASIC, &get);
    assert_eq!(report.text, "2");
    assert_eq!(asked(&network), ["peer/peer0.org2".to_owned()].into());
    let none = Faults::none();
    let get = json!({"call": "get n", "orgs": "org2, org9"});
    let refused = done(
        &mut network,
        &mut ledger,
        "chaincode-query",
        BASIC,
        &get,
        &none,
    );
    let text = format!("{:?}", refused.unwrap_err());
    assert!(text.contains("there is: org1, org2"), "{text}");
    is_clean(&ledger, "asked one");

    let (mut network, mut ledger) = with("AND('Org1MSP.peer', 'Org2MSP.peer')");
    let refused = done(
        &mut network,
        &mut ledger,
        "chaincode-invoke",
        BASIC,
        &add,
        &none,
    );
    let text = format!("{:?}", refused.unwrap_err());
    assert!(text.contains("wants org1 too"), "{text}");
    let both = json!({"call": "add n 2", "orgs": "org2,org1"});
    does(&mut network, &mut ledger, "chaincode-invoke", BASIC, &both);
    is_clean(&ledger, "asked both");
}

/// Organisations agree on collections as on all else of a definition; the package has the indexes.
#[test]
fn collections_are_of_the_definition_and_indexes_of_the_package() {
    let with = |most: u32, fields: &str| {
        let index =
            json!({"index": {"fields": [fields]}, "ddoc": "a", "name": "a", "type": "json"});
        let mut kinds = kinds(1, 1);
        kinds["chaincodes"][0]["collections"] = json!([{
            "name": "secrets", "policy": "OR('Org1MSP.member', 'Org2MSP.member')",
            "maxPeerCount": most, "indexes": {"a": index},
        }]);
        kinds
    };
    let (mut network, mut ledger) =
        brought_up(Spec::new(Release::V2_5, Orderers::Raft, &with(1, "price")));
    let raised = |ledger: &Ledger| -> Vec<i64> {
        let all = ledger.audit.raised.iter();
        all.map(|((.., sequence), times)| {
            assert_eq!(*times, 1);
            *sequence
        })
        .collect()
    };
    let packages = |ledger: &Ledger| -> BTreeSet<String> {
        let all = ledger.peers.values().flat_map(|it| it.installed.keys());
        all.cloned().collect()
    };
    let (first, none) = (packages(&ledger), json!({}));
    // Another definition.
    network.change(&with(2, "price")).unwrap();
    does(&mut network, &mut ledger, "chaincode-deploy", BASIC, &none);
    assert_eq!(
        (raised(&ledger), packages(&ledger)),
        (vec![1, 2], first.clone())
    );
    // Another package, which is approved under the same definition.
    network.change(&with(2, "bid")).unwrap();
    for _ in 0..2 {
        does(&mut network, &mut ledger, "chaincode-deploy", BASIC, &none);
        assert!(packages(&ledger).is_superset(&first));
        assert_ne!(packages(&ledger), first);
    }
    is_clean(&ledger, "collections");
    // None may go.
    network.change(&kinds(1, 1)).unwrap();
    let gone = done(
        &mut network,
        &mut ledger,
        "chaincode-deploy",
        BASIC,
        &none,
        &Faults::none(),
    );
    let text = format!("{:?}", gone.unwrap_err());
    assert!(
        text.contains("secrets") && text.contains("cannot be taken away"),
        "{text}"
    );
}

/// Whoever adds one and is told that it is done has added one, not two: neither a lost answer nor a run that was killed is
/// a reason to do it again. What was told to be done may be done once more.
#[test]
fn a_call_is_made_once_whatever_is_lost_and_whoever_is_killed() {
    for spec in [raft, alone, bft] {
        let (mut network, mut ledger) = brought_up(spec());
        let add = json!({"call": "[\"add\", \"counter\", \"1\"]"});
        does(&mut network, &mut ledger, "chaincode-invoke", BASIC, &add);
        let requests = network.log.requests.len();
        let mut sum = 1;
        for fault in FAULTS {
            for at in 0..requests {
                let faults = Faults::one(at, fault);
                let ended = done(
                    &mut network,
                    &mut ledger,
                    "chaincode-invoke",
                    BASIC,
                    &add,
                    &faults,
                );
                let report = ended.unwrap_or_else(|why| panic!("{fault:?} at {at}: {why:?}"));
                sum += 1;
                let table: Value = serde_json::from_str(&report.table).unwrap();
                let told = &network.log.requests[at];
                assert_eq!(
                    table["result"],
                    sum.to_string(),
                    "{fault:?} at {at}: {told:?}"
                );
                // What is remembered meanwhile tells nobody what was called, and afterwards it is forgotten.
                let remembered = format!("{:?}", network.log.remembered);
                assert!(!remembered.contains("counter"), "{remembered}");
                let left = network.state(BASIC).unwrap();
                let left: Value = serde_json::from_str(&left).unwrap();
                assert_eq!(left["calls"], json!({}), "{fault:?} at {at}");
            }
        }
        is_clean(&ledger, "called");
    }
}

/// Gives everything of some organisations to another party; what they publish stays known.
fn give_away(network: &mut Network, orgs: &[&str]) {
    let away: Vec<String> = network
        .topology
        .subjects
        .iter()
        .filter(|it| {
            let org = it.parent.as_deref().unwrap_or(&it.id);
            orgs.contains(&org) || orgs.contains(&it.id.as_str())
        })
        .map(|it| it.id.clone())
        .collect();
    for subject in &mut network.topology.subjects {
        subject.foreign = away.contains(&subject.id);
        if subject.foreign {
            for endpoint in &mut subject.endpoints {
                let outside = format!("{}.example:{}", endpoint.service, endpoint.number);
                endpoint.outside = Some(outside);
            }
        }
    }
}

#[test]
fn what_another_party_must_approve_is_told_by_name() {
    let mut network = Network::new(raft()).unwrap();
    let mut ledger = Ledger::new(&network).unwrap();
    give_away(&mut network, &["org/org2"]);
    let none = json!({});
    let report = does(&mut network, &mut ledger, "bring-up", "chain", &none);
    let notes: Vec<String> = report
        .notes
        .iter()
        .map(|it| format!("{} | {}", it.message, it.hint.clone().unwrap_or_default()))
        .collect();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(
        notes[0].contains("1 of 2 organisations have approved")
            && notes[0].contains("missing: Org2MSP"),
        "{notes:?}"
    );
    assert!(notes[0].contains("chaincode-deploy basic"), "{notes:?}");
    assert!(ledger.audit.raised.is_empty());
    let blocks = ledger.blocks();
    does(&mut network, &mut ledger, "bring-up", "chain", &none);
    assert_eq!(
        ledger.blocks(),
        blocks,
        "an approval that is there is not given again"
    );
    is_clean(&ledger, "one party");
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
fn what_is_added_later_takes_part() {
    let (mut network, mut ledger) = brought_up(raft());
    let channel = json!({"name": "second", "orgs": ["org1"]});
    let none = json!({});
    for (operation, args) in [("channel-create", &channel), ("orderer-add", &none)] {
        does(&mut network, &mut ledger, operation, "chain", args);
        assert_eq!(network.log.amended.len(), 1, "{operation}");
        amended(&mut network, &mut ledger);
    }
    for (name, members) in [("mychannel", 4), ("second", 2)] {
        let chain = ledger.chain(name).unwrap();
        let consenters = chain.ordering.consenters.as_ref().unwrap();
        assert_eq!(consenters.len(), 4, "{name}");
        let in_it = |all: &std::collections::BTreeMap<String, String>| all.contains_key(name);
        let orderers = ledger.orderers.values();
        assert_eq!(orderers.filter(|it| in_it(&it.channels)).count(), 4);
        let peers = ledger.peers.values();
        assert_eq!(peers.filter(|it| in_it(&it.channels)).count(), members);
    }
    let (before, blocks) = (ledger.summary(), ledger.blocks());
    does(&mut network, &mut ledger, "bring-up", "chain", &none);
    assert_eq!((ledger.summary(), ledger.blocks()), (before, blocks));
    is_clean(&ledger, "added");
}

#[test]
fn an_upgrade_is_the_next_sequence() {
    let (mut network, mut ledger) = brought_up(raft());
    let wish = json!({"version": "2.0"});
    does(&mut network, &mut ledger, "chaincode-upgrade", BASIC, &wish);
    assert_eq!(network.log.amended.len(), 1);
    amended(&mut network, &mut ledger);
    let raised: Vec<i64> = ledger.audit.raised.keys().map(|it| it.2).collect();
    assert_eq!(raised, [1, 2]);
    is_clean(&ledger, "upgraded");
}

#[test]
fn who_is_removed_is_out_of_everything() {
    let (mut network, mut ledger) = brought_up(raft());
    let (gone, none) = ("orderer/orderer2.orderer", json!({}));
    does(&mut network, &mut ledger, "orderer-remove", gone, &none);
    let chain = ledger.chain("mychannel").unwrap();
    assert_eq!(chain.ordering.consenters.as_ref().unwrap().len(), 2);
    assert!(ledger.orderers[gone].channels.is_empty());
    amended(&mut network, &mut ledger);
    assert!(network.subject(gone).is_err());
    is_clean(&ledger, "an orderer");
    let org = json!({"org": "org2"});
    let report = does(
        &mut network,
        &mut ledger,
        "channel-remove-org",
        CHANNEL,
        &org,
    );
    let chain = ledger.chain("mychannel").unwrap();
    let msps: Vec<&str> = chain.members.iter().map(|it| it.msp_id.as_str()).collect();
    assert_eq!(msps, ["Org1MSP", "OrdererMSP"], "{}", report.text);
    is_clean(&ledger, "an organisation");
}

/// Who comes to a channel of others, and has no orderer to ask, joins it, is told what is missing, and goes on when it is a
/// member.
#[test]
fn a_party_without_orderers_waits_for_its_membership() {
    let one = json!({"orderers": 1, "orgs": 1, "peers": 1, "channels": [{"name": "mychannel"}]});
    // Where others dial its peer is in the peer's certificate.
    let peers = json!([{"name": "peer0", "sans": ["peer0.example"]}]);
    let both = json!({"orgs": [{"name": "org1"}, {"name": "org2", "peers": peers}]});
    let none = json!({});
    let spec = || Spec::new(Release::V2_5, Orderers::Raft, &one);
    let (mut first, mut ledger) = brought_up(spec());
    let mut second = Network::new(spec()).unwrap();
    second.amend(&both).unwrap();
    give_away(&mut second, &["org/orderer", "org/org1"]);
    ledger.start(&second).unwrap();

    let report = does(&mut second, &mut ledger, "after-ready", "chain", &none);
    let told = &report.notes[0];
    let text = format!("{} {}", told.message, told.hint.clone().unwrap_or_default());
    assert!(text.contains("no members of it yet"), "{text}");
    assert!(text.contains("channel-add-org mychannel"), "{text}");

    first.amend(&both).unwrap();
    give_away(&mut first, &["org/org2"]);
    let org = json!({"org": "org2"});
    does(&mut first, &mut ledger, "channel-add-org", CHANNEL, &org);
    let report = does(&mut second, &mut ledger, "bring-up", "chain", &none);
    assert!(report.notes.is_empty(), "{:?}", report.notes);
    let chain = ledger.chain("mychannel").unwrap();
    assert!(chain.members.iter().any(|it| it.msp_id == "Org2MSP"));
    let mut peers = ledger.peers.values();
    assert!(peers.all(|it| it.channels.contains_key("mychannel")));
}
