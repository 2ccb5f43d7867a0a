//! A stack that this repository does not know, made of three plugins that were built outside of its workspace: subjects
//! of a kind of its own, a genesis that goes client -> consensus -> client, a secret shared by consent, and a hook that
//! remembers what it was told. Every test runs twice: as the plugins are, and with every stack, role and plugin renamed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/guests.rs"]
#[allow(dead_code)]
mod guests;

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

/// Everything that a run gives, as text.
fn everything(outcome: &Outcome) -> String {
    let parts: Vec<_> = outcome
        .parts
        .iter()
        .map(|part| (part.service, &part.subject, &part.rendered))
        .collect();
    let vaults: Vec<_> = outcome
        .vaults
        .iter()
        .map(|vault| (&vault.subject, vault.digest()))
        .collect();
    format!(
        "{}\n{vaults:?}\n{}\n{:?}",
        serde_json::to_string(&parts).unwrap(),
        serde_json::to_string(&outcome.public).unwrap(),
        outcome.fingerprint,
    )
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

#[test]
fn subjects_of_a_kind_that_no_host_knows_stand_between_chain_and_nodes() {
    for words in BOTH {
        let outcome = ran(words, 3, &circumstances(words));
        let ids: Vec<String> = outcome
            .subjects
            .iter()
            .map(|subject| subject.id.clone())
            .collect();
        let expected = [
            "chain",
            "circle/circle0",
            "circle/circle1",
            "node/circle0/node0",
            "node/circle1/node1",
            "node/circle0/node2",
        ]
        .map(|id| words.say(id));
        assert_eq!(ids, expected);
    }
}

#[test]
fn the_genesis_names_all_nodes_and_circles_and_is_made_after_keys_and_order() {
    for words in BOTH {
        let outcome = ran(words, 3, &circumstances(words));
        let genesis = genesis(words, &outcome);
        let facts = |subject: &str, role: &str| {
            outcome.public.facts[&words.say(subject)][&words.say(role)].clone()
        };
        let ids: Vec<Value> = [
            "node/circle0/node0",
            "node/circle1/node1",
            "node/circle0/node2",
        ]
        .iter()
        .map(|node| facts(node, "talker")["id"].clone())
        .collect();
        assert_eq!(genesis["members"], json!(ids));
        assert_eq!(genesis["kind"], json!("round-robin"));
        assert_eq!(genesis["bornMs"], json!(NOW.to_string()));
        let mottos: Vec<Value> = [0, 1]
            .map(|i| facts(&format!("circle/circle{i}"), "stack")["motto"].clone())
            .to_vec();
        let said: Vec<Value> = genesis[words.say("circles")]
            .as_array()
            .unwrap()
            .iter()
            .map(|circle| circle["motto"].clone())
            .collect();
        assert_eq!(said, mottos);
        assert_eq!(outcome.fingerprint.as_ref().map(String::len), Some(64));
    }
}

#[test]
fn with_consent_the_secret_is_read_and_bound_and_stays_in_its_vault() {
    for words in BOTH {
        let (store, granted) = (MemoryStore::new("demo"), BTreeMap::new());
        let circumstances = circumstances(words);
        let prepared = form(
            words,
            3,
            &store,
            &setting(&runtime(), &circumstances, &granted),
        );
        let node = words.say("node/circle0/node0");
        let pledge = &prepared.outcome.public.facts[&node][&words.say("chorus")]["pledge"];
        assert_eq!(pledge.as_str().map(str::len), Some(32));
        let set = object(&prepared.objects, "StatefulSet", "demo-node0");
        let chorus = container(set, &words.say("chorus"));
        let mounts = chorus["volumeMounts"].to_string();
        assert!(mounts.contains(&words.say("/etc/chorus/seed")), "{mounts}");
        let talker = container(set, &words.say("talker"));
        assert_eq!(
            talker["image"],
            json!(words.say("registry.example/pebble/talker:1.0"))
        );
        let volumes = set.value["spec"]["template"]["spec"]["volumes"].to_string();
        assert!(volumes.contains("demo-vault-node-"), "{volumes}");
    }
}

#[test]
fn secrets_are_in_no_public_object_in_any_spelling() {
    for words in BOTH {
        let (store, granted) = (MemoryStore::new("demo"), BTreeMap::new());
        let circumstances = circumstances(words);
        let prepared = form(
            words,
            3,
            &store,
            &setting(&runtime(), &circumstances, &granted),
        );
        let mut public: String = prepared
            .objects
            .iter()
            .map(|object| object.value.to_string())
            .collect();
        public += &serde_json::to_string(&prepared.outcome.public).unwrap();
        public += &serde_json::to_string(&prepared.revision).unwrap();
        let secrets: Vec<_> = prepared
            .outcome
            .vaults
            .iter()
            .flat_map(|vault| vault.items.values())
            .filter(|item| item.secret)
            .collect();
        assert_eq!(
            secrets.len(),
            2 + 3,
            "a root for each circle, a seed for each node"
        );
        for item in secrets {
            use base64::Engine as _;
            let hex = hex::encode(&item.bytes);
            let base64 = base64::engine::general_purpose::STANDARD.encode(&item.bytes);
            assert!(!public.contains(&hex) && !public.contains(&base64));
        }
    }
}

#[test]
fn without_consent_the_secret_is_neither_read_nor_bound_and_the_message_says_whose_it_is() {
    for words in BOTH {
        let refused = Circumstances {
            consents: BTreeSet::new(),
            ..circumstances(words)
        };
        let resolved = resolved(words, 3);
        let known = Known {
            head: Some(head(words, &ran(words, 3, &circumstances(words)))),
            ..Known::default()
        };
        let outcome = run(&resolved, &known, &refused, &runtime()).unwrap();
        let node = words.say("node/circle0/node0");
        let given = &outcome.public.facts[&node];
        assert!(
            !given.contains_key(&words.say("chorus")),
            "no pledge without the seed"
        );
        let pledge = words.say("node/circle0/node0 makes no pledge: its seed may not be read");
        assert!(outcome.notes.iter().any(|(_, said)| said.message == pledge));
        assert_eq!(
            asks_for_seed(words, &resolved, &outcome, &refused.consents),
            Err(words.say(
                "plugin pebble_chorus asked for the secret `seed` of talker about node/circle0/node0, which it may not see",
            ))
        );
        let granted = asks_for_seed(words, &resolved, &outcome, &consent(words));
        assert_eq!(granted.map(|bytes| bytes.map(|it| it.len())), Ok(Some(32)));
        let problems = objects(&resolved, outcome, &refused.consents).unwrap_err();
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let expected = words.say(
            "node/circle0/node0: plugin pebble_chorus binds seed of talker (node/circle0/node0) to /etc/chorus/seed in container chorus: seed is a secret of role talker, which does not share it with role chorus",
        );
        assert!(texts.contains(&expected), "{texts:#?}");
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

/// What the consensus gets when it asks for the seed of a node that is being born.
fn asks_for_seed(
    words: Words,
    resolved: &Resolved,
    outcome: &Outcome,
    consents: &BTreeSet<(String, String, String)>,
) -> Result<Option<Vec<u8>>, String> {
    let world = World::new(&outcome.subjects, HashMap::default(), None);
    for (place, item) in &outcome.items {
        world.keep(place.clone(), item.clone());
    }
    let (talker, node) = (words.say("talker"), words.say("node/circle0/node0"));
    let chorus = service(resolved, &words.say("chorus"));
    let door = ServiceDoor::new(Arc::new(world), chorus, Phase::Provision, consents);
    door.about(&node);
    door.kept(&Ref {
        role: talker.clone(),
        instance: talker,
        subject: node,
        name: "seed".to_owned(),
    })
}

fn service<'a>(resolved: &'a Resolved, role: &str) -> &'a ResolvedService {
    let mut all = resolved.services.iter();
    all.find(|service| service.role == role).unwrap()
}

#[test]
fn the_same_head_and_entropy_give_the_same_bytes_in_any_number_of_sessions() {
    for words in BOTH {
        let with = |threads| {
            let circumstances = Circumstances {
                threads,
                ..circumstances(words)
            };
            everything(&ran(words, 40, &circumstances))
        };
        let alone = with(1);
        assert_eq!(alone, with(1));
        assert_eq!(alone, with(4));
    }
}

#[test]
fn another_entropy_gives_other_keys() {
    let other = Circumstances {
        seed: [8; 32],
        ..circumstances(Words::Pebble)
    };
    let (a, b) = (
        ran(Words::Pebble, 3, &circumstances(Words::Pebble)),
        ran(Words::Pebble, 3, &other),
    );
    assert_ne!(a.fingerprint, b.fingerprint);
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

/// Pods of a chain: those that live answer `seat 17`, and what is remembered is written down. The one that hangs gives no
/// answer before that.
struct Pods {
    words: Words,
    living: BTreeSet<String>,
    hanging: Option<String>,
    said: Mutex<Vec<String>>,
    remembered: Mutex<Option<(String, String, Value)>>,
    spoke: Mutex<Option<TlsSettings>>,
}

impl Acts for Pods {
    async fn exec(
        &self,
        on: &Subject,
        container: &str,
        command: &[String],
        _stdin: &[u8],
        _tty: bool,
        _timeout: Duration,
    ) -> Result<Response, Failure> {
        assert_eq!(container, self.words.say("chorus"));
        let line = format!("{}: {}", on.id, command.join(" "));
        self.said.lock().unwrap().push(line);
        if self.hanging.as_ref() == Some(&on.id) {
            let remembered = async {
                while self.remembered.lock().unwrap().is_none() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            let waited = tokio::time::timeout(Duration::from_secs(20), remembered).await;
            assert!(waited.is_ok(), "one that hangs holds up the others");
        }
        if self.living.contains(&on.id) {
            return Ok(streams(0, b"seat 17\n".to_vec(), b""));
        }
        Err(Failure {
            kind: "timeout".to_owned(),
            message: "no answer".to_owned(),
        })
    }

    async fn http(
        &self,
        _on: &Subject,
        _port: u16,
        request: &Http,
        tls: Option<TlsSettings>,
        _timeout: Duration,
    ) -> Result<Response, Failure> {
        *self.spoke.lock().unwrap() = tls;
        Ok(Response {
            code: 200,
            ..streams(0, request.body.clone(), b"")
        })
    }

    async fn logs(
        &self,
        _on: &Subject,
        _container: &str,
        _since_ms: u64,
        _limit: u32,
        _timeout: Duration,
    ) -> Result<Response, Failure> {
        unreachable!("it reads no logs")
    }

    async fn wait(
        &self,
        _on: &Subject,
        _condition: &Value,
        _timeout: Duration,
    ) -> Result<Response, Failure> {
        unreachable!("it waits for nothing")
    }

    async fn remember(&self, on: &Subject, key: &str, state: Value) -> Result<Response, Failure> {
        let all = (on.id.clone(), key.to_owned(), state);
        *self.remembered.lock().unwrap() = Some(all);
        Ok(done())
    }

    async fn amend(&self, _patch: Value) -> Result<Response, Failure> {
        unreachable!("it leaves the spec alone")
    }

    async fn renew(&self, _on: &Subject, _items: &[String]) -> Result<Response, Failure> {
        unreachable!("it makes nothing again")
    }

    fn now_ms(&self) -> u64 {
        NOW
    }

    fn says(&self, _on: &Subject, _text: &str) {}
}

/// Calls the hook `before-add` for `node` while the nodes of `living` answer; returns what is remembered.
fn join(
    words: Words,
    node: &str,
    living: &[&str],
    hanging: Option<&str>,
    resolved: &Resolved,
    outcome: &Outcome,
) -> Result<(String, String, Value), String> {
    let (service, operation) = hooks(&resolved.services, "before-add").next().unwrap();
    assert_eq!(service.role, words.say("chorus"));
    let pods = Pods {
        words,
        living: living.iter().map(|node| words.say(node)).collect(),
        hanging: hanging.map(|node| words.say(node)),
        said: Mutex::default(),
        remembered: Mutex::default(),
        spoke: Mutex::default(),
    };
    let topology = expand::topology(resolved, outcome.subjects.clone());
    let start = Start {
        service,
        services: &resolved.services,
        operation,
        subject: node,
        args: json!({}),
        files: Vec::new(),
        seed: [0; 32],
        secrets: Secrets::default(),
    };
    let scene = Scene {
        topology: &topology,
        public: &outcome.public,
        head: None,
        granted: &BTreeMap::new(),
        consents: &consent(words),
    };
    let driven = wait_for(drive(start, &scene, &runtime(), &pods));
    let id = outcome.public.facts[node][&words.say("talker")]["id"].clone();
    let asked = format!("{} join {}", words.say("pebble"), id.as_str().unwrap());
    for line in pods.said.lock().unwrap().iter() {
        assert!(line.ends_with(&asked), "{line}");
    }
    driven.map_err(|fault| fault.to_string())?;
    Ok(pods.remembered.into_inner().unwrap().unwrap())
}

#[test]
fn an_operation_speaks_as_a_node_by_a_key_that_no_guest_sees() {
    for words in BOTH {
        let (runtime, circumstances) = (runtime(), circumstances(words));
        let granted = BTreeMap::new();
        let store = MemoryStore::new("demo");
        let prepared = form(
            words,
            3,
            &store,
            &setting(&runtime, &circumstances, &granted),
        );
        let head = wait_for(store.load_head()).unwrap().unwrap().head;
        let resolved = resolved(words, 3);
        let service = service(&resolved, &words.say("talker"));
        let node = prepared
            .outcome
            .subjects
            .iter()
            .find(|it| it.kind == "node")
            .unwrap();
        let topology = expand::topology(&resolved, prepared.outcome.subjects.clone());
        let consents = consent(words);
        let scene = Scene {
            topology: &topology,
            public: &prepared.outcome.public,
            head: Some(&head),
            granted: &granted,
            consents: &consents,
        };
        let greet = |operation: &Operation| {
            let secrets = wait_for(Secrets::of_operation(
                &store,
                &head,
                &prepared.outcome.public,
                &topology.subjects,
                &User {
                    service,
                    operation,
                    subject: &node.id,
                    consents: &consents,
                },
            ))
            .unwrap();
            let pods = Pods {
                words,
                living: BTreeSet::new(),
                hanging: None,
                said: Mutex::default(),
                remembered: Mutex::default(),
                spoke: Mutex::default(),
            };
            let start = Start {
                service,
                services: &resolved.services,
                operation,
                subject: &node.id,
                args: json!({}),
                files: Vec::new(),
                seed: [0; 32],
                secrets,
            };
            let done = wait_for(drive(start, &scene, &runtime, &pods));
            (
                done.map_err(|fault| fault.to_string()),
                pods.spoke.into_inner().unwrap(),
            )
        };
        let operation = service
            .plugin
            .descriptor
            .operations
            .iter()
            .find(|it| it.name == "greet");
        let operation = operation.unwrap().clone();
        let (report, spoke) = greet(&operation);
        assert_eq!(report.unwrap().text, "hello");
        let listed = &head.subjects[&node.id].vaults[0];
        let vault =
            wait_for(store.read_vault(Site::home(&node.namespace), &node.id, listed)).unwrap();
        let key = (words.say("talker"), words.say("talker"), "seed".to_owned());
        let identity = spoke.unwrap().identity.unwrap();
        assert_eq!(identity.key, vault.items[&key].bytes);

        // One that its descriptor does not name is not to be had.
        let (report, spoke) = greet(&Operation {
            secrets: Vec::new(),
            ..operation
        });
        let fault = report.map(|_| ()).unwrap_err();
        assert!(
            fault.contains("there is no `seed`") && fault.contains("`secrets`"),
            "{fault}"
        );
        assert!(spoke.is_none());
    }
}

fn wait_for<T>(future: impl Future<Output = T>) -> T {
    let runner = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runner.block_on(future)
}

#[test]
fn a_new_node_is_vouched_for_by_its_old_circle_and_sits_where_the_first_told_it() {
    for words in BOTH {
        let before = ran(words, 3, &circumstances(words));
        let mut known = known(words, &before);
        let resolved = resolved(words, 4);
        let node = words.say("node/circle1/node3");
        let grown = run(&resolved, &known, &circumstances(words), &runtime()).unwrap();
        assert_eq!(
            genesis(words, &grown),
            genesis(words, &before),
            "it is made once"
        );
        assert_eq!(grown.vaults.len(), 1, "only the new one's keys are born");
        assert_eq!(grown.vaults[0].subject, node);
        let badge = &grown.public.facts[&node]["stack"]["badge"];
        assert!(
            badge.is_string(),
            "from the circle's root, which lies in its vault"
        );
        assert!(seat_args(words, &grown, &node).contains("--wait-for-seat"));

        let nobody = join(words, &node, &[], None, &resolved, &grown).unwrap_err();
        let expected = words.say("operation join of pebble_chorus failed: no node gave a seat: node/circle0/node0: no answer; node/circle1/node1: no answer; node/circle0/node2: no answer");
        assert!(nobody.starts_with(&expected), "{nobody}");
        let one = ["node/circle1/node1"];
        let mute = Some("node/circle0/node0");
        let (on, key, state) = join(words, &node, &one, mute, &resolved, &grown).unwrap();
        assert_eq!((&on, key), (&node, words.say("chorus")));
        assert_eq!(state, json!({"seat": 17}));

        let head = known.head.as_mut().unwrap();
        *head = self::head(words, &grown);
        let remembered = head.subjects.get_mut(&node).unwrap();
        remembered.state.insert(words.say("chorus"), state);
        known.public = grown.public.clone();
        let seated = run(&resolved, &known, &circumstances(words), &runtime()).unwrap();
        assert!(seated.vaults.is_empty(), "nothing is born twice");
        assert!(seat_args(words, &seated, &node).contains(r#""--seat","17""#));
        let founder = words.say("node/circle1/node1");
        assert!(seat_args(words, &seated, &founder).contains(r#""--seat","1""#));
    }
}

/// What the consensus rendered for a node, as text.
fn seat_args(words: Words, outcome: &Outcome, node: &str) -> String {
    let chorus = outcome
        .services
        .iter()
        .position(|service| service.role == words.say("chorus"))
        .unwrap();
    let part = outcome
        .parts
        .iter()
        .find(|part| part.service == chorus && part.subject == node)
        .unwrap();
    part.rendered.fragments[0].body.clone()
}

#[test]
fn a_new_node_changes_of_the_old_objects_only_lists_that_name_peers() {
    for words in BOTH {
        let few = ran(words, 3, &circumstances(words));
        let known = known(words, &few);
        let (small, large) = (resolved(words, 3), resolved(words, 4));
        let many = run(&large, &known, &circumstances(words), &runtime()).unwrap();
        let before = objects(&small, few, &consent(words)).unwrap();
        let after = objects(&large, many, &consent(words)).unwrap();
        let mut changed = Vec::new();
        for old in &before {
            let new = after.iter().find(|new| new.id() == old.id());
            let new = new.unwrap_or_else(|| panic!("{} is gone", old.display()));
            if new != old {
                changed.push(old.display());
            }
        }
        let peers = [0, 1, 2].map(|i| format!("configmap/demo-node{i}-live"));
        assert_eq!(changed, peers);
        for new in after
            .iter()
            .filter(|new| before.iter().all(|old| old.id() != new.id()))
        {
            assert!(new.name().starts_with("demo-node3"), "{}", new.display());
        }
    }
}

#[test]
fn a_chain_grows_by_a_node_that_its_circle_vouches_for() {
    for words in BOTH {
        let (store, granted) = (MemoryStore::new("demo"), BTreeMap::new());
        let (circumstances, runtime) = (circumstances(words), runtime());
        let setting = setting(&runtime, &circumstances, &granted);
        form(words, 3, &store, &setting);
        let grown = form(words, 4, &store, &setting);
        assert_eq!(grown.outcome.vaults.len(), 1);
    }
}

#[test]
fn a_second_run_writes_nothing_and_gives_the_same_objects() {
    for words in BOTH {
        let (store, granted) = (MemoryStore::new("demo"), BTreeMap::new());
        let first = circumstances(words);
        let formed = form(words, 3, &store, &setting(&runtime(), &first, &granted));
        // Another time and other entropy: what is there counts.
        let later = Circumstances {
            now_ms: NOW + 86_400_000,
            seed: [9; 32],
            ..circumstances(words)
        };
        let again = form(words, 3, &store, &setting(&runtime(), &later, &granted));
        assert!(!again.changed && again.outcome.vaults.is_empty());
        assert_eq!(again.objects, formed.objects);
    }
}

#[test]
fn what_is_named_otherwise_is_otherwise_the_same() {
    let shapes = BOTH.map(|words| {
        let (store, granted) = (MemoryStore::new("demo"), BTreeMap::new());
        let circumstances = circumstances(words);
        let prepared = form(
            words,
            3,
            &store,
            &setting(&runtime(), &circumstances, &granted),
        );
        let names: Vec<String> = prepared.objects.iter().map(skeleton).collect();
        names
    });
    let [pebble, renamed] = shapes;
    let translated: BTreeSet<String> = pebble.iter().map(|name| Words::Renamed.say(name)).collect();
    assert_eq!(translated, renamed.into_iter().collect());
}

/// An object without what follows from keys: kind, and the paths of all its fields.
fn skeleton(object: &Object) -> String {
    fn paths(value: &Value, at: &str, into: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) if !at.ends_with("/data") => {
                for (key, value) in map {
                    paths(value, &format!("{at}/{key}"), into);
                }
            }
            Value::Array(list) => {
                for value in list {
                    paths(value, &format!("{at}/-"), into);
                }
            }
            _ => {
                into.insert(at.to_owned());
            }
        }
    }
    let mut all = BTreeSet::new();
    paths(&object.value, "", &mut all);
    format!("{} {all:?}", object.kind())
}

#[test]
fn a_hostile_plugin_ends_its_own_run_and_the_next_one_works() {
    let words = Words::Pebble;
    let mut catalog = Catalog::default();
    let hostile = Plugin::from_component("hostile.wasm", hostile_component("render_loop")).unwrap();
    catalog.add(hostile);
    let mut wish = wish(words, 3);
    wish["spec"]["services"]["chorus"] = json!("hostile");
    let bad = resolved_from(wish, &mut catalog);
    let runtime = impatient();
    let begun = Instant::now();
    let fault = run(&bad, &Known::default(), &circumstances(words), &runtime).unwrap_err();
    assert!(begun.elapsed().as_secs() < 8, "{:?}", begun.elapsed());
    assert_eq!(
        fault.to_string(),
        "plugin hostile failed in render node/circle0/node0: it did not end within 1 s"
    );
    let good = resolved(words, 3);
    run(&good, &Known::default(), &circumstances(words), &runtime).unwrap();
}

fn object<'a>(objects: &'a [Object], kind: &str, name: &str) -> &'a Object {
    objects
        .iter()
        .find(|object| object.kind() == kind && object.name() == name)
        .unwrap_or_else(|| panic!("no {kind} {name}"))
}

fn container(set: &Object, name: &str) -> Value {
    set.value["spec"]["template"]["spec"]["containers"]
        .as_array()
        .unwrap()
        .iter()
        .find(|container| container["name"] == json!(name))
        .unwrap_or_else(|| panic!("no container {name}"))
        .clone()
}

/// `kubectl chain create demo` with the three plugins as files and a home of its own.
fn create(words: Words, home: &std::path::Path, more: &[&str]) -> Command {
    let mut command = Command::cargo_bin("kubectl-chain").unwrap();
    command
        .env_clear()
        .env("HOME", home)
        .env("KUBECONFIG", home.join("none"));
    command.args([
        "create",
        "demo",
        "--nodes",
        "3",
        "--dry-run=client",
        "--stack",
    ]);
    command.arg(words.plugin("pebble"));
    for role in ["talker", "chorus"] {
        command.arg(format!("--{}", words.say(role)));
        command.arg(words.plugin(&format!("pebble_{role}")));
    }
    command.args([format!("--{}", words.say("circles")), "2".to_owned()]);
    command.args(more);
    command
}

#[test]
fn the_command_makes_a_chain_of_them_with_flags_that_their_descriptors_bring() {
    for words in BOTH {
        let home = tempfile::tempdir().unwrap();
        let grant = words.say("pebble_chorus=take:talker/seed");
        let greeting = words.say("--talker-greeting");
        let more = ["--grant", &grant, &greeting, "good morning", "-o", "json"];
        let output = create(words, home.path(), &more).assert().success();
        let list: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
        let items = list["items"].as_array().unwrap();
        let sets = items
            .iter()
            .filter(|it| it["kind"] == "StatefulSet")
            .count();
        assert_eq!(sets, 3);
        let genesis = items
            .iter()
            .filter(|it| it["kind"] == "ConfigMap")
            .flat_map(|it| it["data"].as_object().unwrap().values())
            .filter_map(Value::as_str)
            .find(|text| text.contains("good morning"))
            .unwrap();
        let genesis: Value = serde_json::from_str(genesis).unwrap();
        assert_eq!(genesis["members"].as_array().unwrap().len(), 3);
    }
}

#[test]
fn the_command_says_which_secret_is_not_shared() {
    for words in BOTH {
        let home = tempfile::tempdir().unwrap();
        let output = create(words, home.path(), &["-o", "name"]).assert().code(1);
        let stderr = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
        assert!(
            stderr.contains(&words.say("plugin pebble_chorus binds seed of talker")),
            "{stderr}"
        );
        assert!(output.get_output().stdout.is_empty());
    }
}
