//! Names of nodes and of their objects.

use chain_plugin_sdk::Subject;

/// Longest name of a `StatefulSet`: its controller puts a hash of 11 characters behind it, into a label of 63.
pub const WORKLOAD: usize = 52;

/// A node's name when the user gives none.
pub fn node(ordinal: u32) -> String {
    format!("node{ordinal}")
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

/// Why a node called `name` cannot have a `StatefulSet` called `workload`.
pub fn unfit(name: &str, workload: &str) -> Option<String> {
    if let Some(why) = not_a_label(name) {
        return Some(format!("node name {name:?}: {why}"));
    }
    (workload.len() > WORKLOAD).then(|| {
        format!(
            "{workload} has {} characters, a StatefulSet may have {WORKLOAD}",
            workload.len()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_service_cannot_be_called_is_refused() {
        assert_eq!(not_a_label("berlin-1"), None);
        for wrong in ["", "1a", "Berlin", "a_b", "a-", "a.b"] {
            assert!(not_a_label(wrong).is_some(), "{wrong}");
        }
    }

    #[test]
    fn a_stateful_set_leaves_room_for_the_hash_of_its_controller() {
        let name = "a".repeat(WORKLOAD);
        assert_eq!(unfit("a", &name), None);
        let long = format!("{name}a");
        assert!(unfit("a", &long).unwrap().contains("53 characters"));
        assert!(unfit("A", "a").unwrap().contains("\"A\""));
    }
}
