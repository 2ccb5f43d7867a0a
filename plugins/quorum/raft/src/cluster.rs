//! The members of Raft as a node lists them: the answer of `raft_cluster`.

use serde::Deserialize;
use serde_json::Value;

/// A member.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Its number.
    #[serde(rename = "raftId")]
    pub number: u16,
    /// Its public key: 128 hex digits.
    pub node_id: String,
    /// `minter`, `verifier` or `learner`; empty when nobody knows.
    #[serde(default)]
    pub role: String,
}

/// All members in an answer; nothing when it is none. Who is no member itself, or does not know yet, lists nobody: that
/// says nothing about the others.
pub fn read(answer: &Value) -> Option<Vec<Member>> {
    let members: Vec<Member> = serde_json::from_value(answer.clone()).ok()?;
    (!members.is_empty()).then_some(members)
}
