//! One call of one node: over HTTP/2 and TLS to peers and orderers, over HTTP to an orderer's participation interface.

use chain_plugin_sdk::{Act, Http, Outcome, Response, Step, Tls};
use fabric_identity::identity::Identity;
use fabric_proto::Message as _;
use fabric_proto::common::{Block, Envelope};
use fabric_proto::peer::{ChaincodeInvocationSpec, FilteredBlock, ProposalResponse};
use fabric_service::port;
use fabric_transaction::broadcast;
use fabric_transaction::definition::is_system;
use fabric_transaction::deliver::{self, Delivered, Seek};
use fabric_transaction::failure::Verdict;
use fabric_transaction::grpc::{self, Method};
use fabric_transaction::participation::{
    self, CHANNELS, Channel as Joined, Channels, ParticipationError,
};
use fabric_transaction::proposal::{self, Call, Prepared};
use serde_json::Value;

use super::crew::{Crew, Node};
use super::trouble::{Trouble, chain};

/// Longest wait for an answer that is computed at once, in milliseconds.
const SOON: u32 = 30_000;
/// Longest wait for a block that is not there yet, in milliseconds: what was acknowledged may be lost after all.
const BLOCK: u32 = 20_000;
/// Longest wait while a package is installed, or built.
const INSTALL: u32 = 300_000;

fn fields(more: &str, name: &str) -> Vec<(String, String)> {
    let more: Value = serde_json::from_str(more).unwrap_or_default();
    let pair = |it: &Value| {
        let part = |at: usize| it.get(at).and_then(Value::as_str).map(ToOwned::to_owned);
        Some((part(0)?, part(1)?))
    };
    let list = more.get(name).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(pair).collect()
}

fn answer(by: &str, outcome: Outcome) -> Result<Response, Trouble> {
    outcome.answer.map_err(|failure| {
        let verdict = match failure.kind.as_str() {
            "timeout" | "refused" | "not-found" | "broken" | "truncated" => Verdict::Again,
            _ => Verdict::GiveUp,
        };
        Trouble {
            is_late: failure.kind == "timeout",
            ..Trouble::new(by, failure.message, verdict)
        }
    })
}

/// Whether a call, as it is in a proposal, is of a chaincode that was deployed, none of the peer's own.
fn calls_deployed(input: &[u8]) -> bool {
    let spec = ChaincodeInvocationSpec::decode(input).ok();
    let id = spec.and_then(|it| it.chaincode_spec?.chaincode_id);
    id.is_some_and(|it| !is_system(&it.name))
}

impl Crew {
    /// One step about a node.
    pub async fn act(
        &self,
        node: &Node,
        says: &str,
        timeout_ms: u32,
        act: Act,
    ) -> Result<Response, Trouble> {
        let hands = self.hands().map_err(|_| {
            Trouble::new(&node.name, "the operation has not begun", Verdict::GiveUp)
        })?;
        let step = Step {
            on: node.id.clone(),
            says: says.to_owned(),
            sensitive: false,
            timeout_ms,
            act,
        };
        answer(&node.name, hands.act(step).await)
    }

    async fn grpc(
        &self,
        node: &Node,
        method: Method,
        says: &str,
        timeout_ms: u32,
        body: Vec<u8>,
    ) -> Result<Vec<u8>, Trouble> {
        let port = match method {
            Method::Broadcast | Method::OrdererDeliver => port::ORDERER,
            _ => port::PEER,
        };
        let http = Http {
            port: port.to_owned(),
            h2: true,
            tls: Some(Tls {
                server_name: node.host.clone(),
                roots: node.tls_ca.clone(),
                identity: None,
            }),
            method: grpc::HTTP_METHOD.to_owned(),
            path: method.path().to_owned(),
            headers: grpc::HEADERS
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
            body,
        };
        let response = self.act(node, says, timeout_ms, Act::Http(http)).await?;
        let status = u16::try_from(response.code).unwrap_or(0);
        let (headers, trailers) = (
            fields(&response.more, "headers"),
            fields(&response.more, "trailers"),
        );
        grpc::check(status, &headers, &trailers).map_err(|fault| {
            Trouble::new(&node.name, &fault, fault.verdict()).because(fault.words())
        })?;
        Ok(response.body)
    }

    /// Sends a proposal that is signed already.
    pub async fn propose(
        &self,
        peer: &Node,
        prepared: &Prepared,
        says: &str,
    ) -> Result<ProposalResponse, Trouble> {
        // Peers of 1.4 build chaincode within the first call of it.
        let builds = self.network.release.system_channel();
        let wait = if builds || says.starts_with("install") {
            INSTALL
        } else {
            SOON
        };
        let body = self
            .grpc(peer, Method::ProcessProposal, says, wait, prepared.body())
            .await
            .map_err(|trouble| {
                let starts = trouble.is_late && calls_deployed(&prepared.input);
                let why = "the peer may be starting the chaincode still: look at its pods and their images; the same command again goes on waiting";
                if starts { trouble.because(Some(why)) } else { trouble }
            })?;
        proposal::read_answer(&body)
            .map_err(|fault| Trouble::new(&peer.name, chain(&fault), fault.verdict()))
    }

    /// Asks a peer, and gives the payload of a success.
    pub async fn ask(
        &self,
        peer: &Node,
        call: &Call,
        signer: &Identity,
        says: &str,
    ) -> Result<Vec<u8>, Trouble> {
        let prepared = proposal::prepare(call, signer, &self.stamp());
        let answer = self.propose(peer, &prepared, says).await?;
        match proposal::success(&answer) {
            Ok(response) => Ok(response.payload.clone()),
            Err(fault) => {
                let words = match &fault {
                    proposal::AnswerError::Refused(refusal) => refusal.words(),
                    _ => None,
                };
                Err(Trouble::new(&peer.name, chain(&fault), fault.verdict()).because(words))
            }
        }
    }

    /// Asks a peer for a message; nothing when what was asked about does not exist.
    pub async fn find<T: fabric_proto::Message + Default>(
        &self,
        peer: &Node,
        call: &Call,
        signer: &Identity,
    ) -> Result<Option<T>, Trouble> {
        match self.ask(peer, call, signer, "").await {
            Ok(bytes) => T::decode(bytes.as_slice())
                .map(Some)
                .map_err(|fault| Trouble::new(&peer.name, fault, Verdict::GiveUp)),
            Err(trouble) if trouble.verdict == Verdict::Absent => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// Hands an envelope to an orderer.
    pub async fn broadcast(&self, orderer: &Node, envelope: &Envelope) -> Result<(), Trouble> {
        let body = self
            .grpc(
                orderer,
                Method::Broadcast,
                "",
                SOON,
                broadcast::body(envelope),
            )
            .await?;
        broadcast::read(&body).map_err(|fault| {
            Trouble::new(&orderer.name, chain(&fault), fault.verdict()).because(fault.words())
        })
    }

    fn seek(&self, channel: &str, seek: Seek, signer: &Identity) -> Vec<u8> {
        let envelope = deliver::envelope(channel, &seek.info(false), signer, &self.stamp());
        grpc::frame(&envelope.encode_to_vec())
    }

    /// Fetches one block of a channel from an orderer.
    pub async fn block(
        &self,
        orderer: &Node,
        channel: &str,
        seek: Seek,
        signer: &Identity,
    ) -> Result<Block, Trouble> {
        let body = self.seek(channel, seek, signer);
        let body = self
            .grpc(orderer, Method::OrdererDeliver, "", SOON, body)
            .await?;
        let messages = grpc::whole(&body, grpc::MAX_MESSAGE)
            .map_err(|fault| Trouble::new(&orderer.name, fault, Verdict::Again))?;
        for message in messages {
            match deliver::read_orderer(message) {
                Ok(Delivered::Block(block)) => return Ok(block),
                Ok(_) => {}
                Err(fault) => {
                    let trouble = Trouble::new(&orderer.name, chain(&fault), fault.verdict());
                    return Err(trouble.because(Some(fault.words())));
                }
            }
        }
        Err(Trouble::new(
            &orderer.name,
            "it delivered no block",
            Verdict::Again,
        ))
    }

    /// Waits until a peer has a block, and tells what stands in it.
    pub async fn committed(
        &self,
        peer: &Node,
        channel: &str,
        number: u64,
        signer: &Identity,
    ) -> Result<FilteredBlock, Trouble> {
        let body = self.seek(channel, Seek::Number(number), signer);
        let body = self
            .grpc(peer, Method::DeliverFiltered, "", BLOCK, body)
            .await?;
        let messages = grpc::whole(&body, grpc::MAX_MESSAGE)
            .map_err(|fault| Trouble::new(&peer.name, fault, Verdict::Again))?;
        for message in messages {
            match deliver::read_peer(message) {
                Ok(Delivered::Filtered(block)) => return Ok(block),
                Ok(_) => {}
                Err(fault) => {
                    let trouble = Trouble::new(&peer.name, chain(&fault), fault.verdict());
                    return Err(trouble.because(Some(fault.words())));
                }
            }
        }
        Err(Trouble::new(
            &peer.name,
            "it delivered no block",
            Verdict::Again,
        ))
    }

    /// One request to an orderer's participation interface: status and body.
    pub async fn participation(
        &self,
        orderer: &Node,
        says: &str,
        method: &str,
        path: String,
        content: Option<(String, Vec<u8>)>,
    ) -> Result<(u16, Vec<u8>), Trouble> {
        let (headers, body) = match content {
            Some((kind, body)) => (vec![("content-type".to_owned(), kind)], body),
            None => (Vec::new(), Vec::new()),
        };
        let http = Http {
            port: port::ADMIN.to_owned(),
            h2: false,
            tls: None,
            method: method.to_owned(),
            path,
            headers,
            body,
        };
        let response = self.act(orderer, says, SOON, Act::Http(http)).await?;
        Ok((u16::try_from(response.code).unwrap_or(0), response.body))
    }

    /// Joins an orderer to the channel of a block.
    pub async fn join_orderer(
        &self,
        orderer: &Node,
        says: &str,
        block: &[u8],
    ) -> Result<Result<Joined, ParticipationError>, Trouble> {
        let boundary: String = self.fresh().iter().map(|it| format!("{it:02x}")).collect();
        let request = participation::join_request(block, &boundary)
            .map_err(|fault| Trouble::new(&orderer.name, fault, Verdict::GiveUp))?;
        let content = Some((request.content_type, request.body));
        let (status, body) = self
            .participation(orderer, says, "POST", CHANNELS.to_owned(), content)
            .await?;
        Ok(participation::read_join(status, &body))
    }

    /// The channels of an orderer.
    pub async fn orderer_channels(&self, orderer: &Node) -> Result<Channels, Trouble> {
        let (status, body) = self
            .participation(orderer, "", "GET", CHANNELS.to_owned(), None)
            .await?;
        participation::read_list(status, &body)
            .map_err(|fault| Trouble::new(&orderer.name, &fault, fault.verdict()))
    }

    /// One channel of an orderer; nothing when it has not joined it.
    pub async fn orderer_channel(
        &self,
        orderer: &Node,
        channel: &str,
    ) -> Result<Option<Joined>, Trouble> {
        let path = participation::channel_path(channel)
            .map_err(|fault| Trouble::new(&orderer.name, fault, Verdict::GiveUp))?;
        let (status, body) = self.participation(orderer, "", "GET", path, None).await?;
        match participation::read_channel(status, &body) {
            Ok(joined) => Ok(Some(joined)),
            Err(ParticipationError::NotFound(_)) => Ok(None),
            Err(fault) => Err(Trouble::new(&orderer.name, &fault, fault.verdict())),
        }
    }
}

#[cfg(test)]
mod tests {
    use chain_plugin_sdk::Failure;
    use fabric_proto::peer::{ChaincodeId, ChaincodeSpec};

    use super::*;

    #[test]
    fn only_deployed_chaincode_is_started() {
        let input = |name: &str| {
            let id = ChaincodeId {
                name: name.to_owned(),
                ..ChaincodeId::default()
            };
            let spec = ChaincodeSpec {
                chaincode_id: Some(id),
                ..ChaincodeSpec::default()
            };
            let spec = ChaincodeInvocationSpec {
                chaincode_spec: Some(spec),
            };
            spec.encode_to_vec()
        };
        assert!(calls_deployed(&input("basic")));
        for own in ["_lifecycle", "lscc", "qscc"] {
            assert!(!calls_deployed(&input(own)), "{own}");
        }
        assert!(!calls_deployed(b"no message"));
    }

    #[test]
    fn an_answer_that_is_late_is_known_by_its_kind() {
        let failed = |kind: &str| Outcome {
            at_ms: 0,
            answer: Err(Failure {
                kind: kind.to_owned(),
                message: "no".to_owned(),
            }),
        };
        let late = |kind: &str| answer("peer0", failed(kind)).unwrap_err().is_late;
        assert_eq!((late("timeout"), late("refused")), (true, false));
    }
}
