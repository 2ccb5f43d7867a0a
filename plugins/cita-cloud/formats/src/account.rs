//! An SM2 account: the identity of a node, and of the super admin.
//!
//! The key is the scalar itself, 32 random bytes on the curve sm2p256v1; the address is derived
//! from the uncompressed public key without its leading `04` (reference 2.1, vector `identity`).

use core::fmt;

use sm2::SecretKey;
use sm2::elliptic_curve::sec1::ToSec1Point;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::address::Address;
use crate::entropy::{EntropyError, EntropySource, draw};

/// The order of sm2p256v1 minus one. A valid scalar on the curve, but SM2 signing divides by
/// `1 + d`, so this key could never sign.
const ORDER_MINUS_ONE: [u8; 32] = [
    0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0x72, 0x03, 0xdf, 0x6b, 0x21, 0xc6, 0x05, 0x2b, 0x53, 0xbb, 0xf4, 0x09, 0x39, 0xd5, 0x41, 0x22,
];

/// A scalar that is no SM2 private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not an SM2 private key: the scalar is zero or too large")]
pub struct InvalidPrivateKey;

/// An SM2 key pair. The private half is wiped on drop and never shown by `Debug`.
pub struct Account {
    private: Zeroizing<[u8; 32]>,
    public: [u8; 64],
}

impl Account {
    /// Makes an account from entropy: 32 bytes a draw, until they are a valid scalar.
    ///
    /// # Errors
    /// When the source gives another number of bytes than asked for, or no valid scalar at all.
    pub fn generate(entropy: &mut EntropySource<'_>) -> Result<Self, EntropyError> {
        draw(entropy, |scalar| Self::from_private(scalar).ok())
    }

    /// The account of a known scalar (32 bytes, big-endian).
    ///
    /// # Errors
    /// When the scalar is zero, the curve's order minus one, or larger.
    pub fn from_private(scalar: &[u8; 32]) -> Result<Self, InvalidPrivateKey> {
        if *scalar == ORDER_MINUS_ONE {
            return Err(InvalidPrivateKey);
        }
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

    /// The address, `0x` and 40 hex digits when displayed.
    #[must_use]
    pub fn address(&self) -> Address {
        Address::of_sm2_public_key(&self.public)
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("address", &self.address().to_string())
            .field("private", &"[redacted]")
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{bytes, cases, text, vector};
    use sm3::{Digest, Sm3};

    const ORDER: &str = "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123";

    #[test]
    fn vector_identity() {
        for case in cases("identity") {
            let account = Account::from_private(&bytes(&case, "private_key")).unwrap();
            let expected = &case["sm"];
            assert_eq!(account.public(), &bytes(expected, "public_key"));
            assert_eq!(account.address().as_bytes(), &bytes(expected, "address"));
            assert_eq!(
                hex::encode(Sm3::digest(account.public())),
                text(expected, "hash_of_public_key")
            );
        }
    }

    #[test]
    fn vector_hash_sanity() {
        let sanity = vector("hash_sanity");
        assert_eq!(hex::encode(Sm3::digest(b"")), text(&sanity, "sm3_empty"));
        assert_eq!(hex::encode(Sm3::digest(b"abc")), text(&sanity, "sm3_abc"));
    }

    #[test]
    fn scalars_that_cannot_sign_are_refused() {
        let order: [u8; 32] = hex::decode(ORDER).unwrap().try_into().unwrap();
        let mut last_good = ORDER_MINUS_ONE;
        last_good[31] -= 1;
        for refused in [[0; 32], ORDER_MINUS_ONE, order, [0xff; 32]] {
            assert_eq!(
                Account::from_private(&refused).err(),
                Some(InvalidPrivateKey)
            );
        }
        assert!(Account::from_private(&last_good).is_ok());
    }

    #[test]
    fn invalid_draws_are_replaced() {
        let mut draws = vec![vec![1; 32], vec![0xff; 32], vec![0; 32]];
        let account = Account::generate(&mut |n| {
            assert_eq!(n, 32);
            draws.pop().unwrap()
        });
        assert_eq!(account.unwrap().private(), &[1; 32]);
    }

    #[test]
    fn debug_hides_the_key() {
        let account = Account::from_private(&[1; 32]).unwrap();
        let shown = format!("{account:?}");
        assert!(shown.contains("0x38b8de2a4c0760ce288e5d88bf4d6c6b3b2ce0a0"));
        assert!(shown.contains("redacted") && !shown.contains("0101"));
        assert!(!shown.contains("[1, 1"));
    }
}
