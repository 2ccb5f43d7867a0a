//! The address of an account or of a node: 20 bytes, printed with the checksum of EIP-55.
//!
//! Every node has two, and they are never interchangeable: that of its node key is the validator of
//! Istanbul and QBFT, that of its account is funded in the genesis block and signs for Clique.
//! Tools disagree about `0x` and about case, so both are read; only one form is ever written.

use core::fmt;
use core::str::FromStr;

use thiserror::Error;

use crate::keccak::keccak256;

/// An address. `Display` gives `0x` and 40 hex digits in the mixed case of EIP-55.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Address([u8; 20]);

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddressError {
    /// Not 40 hex digits.
    #[error("address {0:?} is not 40 hex digits after an optional 0x")]
    Malformed(String),
    /// In mixed case, but not in that of EIP-55: a digit is mistyped.
    #[error("address {0:?} has a wrong checksum: its mixed case should be {1}")]
    Checksum(String, Address),
}

impl Address {
    /// The address of 20 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// The address of a secp256k1 public key (64 bytes X || Y): the last 20 bytes of its Keccak-256.
    #[must_use]
    pub fn of_public_key(public: &[u8; 64]) -> Self {
        Self::of_hashed(public)
    }

    /// The last 20 bytes of the Keccak-256 of what an account is known by.
    pub(crate) fn of_hashed(data: &[u8]) -> Self {
        let mut address = [0; 20];
        for (to, from) in address.iter_mut().zip(keccak256(data).iter().skip(12)) {
            *to = *from;
        }
        Self(address)
    }

    /// Reads an address that a person typed: as `FromStr`, but mixed case must be that of EIP-55.
    ///
    /// # Errors
    /// When the text is no address, or its checksum is wrong.
    pub fn checked(text: &str) -> Result<Self, AddressError> {
        let address: Self = text.parse()?;
        let digits = text.strip_prefix("0x").unwrap_or(text);
        let one_case = !digits.bytes().any(|b| b.is_ascii_uppercase())
            || !digits.bytes().any(|b| b.is_ascii_lowercase());
        if one_case || address.to_string().ends_with(digits) {
            Ok(address)
        } else {
            Err(AddressError::Checksum(text.to_owned(), address))
        }
    }

    /// The 20 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// 40 lower-case hex digits without `0x`, as a keystore names its account.
    #[must_use]
    pub fn digits(&self) -> String {
        hex::encode(self.0)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    /// Reads 40 hex digits of any case after an optional `0x`; white space is refused.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text
            .strip_prefix("0x")
            .or_else(|| text.strip_prefix("0X"))
            .unwrap_or(text);
        let mut address = [0; 20];
        hex::decode_to_slice(digits, &mut address)
            .map_err(|_| AddressError::Malformed(text.to_owned()))?;
        Ok(Self(address))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.digits();
        let hash = keccak256(digits.as_bytes());
        let nibbles = hash.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
        f.write_str("0x")?;
        for (digit, nibble) in digits.chars().zip(nibbles) {
            let cased = if nibble >= 8 {
                digit.to_ascii_uppercase()
            } else {
                digit
            };
            fmt::Write::write_char(f, cased)?;
        }
        Ok(())
    }
}

impl serde::Serialize for Address {
    /// The same text as `Display`.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{bytes, text, vector};

    #[test]
    fn vector_nodekeys() {
        for case in vector("nodekeys").as_array().unwrap() {
            let address = Address::of_public_key(&bytes(case, "enode_id_128hex"));
            assert_eq!(address.as_bytes(), &bytes(case, "address"));
            assert_eq!(address.to_string(), text(case, "address_eip55"));
            assert_eq!(
                Address::checked(text(case, "address_eip55")).unwrap(),
                address
            );
            assert_eq!(text(case, "address").parse::<Address>().unwrap(), address);
        }
    }

    #[test]
    fn published_checksums_of_eip_55() {
        for published in [
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
            "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
            "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        ] {
            assert_eq!(published.parse::<Address>().unwrap().to_string(), published);
        }
    }

    #[test]
    fn a_mistyped_digit_is_found_by_its_case() {
        let wrong = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAee";
        let error = Address::checked(wrong).unwrap_err();
        assert!(matches!(error, AddressError::Checksum(..)), "{error}");
        assert!(Address::checked(&wrong.to_lowercase()).is_ok());
    }

    #[test]
    fn other_texts_are_refused() {
        for wrong in [
            "",
            "0x",
            "0x00",
            " 0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
        ] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong:?}");
        }
    }
}
