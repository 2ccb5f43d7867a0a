//! What plugins say beside their results, shown to the user under the plugin's name.

use crate::plugin::contract::{Diagnostic, Severity};
use crate::ui::{Level, Message, Printer};

/// Shows a plugin's diagnostic: information as a note, all else as a warning.
pub fn show(plugin: &str, note: &Diagnostic, printer: &Printer) {
    let text = format!("{plugin}: {}", note.message);
    match note.severity {
        Severity::Info => printer.note(&text),
        _ => printer.message(&Message::new(Level::Warning, text).hint(note.hint.clone())),
    }
}
