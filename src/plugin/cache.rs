//! Compiled components: those in this binary, and those of others in a cache of this user's own.
//!
//! The cache is native code, so it is loaded only from a folder that is ours alone (mode 0700, own uid, no link), and only
//! under a name that says component digest, target and the engine's own compatibility hash. What does not fit is made anew.

use std::hash::{Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;

use wasmtime::component::Component;
use wasmtime::{Engine, Result};

use super::builtin::{Code, ready};

/// Loads a component that this binary carries, from where it lies or was unpacked to.
#[allow(unsafe_code)]
pub fn embedded(engine: &Engine, code: Code) -> Result<Component> {
    let code = ready(code)?;
    // SAFETY: the bytes were made by `Engine::precompile_component` of the same pinned wasmtime when this binary was
    // built, and are part of the binary itself, packed with a checksum or not: aligned to a page, they live as long as
    // the process and are never written.
    unsafe {
        if cfg!(target_os = "linux") {
            Component::deserialize_raw(engine, NonNull::from(code))
        } else {
            Component::deserialize(engine, code)
        }
    }
}

/// Loads a component that this process has just compiled.
#[allow(unsafe_code)]
fn fresh(engine: &Engine, code: &[u8]) -> Result<Component> {
    // SAFETY: the bytes come from `Engine::precompile_component` of this very engine.
    unsafe { Component::deserialize(engine, code) }
}

/// Loads a component from the cache in `place` (where the environment says when there is none), compiling it into the
/// cache at its first use. Without a usable cache folder it is compiled each time.
#[allow(unsafe_code)]
pub fn compiled(
    engine: &Engine,
    place: Option<&Path>,
    digest: &str,
    bytes: &[u8],
) -> Result<Component> {
    let Some(file) = folder(place)
        .ok()
        .map(|folder| folder.join(name(engine, digest)))
    else {
        return Component::new(engine, bytes);
    };
    if file.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
        // SAFETY: the folder belongs to this user alone (checked in `folder`), files get there by rename of what
        // `precompile_component` of this engine made, and the name carries the compatibility hash.
        if let Ok(component) = unsafe { Component::deserialize_file(engine, &file) } {
            return Ok(component);
        }
    }
    let code = engine.precompile_component(bytes)?;
    let _ = store(&file, &code);
    fresh(engine, &code)
}

fn name(engine: &Engine, digest: &str) -> String {
    let mut hash = std::hash::DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hash);
    format!(
        "{}-{}-{:016x}.cwasm",
        digest.trim_start_matches("sha256:"),
        chain_plugin_toolchain::engine::TARGET,
        hash.finish()
    )
}

fn store(file: &Path, code: &[u8]) -> io::Result<()> {
    let temporary = file.with_extension(format!("{}.tmp", std::process::id()));
    std::fs::write(&temporary, code)?;
    std::fs::rename(&temporary, file)
}

/// The cache folder: `place`, else `$KUBECTL_CHAIN_CACHE`, else `$XDG_CACHE_HOME/kubectl-chain/plugins`, else below
/// `$HOME/.cache`.
fn folder(place: Option<&Path>) -> io::Result<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|path| !path.is_empty());
    let base = place
        .map(Path::to_path_buf)
        .or_else(|| set("KUBECTL_CHAIN_CACHE").map(PathBuf::from))
        .or_else(|| set("XDG_CACHE_HOME").map(|base| Path::new(&base).join("kubectl-chain")))
        .or_else(|| set("HOME").map(|home| Path::new(&home).join(".cache/kubectl-chain")));
    let folder = base
        .map(|base| base.join("plugins"))
        .ok_or_else(|| io::Error::other("no folder for a cache"))?;
    own(&folder)?;
    Ok(folder)
}

#[cfg(unix)]
fn own(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
    if let Some(parent) = folder.parent() {
        std::fs::create_dir_all(parent)?;
    }
    match std::fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(fault) if fault.kind() != io::ErrorKind::AlreadyExists => return Err(fault),
        _ => {}
    }
    let meta = folder.symlink_metadata()?;
    let me = std::fs::metadata("/proc/self").map_or_else(|_| meta.uid(), |own| own.uid());
    if meta.is_dir() && meta.uid() == me && meta.permissions().mode().trailing_zeros() >= 6 {
        Ok(())
    } else {
        Err(io::Error::other(format!(
            "{} is not a folder of this user's alone",
            folder.display()
        )))
    }
}

#[cfg(not(unix))]
fn own(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::builtin::BUILT_IN;
    use super::super::engine::Runtime;
    use super::*;

    #[test]
    fn every_built_in_plugin_loads() {
        let runtime = Runtime::new().unwrap();
        for (_, digest, code) in BUILT_IN {
            let loaded = embedded(&runtime.engine, *code);
            assert!(loaded.is_ok(), "{digest}: {:?}", loaded.err());
        }
    }
}
