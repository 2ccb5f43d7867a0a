//! Keys and genesis files that are there already, and nodes of other parties.

use super::genesis::{consensus, host};
use super::*;
use chain_plugin_sdk::{Content, Diagnostics, Endpoint, Plugin as _};
use quorum_formats::account::Account;
use quorum_formats::keystore::{Derivation, Seed};
use quorum_service::facts::ClientChain;
use serde_json::Value;

fn keystore(index: u32, password: &Password) -> String {
    let seed = Seed::draw(&mut |count| vec![7; count as usize]).unwrap();
    let pair = fixture::key(index);
    Keystore::encrypt(pair.pair(), password, Derivation::Light, &seed)
        .unwrap()
        .render()
        .unwrap()
}

fn brought(options: &Value) -> Result<Provisioned, Diagnostics> {
    let host = TestHost::new();
    let call = TestHost::call("node/node0", CLIENT, options, &[IMAGE]);
    session(1, 0).provision(&host.at(&call))
}

#[test]
fn keys_that_are_brought_are_kept() {
    let node = fixture::key(0).key_file();
    let account = keystore(1, &Password::new("hush").unwrap());
    let options = json!({
        "nodeKey": format!("{}\n", node.as_str()), "accountKey": account, "accountPassword": "hush\n",
    });
    let made = brought(&options).unwrap();
    assert_eq!(text(&made.keep, keys::NODE_KEY), node.as_str());
    assert_eq!(text(&made.keep, keys::KEYSTORE), account);
    assert_eq!(text(&made.keep, keys::PASSWORD), "hush\n");
    let facts: ClientFacts = from_str(&made.facts).unwrap();
    assert_eq!(facts.node_id, fixture::client(0).node_id);
    assert_eq!(facts.account_address, fixture::client(0).account_address);
}

#[test]
fn an_account_under_the_empty_password_gets_one() {
    let account = keystore(1, &Password::empty());
    for options in [
        json!({"accountKey": account}),
        json!({"accountKey": account, "accountPassword": ""}),
    ] {
        let made = brought(&options).unwrap();
        let password = Password::parse(text(&made.keep, keys::PASSWORD));
        assert_eq!(password.as_bytes().len(), 32);
        let kept = Keystore::parse(text(&made.keep, keys::KEYSTORE)).unwrap();
        assert!(kept.decrypt(&Password::empty()).is_err());
        let opened = Account::from(kept.decrypt(&password).unwrap());
        let address = Some(opened.address().to_string());
        assert_eq!(address, fixture::client(0).account_address);
    }
}

#[test]
fn a_key_that_is_none_is_refused_by_its_option_and_not_shown() {
    let account = keystore(1, &Password::new("hush").unwrap());
    let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    for (options, path, said) in [
        (json!({"nodeKey": order}), "/nodeKey", "private key"),
        (json!({"nodeKey": "c0ffee"}), "/nodeKey", "64 hex digits"),
        (json!({"accountKey": "{}"}), "/accountKey", "keystore"),
        (
            json!({"accountKey": account}),
            "/accountPassword",
            "does not open",
        ),
        (
            json!({"accountKey": account, "accountPassword": "swordfish"}),
            "/accountPassword",
            "does not open",
        ),
        (
            json!({"accountPassword": "swordfish"}),
            "/accountPassword",
            "no account",
        ),
    ] {
        let fault = brought(&options).unwrap_err().remove(0);
        assert_eq!(fault.path, path);
        assert!(fault.message.contains(said), "{}", fault.message);
        let shown = format!("{} {:?}", fault.message, fault.hint);
        for secret in [order, "c0ffee", "swordfish"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[test]
fn keys_are_brought_at_birth_only() {
    let host = TestHost::new().kept("node/node0", CLIENT, &born());
    let options = json!({"nodeKey": fixture::key(0).key_file().as_str()});
    let call = TestHost::call("node/node0", CLIENT, &options, &[IMAGE]);
    let again = session(1, 0).provision(&host.at(&call)).unwrap();
    let facts: ClientFacts = from_str(&again.facts).unwrap();
    assert!(again.keep.is_empty());
    assert_eq!(facts.node_id, text(&born(), keys::NODE_ID));
}

/// What configure makes of a genesis option, or of none.
fn configured(
    session: &GoQuorum,
    host: &TestHost,
    options: &Value,
) -> Result<Configured, Diagnostics> {
    let call = TestHost::call(CHAIN, CLIENT, options, &[IMAGE]);
    session.configure(&host.at(&call))
}

#[test]
fn two_nodes_with_one_key_are_named() {
    let facts = json!(consensus("qbft", 4));
    for (key, what) in [("nodeId", "node key"), ("accountAddress", "account")] {
        let mut host = TestHost::new().fact(CHAIN, CONSENSUS, &facts);
        for index in 0..4 {
            let node = format!("node/node{index}");
            let mut client = json!(fixture::client(index));
            if index == 2 {
                client[key] = json!(fixture::client(0))[key].clone();
            }
            host = host.fact(&node, CLIENT, &client).fact(
                &node,
                CONSENSUS,
                &json!({"kind": "qbft", "founder": true}),
            );
        }
        let fault = configured(&session(4, 0), &host, &json!({})).unwrap_err();
        let said = format!("node/node0 and node/node2 have one {what}");
        assert_eq!(fault[0].message, said);
    }
}

/// The genesis file that is made for a consensus.
fn made(kind: &str, nodes: u32) -> (String, ClientChain) {
    let host = host(&consensus(kind, nodes), nodes);
    let made = configured(&session(nodes, 0), &host, &json!({"chainId": 10})).unwrap();
    let text = String::from_utf8(made.files[0].bytes.clone()).unwrap();
    (text, from_str(&made.facts).unwrap())
}

#[test]
fn a_genesis_file_that_is_there_is_taken_byte_for_byte() {
    for (kind, nodes) in [("qbft", 4), ("istanbul", 7), ("clique", 4), ("raft", 4)] {
        let (file, facts) = made(kind, nodes);
        let file = file.replace("  ", "\t");
        let host = host(&consensus(kind, nodes), nodes);
        let taken = configured(&session(nodes, 0), &host, &json!({"genesis": file})).unwrap();
        assert_eq!(taken.files[0].bytes, file.as_bytes(), "{kind}");
        assert_eq!(taken.fingerprint, Some(facts.genesis_hash.clone()));
        let told: ClientChain = from_str(&taken.facts).unwrap();
        assert_eq!((told.chain_id, told.network_id), (10, 10));
        assert_eq!(taken.files.len(), if kind == "raft" { 2 } else { 1 });
        assert!(taken.notes.is_empty());
    }
}

#[test]
fn a_genesis_file_of_another_chain_is_refused() {
    let (file, _) = made("qbft", 4);
    let refused = |kind: &str, nodes: u32, options: &Value| {
        let host = host(&consensus(kind, nodes), nodes);
        let fault = configured(&session(nodes, 0), &host, options).unwrap_err();
        (fault[0].path.clone(), fault[0].message.clone())
    };
    let (path, message) = refused("qbft", 4, &json!({"genesis": file, "chainId": 11}));
    assert_eq!(path, "/chainId");
    assert!(message.contains("chain 10"), "{message}");
    let (_, message) = refused("raft", 4, &json!({"genesis": file}));
    assert!(message.contains("for qbft, the chain is set to raft"));
    let (_, message) = refused("qbft", 1, &json!({"genesis": file}));
    assert!(message.contains("no nodes here"), "{message}");
    let (small, _) = made("qbft", 1);
    let (_, message) = refused("qbft", 4, &json!({"genesis": small}));
    assert!(message.contains("does not name"), "{message}");
    let (_, message) = refused("qbft", 4, &json!({"genesis": "not json"}));
    assert!(!message.is_empty());
    let none = file.replace("\"chainId\": 10,", "");
    let (_, message) = refused("qbft", 4, &json!({"genesis": none}));
    assert!(message.contains("config.chainId"), "{message}");
    let enhanced = file.replace(
        "\"chainId\": 10,",
        "\"chainId\": 10, \"privacyEnhancementsBlock\": 0,",
    );
    let (_, message) = refused("qbft", 4, &json!({"genesis": enhanced}));
    assert!(message.contains("privacy manager"), "{message}");
    let old = json!({"genesis": file, "version": "21.10.0"});
    let (_, message) = refused("qbft", 4, &old);
    assert!(message.contains("22.4.0 is the first"), "{message}");
}

/// One node of our own, and the others those of another party, reached from outside.
fn joined(own: u32, all: u32) -> GoQuorum {
    let mut topology = fixture::topology(all, 0);
    for subject in topology.subjects.iter_mut().skip(1).skip(own as usize) {
        subject.foreign = true;
        subject.namespace = String::new();
        subject.workload = None;
        let outside = |port: &str, number: u16| Endpoint {
            port: port.to_owned(),
            service: String::new(),
            number,
            outside: Some(format!("192.0.2.{}:{number}", subject.ordinal)),
        };
        subject.endpoints = vec![outside("p2p", 31003), outside("raft", 31004)];
    }
    GoQuorum::open(topology).unwrap()
}

#[test]
fn nodes_of_others_stand_in_the_list_where_they_are_reached() {
    let (_, chain) = made("qbft", 4);
    let host = host(&consensus("qbft", 4), 4).fact(CHAIN, CLIENT, &json!(chain));
    let call = TestHost::call(CHAIN, CLIENT, &json!({}), &[IMAGE]);
    let rendered = joined(2, 4).render(&host.at(&call)).unwrap();
    let Content::Bytes(list) = &rendered.files[0].content else {
        panic!("no bytes")
    };
    let list: Vec<String> = serde_json::from_slice(list).unwrap();
    assert_eq!(list[..2], [0, 1].map(|it| fixture::client(it).enode));
    let theirs = format!(
        "enode://{}@192.0.2.3:31003?discport=0&raftport=31004",
        fixture::client(3).node_id
    );
    assert_eq!(list[3], theirs);
    assert!(
        rendered.claims.is_empty(),
        "two parties rightly have one id"
    );
}

#[test]
fn nodes_of_others_change_no_genesis_and_none_is_made_without_theirs() {
    let (file, facts) = made("qbft", 4);
    let mut host = TestHost::new().fact(CHAIN, CONSENSUS, &json!(consensus("qbft", 4)));
    for index in 0..5 {
        let mut client = json!(fixture::client(index));
        if index >= 1 {
            client.as_object_mut().unwrap().remove("accountAddress");
        }
        let node = format!("node/node{index}");
        host = host.fact(&node, CLIENT, &client).fact(
            &node,
            CONSENSUS,
            &json!({"kind": "qbft", "founder": true}),
        );
    }
    let fault = configured(&joined(1, 4), &host, &json!({})).unwrap_err();
    assert!(fault[0].message.contains("a chain of our own"));
    let taken = configured(&joined(1, 4), &host, &json!({"genesis": file})).unwrap();
    assert_eq!(taken.files[0].bytes, file.as_bytes());
    assert_eq!(taken.fingerprint, Some(facts.genesis_hash));
    assert!(taken.notes.is_empty());
    // A node that the members there must vote on.
    let (small, _) = made("qbft", 1);
    let ours = configured(&joined(1, 4), &host, &json!({"genesis": small})).unwrap();
    assert_eq!(ours.notes.len(), 1);
    assert!(
        ours.notes[0]
            .hint
            .as_ref()
            .unwrap()
            .contains("add-validator")
    );
}

#[test]
fn the_genesis_of_another_party_is_not_enough_for_raft() {
    let (file, _) = made("raft", 4);
    let host = host(&consensus("raft", 4), 4);
    let fault = configured(&joined(1, 4), &host, &json!({"genesis": file})).unwrap_err();
    assert!(fault[0].hint.as_ref().unwrap().contains("export"));
}

#[test]
fn a_later_change_to_qbft_is_written_as_the_version_reads_it() {
    let mut facts = consensus("istanbul", 7);
    facts.qbft_from_block = Some(100);
    let host = host(&facts, 7);
    let config = |image: &str| -> Result<Value, Diagnostics> {
        let call = TestHost::call(CHAIN, CLIENT, &json!({}), &[("quorum", image)]);
        let made = session(7, 0).configure(&host.at(&call))?;
        let genesis: Value = serde_json::from_slice(&made.files[0].bytes).unwrap();
        Ok(genesis["config"].clone())
    };
    let new = config("q:24.4.1").unwrap();
    assert_eq!(
        new["transitions"],
        json!([{"block": 100, "algorithm": "qbft"}])
    );
    assert_eq!(
        config("q:21.10.0").unwrap()["istanbul"]["testQBFTBlock"],
        100
    );
    let fault = config("q:2.7.0").unwrap_err();
    assert!(fault[0].message.contains("21.7.0 is the first that can"));
}
