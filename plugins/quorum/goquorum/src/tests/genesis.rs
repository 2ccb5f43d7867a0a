//! For each consensus: the genesis file is decoded and checked field by field, against what the nodes are.

use super::*;
use chain_plugin_sdk::Diagnostics;
use chain_plugin_sdk::Plugin as _;
use quorum_formats::genesis::block::Block;
use quorum_formats::genesis::summary::{Kind, Summary};
use quorum_service::facts::{ClientChain, ConsensusFacts, GenesisFields, Identity};
use serde_json::Value;

const VANITY: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const BFT_MIX: &str = "0x63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365";
const RAFT_MIX: &str = "0x00000000000000000000000000000000000000647572616c65787365646c6578";

/// What a consensus says about a chain of so many nodes: written by hand here, with the vectors' extra data.
pub(crate) fn consensus(kind: &str, nodes: u32) -> ConsensusFacts {
    let vectors: Value = from_str(include_str!(
        "../../../../../tests/fixtures/quorum/vectors.json"
    ))
    .unwrap();
    let nodes_of = |index: u32| fixture::client(index);
    let case = |section: &str, list: &str| {
        vectors[section]["cases"]
            .as_array()
            .unwrap()
            .iter()
            .find(|case| case[list].as_array().map(Vec::len) == usize::try_from(nodes).ok())
            .and_then(|case| case["computed"].as_str())
            .unwrap()
            .to_owned()
    };
    let accounts: Vec<String> = (0..nodes)
        .map(|it| nodes_of(it).account_address.unwrap())
        .collect();
    let addresses: Vec<String> = (0..nodes).map(|it| nodes_of(it).node_address).collect();
    let (identity, members, extra_data) = match kind {
        "qbft" => (
            Identity::Node,
            addresses,
            case("qbft_extraData", "validators"),
        ),
        "istanbul" => (
            Identity::Node,
            addresses,
            case("istanbul_extraData", "validators"),
        ),
        "clique" => {
            let signers: String = accounts.iter().map(|it| it[2..].to_lowercase()).collect();
            let extra = format!("0x{VANITY}{signers}{}", "0".repeat(130));
            (Identity::Account, accounts, extra)
        }
        _ => (Identity::Number, Vec::new(), format!("0x{VANITY}")),
    };
    let raft = kind == "raft";
    ConsensusFacts {
        kind: kind.to_owned(),
        block_period_ms: if raft { 50 } else { 2000 },
        empty_block_period_ms: None,
        request_timeout_ms: Some(4000),
        epoch_length: Some(100),
        proposer_policy: None,
        qbft_from_block: None,
        identity,
        members,
        numbers: std::collections::BTreeMap::new(),
        genesis: GenesisFields {
            difficulty: if raft { "0x0" } else { "0x1" }.to_owned(),
            mix_hash: if raft { RAFT_MIX } else { BFT_MIX }.to_owned(),
            extra_data,
        },
    }
}

/// A host that knows nodes and a consensus.
pub(crate) fn host(facts: &ConsensusFacts, nodes: u32) -> TestHost {
    let host = fixture::host(nodes).fact(CHAIN, CONSENSUS, &json!(facts));
    (0..nodes).fold(host, |host, index| {
        let node = json!({"kind": facts.kind, "founder": true});
        host.fact(&format!("node/node{index}"), CONSENSUS, &node)
    })
}

fn configured(
    host: &TestHost,
    nodes: u32,
    options: &Value,
    image: &str,
) -> Result<(Value, ClientChain, Vec<String>, String), Diagnostics> {
    let call = TestHost::call(CHAIN, CLIENT, options, &[("quorum", image)]);
    let made = session(nodes, 0).configure(&host.at(&call))?;
    let names = made.files.iter().map(|file| file.name.clone()).collect();
    let text = String::from_utf8(made.files[0].bytes.clone()).unwrap();
    let facts: ClientChain = from_str(&made.facts).unwrap();
    assert_eq!(made.fingerprint.as_ref(), Some(&facts.genesis_hash));
    assert_eq!(
        Block::parse(&text).unwrap().hash().to_string(),
        facts.genesis_hash
    );
    Ok((from_str(&text).unwrap(), facts, names, text))
}

fn of(kind: &str, nodes: u32) -> (Value, ClientChain, Vec<String>, Summary) {
    let host = host(&consensus(kind, nodes), nodes);
    let (genesis, facts, names, text) = configured(&host, nodes, &json!({}), IMAGE.1).unwrap();
    let summary = Summary::parse(&text).unwrap();
    common(&genesis, &facts, nodes);
    (genesis, facts, names, summary)
}

/// What is the same in every genesis file.
fn common(genesis: &Value, facts: &ClientChain, nodes: u32) {
    let alloc = genesis["alloc"].as_object().unwrap();
    let mut accounts: Vec<String> = (0..nodes)
        .map(|it| fixture::client(it).account_address.unwrap())
        .collect();
    accounts.sort();
    let mut funded: Vec<String> = alloc.keys().cloned().collect();
    funded.sort();
    assert_eq!(funded, accounts);
    for account in alloc.values() {
        assert_eq!(account["balance"], "1000000000000000000000000000");
    }
    assert_eq!(genesis["coinbase"], format!("0x{}", "0".repeat(40)));
    assert_eq!(genesis["gasLimit"], "0xe0000000");
    assert_eq!(genesis["nonce"], "0x0");
    assert_eq!(genesis["timestamp"], "0x0");
    assert_eq!(genesis["parentHash"], format!("0x{VANITY}"));
    let config = &genesis["config"];
    for fork in [
        "homesteadBlock",
        "byzantiumBlock",
        "constantinopleBlock",
        "petersburgBlock",
        "istanbulBlock",
        "eip150Block",
        "eip155Block",
        "eip158Block",
    ] {
        assert_eq!(config[fork], 0, "{fork}");
    }
    assert_eq!(config["isQuorum"], true);
    assert_eq!(
        config["maxCodeSizeConfig"],
        json!([{"block": 0, "size": 32}])
    );
    assert_eq!(config["chainId"], facts.chain_id);
    assert_eq!(facts.network_id, facts.chain_id);
}

#[test]
fn qbft() {
    let (genesis, facts, names, summary) = of("qbft", 4);
    assert_eq!(names, ["genesis.json"]);
    assert_eq!(genesis["difficulty"], "0x1");
    assert_eq!(genesis["mixHash"], BFT_MIX);
    assert_eq!(
        genesis["extraData"],
        consensus("qbft", 4).genesis.extra_data
    );
    let own = &genesis["config"]["qbft"];
    assert_eq!(own["epochlength"], 100);
    assert_eq!(own["blockperiodseconds"], 2);
    assert_eq!(own["requesttimeoutseconds"], 4);
    assert_eq!(own["policy"], 0);
    assert_eq!(summary.consensus, Some(Kind::Qbft));
    let members: Vec<String> = summary.members.iter().map(ToString::to_string).collect();
    assert_eq!(members, consensus("qbft", 4).members);
    assert_eq!(
        facts.members_method.as_deref(),
        Some("istanbul_getValidators")
    );
    assert!(genesis["config"].get("privacyEnhancementsBlock").is_none());
}

#[test]
fn qbft_of_clients_before_22_4_is_spelled_otherwise_and_before_21_7_refused() {
    let host = host(&consensus("qbft", 4), 4);
    let (genesis, ..) = configured(&host, 4, &json!({}), "q:21.10.0").unwrap();
    assert_eq!(
        genesis["config"]["istanbul"],
        json!({"epoch": 100, "policy": 0, "testQBFTBlock": 0})
    );
    assert_eq!(
        genesis["extraData"],
        consensus("qbft", 4).genesis.extra_data
    );
    let fault = configured(&host, 4, &json!({}), "q:20.10.0").unwrap_err();
    assert!(fault[0].message.contains("21.7.0"), "{}", fault[0].message);
}

#[test]
fn istanbul() {
    let (genesis, _, names, summary) = of("istanbul", 7);
    assert_eq!(names, ["genesis.json"]);
    assert_eq!(
        (&genesis["difficulty"], &genesis["mixHash"]),
        (&json!("0x1"), &json!(BFT_MIX))
    );
    assert_eq!(genesis["config"]["ibft"]["blockperiodseconds"], 2);
    assert_eq!(genesis["config"]["ibft"]["epochlength"], 100);
    assert_eq!(summary.consensus, Some(Kind::Ibft));
    let members: Vec<String> = summary.members.iter().map(ToString::to_string).collect();
    assert_eq!(members, consensus("istanbul", 7).members);
    let host = host(&consensus("istanbul", 7), 7);
    let (old, ..) = configured(&host, 7, &json!({}), "q:2.5.0").unwrap();
    assert_eq!(
        old["config"]["istanbul"],
        json!({"epoch": 100, "policy": 0})
    );
    assert_eq!(old["config"]["maxCodeSize"], 35);
    // A version is a number: 10 is later than 2.6.
    let (later, ..) = configured(&host, 7, &json!({}), "q:10.0.0").unwrap();
    assert!(later["config"].get("maxCodeSizeConfig").is_some());
}

#[test]
fn clique() {
    let (genesis, facts, _, summary) = of("clique", 3);
    assert_eq!(
        genesis["config"]["clique"],
        json!({"period": 2, "epoch": 100})
    );
    assert_eq!(
        (&genesis["difficulty"], &genesis["mixHash"]),
        (&json!("0x1"), &json!(BFT_MIX))
    );
    assert_eq!(summary.consensus, Some(Kind::Clique));
    let signers: Vec<String> = summary.members.iter().map(ToString::to_string).collect();
    let accounts: Vec<String> = (0..3)
        .map(|it| fixture::client(it).account_address.unwrap())
        .collect();
    assert_eq!(signers, accounts);
    assert_eq!(facts.members_method.as_deref(), Some("clique_getSigners"));
}

#[test]
fn raft() {
    let (genesis, facts, names, summary) = of("raft", 3);
    assert_eq!(names, ["genesis.json", "static-nodes.json"]);
    assert_eq!(
        (&genesis["difficulty"], &genesis["mixHash"]),
        (&json!("0x0"), &json!(RAFT_MIX))
    );
    assert_eq!(genesis["extraData"], format!("0x{VANITY}"));
    for key in ["istanbul", "ibft", "qbft", "clique"] {
        assert!(genesis["config"].get(key).is_none(), "{key}");
    }
    assert_eq!(summary.consensus, Some(Kind::Raft));
    assert!(summary.members.is_empty());
    assert_eq!(facts.members_method.as_deref(), Some("raft_cluster"));
}

#[test]
fn privacy_enhancements_stand_in_the_genesis_when_all_managers_know_them() {
    for (enhanced, block) in [(true, json!(0)), (false, Value::Null)] {
        let host = host(&consensus("qbft", 4), 4).fact(
            CHAIN,
            PRIVACY,
            &json!({"privacyEnhancements": enhanced}),
        );
        let (genesis, ..) = configured(&host, 4, &json!({}), IMAGE.1).unwrap();
        let found = genesis["config"].get("privacyEnhancementsBlock").cloned();
        assert_eq!(found.unwrap_or_default(), block);
    }
}

#[test]
fn what_the_user_says_of_the_chain_is_in_it() {
    let host = host(&consensus("qbft", 1), 1);
    let options =
        json!({"chainId": 1337, "networkId": 10, "balance": "0x10", "gasLimit": 4_700_000});
    let (genesis, facts, ..) = configured(&host, 1, &options, IMAGE.1).unwrap();
    assert_eq!((facts.chain_id, facts.network_id), (1337, 10));
    assert_eq!(genesis["gasLimit"], "0x47b760");
    let alloc = genesis["alloc"].as_object().unwrap();
    assert_eq!(alloc.values().next().unwrap()["balance"], "16");
}

#[test]
fn mixed_and_unknown_consensus_and_a_tag_without_a_version_are_refused() {
    let facts = consensus("qbft", 4);
    let mixed = fixture::host(4).fact(CHAIN, CONSENSUS, &json!(facts));
    let mixed = (0..4).fold(mixed, |host, index| {
        let kind = if index == 2 { "raft" } else { "qbft" };
        let node = json!({"kind": kind, "founder": true});
        host.fact(&format!("node/node{index}"), CONSENSUS, &node)
    });
    let fault = configured(&mixed, 4, &json!({}), IMAGE.1).unwrap_err();
    assert!(
        fault[0]
            .message
            .starts_with("node2 is set to raft, the chain to qbft")
    );

    let mut unknown = facts.clone();
    "hotstuff".clone_into(&mut unknown.kind);
    let fault = configured(&host(&unknown, 4), 4, &json!({}), IMAGE.1).unwrap_err();
    assert!(
        fault[0]
            .message
            .contains("knows istanbul, qbft, raft, clique")
    );

    let fault = configured(&host(&facts, 4), 4, &json!({}), "q:latest").unwrap_err();
    assert_eq!(fault[0].path, "/version");
    let said = json!({"version": "24.4.1"});
    assert!(configured(&host(&facts, 4), 4, &said, "q:latest").is_ok());

    let mut foreign = facts;
    foreign.genesis.extra_data = format!("0x{VANITY}");
    let fault = configured(&host(&foreign, 4), 4, &json!({}), IMAGE.1).unwrap_err();
    assert_eq!(fault[0].code, "genesis");
}

#[test]
fn half_a_second_between_blocks_is_no_number_of_seconds() {
    let mut facts = consensus("qbft", 4);
    facts.block_period_ms = 500;
    let fault = configured(&host(&facts, 4), 4, &json!({}), IMAGE.1).unwrap_err();
    assert!(
        fault[0]
            .message
            .contains("500 ms is no whole number of seconds")
    );
}
