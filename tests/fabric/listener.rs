//! A port of a node on TCP: HTTP/1.1 in the clear, or HTTP/2 in TLS with the certificate of the node.

use std::sync::Arc;

use chain_plugin_sdk::{Http, Response, Tls};
use fabric_rehearsal::ledger::Door;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::front::{Reply, Shared};

/// A port of a pod; closed when it is dropped, with all connections to it.
pub struct Listening {
    /// Its number in the pod.
    pub number: u16,
    /// Where it is.
    pub here: u16,
    task: AbortHandle,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Whose port it is.
struct Port {
    shared: Arc<Shared>,
    node: String,
    name: &'static str,
    /// The certificates that its clients should trust.
    roots: Vec<u8>,
    tls: Option<TlsAcceptor>,
}

fn acceptor(door: &Door) -> TlsAcceptor {
    let chain = CertificateDer::pem_slice_iter(door.certificate.as_bytes());
    let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(door.key.as_bytes()).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

/// Listens for a port of a node: its name, and its number in the pod.
pub async fn listen(
    shared: &Arc<Shared>,
    node: &str,
    (name, number): (&'static str, u16),
    door: Option<&Door>,
) -> Listening {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap().port();
    let port = Arc::new(Port {
        shared: Arc::clone(shared),
        node: node.to_owned(),
        name,
        roots: door.map_or_else(Vec::new, |it| it.root.clone().into_bytes()),
        tls: door.map(acceptor),
    });
    let task = tokio::spawn(async move {
        let mut open = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let port = Arc::clone(&port);
            // Who goes away in the middle is no fault of a server.
            open.spawn(async move { port.serve(stream).await.unwrap_or_default() });
            while open.try_join_next().is_some() {}
        }
    });
    Listening {
        number,
        here,
        task: task.abort_handle(),
    }
}

impl Port {
    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        match &self.tls {
            None => self.http1(stream).await,
            Some(acceptor) => {
                let stream = acceptor.accept(stream).await?;
                let (_, session) = stream.get_ref();
                let name = session.server_name().unwrap_or_default().to_owned();
                let served = self.http2(stream, name).await;
                served.map_err(std::io::Error::other)
            }
        }
    }

    /// One request in the clear, and its answer.
    async fn http1(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            if line == "\r\n" {
                break;
            }
            head.push(line.trim_end().to_owned());
        }
        let mut words = head
            .first()
            .map(String::as_str)
            .unwrap_or_default()
            .split(' ');
        let (method, path) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        let headers = head.iter().skip(1).filter_map(|it| it.split_once(": "));
        let headers: Vec<_> = headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let length = headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let length = length.map_or(0, |(_, it)| it.parse().unwrap());
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        let http = Http {
            port: self.name.to_owned(),
            h2: false,
            tls: None,
            method: method.to_owned(),
            path: path.to_owned(),
            headers,
            body,
        };
        let response = match self.shared.answer(&self.node, self.name, &http) {
            Reply::Answer(response) => response,
            Reply::Lost => return Ok(()),
            Reply::Silence => std::future::pending().await,
        };
        let mut lines = vec![
            format!("HTTP/1.1 {} -", response.code),
            "connection: close".to_owned(),
        ];
        // This one has no body, and must not say how long it is.
        if response.code != 204 {
            lines.push(format!("content-length: {}", response.body.len()));
        }
        let headers = pairs(&response, "headers").into_iter();
        lines.extend(headers.map(|(name, value)| format!("{name}: {value}")));
        let text = format!("{}\r\n\r\n", lines.join("\r\n"));
        let bytes = [text.into_bytes(), response.body].concat();
        stream.get_mut().write_all(&bytes).await?;
        stream.get_mut().shutdown().await
    }

    /// Requests of one connection, side by side, until it ends or one is to be lost.
    async fn http2(
        &self,
        stream: tokio_rustls::server::TlsStream<TcpStream>,
        server_name: String,
    ) -> Result<(), h2::Error> {
        let mut connection = h2::server::handshake(stream).await?;
        let (lose, mut to_lose) = mpsc::channel::<()>(1);
        let mut open = JoinSet::new();
        loop {
            let next = tokio::select! {
                next = connection.accept() => next,
                Some(()) = to_lose.recv() => return Ok(()),
            };
            let Some(request) = next else { return Ok(()) };
            let (request, mut send) = request?;
            let (head, mut stream) = request.into_parts();
            let shared = Arc::clone(&self.shared);
            let (node, name, lose) = (self.node.clone(), self.name, lose.clone());
            let headers = head.headers.iter();
            let headers = headers.map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.as_str().to_owned(), value)
            });
            let mut http = Http {
                port: name.to_owned(),
                h2: true,
                tls: Some(Tls {
                    server_name: server_name.clone(),
                    roots: self.roots.clone(),
                    identity: None,
                }),
                method: head.method.to_string(),
                path: head.uri.path().to_owned(),
                headers: headers.collect(),
                body: Vec::new(),
            };
            open.spawn(async move {
                while let Some(Ok(part)) = stream.data().await {
                    let _ = stream.flow_control().release_capacity(part.len());
                    http.body.extend_from_slice(&part);
                }
                match shared.answer(&node, name, &http) {
                    Reply::Answer(response) => {
                        // Who has gone away meanwhile does not hear it.
                        let _ = tell(&mut send, &response);
                    }
                    Reply::Lost => {
                        let _ = lose.send(()).await;
                    }
                    Reply::Silence => std::future::pending().await,
                }
            });
        }
    }
}

fn tell(
    send: &mut h2::server::SendResponse<bytes::Bytes>,
    response: &Response,
) -> Result<(), h2::Error> {
    let map = |what: &str| {
        let all = pairs(response, what).into_iter();
        let all = all.map(|(name, value)| {
            let name: http::HeaderName = name.parse().unwrap();
            (name, value.parse::<http::HeaderValue>().unwrap())
        });
        all.collect::<http::HeaderMap>()
    };
    let trailers = map("trailers");
    let mut head = http::Response::new(());
    *head.status_mut() = u16::try_from(response.code).unwrap().try_into().unwrap();
    *head.headers_mut() = map("headers");
    let alone = response.body.is_empty() && trailers.is_empty();
    let mut body = send.send_response(head, alone)?;
    if alone {
        return Ok(());
    }
    body.send_data(response.body.clone().into(), trailers.is_empty())?;
    if !trailers.is_empty() {
        body.send_trailers(trailers)?;
    }
    Ok(())
}

/// Headers or trailers of an answer.
fn pairs(response: &Response, what: &str) -> Vec<(String, String)> {
    let more: Value = serde_json::from_str(&response.more).unwrap();
    let all = more[what].as_array().cloned().unwrap_or_default();
    let word = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    all.iter().map(|it| (word(&it[0]), word(&it[1]))).collect()
}
