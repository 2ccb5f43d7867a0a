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

struct Pattern {
    bytes: Vec<u8>,
    form: &'static str,
    secret: usize,
}

/// Secrets, ready to be looked for.
pub struct Scanner {
    names: Vec<String>,
    patterns: Vec<Pattern>,
    /// Patterns by their first bytes.
    heads: HashMap<u64, Vec<usize>>,
    /// Bits of hashes of the first bytes: a quick no, for it is asked at every byte of the output.
    filter: Vec<u64>,
}

impl Scanner {
    /// An index over secrets, each with the name that messages give it.
    pub fn new<'a>(secrets: impl IntoIterator<Item = (String, &'a [u8])>) -> Self {
        let mut scanner = Self {
            names: Vec::new(),
            patterns: Vec::new(),
            heads: HashMap::new(),
            filter: Vec::new(),
        };
        for (name, bytes) in secrets {
            let trimmed = bytes.trim_ascii();
            if trimmed.len() < SHORTEST {
                continue;
            }
            let secret = scanner.names.len();
            scanner.names.push(name);
            scanner.add(secret, "raw", trimmed.to_vec());
            scanner.add(secret, "hex", hex::encode(bytes).into_bytes());
            scanner.add(secret, "hex", hex::encode_upper(bytes).into_bytes());
            for skip in 0..3 {
                // Text of whole groups only: what surrounds the secret does not change it.
                let inner = bytes.get(skip..).unwrap_or_default();
                let whole = inner.get(..inner.len() / 3 * 3).unwrap_or_default();
                scanner.add(secret, "base64", STANDARD.encode(whole).into_bytes());
            }
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

    fn add(&mut self, secret: usize, form: &'static str, bytes: Vec<u8>) {
        let Some(head) = bytes.first_chunk::<HEAD>() else {
            return;
        };
        let head = u64::from_le_bytes(*head);
        self.heads
            .entry(head)
            .or_default()
            .push(self.patterns.len());
        self.patterns.push(Pattern {
            bytes,
            form,
            secret,
        });
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
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
        found: Option<&Pattern>,
        problems: &mut Vec<Problem>,
    ) {
        if let Some(pattern) = found {
            problems.push(Problem::Leak {
                object: object.display(),
                path: path.join("."),
                secret: self.names.get(pattern.secret).cloned().unwrap_or_default(),
                form: pattern.form.to_owned(),
            });
        }
    }

    fn find(&self, text: &[u8]) -> Option<&Pattern> {
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
            let found = candidates
                .iter()
                .filter_map(|index| self.patterns.get(*index))
                .find(|pattern| rest.starts_with(&pattern.bytes));
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
