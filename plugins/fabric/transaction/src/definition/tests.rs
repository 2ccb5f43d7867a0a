use fabric_proto::peer::{
    ChaincodeData, CollectionConfig, CollectionPolicyConfig, CollectionPolicyKind,
};

use super::*;

const PACKAGE: &str = "kv_1:ad";

fn definition(sequence: i64) -> Definition {
    Definition {
        sequence,
        ..Definition::new("kv", "1.0")
    }
}

fn collection(name: &str, blocks: u64) -> CollectionConfig {
    CollectionConfig {
        payload: Some(CollectionConfigKind::StaticCollectionConfig(
            StaticCollectionConfig {
                name: name.to_owned(),
                member_orgs_policy: Some(CollectionPolicyConfig {
                    payload: Some(CollectionPolicyKind::SignaturePolicy(
                        SignaturePolicyEnvelope::default(),
                    )),
                }),
                maximum_peer_count: 1,
                block_to_live: blocks,
                ..StaticCollectionConfig::default()
            },
        )),
    }
}

/// Two organisations with a peer each, of a channel of `all`; nothing done.
fn fresh(all: &[&str]) -> State {
    let organisation = Organisation {
        package_id: Some(PACKAGE.to_owned()),
        peers: BTreeMap::from([("peer0".to_owned(), BTreeSet::new())]),
        approved: None,
    };
    State {
        committed: None,
        organisations: ["Org1MSP", "Org2MSP"]
            .map(|name| (name.to_owned(), organisation.clone()))
            .into(),
        approvals: all.iter().map(|name| ((*name).to_owned(), false)).collect(),
        enough: true,
    }
}

/// Does what a step says, as a network would.
fn act(state: &mut State, step: &Step) {
    match step {
        Step::Install(installs) => {
            for (organisation, peer, package) in installs {
                let organisation = state.organisations.get_mut(organisation).unwrap();
                organisation
                    .peers
                    .get_mut(peer)
                    .unwrap()
                    .insert(package.clone());
            }
        }
        Step::Approve {
            definition,
            organisations,
        } => {
            for (name, package_id) in organisations {
                // A peer tells what it stores: sent and read back as messages.
                let args = definition.approve_args(package_id.as_deref());
                let result = QueryApprovedChaincodeDefinitionResult {
                    sequence: args.sequence,
                    version: args.version,
                    endorsement_plugin: args.endorsement_plugin,
                    validation_plugin: args.validation_plugin,
                    validation_parameter: args.validation_parameter,
                    collections: args.collections,
                    init_required: args.init_required,
                    source: args.source,
                };
                let organisation = state.organisations.get_mut(name).unwrap();
                organisation.approved = Some(Definition::from_approved(&args.name, &result));
                state.approvals.insert(name.clone(), true);
            }
        }
        Step::Commit { definition, .. } => {
            let args = definition.commit_args();
            let result = QueryChaincodeDefinitionResult {
                sequence: args.sequence,
                version: args.version,
                validation_parameter: args.validation_parameter,
                collections: args.collections,
                init_required: args.init_required,
                ..QueryChaincodeDefinitionResult::default()
            };
            state.committed = Some(Definition::from_committed(&args.name, &result));
        }
        Step::Wait(_) | Step::Done => panic!("nothing to do"),
    }
}

#[test]
fn a_chaincode_is_installed_approved_committed_and_done() {
    let wish = Definition::new("kv", "1.0");
    let mut state = fresh(&["Org1MSP", "Org2MSP"]);
    let mut steps = Vec::new();
    loop {
        let step = next(&wish, &state).unwrap();
        // Asking again changes nothing.
        assert_eq!(step, next(&wish, &state).unwrap());
        if step == Step::Done {
            break;
        }
        act(&mut state, &step);
        steps.push(step);
    }
    let package = Some(PACKAGE.to_owned());
    assert_eq!(
        steps,
        [
            Step::Install(vec![
                ("Org1MSP".to_owned(), "peer0".to_owned(), PACKAGE.to_owned()),
                ("Org2MSP".to_owned(), "peer0".to_owned(), PACKAGE.to_owned()),
            ]),
            Step::Approve {
                definition: Box::new(definition(1)),
                organisations: vec![
                    ("Org1MSP".to_owned(), package.clone()),
                    ("Org2MSP".to_owned(), package),
                ],
            },
            Step::Commit {
                definition: Box::new(definition(1)),
                endorsers: vec!["Org1MSP".to_owned(), "Org2MSP".to_owned()],
                elsewhere: Vec::new(),
            },
        ]
    );

    // A run that stopped half-way goes on where it was.
    let mut half = fresh(&["Org1MSP", "Org2MSP"]);
    act(&mut half, &steps[0]);
    act(
        &mut half,
        &Step::Approve {
            definition: Box::new(definition(1)),
            organisations: vec![("Org2MSP".to_owned(), Some(PACKAGE.to_owned()))],
        },
    );
    let Step::Approve { organisations, .. } = next(&wish, &half).unwrap() else {
        panic!("not an approval")
    };
    assert_eq!(organisations.len(), 1);
    assert_eq!(organisations[0].0, "Org1MSP");

    // A change is the next sequence, and all approve anew; a new package alone is approved again.
    let change = Definition::new("kv", "2.0");
    let Step::Approve { definition, .. } = next(&change, &state).unwrap() else {
        panic!("not an approval")
    };
    assert_eq!(definition.sequence, 2);
    for organisation in state.organisations.values_mut() {
        organisation.package_id = Some("kv_2:be".to_owned());
    }
    let step = next(&wish, &state).unwrap();
    assert!(matches!(step, Step::Install(_)));
    act(&mut state, &step);
    let step = next(&wish, &state).unwrap();
    let Step::Approve { definition, .. } = &step else {
        panic!("not an approval")
    };
    assert_eq!(definition.sequence, 1);
    act(&mut state, &step);
    assert_eq!(next(&wish, &state).unwrap(), Step::Done);
}

#[test]
fn others_are_waited_for() {
    let wish = Definition::new("kv", "1.0");
    let mut state = fresh(&["Org1MSP", "Org2MSP", "Org3MSP", "Org4MSP"]);
    for _ in 0..2 {
        let step = next(&wish, &state).unwrap();
        act(&mut state, &step);
    }
    let waiting = Waiting {
        missing: vec!["Org3MSP".to_owned(), "Org4MSP".to_owned()],
        approved: 2,
        all: 4,
    };
    state.enough = false;
    assert_eq!(next(&wish, &state).unwrap(), Step::Wait(waiting));
    state.enough = true;
    let alone = next(&wish, &state).unwrap();
    assert!(matches!(&alone, Step::Commit { elsewhere, .. } if elsewhere.is_empty()));
    // One more approval: who gave it may be asked to endorse.
    state.approvals.insert("Org3MSP".to_owned(), true);
    let Step::Commit {
        endorsers,
        elsewhere,
        ..
    } = next(&wish, &state).unwrap()
    else {
        panic!("no commit")
    };
    assert_eq!(endorsers, ["Org1MSP", "Org2MSP"]);
    assert_eq!(elsewhere, ["Org3MSP"]);
}

#[test]
fn an_organisation_without_code_only_approves() {
    let wish = Definition::new("kv", "1.0");
    let mut state = fresh(&["Org1MSP", "Org2MSP"]);
    for organisation in state.organisations.values_mut() {
        organisation.package_id = None;
    }
    let step = next(&wish, &state).unwrap();
    assert!(matches!(&step, Step::Approve { .. }));
    act(&mut state, &step);
    assert!(matches!(next(&wish, &state).unwrap(), Step::Commit { .. }));
}

#[test]
fn sequences_fit_what_is_committed() {
    let committed = definition(3);
    let target = |sequence, version: &str| {
        let wish = Definition {
            sequence,
            ..Definition::new("kv", version)
        };
        target(&wish, Some(&committed)).map(|definition| definition.sequence)
    };
    assert_eq!(target(0, "1.0"), Ok(3));
    assert_eq!(target(0, "2.0"), Ok(4));
    assert_eq!(target(3, "1.0"), Ok(3));
    assert_eq!(target(4, "1.0"), Ok(4));
    assert!(matches!(target(2, "1.0"), Err(DefinitionError::Old { .. })));
    assert!(matches!(target(5, "1.0"), Err(DefinitionError::Gap { .. })));
    let error = target(3, "2.0").unwrap_err();
    assert_eq!(
        error.to_string(),
        "sequence 3 of chaincode kv is committed with another version: expected sequence 4"
    );
    let first = super::target(&Definition::new("kv", "1"), None).unwrap();
    assert_eq!(first.sequence, 1);
    assert!(matches!(
        super::target(&definition(2), None),
        Err(DefinitionError::Gap { expected: 1, .. })
    ));
}

#[test]
fn what_a_peer_fills_in_is_no_difference() {
    let wish = Definition::new("kv", "1.0");
    // What a peer answers when it was approved with empty plugins and no policy.
    let mut parameter = vec![0x12, 0x20];
    parameter.extend(DEFAULT_POLICY.as_bytes());
    assert_eq!(wish.endorsement.encode(), parameter);
    for (plugin, parameter) in [("", vec![]), ("escc", parameter)] {
        let result = QueryChaincodeDefinitionResult {
            version: "1.0".to_owned(),
            endorsement_plugin: plugin.to_owned(),
            validation_parameter: parameter,
            collections: Some(CollectionConfigPackage::default()),
            ..QueryChaincodeDefinitionResult::default()
        };
        let committed = Definition::from_committed("kv", &result);
        assert!(wish.differences(&committed).is_empty());
    }
}

#[test]
fn differences_are_named() {
    let mut other = definition(2);
    other.version = "2.0".to_owned();
    other.endorsement = EndorsementPolicy::Channel("/Channel/Application/Admins".to_owned());
    other.init_required = true;
    other.collections.config.push(collection("secrets", 0));
    let parts: Vec<&str> = definition(1)
        .differences(&other)
        .iter()
        .map(|difference| difference.part)
        .collect();
    assert_eq!(
        parts,
        [
            "sequence",
            "version",
            "endorsement policy",
            "init required",
            "collections"
        ]
    );
    let version = &definition(1).differences_of_content(&other)[0];
    assert_eq!(
        (version.ours.as_str(), version.theirs.as_str()),
        ("1.0", "2.0")
    );
}

#[test]
fn policies_survive_as_the_bytes_that_peers_compare() {
    let signature = EndorsementPolicy::Signature(SignaturePolicyEnvelope::default());
    assert_eq!(EndorsementPolicy::decode(&signature.encode()), signature);
    for odd in [&[0xff][..], &[0x12, 1, b'a', 0x18, 1], &[0x18, 1]] {
        let policy = EndorsementPolicy::decode(odd);
        assert_eq!(policy, EndorsementPolicy::Other(odd.to_vec()));
        assert_eq!(policy.encode(), odd);
    }
}

#[test]
fn names_and_versions_follow_the_rules_of_peers() {
    let ok = |name: &str, version: &str| Definition::new(name, version).check().is_ok();
    for name in ["kv", "a-b_c", "1"] {
        assert!(ok(name, "1"), "{name}");
    }
    for name in ["", "-a", "a-", "a--b", "a.b", "lscc", "_lifecycle", "ä"] {
        assert!(!ok(name, "1"), "{name}");
    }
    assert!(ok("kv", "_.+-"));
    assert!(!ok("kv", "") && !ok("kv", "1:0"));
    assert!(definition(-1).check().is_err());
}

#[test]
fn collections_follow_the_rules_of_peers() {
    let with = |collections: &[CollectionConfig]| {
        let mut definition = definition(1);
        definition.collections.config = collections.to_vec();
        definition
    };
    let one = collection("a_1", 5);
    assert!(with(std::slice::from_ref(&one)).check().is_ok());
    assert!(with(&[one.clone(), one.clone()]).check().is_err());
    assert!(with(&[collection("_a", 5)]).check().is_err());
    assert!(with(&[CollectionConfig::default()]).check().is_err());

    let committed = with(std::slice::from_ref(&one));
    let follows = |collections: &[CollectionConfig]| with(collections).check_follows(&committed);
    assert!(follows(&[collection("b", 0), one]).is_ok());
    assert!(follows(&[]).is_err());
    assert!(follows(&[collection("a_1", 6)]).is_err());
}

#[test]
fn chaincodes_of_1_4_have_three_steps() {
    let data = ChaincodeData {
        version: "1.0".to_owned(),
        ..ChaincodeData::default()
    };
    assert_eq!(next_legacy("1.0", false, Some(&data)), LegacyStep::Install);
    assert_eq!(next_legacy("1.0", true, None), LegacyStep::Deploy);
    assert_eq!(next_legacy("1.0", true, Some(&data)), LegacyStep::Done);
    assert_eq!(next_legacy("1.1", true, Some(&data)), LegacyStep::Upgrade);
}
