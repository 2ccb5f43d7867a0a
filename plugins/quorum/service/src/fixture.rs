//! Chains for the tests of the plugins: nodes in a topology, and the keys of the published vectors about them.

use chain_plugin_sdk::{Endpoint, Request, Subject, TestHost, Topology};
use quorum_formats::node_key::NodeKey;
use serde_json::{Value, json};

use crate::facts::{ClientFacts, text};
use crate::{CHAIN, CLIENT, RELEASE, STACK};

/// When the chain of [`topology`] was born.
pub const BORN: u64 = 1_700_000_000_000;

/// The chain and its nodes; `late` of them came after its birth.
pub fn topology(nodes: u32, late: u32) -> Topology {
    let mut subjects = vec![Subject {
        id: CHAIN.to_owned(),
        kind: CHAIN.to_owned(),
        name: "demo".to_owned(),
        parent: None,
        ordinal: 0,
        born_ms: BORN,
        foreign: false,
        cluster: String::new(),
        namespace: "ns".to_owned(),
        workload: None,
        endpoints: Vec::new(),
        folder: "quorum/demo".to_owned(),
        extra: "{}".to_owned(),
    }];
    subjects.extend((0..nodes).map(|ordinal| node(ordinal, ordinal + late >= nodes)));
    Topology {
        chain: "demo".to_owned(),
        stack: STACK.to_owned(),
        release: RELEASE.to_owned(),
        subjects,
        host_features: Vec::new(),
        extra: json!({"services": [
            {"role": CLIENT, "instance": CLIENT, "plugin": "goquorum", "ports": [
                {"name": "rpc", "number": 8545, "reach": "clients", "purpose": "rpc"},
            ]},
        ]})
        .to_string(),
    }
}

/// One node.
pub fn node(ordinal: u32, late: bool) -> Subject {
    let endpoint = |port: &str, number: u16| Endpoint {
        port: port.to_owned(),
        service: format!("demo-node{ordinal}"),
        number,
        outside: None,
    };
    Subject {
        id: format!("node/node{ordinal}"),
        kind: "node".to_owned(),
        name: format!("node{ordinal}"),
        parent: Some(CHAIN.to_owned()),
        ordinal,
        born_ms: BORN + u64::from(late),
        foreign: false,
        cluster: String::new(),
        namespace: "ns".to_owned(),
        workload: Some(format!("statefulset/demo-node{ordinal}")),
        endpoints: vec![
            endpoint("p2p", 30303),
            endpoint("rpc", 8545),
            endpoint("ws", 8546),
            endpoint("tm", 9001),
            endpoint("tm-third-party", 9080),
            endpoint("metrics", 6060),
        ],
        folder: format!("quorum/demo/node{ordinal}"),
        extra: json!({"from": format!("/nodes/{ordinal}")}).to_string(),
    }
}

/// A chain with a pod beside its nodes, whose kind is its name.
pub fn beside(nodes: u32, role: &str) -> Topology {
    let mut topology = topology(nodes, 0);
    let mut pod = node(9, false);
    (pod.id, pod.kind) = (format!("{role}/{role}"), role.to_owned());
    topology.subjects.push(pod);
    topology
}

/// A chain of three nodes, of which two are another party's: one is reached from outside at `address` on `port` and has no
/// other port, the last one has none at all.
pub fn parties(port: &str, address: &str) -> Topology {
    let mut topology = topology(3, 0);
    for (index, subject) in topology.subjects.iter_mut().skip(2).enumerate() {
        subject.foreign = true;
        subject.endpoints.retain(|it| it.port == port && index == 0);
        for endpoint in &mut subject.endpoints {
            endpoint.outside = Some(address.to_owned());
        }
    }
    topology
}

/// What an operation of a role is started with.
pub fn request(role: &str, operation: &str, subject: &str, args: &Value) -> Request {
    Request {
        operation: operation.to_owned(),
        subject: subject.to_owned(),
        role: role.to_owned(),
        instance: role.to_owned(),
        options: "{}".to_owned(),
        args: args.to_string(),
        files: Vec::new(),
        now_ms: 0,
        seed: Vec::new(),
    }
}

/// The published key number `index`.
pub fn key(index: u32) -> NodeKey {
    let all: Value = serde_json::from_str(include_str!(
        "../../../../tests/fixtures/quorum/vectors.json"
    ))
    .unwrap_or_default();
    let place = usize::try_from(index).unwrap_or_default();
    let text = all
        .pointer(&format!("/nodekeys/{place}/nodekey_hex"))
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    match NodeKey::parse(&text) {
        Ok(key) => key,
        Err(fault) => unreachable!("vector {index}: {fault}"),
    }
}

/// What the client says about node number `index`: its node key is that vector's, its account the one after.
pub fn client(index: u32) -> ClientFacts {
    let node = key(index);
    ClientFacts {
        node_id: node.id().to_string(),
        node_address: node.address().to_string(),
        account_address: Some(key(index + 1).address().to_string()),
        enode: format!(
            "enode://{}@demo-node{index}:30303?discport=0&raftport=50401",
            node.id()
        ),
    }
}

/// A host that knows the client's facts about so many nodes.
pub fn host(nodes: u32) -> TestHost {
    (0..nodes).fold(TestHost::new(), |host, index| {
        let facts = serde_json::from_str(&text(&client(index))).unwrap_or_default();
        host.fact(&format!("node/node{index}"), CLIENT, &facts)
    })
}
