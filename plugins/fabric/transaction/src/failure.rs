//! What to do about the errors of peers and orderers, known by their texts.
//!
//! Fabric has few codes and many texts: a chaincode that is installed already, one that does not build
//! and a signer without rights are all "500". The texts are those of 1.4.12, 2.5.16 and 3.1; they
//! are looked for in any place, since nodes wrap them into each other.

/// What an operation does about an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Nothing: what was asked for is already so.
    Done,
    /// Ask again later, perhaps another node; with an end.
    Again,
    /// What was asked about does not exist (yet): an answer to a query.
    Absent,
    /// Say the error: it will not go away by itself.
    GiveUp,
}

/// A known error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What to do.
    pub verdict: Verdict,
    /// The cause and the way out, in plain words.
    pub words: &'static str,
}

/// What is known about an error's text; the caller falls back on the code.
pub fn advise(text: &str) -> Option<Advice> {
    KNOWN
        .iter()
        .find(|(parts, _, _)| parts.iter().all(|part| text.contains(part)))
        .map(|(_, verdict, words)| Advice {
            verdict: *verdict,
            words,
        })
}

/// What to do about a status of Fabric (`common.Status`) with its text. Such statuses come from
/// orderers (broadcast, deliver) and from a peer's deliver.
pub fn verdict(status: i32, text: &str) -> Verdict {
    let by_status = match status {
        200 => Verdict::Done,
        // 404 is what an orderer says of a channel that it is about to start.
        404 | 503 => Verdict::Again,
        _ => Verdict::GiveUp,
    };
    if status == 200 {
        return by_status;
    }
    advise(text).map_or(by_status, |advice| advice.verdict)
}

/// Parts that all occur in a text, and what they mean. The first match counts, so the more special
/// ones stand before the general ones.
const KNOWN: &[(&[&str], Verdict, &str)] = &[
    // Already so.
    (
        &["chaincode already successfully installed"],
        Verdict::Done,
        "the package is installed on this peer already",
    ),
    (
        &["error installing chaincode code", " exists)"],
        Verdict::Done,
        "a chaincode of this name and version is installed on this peer already, perhaps with other code",
    ),
    (
        &[
            "attempted to redefine uncommitted sequence",
            "with unchanged content",
        ],
        Verdict::Done,
        "the organisation has approved this definition already",
    ),
    (
        &[
            "attempted to redefine the current committed sequence",
            "with different parameters",
        ],
        Verdict::GiveUp,
        "this sequence is committed with another definition: take the next sequence",
    ),
    (
        &["attempted to redefine the current committed sequence"],
        Verdict::Done,
        "this definition is committed, and approved by the organisation with this package, already",
    ),
    (
        &["already exists with state [ACTIVE]"],
        Verdict::Done,
        "the peer has joined the channel already",
    ),
    (
        &["LedgerID already exists"],
        Verdict::Done,
        "the peer has joined the channel already",
    ),
    (
        &["version already exists for chaincode with name"],
        Verdict::Done,
        "this version of the chaincode is instantiated already",
    ),
    (
        &["chaincode with name '", "already exists"],
        Verdict::Done,
        "a chaincode of this name is instantiated already: upgrade it to another version",
    ),
    (
        &["duplicate transaction found"],
        Verdict::Done,
        "the transaction is in a block already",
    ),
    // Not there.
    (
        &["namespace ", " is not defined"],
        Verdict::Absent,
        "no definition of this chaincode is committed on the channel",
    ),
    (
        &["could not fetch approved chaincode definition"],
        Verdict::Absent,
        "the organisation has not approved a definition of this chaincode",
    ),
    (
        &["chaincode install package '", "' not found"],
        Verdict::Absent,
        "the package is not installed on this peer",
    ),
    (
        &["could not find chaincode with package id"],
        Verdict::Absent,
        "the package is not installed on this peer",
    ),
    (
        &["could not find chaincode with name"],
        Verdict::Absent,
        "no chaincode of this name is instantiated on the channel",
    ),
    (
        &["no such transaction ID"],
        Verdict::Absent,
        "no block on this peer has the transaction (yet)",
    ),
    (
        &["Entry not found in index"],
        Verdict::Absent,
        "no block on this peer has the transaction (yet)",
    ),
    // Later.
    (
        &["no Raft leader"],
        Verdict::Again,
        "the orderers of the channel have no leader at the moment; an election takes up to 10 s",
    ),
    (
        &["waiting on forwarding to"],
        Verdict::Again,
        "the orderer cannot reach the leader of the channel at the moment",
    ),
    (
        &["chain is not started"],
        Verdict::Again,
        "the orderer is still starting the channel",
    ),
    (
        &["chain is stopped"],
        Verdict::Again,
        "the orderer is stopping, or has been taken out of the channel",
    ),
    (
        &["is not serviced by me"],
        Verdict::Again,
        "this orderer only follows the channel: ask another; is its TLS key that of the channel's consenter?",
    ),
    (
        &["maintenance mode"],
        Verdict::GiveUp,
        "the orderers are in maintenance mode: end the change of the consensus first",
    ),
    (
        &["too many requests for", "exceeding concurrency limit"],
        Verdict::Again,
        "the peer has too many requests at the moment",
    ),
    (
        &["could not get channelconfig for channel"],
        Verdict::Again,
        "the peer is still starting the channel",
    ),
    (
        &["could not get application config for channel"],
        Verdict::GiveUp,
        "the channel has no group Application: it is not one for peers",
    ),
    (
        &["chaincode definition not agreed to by this org"],
        Verdict::Again,
        "the peer's organisation has not approved exactly this definition, or the peer has not got the block with the approval yet",
    ),
    (
        &["requested sequence is 0"],
        Verdict::GiveUp,
        "sequences begin with 1",
    ),
    (
        &["but new definition must be sequence"],
        Verdict::Done,
        "another sequence is committed by now: query the committed definition",
    ),
    (
        &["is larger than requested sequence"],
        Verdict::Done,
        "a later sequence is committed by now: query the committed definition",
    ),
    (
        &["is larger than the next available sequence number"],
        Verdict::GiveUp,
        "sequences have no gaps: take one more than the committed sequence",
    ),
    (
        &[
            "make sure the chaincode",
            "has been successfully instantiated",
        ],
        Verdict::Again,
        "no chaincode of this name is instantiated on the channel, or the peer has not got its block yet",
    ),
    (
        &[
            "make sure the chaincode",
            "has been successfully defined on channel",
        ],
        Verdict::Again,
        "no definition of this chaincode is committed on the channel, or the peer has not got its block yet",
    ),
    (
        &[
            "chaincode definition for '",
            "exists, but chaincode is not installed",
        ],
        Verdict::GiveUp,
        "the peer does not have the package that its organisation approved: install it on this peer",
    ),
    (
        &["could not launch chaincode"],
        Verdict::Again,
        "the peer cannot reach the chaincode: are its pods ready, and is the address in the package theirs?",
    ),
    (
        &["connection to ", " terminated"],
        Verdict::Again,
        "the peer has lost the chaincode: are its pods ready?",
    ),
    (
        &["has not been initialized for this version, must call as init first"],
        Verdict::GiveUp,
        "the definition has init-required: call its init first",
    ),
    // Rights and clocks.
    (
        &["creator org unknown"],
        Verdict::GiveUp,
        "the organisation of the signer is not in the channel (or not the peer's own, for calls without a channel)",
    ),
    (
        &["Failed to authorize invocation due to failed ACL check"],
        Verdict::GiveUp,
        "the signer has not the right: installing and approving take an administrator of the peer's organisation",
    ),
    (
        &["access denied"],
        Verdict::GiveUp,
        "the signer has not the right, or its certificate is not valid for its organisation (expired, wrong authority, no role)",
    ),
    (
        &["implicit policy evaluation failed"],
        Verdict::GiveUp,
        "too few signatures of the organisations that the policy names, or of the wrong role",
    ),
    (
        &["permission denied"],
        Verdict::GiveUp,
        "the signer has not the right: the channel's Writers policy wants a member in another role or organisation",
    ),
    (
        &["client identity expired"],
        Verdict::GiveUp,
        "the certificate of the signer has expired",
    ),
    (
        &["envelope timestamp", "apart from current server time"],
        Verdict::GiveUp,
        "the clocks of this machine and of the node differ by more than 15 minutes",
    ),
    (
        &["request unauthorized due to incorrect timestamp"],
        Verdict::GiveUp,
        "the clocks of this machine and of the peer differ by more than 15 minutes",
    ),
    (
        &["TLS cert hash"],
        Verdict::GiveUp,
        "the node wants mutual TLS: the request must name the client's TLS certificate",
    ),
    // The channel and what it allows.
    (
        &["channel '", "' not found"],
        Verdict::GiveUp,
        "the peer has not joined the channel",
    ),
    (
        &["Invalid chain ID"],
        Verdict::GiveUp,
        "the peer has not joined the channel",
    ),
    (
        &["Unknown channel ID"],
        Verdict::GiveUp,
        "the peer has not joined the channel",
    ),
    (
        &["channel does not exist"],
        Verdict::Again,
        "the orderer does not serve the channel (yet)",
    ),
    (
        &["cannot use new lifecycle for channel"],
        Verdict::GiveUp,
        "the channel's application capability is below V2_0: use the lifecycle of 1.x, or raise it",
    ),
    (
        &[
            "must be defined for channel",
            "before chaincode operations can be attempted",
        ],
        Verdict::GiveUp,
        "the channel has no policy Endorsement in its group Application",
    ),
    (
        &["exceeds maximum allowed"],
        Verdict::GiveUp,
        "the transaction is larger than AbsoluteMaxBytes of the channel",
    ),
    (
        &["message larger than max"],
        Verdict::GiveUp,
        "the message is larger than gRPC allows on this node (100 MB by default)",
    ),
    // Packages.
    (
        &["read-only file system"],
        Verdict::GiveUp,
        "the peer has no writable /tmp: its builders need one",
    ),
    (
        &["could not parse as a chaincode install package"],
        Verdict::GiveUp,
        "the package is not one that peers understand",
    ),
    (
        &["docker build failed"],
        Verdict::GiveUp,
        "no external builder of the peer took the package, and the peer has no docker: is the type of the package right?",
    ),
    (
        &["could not build chaincode"],
        Verdict::GiveUp,
        "the peer cannot build the package: is there a builder for its type?",
    ),
    // The network.
    (
        &["connection refused"],
        Verdict::Again,
        "nothing listens at the address (yet)",
    ),
    (
        &["connection reset"],
        Verdict::Again,
        "the connection broke",
    ),
    (
        &["no such host"],
        Verdict::Again,
        "the name is not in the DNS (yet)",
    ),
    (
        &["context deadline exceeded"],
        Verdict::Again,
        "the node did not answer in time; a wrong TLS name looks the same",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts as nodes wrote them, or as their sources put them together.
    #[test]
    fn texts_of_the_field_are_understood_although_they_are_wrapped() {
        for (text, verdict) in [
            (
                "failed to invoke backing implementation of 'InstallChaincode': chaincode already successfully installed (package ID 'kv_1:ad0a')",
                Verdict::Done,
            ),
            (
                "failed to invoke backing implementation of 'ApproveChaincodeDefinitionForMyOrg': attempted to redefine uncommitted sequence (1) for namespace kv with unchanged content",
                Verdict::Done,
            ),
            (
                "attempted to redefine the current committed sequence (1) for namespace kv with different parameters: expected Version '1' does not match passed Version '2'",
                Verdict::GiveUp,
            ),
            (
                "attempted to redefine the current committed sequence (1) for namespace kv",
                Verdict::Done,
            ),
            (
                "cannot create ledger from genesis block: ledger [mychannel] already exists with state [ACTIVE]",
                Verdict::Done,
            ),
            ("namespace kv is not defined", Verdict::Absent),
            (
                "failed to invoke backing implementation of 'QueryInstalledChaincode': could not find chaincode with package id 'x:0'",
                Verdict::Absent,
            ),
            ("rejected by Order: no Raft leader", Verdict::Again),
            ("channel 'mychannel' not found", Verdict::GiveUp),
            (
                "implicit policy evaluation failed - 0 sub-policies were satisfied, but this policy requires 1 of the 'Writers' sub-policies to be satisfied: permission denied",
                Verdict::GiveUp,
            ),
            (
                "make sure the chaincode kv has been successfully defined on channel mychannel and try again: chaincode kv not found",
                Verdict::Again,
            ),
            (
                "make sure the chaincode kv has been successfully instantiated and try again: chaincode kv not found",
                Verdict::Again,
            ),
            (
                "error in simulation: failed to execute transaction 01: could not launch chaincode kv_1:ad: connection to kv_1:ad failed: error creating grpc connection to 127.0.0.1:17999",
                Verdict::Again,
            ),
        ] {
            assert_eq!(
                advise(text).map(|advice| advice.verdict),
                Some(verdict),
                "{text}"
            );
        }
        assert_eq!(advise("account Alice is overdrawn"), None);
    }

    #[test]
    fn without_a_known_text_the_status_decides() {
        assert_eq!(verdict(200, ""), Verdict::Done);
        assert_eq!(verdict(503, ""), Verdict::Again);
        assert_eq!(verdict(404, ""), Verdict::Again);
        assert_eq!(verdict(403, ""), Verdict::GiveUp);
        assert_eq!(verdict(400, "no Raft leader"), Verdict::Again);
        assert_eq!(
            verdict(503, "normal transactions are rejected: maintenance mode"),
            Verdict::GiveUp
        );
    }

    #[test]
    fn no_entry_hides_another() {
        for (at, (parts, _, _)) in KNOWN.iter().enumerate() {
            let text = parts.join(" x ");
            let first = KNOWN
                .iter()
                .position(|(parts, _, _)| parts.iter().all(|part| text.contains(part)));
            assert_eq!(first, Some(at), "{parts:?}");
        }
    }
}
