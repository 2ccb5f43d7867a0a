//! One entry of `transitions`: rules that change at a later block (clients of 22.4 and later).
//!
//! A value that is absent stays as it was. The client reads the list in ascending order and stops at
//! the first entry that is still to come.

use serde::Serialize;

use crate::address::Address;
use crate::genesis::consensus::{SelectionMode, decimal};
use crate::quantity::Quantity;

/// A consensus that a network changes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// Istanbul.
    Ibft,
    /// QBFT. There is no way back.
    Qbft,
}

/// Who gets the reward of a block, as a transition says it: in other words than `qbft` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TransitionBeneficiary {
    /// The proposer.
    Validators,
    /// One account.
    Fixed,
}

/// Rules that change at a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct Transition {
    /// The first block under the new rules.
    pub block: u64,
    /// Another consensus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<Algorithm>,
    /// Blocks after which pending votes are dropped.
    #[serde(rename = "epochlength", skip_serializing_if = "Option::is_none")]
    pub epoch_length: Option<u64>,
    /// Seconds between two blocks.
    #[serde(rename = "blockperiodseconds", skip_serializing_if = "Option::is_none")]
    pub block_period: Option<u64>,
    /// Seconds between two blocks of which the second is empty.
    #[serde(
        rename = "emptyblockperiodseconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub empty_block_period: Option<u64>,
    /// Seconds until a round is given up.
    #[serde(
        rename = "requesttimeoutseconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub request_timeout: Option<u64>,
    /// The largest contract, 24 to 128 KB. Not together with `maxCodeSizeConfig`.
    #[serde(rename = "contractsizelimit", skip_serializing_if = "Option::is_none")]
    pub contract_size_limit: Option<u64>,
    /// The contract that holds the validators; wants the mode `contract`.
    #[serde(
        rename = "validatorcontractaddress",
        skip_serializing_if = "Option::is_none"
    )]
    pub validator_contract: Option<Address>,
    /// Validators of the mode `blockheader`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub validators: Vec<Address>,
    /// Where validators come from.
    #[serde(
        rename = "validatorselectionmode",
        skip_serializing_if = "Option::is_none"
    )]
    pub selection_mode: Option<SelectionMode>,
    /// Permissions by contract.
    #[serde(
        rename = "enhancedPermissioningEnabled",
        skip_serializing_if = "Option::is_none"
    )]
    pub permissions: Option<bool>,
    /// Privacy enhancements.
    #[serde(
        rename = "privacyEnhancementsEnabled",
        skip_serializing_if = "Option::is_none"
    )]
    pub privacy_enhancements: Option<bool>,
    /// Privacy marker transactions.
    #[serde(
        rename = "privacyPrecompileEnabled",
        skip_serializing_if = "Option::is_none"
    )]
    pub privacy_precompile: Option<bool>,
    /// Gas costs something.
    #[serde(rename = "gasPriceEnabled", skip_serializing_if = "Option::is_none")]
    pub gas_price: Option<bool>,
    /// The least gas limit that a miner aims at.
    #[serde(rename = "miner.gaslimit", skip_serializing_if = "Option::is_none")]
    pub miner_gas_limit: Option<u64>,
    /// 2F + 1 confirmations instead of ceil(2N/3).
    #[serde(rename = "2FPlus1Enabled", skip_serializing_if = "Option::is_none")]
    pub two_f_plus_one: Option<bool>,
    /// The largest transaction, 32 to 128 KB.
    #[serde(
        rename = "transactionSizeLimit",
        skip_serializing_if = "Option::is_none"
    )]
    pub transaction_size_limit: Option<u64>,
    /// Wei for each block.
    #[serde(
        rename = "blockReward",
        skip_serializing_if = "Option::is_none",
        serialize_with = "decimal"
    )]
    pub block_reward: Option<Quantity>,
    /// Who gets the reward.
    #[serde(rename = "beneficiaryMode", skip_serializing_if = "Option::is_none")]
    pub beneficiary_mode: Option<TransitionBeneficiary>,
    /// Who gets it in the mode `fixed`.
    #[serde(rename = "miningBeneficiary", skip_serializing_if = "Option::is_none")]
    pub mining_beneficiary: Option<Address>,
    /// The longest that a round may take, in seconds.
    #[serde(
        rename = "maxRequestTimeoutSeconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub max_request_timeout: Option<u64>,
}
