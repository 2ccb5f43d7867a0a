//! The file of an account: web3 secret storage, version 3.
//!
//! A key derivation turns the password into 32 bytes; the first half encrypts the private key with
//! AES-128 in counter mode, the second half, hashed with the ciphertext, shows that the password was
//! right. The standard derivation takes 256 MiB and about a second in a sandbox, the light one 8 MiB
//! and a thirtieth of that: one run for each file that is made, none when it is only copied.

mod file;

use aes::Aes128;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use plugin_scrypt::{Params, scrypt};
use sha2::Sha256;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::account::Password;
use crate::address::Address;
use crate::entropy::{EntropyError, EntropySource, draw};
use crate::keccak::keccak256;
use crate::key_pair::{InvalidPrivateKey, KeyPair};
use crate::keystore::file::{CipherParams, Crypto, File, KdfParams};

/// Bytes of memory that a derivation may take: four times the standard one.
const MAX_MEMORY: u64 = 1 << 30;
/// Blocks that a derivation may mix, and rounds that it may hash: eight times the standard one.
const MAX_WORK: u64 = 1 << 24;

/// Why a keystore cannot be read, opened or made.
#[derive(Debug, Error)]
pub enum KeystoreError {
    /// Not the JSON of a keystore.
    #[error("keystore is not the JSON of web3 secret storage")]
    Json(#[source] serde_json::Error),
    /// Another version, cipher or key derivation than version 3 knows.
    #[error("keystore has {field} {value:?}, which is not supported")]
    Unsupported {
        /// The field.
        field: &'static str,
        /// What stands there.
        value: String,
    },
    /// A field that is missing, no hex, or of another length.
    #[error("keystore has no valid {0}")]
    Field(&'static str),
    /// Parameters of the key derivation that are invalid, or ask for more than is sane.
    #[error("keystore asks for an invalid or excessive key derivation")]
    Derivation,
    /// The password is not that of the file, or the file is damaged.
    #[error("the password does not open the keystore")]
    Password,
    /// What was decrypted is no private key.
    #[error("keystore holds no private key")]
    Key(#[from] InvalidPrivateKey),
    /// The private key is that of another account than the file says.
    #[error("keystore says account {said} but holds the key of {held}")]
    Address {
        /// The address in the file.
        said: Address,
        /// The address of the key.
        held: Address,
    },
}

/// How a new file derives its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Derivation {
    /// scrypt with n = 262144, r = 8, p = 1: what clients write.
    #[default]
    Standard,
    /// scrypt with n = 4096, r = 8, p = 6: enough where the password is random or empty.
    Light,
    /// PBKDF2 with HMAC-SHA-256 and 262144 rounds.
    Pbkdf2,
}

/// What a new file takes from entropy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed {
    /// Salt of the key derivation.
    pub salt: [u8; 32],
    /// Initial counter of the cipher.
    pub iv: [u8; 16],
    /// The file's own id, of which six bits are fixed.
    pub id: [u8; 16],
}

/// A keystore file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keystore {
    address: Option<Address>,
    id: String,
    kdf: Kdf,
    salt: Vec<u8>,
    iv: [u8; 16],
    ciphertext: Vec<u8>,
    mac: [u8; 32],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kdf {
    Scrypt { n: u64, r: u32, p: u32 },
    Pbkdf2 { c: u32 },
}

impl Seed {
    /// Draws a seed: 64 bytes of entropy.
    ///
    /// # Errors
    /// When the source gives another number of bytes than asked for.
    pub fn draw(entropy: &mut EntropySource<'_>) -> Result<Self, EntropyError> {
        Ok(Self {
            salt: draw(entropy, |salt| Some(*salt))?,
            iv: draw(entropy, |iv| Some(*iv))?,
            id: draw(entropy, |id| Some(*id))?,
        })
    }

    /// The id as a UUID of version 4.
    fn uuid(&self) -> String {
        let mut bytes = self.id;
        if let Some(version) = bytes.get_mut(6) {
            *version = (*version & 0x0f) | 0x40;
        }
        if let Some(variant) = bytes.get_mut(8) {
            *variant = (*variant & 0x3f) | 0x80;
        }
        let mut text = String::with_capacity(36);
        for (place, byte) in bytes.iter().enumerate() {
            if matches!(place, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            text.push_str(&hex::encode([*byte]));
        }
        text
    }
}

impl Kdf {
    fn derive(self, password: &Password, salt: &[u8]) -> Result<Derived, KeystoreError> {
        let mut derived = Zeroizing::new([0; 32]);
        match self {
            Self::Scrypt { n, r, p } => {
                let blocks = n.checked_mul(u64::from(r));
                let memory = blocks.and_then(|blocks| blocks.checked_mul(128));
                let work = blocks.and_then(|blocks| blocks.checked_mul(u64::from(p)));
                if memory.is_none_or(|memory| memory > MAX_MEMORY)
                    || work.is_none_or(|work| work > MAX_WORK)
                {
                    return Err(KeystoreError::Derivation);
                }
                let params = Params::new(n, r, p).map_err(|_| KeystoreError::Derivation)?;
                scrypt(password.as_bytes(), salt, params, derived.as_mut_slice())
                    .map_err(|_| KeystoreError::Derivation)?;
            }
            Self::Pbkdf2 { c } => {
                if c == 0 || u64::from(c) > MAX_WORK {
                    return Err(KeystoreError::Derivation);
                }
                let out = derived.as_mut_slice();
                pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), salt, c, out);
            }
        }
        Ok(Derived(derived))
    }
}

/// The 32 bytes that a password was turned into.
struct Derived(Zeroizing<[u8; 32]>);

impl Derived {
    /// Encrypts or decrypts: in counter mode both are the same.
    fn apply(&self, iv: &[u8; 16], data: &mut [u8]) -> Result<(), KeystoreError> {
        let (key, _) = self
            .0
            .split_first_chunk::<16>()
            .ok_or(KeystoreError::Derivation)?;
        Ctr128BE::<Aes128>::new(key.into(), iv.into()).apply_keystream(data);
        Ok(())
    }

    fn mac(&self, ciphertext: &[u8]) -> [u8; 32] {
        let mut data = Zeroizing::new(Vec::with_capacity(48));
        data.extend(self.0.iter().skip(16));
        data.extend_from_slice(ciphertext);
        keccak256(&data)
    }
}

impl Keystore {
    /// Encrypts a private key under a password.
    ///
    /// # Errors
    /// Never with the three derivations there are; the type leaves room for an allocation that fails.
    pub fn encrypt(
        pair: &KeyPair,
        password: &Password,
        derivation: Derivation,
        seed: &Seed,
    ) -> Result<Self, KeystoreError> {
        let kdf = match derivation {
            Derivation::Standard => Kdf::Scrypt {
                n: 262_144,
                r: 8,
                p: 1,
            },
            Derivation::Light => Kdf::Scrypt {
                n: 4096,
                r: 8,
                p: 6,
            },
            Derivation::Pbkdf2 => Kdf::Pbkdf2 { c: 262_144 },
        };
        let derived = kdf.derive(password, &seed.salt)?;
        let mut ciphertext = pair.private().to_vec();
        derived.apply(&seed.iv, &mut ciphertext)?;
        Ok(Self {
            address: Some(pair.address()),
            id: seed.uuid(),
            kdf,
            salt: seed.salt.to_vec(),
            iv: seed.iv,
            mac: derived.mac(&ciphertext),
            ciphertext,
        })
    }

    /// Reads a file of any layout.
    ///
    /// # Errors
    /// When it is no keystore of version 3 with AES-128-CTR and scrypt or PBKDF2.
    pub fn parse(json: &str) -> Result<Self, KeystoreError> {
        let file: File = serde_json::from_str(json).map_err(KeystoreError::Json)?;
        supported("version", &file.version.to_string(), "3")?;
        supported("cipher", &file.crypto.cipher, "aes-128-ctr")?;
        let params = &file.crypto.kdfparams;
        if params.dklen < 32 {
            return Err(KeystoreError::Derivation);
        }
        let kdf = match (file.crypto.kdf.as_str(), params) {
            (
                "scrypt",
                &KdfParams {
                    n: Some(n),
                    r: Some(r),
                    p: Some(p),
                    ..
                },
            ) => Kdf::Scrypt { n, r, p },
            (
                "pbkdf2",
                KdfParams {
                    c: Some(c), prf, ..
                },
            ) => {
                supported("prf", prf.as_deref().unwrap_or_default(), "hmac-sha256")?;
                Kdf::Pbkdf2 { c: *c }
            }
            ("scrypt" | "pbkdf2", _) => return Err(KeystoreError::Field("kdfparams")),
            (other, _) => {
                return Err(KeystoreError::Unsupported {
                    field: "kdf",
                    value: other.to_owned(),
                });
            }
        };
        let address = match file.address.as_deref() {
            None | Some("") => None,
            Some(text) => Some(text.parse().map_err(|_| KeystoreError::Field("address"))?),
        };
        Ok(Self {
            address,
            id: file.id,
            kdf,
            salt: unhex("salt", &params.salt)?,
            iv: fixed("iv", &file.crypto.cipherparams.iv)?,
            ciphertext: unhex("ciphertext", &file.crypto.ciphertext)?,
            mac: fixed("mac", &file.crypto.mac)?,
        })
    }

    /// Opens the file. A key of fewer than 32 bytes is one with leading zeros, as clients take it.
    ///
    /// # Errors
    /// When the password is wrong, the derivation is excessive, or the file holds another key than
    /// it says.
    pub fn decrypt(&self, password: &Password) -> Result<KeyPair, KeystoreError> {
        let derived = self.kdf.derive(password, &self.salt)?;
        if derived.mac(&self.ciphertext) != self.mac {
            return Err(KeystoreError::Password);
        }
        let mut plain = Zeroizing::new(self.ciphertext.clone());
        derived.apply(&self.iv, &mut plain)?;
        let mut private = Zeroizing::new([0; 32]);
        if plain.len() > private.len() {
            return Err(KeystoreError::Field("ciphertext"));
        }
        for (to, from) in private.iter_mut().rev().zip(plain.iter().rev()) {
            *to = *from;
        }
        let pair = KeyPair::from_private(&private)?;
        match self.address {
            Some(said) if said != pair.address() => Err(KeystoreError::Address {
                said,
                held: pair.address(),
            }),
            _ => Ok(pair),
        }
    }

    /// The account that the file says it holds; not every file says it.
    #[must_use]
    pub const fn address(&self) -> Option<Address> {
        self.address
    }

    /// The exact content of the file: one line of JSON, keys in alphabetical order, no newline.
    ///
    /// # Errors
    /// When the JSON cannot be written, which no value of this type causes.
    pub fn render(&self) -> Result<String, KeystoreError> {
        let salt = hex::encode(&self.salt);
        let (kdf, kdfparams) = match self.kdf {
            Kdf::Scrypt { n, r, p } => {
                let params = KdfParams {
                    n: Some(n),
                    r: Some(r),
                    p: Some(p),
                    ..KdfParams::of(salt)
                };
                ("scrypt", params)
            }
            Kdf::Pbkdf2 { c } => {
                let prf = Some("hmac-sha256".to_owned());
                (
                    "pbkdf2",
                    KdfParams {
                        c: Some(c),
                        prf,
                        ..KdfParams::of(salt)
                    },
                )
            }
        };
        let file = File {
            address: self.address.map(|address| address.digits()),
            crypto: Crypto {
                cipher: "aes-128-ctr".to_owned(),
                ciphertext: hex::encode(&self.ciphertext),
                cipherparams: CipherParams {
                    iv: hex::encode(self.iv),
                },
                kdf: kdf.to_owned(),
                kdfparams,
                mac: hex::encode(self.mac),
            },
            id: self.id.clone(),
            version: 3,
        };
        serde_json::to_string(&file).map_err(KeystoreError::Json)
    }
}

fn supported(field: &'static str, value: &str, only: &str) -> Result<(), KeystoreError> {
    if value.eq_ignore_ascii_case(only) {
        return Ok(());
    }
    Err(KeystoreError::Unsupported {
        field,
        value: value.to_owned(),
    })
}

fn unhex(field: &'static str, text: &str) -> Result<Vec<u8>, KeystoreError> {
    hex::decode(text.strip_prefix("0x").unwrap_or(text)).map_err(|_| KeystoreError::Field(field))
}

fn fixed<const N: usize>(field: &'static str, text: &str) -> Result<[u8; N], KeystoreError> {
    let bytes = unhex(field, text)?;
    bytes.try_into().map_err(|_| KeystoreError::Field(field))
}

#[cfg(test)]
mod tests;
