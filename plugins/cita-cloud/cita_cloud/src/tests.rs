//! The stack as a whole: what it renders for the chain and for a node.

use chain_plugin_sdk::descriptor::Port;
use chain_plugin_sdk::serde_json::{self, Value, json};
use chain_plugin_sdk::spec::{ExpandSpec, NodeSpec, ServiceSpec};
use chain_plugin_sdk::{
    Call, Change, Content, Delivery, Diagnostic, Place, Plugin, Rendered, Source, Subject, Target,
    TestHost, Topology,
};
use std::collections::BTreeMap;

use crate::CitaCloud;
use crate::expand::expand;

/// 2021-04-16.
pub const BORN: u64 = 1_618_560_000_000;

fn service(role: &str, ports: &[(&str, u16, &str)]) -> ServiceSpec {
    ServiceSpec {
        role: role.to_owned(),
        instance: role.to_owned(),
        plugin: role.to_owned(),
        ports: ports
            .iter()
            .map(|(name, number, reach)| Port {
                name: (*name).to_owned(),
                number: *number,
                reach: (*reach).to_owned(),
                ..Port::default()
            })
            .collect(),
        ..ServiceSpec::default()
    }
}

pub fn services() -> Vec<ServiceSpec> {
    vec![
        service(
            "network",
            &[("network", 40000, "peers"), ("network-grpc", 50000, "pod")],
        ),
        service("consensus", &[("consensus", 50001, "pod")]),
        service("executor", &[("call", 50002, "clients")]),
        service("storage", &[("storage", 50003, "pod")]),
        service("controller", &[("rpc", 50004, "clients")]),
        service("kms", &[("kms", 50005, "pod")]),
    ]
}

pub fn spec(nodes: usize) -> ExpandSpec {
    ExpandSpec {
        chain: "test-chain".to_owned(),
        namespace: "default".to_owned(),
        nodes: vec![NodeSpec::default(); nodes],
        services: services(),
        ..ExpandSpec::default()
    }
}

fn topology(spec: &ExpandSpec) -> Topology {
    let subjects = expand(spec, &[], &BTreeMap::new(), BORN).unwrap();
    Topology {
        chain: spec.chain.clone(),
        stack: "cita-cloud".to_owned(),
        release: "v4.0.0".to_owned(),
        subjects,
        host_features: Vec::new(),
        extra: json!({"services": spec.services, "options": spec.options}).to_string(),
    }
}

fn call(subject: &str) -> Call {
    TestHost::call(
        subject,
        "stack",
        &json!({}),
        &[("syncthing", "syncthing:1")],
    )
}

/// A session with identities for all nodes.
fn session(spec: &ExpandSpec) -> (CitaCloud, TestHost) {
    let topology = topology(spec);
    let nodes: Vec<Subject> = topology
        .subjects
        .iter()
        .filter(|it| it.kind == "node")
        .cloned()
        .collect();
    let stack = CitaCloud::open(topology).unwrap();
    let mut host = TestHost::new();
    for node in &nodes {
        let born = stack.provision(&host.at(&call(&node.id))).unwrap();
        let facts: Value = serde_json::from_str(&born.facts).unwrap();
        host = host.fact(&node.id, "stack", &facts);
    }
    (stack, host)
}

fn render(spec: &ExpandSpec, subject: &str) -> Rendered {
    let (stack, host) = session(spec);
    stack.render(&host.at(&call(subject))).unwrap()
}

fn objects(rendered: &Rendered) -> BTreeMap<String, Value> {
    rendered
        .fragments
        .iter()
        .filter(|fragment| fragment.place != Place::Pod)
        .map(|fragment| serde_json::from_str::<Value>(&fragment.body).unwrap())
        .map(|object| {
            (
                format!("{}/{}", object["kind"], object["metadata"]["name"]).replace('"', ""),
                object,
            )
        })
        .collect()
}

fn pods(rendered: &Rendered) -> Vec<Value> {
    let pods = rendered
        .fragments
        .iter()
        .filter(|fragment| fragment.place == Place::Pod);
    pods.map(|pod| serde_json::from_str(&pod.body).unwrap())
        .collect()
}

#[test]
fn the_services_are_the_originals_but_for_the_gui() {
    let golden: Value = serde_json::from_str(include_str!(
        "../../../../tests/fixtures/cita-cloud/vectors.json"
    ))
    .unwrap();
    let golden = &golden["golden_seed_runner_k8s"]["scenarios"]["local"]["k8s"]["test-chain.yaml"];
    let chain = spec(3);
    let mut ours = objects(&render(&chain, "chain"));
    for node in 0..3 {
        ours.extend(objects(&render(&chain, &format!("node/node{node}"))));
    }
    let mut compared = 0;
    for theirs in golden
        .as_array()
        .unwrap()
        .iter()
        .filter(|object| object["kind"] == "Service")
    {
        let name = theirs["metadata"]["name"].as_str().unwrap();
        // Names must begin with the chain's.
        let name = match name.strip_prefix("executor-") {
            Some(node) => format!("{node}-executor"),
            None => name.to_owned(),
        };
        let ours = &ours[&format!("Service/{name}")]["spec"];
        let ports = |spec: &Value| -> BTreeMap<String, (Value, Value, Value)> {
            let ports = spec["ports"].as_array().unwrap().iter();
            ports
                .map(|port| {
                    let of = |key: &str| port.get(key).cloned().unwrap_or_default();
                    (
                        port["name"].as_str().unwrap().to_owned(),
                        (of("port"), of("targetPort"), of("nodePort")),
                    )
                })
                .collect()
        };
        let mut expected = ports(&theirs["spec"]);
        expected.remove("gui");
        assert_eq!(ports(ours), expected, "{name}");
        for (label, value) in theirs["spec"]["selector"].as_object().unwrap() {
            assert_eq!(&ours["selector"][label], value, "{name}");
        }
        assert_eq!(ours["selector"]["chain.dev/chain"], "test-chain");
        compared += 1;
    }
    assert_eq!(compared, 7);
}

#[test]
fn a_pod_shares_its_processes_and_carries_the_originals_labels() {
    let rendered = render(&spec(3), "node/node1");
    let frame = &pods(&rendered)[0];
    assert_eq!(frame["spec"]["shareProcessNamespace"], true);
    assert_eq!(
        frame["metadata"]["labels"],
        json!({"chain_name": "test-chain", "node_name": "test-chain-1"})
    );
    assert_eq!(
        frame["metadata"]["annotations"]["kubectl.kubernetes.io/default-container"],
        "controller"
    );
}

#[test]
fn the_file_exchange_runs_without_root_on_a_writable_configuration() {
    let rendered = render(&spec(1), "node/node0");
    let container = &pods(&rendered)[1]["spec"]["containers"][0];
    let words = container["command"].as_array().unwrap();
    let words: Vec<&str> = words.iter().map(|word| word.as_str().unwrap()).collect();
    assert_eq!(
        words.join(" "),
        "sh /opt/cita-cloud/run.sh --name syncthing --follow /etc/cita-cloud/config.xml:config/config.xml -- /bin/syncthing -home /var/syncthing/config -no-browser"
    );
    assert_eq!(container["image"], "syncthing:1");
    let bound = |path: &str| {
        let target = Target::Path(path.to_owned());
        rendered
            .bindings
            .iter()
            .find(|it| it.target == target)
            .unwrap_or_else(|| panic!("{path}"))
    };
    let config = bound("/var/syncthing/config/config.xml");
    assert_eq!(config.delivery, Delivery::SeedStart);
    let Source::File(of) = &config.source else {
        panic!("a volume")
    };
    assert_eq!(
        (of.role.as_str(), of.subject.as_str(), of.name.as_str()),
        ("stack", "chain", "config/config.xml")
    );
    // A node more reaches those that run, and rolls no pod.
    let now = bound("/etc/cita-cloud/config.xml");
    assert_eq!(
        (now.delivery, now.on_change, &now.source),
        (Delivery::Live, Change::Wait, &config.source)
    );
    assert_eq!(config.on_change, Change::Wait);
    for folder in ["blocks", "proposals", "txs", "tx_infos", "logs"] {
        bound(&format!("/var/syncthing/{folder}"));
        let file = rendered
            .files
            .iter()
            .find(|file| file.name == folder)
            .unwrap();
        assert_eq!(file.content, Content::Directory);
    }
    let Source::File(key) = &bound("/var/syncthing/config/key.pem").source else {
        panic!("a volume")
    };
    assert_eq!(key.name, "config/key.pem");
}

#[test]
fn the_probe_of_the_exchange_needs_no_program_that_only_some_images_have() {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    let rendered = render(&spec(1), "node/node0");
    let container = &pods(&rendered)[1]["spec"]["containers"][0];
    // The kernel's tables of connections, from here.
    let words: Vec<String> = container["readinessProbe"]["exec"]["command"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| {
            let word = word.as_str().unwrap();
            word.replace("/proc/net/tcp /proc/net/tcp6", "-")
        })
        .collect();
    let passes = |line: &str| {
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        writeln!(child.stdin.take().unwrap(), "{line}").unwrap();
        child.wait().unwrap().success()
    };
    let rest = "00000000:00000000 00:00000000 00000000  1000        0 1486698 1";
    assert!(passes(&format!(
        "   0: 0100007F:20C0 00000000:0000 0A {rest}"
    )));
    // Another port, and a connection to the port of somebody else.
    assert!(!passes(&format!(
        "   1: 0100007F:C350 00000000:0000 0A {rest}"
    )));
    assert!(!passes(&format!(
        "   2: 0100007F:C351 0100007F:20C0 01 {rest}"
    )));
}

#[test]
fn one_configuration_names_the_device_of_every_node() {
    let chain = spec(3);
    let (stack, host) = session(&chain);
    let rendered = stack.render(&host.at(&call("chain"))).unwrap();
    let file = rendered
        .files
        .iter()
        .find(|file| file.name == "config/config.xml")
        .unwrap();
    let Content::Bytes(bytes) = &file.content else {
        panic!("no bytes")
    };
    let text = std::str::from_utf8(bytes).unwrap();
    for node in 0..3 {
        let facts = stack
            .provision(&host.at(&call(&format!("node/node{node}"))))
            .unwrap();
        assert!(!facts.keep.is_empty(), "the test host kept nothing");
        assert!(
            text.contains(&format!("<address>tcp://test-chain-{node}:22000</address>")),
            "{text}"
        );
    }
    assert!(rendered.files.iter().any(|file| file.name == "run.sh"));
}

#[test]
fn an_identity_is_born_once() {
    let stack = CitaCloud::open(topology(&spec(1))).unwrap();
    let host = TestHost::new();
    let born = stack.provision(&host.at(&call("node/node0"))).unwrap();
    let secret: Vec<(&str, bool)> = born
        .keep
        .iter()
        .map(|item| (item.name.as_str(), item.secret))
        .collect();
    assert_eq!(
        secret,
        [
            ("config/cert.pem", false),
            ("config/key.pem", true),
            ("device_id", false)
        ]
    );
    let public: Vec<_> = born
        .keep
        .iter()
        .filter(|item| !item.secret)
        .cloned()
        .collect();
    let host = host.kept("node/node0", "stack", &public);
    let again = stack.provision(&host.at(&call("node/node0"))).unwrap();
    assert_eq!((again.keep.len(), again.facts), (0, born.facts));
}

#[test]
fn the_network_policy_opens_what_others_need_and_no_more() {
    let policy = |chain: &ExpandSpec| {
        objects(&render(chain, "chain"))
            .remove("NetworkPolicy/test-chain-nodes")
            .unwrap()
    };
    let open = policy(&spec(3));
    let ports = |rule: &Value| -> Vec<u64> {
        rule["ports"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["port"].as_u64().unwrap())
            .collect()
    };
    let ingress = open["spec"]["ingress"].as_array().unwrap();
    assert_eq!(ports(&ingress[0]), [40000, 22000]);
    assert_eq!(
        ingress[0]["from"][0]["podSelector"]["matchLabels"]["chain_name"],
        "test-chain"
    );
    assert_eq!(ports(&ingress[1]), [50004, 50002]);
    assert!(ingress[1].get("from").is_none());
    let mut quiet = spec(3);
    quiet.options = json!({"exposeExecutor": false});
    let quiet = policy(&quiet);
    assert_eq!(ports(&quiet["spec"]["ingress"][1]), [50004]);
}

#[test]
fn a_chain_too_large_for_node_ports_says_so_and_is_reached_inside() {
    let rendered = render(&spec(1), "chain");
    assert_eq!(rendered.notes, []);
    assert_eq!(rendered.claims, ["nodeport//30004"]);
    // 553 identities take long to make; the port leaves room for as little.
    let mut high = spec(2);
    high.expose = json!({"port": 32760});
    let rendered = render(&high, "chain");
    assert!(rendered.notes[0].message.contains("32760 to 32770"));
    let services = objects(&rendered);
    let service = &services["Service/test-chain-node-port"]["spec"];
    assert_eq!(service["type"], "ClusterIP");
    assert!(service["ports"][0].get("nodePort").is_none());
}

#[test]
fn validators_without_a_node_are_told_with_what_a_block_needs_now() {
    let told = |nodes: usize, validators: Option<usize>| {
        let (stack, host) = session(&spec(nodes));
        let mut facts = json!({"chainId": "0x1", "blockInterval": 3, "genesisHash": "0x0"});
        if let Some(validators) = validators {
            facts["validators"] = json!(validators);
        }
        let host = host.fact("chain", "controller", &facts);
        let rendered = stack.render(&host.at(&call("chain"))).unwrap();
        let gone = |it: &Diagnostic| it.code == "validators-gone";
        let note = rendered.notes.into_iter().find(gone)?;
        Some(note.message)
    };
    assert_eq!(told(4, Some(4)), None);
    assert_eq!(told(4, None), None);
    assert_eq!(told(5, Some(4)), None);
    let message = told(3, Some(4)).unwrap();
    assert!(
        message.starts_with("1 of the 4 validators")
            && message.ends_with("a block needs 3 of the 3 nodes that are left"),
        "{message}"
    );
    let message = told(2, Some(4)).unwrap();
    assert!(
        message.ends_with("2 are left: the chain stands still"),
        "{message}"
    );
}

#[test]
fn the_descriptor_says_who_fills_which_role_and_what_they_give() {
    let descriptor = CitaCloud::descriptor();
    let roles = &descriptor.releases["v4.0.0"].roles;
    let names: Vec<&str> = roles.iter().map(|role| role.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "network",
            "consensus",
            "executor",
            "storage",
            "controller",
            "kms"
        ]
    );
    assert!(
        roles
            .iter()
            .all(|role| role.facts.contains_key("node") && !role.default.is_empty())
    );
    assert_eq!(descriptor.rollout[0].max_unavailable, "minority");
}
