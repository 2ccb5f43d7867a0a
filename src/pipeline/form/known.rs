//! What is known of a chain before anything of it is computed: what earlier runs remembered, and left.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt as _};

use super::{AT_ONCE, FormError};
use crate::pipeline::resolve::Resolved;
use crate::pipeline::run::Renewal;
use crate::pipeline::secrets::Secrets;
use crate::pipeline::shape::vault_name;
use crate::plugin::contract::Subject;
use crate::state::{Head, Inventory, Public, Remembered, Revision, Store, StoreError, Vault};

pub(super) async fn recall<S: Store>(
    store: &S,
    head: &Head,
) -> Result<(Option<Revision>, Public), StoreError> {
    if head.revision == 0 {
        return Ok((None, Public::default()));
    }
    let revision = store.read_revision(head.revision).await?;
    let public = store.read_public(&revision.public).await?;
    Ok((Some(revision), public))
}

/// Inventories of all revisions whose leftovers may not have been pruned.
pub(super) async fn unpruned<S: Store>(
    store: &S,
    head: &Head,
    last: Option<&Revision>,
) -> Result<Inventory, StoreError> {
    let mut all: Inventory = last.map(|last| last.inventory.clone()).unwrap_or_default();
    if head.applied < head.revision {
        for number in store.list_revisions().await? {
            if number >= head.applied && number < head.revision {
                all.extend(store.read_revision(number).await?.inventory);
            }
        }
    }
    Ok(all)
}

/// Secrets of those from whom a new subject descends, or one of which something is made again: an authority's key signs
/// what is born under it. For any other run no vault is read.
pub(super) async fn ancestors<S: Store>(
    store: &S,
    head: &Head,
    subjects: &[Subject],
    found: &[Vault],
    renew: &Renewal,
) -> Result<Secrets, FormError> {
    let parents: BTreeMap<&str, Option<&str>> = subjects
        .iter()
        .map(|it| (it.id.as_str(), it.parent.as_deref()))
        .collect();
    let mut wanted = BTreeSet::new();
    let concerned = |(id, it): &(&String, &Remembered)| it.pending || renew.contains_key(*id);
    for (id, _) in head.subjects.iter().filter(concerned) {
        let above = |id: &&str| parents.get(*id).copied().flatten();
        wanted.extend(std::iter::successors(above(&id.as_str()), above).take(16));
    }
    let mut secrets = Secrets::default();
    for id in wanted {
        let Some(remembered) = head.subjects.get(id) else {
            continue;
        };
        for listed in &remembered.vaults {
            let vault = store.read_vault(remembered.site(), id, listed).await?;
            secrets.add(&vault);
        }
    }
    for vault in found {
        secrets.add(vault);
    }
    Ok(secrets)
}

/// Vaults that an interrupted run left for subjects that it had claimed.
pub(super) async fn find<S: Store>(
    store: &S,
    resolved: &Resolved,
    head: &Head,
    before: Option<&Head>,
) -> Result<Vec<Vault>, FormError> {
    let Some(before) = before else {
        return Ok(Vec::new());
    };
    let pending = before
        .subjects
        .iter()
        .filter(|(_, remembered)| remembered.pending);
    let work = pending.map(|(id, remembered)| async move {
        let version = u32::try_from(remembered.vaults.len())
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        let name = vault_name(&resolved.chain, id, version);
        let found = store.find_vault(remembered.site(), &name).await?;
        match found {
            Some(vault) if vault.chain_uid != head.uid || vault.subject != *id => {
                Err(FormError::ForeignVault {
                    name,
                    subject: id.clone(),
                })
            }
            found => Ok(found),
        }
    });
    let found: Vec<Result<Option<Vault>, FormError>> =
        stream::iter(work).buffered(AT_ONCE).collect().await;
    found.into_iter().filter_map(Result::transpose).collect()
}
