//! The engine, shared by all sandboxes of a run, and the linker with the five imports of the contract.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::Engine;
use wasmtime::component::{HasSelf, Linker};

use super::code;
use super::contract::host;
use super::limits::Ticker;
use super::sandbox::Inside;

/// The engine of this process. Cheap to clone.
#[derive(Clone)]
pub struct Runtime {
    pub(super) engine: Engine,
    pub(super) linker: Arc<Linker<Inside>>,
    pub(super) patience: Duration,
    pub(super) cache: Option<PathBuf>,
    _ticker: Arc<Ticker>,
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Runtime")
    }
}

impl Runtime {
    /// Starts it. Takes about 30 µs, and one thread that ticks.
    pub fn new() -> wasmtime::Result<Self> {
        let mut config = chain_plugin_toolchain::engine::config()?;
        if cfg!(target_os = "linux") {
            config.with_custom_code_memory(Some(code::in_place()));
        }
        let engine = Engine::new(&config)?;
        let mut linker = Linker::new(&engine);
        host::add_to_linker::<Inside, HasSelf<Inside>>(&mut linker, |inside| inside)?;
        let ticker = Arc::new(Ticker::start(&engine));
        Ok(Self {
            engine,
            linker: Arc::new(linker),
            patience: Duration::MAX,
            cache: None,
            _ticker: ticker,
        })
    }

    /// Keeps compiled components in `folder`, and not where the environment says.
    #[must_use]
    pub fn with_cache(mut self, folder: PathBuf) -> Self {
        self.cache = Some(folder);
        self
    }

    /// No call takes longer than this, whatever descriptors ask for and users grant.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}
