//! A host for native unit tests: facts and items that the test gives, entropy from a counter.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::{At, Call, Host, HostLevel, Item, Ref};

/// A host whose answers a test sets. Entropy is the bytes 1, 2, 3, …, so a result is the same in every run.
#[derive(Debug, Default)]
pub struct TestHost {
    facts: BTreeMap<(String, String), Vec<(String, String)>>,
    kept: BTreeMap<(String, String, String), Vec<u8>>,
    state: BTreeMap<String, String>,
    counter: RefCell<u8>,
    lines: RefCell<Vec<String>>,
}

impl TestHost {
    /// Knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the only instance of `role` gave about `subject`.
    #[must_use]
    pub fn fact(mut self, subject: &str, role: &str, facts: &Value) -> Self {
        self.facts
            .entry((subject.to_owned(), role.to_owned()))
            .or_default()
            .push((role.to_owned(), facts.to_string()));
        self
    }

    /// Items that the only instance of `role` kept about `subject`.
    #[must_use]
    pub fn kept(mut self, subject: &str, role: &str, items: &[Item]) -> Self {
        for item in items {
            self.kept.insert(
                (subject.to_owned(), role.to_owned(), item.name.clone()),
                item.bytes.clone(),
            );
        }
        self
    }

    /// What operations remembered about `subject`.
    #[must_use]
    pub fn state(mut self, subject: &str, state: &Value) -> Self {
        self.state.insert(subject.to_owned(), state.to_string());
        self
    }

    /// The lines that were logged.
    pub fn lines(&self) -> Vec<String> {
        self.lines.borrow().clone()
    }

    /// A call of the only instance of `role` about `subject`, with `options`.
    pub fn call(subject: &str, role: &str, options: &Value, images: &[(&str, &str)]) -> Call {
        Call {
            subject: subject.to_owned(),
            role: role.to_owned(),
            instance: role.to_owned(),
            options: options.to_string(),
            images: images
                .iter()
                .map(|(name, image)| ((*name).to_owned(), (*image).to_owned()))
                .collect(),
            now_ms: 1_618_560_000_000,
            renew: Vec::new(),
        }
    }

    /// Where `call` stands, with this host.
    pub fn at<'a>(&'a self, call: &'a Call) -> At<'a> {
        At { call, host: self }
    }
}

impl Host for TestHost {
    fn log(&self, _level: HostLevel, message: &str) {
        self.lines.borrow_mut().push(message.to_owned());
    }

    fn entropy(&self, length: u32) -> Vec<u8> {
        let mut counter = self.counter.borrow_mut();
        (0..length)
            .map(|_| {
                *counter = counter.wrapping_add(1);
                *counter
            })
            .collect()
    }

    fn facts(&self, subject: &str, role: &str) -> Vec<(String, String)> {
        self.facts
            .get(&(subject.to_owned(), role.to_owned()))
            .cloned()
            .unwrap_or_default()
    }

    fn kept(&self, from: &Ref) -> Option<Vec<u8>> {
        self.kept
            .get(&(from.subject.clone(), from.role.clone(), from.name.clone()))
            .cloned()
    }

    fn state(&self, subject: &str) -> Option<String> {
        self.state.get(subject).cloned()
    }
}
