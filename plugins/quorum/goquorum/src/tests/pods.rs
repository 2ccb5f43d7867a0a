//! A node's pod is byte for byte the same whoever else there is; what is told of the client follows its version.

use super::genesis::consensus;
use super::*;
use chain_plugin_sdk::{Content, Delivery, Plugin as _, Rendered, Source, Target};
use serde_json::Value;

fn host(kind: &str, nodes: u32, late: u32, number: Option<u16>) -> TestHost {
    // The genesis fields do not matter here; vectors have them for these numbers.
    let facts = consensus(kind, if kind == "istanbul" { 7 } else { 4 });
    let chain =
        json!({"chainId": 1337, "networkId": 1337, "genesisHash": format!("0x{}", "a".repeat(64))});
    let host = fixture::host(nodes)
        .fact(CHAIN, CONSENSUS, &json!(facts))
        .fact(CHAIN, CLIENT, &chain);
    (0..nodes).fold(host, |host, index| {
        let founder = index + late < nodes;
        let mut node = json!({"kind": kind, "founder": founder});
        if let (false, Some(number)) = (founder, number) {
            node["memberNumber"] = json!(number);
        }
        host.fact(&format!("node/node{index}"), CONSENSUS, &node)
    })
}

fn rendered(kind: &str, nodes: u32, late: u32, subject: &str) -> Rendered {
    rendered_as(
        &host(kind, nodes, late, None),
        nodes,
        late,
        subject,
        &json!({}),
        IMAGE.1,
    )
}

fn rendered_as(
    host: &TestHost,
    nodes: u32,
    late: u32,
    subject: &str,
    options: &Value,
    image: &str,
) -> Rendered {
    let call = TestHost::call(subject, CLIENT, options, &[("quorum", image)]);
    session(nodes, late).render(&host.at(&call)).unwrap()
}

fn container(rendered: &Rendered) -> Value {
    let mut bodies = rendered
        .fragments
        .iter()
        .map(|it| from_str::<Value>(&it.body).unwrap());
    bodies
        .find_map(|body| body.pointer("/spec/containers/0").cloned())
        .unwrap()
}

fn args(rendered: &Rendered) -> String {
    let container = container(rendered);
    let args = container["args"].as_array().unwrap().iter();
    args.map(|it| it.as_str().unwrap())
        .collect::<Vec<_>>()
        .join(" ")
}

fn env(rendered: &Rendered, name: &str) -> Option<String> {
    let container = container(rendered);
    let all = container["env"].as_array().unwrap();
    let found = all.iter().find(|it| it["name"] == name)?;
    Some(found["value"].as_str().unwrap().to_owned())
}

#[test]
fn a_node_more_changes_no_pod_but_the_list_of_all() {
    for kind in ["qbft", "istanbul", "clique", "raft"] {
        for node in ["node/node0", "node/node3"] {
            assert_eq!(
                rendered(kind, 4, 0, node),
                rendered(kind, 5, 1, node),
                "{kind} {node}"
            );
        }
        let list =
            |nodes: u32, late: u32| match &rendered(kind, nodes, late, CHAIN).files[0].content {
                Content::Bytes(bytes) => {
                    from_str::<Vec<String>>(std::str::from_utf8(bytes).unwrap()).unwrap()
                }
                other => panic!("{other:?}"),
            };
        let (four, five) = (list(4, 0), list(5, 1));
        assert_eq!(four, five[..4]);
        assert_eq!(five[4], fixture::client(4).enode);
    }
}

#[test]
fn the_list_is_live_and_everything_secret_goes_by_reference() {
    let rendered = rendered("qbft", 4, 0, "node/node1");
    assert!(rendered.files.is_empty());
    let mut live = Vec::new();
    for binding in &rendered.bindings {
        let (Source::File(from), Target::Path(path)) = (&binding.source, &binding.target) else {
            continue;
        };
        if binding.delivery == Delivery::Live {
            live.push((from.subject.as_str(), path.as_str()));
        }
        if [keys::NODE_KEY, keys::KEYSTORE, keys::PASSWORD].contains(&from.name.as_str()) {
            assert_eq!(from.subject, "node/node1");
            assert!(path.starts_with("/etc/quorum/keys/"), "{path}");
        } else {
            assert_eq!(from.subject, CHAIN, "{path}");
        }
    }
    let helper = |it: &&(&str, &str)| it.1.starts_with("/geth-helpers/");
    let lists: Vec<_> = live.iter().filter(|it| !helper(it)).collect();
    assert_eq!(
        lists,
        [&(CHAIN, "/etc/quorum/nodes/permissioned-nodes.json")]
    );
}

#[test]
fn a_consensus_has_its_helpers_and_the_validators_are_those_of_the_nodes() {
    let file = |rendered: &Rendered, name: &str| {
        let found = rendered.files.iter().find(|file| file.name == name)?;
        match &found.content {
            Content::Bytes(bytes) => String::from_utf8(bytes.clone()).ok(),
            other => panic!("{other:?}"),
        }
    };
    for (kind, there, not) in [
        (
            "qbft",
            "ibft_propose_all.sh",
            "raft_add_all_permissioned.sh",
        ),
        ("raft", "raft_add_all_permissioned.sh", "ibft_propose.sh"),
        ("clique", "public_contract.js", "private_contract.js"),
    ] {
        let chain = rendered(kind, 4, 0, CHAIN);
        assert!(
            file(&chain, there).is_some() && file(&chain, not).is_none(),
            "{kind}"
        );
        // What a node binds is there.
        for binding in &rendered(kind, 4, 0, "node/node1").bindings {
            let Source::File(from) = &binding.source else {
                continue;
            };
            let configured = ["genesis.json", "static-nodes.json"].contains(&from.name.as_str());
            if from.subject == CHAIN && !configured {
                assert!(file(&chain, &from.name).is_some(), "{kind} {}", from.name);
            }
        }
    }
    let list = file(
        &rendered("qbft", 2, 0, CHAIN),
        "istanbul-validator-config.toml",
    )
    .unwrap();
    let addresses = (0..2).map(|index| format!("\"{}\",\n", fixture::client(index).node_address));
    assert_eq!(
        list,
        format!(
            "vanity = \"0x00\"\nvalidators = [\n{}]\n",
            addresses.collect::<String>()
        )
    );
    let key =
        json!({"publicKey": "BULeR8JyUWhiuuCMU/HLA0Q5pzkYT+cHII3ZKBey3Bo=", "socket": "tm.ipc"});
    let private = host("qbft", 2, 0, None)
        .fact("node/node0", PRIVACY, &key)
        .fact("node/node1", PRIVACY, &key);
    let chain = rendered_as(&private, 2, 0, CHAIN, &json!({}), IMAGE.1);
    assert!(
        file(&chain, "private_contract.js")
            .unwrap()
            .contains("BULeR8Jy")
    );
}

#[test]
fn the_period_is_told_where_a_genesis_file_that_was_there_does_not_say_it() {
    for (said, told) in [(None, false), (Some(true), false), (Some(false), true)] {
        let mut chain =
            json!({"chainId": 1, "networkId": 1, "genesisHash": format!("0x{}", "a".repeat(64))});
        if let Some(said) = said {
            chain["periodInGenesis"] = json!(said);
        }
        let host = fixture::host(7)
            .fact(CHAIN, CONSENSUS, &json!(consensus("istanbul", 7)))
            .fact(CHAIN, CLIENT, &chain)
            .fact(
                "node/node0",
                CONSENSUS,
                &json!({"kind": "istanbul", "founder": true}),
            );
        let rendered = rendered_as(&host, 7, 0, "node/node0", &json!({}), IMAGE.1);
        assert_eq!(args(&rendered).contains("--istanbul.blockperiod 2"), told);
    }
}

#[test]
fn arguments_follow_consensus_and_version() {
    let of = |kind: &str, image: &str| {
        args(&rendered_as(
            &host(kind, 4, 0, None),
            4,
            0,
            "node/node0",
            &json!({}),
            image,
        ))
    };
    let qbft = of("qbft", IMAGE.1);
    assert!(
        qbft.contains("--mine --miner.threads 1") && !qbft.contains("blockperiod"),
        "{qbft}"
    );
    assert!(
        qbft.contains("--http.api admin,eth,debug,miner,net,txpool,personal,web3,quorum,istanbul")
    );
    assert!(qbft.contains("--networkid 1337") && qbft.contains("--http.rpcprefix=/"));
    assert!(qbft.contains("--unlock 0") && qbft.contains("--password /etc/quorum/keys/password"));
    assert!(!qbft.contains("--metrics"));
    let old = of("istanbul", "q:2.7.0");
    assert!(
        old.contains("--istanbul.blockperiod 2") && old.contains("--minerthreads 1"),
        "{old}"
    );
    assert!(old.contains("--rpcvhosts=*") && !old.contains("rpcprefix"));
    let raft = of("raft", IMAGE.1);
    assert!(
        raft.contains("--raft --raftport 50401 --raftdnsenable --raftblocktime 50"),
        "{raft}"
    );
    assert!(!raft.contains("--raftjoinexisting") && !raft.contains("--mine"));
    assert!(of("clique", IMAGE.1).contains(",clique"));
}

#[test]
fn a_node_that_joins_raft_starts_with_its_number_and_not_before_it_has_one() {
    let joined = |number| {
        let host = host("raft", 4, 1, number);
        rendered_as(&host, 4, 1, "node/node3", &json!({}), IMAGE.1)
    };
    let pending = joined(None);
    assert_eq!(env(&pending, "CHAIN_JOIN").as_deref(), Some("pending"));
    assert!(!args(&pending).contains("raftjoinexisting"));
    let ready = joined(Some(4));
    assert_eq!(env(&ready, "CHAIN_JOIN"), None);
    assert!(args(&ready).contains("--raftjoinexisting 4"));
    let founder = rendered("raft", 4, 1, "node/node0");
    assert_eq!(env(&founder, "CHAIN_JOIN"), None);
}

/// The client ends at its start when the genesis block has privacy enhancements and no manager answers.
#[test]
fn a_chain_with_privacy_enhancements_keeps_its_privacy_managers() {
    let render = |enhanced: bool, private: bool| {
        let mut chain =
            json!({"chainId": 1, "networkId": 1, "genesisHash": format!("0x{}", "a".repeat(64))});
        if enhanced {
            chain["privacyEnhancements"] = json!(true);
        }
        let mut host = fixture::host(4)
            .fact(CHAIN, CONSENSUS, &json!(consensus("qbft", 4)))
            .fact(CHAIN, CLIENT, &chain)
            .fact(
                "node/node0",
                CONSENSUS,
                &json!({"kind": "qbft", "founder": true}),
            );
        if private {
            let key = json!({"publicKey": "BULeR8JyUWhiuuCMU/HLA0Q5pzkYT+cHII3ZKBey3Bo=", "socket": "tm.ipc"});
            host = host.fact("node/node0", PRIVACY, &key);
        }
        let call = TestHost::call("node/node0", CLIENT, &json!({}), &[("quorum", IMAGE.1)]);
        session(4, 0).render(&host.at(&call))
    };
    assert!(render(true, true).is_ok() && render(false, false).is_ok());
    let fault = render(true, false).unwrap_err();
    assert!(fault[0].message.contains("node0 has no privacy manager"));
    assert!(
        fault[0]
            .hint
            .as_ref()
            .unwrap()
            .contains("--privacy tessera")
    );
}

#[test]
fn without_a_privacy_manager_the_client_ignores_it_and_with_one_it_has_its_socket() {
    let alone = rendered("qbft", 4, 0, "node/node0");
    assert_eq!(env(&alone, "PRIVATE_CONFIG").as_deref(), Some("ignore"));
    let privacy =
        json!({"publicKey": "BULeR8JyUWhiuuCMU/HLA0Q5pzkYT+cHII3ZKBey3Bo=", "socket": "tm.ipc"});
    let host = host("qbft", 4, 0, None).fact("node/node0", PRIVACY, &privacy);
    let private = rendered_as(&host, 4, 0, "node/node0", &json!({}), IMAGE.1);
    assert_eq!(
        env(&private, "PRIVATE_CONFIG").as_deref(),
        Some("/run/quorum/tm.ipc")
    );
    let sockets = |rendered: &Rendered| {
        let volumes = rendered.bindings.iter().filter(
            |binding| matches!(&binding.source, Source::Volume((volume, _)) if volume == "socket"),
        );
        volumes.count()
    };
    assert_eq!((sockets(&alone), sockets(&private)), (0, 1));
}

#[test]
fn arguments_that_a_version_dropped_get_their_new_names_with_a_warning() {
    let options = json!({"extraArgs": ["--minerthreads=2", "--cache=64"], "unlock": false, "corsOrigins": "*"});
    let rendered = rendered_as(
        &host("qbft", 4, 0, None),
        4,
        0,
        "node/node0",
        &options,
        IMAGE.1,
    );
    let args = args(&rendered);
    assert!(args.ends_with("--miner.threads=2 --cache=64"), "{args}");
    assert!(args.contains("--http.corsdomain=*") && !args.contains("--unlock"));
    assert_eq!(rendered.notes.len(), 1);
    assert!(rendered.notes[0].message.contains("--minerthreads"));
}
