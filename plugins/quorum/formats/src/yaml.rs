//! YAML as it was typed: every scalar keeps its text and whether it was quoted.
//!
//! A reader that decides on types first destroys some values before anyone sees them: an unquoted
//! `0x` address becomes a number and loses its leading zeros, a version `2.10` becomes 2.1. Here the
//! caller asks for the type that it expects. Anchors, aliases and merge keys work; a file that grows
//! by them beyond reason is refused.

use std::collections::BTreeMap;

use granit_parser::{Event, Parser, ScalarStyle};
use serde_json::Value as Json;
use thiserror::Error;

/// Nodes that a file may have, aliases copied out.
const MAX_NODES: usize = 100_000;
/// Levels that a file may nest.
const MAX_DEPTH: usize = 64;

/// Why a text is no YAML that this reader takes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum YamlError {
    /// Not YAML.
    #[error("line {line}: {message}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// A key that stands twice in one map.
    #[error("line {line}: key {key:?} stands twice")]
    Duplicate {
        /// The line of the second, from 1.
        line: usize,
        /// The key.
        key: String,
    },
    /// A key that is a list or a map.
    #[error("line {0}: a key must be a plain word")]
    Key(usize),
    /// A second document.
    #[error("line {0}: a second document begins, expected one")]
    Documents(usize),
    /// Too many nodes or levels, usually by aliases.
    #[error("line {0}: the file is too large or nests too deep")]
    TooLarge(usize),
}

/// A node and its line, from 1: that of its key, or where it begins when it has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The line.
    pub line: usize,
    /// What stands there.
    pub kind: Kind,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Text, with its escapes resolved.
    Scalar {
        /// The text.
        text: String,
        /// Whether it stood without quotes, and so may be a number, a truth value or nothing.
        plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of the file.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// Reads one document. An empty text is nothing (null).
    ///
    /// # Errors
    /// When it is no YAML, has a key twice, more than one document, or grows beyond reason.
    pub fn parse(text: &str) -> Result<Self, YamlError> {
        Builder::default().build(text)
    }

    /// Whether nothing stands here: no value, `~` or `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, plain: true }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The text of a scalar that is something.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } if !self.is_null() => Some(text),
            _ => None,
        }
    }

    /// A truth value in the words of YAML 1.1, unquoted.
    #[must_use]
    pub fn boolean(&self) -> Option<bool> {
        let Kind::Scalar { text, plain: true } = &self.kind else {
            return None;
        };
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "y" => Some(true),
            "false" | "no" | "off" | "n" => Some(false),
            _ => None,
        }
    }

    /// A number, quoted or not: decimal, or hexadecimal after `0x`. Leading zeros are refused,
    /// because some readers take them for octal.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        let text = self.text()?;
        match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None if text.len() > 1 && text.starts_with('0') => None,
            None if text.starts_with('+') => None,
            None => text.parse().ok(),
        }
    }

    /// The value under a key of a map.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.kind {
            Kind::Map(entries) => entries
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, node)| node),
            _ => None,
        }
    }

    /// The same as JSON, with unquoted scalars as the numbers and truth values that they look like.
    #[must_use]
    pub fn json(&self) -> Json {
        match &self.kind {
            Kind::List(nodes) => Json::Array(nodes.iter().map(Self::json).collect()),
            Kind::Map(entries) => Json::Object(
                entries
                    .iter()
                    .map(|(key, node)| (key.clone(), node.json()))
                    .collect(),
            ),
            Kind::Scalar { .. } if self.is_null() => Json::Null,
            Kind::Scalar { text, plain: true } => {
                let number = (!text.starts_with("0x")).then(|| self.number()).flatten();
                match (number, self.boolean()) {
                    (Some(number), _) => Json::from(number),
                    (None, Some(boolean)) => Json::from(boolean),
                    (None, None) => Json::from(text.as_str()),
                }
            }
            Kind::Scalar { text, .. } => Json::from(text.as_str()),
        }
    }

    fn size(&self) -> usize {
        let below: usize = match &self.kind {
            Kind::Scalar { .. } => 0,
            Kind::List(nodes) => nodes.iter().map(Self::size).sum(),
            Kind::Map(entries) => entries.iter().map(|(_, node)| node.size()).sum(),
        };
        below.saturating_add(1)
    }
}

/// A list or map whose end is still to come.
struct Open {
    node: Node,
    anchor: usize,
    /// The key whose value comes next.
    key: Option<(String, usize)>,
    /// Maps under merge keys, whose entries yield to the map's own.
    merged: Vec<(String, Node)>,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
    root: Option<Node>,
}

impl Builder {
    fn build(mut self, text: &str) -> Result<Node, YamlError> {
        let mut documents = 0usize;
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|error| YamlError::Syntax {
                line: error.marker().line(),
                message: error.info().clone(),
            })?;
            let line = span.start.line();
            match event {
                Event::DocumentStart(..) => {
                    documents = documents.saturating_add(1);
                    if documents > 1 {
                        return Err(YamlError::Documents(line));
                    }
                }
                Event::Scalar(text, style, anchor, _) => {
                    let kind = Kind::Scalar {
                        text: text.into_owned(),
                        plain: style == ScalarStyle::Plain,
                    };
                    self.value(Node { line, kind }, anchor)?;
                }
                Event::SequenceStart(_, anchor, _) => {
                    self.start(line, Kind::List(Vec::new()), anchor)?;
                }
                Event::MappingStart(_, anchor, _) => {
                    self.start(line, Kind::Map(Vec::new()), anchor)?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.end()?,
                Event::Alias(anchor) => {
                    let node = self.anchors.get(&anchor).cloned();
                    let node = node.ok_or_else(|| YamlError::Syntax {
                        line,
                        message: "an alias within its own anchor".to_owned(),
                    })?;
                    self.nodes = self.nodes.saturating_add(node.size());
                    self.value(Node { line, ..node }, 0)?;
                }
                _ => {}
            }
        }
        Ok(self.root.unwrap_or(Node {
            line: 1,
            kind: Kind::Scalar {
                text: String::new(),
                plain: true,
            },
        }))
    }

    fn start(&mut self, line: usize, kind: Kind, anchor: usize) -> Result<(), YamlError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(YamlError::TooLarge(line));
        }
        if self.awaits_key() {
            return Err(YamlError::Key(line));
        }
        self.open.push(Open {
            node: Node { line, kind },
            anchor,
            key: None,
            merged: Vec::new(),
        });
        Ok(())
    }

    fn end(&mut self) -> Result<(), YamlError> {
        let Some(Open {
            mut node,
            anchor,
            merged,
            ..
        }) = self.open.pop()
        else {
            return Ok(());
        };
        if let Kind::Map(entries) = &mut node.kind {
            for (key, value) in merged {
                if !entries.iter().any(|(name, _)| *name == key) {
                    entries.push((key, value));
                }
            }
        }
        self.value(node, anchor)
    }

    fn awaits_key(&self) -> bool {
        self.open
            .last()
            .is_some_and(|open| matches!(open.node.kind, Kind::Map(_)) && open.key.is_none())
    }

    /// Puts a finished node where it belongs.
    fn value(&mut self, node: Node, anchor: usize) -> Result<(), YamlError> {
        self.nodes = self.nodes.saturating_add(1);
        if self.nodes > MAX_NODES {
            return Err(YamlError::TooLarge(node.line));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.node.kind {
            Kind::List(nodes) => nodes.push(node),
            Kind::Map(entries) => match open.key.take() {
                None => {
                    let line = node.line;
                    let Kind::Scalar { text, .. } = node.kind else {
                        return Err(YamlError::Key(line));
                    };
                    if entries.iter().any(|(key, _)| *key == text) {
                        return Err(YamlError::Duplicate { line, key: text });
                    }
                    open.key = Some((text, line));
                }
                Some((key, _)) if key == "<<" => open.merged.extend(merge(node)),
                Some((key, line)) => entries.push((key, Node { line, ..node })),
            },
            Kind::Scalar { .. } => {}
        }
        Ok(())
    }
}

/// The entries that a merge key brings: those of a map, or of a list of maps.
fn merge(node: Node) -> Vec<(String, Node)> {
    match node.kind {
        Kind::Map(entries) => entries,
        Kind::List(nodes) => nodes.into_iter().flat_map(merge).collect(),
        Kind::Scalar { .. } => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
