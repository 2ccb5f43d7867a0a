//! What the programs find in their environment in each release, whose key the pod has, and that it ends when told.

use super::*;
use chain_plugin_sdk::{Call, Content, Source, Target, TestHost};
use fabric_service::fixture::{ROLES, Size, another, topology};
use serde_json::{Value, from_str};

const CLI: &str = "cli/cli.org1";

fn call(options: &Value, images: &[(&str, &str)]) -> Call {
    TestHost::call(CLI, role::CLI, options, images)
}

fn host(node_ous: bool) -> TestHost {
    let facts = |host: TestHost, org: &str, msp_id: &str| {
        let root = format!("-----BEGIN CERTIFICATE-----\n{org}\n-----END CERTIFICATE-----\n\n");
        let facts = json!({"mspId": msp_id, "caCertificate": "", "tlsCaCertificate": root, "nodeOus": node_ous});
        host.fact(&format!("org/{org}"), role::MSP, &facts)
    };
    let host = facts(TestHost::new(), "orderer", "OrdererMSP");
    facts(facts(host, "org1", "Org1MSP"), "org2", "Org2MSP")
}

fn network(release: Release, parent: &str) -> Topology {
    let mut all = topology(release, Size::default(), &ROLES);
    let cli = another((kind::CLI, "cli.org1"), parent, "org1", "cli", &[]);
    all.subjects.push(cli);
    all
}

fn render(release: Release, node_ous: bool, images: &[(&str, &str)]) -> Rendered {
    let all = network(release, "user/Admin@org1");
    let call = call(&json!({}), images);
    FabricCli::open(all)
        .unwrap()
        .render(&host(node_ous).at(&call))
        .unwrap()
}

fn container(rendered: &Rendered) -> Value {
    let pod: Value = from_str(&rendered.fragments[0].body).unwrap();
    pod["spec"]["containers"][0].clone()
}

fn bound(rendered: &Rendered) -> Vec<(String, String)> {
    let of = rendered
        .bindings
        .iter()
        .filter_map(|it| match (&it.target, &it.source) {
            (Target::Path(path), Source::File(from)) => {
                Some((path.clone(), format!("{} {}", from.subject, from.name)))
            }
            _ => None,
        });
    of.collect()
}

#[test]
fn the_programs_find_identity_peer_and_orderer() {
    let rendered = render(Release::V2_5, true, &[]);
    let expected = json!([
        {"name": "FABRIC_CFG_PATH", "value": "/etc/hyperledger/fabric"},
        {"name": "FABRIC_LOGGING_SPEC", "value": "warning"},
        {"name": "HOME", "value": "/var/hyperledger/work"},
        {"name": "CORE_PEER_LOCALMSPID", "value": "Org1MSP"},
        {"name": "CORE_PEER_MSPCONFIGPATH", "value": "/etc/hyperledger/id/msp"},
        {"name": "CORE_PEER_TLS_ENABLED", "value": "true"},
        {"name": "CORE_PEER_TLS_ROOTCERT_FILE", "value": "/etc/hyperledger/network/tls-roots.pem"},
        {"name": "CORE_PEER_ADDRESS", "value": "peer0.org1:7051"},
        {"name": "ORDERER_ADDRESS", "value": "orderer0.orderer:7050"},
        {"name": "ORDERER_CA", "value": "/etc/hyperledger/network/tls-roots.pem"},
    ]);
    assert_eq!(container(&rendered)["env"], expected);
    let Content::Bytes(roots) = &rendered.files[0].content else {
        panic!("no bytes")
    };
    let mark = |what: &str| format!("-----{what} CERTIFICATE-----\n");
    let expected: String = ["orderer", "org1", "org2"]
        .map(|org| format!("{}{org}\n{}", mark("BEGIN"), mark("END")))
        .concat();
    assert_eq!(std::str::from_utf8(roots).unwrap(), expected);
}

#[test]
fn each_release_has_its_image_and_the_users_word_is_for_all() {
    let declared: Vec<(String, String)> = FabricCli::descriptor()
        .images
        .into_iter()
        .map(|it| (it.name, format!("mirror.example/{}", it.default)))
        .collect();
    let images: Vec<(&str, &str)> = declared
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    for (release, expected) in [
        (
            Release::V1_4,
            "mirror.example/hyperledger/fabric-tools:1.4.12",
        ),
        (
            Release::V2_5,
            "mirror.example/hyperledger/fabric-tools:2.5.16",
        ),
        (
            Release::V3_1,
            "mirror.example/hyperledger/fabric-peer:3.1.5",
        ),
    ] {
        assert_eq!(
            container(&render(release, true, &images))["image"],
            expected
        );
        let own = [
            ("cli", "own/tools:9"),
            ("cli-1.4", "a:1"),
            ("cli-3.1", "b:1"),
        ];
        assert_eq!(
            container(&render(release, true, &own))["image"],
            "own/tools:9"
        );
    }
}

#[test]
fn it_has_the_keys_of_its_user_and_asks_for_them() {
    let all = bound(&render(Release::V2_5, true, &[]));
    let at = |path: &str, from: &str| (format!("/etc/hyperledger/id/{path}"), from.to_owned());
    for expected in [
        at("msp/keystore/key.pem", "user/Admin@org1 key"),
        at("msp/signcerts/cert.pem", "user/Admin@org1 cert"),
        at("msp/cacerts/ca.pem", "org/org1 ca-cert"),
        at("msp/config.yaml", "org/org1 config.yaml"),
        at("tls/server.key", "user/Admin@org1 tls-key"),
    ] {
        assert!(all.contains(&expected), "{expected:?}");
    }
    assert!(!all.iter().any(|(path, _)| path.contains("admincerts")));
    let takes: Vec<String> = FabricCli::descriptor()
        .takes
        .into_iter()
        .map(|it| it.item)
        .collect();
    assert_eq!(takes, ["key", "tls-key"]);
    let without = bound(&render(Release::V1_4, false, &[]));
    assert!(without.contains(&at("msp/admincerts/admin0.pem", "user/Admin@org1 cert")));
    assert!(
        !without
            .iter()
            .any(|(path, _)| path.ends_with("config.yaml"))
    );
}

#[test]
fn a_command_line_of_an_organisation_has_no_key_to_use() {
    let call = call(&json!({}), &[]);
    let plugin = FabricCli::open(network(Release::V2_5, "org/org1")).unwrap();
    let fault = plugin.render(&host(true).at(&call)).unwrap_err();
    assert!(
        fault[0]
            .message
            .starts_with("cli/cli.org1 belongs to org/org1"),
        "{}",
        fault[0].message
    );
    assert!(fault[0].hint.is_some());
}

#[test]
fn an_ordering_organisation_has_no_peer_to_name() {
    let mut all = network(Release::V2_5, "user/Admin@org1");
    all.subjects.retain(|it| it.kind != kind::PEER);
    let call = call(&json!({"logging": "debug"}), &[]);
    let rendered = FabricCli::open(all)
        .unwrap()
        .render(&host(true).at(&call))
        .unwrap();
    let env = container(&rendered)["env"].to_string();
    assert!(
        !env.contains("CORE_PEER_ADDRESS") && env.contains("\"debug\""),
        "{env}"
    );
}

#[test]
fn it_waits_and_ends_at_once_when_it_is_told() {
    use std::process::Stdio;
    use std::time::{Duration, Instant};
    let command = container(&render(Release::V2_5, true, &[]))["command"].clone();
    let words: Vec<&str> = command
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap())
        .collect();
    let mut child = std::process::Command::new(words[0])
        .args(&words[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // Until the shell catches SIGTERM, which is bit 14 of the mask.
    let status = format!("/proc/{}/status", child.id());
    let began = Instant::now();
    loop {
        let status = std::fs::read_to_string(&status).unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let mask = u64::from_str_radix(mask.unwrap().trim(), 16).unwrap();
        if mask & (1 << 14) != 0 {
            break;
        }
        assert!(began.elapsed() < Duration::from_mins(1), "it sets no trap");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().unwrap().is_none(), "it does not wait");
    let told = Instant::now();
    let kill = std::process::Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(told.elapsed() < Duration::from_secs(5));
}
