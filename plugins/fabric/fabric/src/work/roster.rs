//! Who could be put into a channel: organisations and orderers as a channel names them, made of what everybody said.

use std::collections::BTreeMap;

use chain_plugin_sdk::{At, Call, Diagnostics, Host, Request};
use fabric_channel::model::{BftConsenter, Organization, OrganizationRole, RaftConsenter};
use fabric_service::facts::NodeIdentity;
use fabric_service::fault::refuse;
use fabric_service::{Network, extra, kind, port, role};

use crate::blocks::Blocks;
use crate::options::Options;

/// An organisation in each of its parts. Of another party some addresses may be unknown: that is told to whoever asks.
#[derive(Debug)]
struct Card {
    peers: Result<Organization, Diagnostics>,
    orderers: Result<Organization, Diagnostics>,
}

/// An orderer as a consenter, and where it is known.
#[derive(Debug, Clone)]
pub struct Consenter {
    /// Name of its organisation in channels.
    pub organization: String,
    /// `host:port`.
    pub address: String,
    /// As Raft names it.
    pub raft: RaftConsenter,
    /// As BFT names it.
    pub bft: BftConsenter,
}

/// All of them, by id.
#[derive(Debug)]
pub struct Roster {
    orgs: BTreeMap<String, Card>,
    consenters: BTreeMap<String, Result<Consenter, Diagnostics>>,
}

impl Roster {
    /// Reads what everybody said, once.
    pub fn gather(network: &Network, what: &Request, host: &dyn Host) -> Result<Self, Diagnostics> {
        let options = Options::of(&network.around.options)?;
        let call = Call {
            subject: what.subject.clone(),
            role: what.role.clone(),
            instance: what.instance.clone(),
            options: what.options.clone(),
            images: Vec::new(),
            now_ms: 0,
            renew: Vec::new(),
        };
        let at = At { call: &call, host };
        let blocks = Blocks {
            network,
            options: &options,
            at: &at,
        };
        let orgs = network.of_kind(kind::ORG).map(|org| {
            let card = Card {
                peers: blocks.organization(org, OrganizationRole::Application),
                orderers: blocks.organization(org, OrganizationRole::Orderer),
            };
            (org.id.clone(), card)
        });
        let consenters = network.of_kind(kind::ORDERER).map(|orderer| {
            let about = || {
                let org: extra::Org = extra::of(network.parent(orderer)?)?;
                let (host, port) = network.address(orderer, port::ORDERER)?;
                let identity: NodeIdentity = at.fact(&orderer.id, role::MSP)?;
                Ok(Consenter {
                    address: format!("{host}:{port}"),
                    bft: BftConsenter {
                        // As in block 0: ordinals are used once.
                        id: orderer.ordinal.saturating_add(1),
                        host: host.clone(),
                        port,
                        msp_id: org.msp_id.clone(),
                        identity: identity.certificate,
                        client_tls_cert: identity.tls_certificate.clone(),
                        server_tls_cert: identity.tls_certificate.clone(),
                    },
                    organization: org.msp_id,
                    raft: RaftConsenter {
                        host,
                        port,
                        client_tls_cert: identity.tls_certificate.clone(),
                        server_tls_cert: identity.tls_certificate,
                    },
                })
            };
            (orderer.id.clone(), about())
        });
        Ok(Self {
            orgs: orgs.collect(),
            consenters: consenters.collect(),
        })
    }

    fn card(&self, org: &str) -> Result<&Card, Diagnostics> {
        self.orgs
            .get(org)
            .ok_or_else(|| refuse("org", "/org", format!("there is no {org}")))
    }

    /// An organisation as one with peers.
    pub fn member(&self, org: &str) -> Result<&Organization, Diagnostics> {
        self.card(org)?.peers.as_ref().map_err(Clone::clone)
    }

    /// An organisation as one that orders.
    pub fn ordering(&self, org: &str) -> Result<&Organization, Diagnostics> {
        self.card(org)?.orderers.as_ref().map_err(Clone::clone)
    }

    /// An orderer as a consenter.
    pub fn consenter(&self, orderer: &str) -> Result<&Consenter, Diagnostics> {
        match self.consenters.get(orderer) {
            Some(Ok(consenter)) => Ok(consenter),
            Some(Err(fault)) => Err(fault.clone()),
            None => Err(refuse("orderer", "", format!("there is no {orderer}"))),
        }
    }
}
