//! Embeds the plugins that `make plugins` built: every `<name>.wasm` with its `<name>.cwasm` in `target/builtins`
//! (or `$CHAIN_BUILTINS`). Without any, the binary works with `.wasm` files alone, and says so.

#![allow(
    clippy::expect_used,
    clippy::format_collect,
    clippy::unnecessary_debug_formatting
)]

use std::fmt::Write as _;
use std::path::PathBuf;

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
    // The code of the stack that is taken when nobody names one lies ready to run; that of the others is packed.
    let stack_of = |wasm: &PathBuf| {
        let descriptor = chain_plugin_toolchain_section::read(&std::fs::read(wasm).ok()?)?;
        let stack = text(&descriptor, "stack");
        text(&descriptor, "role").is_empty().then_some(stack)
    };
    let first = names.iter().find_map(stack_of).unwrap_or_default();
    for wasm in names {
        let code = wasm.with_extension("cwasm");
        println!("cargo::rerun-if-changed={}", wasm.display());
        let bytes = std::fs::read(&wasm).expect("the component is readable");
        let descriptor =
            chain_plugin_toolchain_section::read(&bytes).expect("the component has a descriptor");
        let digest = Sha256::digest(&bytes)
            .iter()
            .fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            });
        let ready = text(&descriptor, "stack") == first;
        let code = if ready {
            code
        } else {
            code.with_extension("cwasm.gz")
        };
        let code = code.canonicalize().expect("the component is precompiled");
        println!("cargo::rerun-if-changed={}", code.display());
        let value = if ready {
            format!("Code::Ready(&Page(*include_bytes!({code:?})).0)")
        } else {
            format!("Code::Packed(include_bytes!({code:?}))")
        };
        let _ = writeln!(table, "    ({descriptor:?}, \"sha256:{digest}\", {value}),");
    }
    table.push_str("];\n");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    std::fs::write(out.join("builtin.rs"), table).expect("OUT_DIR is writable");
}

/// A text at the top level of a descriptor, "" when there is none.
fn text(descriptor: &str, key: &str) -> String {
    serde_json::from_str::<serde_json::Value>(descriptor)
        .ok()
        .and_then(|tree| Some(tree.get(key)?.as_str()?.to_owned()))
        .unwrap_or_default()
}

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
