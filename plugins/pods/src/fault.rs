//! Diagnostics in one line.

use std::fmt::Display;

use chain_plugin_sdk::{Diagnostics, error};

/// One error about the value at `path`.
pub fn refuse(code: &str, path: &str, message: impl Into<String>) -> Diagnostics {
    vec![error(code, path, message)]
}

/// One error, and what to do about it.
pub fn refuse_with(
    code: &str,
    path: &str,
    message: impl Into<String>,
    hint: impl Into<String>,
) -> Diagnostics {
    vec![error(code, path, message).hint(hint)]
}

/// For `map_err`: an error of a format about the value at `path`.
pub fn at<E: Display>(code: &'static str, path: &'static str) -> impl Fn(E) -> Diagnostics {
    move |fault| refuse(code, path, fault.to_string())
}
