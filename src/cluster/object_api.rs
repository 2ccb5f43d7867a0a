//! Where an object lives in the API: kind to path.
//!
//! The kinds that a chain may hold are a table, so that no discovery request is ever sent for them. Any other kind (a
//! granted custom resource) is looked up once per group and version, and remembered for the run.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};

use serde_json::Value;

use super::connect::Connection;
use super::error::ClusterError;
use crate::state::ObjectId;

/// A kind, as the API serves it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiKind {
    /// API group, "" for core.
    pub group: String,
    /// Version, e.g. `v1`.
    pub version: String,
    /// Kind, e.g. `StatefulSet`.
    pub kind: String,
    /// Plural, as in the path, e.g. `statefulsets`.
    pub plural: String,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
}

/// group, version, kind, plural, namespaced.
const KNOWN: &[(&str, &str, &str, &str, bool)] = &[
    ("", "v1", "ConfigMap", "configmaps", true),
    ("", "v1", "Event", "events", true),
    ("", "v1", "Namespace", "namespaces", false),
    ("", "v1", "Node", "nodes", false),
    ("", "v1", "PersistentVolume", "persistentvolumes", false),
    (
        "",
        "v1",
        "PersistentVolumeClaim",
        "persistentvolumeclaims",
        true,
    ),
    ("", "v1", "Pod", "pods", true),
    ("", "v1", "ResourceQuota", "resourcequotas", true),
    ("", "v1", "Secret", "secrets", true),
    ("", "v1", "Service", "services", true),
    ("", "v1", "ServiceAccount", "serviceaccounts", true),
    ("apps", "v1", "Deployment", "deployments", true),
    ("apps", "v1", "StatefulSet", "statefulsets", true),
    (
        "discovery.k8s.io",
        "v1",
        "EndpointSlice",
        "endpointslices",
        true,
    ),
    ("networking.k8s.io", "v1", "Ingress", "ingresses", true),
    (
        "networking.k8s.io",
        "v1",
        "NetworkPolicy",
        "networkpolicies",
        true,
    ),
    (
        "policy",
        "v1",
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        true,
    ),
    ("rbac.authorization.k8s.io", "v1", "Role", "roles", true),
    (
        "rbac.authorization.k8s.io",
        "v1",
        "RoleBinding",
        "rolebindings",
        true,
    ),
    (
        "storage.k8s.io",
        "v1",
        "StorageClass",
        "storageclasses",
        false,
    ),
];

/// Kinds found by discovery, by server, group, version and kind.
static FOUND: LazyLock<Mutex<BTreeMap<FoundKey, ApiKind>>> = LazyLock::new(Mutex::default);

/// Server, apiVersion, kind.
type FoundKey = (String, String, String);

impl ApiKind {
    /// A kind of the table, by group and kind; `None` for others.
    pub fn known(group: &str, kind: &str) -> Option<Self> {
        KNOWN
            .iter()
            .find(|(g, _, k, _, _)| *g == group && *k == kind)
            .map(|(group, version, kind, plural, namespaced)| Self {
                group: (*group).to_owned(),
                version: (*version).to_owned(),
                kind: (*kind).to_owned(),
                plural: (*plural).to_owned(),
                namespaced: *namespaced,
            })
    }

    /// As in `apiVersion`: `v1`, or `apps/v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The path of all its objects, in one namespace or (with "") in the cluster.
    pub fn path(&self, namespace: &str) -> String {
        let root = if self.group.is_empty() {
            format!("/api/{}", self.version)
        } else {
            format!("/apis/{}/{}", self.group, self.version)
        };
        if self.namespaced && !namespace.is_empty() {
            format!("{root}/namespaces/{namespace}/{}", self.plural)
        } else {
            format!("{root}/{}", self.plural)
        }
    }

    /// As kubectl prints an object of it: `statefulset.apps/NAME`, `service/NAME`.
    pub fn show(&self, name: &str) -> String {
        show(&self.group, &self.kind, name)
    }

    /// As `ApplySet` writes it: `StatefulSet.apps`, `Service`.
    pub fn group_kind(&self) -> String {
        if self.group.is_empty() {
            self.kind.clone()
        } else {
            format!("{}.{}", self.kind, self.group)
        }
    }
}

fn show(group: &str, kind: &str, name: &str) -> String {
    let kind = kind.to_lowercase();
    if group.is_empty() {
        format!("{kind}/{name}")
    } else {
        format!("{kind}.{group}/{name}")
    }
}

/// As kubectl prints an object: `statefulset.apps/test-chain-0`.
pub fn show_object(id: &ObjectId) -> String {
    show(&id.group, &id.kind, &id.name)
}

/// The identity of an object. `cluster` is the cluster's name in the spec, "" for home; an object without a namespace
/// is in `default_namespace` if its kind is namespaced (unknown kinds count as namespaced).
///
/// # Errors
/// The object has no `apiVersion`, `kind` or `metadata.name`.
pub fn identify(
    object: &Value,
    cluster: &str,
    default_namespace: &str,
) -> Result<ObjectId, ClusterError> {
    let text = |pointer: &str| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let what = format!("{} {}", text("/kind"), text("/metadata/name"));
    for (pointer, field) in [
        ("/apiVersion", "apiVersion"),
        ("/kind", "kind"),
        ("/metadata/name", "metadata.name"),
    ] {
        if text(pointer).is_empty() {
            return Err(ClusterError::Shapeless { field, what });
        }
    }
    let (group, _) = split_api_version(text("/apiVersion"));
    let kind = text("/kind");
    let namespaced = ApiKind::known(group, kind).is_none_or(|k| k.namespaced);
    let namespace = match (namespaced, text("/metadata/namespace")) {
        (false, _) => "",
        (true, "") => default_namespace,
        (true, given) => given,
    };
    Ok(ObjectId {
        group: group.to_owned(),
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: text("/metadata/name").to_owned(),
        cluster: cluster.to_owned(),
    })
}

/// Group and version of an `apiVersion`.
pub fn split_api_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

impl Connection {
    /// The kind of an object: from the table, else asked of the server once per group, version and kind.
    ///
    /// # Errors
    /// The cluster does not serve that kind, or does not answer.
    pub async fn kind_of(&self, api_version: &str, kind: &str) -> Result<ApiKind, ClusterError> {
        let (group, version) = split_api_version(api_version);
        if let Some(known) = ApiKind::known(group, kind).filter(|k| k.version == version) {
            return Ok(known);
        }
        let key = (self.server.clone(), api_version.to_owned(), kind.to_owned());
        let remembered = FOUND.lock().ok().and_then(|found| found.get(&key).cloned());
        if let Some(found) = remembered {
            return Ok(found);
        }
        let unknown = || ClusterError::UnknownKind {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
        };
        let path = if group.is_empty() {
            format!("/api/{version}")
        } else {
            format!("/apis/{group}/{version}")
        };
        let answer = match self.get_path(&path).await {
            Err(error) if error.is_not_found() => return Err(unknown()),
            other => other?,
        };
        let resource = answer
            .get("resources")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .find(|r| {
                let name = r.get("name").and_then(Value::as_str).unwrap_or_default();
                r.get("kind").and_then(Value::as_str) == Some(kind) && !name.contains('/')
            })
            .ok_or_else(unknown)?;
        let found = ApiKind {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
            plural: resource
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            namespaced: resource
                .get("namespaced")
                .and_then(Value::as_bool)
                .unwrap_or(true),
        };
        if let Ok(mut all) = FOUND.lock() {
            all.insert(key, found.clone());
        }
        Ok(found)
    }

    /// The kind of an object that is known by its identity only. Kinds outside the table are looked for in the
    /// preferred version of their group.
    ///
    /// # Errors
    /// As [`Connection::kind_of`].
    pub async fn kind_of_id(&self, id: &ObjectId) -> Result<ApiKind, ClusterError> {
        if let Some(known) = ApiKind::known(&id.group, &id.kind) {
            return Ok(known);
        }
        let unknown = || ClusterError::UnknownKind {
            api_version: id.group.clone(),
            kind: id.kind.clone(),
        };
        let group = match self.get_path(&format!("/apis/{}", id.group)).await {
            Err(error) if error.is_not_found() => return Err(unknown()),
            other => other?,
        };
        let api_version = group
            .pointer("/preferredVersion/groupVersion")
            .and_then(Value::as_str)
            .ok_or_else(unknown)?
            .to_owned();
        self.kind_of(&api_version, &id.kind).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_are_those_of_the_api() {
        let sts = ApiKind::known("apps", "StatefulSet").unwrap();
        assert_eq!(
            sts.path("team"),
            "/apis/apps/v1/namespaces/team/statefulsets"
        );
        assert_eq!(sts.path(""), "/apis/apps/v1/statefulsets");
        assert_eq!(sts.group_kind(), "StatefulSet.apps");
        assert_eq!(sts.show("c-0"), "statefulset.apps/c-0");
        let pv = ApiKind::known("", "PersistentVolume").unwrap();
        assert_eq!(pv.path("team"), "/api/v1/persistentvolumes");
    }

    #[test]
    fn an_object_without_namespace_is_in_the_default_one() {
        let object = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}});
        assert_eq!(identify(&object, "", "team").unwrap().namespace, "team");
        let class = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "x"}});
        assert_eq!(identify(&class, "", "team").unwrap().namespace, "");
        let nameless = json!({"apiVersion": "v1", "kind": "Service"});
        assert!(
            identify(&nameless, "", "team")
                .unwrap_err()
                .to_string()
                .contains("metadata.name")
        );
    }
}
