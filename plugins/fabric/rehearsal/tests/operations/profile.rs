//! The connection profile: what a client finds there is what nodes serve, and it holds no key.

use fabric_identity::certificate::Certificate;
use fabric_service::{kind, role};

use super::*;

const PROFILE: &str = "connection-profile";

/// The profile of an organisation, and its text.
fn profile(network: &mut Network, ledger: &mut Ledger, org: &str, args: &Value) -> (Value, String) {
    let report = does(network, ledger, PROFILE, org, args);
    assert_eq!(report.files.len(), 1);
    let text = String::from_utf8(report.files[0].bytes.clone()).unwrap();
    (serde_json::from_str(&text).unwrap(), text)
}

fn keys(of: &Value) -> Vec<&str> {
    let all = of.as_object().unwrap();
    all.keys().map(String::as_str).collect()
}

/// Gives every node of a kind an address outside, by its name.
fn expose(network: &mut Network, of_kind: &str) {
    for subject in &mut network.topology.subjects {
        if subject.kind == of_kind {
            for endpoint in &mut subject.endpoints {
                endpoint.outside = Some(format!("{}.example:{}", subject.name, endpoint.number));
            }
        }
    }
}

#[test]
fn it_names_nodes_as_their_certificates_do_and_whom_to_trust() {
    for spec in [raft(), bft(), solo()] {
        let spec = Spec {
            options: [(role::CA.to_owned(), json!({}))].into(),
            ..spec
        };
        let (mut network, mut ledger) = brought_up(spec);
        let (profile, text) = profile(&mut network, &mut ledger, "org/org1", &json!({}));
        assert!(!text.contains("PRIVATE KEY"), "{text}");
        assert_eq!(profile["version"], "1.0.0");
        assert_eq!(profile["client"]["organization"], "org1");
        assert_eq!(profile["organizations"]["org1"]["mspid"], "Org1MSP");
        let told = |of_kind: &str| -> Vec<String> {
            let mut all: Vec<String> = network
                .topology
                .subjects
                .iter()
                .filter(|it| it.kind == of_kind)
                .map(|it| it.name.clone())
                .collect();
            all.sort();
            all
        };
        let channel = &profile["channels"]["mychannel"];
        assert_eq!(keys(&profile["peers"]), told(kind::PEER));
        assert_eq!(keys(&channel["peers"]), told(kind::PEER));
        assert_eq!(keys(&profile["orderers"]), told(kind::ORDERER));
        assert_eq!(channel["orderers"], json!(told(kind::ORDERER)));
        for (part, of_kind, port) in [
            ("peers", kind::PEER, 7051),
            ("orderers", kind::ORDERER, 7050),
        ] {
            for (name, node) in profile[part].as_object().unwrap() {
                let id = format!("{of_kind}/{name}");
                let facts = |subject: &str| -> Value {
                    let facts = network.facts(subject, role::MSP).unwrap();
                    serde_json::from_str(&facts).unwrap()
                };
                let served = facts(&id)["tlsCertificate"].as_str().unwrap().to_owned();
                let served = Certificate::parse_pem(&served).unwrap();
                let host = node["grpcOptions"]["hostnameOverride"].as_str().unwrap();
                assert!(served.covers(host), "{name}: {host}");
                assert_eq!(node["url"], format!("grpcs://{host}:{port}"));
                let subjects = &network.topology.subjects;
                let org = subjects.iter().find(|it| it.id == id).unwrap();
                let trusted = facts(org.parent.as_deref().unwrap());
                assert_eq!(node["tlsCACerts"]["pem"], trusted["tlsCaCertificate"]);
            }
        }
        // Its own CA server alone: those of others register nobody of it.
        let authorities = &profile["certificateAuthorities"];
        assert_eq!(keys(authorities), ["ca.org1"]);
        assert_eq!(authorities["ca.org1"]["url"], "https://ca.org1:7054");
        let org2 = &profile["organizations"]["org2"];
        assert!(org2.get("certificateAuthorities").is_none(), "{org2}");
    }
}

/// What is refused, and how that is mended.
fn refused(network: &mut Network, ledger: &mut Ledger, org: &str, args: &Value) -> String {
    let ended = done(network, ledger, PROFILE, org, args, &Faults::none());
    let fault = ended.unwrap_err();
    let hint = fault[0].hint.as_deref().unwrap();
    format!("{} | {hint}", fault[0].message)
}

#[test]
fn from_outside_it_names_the_hosts_and_who_has_none() {
    let (mut network, mut ledger) = brought_up(alone());
    let outside = json!({"outside": true});
    let said = refused(&mut network, &mut ledger, "org/org1", &outside);
    assert!(said.contains("no peer of org/org1"), "{said}");
    assert!(said.contains("`host`"), "{said}");
    expose(&mut network, kind::PEER);
    let report = does(&mut network, &mut ledger, PROFILE, "org/org1", &outside);
    let note = &report.notes[0].message;
    assert!(
        note.ends_with("without an address: orderer0.orderer"),
        "{note}"
    );
    expose(&mut network, kind::ORDERER);
    let report = does(&mut network, &mut ledger, PROFILE, "org/org1", &outside);
    assert!(report.notes.is_empty(), "{:?}", report.notes);
    let (profile, _) = profile(&mut network, &mut ledger, "org/org1", &outside);
    let url = &profile["peers"]["peer0.org2"]["url"];
    assert_eq!(url, "grpcs://peer0.org2.example:7051");
}

#[test]
fn peers_of_another_party_without_an_address_are_left_out() {
    let (mut network, mut ledger) = brought_up(alone());
    let none = json!({});
    let said = refused(&mut network, &mut ledger, "org/orderer", &none);
    assert!(said.contains("no peer of org/orderer"), "{said}");
    for subject in &mut network.topology.subjects {
        subject.foreign |= subject.id == "org/org2" || subject.name == "peer0.org2";
    }
    let said = refused(&mut network, &mut ledger, "org/org2", &none);
    assert!(said.contains("of another party"), "{said}");
    let report = does(&mut network, &mut ledger, PROFILE, "org/org1", &none);
    assert!(
        report.notes[0].message.contains("peer0.org2"),
        "{:?}",
        report.notes
    );
    let (own, _) = profile(&mut network, &mut ledger, "org/org1", &none);
    assert_eq!(keys(&own["peers"]), ["peer0.org1"]);
}
