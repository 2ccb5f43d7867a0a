//! Nodes of other clusters: read as a bundle, and ours written for them.

use super::*;
use chain_plugin_sdk::{Endpoint, TestHost};
use quorum_service::fixture;

fn entry(index: u32, more: &str) -> String {
    let id = fixture::client(index).node_id;
    format!(
        "external_nodes:\n- Node_UserIdent: quorum-node1\n  Enode_Url: \"enode://{id}@192.0.2.1:31003?discport=0&raftport=50401\"\n{more}"
    )
}

#[test]
fn external_nodes_become_a_bundle() {
    let client = fixture::client(0);
    for address in [
        String::new(),
        format!("  Node_Acct_Addr: {}\n", client.node_address),
        format!(
            "  Node_Acct_Addr: \"{}\"\n",
            client.node_address.to_lowercase()
        ),
    ] {
        let (bundle, notes) =
            read(&entry(0, &format!("  Tm_Url: 192.0.2.1:31001\n{address}"))).unwrap();
        assert_eq!(bundle["kind"], "Bundle");
        assert_eq!(
            bundle["metadata"],
            json!({"name": "chain", "party": "external"})
        );
        assert_eq!(
            bundle["spec"],
            json!({"stack": "quorum", "release": "v24.4.1", "subjects": [{
                "id": "node/quorum-node1", "kind": "node", "name": "quorum-node1", "parent": "chain", "ordinal": 0,
                "endpoints": [
                    {"port": "p2p", "address": "192.0.2.1:31003"},
                    {"port": "raft", "address": "192.0.2.1:50401"},
                    {"port": "tm", "address": "192.0.2.1:31001"},
                ],
                "facts": {"client": {
                    "nodeId": client.node_id, "nodeAddress": client.node_address,
                    "enode": format!("enode://{}@192.0.2.1:31003?discport=0&raftport=50401", client.node_id),
                }},
            }]})
        );
        assert_eq!(notes.len(), 1);
        assert!(notes[0].contains("--chain NAME --party NAME"));
    }
}

#[test]
fn an_external_node_that_cannot_be_reached_or_is_another_is_refused() {
    let other = fixture::client(1).node_address;
    let (message, _) = refused(&entry(0, &format!("  Node_Acct_Addr: \"{other}\"\n")));
    assert!(message.starts_with("line 2: it is 0x"), "{message}");
    assert!(message.contains(&other));
    let (message, _) =
        refused(&entry(0, "").replace("@192.0.2.1:31003?discport=0&raftport=50401", ""));
    assert!(message.contains("it names no host"), "{message}");
    let (message, _) = refused(&entry(0, "  Tm_Url: somewhere\n"));
    assert!(message.contains("expected <host>:<port>"), "{message}");
    let twice = format!(
        "{}{}",
        entry(0, ""),
        entry(0, "").split_once('\n').unwrap().1
    );
    let (message, _) = refused(&twice);
    assert!(message.contains("same node key"), "{message}");
    let (message, _) = refused("external_nodes:\n- Enode_Url: enode://00@h:1\n");
    assert!(message.contains("Enode_Url is no enode URL: "), "{message}");
}

#[test]
fn labels_of_other_clusters_may_be_alike_or_no_names() {
    let second = entry(1, "").split_once('\n').unwrap().1.to_owned();
    let third = entry(2, "")
        .split_once('\n')
        .unwrap()
        .1
        .replace("quorum-node1", "Node_3");
    let (bundle, _) = read(&format!("{}{second}{third}", entry(0, ""))).unwrap();
    let names: Vec<&str> = bundle["spec"]["subjects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["quorum-node1", "quorum-node1-1", "node2"]);
}

#[test]
fn external_nodes_beside_a_network_are_told_where_they_belong() {
    let (chain, notes) = read(&file(&entry(5, ""), 4)).unwrap();
    assert_eq!(chain["spec"]["nodes"].as_array().unwrap().len(), 4);
    assert_eq!(notes.len(), 1);
    assert!(
        notes[0].starts_with("line 6: /external_nodes: "),
        "{notes:?}"
    );
    let (_, notes) =
        Converter::read(QUBERNETES, vec![blob("q.yaml", &file(&entry(5, ""), 4))]).unwrap();
    assert!(
        notes[0]
            .hint
            .as_ref()
            .unwrap()
            .contains("kubectl chain join")
    );
}

/// Our nodes, as others reach them.
fn outside(nodes: u32, host: Option<&str>) -> Topology {
    let mut topology = fixture::topology(nodes, 0);
    for subject in &mut topology.subjects {
        let ordinal = u16::try_from(subject.ordinal).unwrap();
        for endpoint in &mut subject.endpoints {
            let port = endpoint.number % 1000 + 31_000 + ordinal;
            endpoint.outside = host.map(|host| format!("{host}:{port}"));
        }
    }
    topology
}

#[test]
fn what_is_written_comes_back() {
    for (host, shown) in [
        ("192.0.2.9", "@192.0.2.9:31304"),
        ("[2001:db8::1]", "@[2001:db8::1]:31304"),
    ] {
        let mut topology = outside(3, Some(host));
        let raft = |ordinal: u16| Endpoint {
            port: "raft".to_owned(),
            service: String::new(),
            number: 50401,
            outside: Some(format!("{host}:{}", 32_000 + ordinal)),
        };
        for (ordinal, subject) in (0..).zip(topology.subjects.iter_mut().skip(1)) {
            subject.endpoints.push(raft(ordinal));
        }
        let files = Converter::write(QUBERNETES, topology, &fixture::host(3)).unwrap();
        let text = String::from_utf8(files[0].bytes.clone()).unwrap();
        assert!(
            text.starts_with("external_nodes:\n- Node_UserIdent: \"node0\"\n"),
            "{text}"
        );
        assert!(text.contains(shown), "{text}");
        assert!(text.contains(&format!(
            "  Node_Acct_Addr: \"{}\"\n",
            fixture::client(2).node_address
        )));
        let (bundle, _) = read(&text).unwrap();
        let subjects = bundle["spec"]["subjects"].as_array().unwrap();
        assert_eq!(subjects.len(), 3);
        let node = &subjects[1];
        assert_eq!(node["name"], "node1");
        assert_eq!(
            node["facts"]["client"]["nodeId"],
            fixture::client(1).node_id
        );
        assert_eq!(
            node["endpoints"],
            json!([
                {"port": "p2p", "address": format!("{host}:31304")},
                {"port": "raft", "address": format!("{host}:32001")},
                {"port": "tm", "address": format!("{host}:31002")},
            ])
        );
    }
}

#[test]
fn a_node_that_nobody_outside_reaches_or_knows_is_not_written() {
    let fault = Converter::write(QUBERNETES, outside(2, None), &fixture::host(2)).unwrap_err();
    assert!(
        fault[0]
            .message
            .contains("node/node0 has no address outside")
    );
    assert!(fault[0].hint.as_ref().unwrap().contains("--expose-type"));
    let fault = Converter::write(QUBERNETES, outside(2, Some("h")), &TestHost::new()).unwrap_err();
    assert!(fault[0].message.contains("nothing is known of node/node0"));
    assert!(Converter::write("helm", outside(1, Some("h")), &fixture::host(1)).is_err());
}
