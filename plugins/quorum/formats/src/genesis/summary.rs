//! What a genesis file of others says to those who join: chain, consensus, first members, hash.
//!
//! The file itself is kept byte for byte; nothing is made from this summary but checks and arguments.

use serde_json::Value;

use crate::address::Address;
use crate::extra_data::bft::Bft;
use crate::extra_data::clique::Clique;
use crate::extra_data::istanbul::Istanbul;
use crate::genesis::RAFT_MIX_HASH;
use crate::genesis::block::{Block, BlockError, BlockHash, Object};

/// The consensus of a genesis file, by the key that its configuration has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `istanbul`, with IBFT from the first block on.
    Istanbul,
    /// `istanbul` with `testQBFTBlock` 0: QBFT from the first block on.
    IstanbulQbft,
    /// `ibft`.
    Ibft,
    /// `qbft`.
    Qbft,
    /// `clique`.
    Clique,
    /// No key, but Raft's mix hash, or a difficulty of 0.
    Raft,
}

/// The summary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The number that transactions are signed for; usually the id of the network too.
    pub chain_id: Option<u64>,
    /// The consensus from the first block on; nothing when the client would find none either.
    pub consensus: Option<Kind>,
    /// The first block under QBFT, when the network changes to it later.
    pub qbft_from: Option<u64>,
    /// Validators (addresses of node keys) or, for Clique, signers (addresses of accounts).
    pub members: Vec<Address>,
    /// The first block with privacy enhancements: every privacy manager must know them.
    pub privacy_enhancements: Option<u64>,
    /// The fingerprint of the network.
    pub hash: BlockHash,
}

impl Summary {
    /// Reads a genesis file.
    ///
    /// # Errors
    /// When it is no genesis file: see [`Block::parse`].
    pub fn parse(json: &str) -> Result<Self, BlockError> {
        let block = Block::parse(json)?;
        let object = serde_json::from_str(json).map_err(BlockError::Json)?;
        let empty = serde_json::Map::new();
        let config = Object(Object(&object).object("config")?.unwrap_or(&empty));
        let istanbul = config.object("istanbul")?.map(Object);
        let test_qbft = match &istanbul {
            Some(istanbul) => istanbul.word("testQBFTBlock")?,
            None => None,
        };
        let has = |key| config.get(key).map(|found| found.is_some());
        let consensus = if has("qbft")? {
            Some(Kind::Qbft)
        } else if has("ibft")? {
            Some(Kind::Ibft)
        } else if istanbul.is_some() && test_qbft == Some(0) {
            Some(Kind::IstanbulQbft)
        } else if istanbul.is_some() {
            Some(Kind::Istanbul)
        } else if has("clique")? {
            Some(Kind::Clique)
        } else if block.mix_hash == RAFT_MIX_HASH || block.difficulty.as_u64() == Some(0) {
            Some(Kind::Raft)
        } else {
            None
        };
        Ok(Self {
            chain_id: config.word("chainId")?,
            qbft_from: match test_qbft.filter(|block| *block > 0) {
                Some(block) => Some(block),
                None => transition_to_qbft(&config)?,
            },
            members: consensus.map_or_else(Vec::new, |kind| kind.members(&block.extra_data)),
            consensus,
            privacy_enhancements: config.word("privacyEnhancementsBlock")?,
            hash: block.hash(),
        })
    }
}

impl Kind {
    fn members(self, extra_data: &[u8]) -> Vec<Address> {
        let members = match self {
            Self::Istanbul | Self::Ibft => Istanbul::decode(extra_data).map(|e| e.validators),
            Self::Qbft | Self::IstanbulQbft => Bft::decode(extra_data).map(|e| e.validators),
            Self::Clique => Clique::decode(extra_data).map(|e| e.signers),
            Self::Raft => Ok(Vec::new()),
        };
        members.unwrap_or_default()
    }
}

fn transition_to_qbft(config: &Object<'_>) -> Result<Option<u64>, BlockError> {
    let transitions = config.get("transitions")?.and_then(Value::as_array);
    for transition in transitions
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
    {
        let transition = Object(transition);
        let algorithm = transition.get("algorithm")?.and_then(Value::as_str);
        if algorithm.is_some_and(|name| name.eq_ignore_ascii_case("qbft")) {
            return transition.word("block");
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genesis::Genesis;
    use crate::genesis::config::ChainConfig;
    use crate::genesis::consensus::{
        BftConfig, CliqueConfig, Consensus, IstanbulConfig, QbftConfig,
    };
    use crate::genesis::transition::{Algorithm, Transition};
    use crate::vectors::{addresses, cases};
    use crate::version::Version;

    fn genesis(consensus: Consensus) -> Genesis {
        let members = addresses(&cases("istanbul_extraData")[0], "validators");
        let version = Version::new(24, 4, 1);
        let config = ChainConfig::new(10, consensus, &version, Some(&version));
        Genesis::new(config, &members, vec![])
    }

    #[test]
    fn every_consensus_is_known_by_its_key() {
        let switched = IstanbulConfig {
            test_qbft_block: Some(0),
            ..IstanbulConfig::default()
        };
        for (consensus, kind) in [
            (
                Consensus::Istanbul(IstanbulConfig::default()),
                Kind::Istanbul,
            ),
            (Consensus::Istanbul(switched), Kind::IstanbulQbft),
            (Consensus::Ibft(BftConfig::default()), Kind::Ibft),
            (Consensus::Qbft(QbftConfig::default()), Kind::Qbft),
            (Consensus::Clique(CliqueConfig::default()), Kind::Clique),
            (Consensus::Raft, Kind::Raft),
        ] {
            let genesis = genesis(consensus);
            let summary = Summary::parse(&genesis.render().unwrap()).unwrap();
            assert_eq!(summary.consensus, Some(kind));
            assert_eq!(summary.chain_id, Some(10));
            assert_eq!(summary.privacy_enhancements, Some(0));
            assert_eq!(summary.hash, genesis.block().hash());
            assert_eq!(summary.qbft_from, None);
            let members = if kind == Kind::Raft { 0 } else { 7 };
            assert_eq!(summary.members.len(), members);
        }
    }

    #[test]
    fn a_later_change_to_qbft_is_found() {
        let later = IstanbulConfig {
            test_qbft_block: Some(100),
            ..IstanbulConfig::default()
        };
        let summary = |genesis: &Genesis| Summary::parse(&genesis.render().unwrap()).unwrap();
        let by_key = genesis(Consensus::Istanbul(later));
        assert_eq!(summary(&by_key).qbft_from, Some(100));
        let mut by_list = genesis(Consensus::Ibft(BftConfig::default()));
        by_list.config.transitions = vec![Transition {
            block: 200,
            algorithm: Some(Algorithm::Qbft),
            ..Transition::default()
        }];
        assert_eq!(summary(&by_list).qbft_from, Some(200));
    }

    #[test]
    fn a_file_without_consensus_has_none() {
        let file = r#"{"alloc": {}, "difficulty": "0x1", "gasLimit": "0x1"}"#;
        let summary = Summary::parse(file).unwrap();
        assert_eq!((summary.consensus, summary.chain_id), (None, None));
    }
}
