//! Whether anybody can satisfy the endorsement policy of a chaincode: approved and committed it would be, and never called.

use chain_plugin_sdk::Diagnostics;
use fabric_channel::policy::{self, MemberSet, policy_members, resolve, satisfiable};
use fabric_channel::tree::APPLICATION;
use fabric_proto::configuration::ConfigGroup;
use fabric_service::fault::refuse_with;
use fabric_transaction::definition::{Definition, EndorsementPolicy};

use super::change::listed;
use super::crew::{Channel, Crew};
use super::ledger;

/// Refuses a definition that no set of the channel's organisations can endorse.
pub async fn possible(
    crew: &Crew,
    channel: &Channel,
    definition: &Definition,
) -> Result<(), Diagnostics> {
    if definition.endorsement == EndorsementPolicy::default() {
        return Ok(());
    }
    let root = ledger::configuration(crew, channel).await?.group;
    match fault(&root, &definition.endorsement) {
        None => Ok(()),
        Some(why) => {
            let name = &definition.name;
            let message = format!("chaincode {name}: channel {}: {why}", channel.name);
            let hint = format!(
                "another `policy` of {name} in the file, then `kubectl chain apply` and `kubectl chain run chaincode-deploy {name}`"
            );
            Err(refuse_with("policy", "", message, hint))
        }
    }
}

/// Why nobody satisfies a policy in a channel.
fn fault(root: &ConfigGroup, wanted: &EndorsementPolicy) -> Option<String> {
    let peers = root.groups.get(APPLICATION);
    let members: MemberSet = peers.map(policy::members).unwrap_or_default();
    match wanted {
        EndorsementPolicy::Signature(rule) => {
            if policy::satisfiable_signature(rule, &members) {
                return None;
            }
            let strangers: MemberSet = policy_members(rule).difference(&members).cloned().collect();
            let text = policy::signature_text(rule).unwrap_or_else(|_| "the policy".to_owned());
            let who = if strangers.is_empty() {
                String::new()
            } else {
                format!("; {} is no member", listed(&strangers))
            };
            Some(format!(
                "no set of its organisations ({}) satisfies {text}{who}",
                listed(&members)
            ))
        }
        EndorsementPolicy::Channel(reference) => {
            let policy = resolve(&[APPLICATION.to_owned()], reference);
            let met = policy.is_some_and(|it| satisfiable(root, &it, &members));
            (!met).then(|| {
                format!(
                    "{reference} is none of its policies, or one that no set of its organisations ({}) satisfies",
                    listed(&members)
                )
            })
        }
        EndorsementPolicy::Other(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use fabric_channel::policy::parse_signature;

    use super::super::update::tests::channel;
    use super::*;

    fn told(text: &str) -> Option<String> {
        let wanted = if text.starts_with('/') {
            EndorsementPolicy::Channel(text.to_owned())
        } else {
            EndorsementPolicy::Signature(parse_signature(text).unwrap())
        };
        fault(&channel(), &wanted)
    }

    #[test]
    fn what_members_can_endorse_is_fine() {
        for good in [
            "OR('Org1MSP.peer', 'Org9MSP.peer')",
            "AND('Org1MSP.peer', 'Org2MSP.peer')",
            "/Channel/Application/Endorsement",
        ] {
            assert_eq!(told(good), None, "{good}");
        }
    }

    #[test]
    fn what_nobody_can_endorse_is_told_with_who_there_is() {
        let why = told("AND('Org1MSP.peer', 'Org9MSP.peer')").unwrap();
        for part in [
            "Org1MSP, Org2MSP",
            "AND('Org1MSP.peer', 'Org9MSP.peer')",
            "Org9MSP is no member",
        ] {
            assert!(why.contains(part), "{part}: {why}");
        }
        // Who orders has no peers.
        assert!(told("OR('OrdererMSP.peer')").is_some());
        assert!(told("OutOf(3, 'Org1MSP.peer', 'Org2MSP.peer')").is_some());
        let why = told("/Channel/Application/Nowhere").unwrap();
        assert!(why.contains("Nowhere is none of its policies"), "{why}");
    }
}
