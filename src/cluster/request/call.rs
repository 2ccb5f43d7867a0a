//! One call with its repeats and crash points.

use std::time::Duration;

use http::{Method, Request, header};
use kube::client::Body;
use serde_json::Value;

use super::fault::Fault;
use crate::cluster::connect::Connection;
use crate::cluster::error::ClusterError;
use crate::cluster::object_api::ApiKind;
use crate::crash;

/// How often one request is tried.
const ATTEMPTS: u32 = 6;
/// The pause after the first attempt; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause, also when the server asks for more.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// One request, as the door needs it.
pub(super) struct Call<'a> {
    /// Kubernetes verb, for messages and roles.
    pub(super) verb: &'static str,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) kind: Option<&'a ApiKind>,
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    pub(super) content: &'static str,
    pub(super) accept: &'static str,
    pub(super) body: Vec<u8>,
    /// Whether it may change what is stored: then it passes crash points.
    pub(super) writes: bool,
}

impl Call<'_> {
    /// For people: `configmap/chain-x`, `statefulsets.apps`, or the path.
    pub(super) fn what(&self) -> String {
        match (self.kind, self.name) {
            (Some(kind), "") if kind.group.is_empty() => kind.plural.clone(),
            (Some(kind), "") => format!("{}.{}", kind.plural, kind.group),
            (Some(kind), name) => kind.show(name),
            (None, _) => self.path.split('?').next().unwrap_or_default().to_owned(),
        }
    }
}

impl Connection {
    /// One call with its repeats and crash points.
    pub(super) async fn call(&self, call: &Call<'_>) -> Result<Value, ClusterError> {
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
}
