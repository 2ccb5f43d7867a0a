//! Limits of a sandbox: memory, tables, instances, wall time by epochs, output.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use wasmtime::{Engine, ResourceLimiter};

/// Length of one epoch. A deadline is counted in these, and those that a busy machine missed are not caught up.
pub const TICK: Duration = Duration::from_millis(20);
/// Memory of one sandbox when its descriptor asks for no more.
pub const MEMORY: usize = 256 << 20;
/// Most memory that a descriptor is granted.
pub const MOST_MEMORY: usize = 2 << 30;
/// Wall time of one call when its descriptor asks for no more.
pub const CALL_TIME: Duration = Duration::from_secs(10);
/// Most wall time of a call that a descriptor is granted.
pub const MOST_TIME: Duration = Duration::from_mins(2);
/// Most bytes that one call may give back (files, fragments, items together).
pub const OUTPUT: usize = 64 << 20;
/// Most lines that one sandbox may log.
pub const LINES: usize = 1000;
/// Most bytes of a plugin's file.
pub const FILE: u64 = 64 << 20;

/// Refuses growth beyond a number of bytes, and remembers that it did.
#[derive(Debug)]
pub struct Limits {
    /// Most bytes of linear memory.
    pub memory: usize,
    /// Whether growth was refused.
    pub hit: bool,
}

impl ResourceLimiter for Limits {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let fine = desired <= self.memory;
        self.hit |= !fine;
        Ok(fine)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= 20_000)
    }

    fn instances(&self) -> usize {
        32
    }

    fn memories(&self) -> usize {
        4
    }

    fn tables(&self) -> usize {
        16
    }
}

/// A thread that advances the engine's epoch until it is dropped.
#[derive(Debug)]
pub struct Ticker {
    stop: Arc<AtomicBool>,
}

impl Ticker {
    /// Starts ticking.
    pub fn start(engine: &Engine) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (flag, weak) = (Arc::clone(&stop), engine.weak());
        std::thread::spawn(move || {
            while !flag.load(Ordering::Relaxed) {
                std::thread::sleep(TICK);
                match weak.upgrade() {
                    Some(engine) => engine.increment_epoch(),
                    None => return,
                }
            }
        });
        Self { stop }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// A duration in epochs, at least two.
pub fn ticks(time: Duration) -> u64 {
    u64::try_from(time.as_millis() / TICK.as_millis().max(1))
        .unwrap_or(u64::MAX)
        .max(2)
}
