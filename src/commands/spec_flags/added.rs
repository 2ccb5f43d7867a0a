//! The flags that descriptors add, and what each of them means.

use std::collections::{BTreeMap, BTreeSet};

use chain_plugin_sdk::descriptor::Descriptor;
use serde_json::Value;

use crate::pipeline::options::{is_secret, properties};
use crate::plugin::Catalog;
use crate::plugin::flags::kebab;

/// What one added flag means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    Role(String),
    RoleOption { role: String, option: String },
    StackOption(String),
    Kind(Counted),
}

/// A kind that has a flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counted {
    /// Key in the spec.
    pub(super) key: String,
    /// Key of the value in `NAME=VALUE`, or "".
    pub(super) value: String,
}

/// A flag that descriptors add.
pub(super) struct Added {
    pub(super) meaning: Meaning,
    pub(super) heading: String,
    help: String,
    /// Who has it, when several may.
    of: Vec<String>,
    /// The kind that has the name of this role: what is no plugin of the role is one of the kind.
    pub(super) kind: Option<Counted>,
}

impl Added {
    /// Its line of help.
    pub(super) fn help(&self) -> String {
        match self.meaning {
            Meaning::Role(_) if self.kind.is_some() => {
                format!("{}; or its plugin: {}", self.help, self.of.join("; "))
            }
            Meaning::Role(_) => format!("Plugin: {}", self.of.join("; ")),
            _ if self.of.is_empty() => self.help.clone(),
            _ => format!("{} [{}]", self.help, self.of.join(", ")),
        }
    }
}

/// All added flags by name: those of `stack`, or of all stacks in sight. Of two that share a name the first says what it
/// is, and both are named.
pub(super) fn meanings(
    catalog: &Catalog,
    taken: &BTreeSet<String>,
    stack: Option<&str>,
) -> BTreeMap<String, Added> {
    let mut flags: BTreeMap<String, Added> = BTreeMap::new();
    let mut add =
        |name: String, meaning: Meaning, heading: &str, help: String, of: Option<String>| {
            if !taken.contains(&name) {
                let flag = flags.entry(name).or_insert(Added {
                    meaning,
                    heading: heading.to_owned(),
                    help,
                    of: Vec::new(),
                    kind: None,
                });
                flag.of.extend(of);
            }
        };
    let mut kinds = Vec::new();
    let wanted = |descriptor: &Descriptor| stack.is_none_or(|stack| descriptor.stack == stack);
    let in_sight = || catalog.all().filter(|plugin| wanted(&plugin.descriptor));
    for stack in in_sight().filter(|plugin| plugin.descriptor.role.is_empty()) {
        let descriptor = &stack.descriptor;
        let heading = format!("Stack {}", descriptor.stack);
        for role in descriptor
            .releases
            .values()
            .flat_map(|release| &release.roles)
        {
            let known: Vec<String> = catalog
                .of_role(&descriptor.stack, &role.name)
                .map(|plugin| plugin.name().to_owned())
                .collect();
            let default = if role.default.is_empty() {
                String::new()
            } else {
                format!(" (default {})", role.default)
            };
            let of = format!("{}{default}", known.join(", "));
            add(
                kebab(&role.name),
                Meaning::Role(role.name.clone()),
                &format!("Role {}", role.name),
                String::new(),
                Some(of),
            );
        }
        for (option, schema) in properties(&descriptor.options) {
            let meaning = Meaning::StackOption(option.clone());
            add(kebab(option), meaning, &heading, summary(schema), None);
        }
        for kind in descriptor.kinds.iter().filter(|kind| !kind.flag.is_empty()) {
            let counted = Counted {
                key: kind.key.clone(),
                value: kind.value.clone(),
            };
            kinds.push((kind.flag.clone(), counted.clone(), kind.summary.clone()));
            let meaning = Meaning::Kind(counted);
            add(
                kind.flag.clone(),
                meaning,
                &heading,
                kind.summary.clone(),
                None,
            );
        }
    }
    for plugin in in_sight().filter(|plugin| !plugin.descriptor.role.is_empty()) {
        let Descriptor {
            role,
            options,
            name,
            ..
        } = &plugin.descriptor;
        for (option, schema) in properties(options) {
            let mut spellings = vec![option.clone()];
            if is_secret(schema) {
                spellings.push(format!("{option}File"));
            }
            for option in spellings {
                let flag = format!("{}-{}", kebab(role), kebab(&option));
                add(
                    flag,
                    Meaning::RoleOption {
                        role: role.clone(),
                        option,
                    },
                    &format!("Role {role}"),
                    summary(schema),
                    Some(name.clone()),
                );
            }
        }
    }
    for (name, counted, summary) in kinds {
        if let Some(flag) = flags.get_mut(&name)
            && matches!(flag.meaning, Meaning::Role(_))
        {
            flag.help = summary;
            flag.kind = Some(counted);
        }
    }
    flags
}

/// The first sentence of a property's description, and its default.
fn summary(schema: &Value) -> String {
    let text = schema
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let first = text
        .split_once(". ")
        .map_or(text, |(first, _)| first)
        .trim_end_matches('.');
    match schema.get("default") {
        Some(Value::String(default)) if !default.is_empty() => {
            format!("{first} (default {default})")
        }
        Some(default) if !default.is_null() && !default.is_string() => {
            format!("{first} (default {default})")
        }
        _ => first.to_owned(),
    }
}
