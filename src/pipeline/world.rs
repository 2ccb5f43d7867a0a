//! What is known while the pipeline runs: subjects, facts, items, configured files, and who may see which.
//!
//! Every read of a guest goes through [`ServiceDoor`]: the one place where visibility is enforced.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use chain_plugin_sdk::descriptor::{KeptSpec, Phase};
use serde_json::{Map, Value};

use super::resolve::{ResolvedService, service_key};
use crate::plugin::Door;
use crate::plugin::contract::{Ref, Subject, host};

/// Where a made thing stands: subject, role, instance, name.
pub type Place = (String, String, String, String);

/// The place of what `role` (its `instance`) made about `subject` under `name`.
pub fn place(subject: &str, role: &str, instance: &str, name: &str) -> Place {
    (
        subject.to_owned(),
        role.to_owned(),
        instance.to_owned(),
        name.to_owned(),
    )
}

/// The place that a guest means.
pub fn place_of(from: &Ref) -> Place {
    place(&from.subject, &from.role, &from.instance, &from.name)
}

/// A kept item as the pipeline holds it.
#[derive(Clone)]
pub struct Item {
    /// The bytes; absent for a secret that lies in a vault and was not read.
    pub bytes: Option<Vec<u8>>,
    /// Whether it is a secret.
    pub secret: bool,
}

impl std::fmt::Debug for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Item(secret: {})", self.secret)
    }
}

/// Reads a secret item from its vault, when a guest that may see it asks for it.
pub trait SecretReader: Send + Sync {
    /// The bytes, or why they cannot be had.
    fn read(&self, place: &Place) -> Result<Option<Vec<u8>>, String>;
}

/// What each instance of one role says about one subject.
type Instances = BTreeMap<String, Facts>;

/// Facts, and the text in which guests get them: each is asked for as often as it has peers.
#[derive(Default)]
struct Facts {
    values: Map<String, Value>,
    text: String,
}

/// Everything known, shared by all sandboxes of a run.
pub struct World {
    parents: HashMap<String, Option<String>>,
    kinds: HashMap<String, String>,
    facts: RwLock<HashMap<String, HashMap<String, Instances>>>,
    items: RwLock<HashMap<Place, Item>>,
    configured: RwLock<HashMap<Place, Vec<u8>>>,
    state: HashMap<(String, String), Value>,
    secrets: Option<Arc<dyn SecretReader>>,
    lines: Mutex<Vec<String>>,
}

/// Two facts of one role about one subject that cannot both hold.
#[derive(Debug, thiserror::Error)]
#[error("fact `{key}` of {role}/{instance} about {subject} was {old} and is now {new}")]
pub struct FactConflict {
    subject: String,
    role: String,
    instance: String,
    key: String,
    old: Value,
    new: Value,
}

fn lock<T>(result: Result<T, PoisonError<T>>) -> T {
    result.unwrap_or_else(PoisonError::into_inner)
}

impl World {
    /// A world with these subjects and with what operations remembered: (subject, service key) -> JSON.
    pub fn new(
        subjects: &[Subject],
        state: HashMap<(String, String), Value>,
        secrets: Option<Arc<dyn SecretReader>>,
    ) -> Self {
        Self {
            parents: subjects
                .iter()
                .map(|it| (it.id.clone(), it.parent.clone()))
                .collect(),
            kinds: subjects
                .iter()
                .map(|it| (it.id.clone(), it.kind.clone()))
                .collect(),
            facts: RwLock::default(),
            items: RwLock::default(),
            configured: RwLock::default(),
            state,
            secrets,
            lines: Mutex::default(),
        }
    }

    /// Adds facts; those of a later phase join those of an earlier one, and may not contradict them.
    pub fn give(
        &self,
        subject: &str,
        role: &str,
        instance: &str,
        facts: &Map<String, Value>,
    ) -> Result<(), FactConflict> {
        let mut all = lock(self.facts.write());
        let known = all
            .entry(subject.to_owned())
            .or_default()
            .entry(role.to_owned())
            .or_default()
            .entry(instance.to_owned())
            .or_default();
        for (key, value) in facts {
            match known.values.get(key) {
                Some(old) if old != value => {
                    return Err(FactConflict {
                        subject: subject.to_owned(),
                        role: role.to_owned(),
                        instance: instance.to_owned(),
                        key: key.clone(),
                        old: old.clone(),
                        new: value.clone(),
                    });
                }
                Some(_) => {}
                None => {
                    known.values.insert(key.clone(), value.clone());
                }
            }
        }
        known.text = serde_json::to_string(&known.values).unwrap_or_default();
        Ok(())
    }

    /// Adds a kept item.
    pub fn keep(&self, place: Place, item: Item) {
        lock(self.items.write()).insert(place, item);
    }

    /// Whether an item exists.
    pub fn has_item(&self, place: &Place) -> bool {
        lock(self.items.read()).contains_key(place)
    }

    /// Adds a configured file.
    pub fn configure(&self, place: Place, bytes: Vec<u8>) {
        lock(self.configured.write()).insert(place, bytes);
    }

    /// All facts, by subject and `role` or `role/instance`.
    pub fn all_facts(&self) -> BTreeMap<String, BTreeMap<String, Value>> {
        let mut out: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
        for (subject, roles) in lock(self.facts.read()).iter() {
            for (role, instances) in roles {
                for (instance, facts) in instances {
                    out.entry(subject.clone()).or_default().insert(
                        service_key(role, instance),
                        Value::Object(facts.values.clone()),
                    );
                }
            }
        }
        out
    }

    /// All kept items; none are left. For when the run is over.
    pub fn take_items(&self) -> HashMap<Place, Item> {
        std::mem::take(&mut *lock(self.items.write()))
    }

    /// All configured files; none are left. For when the run is over.
    pub fn take_configured(&self) -> HashMap<Place, Vec<u8>> {
        std::mem::take(&mut *lock(self.configured.write()))
    }

    /// Warnings that guests logged, once each.
    pub fn warnings(&self) -> Vec<String> {
        let lines: BTreeSet<String> = lock(self.lines.lock()).iter().cloned().collect();
        lines.into_iter().collect()
    }

    fn is_ancestor(&self, ancestor: &str, subject: &str) -> bool {
        let mut at = self.parents.get(subject).cloned().flatten();
        for _ in 0..16 {
            match at {
                Some(parent) if parent == ancestor => return true,
                Some(parent) => at = self.parents.get(&parent).cloned().flatten(),
                None => return false,
            }
        }
        false
    }
}

/// What one service may see in one phase, about the subject of the call at hand.
pub struct ServiceDoor {
    world: Arc<World>,
    role: String,
    instance: String,
    key: String,
    plugin: String,
    phase: Phase,
    needs: BTreeMap<String, Option<BTreeSet<String>>>,
    takes: BTreeSet<(String, String)>,
    whole: bool,
    current: Mutex<String>,
}

impl ServiceDoor {
    /// The door of an operation that works for every subject of the chain.
    #[must_use]
    pub fn of_whole(self, whole: bool) -> Self {
        Self { whole, ..self }
    }

    /// The door of `service` in `phase`. `consents` are (maker, taker, item) on which both descriptors and the user agree.
    pub fn new(
        world: Arc<World>,
        service: &ResolvedService,
        phase: Phase,
        consents: &BTreeSet<(String, String, String)>,
    ) -> Self {
        let descriptor = &service.plugin.descriptor;
        let mut needs: BTreeMap<String, Option<BTreeSet<String>>> = BTreeMap::new();
        for need in descriptor.needs.iter().filter(|need| need.phase == phase) {
            match (
                &need.kind,
                needs
                    .entry(need.role.clone())
                    .or_insert_with(|| Some(BTreeSet::new())),
            ) {
                (Some(kind), Some(kinds)) => {
                    kinds.insert(kind.clone());
                }
                (None, kinds) => *kinds = None,
                (Some(_), None) => {}
            }
        }
        let takes = descriptor
            .takes
            .iter()
            .filter(|take| take.phases.contains(&phase))
            .filter(|take| {
                consents.contains(&(take.role.clone(), service.role.clone(), take.item.clone()))
            })
            .map(|take| (take.role.clone(), take.item.clone()))
            .collect();
        Self {
            world,
            role: service.role.clone(),
            instance: service.instance.clone(),
            key: service.key(),
            plugin: service.plugin.name().to_owned(),
            phase,
            needs,
            takes,
            whole: false,
            current: Mutex::default(),
        }
    }

    /// Says whom the next call is about.
    pub fn about(&self, subject: &str) {
        *lock(self.current.lock()) = subject.to_owned();
    }

    fn may_see(&self, from: &Ref) -> bool {
        let current = lock(self.current.lock()).clone();
        let own = from.role == self.role && from.instance == self.instance;
        let near = match self.phase {
            Phase::Provision => {
                from.subject == current || self.world.is_ancestor(&from.subject, &current)
            }
            Phase::Operate => {
                self.whole
                    || from.subject == current
                    || self.world.is_ancestor(&from.subject, &current)
                    || self.world.is_ancestor(&current, &from.subject)
            }
            _ => from.subject == current,
        };
        near && (own || self.takes.contains(&(from.role.clone(), from.name.clone())))
    }
}

impl Door for ServiceDoor {
    fn facts(&self, subject: &str, role: &str) -> Result<Vec<(String, String)>, String> {
        if role != self.role {
            let kinds = self.needs.get(role).ok_or_else(|| {
                format!("plugin {} asked for facts of role `{role}`, which its descriptor does not need", self.plugin)
            })?;
            let kind = self.world.kinds.get(subject);
            if let (Some(kinds), Some(kind)) = (kinds, kind)
                && !kinds.contains(kind)
            {
                return Err(format!(
                    "plugin {} asked for facts of `{role}` about a {kind}, which its descriptor does not need",
                    self.plugin
                ));
            }
        }
        let all = lock(self.world.facts.read());
        let instances = all.get(subject).and_then(|roles| roles.get(role));
        Ok(instances
            .into_iter()
            .flatten()
            .map(|(instance, facts)| (instance.clone(), facts.text.clone()))
            .collect())
    }

    fn kept(&self, from: &Ref) -> Result<Option<Vec<u8>>, String> {
        let place = place_of(from);
        if let Some(bytes) = lock(self.world.configured.read()).get(&place) {
            return Ok(Some(bytes.clone()));
        }
        let Some(item) = lock(self.world.items.read()).get(&place).cloned() else {
            return Ok(None);
        };
        if !item.secret {
            return Ok(item.bytes);
        }
        if !self.may_see(from) {
            return Err(format!(
                "plugin {} asked for the secret `{}` of {} about {}, which it may not see",
                self.plugin, from.name, from.role, from.subject
            ));
        }
        match (item.bytes, &self.world.secrets) {
            (Some(bytes), _) => Ok(Some(bytes)),
            // The subject's own secrets are not read again just to derive facts.
            (None, _)
                if self.phase == Phase::Provision && *lock(self.current.lock()) == from.subject =>
            {
                Ok(None)
            }
            (None, Some(reader)) => reader.read(&place),
            (None, None) => Ok(None),
        }
    }

    fn state(&self, subject: &str) -> Option<String> {
        self.world
            .state
            .get(&(subject.to_owned(), self.key.clone()))
            .map(Value::to_string)
    }

    fn log(&self, level: host::Level, message: &str) {
        if level == host::Level::Warning {
            let clean: String = message
                .chars()
                .filter(|c| !c.is_control())
                .take(500)
                .collect();
            lock(self.world.lines.lock()).push(format!("{}: {clean}", self.plugin));
        }
    }
}

/// Whether what a descriptor names is the item of this name, or a tree that it is in.
pub fn covers(named: &str, item: &str) -> bool {
    named == item || (named.ends_with('/') && item.starts_with(named))
}

/// The spec of a kept item in a descriptor: by its own name, or by a tree that covers it.
pub fn kept_spec<'a>(specs: &'a [KeptSpec], name: &str, kind: &str) -> Option<&'a KeptSpec> {
    specs
        .iter()
        .find(|spec| covers(&spec.name, name) && spec.kinds.iter().any(|it| it == kind))
}
