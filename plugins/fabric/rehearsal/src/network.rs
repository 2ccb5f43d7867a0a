//! A network as the host's pipeline makes it: expanded, provisioned, configured; rendered on demand.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use chain_plugin_sdk::descriptor::Phase;
use chain_plugin_sdk::spec::ExpandSpec;
use chain_plugin_sdk::{
    At, Content, Diagnostic, Diagnostics, Item, Ref, Rendered, Stack as _, Subject, Topology, error,
};
use fabric_service::{Release, STACK, role};
use serde_json::{Map, Value, json};

use crate::door::Door;
use crate::service::Service;

/// Who orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Orderers {
    /// `orderer_raft`.
    Raft,
    /// `orderer_bft`.
    Bft,
    /// `orderer_solo`.
    Solo,
}

/// What the user says.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The release.
    pub release: Release,
    /// Who orders.
    pub orderers: Orderers,
    /// What stands under the keys of the stack's kinds: `{"channels": [{"name": "mychannel"}], "peers": 2}`.
    pub kinds: Value,
    /// Options by role; those of the stack under `stack`.
    pub options: BTreeMap<String, Value>,
    /// When it is applied, in milliseconds since 1970.
    pub now_ms: u64,
    /// From which all entropy comes.
    pub seed: u64,
}

/// Two organisations in the channel `mychannel` with the chaincode `basic`: so many orderers, so many peers in each.
pub fn kinds(orderers: u32, peers: u32) -> Value {
    json!({
        "orderers": orderers, "orgs": 2, "peers": peers,
        "channels": [{"name": "mychannel"}],
        "chaincodes": [{"name": "basic", "image": "registry.example/basic:1.0"}],
    })
}

impl Spec {
    /// Without options, applied in June 2025.
    pub fn new(release: Release, orderers: Orderers, kinds: &Value) -> Self {
        Self {
            release,
            orderers,
            kinds: kinds.clone(),
            options: BTreeMap::new(),
            now_ms: 1_750_000_000_000,
            seed: 1,
        }
    }
}

/// About whom, by which role, under which name.
pub type Place = (String, String, String);

/// The place of what a reference means.
pub fn place(from: &Ref) -> Place {
    (from.subject.clone(), from.role.clone(), from.name.clone())
}

/// What the last operation did beside its requests.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Log {
    /// What was told to the user, with the subject.
    pub says: Vec<(String, String)>,
    /// Requests: node, port, method and path; those without an answer too.
    pub requests: Vec<(String, String, String)>,
    /// Turns.
    pub turns: usize,
    /// Milliseconds that were slept.
    pub slept_ms: u64,
    /// What was remembered, with the subject.
    pub remembered: Vec<(String, Value)>,
    /// Amendments of the spec.
    pub amended: Vec<Value>,
    /// Items to renew, with the subject.
    pub renewed: Vec<(String, Vec<String>)>,
}

/// The network.
#[derive(Debug)]
pub struct Network {
    /// As sessions see it.
    pub topology: Topology,
    /// Now, in milliseconds since 1970.
    pub now_ms: u64,
    /// Remarks of all plugins.
    pub notes: Vec<Diagnostic>,
    /// What plugins asked for and may not see, and their warnings. Empty when all is well.
    pub refused: RefCell<BTreeSet<String>>,
    /// What the last operation did.
    pub log: Log,
    /// Operations that ran: each has a seed of its own.
    pub runs: u64,
    spec: Spec,
    services: Vec<Service>,
    next: BTreeMap<String, u32>,
    facts: BTreeMap<(String, String), Map<String, Value>>,
    items: BTreeMap<Place, Item>,
    configured: BTreeMap<Place, Vec<u8>>,
    made: BTreeSet<(String, String)>,
    state: BTreeMap<String, Value>,
}

fn services(spec: &Spec) -> Vec<Service> {
    let none = Value::Null;
    let said = |role: &str| spec.options.get(role).unwrap_or(&none);
    let mut all = vec![
        Service::new::<fabric::Fabric>(role::STACK, said(role::STACK)),
        Service::new::<msp_native::Msp>(role::MSP, said(role::MSP)),
        match spec.orderers {
            Orderers::Raft => {
                Service::new::<orderer_raft::Raft>(role::ORDERER, said(role::ORDERER))
            }
            Orderers::Bft => Service::new::<orderer_bft::Bft>(role::ORDERER, said(role::ORDERER)),
            Orderers::Solo => {
                Service::new::<orderer_solo::Solo>(role::ORDERER, said(role::ORDERER))
            }
        },
        Service::new::<goleveldb::LevelDb>(role::STATE_DB, said(role::STATE_DB)),
        Service::new::<fabric_peer::Peer>(role::PEER, said(role::PEER)),
    ];
    if spec.release > Release::V1_4 {
        let ccaas = Service::new::<ccaas::Ccaas>(role::CHAINCODE, said(role::CHAINCODE));
        all.push(ccaas);
    } else if spec.kinds.get("chaincodes").is_some() {
        let dind = Service::new::<dind::Dind>(role::CHAINCODE, said(role::CHAINCODE));
        all.push(dind);
    }
    if spec.options.contains_key(role::CA) {
        all.push(Service::new::<fabric_ca::FabricCa>(
            role::CA,
            said(role::CA),
        ));
    }
    all
}

impl Network {
    /// Makes it.
    ///
    /// # Errors
    /// What a plugin refuses.
    pub fn new(spec: Spec) -> Result<Self, Diagnostics> {
        let mut network = Self {
            topology: Topology {
                chain: "demo".to_owned(),
                stack: STACK.to_owned(),
                release: spec.release.name().to_owned(),
                subjects: Vec::new(),
                host_features: Vec::new(),
                extra: "{}".to_owned(),
            },
            now_ms: spec.now_ms,
            notes: Vec::new(),
            refused: RefCell::default(),
            log: Log::default(),
            runs: 0,
            services: services(&spec),
            spec,
            next: BTreeMap::new(),
            facts: BTreeMap::new(),
            items: BTreeMap::new(),
            configured: BTreeMap::new(),
            made: BTreeSet::new(),
            state: BTreeMap::new(),
        };
        network.apply()?;
        Ok(network)
    }

    /// What the user says now.
    pub fn kinds(&self) -> &Value {
        &self.spec.kinds
    }

    /// Says something else, and runs the pipeline for what changed: what is born stays as it is.
    ///
    /// # Errors
    /// What a plugin refuses.
    pub fn change(&mut self, kinds: &Value) -> Result<(), Diagnostics> {
        self.spec.kinds = kinds.clone();
        self.apply()
    }

    /// Changes the spec by a merge patch, as the act `amend` does.
    ///
    /// # Errors
    /// What a plugin refuses.
    pub fn amend(&mut self, patch: &Value) -> Result<(), Diagnostics> {
        let mut kinds = self.spec.kinds.clone();
        merge(&mut kinds, patch);
        self.change(&kinds)
    }

    fn apply(&mut self) -> Result<(), Diagnostics> {
        self.notes.clear();
        let stack = self.service(role::STACK)?;
        let specs: Vec<_> = self.services.iter().skip(1).map(Service::spec).collect();
        let options = stack.options.clone();
        let kinds = self.spec.kinds.as_object().into_iter().flatten();
        let spec = ExpandSpec {
            chain: self.topology.chain.clone(),
            namespace: "home".to_owned(),
            release: self.topology.release.clone(),
            services: specs.clone(),
            options: options.clone(),
            kinds: kinds
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
            ..ExpandSpec::default()
        };
        let born = self.topology.subjects.clone();
        let subjects = fabric::Fabric::expand(spec, born, self.next.clone(), self.now_ms)?;
        for subject in &subjects {
            let next = self.next.entry(subject.kind.clone()).or_default();
            *next = (*next).max(subject.ordinal.saturating_add(1));
        }
        self.topology.subjects = subjects;
        self.topology.extra =
            json!({"services": specs, "options": options, "expose": null}).to_string();
        for level in self.levels()? {
            self.level(&level)?;
        }
        Ok(())
    }

    /// Phases of services in an order in which everybody finds what he needs.
    fn levels(&self) -> Result<Vec<Vec<(Phase, usize)>>, Diagnostics> {
        let phases = [Phase::Provision, Phase::Configure];
        let mut open: Vec<(Phase, usize)> = Vec::new();
        for phase in phases {
            let works = |index: &usize| {
                let service = self.services.get(*index);
                service.is_some_and(|it| it.descriptor.on.contains_key(&phase))
            };
            let able = (0..self.services.len()).filter(works);
            open.extend(able.map(|index| (phase, index)));
        }
        let mut levels = Vec::new();
        while !open.is_empty() {
            let waits = |phase: Phase, index: usize| {
                open.iter().any(|(other, maker)| {
                    let own = *maker == index && phase == Phase::Configure;
                    let needed = self.services.get(index).into_iter().any(|service| {
                        service.descriptor.needs.iter().any(|need| {
                            need.phase == phase
                                && need.from == *other
                                && self
                                    .services
                                    .get(*maker)
                                    .is_some_and(|it| it.role == need.role)
                        })
                    });
                    needed || (own && *other == Phase::Provision)
                })
            };
            let ready: Vec<(Phase, usize)> = open
                .iter()
                .copied()
                .filter(|(phase, index)| !waits(*phase, *index))
                .collect();
            if ready.is_empty() {
                return Err(vec![error("needs", "", "a loop of needs")]);
            }
            open.retain(|it| !ready.contains(it));
            levels.push(ready);
        }
        Ok(levels)
    }

    /// One level: parents before their children, since what they keep signs.
    fn level(&mut self, tasks: &[(Phase, usize)]) -> Result<(), Diagnostics> {
        let mut subjects: Vec<(usize, String, String)> = Vec::new();
        for subject in self.topology.subjects.iter().filter(|it| !it.foreign) {
            let depth = self.above(&subject.id).len();
            subjects.push((depth, subject.id.clone(), subject.kind.clone()));
        }
        subjects.sort_by_key(|(depth, ..)| *depth);
        let mut sessions = Vec::new();
        for (phase, index) in tasks {
            if let Some(service) = self.services.get(*index) {
                sessions.push((*phase, *index, service.open(&self.topology)?));
            }
        }
        for (_, id, kind) in &subjects {
            for (phase, index, session) in &sessions {
                let Some(service) = self.services.get(*index) else {
                    continue;
                };
                if !service.works(*phase, kind) {
                    continue;
                }
                let role = service.role.clone();
                if *phase == Phase::Configure && self.made.contains(&(id.clone(), role.clone())) {
                    continue;
                }
                let call = service.call(id, self.now_ms);
                let door = self.door(service, *phase, id);
                let at = At {
                    call: &call,
                    host: &door,
                };
                if *phase == Phase::Provision {
                    let given = session.provision(&at)?;
                    for item in given.keep {
                        let named = service.descriptor.kept.iter().any(|kept| {
                            kept.name == item.name
                                && kept.secret == item.secret
                                && kept.kinds.contains(kind)
                        });
                        if !named {
                            let message = format!(
                                "{} kept {} about {id}, which its descriptor does not name so",
                                service.descriptor.name, item.name
                            );
                            return Err(vec![error("kept", "", message)]);
                        }
                        let place = (id.clone(), role.clone(), item.name.clone());
                        self.items.insert(place, item);
                    }
                    self.notes.extend(given.notes);
                    self.give(id, &role, &given.facts)?;
                } else {
                    let given = session.configure(&at)?;
                    for file in given.files {
                        let place = (id.clone(), role.clone(), file.name);
                        self.configured.insert(place, file.bytes);
                    }
                    self.notes.extend(given.notes);
                    self.made.insert((id.clone(), role.clone()));
                    self.give(id, &role, &given.facts)?;
                }
            }
        }
        Ok(())
    }

    fn give(&mut self, subject: &str, role: &str, facts: &str) -> Result<(), Diagnostics> {
        let facts: Map<String, Value> = serde_json::from_str(facts)
            .map_err(|fault| vec![error("facts", "", format!("facts of {role}: {fault}"))])?;
        let place = (subject.to_owned(), role.to_owned());
        self.facts.entry(place).or_default().extend(facts);
        Ok(())
    }

    /// The door of a service.
    pub(crate) fn door<'a>(
        &'a self,
        service: &'a Service,
        phase: Phase,
        subject: &'a str,
    ) -> Door<'a> {
        Door {
            network: self,
            service,
            phase,
            subject,
            operation: None,
            drawn: Cell::new(0),
        }
    }

    /// Who fills a role; `stack` for the stack itself.
    pub(crate) fn service(&self, role: &str) -> Result<&Service, Diagnostics> {
        let found = self.services.iter().find(|it| it.role == role);
        found.ok_or_else(|| vec![error("role", "", format!("nobody fills the role {role}"))])
    }

    /// All services, the stack first.
    pub(crate) fn services(&self) -> &[Service] {
        &self.services
    }

    pub(crate) fn seed(&self) -> [u8; 8] {
        self.spec.seed.to_be_bytes()
    }

    /// A subject by its id.
    ///
    /// # Errors
    /// When there is none.
    pub fn subject(&self, id: &str) -> Result<&Subject, Diagnostics> {
        let found = self.topology.subjects.iter().find(|it| it.id == id);
        found.ok_or_else(|| vec![error("subject", "", format!("there is no {id}"))])
    }

    /// Subjects of a kind.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Subject> {
        let all = self.topology.subjects.iter();
        all.filter(move |subject| subject.kind == kind)
    }

    pub(crate) fn kind(&self, id: &str) -> Option<&str> {
        self.subject(id).ok().map(|it| it.kind.as_str())
    }

    fn above(&self, id: &str) -> Vec<&str> {
        let parent = |id: &str| self.subject(id).ok()?.parent.as_deref();
        std::iter::successors(parent(id), |id| parent(id))
            .take(16)
            .collect()
    }

    pub(crate) fn is_above(&self, ancestor: &str, of: &str) -> bool {
        self.above(of).contains(&ancestor)
    }

    /// Whether who keeps a secret shares it with a role.
    pub(crate) fn shares(&self, from: &Ref, with: &str) -> bool {
        self.service(&from.role).is_ok_and(|maker| {
            let kept = maker.descriptor.kept.iter();
            kept.filter(|it| it.name == from.name)
                .any(|it| it.share.iter().any(|role| role == with))
        })
    }

    /// What a role says about a subject.
    pub fn facts(&self, subject: &str, role: &str) -> Option<String> {
        let place = (subject.to_owned(), role.to_owned());
        let facts = self.facts.get(&place)?;
        Some(Value::Object(facts.clone()).to_string())
    }

    /// A kept item.
    pub fn item(&self, place: &Place) -> Option<&Item> {
        self.items.get(place)
    }

    /// A configured file.
    pub fn configured(&self, from: &Ref) -> Option<Vec<u8>> {
        self.configured.get(&place(from)).cloned()
    }

    /// What operations remembered about a subject.
    pub fn state(&self, subject: &str) -> Option<String> {
        self.state.get(subject).map(Value::to_string)
    }

    /// Remembers something about a subject.
    pub fn remember(&mut self, subject: &str, state: Value) {
        self.state.insert(subject.to_owned(), state);
    }

    /// What a role renders about a subject; nothing when it is not asked about such.
    ///
    /// # Errors
    /// What the plugin refuses.
    pub fn rendered(&self, subject: &str, role: &str) -> Result<Option<Rendered>, Diagnostics> {
        let service = self.service(role)?;
        let kind = &self.subject(subject)?.kind;
        if !service.works(Phase::Render, kind) {
            return Ok(None);
        }
        let call = service.call(subject, 0);
        let door = self.door(service, Phase::Render, subject);
        let at = At {
            call: &call,
            host: &door,
        };
        service.open(&self.topology)?.render(&at).map(Some)
    }

    /// The bytes of an item, a configured file or a rendered one.
    ///
    /// # Errors
    /// When there is no such thing.
    pub fn bytes(&self, from: &Ref) -> Result<Vec<u8>, Diagnostics> {
        if let Some(bytes) = self.configured(from) {
            return Ok(bytes);
        }
        if let Some(item) = self.item(&place(from)) {
            return Ok(item.bytes.clone());
        }
        let rendered = self.rendered(&from.subject, &from.role)?;
        let files = rendered.map(|it| it.files).unwrap_or_default();
        let Some(file) = files.into_iter().find(|file| file.name == from.name) else {
            let message = format!(
                "there is no {} of {} about {}",
                from.name, from.role, from.subject
            );
            return Err(vec![error("file", "", message)]);
        };
        match file.content {
            Content::Bytes(bytes) => Ok(bytes),
            Content::Kept(kept) => self.bytes(&kept),
            Content::Directory => Ok(Vec::new()),
        }
    }
}

/// A merge patch (RFC 7386).
fn merge(to: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *to = patch.clone();
        return;
    };
    if !to.is_object() {
        *to = json!({});
    }
    let Value::Object(all) = to else { return };
    for (key, value) in patch {
        if value.is_null() {
            all.remove(key);
        } else {
            merge(all.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}
