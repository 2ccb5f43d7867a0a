//! `chain-plugin OUT MANIFEST...`: builds plugin crates into a folder.
//!
//! Each becomes `<package>.wasm`, precompiled as `<package>.cwasm`; those that are not of the first stack also go into one
//! archive, `packed.zst` with its index `packed.json`: each packed by itself, as what it has that the plugin of its stack
//! has not, which in turn is what it has that the one of the first stack has not. What is already there and would not
//! change is left alone, by cargo and by content.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chain_plugin_toolchain::{BuildError, component, guest, section};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let Some(out) = args.next() else {
        return usage();
    };
    let manifests: Vec<PathBuf> = args.collect();
    if manifests.is_empty() {
        return usage();
    }
    match run(&out, &manifests) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            report(&fault);
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::print_stderr)]
fn usage() -> ExitCode {
    eprintln!("usage: chain-plugin OUT MANIFEST...");
    ExitCode::from(2)
}

#[allow(clippy::print_stderr)]
fn report(fault: &BuildError) {
    eprintln!("error: {fault}");
    let mut cause = std::error::Error::source(fault);
    while let Some(inner) = cause {
        eprintln!("  caused by: {inner}");
        cause = inner.source();
    }
}

fn run(out: &Path, manifests: &[PathBuf]) -> Result<(), BuildError> {
    let guests = manifests
        .iter()
        .map(|manifest| guest::find(manifest))
        .collect::<Result<Vec<_>, _>>()?;
    let modules = guest::build(&guests, None)?;
    std::fs::create_dir_all(out).map_err(|source| BuildError::File {
        path: out.to_path_buf(),
        source,
    })?;
    let mut built = Vec::new();
    for (guest, module) in guests.iter().zip(&modules) {
        let bytes = std::fs::read(module).map_err(|source| BuildError::File {
            path: module.clone(),
            source,
        })?;
        let component = component::componentize(&guest.package, &bytes)?;
        let code = out.join(format!("{}.cwasm", guest.package));
        if write(&out.join(format!("{}.wasm", guest.package)), &component)? || !code.exists() {
            write(&code, &component::precompile(&guest.package, &component)?)?;
        }
        built.push((guest.package.clone(), component, code));
    }
    pack(out, built)
}

/// A plugin that was built.
struct Built {
    name: String,
    stack: String,
    /// Whether it is the plugin of its stack itself.
    leads: bool,
    code: Vec<u8>,
}

/// Packs the code of all plugins but those of the first stack into one archive, beside an index of it: where a plugin
/// begins there, how long it is packed and unpacked, and which plugin must be unpacked before.
fn pack(out: &Path, built: Vec<(String, Vec<u8>, PathBuf)>) -> Result<(), BuildError> {
    let mut plugins = Vec::new();
    for (name, component, path) in built {
        let text = |key: &str| {
            section::read(&component, section::DESCRIPTOR)
                .ok()
                .flatten()
                .and_then(|json| serde_json::from_slice::<Value>(json).ok())
                .and_then(|tree| Some(tree.get(key)?.as_str()?.to_owned()))
                .unwrap_or_default()
        };
        plugins.push(Built {
            name,
            stack: text("stack"),
            leads: text("role").is_empty(),
            code: std::fs::read(&path).map_err(|source| BuildError::File { path, source })?,
        });
    }
    plugins.sort_by(|a, b| a.name.cmp(&b.name));
    let digest = plugins
        .iter()
        .fold(Sha256::new(), |hash, plugin| {
            hash.chain_update(Sha256::digest(&plugin.code))
        })
        .finalize();
    let digest = hex::encode(digest);
    let (archive, place) = (out.join("packed.zst"), out.join("packed.json"));
    let old: Option<Value> = std::fs::read(&place)
        .ok()
        .and_then(|json| serde_json::from_slice(&json).ok());
    let same = |old: Value| {
        old.get("digest") == Some(&json!(digest)) && old.get("level") == Some(&json!(LEVEL))
    };
    if archive.exists() && old.is_some_and(same) {
        return Ok(());
    }
    let first = plugins.iter().find(|plugin| plugin.leads);
    let (mut all, mut index) = (Vec::new(), Map::new());
    for plugin in &plugins {
        if first.is_some_and(|first| first.stack == plugin.stack) {
            continue;
        }
        let base = plugins
            .iter()
            .find(|other| other.leads && !plugin.leads && other.stack == plugin.stack)
            .or(first);
        let packed = compress(base.map_or(&[], |base| &base.code), &plugin.code);
        let packed = packed.map_err(|source| BuildError::File {
            path: archive.clone(),
            source,
        })?;
        let base = base.map(|base| &base.name);
        index.insert(
            plugin.name.clone(),
            json!([all.len(), packed.len(), plugin.code.len(), base]),
        );
        all.extend(packed);
    }
    let index = json!({"digest": digest, "level": LEVEL, "plugins": index}).to_string();
    // The index comes last: an interrupted build leaves none that an older archive would be taken for.
    write(&archive, &all)?;
    write(&place, index.as_bytes())?;
    Ok(())
}

/// How hard zstd tries: as hard as is worth a minute for a release, and hardly while plugins are being written.
const LEVEL: i32 = if cfg!(debug_assertions) { 3 } else { 19 };

/// As small as it gets: what the code has in common with `base` is not said again.
fn compress(base: &[u8], code: &[u8]) -> std::io::Result<Vec<u8>> {
    let both = base.len() + code.len();
    let mut encoder = zstd::Encoder::with_ref_prefix(Vec::new(), LEVEL, base)?;
    encoder.set_pledged_src_size(u64::try_from(code.len()).ok())?;
    encoder.long_distance_matching(true)?;
    encoder.window_log(both.max(1 << 10).next_power_of_two().ilog2())?;
    encoder.include_checksum(true)?;
    encoder.write_all(code)?;
    encoder.finish()
}

fn has(path: &Path, bytes: &[u8]) -> bool {
    std::fs::read(path).is_ok_and(|old| old == bytes)
}

/// Writes a file if its content changed, and tells whether it did.
fn write(path: &Path, bytes: &[u8]) -> Result<bool, BuildError> {
    if has(path, bytes) {
        return Ok(false);
    }
    std::fs::write(path, bytes).map_err(|source| BuildError::File {
        path: path.to_path_buf(),
        source,
    })?;
    Ok(true)
}
