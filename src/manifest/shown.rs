//! Where content is for a pod: an object of the store, or a vault, and how volumes name it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::bind::Content;
use super::store::{Group, Store};

/// A volume of the pod that the host makes, in the order in which they are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum From<'s> {
    /// An object of the store: group, number within it, name.
    Store(&'s Group<'s>, usize, &'s str),
    /// A vault, by name.
    Vault(&'s str),
}

/// What a volume shows of an object: key -> (path, mode).
pub type Items = BTreeMap<String, (String, u32)>;

impl std::hash::Hash for From<'_> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        match self {
            From::Store(group, chunk, object) => (group, chunk, object).hash(state),
            From::Vault(name) => name.hash(state),
        }
    }
}

/// Where content is, and under which key.
pub fn from<'s>(content: &'s Content<'_>, store: &'s Store<'_>) -> Option<(From<'s>, &'s str)> {
    match content {
        Content::Slot(slot) => {
            let placed = store.placed(slot)?;
            Some((
                From::Store(placed.group, placed.chunk, placed.object),
                &slot.key,
            ))
        }
        Content::Vault(secret, key) => Some((From::Vault(secret), key)),
    }
}

/// The field of a volume that refers to it.
pub fn kind_of(from: &From<'_>) -> &'static str {
    match from {
        From::Store(group, ..) if !group.secret => "configMap",
        _ => "secret",
    }
}

/// The `configMap` or `secret` of a volume; a projected source spells the Secret's name otherwise.
pub fn source(from: &From<'_>, items: &Items, volume: bool) -> Value {
    let (From::Store(_, _, object) | From::Vault(object)) = from;
    let field = if volume && kind_of(from) == "secret" {
        "secretName"
    } else {
        "name"
    };
    let items: Vec<Value> = items
        .iter()
        .map(|(key, (path, mode))| json!({"key": key, "path": path, "mode": mode}))
        .collect();
    json!({field: object, "items": items})
}
