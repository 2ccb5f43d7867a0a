//! Expressions for the client's console, `geth --exec '<expression>' attach`.
//!
//! What goes in is typed, so nothing needs escaping: addresses are hex, URLs hold no quote. Answers
//! come back as JSON or as a line of text; [`raft_id`] and [`failed`] read those that matter.

use crate::address::Address;
use crate::enode::Enode;

/// Blocks that the node has.
pub const BLOCK_NUMBER: &str = "eth.blockNumber";
/// Peers that the node has.
pub const PEER_COUNT: &str = "net.peerCount";
/// The hash of the genesis block, quoted.
pub const GENESIS_HASH: &str = "eth.getBlock(0).hash";
/// The validators of Istanbul and QBFT at the last block.
pub const VALIDATORS: &str = "JSON.stringify(istanbul.getValidators())";
/// The votes of this node for Istanbul and QBFT that are pending.
pub const CANDIDATES: &str = "JSON.stringify(istanbul.candidates)";
/// The signers of Clique at the last block.
pub const SIGNERS: &str = "JSON.stringify(clique.getSigners())";
/// The votes of this node for Clique that are pending.
pub const PROPOSALS: &str = "JSON.stringify(clique.proposals)";
/// The members of Raft, with their ids and roles.
pub const RAFT_CLUSTER: &str = "JSON.stringify(raft.cluster)";
/// `minter`, `verifier` or `learner`.
pub const RAFT_ROLE: &str = "raft.role";

/// Votes for a validator of Istanbul or QBFT to come in, or go. More than half must vote alike.
#[must_use]
pub fn istanbul_propose(validator: &Address, join: bool) -> String {
    format!("istanbul.propose(\"{validator}\", {join})")
}

/// Takes a vote back.
#[must_use]
pub fn istanbul_discard(validator: &Address) -> String {
    format!("istanbul.discard(\"{validator}\")")
}

/// Votes for a signer of Clique to come in, or go.
#[must_use]
pub fn clique_propose(signer: &Address, join: bool) -> String {
    format!("clique.propose(\"{signer}\", {join})")
}

/// Takes a vote back.
#[must_use]
pub fn clique_discard(signer: &Address) -> String {
    format!("clique.discard(\"{signer}\")")
}

/// Makes a node a member of Raft; the answer is its id, which it must start with.
#[must_use]
pub fn raft_add_peer(node: &Enode) -> String {
    format!("raft.addPeer(\"{node}\")")
}

/// Makes a node a member that has no vote; the answer is its id.
#[must_use]
pub fn raft_add_learner(node: &Enode) -> String {
    format!("raft.addLearner(\"{node}\")")
}

/// Gives a learner a vote.
#[must_use]
pub fn raft_promote(id: u16) -> String {
    format!("raft.promoteToPeer({id})")
}

/// Ends a membership. An id is never given twice.
#[must_use]
pub fn raft_remove(id: u16) -> String {
    format!("raft.removePeer({id})")
}

/// The Raft id in the answer of [`raft_add_peer`] or [`raft_add_learner`].
#[must_use]
pub fn raft_id(answer: &str) -> Option<u16> {
    answer.trim().parse().ok().filter(|id| *id > 0)
}

/// Whether an answer is an error: the console prints it and still exits with 0.
#[must_use]
pub fn failed(answer: &str) -> bool {
    let answer = answer.trim_start();
    [
        "Error:",
        "Fatal:",
        "err:",
        "TypeError:",
        "ReferenceError:",
        "SyntaxError:",
    ]
    .iter()
    .any(|mark| answer.starts_with(mark))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::vector;

    #[test]
    fn expressions_hold_their_operands() {
        let address = Address::from_bytes([7; 20]);
        assert_eq!(
            istanbul_propose(&address, true),
            format!("istanbul.propose(\"{address}\", true)")
        );
        assert_eq!(
            clique_propose(&address, false),
            format!("clique.propose(\"{address}\", false)")
        );
        let url = vector("enode_urls_qubernetes")["computed"][0].clone();
        let node: Enode = url.as_str().unwrap().parse().unwrap();
        assert_eq!(raft_add_peer(&node), format!("raft.addPeer({url})"));
    }

    #[test]
    fn answers_are_told_apart() {
        assert_eq!(raft_id("5\n"), Some(5));
        assert_eq!(raft_id("Error: node is already in the cluster"), None);
        assert_eq!(raft_id("0"), None);
        assert!(failed("Error: the method does not exist\n"));
        assert!(!failed("true"));
    }
}
