//! The members of Raft, as `raft_*` tells it: a change is proposed, and holds a little later.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// A member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its public key.
    pub node_id: String,
    /// Whether it has no vote.
    pub learner: bool,
    /// Where the others reach it.
    pub url: String,
}

/// A change that was proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Change {
    Add(u16, Member),
    Remove(u16),
    Promote(u16),
}

/// The cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cluster {
    /// Members by number.
    pub members: BTreeMap<u16, Member>,
    /// The highest number that was ever given.
    pub highest: u16,
    /// How many memberships have begun.
    pub begun: u32,
    /// How many have ended.
    pub ended: u32,
    proposed: Vec<Change>,
}

impl Cluster {
    /// The cluster of these founders, numbered from 1.
    pub fn of(founders: impl Iterator<Item = String>) -> Self {
        let mut cluster = Self::default();
        for node_id in founders {
            cluster.highest += 1;
            let member = Member {
                node_id,
                learner: false,
                url: String::new(),
            };
            cluster.members.insert(cluster.highest, member);
        }
        cluster
    }

    /// The number of a node.
    pub fn number(&self, node_id: &str) -> Option<u16> {
        let found = self.members.iter().find(|(_, it)| it.node_id == node_id);
        found.map(|(number, _)| *number)
    }

    /// The answer of the node whose key is `asked`; nothing when the method is not about members.
    pub fn answer(
        &mut self,
        asked: &str,
        method: &str,
        params: &Value,
    ) -> Option<Result<Value, String>> {
        let verb = method.strip_prefix("raft_")?;
        let first = params.get(0);
        let number = first.and_then(Value::as_u64);
        let number = number.and_then(|number| u16::try_from(number).ok());
        let own = self.number(asked);
        Some(match (verb, own) {
            // Who is no member knows nobody.
            ("cluster", None) => Ok(json!([])),
            ("cluster", Some(_)) => Ok(self.list()),
            (_, None) => Err("node not part of raft cluster. operations not allowed".to_owned()),
            ("addPeer", _) => self.add(first.and_then(Value::as_str).unwrap_or_default()),
            ("removePeer", _) => {
                self.proposed.extend(number.map(Change::Remove));
                Ok(Value::Null)
            }
            ("promoteToPeer", _) => {
                match number.and_then(|it| Some((it, self.members.get(&it)?))) {
                    Some((number, member)) if member.learner => {
                        self.proposed.push(Change::Promote(number));
                        Ok(json!(true))
                    }
                    _ => Err("only learner can be promoted to peer".to_owned()),
                }
            }
            _ => Err(format!("the method {method} does not exist")),
        })
    }

    fn list(&self) -> Value {
        let leader = self.members.iter().find(|(_, it)| !it.learner);
        let leader = leader.map(|(number, _)| *number);
        let one = |(number, member): (&u16, &Member)| {
            let role = match member {
                _ if Some(*number) == leader => "minter",
                member if member.learner => "learner",
                _ => "verifier",
            };
            json!({"raftId": number, "nodeId": member.node_id, "role": role, "nodeActive": true})
        };
        self.members.iter().map(one).collect()
    }

    fn add(&mut self, url: &str) -> Result<Value, String> {
        let rest = url.strip_prefix("enode://").unwrap_or_default();
        let Some((node_id, _)) = rest.split_once('@') else {
            return Err("invalid URL scheme, want \"enode\"".to_owned());
        };
        if !rest.contains("raftport=") {
            return Err("enodeId is missing raftport querystring parameter".to_owned());
        }
        if self.number(node_id).is_some() {
            return Err("node with this enode has already been added to the cluster".to_owned());
        }
        // Of two that are proposed at once both are answered with one number.
        let number = self.highest + 1;
        let member = Member {
            node_id: node_id.to_owned(),
            learner: false,
            url: url.to_owned(),
        };
        self.proposed.push(Change::Add(number, member));
        Ok(json!(number))
    }

    /// A little later: what was proposed holds. Of two proposals with one number the first one does.
    pub fn settle(&mut self) {
        for change in std::mem::take(&mut self.proposed) {
            match change {
                Change::Add(number, member) => {
                    if !self.members.contains_key(&number) && number > self.highest {
                        self.members.insert(number, member);
                        self.highest = number;
                        self.begun += 1;
                    }
                }
                Change::Remove(number) => {
                    self.ended += u32::from(self.members.remove(&number).is_some());
                }
                Change::Promote(number) => {
                    if let Some(member) = self.members.get_mut(&number) {
                        member.learner = false;
                    }
                }
            }
        }
    }
}
