//! All plugins in sight: those in this binary, and `.wasm` files that the user names.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::builtin::BUILT_IN;
use super::component::{Plugin, Shared};
use super::error::PluginError;

/// Plugins by name.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    plugins: BTreeMap<String, Shared>,
}

impl Catalog {
    /// The plugins that this binary carries.
    pub fn built_in() -> Result<Self, PluginError> {
        let mut catalog = Self::default();
        for (descriptor, digest, code) in BUILT_IN {
            catalog.add(Plugin::built_in(descriptor, digest, *code)?);
        }
        Ok(catalog)
    }

    /// Adds one, in the place of one with the same name.
    pub fn add(&mut self, plugin: Plugin) -> Shared {
        let shared = Arc::new(plugin);
        self.plugins
            .insert(shared.name().to_owned(), Arc::clone(&shared));
        shared
    }

    /// Adds a `.wasm` file. A file does not take the name of a built-in by accident: that is refused.
    pub fn add_file(&mut self, path: &Path) -> Result<Shared, PluginError> {
        let plugin = Plugin::from_file(path)?;
        if let Some(old) = self.plugins.get(plugin.name()) {
            if old.digest == plugin.digest {
                return Ok(Arc::clone(old));
            }
            if old.origin != plugin.origin {
                return Err(PluginError::Foreign {
                    plugin: path.display().to_string(),
                    cause: format!(
                        "its name `{}` is taken by {}; give it another name",
                        plugin.name(),
                        old.origin
                    ),
                });
            }
        }
        Ok(self.add(plugin))
    }

    /// A plugin by name or alias, or by the path of a `.wasm` file (which is added).
    pub fn find(&mut self, name: &str) -> Result<Shared, PluginError> {
        if is_file_name(name) {
            return self.add_file(Path::new(name));
        }
        self.known(name)
    }

    /// A plugin by name or alias.
    pub fn known(&self, name: &str) -> Result<Shared, PluginError> {
        let alias = |plugin: &&Shared| plugin.descriptor.aliases.iter().any(|alias| alias == name);
        self.plugins
            .get(name)
            .or_else(|| self.plugins.values().find(alias))
            .cloned()
            .ok_or_else(|| PluginError::Unknown {
                name: name.to_owned(),
                suggestion: nearest(name, self.plugins.keys().map(String::as_str)),
            })
    }

    /// The stack of that name.
    pub fn stack(&self, name: &str) -> Result<Shared, PluginError> {
        self.stacks()
            .find(|plugin| plugin.descriptor.stack == name || plugin.name() == name)
            .cloned()
            .ok_or_else(|| {
                let known = || self.stacks().map(|plugin| plugin.descriptor.stack.as_str());
                PluginError::UnknownStack {
                    name: name.to_owned(),
                    suggestion: nearest(name, known()),
                    known: known().map(ToOwned::to_owned).collect(),
                }
            })
    }

    /// All of them, by name.
    pub fn all(&self) -> impl Iterator<Item = &Shared> {
        self.plugins.values()
    }

    /// The stacks among them.
    pub fn stacks(&self) -> impl Iterator<Item = &Shared> {
        self.all()
            .filter(|plugin| plugin.descriptor.role.is_empty())
    }

    /// Those that fill `role` of `stack`.
    pub fn of_role<'a>(
        &'a self,
        stack: &'a str,
        role: &'a str,
    ) -> impl Iterator<Item = &'a Shared> {
        self.plugins.values().filter(move |plugin| {
            plugin.descriptor.stack == stack && plugin.descriptor.role == role
        })
    }
}

/// Whether what the user named is a file, not a plugin by its name.
pub fn is_file_name(name: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|it| it.eq_ignore_ascii_case("wasm"))
}

/// The nearest of `known` to `name`, when it is near enough to be a slip of the hand.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    known
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}
