//! Processes with the environment of their containers.

use std::collections::BTreeMap;

use fabric_loopback::{Kind, Process};

use super::organization::{IDENTITY, Member, Organization};

/// Where orderers of 1.4 have block 0 of the system channel.
pub const GENESIS: &str = "/etc/hyperledger/genesis/genesis.block";
const DATA: &str = "/var/hyperledger/production";

fn environment(all: &[(&str, &str)]) -> BTreeMap<String, String> {
    all.iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

pub fn orderer(org: &Organization, node: &Member, release: &str) -> Process {
    let tls = |file: &str| format!("{IDENTITY}/tls/{file}");
    let mut env = environment(&[
        ("FABRIC_LOGGING_SPEC", "info:grpc=error"),
        ("ORDERER_GENERAL_LISTENADDRESS", "0.0.0.0"),
        ("ORDERER_GENERAL_LISTENPORT", "7050"),
        ("ORDERER_GENERAL_LOCALMSPID", &org.msp_id),
        ("ORDERER_GENERAL_LOCALMSPDIR", &format!("{IDENTITY}/msp")),
        ("ORDERER_GENERAL_TLS_ENABLED", "true"),
        ("ORDERER_GENERAL_TLS_CERTIFICATE", &tls("server.crt")),
        ("ORDERER_GENERAL_TLS_PRIVATEKEY", &tls("server.key")),
        (
            "ORDERER_GENERAL_TLS_ROOTCAS",
            &format!("[{}]", tls("ca.crt")),
        ),
        ("ORDERER_OPERATIONS_LISTENADDRESS", "0.0.0.0:8443"),
        ("ORDERER_METRICS_PROVIDER", "prometheus"),
        ("ORDERER_FILELEDGER_LOCATION", &format!("{DATA}/orderer")),
        (
            "ORDERER_CONSENSUS_WALDIR",
            &format!("{DATA}/orderer/etcdraft/wal"),
        ),
        (
            "ORDERER_CONSENSUS_SNAPDIR",
            &format!("{DATA}/orderer/etcdraft/snapshot"),
        ),
    ]);
    if release.starts_with("1.") {
        env.extend(environment(&[
            ("ORDERER_GENERAL_GENESISMETHOD", "file"),
            ("ORDERER_GENERAL_GENESISFILE", GENESIS),
            (
                "ORDERER_GENERAL_CLUSTER_CLIENTCERTIFICATE",
                &tls("server.crt"),
            ),
            (
                "ORDERER_GENERAL_CLUSTER_CLIENTPRIVATEKEY",
                &tls("server.key"),
            ),
        ]));
    } else {
        env.extend(environment(&[
            ("ORDERER_ADMIN_LISTENADDRESS", "127.0.0.1:9443"),
            ("ORDERER_ADMIN_TLS_ENABLED", "false"),
        ]));
    }
    if release.starts_with("2.") {
        env.extend(environment(&[
            ("ORDERER_GENERAL_BOOTSTRAPMETHOD", "none"),
            ("ORDERER_CHANNELPARTICIPATION_ENABLED", "true"),
        ]));
    }
    Process {
        env,
        files: org.files(node),
        ..Process::new(&node.name, Kind::Orderer)
    }
}

pub fn peer(org: &Organization, node: &Member) -> Process {
    let tls = |file: &str| format!("{IDENTITY}/tls/{file}");
    let address = format!("{}:7051", node.name);
    let env = environment(&[
        ("FABRIC_LOGGING_SPEC", "info:grpc=error"),
        ("FABRIC_CFG_PATH", "/etc/hyperledger/cfg"),
        ("CORE_PEER_ID", &node.name),
        ("CORE_PEER_LOCALMSPID", &org.msp_id),
        ("CORE_PEER_MSPCONFIGPATH", &format!("{IDENTITY}/msp")),
        ("CORE_PEER_ADDRESS", &address),
        ("CORE_PEER_LISTENADDRESS", "0.0.0.0:7051"),
        ("CORE_PEER_CHAINCODELISTENADDRESS", "127.0.0.1:7052"),
        ("CORE_PEER_GOSSIP_BOOTSTRAP", &address),
        ("CORE_PEER_GOSSIP_EXTERNALENDPOINT", &address),
        ("CORE_PEER_TLS_ENABLED", "true"),
        ("CORE_PEER_TLS_CERT_FILE", &tls("server.crt")),
        ("CORE_PEER_TLS_KEY_FILE", &tls("server.key")),
        ("CORE_PEER_TLS_ROOTCERT_FILE", &tls("ca.crt")),
        ("CORE_PEER_FILESYSTEMPATH", DATA),
        (
            "CORE_LEDGER_SNAPSHOTS_ROOTDIR",
            &format!("{DATA}/snapshots"),
        ),
        ("CORE_OPERATIONS_LISTENADDRESS", "0.0.0.0:9443"),
        ("CORE_METRICS_PROVIDER", "prometheus"),
    ]);
    Process {
        env,
        files: org.files(node),
        ..Process::new(&node.name, Kind::Peer)
    }
}

/// A chaincode server of an organisation.
pub fn chaincode(org: &Organization, service: &str, package_id: &str) -> Process {
    let name = format!("{service}.{}", org.domain);
    Process {
        env: environment(&[
            ("CHAINCODE_ID", package_id),
            ("CHAINCODE_SERVER_ADDRESS", "0.0.0.0:9999"),
            ("WHERE", &org.domain),
        ]),
        ..Process::new(&name, Kind::Chaincode)
    }
}

/// A chaincode that dials a peer of 1.4 which waits for it: in development mode, without docker and TLS.
pub fn dialling(org: &Organization, peer: &str, name: &str, version: &str) -> Process {
    let process = format!("{name}-{version}.{}", org.domain);
    Process {
        env: environment(&[
            ("DIAL", &format!("{peer}:7052")),
            ("CORE_CHAINCODE_ID_NAME", &format!("{name}:{version}")),
            ("CORE_PEER_TLS_ENABLED", "false"),
            ("CHAINCODE_SERVER_ADDRESS", "0.0.0.0:9999"),
            ("WHERE", &org.domain),
        ]),
        ..Process::new(&process, Kind::Chaincode)
    }
}
