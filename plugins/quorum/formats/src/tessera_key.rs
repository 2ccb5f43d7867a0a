//! The keys of a privacy manager, Tessera or Constellation: X25519, in base64.
//!
//! `tm.pub` is the public key, 44 characters without a newline; by it others address the node in
//! `privateFor`. `tm.key` is a JSON object around the private key. Clamping happens within the
//! multiplication, so the 32 bytes are stored as they were drawn.

use core::fmt;
use core::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use curve25519_dalek::MontgomeryPoint;
use serde::Deserialize;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::entropy::{EntropyError, EntropySource, draw};

/// Why a text is no key.
#[derive(Debug, Error)]
pub enum TesseraKeyError {
    /// A public key that is not 32 bytes of base64.
    #[error("{0:?} is not a privacy manager's public key: expected 44 characters of base64")]
    Public(String),
    /// Not the JSON of a key file. The text is a secret and is not shown.
    #[error("the key file is not an unlocked privacy manager key")]
    Json(#[source] serde_json::Error),
    /// A type of key file that this reader does not know.
    #[error("the key file is of type {0:?}, not unlocked")]
    Type(String),
    /// A private key that is not 32 bytes of base64.
    #[error("the private key in the key file is not 32 bytes of base64")]
    Private,
}

/// A public key. `Display` gives 44 characters of base64, the exact content of `tm.pub`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TesseraPublicKey([u8; 32]);

/// A key pair. The private half is wiped on drop and never shown by `Debug`.
pub struct TesseraKey {
    private: Zeroizing<[u8; 32]>,
    public: TesseraPublicKey,
}

#[derive(Deserialize)]
struct KeyFile {
    #[serde(rename = "type")]
    kind: String,
    data: KeyData,
}

#[derive(Deserialize)]
struct KeyData {
    #[serde(default)]
    bytes: String,
}

impl TesseraPublicKey {
    /// The key of 32 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for TesseraPublicKey {
    type Err = TesseraKeyError;

    /// Reads base64 with its padding; line ends after it are ignored.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut key = [0; 32];
        match STANDARD.decode_slice(text.trim_end_matches(['\n', '\r']), &mut key) {
            Ok(32) => Ok(Self(key)),
            _ => Err(TesseraKeyError::Public(text.to_owned())),
        }
    }
}

impl fmt::Display for TesseraPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl TesseraKey {
    /// Makes a pair from 32 bytes of entropy.
    ///
    /// # Errors
    /// When the source gives another number of bytes than asked for.
    pub fn generate(entropy: &mut EntropySource<'_>) -> Result<Self, EntropyError> {
        draw(entropy, |private| Some(Self::from_private(private)))
    }

    /// The pair of a known private key; any 32 bytes are one.
    #[must_use]
    pub fn from_private(private: &[u8; 32]) -> Self {
        let public = MontgomeryPoint::mul_base_clamped(*private);
        Self {
            private: Zeroizing::new(*private),
            public: TesseraPublicKey(public.to_bytes()),
        }
    }

    /// Reads an unlocked `tm.key`, in any layout of JSON.
    ///
    /// # Errors
    /// When the file is of another type or holds no key. A locked file has
    /// another type.
    pub fn parse(file: &str) -> Result<Self, TesseraKeyError> {
        let file: KeyFile = serde_json::from_str(file).map_err(TesseraKeyError::Json)?;
        let bytes = Zeroizing::new(file.data.bytes);
        if file.kind != "unlocked" {
            return Err(TesseraKeyError::Type(file.kind));
        }
        let mut private = Zeroizing::new([0; 32]);
        match STANDARD.decode_slice(bytes.as_bytes(), private.as_mut_slice()) {
            Ok(32) => Ok(Self::from_private(&private)),
            _ => Err(TesseraKeyError::Private),
        }
    }

    /// The private key, 32 bytes as drawn.
    #[must_use]
    pub fn private(&self) -> &[u8; 32] {
        &self.private
    }

    /// The public key.
    #[must_use]
    pub const fn public(&self) -> &TesseraPublicKey {
        &self.public
    }

    /// The exact content of an unlocked `tm.key`: one line of JSON, no newline.
    #[must_use]
    pub fn key_file(&self) -> Zeroizing<String> {
        let bytes = Zeroizing::new(STANDARD.encode(*self.private));
        Zeroizing::new(format!(
            "{{\"data\":{{\"bytes\":\"{}\"}},\"type\":\"unlocked\"}}",
            bytes.as_str()
        ))
    }

    /// The exact content of `tm.pub`: 44 characters of base64, no newline.
    #[must_use]
    pub fn public_file(&self) -> String {
        self.public.to_string()
    }
}

impl fmt::Debug for TesseraKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TesseraKey")
            .field("public", &self.public.to_string())
            .field("private", &"[redacted]")
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{bytes, cases, text, vector};

    #[test]
    fn vector_tessera_keys() {
        let cases = cases("tessera_keys");
        assert_eq!(cases.len(), 7);
        let layout = vector("tessera_keys");
        let layout = text(&layout, "key_file_compact");
        for case in cases {
            let key = TesseraKey::from_private(&bytes(&case, "private_hex"));
            assert_eq!(key.public_file(), text(&case, "published_public_b64"));
            let file = layout.replace("<b64 private>", text(&case, "private_b64"));
            assert_eq!(key.key_file().as_str(), file);
            assert_eq!(TesseraKey::parse(&file).unwrap().public(), key.public());
            let public: TesseraPublicKey = format!("{}\n", key.public_file()).parse().unwrap();
            assert_eq!(&public, key.public());
        }
    }

    #[test]
    fn vector_shared_key() {
        let cases = cases("tessera_keys");
        let key = |index: usize| TesseraKey::from_private(&bytes(&cases[index], "private_hex"));
        let other = MontgomeryPoint(*key(1).public().as_bytes());
        let secret = other.mul_clamped(*key(0).private()).to_bytes();
        let shared = salsa20::hsalsa::<salsa20::cipher::consts::U10>(
            &salsa20::Key::from(secret),
            &salsa20::cipher::array::Array::from([0; 16]),
        );
        assert_eq!(
            hex::encode(shared),
            text(
                &vector("tessera_keys"),
                "shared_key_node1_node2_box_beforenm_hex"
            )
        );
    }

    #[test]
    fn every_layout_is_read_and_other_files_refused() {
        let pretty = "{\n  \"type\": \"unlocked\",\n  \"data\": {\n    \"bytes\": \"Wl+xSyXVuuqzpvznOS7dOobhcn4C5auxkFRi7yLtgtA=\"\n  }\n}";
        assert!(TesseraKey::parse(pretty).is_ok());
        for (wrong, error) in [
            ("", "the key file is not an unlocked privacy manager key"),
            (
                "{\"type\":\"argon2sbox\",\"data\":{}}",
                "the key file is of type \"argon2sbox\", not unlocked",
            ),
            (
                "{\"type\":\"unlocked\",\"data\":{\"bytes\":\"AAAA\"}}",
                "the private key in the key file is not 32 bytes of base64",
            ),
        ] {
            assert_eq!(TesseraKey::parse(wrong).unwrap_err().to_string(), error);
        }
        assert!("AAAA".parse::<TesseraPublicKey>().is_err());
    }

    #[test]
    fn debug_hides_the_key() {
        let shown = format!("{:?}", TesseraKey::from_private(&[1; 32]));
        assert!(shown.contains("redacted") && !shown.contains("[1, 1"));
    }
}
