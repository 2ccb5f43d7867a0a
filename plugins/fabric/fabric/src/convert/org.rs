//! An organisation as it stands under `orgs`.

use serde_json::{Map, Value, json};

use crate::names;

/// A node.
#[derive(Debug)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Names by which other files know it.
    pub known: Vec<String>,
    /// Further names of its certificate.
    pub sans: Vec<String>,
    /// Whether other organisations know its own by it.
    pub anchor: bool,
}

/// An organisation.
#[derive(Debug)]
pub struct Org<'a> {
    /// Its name.
    pub name: String,
    /// Its MSP, where configtx.yaml tells it.
    pub msp_id: Option<&'a str>,
    /// Its namespace.
    pub namespace: String,
    /// Its domain.
    pub domain: String,
    /// Whether it orders.
    pub ordering: bool,
    /// Its orderers, where they are known.
    pub orderers: Option<Vec<Node>>,
    /// Its peers, where they are known.
    pub peers: Option<Vec<Node>>,
    /// How many users it has, where that is known.
    pub users: Option<u64>,
    /// Whether roles stand in its certificates.
    pub node_ous: bool,
    /// Country, province and locality of its certificates.
    pub subject: [Option<String>; 3],
}

impl Org<'_> {
    /// Its name in channels.
    pub fn id(&self) -> String {
        let usual = || names::msp_id(&self.name);
        self.msp_id.map_or_else(usual, str::to_owned)
    }

    /// As it stands under `orgs`: what is usual is not said.
    pub fn entry(&self) -> Value {
        let mut entry = Map::new();
        let mut put = |key: &str, value: Value| {
            entry.insert(key.to_owned(), value);
        };
        put("name", json!(self.name));
        if self.id() != names::msp_id(&self.name) {
            put("mspId", json!(self.id()));
        }
        if self.namespace != self.name {
            put("namespace", json!(self.namespace));
        }
        if self.domain != self.namespace {
            put("domain", json!(self.domain));
        }
        if self.ordering {
            put("ordering", json!(true));
        }
        for (key, word, nodes) in [
            ("orderers", "orderer", &self.orderers),
            ("peers", "peer", &self.peers),
        ] {
            if let Some(nodes) = nodes {
                // Who orders has no peers unless some are said.
                if !(nodes.is_empty() && self.ordering && key == "peers") {
                    put(key, listed(word, nodes));
                }
            }
        }
        if let Some(users) = self.users {
            put("users", json!(users));
        }
        if !self.node_ous {
            put("nodeOus", json!(false));
        }
        let keys = ["country", "province", "locality"];
        for (key, value) in keys.into_iter().zip(&self.subject) {
            if let Some(value) = value {
                put(key, json!(value));
            }
        }
        Value::Object(entry)
    }
}

/// A number where all are as they are when nothing is said, else a list.
fn listed(word: &str, nodes: &[Node]) -> Value {
    let plain = |(index, node): (usize, &Node)| {
        node.name == format!("{word}{index}") && node.sans.is_empty() && !node.anchor
    };
    if nodes.iter().enumerate().all(plain) {
        return json!(nodes.len());
    }
    let entries = nodes.iter().map(|node| {
        let mut entry = json!({"name": node.name});
        if let Some(map) = entry.as_object_mut() {
            if !node.sans.is_empty() {
                map.insert("sans".to_owned(), json!(node.sans));
            }
            if node.anchor {
                map.insert("anchor".to_owned(), json!(true));
            }
        }
        entry
    });
    Value::Array(entries.collect())
}
