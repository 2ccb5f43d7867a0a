//! What BFT needs: numbers, identities, and a policy over these very identities.

use std::collections::{BTreeMap, BTreeSet};

use fabric_identity::Certificate;
use fabric_proto::Message;
use fabric_proto::configuration::{ConfigGroup, Consenter, Orderers, smartbft};
use fabric_proto::msp::{FabricMspConfig, SerializedIdentity};
use fabric_proto::policies::{
    PolicyType, PrincipalClassification, SignaturePolicyEnvelope, SignatureRule,
};

use super::capability::LEVEL_NO_GLOBAL;
use super::certificate::{Authorities, readable};
use super::consensus::{Member, provider};
use super::{Linter, Severity, path_of};
use crate::duration;
use crate::model::Release;
use crate::tree::{ORDERER, bft_quorum};

impl Linter<'_> {
    pub(super) fn bft(&mut self, metadata: &[u8], path: &str, group: &ConfigGroup) {
        if self.target.release < Release::V3_1 || self.root_level() < LEVEL_NO_GLOBAL {
            self.add(
                Severity::Refused,
                "bft-capability",
                path,
                "is BFT, which needs nodes of 3.x and channel capability V3_0",
                "raise both, or take etcdraft",
            );
        }
        match smartbft::Options::decode(metadata) {
            Err(error) => self.undecodable(path, &error),
            Ok(options) => self.bft_options(path, &options),
        }
        let place = format!("{}/Orderers", path_of(ORDERER));
        let orderers: Orderers = self
            .value(group, &path_of(ORDERER), "Orderers")
            .unwrap_or_default();
        let consenters = orderers.consenter_mapping;
        let ids: BTreeSet<u32> = consenters.iter().map(|one| one.id).collect();
        if ids.len() < consenters.len() || ids.contains(&0) {
            self.add(
                Severity::Refused,
                "bft-identifiers",
                place.clone(),
                "has consenters without a number of their own: orderers refuse it",
                "number consenters from 1",
            );
        }
        let known: BTreeSet<String> = group
            .groups
            .values()
            .filter_map(provider)
            .map(|msp| msp.name)
            .collect();
        for one in &consenters {
            if !known.contains(&one.msp_id) {
                self.add(
                    Severity::Refused,
                    "bft-organization",
                    place.clone(),
                    format!(
                        "has consenter {} of `{}`, which is no orderer organisation here",
                        one.id, one.msp_id
                    ),
                    "name the MSP ID of an orderer organisation",
                );
            }
            let what = format!("an identity of consenter {}", one.id);
            if let Some(identity) = self.read_one(&place, &what, &one.identity) {
                self.bft_identity(&place, one, &identity, group);
            }
        }
        if (1..4).contains(&consenters.len()) {
            self.add(
                Severity::Warning,
                "bft-few",
                place.clone(),
                format!(
                    "has {} consenters: they tolerate no fault",
                    consenters.len()
                ),
                "take at least four consenters",
            );
        }
        self.bft_validation(&consenters, group);
        let members: Vec<Member> = consenters
            .into_iter()
            .map(|one| Member {
                host: one.host,
                port: one.port,
                certificates: [one.client_tls_cert, one.server_tls_cert],
            })
            .collect();
        self.members(&place, &members);
    }

    /// Whether blocks that a consenter signs count: its identity is a member of its organisation.
    fn bft_identity(
        &mut self,
        place: &str,
        consenter: &Consenter,
        identity: &Certificate,
        group: &ConfigGroup,
    ) {
        let of_it = |msp: &FabricMspConfig| msp.name == consenter.msp_id;
        let Some(msp) = group.groups.values().filter_map(provider).find(of_it) else {
            return;
        };
        let authorities = Authorities {
            roots: readable(&msp.root_certs),
            between: readable(&msp.intermediate_certs),
        };
        let fault = if identity.is_ca() {
            Some("is an authority's".to_owned())
        } else {
            authorities.fault_of(identity).map(|error| {
                format!(
                    "is issued by no authority of `{}` ({error})",
                    consenter.msp_id
                )
            })
        };
        if let Some(fault) = fault {
            self.add(
                Severity::Broken,
                "bft-identity",
                place,
                format!("has an identity of consenter {} that {fault}: its signature counts under no block", consenter.id),
                "take the certificate that the orderer signs with",
            );
        }
    }

    fn bft_options(&mut self, path: &str, options: &smartbft::Options) {
        if options.leader_rotation == smartbft::LeaderRotation::On as i32 {
            let (severity, what) = if options.decisions_per_leader == 0 {
                (
                    Severity::Refused,
                    "has leader_rotation on with decisions_per_leader 0: orderers refuse it",
                )
            } else {
                (
                    Severity::Broken,
                    "has leader_rotation on: orderers take it in block 0, and then no change of the channel",
                )
            };
            self.add(
                severity,
                "bft-options",
                path,
                what,
                "leave leader_rotation unspecified",
            );
        }
        for (name, number) in [
            (
                "incoming_message_buffer_size",
                options.incoming_message_buffer_size,
            ),
            ("request_pool_size", options.request_pool_size),
            ("leader_heartbeat_count", options.leader_heartbeat_count),
        ] {
            if number == 0 {
                self.bft_option(path, format!("has {name} 0, expected a positive number"));
            }
        }
        let mut lengths = BTreeMap::new();
        for (name, text) in [
            (
                "request_batch_max_interval",
                &options.request_batch_max_interval,
            ),
            ("request_forward_timeout", &options.request_forward_timeout),
            (
                "request_complain_timeout",
                &options.request_complain_timeout,
            ),
            (
                "request_auto_remove_timeout",
                &options.request_auto_remove_timeout,
            ),
            (
                "view_change_resend_interval",
                &options.view_change_resend_interval,
            ),
            ("view_change_timeout", &options.view_change_timeout),
            (
                "leader_heartbeat_timeout",
                &options.leader_heartbeat_timeout,
            ),
            ("collect_timeout", &options.collect_timeout),
        ] {
            match duration::parse(text).filter(|length| *length > 0) {
                Some(length) => {
                    lengths.insert(name, length);
                }
                None => self.bft_option(
                    path,
                    format!("has {name} `{text}`, expected a positive length of time"),
                ),
            }
        }
        // The library of the consensus checks these (`Configuration.Validate`).
        for (less, more) in [
            ("request_forward_timeout", "request_complain_timeout"),
            ("request_complain_timeout", "request_auto_remove_timeout"),
            ("view_change_resend_interval", "view_change_timeout"),
        ] {
            if let (Some(low), Some(high)) = (lengths.get(less), lengths.get(more))
                && low > high
            {
                self.bft_option(path, format!("has {less} above {more}"));
            }
        }
    }

    fn bft_option(&mut self, path: &str, fault: String) {
        self.add(
            Severity::Refused,
            "bft-options",
            path,
            format!("{fault}: orderers refuse it"),
            "take the values of Fabric's sample",
        );
    }

    /// Whether blocks need the signatures of a quorum of these very consenters.
    fn bft_validation(&mut self, consenters: &[Consenter], group: &ConfigGroup) {
        let Some(policy) = group
            .policies
            .get("BlockValidation")
            .and_then(|one| one.policy.as_ref())
        else {
            return;
        };
        let rule = SignaturePolicyEnvelope::decode(policy.value.as_slice()).ok();
        let fits = policy.r#type == PolicyType::Signature as i32
            && rule.is_some_and(|rule| {
                let threshold = match rule.rule.and_then(|rule| rule.r#type) {
                    Some(SignatureRule::NOutOf(gate)) => usize::try_from(gate.n).unwrap_or(0),
                    _ => 0,
                };
                let identities: BTreeSet<Vec<u8>> = rule
                    .identities
                    .into_iter()
                    .filter(|one| {
                        one.principal_classification == PrincipalClassification::Identity as i32
                    })
                    .map(|one| one.principal)
                    .collect();
                let expected: BTreeSet<Vec<u8>> = consenters
                    .iter()
                    .map(|one| {
                        SerializedIdentity {
                            mspid: one.msp_id.clone(),
                            id_bytes: one.identity.clone(),
                        }
                        .encode_to_vec()
                    })
                    .collect();
                threshold == bft_quorum(consenters.len()) && identities == expected
            });
        if !fits {
            self.add(
                Severity::Broken,
                "bft-block-validation",
                format!("{}/BlockValidation", path_of(ORDERER)),
                format!(
                    "is not {} of the identities of the consenters: blocks are signed by others, or \
                     by too few",
                    bft_quorum(consenters.len())
                ),
                "make the policy again whenever a consenter changes",
            );
        }
    }
}
