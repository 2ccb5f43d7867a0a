//! Labels: those that select, which never change, and those that say to whom an object belongs.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::input::{Shape, Subject};
use super::object::{Object, map_at};

/// The chain's name; in selectors.
pub const CHAIN: &str = "chain.dev/chain";
/// The chain's UID; on objects, not on pods.
pub const UID: &str = "chain.dev/uid";
/// The workload's name; in selectors.
pub const WORKLOAD: &str = "chain.dev/workload";
/// The subject's name, on pods.
pub const NODE: &str = "chain.dev/node";
/// The subject's kind, on pods.
pub const KIND: &str = "chain.dev/kind";
/// The disruption group; in the selector of its budget.
pub const GROUP: &str = "chain.dev/group";
/// Membership in the `ApplySet`; never on pods, which would be pruned by it.
pub const PART_OF: &str = "applyset.kubernetes.io/part-of";
/// Annotation with which a plugin marks a Service that is reached from outside.
pub const EXPOSE: &str = "chain.dev/expose";

/// Annotation with the name of the cluster that an object is for, where that is not the chain's home: whoever has the
/// manifests in files can tell them apart.
pub const CLUSTER: &str = "chain.dev/cluster";

/// The id of the `ApplySet` whose parent is the `ConfigMap` `chain-<name>` of a namespace, as kubectl computes it.
pub fn applyset_id(chain: &str, namespace: &str) -> String {
    let hash = Sha256::digest(format!("chain-{chain}.{namespace}.ConfigMap."));
    format!("applyset-{}-v1", URL_SAFE_NO_PAD.encode(hash))
}

/// The labels that select the pod of one workload.
pub fn selector(chain: &str, workload: &str) -> Value {
    json!({CHAIN: chain, WORKLOAD: workload})
}

/// The labels of a pod. Some of them select, none says what an `ApplySet` would act upon.
pub fn pod(shape: &Shape, subject: &Subject, workload: &str, group: Option<&str>) -> Value {
    let mut labels = json!({
        "app.kubernetes.io/name": shape.stack,
        "app.kubernetes.io/instance": shape.chain,
        "app.kubernetes.io/managed-by": "kubectl-chain",
        "app.kubernetes.io/component": subject.kind,
        CHAIN: shape.chain,
        WORKLOAD: workload,
        NODE: subject.name,
        KIND: subject.kind,
    });
    if let (Some(group), Some(map)) = (group, labels.as_object_mut()) {
        map.insert(GROUP.to_owned(), json!(group));
    }
    labels
}

/// Puts the labels on every object that say whose it is, over anything that was said before.
pub struct Stamp<'a> {
    shape: &'a Shape,
    part_of: BTreeMap<String, String>,
}

impl<'a> Stamp<'a> {
    /// A stamp for a chain.
    pub fn new(shape: &'a Shape) -> Self {
        Self {
            shape,
            part_of: BTreeMap::new(),
        }
    }

    /// Stamps one object.
    pub fn put(&mut self, object: &mut Object) {
        let namespace = object.namespace().to_owned();
        let shape = self.shape;
        let part_of = self
            .part_of
            .entry(namespace)
            .or_insert_with_key(|ns| applyset_id(&shape.chain, ns))
            .clone();
        if let Some(labels) = map_at(&mut object.value, &["metadata", "labels"]) {
            under(labels, &shape.labels);
            for (key, value) in [
                ("app.kubernetes.io/name", shape.stack.as_str()),
                ("app.kubernetes.io/instance", &shape.chain),
                ("app.kubernetes.io/managed-by", "kubectl-chain"),
                (CHAIN, &shape.chain),
                (UID, &shape.uid),
                (PART_OF, &part_of),
            ] {
                labels.insert(key.to_owned(), json!(value));
            }
        }
        if !shape.annotations.is_empty()
            && let Some(annotations) = map_at(&mut object.value, &["metadata", "annotations"])
        {
            under(annotations, &shape.annotations);
        }
        let cluster = object.cluster.clone();
        if !cluster.is_empty()
            && let Some(annotations) = map_at(&mut object.value, &["metadata", "annotations"])
        {
            annotations.insert(CLUSTER.to_owned(), json!(cluster));
        }
    }
}

fn under(map: &mut Map<String, Value>, more: &BTreeMap<String, String>) {
    for (key, value) in more {
        map.entry(key.as_str()).or_insert_with(|| json!(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_applyset_id_is_what_kubectl_computes() {
        // printf 'chain-c.ns.ConfigMap.' | openssl dgst -sha256 -binary | base64 | tr '+/' '-_' | tr -d =
        let id = applyset_id("c", "ns");
        assert_eq!(
            id,
            "applyset-TtZnjWajVTDv-Ng_UJau46tZO04ptBqa0pvSIJutZQs-v1"
        );
        assert!(id.len() <= 63);
    }
}
