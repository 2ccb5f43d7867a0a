//! The golden genesis and configuration, who votes, and what would keep a chain at height 0.

use super::*;
use chain_plugin_sdk::serde_json::{Value, from_str, json};
use chain_plugin_sdk::{Call, Content, Source, Subject, Target, TestHost};

const VECTORS: &str = include_str!("../../../../tests/fixtures/cita-cloud/vectors.json");

/// 2021-04-16.
const BORN: u64 = 1_618_560_000_000;

fn subject(id: &str, kind: &str, ordinal: u32, born_ms: u64) -> Subject {
    Subject {
        id: id.to_owned(),
        kind: kind.to_owned(),
        name: id.rsplit('/').next().unwrap().to_owned(),
        parent: None,
        ordinal,
        born_ms,
        foreign: false,
        cluster: String::new(),
        namespace: "default".to_owned(),
        workload: None,
        endpoints: Vec::new(),
        folder: String::new(),
        extra: "{}".to_owned(),
    }
}

/// A chain of three, and a node that came later and stands first in the list.
fn controller(stack_options: &Value) -> Controller {
    let mut subjects = vec![
        subject("node/late", "node", 3, BORN + 1),
        subject("chain", "chain", 0, BORN),
        subject(SUPER_ADMIN, "account", 0, BORN),
    ];
    subjects.extend(
        (0..3)
            .rev()
            .map(|i| subject(&format!("node/node{i}"), "node", i, BORN)),
    );
    Controller::open(Topology {
        chain: "test-chain".to_owned(),
        stack: "cita-cloud".to_owned(),
        release: "v4.0.0".to_owned(),
        subjects,
        host_features: Vec::new(),
        extra: json!({"options": stack_options}).to_string(),
    })
    .unwrap()
}

fn golden(file: &str) -> String {
    let vectors: Value = from_str(VECTORS).unwrap();
    let files = &vectors["golden_seed_runner_k8s"]["scenarios"]["local"]["files"];
    let text = files[format!("cita-cloud/test-chain/node0/{file}")]
        .as_str()
        .unwrap();
    text.replace("<now in ms>", &BORN.to_string())
}

/// The golden addresses: of the nodes, then of the admin.
fn addresses() -> Vec<String> {
    let text = golden("init_sys_config.toml");
    let quoted: Vec<&str> = text.split('"').skip(1).step_by(2).collect();
    let (admin, nodes) = (quoted[1], &quoted[2..]);
    nodes
        .iter()
        .chain([&admin])
        .map(|address| (*address).to_owned())
        .collect()
}

fn host() -> TestHost {
    let addresses = addresses();
    let kms = |address: &str| json!({"address": address, "keyId": 1, "grpcPort": 50005});
    let mut host = TestHost::new().fact(SUPER_ADMIN, "kms", &kms(&addresses[3]));
    for (node, address) in addresses.iter().take(3).enumerate() {
        host = host.fact(&format!("node/node{node}"), "kms", &kms(address));
    }
    let node = "node/node0";
    host.fact(
        node,
        "network",
        &json!({"grpcPort": 50000, "p2pPort": 40000}),
    )
    .fact(node, "consensus", &json!({"grpcPort": 50001}))
    .fact(node, "executor", &json!({"grpcPort": 50002}))
    .fact(node, "storage", &json!({"grpcPort": 50003}))
}

fn call(subject: &str, options: &Value) -> Call {
    TestHost::call(subject, "controller", options, &[("controller", "c:1")])
}

fn configure(options: &Value, stack_options: &Value) -> Result<Configured, Diagnostics> {
    let host = host();
    controller(stack_options).configure(&host.at(&call("chain", options)))
}

fn file(configured: &Configured, name: &str) -> String {
    let file = configured
        .files
        .iter()
        .find(|file| file.name == name)
        .unwrap();
    String::from_utf8(file.bytes.clone()).unwrap()
}

#[test]
fn golden_genesis_and_system_configuration() {
    let configured = configure(&json!({}), &Value::Null).unwrap();
    assert_eq!(file(&configured, "genesis.toml"), golden("genesis.toml"));
    // Also: validators in node order, without the one that came later.
    assert_eq!(
        file(&configured, "init_sys_config.toml"),
        golden("init_sys_config.toml")
    );
}

#[test]
fn the_fingerprint_is_the_hash_of_block_zero() {
    let configured = configure(&json!({}), &Value::Null).unwrap();
    let facts: ChainFacts = from_str(&configured.facts).unwrap();
    assert_eq!(
        configured.fingerprint.as_deref(),
        Some(facts.genesis_hash.as_str())
    );
    assert_eq!(facts.genesis_hash, Genesis::new(BORN).block_hash_text());
    assert_eq!(facts.block_interval, 6);
    let other = configure(&json!({"genesisTimestamp": BORN + 1}), &Value::Null).unwrap();
    assert_ne!(other.fingerprint, configured.fingerprint);
}

#[test]
fn options_reach_the_genesis() {
    let prevhash = format!("0x{}", "ab".repeat(32));
    let options =
        json!({"genesisTimestamp": 7, "prevhash": prevhash, "blockInterval": 3, "chainId": "name"});
    let admin = "0x88b3fd84e3b10ac04cd04def0876cb513452c74e";
    let configured = configure(&options, &json!({"superAdmin": admin})).unwrap();
    assert_eq!(
        file(&configured, "genesis.toml"),
        format!("timestamp = 7\nprevhash = \"{prevhash}\"\n")
    );
    let written = file(&configured, "init_sys_config.toml");
    assert!(
        written.contains(&format!("admin = \"{admin}\"\nblock_interval = 3\n")),
        "{written}"
    );
    let id = cita_cloud_formats::chain_id::ChainId::of_name("test-chain").to_string();
    assert!(written.contains(&id));
}

#[test]
fn what_the_controller_would_silently_cut_is_refused() {
    for (options, path) in [
        (json!({"prevhash": "ab".repeat(33)}), "/prevhash"),
        (json!({"chainId": "ab".repeat(33)}), "/chainId"),
    ] {
        assert_eq!(configure(&options, &Value::Null).unwrap_err()[0].path, path);
    }
}

#[test]
fn a_block_delay_is_refused_with_its_reason_in_every_phase() {
    let controller = controller(&Value::Null);
    let host = host();
    let options = json!({"blockDelayNumber": 1});
    let (chain, node) = (call("chain", &options), call("node/node0", &options));
    let faults = [
        controller.provision(&host.at(&node)).unwrap_err(),
        controller.configure(&host.at(&chain)).unwrap_err(),
        controller.render(&host.at(&node)).unwrap_err(),
    ];
    for fault in faults {
        assert_eq!(fault[0].path, "/blockDelayNumber");
        assert!(
            fault[0].message.contains("height 0"),
            "{}",
            fault[0].message
        );
    }
}

#[test]
fn golden_configuration_of_a_node() {
    let host = host();
    let rendered = controller(&Value::Null)
        .render(&host.at(&call("node/node0", &json!({}))))
        .unwrap();
    let file = rendered
        .files
        .iter()
        .find(|file| file.name == "controller-config.toml")
        .unwrap();
    assert_eq!(
        file.content,
        Content::Bytes(golden("controller-config.toml").into_bytes())
    );
}

#[test]
fn it_starts_last_and_binds_what_the_kms_and_the_chain_made() {
    let host = host();
    let rendered = controller(&Value::Null)
        .render(&host.at(&call("node/node0", &json!({}))))
        .unwrap();
    let pod = &rendered.fragments[0].body;
    for after in [
        "network:50000",
        "consensus:50001",
        "executor:50002",
        "storage:50003",
        "kms:50005",
    ] {
        assert!(pod.contains(&format!(r#""--after","{after}""#)), "{after}");
    }
    for folder in FOLDERS {
        assert!(
            pod.contains(&format!(r#""--folder","{folder}""#)),
            "{folder}"
        );
    }
    for (path, role, subject) in [
        ("/data/genesis.toml", "controller", "chain"),
        ("/data/init_sys_config.toml", "controller", "chain"),
        ("/data/key_id", "kms", "node/node0"),
        ("/data/node_address", "kms", "node/node0"),
    ] {
        let target = Target::Path(path.to_owned());
        let binding = rendered
            .bindings
            .iter()
            .find(|it| it.target == target)
            .unwrap();
        let Source::File(of) = &binding.source else {
            panic!("a volume")
        };
        assert_eq!(
            (of.role.as_str(), of.subject.as_str()),
            (role, subject),
            "{path}"
        );
    }
}
