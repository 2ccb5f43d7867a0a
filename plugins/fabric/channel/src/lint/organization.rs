//! Organisations: who they are, and where their orderers are found.

use std::collections::BTreeMap;

use fabric_proto::Message;
use fabric_proto::configuration::{AnchorPeers, ConfigGroup, OrdererAddresses};
use fabric_proto::msp::{FabricMspConfig, MSP_TYPE_FABRIC, MSP_TYPE_IDEMIX, MspConfig};

use super::capability::{LEVEL_ENDPOINTS, LEVEL_NO_GLOBAL, LEVEL_NODE_OUS};
use super::{Linter, Severity, path_of};
use crate::tree::{APPLICATION, CHANNEL, CONSORTIUMS, ORDERER};

/// Splits `host:port`; none if it is not that.
pub(super) fn split_address(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let port: u16 = port.parse().ok()?;
    (is_host(host) && port > 0).then_some((host, port))
}

/// Whether a name or address can be dialled at all: no name server knows a name of more than 253
/// letters, or with a part of none or of more than 63.
pub(super) fn is_host(host: &str) -> bool {
    let plain = !host.contains(['/', ' ', '\t']);
    let name = host.strip_suffix('.').unwrap_or(host);
    plain && name.len() <= 253 && name.split('.').all(|part| (1..=63).contains(&part.len()))
}

impl<'a> Linter<'a> {
    /// All organisations with their paths: orderers first, then peers, then consortiums.
    fn all_organizations(&self) -> Vec<(String, &'a ConfigGroup)> {
        let mut all = Vec::new();
        for parent in [ORDERER, APPLICATION] {
            if let Some(group) = self.root.groups.get(parent) {
                for (name, below) in &group.groups {
                    all.push((format!("{}/{name}", path_of(parent)), below));
                }
            }
        }
        if let Some(group) = self.consortiums() {
            for (consortium, group) in &group.groups {
                for (name, below) in &group.groups {
                    let path = format!("{}/{consortium}/{name}", path_of(CONSORTIUMS));
                    all.push((path, below));
                }
            }
        }
        all
    }

    pub(super) fn organizations(&mut self) {
        if self.orderer().is_some_and(|group| group.groups.is_empty()) {
            self.add(
                Severity::Refused,
                "orderer-organization",
                path_of(ORDERER),
                "has no organisation: no orderer could be one",
                "add an organisation that runs orderers",
            );
        }
        if self.application().is_none() && self.consortiums().is_none() {
            self.add(
                Severity::Refused,
                "application-missing",
                path_of(APPLICATION),
                "is missing: orderers refuse a channel that is for nobody",
                "add the group of the organisations that run peers",
            );
        }
        if self
            .application()
            .is_some_and(|group| group.groups.is_empty())
        {
            self.add(
                Severity::Broken,
                "application-organization",
                path_of(APPLICATION),
                "has no organisation: no peer could join",
                "add an organisation that runs peers",
            );
        }
        let mut by_id: BTreeMap<String, (String, Vec<u8>)> = BTreeMap::new();
        for (path, group) in self.all_organizations() {
            let Some((config, encoded)) = self.provider(&path, group) else {
                continue;
            };
            self.membership(&path, &config);
            self.anchors(&path, group);
            if let Some((other, known)) = by_id.get(&config.name) {
                self.same_provider(&path, &config.name, other.clone(), *known == encoded);
            } else {
                by_id.insert(config.name.clone(), (path, encoded));
            }
        }
    }

    /// The membership provider of an organisation, and its bytes in an order of our own.
    fn provider(&mut self, path: &str, group: &ConfigGroup) -> Option<(FabricMspConfig, Vec<u8>)> {
        let place = format!("{path}/MSP");
        if !group.values.contains_key("MSP") {
            self.add(
                Severity::Refused,
                "msp-missing",
                place,
                "is missing: nodes refuse the channel",
                "add the organisation's membership provider",
            );
            return None;
        }
        let value: MspConfig = self.value(group, path, "MSP")?;
        if value.r#type != MSP_TYPE_FABRIC {
            if value.r#type != MSP_TYPE_IDEMIX {
                self.add(
                    Severity::Refused,
                    "msp-type",
                    place,
                    format!("has type {}, which no node knows", value.r#type),
                    "take 0 (certificates)",
                );
            }
            return None;
        }
        match FabricMspConfig::decode(value.config.as_slice()) {
            Ok(config) => {
                let encoded = config.encode_to_vec();
                Some((config, encoded))
            }
            Err(error) => {
                self.add(
                    Severity::Refused,
                    "value-undecodable",
                    place,
                    format!("does not decode ({error}): nodes refuse the channel"),
                    "make the value again",
                );
                None
            }
        }
    }

    /// Judges two organisations with one MSP ID.
    fn same_provider(&mut self, path: &str, id: &str, other: String, equal: bool) {
        let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        if !equal {
            self.add(
                Severity::Refused,
                "msp-id-duplicate",
                format!("{path}/MSP"),
                format!("has MSP ID `{id}` as {other} has, but another content: nodes refuse that"),
                "give each organisation its own MSP ID, and the same certificates in all groups",
            );
        } else if name(path) != name(&other) {
            self.add(
                Severity::Warning,
                "msp-id-duplicate",
                format!("{path}/MSP"),
                format!("has MSP ID `{id}` as {other} has: one organisation counts twice"),
                "give each organisation its own MSP ID",
            );
        }
    }

    fn membership(&mut self, path: &str, config: &FabricMspConfig) {
        let path = format!("{path}/MSP");
        let known = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        if config.name.is_empty() || !config.name.chars().all(known) {
            let (severity, what) = if config.name.is_empty() {
                (Severity::Refused, "is empty: nodes refuse it")
            } else {
                (Severity::Warning, "cannot be written in a policy")
            };
            self.add(
                severity,
                "msp-id",
                path.clone(),
                format!("MSP ID `{}` {what}", config.name),
                "use letters, digits, `.` and `-`",
            );
        }
        if config.root_certs.is_empty() {
            self.add(
                Severity::Refused,
                "msp-no-root",
                path.clone(),
                "has no root certificate: nodes refuse it",
                "add the certificate of the organisation's authority",
            );
        }
        self.certificates(&path, config);
        if config.signing_identity.is_some() {
            self.add(
                Severity::Warning,
                "msp-signing-identity",
                path.clone(),
                "has a signing identity: a node's own provider, not one for a channel",
                "leave the signing identity out; if a key was in it, replace the key",
            );
        }
        if config.crypto_config.is_none() {
            self.add(
                Severity::Note,
                "crypto-config",
                path.clone(),
                "has no hash functions; nodes take SHA-256",
                "nothing to do",
            );
        }
        self.administrators(path, config);
    }

    fn administrators(&mut self, path: String, config: &FabricMspConfig) {
        if !config.admins.is_empty() {
            return;
        }
        let unit = config
            .fabric_node_ous
            .as_ref()
            .filter(|units| units.enable)
            .and_then(|units| units.admin_ou_identifier.as_ref());
        let low = self.root_level() < LEVEL_NODE_OUS;
        match unit {
            None => self.add(
                Severity::Refused,
                "msp-no-admins",
                path,
                "has neither administrators nor a unit of administrators: nodes refuse it",
                "list administrators' certificates, or enable NodeOUs with an admin unit",
            ),
            Some(_) if low => self.add(
                Severity::Broken,
                "node-ous-capability",
                path,
                "has only a unit of administrators, which does not count below channel capability \
                 V1_4_3: nobody is an administrator, and no channel can be made or changed",
                "raise the channel capability to V1_4_3, or list administrators' certificates",
            ),
            Some(_) => {}
        }
    }

    fn anchors(&mut self, path: &str, group: &ConfigGroup) {
        let Some(anchors) = self.value::<AnchorPeers>(group, path, "AnchorPeers") else {
            return;
        };
        for peer in anchors.anchor_peers {
            if !is_host(&peer.host) || !(1..=65_535).contains(&peer.port) {
                self.add(
                    Severity::Broken,
                    "anchor-peer",
                    format!("{path}/AnchorPeers"),
                    format!(
                        "has `{}:{}`, expected host and port: no other organisation finds it",
                        peer.host, peer.port
                    ),
                    "set host and port that other organisations dial",
                );
            }
        }
    }

    fn check_addresses(&mut self, path: String, all: &[String]) {
        for address in all {
            let Some((host, _)) = split_address(address) else {
                self.add(
                    Severity::Broken,
                    "address-format",
                    path.clone(),
                    format!("has `{address}`, expected `host:port`: peers cannot dial it"),
                    "write addresses as `host:port`, without a scheme; a part of a name has at most 63 letters",
                );
                continue;
            };
            if !self.servers.is_empty() && !self.servers.iter().any(|one| one.covers(host)) {
                self.add(
                    Severity::Broken,
                    "address-certificate",
                    path.clone(),
                    format!("has `{address}`, and no consenter's TLS certificate is for `{host}`: peers refuse the connection"),
                    "make the certificate with this host among its names, or name the host that it has",
                );
            }
        }
    }

    /// Where peers find orderers.
    pub(super) fn addresses(&mut self) {
        let global_path = format!("/{CHANNEL}/OrdererAddresses");
        let global: OrdererAddresses = self
            .value(self.root, &format!("/{CHANNEL}"), "OrdererAddresses")
            .unwrap_or_default();
        self.check_addresses(global_path.clone(), &global.addresses);
        let level = self.root_level();
        let mut without = Vec::new();
        let mut endpoints = 0;
        for (name, group) in self.orderer().into_iter().flat_map(|group| &group.groups) {
            let path = format!("{}/{name}", path_of(ORDERER));
            let own: OrdererAddresses = self.value(group, &path, "Endpoints").unwrap_or_default();
            self.check_addresses(format!("{path}/Endpoints"), &own.addresses);
            endpoints += own.addresses.len();
            if level < LEVEL_ENDPOINTS && group.values.contains_key("Endpoints") {
                self.add(
                    Severity::Refused,
                    "endpoints-capability",
                    format!("{path}/Endpoints"),
                    "is not allowed below channel capability V1_4_2: nodes refuse the channel",
                    "raise the channel capability, or use OrdererAddresses",
                );
            }
            if own.addresses.is_empty() {
                without.push(format!("{path}/Endpoints"));
            }
        }
        if level >= LEVEL_NO_GLOBAL && !global.addresses.is_empty() {
            self.add(
                Severity::Refused,
                "orderer-addresses-forbidden",
                global_path.clone(),
                "is forbidden with channel capability V3_0: nodes refuse it",
                "move the addresses to the Endpoints of the orderer organisations",
            );
        }
        if level >= LEVEL_NO_GLOBAL {
            for path in without {
                self.add(
                    Severity::Refused,
                    "endpoints-missing",
                    path,
                    "is missing: with V3_0 each orderer organisation needs addresses",
                    "add the addresses of the organisation's orderers",
                );
            }
        } else if level < LEVEL_ENDPOINTS && global.addresses.is_empty() {
            self.add(
                Severity::Refused,
                "orderer-addresses",
                global_path,
                "is missing, and below capability V1_4_2 it must be there: nodes refuse the channel",
                "add OrdererAddresses, or raise the channel capability",
            );
        } else if endpoints == 0 && global.addresses.is_empty() {
            self.add(
                Severity::Broken,
                "endpoints-missing",
                path_of(ORDERER),
                "no organisation has Endpoints and there are no OrdererAddresses: peers join and \
                 never get a block",
                "add Endpoints to each orderer organisation",
            );
        } else if global.addresses.is_empty() {
            for path in without {
                self.add(
                    Severity::Warning,
                    "endpoints-missing",
                    path,
                    "is missing: peers use the orderers of the other organisations only",
                    "add the addresses of the organisation's orderers",
                );
            }
        }
    }
}
