//! A signpost as a `ConfigMap`: named and labelled as a head is, so that it is the parent of the namespace's `ApplySet`,
//! and told from one by its record.

use serde_json::{Value, json};

use super::head_object::{filled, parent, plain};
use super::labels::{SIGNPOST, meta};
use crate::state::store::{from_json, to_json};
use crate::state::{Signpost, StoreError};

const KEY: &str = "signpost.json";

/// The `ConfigMap` of a signpost; with `version` for a PUT, without for a POST.
pub(super) fn to_object(
    signpost: &Signpost,
    namespace: &str,
    version: Option<&str>,
) -> Result<Value, StoreError> {
    let what = format!("the signpost of chain {:?}", signpost.chain);
    let text = plain(&what, to_json(&what, signpost)?)?;
    let Signpost {
        chain,
        uid,
        group_kinds,
        ..
    } = signpost;
    let object = parent(SIGNPOST, chain, uid, namespace, group_kinds);
    Ok(filled(object, "data", json!({ KEY: text }), version))
}

/// Reads the signpost of a `ConfigMap`.
pub(super) fn from_object(object: &Value) -> Result<Signpost, StoreError> {
    let what = format!(
        "configmap {:?} in namespace {:?}",
        meta(object, "name"),
        meta(object, "namespace")
    );
    let text = object
        .get("data")
        .and_then(|data| data.get(KEY))
        .and_then(Value::as_str)
        .ok_or_else(|| StoreError::Damaged {
            what: what.clone(),
            why: format!("it holds no {KEY}"),
        })?;
    from_json(&what, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::super::labels::{
        APPLYSET_GROUP_KINDS, APPLYSET_ID, RECORD, annotation, applyset_id, label,
    };
    use super::*;
    use crate::state::Home;

    #[test]
    fn it_comes_back_and_is_no_head() {
        let signpost = Signpost {
            schema: 1,
            minimum_host: "0.1.0".into(),
            uid: "u-1".into(),
            chain: "c".into(),
            stack: "s".into(),
            home: Home {
                namespace: "home".into(),
                uid: "n-1".into(),
                context: Some("east".into()),
            },
            group_kinds: ["Service".to_owned(), "StatefulSet.apps".to_owned()].into(),
        };
        let object = to_object(&signpost, "team", Some("7")).unwrap();
        assert_eq!(from_object(&object).unwrap(), signpost);
        assert_eq!(meta(&object, "name"), "chain-c");
        assert_eq!(meta(&object, "resourceVersion"), "7");
        assert_eq!(label(&object, RECORD), "signpost");
        assert_eq!(label(&object, APPLYSET_ID), applyset_id("c", "team"));
        assert_eq!(
            annotation(&object, APPLYSET_GROUP_KINDS),
            "Service,StatefulSet.apps"
        );
        assert!(super::super::head_object::from_object(&object).is_err());
    }
}
