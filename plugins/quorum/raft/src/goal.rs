//! What an operation wants of the members, and whether they have it already.

use serde_json::{Value, json};

use crate::cluster::Member;

/// Who is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A node, by its public key.
    Node(String),
    /// A member, by its number.
    Number(u16),
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// The node of this key and URL is a member.
    Member {
        /// Its public key.
        node_id: String,
        /// Where the members reach it.
        enode: String,
    },
    /// It is none any more.
    Gone(Who),
    /// It has a vote.
    Voter(Who),
}

/// How things stand.
#[derive(Debug, PartialEq, Eq)]
pub enum Standing {
    /// As wanted; with the number of the member, if there is one.
    Met(Option<u16>),
    /// Not yet: a member must be told this.
    Open(&'static str, Value),
    /// It cannot be.
    Hopeless(String),
}

impl Who {
    fn of<'a>(&self, members: &'a [Member]) -> Option<&'a Member> {
        members.iter().find(|member| match self {
            Self::Node(node_id) => member.node_id == *node_id,
            Self::Number(number) => member.number == *number,
        })
    }
}

impl Goal {
    /// How things stand among these members.
    pub fn standing(&self, members: &[Member]) -> Standing {
        match self {
            Self::Member { node_id, enode } => match Who::Node(node_id.clone()).of(members) {
                Some(member) => Standing::Met(Some(member.number)),
                None => Standing::Open("raft_addPeer", json!([enode])),
            },
            Self::Gone(who) => match who.of(members) {
                None => Standing::Met(None),
                Some(_) if members.len() == 1 => {
                    Standing::Hopeless("it is the last member".to_owned())
                }
                Some(member) => Standing::Open("raft_removePeer", json!([member.number])),
            },
            Self::Voter(who) => match who.of(members) {
                None => Standing::Hopeless("it is no member".to_owned()),
                // Without a leader nobody has a role, and who is promoted needlessly is refused.
                Some(member) if member.role == "learner" || member.role.is_empty() => {
                    Standing::Open("raft_promoteToPeer", json!([member.number]))
                }
                Some(member) => Standing::Met(Some(member.number)),
            },
        }
    }
}
