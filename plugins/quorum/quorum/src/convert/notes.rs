//! What a user is told about a file: which key has no effect, on which line, and why.

use chain_plugin_sdk::{Diagnostic, Diagnostics, Severity, warning};
use quorum_formats::qubernetes::{Qubernetes, QubernetesError, Unhonoured};
use quorum_formats::yaml::{Kind, Node};

use super::QUBERNETES;

/// The notes about a file.
#[derive(Debug)]
pub struct Notes {
    root: Node,
    all: Vec<(usize, Diagnostic)>,
}

impl Notes {
    /// The notes of the reader about a file.
    pub fn new(text: &str, read: &Qubernetes) -> Result<Self, QubernetesError> {
        Self::of(text, &read.unhonoured)
    }

    /// As [`new`](Self::new), of keys that have no effect.
    pub fn of(text: &str, unhonoured: &[Unhonoured]) -> Result<Self, QubernetesError> {
        let all = unhonoured.iter().map(|note| {
            let message = format!("line {}: {}: {}", note.line, note.path, note.reason);
            (note.line, warning(QUBERNETES, &note.path, message))
        });
        Ok(Self {
            root: Node::parse(text)?,
            all: all.collect(),
        })
    }

    /// The line of a key, when the file has it.
    pub fn line(&self, path: &str) -> Option<usize> {
        let mut node = &self.root;
        for part in path.split('/').filter(|part| !part.is_empty()) {
            node = match &node.kind {
                Kind::List(nodes) => nodes.get(part.parse::<usize>().ok()?)?,
                _ => node.get(part)?,
            };
        }
        (!node.is_null()).then_some(node.line)
    }

    /// A warning about a key, if the file has it. Of several paths, as the schemas have them, the first that is there.
    pub fn about(&mut self, paths: &[&str], reason: &str, hint: Option<&str>) {
        for path in paths {
            if let Some(line) = self.line(path) {
                let note = warning(QUBERNETES, path, format!("line {line}: {path}: {reason}"));
                let hint = hint.map(str::to_owned);
                self.all.push((line, Diagnostic { hint, ..note }));
                return;
            }
        }
    }

    /// A warning about what a key would be, also if the file does not have it.
    pub fn warn(&mut self, path: &str, reason: &str, hint: Option<&str>) {
        let line = self.line(path);
        let place = line
            .map(|line| format!("line {line}: "))
            .unwrap_or_default();
        let note = warning(QUBERNETES, path, format!("{place}{path}: {reason}"));
        let hint = hint.map(str::to_owned);
        self.all
            .push((line.unwrap_or_default(), Diagnostic { hint, ..note }));
    }

    /// Something that is only to be known.
    pub fn tell(&mut self, message: &str) {
        let note = Diagnostic {
            severity: Severity::Info,
            ..warning(QUBERNETES, "", message)
        };
        self.all.push((usize::MAX, note));
    }

    /// All of them, in the order of lines.
    pub fn done(mut self) -> Diagnostics {
        self.all.sort_by_key(|(line, _)| *line);
        self.all.into_iter().map(|(_, note)| note).collect()
    }
}
