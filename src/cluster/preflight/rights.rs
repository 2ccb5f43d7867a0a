//! The rights that applying a chain needs, and those that its user lacks.

use std::collections::{BTreeMap, BTreeSet};

use super::{ClaimChecks, Finding};
use crate::cluster::connect::Connection;
use crate::cluster::error::ClusterError;
use crate::cluster::object_api::ApiKind;
use crate::cluster::rights::{Right, Rights, role_yaml};

/// The rights that applying these kinds needs in a namespace.
pub fn needed_rights(checks: &ClaimChecks<'_>) -> BTreeSet<Right> {
    let mut needed: BTreeSet<Right> = BTreeSet::new();
    needed.extend(Right::each(
        "",
        "configmaps",
        &["get", "list", "create", "update", "delete"],
    ));
    needed.extend(Right::each("", "pods", &["list", "watch"]));
    needed.extend(Right::each("", "events", &["list"]));
    if checks.makes_vaults {
        needed.extend(Right::each("", "secrets", &["get", "create"]));
    }
    for (group, kind) in checks.kinds {
        let Some(kind) = ApiKind::known(group, kind).filter(|kind| kind.namespaced) else {
            continue;
        };
        // Applying an object that is not there needs `create` too.
        needed.extend(Right::each(
            &kind.group,
            &kind.plural,
            &["get", "list", "create", "patch"],
        ));
        if kind.kind != "PersistentVolumeClaim" {
            needed.extend(Right::each(&kind.group, &kind.plural, &["delete"]));
        }
        if kind.group == "apps" {
            needed.extend(Right::each(&kind.group, &kind.plural, &["watch"]));
        }
    }
    needed
}

pub(super) async fn check_rights(
    connection: &Connection,
    checks: &ClaimChecks<'_>,
    namespace: &str,
) -> Result<Option<Finding>, ClusterError> {
    let rights = connection.rights(namespace).await?;
    Ok(lacks(&rights, checks, namespace))
}

/// What is found of a user's rights.
fn lacks(rights: &Rights, checks: &ClaimChecks<'_>, namespace: &str) -> Option<Finding> {
    let needed = needed_rights(checks);
    let missing = rights.missing(&needed);
    let out_of_reach = rights.missing(checks.reaches);
    if missing.is_empty() && out_of_reach.is_empty() {
        return None;
    }
    let wanted = needed.iter().chain(checks.reaches).cloned();
    let hint = format!(
        "ask an administrator for this Role and a RoleBinding to it:\n{}",
        role_yaml("kubectl-chain", namespace, wanted)
    );
    if missing.is_empty() {
        let message = format!(
            "not allowed in namespace {namespace:?}: {}; plugins reach pods by it, and may not get their part done",
            listed(&out_of_reach)
        );
        return Some(Finding::warning(message, hint));
    }
    let message = format!(
        "not allowed in namespace {namespace:?}: {}",
        listed(&missing)
    );
    Some(if rights.incomplete {
        Finding::warning(
            format!("perhaps {message} (the server cannot list all rights)"),
            hint,
        )
    } else {
        Finding::error(message, hint)
    })
}

/// `get/list configmaps, patch statefulsets.apps`.
fn listed(rights: &BTreeSet<Right>) -> String {
    let mut by_resource: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for right in rights {
        let resource = if right.group.is_empty() {
            right.resource.clone()
        } else {
            format!("{}.{}", right.resource, right.group)
        };
        by_resource.entry(resource).or_default().push(&right.verb);
    }
    let list: Vec<String> = by_resource
        .iter()
        .map(|(resource, verbs)| format!("{} {resource}", verbs.join("/")))
        .collect();
    list.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::preflight::Severity;
    use serde_json::json;

    #[test]
    fn what_plugins_lack_in_pods_is_a_warning_only() {
        let (namespaces, kinds) = (BTreeSet::from(["n".to_owned()]), BTreeSet::new());
        let checks = ClaimChecks {
            chain: "c",
            uid: "",
            namespaces: &namespaces,
            kinds: &kinds,
            claims: &[],
            makes_vaults: false,
            reaches: &BTreeSet::from_iter(Right::each("", "pods/portforward", &["create"])),
        };
        let rights = |more: &str| {
            let rule = |resources: &[&str], verbs: &[&str]| json!({"apiGroups": [""], "resources": resources, "verbs": verbs});
            let rules = [
                rule(&["configmaps"], &["*"]),
                rule(&["pods"], &["list", "watch"]),
                rule(&["events"], &["list"]),
                rule(&[more], &["create"]),
            ];
            Rights::from_review(&json!({"status": {"resourceRules": rules, "incomplete": false}}))
        };
        assert_eq!(lacks(&rights("pods/portforward"), &checks, "n"), None);
        let found = lacks(&rights("pods/eviction"), &checks, "n").unwrap();
        assert_eq!(found.severity, Severity::Warning);
        assert!(found.message.contains("create pods/portforward"), "{found}");
        let role = found.hint.unwrap();
        assert!(
            role.contains("pods/portforward") && role.contains("configmaps"),
            "{role}"
        );
        // What is needed in any case ends it.
        let found = lacks(&Rights::default(), &checks, "n").unwrap();
        assert_eq!(found.severity, Severity::Error);
    }
}
