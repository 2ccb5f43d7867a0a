//! The fragment of a genesis file that belongs to the consensus.
//!
//! Istanbul has two spellings: the object `istanbul` of every version, and `ibft` of 22.4 and later,
//! where periods moved from the command line into the file. QBFT is `qbft` in those, and before them
//! (21.7 on) `istanbul` with `testQBFTBlock`. The original's `qibftBlock` was never in a release.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::address::Address;
use crate::extra_data::RAFT;
use crate::extra_data::bft::{Bft, Dialect};
use crate::extra_data::clique::Clique;
use crate::extra_data::istanbul::Istanbul;
use crate::genesis::{ISTANBUL_MIX_HASH, RAFT_MIX_HASH};
use crate::quantity::Quantity;

/// Blocks after which pending votes are dropped.
pub const EPOCH: u64 = 30_000;

/// The object `istanbul`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IstanbulConfig {
    /// When present, written first: the original's key for a later switch to QBFT. No released
    /// client reads it.
    #[serde(rename = "qibftBlock", skip_serializing_if = "Option::is_none")]
    pub qibft_block: Option<u64>,
    /// Blocks after which pending votes are dropped.
    pub epoch: u64,
    /// Who proposes: 0 round robin, 1 sticky.
    pub policy: u64,
    /// From this block on ceil(2N/3) confirmations are wanted, not 2F + 1.
    #[serde(rename = "ceil2Nby3Block", skip_serializing_if = "Option::is_none")]
    pub ceil_2n_by_3_block: Option<u64>,
    /// From this block on the consensus is QBFT (clients of 21.7 and later). At 0 the genesis block
    /// already has QBFT's extra data.
    #[serde(rename = "testQBFTBlock", skip_serializing_if = "Option::is_none")]
    pub test_qbft_block: Option<u64>,
}

/// What `ibft` and `qbft` share. Seconds throughout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BftConfig {
    /// Blocks after which pending votes are dropped.
    #[serde(rename = "epochlength")]
    pub epoch_length: u64,
    /// Between two blocks.
    #[serde(rename = "blockperiodseconds")]
    pub block_period: u64,
    /// Between two blocks of which the second is empty.
    #[serde(
        rename = "emptyblockperiodseconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub empty_block_period: Option<u64>,
    /// Until a round is given up.
    #[serde(rename = "requesttimeoutseconds")]
    pub request_timeout: u64,
    /// Who proposes: 0 round robin, 1 sticky.
    pub policy: u64,
    /// From this block on ceil(2N/3) confirmations are wanted, not 2F + 1.
    #[serde(rename = "ceil2Nby3Block", skip_serializing_if = "Option::is_none")]
    pub ceil_2n_by_3_block: Option<u64>,
    /// The contract that holds the validators. The extra data then names none.
    #[serde(
        rename = "validatorcontractaddress",
        skip_serializing_if = "Option::is_none"
    )]
    pub validator_contract: Option<Address>,
}

/// The object `qbft`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct QbftConfig {
    /// What it shares with `ibft`.
    #[serde(flatten)]
    pub bft: BftConfig,
    /// `blockheader` or `contract`.
    #[serde(
        rename = "validatorselectionmode",
        skip_serializing_if = "Option::is_none"
    )]
    pub selection_mode: Option<SelectionMode>,
    /// Validators of the mode `blockheader`, besides those of the extra data.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub validators: Vec<Address>,
    /// Wei for each block.
    #[serde(
        rename = "blockReward",
        skip_serializing_if = "Option::is_none",
        serialize_with = "decimal"
    )]
    pub block_reward: Option<Quantity>,
    /// Who gets the reward.
    #[serde(rename = "beneficiaryMode", skip_serializing_if = "Option::is_none")]
    pub beneficiary_mode: Option<BeneficiaryMode>,
    /// Who gets it in the mode `fixed`.
    #[serde(rename = "miningBeneficiary", skip_serializing_if = "Option::is_none")]
    pub mining_beneficiary: Option<Address>,
    /// The longest that a round may take after several that failed.
    #[serde(
        rename = "maxRequestTimeoutSeconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub max_request_timeout: Option<u64>,
}

/// Where QBFT has its validators from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SelectionMode {
    /// The header of the last block, changed by votes.
    BlockHeader,
    /// A contract.
    Contract,
}

/// Who gets the reward of a block. The words are those that client 24.4.1 compares with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BeneficiaryMode {
    /// The proposer.
    Validator,
    /// One account.
    Fixed,
}

/// The object `clique`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CliqueConfig {
    /// Seconds between blocks; at 0 a block is made only when there are transactions.
    pub period: u64,
    /// Blocks after which pending votes are dropped.
    pub epoch: u64,
    /// Seconds that a block may be ahead of the clock.
    #[serde(
        rename = "allowedFutureBlockTime",
        skip_serializing_if = "Option::is_none"
    )]
    pub allowed_future_block_time: Option<u64>,
}

/// A consensus and its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consensus {
    /// `istanbul`: IBFT of every version, QBFT by `testQBFTBlock`.
    Istanbul(IstanbulConfig),
    /// `ibft`, of 22.4 and later.
    Ibft(BftConfig),
    /// `qbft`, of 22.4 and later.
    Qbft(QbftConfig),
    /// `clique`.
    Clique(CliqueConfig),
    /// No object: Raft is asked for on the command line.
    Raft,
}

impl Default for IstanbulConfig {
    /// What the original writes.
    fn default() -> Self {
        Self {
            qibft_block: None,
            epoch: EPOCH,
            policy: 0,
            ceil_2n_by_3_block: None,
            test_qbft_block: None,
        }
    }
}

impl Default for BftConfig {
    /// The client's own defaults.
    fn default() -> Self {
        Self {
            epoch_length: EPOCH,
            block_period: 5,
            empty_block_period: None,
            request_timeout: 10,
            policy: 0,
            ceil_2n_by_3_block: None,
            validator_contract: None,
        }
    }
}

impl Default for CliqueConfig {
    /// What the original writes.
    fn default() -> Self {
        Self {
            period: 0,
            epoch: EPOCH,
            allowed_future_block_time: None,
        }
    }
}

impl Consensus {
    /// The extra data of the genesis block with these validators or, for Clique, signers.
    #[must_use]
    pub fn extra_data(&self, members: &[Address]) -> Vec<u8> {
        let qbft = |members: &[Address]| Bft::genesis(Dialect::Qbft, members.to_vec()).encode();
        match self {
            Self::Istanbul(istanbul) if istanbul.test_qbft_block == Some(0) => qbft(members),
            Self::Istanbul(_) | Self::Ibft(_) => Istanbul::genesis(members.to_vec()).encode(),
            Self::Qbft(config) if config.bft.validator_contract.is_some() => qbft(&[]),
            Self::Qbft(_) => qbft(members),
            Self::Clique(_) => Clique::genesis(members.to_vec()).encode(),
            Self::Raft => RAFT.to_vec(),
        }
    }

    /// The validators or signers in the extra data of a genesis block; nothing when it is that of
    /// another consensus.
    #[must_use]
    pub fn members(&self, extra_data: &[u8]) -> Option<Vec<Address>> {
        let qbft = || match Bft::decode(extra_data) {
            Ok(extra) if extra.dialect == Dialect::Qbft => Some(extra.validators),
            _ => None,
        };
        match self {
            Self::Istanbul(istanbul) if istanbul.test_qbft_block == Some(0) => qbft(),
            Self::Istanbul(_) | Self::Ibft(_) => {
                Istanbul::decode(extra_data).ok().map(|e| e.validators)
            }
            Self::Qbft(_) => qbft(),
            Self::Clique(_) => Clique::decode(extra_data).ok().map(|e| e.signers),
            Self::Raft => Some(Vec::new()),
        }
    }

    /// The difficulty of the genesis block.
    #[must_use]
    pub const fn difficulty(&self) -> u64 {
        match self {
            Self::Raft => 0,
            _ => 1,
        }
    }

    /// The mix hash of the genesis block.
    #[must_use]
    pub const fn mix_hash(&self) -> [u8; 32] {
        match self {
            Self::Raft => RAFT_MIX_HASH,
            _ => ISTANBUL_MIX_HASH,
        }
    }

    /// Writes the one key of the consensus; none for Raft.
    pub(crate) fn serialize_entry<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        match self {
            Self::Istanbul(config) => map.serialize_entry("istanbul", config),
            Self::Ibft(config) => map.serialize_entry("ibft", config),
            Self::Qbft(config) => map.serialize_entry("qbft", config),
            Self::Clique(config) => map.serialize_entry("clique", config),
            Self::Raft => Ok(()),
        }
    }
}

// serde gives a reference.
#[allow(clippy::ref_option)]
pub(crate) fn decimal<S: Serializer>(
    value: &Option<Quantity>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}
