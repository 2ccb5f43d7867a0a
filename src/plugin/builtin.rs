//! The plugins in this binary: descriptor, digest and precompiled code of each, put here by `build.rs`.
//!
//! The code of the stack that is taken when nobody names one lies ready to run. That of the others is packed: each plugin by
//! itself, so that only what is called is unpacked, as what it has that another has not, its base: the plugin of its stack,
//! whose own base is the plugin of the first stack.

// Places in the archive are written by a program.
#![allow(clippy::unreadable_literal)]

use std::io;
use std::sync::OnceLock;

use zstd::zstd_safe::{DCtx, get_error_name};

/// Precompiled code of a component.
#[derive(Debug, Clone, Copy)]
#[allow(dead_code, reason = "a build without plugins has none")]
pub enum Code {
    /// As it is run, at the beginning of a page.
    Ready(&'static [u8]),
    /// In the archive.
    Packed(Frame),
}

/// Where the code of a plugin is in the archive.
#[derive(Debug, Clone, Copy)]
#[allow(dead_code, reason = "a build without plugins has none")]
pub struct Frame {
    /// The plugin's own place among the built-in ones.
    own: usize,
    /// Where it begins.
    at: usize,
    /// How long it is there.
    packed: usize,
    /// How long it is when it is unpacked.
    unpacked: usize,
    /// The place of its base.
    base: Option<usize>,
}

include!(concat!(env!("OUT_DIR"), "/builtin.rs"));

/// The code of a plugin as it is run, at the beginning of a page; unpacked at its first use, for the life of the process.
pub fn ready(code: Code) -> io::Result<&'static [u8]> {
    static UNPACKED: [OnceLock<Result<&'static [u8], String>>; PLUGINS] =
        [const { OnceLock::new() }; PLUGINS];
    let frame = match code {
        Code::Ready(code) => return Ok(code),
        Code::Packed(frame) => frame,
    };
    let damaged = || io::Error::other("the archive of built-in plugins is damaged");
    let base: &'static [u8] = match frame.base.map(|base| BUILT_IN.get(base)) {
        None => &[],
        Some(Some((_, _, code))) => ready(*code)?,
        Some(None) => return Err(damaged()),
    };
    let slot = UNPACKED.get(frame.own).ok_or_else(damaged)?;
    slot.get_or_init(|| unpack(frame, base).map_err(|fault| fault.to_string()))
        .as_ref()
        .copied()
        .map_err(|fault| io::Error::other(format!("the archive of built-in plugins: {fault}")))
}

fn unpack(frame: Frame, base: &'static [u8]) -> io::Result<&'static [u8]> {
    let fault = |code| io::Error::other(get_error_name(code));
    let packed = frame
        .at
        .checked_add(frame.packed)
        .and_then(|end| PACKED.get(frame.at..end))
        .ok_or_else(|| io::Error::other("it is shorter than it should be"))?;
    let page = rustix::param::page_size();
    let memory = vec![0_u8; frame.unpacked + page].leak();
    let start = memory.as_ptr().align_offset(page);
    let place = memory
        .get_mut(start..)
        .and_then(|rest| rest.get_mut(..frame.unpacked))
        .ok_or_else(|| io::Error::other("memory cannot be aligned"))?;
    let mut context = DCtx::create();
    context.ref_prefix(base).map_err(fault)?;
    let length = context.decompress(place, packed).map_err(fault)?;
    if length == frame.unpacked {
        Ok(place)
    } else {
        Err(io::Error::other("it unpacks to less than it should"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn code_is_unpacked_once_to_the_beginning_of_a_page() {
        for (_, _, code) in BUILT_IN {
            let bytes = ready(*code).unwrap();
            assert!(bytes.starts_with(b"\x7fELF"));
            assert_eq!(bytes.as_ptr().addr() % rustix::param::page_size(), 0);
            assert_eq!(bytes.as_ptr(), ready(*code).unwrap().as_ptr());
        }
    }
}
