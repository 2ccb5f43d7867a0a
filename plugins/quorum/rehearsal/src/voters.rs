//! Who makes blocks by vote, as `istanbul_*` and `clique_*` tell it: a voter proposes for as long as it wants something,
//! and every block counts.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// The voters of a chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Voters {
    /// Addresses of those who have a vote.
    pub members: BTreeSet<String>,
    /// What each node wants now: address to in or out.
    pub pending: BTreeMap<String, BTreeMap<String, bool>>,
    /// How often each node has cast which vote.
    pub cast: BTreeMap<(String, String, bool), u32>,
}

/// What the methods of a consensus mean here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    List,
    Pending,
    Propose,
    Discard,
}

fn verb(method: &str) -> Option<Verb> {
    Some(match method {
        "istanbul_getValidators" | "clique_getSigners" => Verb::List,
        "istanbul_candidates" | "clique_proposals" => Verb::Pending,
        "istanbul_propose" | "clique_propose" => Verb::Propose,
        "istanbul_discard" | "clique_discard" => Verb::Discard,
        _ => return None,
    })
}

impl Voters {
    /// The answer of the node `on`; nothing when the method is not about votes.
    pub fn answer(&mut self, on: &str, method: &str, params: &Value) -> Option<Value> {
        let text = params.get(0).and_then(Value::as_str);
        let address = text.unwrap_or_default().to_lowercase();
        let of_node = self.pending.entry(on.to_owned()).or_default();
        Some(match verb(method)? {
            Verb::List => json!(self.members),
            Verb::Pending => json!(of_node),
            Verb::Propose => {
                let vote = params.get(1).and_then(Value::as_bool).unwrap_or_default();
                of_node.insert(address.clone(), vote);
                let cast = self.cast.entry((on.to_owned(), address, vote));
                *cast.or_default() += 1;
                Value::Null
            }
            Verb::Discard => {
                of_node.remove(&address);
                Value::Null
            }
        })
    }

    /// A block is made: what more than half of the voters want comes to pass. `own` are the addresses of the nodes.
    pub fn block(&mut self, own: &BTreeMap<String, String>) {
        let wanted = self.pending.values().flatten();
        let wanted: BTreeSet<(String, bool)> =
            wanted.map(|(who, vote)| (who.clone(), *vote)).collect();
        for (who, vote) in wanted {
            let alike = self.pending.iter().filter(|(node, wants)| {
                let votes = own.get(*node).is_some_and(|it| self.members.contains(it));
                votes && wants.get(&who) == Some(&vote)
            });
            if alike.count() <= self.members.len() / 2 {
                continue;
            }
            if vote {
                self.members.insert(who);
            } else {
                self.members.remove(&who);
            }
        }
    }
}
