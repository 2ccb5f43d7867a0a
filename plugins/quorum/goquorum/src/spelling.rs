//! From what the consensus says in terms of the field to what this client, in its version, is told.

use quorum_formats::client_flags::ConsensusFlags;
use quorum_formats::genesis::consensus::{
    BftConfig, CliqueConfig, Consensus, IstanbulConfig, QbftConfig,
};
use quorum_formats::genesis::transition::{Algorithm, Transition};
use quorum_formats::version::Version;
use quorum_service::RAFT_PORT;
use quorum_service::facts::{ConsensusFacts, ConsensusNode, ProposerPolicy};

/// The consensus that this client knows.
pub const KNOWN: [&str; 4] = ["istanbul", "qbft", "raft", "clique"];

/// The first version that knows QBFT.
const QBFT: Version = Version::new(21, 7, 0);

/// Why a consensus cannot be told to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unspeakable(pub String);

fn seconds(milliseconds: u64, what: &str) -> Result<u64, Unspeakable> {
    if milliseconds.is_multiple_of(1000) {
        Ok(milliseconds / 1000)
    } else {
        Err(Unspeakable(format!(
            "{what} of {milliseconds} ms is no whole number of seconds, in which the client counts"
        )))
    }
}

/// Whether the genesis file says how often blocks are made, so that no flag does.
pub fn in_genesis(version: &Version) -> bool {
    *version >= Version::new(22, 4, 0)
}

/// The consensus as the genesis file of a client of this version has it.
pub fn consensus(facts: &ConsensusFacts, version: &Version) -> Result<Consensus, Unspeakable> {
    let policy = u64::from(facts.proposer_policy == Some(ProposerPolicy::Sticky));
    let bft = || {
        let base = BftConfig::default();
        Ok(BftConfig {
            epoch_length: facts.epoch_length.unwrap_or(base.epoch_length),
            block_period: seconds(facts.block_period_ms, "a block period")?,
            empty_block_period: facts
                .empty_block_period_ms
                .map(|ms| seconds(ms, "a period of empty blocks"))
                .transpose()?,
            request_timeout: match facts.request_timeout_ms {
                Some(ms) => seconds(ms, "a request timeout")?,
                None => base.request_timeout,
            },
            policy,
            ..base
        })
    };
    let istanbul = |test_qbft_block| {
        let base = IstanbulConfig::default();
        Consensus::Istanbul(IstanbulConfig {
            epoch: facts.epoch_length.unwrap_or(base.epoch),
            policy,
            test_qbft_block,
            ..base
        })
    };
    Ok(match facts.kind.as_str() {
        "qbft" if in_genesis(version) => Consensus::Qbft(QbftConfig {
            bft: bft()?,
            ..QbftConfig::default()
        }),
        "qbft" if *version >= QBFT => istanbul(Some(0)),
        "qbft" => {
            return Err(Unspeakable(format!(
                "version {version} of the client does not know qbft, {QBFT} is the first that does"
            )));
        }
        "istanbul" if in_genesis(version) => Consensus::Ibft(bft()?),
        "istanbul" if facts.qbft_from_block.is_none() => istanbul(None),
        "istanbul" if *version >= QBFT => istanbul(facts.qbft_from_block),
        "istanbul" => {
            return Err(Unspeakable(format!(
                "version {version} of the client cannot change to qbft, {QBFT} is the first that can"
            )));
        }
        "clique" => {
            let base = CliqueConfig::default();
            Consensus::Clique(CliqueConfig {
                period: seconds(facts.block_period_ms, "a block period")?,
                epoch: facts.epoch_length.unwrap_or(base.epoch),
                ..base
            })
        }
        "raft" => Consensus::Raft,
        other => {
            return Err(Unspeakable(format!(
                "the client does not know the consensus {other}; it knows {}",
                KNOWN.join(", ")
            )));
        }
    })
}

/// The later change to another consensus, where the genesis file of a client of this version has a list of them.
pub fn transitions(facts: &ConsensusFacts, version: &Version) -> Vec<Transition> {
    let block = facts.qbft_from_block.filter(|_| in_genesis(version));
    let change = |block| Transition {
        block,
        algorithm: Some(Algorithm::Qbft),
        ..Transition::default()
    };
    block.map(change).into_iter().collect()
}

/// The consensus as the command line of a client of this version has it. `period_in_genesis` is what a genesis file that
/// was there already says, nothing when it was made for this version.
pub fn flags(
    facts: &ConsensusFacts,
    node: &ConsensusNode,
    version: &Version,
    period_in_genesis: Option<bool>,
) -> Result<ConsensusFlags, Unspeakable> {
    let spoken = consensus(facts, version)?;
    if matches!(facts.kind.as_str(), "istanbul" | "qbft")
        && let Some(in_genesis) = period_in_genesis
    {
        let period = seconds(facts.block_period_ms, "a block period")?;
        return Ok(ConsensusFlags::Istanbul {
            block_period: (!in_genesis).then_some(period),
        });
    }
    Ok(match spoken {
        Consensus::Raft => ConsensusFlags::Raft {
            port: RAFT_PORT,
            block_time: Some(facts.block_period_ms),
            joins_as: node.member_number,
        },
        Consensus::Clique(_) => ConsensusFlags::Clique,
        Consensus::Istanbul(_) => ConsensusFlags::Istanbul {
            block_period: Some(seconds(facts.block_period_ms, "a block period")?),
        },
        Consensus::Ibft(_) | Consensus::Qbft(_) => ConsensusFlags::Istanbul { block_period: None },
    })
}

/// The namespace and the method by which JSON-RPC lists the members of a consensus.
pub fn members_method(kind: &str) -> Option<&'static str> {
    match kind {
        "istanbul" | "qbft" => Some("istanbul_getValidators"),
        "clique" => Some("clique_getSigners"),
        "raft" => Some("raft_cluster"),
        _ => None,
    }
}
