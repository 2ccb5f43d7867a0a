//! The allow-list of a pod's fields.

use serde_json::Value;

use super::{Requirement, fields, need, never};
use crate::manifest::object::{get, list, text};

const SPEC: &[&str] = &[
    "activeDeadlineSeconds",
    "affinity",
    "dnsConfig",
    "dnsPolicy",
    "enableServiceLinks",
    "hostAliases",
    "hostUsers",
    "hostname",
    "nodeSelector",
    "os",
    "preemptionPolicy",
    "readinessGates",
    "restartPolicy",
    "schedulingGates",
    "setHostnameAsFQDN",
    "shareProcessNamespace",
    "subdomain",
    "terminationGracePeriodSeconds",
    "tolerations",
    "topologySpreadConstraints",
];
const SPEC_SPECIAL: &[&str] = &[
    "automountServiceAccountToken",
    "containers",
    "hostIPC",
    "hostNetwork",
    "hostPID",
    "imagePullSecrets",
    "initContainers",
    "nodeName",
    "priorityClassName",
    "securityContext",
    "serviceAccount",
    "serviceAccountName",
    "volumes",
];
const CONTAINER: &[&str] = &[
    "args",
    "command",
    "image",
    "imagePullPolicy",
    "name",
    "resizePolicy",
    "resources",
    "restartPolicy",
    "stdin",
    "stdinOnce",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "tty",
    "workingDir",
];
const CONTAINER_SPECIAL: &[&str] = &[
    "env",
    "envFrom",
    "lifecycle",
    "livenessProbe",
    "ports",
    "readinessProbe",
    "securityContext",
    "startupProbe",
    "volumeMounts",
];
const POD_SECURITY: &[&str] = &[
    "fsGroup",
    "fsGroupChangePolicy",
    "runAsGroup",
    "supplementalGroups",
    "supplementalGroupsPolicy",
];
const SECURITY: &[&str] = &["readOnlyRootFilesystem", "runAsGroup"];
const SECURITY_SPECIAL: &[&str] = &[
    "allowPrivilegeEscalation",
    "appArmorProfile",
    "capabilities",
    "privileged",
    "procMount",
    "runAsNonRoot",
    "runAsUser",
    "seLinuxOptions",
    "seccompProfile",
    "sysctls",
];
const VOLUMES: &[&str] = &[
    "configMap",
    "downwardAPI",
    "emptyDir",
    "name",
    "persistentVolumeClaim",
    "secret",
];

/// What a pod template asks for that is not on the list. `prefix` is where it stands, e.g. `spec.template.`.
pub fn template_requirements(template: &Value, prefix: &str, out: &mut Vec<Requirement>) {
    if let Some(metadata) = template.get("metadata") {
        let path = format!("{prefix}metadata");
        fields(metadata, &path, &["labels", "annotations"], &[], out);
    }
    let Some(spec) = template.get("spec") else {
        return;
    };
    let path = format!("{prefix}spec");
    fields(spec, &path, SPEC, SPEC_SPECIAL, out);
    for key in ["hostNetwork", "hostPID", "hostIPC"] {
        if is_true(spec, key) {
            need(out, format!("{path}.{key}"), key, key);
        }
    }
    if is_true(spec, "automountServiceAccountToken") {
        let at = format!("{path}.automountServiceAccountToken");
        need(out, at, "a token for the API server", "token");
    }
    if spec.get("nodeName").is_some() {
        need(out, format!("{path}.nodeName"), "a fixed node", "nodeName");
    }
    if text(spec, &["priorityClassName"]).starts_with("system-") {
        let at = format!("{path}.priorityClassName");
        need(
            out,
            at,
            "a priority class of the system",
            "field:priorityClassName",
        );
    }
    if let Some(context) = spec.get("securityContext") {
        security(
            context,
            &format!("{path}.securityContext"),
            POD_SECURITY,
            out,
        );
    }
    for volume in list(spec, &["volumes"]) {
        self::volume(volume, &path, out);
    }
    for kind in ["containers", "initContainers"] {
        for container in list(spec, &[kind]) {
            let at = format!("{path}.{kind}[{}]", text(container, &["name"]));
            self::container(container, &at, out);
        }
    }
}

fn is_true(value: &Value, key: &str) -> bool {
    // Anything but false counts: the API server reads no other word, but a later one might.
    value
        .get(key)
        .is_some_and(|v| !matches!(v, Value::Bool(false) | Value::Null))
}

fn volume(volume: &Value, path: &str, out: &mut Vec<Requirement>) {
    let path = format!("{path}.volumes[{}]", text(volume, &["name"]));
    for (key, value) in volume.as_object().into_iter().flatten() {
        let at = format!("{path}.{key}");
        match key.as_str() {
            "projected" => projected(value, &at, out),
            "hostPath" => need(out, at, "a folder of the node", "hostPath"),
            key if VOLUMES.contains(&key) => {}
            key => need(out, at, "a volume of this type", &format!("volume:{key}")),
        }
    }
}

fn projected(value: &Value, path: &str, out: &mut Vec<Requirement>) {
    fields(value, path, &["defaultMode", "sources"], &[], out);
    for (index, source) in list(value, &["sources"]).iter().enumerate() {
        for key in source.as_object().into_iter().flat_map(|map| map.keys()) {
            let at = format!("{path}.sources[{index}].{key}");
            match key.as_str() {
                "configMap" | "secret" | "downwardAPI" => {}
                "serviceAccountToken" => need(out, at, "a token for the API server", "token"),
                key => need(out, at, "a volume of this type", &format!("volume:{key}")),
            }
        }
    }
}

fn container(container: &Value, path: &str, out: &mut Vec<Requirement>) {
    fields(container, path, CONTAINER, CONTAINER_SPECIAL, out);
    if let Some(context) = container.get("securityContext") {
        security(context, &format!("{path}.securityContext"), &[], out);
    }
    for port in list(container, &["ports"]) {
        let number = get(port, &["containerPort"]).map_or_else(String::new, ToString::to_string);
        let at = format!("{path}.ports[{number}]");
        let allowed = ["containerPort", "name", "protocol"];
        fields(port, &at, &allowed, &["hostPort", "hostIP"], out);
        for key in ["hostPort", "hostIP"] {
            if port.get(key).is_some_and(|v| *v != 0) {
                need(out, format!("{at}.{key}"), "a port of the node", "hostPort");
            }
        }
    }
    for mount in list(container, &["volumeMounts"]) {
        let mode = text(mount, &["mountPropagation"]);
        if !matches!(mode, "" | "None") {
            let at = format!("{path}.volumeMounts[{}]", text(mount, &["mountPath"]));
            let permission = if mode == "Bidirectional" {
                "privileged"
            } else {
                "field:mountPropagation"
            };
            need(
                out,
                format!("{at}.mountPropagation"),
                "a mount that reaches the node",
                permission,
            );
        }
    }
    for env in list(container, &["env"]) {
        let known = [
            "configMapKeyRef",
            "fieldRef",
            "resourceFieldRef",
            "secretKeyRef",
        ];
        if let Some(from) = env.get("valueFrom") {
            let at = format!("{path}.env[{}].valueFrom", text(env, &["name"]));
            fields(from, &at, &known, &[], out);
        }
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe_value) = container.get(probe) {
            handler(probe_value, &format!("{path}.{probe}"), out);
        }
    }
    for hook in ["postStart", "preStop"] {
        if let Some(value) = get(container, &["lifecycle", hook]) {
            handler(value, &format!("{path}.lifecycle.{hook}"), out);
        }
    }
}

/// A probe that names a host makes the kubelet ask anyone.
fn handler(value: &Value, path: &str, out: &mut Vec<Requirement>) {
    for kind in ["httpGet", "tcpSocket"] {
        if get(value, &[kind, "host"]).is_some() {
            let at = format!("{path}.{kind}.host");
            need(
                out,
                at,
                "a request from the node to another host",
                "probeHost",
            );
        }
    }
}

fn security(context: &Value, path: &str, more: &[&str], out: &mut Vec<Requirement>) {
    for key in context.as_object().into_iter().flat_map(|map| map.keys()) {
        let known = SECURITY.contains(&key.as_str()) || more.contains(&key.as_str());
        if !known && !SECURITY_SPECIAL.contains(&key.as_str()) {
            let what = "a field that is not on the list of allowed ones";
            need(out, format!("{path}.{key}"), what, &format!("field:{key}"));
        }
    }
    if is_true(context, "privileged") {
        need(
            out,
            format!("{path}.privileged"),
            "a privileged container",
            "privileged",
        );
    }
    // Who is privileged has it anyway.
    if is_true(context, "allowPrivilegeEscalation") && !is_true(context, "privileged") {
        let at = format!("{path}.allowPrivilegeEscalation");
        need(out, at, "gaining privileges", "escalation");
    }
    if context.get("runAsUser").is_some_and(|user| *user == 0) {
        need(out, format!("{path}.runAsUser"), "running as root", "root");
    } else if context.get("runAsNonRoot") == Some(&Value::Bool(false)) {
        need(
            out,
            format!("{path}.runAsNonRoot"),
            "running as root",
            "root",
        );
    }
    for capability in list(context, &["capabilities", "add"]) {
        let name = capability.as_str().unwrap_or_default();
        let at = format!("{path}.capabilities.add");
        need(
            out,
            at,
            &format!("capability {name}"),
            &format!("capability:{name}"),
        );
    }
    if let Some(drop) = get(context, &["capabilities", "drop"])
        && !drop
            .as_array()
            .is_some_and(|all| all.iter().any(|c| *c == "ALL"))
    {
        let at = format!("{path}.capabilities.drop");
        need(out, at, "the default capabilities", "capabilities");
    }
    let profile = text(context, &["seccompProfile", "type"]);
    if context.get("seccompProfile").is_some() && !matches!(profile, "RuntimeDefault" | "Localhost")
    {
        need(
            out,
            format!("{path}.seccompProfile"),
            "no seccomp profile",
            "unconfined",
        );
    }
    let profile = text(context, &["appArmorProfile", "type"]);
    if context.get("appArmorProfile").is_some()
        && !matches!(profile, "RuntimeDefault" | "Localhost")
    {
        need(
            out,
            format!("{path}.appArmorProfile"),
            "no AppArmor profile",
            "unconfined",
        );
    }
    if !matches!(text(context, &["procMount"]), "" | "Default") {
        need(
            out,
            format!("{path}.procMount"),
            "an unmasked /proc",
            "procMount",
        );
    }
    if context.get("seLinuxOptions").is_some() {
        need(
            out,
            format!("{path}.seLinuxOptions"),
            "an SELinux label",
            "seLinux",
        );
    }
    for sysctl in list(context, &["sysctls"]) {
        let name = text(sysctl, &["name"]);
        let at = format!("{path}.sysctls[{name}]");
        need(
            out,
            at,
            &format!("sysctl {name}"),
            &format!("sysctl:{name}"),
        );
    }
    if let Some(other) = context.get("capabilities")
        && !other.is_object()
    {
        never(out, &format!("{path}.capabilities"), "what is no map");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asked(spec: Value) -> Vec<(String, Option<String>)> {
        let mut out = Vec::new();
        template_requirements(&json!({"spec": spec}), "", &mut out);
        out.into_iter().map(|r| (r.path, r.permission)).collect()
    }

    #[test]
    fn an_ordinary_restricted_pod_asks_for_nothing() {
        let asked = asked(json!({
            "automountServiceAccountToken": false, "enableServiceLinks": false, "serviceAccountName": "c-0",
            "securityContext": {"runAsNonRoot": true, "runAsUser": 1000, "fsGroup": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
            "volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "projected": {"sources": [{"secret": {"name": "x"}}]}}],
            "containers": [{"name": "a", "image": "b", "ports": [{"containerPort": 1}],
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
                "readinessProbe": {"httpGet": {"port": 1}}, "lifecycle": {"preStop": {"sleep": {"seconds": 1}}}}]}));
        assert_eq!(asked, []);
    }

    #[test]
    fn each_way_out_of_the_pod_has_its_permission() {
        for (spec, path, permission) in [
            (
                json!({"hostNetwork": true}),
                "spec.hostNetwork",
                "hostNetwork",
            ),
            (json!({"hostPID": true}), "spec.hostPID", "hostPID"),
            (
                json!({"automountServiceAccountToken": true}),
                "spec.automountServiceAccountToken",
                "token",
            ),
            (json!({"nodeName": "n"}), "spec.nodeName", "nodeName"),
            (
                json!({"hostUsersToo": 1}),
                "spec.hostUsersToo",
                "field:hostUsersToo",
            ),
            (
                json!({"ephemeralContainers": []}),
                "spec.ephemeralContainers",
                "field:ephemeralContainers",
            ),
            (
                json!({"securityContext": {"sysctls": [{"name": "x.y"}]}}),
                "spec.securityContext.sysctls[x.y]",
                "sysctl:x.y",
            ),
            (
                json!({"securityContext": {"runAsUser": 0}}),
                "spec.securityContext.runAsUser",
                "root",
            ),
            (
                json!({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}),
                "spec.securityContext.seccompProfile",
                "unconfined",
            ),
            (
                json!({"volumes": [{"name": "h", "hostPath": {"path": "/"}}]}),
                "spec.volumes[h].hostPath",
                "hostPath",
            ),
            (
                json!({"volumes": [{"name": "h", "csi": {}}]}),
                "spec.volumes[h].csi",
                "volume:csi",
            ),
            (
                json!({"volumes": [{"name": "h", "projected": {"sources": [{"serviceAccountToken": {}}]}}]}),
                "spec.volumes[h].projected.sources[0].serviceAccountToken",
                "token",
            ),
            (
                json!({"containers": [{"name": "a", "securityContext": {"privileged": true}}]}),
                "spec.containers[a].securityContext.privileged",
                "privileged",
            ),
            (
                json!({"containers": [{"name": "a", "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}]}),
                "spec.containers[a].securityContext.capabilities.add",
                "capability:NET_ADMIN",
            ),
            (
                json!({"initContainers": [{"name": "a", "ports": [{"containerPort": 1, "hostPort": 1}]}]}),
                "spec.initContainers[a].ports[1].hostPort",
                "hostPort",
            ),
            (
                json!({"containers": [{"name": "a", "readinessProbe": {"httpGet": {"host": "x"}}}]}),
                "spec.containers[a].readinessProbe.httpGet.host",
                "probeHost",
            ),
            (
                json!({"containers": [{"name": "a", "securityContext": {"procMount": "Unmasked"}}]}),
                "spec.containers[a].securityContext.procMount",
                "procMount",
            ),
        ] {
            assert_eq!(
                asked(spec),
                [(path.to_owned(), Some(permission.to_owned()))]
            );
        }
    }
}
