//! From specs to subjects.

use std::collections::BTreeMap;

use chain_plugin_sdk::spec::{ExpandSpec, ForeignSpec, ServiceSpec};
use chain_plugin_sdk::{Diagnostics, Subject};
use fabric_service::descriptor::port;
use fabric_service::extra::{self, Channel, Node, Org, Server};
use fabric_service::role;
use serde_json::{Value, json};

use crate::expand::expand;

fn service(role: &str, plugin: &str, ports: &[(&str, u16, &str)]) -> ServiceSpec {
    ServiceSpec {
        role: role.to_owned(),
        instance: role.to_owned(),
        plugin: plugin.to_owned(),
        version: "0.1.0".to_owned(),
        ports: ports
            .iter()
            .map(|(name, number, reach)| port(name, *number, reach, ""))
            .collect(),
    }
}

pub(crate) fn spec(kinds: &Value, options: &Value) -> ExpandSpec {
    ExpandSpec {
        chain: "demo".to_owned(),
        namespace: "home".to_owned(),
        release: "2.5".to_owned(),
        nodes: Vec::new(),
        services: vec![
            service(role::MSP, "msp_native", &[]),
            service(
                role::ORDERER,
                "orderer_raft",
                &[
                    ("orderer", 7050, "clients"),
                    ("admin", 9443, "pod"),
                    ("orderer-ops", 8443, "peers"),
                ],
            ),
            service(
                role::PEER,
                "fabric_peer",
                &[("peer", 7051, "clients"), ("peer-ops", 9443, "peers")],
            ),
            service(role::STATE_DB, "goleveldb", &[]),
            service(role::CHAINCODE, "ccaas", &[("chaincode", 9999, "peers")]),
        ],
        options: options.clone(),
        expose: Value::Null,
        clusters: BTreeMap::new(),
        kinds: kinds
            .as_object()
            .unwrap()
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
        shared_storage: false,
        foreign: Vec::new(),
    }
}

fn expanded(kinds: &Value) -> Result<Vec<Subject>, Diagnostics> {
    expand(&spec(kinds, &json!({})), &[], &BTreeMap::new(), 5)
}

fn refused(kinds: &Value) -> String {
    let faults = expanded(kinds).unwrap_err();
    let first = &faults[0];
    let hint = first.hint.clone().unwrap_or_default();
    format!("{} | {} | {hint}", first.path, first.message)
}

fn find<'a>(all: &'a [Subject], id: &str) -> &'a Subject {
    all.iter()
        .find(|it| it.id == id)
        .unwrap_or_else(|| panic!("no {id} among {:?}", ids(all)))
}

fn ids(all: &[Subject]) -> Vec<&str> {
    all.iter().map(|it| it.id.as_str()).collect()
}

#[test]
fn without_a_word_there_are_two_organisations_and_one_that_orders() {
    let all = expanded(&json!({})).unwrap();
    assert_eq!(
        ids(&all),
        [
            "chain",
            "org/orderer",
            "orderer/orderer0.orderer",
            "orderer/orderer1.orderer",
            "orderer/orderer2.orderer",
            "user/Admin@orderer",
            "org/org1",
            "peer/peer0.org1",
            "peer/peer1.org1",
            "user/Admin@org1",
            "user/User1@org1",
            "org/org2",
            "peer/peer0.org2",
            "peer/peer1.org2",
            "user/Admin@org2",
            "user/User1@org2",
        ]
    );
}

#[test]
fn one_command_names_everything() {
    let all = expanded(&json!({
        "orgs": [{"name": "org1"}, {"name": "org2"}],
        "peers": 2,
        "orderers": 3,
        "channels": [{"name": "mychannel"}],
        "chaincodes": [{"name": "asset_Transfer", "image": "registry.example/asset:1"}],
    }))
    .unwrap();
    let peer = find(&all, "peer/peer0.org1");
    assert_eq!(peer.namespace, "org1");
    assert_eq!(peer.workload.as_deref(), Some("statefulset/demo-peer0"));
    let endpoint = &peer.endpoints[0];
    assert_eq!(
        (endpoint.service.as_str(), endpoint.number),
        ("peer0", 7051)
    );
    let node: Node = extra::of(peer).unwrap();
    assert_eq!(node.host, "peer0.org1");
    assert!(node.anchor);
    assert!(
        node.sans
            .contains(&"peer0.org1.svc.cluster.local".to_owned())
    );
    let orderer = find(&all, "orderer/orderer2.orderer");
    let ports: Vec<&str> = orderer
        .endpoints
        .iter()
        .map(|it| it.port.as_str())
        .collect();
    assert_eq!(
        ports,
        ["orderer", "orderer-ops"],
        "the admin port stays in the pod"
    );
    let org: Org = extra::of(find(&all, "org/org1")).unwrap();
    assert_eq!(
        (org.msp_id.as_str(), org.domain.as_str()),
        ("Org1MSP", "org1")
    );
    let channel: Channel = extra::of(find(&all, "channel/mychannel")).unwrap();
    assert_eq!(channel.orgs, ["org/org1", "org/org2"]);
    assert_eq!(channel.ordering, ["org/orderer"]);
    let server = find(&all, "server/asset-transfer.org2");
    assert_eq!(server.namespace, "org2");
    let about: Server = extra::of(server).unwrap();
    assert_eq!(about.address, "asset-transfer:9999");
    assert_eq!(about.label, "asset_Transfer_1.0");
    assert_eq!(about.chaincode, "chaincode/asset_Transfer");
}

#[test]
fn in_one_namespace_names_say_the_organisation() {
    let spec = spec(&json!({"orgs": 1}), &json!({"namespaces": "one"}));
    let all = expand(&spec, &[], &BTreeMap::new(), 5).unwrap();
    let peer = find(&all, "peer/peer0.org1");
    assert_eq!(peer.namespace, "home");
    assert_eq!(peer.endpoints[0].service, "demo-peer0-org1");
    let node: Node = extra::of(peer).unwrap();
    assert_eq!(node.host, "demo-peer0-org1.home");
}

#[test]
fn who_was_born_stays_who_he_is() {
    let all = expanded(&json!({"orgs": 2, "peers": 1})).unwrap();
    let mut next: BTreeMap<String, u32> = BTreeMap::new();
    for subject in &all {
        let entry = next.entry(subject.kind.clone()).or_default();
        *entry = (*entry).max(subject.ordinal + 1);
    }
    let spec = spec(
        &json!({"orgs": [{"name": "org0"}, {"name": "org1"}, {"name": "org2"}], "peers": 2}),
        &json!({}),
    );
    let again = expand(&spec, &all, &next, 9).unwrap();
    for old in &all {
        let new = find(&again, &old.id);
        assert_eq!((new.ordinal, new.born_ms), (old.ordinal, 5), "{}", old.id);
    }
    let fresh = find(&again, "peer/peer1.org1");
    assert_eq!(fresh.born_ms, 9);
    let mut ordinals: Vec<(&str, u32)> = again
        .iter()
        .map(|it| (it.kind.as_str(), it.ordinal))
        .collect();
    let count = ordinals.len();
    ordinals.sort_unstable();
    ordinals.dedup();
    assert_eq!(ordinals.len(), count, "no ordinal twice in a kind");
}

#[test]
fn what_cannot_work_is_refused_with_a_reason() {
    for (kinds, parts) in [
        (
            json!({"orgs": [{"name": "Org.One"}]}),
            ["/orgs/0/name", "lower-case letter", "org-one"].as_slice(),
        ),
        (
            json!({"orgs": [{"name": "a", "mspId": "X"}, {"name": "b", "mspId": "X"}]}),
            &["both X", "mspId"],
        ),
        (
            json!({"orgs": [{"name": "org1"}], "channels": [{"name": "My"}]}),
            &["/channels/0/name", "lower-case letter"],
        ),
        (
            json!({"orgs": [{"name": "o", "ordering": true, "orderers": 0}, {"name": "org1"}], "channels": [{"name": "c"}]}),
            &["no organisation orders"],
        ),
        (
            json!({"channels": [{"name": "c", "orgs": ["orgx"]}]}),
            &["/channels/0/orgs/0", "org1, org2"],
        ),
        (
            json!({"chaincodes": [{"name": "basic", "image": "x"}]}),
            &["needs a channel", "--channel"],
        ),
        (
            json!({"channels": [{"name": "c"}], "chaincodes": [{"name": "basic"}]}),
            &["no image", "--chaincode basic=IMAGE"],
        ),
        (
            json!({"channels": [{"name": "c"}], "chaincodes": [{"name": "peer0", "image": "x"}]}),
            &["both be the Service peer0"],
        ),
        (
            json!({"channels": [{"name": "c"}], "chaincodes": [{"name": "b", "image": "x", "policy": "OR(Org1MSP.peer)"}]}),
            &[
                "/chaincodes/0/policy",
                "chaincode b",
                "OR('Org1MSP.peer','Org2MSP.peer')",
            ],
        ),
        (
            json!({"channels": [{"name": "c"}], "chaincodes": [{"name": "b", "image": "x", "policy": "OutOf(2, 'Org1MSP.peer')"}]}),
            &["asks for more than all that it names can sign"],
        ),
        (
            json!({"channels": [{"name": "c"}], "chaincodes": [{"name": "b", "image": "x", "policy": "/Endorsement"}]}),
            &["/Endorsement", "no path of a policy"],
        ),
        (
            json!({"orgs": [{"name": "a", "mspId": "Org_1"}]}),
            &["organisation a", "`_`", "no MSP id"],
        ),
        (
            json!({"channels": [{"name": "c"}], "chaincodes": [{"name": "1basic", "image": "x"}]}),
            &["chaincode 1basic", "Service", "begins with a letter"],
        ),
        (
            json!({"orgs": [{"name": "a"}, {"name": "a"}]}),
            &["two organisations"],
        ),
        (json!({"orgs": [{"nam": "a"}]}), &["/orgs/0", "nam"]),
        (
            json!({"kafkas": 3}),
            &["/kafkas", "--kafka kafka_zookeeper"],
        ),
        (json!({"peers": "two"}), &["/peers", "a number"]),
        (
            json!({"orgs": [{"name": "a"}], "chaincodes": [{"name": "c".repeat(50), "image": "x"}], "channels": [{"name": "c"}]}),
            &["55 characters", "shorter names"],
        ),
    ] {
        let text = refused(&kinds);
        for part in parts {
            assert!(text.contains(part), "{part:?} in {text:?} of {kinds}");
        }
    }
}

/// A peer has a port for chaincode where some dials it: a server is dialled itself.
#[test]
fn peers_are_dialled_by_chaincode_that_is_no_server() {
    let mut spec = spec(&json!({}), &json!({}));
    for service in spec.services.iter_mut().filter(|it| it.role == role::PEER) {
        service
            .ports
            .push(port("peer-chaincode", 7052, "peers", ""));
    }
    let ports = |spec: &ExpandSpec| -> Vec<String> {
        let all = expand(spec, &[], &BTreeMap::new(), 5).unwrap();
        let peer = find(&all, "peer/peer0.org1").endpoints.iter();
        peer.map(|it| it.port.clone()).collect()
    };
    assert_eq!(ports(&spec), ["peer", "peer-ops"]);
    for service in spec
        .services
        .iter_mut()
        .filter(|it| it.role == role::CHAINCODE)
    {
        service.ports.clear();
    }
    assert_eq!(ports(&spec), ["peer", "peer-ops", "peer-chaincode"]);
}

#[test]
fn brokers_come_with_their_role() {
    let mut spec = spec(&json!({"kafkas": 4}), &json!({}));
    spec.services.push(service(
        role::KAFKA,
        "kafka_zookeeper",
        &[
            ("kafka", 9092, "peers"),
            ("zookeeper", 2181, "peers"),
            ("zookeeper-elect", 3888, "peers"),
        ],
    ));
    let all = expand(&spec, &[], &BTreeMap::new(), 5).unwrap();
    let kafka = find(&all, "kafka/kafka3");
    assert_eq!(kafka.endpoints.len(), 1);
    assert_eq!(kafka.endpoints[0].service, "demo-kafka3");
    let keeper = find(&all, "zookeeper/zookeeper2");
    assert_eq!(keeper.endpoints.len(), 2);
}

/// A party that joins others has no orderers unless it says so: those of the others order.
#[test]
fn who_joins_a_network_that_is_ordered_has_no_orderers() {
    let kinds = json!({"orgs": [{"name": "two"}], "channels": [{"name": "shared"}]});
    let mut spec = spec(&kinds, &json!({}));
    let foreign = |name: &str, ordering: bool| ForeignSpec {
        id: format!("org/alpha/{name}"),
        kind: "org".to_owned(),
        name: format!("alpha-{name}"),
        extra: json!({"ordering": ordering}),
    };
    spec.foreign = vec![foreign("one", false)];
    let all = expand(&spec, &[], &BTreeMap::new(), 5).unwrap();
    assert!(all.iter().any(|it| it.id == "org/orderer"));
    spec.foreign.push(foreign("orders", true));
    let all = expand(&spec, &[], &BTreeMap::new(), 5).unwrap();
    assert!(all.iter().all(|it| it.kind != "orderer"));
    let about: Channel = extra::of(find(&all, "channel/shared")).unwrap();
    assert_eq!(about.ordering, ["org/alpha/orders"]);
    assert_eq!(about.orgs, ["org/two"]);
}
