//! A vault as an immutable Secret.
//!
//! One key per item, so that a pod can mount an item by its key, and `index.json`, which says what each key is. No
//! error and no log line holds a byte of it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::labels::{
    CHAIN, DIGEST, MANAGED_BY, MANAGER, RECORD, SUBJECT, UID, VAULT_TYPE, VERSION, annotation, meta,
};
use super::parts::OBJECT_LIMIT;
use crate::state::store::to_json;
use crate::state::{KeptItem, StoreError, Vault};

const INDEX: &str = "index.json";

/// What `index.json` says of one item.
#[derive(Serialize, Deserialize)]
struct Entry {
    role: String,
    instance: String,
    name: String,
    secret: bool,
    media: String,
    /// Key in the Secret's data.
    key: String,
}

/// The Secret of a vault.
pub(super) fn to_object(
    chain: &str,
    namespace: &str,
    name: &str,
    vault: &Vault,
) -> Result<Value, StoreError> {
    let what = format!("vault {name:?} of subject {:?}", vault.subject);
    let mut data = Map::new();
    let mut index = Vec::new();
    let mut size = 0;
    for (item, kept) in &vault.items {
        let key = Vault::data_key(item);
        let (role, instance, item_name) = item;
        if key == INDEX || data.contains_key(&key) {
            return Err(StoreError::Unfit {
                what,
                why: format!("two items would have the key {key:?}"),
            });
        }
        size += key.len() + kept.bytes.len();
        data.insert(key.clone(), BASE64.encode(&kept.bytes).into());
        index.push(Entry {
            role: role.clone(),
            instance: instance.clone(),
            name: item_name.clone(),
            secret: kept.secret,
            media: kept.media.clone(),
            key,
        });
    }
    let index = to_json(&what, &index)?;
    size += INDEX.len() + index.len();
    if size > OBJECT_LIMIT {
        return Err(StoreError::TooLarge {
            what,
            bytes: size,
            limit: OBJECT_LIMIT,
        });
    }
    data.insert(INDEX.to_owned(), BASE64.encode(index).into());
    Ok(json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": VAULT_TYPE,
        "immutable": true,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {
                CHAIN: chain,
                UID: vault.chain_uid,
                RECORD: "vault",
                MANAGED_BY: MANAGER,
            },
            "annotations": {
                SUBJECT: vault.subject,
                UID: vault.chain_uid,
                VERSION: vault.version.to_string(),
                DIGEST: vault.digest(),
            },
        },
        "data": data,
    }))
}

/// Reads the vault of a Secret.
pub(super) fn from_object(object: &Value) -> Result<Vault, StoreError> {
    let what = format!(
        "secret {:?} in namespace {:?}",
        meta(object, "name"),
        meta(object, "namespace")
    );
    let damaged = |why: String| StoreError::Damaged {
        what: what.clone(),
        why,
    };
    if object.get("type").and_then(Value::as_str) != Some(VAULT_TYPE) {
        return Err(damaged(format!("it is not of type {VAULT_TYPE}")));
    }
    let bytes = |key: &str| -> Result<Vec<u8>, StoreError> {
        let text = object
            .get("data")
            .and_then(|d| d.get(key))
            .and_then(Value::as_str)
            .ok_or_else(|| damaged(format!("it has no key {key:?}")))?;
        BASE64
            .decode(text)
            .map_err(|_| damaged(format!("key {key:?} is not base64")))
    };
    let index: Vec<Entry> = serde_json::from_slice(&bytes(INDEX)?).map_err(|error| {
        damaged(format!(
            "{INDEX}: line {} column {}",
            error.line(),
            error.column()
        ))
    })?;
    let mut items = BTreeMap::new();
    for entry in index {
        let kept = KeptItem {
            bytes: bytes(&entry.key)?,
            secret: entry.secret,
            media: entry.media,
        };
        items.insert((entry.role, entry.instance, entry.name), kept);
    }
    Ok(Vault {
        chain_uid: annotation(object, UID).to_owned(),
        subject: annotation(object, SUBJECT).to_owned(),
        version: annotation(object, VERSION)
            .parse()
            .map_err(|_| damaged(format!("annotation {VERSION} is not a number")))?,
        items,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(bytes: &[u8]) -> Vault {
        let item = |secret| KeptItem {
            bytes: bytes.to_vec(),
            secret,
            media: "text/plain".into(),
        };
        let key = |role: &str, instance: &str, name: &str| {
            (role.to_owned(), instance.to_owned(), name.to_owned())
        };
        Vault {
            chain_uid: "u-1".into(),
            subject: "node-0".into(),
            version: 1,
            items: [
                (key("kms", "kms", "key"), item(true)),
                (key("client", "besu", "node key"), item(false)),
            ]
            .into(),
        }
    }

    #[test]
    fn a_vault_comes_back_with_its_digest() {
        let vault = vault(b"hidden bytes");
        let object = to_object("c", "team", "c-node-0-v1", &vault).unwrap();
        assert_eq!(object["immutable"], json!(true));
        assert_eq!(annotation(&object, DIGEST), vault.digest());
        let back = from_object(&object).unwrap();
        assert_eq!(back, vault);
        assert!(!format!("{back:?}").contains("hidden"));
    }

    #[test]
    fn a_vault_that_is_too_large_is_refused_before_the_server_does() {
        let error = to_object("c", "team", "v", &vault(&vec![7; 600_000])).unwrap_err();
        assert!(matches!(error, StoreError::TooLarge { .. }), "{error}");
    }

    #[test]
    fn a_secret_of_another_type_is_no_vault() {
        let mut object = to_object("c", "team", "v", &vault(b"x")).unwrap();
        object["type"] = json!("Opaque");
        assert!(from_object(&object).is_err());
    }
}
