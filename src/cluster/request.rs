//! The one door to the API server: every request of this layer but streams goes through here.
//!
//! It bounds what is in flight, repeats what may be repeated (429, 5xx, broken connections; a bounded number of times,
//! growing pauses, no jitter), turns every answer into a [`ClusterError`] that names the object, and passes a crash
//! point before and after each write, so that none is forgotten.

mod call;
mod fault;

use std::fmt::Write as _;

use http::Method;
use serde_json::Value;

use self::call::Call;
use super::connect::Connection;
use super::error::ClusterError;
use super::object_api::ApiKind;

/// Objects per page of a list.
const PAGE: usize = 500;

const JSON: &str = "application/json";
const APPLY: &str = "application/apply-patch+yaml";
/// What a server gives back of a write: who it is and which version, not the content (of a vault, say) once more.
const METADATA: &str =
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// Options of a server-side apply.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ApplyMode {
    /// Take fields over from other managers.
    pub force: bool,
    /// Only ask what would happen.
    pub dry_run: bool,
    /// Fail with a conflict if the object exists: see [`Connection::apply_object`].
    pub create_only: bool,
    /// Take the object as it is, without a search for unknown fields: the server reads it twice for that.
    pub lenient: bool,
}

/// What must hold of an object for its deletion.
#[derive(Debug, Clone, Default)]
pub struct Preconditions {
    /// Its UID.
    pub uid: Option<String>,
    /// Its resource version.
    pub resource_version: Option<String>,
}

/// How a list is narrowed.
#[derive(Debug, Clone, Copy, Default)]
pub struct ListQuery<'a> {
    /// Label selector, "" for all.
    pub labels: &'a str,
    /// Field selector, "" for all.
    pub fields: &'a str,
    /// Only `metadata` of each object: cheap, and no data of a Secret is read.
    pub metadata_only: bool,
}

impl Connection {
    /// Reads any path; for version and discovery.
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub async fn get_path(&self, path: &str) -> Result<Value, ClusterError> {
        self.call(&Call {
            verb: "get",
            method: Method::GET,
            path: path.to_owned(),
            kind: None,
            namespace: "",
            name: "",
            content: JSON,
            accept: JSON,
            body: Vec::new(),
            writes: false,
        })
        .await
    }

    /// Posts a review: a question that stores nothing.
    pub(super) async fn ask(&self, path: &str, body: &Value) -> Result<Value, ClusterError> {
        self.call(&Call {
            verb: "create",
            method: Method::POST,
            path: path.to_owned(),
            kind: None,
            namespace: "",
            name: "",
            content: JSON,
            accept: JSON,
            body: bytes_of(body),
            writes: false,
        })
        .await
    }

    /// Reads one object; `None` if it is not there.
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub async fn get(
        &self,
        kind: &ApiKind,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>, ClusterError> {
        let call = Call {
            verb: "get",
            method: Method::GET,
            path: format!("{}/{}", kind.path(namespace), name),
            kind: Some(kind),
            namespace,
            name,
            content: JSON,
            accept: JSON,
            body: Vec::new(),
            writes: false,
        };
        match self.call(&call).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Lists objects in a namespace (with "", in the cluster), following pages to the end.
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub async fn list(
        &self,
        kind: &ApiKind,
        namespace: &str,
        query: ListQuery<'_>,
    ) -> Result<Vec<Value>, ClusterError> {
        let mut items = Vec::new();
        let mut next = String::new();
        loop {
            let mut path = format!("{}?limit={PAGE}", kind.path(namespace));
            for (key, value) in [
                ("labelSelector", query.labels),
                ("fieldSelector", query.fields),
                ("continue", &next),
            ] {
                if !value.is_empty() {
                    let _ = write!(path, "&{key}={}", escape(value));
                }
            }
            let answer = self
                .call(&Call {
                    verb: "list",
                    method: Method::GET,
                    path,
                    kind: Some(kind),
                    namespace,
                    name: "",
                    content: JSON,
                    accept: if query.metadata_only {
                        METADATA_LIST
                    } else {
                        JSON
                    },
                    body: Vec::new(),
                    writes: false,
                })
                .await;
            let mut answer = match answer {
                // The list grew too old between two pages: begin again.
                Err(ClusterError::Refused { code: 410, .. }) if !next.is_empty() => {
                    items.clear();
                    next.clear();
                    continue;
                }
                other => other?,
            };
            if let Some(Value::Array(mut page)) = answer.get_mut("items").map(Value::take) {
                // Items of a list do not say what they are.
                for item in page.iter_mut().filter_map(Value::as_object_mut) {
                    item.insert("apiVersion".to_owned(), kind.api_version().into());
                    item.insert("kind".to_owned(), kind.kind.as_str().into());
                }
                items.extend(page);
            }
            answer
                .pointer("/metadata/continue")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .clone_into(&mut next);
            if next.is_empty() {
                return Ok(items);
            }
        }
    }

    /// Creates an object by POST; gives its metadata.
    ///
    /// # Errors
    /// [`ClusterError::AlreadyExists`] if the name is taken. After a broken connection that may be our own first
    /// attempt: compare what is there.
    pub async fn create(
        &self,
        kind: &ApiKind,
        namespace: &str,
        object: &Value,
    ) -> Result<Value, ClusterError> {
        self.call(&Call {
            verb: "create",
            method: Method::POST,
            path: format!(
                "{}?fieldManager={FIELD_MANAGER}&fieldValidation=Strict",
                kind.path(namespace)
            ),
            kind: Some(kind),
            namespace,
            name: object
                .pointer("/metadata/name")
                .and_then(Value::as_str)
                .unwrap_or_default(),
            content: JSON,
            accept: METADATA,
            body: bytes_of(object),
            writes: true,
        })
        .await
    }

    /// Replaces an object by PUT; it must carry `metadata.resourceVersion`. Gives its metadata.
    ///
    /// # Errors
    /// [`ClusterError::Conflict`] if the version is not the current one, [`ClusterError::NotFound`] if it is gone.
    pub async fn replace(
        &self,
        kind: &ApiKind,
        namespace: &str,
        name: &str,
        object: &Value,
    ) -> Result<Value, ClusterError> {
        self.call(&Call {
            verb: "update",
            method: Method::PUT,
            path: format!(
                "{}/{name}?fieldManager={FIELD_MANAGER}&fieldValidation=Strict",
                kind.path(namespace)
            ),
            kind: Some(kind),
            namespace,
            name,
            content: JSON,
            accept: METADATA,
            body: bytes_of(object),
            writes: true,
        })
        .await
    }

    /// Applies one object, server side, as manager `kubectl-chain`, with strict validation unless told otherwise. Gives the object of a
    /// dry run whole, else its metadata.
    ///
    /// With `create_only` the object carries a resource version that no object has: the server then creates it if it
    /// is missing and answers 409 if it is there. So a stranger's object of the same name is never merged into, and no
    /// request is spent on looking first.
    pub(super) async fn apply_object(
        &self,
        kind: &ApiKind,
        namespace: &str,
        name: &str,
        object: &Value,
        mode: ApplyMode,
    ) -> Result<Value, ClusterError> {
        let validation = if mode.lenient { "Ignore" } else { "Strict" };
        let mut path = format!(
            "{}/{name}?fieldManager={FIELD_MANAGER}&fieldValidation={validation}",
            kind.path(namespace)
        );
        if mode.force {
            path.push_str("&force=true");
        }
        if mode.dry_run {
            path.push_str("&dryRun=All");
        }
        let body = if mode.create_only {
            let mut object = object.clone();
            if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
                metadata.insert("resourceVersion".to_owned(), NO_VERSION.into());
            }
            bytes_of(&object)
        } else {
            bytes_of(object)
        };
        self.call(&Call {
            verb: "patch",
            method: Method::PATCH,
            path,
            kind: Some(kind),
            namespace,
            name,
            content: APPLY,
            accept: if mode.dry_run { JSON } else { METADATA },
            body,
            writes: !mode.dry_run,
        })
        .await
    }

    /// Deletes one object. Returns whether it was there.
    ///
    /// # Errors
    /// [`ClusterError::Conflict`] if a precondition does not hold.
    pub async fn delete(
        &self,
        kind: &ApiKind,
        namespace: &str,
        name: &str,
        preconditions: &Preconditions,
    ) -> Result<bool, ClusterError> {
        let mut conditions = serde_json::Map::new();
        if let Some(uid) = &preconditions.uid {
            conditions.insert("uid".to_owned(), uid.as_str().into());
        }
        if let Some(version) = &preconditions.resource_version {
            conditions.insert("resourceVersion".to_owned(), version.as_str().into());
        }
        let body = serde_json::json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": conditions,
        });
        let call = Call {
            verb: "delete",
            method: Method::DELETE,
            path: format!("{}/{name}", kind.path(namespace)),
            kind: Some(kind),
            namespace,
            name,
            content: JSON,
            accept: JSON,
            body: bytes_of(&body),
            writes: true,
        };
        match self.call(&call).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The manager of everything that is applied.
pub const FIELD_MANAGER: &str = "kubectl-chain";

/// A resource version that no object of a chain can have: etcd's first revisions are the API server's own.
const NO_VERSION: &str = "1";

fn bytes_of(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

/// Percent-encodes a query value.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_escaped() {
        assert_eq!(escape("a.b/c=d,e!=f"), "a.b%2Fc%3Dd%2Ce%21%3Df");
    }
}
