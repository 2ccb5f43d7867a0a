//! What there is to say about a chain at every run, whatever was made of it before.

use chain_plugin_sdk::{Diagnostics, Subject, warning};
use fabric_channel::policy::{MemberSet, parse_signature, policy_members, satisfiable_signature};
use fabric_service::{Network, extra, kind};

/// Chaincodes of a channel that its members, as far as they are known here, cannot endorse. Others may have been signed in
/// by a file, so this is no error before the channel itself was asked.
pub fn of_channel(network: &Network, channel: &Subject) -> Result<Diagnostics, Diagnostics> {
    let about: extra::Channel = extra::of(channel)?;
    let mut members = MemberSet::new();
    for org in network.of_kind(kind::ORG) {
        let said: extra::Org = extra::of(org)?;
        if about.orgs.contains(&org.id) || (org.foreign && said.application) {
            members.insert(said.msp_id);
        }
    }
    let mut told = Diagnostics::new();
    for chaincode in network.children(&channel.id, kind::CHAINCODE) {
        let said: extra::Chaincode = extra::of(chaincode)?;
        // A path is looked up in the channel, and what is no policy was refused before.
        let Ok(rule) = parse_signature(&said.policy) else {
            continue;
        };
        if satisfiable_signature(&rule, &members) {
            continue;
        }
        let list = |all: &MemberSet| all.iter().cloned().collect::<Vec<_>>().join(", ");
        let strangers: MemberSet = policy_members(&rule)
            .difference(&members)
            .cloned()
            .collect();
        let message = format!(
            "chaincode {}: policy `{}` wants {}, which is no organisation with peers of channel {} here: there is {}",
            said.name,
            said.policy,
            list(&strangers),
            channel.name,
            list(&members)
        );
        let hint = "name MSP ids of the channel's members; nothing is to be done if others signed it in by a file";
        told.push(warning("policy", "/chaincodes", message).hint(hint));
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use fabric_service::Release;
    use fabric_service::fixture::{ROLES, Size, topology};

    use super::*;

    fn told(policy: &str, change: impl Fn(&mut Subject)) -> Vec<String> {
        let mut all = topology(Release::V2_5, Size::default(), &ROLES);
        for subject in &mut all.subjects {
            if subject.kind == kind::CHAINCODE {
                let mut about: extra::Chaincode = extra::of(subject).unwrap();
                policy.clone_into(&mut about.policy);
                subject.extra = serde_json::to_string(&about).unwrap();
            }
            change(subject);
        }
        let network = Network::new(all).unwrap();
        let channel = network.subject("channel/mychannel").unwrap();
        let notes = of_channel(&network, channel).unwrap();
        notes.into_iter().map(|it| it.message).collect()
    }

    #[test]
    fn a_policy_that_members_cannot_satisfy_is_told() {
        let none = |_: &mut Subject| {};
        for fine in [
            "",
            "OR('Org1MSP.peer', 'Org9MSP.peer')",
            "/Channel/Application/Admins",
        ] {
            assert_eq!(told(fine, none), [""; 0], "{fine}");
        }
        let notes = told("AND('Org1MSP.peer', 'Org9MSP.peer')", none);
        assert_eq!(notes.len(), 1);
        for part in [
            "chaincode basic",
            "wants Org9MSP",
            "there is Org1MSP, Org2MSP",
        ] {
            assert!(notes[0].contains(part), "{part}: {notes:?}");
        }
        // Who orders endorses nothing.
        assert_eq!(told("OR('OrdererMSP.peer')", none).len(), 1);
        // A member of another party is one.
        let away = |subject: &mut Subject| {
            if subject.id == "org/org2" {
                subject.foreign = true;
            }
        };
        assert_eq!(told("AND('Org1MSP.peer', 'Org2MSP.peer')", away), [""; 0]);
    }
}
