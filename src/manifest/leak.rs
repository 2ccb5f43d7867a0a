//! No secret leaves by an object that everybody may read.
//!
//! Every provisioned secret is looked for in every string of every object but Secrets: as it is, as hex (either case)
//! and as base64 (at any alignment), also inside base64 that stands in the object (`binaryData`). One pass with an
//! filter on the first bytes, so it costs what reading costs.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::object::Object;
use super::problem::Problem;

/// Secrets that are shorter are not looked for: they would be found by chance.
pub const SHORTEST: usize = 8;
/// Bytes by which patterns are indexed.
const HEAD: usize = 8;

/// How a secret is spelled in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Raw,
    Hex,
    HexUpper,
    /// Without its first bytes, so that it is whole groups of text whatever stands before it.
    Base64(usize),
}

impl Form {
    const ALL: [Self; 6] = [
        Self::Raw,
        Self::Hex,
        Self::HexUpper,
        Self::Base64(0),
        Self::Base64(1),
        Self::Base64(2),
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Hex | Self::HexUpper => "hex",
            Self::Base64(_) => "base64",
        }
    }

    /// Bytes of the secret that give the first [`HEAD`] bytes of the text.
    fn start(self) -> usize {
        match self {
            Self::Raw => HEAD,
            Self::Hex | Self::HexUpper => HEAD / 2,
            Self::Base64(skip) => skip + HEAD / 4 * 3,
        }
    }

    fn spell(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Raw => bytes.trim_ascii().to_vec(),
            Self::Hex => hex::encode(bytes).into_bytes(),
            Self::HexUpper => hex::encode_upper(bytes).into_bytes(),
            Self::Base64(skip) => {
                // Text of whole groups only: what surrounds the secret does not change it.
                let inner = bytes.get(skip..).unwrap_or_default();
                let whole = inner.get(..inner.len() / 3 * 3).unwrap_or_default();
                STANDARD.encode(whole).into_bytes()
            }
        }
    }
}

struct Secret<'a> {
    name: String,
    bytes: &'a [u8],
}

/// Secrets, ready to be looked for.
pub struct Scanner<'a> {
    secrets: Vec<Secret<'a>>,
    /// Secrets and how they are spelled, by the first bytes of that. The rest is spelled when those were found: a secret
    /// may be a whole database.
    heads: HashMap<u64, Vec<(usize, Form)>>,
    /// Bits of hashes of the first bytes: a quick no, for it is asked at every byte of the output.
    filter: Vec<u64>,
}

impl<'a> Scanner<'a> {
    /// An index over secrets, each with the name that messages give it.
    pub fn new(secrets: impl IntoIterator<Item = (String, &'a [u8])>) -> Self {
        let mut scanner = Self {
            secrets: Vec::new(),
            heads: HashMap::new(),
            filter: Vec::new(),
        };
        for (name, bytes) in secrets {
            let trimmed = bytes.trim_ascii();
            if trimmed.len() < SHORTEST {
                continue;
            }
            for form in Form::ALL {
                let of = if form == Form::Raw { trimmed } else { bytes };
                scanner.add(form, of.get(..form.start()).unwrap_or(of));
            }
            scanner.secrets.push(Secret { name, bytes });
        }
        // A bit for every 64 or so: one position in 64 is looked up for nothing.
        let words = scanner.heads.len().next_power_of_two().max(1024);
        scanner.filter = vec![0; words];
        for head in scanner.heads.keys() {
            let (word, mask) = bit(*head, words);
            if let Some(slot) = scanner.filter.get_mut(word) {
                *slot |= mask;
            }
        }
        scanner
    }

    /// Indexes the next secret in one form by its beginning.
    fn add(&mut self, form: Form, beginning: &[u8]) {
        let text = match form {
            Form::Raw => beginning.to_vec(),
            form => form.spell(beginning),
        };
        let Some(head) = text.first_chunk::<HEAD>() else {
            return;
        };
        self.heads
            .entry(u64::from_le_bytes(*head))
            .or_default()
            .push((self.secrets.len(), form));
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// Looks through all objects but Secrets.
    pub fn scan(&self, objects: &[Object]) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.is_empty() {
            return problems;
        }
        for object in objects.iter().filter(|o| o.kind() != "Secret") {
            self.walk(object, &object.value, &mut Vec::new(), &mut problems);
        }
        problems
    }

    fn walk<'v>(
        &self,
        object: &Object,
        value: &'v Value,
        path: &mut Vec<&'v str>,
        problems: &mut Vec<Problem>,
    ) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    path.push(key);
                    self.report(object, path, self.find(key.as_bytes()), problems);
                    self.walk(object, value, path, problems);
                    path.pop();
                }
            }
            Value::Array(list) => {
                for value in list {
                    self.walk(object, value, path, problems);
                }
            }
            Value::String(text) => {
                let mut found = self.find(text.as_bytes());
                if found.is_none() && path.first() == Some(&"binaryData") {
                    found = STANDARD.decode(text).ok().and_then(|raw| self.find(&raw));
                }
                self.report(object, path, found, problems);
            }
            _ => {}
        }
    }

    fn report(
        &self,
        object: &Object,
        path: &[&str],
        found: Option<(&str, Form)>,
        problems: &mut Vec<Problem>,
    ) {
        if let Some((secret, form)) = found {
            problems.push(Problem::Leak {
                object: object.display(),
                path: path.join("."),
                secret: secret.to_owned(),
                form: form.name().to_owned(),
            });
        }
    }

    fn find(&self, text: &[u8]) -> Option<(&str, Form)> {
        let words = self.filter.len();
        for (at, window) in text.windows(HEAD).enumerate() {
            let Some(head) = window.first_chunk::<HEAD>() else {
                continue;
            };
            let head = u64::from_le_bytes(*head);
            let (word, mask) = bit(head, words);
            if self.filter.get(word).is_none_or(|bits| bits & mask == 0) {
                continue;
            }
            let Some(candidates) = self.heads.get(&head) else {
                continue;
            };
            let rest = text.get(at..).unwrap_or_default();
            let found = candidates.iter().find_map(|(index, form)| {
                let secret = self.secrets.get(*index)?;
                rest.starts_with(&form.spell(secret.bytes))
                    .then_some((secret.name.as_str(), *form))
            });
            if found.is_some() {
                return found;
            }
        }
        None
    }
}

/// Word and mask of the filter's bit for some first bytes; `words` is a power of two.
fn bit(head: u64, words: usize) -> (usize, u64) {
    let hash = head.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let word = usize::try_from(hash >> 32).unwrap_or_default() & (words - 1);
    (word, 1 << ((hash >> 24) & 63))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const KEY: &[u8] = b"\x01\x02secret key of thirty-two bytes";

    fn scan(value: Value) -> Vec<String> {
        let scanner = Scanner::new([("node-0/kms.key".to_owned(), KEY)]);
        let object = Object {
            cluster: String::new(),
            value,
        };
        scanner
            .scan(&[object])
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    fn map(text: String) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"f": text}})
    }

    #[test]
    fn a_secret_is_found_raw_in_hex_and_in_base64_at_any_alignment() {
        for (text, form) in [
            (format!("x{}", hex::encode(KEY)), "hex"),
            (format!("0x{}", hex::encode_upper(KEY)), "hex"),
            (STANDARD.encode(KEY), "base64"),
            (STANDARD.encode([b"a", KEY, b"tail"].concat()), "base64"),
            (STANDARD.encode([b"ab", KEY].concat()), "base64"),
        ] {
            assert_eq!(
                scan(map(text)),
                [format!(
                    "configmap/c: data.f contains secret node-0/kms.key of the chain ({form}); it would be readable by everybody who sees the namespace"
                )]
            );
        }
        let raw = String::from_utf8(KEY.to_vec()).unwrap();
        assert_eq!(scan(map(format!("key: {raw}\n"))).len(), 1);
        let binary = json!({"kind": "ConfigMap", "binaryData": {"f": STANDARD.encode([&[0xff][..], KEY].concat())}});
        assert_eq!(scan(binary).len(), 1);
    }

    #[test]
    fn secrets_may_hold_secrets_and_other_text_is_fine() {
        assert!(scan(json!({"kind": "Secret", "data": {"f": STANDARD.encode(KEY)}})).is_empty());
        assert!(scan(map("nothing here".repeat(1000))).is_empty());
    }

    #[test]
    fn short_secrets_are_not_looked_for() {
        let scanner = Scanner::new([("pw".to_owned(), &b"admin"[..])]);
        assert!(scanner.is_empty());
    }
}
