//! What is written, in which order: head, signposts, vaults, revision, head; and what says that all of it was applied.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::stream::{self, StreamExt as _};

use super::lock::{LOCK_MS, acquire};
use super::{AT_ONCE, FormError, Prepared};
use crate::pipeline::expand::site_of;
use crate::pipeline::resolve::Resolved;
use crate::pipeline::shape::vault_name;
use crate::state::lock::{self, Claim};
use crate::state::signpost::places;
use crate::state::{
    Head, HeadCreation, HeadPut, ObjectId, Phase, Revision, Site, Store, StoreError, StoredHead,
    Vault, VaultCreation, VaultRef,
};

impl Prepared {
    /// Where each subject lives.
    pub fn sites(&self) -> HashMap<&str, Site<'_>> {
        let subjects = self.outcome.subjects.iter();
        subjects.map(|it| (it.id.as_str(), site_of(it))).collect()
    }

    /// Where the chain has anything, each with the kinds that its objects there have, had, or may have kept.
    pub fn places(&self) -> BTreeMap<Site<'_>, BTreeSet<String>> {
        let objects = self.revision.inventory.iter().chain(&self.previous);
        places(&self.head, objects)
    }

    /// Whether committing would write anything.
    pub fn writes(&self) -> bool {
        let same = self
            .stored
            .as_ref()
            .is_some_and(|stored| without_lock(&stored.head) == without_lock(&self.head));
        !same
            || self.changed
            || !self.outcome.vaults.is_empty()
            || self.head.phase == Phase::Forming
    }

    /// Fails when the head is no longer the one from which this was computed.
    pub async fn check_raced<S: Store>(&self, store: &S) -> Result<(), FormError> {
        let now = store.load_head().await?;
        let heads = (self.stored.as_ref(), now.as_ref());
        let same = match heads {
            (Some(then), Some(now)) => without_lock(&then.head) == without_lock(&now.head),
            (None, None) => true,
            _ => false,
        };
        if same {
            Ok(())
        } else {
            Err(FormError::Raced {
                chain: self.head.chain.clone(),
            })
        }
    }

    /// Writes the head alone, with everybody in it who is to be, and then the signposts in all other places: the first
    /// writes of [`commit`](Self::commit). The lock is this run's afterwards.
    pub async fn claim<S: Store>(
        &self,
        store: &S,
        resolved: &Resolved,
        claim: &Claim,
    ) -> Result<StoredHead, FormError> {
        let now_ms = self.revision.created_ms;
        let raced = || FormError::Raced {
            chain: resolved.chain.clone(),
        };
        let (head, version) = match &self.stored {
            None => {
                let mut head = self.head.clone();
                head.lock = Some(claim.lock(now_ms, LOCK_MS));
                match store.create_head(&head).await? {
                    HeadCreation::Created(version) => (head, version),
                    HeadCreation::Exists(_) => return Err(raced()),
                }
            }
            Some(stored) => {
                let StoredHead {
                    head: there,
                    mut version,
                } = acquire(store, claim, now_ms).await?;
                if without_lock(&there) != without_lock(&stored.head) {
                    lock::release(store, &claim.holder).await?;
                    return Err(raced());
                }
                let mut head = self.head.clone();
                head.lock = there.lock.clone();
                if head != there {
                    version = put(store, &head, &version).await?.ok_or_else(raced)?;
                }
                (head, version)
            }
        };
        if let Err(error) = store.mark(&head, &self.places()).await {
            lock::release(store, &claim.holder).await.ok();
            return Err(error.into());
        }
        Ok(StoredHead { head, version })
    }

    /// Writes head, signposts, vaults, revision, head. Returns the head as it then is; its lock is this run's.
    pub async fn commit<S: Store>(
        &mut self,
        store: &S,
        resolved: &Resolved,
        claim: &Claim,
    ) -> Result<StoredHead, FormError> {
        let raced = || FormError::Raced {
            chain: resolved.chain.clone(),
        };
        let StoredHead {
            mut head,
            mut version,
        } = self.claim(store, resolved, claim).await?;
        // The head names neither before both are there.
        let records = async {
            if !self.changed {
                return Ok(());
            }
            let public = store.write_public(&self.outcome.public);
            futures::future::try_join(public, store.write_revision(&self.revision)).await?;
            Ok::<(), FormError>(())
        };
        futures::future::try_join(self.write_vaults(store, resolved), records).await?;
        for vault in &self.outcome.vaults {
            let name = vault_name(&resolved.chain, &vault.subject, vault.version);
            remember(&mut head, vault, name);
        }
        for vault in &self.outcome.found {
            let name = vault_name(&resolved.chain, &vault.subject, vault.version);
            remember(&mut head, vault, name);
        }
        for remembered in head.subjects.values_mut() {
            remembered.pending = false;
        }
        head.revision = self.revision.number;
        head.phase = self.phase;
        head.fingerprint.clone_from(&self.outcome.fingerprint);
        head.claims = self.claims.iter().cloned().collect();
        let kinds = self
            .revision
            .inventory
            .iter()
            .chain(&self.previous)
            .map(ObjectId::group_kind);
        head.group_kinds = kinds.collect();
        version = put(store, &head, &version).await?.ok_or_else(raced)?;
        Ok(StoredHead { head, version })
    }

    async fn write_vaults<S: Store>(
        &self,
        store: &S,
        resolved: &Resolved,
    ) -> Result<(), FormError> {
        let sites = self.sites();
        let work = self.outcome.vaults.iter().map(|vault| {
            let site = sites
                .get(vault.subject.as_str())
                .copied()
                .unwrap_or(Site::home(&resolved.namespace));
            async move {
                let name = vault_name(&resolved.chain, &vault.subject, vault.version);
                match store.create_vault(site, &name, vault).await? {
                    VaultCreation::Created => Ok(()),
                    VaultCreation::Exists(there) if there.digest() == vault.digest() => Ok(()),
                    VaultCreation::Exists(there) if there.chain_uid == vault.chain_uid => {
                        Err(FormError::Raced {
                            chain: resolved.chain.clone(),
                        })
                    }
                    VaultCreation::Exists(_) => Err(FormError::ForeignVault {
                        name,
                        subject: vault.subject.clone(),
                    }),
                }
            }
        });
        let all: Vec<Result<(), FormError>> =
            stream::iter(work).buffer_unordered(AT_ONCE).collect().await;
        all.into_iter().collect()
    }
}

/// After everything was applied and pruned: the head says so, names the kinds that are there now, and is unlocked.
/// `known` is the head as this run wrote it; it is read again when somebody wrote since.
pub async fn finish<S: Store>(
    store: &S,
    revision: &Revision,
    holder: &str,
    known: Option<StoredHead>,
) -> Result<(), FormError> {
    let kinds: BTreeSet<String> = revision
        .inventory
        .iter()
        .map(ObjectId::group_kind)
        .collect();
    let stored = match known {
        Some(known) => Some(known),
        None => store.load_head().await?,
    };
    let Some(StoredHead { head, version }) = stored else {
        return Ok(());
    };
    let ended = |head: &Head| {
        let mut head = head.clone();
        if head.revision == revision.number {
            head.applied = revision.number;
            head.group_kinds.clone_from(&kinds);
        }
        if head.lock.as_ref().is_some_and(|lock| lock.holder == holder) {
            head.lock = None;
        }
        head
    };
    let after = ended(&head);
    if after == head {
        return Ok(());
    }
    if head.lock.as_ref().is_some_and(|lock| lock.holder == holder) {
        // While the lock is ours nobody adds a revision. Of a first revision nothing older is left.
        if revision.number > 1 {
            store.collect_revisions(revision.number).await?;
        }
        if head.revision == revision.number {
            let places = places(&after, &revision.inventory);
            store.mark(&after, &places).await?;
        }
    }
    if put(store, &after, &version).await?.is_none() {
        // Somebody wrote in between; what they wrote stays.
        crate::state::store::update_head(store, |head: &mut Head| {
            *head = ended(head);
            Ok::<(), FormError>(())
        })
        .await?;
    }
    Ok(())
}

async fn put<S: Store>(
    store: &S,
    head: &Head,
    version: &crate::state::HeadVersion,
) -> Result<Option<crate::state::HeadVersion>, StoreError> {
    match store.put_head(head, version).await? {
        HeadPut::Written(version) => Ok(Some(version)),
        HeadPut::Conflict => Ok(None),
    }
}

fn remember(head: &mut Head, vault: &Vault, name: String) {
    if let Some(remembered) = head.subjects.get_mut(&vault.subject)
        && remembered.vaults.iter().all(|known| known.name != name)
    {
        remembered.vaults.push(VaultRef {
            name,
            digest: vault.digest(),
        });
    }
}

fn without_lock(head: &Head) -> Head {
    Head {
        lock: None,
        ..head.clone()
    }
}
