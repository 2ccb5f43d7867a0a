//! The kinds of a stack: what is said for one of them names one that there is, in its place.

use super::{HOST_KEYS, ResolveError};
use crate::plugin::{Catalog, nearest};
use crate::spec::{ChainSpec, Loaded};

pub(super) fn check_kinds(
    loaded: &Loaded,
    kinds: &[chain_plugin_sdk::descriptor::Kind],
    spec: &ChainSpec,
    catalog: &Catalog,
) -> Result<(), ResolveError> {
    for key in spec.kinds.keys() {
        if !kinds.iter().any(|kind| kind.key == *key) {
            let known = HOST_KEYS
                .iter()
                .copied()
                .chain(kinds.iter().map(|kind| kind.key.as_str()));
            // Who names no stack has the default one, and may have meant another.
            let hint = if loaded.file.spec.stack.is_none() {
                stack_with(catalog, key)
            } else {
                None
            };
            let hint =
                hint.or_else(|| nearest(key, known).map(|near| format!("did you mean `{near}`?")));
            return Err(loaded
                .refuse(
                    &format!("/spec/{key}"),
                    format!("unknown field `spec.{key}`"),
                    hint,
                )
                .into());
        }
    }
    check_by_kind(loaded, kinds, spec)
}

/// What is said for one kind of subjects names a kind of the stack, and is said once for the chain.
fn check_by_kind(
    loaded: &Loaded,
    kinds: &[chain_plugin_sdk::descriptor::Kind],
    spec: &ChainSpec,
) -> Result<(), ResolveError> {
    let known = || kinds.iter().map(|kind| kind.name.as_str()).chain(["node"]);
    let said = [
        (
            "placement",
            spec.placement.by_kind.keys().collect::<Vec<_>>(),
        ),
        ("storage", spec.storage.by_kind.keys().collect()),
    ];
    for (field, names) in said {
        let unknown = names.into_iter().find(|name| known().all(|it| it != *name));
        if let Some(name) = unknown {
            let all: Vec<&str> = known().collect();
            let near = nearest(name, known());
            let hint = near.map_or_else(
                || format!("the kinds of this stack: {}", all.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            let pointer = format!("/spec/{field}/byKind/{name}");
            let message = format!("{field}.byKind: the stack has no kind `{name}`");
            return Err(loaded.refuse(&pointer, message, Some(hint)).into());
        }
    }
    // Anywhere else it would say nothing.
    let nodes = spec.node_entries();
    let nodes = nodes.iter().enumerate().flat_map(|(index, node)| {
        let at = |field: &str| format!("/spec/nodes/{index}/{field}/byKind");
        [
            (at("placement"), node.placement.by_kind.is_empty()),
            (at("storage"), node.storage.by_kind.is_empty()),
        ]
    });
    let at = |field: &str, name: &str| format!("/spec/{field}/byKind/{name}/byKind");
    let placements = spec.placement.by_kind.iter();
    let storages = spec.storage.by_kind.iter();
    let mut places = nodes
        .chain(placements.map(|(name, it)| (at("placement", name), it.by_kind.is_empty())))
        .chain(storages.map(|(name, it)| (at("storage", name), it.by_kind.is_empty())));
    if let Some((pointer, _)) = places.find(|(_, is_empty)| !is_empty) {
        let message = "byKind stands under `spec.placement` and `spec.storage` only";
        return Err(loaded.refuse(&pointer, message, None).into());
    }
    Ok(())
}

/// What to type where the first stack that counts `key` was meant.
fn stack_with(catalog: &Catalog, key: &str) -> Option<String> {
    let all = catalog.stacks();
    all.map(|plugin| &plugin.descriptor)
        .find(|stack| stack.kinds.iter().any(|kind| kind.key == key))
        .map(|stack| format!("stack `{0}` has it: `--stack {0}`", stack.stack))
}
