//! The chain id of `init_sys_config.toml`: 32 bytes, written as `0x` and 64 hex digits.

use core::fmt;
use core::str::FromStr;

use sha2::{Digest, Sha256};
use thiserror::Error;

/// A chain id; `Display` gives `0x` and 64 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainId([u8; 32]);

impl ChainId {
    /// The constant that the original tool writes for every chain: the number one. A transaction
    /// names the id and nothing else of its chain, so prefer [`ChainId::of_name`] where nothing
    /// asks for this value.
    pub const SEED: Self = Self(one());

    /// SHA-256 of the chain's name, as the tool writes since 2021-04-16.
    #[must_use]
    pub fn of_name(chain_name: &str) -> Self {
        Self(Sha256::digest(chain_name).into())
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A text that is no chain id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("chain id {0:?} is not 0x followed by 64 hex digits")]
pub struct ChainIdError(String);

impl FromStr for ChainId {
    type Err = ChainIdError;

    /// Reads `0x` and 64 hex digits of either case. Without `0x` the controller would cut two digits
    /// off and go on with another id.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || ChainIdError(text.to_owned());
        let digits = text.strip_prefix("0x").ok_or_else(refused)?;
        let mut id = [0; 32];
        hex::decode_to_slice(digits, &mut id).map_err(|_| refused())?;
        Ok(Self(id))
    }
}

impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

const fn one() -> [u8; 32] {
    let mut id = [0; 32];
    id[31] = 1;
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{cases, text};

    #[test]
    fn vector_chain_id() {
        for case in cases("chain_id") {
            let name = text(&case, "chain_name");
            assert_eq!(ChainId::SEED.to_string(), text(&case, "seed_runner_k8s"));
            assert_eq!(
                ChainId::of_name(name).to_string(),
                text(&case, "runner_k8s_v5")
            );
            // cloud-config, two generations later: not offered, but the hash must agree.
            assert_eq!(
                hex::encode(sm3::Sm3::digest(name)),
                text(&case, "cloud_config")
            );
        }
    }

    #[test]
    fn an_id_is_read_back_and_nothing_shorter() {
        let written = ChainId::of_name("c").to_string();
        assert_eq!(written.parse::<ChainId>(), Ok(ChainId::of_name("c")));
        assert!(written[2..].parse::<ChainId>().is_err());
        assert!(written[..64].parse::<ChainId>().is_err());
    }
}
