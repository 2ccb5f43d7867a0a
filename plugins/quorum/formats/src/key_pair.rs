//! A key pair on secp256k1, the curve of node keys and of accounts.
//!
//! The private half is a scalar from 1 to the order of the curve less one, 32 bytes big-endian; the
//! public half is the uncompressed point without its leading `04`. It is derived once, at the
//! making: with the table of multiples of the generator that costs tens of microseconds.

use core::fmt;

use k256::SecretKey;
use k256::elliptic_curve::sec1::ToSec1Point;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::address::Address;
use crate::entropy::{EntropyError, EntropySource, draw};

/// A scalar that is no private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a secp256k1 private key: the scalar is zero or too large")]
pub struct InvalidPrivateKey;

/// A key pair. The private half is wiped on drop and never shown by `Debug`.
pub struct KeyPair {
    private: Zeroizing<[u8; 32]>,
    public: [u8; 64],
}

impl KeyPair {
    /// Makes a pair from entropy: 32 bytes a draw, until they are a valid scalar.
    ///
    /// # Errors
    /// When the source gives another number of bytes than asked for, or no valid scalar at all.
    pub fn generate(entropy: &mut EntropySource<'_>) -> Result<Self, EntropyError> {
        draw(entropy, |scalar| Self::from_private(scalar).ok())
    }

    /// The pair of a known scalar (32 bytes, big-endian).
    ///
    /// # Errors
    /// When the scalar is zero, the curve's order, or larger.
    pub fn from_private(scalar: &[u8; 32]) -> Result<Self, InvalidPrivateKey> {
        let key = SecretKey::from_slice(scalar).map_err(|_| InvalidPrivateKey)?;
        let point = key.public_key().to_uncompressed_point();
        let mut public = [0; 64];
        for (to, from) in public.iter_mut().zip(point.iter().skip(1)) {
            *to = *from;
        }
        Ok(Self {
            private: Zeroizing::new(*scalar),
            public,
        })
    }

    /// The private scalar, 32 bytes big-endian.
    #[must_use]
    pub fn private(&self) -> &[u8; 32] {
        &self.private
    }

    /// The public key, 64 bytes: X || Y, the uncompressed point without its leading `04`.
    #[must_use]
    pub const fn public(&self) -> &[u8; 64] {
        &self.public
    }

    /// The address of the public key.
    #[must_use]
    pub fn address(&self) -> Address {
        Address::of_public_key(&self.public)
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair")
            .field("address", &self.address().to_string())
            .field("private", &"[redacted]")
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{bytes, vector};

    const ORDER: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

    #[test]
    fn vector_nodekeys() {
        for case in vector("nodekeys").as_array().unwrap() {
            let pair = KeyPair::from_private(&bytes(case, "nodekey_hex")).unwrap();
            assert_eq!(pair.public(), &bytes(case, "enode_id_128hex"));
            assert_eq!(pair.address().as_bytes(), &bytes(case, "address"));
        }
    }

    #[test]
    fn the_first_and_the_last_scalar_have_their_known_addresses() {
        let mut first = [0; 32];
        first[31] = 1;
        let mut last: [u8; 32] = hex::decode(ORDER).unwrap().try_into().unwrap();
        last[31] -= 1;
        for (scalar, address) in [
            (first, "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"),
            (last, "0x80C0dbf239224071c59dD8970ab9d542E3414aB2"),
        ] {
            let pair = KeyPair::from_private(&scalar).unwrap();
            assert_eq!(pair.address().to_string(), address);
        }
    }

    #[test]
    fn scalars_outside_the_group_are_refused() {
        let order: [u8; 32] = hex::decode(ORDER).unwrap().try_into().unwrap();
        let mut last = order;
        last[31] -= 1;
        for refused in [[0; 32], order, [0xff; 32]] {
            assert_eq!(
                KeyPair::from_private(&refused).err(),
                Some(InvalidPrivateKey)
            );
        }
        assert!(KeyPair::from_private(&last).is_ok());
    }

    #[test]
    fn invalid_draws_are_replaced() {
        let mut draws = vec![vec![1; 32], vec![0xff; 32], vec![0; 32]];
        let pair = KeyPair::generate(&mut |n| {
            assert_eq!(n, 32);
            draws.pop().unwrap()
        });
        assert_eq!(pair.unwrap().private(), &[1; 32]);
    }

    #[test]
    fn debug_hides_the_key() {
        let shown = format!("{:?}", KeyPair::from_private(&[1; 32]).unwrap());
        assert!(shown.contains("redacted") && !shown.contains("0101"));
        assert!(!shown.contains("[1, 1"));
    }
}
