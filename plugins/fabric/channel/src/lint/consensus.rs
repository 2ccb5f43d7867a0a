//! Who agrees on the order of transactions, and whether they can.

use std::collections::{BTreeMap, BTreeSet};

use fabric_proto::Message;
use fabric_proto::configuration::{
    ConfigGroup, ConsensusState, ConsensusType, KafkaBrokers, etcdraft,
};
use fabric_proto::msp::{FabricMspConfig, MspConfig};

use super::capability::LEVEL_NO_GLOBAL;
use super::organization::split_address;
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

/// TLS roots and intermediates of the orderer organisations, and who has none.
#[derive(Default)]
struct Authorities {
    roots: Vec<String>,
    intermediates: Vec<String>,
    without: Vec<String>,
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
        let authorities = self.authorities();
        let all_without = authorities.roots.is_empty();
        for organization in &authorities.without {
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
        for member in members {
            let name = format!("{}:{}", member.host, member.port);
            if member.host.is_empty() || !(1..=65_535).contains(&member.port) {
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
                self.certificate(path, &name, certificate, &authorities);
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
        }
    }

    fn certificate(&mut self, path: &str, name: &str, pem: &[u8], authorities: &Authorities) {
        let text = String::from_utf8_lossy(pem);
        if !text.contains("-----BEGIN CERTIFICATE-----") {
            self.add(
                Severity::Refused,
                "certificate-format",
                path,
                format!("has a TLS certificate of consenter `{name}` that is not PEM"),
                "put the whole PEM file in",
            );
            return;
        }
        let Some(trusted) = self.target.trusted else {
            return;
        };
        if !authorities.roots.is_empty()
            && !trusted(&text, &authorities.roots, &authorities.intermediates)
        {
            self.add(
                Severity::Refused,
                "consenter-untrusted",
                path,
                format!(
                    "has a TLS certificate of consenter `{name}` that chains to no TLS root of an \
                     orderer organisation, or is not for clients and servers: orderers refuse it"
                ),
                "issue it by the TLS authority of the orderer organisation, for both uses",
            );
        }
    }

    fn authorities(&self) -> Authorities {
        let mut all = Authorities::default();
        let texts = |all: Vec<Vec<u8>>| -> Vec<String> {
            all.iter()
                .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
                .collect()
        };
        for (name, group) in self.orderer().into_iter().flat_map(|group| &group.groups) {
            let Some(msp) = provider(group) else { continue };
            if msp.tls_root_certs.is_empty() {
                all.without.push(name.clone());
            }
            all.roots.extend(texts(msp.tls_root_certs));
            all.intermediates.extend(texts(msp.tls_intermediate_certs));
        }
        all
    }
}

/// The membership provider of an organisation's group; faults are found elsewhere.
pub(super) fn provider(group: &ConfigGroup) -> Option<FabricMspConfig> {
    let value = group.values.get("MSP")?;
    let config = MspConfig::decode(value.value.as_slice()).ok()?;
    FabricMspConfig::decode(config.config.as_slice()).ok()
}
