//! Networks for the tests of the plugins: an ordering organisation and two with peers, a channel, a chaincode.

use chain_plugin_sdk::{Endpoint, Place, Rendered, Source, Subject, Target, Topology};
use serde::Serialize;
use serde_json::{Value, json};

use crate::extra::{Chaincode, Channel, Node, Org, Server, User};
use crate::{CHAIN, Release, STACK, kind, port, role};

/// When the network was born, in milliseconds since 1970.
pub const BORN: u64 = 1_750_000_000_000;

/// How many there are of what.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Orderers of the organisation `orderer`.
    pub orderers: u32,
    /// Organisations `org1`, `org2`, ... with peers.
    pub orgs: u32,
    /// Peers of each.
    pub peers: u32,
    /// Brokers, and as many members of their ensemble.
    pub brokers: u32,
}

impl Default for Size {
    fn default() -> Self {
        Self {
            orderers: 3,
            orgs: 2,
            peers: 2,
            brokers: 0,
        }
    }
}

fn subject(kind: &str, name: &str, parent: Option<&str>, namespace: &str, ordinal: u32) -> Subject {
    let id = if kind == CHAIN {
        CHAIN.to_owned()
    } else {
        format!("{kind}/{name}")
    };
    Subject {
        id,
        kind: kind.to_owned(),
        name: name.to_owned(),
        parent: parent.map(ToOwned::to_owned),
        ordinal,
        born_ms: BORN,
        foreign: false,
        cluster: String::new(),
        namespace: namespace.to_owned(),
        workload: None,
        endpoints: Vec::new(),
        folder: format!("fabric/demo/{kind}-{name}"),
        extra: "{}".to_owned(),
    }
}

fn with<T: Serialize>(mut subject: Subject, extra: &T) -> Subject {
    subject.extra = serde_json::to_string(extra).unwrap_or_default();
    subject
}

fn pod(mut subject: Subject, service: &str, ports: &[(&str, u16)]) -> Subject {
    subject.workload = Some(format!("statefulset/demo-{service}"));
    let endpoint = |(port, number): &(&str, u16)| Endpoint {
        port: (*port).to_owned(),
        service: service.to_owned(),
        number: *number,
        outside: None,
    };
    subject.endpoints = ports.iter().map(endpoint).collect();
    subject
}

/// The subjects of a network in the order in which the stack gives them.
pub fn subjects(size: Size) -> Vec<Subject> {
    let mut all = vec![subject(CHAIN, "demo", None, "home", 0)];
    let org = |name: &str, msp_id: &str, ordering: bool, ordinal: u32| {
        let extra = Org {
            msp_id: msp_id.to_owned(),
            domain: name.to_owned(),
            ordering,
            application: !ordering,
            node_ous: true,
            ..Org::default()
        };
        with(subject(kind::ORG, name, Some(CHAIN), name, ordinal), &extra)
    };
    all.push(org("orderer", "OrdererMSP", true, 0));
    all.extend((1..=size.orgs).map(|n| org(&format!("org{n}"), &format!("Org{n}MSP"), false, n)));
    for n in 0..size.orderers {
        let host = format!("orderer{n}.orderer");
        let it = subject(kind::ORDERER, &host, Some("org/orderer"), "orderer", n);
        let extra = Node {
            host,
            ..Node::default()
        };
        let ports = [(port::ORDERER, 7050), (port::ORDERER_OPS, 8443)];
        all.push(pod(with(it, &extra), &format!("orderer{n}"), &ports));
    }
    for org in 1..=size.orgs {
        for n in 0..size.peers {
            let (domain, host) = (format!("org{org}"), format!("peer{n}.org{org}"));
            let parent = format!("org/{domain}");
            let ordinal = (org - 1) * size.peers + n;
            let it = subject(kind::PEER, &host, Some(&parent), &domain, ordinal);
            let extra = Node {
                host,
                anchor: n == 0,
                ..Node::default()
            };
            let ports = [(port::PEER, 7051), (port::PEER_OPS, 9443)];
            all.push(pod(with(it, &extra), &format!("peer{n}"), &ports));
        }
    }
    let orgs: Vec<String> = (0..=size.orgs)
        .map(|n| {
            if n == 0 {
                "orderer".to_owned()
            } else {
                format!("org{n}")
            }
        })
        .collect();
    for (ordinal, org) in (0..).zip(&orgs) {
        let parent = format!("org/{org}");
        let it = subject(
            kind::USER,
            &format!("Admin@{org}"),
            Some(&parent),
            org,
            ordinal,
        );
        let extra = User {
            role: "admin".to_owned(),
        };
        all.push(with(it, &extra));
    }
    let members: Vec<String> = orgs
        .iter()
        .skip(1)
        .map(|org| format!("org/{org}"))
        .collect();
    let channel = Channel {
        orgs: members,
        ordering: vec!["org/orderer".to_owned()],
        ..Channel::default()
    };
    let it = subject(kind::CHANNEL, "mychannel", Some(CHAIN), "home", 0);
    all.push(with(it, &channel));
    let chaincode = Chaincode {
        name: "basic".to_owned(),
        channel: "channel/mychannel".to_owned(),
        version: "1.0".to_owned(),
        image: "registry.example/basic:1.0".to_owned(),
        ..Chaincode::default()
    };
    let it = subject(
        kind::CHAINCODE,
        "basic",
        Some("channel/mychannel"),
        "home",
        0,
    );
    all.push(with(it, &chaincode));
    for (ordinal, org) in (0..).zip(orgs.iter().skip(1)) {
        let parent = format!("org/{org}");
        let name = format!("basic.{org}");
        let it = subject(kind::SERVER, &name, Some(&parent), org, ordinal);
        let extra = Server {
            chaincode: "chaincode/basic".to_owned(),
            image: chaincode.image.clone(),
            label: "basic_1.0".to_owned(),
            indexes: Vec::new(),
            address: "basic:9999".to_owned(),
        };
        all.push(pod(with(it, &extra), "basic", &[(port::CHAINCODE, 9999)]));
    }
    for n in 0..size.brokers {
        for (of, number) in [(kind::ZOOKEEPER, 2181), (kind::KAFKA, 9092)] {
            let name = format!("{of}{n}");
            let it = subject(of, &name, Some(CHAIN), "home", n);
            all.push(pod(it, &format!("demo-{name}"), &[(of, number)]));
        }
    }
    all
}

/// One more subject with a pod, for a test that needs a kind which [`subjects`] has not.
pub fn another(
    (kind, name): (&str, &str),
    parent: &str,
    namespace: &str,
    service: &str,
    ports: &[(&str, u16)],
) -> Subject {
    let it = subject(kind, name, Some(parent), namespace, 0);
    pod(it, service, ports)
}

/// The topology of a network, with the roles and the plugins that fill them.
pub fn topology(release: Release, size: Size, roles: &[(&str, &str)]) -> Topology {
    let services: Vec<Value> = roles
        .iter()
        .map(|(role, plugin)| json!({"role": role, "instance": role, "plugin": plugin}))
        .collect();
    Topology {
        chain: "demo".to_owned(),
        stack: STACK.to_owned(),
        release: release.name().to_owned(),
        subjects: subjects(size),
        host_features: Vec::new(),
        extra: json!({"services": services}).to_string(),
    }
}

/// The usual roles.
pub const ROLES: [(&str, &str); 5] = [
    (role::MSP, "msp_native"),
    (role::ORDERER, "orderer_raft"),
    (role::PEER, "fabric_peer"),
    (role::STATE_DB, "goleveldb"),
    (role::CHAINCODE, "ccaas"),
];

/// What a plugin says about the pod: all its fragments' `spec`s, with the lists of containers joined.
pub fn pod_spec(rendered: &Rendered) -> Value {
    let mut all = serde_json::Map::new();
    for fragment in &rendered.fragments {
        if !matches!(fragment.place, Place::Pod) {
            continue;
        }
        let body: Value = serde_json::from_str(&fragment.body).unwrap_or_default();
        let spec = body.get("spec").and_then(Value::as_object);
        for (key, value) in spec.into_iter().flatten() {
            match (all.get_mut(key), value) {
                (Some(Value::Array(there)), Value::Array(more)) => there.extend(more.clone()),
                _ => {
                    all.insert(key.clone(), value.clone());
                }
            }
        }
    }
    Value::Object(all)
}

/// A container (or one that runs before) that a plugin renders; null when it renders none of that name.
pub fn container(rendered: &Rendered, name: &str) -> Value {
    let spec = pod_spec(rendered);
    ["containers", "initContainers"]
        .iter()
        .filter_map(|field| spec.get(field)?.as_array())
        .flatten()
        .find(|it| it.get("name").is_some_and(|it| it == name))
        .cloned()
        .unwrap_or_default()
}

/// The variables of a container that are said outright, as `NAME=VALUE`, in its order.
pub fn variables(rendered: &Rendered, name: &str) -> Vec<String> {
    let of = |entry: &Value, key: &str| {
        let text = entry.get(key).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let container = container(rendered, name);
    let env = container.get("env").and_then(Value::as_array);
    env.into_iter()
        .flatten()
        .map(|entry| format!("{}={}", of(entry, "name"), of(entry, "value")))
        .collect()
}

/// What is bound into a container: `TARGET <- role subject name`, or `TARGET <- volume/folder`, in order.
pub fn bindings(rendered: &Rendered, name: &str) -> Vec<String> {
    let bound = rendered.bindings.iter().filter(|it| it.container == name);
    bound
        .map(|binding| {
            let (Target::Path(target) | Target::Env(target)) = &binding.target;
            match &binding.source {
                Source::File(from) => {
                    format!("{target} <- {} {} {}", from.role, from.subject, from.name)
                }
                Source::Volume((volume, folder)) => format!("{target} <- {volume}/{folder}"),
            }
        })
        .collect()
}
