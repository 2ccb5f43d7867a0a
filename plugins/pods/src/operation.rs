//! Turns of operations in one line.

use chain_plugin_sdk::{Act, Diagnostic, Outcome, Report, Step, Turn, error};
use serde_json::Value;

/// A step about a subject. `timeout_ms` 0 is the host's own limit.
pub fn step(on: &str, says: impl Into<String>, timeout_ms: u32, act: Act) -> Step {
    Step {
        on: on.to_owned(),
        says: says.into(),
        sensitive: false,
        timeout_ms,
        act,
    }
}

/// A pause before the next look.
pub fn pause(on: &str, says: impl Into<String>, ms: u32) -> Turn {
    Turn::Steps(vec![step(
        on,
        says,
        ms.saturating_add(10_000),
        Act::Sleep(ms),
    )])
}

/// The end, with a table for machines.
pub fn done(text: impl Into<String>, table: &Value) -> Turn {
    done_with(text, table, Vec::new())
}

/// The end, with remarks.
pub fn done_with(text: impl Into<String>, table: &Value, notes: Vec<Diagnostic>) -> Turn {
    Turn::Done(Report {
        text: text.into(),
        table: table.to_string(),
        files: Vec::new(),
        notes,
    })
}

/// The end, when it did not come to what was asked for.
pub fn failed(code: &str, message: impl Into<String>, hint: &str) -> Turn {
    let fault = error(code, "", message);
    Turn::Failed(vec![if hint.is_empty() {
        fault
    } else {
        fault.hint(hint)
    }])
}

/// Whether an act that answers nothing was done; why not otherwise.
pub fn acted(outcome: Option<&Outcome>) -> Result<(), String> {
    match outcome.map(|outcome| &outcome.answer) {
        Some(Ok(_)) => Ok(()),
        Some(Err(failure)) => Err(failure.message.clone()),
        None => Err("the host gave no answer".to_owned()),
    }
}
