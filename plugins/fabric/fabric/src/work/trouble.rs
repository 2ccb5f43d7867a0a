//! What goes wrong, and whether it goes away by itself.

use std::fmt::Display;

use chain_plugin_sdk::{Diagnostics, error};
use fabric_transaction::failure::Verdict;

/// Something did not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Who said it: a node's name.
    pub by: String,
    /// What was said.
    pub message: String,
    /// What to do about it.
    pub verdict: Verdict,
    /// Whether no answer came in time.
    pub is_late: bool,
    /// The cause in plain words, where it is known.
    pub hint: Option<String>,
}

impl Trouble {
    /// Trouble with a node.
    pub fn new(by: &str, message: impl Display, verdict: Verdict) -> Self {
        Self {
            by: by.to_owned(),
            message: message.to_string(),
            verdict,
            is_late: false,
            hint: None,
        }
    }

    /// Adds the cause.
    pub fn because(mut self, words: Option<&'static str>) -> Self {
        self.hint = words.map(ToOwned::to_owned);
        self
    }

    /// Whether it may go away by itself.
    pub fn passes(&self) -> bool {
        self.verdict == Verdict::Again
    }

    /// As the end of an operation.
    pub fn fatal(self) -> Diagnostics {
        let fault = error("fabric", "", format!("{}: {}", self.by, self.message));
        vec![match self.hint {
            Some(hint) => fault.hint(hint),
            None => fault,
        }]
    }
}

impl From<Trouble> for Diagnostics {
    fn from(trouble: Trouble) -> Self {
        trouble.fatal()
    }
}

/// An error and all that caused it, in one line.
pub fn chain(fault: &dyn std::error::Error) -> String {
    let mut text = fault.to_string();
    let mut cause = fault.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
