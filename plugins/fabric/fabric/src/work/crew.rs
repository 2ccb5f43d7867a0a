//! Whom an operation works with: organisations with their administrators, peers, orderers; and what makes messages
//! unique.

use std::cell::Cell;
use std::collections::BTreeMap;

use chain_plugin_sdk::doing::Hands;
use chain_plugin_sdk::{Diagnostics, Host, Ref, Request, Subject, reference};
use fabric_identity::identity::Identity;
use fabric_identity::key::PrivateKey;
use fabric_proto::common::Timestamp;
use fabric_service::facts::{NodeIdentity, Ordering, OrgIdentity, Package};
use fabric_service::fault::{at as fault_at, refuse};
use fabric_service::{CHAIN, Network, extra, item, kind, port, role};
use fabric_transaction::proposal::{NONCE, Stamp};
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use super::once::Journal;
use crate::blocks::CREATION;

/// An organisation.
#[derive(Debug)]
pub struct Org {
    /// Its id.
    pub id: String,
    /// Its name in channels.
    pub msp_id: String,
    /// Its administrator, when it is this party's and the key may be read.
    pub admin: Option<Identity>,
    /// Its peers, when it is this party's.
    pub peers: Vec<Node>,
    /// Its orderers, when it is this party's.
    pub orderers: Vec<Node>,
}

impl Org {
    /// Its name in the chain's file.
    pub fn name(&self) -> &str {
        self.id.split_once('/').map_or(&self.id, |(_, name)| name)
    }
}

/// An orderer or a peer.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its id.
    pub id: String,
    /// Its name, for messages.
    pub name: String,
    /// The name in its certificate.
    pub host: String,
    /// Certificate of the TLS authority above it, PEM.
    pub tls_ca: Vec<u8>,
}

/// A channel.
#[derive(Debug, Clone)]
pub struct Channel {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What the stack says about it.
    pub about: extra::Channel,
    /// Its block 0; or, where orderers make that, the transaction that makes the channel.
    pub first: Vec<u8>,
}

/// A chaincode.
#[derive(Debug, Clone)]
pub struct Chaincode {
    /// Its id.
    pub id: String,
    /// What the stack says about it.
    pub about: extra::Chaincode,
    /// Its package in each organisation of this party, by the organisation's id.
    pub packages: Vec<(String, Package)>,
}

impl Chaincode {
    /// Its package in an organisation of this party; none where its code does not run.
    pub fn package_of(&self, org: &Org) -> Option<&Package> {
        let found = self.packages.iter().find(|(id, _)| *id == org.id);
        found.map(|(_, package)| package)
    }
}

/// Everybody, and the hands that do the work.
#[derive(Debug)]
pub struct Crew {
    /// The network.
    pub network: Network,
    /// Organisations.
    pub orgs: Vec<Org>,
    /// Channels.
    pub channels: Vec<Channel>,
    /// Chaincodes.
    pub chaincodes: Vec<Chaincode>,
    /// How the orderers agree.
    pub ordering: Ordering,
    hands: Option<Hands>,
    journals: BTreeMap<String, Journal>,
    seed: Vec<u8>,
    counter: Cell<u64>,
    began_ms: u64,
}

pub(super) fn fact<T: DeserializeOwned>(
    host: &dyn Host,
    subject: &str,
    role: &str,
) -> Result<Option<T>, Diagnostics> {
    let Some((_, text)) = host.facts(subject, role).into_iter().next() else {
        return Ok(None);
    };
    serde_json::from_str(&text).map(Some).map_err(|fault| {
        refuse(
            "facts",
            "",
            format!("facts of {role} about {subject}: {fault}"),
        )
    })
}

pub(super) fn needed<T: DeserializeOwned>(
    host: &dyn Host,
    subject: &str,
    role: &str,
) -> Result<T, Diagnostics> {
    fact(host, subject, role)?.ok_or_else(|| {
        let message = format!("role {role} gave no facts about {subject}");
        refuse("facts", "", message)
    })
}

impl Crew {
    /// Reads everything that an operation may need, once: while it is at work it asks the host for nothing but steps. Keys
    /// are asked for only by one that `signs`.
    pub fn gather(
        network: Network,
        what: &Request,
        host: &dyn Host,
        signs: bool,
    ) -> Result<Self, Diagnostics> {
        let mut orgs = Vec::new();
        for org in network.of_kind(kind::ORG) {
            orgs.push(organisation(&network, org, host, signs)?);
        }
        let mut channels = Vec::new();
        for channel in network.of_kind(kind::CHANNEL).filter(|it| !it.foreign) {
            let name = if network.release.system_channel() {
                CREATION
            } else {
                item::BLOCK
            };
            let from: Ref = reference(role::STACK, &channel.id, name);
            let first = host
                .kept(&from)
                .ok_or_else(|| refuse("channel", "", format!("{} has no {name}", channel.id)))?;
            channels.push(Channel {
                id: channel.id.clone(),
                name: channel.name.clone(),
                about: extra::of(channel)?,
                first,
            });
        }
        let mut chaincodes = Vec::new();
        for chaincode in network.of_kind(kind::CHAINCODE).filter(|it| !it.foreign) {
            let mut packages = Vec::new();
            for server in network.of_kind(kind::SERVER).filter(|it| !it.foreign) {
                let about: extra::Server = extra::of(server)?;
                if about.chaincode == chaincode.id
                    && let Some(org) = &server.parent
                {
                    packages.push((org.clone(), needed(host, &server.id, role::CHAINCODE)?));
                }
            }
            if packages.is_empty()
                && let Some(package) = fact::<Package>(host, &chaincode.id, role::CHAINCODE)?
            {
                let own = orgs.iter().filter(|org| !org.peers.is_empty());
                packages.extend(own.map(|org| (org.id.clone(), package.clone())));
            }
            chaincodes.push(Chaincode {
                id: chaincode.id.clone(),
                about: extra::of(chaincode)?,
                packages,
            });
        }
        let journals = chaincodes
            .iter()
            .map(|it| (it.id.clone(), Journal::of(host, &it.id)))
            .collect();
        Ok(Self {
            ordering: needed(host, CHAIN, role::ORDERER)?,
            network,
            orgs,
            channels,
            chaincodes,
            hands: None,
            journals,
            seed: what.seed.clone(),
            counter: Cell::new(0),
            began_ms: what.now_ms,
        })
    }

    /// Gives the crew its hands.
    pub fn with(self, hands: Hands) -> Self {
        Self {
            hands: Some(hands),
            ..self
        }
    }

    /// Its hands.
    pub fn hands(&self) -> Result<&Hands, Diagnostics> {
        self.hands
            .as_ref()
            .ok_or_else(|| refuse("operation", "", "the operation has not begun"))
    }

    /// What was remembered of calls of a chaincode when the operation began.
    pub fn journal(&self, chaincode: &str) -> Journal {
        self.journals.get(chaincode).cloned().unwrap_or_default()
    }

    /// Now, in milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        self.hands.as_ref().map_or(self.began_ms, Hands::now_ms)
    }

    /// What makes a message unique, and when it is.
    pub fn stamp(&self) -> Stamp {
        let now = self.now_ms();
        let hash = self.fresh();
        let mut nonce = [0; NONCE];
        for (to, from) in nonce.iter_mut().zip(hash) {
            *to = from;
        }
        Stamp {
            nonce,
            time: Timestamp {
                seconds: i64::try_from(now / 1000).unwrap_or(i64::MAX),
                nanos: i32::try_from(now % 1000).unwrap_or(0) * 1_000_000,
            },
            tls_cert_hash: None,
        }
    }

    /// Bytes that were never used before.
    pub fn fresh(&self) -> [u8; 32] {
        let number = self.counter.get();
        self.counter.set(number + 1);
        Sha256::new()
            .chain_update(&self.seed)
            .chain_update(number.to_be_bytes())
            .finalize()
            .into()
    }

    /// Takes an orderer away, which is asked nothing any more.
    pub fn without(&mut self, orderer: &str) -> Option<Node> {
        self.orgs.iter_mut().find_map(|org| {
            let place = org.orderers.iter().position(|it| it.id == orderer)?;
            Some(org.orderers.remove(place))
        })
    }

    /// A channel by its id.
    pub fn channel(&self, id: &str) -> Result<&Channel, Diagnostics> {
        self.channels
            .iter()
            .find(|channel| channel.id == id)
            .ok_or_else(|| refuse("channel", "", format!("there is no {id}")))
    }

    /// A chaincode by its id.
    pub fn chaincode(&self, id: &str) -> Result<&Chaincode, Diagnostics> {
        self.chaincodes
            .iter()
            .find(|chaincode| chaincode.id == id)
            .ok_or_else(|| refuse("chaincode", "", format!("there is no {id}")))
    }

    /// The organisations of a channel with peers that this party can act for, each with its administrator.
    pub fn members<'a>(
        &'a self,
        channel: &'a Channel,
    ) -> impl Iterator<Item = (&'a Org, &'a Identity)> {
        self.orgs
            .iter()
            .filter(|org| channel.about.orgs.contains(&org.id) && !org.peers.is_empty())
            .filter_map(|org| Some((org, org.admin.as_ref()?)))
    }

    /// The orderers of a channel that are this party's, each with its organisation.
    pub fn orderers<'a>(
        &'a self,
        channel: &'a Channel,
    ) -> impl Iterator<Item = (&'a Org, &'a Node)> {
        self.orgs
            .iter()
            .filter(|org| channel.about.ordering.contains(&org.id))
            .flat_map(|org| org.orderers.iter().map(move |node| (org, node)))
    }

    /// Somebody of the channel who may read and write: a member's administrator before one of those who order.
    pub fn signer<'a>(&'a self, channel: &'a Channel) -> Result<&'a Identity, Diagnostics> {
        let ordering = self
            .orgs
            .iter()
            .filter(|org| channel.about.ordering.contains(&org.id))
            .filter_map(|org| org.admin.as_ref());
        self.members(channel)
            .map(|(_, admin)| admin)
            .chain(ordering)
            .next()
            .ok_or_else(|| {
                let message = format!(
                    "no administrator of channel {} is this party's",
                    channel.name
                );
                refuse("channel", "", message)
            })
    }
}

fn organisation(
    network: &Network,
    org: &Subject,
    host: &dyn Host,
    signs: bool,
) -> Result<Org, Diagnostics> {
    let identity: OrgIdentity = needed(host, &org.id, role::MSP)?;
    let tls_ca = identity.tls_ca_certificate.clone().into_bytes();
    let mut admin = None;
    if signs && !org.foreign {
        for user in extra::administrators(network, &org.id)? {
            let Some(key) = host.kept(&reference(role::MSP, user, item::KEY)) else {
                continue;
            };
            let facts: NodeIdentity = needed(host, user, role::MSP)?;
            let key = String::from_utf8(key)
                .map_err(|_| refuse("key", "", format!("the key of {user} is no text")))?;
            let key = PrivateKey::parse_pem(&key).map_err(fault_at("key", ""))?;
            let signer = Identity::new(&identity.msp_id, &facts.certificate, key);
            admin = Some(signer.map_err(fault_at("key", ""))?);
            break;
        }
    }
    let nodes = |of_kind: &str, port: &str| -> Result<Vec<Node>, Diagnostics> {
        let own = network.children(&org.id, of_kind).filter(|it| !it.foreign);
        own.map(|node| {
            Ok(Node {
                id: node.id.clone(),
                name: node.name.clone(),
                host: network.address(node, port)?.0,
                tls_ca: tls_ca.clone(),
            })
        })
        .collect()
    };
    Ok(Org {
        peers: nodes(kind::PEER, port::PEER)?,
        orderers: nodes(kind::ORDERER, port::ORDERER)?,
        id: org.id.clone(),
        msp_id: identity.msp_id,
        admin,
    })
}
