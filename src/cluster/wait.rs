//! Waits until one workload or pod is ready or gone: the act `wait` of the contract.
//!
//! It asks again and again instead of watching: one object, for seconds, and a broken connection costs nothing.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::connect::Connection;
use super::error::ClusterError;
use super::object_api::ApiKind;
use super::readiness;

/// The first wait between two looks; it doubles up to [`LONGEST`].
const FIRST: Duration = Duration::from_millis(250);
/// The longest wait between two looks.
const LONGEST: Duration = Duration::from_secs(3);

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waited {
    /// A `StatefulSet` by its name.
    StatefulSet(String),
    /// A pod by its name.
    Pod(String),
}

/// Until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// It is ready.
    Ready,
    /// It is not there any more.
    Gone,
}

/// Why waiting was in vain.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    /// The request is not one.
    #[error(
        "cannot wait for {0}: it must be {{\"object\": \"statefulset/NAME\" or \"pod/NAME\", \"condition\": \"ready\" or \"gone\"}}"
    )]
    Request(String),
    /// It took too long.
    #[error("{what} is not {until} after {} s{}", after.as_secs_f32(), why.as_ref().map(|why| format!(": {why}")).unwrap_or_default())]
    Timeout {
        /// `statefulset/NAME`.
        what: String,
        /// `ready` or `gone`.
        until: &'static str,
        /// How long was waited.
        after: Duration,
        /// What holds it up, as far as it can be seen.
        why: Option<String>,
    },
    /// The cluster could not be asked.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}

impl WaitError {
    /// The word for it in the contract's `failure.kind`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Request(_) => "invalid",
            Self::Timeout { .. } => "timeout",
            Self::Cluster(error) if error.is_forbidden() => "forbidden",
            Self::Cluster(_) => "broken",
        }
    }
}

/// Reads the JSON of the contract's act: `{"object": "statefulset/NAME", "condition": "ready"}`.
///
/// # Errors
/// [`WaitError::Request`].
pub fn parse_wait(request: &Value) -> Result<(Waited, Until), WaitError> {
    let bad = || WaitError::Request(request.to_string());
    let text = |key: &str| request.get(key).and_then(Value::as_str).ok_or_else(bad);
    let what = match text("object")?.split_once('/') {
        Some(("statefulset", name)) if !name.is_empty() => Waited::StatefulSet(name.to_owned()),
        Some(("pod", name)) if !name.is_empty() => Waited::Pod(name.to_owned()),
        _ => return Err(bad()),
    };
    let until = match text("condition")? {
        "ready" => Until::Ready,
        "gone" => Until::Gone,
        _ => return Err(bad()),
    };
    Ok((what, until))
}

/// Waits at most `timeout`.
///
/// # Errors
/// It took too long, or the cluster refuses.
pub async fn wait(
    connection: &Connection,
    namespace: &str,
    what: &Waited,
    until: Until,
    timeout: Duration,
) -> Result<(), WaitError> {
    let (group, kind, name) = match what {
        Waited::StatefulSet(name) => ("apps", "StatefulSet", name),
        Waited::Pod(name) => ("", "Pod", name),
    };
    let kind =
        ApiKind::known(group, kind).ok_or_else(|| WaitError::Request(format!("{kind} {name}")))?;
    let end = Instant::now() + timeout;
    let mut pause = FIRST;
    loop {
        let object = connection.get(&kind, namespace, name).await?;
        let why = match is_reached(object.as_ref(), until) {
            Reached::Yes => return Ok(()),
            Reached::NotYet(why) => why,
        };
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let until = match until {
                Until::Ready => "ready",
                Until::Gone => "gone",
            };
            return Err(WaitError::Timeout {
                what: kind.show(name),
                until,
                after: timeout,
                why,
            });
        }
        tokio::time::sleep(pause.min(left)).await;
        pause = (pause * 2).min(LONGEST);
    }
}

enum Reached {
    Yes,
    NotYet(Option<String>),
}

fn is_reached(object: Option<&Value>, until: Until) -> Reached {
    match (object, until) {
        (None, Until::Gone) => Reached::Yes,
        (None, Until::Ready) => Reached::NotYet(Some("it is not there".to_owned())),
        (Some(_), Until::Gone) => Reached::NotYet(None),
        (Some(object), Until::Ready) if is_pod(object) => pod_is_ready(object),
        (Some(object), Until::Ready) => {
            let state = readiness::readiness(object);
            if state.ready {
                Reached::Yes
            } else {
                let (available, wanted) = (state.available, state.wanted);
                Reached::NotYet(Some(format!("{available} of {wanted} pods are ready")))
            }
        }
    }
}

fn is_pod(object: &Value) -> bool {
    object.get("kind").and_then(Value::as_str) == Some("Pod")
}

/// A pod that is being deleted is not ready, whatever its conditions still say.
fn pod_is_ready(pod: &Value) -> Reached {
    if pod.pointer("/metadata/deletionTimestamp").is_some() {
        return Reached::NotYet(Some("it is being deleted".to_owned()));
    }
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array);
    let text = |condition: &Value, key: &str| {
        condition
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let ready = conditions
        .into_iter()
        .flatten()
        .find(|c| text(c, "type") == "Ready");
    match ready {
        Some(ready) if text(ready, "status") == "True" => Reached::Yes,
        Some(ready) => Reached::NotYet(Some(text(ready, "message")).filter(|m| !m.is_empty())),
        None => Reached::NotYet(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_contracts_json_is_read() {
        let read = |object: &str, condition: &str| {
            parse_wait(&json!({"object": object, "condition": condition})).ok()
        };
        assert_eq!(
            read("statefulset/c-0", "ready"),
            Some((Waited::StatefulSet("c-0".into()), Until::Ready))
        );
        assert_eq!(
            read("pod/c-0-0", "gone"),
            Some((Waited::Pod("c-0-0".into()), Until::Gone))
        );
        assert_eq!(read("secret/x", "gone"), None);
        assert_eq!(read("pod/", "gone"), None);
        assert_eq!(read("pod/x", "happy"), None);
    }

    #[test]
    fn a_pod_that_is_leaving_is_not_ready() {
        let mut pod = json!({"kind": "Pod", "metadata": {"name": "x"},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]}});
        assert!(matches!(is_reached(Some(&pod), Until::Ready), Reached::Yes));
        pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        assert!(matches!(
            is_reached(Some(&pod), Until::Ready),
            Reached::NotYet(_)
        ));
        assert!(matches!(is_reached(None, Until::Gone), Reached::Yes));
    }
}
