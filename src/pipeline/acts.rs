//! Steps of operations, done in a cluster.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::operate::{Acts, done, streams};
use super::run::Renewal;
use crate::cluster::attach::attach;
use crate::cluster::exec::{ExecRequest, exec};
use crate::cluster::forward::{HttpRequest, PodPort, TlsSettings};
use crate::cluster::logs::{LogTarget, collect};
use crate::cluster::wait::{parse_wait, wait};
use crate::cluster::{ClusterError, Clusters, Connection};
use crate::plugin::contract::Subject;
use crate::plugin::contract::operate::{Failure, Http, Response};
use crate::state::store::update_head;
use crate::state::{Head, Store, StoreError};
use crate::ui::Printer;

/// What an operation wants of the whole pipeline.
#[derive(Debug, Clone)]
pub enum Amendment {
    /// A merge patch of the user's spec.
    Spec(Value),
    /// Items to make again.
    Renew(Renewal),
}

/// Carries an amendment out: the whole pipeline, for what changed.
pub type Amend<'a> = Arc<dyn Fn(Amendment) -> BoxFuture<'a, Result<(), String>> + Send + Sync + 'a>;

/// Acts in the clusters of a chain, each where its subject lives.
pub struct ClusterActs<'a, S> {
    /// The connections.
    pub clusters: &'a Clusters,
    /// Where the head is.
    pub store: &'a S,
    /// Tells what is done.
    pub printer: &'a Printer,
    /// How the spec is amended; none in a hook, which may not do that, nor have the user's terminal.
    pub amend: Option<Amend<'a>>,
}

fn fault(kind: &str, message: impl std::fmt::Display) -> Failure {
    Failure {
        kind: kind.to_owned(),
        message: message.to_string(),
    }
}

/// The pod of a subject's workload.
fn pod(on: &Subject) -> Result<(String, String), Failure> {
    let workload = on
        .workload
        .as_deref()
        .and_then(|workload| workload.split_once('/'));
    match workload {
        Some(("statefulset", name)) => Ok((on.namespace.clone(), format!("{name}-0"))),
        _ => Err(fault("not-found", format!("`{}` has no pod", on.id))),
    }
}

impl<S> ClusterActs<'_, S> {
    /// The connection to the cluster of a subject.
    fn to(&self, on: &Subject) -> Result<&Connection, Failure> {
        let found = self.clusters.of(&on.cluster);
        found.map_err(|why: ClusterError| fault("not-found", why))
    }

    async fn pipeline(&self, amendment: Amendment) -> Result<Response, Failure> {
        match &self.amend {
            Some(amend) => amend(amendment)
                .await
                .map(|()| done())
                .map_err(|why| fault("refused", why)),
            None => Err(fault(
                "unsupported",
                "the chain cannot be changed from here",
            )),
        }
    }
}

impl<S: Store> Acts for ClusterActs<'_, S> {
    async fn exec(
        &self,
        on: &Subject,
        container: &str,
        command: &[String],
        stdin: &[u8],
        tty: bool,
        timeout: Duration,
    ) -> Result<Response, Failure> {
        let (namespace, pod) = pod(on)?;
        let request = ExecRequest {
            namespace,
            pod,
            container: container.to_owned(),
            command: command.to_vec(),
            stdin: stdin.to_vec(),
            timeout,
        };
        if tty {
            if self.amend.is_none() {
                let why = "only an operation that a user runs may have the terminal";
                return Err(fault("unsupported", why));
            }
            self.printer.flush().map_err(|it| fault("broken", it))?;
            let code = attach(&self.to(on)?.client, &request)
                .await
                .map_err(|it| fault(it.kind(), it))?;
            return Ok(streams(code, Vec::new(), &[]));
        }
        let output = exec(&self.to(on)?.client, &request)
            .await
            .map_err(|it| fault(it.kind(), it))?;
        Ok(streams(output.code, output.stdout, &output.stderr))
    }

    async fn http(
        &self,
        on: &Subject,
        port: u16,
        http: &Http,
        tls: Option<TlsSettings>,
        timeout: Duration,
    ) -> Result<Response, Failure> {
        let (namespace, pod) = pod(on)?;
        let wanted = HttpRequest {
            h2: http.h2,
            tls,
            method: http.method.clone(),
            path: http.path.clone(),
            headers: http.headers.clone(),
            body: http.body.clone(),
            timeout,
        };
        let to = PodPort {
            namespace,
            pod,
            port,
        };
        let answer = self
            .to(on)?
            .pod_request(&to, &wanted)
            .await
            .map_err(|it| fault(it.kind(), it))?;
        let more = json!({"headers": answer.headers, "trailers": answer.trailers}).to_string();
        Ok(Response {
            code: i32::from(answer.code),
            body: answer.body,
            more,
        })
    }

    async fn logs(
        &self,
        on: &Subject,
        container: &str,
        since_ms: u64,
        limit: u32,
        timeout: Duration,
    ) -> Result<Response, Failure> {
        let (namespace, pod) = pod(on)?;
        let target = LogTarget {
            namespace,
            pod,
            container: container.to_owned(),
            label: on.name.clone(),
        };
        let reading = collect(&self.to(on)?.client, target, since_ms, limit as usize);
        let collected = tokio::time::timeout(timeout, reading)
            .await
            .map_err(|_| fault("timeout", "the log did not end in time"))?
            .map_err(|it| fault("refused", it))?;
        let more = json!({"truncated": collected.truncated}).to_string();
        Ok(Response {
            code: 0,
            body: collected.bytes,
            more,
        })
    }

    async fn wait(
        &self,
        on: &Subject,
        condition: &Value,
        timeout: Duration,
    ) -> Result<Response, Failure> {
        let (what, until) = parse_wait(condition).map_err(|it| fault(it.kind(), it))?;
        wait(self.to(on)?, &on.namespace, &what, until, timeout)
            .await
            .map_err(|it| fault(it.kind(), it))?;
        Ok(done())
    }

    async fn remember(&self, on: &Subject, key: &str, state: Value) -> Result<Response, Failure> {
        update_head(self.store, |head: &mut Head| {
            if let Some(remembered) = head.subjects.get_mut(&on.id) {
                remembered.state.insert(key.to_owned(), state.clone());
            }
            Ok::<(), StoreError>(())
        })
        .await
        .map_err(|it| fault("refused", it))?;
        Ok(done())
    }

    async fn amend(&self, patch: Value) -> Result<Response, Failure> {
        self.pipeline(Amendment::Spec(patch)).await
    }

    async fn renew(&self, on: &Subject, items: &[String]) -> Result<Response, Failure> {
        let items = items.iter().cloned().collect();
        let renewal = Renewal::from([(on.id.clone(), items)]);
        self.pipeline(Amendment::Renew(renewal)).await
    }

    fn now_ms(&self) -> u64 {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
    }

    fn says(&self, on: &Subject, text: &str) {
        self.printer.note(&format!(
            "{}: {}",
            on.name,
            crate::ui::sanitize::one_line(text)
        ));
    }
}
