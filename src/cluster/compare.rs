//! Whether applying an object would change anything, told from the live object alone.
//!
//! The server notes in `managedFields` which fields our last apply owns, and takes a field away from us when somebody
//! else changes it. So nothing would change if exactly the fields that we would send are ours, and their values are
//! equal. This finds drift that was made by hand, and fields that we no longer send. When in doubt (the server wrote a
//! value in another form, e.g. `1000m` as `1`) the answer is "not the same", and a real apply finds out.

use serde_json::{Map, Value};

use super::request::FIELD_MANAGER;

/// Whether applying `sent` to `live` would change nothing.
pub fn is_unchanged(sent: &Value, live: &Value) -> bool {
    let Some(fields) = our_fields(live, sent) else {
        return false;
    };
    let (Value::Object(sent), Value::Object(live), Value::Object(fields)) = (sent, live, fields)
    else {
        return false;
    };
    same_map(sent, live, fields, &["apiVersion", "kind"], true)
}

/// Whether our manager has applied this object at some time: the ground for pruning it.
pub fn is_applied_by_us(live: &Value) -> bool {
    entries(live).any(is_ours)
}

fn entries(live: &Value) -> impl Iterator<Item = &Value> {
    live.pointer("/metadata/managedFields")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn is_ours(entry: &Value) -> bool {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
    text("manager") == FIELD_MANAGER
        && text("operation") == "Apply"
        && text("subresource").is_empty()
}

/// The fields of our one Apply entry, if it is of the version that we send.
fn our_fields<'a>(live: &'a Value, sent: &Value) -> Option<&'a Value> {
    let mut ours = entries(live).filter(|entry| is_ours(entry));
    let entry = ours.next()?;
    if ours.next().is_some() || entry.get("apiVersion") != sent.get("apiVersion") {
        return None;
    }
    entry.get("fieldsV1")
}

/// Compares two maps along the fields that we own. `ignored` keys of `sent` are never owned. At the top, name and
/// namespace are not owned either.
fn same_map(
    sent: &Map<String, Value>,
    live: &Map<String, Value>,
    fields: &Map<String, Value>,
    ignored: &[&str],
    top: bool,
) -> bool {
    // Every field that we own is still sent, with the live value.
    let mut owned = 0;
    for (path, below) in fields {
        if path == "." {
            continue;
        }
        let Some(name) = path.strip_prefix("f:") else {
            return false;
        };
        let (Some(sent), Some(live)) = (sent.get(name), live.get(name)) else {
            return false;
        };
        let same = match (top && name == "metadata", sent, live, below) {
            (true, Value::Object(sent), Value::Object(live), Value::Object(below)) => {
                same_map(sent, live, below, &["name", "namespace"], false)
            }
            _ => same(sent, live, below),
        };
        if !same {
            return false;
        }
        owned += 1;
    }
    // Nothing is sent that we do not own yet.
    let mut not_owned = 0;
    for name in sent.keys() {
        if ignored.contains(&name.as_str()) {
            not_owned += 1;
        } else if top && name == "metadata" && !fields.contains_key("f:metadata") {
            let bare = sent
                .get(name)
                .and_then(Value::as_object)
                .is_some_and(|m| m.keys().all(|k| k == "name" || k == "namespace"));
            if !bare {
                return false;
            }
            not_owned += 1;
        }
    }
    sent.len() == owned + not_owned
}

fn same(sent: &Value, live: &Value, fields: &Value) -> bool {
    let Value::Object(fields) = fields else {
        return false;
    };
    if fields.keys().all(|key| key == ".") {
        // A leaf: a scalar, or a map or list that is owned as a whole.
        return covers(live, sent);
    }
    match (sent, live) {
        (Value::Object(sent), Value::Object(live)) => same_map(sent, live, fields, &[], false),
        (Value::Array(sent), Value::Array(live)) => same_list(sent, live, fields),
        _ => false,
    }
}

/// Compares lists whose entries have an identity: by keys (`k:`) or by value (`v:`).
fn same_list(sent: &[Value], live: &[Value], fields: &Map<String, Value>) -> bool {
    let mut matched = vec![false; sent.len()];
    for (path, below) in fields {
        if path == "." {
            continue;
        }
        if let Some(keys) = path.strip_prefix("k:") {
            let Ok(Value::Object(keys)) = serde_json::from_str(keys) else {
                return false;
            };
            let Some(live) = live.iter().find(|item| has_keys(item, &keys, false)) else {
                return false;
            };
            // A key may be left to its default in what is sent (a port's protocol); an exact match goes first.
            let found = [false, true].into_iter().find_map(|lenient| {
                sent.iter()
                    .zip(&matched)
                    .position(|(item, taken)| !taken && has_keys(item, &keys, lenient))
            });
            let Some(at) = found else { return false };
            let (Some(Value::Object(sent)), Value::Object(live), Value::Object(below)) =
                (sent.get(at), live, below)
            else {
                return false;
            };
            if !same_keyed(sent, live, below, &keys) {
                return false;
            }
            if let Some(taken) = matched.get_mut(at) {
                *taken = true;
            }
        } else if let Some(value) = path.strip_prefix("v:") {
            let Ok(value) = serde_json::from_str::<Value>(value) else {
                return false;
            };
            let found = sent
                .iter()
                .zip(&matched)
                .position(|(item, taken)| !taken && *item == value);
            let Some(at) = found else { return false };
            if !live.contains(&value) {
                return false;
            }
            if let Some(taken) = matched.get_mut(at) {
                *taken = true;
            }
        } else {
            return false;
        }
    }
    matched.into_iter().all(|taken| taken)
}

/// An entry of a list: its key fields are owned too, and may be defaulted.
fn same_keyed(
    sent: &Map<String, Value>,
    live: &Map<String, Value>,
    fields: &Map<String, Value>,
    keys: &Map<String, Value>,
) -> bool {
    let mut fields = fields.clone();
    for key in keys.keys() {
        if !sent.contains_key(key) {
            fields.remove(&format!("f:{key}"));
        }
    }
    same_map(sent, live, &fields, &[], false)
}

fn has_keys(item: &Value, keys: &Map<String, Value>, lenient: bool) -> bool {
    keys.iter().all(|(key, value)| match item.get(key) {
        Some(found) => found == value,
        None => lenient,
    })
}

/// Whether everything in `sent` is in `live` with an equal value. `live` may have more keys: defaults.
fn covers(live: &Value, sent: &Value) -> bool {
    match (live, sent) {
        (Value::Object(live), Value::Object(sent)) => sent
            .iter()
            .all(|(key, value)| live.get(key).is_some_and(|there| covers(there, value))),
        (Value::Array(live), Value::Array(sent)) => {
            live.len() == sent.len() && live.iter().zip(sent).all(|(a, b)| covers(a, b))
        }
        (Value::Number(live), Value::Number(sent)) => {
            live == sent || live.as_f64() == sent.as_f64()
        }
        (live, sent) => live == sent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sent() -> Value {
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "s", "namespace": "n", "labels": {"a": "b"}},
            "spec": {"ports": [{"name": "p", "port": 80}], "selector": {"x": "y"}},
        })
    }

    fn live() -> Value {
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {
                "name": "s", "namespace": "n", "labels": {"a": "b", "other": "label"}, "resourceVersion": "9",
                "managedFields": [{
                    "manager": "kubectl-chain", "operation": "Apply", "apiVersion": "v1",
                    "fieldsV1": {
                        "f:metadata": {"f:labels": {"f:a": {}}},
                        "f:spec": {
                            "f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}, "f:port": {}}},
                            "f:selector": {},
                        },
                    },
                }],
            },
            "spec": {
                "clusterIP": "10.0.0.1", "type": "ClusterIP", "selector": {"x": "y"},
                "ports": [{"name": "p", "port": 80, "protocol": "TCP", "targetPort": 80}],
            },
        })
    }

    #[test]
    fn equal_is_unchanged_whatever_was_defaulted() {
        assert!(is_unchanged(&sent(), &live()));
    }

    #[test]
    fn a_value_a_field_more_and_a_field_less_are_changes() {
        let mut other = sent();
        other["metadata"]["labels"]["a"] = json!("c");
        assert!(!is_unchanged(&other, &live()));
        let mut more = sent();
        more["spec"]["type"] = json!("ClusterIP");
        assert!(!is_unchanged(&more, &live()));
        let mut less = sent();
        less["metadata"]["labels"] = json!({});
        assert!(!is_unchanged(&less, &live()));
        let mut port = sent();
        port["spec"]["ports"] = json!([{"name": "p", "port": 80}, {"name": "q", "port": 81}]);
        assert!(!is_unchanged(&port, &live()));
    }

    #[test]
    fn drift_made_by_hand_is_seen_in_the_value_and_in_the_ownership() {
        let mut value = live();
        value["spec"]["selector"]["x"] = json!("z");
        assert!(!is_unchanged(&sent(), &value));
        let mut owner = live();
        owner["metadata"]["managedFields"][0]["fieldsV1"]["f:metadata"] = json!({});
        assert!(!is_unchanged(&sent(), &owner));
        let mut never = live();
        never["metadata"]["managedFields"] = json!([]);
        assert!(!is_unchanged(&sent(), &never));
        assert!(!is_applied_by_us(&never));
    }
}
