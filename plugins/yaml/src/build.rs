//! From the parser's events to a tree.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use granit_parser::{Event, Parser, ScalarStyle};

use crate::{
    Entry, Kind, MAX_BYTES, MAX_DEPTH, MAX_NODES, MAX_TEXT, Mark, Node, Weight, YamlError,
};

/// The key that merges.
const MERGE: &str = "<<";

/// Reads one document.
pub fn document(text: &str) -> Result<Node, YamlError> {
    if text.len() > MAX_BYTES {
        return Err(YamlError::TooLarge(1));
    }
    Builder::default().build(text)
}

impl Node {
    fn new(mark: Mark, kind: Kind) -> Self {
        let mut weight = Weight {
            nodes: 1,
            ..Weight::default()
        };
        match &kind {
            Kind::Scalar { text, .. } => weight.text = text.len(),
            Kind::List(items) => items.iter().for_each(|item| weight.bear(item.weight)),
            Kind::Map(entries) => {
                for entry in entries {
                    weight.bear(entry.value.weight);
                    weight.text = weight.text.saturating_add(entry.key.len());
                }
            }
        }
        Self { mark, kind, weight }
    }
}

impl Weight {
    fn bear(&mut self, below: Self) {
        self.nodes = self.nodes.saturating_add(below.nodes);
        self.text = self.text.saturating_add(below.text);
        self.depth = self.depth.max(below.depth.saturating_add(1));
    }
}

/// A list or map whose end is still to come.
struct Open {
    mark: Mark,
    kind: Kind,
    anchor: usize,
    /// The key whose value comes next.
    key: Option<Key>,
    /// The map's own keys.
    own: BTreeSet<String>,
    /// Entries under merge keys, which yield to the map's own and to those before them.
    merged: Merged,
}

#[derive(Default)]
struct Merged {
    keys: BTreeSet<String>,
    entries: Vec<Entry>,
}

struct Key {
    text: String,
    merges: bool,
    mark: Mark,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: BTreeMap<usize, Rc<Node>>,
    /// Nodes and entries that were made so far. A merge makes entries; an alias makes nothing, and weighs in what it is
    /// put into.
    made: usize,
    root: Option<Rc<Node>>,
}

impl Builder {
    fn build(mut self, text: &str) -> Result<Node, YamlError> {
        let mut documents = 0usize;
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|error| YamlError::Syntax {
                line: error.marker().line(),
                message: error.info().clone(),
            })?;
            let mark = Mark {
                line: span.start.line(),
                column: span.start.col().saturating_add(1),
            };
            match event {
                Event::DocumentStart(..) => {
                    documents = documents.saturating_add(1);
                    if documents > 1 {
                        return Err(YamlError::Documents(mark.line));
                    }
                }
                Event::Scalar(text, style, anchor, _) => {
                    let kind = Kind::Scalar {
                        text: text.into_owned(),
                        plain: style == ScalarStyle::Plain,
                    };
                    self.value(Rc::new(Node::new(mark, kind)), mark, anchor)?;
                }
                Event::SequenceStart(_, anchor, _) => {
                    self.start(mark, Kind::List(Vec::new()), anchor)?;
                }
                Event::MappingStart(_, anchor, _) => {
                    self.start(mark, Kind::Map(Vec::new()), anchor)?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.end(mark)?,
                Event::Alias(anchor) => {
                    let node = self.anchors.get(&anchor).cloned();
                    let node = node.ok_or_else(|| YamlError::Syntax {
                        line: mark.line,
                        message: "an alias within its own anchor".to_owned(),
                    })?;
                    self.value(node, mark, 0)?;
                }
                _ => {}
            }
        }
        let nothing = || {
            let text = String::new();
            let kind = Kind::Scalar { text, plain: true };
            Rc::new(Node::new(Mark { line: 1, column: 1 }, kind))
        };
        self.anchors.clear();
        Ok(Rc::unwrap_or_clone(self.root.unwrap_or_else(nothing)))
    }

    fn start(&mut self, mark: Mark, kind: Kind, anchor: usize) -> Result<(), YamlError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(YamlError::TooLarge(mark.line));
        }
        if self.awaits_key() {
            return Err(YamlError::Key(mark.line));
        }
        self.open.push(Open {
            mark,
            kind,
            anchor,
            key: None,
            own: BTreeSet::new(),
            merged: Merged::default(),
        });
        Ok(())
    }

    fn end(&mut self, here: Mark) -> Result<(), YamlError> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let mut kind = open.kind;
        if let Kind::Map(entries) = &mut kind {
            let own = open.own;
            let merged = open.merged.entries.into_iter();
            entries.extend(merged.filter(|entry| !own.contains(&entry.key)));
        }
        self.value(Rc::new(Node::new(open.mark, kind)), here, open.anchor)
    }

    fn awaits_key(&self) -> bool {
        self.open
            .last()
            .is_some_and(|open| matches!(open.kind, Kind::Map(_)) && open.key.is_none())
    }

    /// Puts a finished node where it belongs; `here` is where it was used.
    fn value(&mut self, node: Rc<Node>, here: Mark, anchor: usize) -> Result<(), YamlError> {
        self.made = self.made.saturating_add(1);
        let depth = self.open.len().saturating_add(node.weight.depth);
        if self.made > MAX_NODES
            || node.weight.nodes > MAX_NODES
            || node.weight.text > MAX_TEXT
            || depth > MAX_DEPTH
        {
            return Err(YamlError::TooLarge(here.line));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.kind {
            Kind::List(items) => items.push(node),
            Kind::Map(entries) => match open.key.take() {
                None => {
                    let Kind::Scalar { text, plain } = &node.kind else {
                        return Err(YamlError::Key(here.line));
                    };
                    let merges = *plain && text == MERGE;
                    if !merges && !open.own.insert(text.clone()) {
                        let (line, key) = (here.line, text.clone());
                        return Err(YamlError::Duplicate { line, key });
                    }
                    open.key = Some(Key {
                        text: text.clone(),
                        merges,
                        mark: here,
                    });
                }
                Some(key) if key.merges => {
                    merge(&node, here, &mut open.merged)?;
                    self.made = self.made.saturating_add(node.weight.nodes);
                }
                Some(key) => entries.push(Entry {
                    key: key.text,
                    mark: key.mark,
                    value: node,
                }),
            },
            Kind::Scalar { .. } => {}
        }
        Ok(())
    }
}

/// The entries that a merge key brings: those of a map, or of a list of maps, of which the first wins.
fn merge(node: &Node, here: Mark, merged: &mut Merged) -> Result<(), YamlError> {
    let maps: Vec<&Node> = match &node.kind {
        Kind::Map(_) => vec![node],
        Kind::List(items) => items.iter().map(AsRef::as_ref).collect(),
        Kind::Scalar { .. } if node.is_null() => Vec::new(),
        Kind::Scalar { .. } => return Err(YamlError::Merge(here.line)),
    };
    for map in maps {
        let Kind::Map(entries) = &map.kind else {
            return Err(YamlError::Merge(here.line));
        };
        for entry in entries {
            if merged.keys.insert(entry.key.clone()) {
                merged.entries.push(entry.clone());
            }
        }
    }
    Ok(())
}
