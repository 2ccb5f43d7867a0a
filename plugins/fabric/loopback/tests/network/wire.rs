//! Calls of nodes as the host does them: one exchange each, what they mean is said by our crates.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use fabric_identity::{Certificate, Identity};
use fabric_loopback::Loopback;
use fabric_loopback::http::{self, ExchangeError, Request, Response, Tls};
use fabric_proto::Message;
use fabric_proto::common::{Block, Envelope, Timestamp};
use fabric_proto::msp::SerializedIdentity;
use fabric_proto::peer::ProposalResponse;
use fabric_transaction::broadcast::{self, BroadcastError};
use fabric_transaction::commit::{self, Committed, InvalidTransaction};
use fabric_transaction::deliver::{self, Delivered, Seek};
use fabric_transaction::endorsement::{EndorsementError, Reply, agree};
use fabric_transaction::failure::Verdict;
use fabric_transaction::grpc::{self, CallError, Method};
use fabric_transaction::metrics::{self, Metrics};
use fabric_transaction::participation::{self, Channel, Channels, ParticipationError};
use fabric_transaction::proposal::{self, AnswerError, Call, Prepared, Stamp};
use fabric_transaction::transaction::assemble;

use super::organization::{entropy, now};

/// What passes by itself has passed by then.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why a call of a peer gives nothing.
#[derive(Debug)]
pub enum Fault {
    Call(CallError),
    Answer(AnswerError),
    Endorsement(EndorsementError),
}

impl Fault {
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Call(error) => error.verdict(),
            Self::Answer(error) => error.verdict(),
            Self::Endorsement(error) => error.verdict(),
        }
    }
}

/// A running network, and by whom its nodes are certified.
pub struct Wire {
    pub loopback: Loopback,
    /// TLS roots by domain.
    pub roots: BTreeMap<String, String>,
    /// Whether nodes speak TLS.
    pub tls: bool,
}

pub fn stamp() -> Stamp {
    Stamp {
        nonce: entropy(24).try_into().unwrap(),
        time: time(),
        tls_cert_hash: None,
    }
}

pub fn time() -> Timestamp {
    Timestamp {
        seconds: now(),
        nanos: 0,
    }
}

/// Tries again as long as `verdict` says so.
pub fn persist<T, E: std::fmt::Debug>(
    mut attempt: impl FnMut() -> Result<T, E>,
    verdict: impl Fn(&E) -> Verdict,
) -> Result<T, E> {
    let start = Instant::now();
    loop {
        match attempt() {
            Err(error) if verdict(&error) == Verdict::Again && start.elapsed() < PATIENCE => {
                thread::sleep(Duration::from_millis(200));
            }
            result => return result,
        }
    }
}

fn verify(endorser: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let identity = SerializedIdentity::decode(endorser).unwrap();
    let pem = String::from_utf8(identity.id_bytes).unwrap();
    let certificate = Certificate::parse_pem(&pem).unwrap();
    let key = certificate.public_key().unwrap();
    key.verify(message, signature).is_ok()
}

impl Wire {
    fn address(&self, node: &str, port: u16) -> SocketAddr {
        SocketAddr::from((self.loopback.node(node).unwrap().address, port))
    }

    fn rpc(&self, node: &str, method: Method, body: Vec<u8>) -> Request {
        let (_, domain) = node.split_once('.').unwrap();
        let port = self.loopback.node(node).unwrap().kind.port();
        let headers = grpc::HEADERS;
        Request {
            to: self.address(node, port),
            tls: self.tls.then(|| Tls {
                server_name: node.to_owned(),
                roots: self.roots[domain].clone(),
                identity: None,
            }),
            h2: true,
            method: grpc::HTTP_METHOD.to_owned(),
            path: method.path().to_owned(),
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body,
            timeout: PATIENCE,
        }
    }

    fn plain(&self, node: &str, port: u16, method: &str, path: &str) -> Request {
        Request {
            to: self.address(node, port),
            tls: None,
            h2: false,
            method: method.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: PATIENCE,
        }
    }

    fn done(response: &Response) {
        grpc::check(response.status, &response.headers, &response.trailers).unwrap();
    }

    // Orderers' administration.

    pub fn join(&self, orderer: &str, block: &[u8]) -> Result<Channel, ParticipationError> {
        self.try_join(orderer, block).unwrap()
    }

    /// A join that the orderer may die of.
    pub fn try_join(
        &self,
        orderer: &str,
        block: &[u8],
    ) -> Result<Result<Channel, ParticipationError>, ExchangeError> {
        let form = participation::join_request(block, "xBOUNDARYx").unwrap();
        let response = http::send(&Request {
            headers: vec![("content-type".to_owned(), form.content_type)],
            body: form.body,
            ..self.plain(orderer, 9443, "POST", participation::CHANNELS)
        })?;
        Ok(participation::read_join(response.status, &response.body))
    }

    pub fn channels(&self, orderer: &str) -> Channels {
        let request = self.plain(orderer, 9443, "GET", participation::CHANNELS);
        let response = http::send(&request).unwrap();
        participation::read_list(response.status, &response.body).unwrap()
    }

    pub fn channel(&self, orderer: &str, channel: &str) -> Result<Channel, ParticipationError> {
        let path = participation::channel_path(channel).unwrap();
        let response = http::send(&self.plain(orderer, 9443, "GET", &path)).unwrap();
        participation::read_channel(response.status, &response.body)
    }

    pub fn remove(&self, orderer: &str, channel: &str) -> Result<(), ParticipationError> {
        let path = participation::channel_path(channel).unwrap();
        let response = http::send(&self.plain(orderer, 9443, "DELETE", &path)).unwrap();
        participation::read_removal(response.status, &response.body)
    }

    pub fn metrics(&self, node: &str) -> Metrics {
        let port = self.loopback.node(node).unwrap().kind.operations().unwrap();
        let response = http::send(&self.plain(node, port, "GET", "/metrics")).unwrap();
        metrics::read(&String::from_utf8(response.body).unwrap()).unwrap()
    }

    // Peers.

    pub fn propose(&self, peer: &str, prepared: &Prepared) -> Result<ProposalResponse, Fault> {
        let request = self.rpc(peer, Method::ProcessProposal, prepared.body());
        let response = http::send(&request).unwrap();
        grpc::check(response.status, &response.headers, &response.trailers).map_err(Fault::Call)?;
        proposal::read_answer(&response.body).map_err(Fault::Answer)
    }

    /// A call that ends with the answer of one peer.
    pub fn ask(&self, peer: &str, call: &Call, signer: &Identity) -> Result<Vec<u8>, Fault> {
        let answer = self.propose(peer, &proposal::prepare(call, signer, &stamp()))?;
        let response = proposal::success(&answer).map_err(Fault::Answer)?;
        Ok(response.payload.clone())
    }

    /// A call that the peer may die of; gives the text of whatever comes instead of an answer.
    pub fn try_ask(&self, peer: &str, call: &Call, signer: &Identity) -> Result<Vec<u8>, String> {
        let prepared = proposal::prepare(call, signer, &stamp());
        let request = self.rpc(peer, Method::ProcessProposal, prepared.body());
        let response = http::send(&request).map_err(|error| error.to_string())?;
        grpc::check(response.status, &response.headers, &response.trailers)
            .map_err(|error| error.to_string())?;
        let answer = proposal::read_answer(&response.body).map_err(|error| error.to_string())?;
        let response = proposal::success(&answer).map_err(|error| error.to_string())?;
        Ok(response.payload.clone())
    }

    pub fn query<T: Message + Default>(
        &self,
        peer: &str,
        call: &Call,
        signer: &Identity,
    ) -> Result<T, Fault> {
        let answer = self.propose(peer, &proposal::prepare(call, signer, &stamp()))?;
        proposal::result(&answer).map_err(Fault::Answer)
    }

    /// A transaction from the proposal to the block; gives the chaincode's result.
    pub fn transact(
        &self,
        endorsers: &[&str],
        orderer: &str,
        call: &Call,
        signer: &Identity,
    ) -> Result<Vec<u8>, InvalidTransaction> {
        let endorsed = persist(
            || {
                let prepared = proposal::prepare(call, signer, &stamp());
                let replies = endorsers
                    .iter()
                    .map(|peer| {
                        let answer = self.propose(peer, &prepared)?;
                        Ok(Reply {
                            peer: (*peer).to_owned(),
                            answer,
                        })
                    })
                    .collect::<Result<Vec<_>, Fault>>()?;
                let endorsed = agree(&prepared, &replies, verify).map_err(Fault::Endorsement)?;
                Ok((prepared, endorsed))
            },
            Fault::verdict,
        );
        let (prepared, endorsed) = endorsed.unwrap();
        let envelope = assemble(&prepared, &endorsed, signer).unwrap();
        let committed = self.submit(
            endorsers[0],
            orderer,
            &prepared.channel,
            &prepared.tx_id,
            &envelope,
            signer,
        );
        commit::check(committed.code).map(|()| endorsed.result)
    }

    /// Submits an envelope and waits for it in a peer's blocks.
    fn submit(
        &self,
        peer: &str,
        orderer: &str,
        channel: &str,
        tx_id: &str,
        envelope: &Envelope,
        signer: &Identity,
    ) -> Committed {
        let seek = deliver::envelope(channel, &Seek::FromNewest.info(false), signer, &stamp());
        let body = grpc::frame(&seek.encode_to_vec());
        let request = self.rpc(peer, Method::DeliverFiltered, body);
        thread::scope(|scope| {
            let (began, listening) = mpsc::channel();
            let waiting = scope.spawn(move || {
                let mut found = None;
                let response = http::stream(&request, |body| {
                    // The newest block is there at once: from now on none is missed.
                    let _ = began.send(());
                    for message in grpc::unframe(body, grpc::MAX_MESSAGE).unwrap().messages {
                        match deliver::read_peer(message).unwrap() {
                            Delivered::Filtered(block) => {
                                found = found.or(commit::find(&block, tx_id));
                            }
                            other => panic!("{other:?}"),
                        }
                    }
                    match found {
                        Some(_) => ControlFlow::Break(()),
                        None => ControlFlow::Continue(()),
                    }
                });
                found.unwrap_or_else(|| panic!("{tx_id} is in no block: {response:?}"))
            });
            // When the stream ends without a block its thread says why.
            let _ = listening.recv();
            persist(
                || self.broadcast(orderer, envelope),
                BroadcastError::verdict,
            )
            .unwrap();
            waiting.join().unwrap()
        })
    }

    // Orderers.

    pub fn broadcast(&self, orderer: &str, envelope: &Envelope) -> Result<(), BroadcastError> {
        let request = self.rpc(orderer, Method::Broadcast, broadcast::body(envelope));
        let response = http::send(&request).unwrap();
        Self::done(&response);
        broadcast::read(&response.body)
    }

    /// One block, of an orderer or a peer.
    pub fn block(&self, node: &str, channel: &str, seek: Seek, signer: &Identity) -> Block {
        let is_peer = node.starts_with("peer");
        let envelope = deliver::envelope(channel, &seek.info(false), signer, &stamp());
        let method = if is_peer {
            Method::PeerDeliver
        } else {
            Method::OrdererDeliver
        };
        let read = if is_peer {
            deliver::read_peer
        } else {
            deliver::read_orderer
        };
        let answers = persist(
            || {
                let request = self.rpc(node, method, grpc::frame(&envelope.encode_to_vec()));
                let response = http::send(&request).unwrap();
                Self::done(&response);
                grpc::whole(&response.body, grpc::MAX_MESSAGE)
                    .unwrap()
                    .into_iter()
                    .map(read)
                    .collect::<Result<Vec<_>, _>>()
            },
            deliver::DeliverError::verdict,
        );
        match answers.unwrap().as_slice() {
            [Delivered::Block(block), Delivered::End] => block.clone(),
            other => panic!("{other:?}"),
        }
    }
}
