//! JSON-RPC of a client, as operations speak it: over HTTP, to the port that is open to clients.
//!
//! What a node says about itself is the same in every version, so no console and no shell is needed. An answer with an
//! error is no answer; a broken connection says nothing about whether the request was carried out: look again.

use chain_plugin_sdk::{Act, Http, Outcome, Topology};
use serde_json::{Value, json};

use crate::{CLIENT, Extra};

/// Milliseconds that a node may take to answer.
pub const PATIENCE: u32 = 15_000;

/// Why there is no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The node did not answer, or not in JSON-RPC; whether it did what it was asked for is not known.
    Unreachable(String),
    /// The node refused, in its own words.
    Refused(String),
}

impl Fault {
    /// The words.
    pub fn message(&self) -> &str {
        match self {
            Self::Unreachable(message) | Self::Refused(message) => message,
        }
    }
}

/// The name of the port at which the client of a chain answers.
pub fn port(topology: &Topology) -> String {
    Extra::of(topology)
        .port(CLIENT, "rpc")
        .map_or_else(|| "rpc".to_owned(), |port| port.name.clone())
}

/// The request.
pub fn ask(port: &str, method: &str, params: &Value) -> Act {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    Act::Http(Http {
        port: port.to_owned(),
        h2: false,
        tls: None,
        method: "POST".to_owned(),
        path: "/".to_owned(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.to_string().into_bytes(),
    })
}

/// The result in an answer.
pub fn result(outcome: Option<&Outcome>) -> Result<Value, Fault> {
    let unreachable = |why: String| Fault::Unreachable(why);
    let outcome = outcome.ok_or_else(|| unreachable("the host gave no answer".to_owned()))?;
    let response = outcome
        .answer
        .as_ref()
        .map_err(|failure| unreachable(failure.message.clone()))?;
    let body: Option<Value> = serde_json::from_slice(&response.body).ok();
    let Some(Value::Object(mut body)) = body else {
        return Err(unreachable(format!(
            "HTTP status {} without JSON-RPC",
            response.code
        )));
    };
    if let Some(error) = body.get("error").filter(|error| !error.is_null()) {
        let words = error.get("message").and_then(Value::as_str);
        return Err(Fault::Refused(
            words.map_or_else(|| error.to_string(), str::to_owned),
        ));
    }
    body.remove("result")
        .ok_or_else(|| unreachable("an answer without result and error".to_owned()))
}

/// A number as nodes write it: `0x` and hex digits.
pub fn quantity(value: &Value) -> Option<u64> {
    let digits = value.as_str()?.strip_prefix("0x")?;
    u64::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chain_plugin_sdk::{Failure, Response};

    fn answer(body: &str) -> Outcome {
        Outcome {
            at_ms: 0,
            answer: Ok(Response {
                code: 200,
                body: body.as_bytes().to_vec(),
                more: "{}".to_owned(),
            }),
        }
    }

    #[test]
    fn a_result_may_be_null_but_not_absent() {
        let null = answer(r#"{"jsonrpc":"2.0","id":1,"result":null}"#);
        assert_eq!(result(Some(&null)), Ok(Value::Null));
        let none = answer(r#"{"jsonrpc":"2.0","id":1}"#);
        assert!(matches!(result(Some(&none)), Err(Fault::Unreachable(_))));
    }

    #[test]
    fn a_refusal_is_told_apart_from_a_lost_connection() {
        let refused =
            answer(r#"{"id":1,"error":{"code":-32601,"message":"the method does not exist"}}"#);
        let fault = result(Some(&refused)).unwrap_err();
        assert_eq!(fault, Fault::Refused("the method does not exist".into()));
        let lost = Outcome {
            at_ms: 0,
            answer: Err(Failure {
                kind: "timeout".to_owned(),
                message: "no answer".to_owned(),
            }),
        };
        for outcome in [Some(&lost), Some(&answer("<html>")), None] {
            assert!(matches!(result(outcome), Err(Fault::Unreachable(_))));
        }
    }

    #[test]
    fn numbers_are_hexadecimal() {
        assert_eq!(quantity(&json!("0x1f")), Some(31));
        assert_eq!(quantity(&json!("31")), None);
        assert_eq!(quantity(&json!(31)), None);
    }
}
