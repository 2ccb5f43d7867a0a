//! Chaincode of 1.4: installed from a file, instantiated once, upgraded by another version.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use chain_plugin_sdk::{Blob, Diagnostics, Report};
use fabric_proto::Message as _;
use fabric_proto::peer::ChaincodeData;
use fabric_rehearsal::driver::{Fault, Faults, run};
use fabric_rehearsal::ledger::Ledger;
use fabric_rehearsal::network::{Network, Orderers, Spec};
use fabric_service::Release;
use fabric_transaction::package;
use serde_json::{Value, json};

const BASIC: &str = "chaincode/basic";

fn network(version: &str) -> Network {
    let kinds = json!({
        "orgs": 2, "peers": 2, "channels": [{"name": "mychannel"}],
        "chaincodes": [{
            "name": "basic", "version": version, "policy": "AND('Org1MSP.peer', 'Org2MSP.peer')", "initArgs": ["init"],
        }],
    });
    Network::new(Spec::new(Release::V1_4, Orderers::Solo, &kinds)).unwrap()
}

fn sources() -> Vec<Blob> {
    let source = b"package main\n\nfunc main() {}\n".to_vec();
    vec![Blob {
        name: "basic.tar.gz".to_owned(),
        bytes: package::archive(&[("src/basic/main.go".to_owned(), source)].into()).unwrap(),
    }]
}

fn tries(
    network: &mut Network,
    ledger: &mut Ledger,
    (operation, subject, args): (&str, &str, &Value),
    files: &[Blob],
    faults: &Faults,
) -> Result<Report, Diagnostics> {
    network.now_ms = network.now_ms.max(ledger.clock_ms());
    run(network, ledger, operation, subject, args, files, faults)
}

fn deploys(
    network: &mut Network,
    ledger: &mut Ledger,
    faults: &Faults,
) -> Result<Report, Diagnostics> {
    let args = json!({"path": "basic"});
    let what = ("chaincode-deploy", BASIC, &args);
    tries(network, ledger, what, &sources(), faults)
}

fn joined() -> (Network, Ledger) {
    let mut network = network("1.0");
    let mut ledger = Ledger::new(&network).unwrap();
    let none = json!({});
    let what = ("bring-up", "chain", &none);
    let report = tries(&mut network, &mut ledger, what, &[], &Faults::none()).unwrap();
    let told = format!("{:?}", report.notes);
    for word in [
        "basic 1.0 is not installed on peer0.org1",
        "chaincode-deploy basic --file",
    ] {
        assert!(told.contains(word), "{word} in {told}");
    }
    (network, ledger)
}

fn instantiated(ledger: &Ledger) -> ChaincodeData {
    let chain = ledger.chain("mychannel").unwrap();
    let place = ("lscc".to_owned(), "basic".to_owned());
    ChaincodeData::decode(chain.state[&place].0.as_slice()).unwrap()
}

fn is_clean(ledger: &Ledger) {
    let audit = &ledger.audit;
    assert!(
        audit.invalid.is_empty() && audit.refusals.is_empty(),
        "{audit:#?}"
    );
}

#[test]
fn a_chaincode_of_1_4_is_deployed_called_and_upgraded() {
    let (mut network, mut ledger) = joined();
    let none = json!({});
    let call = json!({"call": "add n 2"});
    for version in ["1.0", "2.0"] {
        let mut fresh = self::network(version);
        fresh.runs = network.runs + 100;
        network = fresh;
        // Nobody guesses the code.
        let what = ("chaincode-deploy", BASIC, &none);
        let fault = tries(&mut network, &mut ledger, what, &[], &Faults::none()).unwrap_err();
        assert!(
            format!("{fault:?}").contains("is not installed on"),
            "{fault:?}"
        );
        for _ in 0..2 {
            let report = deploys(&mut network, &mut ledger, &Faults::none()).unwrap();
            assert!(
                report
                    .text
                    .contains(&format!("basic {version} is instantiated")),
                "{}",
                report.text
            );
        }
        let data = instantiated(&ledger);
        assert_eq!(data.version, version);
        assert!(data.policy.is_some());
        // Without the file too, now that it is there; and the hook leaves it alone.
        let blocks = ledger.blocks();
        for what in [
            ("chaincode-deploy", BASIC, &none),
            ("chaincode-install", BASIC, &none),
            ("after-ready", "chain", &none),
        ] {
            let report = tries(&mut network, &mut ledger, what, &[], &Faults::none()).unwrap();
            assert!(report.notes.is_empty(), "{:?}", report.notes);
        }
        assert_eq!(ledger.blocks(), blocks);
        let what = ("chaincode-invoke", BASIC, &call);
        tries(&mut network, &mut ledger, what, &[], &Faults::none()).unwrap();
    }
    let get = json!({"call": "get n"});
    let what = ("chaincode-query", BASIC, &get);
    let report = tries(&mut network, &mut ledger, what, &[], &Faults::none()).unwrap();
    assert_eq!(report.text, "4");
    let what = ("chaincode-approve", BASIC, &none);
    let fault = tries(&mut network, &mut ledger, what, &[], &Faults::none()).unwrap_err();
    assert!(
        format!("{fault:?}").contains("this chain is 1.4"),
        "{fault:?}"
    );
    is_clean(&ledger);
}

#[test]
fn a_deployment_stands_every_fault() {
    let (mut network, start) = joined();
    let mut end = start.clone();
    deploys(&mut network, &mut end, &Faults::none()).unwrap();
    let (wanted, requests) = (end.summary(), network.log.requests.len());
    assert!(requests > 8, "{requests}");
    for fault in [
        Fault::LostBefore,
        Fault::LostAfter,
        Fault::KilledBefore,
        Fault::KilledAfter,
    ] {
        for at in 0..requests {
            let mut ledger = start.clone();
            network.now_ms = ledger.clock_ms();
            for faults in [Faults::one(at, fault), Faults::none()] {
                let ended = deploys(&mut network, &mut ledger, &faults);
                ended.unwrap_or_else(|why| panic!("{fault:?} at {at}: {why:?}"));
            }
            assert_eq!(ledger.summary(), wanted, "{fault:?} at {at}");
            assert!(
                ledger.audit.raised.values().all(|it| *it == 1),
                "{fault:?} at {at}"
            );
            is_clean(&ledger);
        }
    }
}

#[test]
fn different_code_under_one_version_is_told() {
    let (mut network, mut ledger) = joined();
    deploys(&mut network, &mut ledger, &Faults::none()).unwrap();
    for (id, peer) in &mut ledger.peers {
        if id == "peer/peer1.org2" {
            let code = peer.legacy.values_mut().next().unwrap();
            let mut spec =
                fabric_proto::peer::ChaincodeDeploymentSpec::decode(code.as_slice()).unwrap();
            spec.code_package.push(0);
            *code = spec.encode_to_vec();
        }
    }
    let fault = deploys(&mut network, &mut ledger, &Faults::none()).unwrap_err();
    assert!(
        format!("{fault:?}").contains("peers have different code"),
        "{fault:?}"
    );
}

fn upgrades(
    network: &mut Network,
    ledger: &mut Ledger,
    faults: &Faults,
) -> Result<Report, Diagnostics> {
    let args =
        json!({"version": "2.0", "policy": "OR('Org1MSP.peer', 'Org2MSP.peer')", "path": "basic"});
    let what = ("chaincode-upgrade", BASIC, &args);
    tries(network, ledger, what, &sources(), faults)
}

#[test]
fn an_upgrade_writes_the_version_and_moves_the_chaincode() {
    let (mut network, mut ledger) = joined();
    deploys(&mut network, &mut ledger, &Faults::none()).unwrap();
    let before = (ledger.summary(), instantiated(&ledger));
    for (args, files, word) in [
        // The code is wanted, and nothing is written without it.
        (
            json!({"version": "2.0"}),
            vec![],
            "chaincode-upgrade basic version=2.0 --file",
        ),
        (
            json!({"policy": "OR('Org1MSP.peer')"}),
            sources(),
            "another version",
        ),
        (
            json!({"version": "1.0", "policy": "OR('Org1MSP.peer')"}),
            sources(),
            "another policy",
        ),
        (
            json!({"version": "2.0", "image": "i:1"}),
            sources(),
            "there is no image",
        ),
        (
            json!({"version": "2.0", "path": "x", "policy": "/Channel/Application/Writers"}),
            sources(),
            "rule over signatures",
        ),
        (json!({"version": "a b"}), sources(), "chaincode basic"),
    ] {
        let what = ("chaincode-upgrade", BASIC, &args);
        let fault = tries(&mut network, &mut ledger, what, &files, &Faults::none()).unwrap_err();
        assert!(format!("{fault:?}").contains(word), "{word} in {fault:?}");
        assert!(network.log.amended.is_empty(), "{args}");
        assert_eq!(ledger.summary(), before.0, "{args}");
    }
    let report = upgrades(&mut network, &mut ledger, &Faults::none()).unwrap();
    assert!(
        report.text.contains("basic 2.0 is instantiated"),
        "{}",
        report.text
    );
    let amended = network.log.amended.clone();
    assert_eq!(amended.len(), 1);
    let text = amended[0].to_string();
    assert!(
        text.contains("\"version\":\"2.0\"") && text.contains("OR('Org1MSP.peer'"),
        "{text}"
    );
    let data = instantiated(&ledger);
    assert_eq!(data.version, "2.0");
    assert_ne!(data.policy, before.1.policy);
    let blocks = ledger.blocks();
    upgrades(&mut network, &mut ledger, &Faults::none()).unwrap();
    assert_eq!(ledger.blocks(), blocks);
    is_clean(&ledger);
}

#[test]
fn an_upgrade_stands_what_is_lost_after_it_was_done() {
    let (mut network, mut start) = joined();
    deploys(&mut network, &mut start, &Faults::none()).unwrap();
    let mut end = start.clone();
    upgrades(&mut network, &mut end, &Faults::none()).unwrap();
    let (wanted, requests) = (end.summary(), network.log.requests.len());
    for fault in [Fault::LostAfter, Fault::KilledAfter] {
        for at in 0..requests {
            let mut ledger = start.clone();
            network.now_ms = ledger.clock_ms();
            for faults in [Faults::one(at, fault), Faults::none()] {
                let ended = upgrades(&mut network, &mut ledger, &faults);
                ended.unwrap_or_else(|why| panic!("{fault:?} at {at}: {why:?}"));
            }
            assert_eq!(ledger.summary(), wanted, "{fault:?} at {at}");
            is_clean(&ledger);
        }
    }
}

/// One party packs the code, and the file is what all install.
#[test]
fn code_goes_to_other_parties_as_a_file() {
    let (mut network, mut ledger) = joined();
    let args = json!({"path": "basic"});
    let what = ("chaincode-package", BASIC, &args);
    let packed = tries(&mut network, &mut ledger, what, &sources(), &Faults::none()).unwrap();
    assert_eq!(packed.files[0].name, "basic-1.0.cds");
    let none = json!({});
    let what = ("chaincode-deploy", BASIC, &none);
    tries(
        &mut network,
        &mut ledger,
        what,
        &packed.files,
        &Faults::none(),
    )
    .unwrap();
    assert_eq!(instantiated(&ledger).version, "1.0");
    // It is the same code, whether it came from the file or from the sources.
    deploys(&mut network, &mut ledger, &Faults::none()).unwrap();
    let what = ("chaincode-package", BASIC, &none);
    let fault = tries(&mut network, &mut ledger, what, &[], &Faults::none()).unwrap_err();
    assert!(format!("{fault:?}").contains("which code"), "{fault:?}");
    is_clean(&ledger);
}
