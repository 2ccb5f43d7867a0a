//! The way to the API server: proxies, TLS and HTTP, for the two kinds of traffic.
//!
//! Requests share one HTTP/2 connection where the server offers it in the TLS handshake, and take one HTTP/1.1
//! connection each where it does not: over HTTP/1.1 sixty requests side by side are sixty handshakes. Streams (logs,
//! exec, attach, port-forward, watch) keep to HTTP/1.1, since their `WebSocket`s begin as an upgrade of a connection.
//! Both say who the user is by the same layers, and share certificates, so that a credential plugin is asked once.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use http::{HeaderValue, Uri};
use hyper_rustls::{
    DefaultServerNameResolver, FixedServerNameResolver, HttpsConnector, MaybeHttpsStream,
    ResolveServerName,
};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use kube::client::{Body, ClientBuilder, ConfigExt as _, RustlsTlsError};
use kube::{Client, Config};
use tokio::net::TcpStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Service, ServiceExt as _};
use tower_http::decompression::DecompressionLayer;

/// After how long without a word from the server it is asked whether it is still there: a line that broke without
/// saying so would hold all requests until each has run out of time.
const PING_AFTER: Duration = Duration::from_secs(15);
/// How long it may take to say so.
const PONG_WITHIN: Duration = Duration::from_secs(15);

/// What the server is offered for requests, the best first.
const REQUESTS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// A connection to the server or its proxy, before the server's own TLS.
type Socket = MaybeHttpsStream<TokioIo<TcpStream>>;
/// What makes one.
type Line = BoxCloneSyncService<Uri, Socket, BoxError>;
/// Which name the server's certificate must have.
type Names = Arc<dyn ResolveServerName + Send + Sync>;

/// Both clients of one configuration.
pub(super) struct Clients {
    /// For requests that are answered at once.
    pub requests: Client,
    /// For streams.
    pub streams: Client,
}

/// Makes both. Sends nothing, but may run a credential plugin.
///
/// # Errors
/// Credentials or certificates that cannot be used, a kind of proxy that is not known.
pub(super) fn clients(config: &Config) -> Result<Clients, kube::Error> {
    let auth = config.auth_layer()?;
    let mut certified = config.clone();
    if auth.is_some() {
        // A plugin that gave a token has no certificate to give.
        certified.auth_info.exec = None;
        certified.auth_info.auth_provider = None;
    }
    let tls = certified.rustls_client_config()?;
    let names: Names = match &config.tls_server_name {
        None => Arc::new(DefaultServerNameResolver::default()),
        Some(name) => {
            let name = ServerName::try_from(name.clone())
                .map_err(RustlsTlsError::InvalidServerName)
                .map_err(kube::Error::RustlsTls)?;
            Arc::new(FixedServerNameResolver::new(name))
        }
    };
    let line = line(config, &tls, &names)?;
    let client = |protocols: &[&[u8]]| {
        let mut tls = tls.clone();
        tls.alpn_protocols = protocols.iter().map(|it| it.to_vec()).collect();
        let https = HttpsConnector::new(line.clone(), tls, false, Arc::clone(&names));
        let mut connector = TimeoutConnector::new(https);
        connector.set_connect_timeout(config.connect_timeout);
        connector.set_read_timeout(config.read_timeout);
        connector.set_write_timeout(config.write_timeout);
        connector.set_reset_reader_on_write(config.reset_reader_on_write);
        let http: HttpClient<_, Body> = HttpClient::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .http2_keep_alive_interval(PING_AFTER)
            .http2_keep_alive_timeout(PONG_WITHIN)
            .http2_keep_alive_while_idle(true)
            .build(connector);
        let http = http.map_err(BoxError::from);
        let builder = ClientBuilder::new(http, &config.default_namespace)
            .with_layer(&config.extra_headers_layer()?);
        Ok::<_, kube::Error>(match &auth {
            Some(auth) => finish(builder.with_layer(auth), config),
            None => finish(builder, config),
        })
    };
    Ok(Clients {
        requests: client(&REQUESTS)?,
        streams: client(&[])?,
    })
}

/// The layers that do not depend on who the user is.
fn finish<S>(builder: ClientBuilder<S>, config: &Config) -> Client
where
    S: Service<
            http::Request<Body>,
            Response = http::Response<hyper::body::Incoming>,
            Error = BoxError,
        > + Send
        + 'static,
    S::Future: Send + 'static,
{
    builder
        .with_layer(&DecompressionLayer::new().gzip(!config.disable_compression))
        .with_layer(&config.base_uri_layer())
        .build()
}

/// What connects to the server, through a proxy if there is one.
fn line(config: &Config, tls: &ClientConfig, names: &Names) -> Result<Line, kube::Error> {
    let mut direct = HttpConnector::new();
    direct.enforce_http(false);
    // A request must not wait until the server has acknowledged the one before.
    direct.set_nodelay(true);
    let Some(proxy) = &config.proxy_url else {
        return Ok(boxed(direct));
    };
    match proxy.scheme_str() {
        Some("socks5") => Ok(boxed(SocksV5::new(proxy.clone(), direct))),
        Some("http") => Ok(boxed(tunnel(proxy, direct))),
        Some("https") => {
            let secure = HttpsConnector::new(direct, tls.clone(), false, Arc::clone(names));
            let tunnel = tunnel(proxy, secure);
            Ok(BoxCloneSyncService::new(tunnel.map_err(BoxError::from)))
        }
        _ => Err(kube::Error::ProxyProtocolUnsupported {
            proxy_url: Box::new(proxy.clone()),
        }),
    }
}

fn boxed<S>(connector: S) -> Line
where
    S: Service<Uri, Response = TokioIo<TcpStream>> + Clone + Send + Sync + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
{
    BoxCloneSyncService::new(
        connector
            .map_response(MaybeHttpsStream::Http)
            .map_err(Into::into),
    )
}

/// A proxy that is asked to CONNECT, with the user and password of its URL.
fn tunnel<C>(proxy: &Uri, connector: C) -> Tunnel<C> {
    let tunnel = Tunnel::new(proxy.clone(), connector);
    let user = proxy
        .authority()
        .and_then(|it| it.as_str().split_once('@'))
        .and_then(|(user, _)| HeaderValue::from_str(&basic(user)).ok());
    match user {
        Some(header) => tunnel.with_auth(header),
        None => tunnel,
    }
}

/// The header of basic authentication. A URL keeps its escapes; what a proxy compares has none.
fn basic(user: &str) -> String {
    let plain: Vec<u8> = percent_encoding::percent_decode_str(user).collect();
    let engine = base64::engine::general_purpose::STANDARD;
    format!("Basic {}", engine.encode(plain))
}

#[cfg(test)]
mod tests;
