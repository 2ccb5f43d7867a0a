//! The HTTP interface of a Fabric CA server: requests as it wants them signed, and what it answers.
//!
//! Who enrols gives name and password and gets a certificate; all else is signed with the key of such a certificate. The
//! signature is over method, path and body, so a request cannot be turned into another one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fabric_identity::PrivateKey;
use fabric_identity::request::SigningRequest;
use serde::Deserialize;
use serde_json::{Value, json};

/// Where a name and a password become a certificate.
pub const ENROLL: &str = "/api/v1/enroll";
/// Where a name is made known.
pub const REGISTER: &str = "/api/v1/register";
/// The server's own number for a name that is known already.
const KNOWN: u32 = 74;

/// The path of one name. It has no letter that a path would not take: [`is_name`].
pub fn identity_path(name: &str) -> String {
    format!("/api/v1/identities/{name}")
}

/// Whether a name stands in a path, a certificate and on a command line as it is.
pub fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._@-".contains(c);
    (1..=64).contains(&name.len())
        && name.chars().all(plain)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// What shows that one knows a password.
pub fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("{name}:{password}")))
}

/// What shows that one holds the key of a certificate, for one request.
pub fn token(certificate: &str, key: &PrivateKey, method: &str, path: &str, body: &[u8]) -> String {
    let certificate = BASE64.encode(certificate);
    let signed = format!(
        "{method}.{}.{}.{certificate}",
        BASE64.encode(path),
        BASE64.encode(body)
    );
    format!(
        "{certificate}.{}",
        BASE64.encode(key.sign(signed.as_bytes()))
    )
}

/// Asks for a certificate of a key.
pub fn enrolment(name: &str, key: &PrivateKey) -> Value {
    json!({"certificate_request": SigningRequest::write(name, key)})
}

/// What an answer wraps its content in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wrapped {
    result: Value,
    errors: Vec<Fault>,
}

/// Why a server did not do something.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Fault {
    /// Its own number.
    code: u32,
    /// Its words.
    message: String,
    /// The status of HTTP.
    #[serde(skip)]
    status: i32,
}

impl Fault {
    /// The name is known already.
    pub fn is_known(&self) -> bool {
        self.status == 409 || self.code == KNOWN
    }

    /// There is no such name.
    pub fn is_absent(&self) -> bool {
        self.status == 404
    }

    /// It does not believe who asks.
    pub fn is_unbelieved(&self) -> bool {
        self.status == 401
    }

    /// It failed itself, so it may do it later.
    pub fn passes(&self) -> bool {
        matches!(self.status, 502..=504)
    }

    /// What it said.
    pub fn words(&self) -> String {
        if self.message.is_empty() {
            format!("it answered {}", self.status)
        } else {
            format!("{} ({})", self.message, self.status)
        }
    }
}

/// Opens an answer.
///
/// # Errors
/// Why the server refused, or that this is no answer of such a server.
pub fn open(status: i32, body: &[u8]) -> Result<Value, Fault> {
    let opened: Option<Wrapped> = serde_json::from_slice(body).ok();
    match (status, opened) {
        (200..=299, Some(opened)) if opened.errors.is_empty() => Ok(opened.result),
        (_, opened) => {
            let said = opened.and_then(|it| it.errors.into_iter().next());
            Err(Fault {
                status,
                ..said.unwrap_or_default()
            })
        }
    }
}

/// The certificate of an answer to [`enrolment`], PEM.
pub fn certificate(result: &Value) -> Option<String> {
    let encoded = result.get("Cert").and_then(Value::as_str)?;
    String::from_utf8(BASE64.decode(encoded).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for name in ["alice", "Admin@org1", "a.b-c_d", &"a".repeat(64)] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "-a", "a b", "a/b", "a%2f", "ä", "a:b", &"a".repeat(65)] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn answers_are_opened_and_refusals_say_why() {
        let body = br#"{"result":{"secret":"x"},"errors":[],"messages":[],"success":true}"#;
        assert_eq!(open(201, body).unwrap(), json!({"secret": "x"}));
        let body = br#"{"result":"","errors":[{"code":74,"message":"Identity 'a' is already registered"}],"messages":[],"success":false}"#;
        let fault = open(409, body).unwrap_err();
        assert!(fault.is_known() && !fault.is_absent() && !fault.passes());
        assert_eq!(fault.words(), "Identity 'a' is already registered (409)");
        let fault = open(502, b"<html>").unwrap_err();
        assert!(fault.passes());
        assert_eq!(fault.words(), "it answered 502");
        assert!(open(200, b"<html>").is_err());
        let encoded = json!({"Cert": BASE64.encode("pem")});
        assert_eq!(certificate(&encoded).as_deref(), Some("pem"));
        assert_eq!(certificate(&json!({"Cert": "?"})), None);
    }

    #[test]
    fn a_token_signs_the_request() {
        let key = PrivateKey::from_scalar(&[7; 32]).unwrap();
        let token = token("cert", &key, "POST", "/api/v1/register", b"{}");
        let (certificate, signature) = token.split_once('.').unwrap();
        assert_eq!(certificate, "Y2VydA==");
        let signature = BASE64.decode(signature).unwrap();
        let signed = b"POST.L2FwaS92MS9yZWdpc3Rlcg==.e30=.Y2VydA==";
        assert!(key.public().verify(signed, &signature).is_ok());
        assert_eq!(basic("admin", "pw"), "Basic YWRtaW46cHc=");
    }
}
