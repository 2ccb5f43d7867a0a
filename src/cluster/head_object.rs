//! The head as a `ConfigMap`, which is also the parent of the namespace's `ApplySet`.
//!
//! Small heads are plain JSON, so that `kubectl get configmap -o yaml` shows them; larger ones are compressed. Labels
//! and annotations say nothing that the head itself does not say.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::labels::{
    APPLYSET_GROUP_KINDS, APPLYSET_ID, APPLYSET_TOOLING, CHAIN, HEAD, MANAGED_BY, MANAGER, RECORD,
    UID, applyset_id, head_name, meta,
};
use super::parts::{OBJECT_LIMIT, gunzip, gzip};
use crate::state::store::{from_json, to_json};
use crate::state::{Head, HeadVersion, StoreError, StoredHead};

const PLAIN_KEY: &str = "head.json";
const PACKED_KEY: &str = "head.json.gz";
/// Larger heads are compressed.
const PLAIN_LIMIT: usize = 256 * 1024;

/// The `ConfigMap` of a head; with `version` for a PUT, without for a POST.
pub(super) fn to_object(
    head: &Head,
    namespace: &str,
    version: Option<&HeadVersion>,
) -> Result<Value, StoreError> {
    let what = format!("the head of chain {:?}", head.chain);
    let bytes = to_json(&what, head)?;
    let object = parent(HEAD, &head.chain, &head.uid, namespace, &head.group_kinds);
    let (map, key, value, size) = if bytes.len() <= PLAIN_LIMIT {
        let size = bytes.len();
        ("data", PLAIN_KEY, plain(&what, bytes)?, size)
    } else {
        let packed = gzip(&bytes);
        (
            "binaryData",
            PACKED_KEY,
            BASE64.encode(&packed),
            packed.len(),
        )
    };
    if size > OBJECT_LIMIT {
        return Err(StoreError::TooLarge {
            what,
            bytes: size,
            limit: OBJECT_LIMIT,
        });
    }
    let content = json!({ key: value });
    let version = version.map(|it| it.token.as_str());
    Ok(filled(object, map, content, version))
}

/// JSON as a `ConfigMap` shows it.
pub(super) fn plain(what: &str, json: Vec<u8>) -> Result<String, StoreError> {
    String::from_utf8(json).map_err(|_| StoreError::Unfit {
        what: what.to_owned(),
        why: "its JSON is not UTF-8".to_owned(),
    })
}

/// A [`parent`] with its content, `data` or `binaryData`; with `version` for a PUT, without for a POST.
pub(super) fn filled(mut object: Value, map: &str, content: Value, version: Option<&str>) -> Value {
    if let Value::Object(object) = &mut object {
        object.insert(map.to_owned(), content);
    }
    if let (Some(version), Some(Value::Object(metadata))) = (version, object.get_mut("metadata")) {
        metadata.insert("resourceVersion".to_owned(), version.into());
    }
    object
}

/// The `ConfigMap` by which a chain is known in a namespace, the parent of its `ApplySet`, without any data.
pub(super) fn parent(
    record: &str,
    chain: &str,
    uid: &str,
    namespace: &str,
    group_kinds: &BTreeSet<String>,
) -> Value {
    let kinds: Vec<&str> = group_kinds.iter().map(String::as_str).collect();
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": head_name(chain),
            "namespace": namespace,
            "labels": {
                CHAIN: chain,
                UID: uid,
                RECORD: record,
                MANAGED_BY: MANAGER,
                APPLYSET_ID: applyset_id(chain, namespace),
            },
            "annotations": {
                APPLYSET_TOOLING: format!("{MANAGER}/{}", env!("CARGO_PKG_VERSION")),
                APPLYSET_GROUP_KINDS: kinds.join(","),
            },
        },
    })
}

/// Reads the head of a `ConfigMap`.
pub(super) fn from_object(object: &Value) -> Result<StoredHead, StoreError> {
    let what = format!(
        "configmap {:?} in namespace {:?}",
        meta(object, "name"),
        meta(object, "namespace")
    );
    let damaged = |why: &str| StoreError::Damaged {
        what: what.clone(),
        why: why.to_owned(),
    };
    let entry = |map: &str, key: &str| {
        object
            .get(map)
            .and_then(|m| m.get(key))
            .and_then(Value::as_str)
    };
    let bytes = if let Some(text) = entry("data", PLAIN_KEY) {
        text.as_bytes().to_vec()
    } else if let Some(packed) = entry("binaryData", PACKED_KEY) {
        let packed = BASE64
            .decode(packed)
            .map_err(|_| damaged("head.json.gz is not base64"))?;
        gunzip(&what, &packed)?
    } else {
        return Err(damaged(
            "it holds no head.json; it is not the head of a chain",
        ));
    };
    let head: Head = from_json(&what, &bytes)?;
    let version = HeadVersion::of(meta(object, "resourceVersion"), &head);
    Ok(StoredHead { head, version })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    use crate::state::{Phase, Remembered};

    fn head(subjects: u32) -> Head {
        Head {
            schema: 1,
            minimum_host: "0.1.0".into(),
            uid: "u-1".into(),
            chain: "c".into(),
            stack: "s".into(),
            release: "r".into(),
            phase: Phase::Forming,
            subjects: (0..subjects)
                .map(|n| {
                    let subject = Remembered {
                        kind: "node".into(),
                        ordinal: n,
                        born_ms: 1,
                        namespace: "team".into(),
                        ..Remembered::default()
                    };
                    (format!("node-{n}"), subject)
                })
                .collect(),
            next: BTreeMap::new(),
            born_ms: 1,
            revision: 0,
            clusters: BTreeMap::new(),
            fingerprint: None,
            group_kinds: ["Service".to_owned(), "StatefulSet.apps".to_owned()].into(),
            claims: vec![],
            applied: 0,
            lock: None,
        }
    }

    #[test]
    fn small_heads_are_plain_and_large_ones_packed() {
        for (subjects, map) in [(3, "data"), (10_000, "binaryData")] {
            let head = head(subjects);
            let mut object = to_object(&head, "team", Some(&HeadVersion::of("7", &head))).unwrap();
            assert!(object.get(map).is_some());
            assert_eq!(
                object
                    .pointer("/metadata/annotations/applyset.kubernetes.io~1contains-group-kinds"),
                Some(&json!("Service,StatefulSet.apps"))
            );
            let stored = from_object(&object).unwrap();
            assert_eq!(stored.head, head);
            assert_eq!(stored.version, HeadVersion::of("7", &head));
            object["data"] = json!({});
            object["binaryData"] = json!({});
            assert!(from_object(&object).is_err());
        }
    }
}
