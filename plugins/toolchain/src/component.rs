//! A core module becomes a component of the contract.

use wasmparser::{Parser, Payload};
use wasmtime::component::{Component, Linker, Val};
use wasmtime::{Engine, Store};
use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::{Resolve, UnresolvedPackageGroup};

use crate::{BuildError, CONTRACT, CONTRACT_VERSION, section, warm};

/// The optional interfaces; a guest has those whose functions its module exports.
const OPTIONAL: [&str; 3] = ["stack", "convert", "operate"];

/// How long a plugin may take to describe itself: it returns a constant.
const DESCRIBE: std::time::Duration = std::time::Duration::from_secs(10);

/// Wraps `module` (what cargo built for `wasm32-unknown-unknown`) as a component that exports exactly the interfaces
/// that it has, asks it to describe itself, and stamps contract version and descriptor into custom sections.
pub fn componentize(what: &str, module: &[u8]) -> Result<Vec<u8>, BuildError> {
    let fault = |cause: String| BuildError::Contract {
        what: what.to_owned(),
        version: version(),
        cause,
    };
    let (mut bare, exports) = strip(module).map_err(|cause| fault(cause.to_string()))?;
    if exports.iter().any(|export| export == warm::EXPORT) {
        bare = warm::warm(what, &bare)?;
    }
    let world = world(&exports);
    let mut resolve = Resolve::default();
    let contract = UnresolvedPackageGroup::parse("contract.wit", CONTRACT)
        .map_err(|cause| fault(format!("{cause:?}")))?;
    resolve
        .push_group(contract)
        .map_err(|cause| fault(format!("{cause:#}")))?;
    let group = UnresolvedPackageGroup::parse("guest.wit", &world)
        .map_err(|cause| fault(format!("{cause:?}")))?;
    let package = resolve
        .push_group(group)
        .map_err(|cause| fault(format!("{cause:#}")))?;
    let world = resolve
        .select_world(&[package], Some("guest"))
        .map_err(|cause| fault(format!("{cause:#}")))?;
    wit_component::embed_component_metadata(&mut bare, &resolve, world, StringEncoding::UTF8)
        .map_err(|cause| fault(format!("{cause:#}")))?;
    let mut component = ComponentEncoder::default()
        .validate(true)
        .module(&bare)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|cause| fault(format!("{cause:#}")))?;
    let descriptor = describe(what, &component)?;
    let (major, minor, patch) = CONTRACT_VERSION;
    let numbers: Vec<u8> = [major, minor, patch]
        .iter()
        .flat_map(|number| number.to_be_bytes())
        .collect();
    section::append(&mut component, section::CONTRACT, &numbers);
    section::append(&mut component, section::DESCRIPTOR, descriptor.as_bytes());
    Ok(component)
}

/// Compiles a component ahead of time for this build's target.
pub fn precompile(what: &str, component: &[u8]) -> Result<Vec<u8>, BuildError> {
    let refuse = |source| BuildError::Engine {
        what: what.to_owned(),
        source,
    };
    crate::engine::engine()
        .map_err(refuse)?
        .precompile_component(component)
        .map_err(refuse)
}

/// "1.0.0".
fn version() -> String {
    let (major, minor, patch) = CONTRACT_VERSION;
    format!("{major}.{minor}.{patch}")
}

/// The world of a guest with `exports`: the base world and the optional interfaces that it has.
fn world(exports: &[String]) -> String {
    let version = version();
    let extra: String = OPTIONAL
        .iter()
        .filter(|name| {
            exports
                .iter()
                .any(|export| export.contains(&format!("chain:plugin/{name}@{version}#")))
        })
        .map(|name| format!("  export chain:plugin/{name}@{version};\n"))
        .collect();
    format!(
        "package chain:guest;\nworld guest {{\n  include chain:plugin/service@{version};\n{extra}}}\n"
    )
}

/// The module without the world that the SDK was compiled with, and the names of its exports.
fn strip(module: &[u8]) -> Result<(Vec<u8>, Vec<String>), wasmparser::BinaryReaderError> {
    let mut out = module.get(..8).unwrap_or_default().to_vec();
    let mut exports = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        if let Payload::ExportSection(reader) = &payload {
            for export in reader.clone() {
                exports.push(export?.name.to_owned());
            }
        }
        let dropped = matches!(&payload, Payload::CustomSection(custom)
            if custom.name().starts_with("component-type") || custom.name().starts_with(".debug") || custom.name() == "producers");
        if let (false, Some((id, range))) = (dropped, payload.as_section()) {
            let body = module.get(range.clone()).unwrap_or_default();
            section::put(&mut out, id, body);
        }
    }
    Ok((out, exports))
}

/// Runs `describe` once, with every import trapping.
fn describe(what: &str, component: &[u8]) -> Result<String, BuildError> {
    let refuse = |source| BuildError::Engine {
        what: what.to_owned(),
        source,
    };
    let engine: Engine = crate::engine::engine().map_err(refuse)?;
    let component = Component::new(&engine, component).map_err(refuse)?;
    let mut linker: Linker<()> = Linker::new(&engine);
    linker
        .define_unknown_imports_as_traps(&component)
        .map_err(refuse)?;
    let mut store = Store::new(&engine, ());
    store.set_epoch_deadline(1);
    // The channel closes when this function returns, and the thread with it.
    let (_running, ended) = std::sync::mpsc::channel::<()>();
    let clock = engine.clone();
    std::thread::spawn(move || {
        if ended.recv_timeout(DESCRIBE) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            clock.increment_epoch();
        }
    });
    let instance = linker.instantiate(&mut store, &component).map_err(refuse)?;
    let missing = || BuildError::Contract {
        what: what.to_owned(),
        version: version(),
        cause: "it does not export `describe`".to_owned(),
    };
    let interface = instance
        .get_export_index(
            &mut store,
            None,
            &format!("chain:plugin/plugin@{}", version()),
        )
        .ok_or_else(missing)?;
    let function = instance
        .get_export_index(&mut store, Some(&interface), "describe")
        .ok_or_else(missing)?;
    let function = instance
        .get_func(&mut store, function)
        .ok_or_else(missing)?;
    let mut results = [Val::Bool(false)];
    function
        .call(&mut store, &[], &mut results)
        .map_err(refuse)?;
    match results {
        [Val::String(text)] => Ok(text),
        _ => Err(missing()),
    }
}
