//! One HTTP exchange over one stream: HTTP/1.1, or HTTP/2 with prior knowledge (gRPC: a body and trailers).

use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};

use super::tls::{self, TlsSettings};
use super::{ForwardError, ForwardStream, PodPort};

/// Body of an answer that is read at most, in bytes.
pub const LARGEST_ANSWER: usize = 16 * 1024 * 1024;

/// A request, as the contract's record `http`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// HTTP/2 from the first byte, as gRPC servers want it; else HTTP/1.1.
    pub h2: bool,
    /// With TLS.
    pub tls: Option<TlsSettings>,
    /// `GET`, `POST`, ...
    pub method: String,
    /// Path and query, beginning with `/`.
    pub path: String,
    /// Headers as they go out. `host` is added when it is missing.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The answer must be whole within this time.
    pub timeout: Duration,
}

/// An answer. Whatever its code is, it is no error here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// HTTP status.
    pub code: u16,
    /// The body.
    pub body: Vec<u8>,
    /// Names in lower case, in the order of arrival; a name can stand there twice.
    pub headers: Vec<(String, String)>,
    /// What followed the body, e.g. `grpc-status`.
    pub trailers: Vec<(String, String)>,
}

/// Sends a request to a port of a pod, over a connection of its own. For HTTP/2 see [`super::Kept`].
///
/// # Errors
/// See [`ForwardError`].
pub async fn request(
    client: &kube::Client,
    to: &PodPort,
    request: &HttpRequest,
) -> Result<HttpResponse, ForwardError> {
    let exchange = async {
        let mut stream = ForwardStream::open(client, to).await?;
        let trouble = stream.take_trouble();
        match exchange(stream, request).await {
            Ok(response) => Ok(response),
            Err(error) => Err(told(error, to, trouble).await),
        }
    };
    within(request.timeout, Box::pin(exchange)).await
}

/// The error of a stream, or why the kubelet says that there is none: a port without a listener closes the stream; why
/// comes on another channel, perhaps a little later.
pub(super) async fn told(
    error: ForwardError,
    to: &PodPort,
    trouble: Option<impl Future<Output = Option<String>>>,
) -> ForwardError {
    let (ForwardError::Http(_) | ForwardError::Handshake(_), Some(trouble)) = (&error, trouble)
    else {
        return error;
    };
    match tokio::time::timeout(Duration::from_millis(300), trouble).await {
        Ok(Some(message)) => ForwardError::Port {
            port: to.port,
            pod: to.pod.clone(),
            message: message.trim().to_owned(),
        },
        _ => error,
    }
}

/// Sends a request over any stream.
///
/// # Errors
/// See [`ForwardError`].
pub async fn request_over<S>(stream: S, request: &HttpRequest) -> Result<HttpResponse, ForwardError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    within(request.timeout, Box::pin(exchange(stream, request))).await
}

pub(super) async fn within<T>(
    time: Duration,
    work: impl Future<Output = Result<T, ForwardError>>,
) -> Result<T, ForwardError> {
    match tokio::time::timeout(time, work).await {
        Ok(result) => result,
        Err(_) => Err(ForwardError::Timeout { after: time }),
    }
}

async fn exchange<S>(stream: S, request: &HttpRequest) -> Result<HttpResponse, ForwardError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    match &request.tls {
        Some(settings) => send(tls::connect(stream, settings, request.h2).await?, request).await,
        None => send(stream, request).await,
    }
}

async fn send<S>(stream: S, request: &HttpRequest) -> Result<HttpResponse, ForwardError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let message = message(request)?;
    if request.h2 {
        let mut sender = begin(stream).await?;
        read(
            sender
                .send_request(message)
                .await
                .map_err(ForwardError::Http)?,
        )
        .await
    } else {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(ForwardError::Http)?;
        let _driver = Driver(tokio::spawn(async { drop(connection.await) }));
        read(
            sender
                .send_request(message)
                .await
                .map_err(ForwardError::Http)?,
        )
        .await
    }
}

/// Begins HTTP/2 over a stream; the connection ends with the last sender.
pub(super) async fn begin<S>(stream: S) -> Result<http2::SendRequest<Full<Bytes>>, ForwardError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .map_err(ForwardError::Http)?;
    tokio::spawn(async { drop(connection.await) });
    Ok(sender)
}

/// The task that moves the bytes of a connection; ends with the exchange, however that ends.
struct Driver(tokio::task::JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub(super) fn message(request: &HttpRequest) -> Result<Request<Full<Bytes>>, ForwardError> {
    let host = request
        .tls
        .as_ref()
        .map_or("localhost", |tls| tls.server_name.as_str());
    let has_host = request
        .headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("host"));
    let mut builder = Request::builder().method(request.method.as_str());
    if request.h2 {
        // HTTP/2 takes scheme and authority from the URI.
        let scheme = if request.tls.is_some() {
            "https"
        } else {
            "http"
        };
        builder = builder.uri(format!("{scheme}://{host}{}", request.path));
    } else {
        builder = builder.uri(request.path.as_str());
        if !has_host {
            builder = builder.header(HOST, host);
        }
    }
    for (name, value) in &request.headers {
        if request.h2 && name.eq_ignore_ascii_case("host") {
            continue;
        }
        builder = builder.header(name, value);
    }
    builder
        .body(Full::new(Bytes::from(request.body.clone())))
        .map_err(ForwardError::Request)
}

pub(super) async fn read(
    response: hyper::Response<Incoming>,
) -> Result<HttpResponse, ForwardError> {
    let (head, body) = response.into_parts();
    let collected = Limited::new(body, LARGEST_ANSWER)
        .collect()
        .await
        .map_err(|error| {
            if error.is::<LengthLimitError>() {
                return ForwardError::Truncated {
                    limit: LARGEST_ANSWER,
                };
            }
            match error.downcast::<hyper::Error>() {
                Ok(error) => ForwardError::Http(*error),
                Err(_) => ForwardError::Truncated {
                    limit: LARGEST_ANSWER,
                },
            }
        })?;
    let trailers = collected.trailers().map(pairs).unwrap_or_default();
    Ok(HttpResponse {
        code: head.status.as_u16(),
        headers: pairs(&head.headers),
        trailers,
        body: collected.to_bytes().to_vec(),
    })
}

fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    fn get(path: &str) -> HttpRequest {
        HttpRequest {
            h2: false,
            tls: None,
            method: "GET".into(),
            path: path.into(),
            headers: vec![("x-a".into(), "1".into())],
            body: Vec::new(),
            timeout: Duration::from_secs(5),
        }
    }

    /// A server that answers with these bytes and closes; returns what it was asked.
    async fn ask(
        request: HttpRequest,
        answer: &[u8],
    ) -> (Result<HttpResponse, ForwardError>, String) {
        let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
        let answer = answer.to_vec();
        let server = tokio::spawn(async move {
            let mut asked = vec![0; 4096];
            let length = theirs.read(&mut asked).await.unwrap();
            asked.truncate(length);
            let _ = theirs.write_all(&answer).await;
            drop(theirs);
            String::from_utf8_lossy(&asked).into_owned()
        });
        let response = request_over(ours, &request).await;
        (response, server.await.unwrap())
    }

    #[tokio::test]
    async fn an_exchange_over_http1() {
        let answer = b"HTTP/1.1 503 Busy\r\nX-B: 2\r\nContent-Length: 2\r\n\r\nno";
        let (response, asked) = ask(get("/healthz?x=1"), answer).await;
        let response = response.unwrap();
        assert!(
            asked.starts_with("GET /healthz?x=1 HTTP/1.1\r\n"),
            "{asked}"
        );
        assert!(
            asked.contains("x-a: 1") && asked.contains("host: localhost"),
            "{asked}"
        );
        assert_eq!((response.code, response.body), (503, b"no".to_vec()));
        assert_eq!(
            response.headers.first().unwrap(),
            &("x-b".to_owned(), "2".to_owned())
        );
    }

    #[tokio::test]
    async fn a_connection_that_breaks_is_an_error() {
        let (response, _) = ask(get("/"), b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nno").await;
        assert_eq!(response.unwrap_err().kind(), "broken");
    }

    #[tokio::test]
    async fn an_answer_is_bounded_and_so_is_the_time() {
        let mut answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
            LARGEST_ANSWER + 1
        )
        .into_bytes();
        answer.resize(answer.len() + LARGEST_ANSWER + 1, b'x');
        let (response, _) = ask(get("/"), &answer).await;
        assert_eq!(response.unwrap_err().kind(), "truncated");
        let (ours, _theirs) = tokio::io::duplex(1024);
        let hasty = HttpRequest {
            timeout: Duration::from_millis(20),
            ..get("/")
        };
        assert_eq!(
            request_over(ours, &hasty).await.unwrap_err().kind(),
            "timeout"
        );
    }

    #[tokio::test]
    async fn a_request_that_is_not_one_is_refused() {
        let (ours, _theirs) = tokio::io::duplex(1024);
        let bad = HttpRequest {
            method: "GE T".into(),
            ..get("/")
        };
        assert_eq!(
            request_over(ours, &bad).await.unwrap_err().kind(),
            "invalid"
        );
    }

    /// gRPC over HTTP/2: a body, then trailers.
    #[tokio::test]
    async fn http2_brings_trailers() {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        tokio::spawn(async move {
            let mut connection = h2::server::handshake(theirs).await.unwrap();
            let (request, mut respond) = connection.accept().await.unwrap().unwrap();
            assert_eq!(request.uri().path(), "/status.Service/Get");
            assert_eq!(request.headers().get("te").unwrap(), "trailers");
            let mut send = respond
                .send_response(http::Response::new(()), false)
                .unwrap();
            send.send_data(Bytes::from_static(b"\0\0\0\0\0"), false)
                .unwrap();
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", "0".parse().unwrap());
            send.send_trailers(trailers).unwrap();
            while connection.accept().await.is_some() {}
        });
        let request = HttpRequest {
            h2: true,
            method: "POST".into(),
            headers: vec![
                ("content-type".into(), "application/grpc".into()),
                ("te".into(), "trailers".into()),
            ],
            ..get("/status.Service/Get")
        };
        let response = request_over(ours, &request).await.unwrap();
        assert_eq!((response.code, response.body), (200, vec![0; 5]));
        assert_eq!(
            response.trailers,
            [("grpc-status".to_owned(), "0".to_owned())]
        );
    }
}
