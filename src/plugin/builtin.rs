//! The plugins in this binary: descriptor, digest and precompiled code of each, put here by `build.rs`.

/// Precompiled code of a component.
#[derive(Debug, Clone, Copy)]
#[allow(dead_code, reason = "a build without plugins has none")]
pub enum Code {
    /// As it is run, at the beginning of a page.
    Ready(&'static [u8]),
    /// The same, packed with gzip.
    Packed(&'static [u8]),
}

include!(concat!(env!("OUT_DIR"), "/builtin.rs"));
