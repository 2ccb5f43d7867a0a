//! Policies: texts, their encoded form, and which organisations can satisfy one.
//!
//! Two kinds have a text. A signature policy is `AND(..)`, `OR(..)` or `OutOf(n, ..)` over
//! principals such as `'Org1MSP.admin'`; an implicit one is `ANY`, `ALL` or `MAJORITY` and the name
//! of a policy of the groups below. The grammar is that of Fabric's own policy texts.

mod evaluate;
mod parse;
mod text;

use fabric_proto::policies::Policy;

pub use evaluate::{
    MemberSet, Resolved, members, policy_members, resolve, satisfiable, satisfiable_signature,
    smallest_set,
};
pub use parse::{parse_implicit, parse_signature};
pub use text::{implicit_text, principal_text, signature_text, to_text};

/// Deepest nesting of a text.
pub const MAX_DEPTH: usize = 24;

/// Longest text, in bytes.
pub const MAX_TEXT: usize = 64 * 1024;

/// Why a policy is not one.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The text breaks the grammar.
    #[error("policy `{text}` at byte {at}: expected {expected}")]
    Syntax {
        /// The text, shortened.
        text: String,
        /// Where.
        at: usize,
        /// What was expected there.
        expected: &'static str,
    },
    /// More signatures are asked for than there can be.
    #[error("policy `{text}`: expected a number from 0 to {max} before {count} rules, found {n}")]
    Threshold {
        /// The text, shortened.
        text: String,
        /// The number found.
        n: i64,
        /// Number of rules that follow.
        count: usize,
        /// The largest number that Fabric takes there.
        max: usize,
    },
    /// An encoded policy does not decode.
    #[error("policy does not decode as {kind}")]
    Decode {
        /// The message expected.
        kind: &'static str,
        /// Why not.
        #[source]
        source: fabric_proto::prost::DecodeError,
    },
    /// An encoded policy has no rule, or refers to a principal that it does not name.
    #[error("policy has {what}")]
    Malformed {
        /// What is wrong.
        what: &'static str,
    },
    /// The policy cannot be written as a text: it names a certificate, a unit or an unknown type.
    #[error("policy has no text form: {what}")]
    NoText {
        /// What has none.
        what: String,
    },
}

/// Reads a policy of either kind.
///
/// ```
/// use fabric_channel::policy;
/// let policy = policy::parse("OutOf(1,'A.peer', AND('B.admin','C.member'))")?;
/// assert_eq!(policy::to_text(&policy)?, "OR('A.peer', AND('B.admin', 'C.member'))");
/// # Ok::<(), policy::PolicyError>(())
/// ```
pub fn parse(text: &str) -> Result<Policy, PolicyError> {
    let word = text.split_whitespace().next().unwrap_or_default();
    if matches!(word, "ANY" | "ALL" | "MAJORITY") {
        return parse_implicit(text).map(|policy| Policy::from_implicit_meta(&policy));
    }
    parse_signature(text).map(|policy| Policy::from_signature(&policy))
}

/// The beginning of a text, for messages.
fn shortened(text: &str) -> String {
    if text.chars().count() <= 80 {
        return text.to_owned();
    }
    text.chars().take(77).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests;
