//! Rights: which the host needs, which the user has, and the minimal Role that closes the gap.
//!
//! One `SelfSubjectRulesReview` per namespace answers for all verbs. Where the server says that its answer is incomplete
//! (some authorizers cannot list their rules), a missing right is a warning only.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::connect::Connection;
use super::error::ClusterError;

/// One right: a verb on a resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// e.g. `patch`.
    pub verb: String,
    /// API group, "" for core.
    pub group: String,
    /// Plural, with the subresource if any: `pods/log`.
    pub resource: String,
}

impl Right {
    /// Several verbs on one resource.
    pub fn each(group: &str, resource: &str, verbs: &[&str]) -> Vec<Self> {
        verbs
            .iter()
            .map(|verb| Self {
                verb: (*verb).to_owned(),
                group: group.to_owned(),
                resource: resource.to_owned(),
            })
            .collect()
    }
}

/// What a user may do in one namespace.
#[derive(Debug, Clone, Default)]
pub struct Rights {
    rules: Vec<Rule>,
    /// The server could not list everything: what is not in here may be allowed all the same.
    pub incomplete: bool,
}

#[derive(Debug, Clone)]
struct Rule {
    verbs: Vec<String>,
    groups: Vec<String>,
    resources: Vec<String>,
    names: Vec<String>,
}

impl Rights {
    /// Reads the `status` of a `SelfSubjectRulesReview`.
    pub fn from_review(review: &Value) -> Self {
        let strings = |rule: &Value, key: &str| -> Vec<String> {
            rule.get(key)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|v| v.as_str().map(str::to_owned))
                .collect()
        };
        let rules = review
            .pointer("/status/resourceRules")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(|rule| Rule {
                verbs: strings(rule, "verbs"),
                groups: strings(rule, "apiGroups"),
                resources: strings(rule, "resources"),
                names: strings(rule, "resourceNames"),
            })
            .collect();
        Self {
            rules,
            incomplete: review
                .pointer("/status/incomplete")
                .and_then(Value::as_bool)
                .unwrap_or(false),
        }
    }

    /// Whether the user has this right on all objects of the resource.
    pub fn allow(&self, right: &Right) -> bool {
        let has = |list: &[String], wanted: &str| list.iter().any(|x| x == "*" || x == wanted);
        let any_subresource = right
            .resource
            .split_once('/')
            .map(|(_, sub)| format!("*/{sub}"));
        self.rules.iter().any(|rule| {
            rule.names.is_empty()
                && has(&rule.verbs, &right.verb)
                && has(&rule.groups, &right.group)
                && (has(&rule.resources, &right.resource)
                    || any_subresource
                        .as_ref()
                        .is_some_and(|any| rule.resources.contains(any)))
        })
    }

    /// Those of the needed rights that the user does not have.
    pub fn missing<'a>(&self, needed: impl IntoIterator<Item = &'a Right>) -> BTreeSet<Right> {
        needed
            .into_iter()
            .filter(|right| !self.allow(right))
            .cloned()
            .collect()
    }
}

impl Connection {
    /// Asks what the user may do in a namespace.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn rights(&self, namespace: &str) -> Result<Rights, ClusterError> {
        let body = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectRulesReview",
            "spec": {"namespace": namespace},
        });
        let answer = self
            .ask(
                "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
                &body,
            )
            .await?;
        Ok(Rights::from_review(&answer))
    }
}

/// The YAML of the smallest Role (with a namespace) or `ClusterRole` (without) that gives these rights.
pub fn role_yaml(name: &str, namespace: &str, rights: impl IntoIterator<Item = Right>) -> String {
    let mut verbs: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for right in rights {
        verbs
            .entry((right.group, right.resource))
            .or_default()
            .insert(right.verb);
    }
    // Resources of one group with the same verbs share a rule.
    let mut rules: BTreeMap<(String, BTreeSet<String>), Vec<String>> = BTreeMap::new();
    for ((group, resource), verbs) in verbs {
        rules.entry((group, verbs)).or_default().push(resource);
    }
    let quoted = |items: &mut dyn Iterator<Item = &String>| -> String {
        items
            .map(|item| format!("{item:?}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut yaml = String::from("apiVersion: rbac.authorization.k8s.io/v1\n");
    if namespace.is_empty() {
        let _ = write!(
            yaml,
            "kind: ClusterRole\nmetadata:\n  name: {name:?}\nrules:\n"
        );
    } else {
        let _ = write!(
            yaml,
            "kind: Role\nmetadata:\n  name: {name:?}\n  namespace: {namespace:?}\nrules:\n"
        );
    }
    for ((group, verbs), resources) in rules {
        let _ = writeln!(
            yaml,
            "- apiGroups: [{group:?}]\n  resources: [{}]\n  verbs: [{}]",
            quoted(&mut resources.iter()),
            quoted(&mut verbs.iter()),
        );
    }
    yaml.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(rules: &Value) -> Rights {
        Rights::from_review(&json!({"status": {"resourceRules": rules, "incomplete": false}}))
    }

    #[test]
    fn stars_and_names_are_understood() {
        let all = rights(&json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]));
        assert!(
            all.missing(&Right::each("apps", "statefulsets", &["patch", "list"]))
                .is_empty()
        );

        let some = rights(&json!([
            {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["configmaps", "*/log"]},
            {"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["one"]},
        ]));
        assert!(some.allow(&Right::each("", "pods/log", &["get"]).remove(0)));
        assert!(!some.allow(&Right::each("", "secrets", &["get"]).remove(0)));
        assert_eq!(
            some.missing(&Right::each("", "configmaps", &["get", "create"]))
                .len(),
            1
        );
    }

    #[test]
    fn the_role_is_as_small_as_it_can_be() {
        let mut needed = Right::each("", "services", &["patch", "list"]);
        needed.extend(Right::each("", "configmaps", &["list", "patch"]));
        needed.extend(Right::each("apps", "statefulsets", &["patch"]));
        assert_eq!(
            role_yaml("kubectl-chain", "team", needed),
            "apiVersion: rbac.authorization.k8s.io/v1\n\
             kind: Role\n\
             metadata:\n  name: \"kubectl-chain\"\n  namespace: \"team\"\n\
             rules:\n\
             - apiGroups: [\"\"]\n  resources: [\"configmaps\", \"services\"]\n  verbs: [\"list\", \"patch\"]\n\
             - apiGroups: [\"apps\"]\n  resources: [\"statefulsets\"]\n  verbs: [\"patch\"]"
        );
    }
}
