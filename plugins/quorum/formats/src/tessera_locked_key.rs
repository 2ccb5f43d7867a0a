//! A locked key of Tessera: the private key in a `NaCl` secret box, under a password.
//!
//! Argon2 turns the password into the key of the box (`XSalsa20` and Poly1305, the tag in front). The
//! usual options take 1 GiB and some twenty seconds, far more than a sandbox should: a caller says
//! how much memory it grants. New networks keep unlocked keys in Secrets instead.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use poly1305::Poly1305;
use poly1305::universal_hash::KeyInit;
use salsa20::XSalsa20;
use salsa20::cipher::{KeyIvInit, StreamCipher};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::tessera_key::TesseraKey;

/// Why a locked key cannot be read, opened or made.
#[derive(Debug, Error)]
pub enum LockedKeyError {
    /// Not the JSON of a locked key.
    #[error("the key file is not a locked privacy manager key")]
    Json(#[source] serde_json::Error),
    /// Another type of file.
    #[error("the key file is of type {0:?}, not argon2sbox")]
    Type(String),
    /// A field that is no base64 of the right length.
    #[error("the locked key has no valid {0}")]
    Field(&'static str),
    /// A variant that Argon2 does not have.
    #[error("the locked key asks for argon2{0}, which does not exist")]
    Variant(String),
    /// More memory than the caller grants.
    #[error("the locked key takes {asked} KiB of memory to open, {granted} KiB are granted")]
    Memory {
        /// KiB that the file asks for.
        asked: u32,
        /// KiB that the caller grants.
        granted: u32,
    },
    /// Options that Argon2 refuses.
    #[error("the locked key has options that argon2 refuses: {0}")]
    Options(argon2::Error),
    /// The password is not that of the file, or the file is damaged.
    #[error("the password does not open the locked key")]
    Password,
}

/// How the password is turned into a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArgonOptions {
    /// `i`, `d` or `id`.
    pub variant: String,
    /// Passes over the memory.
    pub iterations: u32,
    /// Memory, in KiB.
    pub memory: u32,
    /// Lanes.
    pub parallelism: u32,
}

/// A locked key file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedKey {
    nonce: [u8; 24],
    salt: [u8; 16],
    sealed: [u8; 48],
    options: ArgonOptions,
}

impl Default for ArgonOptions {
    /// What generators write: Argon2i, 10 passes over 1 GiB, 4 lanes.
    fn default() -> Self {
        Self {
            variant: "i".to_owned(),
            iterations: 10,
            memory: 1_048_576,
            parallelism: 4,
        }
    }
}

impl ArgonOptions {
    fn derive(&self, password: &[u8], salt: &[u8; 16]) -> Result<BoxKey, LockedKeyError> {
        let algorithm = match self.variant.as_str() {
            "i" => Algorithm::Argon2i,
            "d" => Algorithm::Argon2d,
            "id" => Algorithm::Argon2id,
            other => return Err(LockedKeyError::Variant(other.to_owned())),
        };
        let params = Params::new(self.memory, self.iterations, self.parallelism, Some(32))
            .map_err(LockedKeyError::Options)?;
        let mut key = Zeroizing::new([0; 32]);
        Argon2::new(algorithm, Version::V0x13, params)
            .hash_password_into(password, salt, key.as_mut_slice())
            .map_err(LockedKeyError::Options)?;
        Ok(BoxKey(key))
    }
}

/// The key of a secret box.
struct BoxKey(Zeroizing<[u8; 32]>);

impl BoxKey {
    /// The cipher past its first 32 bytes of key stream, and the one-time key that those are.
    fn start(&self, nonce: &[u8; 24]) -> (XSalsa20, Poly1305) {
        let mut cipher = XSalsa20::new((&*self.0).into(), nonce.into());
        let mut once = Zeroizing::new([0; 32]);
        cipher.apply_keystream(once.as_mut_slice());
        (cipher, Poly1305::new((&*once).into()))
    }

    /// Tag and ciphertext.
    fn seal(&self, nonce: &[u8; 24], private: &[u8; 32]) -> [u8; 48] {
        let (mut cipher, poly) = self.start(nonce);
        let mut text = *private;
        cipher.apply_keystream(&mut text);
        let tag = poly.compute_unpadded(&text);
        let mut sealed = [0; 48];
        for (to, from) in sealed.iter_mut().zip(tag.iter().chain(text.iter())) {
            *to = *from;
        }
        sealed
    }

    fn open(&self, nonce: &[u8; 24], sealed: &[u8; 48]) -> Option<Zeroizing<[u8; 32]>> {
        let (tag, text) = sealed.split_first_chunk::<16>()?;
        let (mut cipher, poly) = self.start(nonce);
        if poly.compute_unpadded(text).as_slice() != tag.as_slice() {
            return None;
        }
        let mut private = Zeroizing::new(<[u8; 32]>::try_from(text).ok()?);
        cipher.apply_keystream(private.as_mut_slice());
        Some(private)
    }
}

#[derive(Serialize, Deserialize)]
struct File {
    #[serde(rename = "type")]
    kind: String,
    data: Data,
}

#[derive(Serialize, Deserialize)]
struct Data {
    snonce: String,
    asalt: String,
    sbox: String,
    aopts: ArgonOptions,
}

impl LockedKey {
    /// Locks a key. Salt and nonce are fresh entropy.
    ///
    /// # Errors
    /// When Argon2 refuses the options.
    pub fn lock(
        key: &TesseraKey,
        password: &[u8],
        salt: [u8; 16],
        nonce: [u8; 24],
        options: ArgonOptions,
    ) -> Result<Self, LockedKeyError> {
        let sealed = options.derive(password, &salt)?.seal(&nonce, key.private());
        Ok(Self {
            nonce,
            salt,
            sealed,
            options,
        })
    }

    /// Reads a key file of type `argon2sbox`.
    ///
    /// # Errors
    /// When it is of another type, or a field is missing or of another length.
    pub fn parse(file: &str) -> Result<Self, LockedKeyError> {
        let file: serde_json::Value = serde_json::from_str(file).map_err(LockedKeyError::Json)?;
        match file.get("type").and_then(serde_json::Value::as_str) {
            Some("argon2sbox") => {}
            other => return Err(LockedKeyError::Type(other.unwrap_or_default().to_owned())),
        }
        let File { data, .. } = serde_json::from_value(file).map_err(LockedKeyError::Json)?;
        Ok(Self {
            nonce: field("snonce", &data.snonce)?,
            salt: field("asalt", &data.asalt)?,
            sealed: field("sbox", &data.sbox)?,
            options: data.aopts,
        })
    }

    /// Opens the file with at most `memory` KiB.
    ///
    /// # Errors
    /// When it asks for more memory, the options make no sense, or the password is wrong.
    pub fn unlock(&self, password: &[u8], memory: u32) -> Result<TesseraKey, LockedKeyError> {
        if self.options.memory > memory {
            return Err(LockedKeyError::Memory {
                asked: self.options.memory,
                granted: memory,
            });
        }
        let key = self.options.derive(password, &self.salt)?;
        let private = key.open(&self.nonce, &self.sealed);
        let private = private.ok_or(LockedKeyError::Password)?;
        Ok(TesseraKey::from_private(&private))
    }

    /// What opening takes.
    #[must_use]
    pub const fn options(&self) -> &ArgonOptions {
        &self.options
    }

    /// The file: JSON indented by two.
    ///
    /// # Errors
    /// When the JSON cannot be written, which no value of this type causes.
    pub fn render(&self) -> Result<String, LockedKeyError> {
        let file = File {
            kind: "argon2sbox".to_owned(),
            data: Data {
                snonce: STANDARD.encode(self.nonce),
                asalt: STANDARD.encode(self.salt),
                sbox: STANDARD.encode(self.sealed),
                aopts: self.options.clone(),
            },
        };
        serde_json::to_string_pretty(&file).map_err(LockedKeyError::Json)
    }
}

fn field<const N: usize>(name: &'static str, text: &str) -> Result<[u8; N], LockedKeyError> {
    let bytes = STANDARD
        .decode(text)
        .map_err(|_| LockedKeyError::Field(name))?;
    bytes.try_into().map_err(|_| LockedKeyError::Field(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{bytes, text, vector};

    fn published() -> (serde_json::Value, LockedKey) {
        let case = vector("tessera_locked_key");
        let locked = LockedKey::parse(&case["file"].to_string()).unwrap();
        (case, locked)
    }

    #[test]
    fn vector_the_box_opens_and_is_sealed_again() {
        let (case, locked) = published();
        let key = BoxKey(Zeroizing::new(bytes(&case, "argon2_key_hex")));
        let private = key.open(&locked.nonce, &locked.sealed).unwrap();
        assert_eq!(STANDARD.encode(*private), text(&case, "private_b64"));
        assert_eq!(key.seal(&locked.nonce, &private), locked.sealed);
        assert_eq!(locked.options(), &ArgonOptions::default());
        let rendered: serde_json::Value = serde_json::from_str(&locked.render().unwrap()).unwrap();
        assert_eq!(rendered, case["file"]);
    }

    /// Takes 1 GiB of memory and half a minute.
    #[test]
    #[ignore = "takes 1 GiB of memory"]
    fn vector_tessera_locked_key() {
        let (case, locked) = published();
        let key = locked.unlock(text(&case, "password").as_bytes(), u32::MAX);
        let key = key.unwrap();
        assert_eq!(STANDARD.encode(key.private()), text(&case, "private_b64"));
    }

    #[test]
    fn a_small_key_is_locked_and_opened() {
        let options = ArgonOptions {
            variant: "id".to_owned(),
            iterations: 1,
            memory: 64,
            parallelism: 1,
        };
        let key = TesseraKey::from_private(&[9; 32]);
        let locked = LockedKey::lock(&key, b"right", [1; 16], [2; 24], options).unwrap();
        let read = LockedKey::parse(&locked.render().unwrap()).unwrap();
        assert_eq!(read.unlock(b"right", 64).unwrap().public(), key.public());
        let wrong = read.unlock(b"wrong", 64).unwrap_err();
        assert!(matches!(wrong, LockedKeyError::Password));
        let poor = read.unlock(b"right", 63).unwrap_err();
        assert!(matches!(poor, LockedKeyError::Memory { .. }));
    }

    #[test]
    fn other_files_are_refused() {
        let unlocked = TesseraKey::from_private(&[1; 32]).key_file();
        let error = LockedKey::parse(&unlocked).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the key file is of type \"unlocked\", not argon2sbox"
        );
        let (case, _) = published();
        let cut = case["file"]
            .to_string()
            .replace("AAECAwQFBgcICQoLDA0ODw==", "AAEC");
        let error = LockedKey::parse(&cut).unwrap_err();
        assert_eq!(error.to_string(), "the locked key has no valid asalt");
    }
}
