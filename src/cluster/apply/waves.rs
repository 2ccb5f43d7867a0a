//! The order of objects: waves, each in parallel.

use crate::cluster::object_api::ApiKind;

pub(super) const WAVES: usize = 4;

pub(super) const WORKLOADS: usize = 2;

/// The wave of a kind: what others need comes first.
pub(super) fn wave_of(kind: &ApiKind) -> usize {
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("" | "rbac.authorization.k8s.io", "Role" | "ClusterRole") => 0,
        (
            "" | "rbac.authorization.k8s.io" | "networking.k8s.io" | "policy" | "storage.k8s.io",
            "ServiceAccount"
            | "RoleBinding"
            | "ClusterRoleBinding"
            | "Secret"
            | "ConfigMap"
            | "PersistentVolumeClaim"
            | "PersistentVolume"
            | "StorageClass"
            | "Service"
            | "NetworkPolicy"
            | "PodDisruptionBudget",
        ) => 1,
        ("apps", _) | ("", "Pod") => WORKLOADS,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_need_goes_first() {
        let wave = |group: &str, kind: &str| wave_of(&ApiKind::known(group, kind).unwrap());
        assert_eq!(wave("rbac.authorization.k8s.io", "Role"), 0);
        assert_eq!(wave("rbac.authorization.k8s.io", "RoleBinding"), 1);
        assert_eq!(wave("", "ServiceAccount"), 1);
        assert_eq!(wave("", "Secret"), 1);
        assert_eq!(wave("policy", "PodDisruptionBudget"), 1);
        assert_eq!(wave("networking.k8s.io", "NetworkPolicy"), 1);
        assert_eq!(wave("apps", "StatefulSet"), WORKLOADS);
        assert_eq!(wave("networking.k8s.io", "Ingress"), 3);
    }
}
