//! What an answer that is no success means, and whether trying again may help.

use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

use super::call::Call;
use crate::cluster::connect::Connection;
use crate::cluster::error::{ClusterError, Denial, FieldConflict};

pub(super) enum Fault {
    /// Trying again does not help.
    Lasting(ClusterError),
    /// Trying again may help, after the pause that the server asked for.
    Passing(ClusterError, Option<Duration>),
}

impl Connection {
    pub(super) fn fault(
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
