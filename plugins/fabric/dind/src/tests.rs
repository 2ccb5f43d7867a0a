//! What a daemon is told, who may reach it, and what its pod asks permission for.

use super::*;
use chain_plugin_sdk::{Call, Content, Place, Source, TestHost};
use fabric_service::fixture::{ROLES, Size, another, topology};
use serde_json::from_str;

const DOCKER: &str = "docker/docker.org1";

fn call(options: &Value) -> Call {
    TestHost::call(DOCKER, role::CHAINCODE, options, &[(CONTAINER, "docker:1")])
}

fn network(peers: u32) -> Topology {
    let size = Size {
        peers,
        ..Size::default()
    };
    let mut all = topology(Release::V1_4, size, &ROLES);
    let docker = another(
        (kind::DOCKER, "docker.org1"),
        "org/org1",
        "org1",
        "docker",
        &[(port::DOCKER, PORT)],
    );
    all.subjects.push(docker);
    all
}

fn render(all: Topology, options: &Value) -> Rendered {
    let call = call(options);
    Dind::open(all)
        .unwrap()
        .render(&TestHost::new().at(&call))
        .unwrap()
}

fn container(rendered: &Rendered, name: &str) -> Value {
    let pods = rendered
        .fragments
        .iter()
        .filter(|it| matches!(it.place, Place::Pod));
    let all = pods.flat_map(|it| {
        let pod: Value = from_str(&it.body).unwrap();
        pod["spec"]["containers"].as_array().unwrap().clone()
    });
    let mut found: Vec<Value> = all.filter(|it| it["name"] == name).collect();
    assert_eq!(found.len(), 1, "{name}");
    found.remove(0)
}

fn policy_of(rendered: &Rendered) -> Value {
    let mut objects = rendered
        .fragments
        .iter()
        .filter(|it| matches!(it.place, Place::Object(None)));
    from_str(&objects.next().unwrap().body).unwrap()
}

#[test]
fn the_daemon_listens_without_tls_and_keeps_its_data() {
    let rendered = render(network(2), &json!({}));
    let docker = container(&rendered, CONTAINER);
    assert_eq!(
        docker["args"],
        json!([
            "dockerd",
            "--host=unix:///var/run/docker.sock",
            "--host=tcp://0.0.0.0:2375",
            "--tls=false"
        ])
    );
    assert_eq!(
        docker["readinessProbe"]["httpGet"],
        json!({"path": "/_ping", "port": "docker"})
    );
    let volume = |path: &str| {
        let found = rendered
            .bindings
            .iter()
            .find(|it| matches!(&it.target, chain_plugin_sdk::Target::Path(at) if at == path));
        match &found.unwrap().source {
            Source::Volume((volume, folder)) => (volume.clone(), folder.clone()),
            Source::File(_) => panic!("no volume"),
        }
    };
    assert_eq!(
        volume("/var/lib/docker"),
        ("docker-data".to_owned(), "docker".to_owned())
    );
    let facts = Dind::open(network(1))
        .unwrap()
        .provision(&TestHost::new().at(&call(&json!({}))))
        .unwrap();
    assert_eq!(facts.facts, r#"{"kind":"docker"}"#);
}

#[test]
fn options_are_the_daemons_own_words() {
    let options = json!({
        "registryMirrors": ["https://mirror.example"], "insecureRegistries": ["registry.example:5000"],
        "dns": ["10.96.0.10", "192.0.2.1"], "dnsSearch": ["org1.svc.cluster.local"], "dnsOptions": ["ndots:2"],
        "mtu": 1400,
    });
    let rendered = render(network(1), &options);
    let args = container(&rendered, CONTAINER)["args"].clone();
    assert_eq!(
        args.as_array().unwrap()[4..],
        [
            "--registry-mirror=https://mirror.example",
            "--insecure-registry=registry.example:5000",
            "--dns=10.96.0.10",
            "--dns=192.0.2.1",
            "--dns-search=org1.svc.cluster.local",
            "--dns-opt=ndots:2",
            "--mtu=1400",
        ]
    );
}

#[test]
fn only_the_daemon_is_privileged_and_all_of_it_must_be_granted() {
    let rendered = render(network(1), &json!({}));
    let context = container(&rendered, CONTAINER)["securityContext"].clone();
    assert_eq!(context["privileged"], true);
    // What the host would fill in, and what would leave the daemon without capabilities.
    assert_ne!(context["capabilities"]["drop"], json!(["ALL"]));
    assert!(
        context["capabilities"]["drop"]
            .as_array()
            .is_some_and(|it| !it.is_empty())
    );
    assert_eq!(
        Dind::descriptor().permissions,
        ["privileged", "root", "capabilities"]
    );
    let beside = container(&rendered, SUPERVISOR);
    assert_eq!(
        beside["securityContext"],
        json!({"readOnlyRootFilesystem": true})
    );
    assert_eq!(beside["image"], "docker:1");
    assert!(rendered.notes[0].message.contains("root on its node"));
}

#[test]
fn a_policy_lets_in_the_peers_of_the_organisation_and_nobody_else() {
    let policy = policy_of(&render(network(2), &json!({})));
    assert_eq!(policy["metadata"], json!({"name": "demo-docker-peers"}));
    assert_eq!(policy["spec"]["policyTypes"], json!(["Ingress"]));
    assert_eq!(
        policy["spec"]["ingress"],
        json!([{
            "from": [{"podSelector": {"matchExpressions": [
                {"key": "chain.dev/workload", "operator": "In", "values": ["demo-peer0", "demo-peer1"]},
            ]}}],
            "ports": [{"protocol": "TCP", "port": 2375}],
        }])
    );
    let mut elsewhere = network(2);
    for subject in elsewhere
        .subjects
        .iter_mut()
        .filter(|it| it.id == "peer/peer1.org1")
    {
        subject.namespace = "other".to_owned();
    }
    let policy = policy_of(&render(elsewhere, &json!({})));
    let from = &policy["spec"]["ingress"][0]["from"][0]["podSelector"]["matchExpressions"][0];
    assert_eq!(from["values"], json!(["demo-peer0"]));
    // No peer: an empty list lets nobody in, where none at all would say nothing.
    assert_eq!(
        policy_of(&render(network(0), &json!({})))["spec"]["ingress"],
        json!([])
    );
}

#[test]
fn a_peer_more_changes_a_file_that_is_read_again_and_no_pod() {
    let (one, two) = (
        render(network(1), &json!({})),
        render(network(2), &json!({})),
    );
    for name in [CONTAINER, SUPERVISOR] {
        assert_eq!(container(&one, name), container(&two, name));
    }
    let live = two
        .bindings
        .iter()
        .find(|it| it.delivery == Delivery::Live)
        .unwrap();
    assert!(matches!(&live.source, Source::File(from) if from.name == PEERS));
    let Content::Bytes(names) = &two.files[1].content else {
        panic!("no bytes")
    };
    assert_eq!(
        std::str::from_utf8(names).unwrap(),
        "peer0.org1\npeer1.org1\n"
    );
}

/// A container is called after what its peer is told to be, which is its host: that is its name only where an organisation
/// has a namespace of that name for itself.
#[test]
fn the_supervisor_knows_peers_by_what_their_containers_are_called_after() {
    let mut all = network(1);
    for subject in all
        .subjects
        .iter_mut()
        .filter(|it| it.id == "peer/peer0.org1")
    {
        let about = fabric_service::extra::Node {
            host: "demo-peer0-org1.home".to_owned(),
            ..Default::default()
        };
        subject.extra = serde_json::to_string(&about).unwrap();
    }
    let rendered = render(all, &json!({}));
    let Content::Bytes(names) = &rendered.files[1].content else {
        panic!("no bytes")
    };
    assert_eq!(
        std::str::from_utf8(names).unwrap(),
        "demo-peer0-org1.home\n"
    );
}
