//! One configuration for all nodes, keys by reference, and versions that are compared as numbers.

use super::*;
use chain_plugin_sdk::{Content, Source, TestHost};
use quorum_service::facts::PrivacyNode;
use quorum_service::fixture;
use serde_json::{Value, from_str};

const IMAGE: (&str, &str) = ("tessera", "quorumengineering/tessera:24.4.2");

fn session(nodes: u32) -> Tessera {
    Tessera::open(fixture::topology(nodes, 0)).unwrap()
}

fn host(enhanced: bool) -> TestHost {
    TestHost::new().fact(CHAIN, PRIVACY, &json!({"privacyEnhancements": enhanced}))
}

fn config(nodes: u32, image: &str, enhanced: bool) -> Result<Value, Diagnostics> {
    let call = TestHost::call(CHAIN, PRIVACY, &json!({}), &[("tessera", image)]);
    let rendered = session(nodes).render(&host(enhanced).at(&call))?;
    let Content::Bytes(bytes) = &rendered.files[0].content else {
        panic!("no bytes")
    };
    Ok(serde_json::from_slice(bytes).unwrap())
}

#[test]
fn a_key_is_born_once_and_known_by_its_public_half() {
    let host = TestHost::new();
    let call = TestHost::call("node/node0", PRIVACY, &json!({}), &[IMAGE]);
    let first = session(1).provision(&host.at(&call)).unwrap();
    let secret: Vec<(&str, bool)> = first
        .keep
        .iter()
        .map(|it| (it.name.as_str(), it.secret))
        .collect();
    assert_eq!(secret, [(KEY, true), (PUBLIC_KEY, false)]);
    let host = host.kept("node/node0", PRIVACY, &first.keep[1..]);
    let again = session(1).provision(&host.at(&call)).unwrap();
    assert_eq!((again.keep.len(), &again.facts), (0, &first.facts));
    let facts: PrivacyNode = from_str(&first.facts).unwrap();
    assert_eq!(facts.public_key.as_bytes(), first.keep[1].bytes);
}

#[test]
fn a_key_that_is_brought_is_kept_and_another_type_of_file_refused() {
    let made = session(1)
        .provision(&TestHost::new().at(&TestHost::call(
            "node/node0",
            PRIVACY,
            &json!({}),
            &[IMAGE],
        )))
        .unwrap();
    let key = String::from_utf8(made.keep[0].bytes.clone()).unwrap();
    let brought = |file: &str| {
        let call = TestHost::call("node/node1", PRIVACY, &json!({"key": file}), &[IMAGE]);
        session(2).provision(&TestHost::new().at(&call))
    };
    let again = brought(&format!("{key}\n")).unwrap();
    assert_eq!((&again.keep, &again.facts), (&made.keep, &made.facts));
    let fault = brought(r#"{"type":"argon2sbox","data":{}}"#).unwrap_err();
    assert_eq!(fault[0].path, "/key");
    assert!(fault[0].message.contains("argon2sbox"));
}

#[test]
fn nodes_of_others_are_peers_where_they_are_reached() {
    let topology = fixture::parties(PEERS, "192.0.2.7:31001");
    let call = TestHost::call(CHAIN, PRIVACY, &json!({}), &[IMAGE]);
    let rendered = Tessera::open(topology)
        .unwrap()
        .render(&host(true).at(&call))
        .unwrap();
    let Content::Bytes(bytes) = &rendered.files[0].content else {
        panic!("no bytes")
    };
    let config: Value = serde_json::from_slice(bytes).unwrap();
    let peers = json!([{"url": "http://demo-node0:9001"}, {"url": "http://192.0.2.7:31001"}]);
    assert_eq!(config["peer"], peers);
}

#[test]
fn the_configuration_names_every_node_and_no_key() {
    let config = config(3, IMAGE.1, true).unwrap();
    let peers: Vec<&str> = config["peer"]
        .as_array()
        .unwrap()
        .iter()
        .map(|peer| peer["url"].as_str().unwrap())
        .collect();
    assert_eq!(
        peers,
        [
            "http://demo-node0:9001",
            "http://demo-node1:9001",
            "http://demo-node2:9001"
        ]
    );
    assert_eq!(config["features"]["enablePrivacyEnhancements"], true);
    let servers = config["serverConfigs"].as_array().unwrap();
    assert_eq!(servers[1]["serverAddress"], "unix:/run/quorum/tm.ipc");
    assert_eq!(servers[2]["serverAddress"], "http://%TESSERA_HOST%:9001");
    assert_eq!(servers[2]["bindingAddress"], "http://0.0.0.0:9001");
    assert_eq!(
        config["keys"]["keyData"][0]["privateKeyPath"],
        "/etc/quorum/keys/tm.key"
    );
}

#[test]
fn versions_decide_on_shape_and_enhancements_and_must_be_known() {
    assert!(
        config(1, "t:0.7.3", false)
            .unwrap()
            .get("serverConfigs")
            .is_none()
    );
    let fault = config(1, "t:0.10.6", true).unwrap_err();
    assert!(fault[0].message.contains("knows no privacy enhancements"));
    let fault = config(1, "t:latest", true).unwrap_err();
    assert_eq!(fault[0].path, "/version");
    assert!(
        fault[0]
            .hint
            .as_ref()
            .unwrap()
            .contains("--privacy-version")
    );
    for (image, enhanced) in [("t:0.10.6", false), ("t:10.0.0", true), ("t:24.4.2", true)] {
        let call = TestHost::call(CHAIN, PRIVACY, &json!({}), &[("tessera", image)]);
        let configured = session(1).configure(&TestHost::new().at(&call)).unwrap();
        let facts: PrivacyChain = from_str(&configured.facts).unwrap();
        assert_eq!(facts.privacy_enhancements, enhanced, "{image}");
    }
}

#[test]
fn a_nodes_pod_is_the_same_whoever_else_there_is_and_its_key_goes_by_reference() {
    let rendered = |nodes: u32| {
        let call = TestHost::call("node/node0", PRIVACY, &json!({}), &[IMAGE]);
        session(nodes).render(&host(true).at(&call)).unwrap()
    };
    let three = rendered(3);
    assert_eq!(three, rendered(4));
    assert!(three.files.is_empty());
    let keys = three
        .bindings
        .iter()
        .filter_map(|binding| match &binding.source {
            Source::File(from) if from.name == KEY => Some(from.subject.as_str()),
            _ => None,
        });
    assert_eq!(keys.collect::<Vec<_>>(), ["node/node0"]);
}

#[test]
fn the_script_puts_the_nodes_name_in_and_takes_an_old_socket_away() {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("tessera.sh"), include_str!("tessera.sh")).unwrap();
    fs::write(at("template"), "{\"url\": \"http://%TESSERA_HOST%:9001\"}").unwrap();
    fs::write(at("socket"), "").unwrap();
    fs::write(at("program"), "#!/bin/sh\necho \"$*\"\n").unwrap();
    fs::set_permissions(at("program"), fs::Permissions::from_mode(0o755)).unwrap();
    let run = || {
        let mut command = std::process::Command::new("sh");
        command
            .arg(at("tessera.sh"))
            .env("TESSERA_HOST", "demo-node1.ns");
        for (name, file) in [
            ("CHAIN_TEMPLATE", "template"),
            ("CHAIN_CONFIG", "config"),
            ("CHAIN_SOCKET", "socket"),
            ("TESSERA_PROGRAM", "program"),
        ] {
            command.env(name, at(file));
        }
        command.output().unwrap()
    };
    let output = run();
    let told = format!("-configfile {}\n", at("config").display());
    assert_eq!(String::from_utf8_lossy(&output.stdout), told);
    assert!(!at("socket").exists());
    let config = fs::read_to_string(at("config")).unwrap();
    assert_eq!(config, "{\"url\": \"http://demo-node1.ns:9001\"}");
    fs::remove_file(at("template")).unwrap();
    assert!(!run().status.success());
}
