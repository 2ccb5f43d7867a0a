//! Extra data of Clique: `vanity || signers || seal`, plain bytes without RLP.
//!
//! Signers are the addresses of accounts, not of node keys: the client seals with an unlocked
//! account. The original keeps the order of the configuration; the standard asks for an ascending
//! one, and clients sort after reading, so both work and only the block hash tells them apart.

use crate::address::Address;

use super::{ExtraDataError, SEAL_LENGTH, VANITY_LENGTH};

/// The extra data of a Clique block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clique {
    /// 32 bytes that mean nothing.
    pub vanity: [u8; VANITY_LENGTH],
    /// The addresses of the accounts that sign.
    pub signers: Vec<Address>,
    /// The seal: 65 zero bytes in a genesis block.
    pub seal: [u8; SEAL_LENGTH],
}

impl Clique {
    /// The extra data of a genesis block.
    #[must_use]
    pub const fn genesis(signers: Vec<Address>) -> Self {
        Self {
            vanity: [0; VANITY_LENGTH],
            signers,
            seal: [0; SEAL_LENGTH],
        }
    }

    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.vanity.to_vec();
        for signer in &self.signers {
            bytes.extend_from_slice(signer.as_bytes());
        }
        bytes.extend_from_slice(&self.seal);
        bytes
    }

    /// Reads the bytes.
    ///
    /// # Errors
    /// When they are fewer than vanity and seal, or do not hold whole addresses between the two.
    pub fn decode(data: &[u8]) -> Result<Self, ExtraDataError> {
        let short = || ExtraDataError::TooShort(data.len());
        let (vanity, rest) = data.split_first_chunk().ok_or_else(short)?;
        let (signers, seal) = rest.split_last_chunk().ok_or_else(short)?;
        let (signers, cut) = signers.as_chunks::<20>();
        if !cut.is_empty() {
            let length = signers.len().saturating_mul(20).saturating_add(cut.len());
            return Err(ExtraDataError::Signers(length));
        }
        Ok(Self {
            vanity: *vanity,
            signers: signers.iter().copied().map(Address::from_bytes).collect(),
            seal: *seal,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{addresses, cases, octets};

    #[test]
    fn vector_clique_extra_data() {
        for case in cases("clique_extraData") {
            let extra = Clique::genesis(addresses(&case, "signers"));
            assert_eq!(extra.encode(), octets(&case, "computed"));
            assert_eq!(extra.encode(), octets(&case, "published"));
            assert_eq!(Clique::decode(&extra.encode()), Ok(extra));
        }
    }

    #[test]
    fn cut_signers_are_refused() {
        assert_eq!(Clique::decode(&[0; 96]), Err(ExtraDataError::TooShort(96)));
        assert_eq!(Clique::decode(&[0; 98]), Err(ExtraDataError::Signers(1)));
        assert_eq!(Clique::decode(&[0; 97]), Ok(Clique::genesis(vec![])));
    }
}
