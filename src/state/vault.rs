//! The vault: what one subject keeps for ever, in one immutable Secret per subject and version.

use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest, Sha256};

/// One kept item. `Debug` never shows its bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptItem {
    /// The bytes as the plugin made them.
    pub bytes: Vec<u8>,
    /// Whether it may be seen only by its maker and by those with whom it is shared.
    pub secret: bool,
    /// Media type, e.g. `application/x-pem-file`; informative.
    pub media: String,
}

impl fmt::Debug for KeptItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "KeptItem({} bytes, secret: {})",
            self.bytes.len(),
            self.secret
        )
    }
}

/// Identity of an item within a subject: role, instance, name.
pub type ItemKey = (String, String, String);

/// What one subject keeps (one version of it).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vault {
    /// UID of the chain it belongs to.
    pub chain_uid: String,
    /// The subject.
    pub subject: String,
    /// 1 at birth; a later version adds items or renews them.
    pub version: u32,
    /// By role, instance and name.
    pub items: BTreeMap<ItemKey, KeptItem>,
}

impl Vault {
    /// SHA-256 over chain, subject, version and every item with its length, as 64 hex digits.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        let mut put = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        };
        put(self.chain_uid.as_bytes());
        put(self.subject.as_bytes());
        put(&self.version.to_be_bytes());
        for ((role, instance, name), item) in &self.items {
            for part in [role, instance, name, &item.media] {
                put(part.as_bytes());
            }
            put(&[u8::from(item.secret)]);
            put(&item.bytes);
        }
        hex::encode(hash.finalize())
    }

    /// The key under which an item lies in the Secret's data: `role.name`, or `role..instance.name` when the instance
    /// is not the role's only one (its name then differs from the role's). Characters that Kubernetes refuses in a
    /// key become `-`, with a short hash at the end so that two names never meet.
    pub fn data_key((role, instance, name): &ItemKey) -> String {
        let plain = if instance == role {
            format!("{role}.{name}")
        } else {
            format!("{role}..{instance}.{name}")
        };
        let clean: String = plain
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || "._-".contains(c) {
                    c
                } else {
                    '-'
                }
            })
            .collect();
        if clean == plain && clean.len() <= 253 {
            return clean;
        }
        let hash = hex::encode(Sha256::digest(plain.as_bytes()));
        let head: String = clean.chars().take(200).collect();
        format!("{head}-{}", hash.get(..8).unwrap_or_default())
    }
}
