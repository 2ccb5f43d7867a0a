//! Who comes and who goes: other parties, organisations, orderers.

use super::*;

/// Gives everything of some organisations to another party; what they publish stays known.
fn give_away(network: &mut Network, orgs: &[&str]) {
    let away: Vec<String> = network
        .topology
        .subjects
        .iter()
        .filter(|it| {
            let org = it.parent.as_deref().unwrap_or(&it.id);
            orgs.contains(&org) || orgs.contains(&it.id.as_str())
        })
        .map(|it| it.id.clone())
        .collect();
    for subject in &mut network.topology.subjects {
        subject.foreign = away.contains(&subject.id);
        if subject.foreign {
            for endpoint in &mut subject.endpoints {
                let outside = format!("{}.example:{}", endpoint.service, endpoint.number);
                endpoint.outside = Some(outside);
            }
        }
    }
}

#[test]
fn what_another_party_must_approve_is_told_by_name() {
    let mut network = Network::new(raft()).unwrap();
    let mut ledger = Ledger::new(&network).unwrap();
    give_away(&mut network, &["org/org2"]);
    let none = json!({});
    let report = does(&mut network, &mut ledger, "bring-up", "chain", &none);
    let notes: Vec<String> = report
        .notes
        .iter()
        .map(|it| format!("{} | {}", it.message, it.hint.clone().unwrap_or_default()))
        .collect();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(
        notes[0].contains("1 of 2 organisations have approved")
            && notes[0].contains("missing: Org2MSP"),
        "{notes:?}"
    );
    assert!(notes[0].contains("chaincode-deploy basic"), "{notes:?}");
    assert!(ledger.audit.raised.is_empty());
    let blocks = ledger.blocks();
    does(&mut network, &mut ledger, "bring-up", "chain", &none);
    assert_eq!(
        ledger.blocks(),
        blocks,
        "an approval that is there is not given again"
    );
    is_clean(&ledger, "one party");
}

#[test]
fn what_is_added_later_takes_part() {
    let (mut network, mut ledger) = brought_up(raft());
    let channel = json!({"name": "second", "orgs": ["org1"]});
    let none = json!({});
    for (operation, args) in [("channel-create", &channel), ("orderer-add", &none)] {
        does(&mut network, &mut ledger, operation, "chain", args);
        assert_eq!(network.log.amended.len(), 1, "{operation}");
        amended(&mut network, &mut ledger);
    }
    for (name, members) in [("mychannel", 4), ("second", 2)] {
        let chain = ledger.chain(name).unwrap();
        let consenters = chain.ordering.consenters.as_ref().unwrap();
        assert_eq!(consenters.len(), 4, "{name}");
        let in_it = |all: &std::collections::BTreeMap<String, String>| all.contains_key(name);
        let orderers = ledger.orderers.values();
        assert_eq!(orderers.filter(|it| in_it(&it.channels)).count(), 4);
        let peers = ledger.peers.values();
        assert_eq!(peers.filter(|it| in_it(&it.channels)).count(), members);
    }
    let (before, blocks) = (ledger.summary(), ledger.blocks());
    does(&mut network, &mut ledger, "bring-up", "chain", &none);
    assert_eq!((ledger.summary(), ledger.blocks()), (before, blocks));
    is_clean(&ledger, "added");
}

#[test]
fn who_is_removed_is_out_of_everything() {
    let (mut network, mut ledger) = brought_up(raft());
    let (gone, none) = ("orderer/orderer2.orderer", json!({}));
    does(&mut network, &mut ledger, "orderer-remove", gone, &none);
    let chain = ledger.chain("mychannel").unwrap();
    assert_eq!(chain.ordering.consenters.as_ref().unwrap().len(), 2);
    assert!(ledger.orderers[gone].channels.is_empty());
    amended(&mut network, &mut ledger);
    assert!(network.subject(gone).is_err());
    is_clean(&ledger, "an orderer");
    let org = json!({"org": "org2"});
    let report = does(
        &mut network,
        &mut ledger,
        "channel-remove-org",
        CHANNEL,
        &org,
    );
    let chain = ledger.chain("mychannel").unwrap();
    let msps: Vec<&str> = chain.members.iter().map(|it| it.msp_id.as_str()).collect();
    assert_eq!(msps, ["Org1MSP", "OrdererMSP"], "{}", report.text);
    is_clean(&ledger, "an organisation");
}

/// Who comes to a channel of others, and has no orderer to ask, joins it, is told what is missing, and goes on when it is a
/// member.
#[test]
fn a_party_without_orderers_waits_for_its_membership() {
    let one = json!({"orderers": 1, "orgs": 1, "peers": 1, "channels": [{"name": "mychannel"}]});
    // Where others dial its peer is in the peer's certificate.
    let peers = json!([{"name": "peer0", "sans": ["peer0.example"]}]);
    let both = json!({"orgs": [{"name": "org1"}, {"name": "org2", "peers": peers}]});
    let none = json!({});
    let spec = || Spec::new(Release::V2_5, Orderers::Raft, &one);
    let (mut first, mut ledger) = brought_up(spec());
    let mut second = Network::new(spec()).unwrap();
    second.amend(&both).unwrap();
    give_away(&mut second, &["org/orderer", "org/org1"]);
    ledger.start(&second).unwrap();

    let report = does(&mut second, &mut ledger, "after-ready", "chain", &none);
    let told = &report.notes[0];
    let text = format!("{} {}", told.message, told.hint.clone().unwrap_or_default());
    assert!(text.contains("no members of it yet"), "{text}");
    assert!(text.contains("channel-add-org mychannel"), "{text}");

    first.amend(&both).unwrap();
    give_away(&mut first, &["org/org2"]);
    let org = json!({"org": "org2"});
    does(&mut first, &mut ledger, "channel-add-org", CHANNEL, &org);
    let report = does(&mut second, &mut ledger, "bring-up", "chain", &none);
    assert!(report.notes.is_empty(), "{:?}", report.notes);
    let chain = ledger.chain("mychannel").unwrap();
    assert!(chain.members.iter().any(|it| it.msp_id == "Org2MSP"));
    let mut peers = ledger.peers.values();
    assert!(peers.all(|it| it.channels.contains_key("mychannel")));
}
