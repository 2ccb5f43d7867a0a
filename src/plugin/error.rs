//! What can go wrong with a plugin, told so that the user knows which one and what to do.

use super::contract::{Diagnostic, Severity};

/// Why a plugin could not be loaded or called.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// No plugin of that name.
    #[error("no plugin `{name}`{}", suggestion.as_ref().map(|near| format!(", did you mean `{near}`")).unwrap_or_default())]
    Unknown {
        /// What was asked for.
        name: String,
        /// The nearest known name.
        suggestion: Option<String>,
    },
    /// No stack of that name.
    #[error(
        "unknown stack `{name}`\nhint: {}",
        suggestion.as_ref().map_or_else(|| format!("known stacks: {}", known.join(", ")), |near| format!("did you mean `{near}`?"))
    )]
    UnknownStack {
        /// What was asked for.
        name: String,
        /// The nearest known name.
        suggestion: Option<String>,
        /// All known names.
        known: Vec<String>,
    },
    /// A file could not be read.
    #[error("cannot read plugin {path}")]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The component is not a plugin, or not for this host.
    #[error("{plugin} is not a plugin for this host: {cause}")]
    Foreign {
        /// Plugin name or path.
        plugin: String,
        /// What does not fit.
        cause: String,
    },
    /// wasmtime refused the component, or the guest trapped.
    #[error("plugin {plugin} failed in {call}: {why}")]
    Failed {
        /// Plugin name.
        plugin: String,
        /// The function that was called.
        call: String,
        /// In plain words: it ran too long, used too much memory, trapped.
        why: String,
        /// The cause, with wasmtime's own chain.
        #[source]
        source: wasmtime::Error,
    },
    /// The guest answered with errors.
    #[error("{}", diagnosed(plugin, diagnostics))]
    Diagnosed {
        /// Plugin name.
        plugin: String,
        /// Which service, phase and subject it was asked about.
        about: String,
        /// Its words.
        diagnostics: Vec<Diagnostic>,
    },
    /// The guest gave something that the host cannot accept.
    #[error("plugin {plugin} gave {what} that the host refuses: {why}")]
    Refused {
        /// Plugin name.
        plugin: String,
        /// What it gave, about which subject.
        what: String,
        /// Why not.
        why: String,
    },
}

fn diagnosed(plugin: &str, diagnostics: &[Diagnostic]) -> String {
    let mut lines = Vec::new();
    for diagnostic in diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
    {
        let place = if diagnostic.path.is_empty() {
            String::new()
        } else {
            format!("{}: ", diagnostic.path)
        };
        lines.push(format!("{plugin}: {place}{}", diagnostic.message));
        if let Some(hint) = &diagnostic.hint {
            lines.push(format!("hint: {hint}"));
        }
    }
    if lines.is_empty() {
        format!("plugin {plugin} failed without saying why")
    } else {
        lines.join("\n")
    }
}
