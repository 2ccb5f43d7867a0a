//! Hosts that stand in channels against certificates: whoever dials a name that the certificate is not for is cut off, and
//! neither an orderer nor a peer says so of itself.

use std::collections::BTreeSet;

use chain_plugin_sdk::{Diagnostics, Subject, error};
use fabric_channel::model::Consensus;
use fabric_channel::read::channel_model;
use fabric_identity::certificate::Certificate;
use fabric_proto::configuration::ConfigGroup;
use fabric_service::Network;
use fabric_service::fault::{at as fault_at, refuse_with};

/// Code of all that is said here.
const CODE: &str = "host-certificate";

/// Names and addresses of a certificate, for messages.
fn named(certificate: &Certificate) -> String {
    let addresses = certificate.ip_addresses().iter().map(ToString::to_string);
    let names = certificate.dns_names().iter().cloned();
    let all: Vec<String> = names.chain(addresses).collect();
    if all.is_empty() {
        "none".to_owned()
    } else {
        all.join(", ")
    }
}

/// A node's TLS certificate must be for the host that is written into a channel.
pub fn covered(
    network: &Network,
    node: &Subject,
    host: &str,
    certificate: &str,
) -> Result<(), Diagnostics> {
    let certificate = Certificate::parse_pem(certificate).map_err(fault_at("certificate", ""))?;
    if certificate.covers(host) {
        return Ok(());
    }
    let message = format!(
        "{} is to be dialled at {host}, which its TLS certificate is not for: that has {}",
        node.id,
        named(&certificate)
    );
    let hint = if node.foreign {
        format!(
            "its party writes `host: {host}` (or `sans`) into its file, types `kubectl chain apply` and `kubectl chain run cert-renew`, and exports again"
        )
    } else {
        let org = network.org(node)?.name.as_str();
        let short = node.name.strip_suffix(&format!(".{org}"));
        format!(
            "`kubectl chain run cert-renew {org} only={}` makes it again over the same key, with all names of the spec",
            short.unwrap_or(&node.name)
        )
    };
    Err(refuse_with(CODE, "/orgs", message, hint))
}

/// Consenters that a change brings into a channel, and whose certificates are not for their hosts.
pub fn judge(channel: &str, before: &ConfigGroup, after: &ConfigGroup) -> Result<(), Diagnostics> {
    let known: BTreeSet<(String, String)> = consenters(channel, before).into_iter().collect();
    let mut told = Vec::new();
    for (host, pem) in consenters(channel, after) {
        if known.contains(&(host.clone(), pem.clone())) {
            continue;
        }
        // What is no certificate is told by others.
        let Ok(certificate) = Certificate::parse_pem(&pem) else {
            continue;
        };
        if !certificate.covers(&host) {
            let message = format!(
                "channel {channel}: a consenter is to be dialled at {host}, which its TLS certificate is not for: that has {}",
                named(&certificate)
            );
            let hint = "its party makes the certificate again with that name (`host` or `sans`, then `kubectl chain run cert-renew`)";
            told.push(error(CODE, "", message).hint(hint));
        }
    }
    if told.is_empty() { Ok(()) } else { Err(told) }
}

/// Hosts of a channel's consenters, each with the certificate that it serves.
fn consenters(channel: &str, group: &ConfigGroup) -> Vec<(String, String)> {
    let model = channel_model(channel, group).ok();
    match model.and_then(|it| it.orderer).map(|it| it.consensus) {
        Some(Consensus::Etcdraft { consenters, .. }) => consenters
            .into_iter()
            .map(|it| (it.host, it.server_tls_cert))
            .collect(),
        Some(Consensus::Bft { consenters, .. }) => consenters
            .into_iter()
            .map(|it| (it.host, it.server_tls_cert))
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use fabric_channel::block::decode_config_block;
    use fabric_channel::edit;
    use fabric_channel::model::RaftConsenter;
    use fabric_service::Release;
    use fabric_service::fixture::{ROLES, Size, topology};

    use super::*;

    /// A certificate of cryptogen, for `peer0.org1`, `peer0` and `localhost`.
    const PEM: &str = include_str!("../../identity/tests/fixtures/certs25/peer0-tls-server.crt");
    const BLOCK: &[u8] = include_bytes!("../../fixtures/25-etcdraft-app-genesis.block");

    #[test]
    fn a_host_that_the_certificate_has_not_is_told_with_those_that_it_has() {
        let mut network = Network::new(topology(Release::V2_5, Size::default(), &ROLES)).unwrap();
        let peer = network.subject("peer/peer0.org1").unwrap().clone();
        covered(&network, &peer, "peer0.org1", PEM).unwrap();
        let fault = covered(&network, &peer, "peer0.example.com", PEM).unwrap_err();
        for part in [
            "peer/peer0.org1",
            "peer0.example.com",
            "peer0.org1, peer0, localhost",
        ] {
            assert!(fault[0].message.contains(part), "{part}: {fault:?}");
        }
        let hint = fault[0].hint.as_deref().unwrap();
        assert!(hint.contains("cert-renew org1 only=peer0"), "{hint}");
        for subject in &mut network.topology.subjects {
            subject.foreign = true;
        }
        let peer = network.subject("peer/peer0.org1").unwrap();
        let fault = covered(&network, peer, "192.0.2.1", PEM).unwrap_err();
        let hint = fault[0].hint.as_deref().unwrap();
        assert!(
            hint.starts_with("its party writes `host: 192.0.2.1`"),
            "{hint}"
        );
    }

    #[test]
    fn only_consenters_that_come_are_looked_at() {
        let before = decode_config_block(BLOCK).unwrap().group;
        let consenter = |host: &str| RaftConsenter {
            host: host.to_owned(),
            port: 7050,
            client_tls_cert: PEM.to_owned(),
            server_tls_cert: PEM.to_owned(),
        };
        let with = |host: &str| {
            let mut after = before.clone();
            edit::add_raft_consenter(&mut after, &consenter(host), None).unwrap();
            after
        };
        judge("mychannel", &before, &with("peer0.org1")).unwrap();
        let wrong = with("elsewhere.example");
        let fault = judge("mychannel", &before, &wrong).unwrap_err();
        assert!(fault[0].message.contains("elsewhere.example"), "{fault:?}");
        // What was so before is not blamed on a change.
        judge("mychannel", &wrong, &wrong).unwrap();
    }
}
