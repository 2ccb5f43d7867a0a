//! The contract: what the component imports and exports, and whether it says of itself what its section says.

use std::sync::Arc;

use chain_plugin_sdk::descriptor::Descriptor;
use chain_plugin_toolchain::CONTRACT_VERSION;

use super::{Check, Subject};
use crate::plugin::sandbox::Closed;
use crate::plugin::{Runtime, Sandbox};

/// Interfaces that a plugin may ask for.
const IMPORTS: [&str; 2] = ["host", "types"];
/// Interfaces that a plugin may have; the first it must.
const EXPORTS: [&str; 4] = ["plugin", "stack", "convert", "operate"];

/// The interface of the contract that a name means, of this host's version or an earlier one with the same first number.
pub fn interface(name: &str) -> Option<&str> {
    let (interface, version) = name.strip_prefix("chain:plugin/")?.split_once('@')?;
    let numbers: Vec<u16> = version
        .split('.')
        .filter_map(|it| it.parse().ok())
        .collect();
    let (major, minor, _) = CONTRACT_VERSION;
    match numbers.as_slice() {
        [a, b, _] if *a == major && *b <= minor => Some(interface),
        _ => None,
    }
}

/// Imports and exports.
pub fn check(subject: &Subject<'_>, runtime: &Runtime) -> Check {
    let mut check = Check::new("contract");
    let (major, minor, patch) = CONTRACT_VERSION;
    let interfaces = match subject.plugin.interfaces(runtime) {
        Ok(interfaces) => interfaces,
        Err(fault) => return Check::failed("contract", fault.to_string()),
    };
    for name in &interfaces.imports {
        if interface(name).is_some_and(|it| IMPORTS.contains(&it)) {
            continue;
        }
        let hint = if name.starts_with("wasi:") {
            "build it for wasm32-unknown-unknown: kubectl chain plugin build"
        } else {
            "a plugin has nothing but what wit/contract.wit offers"
        };
        check.fault(
            "",
            format!("it imports {name}, which no host offers"),
            Some(hint),
        );
    }
    let mut own = Vec::new();
    for name in &interfaces.exports {
        match interface(name).filter(|it| EXPORTS.contains(it)) {
            Some(interface) => own.push(interface),
            None => check.fault(
                "",
                format!("it exports {name}, which is not of the contract"),
                Some("export the interfaces of wit/contract.wit alone"),
            ),
        }
    }
    if !own.contains(&"plugin") {
        check.fault(
            "",
            "it does not export the interface `plugin`",
            Some("export_plugin!(MyPlugin) of the SDK does"),
        );
    }
    check.detail = format!("{major}.{minor}.{patch}; exports {}", own.join(", "));
    check
}

/// What `describe` gives is what stands in the section: hosts read the one, and the plugin was written with the other.
pub fn describe(subject: &Subject<'_>, runtime: &Runtime) -> Check {
    let mut check = Check::new("describe");
    let described =
        Sandbox::new(runtime, subject.plugin, Arc::new(Closed)).and_then(|mut sandbox| {
            let first = sandbox.describe()?;
            Ok((first, sandbox.describe()?))
        });
    let (first, second) = match described {
        Ok(both) => both,
        Err(fault) => return Check::failed("describe", fault.to_string()),
    };
    if first != second {
        check.fault(
            "",
            "`describe` gives something else the second time",
            Some("it is a constant"),
        );
    }
    let same = match subject.plugin.stamped() {
        Some(stamped) => stamped == first.as_bytes(),
        None => serde_json::from_str::<Descriptor>(&first)
            .is_ok_and(|it| it == subject.plugin.descriptor),
    };
    if !same {
        check.fault(
            "",
            "the section `chain:descriptor` is not what `describe` gives",
            Some("stamp it again: kubectl chain plugin build"),
        );
    }
    check.detail = "the same as its section".to_owned();
    check
}

#[cfg(test)]
mod tests {
    use super::interface;

    #[test]
    fn an_interface_is_of_this_contract_or_of_none() {
        assert_eq!(interface("chain:plugin/stack@1.0.0"), Some("stack"));
        assert_eq!(interface("chain:plugin/stack@2.0.0"), None);
        assert_eq!(interface("chain:plugin/stack"), None);
        assert_eq!(interface("wasi:cli/environment@0.2.0"), None);
    }
}
