//! The schema, its traps, and the schema before it.

use serde_json::json;

use super::*;
use crate::vectors::vector;

/// The four-node file that the original's generator writes, with the sections asked for.
fn file(sections: &str) -> String {
    let mut text = String::from(
        "genesis:\n  consensus: istanbul\n  Quorum_Version: 2.7.0\n  Tm_Version: 0.10.6\n  Chain_Id: \"1000\"\n",
    );
    text.push_str(sections);
    text.push_str("nodes:\n");
    text.extend((1..=4).map(|i| {
        format!(
            "- Node_UserIdent: quorum-node{i}\n  Key_Dir: key{i}\n  quorum:\n    quorum:\n      \
             consensus: istanbul\n      Quorum_Version: 2.7.0\n    tm:\n      Name: tessera\n      \
             Tm_Version: 0.10.6\n  geth:\n    Geth_Startup_Params: \"\"\n"
        )
    }));
    text
}

fn parse(text: &str) -> Qubernetes {
    Qubernetes::parse(text).unwrap()
}

fn enode() -> String {
    let urls = vector("enode_urls_qubernetes");
    urls["computed"][4].as_str().unwrap().to_owned()
}

fn reasons(read: &Qubernetes) -> Vec<(&str, usize)> {
    read.unhonoured
        .iter()
        .map(|note| (note.path.as_str(), note.line))
        .collect()
}

#[test]
fn the_expanded_file_of_the_original_is_read_without_a_remark() {
    let read = parse(&file(
        "prometheus:\n  enabled: true\ncakeshop:\n  version: latest\n  service: {}\n\
         k8s:\n  service:\n    type: NodePort\n    Ingress:\n      Strategy: OneToMany\n",
    ));
    assert_eq!(read.unhonoured, []);
    assert_eq!(read.genesis.chain_id, 1000);
    assert_eq!(read.genesis.consensus, ConsensusKind::Istanbul);
    assert_eq!(read.nodes.len(), 4);
    let node = &read.nodes[3];
    assert_eq!(
        (node.name.as_str(), node.key_dir.as_str()),
        ("quorum-node4", "key4")
    );
    assert_eq!(
        node.client.reference("quorum"),
        "quorumengineering/quorum:2.7.0"
    );
    assert_eq!(
        node.tm.image.reference("tessera"),
        "quorumengineering/tessera:0.10.6"
    );
    assert_eq!((node.geth.verbosity, node.geth.network_id), (9, 1000));
    let cakeshop = read.cakeshop.unwrap();
    assert_eq!(cakeshop.service, ServiceKind::LoadBalancer);
    let prometheus = read.prometheus.unwrap();
    assert!(prometheus.geth_params.starts_with("--metrics "));
    let ingress = read.k8s.ingress.unwrap();
    assert_eq!(ingress.strategy, Some(IngressStrategy::OneToMany));
    assert_eq!(read.k8s.storage.capacity, "200Mi");
    assert!(!read.legacy);
}

#[test]
fn every_section_is_read() {
    let read = parse(&file(
        "k8s:\n  sep_deployment_files: false\n  namespace: chain\n  securityContext:\n    runAsUser: 430\n    \
         supplementalGroups: [666,777]\n  service:\n    type: ClusterIP\n    NetworkPolicy: true\n    Ingress:\n      \
         Strategy: OneToOne\n      Host: \"q.example\"\n      ws: true\n  storage:\n    PVC:\n      annotations:\n        \
         volume.beta.kubernetes.io/storage-class: \"slow\"\n      Capacity: 1Gi\n      storageClassName: io1\n      \
         storageClass:\n        template: eks-storage-class\n        name: io1\n        kmsKeyId: arn:aws:kms\n\
         cakeshop:\n  version: 0.12.1\n  service:\n    type: NodePort\n    nodePort: 30108\n    Ingress:\n      Host: c.example\n\
         prometheus:\n  nodePort_prom: 31323\n  monitor_params_geth: --metrics\n\
         config:\n  Key_Dir_Base: 7nodes\n  Genesis_File: 7nodes/genesis.json\n",
    ));
    assert_eq!(read.unhonoured, []);
    assert!(!read.k8s.separate_files && read.k8s.network_policy);
    assert_eq!(
        read.k8s.security_context,
        Some(json!({"runAsUser": 430, "supplementalGroups": [666, 777]}))
    );
    assert_eq!(read.k8s.namespace.as_deref(), Some("chain"));
    let storage = read.k8s.storage;
    assert_eq!(
        storage.annotations["volume.beta.kubernetes.io/storage-class"],
        "slow"
    );
    assert_eq!(storage.class.unwrap().reclaim_policy, "Delete");
    let cakeshop = read.cakeshop.unwrap();
    assert_eq!(cakeshop.node_port, Some(30108));
    assert_eq!(cakeshop.ingress, Some(Some("c.example".to_owned())));
    assert_eq!(read.prometheus.unwrap().node_port, Some(31323));
    assert_eq!(
        read.existing.genesis_file.as_deref(),
        Some("7nodes/genesis.json")
    );
    assert_eq!(read.existing.tessera_config_dir, None);
}

#[test]
fn an_unquoted_address_stays_exact() {
    let address = "0x078426792F49BF76A94CFD2A1A35EBE8832DE3F1";
    let as_number: crate::quantity::Quantity = address.parse().unwrap();
    for written in [
        address.to_owned(),
        format!("\"{address}\""),
        address.to_lowercase(),
        "0x78426792F49BF76A94CFD2A1A35EBE8832DE3F1".to_owned(),
        as_number.to_string(),
    ] {
        let text = file(&format!(
            "external_nodes:\n- Node_UserIdent: quorum-node1\n  Enode_Url: {}\n  Tm_Url: 10.0.0.1:31001\n  Node_Acct_Addr: {written}\n",
            enode()
        ));
        let read = parse(&text);
        let external = &read.external_nodes[0];
        assert_eq!(
            external.address,
            Some(address.parse().unwrap()),
            "{written}"
        );
        assert_eq!(external.tm_url.as_deref(), Some("10.0.0.1:31001"));
        assert_eq!(read.unhonoured, []);
    }
}

#[test]
fn what_is_handed_to_another_cluster_comes_back() {
    let external = ExternalNode {
        line: 27,
        name: Some("quorum-node1".to_owned()),
        enode: enode().parse().unwrap(),
        tm_url: Some("10.0.0.1:31001".to_owned()),
        address: Some(
            "0x078426792F49BF76A94CFD2A1A35EBE8832DE3F1"
                .parse()
                .unwrap(),
        ),
    };
    let text = Qubernetes::render_external(std::slice::from_ref(&external));
    assert!(text.contains("Node_Acct_Addr: \"0x0"));
    let alone = Qubernetes::parse_external(&text).unwrap();
    assert_eq!(alone.nodes[0].line, 2);
    let mut beside = parse(&file(&text)).external_nodes;
    for node in &mut beside {
        node.line = external.line;
    }
    assert_eq!(beside, [external]);
}

#[test]
fn a_file_of_external_nodes_alone_is_told_from_a_network() {
    let url = enode();
    let text = format!("external_nodes:\n- Enode_Url: {url}\n  Color: red\nk8s: {{}}\n");
    assert!(Qubernetes::is_external(&text).unwrap());
    let read = Qubernetes::parse_external(&text).unwrap();
    assert_eq!(read.nodes.len(), 1);
    let told: Vec<(&str, usize)> = read
        .unhonoured
        .iter()
        .map(|note| (note.path.as_str(), note.line))
        .collect();
    assert_eq!(told, [("/external_nodes/0/Color", 3), ("/k8s", 4)]);
    assert!(!Qubernetes::is_external(&file(&text)).unwrap());
    assert!(!Qubernetes::is_external(LEGACY).unwrap());
    let none = Qubernetes::parse_external("external_nodes: []\n").unwrap_err();
    assert_eq!(none.to_string(), "line 1: /external_nodes is missing");
}

#[test]
fn a_misplaced_geth_is_reported_and_not_read() {
    let text = file("").replace(
        "  geth:\n    Geth_Startup_Params: \"\"\n- Node_UserIdent: quorum-node2",
        "    geth:\n      verbosity: 3\n- Node_UserIdent: quorum-node2",
    );
    let read = parse(&text);
    assert_eq!(reasons(&read), [("/nodes/0/quorum/geth", 16)]);
    assert!(read.unhonoured[0].reason.contains("beside quorum"));
    assert_eq!(read.nodes[0].geth.verbosity, 9);
}

#[test]
fn keys_without_effect_are_reported() {
    let read = parse(&file(
        "k8s:\n  service:\n    storage:\n      Capacity: 1Gi\n  storage:\n    Type: PVC\n    PVC:\n      Strategy: Single\n\
         prometheus: {enabled: false}\ntypo: 1\nconfig: {Chain_Id: 7}\n",
    ));
    let paths: Vec<&str> = reasons(&read).into_iter().map(|(path, _)| path).collect();
    assert_eq!(
        paths,
        [
            "/k8s/service/storage",
            "/k8s/storage/Type",
            "/k8s/storage/PVC/Strategy",
            "/prometheus/enabled",
            "/typo",
            "/config/Chain_Id",
        ]
    );
    assert!(read.prometheus.is_some());
    assert_eq!(read.k8s.storage.capacity, "200Mi");
}

#[test]
fn what_is_taken_for_something_else_is_reported() {
    let text = file("cakeshop:\n  service: {type: NodePort}\n").replacen(
        "Name: tessera",
        "Name: tesera",
        1,
    );
    let read = parse(&text);
    assert!(read.cakeshop.is_none());
    let told: Vec<&str> = read.unhonoured.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(told, ["/cakeshop/service", "/nodes/0/quorum/tm/Name"]);
}

#[test]
fn startup_arguments_are_split_as_a_shell_would() {
    let text = file("").replacen(
        "Geth_Startup_Params: \"\"",
        "Geth_Startup_Params: --rpccorsdomain=\\\"*\\\" --ws  --x 'a b' --raftjoinexisting 5",
        1,
    );
    assert_eq!(
        parse(&text).nodes[0].geth.startup_arguments(),
        [
            "--rpccorsdomain=*",
            "--ws",
            "--x",
            "a b",
            "--raftjoinexisting",
            "5"
        ]
    );
}

#[test]
fn names_of_consensus_that_the_documents_say_are_taken() {
    for (word, kind) in [
        ("ibft", ConsensusKind::Istanbul),
        ("qbft", ConsensusKind::Qbft),
        ("qibft", ConsensusKind::Qibft),
    ] {
        let text = file("").replace("consensus: istanbul", &format!("consensus: {word}"));
        assert_eq!(parse(&text).genesis.consensus, kind);
    }
    let raft = file("").replacen(
        "consensus: istanbul",
        "consensus: istanbul\n  qibftBlock: 7",
        1,
    );
    assert_eq!(reasons(&parse(&raft)), [("/genesis/qibftBlock", 3)]);
}

#[test]
fn a_missing_version_of_the_privacy_manager_is_no_fault() {
    let text = file("").replacen("  Tm_Version: 0.10.6\n", "", 1);
    assert_eq!(parse(&text).genesis.tm_version, None);
}

#[test]
fn faults_name_line_and_path() {
    let good = file("");
    for (from, to, message) in [
        (
            "consensus: istanbul",
            "consensus: pow",
            "line 2: /genesis/consensus is \"pow\", expected istanbul, qbft, raft or clique",
        ),
        (
            "  consensus: istanbul\n",
            "",
            "line 1: /genesis/consensus is missing",
        ),
        (
            "Chain_Id: \"1000\"",
            "Chain_Id: many",
            "line 5: /genesis/Chain_Id is \"many\", expected a number",
        ),
        (
            "Key_Dir: key2",
            "Key_Dir: key1",
            "line 18: key folder \"key1\" is used by two nodes",
        ),
        (
            "quorum-node2",
            "quorum-node1",
            "line 18: name \"quorum-node1\" is used by two nodes",
        ),
        (
            "quorum-node1",
            "Quorum_1",
            "line 7: /nodes/0/Node_UserIdent is \"Quorum_1\", expected lower-case letters, digits and hyphens, 63 at most",
        ),
        ("genesis:", "genezis:", "line 1: /genesis is missing"),
    ] {
        let error = Qubernetes::parse(&good.replacen(from, to, 1)).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    let wrong = file("external_nodes:\n- Enode_Url: nowhere\n");
    assert_eq!(
        Qubernetes::parse(&wrong).unwrap_err().to_string(),
        "line 7: /external_nodes/0/Enode_Url is no enode URL"
    );
    assert!(Qubernetes::parse("a: [").is_err());
    assert!(Qubernetes::parse("").is_err());
}

const LEGACY: &str = "nodes:\n  number: 3\nservice:\n  type: ClusterIP\nquorum:\n  consensus: raft\n  \
    Node_DataDir: /etc/quorum/qdata\n  Key_Dir_Base: 7nodes\n  Permissioned_Nodes_File: 7nodes/permissioned-nodes.json\n  \
    Genesis_File: 7nodes/raft-genesis.json\n  quorum:\n    Raft_Port: 50401\n    Quorum_Version: 2.5.0\n  tm:\n    \
    Name: constellation\n    Tm_Version: 0.11\n    Port: 9001\n    Tessera_Config_Dir: 7nodes\n  storage:\n    Type: PVC\n    \
    Capacity: 500Mi\ngeth:\n  Node_RPCPort: 8546\n  NodeP2P_ListenAddr: 21000\n  network:\n    id: 10\n    public: false\n  verbosity: 5\n";

#[test]
fn the_schema_before_is_converted() {
    let read = parse(LEGACY);
    assert!(read.legacy);
    assert_eq!(read.genesis.consensus, ConsensusKind::Raft);
    assert_eq!(read.genesis.chain_id, 10);
    assert_eq!(read.nodes.len(), 3);
    let node = &read.nodes[2];
    assert_eq!(
        (node.name.as_str(), node.key_dir.as_str()),
        ("quorum-node3", "key3")
    );
    assert_eq!(node.tm.manager, Manager::Constellation);
    assert_eq!(node.tm.image.version, "0.11");
    assert_eq!(node.geth.verbosity, 5);
    assert_eq!(read.k8s.service, ServiceKind::ClusterIp);
    assert_eq!(read.k8s.storage.capacity, "500Mi");
    assert_eq!(read.existing.tessera_config_dir.as_deref(), Some("7nodes"));
    let paths: Vec<&str> = reasons(&read).into_iter().map(|(path, _)| path).collect();
    assert_eq!(
        paths,
        [
            "/quorum/storage/Type",
            "/geth/Node_RPCPort",
            "/geth/NodeP2P_ListenAddr",
            "/geth/network/public"
        ]
    );
}

#[test]
fn the_nodes_of_the_schema_before_may_be_named() {
    let nodes = "nodes:\n\n-  Node_UserIdent: one\n   Key_Dir: k1\n\n-  Node_UserIdent: two\n   Key_Dir: k2\n";
    let read = Qubernetes::parse_with_nodes(LEGACY, Some(nodes)).unwrap();
    let names: Vec<&str> = read.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["one", "two"]);
}

#[test]
fn the_later_version_of_the_schema_before_is_converted_too() {
    let read = parse(
        "namespace:\n  name: quorum-test\nnodes:\n  number: 3\nquorum:\n  quorum:\n    Quorum_Version: 2.5.0\n    \
         consensus: istanbul\n    Key_Dir_Base: keys\n  tm:\n    Name: tessera\n    Tm_Version: 0.11\n\
         k8s:\n  service:\n    type: LoadBalancer\n  storage:\n    Capacity: 300Mi\n",
    );
    assert!(read.legacy);
    assert_eq!(read.genesis.consensus, ConsensusKind::Istanbul);
    assert_eq!(read.existing.key_dir_base.as_deref(), Some("keys"));
    assert_eq!(read.k8s.namespace.as_deref(), Some("quorum-test"));
    assert_eq!(read.k8s.service, ServiceKind::LoadBalancer);
    assert_eq!(read.k8s.storage.capacity, "300Mi");
    assert_eq!(read.unhonoured, []);
}
