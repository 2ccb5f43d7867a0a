//! cargo compiles plugin crates to core modules for `wasm32-unknown-unknown`.
//!
//! Two ways to the target are known: rustup's, and Debian's `rustc-web` with the standard library built from source.

use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{CrateType, MetadataCommand};

use crate::BuildError;

/// The target triple of guests.
pub const TRIPLE: &str = "wasm32-unknown-unknown";

/// A plugin crate that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guest {
    /// Package name.
    pub package: String,
    /// Name of the library, with which the module's file is named.
    pub library: String,
    /// Its manifest.
    pub manifest: PathBuf,
    /// Folder that cargo builds into.
    pub target: PathBuf,
}

/// Finds the package of `manifest` (a Cargo.toml, or the folder of one) and its library.
pub fn find(manifest: &Path) -> Result<Guest, BuildError> {
    let manifest = if manifest.is_dir() {
        manifest.join("Cargo.toml")
    } else {
        manifest.to_path_buf()
    };
    let manifest = manifest.canonicalize().map_err(|source| BuildError::File {
        path: manifest.clone(),
        source,
    })?;
    let metadata = MetadataCommand::new()
        .manifest_path(&manifest)
        .no_deps()
        .exec()
        .map_err(|source| BuildError::Metadata {
            path: manifest.clone(),
            source,
        })?;
    let package = metadata
        .packages
        .iter()
        .find(|package| package.manifest_path.as_std_path() == manifest)
        .ok_or_else(|| BuildError::NoLibrary {
            path: manifest.clone(),
        })?;
    let library = package
        .targets
        .iter()
        .find(|target| target.crate_types.contains(&CrateType::CDyLib))
        .ok_or_else(|| BuildError::NoLibrary {
            path: manifest.clone(),
        })?;
    Ok(Guest {
        package: package.name.to_string(),
        library: library.name.replace('-', "_"),
        manifest,
        target: metadata.target_directory.into_std_path_buf(),
    })
}

/// Builds guests that share a workspace, in one run of cargo, and returns the module of each.
pub fn build(guests: &[Guest], target: Option<&Path>) -> Result<Vec<PathBuf>, BuildError> {
    let Some(first) = guests.first() else {
        return Ok(Vec::new());
    };
    let target = target.map_or_else(|| first.target.join("guests"), Path::to_path_buf);
    let mut cargo = compiler()?;
    cargo
        .arg("build")
        .arg("--release")
        .arg("--target")
        .arg(TRIPLE)
        .arg("--lib");
    cargo
        .arg("--manifest-path")
        .arg(&first.manifest)
        .arg("--target-dir")
        .arg(&target);
    for guest in guests {
        cargo.arg("--package").arg(&guest.package);
    }
    for (name, value) in [
        ("OPT_LEVEL", "3"),
        ("LTO", "fat"),
        ("CODEGEN_UNITS", "1"),
        ("PANIC", "abort"),
        ("STRIP", "symbols"),
    ] {
        cargo.env(format!("CARGO_PROFILE_RELEASE_{name}"), value);
    }
    // What the caller's own cargo and toolchain left in the environment must not leak into the guest's.
    for name in [
        "CARGO_TARGET_DIR",
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTUP_TOOLCHAIN",
        "RUSTC_WRAPPER",
    ] {
        cargo.env_remove(name);
    }
    let what = guests
        .iter()
        .map(|guest| guest.package.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    let status = cargo.status().map_err(|source| BuildError::File {
        path: PathBuf::from("cargo"),
        source,
    })?;
    if !status.success() {
        return Err(BuildError::Cargo {
            what,
            status: status.to_string(),
        });
    }
    Ok(guests
        .iter()
        .map(|guest| {
            target
                .join(TRIPLE)
                .join("release")
                .join(format!("{}.wasm", guest.library))
        })
        .collect())
}

/// A cargo that can compile for [`TRIPLE`].
fn compiler() -> Result<Command, BuildError> {
    let sysroot = output("rustc", &["--print", "sysroot"]);
    if let Some(sysroot) = &sysroot
        && Path::new(sysroot)
            .join("lib/rustlib")
            .join(TRIPLE)
            .join("lib")
            .is_dir()
    {
        return Ok(Command::new("cargo"));
    }
    let (debian_cargo, debian_rustc) = (Path::new("/usr/bin/cargo"), Path::new("/usr/bin/rustc"));
    let source = output("/usr/bin/rustc", &["--print", "sysroot"]).is_some_and(|sysroot| {
        Path::new(&sysroot)
            .join("lib/rustlib/src/rust/library/std")
            .is_dir()
    });
    if !(debian_cargo.exists() && debian_rustc.exists() && source) {
        return Err(BuildError::NoTarget);
    }
    let mut cargo = Command::new(debian_cargo);
    cargo
        .env("RUSTC", debian_rustc)
        .env("RUSTC_BOOTSTRAP", "1")
        .arg("-Zbuild-std=std,panic_abort");
    let rust_lld = sysroot.map(|sysroot| {
        Path::new(&sysroot).join("lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld")
    });
    let linker = rust_lld
        .filter(|path| path.exists())
        .unwrap_or_else(|| PathBuf::from("/usr/bin/wasm-ld"));
    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
    Ok(cargo)
}

fn output(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
