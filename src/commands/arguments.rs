//! `NAME=VALUE` words as the arguments of an operation.

use std::fmt::Write as _;

use anyhow::bail;
use serde_json::{Map, Value};

use crate::pipeline::options::{from_text, validator};
use crate::ui::sanitize;

/// Reads words by the operation's JSON schema.
///
/// # Errors
/// A word without `=`, or a value that the schema refuses; told with all that the operation takes.
pub fn arguments(schema: &Value, words: &[String]) -> anyhow::Result<Value> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let mut all = Map::new();
    for word in words {
        let Some((name, text)) = word.trim_start_matches("--").split_once('=') else {
            bail!("argument `{word}`: expected NAME=VALUE\n{}", taken(schema));
        };
        let property = properties.and_then(|all| all.get(name)).cloned();
        let value = from_text(&property.unwrap_or_default(), text);
        all.insert(name.to_owned(), value);
    }
    let value = Value::Object(all);
    if !schema.is_null() {
        let validator = validator(schema)
            .map_err(|fault| anyhow::anyhow!("the operation's schema is broken: {fault}"))?;
        if let Some(fault) = validator.iter_errors(&value).next() {
            bail!("arguments: {fault}\n{}", taken(schema));
        }
    }
    Ok(value)
}

/// What an operation takes, one line for each.
fn taken(schema: &Value) -> String {
    let properties = schema.get("properties").and_then(Value::as_object);
    let Some(properties) = properties.filter(|all| !all.is_empty()) else {
        return "hint: it takes no arguments".to_owned();
    };
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|it| it == name));
    let widest = properties.keys().map(String::len).max().unwrap_or(0);
    let mut text = "hint: it takes".to_owned();
    for (name, property) in properties {
        let about = property.get("description").and_then(Value::as_str);
        let about = sanitize::one_line(about.unwrap_or_default());
        let must = if is_required(name) { " (required)" } else { "" };
        let name = sanitize::one_line(name);
        let line = format!(
            "  {:<width$}   {about}{must}",
            name + "=",
            width = widest + 1
        );
        let _ = write!(text, "\n{}", line.trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(schema: &Value, words: &[&str]) -> String {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        arguments(schema, &words).unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_is_told_with_what_there_is() {
        let schema = json!({
            "type": "object", "additionalProperties": false, "required": ["call"],
            "properties": {
                "call": {"type": "string", "description": "function and\narguments"},
                "init": {"type": "boolean"},
            },
        });
        let words = ["call=a b".to_owned(), "--init=true".to_owned()];
        let read = arguments(&schema, &words).unwrap();
        assert_eq!(read, json!({"call": "a b", "init": true}));
        let takes = "\nhint: it takes\n  call=   function and arguments (required)\n  init=";
        for words in [&["cal=x"][..], &["call=x", "init=2"], &["x"], &[]] {
            let text = refused(&schema, words);
            assert!(text.ends_with(takes), "{text}");
        }
        assert!(refused(&schema, &["x"]).starts_with("argument `x`: expected NAME=VALUE"));
        let none = json!({"type": "object", "additionalProperties": false});
        assert!(refused(&none, &["a=1"]).ends_with("hint: it takes no arguments"));
    }
}
