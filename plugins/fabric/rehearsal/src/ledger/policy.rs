//! Policies of a channel over people whose signatures were verified.

use std::collections::BTreeSet;

use fabric_channel::policy::Resolved;
use fabric_proto::Message as _;
use fabric_proto::configuration::ConfigGroup;
use fabric_proto::msp::SerializedIdentity;
use fabric_proto::policies::{
    ImplicitMetaPolicy, ImplicitMetaRule, MspPrincipal, MspRole, MspRoleType, Policy, PolicyType,
    PrincipalClassification, SignaturePolicy, SignaturePolicyEnvelope, SignatureRule,
};

use super::member::{Known, Role};

/// Whether these people satisfy the policy at a path such as `/Channel/Application/Writers`.
pub fn satisfied(root: &ConfigGroup, path: &str, people: &[Known]) -> bool {
    fabric_channel::policy::resolve(&[], path).is_some_and(|it| holds(root, &it, people))
}

/// The same for a reference that is resolved already.
pub fn holds(root: &ConfigGroup, policy: &Resolved, people: &[Known]) -> bool {
    let group = policy
        .group
        .iter()
        .try_fold(root, |group, name| group.groups.get(name));
    group.is_some_and(|group| in_group(group, &policy.name, people))
}

fn in_group(group: &ConfigGroup, name: &str, people: &[Known]) -> bool {
    let policy = group.policies.get(name).and_then(|it| it.policy.as_ref());
    policy.is_some_and(|it| one(group, it, people))
}

fn one(group: &ConfigGroup, policy: &Policy, people: &[Known]) -> bool {
    match PolicyType::try_from(policy.r#type) {
        Ok(PolicyType::Signature) => SignaturePolicyEnvelope::decode(policy.value.as_slice())
            .is_ok_and(|policy| signed(&policy, people)),
        Ok(PolicyType::ImplicitMeta) => {
            let Ok(policy) = ImplicitMetaPolicy::decode(policy.value.as_slice()) else {
                return false;
            };
            let all = group.groups.len();
            let needed = match ImplicitMetaRule::try_from(policy.rule) {
                Ok(ImplicitMetaRule::Any) => all.min(1),
                Ok(ImplicitMetaRule::All) => all,
                Ok(ImplicitMetaRule::Majority) => (all / 2 + 1).min(all),
                Err(_) => return false,
            };
            let below = group.groups.values();
            below
                .filter(|below| in_group(below, &policy.sub_policy, people))
                .count()
                >= needed
        }
        _ => false,
    }
}

/// Whether these people satisfy a rule over signatures; each counts once.
pub fn signed(policy: &SignaturePolicyEnvelope, people: &[Known]) -> bool {
    let mut seen = BTreeSet::new();
    let people: Vec<&Known> = people
        .iter()
        .filter(|it| seen.insert(&it.creator))
        .collect();
    let mut used = vec![false; people.len()];
    let rule = policy.rule.as_ref();
    rule.is_some_and(|rule| rule_holds(rule, &policy.identities, &people, &mut used))
}

fn rule_holds(
    rule: &SignaturePolicy,
    principals: &[MspPrincipal],
    people: &[&Known],
    used: &mut Vec<bool>,
) -> bool {
    match &rule.r#type {
        None => false,
        Some(SignatureRule::SignedBy(index)) => {
            let principal = usize::try_from(*index)
                .ok()
                .and_then(|index| principals.get(index));
            let Some(principal) = principal else {
                return false;
            };
            for (person, used) in people.iter().zip(used.iter_mut()) {
                if !*used && is(person, principal) {
                    *used = true;
                    return true;
                }
            }
            false
        }
        Some(SignatureRule::NOutOf(gate)) => {
            let mut count = 0;
            for rule in &gate.rules {
                let before = used.clone();
                if rule_holds(rule, principals, people, used) {
                    count += 1;
                } else {
                    *used = before;
                }
            }
            count >= gate.n
        }
    }
}

fn is(person: &Known, principal: &MspPrincipal) -> bool {
    let bytes = principal.principal.as_slice();
    match PrincipalClassification::try_from(principal.principal_classification) {
        Ok(PrincipalClassification::Role) => MspRole::decode(bytes).is_ok_and(|role| {
            role.msp_identifier == person.msp_id
                && match MspRoleType::try_from(role.role) {
                    Ok(MspRoleType::Member) => true,
                    Ok(MspRoleType::Admin) => person.roles.contains(&Role::Admin),
                    Ok(MspRoleType::Client) => person.roles.contains(&Role::Client),
                    Ok(MspRoleType::Peer) => person.roles.contains(&Role::Peer),
                    Ok(MspRoleType::Orderer) => person.roles.contains(&Role::Orderer),
                    Err(_) => false,
                }
        }),
        Ok(PrincipalClassification::Identity) => {
            SerializedIdentity::decode(bytes).is_ok_and(|it| it.encode_to_vec() == person.creator)
        }
        _ => false,
    }
}
