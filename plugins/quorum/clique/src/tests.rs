//! Signers are accounts, and their bytes are those of the published vector.

use super::*;
use chain_plugin_sdk::TestHost;
use quorum_service::{CLIENT, fixture};
use serde_json::Value;

const VECTORS: &str = include_str!("../../../../tests/fixtures/quorum/vectors.json");

fn configured(host: &TestHost, nodes: u32) -> ConsensusFacts {
    let call = TestHost::call("chain", "consensus", &json!({}), &[]);
    let session = Clique::open(fixture::topology(nodes, 0)).unwrap();
    let configured = session.configure(&host.at(&call)).unwrap();
    serde_json::from_str(&configured.facts).unwrap()
}

#[test]
fn a_node_of_others_without_an_account_cannot_be_a_signer_from_the_beginning() {
    let mut topology = fixture::topology(2, 0);
    topology.subjects[2].foreign = true;
    let mut client = json!(fixture::client(1));
    client.as_object_mut().unwrap().remove("accountAddress");
    let host = fixture::host(1).fact("node/node1", "client", &client);
    let call = TestHost::call("chain", "consensus", &json!({}), &[]);
    let session = Clique::open(topology).unwrap();
    let fault = session.configure(&host.at(&call)).unwrap_err();
    assert!(
        fault[0]
            .message
            .contains("node/node1 of another party has no account")
    );
}

#[test]
fn vector_signers_are_the_accounts_in_the_order_of_the_nodes() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let case = &vectors["clique_extraData"]["cases"][0];
    let signers = case["signers"].as_array().unwrap();
    let mut host = TestHost::new();
    for (index, signer) in (0_u32..).zip(signers) {
        let mut facts = json!(fixture::client(index));
        facts["accountAddress"] = signer.clone();
        host = host.fact(&format!("node/node{index}"), CLIENT, &facts);
    }
    let facts = configured(&host, u32::try_from(signers.len()).unwrap());
    assert_eq!(
        Some(facts.genesis.extra_data.as_str()),
        case["computed"].as_str()
    );
    assert_eq!(facts.identity, Identity::Account);
    assert_eq!(facts.members.len(), 7);
}

#[test]
fn node_addresses_do_not_sign() {
    let facts = configured(&fixture::host(2), 2);
    let decoded = Extra::decode(&hex_of(&facts.genesis.extra_data)).unwrap();
    let accounts: Vec<String> = (0..2)
        .map(|it| fixture::client(it).account_address.unwrap())
        .collect();
    let signers: Vec<String> = decoded.signers.iter().map(ToString::to_string).collect();
    assert_eq!(signers, accounts);
    assert_eq!(
        (facts.kind.as_str(), facts.block_period_ms),
        ("clique", 5000)
    );
    assert_eq!(
        (facts.request_timeout_ms, facts.proposer_policy),
        (None, None)
    );
}

fn hex_of(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.trim_start_matches("0x").chars().collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}
