//! A plugin: a component with its digest and descriptor, compiled at the latest when it is first called.

use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use chain_plugin_sdk::descriptor::Descriptor;
use chain_plugin_toolchain::{CONTRACT_VERSION, section};
use sha2::{Digest, Sha256};
use wasmtime::component::{Component, InstancePre};

use super::builtin::Code;
use super::cache;
use super::engine::Runtime;
use super::error::PluginError;
use super::flags;
use super::limits::{CALL_TIME, FILE, MEMORY, MOST_MEMORY, MOST_TIME};
use super::sandbox::Inside;

/// Where a plugin's code comes from.
enum Source {
    /// Embedded in this binary, precompiled for its target.
    BuiltIn(Code),
    /// A component's own bytes.
    Component(Vec<u8>),
}

/// Limits of one plugin's sandbox.
#[derive(Debug, Clone, Copy)]
pub struct SandboxBudget {
    /// Most bytes of memory.
    pub memory: usize,
    /// Most time of one call.
    pub time: Duration,
}

/// Names of the interfaces that a component imports and exports, as it says itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interfaces {
    /// What it asks of the host.
    pub imports: Vec<String>,
    /// What it offers.
    pub exports: Vec<String>,
}

/// A plugin that can be called.
pub struct Plugin {
    /// What it says about itself.
    pub descriptor: Descriptor,
    /// `sha256:` and 64 hex digits of the component.
    pub digest: String,
    /// Path of the file, or `built-in`.
    pub origin: String,
    source: Source,
    prepared: OnceLock<InstancePre<Inside>>,
    /// Held by whoever prepares it, so that two threads do not do it twice.
    preparing: Mutex<()>,
    budget: SandboxBudget,
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Plugin({} {})", self.descriptor.name, self.digest)
    }
}

impl Plugin {
    /// One that is embedded: its precompiled bytes and the JSON of its descriptor.
    pub fn built_in(descriptor: &str, digest: &str, code: Code) -> Result<Self, PluginError> {
        let descriptor: Descriptor = parse(descriptor.as_bytes(), "built-in plugin")?;
        let budget = granted(&descriptor);
        Ok(Self {
            descriptor,
            digest: digest.to_owned(),
            origin: "built-in".to_owned(),
            source: Source::BuiltIn(code),
            prepared: OnceLock::new(),
            preparing: Mutex::default(),
            budget,
        })
    }

    /// A `.wasm` file of somebody's.
    pub fn from_file(path: &Path) -> Result<Self, PluginError> {
        let refuse = |source| PluginError::File {
            path: path.to_path_buf(),
            source,
        };
        let mut bytes = Vec::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(FILE + 1).read_to_end(&mut bytes))
            .map_err(refuse)?;
        if bytes.len() as u64 > FILE {
            return Err(PluginError::Foreign {
                plugin: path.display().to_string(),
                cause: format!("it is larger than {} MiB", FILE >> 20),
            });
        }
        Self::from_component(&path.display().to_string(), bytes)
    }

    /// A component's bytes; `what` names it in messages.
    pub fn from_component(what: &str, bytes: Vec<u8>) -> Result<Self, PluginError> {
        let foreign = |cause: String| PluginError::Foreign {
            plugin: what.to_owned(),
            cause,
        };
        if !bytes.starts_with(b"\0asm") {
            return Err(foreign("it is not a WebAssembly component".to_owned()));
        }
        let (major, minor, _) = CONTRACT_VERSION;
        let contract = section::read(&bytes, section::CONTRACT)
            .map_err(|fault| foreign(format!("it is not a WebAssembly component: {fault}")))?
            .ok_or_else(|| {
                foreign("it has no section `chain:contract`; build it with `kubectl chain plugin build`".to_owned())
            })?;
        let numbers: Vec<u16> = contract
            .chunks_exact(2)
            .map(|pair| {
                pair.iter()
                    .fold(0, |number, byte| (number << 8) | u16::from(*byte))
            })
            .collect();
        match numbers.as_slice() {
            [built_major, built_minor, _] if *built_major == major && *built_minor <= minor => {}
            [a, b, c] => {
                return Err(foreign(format!(
                    "it speaks contract {a}.{b}.{c}, this host speaks {major}.{minor}; use a host for {a}.{b} or rebuild the plugin"
                )));
            }
            _ => {
                return Err(foreign(
                    "its section `chain:contract` is damaged".to_owned(),
                ));
            }
        }
        let descriptor = section::read(&bytes, section::DESCRIPTOR)
            .map_err(|fault| foreign(fault.to_string()))?
            .ok_or_else(|| foreign("it has no section `chain:descriptor`".to_owned()))?;
        let descriptor: Descriptor = parse(descriptor, what)?;
        refuse_reserved(&descriptor, what)?;
        let budget = granted(&descriptor);
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(&bytes)));
        Ok(Self {
            descriptor,
            digest,
            origin: what.to_owned(),
            source: Source::Component(bytes),
            prepared: OnceLock::new(),
            preparing: Mutex::default(),
            budget,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.descriptor.name
    }

    /// Limits of its sandboxes.
    pub fn budget(&self) -> SandboxBudget {
        self.budget
    }

    /// The descriptor's own text, where the component is at hand: one that is embedded is known by what was read from it.
    pub fn stamped(&self) -> Option<&[u8]> {
        match &self.source {
            Source::Component(bytes) => section::read(bytes, section::DESCRIPTOR).ok().flatten(),
            Source::BuiltIn(_) => None,
        }
    }

    /// What it imports and exports.
    ///
    /// # Errors
    /// It cannot be compiled.
    pub fn interfaces(&self, runtime: &Runtime) -> Result<Interfaces, PluginError> {
        // Code that lies in this binary can be taken up once only. That of others is looked at without the linker, which
        // refuses what is looked for here.
        let component = match (self.loaded(), &self.source) {
            (Some(prepared), _) => prepared.component().clone(),
            (None, Source::BuiltIn(_)) => self.prepared(runtime)?.component().clone(),
            (None, Source::Component(_)) => self.load(runtime)?,
        };
        let kind = component.component_type();
        Ok(Interfaces {
            imports: kind
                .imports(&runtime.engine)
                .map(|(name, _)| name.to_owned())
                .collect(),
            exports: kind
                .exports(&runtime.engine)
                .map(|(name, _)| name.to_owned())
                .collect(),
        })
    }

    pub(super) fn loaded(&self) -> Option<&InstancePre<Inside>> {
        self.prepared.get()
    }

    /// The component, loaded and linked; done once.
    pub(super) fn prepared(&self, runtime: &Runtime) -> Result<&InstancePre<Inside>, PluginError> {
        if let Some(prepared) = self.prepared.get() {
            return Ok(prepared);
        }
        let _alone = self
            .preparing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(prepared) = self.prepared.get() {
            return Ok(prepared);
        }
        let component = self.load(runtime)?;
        let prepared = runtime
            .linker
            .instantiate_pre(&component)
            .map_err(|source| PluginError::Foreign {
                plugin: self.name().to_owned(),
                cause: format!("it imports what the contract does not offer: {source}"),
            })?;
        Ok(self.prepared.get_or_init(|| prepared))
    }

    fn load(&self, runtime: &Runtime) -> Result<Component, PluginError> {
        let refuse = |source| PluginError::Failed {
            plugin: self.name().to_owned(),
            call: "load".to_owned(),
            why: "wasmtime refused the component".to_owned(),
            source,
        };
        match &self.source {
            Source::BuiltIn(code) => cache::embedded(&runtime.engine, *code).map_err(refuse),
            Source::Component(bytes) => cache::compiled(
                &runtime.engine,
                runtime.cache.as_deref(),
                &self.digest,
                bytes,
            )
            .map_err(refuse),
        }
    }
}

fn granted(descriptor: &Descriptor) -> SandboxBudget {
    let memory = descriptor
        .budget
        .values()
        .map(|budget| (budget.memory_mib as usize) << 20)
        .max()
        .unwrap_or(0);
    let seconds = descriptor
        .budget
        .values()
        .map(|budget| u64::from(budget.seconds))
        .max()
        .unwrap_or(0);
    SandboxBudget {
        memory: memory.clamp(MEMORY, MOST_MEMORY),
        time: Duration::from_secs(seconds).clamp(CALL_TIME, MOST_TIME),
    }
}

fn parse(text: &[u8], what: &str) -> Result<Descriptor, PluginError> {
    let descriptor: Descriptor =
        serde_json::from_slice(text).map_err(|fault| PluginError::Foreign {
            plugin: what.to_owned(),
            cause: format!("its descriptor does not fit: {fault}"),
        })?;
    let fine = !descriptor.name.is_empty()
        && descriptor.name.len() <= 63
        && descriptor
            .name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-');
    if !fine {
        return Err(PluginError::Foreign {
            plugin: what.to_owned(),
            cause: "its name must be 1 to 63 lower-case letters, digits, `_` or `-`".to_owned(),
        });
    }
    Ok(descriptor)
}

/// A flag that is the host's own could never reach the plugin.
fn refuse_reserved(descriptor: &Descriptor, what: &str) -> Result<(), PluginError> {
    match flags::reserved(descriptor).next() {
        Some(flag) => Err(PluginError::Foreign {
            plugin: what.to_owned(),
            cause: format!(
                "{} of its descriptor would be the flag --{}, which is kubectl chain's own; its author must name it otherwise",
                flag.path, flag.name
            ),
        }),
        None => Ok(()),
    }
}

/// A plugin shared by all who call it.
pub type Shared = Arc<Plugin>;
