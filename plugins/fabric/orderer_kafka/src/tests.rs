//! What an orderer is told of Kafka, and that no topic wants more copies than there are brokers.

use super::*;
use chain_plugin_sdk::TestHost;
use fabric_service::fixture::{self, ROLES, Size};
use serde_json::Value;

const IMAGE: (&str, &str) = ("orderer", "hyperledger/fabric-orderer:1.4.12");

fn rendered(brokers: usize, options: &Value) -> Result<Rendered, Diagnostics> {
    let org = json!({
        "mspId": "OrdererMSP", "caCertificate": "", "tlsCaCertificate": "", "nodeOus": true,
    });
    let addresses: Vec<String> = (0..brokers)
        .map(|n| format!("kafka{n}.home:9092"))
        .collect();
    let host = TestHost::new().fact("org/orderer", role::MSP, &org).fact(
        CHAIN,
        role::KAFKA,
        &json!({"brokers": addresses}),
    );
    let call = TestHost::call("orderer/orderer0.orderer", role::ORDERER, options, &[IMAGE]);
    let session = Kafka::open(fixture::topology(Release::V1_4, Size::default(), &ROLES)).unwrap();
    session.provision(&host.at(&TestHost::call(CHAIN, role::ORDERER, options, &[IMAGE])))?;
    session.render(&host.at(&call))
}

fn told(brokers: usize, options: &Value) -> Vec<String> {
    let rendered = rendered(brokers, options).unwrap();
    let all = fixture::variables(&rendered, "orderer");
    all.into_iter().filter(|it| it.contains("KAFKA")).collect()
}

/// The HTTP server for operations asks Kafka for each `/healthz`, and the orderer dies when it has no producer yet.
#[test]
fn probes_never_ask_for_the_health_of_kafka() {
    let rendered = rendered(4, &json!({})).unwrap();
    let container = fixture::container(&rendered, "orderer");
    for probe in ["startupProbe", "readinessProbe"] {
        let asked = json!({"path": "/logspec", "port": "orderer-ops"});
        assert_eq!(container[probe]["httpGet"], asked);
    }
}

#[test]
fn it_makes_topics_that_the_brokers_can_hold() {
    let expected = |copies: usize| {
        vec![
            format!("ORDERER_KAFKA_TOPIC_REPLICATIONFACTOR={copies}"),
            "ORDERER_KAFKA_RETRY_SHORTINTERVAL=5s".to_owned(),
            "ORDERER_KAFKA_RETRY_SHORTTOTAL=10m".to_owned(),
            "ORDERER_KAFKA_VERBOSE=false".to_owned(),
        ]
    };
    for (brokers, copies) in [(1, 1), (2, 2), (4, 3)] {
        assert_eq!(told(brokers, &json!({})), expected(copies));
    }
}

#[test]
fn the_user_has_a_word() {
    let options = json!({"kafkaVersion": "1.0.0", "verbose": true, "retryInterval": "1s"});
    let said = told(4, &options);
    for expected in [
        "ORDERER_KAFKA_VERSION=1.0.0",
        "ORDERER_KAFKA_VERBOSE=true",
        "ORDERER_KAFKA_RETRY_SHORTINTERVAL=1s",
    ] {
        assert!(said.iter().any(|it| it == expected), "{said:?}");
    }
    let fault = rendered(4, &json!({"retryTotal": "1s"})).unwrap_err();
    assert_eq!(fault[0].path, "/retryInterval");
    let fault = rendered(4, &json!({"retryTotal": "never"})).unwrap_err();
    assert_eq!(fault[0].path, "/retryTotal");
}

#[test]
fn the_channel_names_the_brokers() {
    let call = TestHost::call(CHAIN, role::ORDERER, &json!({}), &[IMAGE]);
    let session = Kafka::open(fixture::topology(Release::V1_4, Size::default(), &ROLES)).unwrap();
    let facts = session.provision(&TestHost::new().at(&call)).unwrap().facts;
    let expected = json!({"kind": "kafka", "consenters": false});
    assert_eq!(facts.parse::<Value>().unwrap(), expected);
}
