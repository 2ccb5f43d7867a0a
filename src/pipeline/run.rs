//! The run itself: expand, then provision and configure as a graph, then render; sharded over threads.

mod born;
mod call;
mod circumstances;
mod given;
mod jobs;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chain_plugin_sdk::descriptor::Phase;

use self::born::{Born, new_vaults, unread};
use super::expand::topology;
use super::facts;
use super::graph::{GraphError, levels};
use super::parties::recall_parties;
use super::recall::{recall, remembered};
use super::resolve::{Resolved, ResolvedService, service_key};
use super::shape::vault_name;
use super::world::{FactConflict, Item, Place, SecretReader, World};
use crate::plugin::contract::{Diagnostic, Rendered, Severity, Subject, Topology};
use crate::plugin::{PluginError, Runtime, Session};
use crate::state::revision::ConfiguredResult;
use crate::state::{Head, Public, Vault};

pub use call::node_of;
pub use circumstances::{Circumstances, Manner, Renewal};

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
