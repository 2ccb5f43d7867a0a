//! A channel of one organisation of orderers and two of peers, described and made by our crates.

use std::collections::BTreeMap;

use fabric_channel::block::{ConfigBlock, open_config_block};
use fabric_channel::genesis::{Seed, genesis_block};
use fabric_channel::model::{
    self, BftConsenter, BftOptions, Consensus, Orderer, OrganizationRole, RaftConsenter,
    RaftOptions, Release,
};
use fabric_channel::update::{compute_update, sign_update, unsigned, wrap};
use fabric_identity::Identity;
use fabric_loopback::{Loopback, Process, Programs};
use fabric_proto::common::Block;
use fabric_proto::configuration::ConfigGroup;
use fabric_transaction::broadcast::BroadcastError;
use fabric_transaction::config_block;
use fabric_transaction::deliver::Seek;
use fabric_transaction::failure::Verdict;

use super::organization::{Member, Organization, entropy, now};
use super::pod;
use super::wire::{Wire, persist, time};

pub const CHANNEL: &str = "mychannel";

/// Who orders.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ordering {
    Raft,
    Bft,
}

/// Who takes part in a network.
pub struct Plan {
    pub release: String,
    pub ordering: Organization,
    pub orderers: Vec<Member>,
    /// Each with its one peer and its administrator.
    pub orgs: Vec<(Organization, Member, Identity)>,
    pub admin: Identity,
}

/// A running network, at first without channels.
pub struct Network {
    plan: Plan,
    pub wire: Wire,
}

impl Network {
    /// Starts orderers, a peer in each of two organisations, and a chaincode server beside each peer
    /// that serves `package_id` as `basic`.
    pub fn start(programs: &Programs, orderers: usize, package_id: &str) -> Self {
        Self::with(programs, orderers, |network, processes| {
            for (org, ..) in &network.orgs {
                processes.push(pod::chaincode(org, "basic", package_id));
            }
        })
    }

    /// The same without chaincode servers, but with whatever `more` does before anything starts.
    pub fn with(
        programs: &Programs,
        orderers: usize,
        more: impl FnOnce(&Plan, &mut Vec<Process>),
    ) -> Self {
        let release = programs.release().unwrap();
        let ordering = Organization::new("orderer", "OrdererMSP");
        let nodes: Vec<Member> = (0..orderers)
            .map(|number| ordering.node(&format!("orderer{number}"), "orderer"))
            .collect();
        let orgs: Vec<_> = ["org1", "org2"]
            .into_iter()
            .map(|domain| {
                let org = Organization::new(domain, &format!("O{}MSP", &domain[1..]));
                let peer = org.node("peer0", "peer");
                let admin = org.member(&format!("Admin@{domain}"), "admin", &[]);
                let admin = org.signer(&admin);
                (org, peer, admin)
            })
            .collect();
        let admin = ordering.member("Admin@orderer", "admin", &[]);
        let admin = ordering.signer(&admin);

        let plan = Plan {
            release,
            ordering,
            orderers: nodes,
            orgs,
            admin,
        };
        let mut processes: Vec<Process> = plan
            .orderers
            .iter()
            .map(|node| pod::orderer(&plan.ordering, node, &plan.release))
            .collect();
        for (org, peer, _) in &plan.orgs {
            processes.push(pod::peer(org, peer));
        }
        more(&plan, &mut processes);
        resolve(&mut processes);
        let ordering = &plan.ordering;
        let mut roots = BTreeMap::from([(ordering.domain.clone(), ordering.tls_ca.pem())]);
        let orgs = plan.orgs.iter();
        roots.extend(orgs.map(|(org, ..)| (org.domain.clone(), org.tls_ca.pem())));
        let loopback = Loopback::start(programs, processes).unwrap();
        let wire = Wire {
            loopback,
            roots,
            tls: true,
        };
        Self { plan, wire }
    }
}

impl std::ops::Deref for Network {
    type Target = Plan;

    fn deref(&self) -> &Plan {
        &self.plan
    }
}

impl Plan {
    pub fn orderer(&self, number: usize) -> &str {
        &self.orderers[number].name
    }

    pub fn peer(&self, number: usize) -> &str {
        &self.orgs[number].1.name
    }

    pub fn admin_of(&self, number: usize) -> &Identity {
        &self.orgs[number].2
    }

    pub fn peers(&self) -> Vec<&str> {
        self.orgs
            .iter()
            .map(|(_, peer, _)| peer.name.as_str())
            .collect()
    }

    fn consensus(&self, ordering: Ordering, first: usize) -> Consensus {
        let nodes = &self.orderers[..first];
        match ordering {
            Ordering::Raft => Consensus::Etcdraft {
                consenters: nodes.iter().map(raft_consenter).collect(),
                options: RaftOptions::default(),
            },
            Ordering::Bft => Consensus::Bft {
                consenters: (1..)
                    .zip(nodes)
                    .map(|(id, node)| BftConsenter {
                        id,
                        host: node.name.clone(),
                        port: 7050,
                        msp_id: self.ordering.msp_id.clone(),
                        identity: node.identity.pem(),
                        client_tls_cert: node.tls.pem(),
                        server_tls_cert: node.tls.pem(),
                    })
                    .collect(),
                options: Box::new(BftOptions::default()),
            },
        }
    }

    /// The channel's description; the first so many orderers are its consenters.
    pub fn channel(&self, ordering: Ordering, consenters: usize) -> model::Channel {
        let mut first = self
            .ordering
            .in_channel("OrdererOrg", OrganizationRole::Orderer);
        first.endpoints = self.orderers[..consenters]
            .iter()
            .map(|node| format!("{}:7050", node.name))
            .collect();
        let mut organizations = vec![first];
        for (org, peer, _) in &self.orgs {
            let mut one = org.in_channel(&org.domain, OrganizationRole::Application);
            one.anchor_peers = vec![model::AnchorPeer {
                host: peer.name.clone(),
                port: 7051,
            }];
            organizations.push(one);
        }
        let release = if self.release.starts_with("3.") {
            Release::V3_1
        } else {
            Release::V2_5
        };
        let mut orderer = Orderer::new(self.consensus(ordering, consenters));
        orderer.batch_timeout = "250ms".to_owned();
        model::Channel {
            id: CHANNEL.to_owned(),
            release,
            organizations,
            orderer: Some(orderer),
            application: model::Application::default(),
            capabilities: None,
            policies: model::Policies::new(),
            consortium: None,
            consortiums: BTreeMap::new(),
        }
    }
}

impl Network {
    /// The newest configuration, as an orderer has it.
    pub fn config(&self, orderer: &str) -> ConfigBlock {
        // Under maintenance only those who order may read.
        let reader = &self.admin;
        let newest = self.wire.block(orderer, CHANNEL, Seek::Newest, reader);
        let at = config_block::last_config(&newest).unwrap();
        let block = self.wire.block(orderer, CHANNEL, Seek::Number(at), reader);
        open_config_block(block).unwrap()
    }

    /// Changes the configuration with the signature of the orderers' administrator, and gives the new
    /// one, once the orderer has it.
    pub fn change(&self, orderer: &str, edit: impl FnOnce(&mut ConfigGroup)) -> ConfigBlock {
        let config = self.config(orderer);
        let mut group = config.group.clone();
        edit(&mut group);
        let update = compute_update(CHANNEL, &config.group, &group).unwrap();
        let mut change = unsigned(&update);
        sign_update(&mut change, &self.admin, &entropy(24));
        let envelope = wrap(&change, &self.admin, &entropy(24), time()).unwrap();
        persist(
            || self.wire.broadcast(orderer, &envelope),
            BroadcastError::verdict,
        )
        .unwrap();
        let changed = persist(
            || {
                let now = self.config(orderer);
                if now.config.sequence > config.config.sequence {
                    Ok(now)
                } else {
                    Err(Verdict::Again)
                }
            },
            |verdict| *verdict,
        )
        .unwrap();
        assert_eq!(changed.config.sequence, config.config.sequence + 1);
        changed
    }
}

/// Block 0 of a channel.
pub fn block_of(channel: &model::Channel) -> Block {
    let seed = Seed {
        nonce: entropy(24).try_into().unwrap(),
        timestamp: now(),
    };
    genesis_block(channel, &seed).unwrap()
}

/// A consenter of Raft by its certificate of TLS.
pub fn raft_consenter(node: &Member) -> RaftConsenter {
    RaftConsenter {
        host: node.name.clone(),
        port: 7050,
        client_tls_cert: node.tls.pem(),
        server_tls_cert: node.tls.pem(),
    }
}

/// Every node knows all nodes by Service.Namespace, and what runs in its own namespace by the bare
/// name of the Service.
fn resolve(processes: &mut [Process]) {
    let names: Vec<String> = processes.iter().map(|one| one.name.clone()).collect();
    for process in processes {
        let domain = process.name.split_once('.').map(|(_, domain)| domain);
        for name in &names {
            process.hosts.insert(name.clone(), name.clone());
            if let Some((service, of)) = name.split_once('.')
                && domain == Some(of)
            {
                process.hosts.insert(service.to_owned(), name.clone());
            }
        }
    }
}
