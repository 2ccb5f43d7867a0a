//! The plugins in this binary: descriptor, digest and precompiled code of each, put here by `build.rs`.
//!
//! The code of the stack that is taken when nobody names one lies ready to run. That of the others is packed into one
//! archive, since what plugins have in common is then there once; it is unpacked, whole, by whoever names such a stack.

// Places in the archive are written by a program.
#![allow(clippy::unreadable_literal)]

use std::io::{self, Read as _};
use std::sync::OnceLock;

use chain_plugin_toolchain::WINDOW_LOG;

/// Precompiled code of a component.
#[derive(Debug, Clone, Copy)]
#[allow(dead_code, reason = "a build without plugins has none")]
pub enum Code {
    /// As it is run, at the beginning of a page.
    Ready(&'static [u8]),
    /// Where it begins in the archive, and how long it is.
    Packed(usize, usize),
}

include!(concat!(env!("OUT_DIR"), "/builtin.rs"));

/// The code at a place of the archive.
pub fn unpacked(at: usize, length: usize) -> io::Result<&'static [u8]> {
    static ARCHIVE: OnceLock<Result<Vec<u8>, String>> = OnceLock::new();
    let archive = ARCHIVE.get_or_init(|| unpack().map_err(|fault| fault.to_string()));
    let archive = archive
        .as_ref()
        .map_err(|fault| io::Error::other(format!("the archive of plugins: {fault}")))?;
    at.checked_add(length)
        .and_then(|end| archive.get(at..end))
        .ok_or_else(|| io::Error::other("the archive of plugins is shorter than it should be"))
}

fn unpack() -> io::Result<Vec<u8>> {
    let mut decoder = zstd::Decoder::with_buffer(PACKED)?;
    decoder.window_log_max(WINDOW_LOG)?;
    let mut all = Vec::with_capacity(UNPACKED);
    decoder.read_to_end(&mut all)?;
    Ok(all)
}
