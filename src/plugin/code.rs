//! Precompiled components are run where they lie in this binary: pages that nobody calls are never read from disk.
//!
//! Only on Linux, where a page of this program's own read-only data may be made executable; elsewhere the code is copied
//! when a component is loaded, which costs about a millisecond each.

use std::sync::Arc;

use rustix::mm::{MprotectFlags, mprotect};
use wasmtime::{CustomCodeMemory, Result};

/// Makes code executable in place.
pub fn in_place() -> Arc<dyn CustomCodeMemory> {
    Arc::new(InPlace)
}

struct InPlace;

impl CustomCodeMemory for InPlace {
    fn required_alignment(&self) -> usize {
        rustix::param::page_size()
    }

    fn publish_executable(&self, ptr: *const u8, len: usize) -> Result<()> {
        protect(ptr, len, MprotectFlags::READ | MprotectFlags::EXEC)
    }

    fn unpublish_executable(&self, ptr: *const u8, len: usize) -> Result<()> {
        protect(ptr, len, MprotectFlags::READ)
    }
}

#[allow(unsafe_code)]
fn protect(ptr: *const u8, len: usize, flags: MprotectFlags) -> Result<()> {
    // SAFETY: wasmtime names whole pages of code that it was given: of a mapping of its own, or of an artifact embedded
    // in this binary, which is aligned to a page and never written. Nobody writes to them after this either.
    unsafe { mprotect(ptr.cast_mut().cast(), len, flags)? };
    Ok(())
}
