//! The device id: what a Syncthing device is called, derived from its certificate.
//!
//! SHA-256 of the certificate's DER in base32 (52 characters), cut into four groups of 13 that each
//! get a check character, 56 in all, written in eight groups of seven. Vector
//! `syncthing_device_id`.

use core::fmt;
use core::str::FromStr;

use sha2::{Digest, Sha256};
use thiserror::Error;

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A text that is no device id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DeviceIdError {
    /// Not eight groups of seven upper-case letters and digits 2 to 7.
    #[error("device id {0:?} is not eight groups of seven characters A-Z and 2-7 joined by -")]
    Shape(String),
    /// A check character is wrong, as after a typing error.
    #[error("device id {0:?} has a wrong check character, so it was mistyped or cut")]
    Check(String),
}

/// A certificate that is not one PEM block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a certificate in pem form")]
pub struct CertificateError;

/// A device id in its canonical form: 63 characters with the dashes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(String);

impl DeviceId {
    /// The id of a SHA-256 hash of a certificate.
    #[must_use]
    pub fn from_hash(hash: &[u8; 32]) -> Self {
        let checked: Vec<u8> = base32(hash)
            .chunks(13)
            .flat_map(|group| group.iter().copied().chain([check(group)]))
            .collect();
        let mut id = String::with_capacity(63);
        for (position, value) in checked.into_iter().enumerate() {
            if position != 0 && position % 7 == 0 {
                id.push('-');
            }
            id.push(char::from(character(value)));
        }
        Self(id)
    }

    /// The id of a certificate in DER.
    #[must_use]
    pub fn of_certificate(der: &[u8]) -> Self {
        Self::from_hash(&Sha256::digest(der).into())
    }

    /// The id of a certificate in PEM, the content of `cert.pem`.
    ///
    /// # Errors
    /// When the text is not one block `CERTIFICATE`. What is in it is not looked at.
    pub fn of_certificate_pem(pem: &str) -> Result<Self, CertificateError> {
        match pem_rfc7468::decode_vec(pem.as_bytes()) {
            Ok(("CERTIFICATE", der)) => Ok(Self::of_certificate(&der)),
            _ => Err(CertificateError),
        }
    }

    /// The 63 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An id that need not be valid: the golden configuration has stub ids.
    #[cfg(test)]
    pub(super) fn stub(id: &str) -> Self {
        Self(id.to_owned())
    }
}

/// Checks shape and check characters of a device id, as [`DeviceId::from_str`] does.
///
/// # Errors
/// When it is not in canonical form, or a check character is wrong.
pub fn validate_device_id(id: &str) -> Result<(), DeviceIdError> {
    id.parse::<DeviceId>().map(drop)
}

impl FromStr for DeviceId {
    type Err = DeviceIdError;

    /// Reads the canonical form only; lower case and missing dashes, which Syncthing's own user
    /// interface takes, are refused.
    fn from_str(id: &str) -> Result<Self, Self::Err> {
        let shape = || DeviceIdError::Shape(id.to_owned());
        let mut values = Vec::with_capacity(56);
        let mut groups = 0;
        for group in id.split('-') {
            if group.len() != 7 {
                return Err(shape());
            }
            groups += 1;
            for byte in group.bytes() {
                values.push(index(byte).ok_or_else(shape)?);
            }
        }
        if groups != 8 {
            return Err(shape());
        }
        let good = values.chunks(14).all(|group| {
            group
                .split_last()
                .is_some_and(|(last, rest)| check(rest) == *last)
        });
        if good {
            Ok(Self(id.to_owned()))
        } else {
            Err(DeviceIdError::Check(id.to_owned()))
        }
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The check character of a group: Luhn's method modulo 32, factor 1 on the FIRST character.
fn check(group: &[u8]) -> u8 {
    let mut sum = 0_u32;
    for (&value, factor) in group.iter().zip([1, 2].into_iter().cycle()) {
        let addend = u32::from(value) * factor;
        sum += addend / 32 + addend % 32;
    }
    u8::try_from((32 - sum % 32) % 32).unwrap_or(0)
}

/// Values 0 to 31, five bits each; the last one is filled up with zeros.
fn base32(bytes: &[u8]) -> Vec<u8> {
    let mut values = Vec::with_capacity(52);
    let (mut held, mut bits) = (0_u16, 0_u32);
    for &byte in bytes {
        held = (held << 8) | u16::from(byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            values.push(((held >> bits) & 31) as u8);
        }
    }
    if bits > 0 {
        values.push(((held << (5 - bits)) & 31) as u8);
    }
    values
}

fn character(value: u8) -> u8 {
    ALPHABET.get(usize::from(value)).copied().unwrap_or(b'A')
}

fn index(character: u8) -> Option<u8> {
    let position = ALPHABET.iter().position(|&known| known == character)?;
    u8::try_from(position).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{bytes, text, vector};

    fn list(key: &str) -> Vec<serde_json::Value> {
        vector("syncthing_device_id")[key]
            .as_array()
            .unwrap()
            .clone()
    }

    #[test]
    fn vector_known_good_ids() {
        for id in list("known_good_ids") {
            let id = id.as_str().unwrap();
            assert_eq!(validate_device_id(id), Ok(()));
            assert_eq!(id.parse::<DeviceId>().unwrap().to_string(), id);
        }
    }

    #[test]
    fn vector_invalid_ids() {
        for id in list("invalid_ids") {
            let id = id.as_str().unwrap();
            assert_eq!(
                validate_device_id(id),
                Err(DeviceIdError::Check(id.to_owned()))
            );
        }
    }

    #[test]
    fn vector_from_hash() {
        for case in list("from_hash") {
            let id = DeviceId::from_hash(&bytes(&case, "sha256"));
            assert_eq!(id.as_str(), text(&case, "device_id"));
            assert_eq!(validate_device_id(id.as_str()), Ok(()));
        }
    }

    #[test]
    fn vector_certs() {
        for case in list("certs") {
            let pem = text(&case, "cert_pem");
            let id = DeviceId::of_certificate_pem(pem).unwrap();
            assert_eq!(id.as_str(), text(&case, "device_id"));
            let hash = bytes(&case, "sha256_of_der");
            assert_eq!(DeviceId::from_hash(&hash), id);
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        let id = "NVSFY4A-Z22XP3J-WHA5GPL-AGFCVVA-IWECW3E-GE34T2O-3MUXT63-LTE6YQP";
        for wrong in [
            String::new(),
            id.to_lowercase(),
            id.replace('-', ""),
            id[8..].to_owned(),
            format!("{id}-{}", &id[..7]),
            format!("{id}\n"),
            id.replace('4', "1"),
        ] {
            let error = validate_device_id(&wrong).unwrap_err();
            assert_eq!(error, DeviceIdError::Shape(wrong));
        }
    }

    #[test]
    fn only_certificates_have_an_id() {
        let key = "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n";
        for wrong in ["", "hello", key] {
            assert_eq!(DeviceId::of_certificate_pem(wrong), Err(CertificateError));
        }
    }
}
