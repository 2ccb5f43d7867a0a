//! What objects refer to: every Secret, `ConfigMap`, claim, account and Service that is named must be the chain's own.

use std::collections::HashSet;

use serde_json::Value;

use super::{Origin, Requirement, never};
use crate::manifest::input::Shape;
use crate::manifest::object::{Object, get, list, text};
use crate::state::ObjectId;

/// A name in an object that stands for another object of the same namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reference<'a> {
    /// Kind of the object that is meant.
    kind: &'static str,
    /// Its name.
    name: &'a str,
    /// Where it stands.
    path: String,
}

/// Everything that an object refers to by name.
fn references(object: &Object) -> Vec<Reference<'_>> {
    let mut out = Vec::new();
    match object.kind() {
        "StatefulSet" | "Deployment" => {
            if let Some(spec) = get(&object.value, &["spec", "template", "spec"]) {
                in_pod(spec, "spec.template.spec", &mut out);
            }
        }
        "Ingress" => in_ingress(&object.value, &mut out),
        "ServiceAccount" => {
            for field in ["secrets", "imagePullSecrets"] {
                for one in list(&object.value, &[field]) {
                    add(&mut out, "Secret", text(one, &["name"]), field.to_owned());
                }
            }
        }
        "RoleBinding" => {
            let role = text(&object.value, &["roleRef", "name"]);
            add(&mut out, "Role", role, "roleRef.name".to_owned());
            for (index, subject) in list(&object.value, &["subjects"]).iter().enumerate() {
                let at = format!("subjects[{index}].name");
                add(&mut out, "ServiceAccount", text(subject, &["name"]), at);
            }
        }
        _ => {}
    }
    out
}

fn add<'a>(out: &mut Vec<Reference<'a>>, kind: &'static str, name: &'a str, path: String) {
    if !name.is_empty() {
        out.push(Reference { kind, name, path });
    }
}

fn in_pod<'a>(spec: &'a Value, path: &str, out: &mut Vec<Reference<'a>>) {
    for field in ["serviceAccountName", "serviceAccount"] {
        add(
            out,
            "ServiceAccount",
            text(spec, &[field]),
            format!("{path}.{field}"),
        );
    }
    for one in list(spec, &["imagePullSecrets"]) {
        add(
            out,
            "Secret",
            text(one, &["name"]),
            format!("{path}.imagePullSecrets"),
        );
    }
    for volume in list(spec, &["volumes"]) {
        let at = format!("{path}.volumes[{}]", text(volume, &["name"]));
        add(
            out,
            "Secret",
            text(volume, &["secret", "secretName"]),
            format!("{at}.secret"),
        );
        add(
            out,
            "ConfigMap",
            text(volume, &["configMap", "name"]),
            format!("{at}.configMap"),
        );
        let claim = text(volume, &["persistentVolumeClaim", "claimName"]);
        add(
            out,
            "PersistentVolumeClaim",
            claim,
            format!("{at}.persistentVolumeClaim"),
        );
        let csi = text(volume, &["csi", "nodePublishSecretRef", "name"]);
        add(out, "Secret", csi, format!("{at}.csi.nodePublishSecretRef"));
        for source in list(volume, &["projected", "sources"]) {
            add(
                out,
                "Secret",
                text(source, &["secret", "name"]),
                format!("{at}.projected"),
            );
            add(
                out,
                "ConfigMap",
                text(source, &["configMap", "name"]),
                format!("{at}.projected"),
            );
        }
    }
    for kind in ["containers", "initContainers"] {
        for container in list(spec, &[kind]) {
            let at = format!("{path}.{kind}[{}]", text(container, &["name"]));
            for env in list(container, &["env"]) {
                let at = format!("{at}.env[{}]", text(env, &["name"]));
                let secret = text(env, &["valueFrom", "secretKeyRef", "name"]);
                add(out, "Secret", secret, at.clone());
                add(
                    out,
                    "ConfigMap",
                    text(env, &["valueFrom", "configMapKeyRef", "name"]),
                    at,
                );
            }
            for from in list(container, &["envFrom"]) {
                let at = format!("{at}.envFrom");
                add(
                    out,
                    "Secret",
                    text(from, &["secretRef", "name"]),
                    at.clone(),
                );
                add(out, "ConfigMap", text(from, &["configMapRef", "name"]), at);
            }
        }
    }
}

fn in_ingress<'a>(value: &'a Value, out: &mut Vec<Reference<'a>>) {
    for tls in list(value, &["spec", "tls"]) {
        add(
            out,
            "Secret",
            text(tls, &["secretName"]),
            "spec.tls".to_owned(),
        );
    }
    let default = text(value, &["spec", "defaultBackend", "service", "name"]);
    add(out, "Service", default, "spec.defaultBackend".to_owned());
    for rule in list(value, &["spec", "rules"]) {
        for path in list(rule, &["http", "paths"]) {
            let service = text(path, &["backend", "service", "name"]);
            add(out, "Service", service, "spec.rules".to_owned());
        }
    }
}

/// Everything that may be referred to.
pub struct Known<'a> {
    shape: &'a Shape,
    objects: HashSet<(&'a str, &'a str, &'a str, &'a str)>,
    pull_secrets: HashSet<&'a str>,
    claims: HashSet<&'a str>,
}

impl<'a> Known<'a> {
    /// The chain's own objects, and what the user named.
    pub fn new(shape: &'a Shape, objects: &'a [Object]) -> Self {
        let keys = || shape.keys.values();
        Self {
            shape,
            objects: objects
                .iter()
                .map(|o| (&*o.cluster, o.namespace(), o.kind(), o.name()))
                .collect(),
            pull_secrets: keys()
                .flat_map(|k| k.pull_secrets.iter().map(String::as_str))
                .collect(),
            claims: keys().filter_map(|k| k.storage.claim.as_deref()).collect(),
        }
    }

    /// Refuses references to what is not the chain's. A workload that the host did not make from bindings may refer to
    /// objects of its own plugins alone: a vault is reached by a binding or not at all.
    pub fn check(
        &self,
        object: &Object,
        id: &ObjectId,
        origin: &Origin<'_>,
        out: &mut Vec<Requirement>,
    ) {
        let made = origin.made.contains(id);
        for one in references(object) {
            let at = (&*object.cluster, object.namespace(), one.kind, one.name);
            let own = self.objects.contains(&at);
            let pulled =
                one.path.ends_with("imagePullSecrets") && self.pull_secrets.contains(one.name);
            let fine = match one.kind {
                "Secret" if pulled => true,
                "Secret" if object.kind() == "Ingress" => {
                    own || self
                        .shape
                        .secrets
                        .contains(&(object.namespace().to_owned(), one.name.to_owned()))
                }
                "Secret" if made => {
                    own || origin
                        .vaults
                        .contains(&(&*object.cluster, object.namespace(), one.name))
                }
                "PersistentVolumeClaim" if made => own || self.claims.contains(one.name),
                "ServiceAccount" if made => one.name == object.name(),
                _ if made || matches!(object.kind(), "Ingress" | "RoleBinding") => own,
                _ => own && shares_plugin(object, &one, id, origin),
            };
            if !fine {
                let what = format!("{} {}, which is not its own,", one.kind, one.name);
                never(out, &one.path, &what);
            }
        }
    }
}

fn shares_plugin(object: &Object, one: &Reference<'_>, id: &ObjectId, origin: &Origin<'_>) -> bool {
    let group = match one.kind {
        "Role" => "rbac.authorization.k8s.io",
        _ => "",
    };
    let other = ObjectId {
        group: group.to_owned(),
        kind: one.kind.to_owned(),
        namespace: object.namespace().to_owned(),
        name: one.name.to_owned(),
        cluster: object.cluster.clone(),
    };
    match (origin.plugins.get(id), origin.plugins.get(&other)) {
        (Some(a), Some(b)) => a.intersection(b).next().is_some(),
        _ => false,
    }
}
