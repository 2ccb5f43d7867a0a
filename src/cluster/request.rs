//! The one door to the API server: every request of this layer but streams goes through here.
//!
//! It bounds what is in flight, repeats what may be repeated (429, 5xx, broken connections; a bounded number of times,
//! growing pauses, no jitter), turns every answer into a [`ClusterError`] that names the object, and passes a crash
//! point before and after each write, so that none is forgotten.

use std::fmt::Write as _;
use std::time::Duration;

use http::{Method, Request, StatusCode, header};
use kube::client::Body;
use serde_json::Value;

use super::connect::Connection;
use super::error::{ClusterError, Denial, FieldConflict};
use super::object_api::ApiKind;
use crate::crash;

/// How often one request is tried.
const ATTEMPTS: u32 = 6;
/// The pause after the first attempt; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause, also when the server asks for more.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Objects per page of a list.
const PAGE: usize = 500;

const JSON: &str = "application/json";
const APPLY: &str = "application/apply-patch+yaml";
/// What a server gives back of a write: who it is and which version, not the content (of a vault, say) once more.
const METADATA: &str =
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// One request, as the door needs it.
struct Call<'a> {
    /// Kubernetes verb, for messages and roles.
    verb: &'static str,
    method: Method,
    path: String,
    kind: Option<&'a ApiKind>,
    namespace: &'a str,
    name: &'a str,
    content: &'static str,
    accept: &'static str,
    body: Vec<u8>,
    /// Whether it may change what is stored: then it passes crash points.
    writes: bool,
}

impl Call<'_> {
    /// For people: `configmap/chain-x`, `statefulsets.apps`, or the path.
    fn what(&self) -> String {
        match (self.kind, self.name) {
            (Some(kind), "") if kind.group.is_empty() => kind.plural.clone(),
            (Some(kind), "") => format!("{}.{}", kind.plural, kind.group),
            (Some(kind), name) => kind.show(name),
            (None, _) => self.path.split('?').next().unwrap_or_default().to_owned(),
        }
    }
}

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
            if let Some(Value::Array(page)) = answer.get_mut("items").map(Value::take) {
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

    /// One call with its repeats and crash points.
    async fn call(&self, call: &Call<'_>) -> Result<Value, ClusterError> {
        if call.writes {
            crash::point(format_args!(
                "before {} {} {}",
                call.method,
                call.namespace,
                call.what()
            ));
        }
        let result = self.repeat(call).await;
        if call.writes {
            crash::point(format_args!(
                "after {} {} {}",
                call.method,
                call.namespace,
                call.what()
            ));
        }
        result
    }

    async fn repeat(&self, call: &Call<'_>) -> Result<Value, ClusterError> {
        let mut pause = FIRST_PAUSE;
        let mut attempt = 1;
        loop {
            let (error, wanted) = match self.once(call, attempt).await {
                Ok(value) => return Ok(value),
                Err(Fault::Lasting(error)) => return Err(error),
                Err(Fault::Passing(error, wanted)) => (error, wanted),
            };
            if attempt >= ATTEMPTS {
                return Err(error);
            }
            tokio::time::sleep(wanted.unwrap_or(pause).min(LONGEST_PAUSE)).await;
            pause = pause.saturating_mul(2);
            attempt += 1;
        }
    }

    async fn once(&self, call: &Call<'_>, attempt: u32) -> Result<Value, Fault> {
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(&call.path)
            .header(header::ACCEPT, call.accept);
        if !call.body.is_empty() {
            request = request.header(header::CONTENT_TYPE, call.content);
        }
        let request = request
            .body(Body::from(call.body.clone()))
            .map_err(|error| self.unreachable(call, attempt, kube::Error::HttpError(error)))
            .map_err(Fault::Lasting)?;
        // The semaphore is never closed; were it, the request would just not be counted.
        let _permit = self.in_flight.acquire().await.ok();
        let exchange = async {
            let response = self.requests.send(request).await?;
            let status = response.status();
            let wanted = response
                .headers()
                .get(header::RETRY_AFTER)
                .and_then(|v| v.to_str().ok())
                .and_then(|v| v.parse().ok())
                .map(Duration::from_secs);
            let bytes = response.into_body().collect_bytes().await?;
            Ok::<_, kube::Error>((status, wanted, bytes))
        };
        let answer = tokio::time::timeout(self.request_timeout, exchange).await;
        let (status, wanted, bytes) = match answer {
            Err(_) => {
                let error = ClusterError::Timeout {
                    server: self.server.clone(),
                    what: format!("{} {}", call.verb, call.what()),
                    after: self.request_timeout,
                };
                return Err(Fault::Passing(error, None));
            }
            Ok(Err(error)) => {
                let lasting = matches!(error, kube::Error::Auth(_) | kube::Error::RustlsTls(_));
                let error = self.unreachable(call, attempt, error);
                return Err(if lasting {
                    Fault::Lasting(error)
                } else {
                    Fault::Passing(error, None)
                });
            }
            Ok(Ok(answer)) => answer,
        };
        if status.is_success() {
            return serde_json::from_slice(&bytes).map_err(|source| {
                Fault::Lasting(ClusterError::Answer {
                    what: call.what(),
                    source,
                })
            });
        }
        Err(self.fault(call, attempt, status, wanted, &bytes))
    }

    fn unreachable(&self, call: &Call<'_>, attempts: u32, source: kube::Error) -> ClusterError {
        ClusterError::Unreachable {
            server: self.server.clone(),
            what: format!("{} {}", call.verb, call.what()),
            attempts,
            source: Box::new(source),
        }
    }

    fn fault(
        &self,
        call: &Call<'_>,
        attempts: u32,
        status: StatusCode,
        wanted: Option<Duration>,
        bytes: &[u8],
    ) -> Fault {
        let answer: Value = serde_json::from_slice(bytes).unwrap_or_default();
        let text = |pointer: &str| {
            answer
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let reason = text("/reason");
        let message = match text("/message") {
            "" => status.canonical_reason().unwrap_or("no message").to_owned(),
            message => message.to_owned(),
        };
        let what = call.what();
        let code = status.as_u16();
        let lasting = match code {
            401 => ClusterError::Unauthorized {
                server: self.server.clone(),
                context: self.context_name.clone(),
            },
            // Admission (quota, pod security) says 403 too; only the authorizer speaks of "cannot VERB resource".
            403 if message.contains(" cannot ") => ClusterError::Forbidden(Box::new(Denial {
                verb: call.verb.to_owned(),
                resource: call
                    .kind
                    .map_or_else(|| what.clone(), |kind| kind.plural.clone()),
                group: call
                    .kind
                    .map_or_else(String::new, |kind| kind.group.clone()),
                namespace: call.namespace.to_owned(),
                message,
            })),
            404 => ClusterError::NotFound { what, message },
            409 if reason == "AlreadyExists" => ClusterError::AlreadyExists { what },
            409 => match field_conflicts(&answer) {
                conflicts if conflicts.is_empty() => ClusterError::Conflict { what, message },
                conflicts => ClusterError::FieldConflict { what, conflicts },
            },
            429 | 500..=599 => {
                let wanted = wanted.or_else(|| {
                    answer
                        .pointer("/details/retryAfterSeconds")
                        .and_then(Value::as_u64)
                        .map(Duration::from_secs)
                });
                let error = ClusterError::ServerFailure {
                    what,
                    code,
                    message,
                    attempts,
                };
                return Fault::Passing(error, wanted);
            }
            _ => ClusterError::Refused {
                what,
                code,
                message,
            },
        };
        Fault::Lasting(lasting)
    }
}

/// The manager of everything that is applied.
pub const FIELD_MANAGER: &str = "kubectl-chain";

/// A resource version that no object of a chain can have: etcd's first revisions are the API server's own.
const NO_VERSION: &str = "1";

enum Fault {
    /// Trying again does not help.
    Lasting(ClusterError),
    /// Trying again may help, after the pause that the server asked for.
    Passing(ClusterError, Option<Duration>),
}

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

/// The conflicts that a 409 of server-side apply lists.
fn field_conflicts(status: &Value) -> Vec<FieldConflict> {
    let mut conflicts: Vec<FieldConflict> = status
        .pointer("/details/causes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|cause| cause.get("reason").and_then(Value::as_str) == Some("FieldManagerConflict"))
        .map(|cause| {
            let text = |key: &str| cause.get(key).and_then(Value::as_str).unwrap_or_default();
            FieldConflict {
                manager: text("message")
                    .strip_prefix("conflict with ")
                    .unwrap_or(text("message"))
                    .to_owned(),
                path: text("field").to_owned(),
            }
        })
        .collect();
    conflicts.sort();
    conflicts
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn selectors_are_escaped() {
        assert_eq!(escape("a.b/c=d,e!=f"), "a.b%2Fc%3Dd%2Ce%21%3Df");
    }

    #[test]
    fn conflicts_name_manager_and_field() {
        let status = json!({"details": {"causes": [
            {"reason": "FieldManagerConflict", "message": "conflict with \"hpa\" using apps/v1", "field": ".spec.replicas"},
            {"reason": "Other", "message": "x", "field": ".y"},
        ]}});
        assert_eq!(
            field_conflicts(&status),
            vec![FieldConflict {
                manager: "\"hpa\" using apps/v1".into(),
                path: ".spec.replicas".into()
            }]
        );
    }
}
