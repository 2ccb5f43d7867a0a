//! Forming and changing a chain: what is computed becomes what is remembered, in the one order that loses nothing.
//!
//! [`prepare`] reads and computes, and writes nothing: all that can fail on paper has failed by then. [`Prepared::commit`]
//! writes head (`forming`), signposts, all vaults, revision, head (`formed`). A run that stops anywhere in between is
//! finished by the next: the head says which subjects were claimed, and vaults that are there are used, never made again.

mod checks;
mod commit;
mod error;
mod head;
mod known;
mod lock;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use self::checks::{check_fixed, check_leaks, check_verb};
use self::head::{claim, head_time, new_head};
use self::known::{ancestors, find, recall, unpruned};
use super::expand::expand;
use super::output_dir::rendered_files;
use super::parties::{self, PartyChange, join, leave};
use super::resolve::Resolved;
use super::run::{Circumstances, Known, Outcome, run};
use super::shape::{Identity, shape};
use super::{between, stopped};
use crate::manifest::{self, Object};
use crate::plugin::Runtime;
use crate::spec::Stopped;
use crate::state::store::public_digest;
use crate::state::{ClusterRecord, Head, Inventory, Phase, Revision, Store, StoredHead};

pub use commit::finish;
pub use error::FormError;
pub use head::know_clusters;
pub use lock::{LOCK_MS, acquire};

/// Vaults read or written side by side.
const AT_ONCE: usize = 64;

/// What the user asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// The chain is not there, or was left half-made by the same wish, or is a tombstone that is revived.
    Create,
    /// The chain is created or changed.
    Apply,
}

/// What the run brings along.
pub struct Setting<'a> {
    /// The engine.
    pub runtime: &'a Runtime,
    /// Time, seed, consents, threads.
    pub circumstances: &'a Circumstances,
    /// Permissions by plugin.
    pub granted: &'a BTreeMap<String, BTreeSet<String>>,
    /// A fresh UID, for a chain that is not there yet.
    pub fresh_uid: String,
    /// For people: user@host.
    pub by: String,
    /// Whether rendered files are wanted beside the objects, for a folder.
    pub keep_files: bool,
    /// Another party that joins or leaves.
    pub party: Option<&'a PartyChange>,
    /// The other clusters, as they are known now.
    pub clusters: &'a BTreeMap<String, ClusterRecord>,
    /// Whether addresses between clusters that are not known have a stand-in, see [`between`].
    pub stand_in: bool,
}

/// Everything that was computed, before the first write.
pub struct Prepared {
    /// The head as it was read; none for a new chain.
    pub stored: Option<StoredHead>,
    /// The head with new subjects claimed: what the first write makes it.
    pub head: Head,
    /// What plugins gave.
    pub outcome: Outcome,
    /// The final objects.
    pub objects: Vec<Object>,
    /// Exclusive claims.
    pub claims: BTreeSet<String>,
    /// The revision as it will be; its number is that of the current one if nothing changed.
    pub revision: Revision,
    /// Whether the revision is new.
    pub changed: bool,
    /// The chain's phase once all is written.
    pub phase: Phase,
    /// Objects that earlier revisions applied and whose pruning is not certain.
    pub previous: Inventory,
}

/// Reads what is known and computes everything. Writes nothing.
pub async fn prepare<S: Store>(
    store: &S,
    resolved: &Resolved,
    verb: Verb,
    setting: &Setting<'_>,
) -> Result<Prepared, FormError> {
    let stored = store.load_head().await?;
    prepare_from(stored, store, resolved, verb, setting).await
}

/// As [`prepare`], from the head that was read. Without one the store is asked for nothing.
pub async fn prepare_from<S: Store>(
    stored: Option<StoredHead>,
    store: &S,
    resolved: &Resolved,
    verb: Verb,
    setting: &Setting<'_>,
) -> Result<Prepared, FormError> {
    let now_ms = setting.circumstances.now_ms;
    let before = stored.as_ref().map(|stored| stored.head.clone());
    let mut head = before
        .clone()
        .unwrap_or_else(|| new_head(resolved, setting));
    let (last, mut public) = recall(store, &head).await?;
    check_verb(verb, resolved, before.as_ref(), last.as_ref())?;
    if let Some(last) = &last {
        check_fixed(resolved, last)?;
    }
    match setting.party {
        Some(PartyChange::Joins(bundle)) => join(&mut public, &mut head, resolved, bundle)?,
        Some(PartyChange::Leaves(party)) => {
            leave(&mut public, party, head.applied < head.revision)?;
        }
        None => {}
    }
    head.phase = match head.phase {
        Phase::Tombstone => Phase::Formed,
        phase => phase,
    };
    let mut subjects = expand(
        resolved,
        Some(&head),
        parties::subjects(&public.parties),
        head_time(before.as_ref(), now_ms),
        setting.runtime,
    )?;
    if setting.stand_in {
        between::stand_in(&mut subjects, resolved.all());
    }
    let wish = stopped::wish(resolved, before.as_ref(), last.as_ref(), &subjects);
    let stopped = stopped::stopped(&wish, &subjects)?;
    let phase = if wish == Stopped::All(true) {
        Phase::Stopped
    } else {
        Phase::Formed
    };
    claim(&mut head, &subjects, resolved);
    know_clusters(&mut head, setting.clusters);
    let vaults = find(store, resolved, &head, before.as_ref()).await?;
    let gone: Vec<_> = head
        .subjects
        .iter()
        .filter(|(_, it)| it.retired && !it.due.is_empty())
        .filter_map(|(id, _)| Some((id.clone(), public.facts.get(id)?.clone())))
        .collect();
    let known = Known {
        head: Some(head.clone()),
        public,
        secrets: Some(Arc::new(
            ancestors(
                store,
                &head,
                &subjects,
                &vaults,
                &setting.circumstances.renew,
            )
            .await?,
        )),
        vaults,
    };
    let mut outcome = run(
        resolved,
        subjects,
        &known,
        setting.circumstances,
        setting.runtime,
    )?;
    // A hook about a subject that goes still knows what it was.
    outcome.public.facts.extend(gone);
    for vault in &outcome.vaults {
        if let Some(remembered) = head.subjects.get_mut(&vault.subject) {
            remembered.pending = true;
        }
    }
    let identity = Identity {
        uid: head.uid.clone(),
        stopped,
        granted: setting.granted.clone(),
        consents: setting.circumstances.consents.clone(),
    };
    if setting.keep_files {
        outcome.files = rendered_files(&outcome);
    }
    let (shape, parts) = shape(resolved, &mut outcome, &identity);
    let assembled =
        manifest::assemble(&shape, parts).map_err(|problems| FormError::Objects { problems })?;
    check_leaks(&outcome, &assembled.objects)?;
    let inventory: Inventory = assembled.objects.iter().map(Object::id).collect();
    let mut revision = Revision {
        number: head.revision,
        created_ms: now_ms,
        by: setting.by.clone(),
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        spec: stopped::remembered(resolved, wish),
        lock: resolved.lock.clone(),
        public: public_digest(&outcome.public)?,
        inventory,
    };
    let changed = last.as_ref().is_none_or(|last| {
        last.spec != revision.spec
            || last.lock != revision.lock
            || last.public != revision.public
            || last.inventory != revision.inventory
    });
    if changed {
        revision.number = head.revision.saturating_add(1);
    }
    let previous = unpruned(store, &head, last.as_ref()).await?;
    Ok(Prepared {
        stored,
        head,
        outcome,
        objects: assembled.objects,
        claims: assembled.claims,
        revision,
        changed,
        phase,
        previous,
    })
}
