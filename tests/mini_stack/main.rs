//! A stack that this repository does not know, made of three plugins that were built outside of its workspace: subjects
//! of a kind of its own, a genesis that goes client -> consensus -> client, a secret shared by consent, and a hook that
//! remembers what it was told. Every test runs twice: as the plugins are, and with every stack, role and plugin renamed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod births;
mod command;
mod growth;
#[path = "../support/guests.rs"]
#[allow(dead_code)]
mod guests;
mod operations;
mod secrets;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use assert_cmd::Command;
use chain_plugin_sdk::descriptor::{Operation, Phase};
use kubectl_chain::cluster::forward::TlsSettings;
use kubectl_chain::manifest::{self, Object, Problem};
use kubectl_chain::pipeline::form::{self, Prepared, Setting, Verb, prepare};
use kubectl_chain::pipeline::operate::{Acts, Scene, Start, done, drive, hooks, streams};
use kubectl_chain::pipeline::run::{Circumstances, Known, Manner, Outcome, PipelineError, Renewal};
use kubectl_chain::pipeline::secrets::{Secrets, User};
use kubectl_chain::pipeline::shape::{Identity, shape};
use kubectl_chain::pipeline::world::{Place, SecretReader, ServiceDoor, World};
use kubectl_chain::pipeline::{Inputs, Resolved, ResolvedService, expand, resolve};
use kubectl_chain::plugin::contract::operate::{Failure, Http, Response};
use kubectl_chain::plugin::contract::{Ref, Subject};
use kubectl_chain::plugin::{Catalog, Door, Plugin, Runtime};
use kubectl_chain::spec::{ChainFile, Loaded};
use kubectl_chain::state::lock::Claim;
use kubectl_chain::state::memory::MemoryStore;
use kubectl_chain::state::{ClusterRecord, Head, Site, Store as _};
use serde_json::{Value, json};

use guests::{Words, hostile_component, impatient, runtime};

const BOTH: [Words; 2] = [Words::Pebble, Words::Renamed];
const NOW: u64 = 1_700_000_000_000;

/// The user's wish for a chain of `nodes` nodes in two circles.
fn wish(words: Words, nodes: usize) -> Value {
    let path = |name| words.plugin(name).display().to_string();
    json!({
        "metadata": {"name": "demo"},
        "spec": {
            "stack": path("pebble"),
            "nodes": nodes,
            words.say("circles"): 2,
            "services": {
                words.say("talker"): path("pebble_talker"),
                words.say("chorus"): path("pebble_chorus"),
            },
        },
    })
}

fn resolved_from(wish: Value, catalog: &mut Catalog) -> Resolved {
    let file: ChainFile = serde_json::from_value(wish).unwrap();
    let loaded = Loaded {
        file,
        ..Loaded::default()
    };
    let inputs = Inputs {
        loaded,
        namespace: "ns".to_owned(),
    };
    resolve(inputs, catalog).unwrap_or_else(|fault| panic!("{fault}"))
}

fn resolved(words: Words, nodes: usize) -> Resolved {
    resolved_from(wish(words, nodes), &mut Catalog::default())
}

/// Consent of the user to what both descriptors say.
fn consent(words: Words) -> BTreeSet<(String, String, String)> {
    BTreeSet::from([(words.say("talker"), words.say("chorus"), "seed".to_owned())])
}

fn circumstances(words: Words) -> Circumstances {
    Circumstances {
        now_ms: NOW,
        seed: [7; 32],
        consents: consent(words),
        threads: 1,
        renew: Renewal::new(),
        manner: Manner::default(),
    }
}

/// The stack says which subjects there are, and the pipeline runs about them.
fn run(
    resolved: &Resolved,
    known: &Known,
    circumstances: &Circumstances,
    runtime: &Runtime,
) -> Result<Outcome, PipelineError> {
    let now_ms = circumstances.now_ms;
    let subjects = expand::expand(resolved, known.head.as_ref(), Vec::new(), now_ms, runtime)?;
    kubectl_chain::pipeline::run::run(resolved, subjects, known, circumstances, runtime)
}

fn ran(words: Words, nodes: usize, circumstances: &Circumstances) -> Outcome {
    run(
        &resolved(words, nodes),
        &Known::default(),
        circumstances,
        &runtime(),
    )
    .unwrap_or_else(|fault| panic!("{fault}"))
}

/// The genesis file of an outcome.
fn genesis(words: Words, outcome: &Outcome) -> Value {
    let talker = words.say("talker");
    let place = (
        "chain".to_owned(),
        talker.clone(),
        talker,
        "genesis.json".to_owned(),
    );
    serde_json::from_slice(&outcome.configured[&place]).unwrap()
}

/// Forms and commits a chain in memory.
fn form(words: Words, nodes: usize, store: &MemoryStore, setting: &Setting<'_>) -> Prepared {
    let resolved = resolved(words, nodes);
    wait_for(async {
        let mut prepared = prepare(store, &resolved, Verb::Apply, setting)
            .await
            .unwrap_or_else(|fault| panic!("{fault}"));
        let claim = Claim {
            holder: "test".to_owned(),
            by: "test".to_owned(),
            operation: "apply".to_owned(),
        };
        prepared.commit(store, &resolved, &claim).await.unwrap();
        form::finish(store, &prepared.revision, "test", None)
            .await
            .unwrap();
        prepared
    })
}

static NO_CLUSTERS: BTreeMap<String, ClusterRecord> = BTreeMap::new();

/// A chain of three nodes, formed for the first time, with consent and without grants.
fn formed(words: Words) -> Prepared {
    let (store, granted) = (MemoryStore::new("demo"), BTreeMap::new());
    let circumstances = circumstances(words);
    let runtime = runtime();
    form(
        words,
        3,
        &store,
        &setting(&runtime, &circumstances, &granted),
    )
}

fn setting<'a>(
    runtime: &'a Runtime,
    circumstances: &'a Circumstances,
    granted: &'a BTreeMap<String, BTreeSet<String>>,
) -> Setting<'a> {
    Setting {
        runtime,
        circumstances,
        granted,
        fresh_uid: "6f1c1d6e-0000-4000-8000-000000000001".to_owned(),
        keep_files: false,
        party: None,
        clusters: &NO_CLUSTERS,
        stand_in: false,
        by: "test".to_owned(),
    }
}

/// The final objects of an outcome.
fn objects(
    resolved: &Resolved,
    mut outcome: Outcome,
    consents: &BTreeSet<(String, String, String)>,
) -> Result<Vec<Object>, Vec<Problem>> {
    let identity = Identity {
        uid: "u".to_owned(),
        consents: consents.clone(),
        ..Identity::default()
    };
    let (shape, parts) = shape(resolved, &mut outcome, &identity);
    manifest::assemble(&shape, parts).map(|assembled| assembled.objects)
}

fn service<'a>(resolved: &'a Resolved, role: &str) -> &'a ResolvedService {
    let mut all = resolved.services.iter();
    all.find(|service| service.role == role).unwrap()
}

/// A head that remembers the subjects of an outcome and nothing else.
fn head(words: Words, outcome: &Outcome) -> Head {
    let mut head: Head = serde_json::from_value(json!({
        "schema": 1, "minimumHost": "0.1.0", "uid": "u", "chain": "demo", "stack": words.say("pebble"),
        "release": "first", "phase": "formed", "subjects": {}, "next": {}, "bornMs": NOW, "revision": 1,
    }))
    .unwrap();
    for subject in &outcome.subjects {
        let next = head.next.entry(subject.kind.clone()).or_default();
        *next = (*next).max(subject.ordinal + 1);
        let remembered = json!({
            "kind": subject.kind, "ordinal": subject.ordinal, "bornMs": subject.born_ms,
            "namespace": subject.namespace,
        });
        let remembered = serde_json::from_value(remembered).unwrap();
        head.subjects.insert(subject.id.clone(), remembered);
    }
    head
}

/// Secrets as the vaults of earlier runs hold them.
struct Vaults(BTreeMap<Place, Vec<u8>>);

impl Vaults {
    fn of(outcome: &Outcome) -> Self {
        let items = outcome.vaults.iter().flat_map(|vault| {
            vault.items.iter().map(|((role, instance, name), item)| {
                let place = (
                    vault.subject.clone(),
                    role.clone(),
                    instance.clone(),
                    name.clone(),
                );
                (place, item.bytes.clone())
            })
        });
        Self(items.collect())
    }
}

impl SecretReader for Vaults {
    fn read(&self, place: &Place) -> Result<Option<Vec<u8>>, String> {
        Ok(self.0.get(place).cloned())
    }
}

/// What is known of a chain after a run.
fn known(words: Words, outcome: &Outcome) -> Known {
    Known {
        head: Some(head(words, outcome)),
        public: outcome.public.clone(),
        vaults: Vec::new(),
        secrets: Some(Arc::new(Vaults::of(outcome))),
    }
}

fn wait_for<T>(future: impl Future<Output = T>) -> T {
    let runner = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runner.block_on(future)
}
