//! Policies that must be there, policies that nobody satisfies, and guards that lead nowhere.

use std::collections::BTreeMap;

use fabric_proto::Message;
use fabric_proto::configuration::{Acls, ConfigGroup};
use fabric_proto::msp::FabricMspConfig;
use fabric_proto::policies::{
    ImplicitMetaPolicy, MspRole, MspRoleType, Policy, PolicyType, PrincipalClassification,
    SignaturePolicyEnvelope,
};

use super::capability::LEVEL_NODE_OUS;
use super::consensus::provider;
use super::{Linter, Severity, path_of};
use crate::policy::{
    MemberSet, Resolved, members, policy_members, resolve, satisfiable, satisfiable_signature,
};
use crate::tree::{APPLICATION, CHANNEL, CONSORTIUMS, ORDERER};

const USUAL: [&str; 3] = ["Readers", "Writers", "Admins"];

fn place(path: &[String]) -> String {
    let mut text = format!("/{CHANNEL}");
    for name in path {
        text.push('/');
        text.push_str(name);
    }
    text
}

/// All membership providers below a group, by MSP ID.
fn providers(group: &ConfigGroup, all: &mut BTreeMap<String, FabricMspConfig>) {
    if let Some(msp) = provider(group) {
        all.insert(msp.name.clone(), msp);
    }
    for below in group.groups.values() {
        providers(below, all);
    }
}

impl Linter<'_> {
    pub(super) fn policies(&mut self) {
        self.required_policies();
        let mut known = BTreeMap::new();
        providers(self.root, &mut known);
        let everyone = members(self.root);
        self.group_policies(self.root, &mut Vec::new(), &everyone, &known);
        self.acls();
    }

    fn required(&mut self, group: &ConfigGroup, path: &str, names: &[&str], code: &'static str) {
        for name in names {
            if group.policies.contains_key(*name) {
                continue;
            }
            let follows = match *name {
                "BlockValidation" => "peers reject every block",
                "Endorsement" | "LifecycleEndorsement" => {
                    "chaincodes cannot be approved, since the policy must be defined"
                }
                _ if path == format!("/{CHANNEL}") => "requests are refused for want of a policy",
                _ => "blocks or transactions of the channel are refused",
            };
            self.add(
                Severity::Broken,
                code,
                format!("{path}/{name}"),
                format!("is missing: {follows}"),
                format!("add policy {name}"),
            );
        }
    }

    fn required_policies(&mut self) {
        self.required(
            self.root,
            &format!("/{CHANNEL}"),
            &USUAL,
            "channel-policies",
        );
        let lifecycle = self.has_new_lifecycle();
        if let Some(group) = self.orderer() {
            let path = path_of(ORDERER);
            self.required(group, &path, &USUAL, "orderer-policies");
            self.required(group, &path, &["BlockValidation"], "block-validation");
            for (name, below) in &group.groups {
                let path = format!("{path}/{name}");
                self.required(below, &path, &USUAL, "organization-policies");
            }
        }
        if let Some(group) = self.application() {
            let path = path_of(APPLICATION);
            self.required(group, &path, &USUAL, "application-policies");
            if lifecycle {
                let names = ["Endorsement", "LifecycleEndorsement"];
                self.required(group, &path, &names, "endorsement-policies");
            }
            for (name, below) in &group.groups {
                let path = format!("{path}/{name}");
                self.required(below, &path, &USUAL, "organization-policies");
                if lifecycle {
                    self.required(below, &path, &["Endorsement"], "endorsement-policies");
                }
            }
        }
        for (consortium, group) in self.consortiums().into_iter().flat_map(|all| &all.groups) {
            for (name, below) in &group.groups {
                let path = format!("{}/{consortium}/{name}", path_of(CONSORTIUMS));
                self.required(below, &path, &USUAL, "organization-policies");
            }
        }
    }

    fn group_policies(
        &mut self,
        group: &ConfigGroup,
        path: &mut Vec<String>,
        everyone: &MemberSet,
        known: &BTreeMap<String, FabricMspConfig>,
    ) {
        let here = place(path);
        self.guard(path, &here, &group.mod_policy);
        for (name, value) in &group.values {
            self.guard(path, &format!("{here}/{name}"), &value.mod_policy);
        }
        for (name, policy) in &group.policies {
            let there = format!("{here}/{name}");
            self.guard(path, &there, &policy.mod_policy);
            let encoded = policy.policy.clone().unwrap_or_default();
            if !self.decodes(&there, &encoded) {
                continue;
            }
            self.principals(&there, &encoded, everyone, known);
            let resolved = Resolved {
                group: path.clone(),
                name: name.clone(),
            };
            if !satisfiable(self.root, &resolved, everyone) {
                self.add(
                    Severity::Broken,
                    "policy-unsatisfiable",
                    there,
                    format!(
                        "is {}: all organisations together do not satisfy it",
                        shown(&encoded)
                    ),
                    "ask for no more than the channel's organisations can sign, and see that the \
                     groups below have the policy that it names",
                );
            }
        }
        for (name, below) in &group.groups {
            path.push(name.clone());
            self.group_policies(below, path, everyone, known);
            path.pop();
        }
    }

    /// Checks the policy that guards an element.
    fn guard(&mut self, path: &[String], element: &str, reference: &str) {
        if reference.is_empty() {
            self.add(
                Severity::Warning,
                "mod-policy-empty",
                element,
                "has no modification policy: nobody can ever change it",
                "set the modification policy to Admins",
            );
            return;
        }
        if resolve(path, reference).is_none_or(|policy| !self.exists(&policy)) {
            self.add(
                Severity::Warning,
                "mod-policy-unknown",
                element,
                format!("is guarded by `{reference}`, which is no policy: nobody can change it"),
                "set the modification policy to Admins",
            );
        }
    }

    fn exists(&self, policy: &Resolved) -> bool {
        policy
            .group
            .iter()
            .try_fold(self.root, |group, name| group.groups.get(name))
            .is_some_and(|group| group.policies.contains_key(&policy.name))
    }

    fn decodes(&mut self, path: &str, policy: &Policy) -> bool {
        let bytes = policy.value.as_slice();
        let fine = match PolicyType::try_from(policy.r#type) {
            Ok(PolicyType::Signature) => SignaturePolicyEnvelope::decode(bytes)
                .is_ok_and(|policy| policy.rule.is_some_and(|rule| rule.r#type.is_some())),
            Ok(PolicyType::ImplicitMeta) => {
                ImplicitMetaPolicy::decode(bytes).is_ok_and(|policy| !policy.sub_policy.is_empty())
            }
            _ => false,
        };
        if !fine {
            self.add(
                Severity::Refused,
                "policy-undecodable",
                path,
                "is neither a signature policy nor an implicit one: nodes refuse it",
                "make the policy again",
            );
        }
        fine
    }

    /// Checks whom a signature policy names.
    fn principals(
        &mut self,
        path: &str,
        policy: &Policy,
        everyone: &MemberSet,
        known: &BTreeMap<String, FabricMspConfig>,
    ) {
        if policy.r#type != PolicyType::Signature as i32 {
            return;
        }
        let Ok(mut envelope) = SignaturePolicyEnvelope::decode(policy.value.as_slice()) else {
            return;
        };
        for stranger in policy_members(&envelope).difference(everyone) {
            self.add(
                Severity::Warning,
                "policy-stranger",
                path,
                format!("names `{stranger}`, which is not an organisation of the channel"),
                "add the organisation, or take it out of the policy",
            );
        }
        let level = self.root_level();
        let mut nobody = Vec::new();
        for principal in &mut envelope.identities {
            let is_role =
                principal.principal_classification == PrincipalClassification::Role as i32;
            let Some(role) = MspRole::decode(principal.principal.as_slice())
                .ok()
                .filter(|_| is_role)
            else {
                continue;
            };
            let Some(msp) = known.get(&role.msp_identifier) else {
                continue;
            };
            let units = msp.fabric_node_ous.as_ref().filter(|units| units.enable);
            let unit = match MspRoleType::try_from(role.role) {
                Ok(MspRoleType::Client) => {
                    units.is_some_and(|units| units.client_ou_identifier.is_some())
                }
                Ok(MspRoleType::Peer) => {
                    units.is_some_and(|units| units.peer_ou_identifier.is_some())
                }
                Ok(MspRoleType::Orderer) => {
                    level >= LEVEL_NODE_OUS
                        && units.is_some_and(|units| units.orderer_ou_identifier.is_some())
                }
                _ => true,
            };
            if !unit {
                nobody.push(format!("`{}`", role.msp_identifier));
                principal.principal_classification = PrincipalClassification::Anonymity as i32;
            }
        }
        if nobody.is_empty() {
            return;
        }
        nobody.dedup();
        let severity = if satisfiable_signature(&envelope, everyone) {
            Severity::Warning
        } else {
            Severity::Broken
        };
        self.add(
            severity,
            "policy-role",
            path,
            format!(
                "asks for a role that no identity of {} has, since its units do not tell that role",
                nobody.join(", ")
            ),
            "enable NodeOUs of the organisation, or ask for members",
        );
    }

    fn acls(&mut self) {
        let Some(group) = self.application() else {
            return;
        };
        let path = path_of(APPLICATION);
        let Some(acls) = self.value::<Acls>(group, &path, "ACLs") else {
            return;
        };
        let names = crate::read::capability_names(group);
        if !acls.acls.is_empty() && !names.iter().any(|name| name != "V1_1") {
            self.add(
                Severity::Refused,
                "acl-capability",
                format!("{path}/ACLs"),
                "is not allowed below application capability V1_2: nodes refuse the channel",
                "raise the application capability, or take the rules out",
            );
        }
        for (call, resource) in acls.acls {
            let reference = resource.policy_ref;
            let found = resolve(&[APPLICATION.to_owned()], &reference);
            if found.is_none_or(|policy| !self.exists(&policy)) {
                self.add(
                    Severity::Broken,
                    "acl-policy",
                    format!("{path}/ACLs"),
                    format!(
                        "guards `{call}` by `{reference}`, which is no policy: calls are refused"
                    ),
                    "name a policy of the channel, such as /Channel/Application/Writers",
                );
            }
        }
    }
}

/// A policy as a text, as far as it has one.
fn shown(policy: &Policy) -> String {
    crate::policy::to_text(policy).map_or_else(
        |_| "a signature policy".to_owned(),
        |text| format!("`{text}`"),
    )
}
