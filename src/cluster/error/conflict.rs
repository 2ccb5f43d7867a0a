//! Fields that other managers own: how a conflict reads, and the ways out of it.

use std::fmt;

use super::lines;

/// A field that another manager owns, as server-side apply reports it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldConflict {
    /// The other manager, as the server prints it, e.g. `"kubectl" with subresource "scale"`.
    pub manager: String,
    /// Path of the field, e.g. `.spec.replicas`.
    pub path: String,
}

pub(super) fn field_conflicts(what: &str, conflicts: &[FieldConflict]) -> String {
    struct Each<'a>(&'a FieldConflict);
    impl fmt::Display for Each<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "conflict with {}: {}", self.0.manager, self.0.path)
        }
    }
    let each: Vec<String> = conflicts.iter().map(|c| Each(c).to_string()).collect();
    match each.as_slice() {
        [one] => format!("{what}: apply failed with 1 {one}"),
        many => format!(
            "{what}: apply failed with {} conflicts:\n{}",
            many.len(),
            lines(many)
        ),
    }
}

pub(super) fn conflict_hint(conflicts: &[FieldConflict]) -> String {
    let mut text = String::from(
        "another manager owns these fields. Three ways out:\n\
         * to make kubectl chain their manager, run the command again with --force-conflicts\n\
         * to leave them to the other manager, give the same value under `patches` in chain.yaml, or remove the field there\n\
         * to let the other manager give them up, undo its change (kubectl apply --server-side of an object without them)",
    );
    if conflicts.iter().any(|c| c.path == ".spec.replicas") {
        text.push_str(
            "\na node is scaled with `kubectl chain stop` and `kubectl chain start`, not with kubectl scale: \
             they record what is wanted",
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::error::ClusterError;

    #[test]
    fn one_conflict_reads_as_kubectl_says_it() {
        let error = ClusterError::FieldConflict {
            what: "statefulset.apps/c-0".into(),
            conflicts: vec![FieldConflict {
                manager: "\"kubectl\" with subresource \"scale\"".into(),
                path: ".spec.replicas".into(),
            }],
        };
        assert_eq!(
            error.to_string(),
            "statefulset.apps/c-0: apply failed with 1 conflict with \"kubectl\" with subresource \"scale\": .spec.replicas"
        );
        assert!(
            error
                .hint()
                .is_some_and(|h| h.contains("--force-conflicts") && h.contains("stop"))
        );
    }
}
