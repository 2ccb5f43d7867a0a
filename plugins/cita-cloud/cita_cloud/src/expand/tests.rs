//! Subjects are append-stable, and only the last node goes.

use super::*;
use crate::tests::{BORN, spec};
use chain_plugin_sdk::serde_json::from_str;

fn none() -> BTreeMap<String, u32> {
    BTreeMap::new()
}

fn nodes(subjects: &[Subject]) -> Vec<(&str, u32, u64)> {
    let nodes = subjects.iter().filter(|subject| subject.kind == "node");
    nodes
        .map(|it| (it.name.as_str(), it.ordinal, it.born_ms))
        .collect()
}

fn named(names: &[&str]) -> ExpandSpec {
    let mut spec = spec(names.len());
    for (entry, name) in spec.nodes.iter_mut().zip(names) {
        entry.name = Some((*name).to_owned());
    }
    spec
}

fn refused(spec: &ExpandSpec, born: &[Subject]) -> (String, String) {
    let fault = expand(spec, born, &none(), 1).unwrap_err().remove(0);
    (fault.path, fault.message)
}

#[test]
fn three_nodes_become_chain_admin_and_the_originals_names() {
    let subjects = expand(&spec(3), &[], &none(), BORN).unwrap();
    let ids: Vec<&str> = subjects.iter().map(|subject| subject.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "chain",
            "account/super-admin",
            "node/node0",
            "node/node1",
            "node/node2"
        ]
    );
    let node = &subjects[3];
    assert_eq!(node.workload.as_deref(), Some("statefulset/test-chain-1"));
    assert_eq!(node.folder, "cita-cloud/test-chain/node1");
    assert_eq!(from_str::<Value>(&node.extra).unwrap()["from"], "/nodes/1");
    let endpoints: Vec<(&str, &str, u16)> = node
        .endpoints
        .iter()
        .map(|it| (it.port.as_str(), it.service.as_str(), it.number))
        .collect();
    assert_eq!(
        endpoints,
        [
            ("network", "test-chain-1", 40000),
            ("sync", "test-chain-1", 22000),
            ("call", "test-chain-1-executor", 50002),
            ("rpc", "test-chain-node-port", 50004),
        ]
    );
}

#[test]
fn a_node_more_leaves_the_others_as_they_were() {
    let born = expand(&spec(2), &[], &none(), BORN).unwrap();
    let next = BTreeMap::from([("node".to_owned(), 2)]);
    let grown = expand(&spec(3), &born, &next, BORN + 5).unwrap();
    assert_eq!(
        nodes(&grown),
        [
            ("node0", 0, BORN),
            ("node1", 1, BORN),
            ("node2", 2, BORN + 5)
        ]
    );
    assert_eq!(grown[..4], born[..4]);
    assert_eq!(expand(&spec(3), &grown, &next, BORN + 9).unwrap(), grown);
}

#[test]
fn an_ordinal_is_never_used_again() {
    let born = expand(&spec(2), &[], &none(), BORN).unwrap();
    let next = BTreeMap::from([("node".to_owned(), 3)]);
    let again = expand(&spec(3), &born, &next, BORN).unwrap();
    assert_eq!(nodes(&again)[2], ("node3", 3, BORN));
}

#[test]
fn only_the_last_node_can_be_removed() {
    let born = expand(&named(&["a", "b", "c"]), &[], &none(), BORN).unwrap();
    let shorter = expand(&named(&["b", "a"]), &born, &none(), 1).unwrap();
    assert_eq!(nodes(&shorter), [("a", 0, BORN), ("b", 1, BORN)]);
    let (path, message) = refused(&named(&["a", "c"]), &born);
    assert_eq!(path, "/nodes");
    assert!(
        message.contains("node b cannot be removed") && message.contains("raft"),
        "{message}"
    );
    // A count keeps the oldest.
    assert_eq!(
        nodes(&expand(&spec(1), &born, &none(), 1).unwrap()),
        [("a", 0, BORN)]
    );
}

#[test]
fn names_that_kubernetes_refuses_are_refused_where_they_stand() {
    for (names, said) in [
        (&["a", "B"][..], "`B` is not"),
        (&["a", "a"], "two nodes are named a"),
        (&["a", "node-port"], "another Service"),
        (&["a", "a-executor"], "another Service"),
        (
            &["a", "x123456789012345678901234567890123456789012345"],
            "StatefulSet",
        ),
    ] {
        let (path, message) = refused(&named(names), &[]);
        assert_eq!(path, "/nodes/1/name", "{message}");
        assert!(
            message.contains(said) || message.contains("lower-case"),
            "{message}"
        );
    }
    assert_eq!(refused(&spec(0), &[]).0, "/nodes");
}

#[test]
fn a_super_admin_of_ones_own_needs_no_account_but_an_account_stays() {
    let mut own = spec(1);
    own.options = json!({"superAdmin": "0x88b3fd84e3b10ac04cd04def0876cb513452c74e"});
    let ids = |subjects: &[Subject]| subjects.iter().filter(|it| it.kind == "account").count();
    assert_eq!(ids(&expand(&own, &[], &none(), BORN).unwrap()), 0);
    let born = expand(&spec(1), &[], &none(), BORN).unwrap();
    assert_eq!(ids(&expand(&own, &born, &none(), BORN).unwrap()), 1);
    own.options = json!({"superAdmin": "88b3fd84e3b10ac04cd04def0876cb513452c74e00"});
    assert_eq!(refused(&own, &[]).0, "/options/superAdmin");
}

#[test]
fn nodes_of_a_cluster_take_its_namespace_and_host() {
    let mut two = spec(2);
    two.clusters = BTreeMap::from([(
        "east".to_owned(),
        json!({"namespace": "blocks", "host": "east.example"}),
    )]);
    two.nodes[1].cluster = Some("east".to_owned());
    let subjects = expand(&two, &[], &none(), BORN).unwrap();
    assert_eq!(
        (subjects[3].cluster.as_str(), subjects[3].namespace.as_str()),
        ("east", "blocks")
    );
    assert_eq!(
        subjects[3].endpoints[0].outside, None,
        "the cluster assigns its ports"
    );
    two.expose = json!({"type": "ClusterIP"});
    let inside = expand(&two, &[], &none(), BORN).unwrap();
    assert_eq!(
        inside[3].endpoints[0].outside.as_deref(),
        Some("east.example:40000")
    );
    two.expose = Value::Null;
    two.nodes[0].cluster = Some("west".to_owned());
    assert_eq!(refused(&two, &[]).0, "/nodes/0/cluster");
}
