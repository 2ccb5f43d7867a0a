//! An API server on loopback that ends connections where it is told to, and what becomes of requests then.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::HeaderMap;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

use super::super::object_api::ApiKind;
use super::super::{ConnectFlags, Connection};
use super::*;

/// The name in the server's certificate; it is reached at 127.0.0.1.
const NAME: &str = "kube.example";

/// How the first connection over HTTP/2 ends, while sixty requests are under way.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Never,
    /// GOAWAY; what came before it is answered.
    Graceful,
    /// GOAWAY; what it does not name was not looked at.
    Abrupt,
    /// Without a word.
    Broken,
}

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    over_h2: AtomicUsize,
    requests: Mutex<Vec<(String, HeaderMap)>>,
}

struct Server {
    port: u16,
    ca: String,
    seen: Arc<Seen>,
    folder: tempfile::TempDir,
}

impl Server {
    async fn start(offers: &[&[u8]], end: End) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec![NAME.to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap(),
            )
            .unwrap();
        config.alpn_protocols = offers.iter().map(|it| it.to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            ca: certificate.pem(),
            seen: Arc::default(),
            folder: tempfile::tempdir().unwrap(),
        };
        let seen = Arc::clone(&server.seen);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
                tokio::spawn(async move {
                    let stream = acceptor.accept(stream).await.unwrap();
                    let number = seen.connections.fetch_add(1, Ordering::SeqCst);
                    let end = if number == 0 { end } else { End::Never };
                    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                        seen.over_h2.fetch_add(1, Ordering::SeqCst);
                        let _ = over_h2(stream, &seen, end).await;
                    } else {
                        let _ = over_http1(stream, &seen).await;
                    }
                });
            }
        });
        server
    }

    /// A connection by a kubeconfig with this beside the server's URL, and this user.
    async fn connect(&self, cluster: &str, user: &str) -> Connection {
        let ca = base64::engine::general_purpose::STANDARD.encode(&self.ca);
        let path = self.folder.path().join("config");
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: a\n\
             contexts: [{{name: a, context: {{cluster: c, user: u}}}}]\n\
             clusters: [{{name: c, cluster: {{server: 'https://127.0.0.1:{}', {cluster}}}}}]\n\
             users: [{{name: u, user: {{{user}}}}}]\n",
            self.port,
            cluster = cluster.replace("CA", &ca),
        );
        std::fs::write(&path, text).unwrap();
        let flags = ConnectFlags {
            kubeconfig: Some(path),
            ..ConnectFlags::default()
        };
        Connection::open(&flags).await.unwrap()
    }

    async fn usual(&self) -> Connection {
        let cluster = format!("tls-server-name: {NAME}, certificate-authority-data: CA");
        self.connect(&cluster, "token: very-secret").await
    }

    fn count(&self) -> (usize, usize, usize) {
        (
            self.seen.connections.load(Ordering::SeqCst),
            self.seen.over_h2.load(Ordering::SeqCst),
            self.seen.requests.lock().unwrap().len(),
        )
    }
}

const ANSWER: &str = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"}}"#;

async fn over_h2(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    seen: &Seen,
    end: End,
) -> Result<(), h2::Error> {
    let mut connection = h2::server::handshake(stream).await?;
    let mut number = 0;
    while let Some(asked) = connection.accept().await {
        let (request, mut respond) = asked?;
        number += 1;
        if number == 20 {
            match end {
                End::Never => {}
                End::Graceful => connection.graceful_shutdown(),
                End::Abrupt => connection.abrupt_shutdown(h2::Reason::NO_ERROR),
                End::Broken => return Ok(()),
            }
        }
        seen.requests
            .lock()
            .unwrap()
            .push((request.uri().path().to_owned(), request.headers().clone()));
        let response = http::Response::new(());
        if let Ok(mut send) = respond.send_response(response, false) {
            let _ = send.send_data(Bytes::from_static(ANSWER.as_bytes()), true);
        }
    }
    Ok(())
}

async fn over_http1(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    seen: &Seen,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut request = String::new();
        if stream.read_line(&mut request).await? == 0 {
            return Ok(());
        }
        let mut headers = HeaderMap::new();
        let mut line = String::new();
        while stream.read_line(&mut line).await? > 2 {
            let (name, value) = line.trim_end().split_once(": ").unwrap();
            let name: http::HeaderName = name.parse().unwrap();
            headers.append(name, value.parse().unwrap());
            line.clear();
        }
        let length = headers.get("content-length");
        let length = length.map_or(0, |it| it.to_str().unwrap().parse().unwrap());
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        let path = request.split(' ').nth(1).unwrap().to_owned();
        seen.requests.lock().unwrap().push((path, headers));
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
            ANSWER.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(ANSWER.as_bytes()).await?;
    }
}

async fn ask(connection: &Connection, name: &str) {
    let kind = ApiKind::known("", "ConfigMap").unwrap();
    let there = connection.get(&kind, "n", name).await.unwrap().unwrap();
    assert_eq!(there["metadata"]["name"], "x");
}

async fn ask_many(connection: &Connection) {
    let names: Vec<String> = (0..60).map(|number| format!("c-{number}")).collect();
    futures::future::join_all(names.iter().map(|name| ask(connection, name))).await;
}

#[tokio::test]
async fn requests_share_one_connection_over_http2() {
    let server = Server::start(&[b"h2", b"http/1.1"], End::Never).await;
    let connection = server.usual().await;
    ask(&connection, "first").await;
    ask_many(&connection).await;
    assert_eq!(server.count(), (1, 1, 61));
    let seen = server.seen.requests.lock().unwrap();
    for (path, headers) in seen.iter() {
        assert!(
            path.starts_with("/api/v1/namespaces/n/configmaps/"),
            "{path}"
        );
        assert_eq!(headers["authorization"], "Bearer very-secret");
    }
}

#[tokio::test]
async fn a_server_without_http2_is_asked_over_http1() {
    let http1: &[u8] = b"http/1.1";
    for offers in [Vec::new(), vec![http1]] {
        let server = Server::start(&offers, End::Never).await;
        let connection = server.usual().await;
        ask(&connection, "first").await;
        ask_many(&connection).await;
        let (_, over_h2, requests) = server.count();
        assert_eq!((over_h2, requests), (0, 61));
    }
}

#[tokio::test]
async fn a_connection_that_ends_is_made_again_and_no_request_is_lost() {
    for end in [End::Graceful, End::Abrupt, End::Broken] {
        let server = Server::start(&[b"h2", b"http/1.1"], end).await;
        let connection = server.usual().await;
        ask(&connection, "first").await;
        ask_many(&connection).await;
        ask_many(&connection).await;
        let (connections, over_h2, _) = server.count();
        assert!(connections > 1, "the first connection did not end");
        assert_eq!(connections, over_h2);
        // From now on there is one again; what was begun for others has ended by then.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let connections = server.count().0;
        ask_many(&connection).await;
        assert_eq!(server.count().0, connections);
    }
}

#[tokio::test]
async fn streams_keep_to_http1() {
    let server = Server::start(&[b"h2", b"http/1.1"], End::Never).await;
    let connection = server.usual().await;
    let request = http::Request::get("/api/v1/namespaces/n/pods/p/log").body(Vec::new());
    let answer = connection.client.request_text(request.unwrap()).await;
    assert_eq!(answer.unwrap(), ANSWER);
    assert_eq!(server.count(), (1, 0, 1));
    let seen = server.seen.requests.lock().unwrap();
    assert_eq!(seen[0].1["authorization"], "Bearer very-secret");
}

#[tokio::test]
async fn whoever_is_impersonated_goes_along() {
    let server = Server::start(&[b"h2"], End::Never).await;
    let connection = server
        .connect(
            "insecure-skip-tls-verify: true",
            "username: ann, password: p, as: bob, as-groups: [one, two], as-uid: '7'",
        )
        .await;
    ask(&connection, "first").await;
    let seen = server.seen.requests.lock().unwrap();
    let headers = &seen[0].1;
    assert_eq!(headers["authorization"], "Basic YW5uOnA=");
    assert_eq!(headers["impersonate-user"], "bob");
    assert_eq!(headers["impersonate-uid"], "7");
    let groups: Vec<_> = headers.get_all("impersonate-group").iter().collect();
    assert_eq!(groups, ["one", "two"]);
}

/// A plugin is asked once for a token, not once for each client and once more for a certificate.
#[cfg(unix)]
#[tokio::test]
async fn a_credential_plugin_is_asked_once() {
    let server = Server::start(&[b"h2"], End::Never).await;
    let asked = server.folder.path().join("asked");
    let script = format!(
        "echo once >> {}; echo '{{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\", \
         \"status\": {{\"token\": \"from-plugin\"}}}}'",
        asked.display()
    );
    let program = server.folder.path().join("plugin");
    std::fs::write(&program, script).unwrap();
    let connection = server
        .connect(
            "insecure-skip-tls-verify: true",
            &format!(
                "exec: {{apiVersion: client.authentication.k8s.io/v1, command: sh, args: ['{}'], \
                 interactiveMode: Never}}",
                program.display()
            ),
        )
        .await;
    ask(&connection, "first").await;
    let seen = server.seen.requests.lock().unwrap();
    assert_eq!(seen[0].1["authorization"], "Bearer from-plugin");
    assert_eq!(std::fs::read_to_string(asked).unwrap(), "once\n");
}

/// A proxy that reads what it is asked first, and passes all else on.
async fn proxy(answers: impl Fn(&[u8]) -> Vec<u8> + Copy + Send + 'static) -> (u16, Arc<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(Seen::default());
    let shared = Arc::clone(&seen);
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let seen = Arc::clone(&shared);
            tokio::spawn(async move {
                seen.connections.fetch_add(1, Ordering::SeqCst);
                let mut said = Vec::new();
                let mut piece = [0; 1024];
                loop {
                    let length = client.read(&mut piece).await.unwrap();
                    assert!(length > 0, "the client left");
                    said.extend_from_slice(&piece[..length]);
                    let answer = answers(&said);
                    client.write_all(&answer).await.unwrap();
                    if answer.starts_with(b"HTTP/1.1 200") || answer.starts_with(b"\x05\x00\x00") {
                        break;
                    }
                }
                let text = String::from_utf8_lossy(&said).into_owned();
                let port = match text.split_once("CONNECT 127.0.0.1:") {
                    Some((_, rest)) => rest.split(' ').next().unwrap().parse().unwrap(),
                    None => u16::from_be_bytes(said[said.len() - 2..].try_into().unwrap()),
                };
                seen.requests.lock().unwrap().push((text, HeaderMap::new()));
                let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (port, seen)
}

#[tokio::test]
async fn an_http_proxy_passes_http2_on() {
    let server = Server::start(&[b"h2"], End::Never).await;
    let (port, seen) = proxy(|said| {
        if said.ends_with(b"\r\n\r\n") {
            b"HTTP/1.1 200 OK\r\n\r\n".to_vec()
        } else {
            Vec::new()
        }
    })
    .await;
    let cluster =
        format!("insecure-skip-tls-verify: true, proxy-url: 'http://ann:p%40ss@127.0.0.1:{port}'");
    let connection = server.connect(&cluster, "token: t").await;
    ask(&connection, "first").await;
    ask_many(&connection).await;
    assert_eq!(server.count(), (1, 1, 61));
    assert_eq!(seen.connections.load(Ordering::SeqCst), 1);
    let asked = &seen.requests.lock().unwrap()[0].0;
    // "ann:p@ss"
    assert!(asked.contains("Basic YW5uOnBAc3M=\r\n"), "{asked}");
}

#[tokio::test]
async fn a_socks_proxy_passes_http2_on() {
    let server = Server::start(&[b"h2"], End::Never).await;
    let (port, seen) = proxy(|said| match said.len() {
        3 => b"\x05\x00".to_vec(),
        13 => b"\x05\x00\x00\x01\0\0\0\0\0\0".to_vec(),
        _ => Vec::new(),
    })
    .await;
    let cluster = format!("insecure-skip-tls-verify: true, proxy-url: 'socks5://127.0.0.1:{port}'");
    let connection = server.connect(&cluster, "token: t").await;
    ask(&connection, "first").await;
    ask_many(&connection).await;
    assert_eq!(server.count(), (1, 1, 61));
    assert_eq!(seen.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_proxy_of_another_kind_is_refused() {
    let mut config = Config::new(Uri::from_static("https://127.0.0.1:1"));
    config.proxy_url = Some(Uri::from_static("ftp://127.0.0.1:2"));
    let fault = clients(&config).err().unwrap().to_string();
    assert!(fault.contains("unsupported protocol"), "{fault}");
}
