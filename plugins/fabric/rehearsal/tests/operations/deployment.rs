//! Chaincode: its package, its definition, and the versions that follow.

use std::collections::BTreeSet;

use super::*;

/// Whoever makes the package for peers makes it as its servers know it, whatever the user says of it.
#[test]
fn a_package_has_the_time_to_dial_that_the_user_says() {
    let mut spec = alone();
    let said = json!({"dialTimeout": "20s"});
    spec.options
        .insert(fabric_service::role::CHAINCODE.to_owned(), said);
    let (mut network, mut ledger) = brought_up(spec);
    let none = json!({});
    let report = does(&mut network, &mut ledger, "chaincode-package", BASIC, &none);
    let limits = fabric_transaction::package::Limits::default();
    let read = fabric_transaction::package::read(&report.files[0].bytes, &limits).unwrap();
    let code = format!("{:?}", read.code);
    assert!(code.contains("20s"), "{code}");
    let call = json!({"call": "add n 1"});
    does(&mut network, &mut ledger, "chaincode-invoke", BASIC, &call);
    is_clean(&ledger, "deployed");
}

#[test]
fn a_channel_is_joined_first_and_its_chaincode_deployed_after() {
    let mut network = Network::new(raft()).unwrap();
    let mut ledger = Ledger::new(&network).unwrap();
    let none = json!({});
    let report = does(&mut network, &mut ledger, "channel-join", CHANNEL, &none);
    let table: Value = serde_json::from_str(&report.table).unwrap();
    assert_eq!(table["orderers"].as_array().unwrap().len(), 3);
    assert_eq!(table["peers"].as_array().unwrap().len(), 4);
    assert_eq!(ledger.chain("mychannel").unwrap().height(), 1);
    let report = does(&mut network, &mut ledger, "chaincode-deploy", BASIC, &none);
    let table: Value = serde_json::from_str(&report.table).unwrap();
    assert_eq!(table["committed"], true, "{}", report.text);
    assert_eq!(table["sequence"], 1);
    let report = does(&mut network, &mut ledger, "channel-list", "chain", &none);
    let rows: Vec<Value> = serde_json::from_str(&report.table).unwrap();
    assert_eq!(rows.len(), 7, "{}", report.text);
    for row in &rows {
        assert_eq!(row["height"], 4, "{row}");
        assert_eq!(row["status"], "active", "{row}");
    }
    is_clean(&ledger, "deployed");
}

#[test]
fn another_version_is_the_next_sequence_and_only_once() {
    let mut network = Network::new(raft()).unwrap();
    let mut ledger = Ledger::new(&network).unwrap();
    let none = json!({});
    does(&mut network, &mut ledger, "bring-up", "chain", &none);
    let mut changed = kinds(3, 2);
    changed["chaincodes"][0]["version"] = json!("2.0");
    network.change(&changed).unwrap();
    for _ in 0..2 {
        let report = does(&mut network, &mut ledger, "chaincode-deploy", BASIC, &none);
        let table: Value = serde_json::from_str(&report.table).unwrap();
        assert_eq!(table["sequence"], 2, "{}", report.text);
    }
    let raised: Vec<i64> = ledger.audit.raised.keys().map(|it| it.2).collect();
    assert_eq!(raised, [1, 2]);
    is_clean(&ledger, "version 2.0");
}

#[test]
fn an_upgrade_is_the_next_sequence() {
    let (mut network, mut ledger) = brought_up(raft());
    let wish = json!({"version": "2.0"});
    does(&mut network, &mut ledger, "chaincode-upgrade", BASIC, &wish);
    assert_eq!(network.log.amended.len(), 1);
    amended(&mut network, &mut ledger);
    let raised: Vec<i64> = ledger.audit.raised.keys().map(|it| it.2).collect();
    assert_eq!(raised, [1, 2]);
    is_clean(&ledger, "upgraded");
}

/// Organisations agree on collections as on all else of a definition; the package has the indexes.
#[test]
fn collections_are_of_the_definition_and_indexes_of_the_package() {
    let with = |most: u32, fields: &str| {
        let index =
            json!({"index": {"fields": [fields]}, "ddoc": "a", "name": "a", "type": "json"});
        let mut kinds = kinds(1, 1);
        kinds["chaincodes"][0]["collections"] = json!([{
            "name": "secrets", "policy": "OR('Org1MSP.member', 'Org2MSP.member')",
            "maxPeerCount": most, "indexes": {"a": index},
        }]);
        kinds
    };
    let (mut network, mut ledger) =
        brought_up(Spec::new(Release::V2_5, Orderers::Raft, &with(1, "price")));
    let raised = |ledger: &Ledger| -> Vec<i64> {
        let all = ledger.audit.raised.iter();
        all.map(|((.., sequence), times)| {
            assert_eq!(*times, 1);
            *sequence
        })
        .collect()
    };
    let packages = |ledger: &Ledger| -> BTreeSet<String> {
        let all = ledger.peers.values().flat_map(|it| it.installed.keys());
        all.cloned().collect()
    };
    let (first, none) = (packages(&ledger), json!({}));
    // Another definition.
    network.change(&with(2, "price")).unwrap();
    does(&mut network, &mut ledger, "chaincode-deploy", BASIC, &none);
    assert_eq!(
        (raised(&ledger), packages(&ledger)),
        (vec![1, 2], first.clone())
    );
    // Another package, which is approved under the same definition.
    network.change(&with(2, "bid")).unwrap();
    for _ in 0..2 {
        does(&mut network, &mut ledger, "chaincode-deploy", BASIC, &none);
        assert!(packages(&ledger).is_superset(&first));
        assert_ne!(packages(&ledger), first);
    }
    is_clean(&ledger, "collections");
    // None may go.
    network.change(&kinds(1, 1)).unwrap();
    let gone = done(
        &mut network,
        &mut ledger,
        "chaincode-deploy",
        BASIC,
        &none,
        &Faults::none(),
    );
    let text = format!("{:?}", gone.unwrap_err());
    assert!(
        text.contains("secrets") && text.contains("cannot be taken away"),
        "{text}"
    );
}
