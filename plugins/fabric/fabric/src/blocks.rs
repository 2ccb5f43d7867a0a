//! First blocks of channels, made of what everybody said about himself.
//!
//! From 2.5 on a channel begins with a block that its orderers and peers are given; in 1.4 orderers begin with the block
//! of a system channel, and a transaction makes a channel out of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chain_plugin_sdk::{
    At, Blob, Configured, Diagnostic, Diagnostics, Item, Provisioned, Subject, error, warning,
};
use fabric_channel::block::{block_header_hash, decode_config_block};
use fabric_channel::genesis::{NONCE_LEN, Seed, genesis_block};
use fabric_channel::lint;
use fabric_channel::model::{
    AnchorPeer, Application, BatchSize, BftConsenter, Channel, Consensus, Msp, NodeOus, Orderer,
    Organization, OrganizationRole, Policies, RaftConsenter, Release as Line,
};
use fabric_channel::tree::{APPLICATION, CHANNEL, channel_group};
use fabric_channel::update::{channel_creation, unsigned, update_file};
use fabric_proto::Message as _;
use fabric_service::facts::{Brokers, NodeIdentity, Ordering, OrgIdentity, optional};
use fabric_service::fault::{at as fault_at, refuse, refuse_with};
use fabric_service::{CHAIN, Network, Release, extra, facts, item, kind, port, role};
use serde::{Deserialize, Serialize};

use crate::descriptor::NONCE;
use crate::hosts;
use crate::options::Options;

/// A file about a channel of 1.4: the transaction that makes it.
pub const CREATION: &str = "channel.tx";

/// What the stack says about a channel, or about the chain where there is a system channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ChannelFacts {
    /// Hash of block 0, base64, as a peer shows it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub genesis_hash: String,
}

/// The nonce of a first block is born.
pub fn provision(at: &At<'_>) -> Provisioned {
    let keep = match at.kept(NONCE) {
        Some(_) => Vec::new(),
        None => vec![Item {
            name: NONCE.to_owned(),
            bytes: at.entropy::<NONCE_LEN>().to_vec(),
            secret: false,
            media: "application/octet-stream".to_owned(),
        }],
    };
    Provisioned {
        keep,
        facts: "{}".to_owned(),
        notes: Vec::new(),
    }
}

/// Reads the network for one channel.
pub struct Blocks<'a> {
    /// The network.
    pub network: &'a Network,
    /// The stack's options.
    pub options: &'a Options,
    /// The call.
    pub at: &'a At<'a>,
}

impl Blocks<'_> {
    /// What is made about the chain: block 0 of the system channel, where there is one.
    pub fn of_chain(&self) -> Result<Configured, Diagnostics> {
        if !self.network.release.system_channel() {
            return Ok(nothing());
        }
        let chain = self.network.chain()?;
        let ordering: Vec<&Subject> = self.orgs(|org| org.ordering)?;
        let mut organizations = Vec::new();
        for org in &ordering {
            organizations.push(self.organization(org, OrganizationRole::Orderer)?);
        }
        let mut members = Vec::new();
        for org in self.orgs(|org| org.application)? {
            members.push(self.organization(org, OrganizationRole::Application)?);
        }
        let channel = Channel {
            id: self.options.system_channel.clone(),
            release: line(self.network.release),
            organizations,
            orderer: Some(self.orderer(&ordering)?),
            application: Application::default(),
            capabilities: None,
            policies: Policies::new(),
            consortium: None,
            consortiums: [(self.options.consortium.clone(), members)].into(),
        };
        self.block(chain, &channel, item::GENESIS)
    }

    /// What is made about a channel: its block 0, or the transaction that makes it.
    pub fn of_channel(&self, subject: &Subject) -> Result<Configured, Diagnostics> {
        let channel = self.channel(subject)?;
        if !self.network.release.system_channel() {
            return self.block(subject, &channel, item::BLOCK);
        }
        let update = channel_creation(&channel).map_err(fault_at("channel", ""))?;
        let file = update_file(&channel.id, &unsigned(&update), None);
        Ok(Configured {
            files: vec![Blob {
                name: CREATION.to_owned(),
                bytes: file.encode_to_vec(),
            }],
            notes: self.of_members(subject, channel)?,
            ..nothing()
        })
    }

    /// What the block of a system channel does not show: the members' part of a channel, as orderers will make it.
    fn of_members(
        &self,
        subject: &Subject,
        mut channel: Channel,
    ) -> Result<Vec<Diagnostic>, Diagnostics> {
        let about: extra::Channel = extra::of(subject)?;
        let ordering = about.ordering.iter().map(|id| self.network.subject(id));
        let ordering = ordering.collect::<Result<Vec<_>, _>>()?;
        channel.orderer = Some(self.orderer(&ordering)?);
        let group = channel_group(&channel).map_err(fault_at("channel", ""))?;
        let target = lint::Target::new(channel.release);
        let mut found = lint::lint_config(&channel.id, &group, target);
        found.retain(|it| it.path.starts_with(&format!("/{CHANNEL}/{APPLICATION}")));
        told(&channel.id, &found)
    }

    /// A channel with everybody in it.
    pub fn channel(&self, subject: &Subject) -> Result<Channel, Diagnostics> {
        let about: extra::Channel = extra::of(subject)?;
        let mut organizations = Vec::new();
        let mut ordering = Vec::new();
        for id in &about.ordering {
            let org = self.network.subject(id)?;
            let role = if about.orgs.contains(id) {
                OrganizationRole::Both
            } else {
                OrganizationRole::Orderer
            };
            organizations.push(self.organization(org, role)?);
            ordering.push(org);
        }
        for id in about.orgs.iter().filter(|id| !about.ordering.contains(id)) {
            let org = self.network.subject(id)?;
            organizations.push(self.organization(org, OrganizationRole::Application)?);
        }
        let system = self.network.release.system_channel();
        Ok(Channel {
            id: subject.name.clone(),
            release: line(self.network.release),
            organizations,
            orderer: if system {
                None
            } else {
                Some(self.orderer(&ordering)?)
            },
            application: Application {
                policies: about.policies,
                ..Application::default()
            },
            capabilities: None,
            policies: Policies::new(),
            consortium: system.then(|| self.options.consortium.clone()),
            consortiums: std::collections::BTreeMap::new(),
        })
    }

    fn orgs(&self, wanted: impl Fn(&extra::Org) -> bool) -> Result<Vec<&Subject>, Diagnostics> {
        let mut found = Vec::new();
        for org in self.network.of_kind(kind::ORG).filter(|it| !it.foreign) {
            if wanted(&extra::of(org)?) {
                found.push(org);
            }
        }
        Ok(found)
    }

    /// An organisation as a channel names it: by its MSP id.
    pub fn organization(
        &self,
        org: &Subject,
        role: OrganizationRole,
    ) -> Result<Organization, Diagnostics> {
        let identity: OrgIdentity = self.at.fact(&org.id, role::MSP)?;
        let mut endpoints = Vec::new();
        if role.has_orderer() {
            for orderer in self.network.children(&org.id, kind::ORDERER) {
                let (host, port) = self.reached(orderer, port::ORDERER)?;
                endpoints.push(format!("{host}:{port}"));
            }
        }
        // Which peers are anchors is said by a transaction where block 0 is made by the orderers.
        let mut anchor_peers = Vec::new();
        if role.has_application() && !self.network.release.system_channel() {
            anchor_peers = self.anchors(org)?;
        }
        Ok(Organization {
            name: identity.msp_id.clone(),
            msp: self.msp(org, &identity)?,
            msp_id: identity.msp_id,
            role,
            endpoints,
            anchor_peers,
            policies: Policies::new(),
        })
    }

    /// The peers by which other organisations know one.
    pub fn anchors(&self, org: &Subject) -> Result<Vec<AnchorPeer>, Diagnostics> {
        let mut anchors = Vec::new();
        for peer in self.network.children(&org.id, kind::PEER) {
            if extra::of::<extra::Node>(peer)?.anchor {
                let (host, port) = self.reached(peer, port::PEER)?;
                anchors.push(AnchorPeer { host, port });
            }
        }
        Ok(anchors)
    }

    /// Where a node is dialled, which its certificate must be for.
    fn reached(&self, node: &Subject, port: &str) -> Result<(String, u16), Diagnostics> {
        let (host, number) = self.network.address(node, port)?;
        let identity: Option<NodeIdentity> = optional(self.at, &node.id, role::MSP)?;
        if let Some(identity) = identity {
            hosts::covered(self.network, node, &host, &identity.tls_certificate)?;
        }
        Ok((host, number))
    }

    fn msp(&self, org: &Subject, identity: &OrgIdentity) -> Result<Msp, Diagnostics> {
        let mut admins = identity.administrators.clone();
        if !identity.node_ous && admins.is_empty() {
            for user in extra::administrators(self.network, &org.id)? {
                let facts: NodeIdentity = self.at.fact(user, role::MSP)?;
                admins.push(facts.certificate);
            }
        }
        Ok(Msp {
            root_certs: vec![identity.ca_certificate.clone()],
            tls_root_certs: vec![identity.tls_ca_certificate.clone()],
            admins,
            node_ous: identity
                .node_ous
                .then(|| NodeOus::usual(Some(&identity.ca_certificate))),
            ..Msp::default()
        })
    }

    fn orderer(&self, ordering: &[&Subject]) -> Result<Orderer, Diagnostics> {
        let said: Ordering = self.at.fact(CHAIN, role::ORDERER)?;
        let mut addresses = Vec::new();
        let mut nodes = Vec::new();
        for org in ordering {
            for node in self.network.children(&org.id, kind::ORDERER) {
                let (host, port) = self.reached(node, port::ORDERER)?;
                addresses.push(format!("{host}:{port}"));
                let identity: NodeIdentity = self.at.fact(&node.id, role::MSP)?;
                nodes.push((*org, node, host, port, identity));
            }
        }
        let settings = serde_json::to_value(&said.settings).unwrap_or_default();
        let consensus = match said.kind.as_str() {
            "etcdraft" => Consensus::Etcdraft {
                consenters: nodes
                    .into_iter()
                    .map(|(_, _, host, port, identity)| RaftConsenter {
                        host,
                        port,
                        client_tls_cert: identity.tls_certificate.clone(),
                        server_tls_cert: identity.tls_certificate,
                    })
                    .collect(),
                options: serde_json::from_value(settings).map_err(fault_at("orderer", ""))?,
            },
            "BFT" => Consensus::Bft {
                consenters: nodes
                    .into_iter()
                    .map(|(org, node, host, port, identity)| {
                        let about: extra::Org = extra::of(org)?;
                        Ok(BftConsenter {
                            id: node.ordinal.saturating_add(1),
                            host,
                            port,
                            msp_id: about.msp_id,
                            identity: identity.certificate,
                            client_tls_cert: identity.tls_certificate.clone(),
                            server_tls_cert: identity.tls_certificate,
                        })
                    })
                    .collect::<Result<_, Diagnostics>>()?,
                options: serde_json::from_value(settings).map_err(fault_at("orderer", ""))?,
            },
            "solo" => Consensus::Solo,
            "kafka" => {
                let brokers: Option<Brokers> = optional(self.at, CHAIN, role::KAFKA)?;
                let brokers = brokers.ok_or_else(|| {
                    let message = "this orderer needs brokers, and no plugin makes them";
                    refuse_with(
                        "kafka",
                        "/services/kafka",
                        message,
                        "`--kafka kafka_zookeeper`",
                    )
                })?;
                Consensus::Kafka {
                    brokers: brokers.brokers,
                }
            }
            other => {
                let message = format!("orderers of type {other} are not known here");
                return Err(refuse("orderer", "/services/orderer", message));
            }
        };
        let mut orderer = Orderer::new(consensus);
        orderer
            .batch_timeout
            .clone_from(&self.options.batch_timeout);
        orderer.batch_size = BatchSize {
            max_message_count: self.options.max_message_count,
            absolute_max_bytes: self.options.absolute_max_bytes,
            preferred_max_bytes: self.options.preferred_max_bytes,
        };
        if self.network.release == Release::V1_4 {
            orderer.addresses = addresses;
        }
        Ok(orderer)
    }

    fn block(
        &self,
        subject: &Subject,
        channel: &Channel,
        name: &str,
    ) -> Result<Configured, Diagnostics> {
        let block =
            genesis_block(channel, &self.seed(subject)?).map_err(fault_at("channel", ""))?;
        let bytes = block.encode_to_vec();
        let notes = self.judged(subject, channel, &bytes)?;
        let hash = block.header.as_ref().map(block_header_hash);
        let facts = ChannelFacts {
            genesis_hash: hash.map(|it| BASE64.encode(it)).unwrap_or_default(),
        };
        Ok(Configured {
            files: vec![Blob {
                name: name.to_owned(),
                bytes,
            }],
            facts: facts::text(&facts),
            fingerprint: Some(facts.genesis_hash),
            notes,
        })
    }

    fn seed(&self, subject: &Subject) -> Result<Seed, Diagnostics> {
        let nonce = self.at.kept(NONCE).unwrap_or_default();
        let nonce = nonce.as_slice().try_into().map_err(|_| {
            let message = format!(
                "the kept {NONCE} of {} has not {NONCE_LEN} bytes",
                subject.id
            );
            refuse("kept", "", message)
        })?;
        Ok(Seed {
            nonce,
            timestamp: born(subject),
        })
    }

    /// What a node would refuse, or take and never work with, is found here.
    fn judged(
        &self,
        subject: &Subject,
        channel: &Channel,
        bytes: &[u8],
    ) -> Result<Vec<Diagnostic>, Diagnostics> {
        let block = decode_config_block(bytes).map_err(fault_at("channel", ""))?;
        let target = lint::Target::new(channel.release).at(born(subject));
        let found = lint::lint_block(&block, target);
        told(&channel.id, &found)
    }
}

/// Findings about a channel in words; an error when it would be refused, or never work.
fn told(channel: &str, found: &[lint::Diagnostic]) -> Result<Vec<Diagnostic>, Diagnostics> {
    let told: Diagnostics = found
        .iter()
        .filter(|it| it.severity > lint::Severity::Note)
        .map(|it| {
            let text = format!("channel {channel}: {}: {}", it.path, it.message);
            let fault = if it.severity >= lint::Severity::Broken {
                error(it.code, "/channels", text)
            } else {
                warning(it.code, "/channels", text)
            };
            fault.hint(it.hint.clone())
        })
        .collect();
    if lint::is_faulty(found) {
        Err(told)
    } else {
        Ok(told)
    }
}

/// When somebody was born, in seconds: the time of his first block, at which it is judged as well.
fn born(subject: &Subject) -> i64 {
    i64::try_from(subject.born_ms / 1000).unwrap_or(i64::MAX)
}

fn nothing() -> Configured {
    Configured {
        files: Vec::new(),
        facts: "{}".to_owned(),
        fingerprint: None,
        notes: Vec::new(),
    }
}

/// The line of releases as channels know it.
pub fn line(release: Release) -> Line {
    match release {
        Release::V1_4 => Line::V1_4,
        Release::V2_5 => Line::V2_5,
        Release::V3_1 => Line::V3_1,
    }
}
