//! What can go wrong when logs are read.

use std::time::Duration;

/// A fault of one log, or of finding it.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The pod is not there.
    #[error("pod {namespace}/{pod} not found; see kubectl chain status")]
    NoPod {
        /// Namespace of the pod.
        namespace: String,
        /// Its name.
        pod: String,
    },
    /// The pod has no such container.
    #[error("pod {pod} has no container {container:?}; it has: {}", known.join(", "))]
    NoContainer {
        /// Name of the pod.
        pod: String,
        /// The container asked for.
        container: String,
        /// Those it has.
        known: Vec<String>,
    },
    /// The server refused.
    #[error("cannot read the log of {target}: {message}")]
    Refused {
        /// `node0/consensus`.
        target: String,
        /// What the server said.
        message: String,
        /// The whole of it.
        #[source]
        source: Box<kube::Error>,
    },
    /// The server could not be asked, or the connection broke, again and again.
    #[error("lost the log of {target} and could not get it back for {} s", after.as_secs())]
    Lost {
        /// `node0/consensus`.
        target: String,
        /// How long it was tried.
        after: Duration,
        /// The last fault.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The pod went away, or its container restarted, in the middle of a log that is not followed.
    #[error(
        "the container of {target} was restarted or replaced while its log was read; run the same command again"
    )]
    Replaced {
        /// `node0/consensus`.
        target: String,
    },
    /// More logs at once than the user allows.
    #[error(
        "{wanted} logs at once, and at most {allowed} are allowed; name fewer nodes, or pass --max-log-requests={wanted}"
    )]
    TooMany {
        /// How many there would be.
        wanted: usize,
        /// How many may be.
        allowed: usize,
    },
}

/// True for faults that may pass by themselves: no connection, a busy or failing server.
pub(super) fn is_transient(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => matches!(status.code, 408 | 429 | 500..=599),
        kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_) => true,
        _ => false,
    }
}

/// What the server said, without the debug output of the client library.
pub(crate) fn server_message(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if !status.message.is_empty() => status.message.clone(),
        kube::Error::Api(status) => format!("status {} {}", status.code, status.reason),
        other => other.to_string(),
    }
}
