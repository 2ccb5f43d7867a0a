//! Keys are born once, genesis files are checked field by field for each consensus, and pods know nothing of peers.

mod existing;
mod genesis;
mod pods;
mod start;
mod work;

use super::*;
use chain_plugin_sdk::{Item, TestHost};
use quorum_formats::account::Password;
use quorum_formats::keystore::Keystore;
use quorum_formats::node_key::NodeKey;
use quorum_service::fixture;
use serde_json::{from_str, json};

pub(crate) const IMAGE: (&str, &str) = ("quorum", "quorumengineering/quorum:24.4.1");

pub(crate) fn session(nodes: u32, late: u32) -> GoQuorum {
    GoQuorum::open(fixture::topology(nodes, late)).unwrap()
}

fn born() -> Vec<Item> {
    let host = TestHost::new();
    let call = TestHost::call("node/node0", CLIENT, &json!({}), &[IMAGE]);
    session(1, 0).provision(&host.at(&call)).unwrap().keep
}

fn text<'a>(items: &'a [Item], name: &str) -> &'a str {
    let item = items.iter().find(|item| item.name == name).unwrap();
    std::str::from_utf8(&item.bytes).unwrap()
}

#[test]
fn an_identity_is_born_once_and_its_halves_belong_together() {
    let items = born();
    let secrets: Vec<&str> = items
        .iter()
        .filter(|item| item.secret)
        .map(|item| item.name.as_str())
        .collect();
    assert_eq!(secrets, [keys::NODE_KEY, keys::KEYSTORE, keys::PASSWORD]);
    let node = NodeKey::parse(text(&items, keys::NODE_KEY)).unwrap();
    assert_eq!(node.id().to_string(), text(&items, keys::NODE_ID));
    let password = Password::parse(text(&items, keys::PASSWORD));
    assert_eq!(password.as_bytes().len(), 32);
    let keystore = Keystore::parse(text(&items, keys::KEYSTORE)).unwrap();
    let account = keystore.decrypt(&password).unwrap();
    assert_eq!(account.address().to_string(), text(&items, keys::ACCOUNT));
}

#[test]
fn later_runs_derive_the_same_facts_from_the_public_items_alone() {
    let host = TestHost::new();
    let call = TestHost::call("node/node0", CLIENT, &json!({}), &[IMAGE]);
    let first = session(1, 0).provision(&host.at(&call)).unwrap();
    let public: Vec<Item> = first.keep.iter().filter(|it| !it.secret).cloned().collect();
    let host = TestHost::new().kept("node/node0", CLIENT, &public);
    let again = session(3, 1).provision(&host.at(&call)).unwrap();
    assert_eq!((again.keep.len(), &again.facts), (0, &first.facts));
    let facts: ClientFacts = from_str(&first.facts).unwrap();
    assert!(
        facts
            .enode
            .starts_with(&format!("enode://{}@demo-node0:30303", facts.node_id))
    );
    assert!(facts.enode.ends_with("?discport=0&raftport=50401"));
    assert_ne!(Some(facts.node_address), facts.account_address);
}

#[test]
fn no_secret_is_among_the_facts() {
    let items = born();
    let host = TestHost::new();
    let call = TestHost::call("node/node0", CLIENT, &json!({}), &[IMAGE]);
    let facts = session(1, 0).provision(&host.at(&call)).unwrap().facts;
    for secret in items.iter().filter(|item| item.secret) {
        let secret = std::str::from_utf8(&secret.bytes).unwrap().trim();
        assert!(!facts.contains(secret));
    }
}

#[test]
fn the_chain_id_follows_from_the_name_unless_it_is_said() {
    let options = options::Options::default();
    let id = options.chain_id("demo");
    assert_eq!(id, options.chain_id("demo"));
    assert_ne!(id, options.chain_id("demo2"));
    assert!(id >= 1_000_000);
    let said = options::Options {
        chain_id: Some(1337),
        ..options::Options::default()
    };
    assert_eq!(said.chain_id("demo"), 1337);
}
