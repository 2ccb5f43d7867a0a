//! The environment as it was run with 3.1.5, metadata as the real tool writes it, and what the library refuses.

use super::*;
use chain_plugin_sdk::TestHost;
use fabric_service::fixture::{self, ROLES, Size};
use fabric_service::role;
use serde_json::{Value, json};

const IMAGE: (&str, &str) = ("orderer", "hyperledger/fabric-orderer:3.1.5");

fn session(orderers: u32) -> Bft {
    let size = Size {
        orderers,
        ..Size::default()
    };
    Bft::open(fixture::topology(Release::V3_1, size, &ROLES)).unwrap()
}

fn provisioned(orderers: u32, options: &Value) -> Result<Provisioned, Diagnostics> {
    let call = TestHost::call("chain", role::ORDERER, options, &[IMAGE]);
    session(orderers).provision(&TestHost::new().at(&call))
}

/// The options in the genesis block that configtxgen 3.1.5 made for four consenters, decoded by its own inspection.
fn made_by_configtxgen() -> Value {
    let text = include_str!("../../fixtures/31-bft-app-genesis.json");
    let block: Value = serde_json::from_str(text).unwrap();
    let group = &block["data"]["data"][0]["payload"]["data"]["config"]["channel_group"];
    group["groups"]["Orderer"]["values"]["ConsensusType"]["value"]["metadata"].clone()
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut all = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at(1);
        all.push_str(&first.to_uppercase());
        all.push_str(rest);
    }
    all
}

/// Protobuf's JSON has numbers of 64 bits as text and enumerations by name.
fn plain(value: &Value) -> Value {
    match value.as_str() {
        Some("ROTATION_UNSPECIFIED") => json!(0),
        Some(text) => text.parse::<u64>().map_or(value.clone(), |it| json!(it)),
        None => value.clone(),
    }
}

#[test]
fn the_defaults_are_those_of_configtxgen() {
    let facts: Ordering = serde_json::from_str(&provisioned(4, &json!({})).unwrap().facts).unwrap();
    assert_eq!((facts.kind.as_str(), facts.consenters), ("BFT", true));
    let made = made_by_configtxgen();
    let made = made.as_object().unwrap();
    assert!(made.len() >= 14, "{made:?}");
    for (name, value) in made {
        let ours = facts.settings.get(&camel(name));
        assert_eq!(ours, Some(&plain(value)), "{name}");
    }
}

#[test]
fn the_environment_is_that_of_3_1_with_a_log_and_no_snapshots() {
    let org = json!({
        "mspId": "OrdererMSP", "caCertificate": "", "tlsCaCertificate": "", "nodeOus": true,
    });
    let host = TestHost::new().fact("org/orderer", role::MSP, &org);
    let call = TestHost::call(
        "orderer/orderer3.orderer",
        role::ORDERER,
        &json!({}),
        &[IMAGE],
    );
    let rendered = session(4).render(&host.at(&call)).unwrap();
    let env = fixture::variables(&rendered, "orderer");
    assert_eq!(
        env,
        [
            "FABRIC_LOGGING_SPEC=info:grpc=error",
            "ORDERER_GENERAL_LISTENADDRESS=0.0.0.0",
            "ORDERER_GENERAL_LISTENPORT=7050",
            "ORDERER_GENERAL_LOCALMSPID=OrdererMSP",
            "ORDERER_GENERAL_LOCALMSPDIR=/etc/hyperledger/id/msp",
            "ORDERER_GENERAL_TLS_ENABLED=true",
            "ORDERER_GENERAL_TLS_CERTIFICATE=/etc/hyperledger/id/tls/server.crt",
            "ORDERER_GENERAL_TLS_PRIVATEKEY=/etc/hyperledger/id/tls/server.key",
            "ORDERER_GENERAL_TLS_ROOTCAS=[/etc/hyperledger/id/tls/ca.crt]",
            "ORDERER_ADMIN_LISTENADDRESS=127.0.0.1:9443",
            "ORDERER_ADMIN_TLS_ENABLED=false",
            "ORDERER_OPERATIONS_LISTENADDRESS=0.0.0.0:8443",
            "ORDERER_METRICS_PROVIDER=prometheus",
            "ORDERER_FILELEDGER_LOCATION=/var/hyperledger/production/orderer",
            "ORDERER_CONSENSUS_WALDIR=/var/hyperledger/smartbft/wal",
        ]
    );
    let bound = fixture::bindings(&rendered, "orderer");
    assert_eq!(bound[1], "/var/hyperledger/smartbft <- bft/");
    assert_eq!(fixture::container(&rendered, "orderer")["image"], IMAGE.1);
}

#[test]
fn what_the_library_refuses_is_refused_here() {
    for (options, path, word) in [
        (
            json!({"collectTimeout": "0s"}),
            "/collectTimeout",
            "above zero",
        ),
        (
            json!({"requestPoolSize": 0}),
            "/requestPoolSize",
            "above zero",
        ),
        (
            json!({"requestForwardTimeout": "21s"}),
            "/requestForwardTimeout",
            "more than option `requestComplainTimeout` with 20s",
        ),
        (
            json!({"requestComplainTimeout": "4m"}),
            "/requestComplainTimeout",
            "more than option `requestAutoRemoveTimeout` with 3m0s",
        ),
        (
            json!({"viewChangeTimeout": "1s"}),
            "/viewChangeResendInterval",
            "more than option `viewChangeTimeout` with 1s",
        ),
        (
            json!({"leaderRotation": "on"}),
            "/decisionsPerLeader",
            "is on",
        ),
        (
            json!({"decisionsPerLeader": 3}),
            "/decisionsPerLeader",
            "not on",
        ),
    ] {
        let fault = provisioned(4, &options).unwrap_err();
        assert_eq!(fault[0].path, path);
        assert!(fault[0].message.contains(word), "{}", fault[0].message);
    }
    let turning = json!({"leaderRotation": "on", "decisionsPerLeader": 3});
    let facts = provisioned(4, &turning).unwrap().facts;
    assert!(facts.contains("\"leaderRotation\":2"), "{facts}");
}

#[test]
fn fewer_than_four_are_remarked_upon() {
    let said = |orderers: u32| provisioned(orderers, &json!({})).unwrap().notes.len();
    assert_eq!([said(1), said(3), said(4), said(7)], [1, 1, 0, 0]);
}
