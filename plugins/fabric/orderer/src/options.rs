//! Values of a consensus that are checked before a channel holds them: a bad one stops every orderer of the channel.

use chain_plugin_sdk::Diagnostics;
use fabric_service::fault::{refuse, refuse_with};
use serde_json::{Value, json};

use crate::duration;

/// The schema of an option that is a length of time. It shapes channels when they are made.
pub fn length(default: &str, description: &str) -> Value {
    json!({
        "type": "string", "pattern": duration::PATTERN, "default": default,
        "description": format!("{description}; for channels that are made after"),
    })
}

/// The schema of an option that is a number.
pub fn number(minimum: u32, default: u64, description: &str) -> Value {
    json!({
        "type": "integer", "minimum": minimum, "maximum": u32::MAX, "default": default,
        "description": format!("{description}; for channels that are made after"),
    })
}

/// The schema of an option that is yes or no.
pub fn switch(default: bool, description: &str) -> Value {
    json!({
        "type": "boolean", "default": default,
        "description": format!("{description}; for channels that are made after"),
    })
}

/// Nanoseconds of the option `name`, which must be a length of time above zero.
pub fn positive_length(name: &str, text: &str) -> Result<u64, Diagnostics> {
    match duration::nanoseconds(text) {
        Some(0) => {
            let message = format!("option `{name}` is {text}, it must be above zero");
            Err(refuse("option", &pointer(name), message))
        }
        Some(some) => Ok(some),
        None => Err(refuse_with(
            "option",
            &pointer(name),
            format!("option `{name}` is `{text}`, expected a length of time"),
            "as Go writes it: `500ms`, `2s`, `1m30s`",
        )),
    }
}

/// The option `name` must be above zero.
pub fn positive(name: &str, value: u64) -> Result<(), Diagnostics> {
    if value == 0 {
        let message = format!("option `{name}` is 0, it must be above zero");
        return Err(refuse("option", &pointer(name), message));
    }
    Ok(())
}

/// The option `less` must not be above the option `more`; each with its value and how it is shown.
pub fn not_above(less: (&str, u64, &str), more: (&str, u64, &str)) -> Result<(), Diagnostics> {
    if less.1 > more.1 {
        let message = format!(
            "option `{}` is {}, more than option `{}` with {}",
            less.0, less.2, more.0, more.2
        );
        let hint = format!("lower `{}` or raise `{}`", less.0, more.0);
        return Err(refuse_with("option", &pointer(less.0), message, hint));
    }
    Ok(())
}

/// The JSON pointer to an option.
pub fn pointer(name: &str) -> String {
    format!("/{name}")
}
