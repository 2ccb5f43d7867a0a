//! One request to a node, over HTTP/1.1 or HTTP/2 (gRPC), with or without TLS; blocks until the answer
//! is there. The host does the same through forwarded ports.

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request as HttpRequest};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// How to speak TLS.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The name that the node's certificate must have.
    pub server_name: String,
    /// PEM of the authorities that it may come from.
    pub roots: String,
    /// PEM of certificate and key, for mutual TLS.
    pub identity: Option<(String, String)>,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// To whom.
    pub to: SocketAddr,
    /// With TLS.
    pub tls: Option<Tls>,
    /// HTTP/2 from the first byte.
    pub h2: bool,
    /// `GET`, `POST`, `DELETE`.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The answer must have ended by then.
    pub timeout: Duration,
}

/// An answer, whatever its status.
#[derive(Clone, Debug)]
pub struct Response {
    /// Status of HTTP.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The body, or what came of it when the caller ended it.
    pub body: Vec<u8>,
    /// What follows the body.
    pub trailers: Vec<(String, String)>,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum ExchangeError {
    /// The connection.
    #[error("cannot reach {0}")]
    Connect(SocketAddr, #[source] std::io::Error),
    /// The handshake.
    #[error("TLS with {0} failed")]
    Handshake(SocketAddr, #[source] std::io::Error),
    /// Certificates, name or key that are none.
    #[error("TLS settings: {0}")]
    Tls(String),
    /// A request that is none.
    #[error("cannot make the request")]
    Request(#[source] http::Error),
    /// The exchange itself.
    #[error("the exchange with {0} broke")]
    Http(SocketAddr, #[source] hyper::Error),
    /// No answer in time.
    #[error("{0} did not answer within {1:?}")]
    Timeout(SocketAddr, Duration),
    /// The runtime of the exchange cannot be made.
    #[error("cannot start the exchange")]
    Runtime(#[source] std::io::Error),
}

/// Sends a request and reads the whole answer.
///
/// # Errors
/// See [`ExchangeError`].
pub fn send(request: &Request) -> Result<Response, ExchangeError> {
    stream(request, |_| ControlFlow::Continue(()))
}

/// Sends a request and reads the answer until it ends or `enough` breaks; `enough` gets all of the body
/// so far, whenever some of it arrives.
///
/// # Errors
/// See [`ExchangeError`].
pub fn stream(
    request: &Request,
    enough: impl FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<Response, ExchangeError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(ExchangeError::Runtime)?;
    runtime.block_on(async {
        tokio::time::timeout(request.timeout, exchange(request, enough))
            .await
            .unwrap_or_else(|_| Err(ExchangeError::Timeout(request.to, request.timeout)))
    })
}

async fn exchange(
    request: &Request,
    enough: impl FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<Response, ExchangeError> {
    let tcp = TcpStream::connect(request.to)
        .await
        .map_err(|source| ExchangeError::Connect(request.to, source))?;
    let Some(tls) = &request.tls else {
        return over(tcp, request, enough).await;
    };
    let name = ServerName::try_from(tls.server_name.clone())
        .map_err(|error| ExchangeError::Tls(error.to_string()))?;
    let stream = TlsConnector::from(Arc::new(config(tls, request.h2)?))
        .connect(name, tcp)
        .await
        .map_err(|source| ExchangeError::Handshake(request.to, source))?;
    over(stream, request, enough).await
}

fn config(tls: &Tls, h2: bool) -> Result<ClientConfig, ExchangeError> {
    let bad = |error: &dyn std::fmt::Display| ExchangeError::Tls(error.to_string());
    let certificates = |pem: &str| -> Result<Vec<CertificateDer<'static>>, ExchangeError> {
        CertificateDer::pem_slice_iter(pem.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|error| bad(&error))
    };
    let mut roots = RootCertStore::empty();
    for root in certificates(&tls.roots)? {
        roots.add(root).map_err(|error| bad(&error))?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| bad(&error))?
        .with_root_certificates(roots);
    let mut config = match &tls.identity {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|error| bad(&error))?;
            builder
                .with_client_auth_cert(certificates(chain)?, key)
                .map_err(|error| bad(&error))?
        }
    };
    config.alpn_protocols = vec![if h2 { "h2" } else { "http/1.1" }.as_bytes().to_vec()];
    Ok(config)
}

async fn over<S>(
    stream: S,
    request: &Request,
    enough: impl FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<Response, ExchangeError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let broken = |source| ExchangeError::Http(request.to, source);
    let message = message(request)?;
    let io = TokioIo::new(stream);
    if request.h2 {
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io)
            .await
            .map_err(broken)?;
        tokio::spawn(async { drop(connection.await) });
        read(sender.send_request(message).await, request.to, enough).await
    } else {
        let (mut sender, connection) = http1::handshake(io).await.map_err(broken)?;
        tokio::spawn(async { drop(connection.await) });
        read(sender.send_request(message).await, request.to, enough).await
    }
}

fn message(request: &Request) -> Result<HttpRequest<Full<Bytes>>, ExchangeError> {
    let name = request.tls.as_ref();
    let host = name.map_or("localhost", |tls| tls.server_name.as_str());
    let scheme = if name.is_some() { "https" } else { "http" };
    let mut builder = HttpRequest::builder().method(request.method.as_str());
    builder = if request.h2 {
        builder.uri(format!("{scheme}://{host}{}", request.path))
    } else {
        builder.uri(&request.path).header(http::header::HOST, host)
    };
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    builder
        .body(Full::new(Bytes::from(request.body.clone())))
        .map_err(ExchangeError::Request)
}

async fn read(
    response: hyper::Result<hyper::Response<hyper::body::Incoming>>,
    from: SocketAddr,
    mut enough: impl FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<Response, ExchangeError> {
    let broken = |source| ExchangeError::Http(from, source);
    let (head, mut incoming) = response.map_err(broken)?.into_parts();
    let mut answer = Response {
        status: head.status.as_u16(),
        headers: pairs(&head.headers),
        body: Vec::new(),
        trailers: Vec::new(),
    };
    while let Some(frame) = incoming.frame().await {
        match frame.map_err(broken)?.into_data() {
            Ok(data) => {
                answer.body.extend_from_slice(&data);
                if enough(&answer.body).is_break() {
                    break;
                }
            }
            Err(frame) => {
                if let Some(trailers) = frame.trailers_ref() {
                    answer.trailers = pairs(trailers);
                }
            }
        }
    }
    Ok(answer)
}

fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect()
}
