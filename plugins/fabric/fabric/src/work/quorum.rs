//! Whose endorsements a transaction wants, and whose are missing.

use std::collections::BTreeMap;

use fabric_channel::policy::{MemberSet, Resolved, resolve, satisfiable, satisfiable_signature};
use fabric_channel::tree::APPLICATION;
use fabric_proto::configuration::ConfigGroup;
use fabric_proto::policies::SignaturePolicyEnvelope;
use fabric_transaction::definition::EndorsementPolicy;

/// The policy of a channel that a commit of a definition must satisfy.
const LIFECYCLE: &str = "/Channel/Application/LifecycleEndorsement";

/// Who must endorse.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// As a policy of the channel says.
    Channel(Resolved),
    /// As a rule over signatures says.
    Signature(SignaturePolicyEnvelope),
    /// This organisation.
    Own(String),
    /// Nobody here can tell: peers will.
    Unknown,
}

impl Rule {
    /// That of a commit.
    pub fn of_commit() -> Self {
        resolve(&[], LIFECYCLE).map_or(Self::Unknown, Self::Channel)
    }

    /// That of a call.
    pub fn of_call(policy: &EndorsementPolicy) -> Self {
        match policy {
            EndorsementPolicy::Channel(path) => {
                // A bare name is one of the group Application.
                resolve(&[APPLICATION.to_owned()], path).map_or(Self::Unknown, Self::Channel)
            }
            EndorsementPolicy::Signature(rule) => Self::Signature(rule.clone()),
            EndorsementPolicy::Other(_) => Self::Unknown,
        }
    }

    /// Whether peers of these organisations are enough.
    pub fn is_met(&self, root: &ConfigGroup, by: &MemberSet) -> bool {
        match self {
            Self::Channel(policy) => satisfiable(root, policy, by),
            Self::Signature(rule) => satisfiable_signature(rule, by),
            Self::Own(org) => by.contains(org),
            Self::Unknown => !by.is_empty(),
        }
    }

    /// Who of `others` must endorse beside `by`: no more than needed. None when all of them would not be enough.
    pub fn missing(
        &self,
        root: &ConfigGroup,
        by: &MemberSet,
        others: &MemberSet,
    ) -> Option<MemberSet> {
        let mut all: MemberSet = by.union(others).cloned().collect();
        if !self.is_met(root, &all) {
            return None;
        }
        for other in others.difference(by) {
            all.remove(other);
            if !self.is_met(root, &all) {
                all.insert(other.clone());
            }
        }
        Some(all.difference(by).cloned().collect())
    }
}

/// Who of `hands` endorses, since it brings a transaction nearer.
pub fn choose(
    rule: &Rule,
    root: &ConfigGroup,
    by: &MemberSet,
    hands: &MemberSet,
    others: &MemberSet,
) -> MemberSet {
    let count = |by: &MemberSet| rule.missing(root, by, others).map(|it| it.len());
    let mut all: MemberSet = by.union(hands).cloned().collect();
    let best = count(&all);
    for hand in hands.difference(by) {
        all.remove(hand);
        if count(&all) != best {
            all.insert(hand.clone());
        }
    }
    all.difference(by).cloned().collect()
}

/// Organisations that approved, of a peer's answer.
pub fn approved(approvals: &BTreeMap<String, bool>) -> MemberSet {
    let all = approvals.iter().filter(|(_, approved)| **approved);
    all.map(|(name, _)| name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use fabric_channel::policy::parse_signature;

    use super::super::update::tests::channel;
    use super::*;

    fn set(ids: &[&str]) -> MemberSet {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    fn rule(text: &str) -> Rule {
        Rule::of_call(&EndorsementPolicy::Signature(
            parse_signature(text).unwrap(),
        ))
    }

    #[test]
    fn nobody_is_asked_in_vain() {
        let root = channel();
        let all = set(&["Org1MSP", "Org2MSP"]);
        let both = rule("AND('Org1MSP.peer', 'Org2MSP.peer')");
        assert_eq!(
            both.missing(&root, &set(&["Org1MSP"]), &all),
            Some(set(&["Org2MSP"]))
        );
        assert_eq!(both.missing(&root, &all, &all), Some(set(&[])));
        assert_eq!(
            both.missing(&root, &set(&["Org1MSP"]), &set(&["Org3MSP"])),
            None
        );
        let any = rule("OR('Org1MSP.peer', 'Org2MSP.peer')");
        assert_eq!(any.missing(&root, &set(&[]), &all), Some(set(&["Org2MSP"])));
        assert_eq!(any.missing(&root, &set(&["Org1MSP"]), &all), Some(set(&[])));
        assert_eq!(
            choose(&any, &root, &set(&["Org1MSP"]), &set(&["Org2MSP"]), &all),
            set(&[])
        );
        assert_eq!(
            choose(&both, &root, &set(&["Org1MSP"]), &set(&["Org2MSP"]), &all),
            set(&["Org2MSP"])
        );
    }

    #[test]
    fn policies_of_the_channel_are_followed() {
        let root = channel();
        let all = set(&["Org1MSP", "Org2MSP"]);
        for rule in [
            Rule::of_commit(),
            Rule::of_call(&EndorsementPolicy::default()),
        ] {
            assert_eq!(
                rule.missing(&root, &set(&["Org1MSP"]), &all),
                Some(set(&["Org2MSP"])),
                "{rule:?}"
            );
        }
        let own = Rule::Own("Org1MSP".to_owned());
        assert!(own.is_met(&root, &set(&["Org1MSP"])));
        assert!(!own.is_met(&root, &set(&["Org2MSP"])));
        assert!(!Rule::Unknown.is_met(&root, &set(&[])));
    }
}
