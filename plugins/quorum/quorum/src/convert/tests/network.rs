//! A network: what becomes of every section, and which keys are told.

use super::*;

#[test]
fn the_expanded_file_of_the_original_becomes_a_chain_without_a_remark() {
    let (chain, notes) = read(&file("", 4)).unwrap();
    assert_eq!(notes, Vec::<String>::new());
    assert_eq!(
        chain,
        json!({"metadata": {}, "spec": {
            "stack": "quorum", "release": "v24.4.1",
            "nodes": [
                {"name": "quorum-node1"}, {"name": "quorum-node2"}, {"name": "quorum-node3"}, {"name": "quorum-node4"},
            ],
            "services": {
                "client": {
                    "plugin": "goquorum", "image": "quorumengineering/quorum:2.7.0",
                    "options": {"chainId": 1000, "verbosity": 3},
                },
                "consensus": {"plugin": "istanbul", "options": {"blockPeriod": 3}},
                "privacy": {"plugin": "tessera", "image": "quorumengineering/tessera:0.10.6"},
            },
            "options": {"networkPolicy": false},
            "storage": {"size": "200Mi"},
            "expose": {"type": "NodePort"},
        }})
    );
}

#[test]
fn sections_around_the_nodes_are_kept() {
    let (chain, notes) = read(&file(
        "k8s:\n  namespace: chain\n  securityContext:\n    runAsUser: 430\n    supplementalGroups: [666, 777]\n  \
         service:\n    type: LoadBalancer\n    NetworkPolicy: true\n    Ingress:\n      Strategy: OneToMany\n      ws: true\n  \
         storage:\n    PVC:\n      Capacity: 1Gi\n      storageClassName: fast\n      annotations: {a.example/b: \"c\"}\n\
         cakeshop:\n  version: 0.12.1\n  service: {}\nprometheus:\n  enabled: true\n",
        3,
    ))
    .unwrap();
    assert_eq!(chain["metadata"], json!({"namespace": "chain"}));
    let spec = &chain["spec"];
    assert_eq!(
        spec["options"],
        json!({"networkPolicy": true, "ingress": "one-to-many", "ingressWs": true})
    );
    assert_eq!(
        spec["storage"],
        json!({"size": "1Gi", "class": "fast", "annotations": {"a.example/b": "c"}})
    );
    assert_eq!(spec["expose"], json!({"type": "LoadBalancer"}));
    assert_eq!(
        spec["patches"][0]["patch"]["spec"]["template"]["spec"]["securityContext"],
        json!({"runAsUser": 430, "supplementalGroups": [666, 777]})
    );
    let explorer = json!({"plugin": "cakeshop", "image": "quorumengineering/cakeshop:0.12.1"});
    assert_eq!(spec["services"]["explorer"], explorer);
    assert_eq!(spec["services"]["monitor"], json!({"plugin": "prometheus"}));
    // Of the explorer's and the monitor's pods.
    assert_eq!(notes.len(), 1);
    assert!(
        notes[0].starts_with("line 8: /k8s/securityContext: "),
        "{notes:?}"
    );
}

#[test]
fn every_key_without_effect_is_told_with_line_and_reason() {
    let text = file(
        "k8s:\n  sep_deployment_files: false\n  service:\n    storage: {Capacity: 1Gi}\n    Ingress: {Strategy: OneToOne}\n  \
         storage:\n    storageClass: {template: eks-storage-class, name: io1}\n\
         cakeshop:\n  version: latest\n  service: {type: ClusterIP, nodePort: 30108, Ingress: {Host: c.example}}\n\
         prometheus: {nodePort_prom: 31323, monitor_params_geth: --metrics}\n\
         config: {Permissioned_Nodes_File: a.json, Tessera_Config_Dir: b}\ntypo: 1\n",
        3,
    )
    .replacen("    verbosity: 3\n", "    verbosity: 9\n", 1)
    .replacen("  geth:\n", "    geth: {verbosity: 2}\n  geth:\n", 1);
    let (chain, notes) = read(&text).unwrap();
    let lines: Vec<(usize, &str)> = notes
        .iter()
        .filter_map(|note| {
            let mut parts = note.strip_prefix("line ")?.split(": ");
            let line = parts.next()?.parse().ok()?;
            let path = parts.next()?;
            assert!(!parts.next().unwrap_or_default().is_empty(), "{note}");
            Some((line, path))
        })
        .collect();
    assert_eq!(
        lines,
        [
            (7, "/k8s/sep_deployment_files"),
            (9, "/k8s/service/storage"),
            (10, "/k8s/service/Ingress"),
            (12, "/k8s/storage/storageClass"),
            (15, "/cakeshop/service/type"),
            (15, "/cakeshop/service/nodePort"),
            (15, "/cakeshop/service/Ingress"),
            (16, "/prometheus/nodePort_prom"),
            (16, "/prometheus/monitor_params_geth"),
            (17, "/config/Permissioned_Nodes_File"),
            (17, "/config/Tessera_Config_Dir"),
            (18, "/typo"),
            (29, "/nodes/0/quorum/geth"),
        ]
    );
    assert!(notes.last().unwrap().contains("verbosity 9"), "{notes:?}");
    // What the first node has is said once, what others have under each.
    assert_eq!(
        chain["spec"]["services"]["client"]["options"]["verbosity"],
        5
    );
    assert_eq!(
        chain["spec"]["nodes"][1]["services"]["client"],
        json!({"options": {"verbosity": 3}})
    );
    assert!(chain["spec"]["nodes"][0].get("services").is_none());
}

#[test]
fn what_differs_for_a_node_stands_under_it() {
    let text = file("", 3)
        .replacen(
            "Quorum_Version: 2.7.0\n    tm",
            "Quorum_Version: 21.4.0\n      Docker_Repo: mirror.example\n    tm",
            1,
        )
        .replacen(
            "Tm_Version: 0.10.6\n  geth",
            "Tm_Version: 21.1.0\n  geth",
            1,
        )
        .replacen("Params: \"\"", "Params: --ws --rpccorsdomain=\\\"*\\\"", 1);
    let (chain, notes) = read(&text).unwrap();
    let services = &chain["spec"]["services"];
    assert_eq!(
        services["client"]["image"],
        "quorumengineering/quorum:2.7.0"
    );
    assert_eq!(
        chain["spec"]["nodes"][0]["services"],
        json!({
            "client": {
                "image": "mirror.example/quorum:21.4.0",
                "options": {"extraArgs": ["--ws", "--rpccorsdomain=*"]},
            },
            "privacy": {"image": "quorumengineering/tessera:21.1.0"},
        })
    );
    assert_eq!(chain["spec"]["nodes"][1], json!({"name": "quorum-node2"}));
    assert_eq!(notes, Vec::<String>::new());
}

#[test]
fn an_image_that_names_no_version_is_told_its_own() {
    let text = file("", 3).replacen(
        "Quorum_Version: 2.7.0\n    tm",
        "Quorum_Version: 2.7.0\n      Docker_Repo_Full: my/quorum-local\n    tm",
        1,
    );
    let (chain, notes) = read(&text).unwrap();
    assert_eq!(
        chain["spec"]["services"]["client"]["options"]["version"],
        "2.7.0"
    );
    assert_eq!(notes.len(), 1);
    let said = "line 13: /nodes/0/quorum/quorum/Docker_Repo_Full: ";
    assert!(notes[0].starts_with(said), "{notes:?}");
}

#[test]
fn each_consensus_has_the_times_of_the_original() {
    let service = |word: &str, arguments: &str| {
        let text = file("", 4)
            .replace("consensus: istanbul", &format!("consensus: {word}"))
            .replace("Params: \"\"", &format!("Params: \"{arguments}\""));
        let (chain, _) = read(&text).unwrap();
        let client = &chain["spec"]["services"]["client"]["options"];
        assert!(client.get("extraArgs").is_none(), "{client}");
        chain["spec"]["services"]["consensus"].clone()
    };
    let of = |plugin: &str, options: Value| json!({"plugin": plugin, "options": options});
    assert_eq!(
        service("ibft", ""),
        of("istanbul", json!({"blockPeriod": 3}))
    );
    assert_eq!(
        service("istanbul", "--istanbul.blockperiod=1"),
        of("istanbul", json!({"blockPeriod": 1}))
    );
    assert_eq!(
        service("clique", ""),
        of("clique", json!({"blockPeriod": 0}))
    );
    assert_eq!(service("raft", ""), json!({"plugin": "raft"}));
    assert_eq!(
        service("raft", "--raftblocktime 200"),
        of("raft", json!({"blockTime": 200}))
    );
    assert_eq!(service("qbft", ""), json!({"plugin": "qbft"}));
}

#[test]
fn arguments_with_another_place_here_are_left_out_and_those_that_differ_stay() {
    let text = file("", 3)
        .replace("consensus: istanbul", "consensus: raft")
        .replacen(
            "Params: \"\"",
            "Params: --raftjoinexisting 5 --ws --networkid=7 --raftblocktime 9",
            1,
        );
    let (chain, notes) = read(&text).unwrap();
    let options = &chain["spec"]["services"]["client"]["options"];
    assert_eq!(
        options["extraArgs"],
        json!(["--ws", "--raftblocktime", "9"])
    );
    assert_eq!(
        chain["spec"]["nodes"][1]["services"]["client"]["options"],
        json!({"extraArgs": []})
    );
    for said in [
        "--raftjoinexisting",
        "--networkid",
        "--raftblocktime differs",
    ] {
        assert!(notes.iter().any(|note| note.contains(said)), "{notes:?}");
    }
    let few = file("", 2).replace("consensus: istanbul", "consensus: raft");
    let (chain, notes) = read(&few).unwrap();
    assert_eq!(
        chain["spec"]["services"]["consensus"]["options"],
        json!({"fragile": true})
    );
    assert!(notes[0].contains("fewer than 3"));
}

#[test]
fn a_change_to_qbft_needs_a_client_that_can() {
    let qibft = |block: &str| {
        file("", 4).replacen(
            "consensus: istanbul",
            &format!("consensus: qibft{block}"),
            1,
        )
    };
    let (message, hint) = refused(&qibft("\n  qibftBlock: 50"));
    assert!(
        message.contains("quorum-node1 runs version 2.7.0"),
        "{message}"
    );
    assert!(hint.contains("Quorum_Version: 22.7.1"), "{hint}");
    let (message, hint) = refused(&qibft(""));
    assert!(message.contains("it is missing"), "{message}");
    assert!(hint.contains("consensus: qbft"));
    let (chain, _) = read(&qibft("\n  qibftBlock: 0")).unwrap();
    assert_eq!(chain["spec"]["services"]["consensus"]["plugin"], "qbft");
    let (chain, _) = read(&qibft("\n  qibftBlock: 50").replace("2.7.0", "22.7.1")).unwrap();
    assert_eq!(
        chain["spec"]["services"]["consensus"],
        json!({"plugin": "istanbul", "options": {"qbftBlock": 50, "blockPeriod": 3}})
    );
}

#[test]
fn what_one_chain_cannot_have_is_refused() {
    let (message, _) = refused(&file("", 3).replacen("Name: tessera", "Name: constellation", 1));
    assert!(
        message.starts_with("line 19: quorum-node2 has another privacy manager"),
        "{message}"
    );
    let mixed = file("", 3).replacen("      consensus: istanbul", "      consensus: raft", 1);
    let (message, _) = refused(&mixed);
    assert!(
        message.starts_with("line 7: quorum-node1 has another consensus"),
        "{message}"
    );
    let networks = file("", 3).replacen("  geth:\n", "  geth:\n    network: {id: 7}\n", 1);
    let (message, _) = refused(&networks);
    assert!(
        message.contains("quorum-node2 is of network 1000, others are of network 7"),
        "{message}"
    );
    let (message, _) = refused("genesis: {consensus: pow}\nnodes: []\n");
    assert!(
        message.starts_with("line 1: /genesis/consensus is \"pow\""),
        "{message}"
    );
    let two = vec![
        blob("qubernetes.yaml", &file("", 3)),
        blob("nodes.yaml", "nodes: []\n"),
    ];
    assert!(read_all(two).is_err());
}

#[test]
fn keys_and_genesis_that_are_there_are_named_where_they_lie() {
    let (chain, notes) = read(&file(
        "config: {Key_Dir_Base: ./7nodes/, Genesis_File: 7nodes/genesis.json}\n",
        3,
    ))
    .unwrap();
    let services = &chain["spec"]["services"];
    assert_eq!(
        services["client"]["options"],
        json!({"genesis": "7nodes/genesis.json", "networkId": 1000, "verbosity": 3})
    );
    assert!(services["privacy"].get("options").is_none());
    assert_eq!(
        chain["spec"]["nodes"][1]["services"],
        json!({
            "client": {"options": {
                "nodeKeyFile": "./7nodes/key2/nodekey", "accountKeyFile": "./7nodes/key2/acctkeyfile.json",
            }},
            "privacy": {"options": {"keyFile": "./7nodes/key2/tm.key"}},
        })
    );
    assert_eq!(notes.len(), 1);
    assert!(notes[0].contains("empty password"));
}

pub const LEGACY: &str = "nodes:\n  number: 3\nservice:\n  type: ClusterIP\nquorum:\n  consensus: raft\n  \
    Key_Dir_Base: 7nodes\n  Permissioned_Nodes_File: 7nodes/permissioned-nodes.json\n  quorum:\n    Raft_Port: 50401\n    \
    Quorum_Version: 2.5.0\n  tm:\n    Name: constellation\n    Tm_Version: 0.3.2\n    Port: 9001\n  storage:\n    \
    Capacity: 500Mi\ngeth:\n  Node_RPCPort: 8546\n  network:\n    id: 10\n    public: false\n  verbosity: 5\n";

#[test]
fn the_schema_before_becomes_a_chain_too_with_or_without_its_second_file() {
    let (chain, notes) = read(LEGACY).unwrap();
    let spec = &chain["spec"];
    assert_eq!(spec["services"]["consensus"], json!({"plugin": "raft"}));
    assert_eq!(spec["services"]["privacy"]["plugin"], "constellation");
    assert_eq!(spec["expose"], json!({"type": "ClusterIP"}));
    assert_eq!(spec["storage"], json!({"size": "500Mi"}));
    let options = json!({"chainId": 10, "verbosity": 5});
    assert_eq!(spec["services"]["client"]["options"], options);
    assert_eq!(spec["nodes"][2]["name"], "quorum-node3");
    for (line, path) in [
        (8, "/quorum/Permissioned_Nodes_File"),
        (19, "/geth/Node_RPCPort"),
        (22, "/geth/network/public"),
    ] {
        let said = format!("line {line}: {path}: ");
        assert!(
            notes.iter().any(|note| note.starts_with(&said)),
            "{said} {notes:?}"
        );
    }
    let second = "nodes:\n- {Node_UserIdent: one, Key_Dir: k1}\n- {Node_UserIdent: two, Key_Dir: k2}\n- {Node_UserIdent: three, Key_Dir: k3}\n";
    let both = vec![blob("qubernetes.yaml", LEGACY), blob("nodes.yaml", second)];
    let (chain, _) = read_all(both).unwrap();
    assert_eq!(chain["spec"]["nodes"][0]["name"], "one");
    assert_eq!(
        chain["spec"]["nodes"][2]["services"]["client"]["options"]["nodeKeyFile"],
        "7nodes/k3/nodekey"
    );
}
