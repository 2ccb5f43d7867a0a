//! The identity of a Syncthing 1.x device: a private key and a self-signed certificate.
//!
//! ECDSA on P-384 with SHA-256 and the deterministic nonce of RFC 6979; subject, extensions and
//! lifetime are those of Syncthing itself (reference 2.4). Same entropy and date, same certificate,
//! and so the same device id.

use core::fmt;

use p384::elliptic_curve::sec1::ToSec1Point;
use p384::{NistP384, SecretKey};
use pem_rfc7468::LineEnding;
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use super::certificate;
use super::der::{self, element, sequence};
use super::device_id::DeviceId;
use crate::entropy::{EntropyError, EntropySource, draw};

/// Why no identity could be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// The entropy source failed.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// A certificate ends in the year 9999 at the latest.
    #[error("a certificate cannot begin {0} ms after 1970")]
    Date(u64),
    /// The encoder refused; does not happen with documents of this size.
    #[error("cannot write a pem document")]
    Pem,
}

/// What a device is: the files `cert.pem` and `key.pem`, and the id that follows from the first.
/// The key is wiped on drop and never shown by `Debug`.
pub struct Identity {
    /// Id of the device.
    pub device_id: DeviceId,
    /// Content of `cert.pem`: one block `CERTIFICATE`.
    pub certificate_pem: String,
    /// Content of `key.pem`: one block `EC PRIVATE KEY`, to be kept with mode 0600.
    pub key_pem: Zeroizing<String>,
}

impl Identity {
    /// Makes an identity whose certificate begins at 00:00 UTC of the day of `born_ms`
    /// (milliseconds since 1970). Draws 48 bytes for the key and 8 for the serial number, and again
    /// where they are no valid key or zero.
    ///
    /// # Errors
    /// When the entropy source fails, or the certificate would not end before the year 10000.
    pub fn generate(born_ms: u64, entropy: &mut EntropySource<'_>) -> Result<Self, IdentityError> {
        let key = draw(entropy, |scalar: &[u8; 48]| {
            SecretKey::from_slice(scalar).ok()
        })?;
        let serial = draw(entropy, |serial: &[u8; 8]| {
            (*serial != [0; 8]).then_some(*serial)
        })?;
        let public = key.public_key().to_sec1_point(false);
        let signed = certificate::signed_part(public.as_bytes(), serial, born_ms)
            .ok_or(IdentityError::Date(born_ms))?;
        let certificate = certificate::signed(&signed, &sign(&key, &signed));
        let pem = |label, der: &[u8]| {
            pem_rfc7468::encode_string(label, LineEnding::LF, der).map_err(|_| IdentityError::Pem)
        };
        Ok(Self {
            device_id: DeviceId::of_certificate(&certificate),
            certificate_pem: pem("CERTIFICATE", &certificate)?,
            key_pem: Zeroizing::new(pem("EC PRIVATE KEY", &sec1(&key, public.as_bytes()))?),
        })
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("device_id", &self.device_id.as_str())
            .field("key_pem", &"[redacted]")
            .finish_non_exhaustive()
    }
}

/// `ECPrivateKey` of RFC 5915, with curve and public key.
fn sec1(key: &SecretKey, public: &[u8]) -> Zeroizing<Vec<u8>> {
    let scalar = Zeroizing::new(der::octets(&Zeroizing::new(key.to_bytes().to_vec())));
    Zeroizing::new(sequence(&[
        &der::unsigned(&[1]),
        &scalar,
        &element(0xa0, &der::oid(certificate::SECP384R1)),
        &element(0xa1, &der::bits(public)),
    ]))
}

/// ECDSA-Sig-Value over SHA-256, nonce by RFC 6979 with the same hash.
fn sign(key: &SecretKey, message: &[u8]) -> Vec<u8> {
    let digest = Sha256::digest(message);
    let scalar = key.to_nonzero_scalar();
    let (signature, _) =
        ecdsa::hazmat::sign_prehashed_rfc6979::<NistP384, Sha256>(&scalar, &digest, &[]);
    let (r, s) = signature.split_bytes();
    sequence(&[&der::unsigned(&r), &der::unsigned(&s)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syncthing::device_id::validate_device_id;
    use x509_parser::prelude::*;

    /// 2026-01-01 13:00:00 UTC.
    const BORN_MS: u64 = 1_767_272_400_000;

    fn identity(born_ms: u64, fill: u8) -> Identity {
        Identity::generate(born_ms, &mut |n| vec![fill; n as usize]).unwrap()
    }

    fn decoded(pem: &str) -> Vec<u8> {
        pem_rfc7468::decode_vec(pem.as_bytes()).unwrap().1
    }

    #[test]
    fn certificate_says_what_syncthing_says() {
        let identity = identity(BORN_MS, 0xab);
        let der = decoded(&identity.certificate_pem);
        let (rest, certificate) = X509Certificate::from_der(&der).unwrap();
        assert!(rest.is_empty());
        certificate.verify_signature(None).unwrap();
        assert_eq!(certificate.version(), X509Version::V3);
        assert_eq!(
            certificate.signature_algorithm.algorithm.to_id_string(),
            "1.2.840.10045.4.3.2"
        );
        let name = "O=Syncthing, OU=Automatically Generated, CN=syncthing";
        assert_eq!(certificate.subject().to_string(), name);
        assert_eq!(certificate.issuer().to_string(), name);
        // Its highest bit is set and it is still positive.
        assert_eq!(
            certificate.raw_serial(),
            [0, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab]
        );

        let validity = certificate.validity();
        assert_eq!(validity.not_before.timestamp(), 1_767_225_600);
        assert_eq!(
            validity.not_after.timestamp(),
            1_767_225_600 + 7300 * 86_400
        );

        let usage = certificate.key_usage().unwrap().unwrap();
        assert!(
            usage.critical && usage.value.digital_signature() && usage.value.key_encipherment()
        );
        assert_eq!(usage.value.flags.count_ones(), 2);
        let extended = certificate.extended_key_usage().unwrap().unwrap().value;
        assert!(extended.server_auth && extended.client_auth && !extended.any);
        let basic = certificate.basic_constraints().unwrap().unwrap();
        assert!(basic.critical && !basic.value.ca && basic.value.path_len_constraint.is_none());
        let names = certificate
            .subject_alternative_name()
            .unwrap()
            .unwrap()
            .value;
        assert_eq!(names.general_names, [GeneralName::DNSName("syncthing")]);
        assert_eq!(certificate.extensions().len(), 4);
    }

    #[test]
    fn key_is_sec1_and_belongs_to_the_certificate() {
        let identity = identity(BORN_MS, 0x11);
        assert!(
            identity
                .key_pem
                .starts_with("-----BEGIN EC PRIVATE KEY-----\n")
        );
        assert!(identity.key_pem.ends_with("-----END EC PRIVATE KEY-----\n"));
        let key = decoded(&identity.key_pem);
        // Version 1, 48 bytes of scalar, curve, public key: RFC 5915.
        assert_eq!(key[..8], [0x30, 0x81, 0xa4, 2, 1, 1, 4, 48]);
        assert_eq!(key[8..56], [0x11; 48]);
        assert_eq!(key[56..65], [0xa0, 7, 6, 5, 0x2b, 0x81, 4, 0, 0x22]);
        let public = key[70..].to_vec();
        assert_eq!(public.len(), 97);
        let der = decoded(&identity.certificate_pem);
        let (_, certificate) = X509Certificate::from_der(&der).unwrap();
        assert_eq!(*certificate.public_key().subject_public_key.data, public);
    }

    #[test]
    fn device_id_follows_from_the_certificate() {
        let identity = identity(BORN_MS, 0x22);
        let id = DeviceId::of_certificate_pem(&identity.certificate_pem).unwrap();
        assert_eq!(id, identity.device_id);
        assert_eq!(validate_device_id(id.as_str()), Ok(()));
    }

    #[test]
    fn same_day_and_entropy_give_the_same_identity() {
        let of = |born_ms, fill| identity(born_ms, fill).certificate_pem;
        assert_eq!(of(BORN_MS, 1), of(BORN_MS + 10 * 3_600_000, 1));
        assert_ne!(of(BORN_MS, 1), of(BORN_MS + 86_400_000, 1));
        assert_ne!(of(BORN_MS, 1), of(BORN_MS, 2));
    }

    /// RFC 6979, A.2.6: curve P-384, SHA-256.
    #[test]
    fn signatures_are_those_of_rfc_6979() {
        let key = "6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA\
                   9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5";
        let r = "21B13D1E013C7FA1392D03C5F99AF8B30C570C6F98D4EA8E\
                 354B63A21D3DAA33BDE1E888E63355D92FA2B3C36D8FB2CD";
        let s = "F3AA443FB107745BF4BD77CB3891674632068A10CA67E3D4\
                 5DB2266FA7D1FEEBEFDC63ECCD1AC42EC0CB8668A4FA0AB0";
        let key = SecretKey::from_slice(&hex::decode(key).unwrap()).unwrap();
        let integer = |digits| der::unsigned(&hex::decode(digits).unwrap());
        assert_eq!(sign(&key, b"sample"), sequence(&[&integer(r), &integer(s)]));
    }

    #[test]
    fn dates_from_2050_on_have_four_digits_of_year() {
        // 2040-01-01 plus 20 years.
        let identity = identity(2_208_988_800_000, 3);
        let der = decoded(&identity.certificate_pem);
        let (_, certificate) = X509Certificate::from_der(&der).unwrap();
        assert_eq!(
            certificate.validity().not_after.timestamp(),
            2_208_988_800 + 7300 * 86_400
        );
        let late = Identity::generate(u64::MAX, &mut |n| vec![1; n as usize]);
        assert_eq!(late.err(), Some(IdentityError::Date(u64::MAX)));
    }

    #[test]
    fn invalid_draws_are_replaced() {
        let mut draws = vec![
            vec![7; 8],
            vec![0; 8],
            vec![1; 48],
            vec![0xff; 48],
            vec![0; 48],
        ];
        let identity = Identity::generate(BORN_MS, &mut |_| draws.pop().unwrap()).unwrap();
        let der = decoded(&identity.certificate_pem);
        let (_, certificate) = X509Certificate::from_der(&der).unwrap();
        assert_eq!(certificate.raw_serial(), [7; 8]);
        assert!(draws.is_empty());
    }

    #[test]
    fn debug_hides_the_key() {
        let shown = format!("{:?}", identity(BORN_MS, 1));
        assert!(shown.contains("redacted") && !shown.contains("PRIVATE"));
    }
}
