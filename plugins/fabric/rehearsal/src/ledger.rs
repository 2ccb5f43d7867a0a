//! A network of Fabric as a state machine: a [`World`] for where no Fabric program is.
//!
//! Strict where real nodes are: every message is decoded, its signature verified against the certificates of its
//! organisation, its role, channel, id and time checked; every change of a channel reviewed; every transaction validated.
//! Not like them in that all is at once: one transaction is one block, and all who joined have it.

pub mod chain;
pub mod member;
pub mod message;
pub mod orderer;
pub mod peer;
pub mod policy;
pub mod restart;
pub mod update;

mod boot;
mod call;
mod legacy;
mod lifecycle;
mod seal;
mod validate;
pub(crate) mod wire;

pub use boot::{Door, Started};

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chain_plugin_sdk::{Diagnostics, Failure, Http, Response, error, reference};
use fabric_identity::certificate::Certificate;
use fabric_identity::check;
use fabric_identity::identity::Identity;
use fabric_identity::key::PrivateKey;
use fabric_proto::Message as _;
use fabric_proto::common::Block;
use fabric_service::facts::{NodeIdentity, OrgIdentity};
use fabric_service::{CHAIN, Release, extra, item, kind, port, role};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use self::chain::Chain;
use self::member::Membership;
use self::message::Audit;
use self::orderer::Orderer;
use self::peer::Peer;
use crate::driver::{Call, World};
use crate::network::Network;

/// Milliseconds that a request takes.
const REQUEST: u64 = 5;

/// A network of Fabric.
#[derive(Debug, Clone)]
pub struct Ledger {
    /// What was verified, and what was refused.
    pub audit: Audit,
    /// Orderers by id.
    pub orderers: BTreeMap<String, Orderer>,
    /// Peers by id.
    pub peers: BTreeMap<String, Peer>,
    /// Channels, by the hash of their first block and name.
    pub chains: BTreeMap<String, Chain>,
    /// The release of all nodes.
    pub release: Release,
    /// When nodes were started again, by id.
    restarted: BTreeMap<String, u64>,
    clock_ms: u64,
    /// Nodes whose programs do not run.
    down: BTreeSet<String>,
}

fn broken(what: impl std::fmt::Display) -> Diagnostics {
    vec![error("ledger", "", what.to_string())]
}

fn fact<T: DeserializeOwned>(
    network: &Network,
    subject: &str,
    role: &str,
) -> Result<T, Diagnostics> {
    let text = network
        .facts(subject, role)
        .ok_or_else(|| broken(format!("no facts of {role} about {subject}")))?;
    serde_json::from_str(&text).map_err(broken)
}

impl Ledger {
    /// The nodes of a network, as they are when their pods have just started.
    ///
    /// # Errors
    /// When the network has no keys of a node, or a block that is none.
    pub fn new(network: &Network) -> Result<Self, Diagnostics> {
        let release = Release::of(&network.topology.release).ok_or_else(|| broken("release"))?;
        let mut ledger = Self::empty(release, network.now_ms);
        ledger.start(network)?;
        Ok(ledger)
    }

    /// One without nodes, at a time in milliseconds since 1970.
    pub fn empty(release: Release, now_ms: u64) -> Self {
        Self {
            audit: Audit::default(),
            orderers: BTreeMap::new(),
            peers: BTreeMap::new(),
            chains: BTreeMap::new(),
            release,
            restarted: BTreeMap::new(),
            clock_ms: now_ms,
            down: BTreeSet::new(),
        }
    }

    /// It is at least this late, in milliseconds since 1970: for a world that has a clock of its own.
    pub fn is_now(&mut self, now_ms: u64) {
        self.clock_ms = self.clock_ms.max(now_ms);
    }

    /// Starts the nodes of a network that are not there yet: another party's, or such as were added.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn start(&mut self, network: &Network) -> Result<(), Diagnostics> {
        let all = fabric_service::Network::new(network.topology.clone())?;
        self.clock_ms = self.clock_ms.max(network.now_ms);
        for subject in all.topology.subjects.iter().filter(|it| !it.foreign) {
            let known =
                self.orderers.contains_key(&subject.id) || self.peers.contains_key(&subject.id);
            if known || ![kind::ORDERER, kind::PEER].contains(&subject.kind.as_str()) {
                continue;
            }
            let org = all.org(subject)?;
            let local = local(network, &all, &org.id)?;
            let node: NodeIdentity = fact(network, &subject.id, role::MSP)?;
            let key = network.bytes(&reference(role::MSP, &subject.id, item::KEY))?;
            let key = String::from_utf8(key).map_err(broken)?;
            let key = PrivateKey::parse_pem(&key).map_err(broken)?;
            let identity = Identity::new(&local.msp_id, &node.certificate, key).map_err(broken)?;
            let tls = Certificate::parse_pem(&node.tls_certificate).map_err(broken)?;
            let peer = subject.kind == kind::PEER;
            let genesis = if !peer && self.release.system_channel() {
                Some(network.bytes(&reference(role::STACK, CHAIN, item::GENESIS))?)
            } else {
                None
            };
            let started = Started {
                peer,
                identity,
                tls,
                local,
                genesis,
            };
            self.begin(&subject.id, started)?;
        }
        Ok(())
    }

    /// A node starts; one that was there before finds on its volume what it had.
    ///
    /// # Errors
    /// A block 0 that no orderer of this release takes.
    pub fn begin(&mut self, id: &str, started: Started) -> Result<(), Diagnostics> {
        let Started {
            peer,
            identity,
            tls,
            local,
            genesis,
        } = started;
        self.down.remove(id);
        if peer {
            let before = self.peers.remove(id);
            let (channels, installed, legacy) = before
                .map(|it| (it.channels, it.installed, it.legacy))
                .unwrap_or_default();
            let peer = Peer {
                identity,
                tls,
                local,
                channels,
                installed,
                legacy,
            };
            self.peers.insert(id.to_owned(), peer);
            return Ok(());
        }
        let before = self.orderers.remove(id);
        let (channels, system) = before
            .map(|it| (it.channels, it.system))
            .unwrap_or_default();
        let mut orderer = Orderer {
            identity,
            tls,
            channels,
            system,
        };
        if let Some(block) = genesis.filter(|_| orderer.system.is_none()) {
            orderer::faults(&block, self.release).map_err(broken)?;
            let block = Block::decode(block.as_slice()).map_err(broken)?;
            let chain = Chain::new(block, self.release).map_err(broken)?;
            orderer.system = Some(chain.name.clone());
            let name = chain.name.clone();
            let key = self.adopt(chain);
            orderer.channels.insert(name, key);
        }
        self.orderers.insert(id.to_owned(), orderer);
        Ok(())
    }

    /// The program of a node ends; what it has stays on its volume. Who orders does so without it, if enough are left.
    pub fn stop(&mut self, id: &str) {
        self.down.insert(id.to_owned());
    }

    /// The only channel of a name; none where there are none or several.
    pub fn chain(&self, name: &str) -> Option<&Chain> {
        let mut all = self.chains.values().filter(|it| it.name == name);
        all.next().filter(|_| all.next().is_none())
    }

    /// What is there after all, in a form that two runs can be compared by: who is in which channel, what is installed,
    /// committed and approved, how each channel is configured. How many blocks it took is no part of it.
    pub fn summary(&self) -> Value {
        let text = |bytes: &[u8]| BASE64.encode(bytes);
        // The first block of a channel out of a system channel is another one each time.
        let named = |key: &String| match self.chains.get(key) {
            Some(chain) if self.chain(&chain.name).is_some() => chain.name.clone(),
            _ => key.clone(),
        };
        let joined = |all: &BTreeMap<String, String>| all.values().map(named).collect::<Vec<_>>();
        let chains = self.chains.iter().map(|(key, chain)| {
            let place = |place: &chain::Place| format!("{}/{}", place.0, place.1);
            let state = chain.state.iter();
            let state = state.map(|(at, (value, _))| (place(at), text(value)));
            let about = json!({
                "config": text(&chain.root().encode_to_vec()),
                "sequence": chain.config.sequence,
                "state": state.collect::<BTreeMap<_, _>>(),
            });
            (named(key), about)
        });
        let orderers = self.orderers.iter();
        let orderers = orderers.map(|(id, it)| (id.clone(), joined(&it.channels)));
        let peers = self.peers.iter().map(|(id, it)| {
            let about = json!({
                "channels": joined(&it.channels),
                "installed": it.installed.keys().collect::<Vec<_>>(),
                "legacy": it.legacy.keys().collect::<Vec<_>>(),
            });
            (id.clone(), about)
        });
        json!({
            "channels": chains.collect::<BTreeMap<_, _>>(),
            "orderers": orderers.collect::<BTreeMap<_, _>>(),
            "peers": peers.collect::<BTreeMap<_, _>>(),
        })
    }

    /// Blocks of all channels together: what a run that changes nothing leaves as it is.
    pub fn blocks(&self) -> u64 {
        self.chains.values().map(Chain::height).sum()
    }

    /// Now, in milliseconds since 1970.
    pub fn clock_ms(&self) -> u64 {
        self.clock_ms
    }

    fn now_ms(&self) -> u64 {
        self.clock_ms
    }

    fn refuse(&mut self, by: &str, why: &str) {
        self.audit.refusals.push(format!("{by}: {why}"));
    }

    /// Adds a channel if it is new, and tells which one it is.
    fn adopt(&mut self, chain: Chain) -> String {
        let name = chain.name.clone();
        let key = format!("{name} {}", BASE64.encode(chain.first_hash()));
        if !self.chains.contains_key(&key) {
            *self.audit.created.entry(name).or_default() += 1;
            self.chains.insert(key.clone(), chain);
        }
        key
    }

    /// The handshake: the name in the certificate, and a root that it goes back to.
    fn handshake(http: &Http, tls: &Certificate) -> Result<(), Failure> {
        let said = http
            .tls
            .as_ref()
            .ok_or_else(|| wire::failure("broken", "the server speaks TLS"))?;
        if !tls.covers(&said.server_name) {
            let text = format!("the certificate is not for {}", said.server_name);
            return Err(wire::failure("tls", text));
        }
        let roots = String::from_utf8_lossy(&said.roots);
        let roots = Certificate::parse_pem_all(&roots)
            .map_err(|fault| wire::failure("tls", fault.to_string()))?;
        check::chain(tls, &roots, &[]).map_err(|it| wire::failure("tls", it.to_string()))?;
        Ok(())
    }

    fn answer(&mut self, node: &str, of: &str, http: &Http) -> Result<Response, Failure> {
        if self.down.contains(node) {
            return Err(wire::failure("refused", format!("{node} does not run")));
        }
        if [port::ORDERER_OPS, port::PEER_OPS].contains(&of) {
            return self.operations(node, http);
        }
        if !self.serves(node) {
            return Err(wire::failure("refused", "nobody listens yet"));
        }
        let rpc = match (self.orderers.get(node), self.peers.get(node), of) {
            (Some(_), _, port::ADMIN) => return self.participation(node, http),
            (Some(it), _, port::ORDERER) => Some(&it.tls),
            (_, Some(it), port::PEER) => Some(&it.tls),
            _ => None,
        };
        let Some(tls) = rpc else {
            let text = format!("{node} has no port {of}");
            return Err(wire::failure("refused", text));
        };
        Self::handshake(http, tls)?;
        let (method, message) = match wire::call(http) {
            Ok(call) => call,
            Err(refusal) => return Ok(refusal),
        };
        if of == port::ORDERER {
            self.ordering(node, method, &message)
        } else {
            self.peering(node, method, &message)
        }
    }
}

/// What a node knows of its own organisation.
fn local(
    network: &Network,
    all: &fabric_service::Network,
    org: &str,
) -> Result<Membership, Diagnostics> {
    let said: OrgIdentity = fact(network, org, role::MSP)?;
    let mut admins = said.administrators.clone();
    if !said.node_ous && admins.is_empty() {
        for user in extra::administrators(all, org)? {
            let user: NodeIdentity = fact(network, user, role::MSP)?;
            admins.push(user.certificate);
        }
    }
    let read = |text: &String| Certificate::parse_pem(text).map_err(broken);
    Ok(Membership {
        msp_id: said.msp_id.clone(),
        roots: vec![read(&said.ca_certificate)?],
        between: Vec::new(),
        admins: admins.iter().map(read).collect::<Result<_, _>>()?,
        node_ous: said.node_ous,
    })
}

impl World for Ledger {
    fn http(&mut self, node: &str, port: &str, http: &Http) -> Result<Response, Failure> {
        self.clock_ms = self.clock_ms.saturating_add(REQUEST);
        self.answer(node, port, http)
    }

    fn turn(&mut self, calls: &[Call<'_>]) -> Vec<Result<Response, Failure>> {
        let mut longest = 0;
        let answers = calls
            .iter()
            .map(|call| {
                let answer = self.http(call.node, call.port, call.http);
                if answer.as_ref().is_err_and(|it| it.kind == "timeout") {
                    longest = longest.max(call.timeout_ms);
                }
                answer
            })
            .collect();
        self.pass(longest);
        answers
    }

    fn pass(&mut self, ms: u32) {
        self.clock_ms = self.clock_ms.saturating_add(u64::from(ms));
    }

    fn now_ms(&mut self) -> Option<u64> {
        Some(self.clock_ms)
    }
}
