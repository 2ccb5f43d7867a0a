//! `chain-plugin OUT MANIFEST...`: builds plugin crates into OUT as `<package>.wasm`, and precompiles each as
//! `<package>.cwasm`. What is already there and younger than nothing that matters is left alone by cargo and by content.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use flate2::{Compression, GzBuilder};

use chain_plugin_toolchain::{BuildError, component, guest};

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
    for (guest, module) in guests.iter().zip(&modules) {
        let bytes = std::fs::read(module).map_err(|source| BuildError::File {
            path: module.clone(),
            source,
        })?;
        let component = component::componentize(&guest.package, &bytes)?;
        let code = out.join(format!("{}.cwasm", guest.package));
        let packed = out.join(format!("{}.cwasm.gz", guest.package));
        if write(&out.join(format!("{}.wasm", guest.package)), &component)?
            || !code.exists()
            || !packed.exists()
        {
            let precompiled = component::precompile(&guest.package, &component)?;
            write(&code, &precompiled)?;
            write(&packed, &pack(&precompiled, &packed)?)?;
        }
    }
    Ok(())
}

/// Packed with gzip, as small as it gets: `build.rs` takes that of plugins which are not run by default.
fn pack(bytes: &[u8], path: &Path) -> Result<Vec<u8>, BuildError> {
    let mut packed = GzBuilder::new().write(Vec::new(), Compression::best());
    packed
        .write_all(bytes)
        .and_then(|()| packed.finish())
        .map_err(|source| BuildError::File {
            path: path.to_path_buf(),
            source,
        })
}

/// Writes a file if its content changed, and tells whether it did.
fn write(path: &Path, bytes: &[u8]) -> Result<bool, BuildError> {
    if std::fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(false);
    }
    std::fs::write(path, bytes).map_err(|source| BuildError::File {
        path: path.to_path_buf(),
        source,
    })?;
    Ok(true)
}
