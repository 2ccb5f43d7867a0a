//! The user's patches: the last word on every object.
//!
//! Merged by the same list-map keys as everything else, so a patch of one port cannot turn another into it. Null
//! deletes a field; a list entry with `$patch: delete` goes; other lists are replaced. What identifies an object cannot
//! be patched.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::input::Patch;
use super::lists::{ListKind, entry_key, kind_of};
use super::object::{Object, get};
use super::problem::Problem;

/// Applies all patches in order and says which objects were changed (by index). A patch that fits no object is a
/// problem: it is a spelling mistake.
pub fn apply_all(
    patches: &[Patch],
    objects: &mut [Object],
    before: &mut dyn FnMut(usize, &Object),
    problems: &mut Vec<Problem>,
) -> BTreeSet<usize> {
    let mut changed = BTreeSet::new();
    for (index, patch) in patches.iter().enumerate() {
        let target = format!("{}/{}", patch.kind, patch.name);
        let wrong = |why: &str| Problem::Patch {
            index,
            target: target.clone(),
            why: why.to_owned(),
        };
        if !patch.patch.is_object() {
            problems.push(wrong("a patch is a map"));
            continue;
        }
        if let Some(field) = touches_identity(&patch.patch) {
            problems.push(wrong(&format!("{field} cannot be patched")));
            continue;
        }
        let mut fits = false;
        for (at, object) in objects.iter_mut().enumerate() {
            if object.kind() != patch.kind || (patch.name != "*" && object.name() != patch.name) {
                continue;
            }
            fits = true;
            if changed.insert(at) {
                before(at, object);
            }
            let kind = patch.kind.clone();
            if let Err(why) = merge(&kind, &mut object.value, &patch.patch, &mut Vec::new()) {
                problems.push(wrong(&why));
            }
        }
        if !fits {
            problems.push(wrong("no object of the chain has this kind and name"));
        }
    }
    changed
}

fn touches_identity(patch: &Value) -> Option<&'static str> {
    if get(patch, &["apiVersion"]).is_some() {
        return Some("apiVersion");
    }
    if get(patch, &["kind"]).is_some() {
        return Some("kind");
    }
    if get(patch, &["metadata", "name"]).is_some() {
        return Some("metadata.name");
    }
    get(patch, &["metadata", "namespace"]).map(|_| "metadata.namespace")
}

fn merge<'a>(
    kind: &str,
    target: &mut Value,
    patch: &'a Value,
    at: &mut Vec<&'a str>,
) -> Result<(), String> {
    match patch {
        Value::Object(patch) => {
            if !target.is_object() {
                *target = Value::Object(Map::new());
            }
            let Some(target) = target.as_object_mut() else {
                return Ok(());
            };
            for (key, value) in patch {
                if value.is_null() {
                    target.remove(key);
                    continue;
                }
                at.push(key);
                merge(
                    kind,
                    target.entry(key.as_str()).or_insert(Value::Null),
                    value,
                    at,
                )?;
                at.pop();
            }
            Ok(())
        }
        Value::Array(patch) => {
            let (ListKind::Keyed(keys) | ListKind::Owned(keys)) = kind_of(kind, at) else {
                *target = Value::Array(patch.clone());
                return Ok(());
            };
            if !target.is_array() {
                *target = Value::Array(Vec::new());
            }
            let Some(list) = target.as_array_mut() else {
                return Ok(());
            };
            for entry in patch {
                merge_entry(kind, list, entry, keys, at)?;
            }
            Ok(())
        }
        scalar => {
            *target = scalar.clone();
            Ok(())
        }
    }
}

fn merge_entry<'a>(
    kind: &str,
    list: &mut Vec<Value>,
    entry: &'a Value,
    keys: &[&str],
    at: &mut Vec<&'a str>,
) -> Result<(), String> {
    let key = entry_key(keys, entry)
        .ok_or_else(|| format!("an entry of {} has no {}", at.join("."), keys.join("/")))?;
    let place = list
        .iter()
        .position(|there| entry_key(keys, there).as_deref() == Some(key.as_str()));
    if get(entry, &["$patch"]).and_then(Value::as_str) == Some("delete") {
        if let Some(index) = place {
            list.remove(index);
        }
        return Ok(());
    }
    if let Some(there) = place.and_then(|index| list.get_mut(index)) {
        return merge(kind, there, entry, at);
    }
    let mut fresh = Value::Null;
    merge(kind, &mut fresh, entry, at)?;
    list.push(fresh);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn patched(kind: &str, value: Value, patch: Value) -> (Value, Vec<String>) {
        let mut value = value;
        value["kind"] = json!(kind);
        value["metadata"] = json!({"name": "x"});
        let mut objects = vec![Object {
            cluster: String::new(),
            value,
        }];
        let mut problems = Vec::new();
        let patches = [Patch {
            kind: kind.to_owned(),
            name: "x".to_owned(),
            patch,
        }];
        apply_all(&patches, &mut objects, &mut |_, _| (), &mut problems);
        let mut value = objects.remove(0).value;
        value.as_object_mut().unwrap().remove("kind");
        value.as_object_mut().unwrap().remove("metadata");
        (value, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_patch_of_the_udp_port_leaves_the_tcp_port_alone() {
        let (value, problems) = patched(
            "Service",
            json!({"spec": {"ports": [{"port": 1, "name": "a"}, {"port": 1, "protocol": "UDP", "name": "b"}]}}),
            json!({"spec": {"ports": [{"port": 1, "protocol": "UDP", "nodePort": 30000}]}}),
        );
        assert!(problems.is_empty());
        assert_eq!(
            value,
            json!({"spec": {"ports": [{"port": 1, "name": "a"}, {"port": 1, "protocol": "UDP", "name": "b", "nodePort": 30000}]}})
        );
    }

    #[test]
    fn null_deletes_a_field_and_patch_delete_an_entry() {
        let (value, _) = patched(
            "StatefulSet",
            json!({"spec": {"a": 1, "b": 2, "template": {"spec": {"containers": [{"name": "a"}, {"name": "b", "args": ["1", "2"]}]}}}}),
            json!({"spec": {"a": null, "template": {"spec": {"containers": [{"name": "a", "$patch": "delete"}, {"name": "b", "args": ["3"]}]}}}}),
        );
        assert_eq!(
            value,
            json!({"spec": {"b": 2, "template": {"spec": {"containers": [{"name": "b", "args": ["3"]}]}}}})
        );
    }

    #[test]
    fn identity_and_unknown_targets_are_refused() {
        let (_, problems) = patched("Service", json!({}), json!({"metadata": {"name": "y"}}));
        assert_eq!(
            problems,
            ["patches[0] (Service/x): metadata.name cannot be patched"]
        );
        let mut problems = Vec::new();
        let patches = [Patch {
            kind: "Service".to_owned(),
            name: "nobody".to_owned(),
            patch: json!({}),
        }];
        apply_all(&patches, &mut [], &mut |_, _| (), &mut problems);
        assert_eq!(
            problems[0].to_string(),
            "patches[0] (Service/nobody): no object of the chain has this kind and name"
        );
    }
}
