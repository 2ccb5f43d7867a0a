//! Calls of a chaincode: who is asked, and that each is made once.

use std::collections::BTreeSet;

use super::*;

#[test]
fn a_chaincode_is_called() {
    for spec in [raft(), bft()] {
        let (mut network, mut ledger) = brought_up(spec);
        let add = json!({"call": "[\"add\", \"n\", \"2\"]"});
        for sum in ["2", "4"] {
            let report = does(&mut network, &mut ledger, "chaincode-invoke", BASIC, &add);
            let table: Value = serde_json::from_str(&report.table).unwrap();
            assert_eq!(table["result"], sum, "{}", report.text);
        }
        let get = json!({"call": "get n"});
        let report = does(&mut network, &mut ledger, "chaincode-query", BASIC, &get);
        assert_eq!(report.text, "4");
        let wrong = json!({"call": "get nothing"});
        let refused = done(
            &mut network,
            &mut ledger,
            "chaincode-query",
            BASIC,
            &wrong,
            &Faults::none(),
        );
        let text = format!("{:?}", refused.unwrap_err());
        assert!(text.contains("key nothing does not exist"), "{text}");
        is_clean(&ledger, "called");
    }
}

/// Who holds private data is asked, and nobody else: whoever is asked sees what is sent along.
#[test]
fn the_user_says_whose_peers_are_asked() {
    let with = |policy: &str| {
        let mut kinds = kinds(1, 1);
        kinds["chaincodes"][0]["policy"] = json!(policy);
        brought_up(Spec::new(Release::V2_5, Orderers::Raft, &kinds))
    };
    let (mut network, mut ledger) = with("OR('Org1MSP.peer', 'Org2MSP.peer')");
    let asked = |network: &Network| -> BTreeSet<String> {
        let all = network.log.requests.iter().map(|(node, ..)| node.clone());
        all.filter(|node| node.contains("peer/")).collect()
    };
    let add = json!({"call": "add n 2", "orgs": "org2", "transient": "{\"secret\": \"NDI=\"}"});
    does(&mut network, &mut ledger, "chaincode-invoke", BASIC, &add);
    assert_eq!(asked(&network), ["peer/peer0.org2".to_owned()].into());
    let get = json!({"call": "get n", "orgs": "org2"});
    let report = does(&mut network, &mut ledger, "chaincode-query", BASIC, &get);
    assert_eq!(report.text, "2");
    assert_eq!(asked(&network), ["peer/peer0.org2".to_owned()].into());
    let none = Faults::none();
    let get = json!({"call": "get n", "orgs": "org2, org9"});
    let refused = done(
        &mut network,
        &mut ledger,
        "chaincode-query",
        BASIC,
        &get,
        &none,
    );
    let text = format!("{:?}", refused.unwrap_err());
    assert!(text.contains("there is: org1, org2"), "{text}");
    is_clean(&ledger, "asked one");

    let (mut network, mut ledger) = with("AND('Org1MSP.peer', 'Org2MSP.peer')");
    let refused = done(
        &mut network,
        &mut ledger,
        "chaincode-invoke",
        BASIC,
        &add,
        &none,
    );
    let text = format!("{:?}", refused.unwrap_err());
    assert!(text.contains("wants org1 too"), "{text}");
    let both = json!({"call": "add n 2", "orgs": "org2,org1"});
    does(&mut network, &mut ledger, "chaincode-invoke", BASIC, &both);
    is_clean(&ledger, "asked both");
}

/// Whoever adds one and is told that it is done has added one, not two: neither a lost answer nor a run that was killed is
/// a reason to do it again. What was told to be done may be done once more.
#[test]
fn a_call_is_made_once_whatever_is_lost_and_whoever_is_killed() {
    for spec in [raft, alone, bft] {
        let (mut network, mut ledger) = brought_up(spec());
        let add = json!({"call": "[\"add\", \"counter\", \"1\"]"});
        does(&mut network, &mut ledger, "chaincode-invoke", BASIC, &add);
        let requests = network.log.requests.len();
        let mut sum = 1;
        for fault in FAULTS {
            for at in 0..requests {
                let faults = Faults::one(at, fault);
                let ended = done(
                    &mut network,
                    &mut ledger,
                    "chaincode-invoke",
                    BASIC,
                    &add,
                    &faults,
                );
                let report = ended.unwrap_or_else(|why| panic!("{fault:?} at {at}: {why:?}"));
                sum += 1;
                let table: Value = serde_json::from_str(&report.table).unwrap();
                let told = &network.log.requests[at];
                assert_eq!(
                    table["result"],
                    sum.to_string(),
                    "{fault:?} at {at}: {told:?}"
                );
                // What is remembered meanwhile tells nobody what was called, and afterwards it is forgotten.
                let remembered = format!("{:?}", network.log.remembered);
                assert!(!remembered.contains("counter"), "{remembered}");
                let left = network.state(BASIC).unwrap();
                let left: Value = serde_json::from_str(&left).unwrap();
                assert_eq!(left["calls"], json!({}), "{fault:?} at {at}");
            }
        }
        is_clean(&ledger, "called");
    }
}
