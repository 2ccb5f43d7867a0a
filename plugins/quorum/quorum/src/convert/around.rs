//! What is around the nodes: exposure, Ingress, policy, volumes, explorer, monitor.

use quorum_formats::qubernetes::{IngressStrategy, Qubernetes, ServiceKind};
use serde_json::{Map, Value, json};

use super::notes::Notes;

/// The type of a Service.
pub const fn type_of(kind: ServiceKind) -> &'static str {
    match kind {
        ServiceKind::ClusterIp => "ClusterIP",
        ServiceKind::NodePort => "NodePort",
        ServiceKind::LoadBalancer => "LoadBalancer",
    }
}

/// The stack's own options.
pub fn options(read: &Qubernetes, notes: &mut Notes) -> Map<String, Value> {
    let mut options = Map::new();
    options.insert("networkPolicy".to_owned(), json!(read.k8s.network_policy));
    let Some(ingress) = &read.k8s.ingress else {
        return options;
    };
    let path = "/k8s/service/Ingress";
    let kind = match (ingress.strategy, &ingress.host) {
        (None, _) => {
            let hint = "`Strategy: OneToOne` or `OneToMany`";
            notes.warn(path, "without Strategy there is no Ingress", Some(hint));
            return options;
        }
        (Some(IngressStrategy::OneToOne), None) => {
            notes.warn(
                path,
                "it is left out: without Host all Ingresses of OneToOne would have the same paths",
                Some("`--ingress one-to-one --ingress-host DOMAIN`"),
            );
            return options;
        }
        (Some(IngressStrategy::OneToOne), Some(_)) => "one-to-one",
        (Some(IngressStrategy::OneToMany), _) => "one-to-many",
    };
    options.insert("ingress".to_owned(), json!(kind));
    options.insert("ingressWs".to_owned(), json!(ingress.ws));
    if let Some(host) = &ingress.host {
        options.insert("ingressHost".to_owned(), json!(host));
        notes.about(
            &["/k8s/service/Ingress/Host"],
            "TLS is not set up: it was, without a certificate of the host's own",
            Some("`--ingress-tls-secret SECRET`"),
        );
    }
    options
}

/// Volumes.
pub fn storage(read: &Qubernetes, notes: &mut Notes) -> Value {
    let storage = &read.k8s.storage;
    let mut made = json!({"size": storage.capacity});
    if let Some(map) = made.as_object_mut() {
        if let Some(class) = &storage.class_name {
            map.insert("class".to_owned(), json!(class));
        }
        if !storage.annotations.is_empty() {
            map.insert("annotations".to_owned(), json!(storage.annotations));
        }
    }
    if storage.class.is_some() {
        notes.about(
            &["/k8s/storage/PVC/storageClass", "/k8s/storage/storageClass"],
            "no StorageClass is made: it belongs to the whole cluster",
            Some("make it with kubectl, and name it as `storageClassName`"),
        );
    }
    made
}

/// The patch that gives pods their security context.
pub fn security(read: &Qubernetes, notes: &mut Notes) -> Option<Value> {
    let mut context = read.k8s.security_context.clone()?;
    let path = "/k8s/securityContext";
    if context.get("runAsUser") == Some(&json!(0)) {
        if let Some(context) = context.as_object_mut() {
            context.insert("runAsNonRoot".to_owned(), json!(false));
        }
        let hint = "`kubectl chain create` says which permission it needs; better leave it out: the images run as 1000";
        notes.warn(path, "the pods run as root", Some(hint));
    }
    if read.cakeshop.is_some() || read.prometheus.is_some() {
        let reason = "it holds for explorer and monitor too; it was for nodes only";
        let hint = "name the StatefulSet in `patches`, CHAIN-NODE, to mean one";
        notes.warn(path, reason, Some(hint));
    }
    Some(json!({
        "target": {"kind": "StatefulSet"},
        "patch": {"spec": {"template": {"spec": {"securityContext": context}}}},
    }))
}

/// Cakeshop.
pub fn explorer(read: &Qubernetes, notes: &mut Notes) -> Option<Value> {
    let cakeshop = read.cakeshop.as_ref()?;
    if cakeshop.service != read.k8s.service {
        notes.warn(
            "/cakeshop/service/type",
            &format!(
                "the explorer is exposed as the nodes are: {}",
                type_of(read.k8s.service)
            ),
            None,
        );
    }
    notes.about(
        &["/cakeshop/service/nodePort"],
        "the cluster assigns the port",
        Some("`kubectl chain run endpoints` shows it"),
    );
    if cakeshop.ingress.is_some() {
        notes.warn(
            "/cakeshop/service/Ingress",
            "there is no Ingress to the explorer; it never led anywhere",
            None,
        );
    }
    let image = format!("{}/cakeshop:{}", cakeshop.repository, cakeshop.version);
    Some(json!({"plugin": "cakeshop", "image": image}))
}

/// Prometheus.
pub fn monitor(read: &Qubernetes, notes: &mut Notes) -> Option<Value> {
    read.prometheus.as_ref()?;
    notes.about(
        &["/prometheus/nodePort_prom"],
        "the cluster assigns the port",
        Some("`kubectl chain run endpoints` shows it"),
    );
    notes.about(
        &["/prometheus/monitor_params_geth"],
        "clients are told in the words of their version to serve metrics",
        Some("further arguments stand under `services.client.options.extraArgs`"),
    );
    Some(json!({"plugin": "prometheus"}))
}

/// Keys that have no counterpart.
pub fn rest(read: &Qubernetes, notes: &mut Notes) {
    if !read.k8s.separate_files {
        notes.warn(
            "/k8s/sep_deployment_files",
            "every node is a StatefulSet of its own",
            Some("`-o yaml` prints all objects in one stream"),
        );
    }
    for (path, before, reason) in [
        (
            "/config/Permissioned_Nodes_File",
            "Permissioned_Nodes_File",
            "the list is made of the nodes",
        ),
        (
            "/config/Tessera_Config_Dir",
            "Tessera_Config_Dir",
            "the configuration is made for the version",
        ),
    ] {
        let outer = format!("/quorum/{before}");
        let inner = format!("/quorum/quorum/{before}");
        let manager = format!("/quorum/tm/{before}");
        notes.about(&[path, &outer, &inner, &manager], reason, None);
    }
}
