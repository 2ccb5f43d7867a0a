//! What the checks find.

use std::fmt;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It may go wrong.
    Warning,
    /// It will go wrong: nothing should be written.
    Error,
}

/// Something that the checks found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// What, naming object and field.
    pub message: String,
    /// What to do; may have several lines (a Role).
    pub hint: Option<String>,
}

impl Finding {
    pub(in crate::cluster) fn error(message: String, hint: impl Into<Option<String>>) -> Self {
        Self {
            severity: Severity::Error,
            message,
            hint: hint.into(),
        }
    }

    pub(in crate::cluster) fn warning(message: String, hint: impl Into<Option<String>>) -> Self {
        Self {
            severity: Severity::Warning,
            message,
            hint: hint.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

pub(super) fn sort(findings: &mut Vec<Finding>) {
    findings.sort_by(|a, b| {
        b.severity
            .cmp(&a.severity)
            .then_with(|| a.message.cmp(&b.message))
    });
    findings.dedup();
}
