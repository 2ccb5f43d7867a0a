//! Key pairs on P-256 and the files that carry them.
//!
//! The file is PKCS#8 as Go writes it: version 0, `ecPublicKey` with `prime256v1`, inside an
//! `ECPrivateKey` with the public half and without parameters; 138 bytes of DER, 241 of PEM. Read is
//! SEC1 (`EC PRIVATE KEY`) too. The key identifier (SKI) is SHA-256 of the uncompressed point.

use core::fmt;

use p256::elliptic_curve::sec1::ToSec1Point;
use p256::{ProjectivePoint, SecretKey};
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::der::{self, DerError, Reader, tag};
use crate::entropy::{EntropyError, EntropySource, draw};
use crate::{oid, pem};

/// Label of a PKCS#8 file.
const PKCS8: &str = "PRIVATE KEY";
/// Label of a SEC1 file.
const SEC1: &str = "EC PRIVATE KEY";

/// Why there is no key. Never shows the key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The entropy source failed.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The text is no PEM.
    #[error("private key: {0}")]
    Pem(#[from] pem::PemError),
    /// A key that only a password opens.
    #[error("private key is encrypted, expected it in clear")]
    Encrypted,
    /// DER that is no private key.
    #[error("private key: expected the der of pkcs#8 or sec1")]
    Malformed,
    /// A key of another kind, by its object identifier.
    #[error("key has algorithm or curve {0}, expected ecdsa on p-256")]
    Unsupported(String),
    /// The scalar is zero, the order of the curve, or larger.
    #[error("private key is no scalar of p-256")]
    Scalar,
    /// The file holds the public half of another key.
    #[error("private key holds a public half that is not its own")]
    PublicHalf,
    /// Not the 65 bytes of a point of the curve.
    #[error("public key is no uncompressed point of p-256")]
    Point,
}

impl From<DerError> for KeyError {
    fn from(_: DerError) -> Self {
        Self::Malformed
    }
}

/// The public half of a key: a point of P-256.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey {
    point: [u8; 65],
    parsed: p256::PublicKey,
}

impl PublicKey {
    /// The key of an uncompressed point: `04`, x and y, 65 bytes.
    ///
    /// # Errors
    /// When the bytes are something else or not on the curve.
    pub fn from_point(point: &[u8]) -> Result<Self, KeyError> {
        let point = <[u8; 65]>::try_from(point).map_err(|_| KeyError::Point)?;
        let parsed = p256::PublicKey::from_sec1_bytes(&point).map_err(|_| KeyError::Point)?;
        Ok(Self { point, parsed })
    }

    /// The uncompressed point: `04`, x and y.
    #[must_use]
    pub const fn point(&self) -> &[u8; 65] {
        &self.point
    }

    /// Fabric's identifier of the key: SHA-256 of the uncompressed point.
    #[must_use]
    pub fn ski(&self) -> [u8; 32] {
        Sha256::digest(self.point).into()
    }

    /// `SubjectPublicKeyInfo`, the form in certificates: 91 bytes of DER.
    #[must_use]
    pub fn subject_public_key_info(&self) -> Vec<u8> {
        der::sequence(&[&algorithm(), &der::bits(&self.point)])
    }

    /// Reads `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] for another kind of key, else when the bytes are malformed.
    pub fn from_subject_public_key_info(info: &[u8]) -> Result<Self, KeyError> {
        let mut info = Reader::only(info, tag::SEQUENCE)?;
        expect_p256(info.sequence()?)?;
        let point = info.bits()?;
        info.end()?;
        Self::from_point(point)
    }

    pub(crate) fn projective(&self) -> ProjectivePoint {
        self.parsed.to_projective()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", hex::encode(self.point))
    }
}

/// A key pair. The secret is wiped on drop and never shown.
#[derive(Clone)]
pub struct PrivateKey {
    secret: SecretKey,
    public: PublicKey,
}

impl PrivateKey {
    /// Makes a key from entropy: 32 bytes a draw, until they are a valid scalar.
    ///
    /// # Errors
    /// When the source gives another number of bytes than asked for, or no valid scalar at all.
    pub fn generate(entropy: &mut EntropySource<'_>) -> Result<Self, KeyError> {
        let secret = draw(entropy, |scalar: &[u8; 32]| {
            SecretKey::from_slice(scalar).ok()
        })?;
        Self::of_secret(secret)
    }

    /// The key of a known scalar (32 bytes, big-endian).
    ///
    /// # Errors
    /// When the scalar is zero, the curve's order, or larger.
    pub fn from_scalar(scalar: &[u8; 32]) -> Result<Self, KeyError> {
        let secret = SecretKey::from_slice(scalar).map_err(|_| KeyError::Scalar)?;
        Self::of_secret(secret)
    }

    fn of_secret(secret: SecretKey) -> Result<Self, KeyError> {
        let point = secret.public_key().to_sec1_point(false);
        let public = PublicKey::from_point(point.as_bytes())?;
        Ok(Self { secret, public })
    }

    /// Reads a key file: the first block `PRIVATE KEY` (PKCS#8) or `EC PRIVATE KEY` (SEC1).
    ///
    /// # Errors
    /// When there is no such block, it is encrypted, of another kind of key, or malformed.
    pub fn parse_pem(text: &str) -> Result<Self, KeyError> {
        for block in pem::decode_all(text)? {
            match block.label.as_str() {
                "ENCRYPTED PRIVATE KEY" => return Err(KeyError::Encrypted),
                PKCS8 | SEC1 if block.encrypted => return Err(KeyError::Encrypted),
                PKCS8 => return Self::parse_pkcs8(&block.der),
                SEC1 => return Self::parse_sec1(&block.der),
                "RSA PRIVATE KEY" => return Err(KeyError::Unsupported("rsa".to_owned())),
                _ => {}
            }
        }
        Err(pem::PemError::Missing(PKCS8).into())
    }

    /// Reads the DER of PKCS#8, version 0 or 1.
    ///
    /// # Errors
    /// As [`Self::parse_pem`].
    pub fn parse_pkcs8(bytes: &[u8]) -> Result<Self, KeyError> {
        let mut info = Reader::only(bytes, tag::SEQUENCE)?;
        if !matches!(info.unsigned()?, [0 | 1]) {
            return Err(KeyError::Malformed);
        }
        expect_p256(info.sequence()?)?;
        // Attributes and a second public half may follow.
        Self::parse_sec1(info.expect(tag::OCTET_STRING)?)
    }

    /// Reads the DER of SEC1 `ECPrivateKey`, with or without curve and public half.
    ///
    /// # Errors
    /// As [`Self::parse_pem`].
    pub fn parse_sec1(bytes: &[u8]) -> Result<Self, KeyError> {
        let mut key = Reader::only(bytes, tag::SEQUENCE)?;
        if key.unsigned()? != [1] {
            return Err(KeyError::Malformed);
        }
        let digits = key.expect(tag::OCTET_STRING)?;
        if let Some(parameters) = key.optional(tag::explicit(0))? {
            let curve = Reader::new(parameters).expect(tag::OID)?;
            if curve != oid::PRIME256V1 {
                return Err(KeyError::Unsupported(oid::dotted(curve)));
            }
        }
        let public = key
            .optional(tag::explicit(1))?
            .map(|inner| Reader::new(inner).bits())
            .transpose()?;
        key.end()?;
        // Some tools leave out zeros in front.
        let mut scalar = Zeroizing::new([0; 32]);
        let start = 32_usize
            .checked_sub(digits.len())
            .ok_or(KeyError::Malformed)?;
        scalar
            .get_mut(start..)
            .ok_or(KeyError::Malformed)?
            .copy_from_slice(digits);
        let key = Self::from_scalar(&scalar)?;
        if public.is_some_and(|point| point != key.public.point) {
            return Err(KeyError::PublicHalf);
        }
        Ok(key)
    }

    /// The DER of PKCS#8 as Go writes it, 138 bytes.
    #[must_use]
    pub fn to_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        let scalar = Zeroizing::new(self.secret.to_bytes());
        let scalar = Zeroizing::new(der::octets(scalar.as_slice()));
        let inner = Zeroizing::new(der::sequence(&[
            &der::unsigned(&[1]),
            &scalar,
            &der::element(tag::explicit(1), &[&der::bits(&self.public.point)]),
        ]));
        let inner = Zeroizing::new(der::octets(&inner));
        Zeroizing::new(der::sequence(&[&der::unsigned(&[0]), &algorithm(), &inner]))
    }

    /// The key file, 241 bytes, to be kept with mode 0600.
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        pem::encode(PKCS8, &self.to_pkcs8())
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    pub(crate) const fn secret(&self) -> &SecretKey {
        &self.secret
    }
}

impl fmt::Debug for PrivateKey {
    /// The public half only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey")
            .field("public", &self.public)
            .field("secret", &"[redacted]")
            .finish()
    }
}

/// How key files in a `keystore` are called. Nodes read every file there, so that it is a matter of
/// habit only: the name that people look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyFileName {
    /// `<64 hex digits of the key identifier>_sk`, as tools of 1.4 call them.
    Ski,
    /// `priv_sk`, as tools of 2.x and 3.x call them.
    PrivSk,
}

impl KeyFileName {
    /// The name of the file of a key.
    #[must_use]
    pub fn of(self, key: &PublicKey) -> String {
        match self {
            Self::Ski => format!("{}_sk", hex::encode(key.ski())),
            Self::PrivSk => "priv_sk".to_owned(),
        }
    }
}

/// `AlgorithmIdentifier` of a key on P-256.
fn algorithm() -> Vec<u8> {
    der::sequence(&[&der::oid(oid::EC_PUBLIC_KEY), &der::oid(oid::PRIME256V1)])
}

fn expect_p256(mut algorithm: Reader<'_>) -> Result<(), KeyError> {
    let kind = algorithm.expect(tag::OID)?;
    if kind != oid::EC_PUBLIC_KEY {
        return Err(KeyError::Unsupported(oid::dotted(kind)));
    }
    let curve = algorithm.expect(tag::OID)?;
    if curve != oid::PRIME256V1 {
        return Err(KeyError::Unsupported(oid::dotted(curve)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> PrivateKey {
        PrivateKey::from_scalar(&[0x42; 32]).unwrap()
    }

    #[test]
    fn the_file_has_the_documented_layout() {
        let key = key();
        let der = key.to_pkcs8();
        assert_eq!(der.len(), 138);
        assert_eq!(key.to_pem().len(), 241);
        // Lengths, version, algorithm and curve, then the ECPrivateKey up to its scalar.
        assert_eq!(
            hex::encode(&der[..36]),
            "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420"
        );
        assert_eq!(der[36..68], [0x42; 32]);
        assert_eq!(hex::encode(&der[68..73]), "a144034200");
        assert_eq!(der[73..], key.public().point()[..]);
        assert!(key.to_pem().starts_with("-----BEGIN PRIVATE KEY-----\n"));
        assert!(key.to_pem().ends_with("-----END PRIVATE KEY-----\n"));
    }

    #[test]
    fn both_forms_are_read_back() {
        let key = key();
        let again = PrivateKey::parse_pem(&key.to_pem()).unwrap();
        assert_eq!(again.to_pkcs8(), key.to_pkcs8());

        let scalar = der::octets(&[0x42; 32]);
        let curve = der::element(tag::explicit(0), &[&der::oid(oid::PRIME256V1)]);
        let public = der::element(tag::explicit(1), &[&der::bits(key.public().point())]);
        let one = der::unsigned(&[1]);
        for parts in [
            vec![&one, &scalar],
            vec![&one, &scalar, &curve],
            vec![&one, &scalar, &public],
            vec![&one, &scalar, &curve, &public],
        ] {
            let parts: Vec<&[u8]> = parts.into_iter().map(Vec::as_slice).collect();
            let text = format!(
                "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{}",
                pem::encode(SEC1, &der::sequence(&parts)).as_str()
            );
            assert_eq!(PrivateKey::parse_pem(&text).unwrap().public(), key.public());
        }
        let short = der::sequence(&[&one, &der::octets(&[7; 31])]);
        let mut padded = [7; 32];
        padded[0] = 0;
        assert_eq!(
            PrivateKey::parse_sec1(&short).unwrap().public(),
            PrivateKey::from_scalar(&padded).unwrap().public()
        );
    }

    #[test]
    fn what_is_no_key_of_ours_says_why() {
        let key = key();
        let one = der::unsigned(&[1]);
        let other = PrivateKey::from_scalar(&[0x43; 32]).unwrap();
        let foreign = der::element(tag::explicit(1), &[&der::bits(other.public().point())]);
        let wrong = der::sequence(&[&one, &der::octets(&[0x42; 32]), &foreign]);
        assert_eq!(
            PrivateKey::parse_sec1(&wrong).err(),
            Some(KeyError::PublicHalf)
        );
        let p384 = der::element(tag::explicit(0), &[&der::oid(&[0x2b, 0x81, 4, 0, 0x22])]);
        let wrong = der::sequence(&[&one, &der::octets(&[0x42; 48]), &p384]);
        assert_eq!(
            PrivateKey::parse_sec1(&wrong).err(),
            Some(KeyError::Unsupported("1.3.132.0.34".to_owned()))
        );
        for scalar in [[0; 32], [0xff; 32]] {
            assert_eq!(
                PrivateKey::from_scalar(&scalar).err(),
                Some(KeyError::Scalar)
            );
        }
        let der = key.to_pkcs8();
        for length in 0..der.len() {
            assert!(PrivateKey::parse_pkcs8(&der[..length]).is_err());
        }
        for place in 0..der.len() {
            let mut odd = der.to_vec();
            odd[place] ^= 0x81;
            PrivateKey::parse_pkcs8(&odd).ok();
        }
        let encrypted =
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAQID\n-----END ENCRYPTED PRIVATE KEY-----\n";
        assert_eq!(
            PrivateKey::parse_pem(encrypted).err(),
            Some(KeyError::Encrypted)
        );
        assert!(matches!(
            PrivateKey::parse_pem("none"),
            Err(KeyError::Pem(pem::PemError::Missing(_)))
        ));
        let mut point = *key.public().point();
        point[64] ^= 1;
        assert_eq!(PublicKey::from_point(&point), Err(KeyError::Point));
    }

    #[test]
    fn keys_are_drawn_until_they_are_valid_and_never_shown() {
        let mut draws = vec![[0x5a; 32], [0xff; 32], [0; 32]];
        let key = PrivateKey::generate(&mut |n| {
            assert_eq!(n, 32);
            draws.pop().unwrap().to_vec()
        })
        .unwrap();
        assert!(draws.is_empty());
        let secret = hex::encode([0x5a; 32]);
        let shown = format!("{key:?} {key:#?}");
        assert!(!shown.contains(&secret) && !shown.contains("90, 90"));
        assert!(shown.contains(&hex::encode(key.public().point())));
        assert!(PrivateKey::generate(&mut |_| vec![]).is_err());
    }

    #[test]
    fn files_are_called_after_the_version() {
        let key = key();
        assert_eq!(KeyFileName::PrivSk.of(key.public()), "priv_sk");
        let name = KeyFileName::Ski.of(key.public());
        assert_eq!(name.len(), 67);
        assert_eq!(
            name,
            format!("{}_sk", hex::encode(Sha256::digest(key.public().point())))
        );
    }
}
