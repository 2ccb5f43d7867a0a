//! Connections over HTTP/2 into pods, kept for the requests that follow: an operation asks the same services many times,
//! and each new connection costs a handshake with the API server, one with the kubelet and one with the service.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use http_body_util::Full;
use hyper::client::conn::http2::SendRequest;
use tokio::io::{AsyncRead, AsyncWrite};

use super::http::{begin, message, read, request, told, within};
use super::tls;
use super::{ForwardError, ForwardStream, HttpRequest, HttpResponse, PodPort, TlsSettings};

/// What makes two requests share a connection: the port, and who speaks how.
type To = (PodPort, Option<TlsSettings>);

/// A connection that stands.
#[derive(Clone)]
struct Line {
    sender: SendRequest<Full<Bytes>>,
    /// What the kubelet says of the port.
    trouble: Option<Shared<BoxFuture<'static, Option<String>>>>,
}

/// One line, made by the first that needs it while the others wait.
type Slot = Arc<tokio::sync::Mutex<Option<Line>>>;

/// Connections into the pods of one cluster. A clone shares them; they end with the last clone.
#[derive(Clone, Default)]
pub struct Kept {
    slots: Arc<Mutex<HashMap<To, Slot>>>,
}

impl Kept {
    /// Sends a request to a port of a pod: over HTTP/2 on the connection that an earlier one made, if that stands.
    ///
    /// Nothing is sent twice: only what an ended connection did not take goes over a new one.
    ///
    /// # Errors
    /// See [`ForwardError`].
    pub async fn request(
        &self,
        client: &kube::Client,
        to: &PodPort,
        wanted: &HttpRequest,
    ) -> Result<HttpResponse, ForwardError> {
        if !wanted.h2 {
            return request(client, to, wanted).await;
        }
        let dial = || async {
            let mut stream = ForwardStream::open(client, to).await?;
            let trouble = stream.take_trouble().map(FutureExt::shared);
            match handshake(stream, wanted.tls.as_ref()).await {
                Ok(sender) => Ok(Line { sender, trouble }),
                Err(error) => Err(told(error, to, trouble).await),
            }
        };
        self.over(to, wanted, dial).await
    }

    /// [`Kept::request`] with what makes a connection.
    async fn over<D, F>(
        &self,
        to: &PodPort,
        wanted: &HttpRequest,
        dial: D,
    ) -> Result<HttpResponse, ForwardError>
    where
        D: Fn() -> F,
        F: Future<Output = Result<Line, ForwardError>>,
    {
        let key = (to.clone(), wanted.tls.clone());
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(slots.entry(key).or_default())
        };
        let exchange = async {
            loop {
                let (mut line, old) = line(&slot, &dial).await?;
                let sent = line.sender.try_send_request(message(wanted)?).await;
                let answer = match sent {
                    Ok(response) => read(response).await,
                    Err(mut refused) => {
                        if old && refused.take_message().is_some() {
                            // It ended while nobody looked.
                            forget(&slot);
                            continue;
                        }
                        Err(ForwardError::Http(refused.into_error()))
                    }
                };
                return match answer {
                    Ok(response) => Ok(response),
                    Err(error) => Err(told(error, to, line.trouble).await),
                };
            }
        };
        let answer = within(wanted.timeout, Box::pin(exchange)).await;
        if answer.is_err() {
            forget(&slot);
        }
        answer
    }
}

/// The line of a slot, and whether it was there before.
async fn line<D, F>(slot: &Slot, dial: &D) -> Result<(Line, bool), ForwardError>
where
    D: Fn() -> F,
    F: Future<Output = Result<Line, ForwardError>>,
{
    let mut kept = slot.lock().await;
    if let Some(line) = kept.as_ref().filter(|line| !line.sender.is_closed()) {
        return Ok((line.clone(), true));
    }
    let line = dial().await?;
    *kept = Some(line.clone());
    Ok((line, false))
}

/// The next request makes a line of its own; those under way stay on theirs. Who holds the lock makes a new one already.
fn forget(slot: &Slot) {
    if let Ok(mut kept) = slot.try_lock() {
        kept.take();
    }
}

/// Begins HTTP/2 over a stream; the connection ends with the last sender.
async fn handshake<S>(
    stream: S,
    settings: Option<&TlsSettings>,
) -> Result<SendRequest<Full<Bytes>>, ForwardError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    match settings {
        Some(settings) => begin(tls::connect(stream, settings, true).await?).await,
        None => begin(stream).await,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::io::DuplexStream;

    use super::*;

    /// What a server does with the requests of one connection.
    #[derive(Clone, Copy)]
    enum Server {
        Answers,
        /// Ends the connection after this many answers.
        EndsAfter(usize),
        /// Takes a request, and ends without an answer.
        Breaks,
    }

    /// A port behind which connection after connection is served; counts connections and requests.
    struct Port {
        kept: Kept,
        servers: Vec<Server>,
        dials: AtomicUsize,
        asked: Arc<AtomicUsize>,
    }

    async fn serve(stream: DuplexStream, server: Server, asked: Arc<AtomicUsize>) {
        let mut connection = h2::server::handshake(stream).await.unwrap();
        let mut answers = 0;
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            asked.fetch_add(1, Ordering::SeqCst);
            if matches!(server, Server::Breaks) {
                return;
            }
            let mut body = respond
                .send_response(http::Response::new(()), false)
                .unwrap();
            body.send_data(Bytes::from_static(b"ok"), true).unwrap();
            answers += 1;
            if matches!(server, Server::EndsAfter(most) if most == answers) {
                connection.graceful_shutdown();
            }
        }
    }

    impl Port {
        fn new(servers: &[Server]) -> Self {
            Self {
                kept: Kept::default(),
                servers: servers.to_vec(),
                dials: AtomicUsize::new(0),
                asked: Arc::default(),
            }
        }

        async fn ask_as(&self, server_name: Option<&str>) -> Result<HttpResponse, ForwardError> {
            let to = PodPort {
                namespace: "n".into(),
                pod: "p".into(),
                port: 1,
            };
            let wanted = HttpRequest {
                h2: true,
                tls: server_name.map(|name| TlsSettings {
                    server_name: name.to_owned(),
                    roots: Vec::new(),
                    identity: None,
                }),
                method: "POST".into(),
                path: "/".into(),
                headers: Vec::new(),
                body: b"x".to_vec(),
                timeout: Duration::from_secs(5),
            };
            let dial = || async {
                let number = self.dials.fetch_add(1, Ordering::SeqCst);
                let (ours, theirs) = tokio::io::duplex(64 * 1024);
                let server = *self.servers.get(number).unwrap();
                tokio::spawn(serve(theirs, server, Arc::clone(&self.asked)));
                // The kept key is what is tried here, so the stream is plain whoever asks.
                let sender = handshake(ours, None).await?;
                let said: BoxFuture<'static, Option<String>> = Box::pin(async { None });
                let trouble = Some(said.shared());
                Ok(Line { sender, trouble })
            };
            self.kept.over(&to, &wanted, dial).await
        }

        async fn ask(&self) -> Result<HttpResponse, ForwardError> {
            self.ask_as(None).await
        }

        fn counted(&self) -> (usize, usize) {
            (
                self.dials.load(Ordering::SeqCst),
                self.asked.load(Ordering::SeqCst),
            )
        }
    }

    #[tokio::test]
    async fn requests_share_a_connection_also_at_once() {
        let port = Port::new(&[Server::Answers]);
        let all = futures::future::join_all((0..5).map(|_| port.ask())).await;
        assert!(all.iter().all(|it| it.as_ref().unwrap().body == b"ok"));
        port.ask().await.unwrap();
        assert_eq!(port.counted(), (1, 6));
    }

    #[tokio::test]
    async fn who_speaks_otherwise_has_a_connection_of_its_own() {
        let port = Port::new(&[Server::Answers; 3]);
        for name in [None, Some("a"), Some("b"), Some("a"), None] {
            port.ask_as(name).await.unwrap();
        }
        assert_eq!(port.counted(), (3, 5));
    }

    #[tokio::test]
    async fn a_connection_that_ended_is_made_anew_and_nothing_is_sent_twice() {
        let port = Port::new(&[Server::EndsAfter(1), Server::EndsAfter(1), Server::Answers]);
        for asked in 1..=3 {
            port.ask().await.unwrap();
            assert_eq!(port.counted(), (asked, asked));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // What was taken and not answered may have been done: the caller decides.
        let port = Port::new(&[Server::Breaks, Server::Answers]);
        assert_eq!(port.ask().await.unwrap_err().kind(), "broken");
        assert_eq!(port.counted(), (1, 1));
        port.ask().await.unwrap();
        assert_eq!(port.counted(), (2, 2));
    }
}
