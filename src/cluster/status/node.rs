//! One node: its workload and its pod.

use serde::Serialize;
use serde_json::Value;

use super::endpoint::{self, EndpointStatus};
use super::{Listed, entries, label, text};
use crate::cluster::logs::{NODE_LABEL, WORKLOAD_LABEL};
use crate::cluster::readiness;

/// A node of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeStatus {
    /// Name of the node.
    pub name: String,
    /// Cluster by its name in the chain's spec; not said of the home.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cluster: String,
    /// Name of its workload: the `StatefulSet` or Deployment.
    pub workload: String,
    /// Name of its pod, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// One word, as kubectl's STATUS: `Running`, `Pending`, `CrashLoopBackOff`, `Stopped`, `FailedCreate`.
    pub status: String,
    /// Why it is not ready, in one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The latest template runs and is ready.
    pub is_ready: bool,
    /// No pod is wanted.
    pub is_stopped: bool,
    /// Containers that are ready.
    pub ready_containers: usize,
    /// All containers.
    pub containers: Vec<ContainerStatus>,
    /// Restarts of all containers in this pod.
    pub restarts: i64,
    /// When the pod was made (else the workload), RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The Kubernetes node that it runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Address of the pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// How it is reached.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<EndpointStatus>,
}

/// A container of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerStatus {
    /// Its name.
    pub name: String,
    /// It is ready.
    pub is_ready: bool,
    /// How often it was restarted in this pod.
    pub restarts: i64,
    /// `running`, or why it waits or how it ended.
    pub state: String,
}

/// The nodes of one chain: one per `StatefulSet` and Deployment, and one per pod that has none.
pub(super) fn nodes(own: &Listed, events: &[Value]) -> Vec<NodeStatus> {
    let mut nodes: Vec<NodeStatus> = Vec::with_capacity(own.workloads.len());
    let mut orphans: Vec<&Value> = own.pods.iter().collect();
    for workload in &own.workloads {
        let (of_it, others) = orphans
            .into_iter()
            .partition(|pod| readiness::is_of(pod, workload));
        orphans = others;
        nodes.push(node(Some(workload), telling(&of_it), own, events));
    }
    nodes.extend(orphans.iter().map(|pod| node(None, Some(pod), own, events)));
    nodes
}

/// Of several pods, as while a Deployment rolls: the newest that does not go, for the others are as they were.
fn telling<'a>(pods: &[&'a Value]) -> Option<&'a Value> {
    let age = |pod: &&&Value| {
        let stays = pod.pointer("/metadata/deletionTimestamp").is_none();
        (stays, text(pod, "/metadata/creationTimestamp").to_owned())
    };
    pods.iter().max_by_key(age).copied()
}

fn node(set: Option<&Value>, pod: Option<&Value>, own: &Listed, events: &[Value]) -> NodeStatus {
    let template = set.and_then(|set| set.pointer("/spec/template"));
    let labelled = |name: &str| {
        let sources = [pod, template, set];
        sources
            .into_iter()
            .flatten()
            .map(|o| label(o, name))
            .find(|l| !l.is_empty())
            .unwrap_or_default()
    };
    let set_name = set
        .map(|set| text(set, "/metadata/name"))
        .unwrap_or_default();
    let pod_name = pod
        .map(|pod| text(pod, "/metadata/name"))
        .unwrap_or_default();
    let workload = first(&[set_name, labelled(WORKLOAD_LABEL), pod_name]);
    let containers = containers(pod, template);
    let state = set.map(readiness::readiness);
    let is_stopped = state.as_ref().is_some_and(|state| state.wanted == 0);
    let is_ready = match (&state, pod) {
        (Some(state), _) => state.ready && !is_stopped,
        (None, Some(pod)) => entries(pod, "/status/conditions")
            .any(|c| text(c, "/type") == "Ready" && text(c, "/status") == "True"),
        (None, None) => false,
    };
    let why = match set {
        Some(set) if !is_stopped => readiness::why_not(set, &own.pods, events),
        _ => None,
    };
    let created = pod
        .or(set)
        .map(|object| text(object, "/metadata/creationTimestamp"));
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let at = |pointer: &str| pod.and_then(|pod| some(text(pod, pointer)));
    NodeStatus {
        name: first(&[labelled(NODE_LABEL), workload]).to_owned(),
        cluster: String::new(),
        workload: workload.to_owned(),
        pod: some(pod_name),
        status: status(pod, is_stopped, why.as_deref()),
        // A pod that is ready and not of the latest template is not ready; then the reason is said all the same.
        why,
        is_ready,
        is_stopped,
        ready_containers: containers
            .iter()
            .filter(|container| container.is_ready)
            .count(),
        restarts: containers.iter().map(|container| container.restarts).sum(),
        containers,
        created: created.and_then(some),
        host: at("/spec/nodeName"),
        ip: at("/status/podIP"),
        endpoints: endpoint::endpoints(workload, &own.services),
    }
}

fn first<'a>(names: &[&'a str]) -> &'a str {
    names
        .iter()
        .find(|name| !name.is_empty())
        .copied()
        .unwrap_or_default()
}

/// One word, found as kubectl finds it.
fn status(pod: Option<&Value>, is_stopped: bool, why: Option<&str>) -> String {
    let Some(pod) = pod else {
        let event = why
            .and_then(|why| why.split_once(": "))
            .map(|(reason, _)| reason);
        return match event.filter(|reason| reason.starts_with("Failed")) {
            _ if is_stopped => "Stopped".to_owned(),
            Some(reason) => reason.to_owned(),
            None => "Pending".to_owned(),
        };
    };
    if pod.pointer("/metadata/deletionTimestamp").is_some() {
        return "Terminating".to_owned();
    }
    for status in entries(pod, "/status/initContainerStatuses") {
        let waiting = text(status, "/state/waiting/reason");
        let failed = status
            .pointer("/state/terminated/exitCode")
            .and_then(Value::as_i64);
        if !waiting.is_empty() && waiting != "PodInitializing" {
            return format!("Init:{waiting}");
        }
        if failed.is_some_and(|code| code != 0) {
            return "Init:Error".to_owned();
        }
    }
    for status in entries(pod, "/status/containerStatuses") {
        let reasons = ["/state/waiting/reason", "/state/terminated/reason"];
        if let Some(reason) = reasons
            .iter()
            .map(|at| text(status, at))
            .find(|r| !r.is_empty())
        {
            return reason.to_owned();
        }
    }
    let reason = text(pod, "/status/reason");
    let phase = text(pod, "/status/phase");
    first(&[reason, phase, "Unknown"]).to_owned()
}

/// The containers as the pod tells, else as the template promises.
fn containers(pod: Option<&Value>, template: Option<&Value>) -> Vec<ContainerStatus> {
    let statuses: Vec<&Value> = pod
        .into_iter()
        .flat_map(|pod| entries(pod, "/status/containerStatuses"))
        .collect();
    pod.or(template)
        .into_iter()
        .flat_map(|source| entries(source, "/spec/containers"))
        .map(|container| {
            let name = text(container, "/name");
            let status = statuses
                .iter()
                .copied()
                .find(|status| text(status, "/name") == name);
            let number = |pointer: &str| {
                status
                    .and_then(|s| s.pointer(pointer))
                    .and_then(Value::as_i64)
            };
            ContainerStatus {
                name: name.to_owned(),
                is_ready: status
                    .and_then(|s| s.get("ready"))
                    .and_then(Value::as_bool)
                    .unwrap_or(false),
                restarts: number("/restartCount").unwrap_or(0),
                state: status.map_or_else(|| "waiting".to_owned(), container_state),
            }
        })
        .collect()
}

fn container_state(status: &Value) -> String {
    let reason = |pointer: &str| Some(text(status, pointer)).filter(|reason| !reason.is_empty());
    if status.pointer("/state/running").is_some() {
        "running".to_owned()
    } else if let Some(reason) =
        reason("/state/waiting/reason").or_else(|| reason("/state/terminated/reason"))
    {
        reason.to_owned()
    } else {
        "waiting".to_owned()
    }
}
