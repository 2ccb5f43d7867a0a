//! What the client refuses at `geth init`, found before anything is applied.
//!
//! In a cluster the refusal happens in an init container, long after the files are made; some
//! clients even go on with a chain of their own. Each rule here is one of the client's.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::address::Address;
use crate::genesis::Genesis;
use crate::genesis::config::{ChainConfig, CodeSize, Forks};
use crate::genesis::consensus::{Consensus, SelectionMode};
use crate::genesis::transition::{Algorithm, Transition};
use crate::version::Version;

/// A rule of the client that a configuration breaks.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// A transaction could be replayed from a chain without an id.
    #[error("chainId must not be 0")]
    ChainId,
    /// A fork that begins before one that it builds on.
    #[error("{later} begins before {earlier}, on which it builds")]
    ForkOrder {
        /// The fork that must come first.
        earlier: &'static str,
        /// The fork that begins too early.
        later: &'static str,
    },
    /// A size of contracts that the client does not allow.
    #[error("a contract size limit of {0} KB is not between 24 and 128")]
    CodeSize(u64),
    /// A size of transactions that the client does not allow.
    #[error("a transaction size limit of {0} KB is not between 32 and 128")]
    TransactionSize(u64),
    /// Blocks in a list that do not ascend.
    #[error("{list} must be in ascending order of blocks, {block} is not")]
    Order {
        /// `maxCodeSizeConfig` or `transitions`.
        list: &'static str,
        /// The block that is out of order.
        block: u64,
    },
    /// `maxCodeSize` for a client that no longer takes it.
    #[error("maxCodeSize is refused from 2.6.0 on, use maxCodeSizeConfig")]
    Deprecated,
    /// `maxCodeSizeConfig` for a client that does not know it.
    #[error("maxCodeSizeConfig is unknown before 2.6.0, use maxCodeSize")]
    TooNew,
    /// Two ways at once to limit contracts.
    #[error("maxCodeSizeConfig and contractsizelimit of a transition exclude each other")]
    TwoCodeSizes,
    /// Two ways at once to change to QBFT.
    #[error("testQBFTBlock and a transition to another consensus exclude each other")]
    TwoSwitches,
    /// A way back from QBFT.
    #[error("the consensus cannot change from qbft to ibft at block {0}")]
    BackToIbft(u64),
    /// A contract of validators without the mode that uses it.
    #[error("validatorcontractaddress at block {0} needs validatorselectionmode contract")]
    ContractMode(u64),
    /// A contract of validators where `geth init` can never accept it.
    #[error("ibft cannot start with validatorcontractaddress: the client refuses its extra data")]
    IbftContract,
    /// A mode without its contract.
    #[error("validatorselectionmode contract needs validatorcontractaddress")]
    NoContract,
    /// A chain that nobody may make a block of.
    #[error("the genesis block names no validator or signer")]
    NoMembers,
    /// A member that would count twice.
    #[error("the genesis block names {0} twice")]
    MemberTwice(Address),
    /// Extra data of another consensus, or with validators beside a contract that holds them.
    #[error("the extra data is not that of the consensus")]
    ExtraData,
    /// A key that no released client reads.
    #[error("qibftBlock is read by no released client, use testQBFTBlock or transitions")]
    QibftBlock,
    /// A consensus whose object a client of that version does not know.
    #[error("{key} is unknown before {since}")]
    ConsensusTooNew {
        /// The key.
        key: &'static str,
        /// The first version that reads it.
        since: &'static str,
    },
}

impl Genesis {
    /// The first rule that a client of this version finds broken, in the configuration or the block.
    ///
    /// # Errors
    /// That rule.
    pub fn check(&self, client: &Version) -> Result<(), ConfigError> {
        self.config.check(client)?;
        let Some(members) = self.config.consensus.members(&self.extra_data) else {
            return Err(ConfigError::ExtraData);
        };
        let by_contract = matches!(
            &self.config.consensus,
            Consensus::Qbft(qbft) if qbft.bft.validator_contract.is_some()
        );
        match (&self.config.consensus, members.is_empty()) {
            (_, false) if by_contract => return Err(ConfigError::ExtraData),
            (Consensus::Raft, _) | (_, false) => {}
            (_, true) if by_contract => {}
            (_, true) => return Err(ConfigError::NoMembers),
        }
        let mut seen = BTreeSet::new();
        match members.into_iter().find(|member| !seen.insert(*member)) {
            Some(twice) => Err(ConfigError::MemberTwice(twice)),
            None => Ok(()),
        }
    }
}

impl ChainConfig {
    /// The first rule that a client of this version finds broken.
    ///
    /// # Errors
    /// That rule.
    pub fn check(&self, client: &Version) -> Result<(), ConfigError> {
        if self.chain_id == 0 {
            return Err(ConfigError::ChainId);
        }
        fork_order(&self.forks)?;
        transaction_size(self.transaction_size_limit)?;
        self.check_code_size(client)?;
        self.check_consensus(client)?;
        self.check_transitions()
    }

    fn check_code_size(&self, client: &Version) -> Result<(), ConfigError> {
        let later = *client >= Version::new(2, 6, 0);
        match &self.code_size {
            CodeSize::Default => Ok(()),
            CodeSize::Single { .. } if later => Err(ConfigError::Deprecated),
            CodeSize::Single { size, .. } => code_size(Some(*size)),
            CodeSize::PerBlock(_) if !later => Err(ConfigError::TooNew),
            CodeSize::PerBlock(sizes) => {
                ascending("maxCodeSizeConfig", sizes.iter().map(|(block, _)| *block))?;
                sizes
                    .iter()
                    .try_for_each(|(_, size)| code_size(Some(*size)))
            }
        }
    }

    fn check_consensus(&self, client: &Version) -> Result<(), ConfigError> {
        let needs = |key, since: Version, text| {
            if *client < since {
                return Err(ConfigError::ConsensusTooNew { key, since: text });
            }
            Ok(())
        };
        match &self.consensus {
            Consensus::Istanbul(istanbul) => {
                if istanbul.qibft_block.is_some() {
                    return Err(ConfigError::QibftBlock);
                }
                if istanbul.test_qbft_block.is_some() {
                    needs("testQBFTBlock", Version::new(21, 7, 0), "21.7.0")?;
                }
                Ok(())
            }
            Consensus::Ibft(bft) => {
                needs("ibft", Version::new(22, 4, 0), "22.4.0")?;
                match bft.validator_contract {
                    Some(_) => Err(ConfigError::IbftContract),
                    None => Ok(()),
                }
            }
            Consensus::Qbft(qbft) => {
                needs("qbft", Version::new(22, 4, 0), "22.4.0")?;
                let contract = qbft.bft.validator_contract.is_some();
                match qbft.selection_mode {
                    Some(SelectionMode::Contract) if !contract => Err(ConfigError::NoContract),
                    Some(SelectionMode::Contract) => Ok(()),
                    _ if contract => Err(ConfigError::ContractMode(0)),
                    _ => Ok(()),
                }
            }
            Consensus::Clique(_) | Consensus::Raft => Ok(()),
        }
    }

    fn check_transitions(&self) -> Result<(), ConfigError> {
        let blocks = self.transitions.iter().map(|transition| transition.block);
        ascending("transitions", blocks)?;
        let mut qbft = matches!(self.consensus, Consensus::Qbft(_));
        let switched = matches!(
            &self.consensus,
            Consensus::Istanbul(istanbul) if istanbul.test_qbft_block.is_some()
        );
        let limited = matches!(&self.code_size, CodeSize::PerBlock(sizes) if !sizes.is_empty());
        for transition in &self.transitions {
            match transition.algorithm {
                Some(_) if switched => return Err(ConfigError::TwoSwitches),
                Some(Algorithm::Ibft) if qbft => {
                    return Err(ConfigError::BackToIbft(transition.block));
                }
                Some(Algorithm::Qbft) => qbft = true,
                _ => {}
            }
            if limited && transition.contract_size_limit.is_some() {
                return Err(ConfigError::TwoCodeSizes);
            }
            transition.check()?;
        }
        Ok(())
    }
}

impl Transition {
    fn check(&self) -> Result<(), ConfigError> {
        let contract = self.selection_mode == Some(SelectionMode::Contract);
        if self.validator_contract.is_some() && !contract {
            return Err(ConfigError::ContractMode(self.block));
        }
        code_size(self.contract_size_limit)?;
        transaction_size(self.transaction_size_limit)
    }
}

fn code_size(size: Option<u64>) -> Result<(), ConfigError> {
    match size {
        Some(size) if !(24..=128).contains(&size) => Err(ConfigError::CodeSize(size)),
        _ => Ok(()),
    }
}

fn transaction_size(size: Option<u64>) -> Result<(), ConfigError> {
    match size {
        Some(size) if !(32..=128).contains(&size) => Err(ConfigError::TransactionSize(size)),
        _ => Ok(()),
    }
}

fn ascending(list: &'static str, blocks: impl Iterator<Item = u64>) -> Result<(), ConfigError> {
    let mut reached = 0;
    for block in blocks {
        if block < reached {
            return Err(ConfigError::Order { list, block });
        }
        reached = block;
    }
    Ok(())
}

/// Each fork that is there must have all before it, no later than itself. Muir Glacier may be absent.
fn fork_order(forks: &Forks) -> Result<(), ConfigError> {
    let mut last: Option<(&'static str, Option<u64>)> = None;
    for (name, block, optional) in [
        ("homesteadBlock", forks.homestead, false),
        ("eip150Block", forks.eip150, false),
        ("eip155Block", forks.eip155, false),
        ("eip158Block", forks.eip158, false),
        ("byzantiumBlock", forks.byzantium, false),
        ("constantinopleBlock", forks.constantinople, false),
        ("petersburgBlock", forks.petersburg, false),
        ("istanbulBlock", forks.istanbul, false),
        ("muirGlacierBlock", forks.muir_glacier, true),
        ("berlinBlock", forks.berlin, false),
    ] {
        if let (Some((earlier, before)), Some(block)) = (last, block)
            && before.is_none_or(|before| before > block)
        {
            return Err(ConfigError::ForkOrder {
                earlier,
                later: name,
            });
        }
        if !optional || block.is_some() {
            last = Some((name, block));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genesis::consensus::{BftConfig, IstanbulConfig, QbftConfig};

    const NEWEST: Version = Version::new(24, 4, 1);

    fn config(consensus: Consensus) -> ChainConfig {
        ChainConfig::new(1337, consensus, &NEWEST, None)
    }

    #[test]
    fn what_the_original_writes_is_accepted() {
        let istanbul = Consensus::Istanbul(IstanbulConfig::default());
        for version in [Version::new(2, 4, 0), Version::new(2, 7, 0), NEWEST] {
            let config = ChainConfig::new(10, istanbul.clone(), &version, None);
            assert_eq!(config.check(&version), Ok(()));
        }
        let old = ChainConfig::new(10, istanbul, &Version::new(2, 5, 0), None);
        assert_eq!(old.check(&NEWEST), Err(ConfigError::Deprecated));
    }

    #[test]
    fn forks_build_on_each_other() {
        let mut chain = config(Consensus::Raft);
        chain.forks.berlin = Some(5);
        assert_eq!(chain.check(&NEWEST), Ok(()));
        chain.forks.istanbul = None;
        let error = chain.check(&NEWEST).unwrap_err();
        assert_eq!(
            error.to_string(),
            "berlinBlock begins before istanbulBlock, on which it builds"
        );
    }

    #[test]
    fn sizes_have_bounds_and_blocks_ascend() {
        let mut chain = config(Consensus::Raft);
        chain.transaction_size_limit = Some(31);
        assert_eq!(chain.check(&NEWEST), Err(ConfigError::TransactionSize(31)));
        chain.transaction_size_limit = None;
        chain.code_size = CodeSize::PerBlock(vec![(0, 129)]);
        assert_eq!(chain.check(&NEWEST), Err(ConfigError::CodeSize(129)));
        chain.code_size = CodeSize::PerBlock(vec![(5, 32), (4, 32)]);
        assert!(matches!(
            chain.check(&NEWEST),
            Err(ConfigError::Order { block: 4, .. })
        ));
    }

    #[test]
    fn there_is_no_way_back_from_qbft() {
        let mut chain = config(Consensus::Qbft(QbftConfig::default()));
        chain.transitions = vec![Transition {
            block: 9,
            algorithm: Some(Algorithm::Ibft),
            ..Transition::default()
        }];
        assert_eq!(chain.check(&NEWEST), Err(ConfigError::BackToIbft(9)));
    }

    #[test]
    fn a_contract_needs_its_mode_and_the_mode_its_contract() {
        let bft = BftConfig {
            validator_contract: Some(Address::from_bytes([7; 20])),
            ..BftConfig::default()
        };
        let mut qbft = QbftConfig {
            bft: bft.clone(),
            ..QbftConfig::default()
        };
        let checked = |consensus| config(consensus).check(&NEWEST);
        assert_eq!(
            checked(Consensus::Qbft(qbft.clone())),
            Err(ConfigError::ContractMode(0))
        );
        qbft.selection_mode = Some(SelectionMode::Contract);
        assert_eq!(checked(Consensus::Qbft(qbft.clone())), Ok(()));
        qbft.bft.validator_contract = None;
        assert_eq!(checked(Consensus::Qbft(qbft)), Err(ConfigError::NoContract));
        assert_eq!(
            checked(Consensus::Ibft(bft)),
            Err(ConfigError::IbftContract)
        );
    }

    #[test]
    fn a_client_is_not_asked_for_what_it_does_not_know() {
        let qbft = config(Consensus::Qbft(QbftConfig::default()));
        let error = qbft.check(&Version::new(21, 10, 0)).unwrap_err();
        assert_eq!(error.to_string(), "qbft is unknown before 22.4.0");
        let never_released = IstanbulConfig {
            qibft_block: Some(5),
            ..IstanbulConfig::default()
        };
        let chain = config(Consensus::Istanbul(never_released));
        assert_eq!(chain.check(&NEWEST), Err(ConfigError::QibftBlock));
    }

    #[test]
    fn every_block_needs_members_and_none_twice() {
        let one = Address::from_bytes([1; 20]);
        let raft = Genesis::new(config(Consensus::Raft), &[], vec![]);
        assert_eq!(raft.check(&NEWEST), Ok(()));
        let qbft = || config(Consensus::Qbft(QbftConfig::default()));
        for (members, found) in [
            (&[one][..], Ok(())),
            (&[], Err(ConfigError::NoMembers)),
            (&[one, one], Err(ConfigError::MemberTwice(one))),
        ] {
            assert_eq!(Genesis::new(qbft(), members, vec![]).check(&NEWEST), found);
        }
        let other = Genesis {
            extra_data: raft.extra_data,
            ..Genesis::new(qbft(), &[one], vec![])
        };
        assert_eq!(other.check(&NEWEST), Err(ConfigError::ExtraData));
    }
}
