//! A map of the file that remembers which of its keys were asked for.
//!
//! What nobody asked for is what the file says without effect; it is reported at the end, with a
//! reason where one is known.

use crate::qubernetes::QubernetesError;
use crate::yaml::{Kind, Node};

/// A key that changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unhonoured {
    /// The key, as a path: `/nodes/0/quorum/geth`.
    pub path: String,
    /// Its line, from 1.
    pub line: usize,
    /// Why it changes nothing.
    pub reason: String,
}

/// What is said of a key that nobody knows.
const UNKNOWN: &str = "no reader of the original knows this key";

/// A map, or an absent one, which has no keys.
pub(super) struct Section<'a> {
    entries: &'a [(String, Node)],
    path: String,
    line: usize,
    asked: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// The map of a node; of nothing the empty map.
    pub(super) fn of(
        node: Option<&'a Node>,
        path: &str,
        line: usize,
    ) -> Result<Self, QubernetesError> {
        let (entries, line) = match node {
            None => (&[][..], line),
            Some(node) if node.is_null() => (&[][..], node.line),
            Some(node) => match &node.kind {
                Kind::Map(entries) => (entries.as_slice(), node.line),
                _ => return Err(invalid(node, path, "a map")),
            },
        };
        Ok(Self {
            entries,
            path: path.to_owned(),
            line,
            asked: Vec::new(),
        })
    }

    /// Where a key of this map is.
    pub(super) fn path(&self, key: &str) -> String {
        format!("{}/{key}", self.path)
    }

    pub(super) const fn line(&self) -> usize {
        self.line
    }

    /// The value of a key, when it is something.
    pub(super) fn get(&mut self, key: &'static str) -> Option<&'a Node> {
        self.asked.push(key);
        let found = self.entries.iter().find(|(name, _)| name == key);
        found.map(|(_, node)| node).filter(|node| !node.is_null())
    }

    /// Whether a key stands here, be it without a value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(name, _)| name == key)
    }

    /// The map below a key.
    pub(super) fn section(&mut self, key: &'static str) -> Result<Self, QubernetesError> {
        let path = self.path(key);
        Section::of(self.get(key), &path, self.line)
    }

    /// The list below a key; of nothing the empty list.
    pub(super) fn list(&mut self, key: &'static str) -> Result<&'a [Node], QubernetesError> {
        match self.get(key) {
            None => Ok(&[]),
            Some(node) => match &node.kind {
                Kind::List(nodes) => Ok(nodes),
                _ => Err(invalid(node, &self.path(key), "a list")),
            },
        }
    }

    /// A text, or a number as it was typed.
    pub(super) fn text(&mut self, key: &'static str) -> Result<Option<String>, QubernetesError> {
        let Some(node) = self.get(key) else {
            return Ok(None);
        };
        match node.text() {
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(invalid(node, &self.path(key), "text")),
        }
    }

    /// A text that is not empty.
    pub(super) fn filled(&mut self, key: &'static str) -> Result<Option<String>, QubernetesError> {
        Ok(self.text(key)?.filter(|text| !text.is_empty()))
    }

    pub(super) fn required(&mut self, key: &'static str) -> Result<String, QubernetesError> {
        self.filled(key)?.ok_or_else(|| self.missing(key))
    }

    pub(super) fn missing(&self, key: &str) -> QubernetesError {
        QubernetesError::Missing {
            line: self.line,
            path: self.path(key),
        }
    }

    pub(super) fn number<T: TryFrom<u64>>(
        &mut self,
        key: &'static str,
        expected: &'static str,
    ) -> Result<Option<T>, QubernetesError> {
        let Some(node) = self.get(key) else {
            return Ok(None);
        };
        let number = node.number().and_then(|number| T::try_from(number).ok());
        match number {
            Some(number) => Ok(Some(number)),
            None => Err(invalid(node, &self.path(key), expected)),
        }
    }

    pub(super) fn boolean(&mut self, key: &'static str) -> Result<Option<bool>, QubernetesError> {
        let Some(node) = self.get(key) else {
            return Ok(None);
        };
        match node.boolean() {
            Some(boolean) => Ok(Some(boolean)),
            None => Err(invalid(node, &self.path(key), "true or false")),
        }
    }

    /// A word out of a few.
    pub(super) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&str, T)],
        expected: &'static str,
    ) -> Result<Option<T>, QubernetesError> {
        let Some(node) = self.get(key) else {
            return Ok(None);
        };
        let chosen = choices.iter().find(|(word, _)| node.text() == Some(word));
        match chosen {
            Some((_, choice)) => Ok(Some(*choice)),
            None => Err(invalid(node, &self.path(key), expected)),
        }
    }

    /// Reports a key that is known to change nothing.
    pub(super) fn ignored(&mut self, key: &'static str, reason: &str, into: &mut Vec<Unhonoured>) {
        self.asked.push(key);
        if let Some((_, node)) = self.entries.iter().find(|(name, _)| name == key) {
            into.push(Unhonoured {
                path: self.path(key),
                line: node.line,
                reason: reason.to_owned(),
            });
        }
    }

    /// Reports what nobody asked for.
    pub(super) fn finish(self, into: &mut Vec<Unhonoured>) {
        for (key, node) in self.entries {
            if !self.asked.contains(&key.as_str()) {
                into.push(Unhonoured {
                    path: self.path(key),
                    line: node.line,
                    reason: UNKNOWN.to_owned(),
                });
            }
        }
    }
}

pub(super) fn invalid(node: &Node, path: &str, expected: &'static str) -> QubernetesError {
    let value = match &node.kind {
        Kind::Scalar { text, .. } => text.clone(),
        Kind::List(_) => "a list".to_owned(),
        Kind::Map(_) => "a map".to_owned(),
    };
    let path = if path.is_empty() { "the file" } else { path };
    QubernetesError::Invalid {
        line: node.line,
        path: path.to_owned(),
        value,
        expected,
    }
}
