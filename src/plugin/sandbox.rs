//! One sandbox: a store with one instance of one component, and the calls into it.
//!
//! What a guest may see comes through [`Door`], which the pipeline implements: one place where visibility is enforced.
//! Entropy is a stream per (plugin, subject), so the order of calls never matters.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use wasmtime::component::{Instance, ResourceAny};
use wasmtime::{Store, Trap};

use super::component::Plugin;
use super::contract::{
    Call, Configured, Diagnostic, Provisioned, Ref, Rendered, Subject, Topology, convert, host,
    operate, service, stack, types,
};
use super::engine::Runtime;
use super::error::PluginError;
use super::limits::{LINES, Limits, OUTPUT, ticks};

/// What a call may read. Implementations enforce who sees what.
pub trait Door: Send + Sync {
    /// Facts by instance that `role` gave about `subject`.
    fn facts(&self, subject: &str, role: &str) -> Result<Vec<(String, String)>, String>;
    /// A kept item or configured file.
    fn kept(&self, from: &Ref) -> Result<Option<Vec<u8>>, String>;
    /// What this plugin's operations remembered.
    fn state(&self, subject: &str) -> Option<String>;
    /// A line from the guest.
    fn log(&self, level: host::Level, message: &str);
}

/// A door to nothing.
#[derive(Debug, Clone, Copy)]
pub struct Closed;

impl Door for Closed {
    fn facts(&self, _subject: &str, _role: &str) -> Result<Vec<(String, String)>, String> {
        Ok(Vec::new())
    }
    fn kept(&self, _from: &Ref) -> Result<Option<Vec<u8>>, String> {
        Ok(None)
    }
    fn state(&self, _subject: &str) -> Option<String> {
        None
    }
    fn log(&self, _level: host::Level, _message: &str) {}
}

/// A stream of random bytes: SHA-256 in counter mode over a seed of 32 bytes that the host drew.
#[derive(Clone)]
pub struct Entropy {
    seed: [u8; 32],
    counter: u64,
    rest: Vec<u8>,
}

impl Entropy {
    /// The stream of one plugin about one subject, from the run's own seed.
    pub fn stream(run: &[u8; 32], plugin: &str, instance: &str, subject: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(run);
        for part in [plugin, instance, subject] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self {
            seed: hash.finalize().into(),
            counter: 0,
            rest: Vec::new(),
        }
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        while self.rest.len() < length {
            let mut hash = Sha256::new();
            hash.update(self.seed);
            hash.update(self.counter.to_be_bytes());
            self.counter += 1;
            self.rest.extend_from_slice(&hash.finalize());
        }
        let rest = self.rest.split_off(length);
        std::mem::replace(&mut self.rest, rest)
    }
}

/// The data of a store.
pub struct Inside {
    limits: Limits,
    door: Arc<dyn Door>,
    entropy: Option<Entropy>,
    lines: usize,
}

impl Inside {
    /// Passes a line on; those of a guest that has said too much already are dropped.
    fn line(&mut self, level: host::Level, message: &str) {
        if self.lines < LINES {
            self.lines += 1;
            self.door.log(level, message);
        }
    }
}

impl types::Host for Inside {}

impl host::Host for Inside {
    fn log(&mut self, level: host::Level, message: String) {
        self.line(level, &message);
    }

    fn entropy(&mut self, length: u32) -> Vec<u8> {
        match &mut self.entropy {
            Some(stream) if length <= 4096 => stream.take(length as usize),
            _ => Vec::new(),
        }
    }

    fn facts(&mut self, subject: String, role: String) -> Vec<(String, String)> {
        self.door.facts(&subject, &role).unwrap_or_else(|why| {
            self.line(host::Level::Warning, &why);
            Vec::new()
        })
    }

    fn kept(&mut self, from: Ref) -> Option<Vec<u8>> {
        self.door.kept(&from).unwrap_or_else(|why| {
            self.line(host::Level::Warning, &why);
            None
        })
    }

    fn state(&mut self, subject: String) -> Option<String> {
        self.door.state(&subject)
    }
}

/// An instance of a plugin.
pub struct Sandbox {
    plugin: Arc<Plugin>,
    store: Store<Inside>,
    instance: Instance,
    time: Duration,
}

type Answer<T> = wasmtime::Result<Result<T, Vec<Diagnostic>>>;

impl Sandbox {
    /// A fresh instance, which takes about 40 µs once the plugin is loaded.
    pub fn new(
        runtime: &Runtime,
        plugin: &Arc<Plugin>,
        door: Arc<dyn Door>,
    ) -> Result<Self, PluginError> {
        // Before the clock starts: compiling a plugin at its first use is no fault of its own.
        let prepared = plugin.prepared(runtime)?;
        let budget = plugin.budget();
        let time = budget.time.min(runtime.patience);
        let limits = Limits {
            memory: budget.memory,
            hit: false,
        };
        let mut store = Store::new(
            &runtime.engine,
            Inside {
                limits,
                door,
                entropy: None,
                lines: 0,
            },
        );
        store.limiter(|inside| &mut inside.limits);
        store.set_hostcall_fuel(OUTPUT);
        store.set_epoch_deadline(ticks(time));
        let instance = prepared
            .instantiate(&mut store)
            .map_err(|source| failed(&store, plugin.name(), "start", time, source))?;
        Ok(Self {
            plugin: Arc::clone(plugin),
            store,
            instance,
            time,
        })
    }

    /// What the plugin says of itself when it is asked.
    pub fn describe(&mut self) -> Result<String, PluginError> {
        let guest = self.service()?;
        self.call("describe", |store| guest.call_describe(store))
    }

    /// Opens a session on `topology`.
    pub fn open(mut self, topology: &Topology) -> Result<Session, PluginError> {
        let guest = self.service()?;
        let opened = self.call("open", |store| guest.session().call_open(store, topology))?;
        let session = self.answered("open", opened)?;
        Ok(Session {
            sandbox: self,
            guest,
            session,
        })
    }

    /// Runs the stack's `expand`.
    pub fn expand(
        &mut self,
        spec: &str,
        born: &[Subject],
        next: &[(String, u32)],
        now_ms: u64,
    ) -> Result<Vec<Subject>, PluginError> {
        let indices = self.optional(stack::GuestIndices::new, "stack")?;
        let guest = indices
            .load(&mut self.store, &self.instance)
            .map_err(|source| self.broken("expand", source))?;
        let spec = spec.to_owned();
        let answer = self.call("expand", |store| {
            guest.call_expand(store, &spec, born, next, now_ms)
        })?;
        self.answered("expand", answer)
    }

    /// Runs `convert.read`.
    pub fn convert_read(
        &mut self,
        format: &str,
        files: &[types::Blob],
    ) -> Result<(String, Vec<Diagnostic>), PluginError> {
        let indices = self.optional(convert::GuestIndices::new, "convert")?;
        let guest = indices
            .load(&mut self.store, &self.instance)
            .map_err(|source| self.broken("read", source))?;
        let format = format.to_owned();
        let answer = self.call("read", |store| guest.call_read(store, &format, files))?;
        self.answered("read", answer)
    }

    /// Runs `convert.write`.
    pub fn convert_write(
        &mut self,
        format: &str,
        topology: &Topology,
    ) -> Result<Vec<types::Blob>, PluginError> {
        let indices = self.optional(convert::GuestIndices::new, "convert")?;
        let guest = indices
            .load(&mut self.store, &self.instance)
            .map_err(|source| self.broken("write", source))?;
        let format = format.to_owned();
        let answer = self.call("write", |store| guest.call_write(store, &format, topology))?;
        self.answered("write", answer)
    }

    /// Begins an operation.
    pub fn start(
        mut self,
        topology: &Topology,
        request: &operate::Request,
    ) -> Result<Run, PluginError> {
        let indices = self.optional(operate::GuestIndices::new, "operate")?;
        let guest = indices
            .load(&mut self.store, &self.instance)
            .map_err(|source| self.broken("start", source))?;
        let started = self.call("start", |store| {
            guest.run().call_start(store, topology, request)
        })?;
        let run = self.answered("start", started)?;
        Ok(Run {
            sandbox: self,
            guest,
            run,
        })
    }

    fn service(&mut self) -> Result<service::Guest, PluginError> {
        let indices = self.optional(service::GuestIndices::new, "plugin")?;
        indices
            .load(&mut self.store, &self.instance)
            .map_err(|source| self.broken("open", source))
    }

    fn optional<I>(
        &self,
        find: impl FnOnce(&wasmtime::component::InstancePre<Inside>) -> wasmtime::Result<I>,
        interface: &str,
    ) -> Result<I, PluginError> {
        let prepared = self.plugin.loaded().ok_or_else(|| PluginError::Foreign {
            plugin: self.plugin.name().to_owned(),
            cause: "it is not loaded".to_owned(),
        })?;
        find(prepared).map_err(|source| PluginError::Foreign {
            plugin: self.plugin.name().to_owned(),
            cause: format!("it does not export the interface `{interface}`: {source}"),
        })
    }

    fn call<T>(
        &mut self,
        name: &str,
        run: impl FnOnce(&mut Store<Inside>) -> wasmtime::Result<T>,
    ) -> Result<T, PluginError> {
        self.store.set_epoch_deadline(ticks(self.time));
        run(&mut self.store).map_err(|source| self.broken(name, source))
    }

    fn broken(&self, call: &str, source: wasmtime::Error) -> PluginError {
        failed(&self.store, self.plugin.name(), call, self.time, source)
    }

    fn answered<T>(
        &self,
        about: &str,
        answer: Result<T, Vec<Diagnostic>>,
    ) -> Result<T, PluginError> {
        answer.map_err(|diagnostics| PluginError::Diagnosed {
            plugin: self.plugin.name().to_owned(),
            about: about.to_owned(),
            diagnostics,
        })
    }
}

/// An open session: calls about subjects, in any order.
pub struct Session {
    sandbox: Sandbox,
    guest: service::Guest,
    session: ResourceAny,
}

impl Session {
    /// Lets the guest see what `door` shows from now on: a session may be used in one phase after another.
    pub fn look_through(&mut self, door: Arc<dyn Door>) {
        self.sandbox.store.data_mut().door = door;
    }

    /// Secrets are born, facts are derived. `entropy` is the stream of this plugin about this subject.
    pub fn provision(&mut self, call: &Call, entropy: Entropy) -> Result<Provisioned, PluginError> {
        self.sandbox.store.data_mut().entropy = Some(entropy);
        let (guest, session) = (self.guest.clone(), self.session);
        let answer = self.about(call, "provision", |store| {
            guest.session().call_provision(store, session, call)
        });
        self.sandbox.store.data_mut().entropy = None;
        answer
    }

    /// The immutable results about one subject.
    pub fn configure(&mut self, call: &Call) -> Result<Configured, PluginError> {
        let (guest, session) = (self.guest.clone(), self.session);
        self.about(call, "configure", |store| {
            guest.session().call_configure(store, session, call)
        })
    }

    /// Files, bindings and fragments of one subject.
    pub fn render(&mut self, call: &Call) -> Result<Rendered, PluginError> {
        let (guest, session) = (self.guest.clone(), self.session);
        self.about(call, "render", |store| {
            guest.session().call_render(store, session, call)
        })
    }

    fn about<T>(
        &mut self,
        call: &Call,
        phase: &str,
        run: impl FnOnce(&mut Store<Inside>) -> Answer<T>,
    ) -> Result<T, PluginError> {
        let about = format!("{phase} {}", call.subject);
        let answer = self.sandbox.call(&about, run)?;
        self.sandbox.answered(&about, answer)
    }
}

/// A running operation.
pub struct Run {
    sandbox: Sandbox,
    guest: operate::Guest,
    run: ResourceAny,
}

impl Run {
    /// The next turn, given the outcomes of steps that have ended, each with the number of its step.
    pub fn next(
        &mut self,
        outcomes: &[(u32, operate::Outcome)],
    ) -> Result<operate::Turn, PluginError> {
        let (guest, run) = (self.guest.clone(), self.run);
        self.sandbox
            .call("next", |store| guest.run().call_next(store, run, outcomes))
    }
}

/// In plain words why a guest failed.
fn failed(
    store: &Store<Inside>,
    plugin: &str,
    call: &str,
    time: Duration,
    source: wasmtime::Error,
) -> PluginError {
    let why = if store.data().limits.hit {
        format!(
            "it wanted more than {} MiB of memory",
            store.data().limits.memory >> 20
        )
    } else {
        match source.downcast_ref::<Trap>() {
            Some(Trap::Interrupt) => format!("it did not end within {} s", time.as_secs_f32()),
            Some(Trap::StackOverflow) => "it ran out of stack".to_owned(),
            Some(trap) => format!("it trapped: {trap}"),
            None => {
                let cause = source.root_cause().to_string();
                // wasmtime has no type for it; a test sees that it is still said so.
                if cause.contains("fuel allocated for hostcalls") {
                    format!("it gave more than {} MiB at once", OUTPUT >> 20)
                } else {
                    format!("it broke the contract: {cause}")
                }
            }
        }
    };
    PluginError::Failed {
        plugin: plugin.to_owned(),
        call: call.to_owned(),
        why,
        source,
    }
}
