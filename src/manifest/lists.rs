//! Which lists of the Kubernetes API are maps in disguise, and by which keys.
//!
//! From the `OpenAPI`'s `x-kubernetes-list-map-keys`. Two differ on purpose: ports of a Service merge by port and protocol,
//! and ports of a container by number and protocol (a strategic merge by number alone turns TCP into a second UDP).
//! Every other list is atomic.

use serde_json::Value;

/// How a list merges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListKind {
    /// As one value.
    Atomic,
    /// By the keys of its entries.
    Keyed(&'static [&'static str]),
    /// By the keys of its entries, and each entry belongs to one plugin whole.
    Owned(&'static [&'static str]),
}

const NAME: &[&str] = &["name"];

/// How the list at `path` (map keys from the object's root, list entries left out) of an object of `kind` merges.
/// For a pod template alone, `kind` is `PodTemplate`.
pub fn kind_of(kind: &str, path: &[&str]) -> ListKind {
    use ListKind::{Atomic, Keyed};
    if let ["metadata", "ownerReferences"] = path {
        return Keyed(&["uid"]);
    }
    match (kind, path) {
        ("PodTemplate", path) => in_pod(path),
        ("StatefulSet" | "Deployment", ["spec", "template", rest @ ..]) => in_pod(rest),
        ("Service", ["spec", "ports"]) => Keyed(&["port", "protocol"]),
        ("ServiceAccount", ["secrets"]) => Keyed(NAME),
        (_, ["status", "conditions"]) => Keyed(&["type"]),
        _ => Atomic,
    }
}

fn in_pod(path: &[&str]) -> ListKind {
    use ListKind::{Atomic, Keyed, Owned};
    match path {
        [
            "spec",
            "containers" | "initContainers" | "ephemeralContainers" | "volumes",
        ] => Owned(NAME),
        [
            "spec",
            "imagePullSecrets" | "schedulingGates" | "resourceClaims",
        ] => Keyed(NAME),
        ["spec", "hostAliases"] => Keyed(&["ip"]),
        ["spec", "topologySpreadConstraints"] => Keyed(&["topologyKey", "whenUnsatisfiable"]),
        [
            "spec",
            "containers" | "initContainers" | "ephemeralContainers",
            rest @ ..,
        ] => match rest {
            ["env"] | ["resources", "claims"] => Keyed(NAME),
            ["volumeMounts"] => Keyed(&["mountPath"]),
            ["volumeDevices"] => Keyed(&["devicePath"]),
            ["ports"] => Keyed(&["containerPort", "protocol"]),
            _ => Atomic,
        },
        _ => Atomic,
    }
}

/// The identity of a list entry, e.g. `network` or `40000/UDP`; none when a key is missing. A protocol that is not said
/// is TCP, as the API server has it.
pub fn entry_key(keys: &[&str], entry: &Value) -> Option<String> {
    let mut out = String::new();
    for key in keys {
        if !out.is_empty() {
            out.push('/');
        }
        match (entry.get(key), *key) {
            (Some(Value::String(text)), _) => out.push_str(text),
            (Some(Value::Number(number)), _) => out.push_str(&number.to_string()),
            (None, "protocol") if entry.is_object() => out.push_str("TCP"),
            _ => return None,
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn container_ports_need_number_and_protocol() {
        let ListKind::Keyed(keys) = kind_of("PodTemplate", &["spec", "containers", "ports"]) else {
            panic!("ports of containers are keyed");
        };
        assert_eq!(
            entry_key(keys, &json!({"containerPort": 40000})).as_deref(),
            Some("40000/TCP")
        );
        assert_eq!(
            entry_key(keys, &json!({"containerPort": 40000, "protocol": "UDP"})).as_deref(),
            Some("40000/UDP")
        );
        assert_eq!(entry_key(keys, &json!({"name": "x"})), None);
    }

    #[test]
    fn arguments_tolerations_and_unknown_kinds_are_atomic() {
        for (kind, path) in [
            ("PodTemplate", &["spec", "containers", "args"][..]),
            ("PodTemplate", &["spec", "tolerations"]),
            ("Ingress", &["spec", "rules"]),
            ("Whatever", &["spec", "containers"]),
        ] {
            assert_eq!(kind_of(kind, path), ListKind::Atomic, "{path:?}");
        }
    }

    #[test]
    fn a_workload_has_the_lists_of_its_template() {
        assert_eq!(
            kind_of("StatefulSet", &["spec", "template", "spec", "volumes"]),
            ListKind::Owned(NAME)
        );
    }
}
