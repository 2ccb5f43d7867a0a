//! One orderer of 1.4, with TLS all the same.

use super::*;
use chain_plugin_sdk::TestHost;
use fabric_service::fixture::{self, ROLES, Size};
use fabric_service::role;

const IMAGE: (&str, &str) = ("orderer", "hyperledger/fabric-orderer:1.4.12");

fn session(orderers: u32) -> Solo {
    let size = Size {
        orderers,
        ..Size::default()
    };
    Solo::open(fixture::topology(Release::V1_4, size, &ROLES)).unwrap()
}

#[test]
fn the_environment_is_that_of_1_4() {
    let org = json!({
        "mspId": "OrdererMSP", "caCertificate": "", "tlsCaCertificate": "", "nodeOus": true,
    });
    let host = TestHost::new().fact("org/orderer", role::MSP, &org);
    let call = TestHost::call(
        "orderer/orderer0.orderer",
        role::ORDERER,
        &json!({}),
        &[IMAGE],
    );
    let rendered = session(1).render(&host.at(&call)).unwrap();
    assert_eq!(
        fixture::variables(&rendered, "orderer"),
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
            "ORDERER_GENERAL_GENESISMETHOD=file",
            "ORDERER_GENERAL_GENESISFILE=/etc/hyperledger/genesis/genesis.block",
            "ORDERER_OPERATIONS_LISTENADDRESS=0.0.0.0:8443",
            "ORDERER_METRICS_PROVIDER=prometheus",
            "ORDERER_FILELEDGER_LOCATION=/var/hyperledger/production/orderer",
        ]
    );
    assert_eq!(fixture::container(&rendered, "orderer")["image"], IMAGE.1);
    let bound = fixture::bindings(&rendered, "orderer");
    assert_eq!(bound[0], "/var/hyperledger/production <- ledger/");
    assert_eq!(
        bound[1],
        "/etc/hyperledger/genesis/genesis.block <- stack chain genesis.block"
    );
    assert!(Solo::descriptor().ports.iter().all(|it| it.name != "admin"));
}

#[test]
fn two_of_them_would_make_two_chains() {
    let provisioned = |orderers: u32| {
        let call = TestHost::call("chain", role::ORDERER, &json!({}), &[IMAGE]);
        session(orderers).provision(&TestHost::new().at(&call))
    };
    let facts = provisioned(1).unwrap().facts;
    let expected = json!({"kind": "solo", "consenters": false});
    assert_eq!(facts.parse::<serde_json::Value>().unwrap(), expected);
    let fault = provisioned(2).unwrap_err();
    assert!(fault[0].message.contains("2 orderers"));
    assert!(fault[0].hint.as_ref().unwrap().contains("orderer_raft"));
}
