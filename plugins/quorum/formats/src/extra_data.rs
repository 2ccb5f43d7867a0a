//! The extra data of a block header, where each consensus keeps its validators.
//!
//! Who the first validators are stands nowhere else in a genesis block. Istanbul and QBFT name them
//! by the addresses of their node keys, Clique by those of their accounts; Raft names nobody.
//! Their order is that of the configuration, one's own nodes first: nothing here sorts.

pub mod bft;
pub mod clique;
pub mod istanbul;

use thiserror::Error;

use crate::address::Address;
use crate::rlp::{Item, RlpError};

/// Bytes at the beginning that mean nothing.
pub const VANITY_LENGTH: usize = 32;

/// Bytes of a seal: a signature with its recovery id.
pub const SEAL_LENGTH: usize = 65;

/// The extra data of a Raft genesis block: 32 zero bytes.
pub const RAFT: [u8; VANITY_LENGTH] = [0; VANITY_LENGTH];

/// Why bytes are not the extra data of a consensus.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExtraDataError {
    /// Too few bytes for vanity and seal.
    #[error("extra data has {0} bytes, too few for its vanity and seal")]
    TooShort(usize),
    /// Not the RLP that the consensus wants.
    #[error("extra data is not the RLP of {0}")]
    Rlp(&'static str, #[source] RlpError),
    /// A Clique block whose signers are cut.
    #[error("extra data has {0} bytes of signers, not a multiple of 20")]
    Signers(usize),
    /// A vanity that is no hex, or over 32 bytes.
    #[error("vanity {0:?} is not hex of at most 32 bytes")]
    Vanity(String),
}

/// A vanity of hex digits after an optional `0x`, filled up with zeros on the right to 32 bytes.
///
/// # Errors
/// When the text is no hex, or longer than 32 bytes (other tools cut it without a word).
pub fn vanity(text: &str) -> Result<[u8; VANITY_LENGTH], ExtraDataError> {
    let refused = || ExtraDataError::Vanity(text.to_owned());
    let given = hex::decode(text.strip_prefix("0x").unwrap_or(text)).map_err(|_| refused())?;
    let mut padded = [0; VANITY_LENGTH];
    let (start, _) = padded
        .split_at_mut_checked(given.len())
        .ok_or_else(refused)?;
    start.copy_from_slice(&given);
    Ok(padded)
}

fn address_list(addresses: &[Address]) -> Item {
    let items = addresses.iter().map(|a| Item::bytes(*a.as_bytes()));
    Item::List(items.collect())
}

fn read_addresses(item: &Item) -> Result<Vec<Address>, RlpError> {
    let items = item.as_list()?.iter();
    items
        .map(|item| item.as_array().map(Address::from_bytes))
        .collect()
}

fn byte_strings(strings: &[Vec<u8>]) -> Item {
    let items = strings.iter().map(|bytes| Item::bytes(bytes.as_slice()));
    Item::List(items.collect())
}

fn read_byte_strings(item: &Item) -> Result<Vec<Vec<u8>>, RlpError> {
    let items = item.as_list()?.iter();
    items
        .map(|item| item.as_bytes().map(<[u8]>::to_vec))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vanity_is_filled_up_on_the_right() {
        assert_eq!(vanity("0x00"), Ok([0; 32]));
        assert_eq!(&vanity("0xabcd").unwrap()[..3], &[0xab, 0xcd, 0]);
        assert_eq!(vanity(""), Ok([0; 32]));
        assert!(vanity(&"00".repeat(33)).is_err());
        assert!(vanity("0xa").is_err());
    }
}
