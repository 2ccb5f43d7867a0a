//! Operations, hooks and formats: what they name is there, and the component has the interface for them.

use chain_plugin_sdk::descriptor::{Operation, Phase};

use super::contract::interface;
use super::options::schema_of;
use super::{Check, Subject, is_word, twin};
use crate::pipeline::operate::{BEFORE_RESTART, GATE, HOOKS, STATUS};
use crate::pipeline::world::covers;
use crate::plugin::Runtime;

/// Hooks that read no key: they stand within an apply or a status.
const KEYLESS: [&str; 3] = [BEFORE_RESTART, GATE, STATUS];

/// All of them.
pub fn check(subject: &Subject<'_>, runtime: &Runtime) -> Check {
    let mut check = Check::new("operations");
    let it = subject.descriptor();
    if let Some((index, name)) = twin(it.operations.iter().map(|it| it.name.as_str())) {
        let path = format!("/operations/{index}/name");
        check.fault(path, format!("`{name}` stands there twice"), None);
    }
    for (index, operation) in it.operations.iter().enumerate() {
        one(
            subject,
            &mut check,
            &format!("/operations/{index}"),
            operation,
        );
    }
    if let Ok(interfaces) = subject.plugin.interfaces(runtime) {
        let exports = |name: &str| {
            interfaces
                .exports
                .iter()
                .any(|it| interface(it) == Some(name))
        };
        let asked = [
            ("operate", !it.operations.is_empty(), "/operations"),
            (
                "convert",
                it.formats.iter().any(|it| it.read || it.write),
                "/formats",
            ),
            ("stack", subject.is_stack(), "/role"),
        ];
        for (name, wanted, path) in asked {
            match (wanted, exports(name)) {
                (true, false) => {
                    let message = format!("the component does not export the interface `{name}`");
                    check.fault(path, message, Some("export_plugin! of the SDK takes it"));
                }
                (false, true) => {
                    let message =
                        format!("the component exports `{name}`, and nothing here asks for it");
                    check.warn(path, message, None);
                }
                _ => {}
            }
        }
    }
    if let Some((index, name)) = twin(it.formats.iter().map(|it| it.name.as_str())) {
        let path = format!("/formats/{index}/name");
        check.fault(path, format!("`{name}` stands there twice"), None);
    }
    let hooks = it
        .operations
        .iter()
        .filter(|it| !it.hook.is_empty())
        .count();
    check.detail = format!(
        "{}, {hooks} of them hooks; formats {}",
        it.operations.len(),
        it.formats.len()
    );
    check
}

fn one(subject: &Subject<'_>, check: &mut Check, path: &str, operation: &Operation) {
    let it = subject.descriptor();
    if !is_word(&operation.name) {
        let message = format!(
            "`{}` is not lower-case letters, digits and `-`",
            operation.name
        );
        check.fault(format!("{path}/name"), message, None);
    }
    if operation.summary.is_empty() && operation.hook.is_empty() {
        check.warn(format!("{path}/summary"), "it is empty", None);
    }
    let about = if operation.kind.is_empty() {
        "chain"
    } else {
        &operation.kind
    };
    if let Some(kinds) = subject.kinds() {
        for kind in std::iter::once(about).chain(operation.covers.iter().map(String::as_str)) {
            if !kinds.iter().any(|it| it == kind) {
                check.fault(
                    format!("{path}/kind"),
                    format!("there is no kind `{kind}`"),
                    None,
                );
            }
        }
    }
    if !operation.hook.is_empty() && !HOOKS.contains(&operation.hook.as_str()) {
        let message = format!("`{}` is no hook", operation.hook);
        let hint = format!("hooks: {}", HOOKS.join(", "));
        check.fault(format!("{path}/hook"), message, Some(&hint));
    }
    if !operation.covers.is_empty() && (operation.hook.is_empty() || about != "chain") {
        check.fault(
            format!("{path}/covers"),
            "it is for a hook about the chain",
            None,
        );
    }
    if !operation.columns.is_empty() && operation.hook != STATUS {
        check.fault(
            format!("{path}/columns"),
            "they are for the hook `status`",
            None,
        );
    }
    if !["", "chain"].contains(&operation.secrets_of.as_str()) {
        let message = format!("`{}` is neither empty nor `chain`", operation.secrets_of);
        check.fault(format!("{path}/secretsOf"), message, None);
    }
    for name in &operation.secrets {
        let own = it
            .kept
            .iter()
            .any(|item| item.secret && covers(&item.name, name));
        let taken = it
            .takes
            .iter()
            .any(|take| take.item == *name && take.phases.contains(&Phase::Operate));
        if !own && !taken {
            let message = format!(
                "`{name}` is neither a secret that it keeps nor one that it takes in operate"
            );
            check.fault(format!("{path}/secrets"), message, None);
        }
    }
    if !operation.secrets.is_empty() && KEYLESS.contains(&operation.hook.as_str()) {
        let message = format!("the hook `{}` reads no secret", operation.hook);
        check.fault(format!("{path}/secrets"), message, None);
    }
    schema_of(check, &format!("{path}/args"), &operation.args);
}
