//! Forming and changing a chain: what is computed becomes what is remembered, in the one order that loses nothing.
//!
//! [`prepare`] reads and computes, and writes nothing: all that can fail on paper has failed by then. [`Prepared::commit`]
//! writes head (`forming`), signposts, all vaults, revision, head (`formed`). A run that stops anywhere in between is
//! finished by the next: the head says which subjects were claimed, and vaults that are there are used, never made again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use futures::stream::{self, StreamExt as _};
use serde_json::Value;

use super::between;
use super::expand::{expand, site_of};
use super::operate::{GATE, hooks, serves};
use super::output_dir::rendered_files;
use super::parties::{self, PartyChange, PartyError, join, leave};
use super::resolve::{Resolved, ResolvedService};
use super::run::{Circumstances, Known, Outcome, PipelineError, Renewal, run};
use super::secrets::Secrets;
use super::shape::{Identity, shape, vault_name};
use super::stopped::{self, StopError};
use crate::manifest::{self, Object, Problem, leak};
use crate::plugin::contract::Subject;
use crate::plugin::{PluginError, Runtime};
use crate::spec::Stopped;
use crate::state::lock::{self, Claim, LockError};
use crate::state::signpost::places;
use crate::state::store::public_digest;
use crate::state::{
    ClusterRecord, Head, HeadCreation, HeadPut, Inventory, ObjectId, Phase, Public, Remembered,
    Revision, Site, Store, StoreError, StoredHead, Vault, VaultCreation, VaultRef, head,
};

/// How long a lock holds when its run says nothing more, in milliseconds.
pub const LOCK_MS: u64 = 60_000;

/// Vaults read or written side by side.
const AT_ONCE: usize = 64;

/// Why a chain could not be formed or changed.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    /// A plugin, or what plugins need of each other.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// What is remembered.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What another party gave does not fit.
    #[error(transparent)]
    Party(#[from] PartyError),
    /// Somebody else is changing the chain.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The objects that plugins made do not fit together, or ask for what was not granted.
    #[error("{}", problems.iter().map(shown).collect::<Vec<_>>().join("\n"))]
    Objects {
        /// All of them.
        problems: Vec<Problem>,
    },
    /// The chain is there already.
    #[error("chain `{chain}` exists{}\nhint: {hint}", .how)]
    Exists {
        /// The chain.
        chain: String,
        /// In which state.
        how: String,
        /// What to do.
        hint: String,
    },
    /// A wish that cannot be met any more.
    #[error("{message}\nhint: {hint}")]
    Fixed {
        /// What was asked.
        message: String,
        /// What to do.
        hint: String,
    },
    /// Somebody who is not there is to be stopped.
    #[error("spec.stopped: {0}")]
    Stopped(#[from] StopError),
    /// A vault of that name belongs to somebody else.
    #[error(
        "vault `{name}` of {subject} exists and is not of this chain\nhint: delete it if nobody needs its keys, or name the chain differently"
    )]
    ForeignVault {
        /// The Secret.
        name: String,
        /// The subject.
        subject: String,
    },
    /// The head changed while the plan was made.
    #[error("chain `{chain}` is being changed by somebody else\nhint: run the same command again")]
    Raced {
        /// The chain.
        chain: String,
    },
}

fn shown(problem: &Problem) -> String {
    match problem.hint() {
        Some(hint) => format!("{problem}\nhint: {hint}"),
        None => problem.to_string(),
    }
}

impl From<PluginError> for FormError {
    fn from(fault: PluginError) -> Self {
        Self::Pipeline(fault.into())
    }
}

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

fn new_head(resolved: &Resolved, setting: &Setting<'_>) -> Head {
    Head {
        schema: head::SCHEMA,
        minimum_host: env!("CARGO_PKG_VERSION").to_owned(),
        uid: setting.fresh_uid.clone(),
        chain: resolved.chain.clone(),
        stack: resolved.stack.plugin.descriptor.stack.clone(),
        release: resolved.release.clone(),
        phase: Phase::Forming,
        subjects: BTreeMap::new(),
        next: BTreeMap::new(),
        born_ms: setting.circumstances.now_ms,
        revision: 0,
        applied: 0,
        clusters: BTreeMap::new(),
        fingerprint: None,
        group_kinds: BTreeSet::new(),
        claims: Vec::new(),
        lock: None,
    }
}

/// Birth time of what is new: that of the chain itself while it is being formed, so that a resumed run gives the same.
fn head_time(before: Option<&Head>, now_ms: u64) -> u64 {
    before
        .filter(|head| head.phase == Phase::Forming)
        .map_or(now_ms, |head| head.born_ms)
}

async fn recall<S: Store>(
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
async fn unpruned<S: Store>(
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

fn check_verb(
    verb: Verb,
    resolved: &Resolved,
    head: Option<&Head>,
    last: Option<&Revision>,
) -> Result<(), FormError> {
    let Some(head) = head else { return Ok(()) };
    let stack = &resolved.stack.plugin.descriptor.stack;
    if head.stack != *stack || head.release != resolved.release {
        return Err(FormError::Exists {
            chain: head.chain.clone(),
            how: format!(", of stack {} {}", head.stack, head.release),
            hint: format!(
                "give the new chain another name, or delete the old one: kubectl chain delete {}",
                head.chain
            ),
        });
    }
    if verb == Verb::Apply {
        return match head.phase {
            Phase::Tombstone => Err(FormError::Exists {
                chain: head.chain.clone(),
                how: " as a tombstone: it was deleted, its keys and volumes are kept".to_owned(),
                hint: format!(
                    "kubectl chain create {0} revives it; kubectl chain delete {0} --purge removes all",
                    head.chain
                ),
            }),
            _ => Ok(()),
        };
    }
    let spec = serde_json::to_value(&resolved.spec).unwrap_or(Value::Null);
    let same = last.is_none_or(|last| last.spec == spec);
    match head.phase {
        Phase::Formed | Phase::Stopped if !same => Err(FormError::Exists {
            chain: head.chain.clone(),
            how: ", and differs from what is asked for".to_owned(),
            hint: "kubectl chain apply changes a chain; another name makes another chain"
                .to_owned(),
        }),
        _ => Ok(()),
    }
}

/// An option that only provision and configure read cannot change once they ran.
fn check_fixed(resolved: &Resolved, last: &Revision) -> Result<(), FormError> {
    let services = std::iter::once((String::new(), &resolved.stack)).chain(
        resolved
            .services
            .iter()
            .map(|service| (service.role.clone(), service)),
    );
    for (role, service) in services {
        let old = if role.is_empty() {
            last.spec.get("options")
        } else {
            last.spec
                .get("services")
                .and_then(|all| all.get(&role))
                .and_then(|one| one.get("options"))
        };
        for (name, property) in super::options::properties(&service.plugin.descriptor.options) {
            let fixed = property
                .get("x-chain-fixed")
                .and_then(Value::as_bool)
                .unwrap_or(false);
            if !fixed || super::options::is_secret(property) {
                continue;
            }
            let (was, is) = (
                old.and_then(|old| old.get(name)),
                service.options.open.get(name),
            );
            if was != is {
                let show = |value: Option<&Value>| {
                    value.map_or_else(|| "nothing".to_owned(), Value::to_string)
                };
                return Err(FormError::Fixed {
                    message: format!(
                        "option `{name}` of {} was {} when the chain was made and cannot become {}",
                        service.plugin.name(),
                        show(was),
                        show(is)
                    ),
                    hint: "it is part of what all parties agreed on: set it back, or make another chain".to_owned(),
                });
            }
        }
    }
    Ok(())
}

/// Puts the other clusters into the head in which somebody lives, or has lived: vaults and volumes stay where they are.
pub fn know_clusters(head: &mut Head, known: &BTreeMap<String, ClusterRecord>) {
    let lived: BTreeSet<&str> = head
        .subjects
        .values()
        .map(|it| it.cluster.as_str())
        .collect();
    for (name, record) in known
        .iter()
        .filter(|(name, _)| lived.contains(name.as_str()))
    {
        let mut record = record.clone();
        if let Some(before) = head.clusters.get(name)
            && record.uid.is_empty()
        {
            record.uid.clone_from(&before.uid);
        }
        head.clusters.insert(name.clone(), record);
    }
}

/// Puts new subjects into the head, takes retired ones back, and retires those that are not wanted. Hooks that concern
/// them become due: `before-add` only for a chain that lives already.
fn claim(head: &mut Head, subjects: &[Subject], resolved: &Resolved) {
    let all: Vec<ResolvedService> = resolved.all().cloned().collect();
    let has =
        |hook: &str, kind: &str| hooks(&all, hook).any(|(_, operation)| serves(operation, kind));
    let wanted: BTreeSet<&str> = subjects.iter().map(|subject| subject.id.as_str()).collect();
    let lives = head.revision > 0;
    for (id, remembered) in &mut head.subjects {
        let retired = !wanted.contains(id.as_str());
        if retired && !remembered.retired && has("before-remove", &remembered.kind) {
            remembered.due.insert("before-remove".to_owned());
        }
        if retired {
            // It is not restarted any more.
            remembered.due.remove(GATE);
        }
        if !retired && remembered.retired {
            remembered.due.remove("before-remove");
            for hook in ["before-add", "after-ready"]
                .into_iter()
                .filter(|hook| has(hook, &remembered.kind))
            {
                remembered.due.insert(hook.to_owned());
            }
        }
        remembered.retired = retired;
    }
    for subject in subjects.iter().filter(|subject| !subject.foreign) {
        let next = head.next.entry(subject.kind.clone()).or_default();
        *next = (*next).max(subject.ordinal.saturating_add(1));
        let remembered = head
            .subjects
            .entry(subject.id.clone())
            .or_insert_with(|| Remembered {
                kind: subject.kind.clone(),
                ordinal: subject.ordinal,
                born_ms: subject.born_ms,
                cluster: subject.cluster.clone(),
                namespace: subject.namespace.clone(),
                pod: subject.workload.is_some(),
                pending: true,
                due: ["before-add", "after-ready"]
                    .into_iter()
                    .filter(|hook| (lives || *hook != "before-add") && has(hook, &subject.kind))
                    .map(ToOwned::to_owned)
                    .collect(),
                ..Remembered::default()
            });
        remembered.parent.clone_from(&subject.parent);
    }
}

/// Secrets of those from whom a new subject descends, or one of which something is made again: an authority's key signs
/// what is born under it. For any other run no vault is read.
async fn ancestors<S: Store>(
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
async fn find<S: Store>(
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

/// No secret that was just born may stand in a public object.
fn check_leaks(outcome: &Outcome, objects: &[Object]) -> Result<(), FormError> {
    let secrets = outcome.vaults.iter().flat_map(|vault| {
        vault
            .items
            .iter()
            .filter(|(_, item)| item.secret)
            .map(|((role, _, name), item)| {
                (
                    format!("`{name}` of {role} about {}", vault.subject),
                    item.bytes.as_slice(),
                )
            })
    });
    let problems = leak::Scanner::new(secrets).scan(objects);
    if problems.is_empty() {
        Ok(())
    } else {
        Err(FormError::Objects { problems })
    }
}

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

/// Takes the lock; one whose process is known to be gone is taken over at once.
pub async fn acquire<S: Store>(
    store: &S,
    claim: &Claim,
    now_ms: u64,
) -> Result<StoredHead, LockError> {
    let taken = lock::acquire(store, claim, now_ms, LOCK_MS).await;
    let Err(LockError::Held { .. }) = &taken else {
        return taken;
    };
    let Some(stored) = store.load_head().await? else {
        return taken;
    };
    let Some(holder) = stored
        .head
        .lock
        .map(|lock| lock.holder)
        .filter(|holder| super::holder::is_gone(holder))
    else {
        return taken;
    };
    crate::state::store::update_head(store, |head: &mut Head| {
        if head.lock.as_ref().is_some_and(|lock| lock.holder == holder) {
            head.lock = None;
        }
        Ok::<(), LockError>(())
    })
    .await?;
    lock::acquire(store, claim, now_ms, LOCK_MS).await
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
