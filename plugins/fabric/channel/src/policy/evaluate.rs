//! Which organisations can satisfy a policy together.
//!
//! An organisation is taken at its word: it is assumed to have identities in every role and as many
//! as are asked for. So a yes means «possible», and a no means «never».

use std::collections::{BTreeMap, BTreeSet};

use fabric_proto::Message;
use fabric_proto::configuration::ConfigGroup;
use fabric_proto::msp::{FabricMspConfig, MspConfig, SerializedIdentity};
use fabric_proto::policies::{
    CombinedPrincipal, ImplicitMetaRule, MspPrincipal, MspRole, OrganizationUnit, Policy,
    PolicyType, PrincipalClassification, SignaturePolicy, SignaturePolicyEnvelope, SignatureRule,
};

use super::text::{decode_implicit, decode_signature};

/// MSP IDs.
pub type MemberSet = BTreeSet<String>;

/// Up to this many organisations the smallest set is searched for in all sets.
const EXACT_UP_TO: usize = 12;

/// Where a reference to a policy leads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resolved {
    /// Names of the groups from the root, the root (`Channel`) left out.
    pub group: Vec<String>,
    /// Name of the policy.
    pub name: String,
}

impl std::fmt::Display for Resolved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "/Channel")?;
        for group in &self.group {
            write!(f, "/{group}")?;
        }
        write!(f, "/{}", self.name)
    }
}

/// Follows a reference such as `Admins` or `/Channel/Orderer/Admins`, seen from `group`.
///
/// None for an empty reference, and for an absolute one that does not start at the root.
pub fn resolve(group: &[String], reference: &str) -> Option<Resolved> {
    let (mut path, rest) = match reference.strip_prefix('/') {
        Some(absolute) => (Vec::new(), absolute.strip_prefix("Channel/")?),
        None => (group.to_vec(), reference),
    };
    let mut names: Vec<&str> = rest.split('/').collect();
    let name = names.pop().filter(|name| !name.is_empty())?;
    path.extend(names.into_iter().map(str::to_owned));
    Some(Resolved {
        group: path,
        name: name.to_owned(),
    })
}

/// The group below `root` that `path` names.
fn walk<'a>(root: &'a ConfigGroup, path: &[String]) -> Option<&'a ConfigGroup> {
    path.iter()
        .try_fold(root, |group, name| group.groups.get(name))
}

/// MSP IDs of all organisations below `root`, by the value `MSP` of their groups.
pub fn members(root: &ConfigGroup) -> MemberSet {
    let own = root.values.get("MSP").and_then(|value| {
        let config = MspConfig::decode(value.value.as_slice()).ok()?;
        let msp = FabricMspConfig::decode(config.config.as_slice()).ok()?;
        Some(msp.name)
    });
    root.groups.values().flat_map(members).chain(own).collect()
}

/// MSP IDs that the principals of a rule name.
pub fn policy_members(policy: &SignaturePolicyEnvelope) -> MemberSet {
    policy
        .identities
        .iter()
        .flat_map(|principal| principal_members(principal, 0))
        .collect()
}

/// MSP IDs whose identities a principal can be; several only for a combination.
fn principal_members(principal: &MspPrincipal, depth: usize) -> Vec<String> {
    let bytes = principal.principal.as_slice();
    let one = |id: Option<String>| id.into_iter().collect();
    match PrincipalClassification::try_from(principal.principal_classification) {
        Ok(PrincipalClassification::Role) => {
            one(MspRole::decode(bytes).ok().map(|role| role.msp_identifier))
        }
        Ok(PrincipalClassification::OrganizationUnit) => one(OrganizationUnit::decode(bytes)
            .ok()
            .map(|unit| unit.msp_identifier)),
        Ok(PrincipalClassification::Identity) => one(SerializedIdentity::decode(bytes)
            .ok()
            .map(|identity| identity.mspid)),
        Ok(PrincipalClassification::Combined) if depth < 8 => CombinedPrincipal::decode(bytes)
            .map(|combined| {
                combined
                    .principals
                    .iter()
                    .flat_map(|principal| principal_members(principal, depth + 1))
                    .collect()
            })
            .unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// Whether identities of `msps` can satisfy a rule over signatures.
pub fn satisfiable_signature(policy: &SignaturePolicyEnvelope, msps: &MemberSet) -> bool {
    let present: Vec<bool> = policy
        .identities
        .iter()
        .map(|principal| {
            // A combination is one identity, so all its parts are of one organisation.
            let ids: MemberSet = principal_members(principal, 0).into_iter().collect();
            ids.len() == 1 && ids.is_subset(msps)
        })
        .collect();
    policy
        .rule
        .as_ref()
        .is_some_and(|rule| holds(rule, &present))
}

fn holds(rule: &SignaturePolicy, present: &[bool]) -> bool {
    match &rule.r#type {
        None => false,
        Some(SignatureRule::SignedBy(index)) => usize::try_from(*index)
            .ok()
            .and_then(|index| present.get(index))
            .copied()
            .unwrap_or(false),
        Some(SignatureRule::NOutOf(gate)) => {
            let count = gate
                .rules
                .iter()
                .filter(|rule| holds(rule, present))
                .count();
            usize::try_from(gate.n).unwrap_or(0) <= count
        }
    }
}

/// Whether identities of `msps` can satisfy the policy that `policy` leads to in the tree `root`.
///
/// False as well when there is no such policy, or when it does not decode.
pub fn satisfiable(root: &ConfigGroup, policy: &Resolved, msps: &MemberSet) -> bool {
    walk(root, &policy.group).is_some_and(|group| satisfied_in(group, &policy.name, msps))
}

fn satisfied_in(group: &ConfigGroup, name: &str, msps: &MemberSet) -> bool {
    group
        .policies
        .get(name)
        .and_then(|policy| policy.policy.as_ref())
        .is_some_and(|policy| satisfied_by(group, policy, msps))
}

fn satisfied_by(group: &ConfigGroup, policy: &Policy, msps: &MemberSet) -> bool {
    match PolicyType::try_from(policy.r#type) {
        Ok(PolicyType::Signature) => {
            decode_signature(policy).is_ok_and(|policy| satisfiable_signature(&policy, msps))
        }
        Ok(PolicyType::ImplicitMeta) => decode_implicit(policy).is_ok_and(|policy| {
            let all = group.groups.len();
            let needed = match ImplicitMetaRule::try_from(policy.rule) {
                // Without groups below, nobody needs to be asked.
                Ok(_) if all == 0 => 0,
                Ok(ImplicitMetaRule::Any) => 1,
                Ok(ImplicitMetaRule::All) => all,
                Ok(ImplicitMetaRule::Majority) => all / 2 + 1,
                Err(_) => return false,
            };
            let yes = group
                .groups
                .values()
                .filter(|below| satisfied_in(below, &policy.sub_policy, msps))
                .count();
            yes >= needed
        }),
        _ => false,
    }
}

/// The fewest organisations of the channel that satisfy a policy together with those who did
/// already (`have`, not repeated in the answer); none if all of them do not suffice.
///
/// Among sets of one size the first by name is given. With more than a dozen organisations the set
/// is still one that no member can leave, but perhaps not the smallest.
pub fn smallest_set(root: &ConfigGroup, policy: &Resolved, have: &MemberSet) -> Option<MemberSet> {
    let others: Vec<String> = members(root).difference(have).cloned().collect();
    let enough = |chosen: &MemberSet| {
        let all: MemberSet = have.union(chosen).cloned().collect();
        satisfiable(root, policy, &all)
    };
    let mut chosen: MemberSet = others.iter().cloned().collect();
    if !enough(&chosen) {
        return None;
    }
    if others.len() > EXACT_UP_TO {
        for name in others.iter().rev() {
            chosen.remove(name);
            if !enough(&chosen) {
                chosen.insert(name.clone());
            }
        }
        return Some(chosen);
    }
    let mut by_size: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for mask in 0..1_u32 << others.len() {
        by_size.entry(mask.count_ones()).or_default().push(mask);
    }
    by_size.into_values().flatten().find_map(|mask| {
        let set: MemberSet = others
            .iter()
            .enumerate()
            .filter(|(index, _)| mask >> index & 1 == 1)
            .map(|(_, name)| name.clone())
            .collect();
        enough(&set).then_some(set)
    })
}
