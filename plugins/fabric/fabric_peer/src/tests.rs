//! The environment of each release as it was run, the configuration without docker, and the three ways of chaincode.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::*;
use chain_plugin_sdk::{Subject, TestHost};
use fabric_service::fixture::{self, ROLES, Size};
use serde_json::Value;

const PEER: &str = "peer/peer0.org1";
const IMAGES: [(&str, &str); 3] = [
    ("peer", "hyperledger/fabric-peer:2.5.16"),
    ("peer-1.4", "hyperledger/fabric-peer:1.4.12"),
    ("peer-3.1", "hyperledger/fabric-peer:3.1.5"),
];

fn topology(release: Release, peers: u32) -> Topology {
    let size = Size {
        peers,
        ..Size::default()
    };
    let mut topology = fixture::topology(release, size, &ROLES);
    for subject in &mut topology.subjects {
        if subject.kind == kind::PEER {
            let mut endpoint = subject.endpoints[0].clone();
            (endpoint.port, endpoint.number) = (ports::PEER_CHAINCODE.to_owned(), 7052);
            subject.endpoints.push(endpoint);
        }
    }
    topology
}

fn daemon() -> Subject {
    let name = (kind::DOCKER, "docker.org1");
    fixture::another(name, "org/org1", "org1", "docker", &[(ports::DOCKER, 2375)])
}

fn host() -> TestHost {
    let org = json!({
        "mspId": "Org1MSP", "caCertificate": "", "tlsCaCertificate": "", "nodeOus": true,
    });
    TestHost::new().fact("org/org1", role::MSP, &org)
}

fn runs(how: &Value) -> TestHost {
    host().fact(CHAIN, role::CHAINCODE, how)
}

fn rendered(topology: Topology, host: &TestHost, options: &Value) -> Result<Rendered, Diagnostics> {
    let call = TestHost::call(PEER, role::PEER, options, &IMAGES);
    Peer::open(topology).unwrap().render(&host.at(&call))
}

fn usual(release: Release) -> Rendered {
    let host = runs(&json!({"kind": "ccaas"}));
    rendered(topology(release, 2), &host, &json!({})).unwrap()
}

fn has(all: &[String], expected: &str) -> bool {
    all.iter().any(|it| it == expected)
}

#[test]
fn the_environment_of_2_5_and_3_1_is_complete() {
    let mut expected = [
        "FABRIC_LOGGING_SPEC=info",
        "CORE_PEER_ID=peer0.org1",
        "CORE_PEER_LOCALMSPID=Org1MSP",
        "CORE_PEER_MSPCONFIGPATH=/etc/hyperledger/id/msp",
        "CORE_PEER_ADDRESS=peer0.org1:7051",
        "CORE_PEER_LISTENADDRESS=0.0.0.0:7051",
        "CORE_PEER_CHAINCODELISTENADDRESS=127.0.0.1:7052",
        "CORE_PEER_GOSSIP_BOOTSTRAP=peer1.org1:7051",
        "CORE_PEER_GOSSIP_EXTERNALENDPOINT=peer0.org1:7051",
        "CORE_PEER_TLS_ENABLED=true",
        "CORE_PEER_TLS_CERT_FILE=/etc/hyperledger/id/tls/server.crt",
        "CORE_PEER_TLS_KEY_FILE=/etc/hyperledger/id/tls/server.key",
        "CORE_PEER_TLS_ROOTCERT_FILE=/etc/hyperledger/id/tls/ca.crt",
        "CORE_PEER_FILESYSTEMPATH=/var/hyperledger/production",
        "CORE_LEDGER_SNAPSHOTS_ROOTDIR=/var/hyperledger/production/snapshots",
        "CORE_OPERATIONS_LISTENADDRESS=0.0.0.0:9443",
        "CORE_METRICS_PROVIDER=prometheus",
    ];
    expected.sort_unstable();
    for (release, image) in [(Release::V2_5, "2.5.16"), (Release::V3_1, "3.1.5")] {
        let rendered = usual(release);
        let mut env = fixture::variables(&rendered, CONTAINER);
        env.sort();
        assert_eq!(env, expected);
        let image = format!("hyperledger/fabric-peer:{image}");
        let container = fixture::container(&rendered, CONTAINER);
        assert_eq!(container["image"], image);
        assert_eq!(container["command"], json!(["sh", "-c", start()]));
        assert!(
            fixture::pod_spec(&rendered).get("initContainers").is_none(),
            "each costs the start of a container"
        );
    }
}

#[test]
fn its_files_lie_where_it_looks_for_them() {
    let rendered = usual(Release::V2_5);
    assert_eq!(
        fixture::bindings(&rendered, CONTAINER),
        [
            "/var/hyperledger/production <- ledger/",
            "/tmp <- peer-tmp/",
            "/etc/hyperledger/cfg <- peer-config/",
            "/etc/hyperledger/id/msp/signcerts/cert.pem <- msp peer/peer0.org1 cert",
            "/etc/hyperledger/id/msp/keystore/key.pem <- msp peer/peer0.org1 key",
            "/etc/hyperledger/id/msp/cacerts/ca.pem <- msp org/org1 ca-cert",
            "/etc/hyperledger/id/msp/tlscacerts/tlsca.pem <- msp org/org1 tlsca-cert",
            "/etc/hyperledger/id/msp/config.yaml <- msp org/org1 config.yaml",
            "/etc/hyperledger/id/tls/server.crt <- msp peer/peer0.org1 tls-cert",
            "/etc/hyperledger/id/tls/server.key <- msp peer/peer0.org1 tls-key",
            "/etc/hyperledger/id/tls/ca.crt <- msp org/org1 tlsca-cert",
        ]
    );
}

#[test]
fn it_is_asked_for_its_health_and_shows_only_the_ports_that_it_opens() {
    let container = fixture::container(&usual(Release::V3_1), CONTAINER);
    let health = json!({"path": "/healthz", "port": "peer-ops"});
    for (probe, period, failures) in [("startupProbe", 1, 300), ("readinessProbe", 5, 3)] {
        assert_eq!(container[probe]["httpGet"], health);
        assert_eq!(container[probe]["periodSeconds"], period);
        assert_eq!(container[probe]["failureThreshold"], failures);
    }
    let ports = container["ports"].as_array().unwrap();
    let ports: Vec<&str> = ports
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    assert_eq!(ports, ["peer", "peer-ops"]);
}

#[test]
fn a_peer_that_is_alone_begins_with_itself() {
    let alone = rendered(topology(Release::V2_5, 1), &host(), &json!({})).unwrap();
    let env = fixture::variables(&alone, CONTAINER);
    assert!(has(&env, "CORE_PEER_GOSSIP_BOOTSTRAP=peer0.org1:7051"));
}

#[test]
fn a_peer_that_cannot_be_reached_is_no_way_in() {
    let mut topology = topology(Release::V2_5, 3);
    for subject in &mut topology.subjects {
        if subject.id == "peer/peer1.org1" {
            subject.cluster = "elsewhere".to_owned();
        }
    }
    let rendered = rendered(topology, &host(), &json!({})).unwrap();
    let env = fixture::variables(&rendered, CONTAINER);
    assert!(
        has(&env, "CORE_PEER_GOSSIP_BOOTSTRAP=peer2.org1:7051"),
        "{env:#?}"
    );
}

/// Runs the script on a configuration, whose folder stands in place of that of the image.
fn without_docker(config: &str) -> String {
    let script = WITHOUT_DOCKER
        .replace(
            "\"${FABRIC_CFG_PATH:-/etc/hyperledger/fabric}/core.yaml\"",
            "-",
        )
        .replace("> /etc/hyperledger/cfg/core.yaml", "");
    assert!(!script.contains("core.yaml"), "{script}");
    let mut child = Command::new("sh")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(config.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_configuration_loses_the_daemon_and_nothing_else_whatever_its_indent() {
    for indent in ["    ", "  "] {
        let config = |endpoint: &str| {
            format!(
                "peer:\n{indent}gossip:\n{indent}{indent}endpoint: own\nvm:\n\n{indent}# endpoint: of the daemon\n{indent}endpoint:{endpoint}\n{indent}docker:\n{indent}{indent}tls:\n\nchaincode:\n{indent}endpoint: other\n"
            )
        };
        let made = without_docker(&config(" unix:///var/run/docker.sock"));
        assert_eq!(made, config(""));
    }
}

#[test]
fn the_script_reads_where_the_image_says_its_configuration_lies() {
    let folder = std::env::temp_dir().join(format!("fabric-peer-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("core.yaml"), "vm:\n  endpoint: x\n").unwrap();
    let script = WITHOUT_DOCKER.replace("> /etc/hyperledger/cfg/core.yaml", "");
    let run = |folder: &std::path::Path| {
        Command::new("sh")
            .args(["-c", &script])
            .env("FABRIC_CFG_PATH", folder)
            .output()
            .unwrap()
    };
    assert_eq!(run(&folder).stdout, b"vm:\n  endpoint:\n");
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(
        !run(&folder).status.success(),
        "a peer without configuration must not start"
    );
}

/// The peer is the container's first process, so it hears when it is to stop; it is told where its configuration lies.
#[test]
fn the_program_takes_the_place_of_the_script() {
    let folder = std::env::temp_dir().join(format!("fabric-peer-start-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("cfg")).unwrap();
    std::fs::write(folder.join("core.yaml"), "vm:\n  endpoint: x\n").unwrap();
    let program = folder.join("peer");
    std::fs::write(&program, "#!/bin/sh\necho $$ $FABRIC_CFG_PATH $*\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, mode).unwrap();
    let own = folder.join("cfg").display().to_string();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let child = Command::new("sh")
        .args(["-c", &start().replace(CONFIG_PATH, &own)])
        .env("FABRIC_CFG_PATH", &folder)
        .env("PATH", path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let number = child.id();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said, format!("{number} {own} node start\n"));
    let config = std::fs::read_to_string(folder.join("cfg/core.yaml")).unwrap();
    assert_eq!(config, "vm:\n  endpoint:\n");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn in_1_4_a_docker_daemon_runs_chaincode_that_dials_the_peer() {
    let mut topology = topology(Release::V1_4, 2);
    topology.subjects.push(daemon());
    let host = runs(&json!({"kind": "docker"}));
    let options = json!({"chaincodeBuilder": "own/ccenv:1", "chaincodeGo": "own/baseos:1"});
    let rendered = rendered(topology, &host, &options).unwrap();
    let env = fixture::variables(&rendered, CONTAINER);
    for expected in [
        "CORE_VM_ENDPOINT=tcp://docker.org1:2375",
        "CORE_VM_DOCKER_HOSTCONFIG_NETWORKMODE=host",
        "CORE_PEER_CHAINCODELISTENADDRESS=0.0.0.0:7052",
        "CORE_PEER_CHAINCODEADDRESS=peer0.org1:7052",
        "CORE_CHAINCODE_BUILDER=own/ccenv:1",
        "CORE_CHAINCODE_GOLANG_RUNTIME=own/baseos:1",
        "CORE_PEER_TLS_ENABLED=true",
    ] {
        assert!(has(&env, expected), "{expected} in {env:#?}");
    }
    assert!(
        !env.iter()
            .any(|it| it.contains("SNAPSHOTS") || it.contains("CFG_PATH"))
    );
    let container = fixture::container(&rendered, CONTAINER);
    assert_eq!(container["image"], "hyperledger/fabric-peer:1.4.12");
    assert_eq!(container["readinessProbe"]["httpGet"]["path"], "/healthz");
    assert_eq!(container["ports"].as_array().unwrap().len(), 3);
    assert!(container["command"].is_null());
    assert!(rendered.notes.is_empty());
}

#[test]
fn in_1_4_without_a_daemon_only_its_listening_counts() {
    let rendered = rendered(topology(Release::V1_4, 2), &host(), &json!({})).unwrap();
    let container = fixture::container(&rendered, CONTAINER);
    for probe in ["startupProbe", "readinessProbe"] {
        assert_eq!(container[probe]["tcpSocket"]["port"], "peer");
        assert!(container[probe].get("httpGet").is_none());
    }
}

#[test]
fn a_daemon_that_is_not_there_is_missed() {
    let host = runs(&json!({"kind": "docker"}));
    let fault = rendered(topology(Release::V1_4, 2), &host, &json!({})).unwrap_err();
    assert!(fault[0].message.contains("org/org1 has no docker daemon"));
}

#[test]
fn a_builder_is_mounted_listed_and_told() {
    let host = runs(&json!({"kind": "k8s", "builder": {
        "name": "k8s_builder", "path": "/opt/hyperledger/k8s_builder", "volume": "k8s-builder",
        "environment": {"FABRIC_K8S_BUILDER_SERVICE_ACCOUNT": "demo"},
        "passed": ["CORE_PEER_ID", "KUBERNETES_SERVICE_HOST"],
    }}));
    let rendered = rendered(topology(Release::V2_5, 2), &host, &json!({})).unwrap();
    let env = fixture::variables(&rendered, CONTAINER);
    let list = env
        .iter()
        .find_map(|it| it.strip_prefix("CORE_CHAINCODE_EXTERNALBUILDERS="))
        .unwrap();
    let list: Value = list.parse().unwrap();
    assert_eq!(
        list[0],
        json!({
            "name": "k8s_builder", "path": "/opt/hyperledger/k8s_builder",
            "propagateEnvironment": [
                "FABRIC_K8S_BUILDER_SERVICE_ACCOUNT", "CORE_PEER_ID", "KUBERNETES_SERVICE_HOST",
            ],
        })
    );
    assert_eq!(list[1]["name"], "ccaas_builder");
    assert!(has(&env, "FABRIC_K8S_BUILDER_SERVICE_ACCOUNT=demo"));
    assert!(has(&env, "CORE_PEER_CHAINCODEADDRESS=peer0.org1:7052"));
    assert!(has(&env, "CORE_PEER_CHAINCODELISTENADDRESS=0.0.0.0:7052"));
    let bound = fixture::bindings(&rendered, CONTAINER);
    assert!(
        has(&bound, "/opt/hyperledger/k8s_builder <- k8s-builder/"),
        "{bound:#?}"
    );
    assert!(!fixture::container(&rendered, CONTAINER)["command"].is_null());
}

#[test]
fn an_image_that_has_its_builder_is_left_alone() {
    let rendered = rendered(
        topology(Release::V2_5, 2),
        &runs(&json!({"kind": "k8s"})),
        &json!({}),
    )
    .unwrap();
    let env = fixture::variables(&rendered, CONTAINER);
    assert!(!env.iter().any(|it| it.contains("EXTERNALBUILDERS")));
    assert!(has(&env, "CORE_PEER_CHAINCODELISTENADDRESS=0.0.0.0:7052"));
}

#[test]
fn the_state_lies_where_its_role_says_and_the_password_comes_by_reference() {
    let levels = host().fact(PEER, role::STATE_DB, &json!({"kind": "goleveldb"}));
    let made = rendered(topology(Release::V2_5, 2), &levels, &json!({})).unwrap();
    let env = fixture::variables(&made, CONTAINER);
    assert!(has(&env, "CORE_LEDGER_STATE_STATEDATABASE=goleveldb"));
    assert!(!env.iter().any(|it| it.contains("COUCHDB")));
    let couch = json!({"kind": "CouchDB", "address": "127.0.0.1:5984", "user": "admin"});
    let couch = host().fact(PEER, role::STATE_DB, &couch);
    let made = rendered(topology(Release::V1_4, 2), &couch, &json!({})).unwrap();
    let env = fixture::variables(&made, CONTAINER);
    for expected in [
        "CORE_LEDGER_STATE_STATEDATABASE=CouchDB",
        "CORE_LEDGER_STATE_COUCHDBCONFIG_COUCHDBADDRESS=127.0.0.1:5984",
        "CORE_LEDGER_STATE_COUCHDBCONFIG_USERNAME=admin",
    ] {
        assert!(has(&env, expected), "{expected} in {env:#?}");
    }
    let bound = fixture::bindings(&made, CONTAINER);
    let password = "CORE_LEDGER_STATE_COUCHDBCONFIG_PASSWORD <- state-db peer/peer0.org1 password";
    assert!(has(&bound, password), "{bound:#?}");
    let takes = Peer::descriptor().takes;
    assert!(
        takes
            .iter()
            .any(|it| it.role == role::STATE_DB && it.item == PASSWORD)
    );
}

#[test]
fn images_that_nobody_reads_are_remarked_upon_and_logging_is_the_users() {
    let options = json!({"chaincodeBuilder": "own/ccenv:1", "logging": "gossip=warning:info"});
    let made = rendered(topology(Release::V2_5, 2), &host(), &options).unwrap();
    assert_eq!(made.notes.len(), 1);
    let env = fixture::variables(&made, CONTAINER);
    assert!(has(&env, "FABRIC_LOGGING_SPEC=gossip=warning:info"));
    assert!(!env.iter().any(|it| it.contains("ccenv")));
}
