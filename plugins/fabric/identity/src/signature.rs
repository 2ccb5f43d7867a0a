//! ECDSA on P-256: deterministic nonce (RFC 6979), DER, the lower `s`.
//!
//! Of each signature there are two, with `s` and with `n - s`. Fabric refuses messages with the
//! higher one ("Invalid S. Must be smaller than half the order"), but takes such certificates.

use ecdsa::hazmat::{sign_prehashed_rfc6979, verify_prehashed};
use p256::NistP256;
use p256::ecdsa::Signature;
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::key::{PrivateKey, PublicKey};

/// Why a signature is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// Not the DER of two numbers of the curve.
    #[error("signature is not the der of an ecdsa signature")]
    Malformed,
    /// The higher of the two possible values of `s`.
    #[error("signature has the higher s, which fabric refuses in messages")]
    HighS,
    /// Of another message or by another key.
    #[error("signature does not verify")]
    Mismatch,
}

impl PrivateKey {
    /// Signs SHA-256 of the message: DER of `r` and the lower `s`. The same message always gets the
    /// same signature.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let digest = Sha256::digest(message);
        let scalar = Zeroizing::new(self.secret().to_nonzero_scalar());
        let (signature, _) = sign_prehashed_rfc6979::<NistP256, Sha256>(&scalar, &digest, &[]);
        signature.normalize_s().to_der().as_bytes().to_vec()
    }
}

impl PublicKey {
    /// Verifies the signature of a message as Fabric does: SHA-256, DER, the lower `s` only.
    ///
    /// # Errors
    /// When the signature is malformed, has the higher `s`, or is not of this message and key.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        let parsed = parse(signature)?;
        if parsed.normalize_s() != parsed {
            return Err(SignatureError::HighS);
        }
        self.verify_parsed(&Sha256::digest(message), &parsed)
    }

    /// Verifies the signature of a digest of 32 to 64 bytes, with either value of `s`: the rule of
    /// certificates.
    ///
    /// # Errors
    /// When the signature is malformed, or not of this digest and key.
    pub fn verify_digest(&self, digest: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        self.verify_parsed(digest, &parse(signature)?)
    }

    fn verify_parsed(&self, digest: &[u8], signature: &Signature) -> Result<(), SignatureError> {
        verify_prehashed::<NistP256>(&self.projective(), digest, signature)
            .map_err(|_| SignatureError::Mismatch)
    }
}

fn parse(signature: &[u8]) -> Result<Signature, SignatureError> {
    Signature::from_der(signature).map_err(|_| SignatureError::Malformed)
}

/// Makes the tables of the curve, as the first signature and the first verification do. A guest
/// calls it before its image is taken, so that no run pays for it.
pub fn warm() {
    let Ok(key) = PrivateKey::from_scalar(&[1; 32]) else {
        return;
    };
    let signature = key.sign(b"warm");
    std::hint::black_box(key.public().verify(b"warm", &signature)).ok();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::der::{Reader, sequence, unsigned};

    /// Half the order of the curve, rounded down.
    const HALF: [u8; 32] = [
        0x7f, 0xff, 0xff, 0xff, 0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xde, 0x73, 0x7d, 0x56, 0xd3, 0x8b, 0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92,
        0xa8,
    ];

    fn numbers(signature: &[u8]) -> ([u8; 32], [u8; 32]) {
        let mut outer = Reader::new(signature);
        let mut inner = outer.sequence().unwrap();
        outer.end().unwrap();
        let padded = |digits: &[u8]| {
            let mut out = [0; 32];
            out[32 - digits.len()..].copy_from_slice(digits);
            out
        };
        let r = padded(inner.unsigned().unwrap());
        let s = padded(inner.unsigned().unwrap());
        inner.end().unwrap();
        (r, s)
    }

    /// RFC 6979 A.2.5, P-256 with SHA-256: "sample" has the higher `s` there, "test" the lower.
    #[test]
    fn published_nonces_and_the_lower_s() {
        let key = PrivateKey::from_scalar(
            &hex::decode("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721")
                .unwrap()
                .try_into()
                .unwrap(),
        )
        .unwrap();
        let (r, s) = numbers(&key.sign(b"test"));
        assert_eq!(
            hex::encode(r),
            "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
        );
        assert_eq!(
            hex::encode(s),
            "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083"
        );
        let (r, s) = numbers(&key.sign(b"sample"));
        assert_eq!(
            hex::encode(r),
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
        );
        let high = hex::decode("f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8")
            .unwrap();
        assert_ne!(s[..], high[..]);
        let published = sequence(&[&unsigned(&r), &unsigned(&high)]);
        assert_eq!(
            key.public().verify(b"sample", &published),
            Err(SignatureError::HighS)
        );
        let digest = Sha256::digest(b"sample");
        assert_eq!(key.public().verify_digest(&digest, &published), Ok(()));
    }

    #[test]
    fn every_signature_has_the_lower_s_and_verifies() {
        for number in 1..=40_u8 {
            let key = PrivateKey::from_scalar(&[number; 32]).unwrap();
            let message = vec![number; usize::from(number)];
            let signature = key.sign(&message);
            assert_eq!(signature, key.sign(&message));
            assert!(numbers(&signature).1 <= HALF, "{number}");
            assert_eq!(key.public().verify(&message, &signature), Ok(()));
            assert_eq!(
                key.public().verify(b"other", &signature),
                Err(SignatureError::Mismatch)
            );
            let other = PrivateKey::from_scalar(&[number + 1; 32]).unwrap();
            assert_eq!(
                other.public().verify(&message, &signature),
                Err(SignatureError::Mismatch)
            );
        }
    }

    #[test]
    fn broken_signatures_are_errors() {
        let key = PrivateKey::from_scalar(&[9; 32]).unwrap();
        let signature = key.sign(b"m");
        for length in 0..signature.len() {
            assert_eq!(
                key.public().verify(b"m", &signature[..length]),
                Err(SignatureError::Malformed)
            );
        }
        let zero = sequence(&[&unsigned(&[0]), &unsigned(&[1])]);
        assert_eq!(
            key.public().verify(b"m", &zero),
            Err(SignatureError::Malformed)
        );
        let long = [&signature[..], &[0]].concat();
        assert_eq!(
            key.public().verify(b"m", &long),
            Err(SignatureError::Malformed)
        );
        warm();
    }
}
