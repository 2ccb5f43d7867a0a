//! Pod security: what a namespace that enforces `restricted` would refuse.
//!
//! A `StatefulSet` that violates it is accepted and never gets a pod, so this is told before applying. Only the settings
//! that pods usually lack are checked; the server knows the rest.

use serde_json::Value;

use super::labels::meta;
use super::preflight::Finding;

/// The violations of one object's pod template; none for kinds without one.
pub(super) fn restricted(object: &Value) -> Vec<Finding> {
    let kind = object
        .get("kind")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let spec = match kind {
        "Pod" => object.get("spec"),
        "StatefulSet" | "Deployment" => object.pointer("/spec/template/spec"),
        _ => None,
    };
    let Some(spec) = spec else { return Vec::new() };
    let mut wrong = Vec::new();
    for flag in ["hostNetwork", "hostPID", "hostIPC"] {
        if spec.get(flag).and_then(Value::as_bool) == Some(true) {
            wrong.push(format!("pod: {flag} must not be set"));
        }
    }
    for volume in spec
        .get("volumes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        if volume.get("hostPath").is_some() {
            let name = volume
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or_default();
            wrong.push(format!("volume {name:?}: hostPath is not allowed"));
        }
    }
    let pod = spec.get("securityContext").unwrap_or(&Value::Null);
    for list in ["initContainers", "containers"] {
        for container in spec
            .get(list)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let name = container
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or_default();
            wrong.extend(
                container_faults(pod, container)
                    .into_iter()
                    .map(|fault| format!("container {name:?}: {fault}")),
            );
        }
    }
    if wrong.is_empty() {
        return Vec::new();
    }
    vec![Finding::error(
        format!(
            "{}/{}: its pods violate the pod security level \"restricted\" that namespace {:?} enforces: {}",
            kind.to_lowercase(),
            meta(object, "name"),
            meta(object, "namespace"),
            wrong.join("; ")
        ),
        "use a namespace that allows it, or images that run without these rights".to_owned(),
    )]
}

fn container_faults(pod: &Value, container: &Value) -> Vec<String> {
    let own = container.get("securityContext").unwrap_or(&Value::Null);
    // A container's own setting goes before the pod's.
    let either = |pointer: &str| own.pointer(pointer).or_else(|| pod.pointer(pointer));
    let mut faults = Vec::new();
    if own.get("privileged").and_then(Value::as_bool) == Some(true) {
        faults.push("privileged must not be set".to_owned());
    }
    if own.get("allowPrivilegeEscalation").and_then(Value::as_bool) != Some(false) {
        faults.push("allowPrivilegeEscalation must be false".to_owned());
    }
    if either("/runAsNonRoot").and_then(Value::as_bool) != Some(true) {
        faults.push("runAsNonRoot must be true".to_owned());
    }
    if either("/runAsUser").and_then(Value::as_i64) == Some(0) {
        faults.push("runAsUser must not be 0".to_owned());
    }
    let profile = either("/seccompProfile/type").and_then(Value::as_str);
    if !matches!(profile, Some("RuntimeDefault" | "Localhost")) {
        faults.push("seccompProfile.type must be RuntimeDefault".to_owned());
    }
    let listed = |pointer: &str| -> Vec<&str> {
        own.pointer(pointer)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    };
    if !listed("/capabilities/drop").contains(&"ALL") {
        faults.push("capabilities.drop must have ALL".to_owned());
    }
    if listed("/capabilities/add")
        .iter()
        .any(|c| *c != "NET_BIND_SERVICE")
    {
        faults.push("capabilities.add may only have NET_BIND_SERVICE".to_owned());
    }
    if container
        .get("ports")
        .and_then(Value::as_array)
        .is_some_and(|ports| {
            ports
                .iter()
                .any(|p| p.get("hostPort").and_then(Value::as_i64).unwrap_or(0) != 0)
        })
    {
        faults.push("hostPort is not allowed".to_owned());
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_restricted_pod_passes_and_others_name_the_container() {
        let good = json!({"kind": "StatefulSet", "metadata": {"name": "c-0", "namespace": "n"},
            "spec": {"template": {"spec": {
                "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
                "containers": [{"name": "a", "securityContext": {
                    "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}]}}}});
        assert!(restricted(&good).is_empty());
        let mut bad = good.clone();
        bad["spec"]["template"]["spec"]["initContainers"] = json!([{"name": "seed"}]);
        let found = restricted(&bad);
        assert_eq!(found.len(), 1);
        assert!(
            found[0]
                .message
                .contains("container \"seed\": allowPrivilegeEscalation"),
            "{}",
            found[0].message
        );
        assert!(!found[0].message.contains("container \"a\""));
    }
}
