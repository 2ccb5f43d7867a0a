//! Options of plugins: checked against the JSON schema of the descriptor, defaults filled in, secrets taken out.
//!
//! A property with `x-chain-secret` never stays in the spec: its value may stand under its own name, or come from a file
//! (`<name>File`, `-` for standard input) or from the environment (`<name>Env`). A property with `format: file` names a
//! file whose text takes its place.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;
use std::path::Path;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::{Map, Value};

use crate::plugin::nearest;

/// Text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Options that fit their schema.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// What may be shown and stored; defaults filled in.
    pub open: Map<String, Value>,
    /// What may not, by property.
    pub secret: BTreeMap<String, Secret>,
}

impl Options {
    /// All of them as JSON, for the phase in which secrets are born.
    pub fn with_secrets(&self) -> String {
        let mut all = self.open.clone();
        for (name, Secret(text)) in &self.secret {
            all.insert(name.clone(), Value::String(text.clone()));
        }
        Value::Object(all).to_string()
    }

    /// Those that may be shown, as JSON.
    pub fn without_secrets(&self) -> String {
        Value::Object(self.open.clone()).to_string()
    }
}

/// What is wrong with one option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionFault {
    /// JSON pointer below the options.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

fn fault(pointer: impl Into<String>, message: impl Into<String>) -> OptionFault {
    OptionFault {
        pointer: pointer.into(),
        message: message.into(),
        hint: None,
    }
}

/// Whether a property's schema says that it is a secret.
pub fn is_secret(schema: &Value) -> bool {
    schema
        .get("x-chain-secret")
        .and_then(Value::as_bool)
        .unwrap_or(false)
}

/// The properties of an options schema.
pub fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
}

/// Checks `given` against `schema`. Relative files count from `folder`.
pub fn check(
    schema: &Value,
    given: &Map<String, Value>,
    folder: &Path,
) -> Result<Options, Vec<OptionFault>> {
    let mut options = Options::default();
    let mut faults = Vec::new();
    let known: BTreeMap<&str, &Value> = properties(schema)
        .map(|(name, schema)| (name.as_str(), schema))
        .collect();
    for (name, value) in given {
        match place(name, value, &known, folder) {
            Ok(Placed::Open(value)) => {
                options.open.insert(name.clone(), value);
            }
            Ok(Placed::Secret(property, text)) => {
                if options
                    .secret
                    .insert(property.clone(), Secret(text))
                    .is_some()
                {
                    faults.push(fault(
                        format!("/{name}"),
                        format!("option `{property}` is given twice"),
                    ));
                }
            }
            Err(problem) => faults.push(problem),
        }
    }
    for (name, property) in &known {
        if let (false, false, Some(default)) = (
            is_secret(property),
            options.open.contains_key(*name),
            property.get("default"),
        ) {
            options.open.insert((*name).to_owned(), default.clone());
        }
    }
    if faults.is_empty() && !schema.is_null() {
        let all: Value = serde_json::from_str(&options.with_secrets()).unwrap_or_default();
        faults.extend(violations(schema, &all));
    }
    if faults.is_empty() {
        Ok(options)
    } else {
        Err(faults)
    }
}

enum Placed {
    Open(Value),
    Secret(String, String),
}

fn place(
    name: &str,
    value: &Value,
    known: &BTreeMap<&str, &Value>,
    folder: &Path,
) -> Result<Placed, OptionFault> {
    let pointer = format!("/{name}");
    if let Some(property) = known.get(name) {
        if is_secret(property) {
            let text = value
                .as_str()
                .ok_or_else(|| fault(&pointer, format!("option `{name}`: expected text")))?;
            return Ok(Placed::Secret(name.to_owned(), text.to_owned()));
        }
        if property.get("format").and_then(Value::as_str) == Some("file") {
            let path = value
                .as_str()
                .ok_or_else(|| fault(&pointer, format!("option `{name}`: expected a path")))?;
            // A spec that was stored or printed holds the text: no path has a line end.
            if path.contains('\n') {
                return Ok(Placed::Open(value.clone()));
            }
            return read(path, folder, name, &pointer).map(|mut text| {
                if !text.contains('\n') {
                    text.push('\n');
                }
                Placed::Open(Value::String(text))
            });
        }
        return Ok(Placed::Open(value.clone()));
    }
    for (suffix, from_file) in [("File", true), ("Env", false)] {
        let Some(property) = name
            .strip_suffix(suffix)
            .filter(|base| known.get(base).is_some_and(|it| is_secret(it)))
        else {
            continue;
        };
        let source = value
            .as_str()
            .ok_or_else(|| fault(&pointer, format!("option `{name}`: expected text")))?;
        let text = if from_file {
            read(source, folder, name, &pointer)?
        } else {
            std::env::var(source).map_err(|_| {
                fault(
                    &pointer,
                    format!("option `{name}`: environment variable `{source}` is not set"),
                )
            })?
        };
        return Ok(Placed::Secret(property.to_owned(), text));
    }
    let mut names: Vec<String> = known.keys().map(|name| (*name).to_owned()).collect();
    for (name, _) in known.iter().filter(|(_, property)| is_secret(property)) {
        names.extend([format!("{name}File"), format!("{name}Env")]);
    }
    let hint = nearest(name, names.iter().map(String::as_str))
        .map(|near| format!("did you mean `{near}`?"));
    let list = if names.is_empty() {
        "it has none".to_owned()
    } else {
        format!("known: {}", names.join(", "))
    };
    Err(OptionFault {
        pointer,
        message: format!("unknown option `{name}`; {list}"),
        hint,
    })
}

fn read(path: &str, folder: &Path, name: &str, pointer: &str) -> Result<String, OptionFault> {
    let mut text = String::new();
    let result = if path == "-" {
        std::io::stdin().take(1 << 20).read_to_string(&mut text)
    } else {
        std::fs::File::open(folder.join(path))
            .and_then(|file| file.take(1 << 20).read_to_string(&mut text))
    };
    result.map_err(|cause| {
        fault(
            pointer,
            format!("option `{name}`: cannot read `{path}`: {cause}"),
        )
    })?;
    if text.trim().is_empty() {
        return Err(fault(
            pointer,
            format!("option `{name}`: `{path}` is empty"),
        ));
    }
    Ok(text)
}

/// A schema, compiled: its patterns take time as long as the text, and nothing is fetched.
///
/// # Errors
/// It is no schema.
pub fn validator(schema: &Value) -> Result<Validator, ValidationError<'static>> {
    jsonschema::options()
        .with_pattern_options(PatternOptions::regex())
        .build(schema)
}

fn violations(schema: &Value, given: &Value) -> Vec<OptionFault> {
    let secret = |pointer: &str| {
        let first = pointer.split('/').nth(1).unwrap_or_default();
        schema
            .get("properties")
            .and_then(|all| all.get(first))
            .is_some_and(is_secret)
    };
    let validator = match validator(schema) {
        Ok(validator) => validator,
        Err(cause) => {
            return vec![fault(
                "",
                format!("the plugin's option schema is broken: {cause}"),
            )];
        }
    };
    validator
        .iter_errors(given)
        .map(|problem| {
            let pointer = problem.instance_path().to_string();
            let name = pointer.trim_start_matches('/').replace('/', ".");
            let message = if secret(&pointer) {
                format!("option `{name}` does not fit")
            } else if let ValidationErrorKind::Enum { options } = problem.kind() {
                one_of(&name, problem.instance(), options)
            } else if name.is_empty() {
                problem.to_string()
            } else {
                format!("option `{name}`: {problem}")
            };
            fault(pointer, message)
        })
        .collect()
}

/// "option `logLevel`: `inof` is none of error, warn, info; did you mean `info`?"
fn one_of(name: &str, given: &Value, options: &Value) -> String {
    let plain = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), ToOwned::to_owned)
    };
    let known: Vec<String> = options
        .as_array()
        .into_iter()
        .flatten()
        .map(plain)
        .collect();
    let given = plain(given);
    let near = nearest(&given, known.iter().map(String::as_str))
        .map(|near| format!("; did you mean `{near}`?"))
        .unwrap_or_default();
    format!(
        "option `{name}`: `{given}` is none of {}{near}",
        known.join(", ")
    )
}

/// A flag's text as the type that its property has: numbers, booleans and comma lists become what they are.
pub fn from_text(schema: &Value, text: &str) -> Value {
    match schema.get("type").and_then(Value::as_str) {
        Some("integer") => text
            .parse::<i64>()
            .map_or_else(|_| text.into(), Value::from),
        Some("number") => text
            .parse::<f64>()
            .map_or_else(|_| text.into(), Value::from),
        Some("boolean") => text
            .parse::<bool>()
            .map_or_else(|_| text.into(), Value::from),
        Some("array") => {
            let items = schema.get("items").cloned().unwrap_or_default();
            text.split(',')
                .filter(|part| !part.is_empty())
                .map(|part| from_text(&items, part.trim()))
                .collect()
        }
        Some("object") => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({"type": "object", "properties": {
            "port": {"type": "integer", "default": 7, "minimum": 1},
            "password": {"type": "string", "x-chain-secret": true},
        }})
    }

    fn given(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn a_file_that_was_read_stands_for_itself() {
        let folder = tempfile::tempdir().unwrap();
        let schema =
            serde_json::json!({"properties": {"seed": {"type": "string", "format": "file"}}});
        for (content, text) in [("a\nb", "a\nb"), ("one", "one\n")] {
            std::fs::write(folder.path().join("seed.txt"), content).unwrap();
            let given = serde_json::json!({"seed": "seed.txt"});
            let read = check(&schema, given.as_object().unwrap(), folder.path()).unwrap();
            assert_eq!(read.open["seed"], text);
            assert_eq!(check(&schema, &read.open, folder.path()).unwrap(), read);
        }
    }

    #[test]
    fn defaults_are_filled_in_and_secrets_taken_out() {
        let options = check(
            &schema(),
            &given(json!({"password": "hush"})),
            Path::new(""),
        )
        .unwrap();
        assert_eq!(options.without_secrets(), r#"{"port":7}"#);
        assert!(options.with_secrets().contains("hush"));
        assert!(!format!("{options:?}").contains("hush"));
    }

    #[test]
    fn a_slip_of_the_hand_is_met_with_the_nearest_name() {
        let faults = check(&schema(), &given(json!({"pord": 1})), Path::new("")).unwrap_err();
        assert_eq!(faults[0].hint.as_deref(), Some("did you mean `port`?"));
    }

    #[test]
    fn the_wrong_type_is_refused_at_its_place() {
        let faults = check(&schema(), &given(json!({"port": "many"})), Path::new("")).unwrap_err();
        assert_eq!(faults[0].pointer, "/port");
    }

    #[test]
    fn a_secret_comes_from_a_file_and_an_empty_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pw"), "hush\n").unwrap();
        std::fs::write(folder.path().join("empty"), "\n").unwrap();
        let options = check(
            &schema(),
            &given(json!({"passwordFile": "pw"})),
            folder.path(),
        )
        .unwrap();
        assert_eq!(options.secret["password"], Secret("hush\n".to_owned()));
        let faults = check(
            &schema(),
            &given(json!({"passwordFile": "empty"})),
            folder.path(),
        )
        .unwrap_err();
        assert!(faults[0].message.contains("is empty"));
        let faults = check(
            &schema(),
            &given(json!({"passwordFile": "none"})),
            folder.path(),
        )
        .unwrap_err();
        assert!(faults[0].message.contains("cannot read `none`"));
    }
}
