//! The options: a schema that a host can use, and flags that are nobody else's.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Check, Subject};
use crate::pipeline::options::{is_secret, properties, validator};
use crate::plugin::flags;

/// What this host knows of the keys that begin with `x-chain-`.
const KEYS: [&str; 5] = [
    "x-chain-secret",
    "x-chain-fixed",
    "x-chain-scope",
    "x-chain-flag",
    "x-chain-addresses",
];

/// The schema of the options.
pub fn check(subject: &Subject<'_>) -> Check {
    let mut check = Check::new("options");
    let schema = &subject.descriptor().options;
    schema_of(&mut check, "/options", schema);
    if !check.passed() {
        return check;
    }
    let known: BTreeMap<&str, &Value> = properties(schema)
        .map(|(name, property)| (name.as_str(), property))
        .collect();
    for (name, property) in &known {
        let path = format!("/options/properties/{name}");
        let plain = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_alphanumeric());
        if !plain {
            let hint = "letters and digits, the first a small one: it becomes a flag";
            check.fault(
                &path,
                format!("`{name}` is not written in camelCase"),
                Some(hint),
            );
        }
        for key in property.as_object().into_iter().flat_map(Map::keys) {
            if key.starts_with("x-chain-") && !KEYS.contains(&key.as_str()) {
                check.warn(format!("{path}/{key}"), "no host knows it", None);
            }
        }
        if is_secret(property) {
            secret(&mut check, &path, name, property, &known);
        } else if let Some(default) = property.get("default") {
            fits(&mut check, schema, &path, name, default);
        }
    }
    check.detail = match known.len() {
        0 => "none".to_owned(),
        count => count.to_string(),
    };
    check
}

/// A schema compiles: regular expressions that take time as long as the text, and no reference to elsewhere.
pub fn schema_of(check: &mut Check, path: &str, schema: &Value) {
    if schema.is_null() {
        return;
    }
    if !schema.is_object() {
        check.fault(path, "it is no JSON schema: an object", None);
        return;
    }
    let mut references = Vec::new();
    remote(schema, path, &mut references);
    for (place, target) in references {
        let hint = "put the definition into the schema itself, under `$defs`";
        let message = format!("`$ref` to {target}: a host fetches nothing");
        check.fault(place, message, Some(hint));
    }
    if !check.passed() {
        return;
    }
    if let Err(fault) = validator(schema) {
        let place = format!("{path}{}", fault.instance_path());
        let hint =
            "patterns are linear regular expressions: without look-around and back-references";
        check.fault(
            place,
            format!("the schema does not compile: {fault}"),
            Some(hint),
        );
    }
}

/// All references that lead out of a schema.
fn remote(value: &Value, path: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let here = format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
                if let ("$ref" | "$dynamicRef", Some(target)) = (key.as_str(), value.as_str())
                    && !target.starts_with('#')
                {
                    found.push((here.clone(), target.to_owned()));
                }
                remote(value, &here, found);
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                remote(value, &format!("{path}/{index}"), found);
            }
        }
        _ => {}
    }
}

fn secret(
    check: &mut Check,
    path: &str,
    name: &str,
    property: &Value,
    known: &BTreeMap<&str, &Value>,
) {
    if property.get("default").is_some() {
        let hint = "make a strong one in provision when none is given";
        check.fault(
            format!("{path}/default"),
            "a secret that all users share is none",
            Some(hint),
        );
    }
    if property.get("type").and_then(Value::as_str) != Some("string") {
        check.fault(format!("{path}/type"), "a secret is text: `string`", None);
    }
    for suffix in ["File", "Env"] {
        if known.contains_key(format!("{name}{suffix}").as_str()) {
            let message = format!(
                "`{name}{suffix}` is how the host takes it from elsewhere, and another option too"
            );
            check.fault(path, message, None);
        }
    }
}

/// A default is filled in by the host, so it must fit.
fn fits(check: &mut Check, schema: &Value, path: &str, name: &str, default: &Value) {
    // Alone, so that what else is required does not matter.
    let mut alone = schema.clone();
    if let Some(map) = alone.as_object_mut() {
        map.remove("required");
    }
    let Ok(validator) = validator(&alone) else {
        return;
    };
    let given = json!({name: default});
    let begins = format!("/{name}");
    let fault = validator
        .iter_errors(&given)
        .find(|it| it.instance_path().to_string().starts_with(&begins));
    if let Some(fault) = fault {
        check.fault(
            format!("{path}/default"),
            format!("it does not fit: {fault}"),
            None,
        );
    }
}

/// The flags that the descriptor adds.
pub fn flags(subject: &Subject<'_>) -> Check {
    let mut check = Check::new("flags");
    let it = subject.descriptor();
    let all = flags::added(it);
    for flag in flags::reserved(it) {
        let hint = "another name: the plugin would never be told it";
        let message = format!("--{} is kubectl chain's own", flag.name);
        check.fault(flag.path, message, Some(hint));
    }
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for flag in &all {
        let fine = flag.name.starts_with(|c: char| c.is_ascii_lowercase())
            && flag
                .name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !fine {
            let message = format!("--{} is no flag: small letters, digits and `-`", flag.name);
            check.fault(&flag.path, message, None);
        }
        if let Some(other) = seen.insert(&flag.name, &flag.path) {
            // A role stands in several releases; a role and a kind may share a flag, which then takes either.
            let part = |path: &str| path.split('/').nth(1).map(ToOwned::to_owned);
            let parts = [part(other), part(&flag.path)].map(Option::unwrap_or_default);
            let fine = parts.iter().all(|it| it == "releases")
                || (parts.contains(&"releases".to_owned()) && parts.contains(&"kinds".to_owned()));
            if !fine {
                let message = format!("--{} is the flag of {other} too", flag.name);
                check.fault(&flag.path, message, None);
            }
        }
    }
    check.detail = seen.len().to_string();
    check
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(schema: &Value) -> Vec<String> {
        let mut check = Check::new("options");
        schema_of(&mut check, "/options", schema);
        check
            .findings
            .into_iter()
            .map(|it| format!("{} {}", it.path, it.message))
            .collect()
    }

    #[test]
    fn a_schema_reaches_for_nothing_outside_of_itself() {
        let fine = json!({"type": "object", "$defs": {"n": {"type": "integer"}},
            "properties": {"a": {"$ref": "#/$defs/n"}}});
        assert!(found(&fine).is_empty());
        for target in [
            "https://example.com/s.json",
            "file:///etc/passwd",
            "other.json",
        ] {
            let bad = json!({"properties": {"a": {"items": [{"$ref": target}]}}});
            let said = found(&bad);
            assert!(
                said[0].starts_with("/options/properties/a/items/0/$ref "),
                "{said:?}"
            );
            assert!(said[0].contains(target), "{said:?}");
        }
    }

    #[test]
    fn a_pattern_that_may_take_for_ever_is_refused() {
        for pattern in ["(?=a)b", r"(a)\1", "("] {
            let said = found(&json!({"properties": {"a": {"type": "string", "pattern": pattern}}}));
            assert_eq!(said.len(), 1, "{pattern}");
        }
        assert!(found(&json!({"properties": {"a": {"pattern": "^(a|b)+$"}}})).is_empty());
        assert_eq!(found(&json!({"type": "objekt"})).len(), 1);
        assert_eq!(found(&json!(true)).len(), 1);
    }
}
