//! A peer: what it answers to proposals, and the blocks that it delivers.

use std::collections::BTreeMap;

use chain_plugin_sdk::{Failure, Response};
use fabric_identity::certificate::Certificate;
use fabric_identity::identity::Identity;
use fabric_proto::Message as _;
use fabric_proto::common::{Block, Envelope};
use fabric_proto::peer::{
    BlockchainInfo, ChaincodeAction, ChaincodeId, ChannelInfo, ChannelQueryResponse,
    DeliverResponse, DeliverResponseKind as Kind, Endorsement, FilteredBlock, FilteredTransaction,
    ProcessedTransaction, ProposalResponse, ProposalResponsePayload, Response as Said,
    SignedProposal,
};
use fabric_service::Release;
use fabric_transaction::grpc::Method;

use super::Ledger;
use super::chain::{Chain, Effect, LIFECYCLE, LSCC, Simulation};
use super::member::{Known, Membership, Role};
use super::message::{Proposed, fresh, open, propose};
use super::orderer::{Seeking, blocks, faults};
use super::policy::satisfied;
use super::wire::{failure, messages, refused};
use super::{call, legacy, lifecycle};

/// A peer.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its identity.
    pub identity: Identity,
    /// Its TLS certificate.
    pub tls: Certificate,
    /// Its own organisation.
    pub local: Membership,
    /// Its channels: name, and which chain that is.
    pub channels: BTreeMap<String, String>,
    /// What is installed, by the id of the package.
    pub installed: BTreeMap<String, Vec<u8>>,
    /// What is installed of 1.4, by name and version: the deployment spec.
    pub legacy: BTreeMap<(String, String), Vec<u8>>,
}

/// What a chaincode says.
pub type Outcome = Result<Vec<u8>, (i32, String)>;

/// A refusal with status 500.
pub fn fault<T>(message: impl Into<String>) -> Result<T, (i32, String)> {
    Err((500, message.into()))
}

impl Ledger {
    /// The calls of a peer's gRPC.
    pub(super) fn peering(
        &mut self,
        id: &str,
        method: Method,
        message: &[u8],
    ) -> Result<Response, Failure> {
        match method {
            Method::ProcessProposal => Ok(match self.proposal(id, message) {
                Ok(answer) => messages(&[answer]),
                Err(why) => {
                    self.refuse(id, &why);
                    refused(2, &why)
                }
            }),
            Method::PeerDeliver | Method::DeliverFiltered => {
                let Ok(envelope) = Envelope::decode(message) else {
                    return Ok(refused(13, "not an envelope"));
                };
                self.deliver(id, method, &envelope)
            }
            other => Ok(refused(12, &format!("unknown service {}", other.path()))),
        }
    }

    fn proposal(&mut self, id: &str, message: &[u8]) -> Result<ProposalResponse, String> {
        let signed = SignedProposal::decode(message).map_err(|it| it.to_string())?;
        let proposed = propose(&signed)?;
        let now = self.now_ms();
        // Before 3.1 the configuration that comes with a peer has no such check.
        if self.release >= Release::V3_1 {
            fresh(proposed.channel.timestamp.as_ref(), now)
                .map_err(|it| format!("request unauthorized due to incorrect timestamp: {it}"))?;
        }
        let name = proposed.channel.channel_id.clone();
        let creator = &proposed.signature.creator;
        let peer = self.peers.get(id).ok_or("no peer")?;
        let chain = if name.is_empty() {
            None
        } else {
            let key = peer.channels.get(&name);
            let found = key.and_then(|it| self.chains.get(it));
            Some(found.ok_or_else(|| format!("channel '{name}' not found"))?)
        };
        let who = match chain {
            Some(chain) => chain.know(creator, now),
            // Calls of qscc name a channel by argument, and members of others may ask.
            None if proposed.chaincode == "qscc" => self
                .argued(id, &proposed)
                .and_then(|chain| chain.know(creator, now)),
            None => peer.local.know(creator, now),
        }
        .map_err(|it| format!("access denied: {it}"))?;
        self.audit
            .signed(&who, &signed.proposal_bytes, &signed.signature)
            .map_err(|it| format!("access denied: {it}"))?;
        if chain.is_some_and(|it| it.has(&proposed.channel.tx_id)) {
            return Err(format!(
                "duplicate transaction found [{}]",
                proposed.channel.tx_id
            ));
        }
        let (outcome, effect) = match chain.map(|it| it.name.clone()) {
            None => (self.alone(id, &proposed, &who), Effect::default()),
            Some(name) => self.simulated(id, &name, &proposed, &who),
        };
        let said = match outcome {
            Ok(payload) => Said {
                status: 200,
                message: String::new(),
                payload,
            },
            Err((status, message)) => Said {
                status,
                message,
                payload: Vec::new(),
            },
        };
        if name.is_empty() || said.status >= 400 {
            return Ok(ProposalResponse {
                version: 1,
                response: Some(said),
                ..ProposalResponse::default()
            });
        }
        let action = ChaincodeAction {
            results: serde_json::to_vec(&effect).map_err(|it| it.to_string())?,
            events: Vec::new(),
            response: Some(said.clone()),
            chaincode_id: Some(ChaincodeId {
                name: proposed.chaincode.clone(),
                ..ChaincodeId::default()
            }),
        };
        let payload = ProposalResponsePayload {
            proposal_hash: proposed.hash,
            extension: action.encode_to_vec(),
        }
        .encode_to_vec();
        let identity = &self.peers.get(id).ok_or("no peer")?.identity;
        let endorser = identity.creator().to_vec();
        let signature = identity.sign(&[payload.as_slice(), endorser.as_slice()].concat());
        Ok(ProposalResponse {
            version: 1,
            timestamp: None,
            response: Some(said),
            payload,
            endorsement: Some(Endorsement {
                endorser,
                signature,
            }),
        })
    }

    /// The channel that the first argument of a query names.
    fn argued(&self, id: &str, proposed: &Proposed) -> Result<&Chain, String> {
        let name = proposed.input.args.get(1).cloned().unwrap_or_default();
        let name = String::from_utf8(name).map_err(|it| it.to_string())?;
        let key = self.peers.get(id).and_then(|it| it.channels.get(&name));
        key.and_then(|it| self.chains.get(it))
            .ok_or_else(|| format!("Invalid chain ID, {name}"))
    }

    /// A call that concerns the peer alone.
    fn alone(&mut self, id: &str, proposed: &Proposed, who: &Known) -> Outcome {
        let args = &proposed.input.args;
        let function = String::from_utf8_lossy(args.first().map_or(&[], Vec::as_slice));
        let argument = args.get(1).map_or(&[][..], Vec::as_slice);
        let admin = who.roles.contains(&Role::Admin);
        let denied = || {
            fault(format!(
                "Failed to authorize invocation due to failed ACL check: access denied for [{function}]: the creator certificate is not an admin"
            ))
        };
        match (proposed.chaincode.as_str(), function.as_ref()) {
            ("cscc", "JoinChain") if !admin => {
                fault("access denied for [JoinChain][]: the creator is not an admin")
            }
            ("cscc", "JoinChain") => self.join_peer(id, argument),
            ("cscc", "GetChannels") => {
                let names = self.peers.get(id).map(|it| it.channels.keys());
                let channels = names.into_iter().flatten().map(|it| ChannelInfo {
                    channel_id: it.clone(),
                });
                Ok(ChannelQueryResponse {
                    channels: channels.collect(),
                }
                .encode_to_vec())
            }
            ("cscc", "GetConfigBlock") => {
                let denied = |why: String| (500, format!("access denied for [{function}]: {why}"));
                let chain = self.argued(id, proposed).map_err(denied)?;
                let people = std::slice::from_ref(who);
                if !satisfied(chain.root(), "/Channel/Application/Readers", people) {
                    return Err(denied("no reader".to_owned()));
                }
                let place = usize::try_from(chain.configured).unwrap_or(usize::MAX);
                let block = chain.blocks.get(place);
                Ok(block.map(Block::encode_to_vec).unwrap_or_default())
            }
            ("qscc", _) => {
                let chain = self.argued(id, proposed).map_err(|it| (500, it))?;
                let people = std::slice::from_ref(who);
                if !satisfied(chain.root(), "/Channel/Application/Readers", people) {
                    return fault(format!("access denied for [{function}]"));
                }
                told(chain, &function, args.get(2).map_or(&[], Vec::as_slice))
            }
            (LIFECYCLE | LSCC, _) if !admin => denied(),
            (LIFECYCLE, function) => match self.peers.get_mut(id) {
                Some(peer) => lifecycle::alone(peer, function, argument),
                None => fault("no peer"),
            },
            (LSCC, function) => match self.peers.get_mut(id) {
                Some(peer) if self.release.system_channel() => {
                    legacy::alone(peer, function, argument)
                }
                _ => fault("lscc is not served by this release"),
            },
            (other, _) => fault(format!("chaincode {other} needs a channel")),
        }
    }

    fn join_peer(&mut self, id: &str, bytes: &[u8]) -> Outcome {
        // Block 0 of a channel out of a system channel is the orderers' own work.
        if !self.release.system_channel()
            && let Err(why) = faults(bytes, self.release)
        {
            self.refuse(id, &why);
            return fault(format!("error validating config tx: {why}"));
        }
        let chain = Block::decode(bytes)
            .map_err(|it| it.to_string())
            .and_then(|block| {
                let number = block.header.as_ref().map(|it| it.number);
                if number == Some(0) {
                    Chain::new(block, self.release)
                } else {
                    Err("cannot join with a block that is not the first".to_owned())
                }
            });
        let chain = chain.or_else(|why| {
            self.refuse(id, &why);
            fault(why)
        })?;
        let name = chain.name.clone();
        let there = self.peers.get(id).map(|it| it.channels.contains_key(&name));
        if there == Some(true) {
            return fault(if self.release.system_channel() {
                "cannot create ledger from genesis block: LedgerID already exists".to_owned()
            } else {
                format!(
                    "cannot create ledger from genesis block: ledger [{name}] already exists with state [ACTIVE]"
                )
            });
        }
        let key = self.adopt(chain);
        if let Some(peer) = self.peers.get_mut(id) {
            peer.channels.insert(name, key);
        }
        Ok(Vec::new())
    }

    /// A call on a channel, with what it would change.
    fn simulated(
        &mut self,
        id: &str,
        name: &str,
        proposed: &Proposed,
        who: &Known,
    ) -> (Outcome, Effect) {
        let Some(peer) = self.peers.get(id) else {
            return (fault("no peer"), Effect::default());
        };
        let Some(chain) = peer.channels.get(name).and_then(|it| self.chains.get(it)) else {
            return (fault("no channel"), Effect::default());
        };
        let mut simulation = Simulation::new(chain);
        let people = std::slice::from_ref(who);
        let writer = satisfied(chain.root(), "/Channel/Application/Writers", people);
        let outcome = match proposed.chaincode.as_str() {
            LIFECYCLE => {
                lifecycle::on_channel(peer, chain, &mut simulation, &proposed.input, who, writer)
            }
            LSCC => legacy::on_channel(peer, chain, &mut simulation, &proposed.input, who),
            _ if !writer => fault(format!(
                "access denied: policy /Channel/Application/Writers not satisfied by {}",
                who.msp_id
            )),
            chaincode => call::invoke(peer, chain, &mut simulation, chaincode, &proposed.input),
        };
        (outcome, simulation.effect())
    }

    fn deliver(
        &mut self,
        id: &str,
        method: Method,
        envelope: &Envelope,
    ) -> Result<Response, Failure> {
        let answer = |kind: Kind| DeliverResponse { r#type: Some(kind) };
        let status = |status: i32| Ok(messages(&[answer(Kind::Status(status))]));
        let now = self.now_ms();
        let opened =
            open(envelope).and_then(|it| fresh(it.channel.timestamp.as_ref(), now).map(|()| it));
        let opened = match opened {
            Ok(opened) => opened,
            Err(why) => {
                self.refuse(id, &why);
                return status(400);
            }
        };
        let name = &opened.channel.channel_id;
        let key = self.peers.get(id).and_then(|it| it.channels.get(name));
        let Some(chain) = key.and_then(|it| self.chains.get(it)) else {
            return status(404);
        };
        let readers = "/Channel/Application/Readers";
        let (height, admitted) = (
            chain.height(),
            chain.admit(envelope, readers, now, &mut self.audit),
        );
        if let Err(why) = admitted {
            self.refuse(id, &why);
            return status(403);
        }
        match blocks(&opened.data, opened.channel.r#type, height) {
            Ok(numbers) => {
                let mut all: Vec<DeliverResponse> = numbers
                    .filter_map(|number| {
                        let place = usize::try_from(number).ok()?;
                        Some(answer(if method == Method::PeerDeliver {
                            Kind::Block(chain.blocks.get(place)?.clone())
                        } else {
                            Kind::FilteredBlock(filtered(chain, place)?)
                        }))
                    })
                    .collect();
                all.push(answer(Kind::Status(200)));
                Ok(messages(&all))
            }
            Err(Seeking::Status(code)) => status(code),
            Err(Seeking::Waits) => Err(failure("timeout", "no answer in time")),
        }
    }
}

fn filtered(chain: &Chain, place: usize) -> Option<FilteredBlock> {
    Some(FilteredBlock {
        channel_id: chain.name.clone(),
        number: u64::try_from(place).ok()?,
        filtered_transactions: chain
            .entries
            .get(place)?
            .iter()
            .map(|entry| FilteredTransaction {
                txid: entry.id.clone(),
                r#type: entry.kind,
                tx_validation_code: entry.code,
            })
            .collect(),
    })
}

/// Queries of `qscc`.
fn told(chain: &Chain, function: &str, argument: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(argument);
    match function {
        "GetChainInfo" => {
            let (current, previous) = chain.hashes();
            Ok(BlockchainInfo {
                height: chain.height(),
                current_block_hash: current.to_vec(),
                previous_block_hash: previous,
                bootstrapping_snapshot_info: None,
            }
            .encode_to_vec())
        }
        "GetBlockByNumber" => {
            let number = text.parse::<usize>().ok();
            match number.and_then(|it| chain.blocks.get(it)) {
                Some(block) => Ok(block.encode_to_vec()),
                None => fault(format!("Entry not found in index: block {text}")),
            }
        }
        "GetTransactionByID" => {
            for (block, entries) in chain.blocks.iter().zip(&chain.entries) {
                let data = block.data.iter().flat_map(|it| &it.data);
                for (bytes, entry) in data.zip(entries) {
                    if entry.id == text && !text.is_empty() {
                        return Ok(ProcessedTransaction {
                            transaction_envelope: Envelope::decode(bytes.as_slice()).ok(),
                            validation_code: entry.code,
                        }
                        .encode_to_vec());
                    }
                }
            }
            fault(format!("no such transaction ID [{text}] in index"))
        }
        other => fault(format!("Requested function {other} not found.")),
    }
}
