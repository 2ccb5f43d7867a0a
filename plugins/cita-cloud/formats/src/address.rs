//! The address of an account: 20 bytes, written as `0x` and 40 lower-case hex digits.
//!
//! The services cut the first two characters off without looking at them and decode the rest as it
//! stands, so an address without `0x` silently becomes another one and a trailing newline ends the
//! controller. Only a parsed [`Address`] is ever rendered here.

use core::fmt;
use core::str::FromStr;

use sm3::{Digest, Sm3};
use thiserror::Error;

/// The address of an account, validator or super admin. `Display` gives the exact content of the
/// file `node_address`: `0x` and 40 lower-case hex digits, no newline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address([u8; 20]);

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("address {0:?} is not 0x followed by 40 hex digits")]
pub struct AddressError(String);

impl Address {
    /// The address of an SM2 public key (64 bytes X || Y): the last 20 bytes of its SM3 hash.
    #[must_use]
    pub fn of_sm2_public_key(public: &[u8; 64]) -> Self {
        let hash: [u8; 32] = Sm3::digest(public).into();
        let mut address = [0; 20];
        address.copy_from_slice(&hash[12..]);
        Self(address)
    }

    /// The 20 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

impl FromStr for Address {
    type Err = AddressError;

    /// Reads `0x` and 40 hex digits of either case; white space around it is refused.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || AddressError(text.to_owned());
        let digits = text.strip_prefix("0x").ok_or_else(refused)?;
        let mut address = [0; 20];
        hex::decode_to_slice(digits, &mut address).map_err(|_| refused())?;
        Ok(Self(address))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{text, vector};

    const TEXT: &str = "0x88b3fd84e3b10ac04cd04def0876cb513452c74e";

    #[test]
    fn is_written_as_the_original_writes_node_address() {
        let created = vector("kms_create_stdout");
        let address: Address = TEXT.parse().unwrap();
        assert_eq!(address.to_string(), text(&created, "node_address_file"));
        assert!(text(&created, "line").ends_with(&format!("address:{address}")));
    }

    #[test]
    fn case_is_normalised() {
        let upper = format!("0x{}", TEXT[2..].to_uppercase());
        assert_eq!(upper.parse::<Address>().unwrap().to_string(), TEXT);
    }

    #[test]
    fn what_the_services_would_silently_cut_is_refused() {
        for wrong in [
            &TEXT[2..],
            &TEXT[..41],
            &format!("{TEXT}\n"),
            &format!(" {TEXT}"),
            &format!("0X{}", &TEXT[2..]),
            "",
            "0x",
        ] {
            let error = wrong.parse::<Address>().unwrap_err();
            assert!(error.to_string().starts_with("address \""), "{error}");
        }
    }
}
