//! Embeds the plugins that `make plugins` built: every `<name>.wasm` with its `<name>.cwasm` in `target/builtins`
//! (or `$CHAIN_BUILTINS`). Without any, the binary works with `.wasm` files alone, and says so.

#![allow(
    clippy::expect_used,
    clippy::format_collect,
    clippy::unnecessary_debug_formatting
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

fn main() {
    println!("cargo::rerun-if-env-changed=CHAIN_BUILTINS");
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let folder = std::env::var_os("CHAIN_BUILTINS")
        .map_or_else(|| root.join("target/builtins"), PathBuf::from);
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut names: Vec<PathBuf> = std::fs::read_dir(&folder)
        .map(|entries| {
            entries
                .filter_map(|entry| entry.ok().map(|entry| entry.path()))
                .collect()
        })
        .unwrap_or_default();
    names.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "wasm")
    });
    names.sort();
    if names.is_empty() {
        println!(
            "cargo::warning=no plugins in {}: run `make plugins` first",
            folder.display()
        );
    }
    let mut table = String::from(
        "/// Begins at a page, so that code can be run where it lies.
#[cfg_attr(target_arch = \"aarch64\", repr(C, align(65536)))]
#[cfg_attr(not(target_arch = \"aarch64\"), repr(C, align(4096)))]
#[allow(dead_code, reason = \"a build without plugins has none\")]
struct Page<const N: usize>([u8; N]);

/// Descriptor, digest, precompiled code.\npub static BUILT_IN: &[(&str, &str, Code)] = &[\n",
    );
    let (archive, index) = (folder.join("packed.zst"), folder.join("packed.json"));
    let index: serde_json::Value = std::fs::read(&index)
        .ok()
        .and_then(|json| serde_json::from_slice(&json).ok())
        .unwrap_or_default();
    let place = |name: &str| names.iter().position(|wasm| stem(wasm) == name);
    for (own, wasm) in names.iter().enumerate() {
        let code = wasm.with_extension("cwasm");
        println!("cargo::rerun-if-changed={}", wasm.display());
        let bytes = std::fs::read(wasm).expect("the component is readable");
        let descriptor =
            chain_plugin_toolchain_section::read(&bytes).expect("the component has a descriptor");
        let digest = Sha256::digest(&bytes)
            .iter()
            .fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            });
        let name = stem(wasm);
        let value = if let Some(frame) = index.pointer(&format!("/plugins/{name}")) {
            let (at, packed, unpacked) = (&frame[0], &frame[1], &frame[2]);
            let base = frame[3].as_str().and_then(place);
            format!(
                "Code::Packed(Frame {{ own: {own}, at: {at}, packed: {packed}, unpacked: {unpacked}, base: {base:?} }})"
            )
        } else {
            let code = code.canonicalize().expect("the component is precompiled");
            println!("cargo::rerun-if-changed={}", code.display());
            format!("Code::Ready(&Page(*include_bytes!({code:?})).0)")
        };
        let _ = writeln!(table, "    ({descriptor:?}, \"sha256:{digest}\", {value}),");
    }
    let packed = archive.canonicalize().map_or_else(
        |_| "b\"\"".to_owned(),
        |archive| format!("include_bytes!({archive:?})"),
    );
    let _ = writeln!(
        table,
        "];\n/// How many there are.\nconst PLUGINS: usize = {};\n/// The archive.\nstatic PACKED: &[u8] = {packed};",
        names.len()
    );
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    std::fs::write(out.join("builtin.rs"), table).expect("OUT_DIR is writable");
    slim(&out);
}

fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

/// Has the linker leave out of a release binary for Linux what only costs there.
///
/// Relocations of a position-independent executable are a twentieth of it and a millisecond at each start; kubectl itself
/// is none either. Tables for unwinding are a thirteenth, and nothing unwinds where a panic aborts (guests are left by
/// frame pointers). A script beside the linker's own is known to lld and to GNU ld; another linker is not asked.
fn slim(out: &Path) {
    let is = |variable: &str, value: &str| std::env::var(variable).is_ok_and(|it| it == value);
    if !(is("PROFILE", "release")
        && is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ENV", "gnu"))
    {
        return;
    }
    println!("cargo::rustc-link-arg-bins=-no-pie");
    let flags = std::env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    if !flags.contains("fuse-ld") {
        let script = out.join("no-unwinding.ld");
        std::fs::write(&script, NO_UNWINDING).expect("OUT_DIR is writable");
        println!("cargo::rustc-link-arg-bins=-Wl,--no-eh-frame-hdr");
        println!("cargo::rustc-link-arg-bins=-T{}", script.display());
    }
}

const NO_UNWINDING: &str =
    "SECTIONS { /DISCARD/ : { *(.eh_frame .gcc_except_table .gcc_except_table.*) } }
INSERT AFTER .text;
";

/// Just enough of the component format: the sections at the top level.
mod chain_plugin_toolchain_section {
    pub fn read(component: &[u8]) -> Option<String> {
        let mut rest = component.get(8..)?;
        while let Some((&id, after)) = rest.split_first() {
            let (length, body) = leb128(after)?;
            let (content, next) = body.split_at_checked(length)?;
            if id == 0 {
                let (name_length, text) = leb128(content)?;
                let (name, data) = text.split_at_checked(name_length)?;
                if name == b"chain:descriptor" {
                    return String::from_utf8(data.to_vec()).ok();
                }
            }
            rest = next;
        }
        None
    }

    fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
        let mut value = 0_usize;
        for (index, byte) in bytes.iter().enumerate().take(5) {
            value |= usize::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                return Some((value, bytes.get(index + 1..)?));
            }
        }
        None
    }
}
