//! Who agrees on the order of transactions, and whether they can.

use std::collections::{BTreeMap, BTreeSet};

use fabric_identity::Certificate;
use fabric_identity::check::{self, ChainError};
use fabric_identity::validity::ValidityState;
use fabric_proto::Message;
use fabric_proto::configuration::{
    ConfigGroup, ConsensusState, ConsensusType, KafkaBrokers, etcdraft,
};
use fabric_proto::msp::{FabricMspConfig, MspConfig};

use super::capability::LEVEL_NO_GLOBAL;
use super::certificate::{Authorities, first, readable};
use super::organization::{is_host, split_address};
use super::{Linter, Severity, path_of};
use crate::duration;
use crate::model::Release;
use crate::tree::{CONSORTIUMS, ORDERER};

/// What both kinds of consenters have.
pub(super) struct Member {
    /// Name that others dial.
    pub host: String,
    /// Port that they dial.
    pub port: u32,
    /// TLS certificates that it dials and serves with.
    pub certificates: [Vec<u8>; 2],
}

impl Linter<'_> {
    pub(super) fn consensus(&mut self) {
        if self.target.release >= Release::V3_1 && self.consortiums().is_some() {
            self.add(
                Severity::Refused,
                "system-channel-removed",
                path_of(CONSORTIUMS),
                "makes this a system channel, which 3.x does not have",
                "make application channels and join orderers to them one by one",
            );
        }
        let Some(group) = self.orderer() else { return };
        let path = path_of(ORDERER);
        let Some(consensus) = self.value::<ConsensusType>(group, &path, "ConsensusType") else {
            return;
        };
        let place = format!("{path}/ConsensusType");
        match consensus.r#type.as_str() {
            "solo" | "kafka" => self.old_consensus(&consensus.r#type, &place, group),
            "etcdraft" => self.raft(&consensus.metadata, &place),
            "BFT" => self.bft(&consensus.metadata, &place, group),
            other => self.add(
                Severity::Refused,
                "consensus-type",
                place.clone(),
                format!("is `{other}`, which no node knows"),
                "take etcdraft, or BFT with 3.x",
            ),
        }
        if consensus.state != ConsensusState::Normal as i32 {
            self.add(
                Severity::Warning,
                "maintenance",
                place,
                "is under maintenance: transactions are refused until that ends",
                "set the state to normal when the migration is done",
            );
        }
    }

    fn old_consensus(&mut self, name: &str, path: &str, group: &ConfigGroup) {
        let release = self.target.release;
        if release >= Release::V3_1 || self.root_level() >= LEVEL_NO_GLOBAL {
            self.add(
                Severity::Refused,
                "consensus-removed",
                path,
                format!("is `{name}`, which 3.x (and capability V3_0) does not have"),
                "take etcdraft or BFT",
            );
        } else if release > Release::V1_4 {
            let through_system =
                self.consortiums().is_some() || self.root.values.contains_key("Consortium");
            if through_system {
                self.add(
                    Severity::Warning,
                    "consensus-deprecated",
                    path,
                    format!("is `{name}`: deprecated since 2.0, and removed in 3.0"),
                    "move to etcdraft",
                );
            } else {
                self.add(
                    Severity::Refused,
                    "consensus-participation",
                    path,
                    format!("is `{name}`: an orderer without a system channel refuses to join"),
                    "take etcdraft, or start the orderer with a system channel",
                );
            }
        }
        if name != "kafka" {
            return;
        }
        let brokers: KafkaBrokers = self
            .value(group, &path_of(ORDERER), "KafkaBrokers")
            .unwrap_or_default();
        let valid = !brokers.brokers.is_empty()
            && brokers
                .brokers
                .iter()
                .all(|one| split_address(one).is_some());
        if !valid {
            self.add(
                Severity::Refused,
                "kafka-brokers",
                format!("{}/KafkaBrokers", path_of(ORDERER)),
                "names no broker, or one that is not `host:port`: orderers refuse it",
                "list the brokers as `host:port`",
            );
        }
    }

    fn raft(&mut self, metadata: &[u8], path: &str) {
        let metadata = match etcdraft::ConfigMetadata::decode(metadata) {
            Ok(metadata) => metadata,
            Err(error) => return self.undecodable(path, &error),
        };
        let options = metadata.options.unwrap_or_default();
        let ticks = [
            options.election_tick,
            options.heartbeat_tick,
            options.max_inflight_blocks,
        ];
        let fault = if ticks.contains(&0) {
            Some("has a zero among election_tick, heartbeat_tick and max_inflight_blocks")
        } else if options.election_tick <= options.heartbeat_tick {
            Some("has an election_tick that is not above heartbeat_tick")
        } else if duration::parse(&options.tick_interval).is_none_or(|length| length == 0) {
            Some("has a tick_interval that is not a positive length of time")
        } else {
            None
        };
        if let Some(fault) = fault {
            self.add(
                Severity::Refused,
                "raft-options",
                path,
                format!("{fault}: orderers refuse it"),
                "take 500ms, 10, 1 and 5, which Fabric's sample has",
            );
        }
        let members: Vec<Member> = metadata
            .consenters
            .into_iter()
            .map(|one| Member {
                host: one.host,
                port: one.port,
                certificates: [one.client_tls_cert, one.server_tls_cert],
            })
            .collect();
        match members.len() {
            0 => {}
            1 => self.add(
                Severity::Warning,
                "raft-single",
                path,
                "has one consenter: when it is down, the channel stands still, and when its disk is \
                 lost, so is the channel's future",
                "take three or five consenters",
            ),
            count if count % 2 == 0 => self.add(
                Severity::Warning,
                "raft-even",
                path,
                format!(
                    "has {count} consenters: they tolerate the loss of {}, as one fewer would",
                    (count - 1) / 2
                ),
                "take an odd number of consenters",
            ),
            _ => {}
        }
        self.members(path, &members);
    }

    pub(super) fn undecodable(&mut self, path: &str, error: &fabric_proto::prost::DecodeError) {
        self.add(
            Severity::Refused,
            "value-undecodable",
            path,
            format!("has metadata that do not decode ({error}): orderers refuse it"),
            "make the value again",
        );
    }

    /// What holds for consenters of both kinds.
    pub(super) fn members(&mut self, path: &str, members: &[Member]) {
        if members.is_empty() {
            self.add(
                Severity::Refused,
                "consenters-empty",
                path,
                "has no consenter: orderers refuse it",
                "add at least one consenter",
            );
            return;
        }
        let (authorities, without) = self.tls_authorities();
        let all_without = authorities.roots.is_empty();
        for organization in &without {
            let (severity, what) = if all_without {
                (
                    Severity::Refused,
                    "orderers refuse the consenters' certificates",
                )
            } else {
                (Severity::Warning, "its orderers cannot be consenters")
            };
            self.add(
                severity,
                "tls-roots-missing",
                format!("{}/{organization}/MSP", path_of(ORDERER)),
                format!("has no TLS root certificate: {what}"),
                "add the certificate of the organisation's TLS authority",
            );
        }
        let mut addresses = BTreeSet::new();
        let mut owners: BTreeMap<&[u8], String> = BTreeMap::new();
        let mut keys: BTreeMap<Vec<u8>, (String, Certificate)> = BTreeMap::new();
        for member in members {
            let name = format!("{}:{}", member.host, member.port);
            if !is_host(&member.host) || !(1..=65_535).contains(&member.port) {
                self.add(
                    Severity::Broken,
                    "consenter-address",
                    path,
                    format!(
                        "has a consenter at `{name}`, expected host and port: nobody reaches it"
                    ),
                    "set host and port that the other consenters dial",
                );
            }
            if !addresses.insert(name.clone()) {
                self.add(
                    Severity::Warning,
                    "consenter-duplicate",
                    path,
                    format!("has two consenters at `{name}`: one of them is never reached"),
                    "give each consenter its own address",
                );
            }
            let mut own: Vec<&[u8]> = member.certificates.iter().map(Vec::as_slice).collect();
            own.dedup();
            for certificate in own {
                let read = self.certificate(path, &name, certificate, &authorities);
                if let Some(read) = read {
                    self.key_of(path, &name, read, &mut keys);
                }
                // Empty ones are found by their format.
                let before = owners.insert(certificate, name.clone());
                if let Some(before) = before.filter(|_| !certificate.is_empty()) {
                    self.add(
                        Severity::Refused,
                        "consenter-certificate-shared",
                        path,
                        format!("has one TLS certificate for `{before}` and `{name}`: orderers refuse that"),
                        "give each consenter its own certificate",
                    );
                }
            }
            self.serves(path, &name, member);
        }
    }

    /// Checks a TLS certificate of a consenter as orderers do. They do not look at its time; those who
    /// dial it do.
    fn certificate(
        &mut self,
        path: &str,
        name: &str,
        pem: &[u8],
        authorities: &Authorities,
    ) -> Option<Certificate> {
        let what = format!("a TLS certificate of consenter `{name}`");
        let read = self.read_one(path, &what, pem)?;
        if authorities.roots.is_empty() {
            return Some(read);
        }
        let fault = match authorities.fault_of(&read) {
            Some(ChainError::Unknown { .. }) => {
                Some("chains to no TLS root of an orderer organisation".to_owned())
            }
            Some(error) => Some(format!(
                "chains to no TLS root of an orderer organisation ({error})"
            )),
            None => check::chain(&read, &authorities.roots, &authorities.between)
                .is_ok_and(|chain| !check::is_client_and_server(&chain))
                .then(|| "is not for clients and servers".to_owned()),
        };
        if let Some(fault) = fault {
            self.add(
                Severity::Refused,
                "consenter-untrusted",
                path,
                format!("has {what} that {fault}: orderers refuse it"),
                "issue it by the TLS authority of the orderer organisation, for both uses",
            );
        }
        if self
            .target
            .now
            .is_some_and(|now| read.validity().at(now) == ValidityState::Expired)
        {
            self.add(
                Severity::Broken,
                "consenter-expired",
                path,
                format!("has {what} that has expired: the others refuse its connections"),
                "renew it over the same key (`kubectl chain run cert-renew`)",
            );
        }
        Some(read)
    }

    /// An orderer knows itself among the consenters by its key, so each needs one of its own.
    fn key_of(
        &mut self,
        path: &str,
        name: &str,
        read: Certificate,
        keys: &mut BTreeMap<Vec<u8>, (String, Certificate)>,
    ) {
        let key = read.subject_public_key_info().to_vec();
        let Some((before, other)) = keys.insert(key, (name.to_owned(), read.clone())) else {
            return;
        };
        if before != name && other != read {
            self.add(
                Severity::Broken,
                "consenter-key-shared",
                path,
                format!("has one TLS key for `{before}` and `{name}`: either orderer takes itself for both"),
                "give each consenter its own key",
            );
        }
    }

    /// Whether the others take what a consenter serves with for the host that they dial.
    fn serves(&mut self, path: &str, name: &str, member: &Member) {
        let [_, server] = &member.certificates;
        let Some(certificate) = first(server) else {
            return;
        };
        if is_host(&member.host) && !certificate.covers(&member.host) {
            self.add(
                Severity::Broken,
                "consenter-host",
                path,
                format!(
                    "has consenter `{name}`, whose TLS certificate is not for `{}`: the others refuse the connection",
                    member.host
                ),
                "make the certificate with this host among its names, or name the host that it has",
            );
        }
        self.servers.push(certificate);
    }

    /// TLS authorities of the orderer organisations, and who has none.
    fn tls_authorities(&self) -> (Authorities, Vec<String>) {
        let mut all = Authorities::default();
        let mut without = Vec::new();
        // What cannot be read is found with the organisation.
        for (name, group) in self.orderer().into_iter().flat_map(|group| &group.groups) {
            let Some(msp) = provider(group) else { continue };
            if msp.tls_root_certs.is_empty() {
                without.push(name.clone());
            }
            all.roots.extend(readable(&msp.tls_root_certs));
            all.between.extend(readable(&msp.tls_intermediate_certs));
        }
        (all, without)
    }
}

/// The membership provider of an organisation's group; faults are found elsewhere.
pub(super) fn provider(group: &ConfigGroup) -> Option<FabricMspConfig> {
    let value = group.values.get("MSP")?;
    let config = MspConfig::decode(value.value.as_slice()).ok()?;
    FabricMspConfig::decode(config.config.as_slice()).ok()
}
