//! An orderer: the channels that it joined, what it takes, what it gives.

use std::collections::BTreeMap;

use chain_plugin_sdk::{Failure, Http, Response};
use fabric_channel::block::{decode_config_block, open_config_block};
use fabric_channel::lint::{self, Severity};
use fabric_channel::model::Release as Line;
use fabric_identity::certificate::Certificate;
use fabric_identity::identity::Identity;
use fabric_proto::Message as _;
use fabric_proto::common::{Block, Envelope, HeaderType};
use fabric_proto::configuration::Config;
use fabric_proto::peer::{
    BroadcastResponse, OrdererDeliverResponse, OrdererDeliverResponseKind as Kind, SeekBehavior,
    SeekInfo, SeekPosition, SeekPositionKind,
};
use fabric_service::Release;
use fabric_transaction::grpc::Method;
use fabric_transaction::participation::{CHANNELS, MAX_BODY};
use serde_json::{Value, json};

use super::Ledger;
use super::chain::Chain;
use super::message::{fresh, open};
use super::seal::first_block;
use super::wire::{failure, form_file, messages, plain, refused};
use super::{policy, update};

/// An orderer.
#[derive(Debug, Clone)]
pub struct Orderer {
    /// Its identity.
    pub identity: Identity,
    /// Its TLS certificate.
    pub tls: Certificate,
    /// Its channels: name, and which chain that is.
    pub channels: BTreeMap<String, String>,
    /// The name of its system channel.
    pub system: Option<String>,
}

/// The line of releases as channels know it.
pub fn line(release: Release) -> Line {
    match release {
        Release::V1_4 => Line::V1_4,
        Release::V2_5 => Line::V2_5,
        Release::V3_1 => Line::V3_1,
    }
}

/// What nodes would refuse of a channel, or take and never work with.
pub fn faults(bytes: &[u8], release: Release) -> Result<(), String> {
    let block = decode_config_block(bytes).map_err(|it| it.to_string())?;
    let target = lint::Target::new(line(release));
    told(&lint::lint_block(&block, target))
}

fn told(found: &[lint::Diagnostic]) -> Result<(), String> {
    match found.iter().find(|it| it.severity >= Severity::Broken) {
        Some(fault) => Err(format!("{}: {}", fault.path, fault.message)),
        None => Ok(()),
    }
}

impl Ledger {
    /// The participation interface.
    pub(super) fn participation(&mut self, id: &str, http: &Http) -> Result<Response, Failure> {
        if self.release.system_channel() {
            return Err(failure("refused", "nothing listens there in 1.4"));
        }
        if http.h2 || http.tls.is_some() {
            return Err(failure("broken", "the interface speaks plain HTTP/1.1"));
        }
        let name = http
            .path
            .strip_prefix(CHANNELS)
            .map(|it| it.trim_start_matches('/').to_owned());
        let Some(name) = name else {
            return Ok(plain(404, &json!({"error": "no such path"})));
        };
        Ok(match (http.method.as_str(), name.is_empty()) {
            ("GET", true) => {
                let all = self.orderers.get(id).map(|it| it.channels.keys());
                let all: Vec<Value> = all
                    .into_iter()
                    .flatten()
                    .map(|it| json!({"name": it, "url": format!("{CHANNELS}/{it}")}))
                    .collect();
                plain(200, &json!({"systemChannel": null, "channels": all}))
            }
            ("GET", false) => match self.told(id, &name) {
                Some(told) => plain(200, &told),
                None => plain(404, &json!({"error": "channel does not exist"})),
            },
            ("POST", true) => self.join(id, http),
            ("DELETE", false) => {
                let found = self
                    .orderers
                    .get_mut(id)
                    .and_then(|it| it.channels.remove(&name));
                match found {
                    Some(_) => plain(204, &Value::Null),
                    None => plain(
                        404,
                        &json!({"error": "cannot remove: channel does not exist"}),
                    ),
                }
            }
            _ => plain(
                405,
                &json!({"error": format!("invalid request method: {}", http.method)}),
            ),
        })
    }

    fn told(&self, id: &str, name: &str) -> Option<Value> {
        let orderer = self.orderers.get(id)?;
        let chain = self.chains.get(orderer.channels.get(name)?)?;
        let relation = match &chain.ordering.consenters {
            None => "other",
            Some(_) if chain.ordering.has(&orderer.tls) => "consenter",
            Some(_) => "follower",
        };
        Some(json!({
            "name": name, "url": format!("{CHANNELS}/{name}"),
            "consensusRelation": relation, "status": "active", "height": chain.height(),
        }))
    }

    fn join(&mut self, id: &str, http: &Http) -> Response {
        let bad = |why: String| plain(400, &json!({"error": why}));
        if http.body.len() > MAX_BODY {
            return bad("cannot read form from request body: too large".to_owned());
        }
        let bytes = match form_file(http, "config-block") {
            Ok(bytes) => bytes,
            Err(why) => return bad(why),
        };
        let made = faults(&bytes, self.release).and_then(|()| {
            let block = Block::decode(bytes.as_slice()).map_err(|it| it.to_string())?;
            Chain::new(block, self.release)
        });
        let chain = match made {
            Ok(chain) => chain,
            Err(why) => {
                self.refuse(id, &why);
                return bad(format!("invalid join block: {why}"));
            }
        };
        let name = chain.name.clone();
        let there = self.orderers.get(id);
        if there.is_some_and(|it| it.channels.contains_key(&name)) {
            return plain(
                405,
                &json!({"error": "cannot join: channel already exists"}),
            );
        }
        let key = self.adopt(chain);
        if let Some(orderer) = self.orderers.get_mut(id) {
            orderer.channels.insert(name.clone(), key);
        }
        let told = self.told(id, &name).unwrap_or_default();
        plain(201, &told)
    }

    /// The calls of an orderer's gRPC.
    pub(super) fn ordering(
        &mut self,
        id: &str,
        method: Method,
        message: &[u8],
    ) -> Result<Response, Failure> {
        let envelope = match Envelope::decode(message) {
            Ok(envelope) => envelope,
            Err(fault) => return Ok(refused(13, &fault.to_string())),
        };
        match method {
            Method::Broadcast => {
                let (status, info) = match self.broadcast(id, &envelope) {
                    Ok(()) => (200, String::new()),
                    Err((status, info)) => {
                        if status < 404 {
                            self.refuse(id, &info);
                        }
                        (status, info)
                    }
                };
                Ok(messages(&[BroadcastResponse { status, info }]))
            }
            Method::OrdererDeliver => self.deliver_blocks(id, &envelope),
            other => Ok(refused(12, &format!("unknown service {}", other.path()))),
        }
    }

    /// The consenters of a channel that run and have joined it, by id.
    pub(super) fn consenting(&self, key: &str) -> impl Iterator<Item = &str> {
        let chain = self.chains.get(key);
        self.orderers.iter().filter_map(move |(id, it)| {
            let chain = chain?;
            let joined = it.channels.get(&chain.name).is_some_and(|it| it == key);
            let consents = joined && chain.ordering.has(&it.tls) && !self.down.contains(id);
            consents.then_some(id.as_str())
        })
    }

    /// Whether a channel has a leader, by those of its consenters that are there.
    pub(super) fn led(&self, key: &str) -> bool {
        let chain = self.chains.get(key);
        chain.is_some_and(|it| self.consenting(key).count() >= it.ordering.quorum)
    }

    fn broadcast(&mut self, id: &str, envelope: &Envelope) -> Result<(), (i32, String)> {
        let opened = open(envelope).map_err(|it| (400, it))?;
        let name = opened.channel.channel_id.clone();
        let now = self.now_ms();
        let kind = HeaderType::try_from(opened.channel.r#type);
        let Some(orderer) = self.orderers.get(id) else {
            return Err((500, "no orderer".to_owned()));
        };
        let Some(key) = orderer.channels.get(&name).cloned() else {
            if kind == Ok(HeaderType::ConfigUpdate)
                && let Some(system) = orderer.system.clone()
            {
                return self.create(id, &system, envelope);
            }
            return Err((404, "channel does not exist".to_owned()));
        };
        let identity = orderer.identity.clone();
        let (tls, led) = (orderer.tls.clone(), self.led(&key));
        let Some(chain) = self.chains.get_mut(&key) else {
            return Err((404, "channel does not exist".to_owned()));
        };
        if !chain.ordering.has(&tls) {
            return Err((503, format!("channel {name} is not serviced by me")));
        }
        if !led {
            return Err((503, "no Raft leader".to_owned()));
        }
        chain
            .admit(envelope, "/Channel/Writers", now, &mut self.audit)
            .map_err(|it| (403, it))?;
        match kind {
            Ok(HeaderType::EndorserTransaction) => {
                // Orderers of BFT know a request that they have already.
                let known = chain.ordering.bft && chain.has_envelope(envelope);
                if known {
                    return Ok(());
                }
                chain
                    .order(envelope, &identity, now, &mut self.audit)
                    .map_err(|it| (400, it))
            }
            Ok(HeaderType::ConfigUpdate) => {
                let (wish, update) = update::read(&opened).map_err(|it| (400, it))?;
                let parts = (&wish, &update);
                let applied =
                    update::apply(&chain.config, &chain.members, parts, now, &mut self.audit);
                let config = match applied {
                    Ok(config) => config,
                    // Orderers of BFT know a request that they have already.
                    Err(_) if chain.ordering.bft && chain.was_applied(envelope) => return Ok(()),
                    Err(why) => {
                        let text = format!(
                            "error applying config update to existing channel '{name}': {why}"
                        );
                        return Err((400, text));
                    }
                };
                let target = lint::Target::new(line(self.release));
                let group = config.channel_group.clone().unwrap_or_default();
                told(&lint::lint_config(&name, &group, target)).map_err(|it| (400, it))?;
                update::validates(&name, &group).map_err(|it| (400, it))?;
                chain
                    .configure(config, envelope, &identity, now)
                    .map_err(|it| (400, it))
            }
            _ => Err((
                400,
                format!("unknown message type {}", opened.channel.r#type),
            )),
        }
    }

    /// Makes a channel out of the system channel, on all orderers.
    fn create(&mut self, id: &str, system: &str, envelope: &Envelope) -> Result<(), (i32, String)> {
        let bad = |it: String| (400, it);
        let opened = open(envelope).map_err(bad)?;
        let name = opened.channel.channel_id.clone();
        let now = self.now_ms();
        let Some(orderer) = self.orderers.get(id) else {
            return Err((500, "no orderer".to_owned()));
        };
        let key = orderer.channels.get(system);
        let Some(source) = key.and_then(|it| self.chains.get(it)) else {
            return Err((404, "channel does not exist".to_owned()));
        };
        let (wish, parts) = update::read(&opened).map_err(bad)?;
        let template = update::template(source.root(), &parts).map_err(bad)?;
        let members = source.members.clone();
        let who = super::member::know(&members, &opened.signature.creator, now)
            .map_err(|it| (403, it))?;
        self.audit
            .signed(&who, &envelope.payload, &envelope.signature)
            .map_err(|it| (403, it))?;
        // The system channel's Writers are its orderers; members come in by the policy of creation.
        let config: Config =
            update::apply(&template, &members, (&wish, &parts), now, &mut self.audit)
                .map_err(bad)?;
        let group = config.channel_group.clone().unwrap_or_default();
        if !policy::satisfied(&group, "/Channel/Writers", std::slice::from_ref(&who)) {
            return Err((403, format!("{} may not write", who.certificate.subject())));
        }
        let block = first_block(&name, &config, envelope, &orderer.identity, now);
        open_config_block(block.clone()).map_err(|it| bad(it.to_string()))?;
        let chain = Chain::new(block, self.release).map_err(bad)?;
        let key = self.adopt(chain);
        for orderer in self.orderers.values_mut() {
            if orderer.system.as_deref() == Some(system) {
                orderer.channels.insert(name.clone(), key.clone());
            }
        }
        Ok(())
    }

    fn deliver_blocks(&mut self, id: &str, envelope: &Envelope) -> Result<Response, Failure> {
        let answer = |kind: Kind| OrdererDeliverResponse { r#type: Some(kind) };
        let status = |status: i32| Ok(messages(&[answer(Kind::Status(status))]));
        let Ok(opened) = open(envelope) else {
            self.refuse(id, "deliver: malformed");
            return status(400);
        };
        let now = self.now_ms();
        if let Err(why) = fresh(opened.channel.timestamp.as_ref(), now) {
            self.refuse(id, &why);
            return status(400);
        }
        let Some(orderer) = self.orderers.get(id) else {
            return status(500);
        };
        let Some(key) = orderer.channels.get(&opened.channel.channel_id).cloned() else {
            return status(404);
        };
        let Some(chain) = self.chains.get(&key) else {
            return status(404);
        };
        // Who only follows does not deliver.
        if !chain.ordering.has(&orderer.tls) {
            return status(404);
        }
        let height = chain.height();
        let found = chain.admit(envelope, "/Channel/Readers", now, &mut self.audit);
        if let Err(why) = found {
            self.refuse(id, &why);
            return status(403);
        }
        if !self.led(&key) {
            return status(503);
        }
        match blocks(&opened.data, opened.channel.r#type, height) {
            Ok(numbers) => {
                let mut all: Vec<OrdererDeliverResponse> = numbers
                    .filter_map(|it| self.chains.get(&key)?.blocks.get(usize::try_from(it).ok()?))
                    .map(|it| answer(Kind::Block(it.clone())))
                    .collect();
                all.push(answer(Kind::Status(200)));
                Ok(messages(&all))
            }
            Err(Seeking::Status(code)) => status(code),
            Err(Seeking::Waits) => Err(failure("timeout", "no answer in time")),
        }
    }
}

/// Why blocks are not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seeking {
    /// An answer says so.
    Status(i32),
    /// The stream waits for them.
    Waits,
}

/// The numbers of the blocks that are asked for, of a channel of some height.
pub fn blocks(
    data: &[u8],
    kind: i32,
    height: u64,
) -> Result<std::ops::RangeInclusive<u64>, Seeking> {
    let bad = Seeking::Status(400);
    if kind != HeaderType::DeliverSeekInfo as i32 {
        return Err(bad);
    }
    let info = SeekInfo::decode(data).map_err(|_| bad)?;
    let newest = height.saturating_sub(1);
    let number = |position: Option<&SeekPosition>| match position.and_then(|it| it.r#type.as_ref())
    {
        Some(SeekPositionKind::Newest(_)) => Ok(newest),
        Some(SeekPositionKind::Oldest(_)) => Ok(0),
        Some(SeekPositionKind::Specified(it)) => Ok(it.number),
        Some(SeekPositionKind::NextCommit(_)) => Ok(height),
        None => Err(bad),
    };
    let start = number(info.start.as_ref())?;
    let stop = match info.stop.as_ref().and_then(|it| it.r#type.as_ref()) {
        // The oldest one as the end is the one that is begun with.
        Some(SeekPositionKind::Oldest(_)) => start,
        _ => number(info.stop.as_ref())?,
    };
    if stop < start {
        return Err(bad);
    }
    if stop > newest {
        return Err(if info.behavior == SeekBehavior::FailIfNotReady as i32 {
            Seeking::Status(404)
        } else {
            Seeking::Waits
        });
    }
    Ok(start..=stop)
}
