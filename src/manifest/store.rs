//! The `ConfigMaps` and Secrets that hold the content of bound files.
//!
//! What rolls a pod on change lies in an immutable object named by a hash of its content; what does not lies in a
//! mutable one with a fixed name. What one workload's own subject gave lies with the workload; what any other subject
//! gave (the chain, an org, a peer) is there once per cluster and namespace, and bound by many. Each is split before it
//! grows beyond what etcd takes. Every byte is hashed once.

use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::names::{data_key, hashed_key, hex_prefix, short_hash};
use super::object::Object;
use super::problem::Problem;
use super::sources::Key;

/// Where splitting begins, in bytes as stored.
const FULL: usize = 900_000;
/// What the API server takes in one object.
const LIMIT: usize = 1_048_576;

/// Which object a file belongs to. The order of groups numbers the volumes of a pod.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group<'a> {
    /// Cluster by its name in the spec.
    pub cluster: &'a str,
    /// Namespace.
    pub namespace: &'a str,
    /// The workload whose own files these are; none for shared ones.
    pub workload: Option<&'a str>,
    /// Of shared ones: subject, role and instance that gave them. Empty for a workload's own.
    pub maker: (&'a str, &'a str, &'a str),
    /// A Secret rather than a `ConfigMap`.
    pub secret: bool,
    /// Of a fixed name, changed in place.
    pub mutable: bool,
}

/// Where a file's content will be: the group, by index, and the key in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    group: usize,
    /// Key in the object's data.
    pub key: String,
}

/// A finished slot: in which object it is.
#[derive(Debug, Clone, Copy)]
pub struct Placed<'s, 'a> {
    /// The group.
    pub group: &'s Group<'a>,
    /// Number of the object within its group; 0 but for split ones.
    pub chunk: usize,
    /// Name of the object.
    pub object: &'s str,
}

struct Content<'a> {
    of: Key<'a>,
    bytes: std::borrow::Cow<'a, [u8]>,
    chunk: usize,
}

struct Filling<'a> {
    group: Group<'a>,
    keys: BTreeMap<String, Content<'a>>,
    names: Vec<String>,
}

/// All groups while they are filled, and then the objects.
pub struct Store<'a> {
    chain: &'a str,
    groups: Vec<Filling<'a>>,
    index: HashMap<Group<'a>, usize>,
}

impl<'a> Store<'a> {
    /// An empty store for a chain.
    pub fn new(chain: &'a str) -> Self {
        Self {
            chain,
            groups: Vec::new(),
            index: HashMap::new(),
        }
    }

    /// Puts a file into a group, once, however many bind it.
    pub fn put(
        &mut self,
        group: Group<'a>,
        of: Key<'a>,
        bytes: std::borrow::Cow<'a, [u8]>,
    ) -> Slot {
        let at = if let Some(at) = self.index.get(&group) {
            *at
        } else {
            self.groups.push(Filling {
                group: group.clone(),
                keys: BTreeMap::new(),
                names: Vec::new(),
            });
            self.index.insert(group, self.groups.len() - 1);
            self.groups.len() - 1
        };
        let (_, role, instance, name) = of;
        let mut key = data_key(role, instance, name);
        if let Some(filling) = self.groups.get_mut(at) {
            // Whichever of two alike comes first in name order must not matter: any doubt means a hash.
            let plain = key.strip_suffix(name).is_some()
                && key.len() < 240
                && !role.contains('.')
                && !instance.contains('.');
            if !plain || filling.keys.get(&key).is_some_and(|there| there.of != of) {
                key = hashed_key(role, instance, name);
            }
            filling.keys.entry(key.clone()).or_insert(Content {
                of,
                bytes,
                chunk: 0,
            });
        }
        Slot { group: at, key }
    }

    /// Names all objects and makes them. After this, [`Self::placed`] answers.
    pub fn finish(&mut self, problems: &mut Vec<Problem>) -> Vec<Object> {
        let mut objects = Vec::new();
        for filling in &mut self.groups {
            finish_group(self.chain, filling, &mut objects, problems);
        }
        objects
    }

    /// In which object a slot is; none before [`Self::finish`].
    pub fn placed(&self, slot: &Slot) -> Option<Placed<'_, 'a>> {
        let filling = self.groups.get(slot.group)?;
        let chunk = filling.keys.get(&slot.key)?.chunk;
        Some(Placed {
            group: &filling.group,
            chunk,
            object: filling.names.get(chunk)?,
        })
    }
}

fn finish_group(
    chain: &str,
    filling: &mut Filling<'_>,
    objects: &mut Vec<Object>,
    problems: &mut Vec<Problem>,
) {
    let group = &filling.group;
    let base = group.workload.unwrap_or(chain);
    let (subject, role, instance) = group.maker;
    let mut chunks: Vec<Chunk> = vec![Chunk::new(group)];
    for (key, content) in &mut filling.keys {
        let value = Stored::new(group.secret, &content.bytes);
        let size = key.len() + value.size();
        if size > LIMIT {
            let (subject, role, _, name) = content.of;
            problems.push(Problem::Shape {
                subject: subject.to_owned(),
                why: format!(
                    "file {name} of role {role}: {} bytes do not fit into one object of Kubernetes (1 MiB)",
                    content.bytes.len()
                ),
            });
            continue;
        }
        if chunks
            .last()
            .is_some_and(|c| c.size > 0 && c.size + size > FULL)
        {
            chunks.push(Chunk::new(group));
        }
        content.chunk = chunks.len() - 1;
        if let Some(chunk) = chunks.last_mut() {
            chunk.add(key, &content.bytes, value, size);
        }
    }
    for (number, chunk) in chunks.into_iter().enumerate() {
        let name = if group.mutable {
            let mut name = format!("{base}-live");
            if group.workload.is_none() {
                name = format!("{name}-{}", short_hash(&[subject, role, instance], 8));
            }
            if number > 0 {
                name = format!("{name}-{number}");
            }
            name
        } else {
            format!("{base}-files-{}", hex_prefix(&chunk.hash.finalize(), 10))
        };
        let mut value = json!({
            "apiVersion": "v1",
            "kind": if group.secret { "Secret" } else { "ConfigMap" },
            "metadata": {"name": name, "namespace": group.namespace},
        });
        if let Value::Object(map) = &mut value {
            if group.secret {
                map.insert("type".to_owned(), json!("Opaque"));
            }
            if !group.mutable {
                map.insert("immutable".to_owned(), json!(true));
            }
            for (field, data) in [("data", chunk.text), ("binaryData", chunk.binary)] {
                if !data.is_empty() {
                    map.insert(field.to_owned(), Value::Object(data));
                }
            }
        }
        filling.names.push(name);
        objects.push(Object {
            cluster: group.cluster.to_owned(),
            value,
        });
    }
}

enum Stored {
    Text(String),
    Binary(String),
}

impl Stored {
    /// As it stands in the object: text in a `ConfigMap`'s `data`, base64 in its `binaryData` or in a Secret's `data`.
    fn new(secret: bool, bytes: &[u8]) -> Self {
        if secret {
            return Self::Text(STANDARD.encode(bytes));
        }
        match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => Self::Text(text.to_owned()),
            _ => Self::Binary(STANDARD.encode(bytes)),
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Text(text) | Self::Binary(text) => text.len(),
        }
    }
}

struct Chunk {
    size: usize,
    hash: Sha256,
    text: Map<String, Value>,
    binary: Map<String, Value>,
}

impl Chunk {
    fn new(group: &Group<'_>) -> Self {
        let mut hash = Sha256::new();
        for part in [group.maker.0, group.maker.1, group.maker.2] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self {
            size: 0,
            hash,
            text: Map::new(),
            binary: Map::new(),
        }
    }

    fn add(&mut self, key: &str, bytes: &[u8], value: Stored, size: usize) {
        self.size += size;
        for part in [key.as_bytes(), bytes] {
            self.hash.update((part.len() as u64).to_be_bytes());
            self.hash.update(part);
        }
        match value {
            Stored::Text(text) => self.text.insert(key.to_owned(), Value::String(text)),
            Stored::Binary(text) => self.binary.insert(key.to_owned(), Value::String(text)),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    fn group(workload: Option<&'static str>, secret: bool, mutable: bool) -> Group<'static> {
        Group {
            cluster: "",
            namespace: "ns",
            workload,
            maker: if workload.is_some() {
                ("", "", "")
            } else {
                ("chain", "vote", "vote")
            },
            secret,
            mutable,
        }
    }

    #[test]
    fn immutable_objects_are_named_by_their_content() {
        let name = |bytes: &'static [u8]| {
            let mut store = Store::new("c");
            let slot = store.put(
                group(Some("c-0"), false, false),
                ("n", "net", "net", "f"),
                Cow::Borrowed(bytes),
            );
            let objects = store.finish(&mut Vec::new());
            assert_eq!(objects[0].value["immutable"], true);
            assert_eq!(
                objects[0].value["data"]["net.f"].as_str(),
                std::str::from_utf8(bytes).ok()
            );
            store.placed(&slot).unwrap().object.to_owned()
        };
        assert_eq!(name(b"one"), name(b"one"));
        assert_ne!(name(b"one"), name(b"two"));
        assert!(name(b"one").starts_with("c-0-files-"));
    }

    #[test]
    fn what_the_chain_gave_is_there_once_for_all_who_bind_it() {
        let mut store = Store::new("c");
        for _ in 0..1000 {
            store.put(
                group(None, false, false),
                ("chain", "vote", "vote", "genesis"),
                Cow::Borrowed(b"x"),
            );
        }
        assert_eq!(store.finish(&mut Vec::new()).len(), 1);
    }

    #[test]
    fn a_full_object_is_split_and_a_too_large_file_refused() {
        let mut store = Store::new("c");
        let big = vec![b'x'; 500_000];
        let slots: Vec<_> = ["a", "b"]
            .into_iter()
            .map(|name| {
                store.put(
                    group(None, false, true),
                    ("chain", "vote", "vote", name),
                    Cow::Borrowed(&big),
                )
            })
            .collect();
        let mut problems = Vec::new();
        assert_eq!(store.finish(&mut problems).len(), 2);
        assert!(problems.is_empty());
        let names: Vec<_> = slots
            .iter()
            .map(|s| store.placed(s).unwrap().object)
            .collect();
        assert_eq!(names[1], format!("{}-1", names[0]));

        let huge = vec![0xffu8; 900_000];
        let mut store = Store::new("c");
        store.put(
            group(None, false, false),
            ("chain", "vote", "vote", "huge"),
            Cow::Borrowed(&huge),
        );
        store.finish(&mut problems);
        assert!(problems[0].to_string().contains("1 MiB"), "{problems:?}");
    }

    #[test]
    fn names_that_need_changing_never_meet() {
        let mut store = Store::new("c");
        let a = store.put(
            group(None, false, false),
            ("chain", "vote", "vote", "a/b"),
            Cow::Borrowed(b"1"),
        );
        let b = store.put(
            group(None, false, false),
            ("chain", "vote", "vote", "a_b"),
            Cow::Borrowed(b"2"),
        );
        assert_ne!(a, b);
    }

    #[test]
    fn what_is_not_text_is_binary_data() {
        let mut store = Store::new("c");
        store.put(
            group(None, false, false),
            ("chain", "vote", "vote", "b"),
            Cow::Borrowed(&[0xff, 0]),
        );
        assert_eq!(
            store.finish(&mut Vec::new())[0].value["binaryData"]["vote.b"],
            "/wA="
        );
    }
}
