use std::collections::BTreeMap;

use fabric_proto::Message;
use fabric_proto::configuration::{ConfigGroup, ConfigPolicy, ConfigValue};
use fabric_proto::msp::{FabricMspConfig, MspConfig};
use fabric_proto::policies::{Policy, SignatureRule};

use super::*;

fn set(ids: &[&str]) -> MemberSet {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
fn texts_come_back() {
    for text in [
        "OR('Org1MSP.member')",
        "AND('A.admin', 'B.peer')",
        "OutOf(2, 'A.client', 'B.orderer', OR('C.member', 'C.member'))",
        "OR('a.b-c.9.admin', AND('A.peer', 'B.peer'))",
        "OutOf(0)",
        "OutOf(0, 'A.peer')",
        "OutOf(3, 'A.peer', 'B.peer')",
        "ANY Readers",
        "ALL Writers",
        "MAJORITY Admins",
    ] {
        let policy = parse(text).unwrap();
        assert_eq!(to_text(&policy).unwrap(), text);
        assert_eq!(parse(&to_text(&policy).unwrap()).unwrap(), policy);
    }
}

#[test]
fn spaces_quotes_and_cases_do_not_matter() {
    let policy = parse(" or( \"A.admin\" ,outof('2','B.peer','C.peer') ) ").unwrap();
    assert_eq!(
        to_text(&policy).unwrap(),
        "OR('A.admin', AND('B.peer', 'C.peer'))"
    );
    assert_eq!(
        to_text(&parse("ANY   Admins").unwrap()).unwrap(),
        "ANY Admins"
    );
}

#[test]
fn principals_are_numbered_in_the_order_of_reading_without_merging() {
    let policy = parse_signature("AND('A.peer', OR('B.peer', 'A.peer'))").unwrap();
    assert_eq!(policy.identities.len(), 3);
    assert_eq!(policy.identities[0], policy.identities[2]);
    let Some(SignatureRule::NOutOf(gate)) = policy.rule.unwrap().r#type else {
        panic!()
    };
    assert_eq!(gate.n, 2);
    let Some(SignatureRule::NOutOf(inner)) = &gate.rules[1].r#type else {
        panic!()
    };
    assert_eq!(inner.rules[1].r#type, Some(SignatureRule::SignedBy(2)));
}

#[test]
fn an_or_of_one_has_the_bytes_that_fabric_writes() {
    let bytes = parse_signature("OR('A.admin')").unwrap().encode_to_vec();
    let expected = [
        0x12, 0x08, 0x12, 0x06, 0x08, 0x01, 0x12, 0x02, 0x08, 0x00, // rule
        0x1a, 0x07, 0x12, 0x05, 0x0a, 0x01, b'A', 0x10, 0x01, // principal
    ];
    assert_eq!(bytes, expected);
}

#[test]
fn broken_texts_are_refused_with_a_place() {
    for text in [
        "",
        "OR",
        "OR(",
        "OR()",
        "OR('A.admin'",
        "OR('A.admin',)",
        "OR('A.boss')",
        "OR('A_B.peer')",
        "OR('.peer')",
        "OR('peer')",
        "OR('A.admin') x",
        "XOR('A.admin')",
        "'A.admin'",
        "OutOf('A.admin')",
        "OutOf(-1, 'A.admin')",
        "OutOf(3, 'A.admin')",
        "OutOf(99999999999, 'A.admin')",
        "OR('A.admin\")",
        "ANY",
        "MOST Admins",
        "ANY Admins Readers",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
    let deep = format!("{}'A.peer'{}", "OR(".repeat(4000), ")".repeat(4000));
    assert!(parse(&deep).is_err());
    assert!(parse(&format!("OR('{}.peer')", "a".repeat(MAX_TEXT))).is_err());
    let error = parse("OR('A.admin', 'B.boss')").unwrap_err().to_string();
    assert!(error.contains("byte 15"), "{error}");
}

#[test]
fn a_signature_rule_is_satisfied_by_the_right_organisations() {
    let policy = parse_signature("OutOf(2, 'A.peer', 'B.peer', 'C.peer')").unwrap();
    assert!(satisfiable_signature(&policy, &set(&["A", "C"])));
    assert!(!satisfiable_signature(&policy, &set(&["A", "D"])));
    assert_eq!(policy_members(&policy), set(&["A", "B", "C"]));
    let never = parse_signature("OutOf(2, 'A.peer')").unwrap();
    assert!(!satisfiable_signature(&never, &set(&["A"])));
    let always = parse_signature("OutOf(0)").unwrap();
    assert!(satisfiable_signature(&always, &set(&[])));
}

fn tree(rule: &str, ids: &[&str]) -> ConfigGroup {
    let policy = |text: &str| {
        BTreeMap::from([(
            "Admins".to_owned(),
            ConfigPolicy {
                policy: Some(parse(text).unwrap()),
                ..ConfigPolicy::default()
            },
        )])
    };
    let organisation = |id: &str| ConfigGroup {
        policies: policy(&format!("OR('{id}.admin')")),
        values: BTreeMap::from([(
            "MSP".to_owned(),
            ConfigValue {
                value: MspConfig {
                    r#type: 0,
                    config: FabricMspConfig {
                        name: id.to_owned(),
                        ..FabricMspConfig::default()
                    }
                    .encode_to_vec(),
                }
                .encode_to_vec(),
                ..ConfigValue::default()
            },
        )]),
        ..ConfigGroup::default()
    };
    ConfigGroup {
        groups: ids
            .iter()
            .map(|id| ((*id).to_owned(), organisation(id)))
            .collect(),
        policies: policy(rule),
        ..ConfigGroup::default()
    }
}

#[test]
fn the_smallest_set_follows_the_rule() {
    let admins = resolve(&[], "Admins").unwrap();
    let smallest = |rule: &str, ids: &[&str], have: &[&str]| {
        smallest_set(&tree(rule, ids), &admins, &set(have))
    };
    let four = ["A", "B", "C", "D"];
    assert_eq!(
        smallest("MAJORITY Admins", &four, &[]),
        Some(set(&["A", "B", "C"]))
    );
    assert_eq!(
        smallest("MAJORITY Admins", &four, &["D"]),
        Some(set(&["A", "B"]))
    );
    assert_eq!(smallest("ANY Admins", &four, &[]), Some(set(&["A"])));
    assert_eq!(
        smallest("ALL Admins", &four, &["B"]),
        Some(set(&["A", "C", "D"]))
    );
    assert_eq!(
        smallest("MAJORITY Admins", &four, &["A", "B", "C"]),
        Some(set(&[]))
    );
    assert_eq!(smallest("ANY Owners", &four, &[]), None);
    // Nobody below: nobody to ask.
    assert_eq!(smallest("MAJORITY Admins", &[], &[]), Some(set(&[])));
    let many: Vec<String> = (10..30).map(|n| format!("Org{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(smallest("MAJORITY Admins", &many, &[]).unwrap().len(), 11);
}

#[test]
fn references_lead_to_groups() {
    let here = ["Orderer".to_owned(), "Org".to_owned()];
    assert_eq!(
        resolve(&here, "Admins").unwrap().to_string(),
        "/Channel/Orderer/Org/Admins"
    );
    assert_eq!(
        resolve(&here, "/Channel/Application/Admins")
            .unwrap()
            .to_string(),
        "/Channel/Application/Admins"
    );
    assert_eq!(
        resolve(&here, "/Channel/Admins").unwrap().group,
        Vec::<String>::new()
    );
    for reference in ["", "/", "/Channel/", "/Other/Admins", "/Channel"] {
        assert_eq!(resolve(&here, reference), None, "{reference}");
    }
}

#[test]
fn garbage_is_an_error_not_a_panic() {
    for kind in 0..5 {
        let policy = Policy {
            r#type: kind,
            value: vec![0x12, 0xff, 0x01],
        };
        assert!(to_text(&policy).is_err());
    }
}
