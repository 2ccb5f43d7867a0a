//! The namespaces of a chain: how they are, and making those that are not there.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::cluster::connect::Connection;
use crate::cluster::error::ClusterError;
use crate::cluster::labels::meta;
use crate::cluster::object_api::ApiKind;

/// A namespace, as far as it can be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamespaceState {
    /// It is there. The UID identifies the cluster, too: a context is used only if it matches what was recorded.
    Exists {
        /// Its UID.
        uid: String,
        /// Its labels.
        labels: BTreeMap<String, String>,
    },
    /// It is not there.
    Missing,
    /// It may not be read; it is taken as there.
    Unknown,
}

/// Looks at a namespace.
///
/// # Errors
/// The server does not answer.
pub async fn namespace_state(
    connection: &Connection,
    name: &str,
) -> Result<NamespaceState, ClusterError> {
    let Some(kind) = ApiKind::known("", "Namespace") else {
        return Ok(NamespaceState::Unknown);
    };
    match connection.get(&kind, "", name).await {
        Ok(None) => Ok(NamespaceState::Missing),
        Ok(Some(object)) => Ok(exists(&object)),
        Err(error) if error.is_forbidden() => Ok(NamespaceState::Unknown),
        Err(error) => Err(error),
    }
}

fn exists(object: &Value) -> NamespaceState {
    let labels = object
        .pointer("/metadata/labels")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned())))
        .collect();
    NamespaceState::Exists {
        uid: meta(object, "uid").to_owned(),
        labels,
    }
}

/// Makes a namespace if, and only if, it is not there. It gets no label of ours and is never changed or deleted.
/// Returns how it is afterwards, and whether it was made.
///
/// # Errors
/// It is not there and may not be made.
pub async fn ensure_namespace(
    connection: &Connection,
    name: &str,
) -> Result<(NamespaceState, bool), ClusterError> {
    let state = namespace_state(connection, name).await?;
    let Some(kind) = ApiKind::known("", "Namespace").filter(|_| state == NamespaceState::Missing)
    else {
        return Ok((state, false));
    };
    let object =
        serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    match connection.create(&kind, "", &object).await {
        Ok(made) => Ok((exists(&made), true)),
        Err(ClusterError::AlreadyExists { .. }) => {
            Ok((namespace_state(connection, name).await?, false))
        }
        Err(error) => Err(error),
    }
}
