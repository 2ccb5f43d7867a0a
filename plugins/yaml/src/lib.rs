//! YAML of other tools as it was typed: every scalar keeps its text, every key its place in the file.
//!
//! A reader that decides on types first destroys values before anyone sees them: an unquoted `0x` address becomes a
//! number, a version `2.10` becomes 2.1. Here the caller asks for the type that it expects. Anchors, aliases and merge
//! keys work, and what came by them is known by the place where it was written. An alias is shared and not copied; a file
//! that would grow by them beyond reason is refused, so that every walk over a tree ends soon.
//!
//! `quorum-formats` has a reader of its own, older than this one (`yaml.rs`), which could become this: it has the same
//! questions under the same names, and its `line` is [`Entry::mark`] of the key or else [`Node::mark`].

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod build;

use std::rc::Rc;

use serde_json::Value as Json;
use thiserror::Error;

/// Bytes that a file may have.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Nodes that a file may have, aliases and what is merged counted as often as they stand.
pub const MAX_NODES: usize = 100_000;
/// Bytes of text that a file may have, aliases counted as often as they stand.
pub const MAX_TEXT: usize = 4 * MAX_BYTES;
/// Levels that a file may nest, through aliases too.
pub const MAX_DEPTH: usize = 64;

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
    /// A merge key with something else than a map or a list of maps.
    #[error("line {0}: `<<` merges a map or a list of maps")]
    Merge(usize),
    /// A second document.
    #[error("line {0}: a second document begins, expected one")]
    Documents(usize),
    /// Too many bytes, nodes or levels, usually by aliases.
    #[error("line {0}: the file is too large or nests too deep")]
    TooLarge(usize),
}

/// A place in the text: line and column, both from 1. What came by an alias is where its anchor is, so one place is one
/// thing that somebody wrote, however often it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where it begins.
    pub mark: Mark,
    /// What stands there.
    pub kind: Kind,
    weight: Weight,
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
    List(Vec<Rc<Node>>),
    /// A map, in the order of the file; what was merged into it comes last.
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands; for one that was merged, where it was written.
    pub mark: Mark,
    /// The value.
    pub value: Rc<Node>,
}

/// How much a node is with everything below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Weight {
    nodes: usize,
    text: usize,
    depth: usize,
}

impl Node {
    /// Reads one document. An empty text is nothing (null).
    ///
    /// # Errors
    /// When it is no YAML, has a key twice, more than one document, or grows beyond reason.
    pub fn parse(text: &str) -> Result<Self, YamlError> {
        build::document(text)
    }

    /// Whether nothing stands here: no value, `~` or `null`.
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, plain: true }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The text of a scalar that is something.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } if !self.is_null() => Some(text),
            _ => None,
        }
    }

    /// A truth value in the words of YAML 1.1, unquoted.
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

    /// A number, quoted or not: decimal, or hexadecimal after `0x`. Leading zeros are refused, because some readers take
    /// them for octal.
    pub fn number(&self) -> Option<u64> {
        let text = self.text()?;
        match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None if text.len() > 1 && text.starts_with('0') => None,
            None if text.starts_with('+') => None,
            None => text.parse().ok(),
        }
    }

    /// The entries of a map; none of anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none of anything else.
    pub fn items(&self) -> &[Rc<Self>] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    /// The value under a key of a map.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let entry = self.entries().iter().find(|entry| entry.key == key)?;
        Some(&entry.value)
    }

    /// The same as JSON, with unquoted scalars as the numbers and truth values that they look like.
    pub fn json(&self) -> Json {
        match &self.kind {
            Kind::List(items) => Json::Array(items.iter().map(|item| item.json()).collect()),
            Kind::Map(entries) => Json::Object(
                entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.value.json()))
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
}

#[cfg(test)]
mod tests;
