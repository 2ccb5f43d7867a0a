//! The allow-list of kinds, and of what an object may say beside its pods.

use std::collections::HashSet;

use serde_json::Value;

use super::{Requirement, fields, need, never, template_requirements};
use crate::manifest::input::Shape;
use crate::manifest::labels;
use crate::manifest::object::{Object, get, group_version, list, text};

/// What an object, or a part of one, asks for that is not on the list.
pub fn requirements(kind: &str, value: &Value, out: &mut Vec<Requirement>) {
    let (group, _) = group_version(text(value, &["apiVersion"]));
    match (group, kind) {
        ("", "ConfigMap" | "ServiceAccount" | "Secret" | "Service" | "PersistentVolumeClaim")
        | ("networking.k8s.io", "NetworkPolicy" | "Ingress")
        | ("policy", "PodDisruptionBudget")
        | ("apps", "StatefulSet" | "Deployment") => {}
        ("rbac.authorization.k8s.io", "Role" | "RoleBinding") => {
            need(out, "kind".to_owned(), "rights at the API server", "rbac");
        }
        (group, kind) => {
            let what = format!("an object of kind {kind}");
            need(
                out,
                "kind".to_owned(),
                &what,
                &format!("kind:{group}/{kind}"),
            );
        }
    }
    metadata(value, out);
    match kind {
        "StatefulSet" | "Deployment" => workload(kind, value, out),
        "Service" => service(value, out),
        "Secret" => secret(value, out),
        "ServiceAccount"
            if get(value, &["automountServiceAccountToken"]) == Some(&Value::Bool(true)) =>
        {
            let at = "automountServiceAccountToken".to_owned();
            need(out, at, "a token for the API server", "token");
        }
        "PersistentVolumeClaim" => {
            for key in ["dataSource", "dataSourceRef", "volumeName"] {
                if get(value, &["spec", key]).is_some() {
                    need(
                        out,
                        format!("spec.{key}"),
                        "data of another volume",
                        "dataSource",
                    );
                }
            }
        }
        _ => {}
    }
}

fn metadata(value: &Value, out: &mut Vec<Requirement>) {
    let Some(metadata) = value.get("metadata") else {
        return;
    };
    let allowed = ["name", "namespace", "labels", "annotations"];
    fields(metadata, "metadata", &allowed, &["ownerReferences"], out);
    if metadata.get("ownerReferences").is_some() {
        never(
            out,
            "metadata.ownerReferences",
            "an owner whose end would delete the object",
        );
    }
}

fn workload(kind: &str, value: &Value, out: &mut Vec<Requirement>) {
    const ANY: &[&str] = &[
        "replicas",
        "selector",
        "template",
        "minReadySeconds",
        "revisionHistoryLimit",
    ];
    const SETS: &[&str] = &["serviceName", "podManagementPolicy", "updateStrategy"];
    const DEPLOYMENTS: &[&str] = &["strategy", "progressDeadlineSeconds", "paused"];
    let Some(spec) = value.get("spec") else {
        return;
    };
    let more = if kind == "StatefulSet" {
        SETS
    } else {
        DEPLOYMENTS
    };
    fields(spec, "spec", ANY, more, out);
    if let Some(template) = spec.get("template") {
        template_requirements(template, "spec.template.", out);
    }
}

fn service(value: &Value, out: &mut Vec<Requirement>) {
    if get(value, &["spec", "externalIPs"]).is_some() {
        let at = "spec.externalIPs".to_owned();
        need(
            out,
            at,
            "addresses that are not the cluster's to give",
            "externalIPs",
        );
    }
    let external = get(value, &["spec", "externalName"]).is_some();
    if external || text(value, &["spec", "type"]) == "ExternalName" {
        let at = "spec.externalName".to_owned();
        need(out, at, "a name outside of the cluster", "externalName");
    }
}

fn secret(value: &Value, out: &mut Vec<Requirement>) {
    let kind = text(value, &["type"]);
    if !matches!(kind, "" | "Opaque") {
        let what = format!("a Secret of type {kind}, on which controllers act,");
        need(out, "type".to_owned(), &what, &format!("secretType:{kind}"));
    }
}

/// Every cluster and namespace in which the chain lives.
pub fn homes(shape: &Shape) -> HashSet<(&str, &str)> {
    let mut homes: HashSet<_> = shape
        .subjects
        .iter()
        .filter(|s| !s.foreign)
        .map(|s| (&*s.cluster, &*s.namespace))
        .collect();
    homes.insert(("", &shape.home_namespace));
    homes
}

/// Names and namespaces that are the chain's.
pub fn identity(
    shape: &Shape,
    homes: &HashSet<(&str, &str)>,
    object: &Object,
    out: &mut Vec<Requirement>,
) {
    let name = object.name();
    // Names with `chain-` are head, vaults and revisions: never the business of what is applied here.
    let own = name
        .strip_prefix(&*shape.chain)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.']));
    // A Service is also a DNS name, which may stand in certificates and in files of other parties: the stack says it.
    let said = || {
        object.kind() == "Service"
            && shape.subjects.iter().any(|it| {
                !it.foreign
                    && *it.cluster == *object.cluster
                    && it.namespace == object.namespace()
                    && it.endpoints.iter().any(|endpoint| endpoint.service == name)
            })
    };
    if !own && !said() {
        let what = format!("a name that does not begin with {}-", shape.chain);
        never(out, "metadata.name", &what);
    }
    let namespace = object.namespace();
    if !homes.contains(&(&*object.cluster, namespace)) {
        let what = format!("namespace {namespace}, in which no subject of the chain lives,");
        never(out, "metadata.namespace", &what);
    }
}

/// Whatever selects pods selects this chain's alone; an identity runs once.
pub fn isolation(shape: &Shape, object: &Object, made: bool, out: &mut Vec<Requirement>) {
    let value = &object.value;
    let path: &[&str] = match object.kind() {
        "Service" => &["spec", "selector"],
        "NetworkPolicy" => &["spec", "podSelector", "matchLabels"],
        "PodDisruptionBudget" | "StatefulSet" | "Deployment" => {
            &["spec", "selector", "matchLabels"]
        }
        _ => &[],
    };
    let selects = !path.is_empty() && text(value, &["spec", "type"]) != "ExternalName";
    if selects {
        let chain = get(value, path).and_then(|s| s.get(labels::CHAIN));
        if chain.and_then(Value::as_str) != Some(&shape.chain) {
            never(out, &path.join("."), "selecting pods of others");
        }
    }
    if made
        && object.kind() == "StatefulSet"
        && get(value, &["spec", "replicas"])
            .and_then(Value::as_u64)
            .is_none_or(|n| n > 1)
    {
        never(out, "spec.replicas", "running one identity twice");
    }
    if object.kind() == "RoleBinding" {
        if text(value, &["roleRef", "kind"]) != "Role" {
            never(out, "roleRef.kind", "a role of the whole cluster");
        }
        for (index, subject) in list(value, &["subjects"]).iter().enumerate() {
            let namespace = text(subject, &["namespace"]);
            let own = text(subject, &["kind"]) == "ServiceAccount"
                && (namespace.is_empty() || namespace == object.namespace());
            if !own {
                never(out, &format!("subjects[{index}]"), "rights for others");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asked(value: Value) -> Vec<String> {
        let mut out = Vec::new();
        requirements(value["kind"].as_str().unwrap(), &value, &mut out);
        out.into_iter()
            .map(|r| r.permission.unwrap_or_default())
            .collect()
    }

    #[test]
    fn kinds_that_are_not_listed_need_their_own_permission() {
        let api = "rbac.authorization.k8s.io/v1";
        assert_eq!(asked(json!({"apiVersion": api, "kind": "Role"})), ["rbac"]);
        assert_eq!(
            asked(json!({"apiVersion": api, "kind": "ClusterRole"})),
            ["kind:rbac.authorization.k8s.io/ClusterRole"]
        );
        assert_eq!(
            asked(json!({"apiVersion": "v1", "kind": "Namespace"})),
            ["kind:/Namespace"]
        );
        assert_eq!(
            asked(json!({"apiVersion": "batch/v1", "kind": "Job"})),
            ["kind:batch/Job"]
        );
        // A kind of the same name in another group is another kind.
        assert_eq!(
            asked(json!({"apiVersion": "x.io/v1", "kind": "Service"})),
            ["kind:x.io/Service"]
        );
    }

    #[test]
    fn token_secrets_external_addresses_and_claim_templates_are_not_free() {
        assert_eq!(
            asked(
                json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token"})
            ),
            ["secretType:kubernetes.io/service-account-token"]
        );
        assert_eq!(
            asked(
                json!({"apiVersion": "v1", "kind": "Service", "spec": {"externalIPs": ["1.1.1.1"]}})
            ),
            ["externalIPs"]
        );
        assert_eq!(
            asked(json!({"apiVersion": "v1", "kind": "Service", "spec": {"type": "ExternalName"}})),
            ["externalName"]
        );
        assert_eq!(
            asked(
                json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "spec": {"volumeClaimTemplates": []}})
            ),
            ["field:volumeClaimTemplates"]
        );
        assert_eq!(
            asked(
                json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": {"dataSource": {}}})
            ),
            ["dataSource"]
        );
    }
}
