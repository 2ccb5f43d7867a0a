//! Registration at a model of a Fabric CA server: once, whatever is lost on the way, and the password that was shown is
//! the one that counts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use chain_plugin_sdk::{Diagnostics, Report};
use fabric_rehearsal::driver::{Fault, Faults, run};
use fabric_rehearsal::network::{Network, Orderers, Spec};
use fabric_rehearsal::registry::Registry;
use fabric_service::{Release, role};
use serde_json::{Value, json};

const CA: &str = "ca/ca.org1";

fn network(options: Value) -> Network {
    let kinds = json!({"orderers": 1, "orgs": 2, "peers": 1});
    let mut spec = Spec::new(Release::V2_5, Orderers::Raft, &kinds);
    spec.options.insert(role::CA.to_owned(), options);
    Network::new(spec).unwrap()
}

fn registers(
    network: &mut Network,
    world: &mut Registry,
    args: &Value,
    faults: &Faults,
) -> Result<Report, Diagnostics> {
    run(
        network,
        world,
        "identity-register",
        "chain",
        args,
        &[],
        faults,
    )
}

fn alice() -> Value {
    json!({"org": "org1", "name": "alice"})
}

/// The password of a report, and that it is in its text.
fn shown(report: &Report) -> Option<String> {
    let table: Value = serde_json::from_str(&report.table).unwrap();
    let secret = table.get("secret")?.as_str()?.to_owned();
    assert!(
        report.text.contains(&secret) && secret.len() == 32,
        "{}",
        report.text
    );
    Some(secret)
}

#[test]
fn a_name_is_registered_once_and_its_password_shown_once() {
    let mut network = network(json!({}));
    let mut world = Registry::new(&network).unwrap();
    let wish = json!({
        "org": "org1", "name": "alice", "type": "admin", "attributes": {"role": "teller"}, "maxEnrollments": 2,
    });
    let report = registers(&mut network, &mut world, &wish, &Faults::none()).unwrap();
    assert!(network.refused.borrow().is_empty(), "{:?}", network.refused);
    assert!(world.refusals.is_empty(), "{:?}", world.refusals);
    let server = &world.servers[CA];
    let known = &server.known["alice"];
    assert_eq!(shown(&report), Some(known.secret.clone()));
    assert_eq!((known.kind.as_str(), known.enrolled), ("admin", 0));
    assert_eq!(
        known.request["attrs"],
        json!([{"name": "role", "value": "teller", "ecert": true}])
    );
    assert_eq!(known.request["max_enrollments"], 2);
    assert!(
        report.text.contains("https://alice:PASSWORD@ca.org1:7054"),
        "{}",
        report.text
    );
    // The password stands in nothing that is remembered.
    let state = network.state(CA).unwrap();
    assert!(
        !state.contains(&known.secret) && !state.contains("alice"),
        "{state}"
    );

    // Again: nothing changes, and what differs is told.
    let again = registers(&mut network, &mut world, &alice(), &Faults::none()).unwrap();
    assert_eq!(shown(&again), None);
    assert!(again.text.contains("already, as admin"), "{}", again.text);
    assert!(
        again.notes[0].message.contains("not client"),
        "{:?}",
        again.notes
    );
    let secret = world.servers[CA].known["alice"].secret.clone();
    assert_eq!(shown(&report), Some(secret.clone()));

    let mut reset = alice();
    reset["reset"] = json!(true);
    let report = registers(&mut network, &mut world, &reset, &Faults::none()).unwrap();
    let server = &world.servers[CA];
    assert_eq!(shown(&report), Some(server.known["alice"].secret.clone()));
    assert_ne!(shown(&report), Some(secret));
    assert_eq!((server.registered, server.changed), (1, 1));
    // Of a name that is new `reset` is nothing more, also not at the next run.
    let mut bob = json!({"org": "org1", "name": "bob", "reset": true});
    let report = registers(&mut network, &mut world, &bob, &Faults::none()).unwrap();
    let secret = world.servers[CA].known["bob"].secret.clone();
    assert_eq!(shown(&report), Some(secret.clone()));
    bob["reset"] = json!(false);
    let report = registers(&mut network, &mut world, &bob, &Faults::none()).unwrap();
    assert_eq!(shown(&report), None);
    assert_eq!(world.servers[CA].known["bob"].secret, secret);
    // The other organisation knows nobody of that name.
    assert!(!world.servers["ca/ca.org2"].known.contains_key("alice"));
}

#[test]
fn what_is_lost_on_the_way_is_made_good() {
    let quiet = {
        let mut network = network(json!({}));
        let mut world = Registry::new(&network).unwrap();
        registers(&mut network, &mut world, &alice(), &Faults::none()).unwrap();
        network.log.requests.len()
    };
    assert_eq!(quiet, 3, "enrol, look, register");
    for at in 0..quiet {
        for fault in [
            Fault::LostBefore,
            Fault::LostAfter,
            Fault::KilledBefore,
            Fault::KilledAfter,
        ] {
            let mut network = network(json!({}));
            let mut world = Registry::new(&network).unwrap();
            let what = format!("{fault:?} at {at}");
            let faults = Faults::one(at, fault);
            let report = registers(&mut network, &mut world, &alice(), &faults)
                .unwrap_or_else(|it| panic!("{what}: {it:?}"));
            assert!(world.refusals.is_empty(), "{what}: {:?}", world.refusals);
            let server = &world.servers[CA];
            assert_eq!(server.registered, 1, "{what}");
            assert_eq!(
                shown(&report),
                Some(server.known["alice"].secret.clone()),
                "{what}"
            );
            // Another password was wanted only where nobody could have seen the first.
            let unseen = fault == Fault::KilledAfter && at == 2;
            assert_eq!(server.changed, u32::from(unseen), "{what}");
            // It is known now, and nothing is left to be made good.
            let again = registers(&mut network, &mut world, &alice(), &Faults::none()).unwrap();
            assert_eq!(shown(&again), None, "{what}");
        }
    }
}

#[test]
fn a_server_that_starts_is_waited_for_and_one_that_does_not_is_told() {
    let mut network = network(json!({}));
    let mut world = Registry::new(&network).unwrap();
    world.servers.get_mut(CA).unwrap().ill = 5;
    let report = registers(&mut network, &mut world, &alice(), &Faults::none()).unwrap();
    assert!(shown(&report).is_some() && network.log.slept_ms >= 5_000);
    world.servers.get_mut(CA).unwrap().ill = u32::MAX;
    let fault = registers(&mut network, &mut world, &alice(), &Faults::none()).unwrap_err();
    let fault = format!("{fault:?}");
    assert!(
        fault.contains("ca.org1 does not answer") && fault.contains("503"),
        "{fault}"
    );
    assert!(fault.contains("kubectl chain logs ca.org1"), "{fault}");
}

#[test]
fn refusals_say_what_to_do() {
    let mut chain = network(json!({}));
    let mut world = Registry::new(&chain).unwrap();
    let mut told = |args: Value| {
        let fault = registers(&mut chain, &mut world, &args, &Faults::none()).unwrap_err();
        format!("{fault:?}")
    };
    let several = told(json!({"name": "alice"}));
    assert!(
        several.contains("org=NAME") && several.contains("org1, org2"),
        "{several}"
    );
    let unknown = told(json!({"name": "alice", "org": "org9"}));
    assert!(
        unknown.contains("organisation org9 has no CA server"),
        "{unknown}"
    );
    let odd = told(json!({"name": "a/../b", "org": "org1"}));
    assert!(odd.contains("expected letters"), "{odd}");
    let elsewhere = told(json!({"name": "alice", "org": "org1", "affiliation": "a.b"}));
    assert!(
        elsewhere.contains("Failed getting affiliation"),
        "{elsewhere}"
    );
    // Who was refused was never registered, and nothing is left behind.
    assert!(!world.servers[CA].known.contains_key("alice"));
    // A database of an earlier chain.
    let server = world.servers.get_mut(CA).unwrap();
    server.known.get_mut("admin").unwrap().secret = "another".to_owned();
    let fault = registers(&mut chain, &mut world, &alice(), &Faults::none()).unwrap_err();
    assert!(
        format!("{fault:?}").contains("does not take its administrator"),
        "{fault:?}"
    );

    let kinds = json!({"orderers": 1, "orgs": 1, "peers": 1});
    let mut without = Network::new(Spec::new(Release::V2_5, Orderers::Raft, &kinds)).unwrap();
    let mut nobody = Registry::new(&without).unwrap();
    let wish = json!({"name": "alice"});
    let fault = registers(&mut without, &mut nobody, &wish, &Faults::none()).unwrap_err();
    assert!(format!("{fault:?}").contains("--ca fabric_ca"), "{fault:?}");
}
