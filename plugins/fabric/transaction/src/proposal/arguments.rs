//! Arguments and private input as users of the field write them: the texts of `peer chaincode -c` and
//! `--transient`.
//!
//! Arguments are texts and go to the chaincode as their UTF-8 bytes; whoever needs other bytes hands
//! them to [`Call`](super::Call) directly. Private input is base64.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use thiserror::Error;

/// A text that the field's client would refuse.
#[derive(Debug, Error)]
pub enum ArgumentError {
    /// Not a JSON object.
    #[error("{what}: expected a JSON object")]
    Json {
        /// Which of the two.
        what: &'static str,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// Other keys than there are.
    #[error(
        "arguments of the chaincode: expected the key Args, or Function and Args, and no other; found {0:?}"
    )]
    Keys(Vec<String>),
    /// A value of another type.
    #[error("arguments of the chaincode, {0}: expected {1}")]
    Type(&'static str, &'static str),
    /// A private value that is not base64.
    #[error("transient map, {key:?}: expected a text in base64")]
    Base64 {
        /// Its key.
        key: String,
    },
}

/// Reads `{"Args":["f","a"]}` or `{"Function":"f","Args":["a"]}`; keys in any case.
///
/// # Errors
/// Anything else.
pub fn args(text: &str) -> Result<Vec<Vec<u8>>, ArgumentError> {
    let what = "arguments of the chaincode";
    let object: Map<String, Value> =
        serde_json::from_str(text).map_err(|source| ArgumentError::Json { what, source })?;
    let (mut function, mut args) = (None, None);
    for (key, value) in &object {
        match key.to_ascii_lowercase().as_str() {
            "function" => function = Some(value),
            "args" => args = Some(value),
            _ => return Err(keys(&object)),
        }
    }
    let args = args.ok_or_else(|| keys(&object))?;
    let mut all = Vec::new();
    if let Some(function) = function {
        let function = function
            .as_str()
            .ok_or(ArgumentError::Type("Function", "a text"))?;
        if !function.is_empty() {
            all.push(function.as_bytes().to_vec());
        }
    }
    let list = args
        .as_array()
        .ok_or(ArgumentError::Type("Args", "a list of texts"))?;
    for arg in list {
        let arg = arg.as_str().ok_or(ArgumentError::Type(
            "Args",
            "a list of texts (numbers in quotes too)",
        ))?;
        all.push(arg.as_bytes().to_vec());
    }
    Ok(all)
}

fn keys(object: &Map<String, Value>) -> ArgumentError {
    ArgumentError::Keys(object.keys().cloned().collect())
}

/// Reads `{"key":"<base64>"}`.
///
/// # Errors
/// Anything else.
pub fn transient(text: &str) -> Result<BTreeMap<String, Vec<u8>>, ArgumentError> {
    let what = "transient map";
    let object: BTreeMap<String, String> =
        serde_json::from_str(text).map_err(|source| ArgumentError::Json { what, source })?;
    object
        .into_iter()
        .map(|(key, value)| match STANDARD.decode(value) {
            Ok(bytes) => Ok((key, bytes)),
            Err(_) => Err(ArgumentError::Base64 { key }),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_stands_before_the_arguments() {
        let wanted = [b"put".to_vec(), b"k".to_vec(), "ü".as_bytes().to_vec()];
        for text in [
            r#"{"Args":["put","k","ü"]}"#,
            r#"{"args":["k","ü"],"function":"put"}"#,
            r#"{"Function":"","ARGS":["put","k","ü"]}"#,
        ] {
            assert_eq!(args(text).unwrap(), wanted, "{text}");
        }
        assert!(args(r#"{"Args":[]}"#).unwrap().is_empty());
    }

    #[test]
    fn what_the_fields_client_refuses_is_refused() {
        for text in [
            "",
            "{}",
            "[]",
            r#"{"Function":"f"}"#,
            r#"{"Args":"f"}"#,
            r#"{"Args":[1]}"#,
            r#"{"Args":["f"],"Other":1}"#,
        ] {
            assert!(args(text).is_err(), "{text}");
        }
    }

    #[test]
    fn private_input_is_base64() {
        let map = transient(r#"{"b":"AQI=","a":""}"#).unwrap();
        assert_eq!(map["b"], [1, 2]);
        assert!(map["a"].is_empty());
        assert!(transient(r#"{"a":"!"}"#).is_err());
        assert!(transient(r#"{"a":1}"#).is_err());
    }
}
