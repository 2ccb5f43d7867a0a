//! The sections around the nodes: `k8s`, `cakeshop`, `prometheus` and `config`.

use std::collections::BTreeMap;

use crate::qubernetes::QubernetesError;
use crate::qubernetes::model::{
    Cakeshop, Existing, Ingress, IngressStrategy, Kubernetes, Prometheus, ServiceKind, Storage,
    StorageClass,
};
use crate::qubernetes::read::{REPOSITORY, Remarks};
use crate::qubernetes::section::{Section, invalid};
use crate::yaml::{Kind, Node};

pub(super) const SERVICES: [(&str, ServiceKind); 3] = [
    ("ClusterIP", ServiceKind::ClusterIp),
    ("NodePort", ServiceKind::NodePort),
    ("LoadBalancer", ServiceKind::LoadBalancer),
];
pub(super) const SERVICE_WORDS: &str = "ClusterIP, NodePort or LoadBalancer";
pub(super) const PORT: &str = "a port";
const METRICS: &str = "--metrics --metrics.expensive --pprof --pprofaddr=0.0.0.0";

pub(super) fn kubernetes(
    top: &mut Section<'_>,
    remarks: &mut Remarks,
) -> Result<Kubernetes, QubernetesError> {
    let default = Kubernetes::default();
    let mut section = top.section("k8s")?;
    let mut service = section.section("service")?;
    service.ignored(
        "storage",
        "storage belongs beside service, not into it",
        remarks,
    );
    let kind = service.choice("type", &SERVICES, SERVICE_WORDS)?;
    let ingress = match service.get("Ingress") {
        None => None,
        Some(_) => Some(ingress(&mut service, remarks)?),
    };
    let network_policy = service.boolean("NetworkPolicy")?.unwrap_or_default();
    service.finish(remarks);
    let security_context = section.get("securityContext").map(Node::json);
    let storage = storage(&mut section, remarks)?;
    let read = Kubernetes {
        separate_files: section
            .boolean("sep_deployment_files")?
            .unwrap_or(default.separate_files),
        namespace: section.filled("namespace")?,
        security_context,
        service: kind.unwrap_or(default.service),
        ingress,
        network_policy,
        storage,
    };
    section.finish(remarks);
    Ok(read)
}

fn ingress(service: &mut Section<'_>, remarks: &mut Remarks) -> Result<Ingress, QubernetesError> {
    let mut section = service.section("Ingress")?;
    let strategies = [
        ("OneToOne", IngressStrategy::OneToOne),
        ("OneToMany", IngressStrategy::OneToMany),
    ];
    let read = Ingress {
        strategy: section.choice("Strategy", &strategies, "OneToOne or OneToMany")?,
        host: section.filled("Host")?,
        ws: section.boolean("ws")?.unwrap_or_default(),
    };
    section.finish(remarks);
    Ok(read)
}

/// Either flat or below `PVC`; with `PVC` there, what stands flat beside it is not read.
fn storage(k8s: &mut Section<'_>, remarks: &mut Remarks) -> Result<Storage, QubernetesError> {
    let mut flat = k8s.section("storage")?;
    flat.ignored("Type", "volume claims are the only kind", remarks);
    if flat.get("PVC").is_none() {
        let read = volumes(&mut flat, remarks)?;
        flat.finish(remarks);
        return Ok(read);
    }
    let mut below = flat.section("PVC")?;
    let read = volumes(&mut below, remarks)?;
    below.finish(remarks);
    for key in ["Capacity", "annotations", "storageClassName"] {
        flat.ignored(
            key,
            "with PVC beside it, it is read below PVC only",
            remarks,
        );
    }
    flat.finish(remarks);
    Ok(read)
}

fn volumes(section: &mut Section<'_>, remarks: &mut Remarks) -> Result<Storage, QubernetesError> {
    let default = Storage::default();
    section.ignored("Strategy", "it was planned and is never read", remarks);
    let mut annotations = BTreeMap::new();
    if let Some(node) = section.get("annotations") {
        let Kind::Map(entries) = &node.kind else {
            return Err(invalid(node, &section.path("annotations"), "a map"));
        };
        for (key, value) in entries {
            annotations.insert(key.clone(), value.text().unwrap_or_default().to_owned());
        }
    }
    let mut made = section.section("storageClass")?;
    let template = made.filled("template")?;
    made.ignored("provisioner", "the template has its own", remarks);
    let class = match template {
        None => None,
        Some(template) => Some(StorageClass {
            template,
            name: made.filled("name")?,
            kms_key_id: made.filled("kmsKeyId")?,
            reclaim_policy: made
                .filled("reclaimPolicy")?
                .unwrap_or_else(|| "Delete".to_owned()),
        }),
    };
    made.finish(remarks);
    Ok(Storage {
        capacity: section.filled("Capacity")?.unwrap_or(default.capacity),
        annotations,
        class_name: section.filled("storageClassName")?,
        class,
    })
}

pub(super) fn cakeshop(
    top: &mut Section<'_>,
    remarks: &mut Remarks,
) -> Result<Option<Cakeshop>, QubernetesError> {
    let mut section = top.section("cakeshop")?;
    let version = section.filled("version")?;
    if version.is_none() {
        let reason = "without version there is no explorer";
        for key in ["Docker_Repo", "service"] {
            section.ignored(key, reason, remarks);
        }
    }
    let repository = section.filled("Docker_Repo")?;
    let mut service = section.section("service")?;
    let kind = service.choice("type", &SERVICES, SERVICE_WORDS)?;
    let node_port = service.number("nodePort", PORT)?;
    let mut ingress = None;
    if service.get("Ingress").is_some() {
        let mut section = service.section("Ingress")?;
        ingress = Some(section.filled("Host")?);
        section.finish(remarks);
    }
    service.finish(remarks);
    section.finish(remarks);
    Ok(version.map(|version| Cakeshop {
        version,
        repository: repository.unwrap_or_else(|| REPOSITORY.to_owned()),
        service: kind.unwrap_or(ServiceKind::LoadBalancer),
        node_port,
        ingress,
    }))
}

pub(super) fn prometheus(
    top: &mut Section<'_>,
    remarks: &mut Remarks,
) -> Result<Option<Prometheus>, QubernetesError> {
    let Some(node) = top.get("prometheus") else {
        return Ok(None);
    };
    match node.boolean() {
        Some(false) => return Ok(None),
        Some(true) => {
            let node_port = None;
            let geth_params = METRICS.to_owned();
            return Ok(Some(Prometheus {
                node_port,
                geth_params,
            }));
        }
        None => {}
    }
    let mut section = top.section("prometheus")?;
    if section.boolean("enabled")? == Some(false) {
        let reason = "the section itself enables it, even with enabled: false";
        section.ignored("enabled", reason, remarks);
    }
    let read = Prometheus {
        node_port: section.number("nodePort_prom", PORT)?,
        geth_params: section
            .filled("monitor_params_geth")?
            .unwrap_or_else(|| METRICS.to_owned()),
    };
    section.finish(remarks);
    Ok(Some(read))
}

pub(super) fn existing(
    top: &mut Section<'_>,
    remarks: &mut Remarks,
) -> Result<Existing, QubernetesError> {
    let mut section = top.section("config")?;
    let reason = "the chain id is that of genesis";
    section.ignored("Chain_Id", reason, remarks);
    let read = Existing {
        key_dir_base: section.filled("Key_Dir_Base")?,
        permissioned_nodes_file: section.filled("Permissioned_Nodes_File")?,
        genesis_file: section.filled("Genesis_File")?,
        tessera_config_dir: section.filled("Tessera_Config_Dir")?,
    };
    section.finish(remarks);
    Ok(read)
}
