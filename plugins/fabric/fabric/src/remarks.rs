//! What there is to say about a chain at every run, whatever was made of it before.

use chain_plugin_sdk::{Diagnostic, Diagnostics, Subject, warning};
use fabric_channel::policy::{MemberSet, parse_signature, policy_members, satisfiable_signature};
use fabric_proto::policies::SignaturePolicyEnvelope;
use fabric_service::{Network, extra, kind, role};

use crate::work::listed;

/// The state database without indexes of the user's.
const PLAIN_STATE: &str = "goleveldb";

/// Chaincodes of a channel that its members, as far as they are known here, cannot endorse, or whose private data nobody
/// else would hold: others may have been signed in by a file, so this is no error before the channel itself was asked. And
/// indexes that no peer reads.
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
        told.extend(policy(channel, &said, &members));
        for collection in &said.collections {
            told.extend(holders(channel, &said, collection, &members));
        }
        let state = network.service(role::STATE_DB);
        let plain = state.filter(|it| it.plugin == PLAIN_STATE);
        if plain.is_some() && !said.packaged_indexes().is_empty() {
            let message = format!(
                "chaincode {}: indexes are for CouchDB, and peers keep their state in {PLAIN_STATE}",
                said.name
            );
            let hint =
                "`--state-db couchdb`; peers that are there already keep the database they have";
            told.push(warning("indexes", "/chaincodes", message).hint(hint));
        }
    }
    Ok(told)
}

fn policy(channel: &Subject, said: &extra::Chaincode, members: &MemberSet) -> Option<Diagnostic> {
    // A path is looked up in the channel, and what is no policy was refused before.
    let rule = parse_signature(&said.policy).ok()?;
    if satisfiable_signature(&rule, members) {
        return None;
    }
    let message = format!(
        "chaincode {}: policy `{}` wants {}, which is no organisation with peers of channel {} here: there is {}",
        said.name,
        said.policy,
        strangers(&rule, members)?,
        channel.name,
        listed(members)
    );
    let hint = "name MSP ids of the channel's members; nothing is to be done if others signed it in by a file";
    Some(warning("policy", "/chaincodes", message).hint(hint))
}

fn holders(
    channel: &Subject,
    said: &extra::Chaincode,
    collection: &extra::Collection,
    members: &MemberSet,
) -> Option<Diagnostic> {
    let rule = parse_signature(&collection.policy).ok()?;
    let message = format!(
        "chaincode {}: collection {} is of {} too, which is no organisation with peers of channel {} here: there is {}",
        said.name,
        collection.name,
        strangers(&rule, members)?,
        channel.name,
        listed(members)
    );
    let hint = "peers refuse a collection of organisations that are no members; nothing is to be done if others signed it in by a file";
    Some(warning("collections", "/chaincodes", message).hint(hint))
}

/// Whom a policy names beside the members, none if nobody.
fn strangers(rule: &SignaturePolicyEnvelope, members: &MemberSet) -> Option<String> {
    let named = policy_members(rule);
    let strangers = listed(named.difference(members));
    (!strangers.is_empty()).then_some(strangers)
}

#[cfg(test)]
mod tests {
    use fabric_service::Release;
    use fabric_service::fixture::{ROLES, Size, topology};

    use super::*;

    fn told(policy: &str, change: impl Fn(&mut Subject)) -> Vec<String> {
        let with = |about: &mut extra::Chaincode| policy.clone_into(&mut about.policy);
        told_of(&ROLES, with, change)
    }

    fn told_of(
        roles: &[(&str, &str)],
        with: impl Fn(&mut extra::Chaincode),
        change: impl Fn(&mut Subject),
    ) -> Vec<String> {
        let mut all = topology(Release::V2_5, Size::default(), roles);
        for subject in &mut all.subjects {
            if subject.kind == kind::CHAINCODE {
                let mut about: extra::Chaincode = extra::of(subject).unwrap();
                with(&mut about);
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

    #[test]
    fn data_that_strangers_would_hold_and_indexes_that_nobody_reads_are_told() {
        let with = |members: &'static str| {
            move |about: &mut extra::Chaincode| {
                about.collections = vec![extra::Collection {
                    name: "secrets".to_owned(),
                    policy: members.to_owned(),
                    ..extra::Collection::default()
                }];
            }
        };
        let none = |_: &mut Subject| {};
        let fine = told_of(&ROLES, with("OR('Org1MSP.member')"), none);
        assert_eq!(fine, [""; 0]);
        let notes = told_of(&ROLES, with("OR('Org1MSP.member', 'Org9MSP.member')"), none);
        assert_eq!(notes.len(), 1);
        assert!(
            notes[0].contains("collection secrets is of Org9MSP too"),
            "{notes:?}"
        );
        let indexed = |about: &mut extra::Chaincode| {
            about.indexes = [("owner".to_owned(), serde_json::json!({"index": {}}))].into();
        };
        let notes = told_of(&ROLES, indexed, none);
        assert!(notes[0].contains("state in goleveldb"), "{notes:?}");
        let mut roles = ROLES;
        roles[3] = (role::STATE_DB, "couchdb");
        assert_eq!(told_of(&roles, indexed, none), [""; 0]);
    }
}
