//! A store that forgets: for `--dry-run=client` of a new chain, and for tests of the pipeline.
//!
//! It keeps the promises of [`Store`] within one process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::head::{Head, Site, VaultRef};
use super::revision::{Public, Revision};
use super::store::{
    HeadCreation, HeadPut, HeadVersion, KEPT_REVISIONS, Store, StoreError, StoredHead,
    VaultCreation, check_vault, public_digest,
};
use super::vault::Vault;

#[derive(Debug, Default)]
struct Inner {
    head: Option<(Head, u64)>,
    /// Counted over all heads, so that a version is never used twice.
    writes: u64,
    vaults: BTreeMap<(String, String, String), Vault>,
    publics: BTreeMap<String, Public>,
    revisions: BTreeMap<u32, Revision>,
}

/// A store in memory.
#[derive(Debug)]
pub struct MemoryStore {
    chain: String,
    inner: Mutex<Inner>,
}

impl MemoryStore {
    /// An empty store for one chain.
    pub fn new(chain: &str) -> Self {
        Self {
            chain: chain.to_owned(),
            inner: Mutex::default(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn missing(&self, what: String) -> StoreError {
        StoreError::Missing {
            what,
            chain: self.chain.clone(),
        }
    }
}

/// Under what a vault stands: cluster, namespace and name.
fn key(site: Site<'_>, name: &str) -> (String, String, String) {
    let own = str::to_owned;
    (own(site.cluster), own(site.namespace), own(name))
}

fn version_of(writes: u64, head: &Head) -> HeadVersion {
    HeadVersion::of(writes.to_string(), head)
}

impl Store for MemoryStore {
    fn chain(&self) -> &str {
        &self.chain
    }

    async fn load_head(&self) -> Result<Option<StoredHead>, StoreError> {
        Ok(self.inner().head.as_ref().map(|(head, writes)| StoredHead {
            head: head.clone(),
            version: version_of(*writes, head),
        }))
    }

    async fn create_head(&self, head: &Head) -> Result<HeadCreation, StoreError> {
        let mut inner = self.inner();
        if let Some((head, writes)) = &inner.head {
            return Ok(HeadCreation::Exists(Box::new(StoredHead {
                head: head.clone(),
                version: version_of(*writes, head),
            })));
        }
        inner.writes += 1;
        let writes = inner.writes;
        inner.head = Some((head.clone(), writes));
        Ok(HeadCreation::Created(version_of(writes, head)))
    }

    async fn put_head(&self, head: &Head, version: &HeadVersion) -> Result<HeadPut, StoreError> {
        let mut inner = self.inner();
        match &inner.head {
            Some((there, writes)) if version_of(*writes, there) == *version => version.check()?,
            _ => return Ok(HeadPut::Conflict),
        }
        inner.writes += 1;
        let writes = inner.writes;
        inner.head = Some((head.clone(), writes));
        Ok(HeadPut::Written(version_of(writes, head)))
    }

    async fn delete_head(&self, version: &HeadVersion) -> Result<HeadPut, StoreError> {
        let mut inner = self.inner();
        match &inner.head {
            Some((there, writes)) if version_of(*writes, there) != *version => {
                return Ok(HeadPut::Conflict);
            }
            _ => inner.head = None,
        }
        Ok(HeadPut::Written(version.clone()))
    }

    async fn read_vault(
        &self,
        site: Site<'_>,
        subject: &str,
        vault: &VaultRef,
    ) -> Result<Vault, StoreError> {
        let found = self.inner().vaults.get(&key(site, &vault.name)).cloned();
        let Some(found) = found else {
            return Err(StoreError::VaultMissing {
                subject: subject.to_owned(),
                name: vault.name.clone(),
                place: "memory".to_owned(),
            });
        };
        check_vault(&found, subject, vault, "memory")?;
        Ok(found)
    }

    async fn find_vault(&self, site: Site<'_>, name: &str) -> Result<Option<Vault>, StoreError> {
        let key = key(site, name);
        Ok(self.inner().vaults.get(&key).cloned())
    }

    async fn create_vault(
        &self,
        site: Site<'_>,
        name: &str,
        vault: &Vault,
    ) -> Result<VaultCreation, StoreError> {
        let mut inner = self.inner();
        let key = key(site, name);
        if let Some(found) = inner.vaults.get(&key) {
            return Ok(VaultCreation::Exists(Box::new(found.clone())));
        }
        inner.vaults.insert(key, vault.clone());
        Ok(VaultCreation::Created)
    }

    async fn read_public(&self, digest: &str) -> Result<Public, StoreError> {
        self.inner()
            .publics
            .get(digest)
            .cloned()
            .ok_or_else(|| self.missing(format!("public part {digest}")))
    }

    async fn write_public(&self, public: &Public) -> Result<String, StoreError> {
        let digest = public_digest(public)?;
        self.inner().publics.insert(digest.clone(), public.clone());
        Ok(digest)
    }

    async fn read_revision(&self, number: u32) -> Result<Revision, StoreError> {
        self.inner()
            .revisions
            .get(&number)
            .cloned()
            .ok_or_else(|| self.missing(format!("revision {number}")))
    }

    async fn write_revision(&self, revision: &Revision) -> Result<(), StoreError> {
        let mut inner = self.inner();
        let known = inner.head.as_ref().map_or(0, |(head, _)| head.revision);
        match inner.revisions.get(&revision.number) {
            Some(there) if there == revision => return Ok(()),
            Some(_) if known >= revision.number => {
                return Err(StoreError::RevisionTaken {
                    chain: self.chain.clone(),
                    number: revision.number,
                });
            }
            _ => {}
        }
        inner.revisions.insert(revision.number, revision.clone());
        Ok(())
    }

    async fn list_revisions(&self) -> Result<BTreeSet<u32>, StoreError> {
        Ok(self.inner().revisions.keys().copied().collect())
    }

    async fn collect_revisions(&self, current: u32) -> Result<(), StoreError> {
        let mut inner = self.inner();
        let oldest = current.saturating_sub(KEPT_REVISIONS - 1);
        inner.revisions.retain(|number, _| *number >= oldest);
        let named: BTreeSet<String> = inner.revisions.values().map(|r| r.public.clone()).collect();
        inner.publics.retain(|digest, _| named.contains(digest));
        Ok(())
    }
}
