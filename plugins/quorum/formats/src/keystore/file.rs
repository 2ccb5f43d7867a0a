//! The JSON of a keystore, with its keys in the order in which clients write them.

use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct File {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) address: Option<String>,
    #[serde(alias = "Crypto")]
    pub(super) crypto: Crypto,
    #[serde(default)]
    pub(super) id: String,
    pub(super) version: u64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Crypto {
    pub(super) cipher: String,
    pub(super) ciphertext: String,
    pub(super) cipherparams: CipherParams,
    pub(super) kdf: String,
    pub(super) kdfparams: KdfParams,
    pub(super) mac: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct CipherParams {
    pub(super) iv: String,
}

/// Both derivations' parameters; those of the other one are absent.
#[derive(Serialize, Deserialize)]
pub(super) struct KdfParams {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) c: Option<u32>,
    pub(super) dklen: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) n: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) p: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) prf: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) r: Option<u32>,
    pub(super) salt: String,
}

impl KdfParams {
    pub(super) const fn of(salt: String) -> Self {
        Self {
            c: None,
            dklen: 32,
            n: None,
            p: None,
            prf: None,
            r: None,
            salt,
        }
    }
}
