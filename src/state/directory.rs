//! A store in a folder, for `--output-dir`: `head.json`, `vaults/`, `revisions/`, `public/`.
//!
//! It keeps the promises of [`Store`] by those of `folder`: files appear whole or not at all, links are not followed,
//! and a folder that others can write to is refused, since they could put their keys where ours are read. Vaults are
//! 0600 in a 0700 folder; nothing else is secret. The version of a head is the digest of its file.

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use super::head::{Head, Site, VaultRef};
use super::revision::{Public, Revision};
use super::store::{
    HeadCreation, HeadPut, HeadVersion, KEPT_REVISIONS, Store, StoreError, StoredHead,
    VaultCreation, check_vault, digest_of, from_json, public_digest, to_json,
};
use super::vault::{KeptItem, Vault};
use folder::{Existing, Folder, OPEN_MODE, SECRET_MODE};

mod folder;
#[cfg(test)]
mod tests;

const HEAD: &str = "head.json";
const VAULTS: &str = "vaults";
const REVISIONS: &str = "revisions";
const PUBLIC: &str = "public";
/// A store in a folder.
#[derive(Debug)]
pub struct DirectoryStore {
    chain: String,
    folder: Folder,
}

/// A vault as a file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct VaultFile {
    chain_uid: String,
    subject: String,
    version: u32,
    items: Vec<ItemFile>,
}

#[derive(Serialize, Deserialize)]
struct ItemFile {
    role: String,
    instance: String,
    name: String,
    secret: bool,
    media: String,
    /// Base64.
    data: String,
}

impl DirectoryStore {
    /// Opens the folder, making it (0700) if it is not there.
    ///
    /// # Errors
    /// The folder cannot be made or opened, is a link, or others can write to it.
    pub fn open(path: &Path, chain: &str) -> Result<Self, StoreError> {
        Ok(Self {
            chain: chain.to_owned(),
            folder: Folder::open(path)?,
        })
    }

    fn stored_head(&self) -> Result<Option<StoredHead>, StoreError> {
        let Some(bytes) = self.folder.read("", HEAD)? else {
            return Ok(None);
        };
        let head: Head = from_json(&self.folder.show(HEAD), &bytes)?;
        let version = HeadVersion::of(digest_of(&bytes), &head);
        Ok(Some(StoredHead { head, version }))
    }

    fn write_head(
        &self,
        head: &Head,
        existing: Existing,
    ) -> Result<Option<HeadVersion>, StoreError> {
        let bytes = pretty("the head", head)?;
        let written = self.folder.write("", HEAD, OPEN_MODE, &bytes, existing)?;
        Ok(written.then(|| HeadVersion::of(digest_of(&bytes), head)))
    }

    fn missing(&self, what: String) -> StoreError {
        StoreError::Missing {
            what,
            chain: self.chain.clone(),
        }
    }

    fn load_vault(&self, name: &str) -> Result<Option<Vault>, StoreError> {
        let file = vault_file(name)?;
        let Some(bytes) = self.folder.read(VAULTS, &file)? else {
            return Ok(None);
        };
        let what = format!("vault {name:?}");
        // What serde says about a broken vault may quote it, so only the place is told.
        let parsed: VaultFile =
            serde_json::from_slice(&bytes).map_err(|error| StoreError::Damaged {
                what: what.clone(),
                why: format!("line {} column {}", error.line(), error.column()),
            })?;
        parsed.into_vault(&what).map(Some)
    }
}

/// JSON for people's eyes too, with a last newline.
fn pretty<T: Serialize>(what: &str, value: &T) -> Result<Vec<u8>, StoreError> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| StoreError::Unfit {
        what: what.to_owned(),
        why: error.to_string(),
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// A vault's file name; names with anything but the characters of a Kubernetes name are refused.
fn vault_file(name: &str) -> Result<String, StoreError> {
    let plain = !name.is_empty()
        && !name.starts_with('.')
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c));
    if plain {
        Ok(format!("{name}.json"))
    } else {
        Err(StoreError::Unfit {
            what: format!("vault {name:?}"),
            why: "its name is not a Kubernetes name".to_owned(),
        })
    }
}

impl VaultFile {
    fn from_vault(vault: &Vault) -> Self {
        Self {
            chain_uid: vault.chain_uid.clone(),
            subject: vault.subject.clone(),
            version: vault.version,
            items: vault
                .items
                .iter()
                .map(|((role, instance, name), item)| ItemFile {
                    role: role.clone(),
                    instance: instance.clone(),
                    name: name.clone(),
                    secret: item.secret,
                    media: item.media.clone(),
                    data: BASE64.encode(&item.bytes),
                })
                .collect(),
        }
    }

    fn into_vault(self, what: &str) -> Result<Vault, StoreError> {
        let mut vault = Vault {
            chain_uid: self.chain_uid,
            subject: self.subject,
            version: self.version,
            items: std::collections::BTreeMap::new(),
        };
        for item in self.items {
            let bytes = BASE64.decode(&item.data).map_err(|_| StoreError::Damaged {
                what: what.to_owned(),
                why: format!("item {:?} is not base64", item.name),
            })?;
            vault.items.insert(
                (item.role, item.instance, item.name),
                KeptItem {
                    bytes,
                    secret: item.secret,
                    media: item.media,
                },
            );
        }
        Ok(vault)
    }
}

impl Store for DirectoryStore {
    fn chain(&self) -> &str {
        &self.chain
    }

    async fn load_head(&self) -> Result<Option<StoredHead>, StoreError> {
        self.stored_head()
    }

    async fn create_head(&self, head: &Head) -> Result<HeadCreation, StoreError> {
        let _guard = self.folder.exclusive()?;
        if let Some(version) = self.write_head(head, Existing::Keep)? {
            return Ok(HeadCreation::Created(version));
        }
        match self.stored_head()? {
            Some(stored) => Ok(HeadCreation::Exists(Box::new(stored))),
            None => Err(StoreError::Busy {
                chain: self.chain.clone(),
                attempts: 1,
            }),
        }
    }

    async fn put_head(&self, head: &Head, version: &HeadVersion) -> Result<HeadPut, StoreError> {
        let _guard = self.folder.exclusive()?;
        match self.stored_head()? {
            Some(there) if there.version == *version => version.check()?,
            _ => return Ok(HeadPut::Conflict),
        }
        Ok(match self.write_head(head, Existing::Replace)? {
            Some(version) => HeadPut::Written(version),
            None => HeadPut::Conflict,
        })
    }

    async fn delete_head(&self, version: &HeadVersion) -> Result<HeadPut, StoreError> {
        let _guard = self.folder.exclusive()?;
        match self.stored_head()? {
            None => {}
            Some(there) if there.version == *version => self.folder.remove("", HEAD)?,
            Some(_) => return Ok(HeadPut::Conflict),
        }
        Ok(HeadPut::Written(version.clone()))
    }

    async fn read_vault(
        &self,
        _site: Site<'_>,
        subject: &str,
        vault: &VaultRef,
    ) -> Result<Vault, StoreError> {
        let place = self.folder.place(VAULTS);
        let found = match self.load_vault(&vault.name) {
            Ok(Some(found)) => found,
            Ok(None) => {
                return Err(StoreError::VaultMissing {
                    subject: subject.to_owned(),
                    name: vault.name.clone(),
                    place,
                });
            }
            Err(source) => {
                return Err(StoreError::VaultUnreadable {
                    subject: subject.to_owned(),
                    name: vault.name.clone(),
                    place,
                    source: Box::new(source),
                });
            }
        };
        check_vault(&found, subject, vault, &place)?;
        Ok(found)
    }

    async fn find_vault(&self, _site: Site<'_>, name: &str) -> Result<Option<Vault>, StoreError> {
        self.load_vault(name)
    }

    async fn create_vault(
        &self,
        _site: Site<'_>,
        name: &str,
        vault: &Vault,
    ) -> Result<VaultCreation, StoreError> {
        let file = vault_file(name)?;
        let bytes = pretty("a vault", &VaultFile::from_vault(vault))?;
        if self
            .folder
            .write(VAULTS, &file, SECRET_MODE, &bytes, Existing::Keep)?
        {
            return Ok(VaultCreation::Created);
        }
        match self.load_vault(name)? {
            Some(found) => Ok(VaultCreation::Exists(Box::new(found))),
            None => Err(StoreError::Busy {
                chain: self.chain.clone(),
                attempts: 1,
            }),
        }
    }

    async fn read_public(&self, digest: &str) -> Result<Public, StoreError> {
        let what = format!("public part {digest}");
        let bytes = self
            .folder
            .read(PUBLIC, &public_file(digest)?)?
            .ok_or_else(|| self.missing(what.clone()))?;
        if digest_of(&bytes) != digest {
            return Err(StoreError::Damaged {
                what,
                why: "its digest differs".to_owned(),
            });
        }
        from_json(&what, &bytes)
    }

    async fn write_public(&self, public: &Public) -> Result<String, StoreError> {
        let digest = public_digest(public)?;
        let bytes = to_json("the public part", public)?;
        self.folder.write(
            PUBLIC,
            &public_file(&digest)?,
            OPEN_MODE,
            &bytes,
            Existing::Keep,
        )?;
        Ok(digest)
    }

    async fn read_revision(&self, number: u32) -> Result<Revision, StoreError> {
        let what = format!("revision {number}");
        let bytes = self
            .folder
            .read(REVISIONS, &format!("{number}.json"))?
            .ok_or_else(|| self.missing(what.clone()))?;
        from_json(&what, &bytes)
    }

    async fn write_revision(&self, revision: &Revision) -> Result<(), StoreError> {
        let name = format!("{}.json", revision.number);
        let bytes = pretty("a revision", revision)?;
        if self
            .folder
            .write(REVISIONS, &name, OPEN_MODE, &bytes, Existing::Keep)?
        {
            return Ok(());
        }
        if self.folder.read(REVISIONS, &name)?.as_ref() == Some(&bytes) {
            return Ok(());
        }
        let known = self.stored_head()?.map_or(0, |stored| stored.head.revision);
        if known >= revision.number {
            return Err(StoreError::RevisionTaken {
                chain: self.chain.clone(),
                number: revision.number,
            });
        }
        self.folder
            .write(REVISIONS, &name, OPEN_MODE, &bytes, Existing::Replace)?;
        Ok(())
    }

    async fn list_revisions(&self) -> Result<BTreeSet<u32>, StoreError> {
        Ok(self
            .folder
            .names(REVISIONS)?
            .iter()
            .filter_map(|name| name.strip_suffix(".json")?.parse().ok())
            .collect())
    }

    async fn collect_revisions(&self, current: u32) -> Result<(), StoreError> {
        let oldest = current.saturating_sub(KEPT_REVISIONS - 1);
        let mut named = BTreeSet::new();
        for number in self.list_revisions().await? {
            if number < oldest {
                self.folder.remove(REVISIONS, &format!("{number}.json"))?;
            } else {
                named.insert(public_file(&self.read_revision(number).await?.public)?);
            }
        }
        for name in self.folder.names(PUBLIC)? {
            if !named.contains(&name) {
                self.folder.remove(PUBLIC, &name)?;
            }
        }
        Ok(())
    }
}

fn public_file(digest: &str) -> Result<String, StoreError> {
    if digest.len() == 64 && digest.chars().all(|c| c.is_ascii_hexdigit()) {
        Ok(format!("{digest}.json"))
    } else {
        Err(StoreError::Unfit {
            what: format!("public part {digest:?}"),
            why: "its digest is not 64 hex digits".to_owned(),
        })
    }
}
