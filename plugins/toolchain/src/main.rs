//! `chain-plugin OUT MANIFEST...`: builds plugin crates into a folder.
//!
//! Each becomes `<package>.wasm`, precompiled as `<package>.cwasm`; those that are not of the first stack also go into one
//! archive, `packed.zst` with its index `packed.json`. What is already there and would not change is left alone, by cargo
//! and by content.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chain_plugin_toolchain::{BuildError, WINDOW_LOG, component, guest, section};
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

/// Packs the code of all plugins but those of the first stack into one archive, beside an index of it.
fn pack(out: &Path, mut built: Vec<(String, Vec<u8>, PathBuf)>) -> Result<(), BuildError> {
    built.sort();
    let text = |component: &[u8], key: &str| {
        section::read(component, section::DESCRIPTOR)
            .ok()
            .flatten()
            .and_then(|json| serde_json::from_slice::<Value>(json).ok())
            .and_then(|tree| Some(tree.get(key)?.as_str()?.to_owned()))
            .unwrap_or_default()
    };
    let first = built
        .iter()
        .find(|(_, component, _)| text(component, "role").is_empty())
        .map(|(_, component, _)| text(component, "stack"));
    let (mut all, mut index) = (Vec::new(), Map::new());
    for (name, component, code) in &built {
        if Some(text(component, "stack")) == first {
            continue;
        }
        let bytes = std::fs::read(code).map_err(|source| BuildError::File {
            path: code.clone(),
            source,
        })?;
        index.insert(name.clone(), json!([all.len(), bytes.len()]));
        all.extend(bytes);
    }
    let digest = hex::encode(Sha256::digest(&all));
    let index = json!({"digest": digest, "length": all.len(), "plugins": index}).to_string();
    let (archive, place) = (out.join("packed.zst"), out.join("packed.json"));
    if !archive.exists() || !has(&place, index.as_bytes()) {
        let packed = compress(&all).map_err(|source| BuildError::File {
            path: archive.clone(),
            source,
        })?;
        // The index comes last: an interrupted build leaves none that an older archive would be taken for.
        write(&archive, &packed)?;
        write(&place, index.as_bytes())?;
    }
    Ok(())
}

/// As small as it gets: what plugins have in common is found over the whole length.
fn compress(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 19)?;
    encoder.long_distance_matching(true)?;
    encoder.window_log(WINDOW_LOG)?;
    encoder.include_checksum(true)?;
    encoder.write_all(bytes)?;
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
