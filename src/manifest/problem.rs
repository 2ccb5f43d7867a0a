//! What can be wrong with what plugins rendered, or with the user's patches.
//!
//! Problems are collected, never only the first, and each names plugin, object and field. No value of a Secret is shown.

use thiserror::Error;

/// One problem; all of them are reported together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum Problem {
    /// Two plugins say different things about one field.
    #[error(
        "{object}: {path}: plugin {first} sets {first_value}, plugin {second} sets {second_value}"
    )]
    Conflict {
        /// `statefulset.apps/name`.
        object: String,
        /// Field path.
        path: String,
        /// The plugin whose container comes first.
        first: String,
        /// What it says, as JSON.
        first_value: String,
        /// The other plugin.
        second: String,
        /// What that one says.
        second_value: String,
    },
    /// A plugin reaches into a container or volume of another.
    #[error("{object}: {path} belongs to plugin {owner}; plugin {plugin} may not change it")]
    NotOwner {
        /// `statefulset.apps/name`.
        object: String,
        /// Path of the entry.
        path: String,
        /// Who has it.
        owner: String,
        /// Who wants to change it.
        plugin: String,
    },
    /// A raw fragment says what only a binding may say.
    #[error(
        "{object}: {path}: plugin {plugin} refers to {what} in a raw fragment; use a binding instead"
    )]
    NeedsBinding {
        /// The object.
        object: String,
        /// Field path.
        path: String,
        /// The plugin.
        plugin: String,
        /// What it refers to, e.g. `a Secret`.
        what: String,
    },
    /// A fragment that cannot be read.
    #[error("{object}: plugin {plugin} rendered a fragment that cannot be used: {why}")]
    Fragment {
        /// The object, or the subject when the object has no name.
        object: String,
        /// The plugin.
        plugin: String,
        /// Why.
        why: String,
    },
    /// A file that cannot be used.
    #[error("{subject}: plugin {plugin} rendered file {name}: {why}")]
    File {
        /// The subject.
        subject: String,
        /// The plugin.
        plugin: String,
        /// The file.
        name: String,
        /// Why.
        why: String,
    },
    /// A binding that cannot be kept.
    #[error(
        "{subject}: plugin {plugin} binds {source_name} to {target} in container {container}: {why}"
    )]
    Binding {
        /// The subject.
        subject: String,
        /// The plugin.
        plugin: String,
        /// What it binds.
        source_name: String,
        /// Where to.
        target: String,
        /// In which container.
        container: String,
        /// Why it cannot be.
        why: String,
    },
    /// A name that Kubernetes would refuse, or accept and then never run.
    #[error("{object}: {why}")]
    Name {
        /// The object.
        object: String,
        /// Why.
        why: String,
    },
    /// The shape itself does not fit.
    #[error("{subject}: {why}")]
    Shape {
        /// The subject, or the chain.
        subject: String,
        /// Why.
        why: String,
    },
    /// A patch that changes nothing, or what must not change.
    #[error("patches[{index}] ({target}): {why}")]
    Patch {
        /// Its place in the list.
        index: usize,
        /// Kind and name.
        target: String,
        /// Why.
        why: String,
    },
    /// Something that needs a permission which was not granted, or that is never allowed.
    #[error("{object}: {path}: {}{why}{}", by(.plugin), need(.permission.as_ref()))]
    Forbidden {
        /// The object.
        object: String,
        /// Field path.
        path: String,
        /// Who asks for it; `patches` for the user's own; empty when nobody is known.
        plugin: String,
        /// What it is.
        why: String,
        /// The permission that would allow it.
        permission: Option<String>,
    },
    /// A secret stands in an object that everybody may read.
    #[error(
        "{object}: {path} contains secret {secret} of the chain ({form}); it would be readable by everybody who sees the namespace"
    )]
    Leak {
        /// The object.
        object: String,
        /// Field path.
        path: String,
        /// Which secret: its name, never its bytes.
        secret: String,
        /// raw, hex or base64.
        form: String,
    },
}

fn by(plugin: &str) -> String {
    match plugin {
        "" => String::new(),
        "patches" => "patches: ".to_owned(),
        name => format!("plugin {name}: "),
    }
}

fn need(permission: Option<&String>) -> String {
    permission.map_or_else(
        || " is never allowed".to_owned(),
        |name| format!(" needs the permission {name}"),
    )
}

impl Problem {
    /// What to do about it, when that can be said in one line.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Forbidden {
                plugin,
                permission: Some(permission),
                ..
            } if !plugin.is_empty() => {
                Some(format!("kubectl chain plugin grant {plugin} {permission}"))
            }
            Self::NeedsBinding { .. } => Some(
                "name a file, a kept item or a volume as the source of a binding; the host makes the object, the volume and the mount"
                    .to_owned(),
            ),
            Self::NotOwner { owner, .. } => Some(format!(
                "give it as a fact that {owner} consumes, or bind a file into your own container"
            )),
            _ => None,
        }
    }
}
