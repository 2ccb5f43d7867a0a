//! The run itself: expand, then provision and configure as a graph, then render; sharded over threads.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chain_plugin_sdk::descriptor::Phase;
use serde_json::{Map, Value};

use super::expand::topology;
use super::facts;
use super::graph::{GraphError, levels};
use super::parties::recall_parties;
use super::recall::{recall, remembered};
use super::resolve::{Resolved, ResolvedService, service_key};
use super::secrets::Consents;
use super::shape::vault_name;
use super::world::{FactConflict, Item, Place, SecretReader, ServiceDoor, World, kept_spec, place};
use crate::plugin::contract::{
    Call, Configured, Diagnostic, Provisioned, Rendered, Severity, Subject, Topology,
};
use crate::plugin::{Entropy, PluginError, Runtime, Sandbox, Session};
use crate::state::revision::ConfiguredResult;
use crate::state::vault::ItemKey;
use crate::state::{Head, KeptItem, Public, Vault};

/// What is known of the chain before the run.
#[derive(Clone, Default)]
pub struct Known {
    /// The head, when the chain exists or is being formed.
    pub head: Option<Head>,
    /// Facts, configured results and public items of the current revision.
    pub public: Public,
    /// Vaults that were found while the chain is being formed or grown: their items are used, not made again.
    pub vaults: Vec<Vault>,
    /// Reads a secret when a guest that may see it asks.
    pub secrets: Option<Arc<dyn SecretReader>>,
}

/// What does not come from the spec: time, entropy, consent.
pub struct Circumstances {
    /// Now, in milliseconds since 1970.
    pub now_ms: u64,
    /// The run's own seed, from the operating system.
    pub seed: [u8; 32],
    /// (maker role, taker role, item) to which the user agrees.
    pub consents: Consents,
    /// Threads.
    pub threads: usize,
    /// What is made again.
    pub renew: Renewal,
    /// In which order calls are made, and which of them share a session.
    pub manner: Manner,
}

/// How the calls of a run are laid out. What they give must not depend on it, which `plugin check` tries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Manner {
    /// In the order of the subjects; sessions are used as often as they can be.
    #[default]
    Usual,
    /// Each call has a session of its own.
    Alone,
    /// In an order that a number decides; sessions are used as often as they can be.
    Shuffled(u64),
}

impl Manner {
    /// Brings a list into the order of the manner.
    fn arrange<T>(self, list: &mut [T]) {
        let Self::Shuffled(seed) = self else { return };
        // Fisher and Yates, with a generator that need not be good.
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        for last in (1..list.len()).rev() {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let room = u64::try_from(last).unwrap_or(u64::MAX).saturating_add(1);
            let other = usize::try_from((state >> 33) % room).unwrap_or(0);
            list.swap(last, other);
        }
    }
}

/// Names of renewable items to make again, by subject.
pub type Renewal = BTreeMap<String, BTreeSet<String>>;

/// What one plugin rendered about one subject.
#[derive(Debug)]
pub struct RenderedPart {
    /// Index of the service; the stack is 0, the others follow.
    pub service: usize,
    /// The subject.
    pub subject: String,
    /// What it rendered.
    pub rendered: Rendered,
}

/// The result of a run, before it becomes objects.
#[derive(Debug)]
pub struct Outcome {
    /// All subjects.
    pub subjects: Vec<Subject>,
    /// The stack and the services, as resolved.
    pub services: Vec<ResolvedService>,
    /// New items by subject: what must be written before anything else.
    pub vaults: Vec<Vault>,
    /// Vaults that an interrupted run had written, and that the head does not list yet.
    pub found: Vec<Vault>,
    /// Facts, configured results, public items.
    pub public: Public,
    /// All kept items that exist, with the bytes of the public ones.
    pub items: HashMap<Place, Item>,
    /// Configured files.
    pub configured: HashMap<Place, Vec<u8>>,
    /// What was rendered, in container order.
    pub parts: Vec<RenderedPart>,
    /// Rendered files by subject, when they are wanted beside the objects.
    pub files: Vec<(String, Vec<crate::plugin::contract::File>)>,
    /// Warnings and information, each with the plugin's name before it.
    pub notes: Vec<(String, Diagnostic)>,
    /// Fingerprint of the chain.
    pub fingerprint: Option<String>,
}

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// A plugin.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// Needs that cannot be met.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// Facts that contradict each other.
    #[error(transparent)]
    Facts(#[from] FactConflict),
}

/// Secret options that nothing was born with: they are read at a birth alone, and remembered nowhere.
fn unread<'a>(
    services: &[ResolvedService],
    vaults: impl Iterator<Item = &'a Vault>,
) -> Vec<(String, Diagnostic)> {
    let born: BTreeSet<(&str, &str)> = vaults
        .flat_map(|vault| vault.items.keys())
        .map(|(role, instance, _)| (role.as_str(), instance.as_str()))
        .collect();
    let idle = services
        .iter()
        .filter(|it| !born.contains(&(it.role.as_str(), it.instance.as_str())));
    idle.flat_map(|service| {
        service.options.secret.keys().map(|option| {
            let message = format!(
                "`{option}` changes nothing: it is for what is new, and nothing is; what was made keeps what it was made with"
            );
            let note = Diagnostic {
                severity: Severity::Warning,
                code: "unread".to_owned(),
                path: format!("/{option}"),
                message,
                hint: None,
            };
            (service.plugin.name().to_owned(), note)
        })
    })
    .collect()
}

/// Runs the pipeline about `subjects`, which [`expand`](super::expand::expand) gave, up to what is rendered.
pub fn run(
    resolved: &Resolved,
    subjects: Vec<Subject>,
    known: &Known,
    circumstances: &Circumstances,
    runtime: &Runtime,
) -> Result<Outcome, PipelineError> {
    let services: Vec<ResolvedService> = resolved.all().cloned().collect();
    let uid = known
        .head
        .as_ref()
        .map(|head| head.uid.clone())
        .unwrap_or_default();
    let state = remembered(known.head.as_ref());
    let world = Arc::new(World::new(&subjects, state, known.secrets.clone()));
    recall(&world, known);
    recall_parties(&world, &known.public.parties)?;
    let run = Run {
        resolved,
        known,
        circumstances,
        runtime,
        services: &services,
        topology: topology(resolved, subjects.clone()),
        world: Arc::clone(&world),
        born: Mutex::default(),
        configured: Mutex::default(),
        notes: Mutex::default(),
        sessions: Mutex::default(),
    };
    let depths = depths(&subjects);
    let deepest = depths.iter().copied().max().unwrap_or(0);
    for level in levels(&services)? {
        // Kept items of an ancestor sign those of a descendant: one generation after the other.
        for depth in 0..=deepest {
            let generation = |index: &usize| depths.get(*index) == Some(&depth);
            run.all(
                level
                    .iter()
                    .flat_map(|(phase, service)| run.jobs(*phase, *service, generation))
                    .collect(),
            )?;
        }
    }
    facts::check(resolved, &services, &subjects, &world)?;
    let all = |_: &usize| true;
    let work = (0..services.len())
        .flat_map(|service| run.jobs(Phase::Render, service, all))
        .collect();
    let mut parts: Vec<RenderedPart> = run.all(work)?;
    let place: HashMap<&str, usize> = subjects
        .iter()
        .enumerate()
        .map(|(index, subject)| (subject.id.as_str(), index))
        .collect();
    parts.sort_by_key(|part| (part.service, place.get(part.subject.as_str()).copied()));
    let mut notes = run
        .notes
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    for line in world.warnings() {
        let (plugin, message) = line.split_once(": ").unwrap_or(("plugin", &line));
        notes.push((
            plugin.to_owned(),
            Diagnostic {
                severity: Severity::Warning,
                code: "log".to_owned(),
                path: String::new(),
                message: message.to_owned(),
                hint: None,
            },
        ));
    }
    notes.sort_by(|a, b| (&a.0, &a.1.path, &a.1.message).cmp(&(&b.0, &b.1.path, &b.1.message)));
    notes.dedup();
    let configured = run
        .configured
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    let fingerprint = configured.get("chain").and_then(|results| {
        results
            .values()
            .find_map(|result| result.fingerprint.clone())
    });
    let born = run
        .born
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    let vaults = new_vaults(&uid, known, born);
    notes.extend(unread(&services, known.vaults.iter().chain(&vaults)));
    let mut public = Public {
        facts: world.all_facts(),
        configured,
        sealed: known.public.sealed.clone(),
        parties: known.public.parties.clone(),
        ..Public::default()
    };
    for vault in known.vaults.iter().chain(&vaults) {
        let secret = vault_name(&resolved.chain, &vault.subject, vault.version);
        for ((role, instance, name), item) in &vault.items {
            if item.secret {
                let of_subject = public.sealed.entry(vault.subject.clone()).or_default();
                of_subject
                    .entry(service_key(role, instance))
                    .or_default()
                    .insert(name.clone(), secret.clone());
            }
        }
    }
    let items = world.take_items();
    for ((subject, role, instance, name), item) in &items {
        if let (false, Some(bytes)) = (item.secret, &item.bytes) {
            let key = service_key(role, instance);
            let of_subject = public.items.entry(subject.clone()).or_default();
            of_subject
                .entry(key)
                .or_default()
                .insert(name.clone(), BASE64.encode(bytes));
        }
    }
    Ok(Outcome {
        subjects,
        services,
        vaults,
        found: known.vaults.clone(),
        public,
        items,
        configured: world.take_configured(),
        parts,
        files: Vec::new(),
        notes,
        fingerprint,
    })
}

type Born = BTreeMap<String, BTreeMap<ItemKey, KeptItem>>;

fn new_vaults(uid: &str, known: &Known, born: Born) -> Vec<Vault> {
    born.into_iter()
        .map(|(subject, items)| {
            let before = known
                .head
                .as_ref()
                .and_then(|head| head.subjects.get(&subject))
                .map_or(0, |it| it.vaults.len());
            let found = known
                .vaults
                .iter()
                .filter(|vault| vault.subject == subject)
                .count();
            let version = u32::try_from(before.max(found))
                .unwrap_or(u32::MAX)
                .saturating_add(1);
            Vault {
                chain_uid: uid.to_owned(),
                subject,
                version,
                items,
            }
        })
        .collect()
}

/// A shard of work: one phase of one service about some subjects.
struct Job {
    phase: Phase,
    service: usize,
    subjects: Vec<usize>,
}

struct Run<'a> {
    resolved: &'a Resolved,
    known: &'a Known,
    circumstances: &'a Circumstances,
    runtime: &'a Runtime,
    services: &'a [ResolvedService],
    topology: Topology,
    world: Arc<World>,
    born: Mutex<Born>,
    configured: Mutex<BTreeMap<String, BTreeMap<String, ConfiguredResult>>>,
    notes: Mutex<Vec<(String, Diagnostic)>>,
    /// Sessions at rest, by service and plugin. They outlive their phase: opening one costs more than most calls.
    sessions: Mutex<HashMap<(String, String), Vec<Session>>>,
}

/// Subjects in one shard, at least: below this a second session costs more than it saves.
const SHARD: usize = 2;

impl Run<'_> {
    fn jobs(&self, phase: Phase, service: usize, wanted: impl Fn(&usize) -> bool) -> Vec<Job> {
        let Some(kinds) = self
            .services
            .get(service)
            .and_then(|it| it.plugin.descriptor.on.get(&phase))
        else {
            return Vec::new();
        };
        let mut subjects: Vec<usize> = self
            .topology
            .subjects
            .iter()
            .enumerate()
            .filter(|(_, subject)| !subject.foreign && kinds.contains(&subject.kind))
            .map(|(index, _)| index)
            .filter(wanted)
            .collect();
        self.circumstances.manner.arrange(&mut subjects);
        if subjects.is_empty() {
            return Vec::new();
        }
        let shards = (subjects.len() / SHARD).clamp(1, self.circumstances.threads.max(1));
        let size = subjects.len().div_ceil(shards).max(1);
        subjects
            .chunks(size)
            .map(|chunk| Job {
                phase,
                service,
                subjects: chunk.to_vec(),
            })
            .collect()
    }

    /// Does all jobs, as many side by side as there are threads; the first failure ends the run.
    fn all(&self, mut jobs: Vec<Job>) -> Result<Vec<RenderedPart>, PipelineError> {
        self.circumstances.manner.arrange(&mut jobs);
        let threads = self.circumstances.threads.clamp(1, jobs.len().max(1));
        let (next, parts) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let failure: Mutex<Option<(usize, PipelineError)>> = Mutex::new(None);
        let work = || loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(index) else { return };
            match self.job(job) {
                Ok(done) => parts
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .extend(done),
                Err(fault) => {
                    next.store(jobs.len(), Ordering::Relaxed);
                    let mut first = failure.lock().unwrap_or_else(PoisonError::into_inner);
                    if first.as_ref().is_none_or(|(earlier, _)| index < *earlier) {
                        *first = Some((index, fault));
                    }
                }
            }
        };
        if threads == 1 {
            work();
        } else {
            std::thread::scope(|scope| {
                for _ in 1..threads {
                    scope.spawn(work);
                }
                work();
            });
        }
        match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some((_, fault)) => Err(fault),
            None => Ok(parts.into_inner().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    fn job(&self, job: &Job) -> Result<Vec<RenderedPart>, PipelineError> {
        let Some(service) = self.services.get(job.service) else {
            return Ok(Vec::new());
        };
        let mut parts = Vec::new();
        let mut open: Option<(&ResolvedService, Arc<ServiceDoor>, Session)> = None;
        for index in &job.subjects {
            let Some(subject) = self.topology.subjects.get(*index) else {
                continue;
            };
            let service = self.effective(service, subject, job.phase);
            if job.phase == Phase::Configure && self.reuse(service, subject)? {
                continue;
            }
            // An override may name another plugin: then the session is another too.
            let alone = self.circumstances.manner == Manner::Alone;
            if open
                .as_ref()
                .is_none_or(|(other, ..)| alone || other.plugin.digest != service.plugin.digest)
            {
                if let Some((service, _, session)) = open.take() {
                    self.rest(service, session);
                }
                let (door, session) = self.open(service, job.phase)?;
                open = Some((service, door, session));
            }
            let Some((_, door, session)) = &mut open else {
                continue;
            };
            door.about(&subject.id);
            let call = self.call(service, subject, job.phase);
            match job.phase {
                Phase::Provision => {
                    let stream = Entropy::stream(
                        &self.circumstances.seed,
                        service.plugin.name(),
                        &service.instance,
                        &subject.id,
                    );
                    let given = session.provision(&call, stream)?;
                    self.provisioned(service, subject, given)?;
                }
                Phase::Configure => {
                    let given = session.configure(&call)?;
                    self.configure(service, subject, given)?;
                }
                _ => {
                    let rendered = session.render(&call)?;
                    self.note(service, rendered.notes.clone());
                    parts.push(RenderedPart {
                        service: job.service,
                        subject: subject.id.clone(),
                        rendered,
                    });
                }
            }
        }
        if let Some((service, _, session)) = open {
            self.rest(service, session);
        }
        Ok(parts)
    }

    /// A session of `service` that sees what `phase` may see: one at rest, or a new one.
    fn open(
        &self,
        service: &ResolvedService,
        phase: Phase,
    ) -> Result<(Arc<ServiceDoor>, Session), PipelineError> {
        let door = Arc::new(ServiceDoor::new(
            Arc::clone(&self.world),
            service,
            phase,
            &self.circumstances.consents,
        ));
        let resting = self
            .sessions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_mut(&resting_key(service))
            .and_then(Vec::pop);
        let session = match resting {
            Some(mut session) => {
                session.look_through(Arc::clone(&door) as _);
                session
            }
            None => Sandbox::new(self.runtime, &service.plugin, Arc::clone(&door) as _)?
                .open(&self.topology)?,
        };
        Ok((door, session))
    }

    /// Keeps a session for the next job of its service.
    fn rest(&self, service: &ResolvedService, session: Session) {
        if self.circumstances.manner == Manner::Alone {
            return;
        }
        self.sessions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(resting_key(service))
            .or_default()
            .push(session);
    }

    /// The service as this subject has it: a node's override counts in provision and render, not in configure.
    fn effective<'s>(
        &'s self,
        service: &'s ResolvedService,
        subject: &Subject,
        phase: Phase,
    ) -> &'s ResolvedService {
        if phase == Phase::Configure || self.resolved.overrides.is_empty() {
            return service;
        }
        node_of(subject, &self.topology.subjects)
            .and_then(|node| self.resolved.overrides.get(&(node, service.key())))
            .unwrap_or(service)
    }

    fn call(&self, service: &ResolvedService, subject: &Subject, phase: Phase) -> Call {
        let birth = phase == Phase::Provision;
        Call {
            subject: subject.id.clone(),
            role: service.role.clone(),
            instance: service.instance.clone(),
            options: if birth {
                service.options.with_secrets()
            } else {
                service.options.without_secrets()
            },
            images: service.images.clone(),
            now_ms: if birth { self.circumstances.now_ms } else { 0 },
            renew: if birth {
                self.renewed(service, subject)
            } else {
                Vec::new()
            },
        }
    }

    /// Items of a service about a subject that are made again: those that are wanted, and that it calls renewable.
    fn renewed(&self, service: &ResolvedService, subject: &Subject) -> Vec<String> {
        let Some(wanted) = self.circumstances.renew.get(&subject.id) else {
            return Vec::new();
        };
        let renewable = |name: &&String| {
            kept_spec(&service.plugin.descriptor.kept, name, &subject.kind)
                .is_some_and(|it| it.renewable)
        };
        wanted.iter().filter(renewable).cloned().collect()
    }

    fn provisioned(
        &self,
        service: &ResolvedService,
        subject: &Subject,
        given: Provisioned,
    ) -> Result<(), PipelineError> {
        self.note(service, given.notes);
        self.facts(service, subject, &given.facts)?;
        let refuse = |name: &str, why: &str| PluginError::Refused {
            plugin: service.plugin.name().to_owned(),
            what: format!("the item `{name}` about {}", subject.id),
            why: why.to_owned(),
        };
        for item in given.keep {
            let spec = kept_spec(&service.plugin.descriptor.kept, &item.name, &subject.kind)
                .ok_or_else(|| refuse(&item.name, "its descriptor does not name it"))?;
            if spec.secret != item.secret {
                return Err(refuse(
                    &item.name,
                    "its descriptor says otherwise whether it is a secret",
                )
                .into());
            }
            let place = place(&subject.id, &service.role, &service.instance, &item.name);
            let again = self.renewed(service, subject).contains(&item.name);
            if self.world.has_item(&place) && !again {
                return Err(refuse(&item.name, "it exists and is immutable").into());
            }
            self.world.keep(
                place,
                Item {
                    bytes: Some(item.bytes.clone()),
                    secret: item.secret,
                },
            );
            let key = (service.role.clone(), service.instance.clone(), item.name);
            let kept = KeptItem {
                bytes: item.bytes,
                secret: item.secret,
                media: item.media,
            };
            let mut born = self.born.lock().unwrap_or_else(PoisonError::into_inner);
            born.entry(subject.id.clone())
                .or_default()
                .insert(key, kept);
        }
        Ok(())
    }

    /// Whether this subject was configured before: then what was made is used.
    fn reuse(&self, service: &ResolvedService, subject: &Subject) -> Result<bool, PipelineError> {
        let key = service.key();
        let Some(result) = self
            .known
            .public
            .configured
            .get(&subject.id)
            .and_then(|all| all.get(&key))
        else {
            return Ok(false);
        };
        self.facts(service, subject, &result.facts.to_string())?;
        let mut all = self
            .configured
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.entry(subject.id.clone())
            .or_default()
            .insert(key, result.clone());
        Ok(true)
    }

    fn configure(
        &self,
        service: &ResolvedService,
        subject: &Subject,
        given: Configured,
    ) -> Result<(), PipelineError> {
        self.note(service, given.notes);
        self.facts(service, subject, &given.facts)?;
        let mut files = BTreeMap::new();
        for file in given.files {
            let place = place(&subject.id, &service.role, &service.instance, &file.name);
            files.insert(file.name, BASE64.encode(&file.bytes));
            self.world.configure(place, file.bytes);
        }
        let facts = serde_json::from_str(&given.facts).unwrap_or_default();
        let result = ConfiguredResult {
            files,
            facts,
            fingerprint: given.fingerprint,
        };
        let mut all = self
            .configured
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.entry(subject.id.clone())
            .or_default()
            .insert(service.key(), result);
        Ok(())
    }

    fn facts(
        &self,
        service: &ResolvedService,
        subject: &Subject,
        text: &str,
    ) -> Result<(), PipelineError> {
        let refuse = |why: String| PluginError::Refused {
            plugin: service.plugin.name().to_owned(),
            what: format!("facts about {}", subject.id),
            why,
        };
        let facts: Map<String, Value> = serde_json::from_str(text)
            .map_err(|fault| refuse(format!("they are no JSON object: {fault}")))?;
        if facts.is_empty() {
            return Ok(());
        }
        self.world
            .give(&subject.id, &service.role, &service.instance, &facts)?;
        Ok(())
    }

    fn note(&self, service: &ResolvedService, notes: Vec<Diagnostic>) {
        if notes.is_empty() {
            return;
        }
        let mut all = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(
            notes
                .into_iter()
                .filter(|note| note.severity != Severity::Error)
                .map(|note| (service.plugin.name().to_owned(), note)),
        );
    }
}

fn resting_key(service: &ResolvedService) -> (String, String) {
    (service.key(), service.plugin.digest.clone())
}

/// How many ancestors each subject has.
fn depths(subjects: &[Subject]) -> Vec<usize> {
    let parents: HashMap<&str, Option<&str>> = subjects
        .iter()
        .map(|subject| (subject.id.as_str(), subject.parent.as_deref()))
        .collect();
    let depth = |subject: &Subject| {
        std::iter::successors(subject.parent.as_deref(), |id| {
            parents.get(id).copied().flatten()
        })
        .take(16)
        .count()
    };
    subjects.iter().map(depth).collect()
}

/// The index of the node in the user's spec to which a subject belongs: its own, or an ancestor's, `extra.from`.
pub fn node_of(subject: &Subject, subjects: &[Subject]) -> Option<usize> {
    let mut at = Some(subject);
    for _ in 0..8 {
        let here = at?;
        let extra: Value = serde_json::from_str(&here.extra).unwrap_or_default();
        if let Some(pointer) = extra.get("from").and_then(Value::as_str) {
            return pointer
                .strip_prefix("/nodes/")
                .and_then(|rest| rest.split('/').next()?.parse().ok());
        }
        at = here
            .parent
            .as_ref()
            .and_then(|parent| subjects.iter().find(|other| other.id == *parent));
    }
    None
}
