//! Names of nodes and of their objects.

use chain_plugin_sdk::Subject;

/// Longest name of a `StatefulSet`: its controller puts a hash of 11 characters behind it, into a label of 63.
pub const WORKLOAD: usize = 52;

/// A node's name when the user gives none.
pub fn node(ordinal: u32) -> String {
    format!("node{ordinal}")
}

/// The name of the `StatefulSet` and the Service of a subject.
pub fn workload(chain: &str, name: &str) -> String {
    format!("{chain}-{name}")
}

/// The name of the Service that faces outside.
pub fn outside(service: &str) -> String {
    format!("{service}-outside")
}

/// The name of the `StatefulSet` of a subject.
pub fn workload_of(subject: &Subject) -> &str {
    let workload = subject.workload.as_deref().unwrap_or_default();
    workload.strip_prefix("statefulset/").unwrap_or(workload)
}

/// Why a name is no label of RFC 1035, as Services need it.
pub fn not_a_label(name: &str) -> Option<String> {
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Some("it must begin with a lower-case letter".to_owned());
    }
    if name.ends_with('-') {
        return Some("it must not end with `-`".to_owned());
    }
    name.chars()
        .find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-'))
        .map(|c| format!("`{c}` is not a lower-case letter, digit or `-`"))
}
