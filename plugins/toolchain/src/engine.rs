//! The one engine configuration of build and host.
//!
//! Components are compiled for the baseline CPU of the target, so a precompiled component runs on every machine of its
//! architecture and a cache may be shared. Epochs interrupt a guest that does not end; no WASI, no threads. Products of 64 by
//! 64 bits are one instruction (wide arithmetic) and there are vectors of 128 bits, since cryptography is what guests spend
//! their time on.

use wasmtime::{Config, Engine};

/// Stack of a guest in bytes.
pub const GUEST_STACK: usize = 1 << 20;

/// The target for which this build precompiles: its own.
pub const TARGET: &str = if cfg!(all(target_arch = "x86_64", target_os = "linux")) {
    "x86_64-unknown-linux-gnu"
} else if cfg!(all(target_arch = "aarch64", target_os = "linux")) {
    "aarch64-unknown-linux-gnu"
} else if cfg!(all(target_arch = "aarch64", target_os = "macos")) {
    "aarch64-apple-darwin"
} else if cfg!(all(target_arch = "x86_64", target_os = "macos")) {
    "x86_64-apple-darwin"
} else {
    "x86_64-pc-windows-msvc"
};

/// The configuration. Naming the target switches the inference of this CPU's own features off.
pub fn config() -> wasmtime::Result<Config> {
    let mut config = Config::new();
    config.target(TARGET)?;
    config.wasm_component_model(true);
    config.epoch_interruption(true);
    config.max_wasm_stack(GUEST_STACK);
    // Of the operations on vectors, some are calls where the baseline has no instruction for them: shuffles of single bytes,
    // say, are slower than none at all. So no guest is built for vectors as a whole; functions that keep to the others are.
    config.wasm_simd(true);
    // What a relaxed one gives depends on the machine.
    config.wasm_relaxed_simd(false);
    config.wasm_wide_arithmetic(true);
    config.cranelift_nan_canonicalization(true);
    // What only debuggers and unwinders of others read is a sixteenth of the code: traps are found by frame pointers.
    config.generate_address_map(false);
    config.debug_symbols(false);
    // Windows asks for it.
    if !cfg!(windows) {
        config.native_unwind_info(false);
    }
    // A run has few instances of each component: a copy of the data is cheaper than an image of it to map.
    config.memory_init_cow(false);
    Ok(config)
}

/// An engine of that configuration.
pub fn engine() -> wasmtime::Result<Engine> {
    Engine::new(&config()?)
}
