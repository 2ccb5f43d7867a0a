//! When a workload is ready, and why it is not: pure functions over what the cluster shows.
//!
//! The answer for people comes from the most telling place: the `StatefulSet`'s own `FailedCreate` event (pod security,
//! quota: there is no pod then), the pod's scheduling, its containers' waiting reasons, and last its events.

use serde_json::Value;

use super::labels::meta;

/// How far one workload is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// Whether what is wanted runs and is ready.
    pub ready: bool,
    /// Ready replicas.
    pub available: i64,
    /// Replicas wanted.
    pub wanted: i64,
    /// Whether the controller has seen the latest change.
    pub observed: bool,
}

fn number(object: &Value, pointer: &str) -> Option<i64> {
    object.pointer(pointer).and_then(Value::as_i64)
}

/// How far a `StatefulSet` or Deployment is.
pub fn readiness(workload: &Value) -> Readiness {
    let wanted = number(workload, "/spec/replicas").unwrap_or(1);
    let available = number(workload, "/status/readyReplicas").unwrap_or(0);
    let generation = number(workload, "/metadata/generation").unwrap_or(0);
    let observed = number(workload, "/status/observedGeneration").unwrap_or(-1) >= generation;
    let updated = number(workload, "/status/updatedReplicas").unwrap_or(0);
    let present = number(workload, "/status/replicas").unwrap_or(0);
    // With OnDelete nobody replaces the pods, and a partition holds some back on purpose.
    let strategy = workload
        .pointer("/spec/updateStrategy/type")
        .and_then(Value::as_str)
        .unwrap_or("RollingUpdate");
    let held_back = number(workload, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or(0);
    let rolls = strategy == "RollingUpdate";
    let current = !rolls || updated >= wanted - held_back.min(wanted);
    // A revision that was left must be gone: else a ready pod of the old template counts.
    let revision = |key: &str| {
        workload
            .pointer(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let settled = !rolls
        || held_back > 0
        || wanted == 0
        || revision("/status/updateRevision").is_empty()
        || revision("/status/currentRevision") == revision("/status/updateRevision");
    Readiness {
        ready: observed && current && settled && available >= wanted && present <= wanted,
        available,
        wanted,
        observed,
    }
}

/// Why a workload is not ready, in one line, as far as it can be seen; `None` if it is ready. `pods` are the chain's or
/// the workload's pods, `events` those of the namespace: both are narrowed here.
pub fn why_not(workload: &Value, pods: &[Value], events: &[Value]) -> Option<String> {
    let state = readiness(workload);
    if state.ready {
        return None;
    }
    let kind = kind_of(workload);
    let mut own: Vec<&Value> = pods.iter().filter(|pod| is_of(pod, workload)).collect();
    own.sort_by_key(|pod| meta(pod, "name"));
    for pod in &own {
        if let Some(reason) = pod_reason(pod) {
            return Some(format!("pod {}: {reason}", meta(pod, "name")));
        }
    }
    if i64::try_from(own.len()).unwrap_or(i64::MAX) < state.wanted
        && let Some(refusal) = latest(events, kind, workload, |e| {
            field(e, "reason").starts_with("Failed")
        })
        .or_else(|| refused(workload))
    {
        return Some(format!(
            "{}: {}",
            field(refusal, "reason"),
            one_line(field(refusal, "message"))
        ));
    }
    for pod in &own {
        let pod_name = meta(pod, "name");
        if let Some(event) = latest(events, "Pod", pod, |e| field(e, "type") == "Warning") {
            return Some(format!(
                "pod {pod_name}: {}: {}",
                field(event, "reason"),
                one_line(field(event, "message"))
            ));
        }
    }
    if !state.observed {
        return Some("the controller has not seen the change yet".to_owned());
    }
    if own.is_empty() && state.wanted > 0 {
        return Some("there is no pod yet".to_owned());
    }
    Some(format!(
        "{} of {} pods are ready",
        state.available, state.wanted
    ))
}

fn kind_of(workload: &Value) -> &str {
    match field(workload, "kind") {
        "" => "StatefulSet",
        kind => kind,
    }
}

/// What a Deployment says of pods that it may not make. The events about it are those of its `ReplicaSet`.
fn refused(workload: &Value) -> Option<&Value> {
    workload
        .pointer("/status/conditions")
        .and_then(Value::as_array)?
        .iter()
        .find(|c| field(c, "type") == "ReplicaFailure" && field(c, "status") == "True")
}

/// Whether a pod is of this workload, a `StatefulSet` if it says no other kind: by its owner, or for a Deployment by the
/// owner's name without its hash.
pub(super) fn is_of(pod: &Value, workload: &Value) -> bool {
    let (kind, name) = (kind_of(workload), meta(workload, "name"));
    pod.pointer("/metadata/ownerReferences")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .any(|owner| {
            let owner_kind = field(owner, "kind");
            let owner_name = field(owner, "name");
            (owner_kind == kind && owner_name == name)
                || (kind == "Deployment"
                    && owner_kind == "ReplicaSet"
                    && owner_name
                        .rsplit_once('-')
                        .is_some_and(|(front, _)| front == name))
        })
}

fn field<'a>(object: &'a Value, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a pod itself says.
fn pod_reason(pod: &Value) -> Option<String> {
    if !meta(pod, "deletionTimestamp").is_empty() {
        return Some("is terminating".to_owned());
    }
    let condition = |kind: &str| {
        pod.pointer("/status/conditions")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .find(|c| field(c, "type") == kind && field(c, "status") == "False")
    };
    if let Some(scheduled) = condition("PodScheduled") {
        return Some(format!(
            "{}: {}",
            or(field(scheduled, "reason"), "Unschedulable"),
            one_line(field(scheduled, "message"))
        ));
    }
    for list in ["initContainerStatuses", "containerStatuses"] {
        let statuses = pod
            .pointer(&format!("/status/{list}"))
            .and_then(Value::as_array);
        for status in statuses.into_iter().flatten() {
            if let Some(reason) = container_reason(status) {
                return Some(format!("container {}: {reason}", field(status, "name")));
            }
        }
    }
    let phase = pod
        .pointer("/status/phase")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if phase == "Failed" {
        let status = pod.get("status").unwrap_or(&Value::Null);
        return Some(format!(
            "{}: {}",
            or(field(status, "reason"), "Failed"),
            one_line(field(status, "message"))
        ));
    }
    condition("ContainersReady")
        .filter(|c| !field(c, "message").is_empty())
        .map(|c| one_line(field(c, "message")))
}

/// What one container says, if it holds the pod up.
fn container_reason(status: &Value) -> Option<String> {
    let waiting = status.pointer("/state/waiting");
    let ended = status
        .pointer("/lastState/terminated")
        .or_else(|| status.pointer("/state/terminated"));
    if let Some(waiting) = waiting {
        let reason = field(waiting, "reason");
        if reason.is_empty() || reason == "ContainerCreating" || reason == "PodInitializing" {
            return None;
        }
        let mut text = reason.to_owned();
        let message = one_line(field(waiting, "message"));
        if !message.is_empty() {
            text.push_str(": ");
            text.push_str(&message);
        }
        if let (true, Some(ended)) = (reason == "CrashLoopBackOff", ended) {
            text.push_str(&exit(ended));
        }
        return Some(text);
    }
    let ended = status.pointer("/state/terminated")?;
    if ended.get("exitCode").and_then(Value::as_i64) == Some(0) {
        return None;
    }
    Some(format!(
        "{}{}",
        or(field(ended, "reason"), "Error"),
        exit(ended)
    ))
}

fn exit(ended: &Value) -> String {
    let code = ended.get("exitCode").and_then(Value::as_i64).unwrap_or(-1);
    let message = one_line(field(ended, "message"));
    if message.is_empty() {
        format!(" (exit code {code})")
    } else {
        format!(" (exit code {code}: {message})")
    }
}

fn or<'a>(text: &'a str, other: &'a str) -> &'a str {
    if text.is_empty() { other } else { text }
}

/// The latest event about one object, and not about one that had its name before: pods of a `StatefulSet` follow each other
/// under one name.
fn latest<'a>(
    events: &'a [Value],
    kind: &str,
    object: &Value,
    wanted: impl Fn(&Value) -> bool,
) -> Option<&'a Value> {
    let when = |event: &Value| {
        ["lastTimestamp", "eventTime", "firstTimestamp"]
            .iter()
            .map(|key| field(event, key))
            .find(|t| !t.is_empty())
            .unwrap_or_else(|| meta(event, "creationTimestamp"))
            .to_owned()
    };
    events
        .iter()
        .filter(|event| {
            let about = event.get("involvedObject").unwrap_or(&Value::Null);
            let (theirs, its) = (field(about, "uid"), meta(object, "uid"));
            let is_it = theirs.is_empty() || its.is_empty() || theirs == its;
            let name = meta(object, "name");
            is_it && field(about, "kind") == kind && field(about, "name") == name && wanted(event)
        })
        .max_by_key(|event| when(event))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sts(ready: i64, generation: i64) -> Value {
        json!({
            "kind": "StatefulSet", "metadata": {"name": "c-0", "generation": generation},
            "spec": {"replicas": 1},
            "status": {"observedGeneration": 1, "replicas": ready, "readyReplicas": ready, "updatedReplicas": ready,
                       "currentRevision": "r1", "updateRevision": "r1"},
        })
    }

    fn pod(status: &Value) -> Value {
        json!({
            "metadata": {"name": "c-0-0", "ownerReferences": [{"kind": "StatefulSet", "name": "c-0"}]},
            "status": status,
        })
    }

    #[test]
    fn ready_means_that_the_latest_template_runs() {
        assert!(readiness(&sts(1, 1)).ready);
        assert!(
            !readiness(&sts(1, 2)).ready,
            "the controller has not seen generation 2"
        );
        let mut old = sts(1, 1);
        old["status"]["updateRevision"] = json!("r2");
        assert!(!readiness(&old).ready, "a pod of the old template runs");
        let mut stopped = sts(0, 1);
        stopped["spec"]["replicas"] = json!(0);
        assert!(
            readiness(&stopped).ready,
            "nothing is wanted and nothing runs"
        );
        stopped["status"]["replicas"] = json!(1);
        assert!(!readiness(&stopped).ready, "it still runs");
    }

    #[test]
    fn a_ready_workload_has_no_reason() {
        assert_eq!(why_not(&sts(1, 1), &[], &[]), None);
    }

    #[test]
    fn the_image_the_crash_and_the_scheduler_are_told() {
        let image = pod(&json!({"containerStatuses": [
            {"name": "geth", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling\n x:1"}}}]}));
        assert_eq!(
            why_not(&sts(0, 1), &[image], &[]).unwrap(),
            "pod c-0-0: container geth: ImagePullBackOff: Back-off pulling x:1"
        );
        let crash = pod(&json!({"containerStatuses": [
            {"name": "geth", "state": {"waiting": {"reason": "CrashLoopBackOff"}},
             "lastState": {"terminated": {"exitCode": 3, "message": "no genesis"}}}]}));
        assert_eq!(
            why_not(&sts(0, 1), &[crash], &[]).unwrap(),
            "pod c-0-0: container geth: CrashLoopBackOff (exit code 3: no genesis)"
        );
        let nowhere = pod(&json!({"conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}]}));
        assert_eq!(
            why_not(&sts(0, 1), &[nowhere], &[]).unwrap(),
            "pod c-0-0: Unschedulable: 0/3 nodes"
        );
        let guard = pod(&json!({"initContainerStatuses": [
            {"name": "guard", "state": {"terminated": {"exitCode": 1, "reason": "Error"}}}]}));
        assert_eq!(
            why_not(&sts(0, 1), &[guard], &[]).unwrap(),
            "pod c-0-0: container guard: Error (exit code 1)"
        );
    }

    #[test]
    fn what_happened_to_an_earlier_pod_of_that_name_is_not_told() {
        let mut young = pod(&json!({}));
        young["metadata"]["uid"] = json!("u2");
        let event = |uid: &str, at: &str| {
            json!({"type": "Warning", "reason": "Unhealthy", "message": uid, "lastTimestamp": at,
                   "involvedObject": {"kind": "Pod", "name": "c-0-0", "uid": uid}})
        };
        let events = [
            event("u1", "2026-01-02T00:00:00Z"),
            event("u2", "2026-01-01T00:00:00Z"),
        ];
        assert_eq!(
            why_not(&sts(0, 1), std::slice::from_ref(&young), &events).unwrap(),
            "pod c-0-0: Unhealthy: u2"
        );
        let last = why_not(&sts(0, 1), &[young], &events[..1]).unwrap();
        assert!(!last.contains("u1"), "{last}");
    }

    #[test]
    fn without_a_pod_the_event_of_the_statefulset_is_told() {
        let event = |message: &str, at: &str| {
            json!({"type": "Warning", "reason": "FailedCreate", "message": message, "lastTimestamp": at,
                   "involvedObject": {"kind": "StatefulSet", "name": "c-0"}})
        };
        let events = [
            event("old", "2026-01-01T00:00:00Z"),
            event(
                "violates PodSecurity \"restricted\"",
                "2026-01-02T00:00:00Z",
            ),
        ];
        assert_eq!(
            why_not(&sts(0, 1), &[], &events).unwrap(),
            "FailedCreate: violates PodSecurity \"restricted\""
        );
        assert_eq!(
            why_not(&sts(0, 1), &[], &[]).unwrap(),
            "there is no pod yet"
        );
    }
}
