//! What a user is told about the files: which key has no effect, on which line, and why.
//!
//! A key that was read is marked; in the end every key without a mark is told. Marks are of places in the text, so an
//! anchor that one profile uses is used, wherever else it stands.

use std::collections::BTreeSet;

use chain_plugin_sdk::{Diagnostic, Diagnostics, Severity, warning};
use fabric_service::fault::refuse_with;
use plugin_yaml::Kind;

use super::place::{Id, Place};

/// Code of all of them.
const CODE: &str = "convert";

/// Most items of a list, and most profiles.
pub const MOST: usize = 1000;

/// Sections of configtx.yaml that are there to be referred to.
const SHARED: [&str; 5] = [
    "Capabilities",
    "Application",
    "Orderer",
    "Channel",
    "Resources",
];

/// The notes about all files.
#[derive(Debug, Default)]
pub struct Notes {
    files: Vec<String>,
    read: BTreeSet<Id>,
    told: BTreeSet<Id>,
    said: BTreeSet<(Id, String)>,
    all: Vec<(usize, usize, Diagnostic)>,
}

impl Notes {
    /// None yet, about files of these names.
    pub fn new(files: Vec<String>) -> Self {
        Self {
            files,
            ..Self::default()
        }
    }

    /// The value under a key, which thereby is read.
    pub fn take<'a>(&mut self, at: &Place<'a>, key: &str) -> Option<Place<'a>> {
        let place = at.get(key)?;
        self.read.insert(place.id());
        Some(place)
    }

    /// Says that a key is read.
    pub fn mark(&mut self, place: &Place<'_>) {
        self.read.insert(place.id());
    }

    /// A text under a key; a number counts as one.
    pub fn text<'a>(
        &mut self,
        at: &Place<'a>,
        key: &str,
    ) -> Result<Option<(&'a str, Place<'a>)>, Diagnostics> {
        let Some(place) = self.take(at, key) else {
            return Ok(None);
        };
        match place.node.text() {
            Some(text) => Ok(Some((text, place))),
            None => Err(self.refuse(&place, "a word is expected", "")),
        }
    }

    /// A number under a key.
    pub fn number<'a>(
        &mut self,
        at: &Place<'a>,
        key: &str,
        most: u64,
    ) -> Result<Option<(u64, Place<'a>)>, Diagnostics> {
        let Some(place) = self.take(at, key) else {
            return Ok(None);
        };
        match place.node.number() {
            Some(number) if number <= most => Ok(Some((number, place))),
            _ => {
                let message = format!("a number from 0 to {most} is expected");
                Err(self.refuse(&place, &message, ""))
            }
        }
    }

    /// A truth value under a key.
    pub fn boolean(&mut self, at: &Place<'_>, key: &str) -> Result<Option<bool>, Diagnostics> {
        let Some(place) = self.take(at, key) else {
            return Ok(None);
        };
        match place.node.boolean() {
            Some(value) => Ok(Some(value)),
            None => Err(self.refuse(&place, "`true` or `false` is expected", "")),
        }
    }

    /// The items of a list under a key.
    pub fn list<'a>(&mut self, at: &Place<'a>, key: &str) -> Result<Vec<Place<'a>>, Diagnostics> {
        let Some(place) = self.take(at, key) else {
            return Ok(Vec::new());
        };
        match &place.node.kind {
            Kind::List(items) if items.len() > MOST => {
                let message = format!("a list of at most {MOST} is expected");
                Err(self.refuse(&place, &message, ""))
            }
            Kind::List(_) => Ok(place.items()),
            _ => Err(self.refuse(&place, "a list is expected", "")),
        }
    }

    /// The words of a list under a key.
    pub fn words<'a>(
        &mut self,
        at: &Place<'a>,
        key: &str,
    ) -> Result<Vec<(&'a str, Place<'a>)>, Diagnostics> {
        let items = self.list(at, key)?.into_iter();
        items
            .map(|place| match place.node.text() {
                Some(text) => Ok((text, place)),
                None => Err(self.refuse(&place, "a word is expected", "")),
            })
            .collect()
    }

    /// A map under a key.
    pub fn map<'a>(&mut self, at: &Place<'a>, key: &str) -> Result<Option<Place<'a>>, Diagnostics> {
        let Some(place) = self.take(at, key) else {
            return Ok(None);
        };
        self.is_map(&place)?;
        Ok(Some(place))
    }

    /// Whether something is a map.
    pub fn is_map(&self, place: &Place<'_>) -> Result<(), Diagnostics> {
        match &place.node.kind {
            Kind::Map(_) => Ok(()),
            _ => Err(self.refuse(place, "keys with values are expected", "")),
        }
    }

    /// Tells that something has no effect, with all below it.
    pub fn ignore(&mut self, place: &Place<'_>, reason: &str, hint: &str) {
        if self.told.insert(place.id()) {
            self.warn(place, reason, hint);
        }
    }

    /// A warning about something that is read.
    pub fn warn(&mut self, place: &Place<'_>, reason: &str, hint: &str) {
        self.add(place, Severity::Warning, reason, hint);
    }

    /// Something that is only to be known about a place.
    pub fn inform(&mut self, place: &Place<'_>, message: &str) {
        self.add(place, Severity::Info, message, "");
    }

    /// Something that is only to be known.
    pub fn tell(&mut self, message: &str) {
        let note = Diagnostic {
            severity: Severity::Info,
            ..warning(CODE, "", message)
        };
        self.all.push((usize::MAX, usize::MAX, note));
    }

    fn add(&mut self, place: &Place<'_>, severity: Severity, reason: &str, hint: &str) {
        // Several profiles may bring one thing.
        if !self.said.insert((place.id(), reason.to_owned())) {
            return;
        }
        let message = self.located(place, reason);
        let note = Diagnostic {
            severity,
            hint: (!hint.is_empty()).then(|| hint.to_owned()),
            ..warning(CODE, &place.pointer, message)
        };
        self.all.push((place.file, place.mark.line, note));
    }

    fn located(&self, place: &Place<'_>, reason: &str) -> String {
        let file = self.files.get(place.file).map_or("", String::as_str);
        let (line, pointer) = (place.mark.line, &place.pointer);
        let colon = if pointer.is_empty() { "" } else { ": " };
        format!("{file} line {line}: {pointer}{colon}{reason}")
    }

    /// Why the files cannot be read.
    pub fn refuse(&self, place: &Place<'_>, message: &str, hint: &str) -> Diagnostics {
        let mut all = refuse_with(CODE, &place.pointer, self.located(place, message), hint);
        for one in all.iter_mut().filter(|_| hint.is_empty()) {
            one.hint = None;
        }
        all
    }

    /// Tells every key of a file that nobody read.
    pub fn rest(&mut self, at: &Place<'_>) {
        for item in at.items() {
            if !self.told.contains(&item.id()) {
                self.rest(&item);
            }
        }
        for (_, place) in at.entries() {
            let id = place.id();
            if self.told.contains(&id) || place.node.is_null() {
                continue;
            }
            if self.read.contains(&id) || self.known_below(&place) {
                self.rest(&place);
                continue;
            }
            let section = place.pointer.split('/').nth(1).unwrap_or_default();
            let shared = |name: &&str| name.eq_ignore_ascii_case(section);
            let reason = if SHARED.iter().any(shared) {
                "it has no effect: no profile that is taken refers to it"
            } else {
                "it has no effect: no such key is known here"
            };
            self.ignore(&place, reason, "");
        }
    }

    fn known_below(&self, at: &Place<'_>) -> bool {
        let entries = at.entries().into_iter().map(|(_, place)| place);
        entries.chain(at.items()).any(|place| {
            let id = place.id();
            self.read.contains(&id) || self.told.contains(&id) || self.known_below(&place)
        })
    }

    /// All of them, in the order of files and lines.
    pub fn done(mut self) -> Diagnostics {
        self.all.sort_by_key(|(file, line, _)| (*file, *line));
        self.all.into_iter().map(|(_, _, note)| note).collect()
    }
}
