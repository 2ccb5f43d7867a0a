//! The object `config` of a genesis file: the rules of the chain.
//!
//! Block numbers at which a rule begins are absent when it never does. None of this is hashed, so a
//! node with other rules joins without complaint and forks at the first block that differs.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::genesis::consensus::Consensus;
use crate::genesis::transition::Transition;
use crate::version::Version;

/// The forks that the client knows, by the block at which each begins. There is no London: the
/// newest client is based on geth 1.10.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forks {
    /// `homesteadBlock`.
    pub homestead: Option<u64>,
    /// `eip150Block`.
    pub eip150: Option<u64>,
    /// `eip155Block`.
    pub eip155: Option<u64>,
    /// `eip158Block`.
    pub eip158: Option<u64>,
    /// `byzantiumBlock`.
    pub byzantium: Option<u64>,
    /// `constantinopleBlock`.
    pub constantinople: Option<u64>,
    /// `petersburgBlock`.
    pub petersburg: Option<u64>,
    /// `istanbulBlock`: the fork, not the consensus.
    pub istanbul: Option<u64>,
    /// `muirGlacierBlock`.
    pub muir_glacier: Option<u64>,
    /// `berlinBlock`, from `GoQuorum` 22.1 on.
    pub berlin: Option<u64>,
}

/// The largest contract, in units of 1024 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodeSize {
    /// The client's default of 24.
    Default,
    /// `maxCodeSize` and `maxCodeSizeChangeBlock`: before 2.6.0. Later clients refuse to `init`.
    Single {
        /// 24 to 128.
        size: u64,
        /// From which block on.
        from: u64,
    },
    /// `maxCodeSizeConfig`, from 2.6.0 on: pairs of a block, ascending, and a size of 24 to 128.
    PerBlock(Vec<(u64, u64)>),
}

/// The object `config`.
#[derive(Debug, Clone, PartialEq)]
pub struct ChainConfig {
    /// The number that a transaction is signed for.
    pub chain_id: u64,
    /// Ethereum's own rules.
    pub forks: Forks,
    /// The largest contract.
    pub code_size: CodeSize,
    /// `privacyEnhancementsBlock`: needs Tessera 1.0.0 or later on every node.
    pub privacy_enhancements: Option<u64>,
    /// `privacyPrecompileBlock`: privacy marker transactions.
    pub privacy_precompile: Option<u64>,
    /// `isMPS`: several private states on one node. Never changes after the first block.
    pub multiple_private_states: bool,
    /// `enableGasPriceBlock`: gas costs something from this block on.
    pub gas_price: Option<u64>,
    /// `qip714Block`: permissions by contract.
    pub permissions: Option<u64>,
    /// `txnSizeLimit`: 32 to 128 KB; 64 when absent.
    pub transaction_size_limit: Option<u64>,
    /// The consensus from the first block on.
    pub consensus: Consensus,
    /// Changes at later blocks, ascending.
    pub transitions: Vec<Transition>,
    /// Further keys, written last and as they stand.
    pub extra: Map<String, Value>,
}

impl Default for Forks {
    /// All up to Istanbul from the first block on, as the original writes them.
    fn default() -> Self {
        Self {
            homestead: Some(0),
            eip150: Some(0),
            eip155: Some(0),
            eip158: Some(0),
            byzantium: Some(0),
            constantinople: Some(0),
            petersburg: Some(0),
            istanbul: Some(0),
            muir_glacier: None,
            berlin: None,
        }
    }
}

impl CodeSize {
    /// What the original writes for a client of this version; compared as numbers, so that 10.0 and
    /// 20.10 are later than 2.6.
    #[must_use]
    pub fn of_version(client: &Version) -> Self {
        if *client >= Version::new(2, 6, 0) {
            Self::PerBlock(vec![(0, 32)])
        } else {
            Self::Single { size: 35, from: 0 }
        }
    }
}

impl ChainConfig {
    /// What the original writes for a client and a privacy manager of these versions. Without a
    /// privacy manager, or with one before 1.0.0, privacy enhancements are off.
    #[must_use]
    pub fn new(
        chain_id: u64,
        consensus: Consensus,
        client: &Version,
        privacy_manager: Option<&Version>,
    ) -> Self {
        let enhanced = privacy_manager.is_some_and(|version| *version >= Version::new(1, 0, 0));
        Self {
            chain_id,
            forks: Forks::default(),
            code_size: CodeSize::of_version(client),
            privacy_enhancements: enhanced.then_some(0),
            privacy_precompile: None,
            multiple_private_states: false,
            gas_price: None,
            permissions: None,
            transaction_size_limit: None,
            consensus,
            transitions: Vec::new(),
            extra: Map::new(),
        }
    }
}

impl Serialize for ChainConfig {
    /// Keys in the order in which the original writes them, later ones after them.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let forks = &self.forks;
        let zero_hash = format!("0x{}", "0".repeat(64));
        optional(&mut map, "homesteadBlock", forks.homestead)?;
        optional(&mut map, "byzantiumBlock", forks.byzantium)?;
        optional(&mut map, "constantinopleBlock", forks.constantinople)?;
        optional(&mut map, "petersburgBlock", forks.petersburg)?;
        optional(&mut map, "istanbulBlock", forks.istanbul)?;
        optional(&mut map, "muirGlacierBlock", forks.muir_glacier)?;
        optional(&mut map, "berlinBlock", forks.berlin)?;
        optional(
            &mut map,
            "privacyEnhancementsBlock",
            self.privacy_enhancements,
        )?;
        optional(&mut map, "eip150Block", forks.eip150)?;
        if forks.eip150.is_some() {
            map.serialize_entry("eip150Hash", &zero_hash)?;
        }
        optional(&mut map, "eip155Block", forks.eip155)?;
        optional(&mut map, "eip158Block", forks.eip158)?;
        match &self.code_size {
            CodeSize::Default => {}
            CodeSize::Single { size, from } => {
                map.serialize_entry("maxCodeSize", size)?;
                map.serialize_entry("maxCodeSizeChangeBlock", from)?;
            }
            CodeSize::PerBlock(sizes) => {
                let sizes: Vec<SizeAt> = sizes
                    .iter()
                    .map(|&(block, size)| SizeAt { block, size })
                    .collect();
                map.serialize_entry("maxCodeSizeConfig", &sizes)?;
            }
        }
        map.serialize_entry("chainId", &self.chain_id)?;
        map.serialize_entry("isQuorum", &true)?;
        optional(&mut map, "txnSizeLimit", self.transaction_size_limit)?;
        optional(&mut map, "qip714Block", self.permissions)?;
        if self.multiple_private_states {
            map.serialize_entry("isMPS", &true)?;
        }
        optional(&mut map, "privacyPrecompileBlock", self.privacy_precompile)?;
        optional(&mut map, "enableGasPriceBlock", self.gas_price)?;
        self.consensus.serialize_entry(&mut map)?;
        if !self.transitions.is_empty() {
            map.serialize_entry("transitions", &self.transitions)?;
        }
        for (key, value) in &self.extra {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

fn optional<M: SerializeMap>(map: &mut M, key: &str, value: Option<u64>) -> Result<(), M::Error> {
    match value {
        Some(value) => map.serialize_entry(key, &value),
        None => Ok(()),
    }
}

#[derive(Serialize)]
struct SizeAt {
    block: u64,
    size: u64,
}
