//! What the cluster layer promises, on a real control plane. Here: what the tests share.

#![allow(
    missing_docs,
    clippy::doc_markdown,
    clippy::format_push_string,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used
)]

mod applying;
mod checks;
#[path = "../support/plane.rs"]
mod plane;
mod records;
mod removal;
mod rollout;
mod speed;
mod transport;
mod watching;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use kubectl_chain::cluster::apply::{
    Applied, ApplyOptions, ApplyPlan, DisruptionGroup, Hooks, Outcome, Quiet, apply, preview,
};
use kubectl_chain::cluster::compare::is_unchanged;
use kubectl_chain::cluster::delete::{DeletePlan, delete_objects, purge_records};
use kubectl_chain::cluster::labels;
use kubectl_chain::cluster::object_api::{ApiKind, identify};
use kubectl_chain::cluster::preflight::{
    ClaimChecks, NamespaceState, Severity, before_apply, before_claim, ensure_namespace,
    namespace_state,
};
use kubectl_chain::cluster::prune::{PrunePlan, prune};
use kubectl_chain::cluster::readiness::readiness;
use kubectl_chain::cluster::request::{ListQuery, Preconditions};
use kubectl_chain::cluster::rights::Right;
use kubectl_chain::cluster::watch::{look, wait_ready};
use kubectl_chain::cluster::{ClusterError, ClusterStore, Connection, home_of, records};
use kubectl_chain::state::lock::{Claim, LockError, acquire, fence, release};
use kubectl_chain::state::signpost::places;
use kubectl_chain::state::{
    Head, HeadCreation, HeadPut, Inventory, KeptItem, ObjectId, Phase, Public, Remembered,
    Revision, Site, Store, StoreError, Vault, VaultCreation, VaultRef,
};
use plane::plane;
use serde_json::{Value, json};

const UID: &str = "7f1e0a52-0000-4000-8000-000000000001";

fn kind(group: &str, kind: &str) -> ApiKind {
    ApiKind::known(group, kind).unwrap()
}

fn head(chain: &str, uid: &str) -> Head {
    Head {
        schema: 1,
        minimum_host: "0.1.0".into(),
        uid: uid.into(),
        chain: chain.into(),
        stack: "stack".into(),
        release: "v1".into(),
        phase: Phase::Forming,
        subjects: BTreeMap::new(),
        next: BTreeMap::new(),
        born_ms: 1,
        revision: 0,
        clusters: BTreeMap::new(),
        fingerprint: None,
        group_kinds: BTreeSet::new(),
        claims: vec![],
        applied: 0,
        lock: None,
    }
}

fn vault(subject: &str, bytes: &[u8]) -> Vault {
    let item = KeptItem {
        bytes: bytes.to_vec(),
        secret: true,
        media: "application/octet-stream".into(),
    };
    Vault {
        chain_uid: UID.into(),
        subject: subject.into(),
        version: 1,
        items: [(("kms".into(), "kms".into(), "key".into()), item)].into(),
    }
}

/// Hooks that remember what they heard.
#[derive(Default)]
struct Ear {
    done: Mutex<Vec<(String, Outcome)>>,
    waited: Mutex<Vec<String>>,
    gated: Mutex<Vec<String>>,
    /// Those that want to be last.
    last: Vec<String>,
    /// Those whose gate a run before did not pass.
    owing: Vec<String>,
    fences: Mutex<usize>,
}

impl Ear {
    fn outcomes(&self) -> BTreeMap<String, Outcome> {
        self.done.lock().unwrap().iter().cloned().collect()
    }
}

impl Hooks for Ear {
    fn done(&self, id: &ObjectId, outcome: Outcome) {
        self.done
            .lock()
            .unwrap()
            .push((format!("{}/{}", id.kind, id.name), outcome));
    }

    fn waiting(&self, id: &ObjectId, why: &str) {
        self.waited
            .lock()
            .unwrap()
            .push(format!("{}: {why}", id.name));
    }

    async fn fence(&self) -> Result<(), ClusterError> {
        *self.fences.lock().unwrap() += 1;
        Ok(())
    }

    async fn later(
        &self,
        _group: &str,
        members: &[ObjectId],
    ) -> Result<BTreeSet<ObjectId>, Box<dyn std::error::Error + Send + Sync>> {
        let last = members.iter().filter(|it| self.last.contains(&it.name));
        Ok(last.cloned().collect())
    }

    fn owes_gate(&self, member: &ObjectId) -> bool {
        self.owing.contains(&member.name) && !self.gated.lock().unwrap().contains(&member.name)
    }

    async fn gate(
        &self,
        _group: &str,
        member: &ObjectId,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.gated.lock().unwrap().push(member.name.clone());
        Ok(())
    }
}

fn object(
    connection: &Connection,
    api_version: &str,
    kind: &str,
    name: &str,
    rest: Value,
) -> Value {
    let mut object = json!({
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": connection.namespace,
            "labels": {
                labels::CHAIN: "c",
                labels::UID: UID,
                labels::APPLYSET_PART_OF: labels::applyset_id("c", &connection.namespace),
            },
        },
    });
    if let (Value::Object(object), Value::Object(rest)) = (&mut object, rest) {
        object.extend(rest);
    }
    object
}

fn config_map(connection: &Connection, name: &str, value: &str) -> Value {
    object(
        connection,
        "v1",
        "ConfigMap",
        name,
        json!({"data": {"key": value}}),
    )
}

fn stateful_set(connection: &Connection, name: &str, image: &str) -> Value {
    object(
        connection,
        "apps/v1",
        "StatefulSet",
        name,
        json!({"spec": {
            "serviceName": name,
            "replicas": 1,
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": {"node": name}},
            "template": {
                "metadata": {"labels": {"node": name, labels::CHAIN: "c", labels::UID: UID}},
                "spec": {
                    "enableServiceLinks": false,
                    "automountServiceAccountToken": false,
                    "terminationGracePeriodSeconds": 1,
                    "securityContext": {"runAsNonRoot": true, "runAsUser": 1000, "fsGroup": 1000,
                        "fsGroupChangePolicy": "OnRootMismatch", "seccompProfile": {"type": "RuntimeDefault"}},
                    "initContainers": [{"name": "guard", "image": image, "command": ["sh", "-c", "true"],
                        "env": [{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}],
                    "containers": [{
                        "name": "main", "image": image,
                        "ports": [{"name": "p2p", "containerPort": 40000}, {"name": "udp", "containerPort": 40000, "protocol": "UDP"}],
                        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
                        "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
                        "readinessProbe": {"tcpSocket": {"port": 40000}, "periodSeconds": 5},
                        "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "config", "mountPath": "/etc/c/a.toml", "subPath": "a.toml"}],
                    }],
                    "volumes": [
                        {"name": "data", "emptyDir": {}},
                        {"name": "config", "configMap": {"name": name, "items": [{"key": "key", "path": "a.toml", "mode": 256}]}},
                    ],
                },
            },
        }}),
    )
}

/// One of each kind that a chain usually has.
fn family(connection: &Connection, name: &str) -> Vec<Value> {
    vec![
        object(
            connection,
            "v1",
            "ServiceAccount",
            name,
            json!({"automountServiceAccountToken": false}),
        ),
        config_map(connection, name, "value"),
        object(
            connection,
            "v1",
            "Secret",
            name,
            json!({"type": "Opaque", "data": {"k": "dmFsdWU="}}),
        ),
        object(
            connection,
            "v1",
            "PersistentVolumeClaim",
            name,
            json!({"spec": {
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}),
        ),
        object(
            connection,
            "v1",
            "Service",
            name,
            json!({"spec": {
            "selector": {"node": name}, "publishNotReadyAddresses": true,
            "ports": [{"name": "p2p", "port": 40000}, {"name": "udp", "port": 40000, "protocol": "UDP", "targetPort": 40000}]}}),
        ),
        object(
            connection,
            "networking.k8s.io/v1",
            "NetworkPolicy",
            name,
            json!({"spec": {
            "podSelector": {"matchLabels": {"node": name}}, "policyTypes": ["Ingress"],
            "ingress": [{"ports": [{"port": 40000}]}]}}),
        ),
        object(
            connection,
            "policy/v1",
            "PodDisruptionBudget",
            name,
            json!({"spec": {
            "maxUnavailable": 1, "selector": {"matchLabels": {labels::CHAIN: "c"}},
            "unhealthyPodEvictionPolicy": "AlwaysAllow"}}),
        ),
        stateful_set(connection, name, "registry.example/node:v1"),
        object(
            connection,
            "networking.k8s.io/v1",
            "Ingress",
            name,
            json!({"spec": {
            "defaultBackend": {"service": {"name": name, "port": {"number": 40000}}}}}),
        ),
    ]
}

fn plan<'a>(objects: &'a [Value], groups: &'a [DisruptionGroup]) -> ApplyPlan<'a> {
    ApplyPlan {
        cluster: "",
        chain: "c",
        uid: UID,
        objects,
        clusters: None,
        groups,
        options: ApplyOptions {
            timeout: Duration::from_mins(1),
            ..ApplyOptions::default()
        },
    }
}

fn inventory(connection: &Connection, objects: &[Value]) -> Inventory {
    objects
        .iter()
        .map(|o| identify(o, "", &connection.namespace).unwrap())
        .collect()
}

async fn get(connection: &Connection, group: &str, of: &str, name: &str) -> Option<Value> {
    connection
        .get(&kind(group, of), &connection.namespace, name)
        .await
        .unwrap()
}

fn version(object: &Value) -> String {
    object["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .to_owned()
}
