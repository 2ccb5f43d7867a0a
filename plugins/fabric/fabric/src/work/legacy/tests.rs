//! Files with code that are read and refused, and a policy of 1.4.

use super::*;

fn about() -> extra::Chaincode {
    extra::Chaincode {
        name: "kv".to_owned(),
        version: "1.0".to_owned(),
        ..extra::Chaincode::default()
    }
}

fn file(bytes: Vec<u8>) -> Vec<Blob> {
    vec![Blob {
        name: "kv.out".to_owned(),
        bytes,
    }]
}

/// What `peer chaincode package` makes.
fn packed(version: &str) -> Vec<u8> {
    let chaincode = LegacyChaincode {
        name: "kv".to_owned(),
        version: version.to_owned(),
        path: "example/kv".to_owned(),
        language: ChaincodeType::Node,
    };
    legacy::install(&chaincode, &[0x1f, 0x8b, 8]).args[1].clone()
}

#[test]
fn both_kinds_of_files_are_read() {
    let none = json!({});
    assert!(read(&about(), &none, &[]).unwrap().is_none());
    let code = read(&about(), &none, &file(packed("1.0")))
        .unwrap()
        .unwrap();
    assert_eq!(code.chaincode.path, "example/kv");
    assert_eq!(code.chaincode.language, ChaincodeType::Node);
    assert_eq!(code.bytes, [0x1f, 0x8b, 8]);
    let said = json!({"path": "kv", "language": "java"});
    let code = read(&about(), &said, &file(vec![0x1f, 0x8b, 1])).unwrap();
    let code = code.unwrap();
    assert_eq!(code.chaincode.language, ChaincodeType::Java);
    assert_eq!(
        (code.chaincode.path.as_str(), code.bytes),
        ("kv", vec![0x1f, 0x8b, 1])
    );
}

#[test]
fn files_that_do_not_fit_are_refused() {
    for (bytes, word) in [
        (packed("2.0"), "it holds kv 2.0"),
        (vec![0x1f, 0x8b, 1], "path=PATH"),
        (b"package main".to_vec(), "holds no code"),
    ] {
        let fault = format!(
            "{:?}",
            read(&about(), &json!({}), &file(bytes)).unwrap_err()
        );
        assert!(fault.contains(word), "{word} in {fault}");
    }
}

#[test]
fn a_policy_of_1_4_is_a_rule_over_signatures() {
    let mut about = about();
    assert_eq!(instantiation(&about).unwrap(), Instantiation::default());
    "OR('Org1MSP.peer')".clone_into(&mut about.policy);
    assert!(instantiation(&about).unwrap().policy.is_some());
    "/Channel/Application/Endorsement".clone_into(&mut about.policy);
    assert!(instantiation(&about).is_err());
}
