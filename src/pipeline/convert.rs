//! Files of other tools, read by a plugin's `convert`.
//!
//! The host only finds out which plugin understands a file; what the file means is the plugin's. It gets the raw bytes,
//! since a reader that decides on types first destroys values: an unquoted `0x` address becomes a number.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use chain_plugin_sdk::descriptor::{Format, Phase};
use serde_json::Value;
use serde_yaml::Value as Yaml;

use super::expand::topology;
use super::recall::recall_facts;
use super::resolve::Resolved;
use super::secrets::Consents;
use super::world::{ServiceDoor, World};
use crate::plugin::contract::{Blob, Diagnostic, Subject};
use crate::plugin::sandbox::Closed;
use crate::plugin::{Catalog, PluginError, Runtime, Sandbox, Shared};
use crate::spec::{Loaded, Raw, SpecError};
use crate::state::bundle::{self, Bundle};

/// Why another tool's file is not read.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// No plugin knows it.
    #[error("{file}: no plugin reads the format `{format}`{}\nhint: kubectl chain plugin list shows the plugins in sight; a .wasm file brings its own with --stack", shown(.known))]
    Unknown {
        /// The file.
        file: String,
        /// What was asked for, or "of this file".
        format: String,
        /// Formats that are known.
        known: Vec<String>,
    },
    /// The plugin refused it.
    #[error("{file}: {source}")]
    Plugin {
        /// The file.
        file: String,
        /// What it says.
        #[source]
        source: PluginError,
    },
    /// What the plugin made is no chain.
    #[error("{file}: {plugin} made of it what is neither a chain nor a bundle: {cause}")]
    NoChain {
        /// The file.
        file: String,
        /// The plugin.
        plugin: String,
        /// What does not fit.
        cause: String,
    },
    /// A format that the stack does not write.
    #[error("stack `{stack}` does not write the format `{format}`{}", shown(.known))]
    Unwritten {
        /// The stack.
        stack: String,
        /// What was asked for.
        format: String,
        /// What it writes.
        known: Vec<String>,
    },
    /// The file itself.
    #[error(transparent)]
    Spec(#[from] SpecError),
}

fn shown(formats: &[String]) -> String {
    if formats.is_empty() {
        String::new()
    } else {
        format!("; known: {}", formats.join(", "))
    }
}

/// What a file was made into.
pub enum Made {
    /// A chain, as if it had been written as one.
    Chain(Box<Loaded>),
    /// What another party told.
    Bundle(Box<Bundle>),
}

/// What came of a file.
pub struct Converted {
    /// A chain or a bundle.
    pub made: Made,
    /// What the plugin had to say: keys that it does not honour, above all.
    pub notes: Vec<Diagnostic>,
    /// The plugin.
    pub plugin: String,
}

/// A plugin and one format that it reads.
type Reader<'a> = (&'a Shared, &'a Format);

fn readers(catalog: &Catalog) -> impl Iterator<Item = Reader<'_>> {
    catalog.all().flat_map(|plugin| {
        let formats = plugin.descriptor.formats.iter();
        formats
            .filter(|format| format.read)
            .map(move |format| (plugin, format))
    })
}

/// The plugin that reads `raw`, when it is not a chain's own file: by the file's name, else by its top-level keys.
pub fn recognise<'a>(raw: &Raw, catalog: &'a Catalog) -> Option<Reader<'a>> {
    let tree: Yaml = serde_yaml::from_str(&raw.text).ok()?;
    let tree = tree.as_mapping()?;
    let has = |key: &str| tree.contains_key(key);
    if has("spec") || has("apiVersion") {
        return None;
    }
    let named = |format: &Format| {
        let name = raw.path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| format.detect.iter().any(|known| known == name))
    };
    let keyed = |format: &Format| {
        let all = |keys: &String| keys.split_whitespace().all(has);
        format.keys.iter().any(all)
    };
    readers(catalog)
        .find(|(_, format)| named(format))
        .or_else(|| readers(catalog).find(|(_, format)| keyed(format)))
}

/// The plugin that reads the format `name`.
///
/// # Errors
/// There is none.
pub fn reader<'a>(
    name: &str,
    file: &Path,
    catalog: &'a Catalog,
) -> Result<Reader<'a>, ConvertError> {
    readers(catalog)
        .find(|(_, format)| format.name == name)
        .ok_or_else(|| ConvertError::Unknown {
            file: file.display().to_string(),
            format: name.to_owned(),
            known: formats(catalog),
        })
}

/// The names of all formats that can be read.
pub fn formats(catalog: &Catalog) -> Vec<String> {
    let mut names: Vec<String> = readers(catalog)
        .map(|(_, format)| format.name.clone())
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Has the plugin read `files`, the first of which is the one that the user means; the others belong to it.
///
/// # Errors
/// The plugin refuses them, or makes what is no chain.
pub fn convert(
    (plugin, format): Reader<'_>,
    files: Vec<Raw>,
    runtime: &Runtime,
) -> Result<Converted, ConvertError> {
    let path = files
        .first()
        .map(|raw| raw.path.clone())
        .unwrap_or_default();
    let file = path.display().to_string();
    let name = |raw: &Raw| {
        let name = raw.path.file_name().unwrap_or(raw.path.as_os_str());
        name.to_string_lossy().into_owned()
    };
    let blobs: Vec<Blob> = files
        .into_iter()
        .map(|raw| Blob {
            name: name(&raw),
            bytes: raw.text.into_bytes(),
        })
        .collect();
    let refused = |source| ConvertError::Plugin {
        file: file.clone(),
        source,
    };
    let mut sandbox = Sandbox::new(runtime, plugin, Arc::new(Closed)).map_err(refused)?;
    let (json, notes) = sandbox
        .convert_read(&format.name, &blobs)
        .map_err(refused)?;
    let no_chain = |fault: serde_json::Error| ConvertError::NoChain {
        file: file.clone(),
        plugin: plugin.name().to_owned(),
        cause: fault.to_string(),
    };
    let tree: Value = serde_json::from_str(&json).map_err(no_chain)?;
    let made = if tree.get("kind").and_then(Value::as_str) == Some(bundle::KIND) {
        Made::Bundle(Box::new(serde_json::from_value(tree).map_err(no_chain)?))
    } else {
        Made::Chain(Box::new(Loaded {
            file: serde_json::from_value(tree).map_err(no_chain)?,
            path: Some(path),
            text: String::new(),
        }))
    };
    Ok(Converted {
        made,
        notes,
        plugin: plugin.name().to_owned(),
    })
}

/// Has the plugin write `subjects` of a chain, with their public facts, as files of another tool.
///
/// # Errors
/// No plugin in sight writes that format, or the plugin refuses.
pub fn write(
    format: &str,
    resolved: &Resolved,
    subjects: Vec<Subject>,
    facts: &BTreeMap<String, BTreeMap<String, Value>>,
    runtime: &Runtime,
) -> Result<Vec<Blob>, ConvertError> {
    let stack = &resolved.stack;
    let formats = &stack.plugin.descriptor.formats;
    let Some(known) = formats.iter().find(|it| it.write && it.name == format) else {
        return Err(ConvertError::Unwritten {
            stack: stack.plugin.descriptor.stack.clone(),
            format: format.to_owned(),
            known: formats
                .iter()
                .filter(|it| it.write)
                .map(|it| it.name.clone())
                .collect(),
        });
    };
    let refused = |source| ConvertError::Plugin {
        file: format.to_owned(),
        source,
    };
    let world = World::new(&subjects, HashMap::new(), None);
    for (subject, all) in facts {
        // Facts that stood in a revision do not contradict each other.
        recall_facts(&world, subject, all).ok();
    }
    let door = ServiceDoor::new(Arc::new(world), stack, Phase::Render, &Consents::default());
    let mut sandbox = Sandbox::new(runtime, &stack.plugin, Arc::new(door)).map_err(refused)?;
    sandbox
        .convert_write(&known.name, &topology(resolved, subjects))
        .map_err(refused)
}
