//! Names of nodes and of their objects.

use chain_plugin_sdk::Subject;

/// Longest name of a `StatefulSet`: its controller puts a hash of 11 characters behind it, into a label of 63.
pub const WORKLOAD: usize = 52;

/// The name of the RPC's Service.
pub fn rpc(chain: &str) -> String {
    format!("{chain}-node-port")
}

/// The name of the Service of a node's executor.
pub fn executor(workload: &str) -> String {
    format!("{workload}-executor")
}

/// A node's name when the user gives none.
pub fn node(ordinal: u32) -> String {
    format!("node{ordinal}")
}

/// The name of a node's `StatefulSet` and Service: `<chain>-<ordinal>` as the original has it, or with the name that the
/// user gave.
pub fn workload_of(chain: &str, name: &str, ordinal: u32) -> String {
    if name == node(ordinal) {
        format!("{chain}-{ordinal}")
    } else {
        format!("{chain}-{name}")
    }
}

/// The name of the `StatefulSet` of a subject.
pub fn workload(node: &Subject) -> &str {
    let workload = node.workload.as_deref().unwrap_or_default();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_originals_names_are_kept_for_nodes_without_a_name() {
        assert_eq!(workload_of("test-chain", "node2", 2), "test-chain-2");
        assert_eq!(workload_of("test-chain", "node2", 3), "test-chain-node2");
        assert_eq!(workload_of("test-chain", "berlin", 2), "test-chain-berlin");
    }

    #[test]
    fn what_a_service_cannot_be_called_is_refused() {
        assert_eq!(not_a_label("berlin-1"), None);
        for wrong in ["", "1a", "Berlin", "a_b", "a-", "a.b"] {
            assert!(not_a_label(wrong).is_some(), "{wrong}");
        }
    }
}
