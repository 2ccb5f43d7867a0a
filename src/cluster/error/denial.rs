//! What a user may not do, and the right that would allow it.

/// What the user may not do, and the Role that would allow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Kubernetes verb, e.g. `patch`.
    pub verb: String,
    /// Resource in the plural, with its subresource if any, e.g. `pods/log`.
    pub resource: String,
    /// API group, "" for core.
    pub group: String,
    /// Namespace, "" for cluster-scoped resources.
    pub namespace: String,
    /// What the server said.
    pub message: String,
}

impl Denial {
    /// `statefulsets.apps`, or `secrets` in the core group.
    pub(super) fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.resource.clone()
        } else {
            format!("{}.{}", self.resource, self.group)
        }
    }

    /// The right that is missing.
    pub(super) fn right(&self) -> crate::cluster::rights::Right {
        crate::cluster::rights::Right {
            verb: self.verb.clone(),
            group: self.group.clone(),
            resource: self.resource.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::error::ClusterError;

    #[test]
    fn a_denial_brings_its_role() {
        let error = ClusterError::Forbidden(Box::new(Denial {
            verb: "create".into(),
            resource: "secrets".into(),
            group: String::new(),
            namespace: "team".into(),
            message: "no".into(),
        }));
        assert_eq!(
            error.to_string(),
            "not allowed to create secrets in namespace \"team\": no"
        );
        let hint = error.hint().unwrap_or_default();
        assert!(
            hint.contains("kind: Role") && hint.contains("secrets"),
            "{hint}"
        );
    }
}
