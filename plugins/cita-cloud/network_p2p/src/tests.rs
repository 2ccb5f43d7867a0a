//! The golden peer lists, and a key that is born once.

use super::*;
use chain_plugin_sdk::serde_json::{Value, from_str, json};
use chain_plugin_sdk::{Binding, Content, Endpoint, Source, Subject, Target, TestHost};

const VECTORS: &str = include_str!("../../../../tests/fixtures/cita-cloud/vectors.json");

fn node(ordinal: u32) -> Subject {
    Subject {
        id: format!("node/node{ordinal}"),
        kind: "node".to_owned(),
        name: format!("node{ordinal}"),
        parent: Some("chain".to_owned()),
        ordinal,
        born_ms: 0,
        foreign: false,
        cluster: String::new(),
        namespace: "default".to_owned(),
        workload: Some(format!("statefulset/test-chain-{ordinal}")),
        endpoints: vec![Endpoint {
            port: "network".to_owned(),
            service: format!("test-chain-{ordinal}"),
            number: 40000,
            outside: None,
        }],
        folder: String::new(),
        extra: "{}".to_owned(),
    }
}

fn network(nodes: u32) -> Network {
    Network::open(Topology {
        chain: "test-chain".to_owned(),
        stack: "cita-cloud".to_owned(),
        release: "v4.0.0".to_owned(),
        subjects: (0..nodes).map(node).collect(),
        host_features: Vec::new(),
        extra: "{}".to_owned(),
    })
    .unwrap()
}

fn rendered(nodes: u32, of: u32) -> Rendered {
    let host = TestHost::new();
    let call = TestHost::call(&format!("node/node{of}"), "network", &json!({}), &[]);
    network(nodes).render(&host.at(&call)).unwrap()
}

fn config(rendered: &Rendered) -> &str {
    let file = rendered
        .files
        .iter()
        .find(|file| file.name == "network-config.toml")
        .unwrap();
    let Content::Bytes(bytes) = &file.content else {
        panic!("no bytes")
    };
    std::str::from_utf8(bytes).unwrap()
}

fn bound<'a>(rendered: &'a Rendered, path: &str) -> &'a Binding {
    let target = Target::Path(path.to_owned());
    let mut all = rendered.bindings.iter();
    all.find(|it| it.target == target).unwrap()
}

#[test]
fn golden_peer_lists() {
    let vectors: Value = from_str(VECTORS).unwrap();
    let files = &vectors["golden_seed_runner_k8s"]["scenarios"]["local"]["files"];
    for of in 0..3 {
        let path = format!("cita-cloud/test-chain/node{of}/network-config.toml");
        assert_eq!(Some(config(&rendered(3, of))), files[path].as_str());
    }
}

#[test]
fn a_node_alone_says_that_it_has_no_peers() {
    assert_eq!(config(&rendered(1, 0)), "port = 40000\npeers = []\n");
}

#[test]
fn a_new_peer_does_not_restart_the_others() {
    let rendered = rendered(2, 0);
    let binding = bound(&rendered, "/data/network-config.toml");
    assert_eq!(
        (binding.delivery, binding.on_change),
        (Delivery::SeedStart, Change::Wait)
    );
}

#[test]
fn a_container_that_starts_anew_reads_the_peers_of_today() {
    let rendered = rendered(2, 0);
    let binding = bound(&rendered, "/etc/cita-cloud/network-config.toml");
    assert_eq!(
        (binding.delivery, binding.on_change),
        (Delivery::Live, Change::Wait)
    );
    assert!(
        rendered.fragments[0]
            .body
            .contains(r#""--fresh","/etc/cita-cloud/network-config.toml:network-config.toml""#)
    );
}

#[test]
fn the_key_is_mounted_where_the_command_reads_it() {
    let rendered = rendered(1, 0);
    let binding = bound(&rendered, "/network/network-key");
    assert_eq!(binding.delivery, Delivery::Mounted);
    let Source::File(of) = &binding.source else {
        panic!("a volume")
    };
    assert_eq!(
        (of.role.as_str(), of.name.as_str()),
        ("network", "network-key")
    );
    assert!(
        rendered.fragments[0]
            .body
            .contains(r#""-k","/network/network-key""#)
    );
}

#[test]
fn a_key_is_born_once_and_known_by_its_public_half() {
    let call = TestHost::call("node/node0", "network", &json!({}), &[]);
    let host = TestHost::new();
    let born = network(1).provision(&host.at(&call)).unwrap();
    assert_eq!(
        (born.keep[0].name.as_str(), born.keep[0].secret),
        (KEY, true)
    );
    assert_eq!(born.keep[0].bytes.len(), 66);
    assert!(born.keep[0].bytes.starts_with(b"0x"));
    let host = TestHost::new().kept("node/node0", "network", &born.keep[1..]);
    let again = network(1).provision(&host.at(&call)).unwrap();
    assert_eq!((again.keep.len(), &again.facts), (0, &born.facts));
    let facts: NetworkFacts = from_str(&again.facts).unwrap();
    assert_eq!((facts.grpc_port, facts.p2p_port), (50000, 40000));
}
