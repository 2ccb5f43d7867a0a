//! TLS to a service in a pod: roots, name and client identity as the plugin names them, never those of this machine.

use std::fmt;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::ForwardError;

/// How to speak TLS.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TlsSettings {
    /// The name that the server's certificate must have; sent as SNI.
    pub server_name: String,
    /// PEM of the roots that the server's certificate must come from. There is no other trust: not even this machine's.
    pub roots: Vec<u8>,
    /// For mutual TLS.
    pub identity: Option<Identity>,
}

/// A client certificate with its key. `Debug` does not show the key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// PEM of the certificate, then of those between it and its root.
    pub certificates: Vec<u8>,
    /// PEM of the key: PKCS#8, SEC1 or PKCS#1.
    pub key: Vec<u8>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// Shakes hands over `stream`.
pub(super) async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    settings: &TlsSettings,
    h2: bool,
) -> Result<TlsStream<S>, ForwardError> {
    let mut config = config(settings)?;
    config.alpn_protocols = vec![if h2 {
        b"h2".to_vec()
    } else {
        b"http/1.1".to_vec()
    }];
    let name = ServerName::try_from(settings.server_name.clone())
        .map_err(|error| unusable("server name", error))?;
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .map_err(ForwardError::Handshake)
}

fn config(settings: &TlsSettings) -> Result<ClientConfig, ForwardError> {
    let mut roots = RootCertStore::empty();
    for root in certificates(&settings.roots, "roots")? {
        roots.add(root).map_err(|error| unusable("roots", error))?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable("TLS versions", error))?
        .with_root_certificates(roots);
    let Some(identity) = &settings.identity else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = certificates(&identity.certificates, "identity")?;
    // The reader's error could quote what it read, so it is not passed on.
    let key = PrivateKeyDer::from_pem_slice(&identity.key)
        .map_err(|_| unusable("identity", "its key is not PEM of a private key"))?;
    builder
        .with_client_auth_cert(chain, key)
        .map_err(|error| unusable("identity", error))
}

fn certificates(
    pem: &[u8],
    what: &'static str,
) -> Result<Vec<CertificateDer<'static>>, ForwardError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| unusable(what, error))?;
    if found.is_empty() {
        return Err(unusable(what, "there is no certificate in the PEM"));
    }
    Ok(found)
}

fn unusable(what: &'static str, error: impl fmt::Display) -> ForwardError {
    ForwardError::Certificates {
        what,
        message: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_never_shown() {
        let identity = Identity {
            certificates: b"c".to_vec(),
            key: b"very-secret".to_vec(),
        };
        let settings = TlsSettings {
            server_name: "x".into(),
            roots: Vec::new(),
            identity: Some(identity),
        };
        assert!(!format!("{settings:?}").contains("118, 101"));
        assert_eq!(
            config(&settings).unwrap_err().to_string(),
            "cannot use the roots: there is no certificate in the PEM"
        );
    }

    /// A server that demands a client certificate, and answers one request over HTTP/1.1.
    async fn serve(
        stream: tokio::io::DuplexStream,
        config: tokio_rustls::rustls::ServerConfig,
    ) -> std::io::Result<()> {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let mut stream = acceptor.accept(stream).await?;
        let mut asked = [0; 1024];
        let _ = stream.read(&mut asked).await?;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            .await?;
        stream.shutdown().await
    }

    struct Party {
        pem: String,
        key: rcgen::KeyPair,
        certificate: rcgen::Certificate,
    }

    fn party(name: &str) -> Party {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec![name.to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap();
        Party {
            pem: certificate.pem(),
            key,
            certificate,
        }
    }

    async fn exchange(server_name: &str, with_identity: bool) -> Result<u16, ForwardError> {
        let (server, client) = (party("peer0.org1"), party("admin"));
        let mut clients = RootCertStore::empty();
        clients.add(client.certificate.der().clone()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let verifier = tokio_rustls::rustls::server::WebPkiClientVerifier::builder_with_provider(
            Arc::new(clients),
            provider.clone(),
        );
        let config = tokio_rustls::rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(
                vec![server.certificate.der().clone()],
                PrivateKeyDer::from_pem_slice(server.key.serialize_pem().as_bytes()).unwrap(),
            )
            .unwrap();
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        tokio::spawn(serve(theirs, config));
        let identity = Identity {
            certificates: client.pem.into_bytes(),
            key: client.key.serialize_pem().into_bytes(),
        };
        let request = super::super::HttpRequest {
            h2: false,
            tls: Some(TlsSettings {
                server_name: server_name.into(),
                roots: server.pem.into_bytes(),
                identity: with_identity.then_some(identity),
            }),
            method: "GET".into(),
            path: "/".into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: std::time::Duration::from_secs(5),
        };
        super::super::request_over(ours, &request)
            .await
            .map(|response| response.code)
    }

    #[tokio::test]
    async fn both_sides_prove_who_they_are() {
        assert_eq!(exchange("peer0.org1", true).await.unwrap(), 200);
        assert_eq!(
            exchange("peer0.org2", true).await.unwrap_err().kind(),
            "tls"
        );
        assert!(exchange("peer0.org1", false).await.is_err());
    }
}
