//! cargo compiles plugin crates to core modules for `wasm32-unknown-unknown`.
//!
//! Two ways to the target are known: rustup's, and Debian's `rustc-web` with the standard library built from source.

use std::io::{self, BufRead, BufReader, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use cargo_metadata::{CrateType, MetadataCommand};

use crate::BuildError;
use crate::misplaced;

/// The target triple of guests.
pub const TRIPLE: &str = "wasm32-unknown-unknown";

/// A feature of WebAssembly that multiplies 64 by 64 bits in one instruction: cryptography takes half the time with it.
/// LLVM and wasmtime have it; rustc passes it on, and remarks that its name may change.
const WIDE: &str = "wide-arithmetic";
/// How that remark begins.
const REMARK: &str = "warning: unstable feature specified for `-Ctarget-feature`";

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
    /// Folder of its workspace.
    pub root: PathBuf,
    /// Folder of the SDK, when the plugin takes it by a path.
    pub sdk: Option<PathBuf>,
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
        root: metadata.workspace_root.into_std_path_buf(),
        sdk: package
            .dependencies
            .iter()
            .find(|dependency| dependency.name == "chain-plugin-sdk")
            .and_then(|dependency| dependency.path.clone())
            .map(cargo_metadata::camino::Utf8PathBuf::into_std_path_buf),
    })
}

/// Builds guests that share a workspace, in one run of cargo, and returns the module of each. One in which the compiler
/// put a read too early (see [`misplaced`]) is built again without wide arithmetic, which is what brings that out.
pub fn build(guests: &[Guest], target: Option<&Path>) -> Result<Vec<PathBuf>, BuildError> {
    let Some(first) = guests.first() else {
        return Ok(Vec::new());
    };
    let target = target.map_or_else(|| first.target.join("guests"), Path::to_path_buf);
    compile(guests, first, &target, true)?;
    let mut again = Vec::new();
    for guest in guests {
        let module = module(guest, &target);
        let bytes = std::fs::read(&module).map_err(|source| BuildError::File {
            path: module,
            source,
        })?;
        if misplaced::find(&guest.package, &bytes)?.is_some() {
            again.push(guest.clone());
        }
    }
    let plain = target.with_extension("plain");
    compile(&again, first, &plain, false)?;
    let place = |guest: &Guest| {
        if again.contains(guest) {
            &plain
        } else {
            &target
        }
    };
    Ok(guests
        .iter()
        .map(|guest| module(guest, place(guest)))
        .collect())
}

/// Where cargo puts the module of a guest.
fn module(guest: &Guest, target: &Path) -> PathBuf {
    let file = format!("{}.wasm", guest.library);
    target.join(TRIPLE).join("release").join(file)
}

/// Has cargo compile guests, with wide arithmetic or without.
fn compile(guests: &[Guest], first: &Guest, target: &Path, wide: bool) -> Result<(), BuildError> {
    if guests.is_empty() {
        return Ok(());
    }
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
        .arg(target);
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
        "RUSTUP_TOOLCHAIN",
        "RUSTC_WRAPPER",
    ] {
        cargo.env_remove(name);
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags(first, wide));
    let what = guests
        .iter()
        .map(|guest| guest.package.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    let status = run(&mut cargo).map_err(|source| BuildError::File {
        path: PathBuf::from("cargo"),
        source,
    })?;
    if !status.success() {
        return Err(BuildError::Cargo {
            what,
            status: status.to_string(),
        });
    }
    Ok(())
}

/// Runs cargo, and passes on what it says but for what rustc remarks on each crate about [`WIDE`].
fn run(cargo: &mut Command) -> io::Result<ExitStatus> {
    if io::stderr().is_terminal() {
        cargo.arg("--color=always");
    }
    let mut running = cargo.stderr(Stdio::piped()).spawn()?;
    if let Some(said) = running.stderr.take() {
        pass_on(BufReader::new(said), &mut io::stderr().lock())?;
    }
    running.wait()
}

/// Copies lines, but for the remark on an unstable feature (up to the empty line after it) and its count.
fn pass_on(said: impl BufRead, to: &mut impl Write) -> io::Result<()> {
    let mut remark = false;
    for line in said.split(b'\n') {
        let line = line?;
        let text = plain(&line);
        let counted = text.starts_with("warning: `") && text.contains("(lib) generated 1 warning");
        if remark || counted || text.starts_with(REMARK) {
            remark = !counted && !text.trim().is_empty();
            continue;
        }
        to.write_all(&line)?;
        to.write_all(b"\n")?;
    }
    Ok(())
}

/// A line without its colours.
fn plain(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let mut out = String::new();
    let mut rest = &*text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        out.push_str(before);
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    out + rest
}

/// Flags of rustc for guests, as cargo takes them. Folders of this machine are not in what is built, so that the digest of a
/// plugin does not depend on where it was checked out.
fn flags(guest: &Guest, wide: bool) -> String {
    let mut flags: Vec<String> = wide
        .then(|| format!("-Ctarget-feature=+{WIDE}"))
        .into_iter()
        .collect();
    let mut hide = |folder: &Path, name: &str| {
        flags.push(format!("--remap-path-prefix={}={name}", folder.display()));
    };
    // The last that matches counts: the narrower come later.
    if let Some(home) = home("CARGO_HOME", ".cargo") {
        hide(&home, "cargo");
    }
    if let Some(sdk) = &guest.sdk {
        hide(sdk, "chain-plugin-sdk");
    }
    hide(&guest.root, "workspace");
    flags.join("\u{1f}")
}

fn home(variable: &str, folder: &str) -> Option<PathBuf> {
    std::env::var_os(variable)
        .map(PathBuf::from)
        .or_else(|| Some(std::env::home_dir()?.join(folder)))
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_the_remark_on_the_feature_is_kept_back() {
        let said = "   Compiling one v1.0.0\n\u{1b}[33mwarning\u{1b}[0m: unstable feature specified for `-Ctarget-feature`: `wide-arithmetic`\n  |\n  = note: its behavior can change\n\nwarning: `one` (lib) generated 1 warning (1 duplicate)\nwarning: unused variable: `x`\n --> src/lib.rs:1:1\n\nwarning: `two` (lib) generated 2 warnings\n";
        let mut out = Vec::new();
        pass_on(said.as_bytes(), &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "   Compiling one v1.0.0\nwarning: unused variable: `x`\n --> src/lib.rs:1:1\n\nwarning: `two` (lib) generated 2 warnings\n"
        );
    }
}
