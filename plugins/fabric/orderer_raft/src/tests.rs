//! The environment of each release as it was run, settings as a channel has them, and what an orderer would refuse.

use super::*;
use chain_plugin_sdk::{Call, TestHost};
use fabric_service::fixture::{self, ROLES, Size};
use fabric_service::role;
use serde_json::Value;

const IMAGES: [(&str, &str); 3] = [
    ("orderer", "hyperledger/fabric-orderer:2.5.16"),
    ("orderer-1.4", "hyperledger/fabric-orderer:1.4.12"),
    ("orderer-3.1", "hyperledger/fabric-orderer:3.1.5"),
];

fn session(release: Release, orderers: u32) -> Raft {
    let size = Size {
        orderers,
        ..Size::default()
    };
    Raft::open(fixture::topology(release, size, &ROLES)).unwrap()
}

fn host(node_ous: bool) -> TestHost {
    let org = json!({
        "mspId": "OrdererMSP", "caCertificate": "", "tlsCaCertificate": "", "nodeOus": node_ous,
    });
    TestHost::new().fact("org/orderer", role::MSP, &org)
}

fn call(subject: &str, options: &Value) -> Call {
    TestHost::call(subject, role::ORDERER, options, &IMAGES)
}

fn rendered(release: Release, options: &Value) -> Rendered {
    let call = call("orderer/orderer1.orderer", options);
    let host = host(true);
    session(release, 3).render(&host.at(&call)).unwrap()
}

fn provisioned(orderers: u32, options: &Value) -> Result<Provisioned, Diagnostics> {
    let (host, call) = (TestHost::new(), call("chain", options));
    session(Release::V2_5, orderers).provision(&host.at(&call))
}

#[test]
fn the_environment_of_2_5_is_complete() {
    let env = fixture::variables(&rendered(Release::V2_5, &json!({})), "orderer");
    assert_eq!(
        env,
        [
            "FABRIC_LOGGING_SPEC=info",
            "ORDERER_GENERAL_LISTENADDRESS=0.0.0.0",
            "ORDERER_GENERAL_LISTENPORT=7050",
            "ORDERER_GENERAL_LOCALMSPID=OrdererMSP",
            "ORDERER_GENERAL_LOCALMSPDIR=/etc/hyperledger/id/msp",
            "ORDERER_GENERAL_TLS_ENABLED=true",
            "ORDERER_GENERAL_TLS_CERTIFICATE=/etc/hyperledger/id/tls/server.crt",
            "ORDERER_GENERAL_TLS_PRIVATEKEY=/etc/hyperledger/id/tls/server.key",
            "ORDERER_GENERAL_TLS_ROOTCAS=[/etc/hyperledger/id/tls/ca.crt]",
            "ORDERER_GENERAL_BOOTSTRAPMETHOD=none",
            "ORDERER_CHANNELPARTICIPATION_ENABLED=true",
            "ORDERER_ADMIN_LISTENADDRESS=127.0.0.1:9443",
            "ORDERER_ADMIN_TLS_ENABLED=false",
            "ORDERER_OPERATIONS_LISTENADDRESS=0.0.0.0:8443",
            "ORDERER_METRICS_PROVIDER=prometheus",
            "ORDERER_FILELEDGER_LOCATION=/var/hyperledger/production/orderer",
            "ORDERER_CONSENSUS_WALDIR=/var/hyperledger/etcdraft/wal",
            "ORDERER_CONSENSUS_SNAPDIR=/var/hyperledger/etcdraft/snapshot",
        ]
    );
}

#[test]
fn in_3_1_there_is_no_word_of_how_to_begin_and_connections_are_not_logged() {
    let older = fixture::variables(&rendered(Release::V2_5, &json!({})), "orderer");
    let newer = fixture::variables(&rendered(Release::V3_1, &json!({})), "orderer");
    let gone: Vec<&String> = older.iter().filter(|it| !newer.contains(it)).collect();
    assert_eq!(
        gone,
        [
            "FABRIC_LOGGING_SPEC=info",
            "ORDERER_GENERAL_BOOTSTRAPMETHOD=none",
            "ORDERER_CHANNELPARTICIPATION_ENABLED=true",
        ]
    );
    assert_eq!(newer.len(), older.len() - 2);
    assert_eq!(newer[0], "FABRIC_LOGGING_SPEC=info:grpc=error");
}

#[test]
fn in_1_4_it_begins_with_the_system_channel_and_names_the_certificate_for_its_peers() {
    let rendered = rendered(
        Release::V1_4,
        &json!({"logging": "orderer.consensus=debug:info"}),
    );
    let env = fixture::variables(&rendered, "orderer");
    for expected in [
        "FABRIC_LOGGING_SPEC=orderer.consensus=debug:info",
        "ORDERER_GENERAL_GENESISMETHOD=file",
        "ORDERER_GENERAL_GENESISFILE=/etc/hyperledger/genesis/genesis.block",
        "ORDERER_GENERAL_CLUSTER_CLIENTCERTIFICATE=/etc/hyperledger/id/tls/server.crt",
        "ORDERER_GENERAL_CLUSTER_CLIENTPRIVATEKEY=/etc/hyperledger/id/tls/server.key",
        "ORDERER_GENERAL_TLS_ENABLED=true",
    ] {
        assert!(env.iter().any(|it| it == expected), "{expected}");
    }
    assert!(
        !env.iter()
            .any(|it| it.contains("ADMIN") || it.contains("BOOTSTRAP"))
    );
    let bound = fixture::bindings(&rendered, "orderer");
    let block = "/etc/hyperledger/genesis/genesis.block <- stack chain genesis.block";
    assert!(bound.iter().any(|it| it == block), "{bound:#?}");
    let image = &fixture::container(&rendered, "orderer")["image"];
    assert_eq!(image, "hyperledger/fabric-orderer:1.4.12");
}

#[test]
fn its_identity_comes_by_reference_and_its_data_lies_on_two_volumes_that_do_not_nest() {
    let bound = fixture::bindings(&rendered(Release::V2_5, &json!({})), "orderer");
    assert_eq!(
        bound,
        [
            "/var/hyperledger/production <- ledger/",
            "/var/hyperledger/etcdraft <- raft/",
            "/etc/hyperledger/id/msp/signcerts/cert.pem <- msp orderer/orderer1.orderer cert",
            "/etc/hyperledger/id/msp/keystore/key.pem <- msp orderer/orderer1.orderer key",
            "/etc/hyperledger/id/msp/cacerts/ca.pem <- msp org/orderer ca-cert",
            "/etc/hyperledger/id/msp/tlscacerts/tlsca.pem <- msp org/orderer tlsca-cert",
            "/etc/hyperledger/id/msp/config.yaml <- msp org/orderer config.yaml",
            "/etc/hyperledger/id/tls/server.crt <- msp orderer/orderer1.orderer tls-cert",
            "/etc/hyperledger/id/tls/server.key <- msp orderer/orderer1.orderer tls-key",
            "/etc/hyperledger/id/tls/ca.crt <- msp org/orderer tlsca-cert",
        ]
    );
}

#[test]
fn without_roles_in_certificates_the_administrators_are_listed() {
    let call = call("orderer/orderer0.orderer", &json!({}));
    let host = host(false);
    let rendered = session(Release::V1_4, 3).render(&host.at(&call)).unwrap();
    let bound = fixture::bindings(&rendered, "orderer");
    let admin = "/etc/hyperledger/id/msp/admincerts/admin0.pem <- msp user/Admin@orderer cert";
    assert!(bound.iter().any(|it| it == admin), "{bound:#?}");
    assert!(!bound.iter().any(|it| it.contains("config.yaml")));
}

#[test]
fn it_is_asked_for_its_health_and_leaves_slowly() {
    let rendered = rendered(Release::V2_5, &json!({}));
    let container = fixture::container(&rendered, "orderer");
    let health = json!({"path": "/healthz", "port": "orderer-ops"});
    for (probe, period, failures) in [("startupProbe", 1, 300), ("readinessProbe", 5, 3)] {
        assert_eq!(container[probe]["httpGet"], health);
        assert_eq!(container[probe]["periodSeconds"], period);
        assert_eq!(container[probe]["failureThreshold"], failures);
    }
    assert!(container.get("livenessProbe").is_none());
    assert_eq!(container["lifecycle"]["preStop"]["sleep"]["seconds"], 6);
    assert_eq!(
        fixture::pod_spec(&rendered)["terminationGracePeriodSeconds"],
        30
    );
    let ports: Vec<&Value> = container["ports"].as_array().unwrap().iter().collect();
    assert_eq!(
        ports.len(),
        2,
        "the participation API is on loopback: {ports:?}"
    );
    let declared = Raft::descriptor().ports;
    let admin = declared.iter().find(|it| it.name == "admin").unwrap();
    assert_eq!((admin.number, admin.reach.as_str()), (9443, "pod"));
}

#[test]
fn its_pod_is_the_same_however_many_there_are() {
    let host = host(true);
    let call = call("orderer/orderer0.orderer", &json!({}));
    let three = session(Release::V2_5, 3).render(&host.at(&call)).unwrap();
    let five = session(Release::V2_5, 5).render(&host.at(&call)).unwrap();
    assert_eq!(three, five);
}

#[test]
fn its_settings_are_those_of_a_channel() {
    let facts: Ordering = serde_json::from_str(&provisioned(3, &json!({})).unwrap().facts).unwrap();
    let settings = json!({
        "tickInterval": "500ms", "electionTick": 10, "heartbeatTick": 1, "maxInflightBlocks": 5,
        "snapshotIntervalSize": 16_777_216,
    });
    assert_eq!((facts.kind.as_str(), facts.consenters), ("etcdraft", true));
    assert_eq!(json!(facts.settings), settings);
    let said = json!({"tickInterval": "1.5s", "electionTick": 20});
    let facts: Ordering = serde_json::from_str(&provisioned(3, &said).unwrap().facts).unwrap();
    assert_eq!(facts.settings["tickInterval"], "1.5s");
    assert_eq!(facts.settings["electionTick"], 20);
}

#[test]
fn what_every_orderer_of_the_channel_would_refuse_is_refused_here() {
    for (options, path, word) in [
        (json!({"tickInterval": "0s"}), "/tickInterval", "above zero"),
        (
            json!({"tickInterval": "soon"}),
            "/tickInterval",
            "length of time",
        ),
        (json!({"heartbeatTick": 0}), "/heartbeatTick", "above zero"),
        (
            json!({"electionTick": 3, "heartbeatTick": 3}),
            "/electionTick",
            "above `heartbeatTick`",
        ),
        (
            json!({"maxInflightBlocks": 0}),
            "/maxInflightBlocks",
            "above zero",
        ),
    ] {
        let fault = provisioned(3, &options).unwrap_err();
        assert_eq!(fault[0].path, path);
        assert!(fault[0].message.contains(word), "{}", fault[0].message);
    }
}

#[test]
fn a_number_that_gives_nothing_is_remarked_upon() {
    let said = |orderers: u32| -> Vec<String> {
        let notes = provisioned(orderers, &json!({})).unwrap().notes;
        notes.into_iter().map(|note| note.message).collect()
    };
    assert!(said(1)[0].contains("nothing is ordered"));
    assert!(said(4)[0].contains("stand the loss of 1, no more than 3 would"));
    assert!(said(3).is_empty() && said(5).is_empty());
}

#[test]
fn more_channels_than_the_volume_of_the_log_holds_are_remarked_upon() {
    assert_eq!(crowded(10), None);
    let note = crowded(20).unwrap();
    for part in ["20 channels", "2560 MB", "`raft`", "2Gi"] {
        assert!(note.message.contains(part), "{part}: {note:?}");
    }
    assert!(note.hint.unwrap().contains("byKind"));
}
