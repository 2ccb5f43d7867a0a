//! A Kubernetes object as ordered JSON, and its identity.
//!
//! Maps are sorted (`serde_json` without `preserve_order`), so equal objects have equal bytes.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use crate::state::ObjectId;

/// One object for one cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// Cluster by its name in the spec, "" for home.
    pub cluster: String,
    /// The object, with `apiVersion`, `kind` and `metadata.name`.
    pub value: Value,
}

impl Object {
    /// Group, kind, namespace, name and cluster.
    pub fn id(&self) -> ObjectId {
        let (group, _) = group_version(text(&self.value, &["apiVersion"]));
        ObjectId {
            group: group.to_owned(),
            kind: self.kind().to_owned(),
            namespace: self.namespace().to_owned(),
            name: self.name().to_owned(),
            cluster: self.cluster.clone(),
        }
    }

    /// `kind`, "" when there is none.
    pub fn kind(&self) -> &str {
        text(&self.value, &["kind"])
    }

    /// `metadata.name`, "" when there is none.
    pub fn name(&self) -> &str {
        text(&self.value, &["metadata", "name"])
    }

    /// `metadata.namespace`, "" when there is none.
    pub fn namespace(&self) -> &str {
        text(&self.value, &["metadata", "namespace"])
    }

    /// As kubectl says it: `statefulset.apps/test-chain-0`, `service/test-chain-0`.
    pub fn display(&self) -> String {
        display(text(&self.value, &["apiVersion"]), self.kind(), self.name())
    }
}

/// `kind.group/name` in lower case, as kubectl says it.
pub fn display(api_version: &str, kind: &str, name: &str) -> String {
    let (group, _) = group_version(api_version);
    let kind = kind.to_ascii_lowercase();
    if group.is_empty() {
        format!("{kind}/{name}")
    } else {
        format!("{kind}.{group}/{name}")
    }
}

/// `apps/v1` is (`apps`, `v1`), `v1` is ("", `v1`).
pub fn group_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

/// In which wave an object is applied: accounts and rights, then what workloads use, then workloads, then Ingress.
pub fn wave(kind: &str) -> u8 {
    match kind {
        "ServiceAccount" => 0,
        "Role" | "ClusterRole" => 1,
        "RoleBinding" | "ClusterRoleBinding" => 2,
        "StatefulSet" | "Deployment" => 5,
        "Ingress" => 6,
        "Service" => 3,
        _ => 4,
    }
}

/// The order of output and of apply: cluster, wave, namespace, kind, name.
pub fn order(a: &Object, b: &Object) -> Ordering {
    let key = |o: &Object| (wave(o.kind()), o.kind() != "Service");
    a.cluster
        .cmp(&b.cluster)
        .then_with(|| key(a).cmp(&key(b)))
        .then_with(|| a.namespace().cmp(b.namespace()))
        .then_with(|| a.kind().cmp(b.kind()))
        .then_with(|| natural(a.name(), b.name()))
        .then_with(|| text(&a.value, &["apiVersion"]).cmp(text(&b.value, &["apiVersion"])))
}

/// `node-2` before `node-10`: digits compare as numbers.
fn natural(a: &str, b: &str) -> Ordering {
    let number = |s: &str| {
        let head = s.trim_end_matches(|c: char| c.is_ascii_digit());
        let tail = s.get(head.len()..).unwrap_or_default();
        (
            head.to_owned(),
            tail.trim_start_matches('0').len(),
            tail.to_owned(),
        )
    };
    number(a).cmp(&number(b)).then_with(|| a.cmp(b))
}

/// The value at a path of map keys.
pub fn get<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |at, key| at.get(key))
}

/// The text at a path, "" when there is none.
pub fn text<'a>(value: &'a Value, path: &[&str]) -> &'a str {
    get(value, path).and_then(Value::as_str).unwrap_or_default()
}

/// The list at a path, empty when there is none.
pub fn list<'a>(value: &'a Value, path: &[&str]) -> &'a [Value] {
    get(value, path)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The map at a path; made, with its parents, where something else or nothing stands. It is always there.
pub fn map_at<'a>(value: &'a mut Value, path: &[&str]) -> Option<&'a mut Map<String, Value>> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    let map = value.as_object_mut()?;
    match path {
        [] => Some(map),
        [head, rest @ ..] => map_at(map.entry(*head).or_insert(Value::Null), rest),
    }
}

/// Sets one field, making its parents.
pub fn set(value: &mut Value, path: &[&str], key: &str, new: Value) {
    if let Some(map) = map_at(value, path) {
        map.insert(key.to_owned(), new);
    }
}

/// Appends to the list `key` in the map at `path`, making both.
pub fn push(value: &mut Value, path: &[&str], key: &str, new: Value) {
    if let Some(map) = map_at(value, path) {
        let slot = map.entry(key).or_insert_with(|| Value::Array(Vec::new()));
        match slot {
            Value::Array(list) => list.push(new),
            other => *other = Value::Array(vec![new]),
        }
    }
}

/// Sets what is missing in `target` from `defaults`, map by map; never changes what is there, nor merges lists.
pub fn fill_under(target: &mut Value, defaults: Value) {
    match (target, defaults) {
        (Value::Object(target), Value::Object(defaults)) => {
            for (key, value) in defaults {
                match target.get_mut(&key) {
                    Some(there) => fill_under(there, value),
                    None => {
                        target.insert(key, value);
                    }
                }
            }
        }
        (target @ Value::Null, defaults) => *target = defaults,
        _ => {}
    }
}

/// Sets everything of `over` in `target`, map by map; lists and scalars are replaced, null in `over` changes nothing.
pub fn lay_over(target: &mut Value, over: &Value) {
    match (target, over) {
        (_, Value::Null) => {}
        (Value::Object(target), Value::Object(over)) => {
            for (key, value) in over {
                lay_over(target.entry(key.as_str()).or_insert(Value::Null), value);
            }
        }
        (target, over) => *target = over.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(api: &str, kind: &str, name: &str) -> Object {
        Object {
            cluster: String::new(),
            value: json!({"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "ns"}}),
        }
    }

    #[test]
    fn identity_is_group_kind_namespace_name_and_cluster() {
        let id = object("apps/v1", "StatefulSet", "a").id();
        assert_eq!(
            (id.group.as_str(), id.kind.as_str()),
            ("apps", "StatefulSet")
        );
        assert_eq!(object("v1", "Service", "a").id().group, "");
    }

    #[test]
    fn objects_are_named_as_kubectl_names_them() {
        assert_eq!(
            object("apps/v1", "StatefulSet", "a").display(),
            "statefulset.apps/a"
        );
        assert_eq!(object("v1", "ConfigMap", "a").display(), "configmap/a");
    }

    #[test]
    fn services_come_before_workloads_and_node_2_before_node_10() {
        let mut all = [
            object("networking.k8s.io/v1", "Ingress", "a"),
            object("apps/v1", "StatefulSet", "c-10"),
            object("apps/v1", "StatefulSet", "c-2"),
            object("v1", "ConfigMap", "a"),
            object("v1", "Service", "z"),
            object("v1", "ServiceAccount", "z"),
        ];
        all.sort_by(order);
        let names: Vec<_> = all.iter().map(Object::display).collect();
        assert_eq!(
            names,
            [
                "serviceaccount/z",
                "service/z",
                "configmap/a",
                "statefulset.apps/c-2",
                "statefulset.apps/c-10",
                "ingress.networking.k8s.io/a"
            ]
        );
    }

    #[test]
    fn defaults_go_under_what_is_said_and_host_keys_over() {
        let mut value = json!({"a": {"x": 1}, "l": [1]});
        fill_under(&mut value, json!({"a": {"x": 2, "y": 3}, "l": [2]}));
        assert_eq!(value, json!({"a": {"x": 1, "y": 3}, "l": [1]}));
        lay_over(&mut value, &json!({"a": {"y": 4}, "l": null}));
        assert_eq!(value, json!({"a": {"x": 1, "y": 4}, "l": [1]}));
    }
}
