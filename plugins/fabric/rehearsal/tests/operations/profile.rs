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

#[test]
fn from_outside_it_names_the_hosts_and_who_has_none() {
    let (mut network, mut ledger) = brought_up(alone());
    let outside = json!({"outside": true});
    expose(&mut network, kind::PEER);
    let refused = done(
        &mut network,
        &mut ledger,
        PROFILE,
        "org/org1",
        &outside,
        &Faults::none(),
    );
    let fault = refused.unwrap_err();
    assert!(
        fault[0].message.contains("orderer/orderer0.orderer"),
        "{fault:?}"
    );
    assert!(fault[0].hint.as_deref().unwrap().contains("`host`"));
    expose(&mut network, kind::ORDERER);
    let (profile, _) = profile(&mut network, &mut ledger, "org/org1", &outside);
    let url = &profile["peers"]["peer0.org2"]["url"];
    assert_eq!(url, "grpcs://peer0.org2.example:7051");
}

#[test]
fn an_organisation_that_is_in_no_channel_or_of_another_party() {
    let (mut network, mut ledger) = brought_up(alone());
    let (own, _) = profile(&mut network, &mut ledger, "org/orderer", &json!({}));
    assert_eq!(own["channels"], json!({}));
    for subject in &mut network.topology.subjects {
        subject.foreign |= subject.id == "org/org2" || subject.name == "peer0.org2";
    }
    let refused = done(
        &mut network,
        &mut ledger,
        PROFILE,
        "org/org2",
        &json!({}),
        &Faults::none(),
    );
    let fault = refused.unwrap_err();
    assert!(fault[0].message.contains("of another party"), "{fault:?}");
    // Its peer gave no address: it is left out, and the rest is there.
    let (own, _) = profile(&mut network, &mut ledger, "org/org1", &json!({}));
    assert_eq!(keys(&own["peers"]), ["peer0.org1"]);
}
