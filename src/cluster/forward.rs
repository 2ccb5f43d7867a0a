//! Streams into pods: a port of a pod as something to read and write, and HTTP over it (the act `http` of the contract).

pub mod http;
mod kept;
mod tls;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::Portforwarder;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

pub use http::{HttpRequest, HttpResponse, request, request_over};
pub use kept::Kept;
pub use tls::{Identity, TlsSettings};

/// A port of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PodPort {
    /// Namespace of the pod.
    pub namespace: String,
    /// Name of the pod.
    pub pod: String,
    /// Number of the port, as the container listens on it.
    pub port: u16,
}

/// A fault of a stream into a pod, or of HTTP over it.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// The server refused, or there is no such pod.
    #[error("cannot reach port {port} of pod {pod}: {message}")]
    Refused {
        /// The port.
        port: u16,
        /// Name of the pod.
        pod: String,
        /// What the server said.
        message: String,
        /// The whole of it.
        #[source]
        source: Box<kube::Error>,
    },
    /// Nobody listens on the port in the pod.
    #[error("nothing answers on port {port} of pod {pod}: {message}")]
    Port {
        /// The port.
        port: u16,
        /// Name of the pod.
        pod: String,
        /// What the kubelet said.
        message: String,
    },
    /// Certificates or keys cannot be used. Never shows a key.
    #[error("cannot use the {what}: {message}")]
    Certificates {
        /// `roots`, `identity` or `server name`.
        what: &'static str,
        /// Why not.
        message: String,
    },
    /// The handshake failed: a certificate of the wrong name or of another root, for one.
    #[error("no TLS connection")]
    Handshake(#[source] io::Error),
    /// The request is not well-formed.
    #[error("the request cannot be sent")]
    Request(#[source] ::http::Error),
    /// The answer is not well-formed, or the connection broke.
    #[error("the HTTP exchange failed")]
    Http(#[source] hyper::Error),
    /// The answer is too large.
    #[error("the answer has more than {limit} bytes")]
    Truncated {
        /// The most that is read.
        limit: usize,
    },
    /// No answer in time.
    #[error("no answer within {} s", after.as_secs_f32())]
    Timeout {
        /// How long was waited.
        after: Duration,
    },
}

impl ForwardError {
    /// The word for it in the contract's `failure.kind`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Refused { source, .. } => super::exec::kind_of(source),
            Self::Port { .. } => "refused",
            Self::Certificates { .. } | Self::Request(_) => "invalid",
            Self::Handshake(_) => "tls",
            Self::Http(_) => "broken",
            Self::Truncated { .. } => "truncated",
            Self::Timeout { .. } => "timeout",
        }
    }
}

impl super::Connection {
    /// Sends a request to a port of a pod; over HTTP/2 the connection is kept for the next one.
    ///
    /// # Errors
    /// See [`ForwardError`].
    pub async fn pod_request(
        &self,
        to: &PodPort,
        request: &HttpRequest,
    ) -> Result<HttpResponse, ForwardError> {
        self.kept.request(&self.client, to, request).await
    }
}

/// A connection to a port of a pod. Dropping it closes it.
pub struct ForwardStream {
    stream: DuplexStream,
    forwarder: Portforwarder,
    trouble: Option<BoxFuture<'static, Option<String>>>,
}

impl ForwardStream {
    /// Connects through the API server. That nobody listens shows only when the stream is read, see
    /// `ForwardStream::trouble`.
    ///
    /// # Errors
    /// The server refuses, or there is no such pod.
    pub async fn open(client: &kube::Client, to: &PodPort) -> Result<Self, ForwardError> {
        let pods: Api<Pod> = Api::namespaced(client.clone(), &to.namespace);
        let refused = |source| ForwardError::Refused {
            port: to.port,
            pod: to.pod.clone(),
            message: super::exec::upgrade_message(&source),
            source: Box::new(source),
        };
        let mut forwarder = pods
            .portforward(&to.pod, &[to.port])
            .await
            .map_err(refused)?;
        let trouble = forwarder.take_error(to.port).map(futures::FutureExt::boxed);
        let Some(stream) = forwarder.take_stream(to.port) else {
            return Err(ForwardError::Port {
                port: to.port,
                pod: to.pod.clone(),
                message: "the client library gave no stream".to_owned(),
            });
        };
        Ok(Self {
            stream,
            forwarder,
            trouble,
        })
    }

    /// What the kubelet said about the port, if it said something: `connection refused`, usually. To be asked once,
    /// after a fault of the stream.
    pub fn take_trouble(&mut self) -> Option<BoxFuture<'static, Option<String>>> {
        self.trouble.take()
    }
}

impl Drop for ForwardStream {
    fn drop(&mut self) {
        self.forwarder.abort();
    }
}

impl AsyncRead for ForwardStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for ForwardStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
