//! Mutated genesis blocks that were each tried on real nodes: what a node does is known.

use super::*;

#[test]
fn missing_values_are_refused() {
    only(
        "hashing-algorithm",
        Severity::Refused,
        remove_value("", "HashingAlgorithm"),
    );
    only(
        "hashing-structure",
        Severity::Refused,
        remove_value("", "BlockDataHashingStructure"),
    );
    only(
        "batch-timeout",
        Severity::Refused,
        remove_value("Orderer", "BatchTimeout"),
    );
}

#[test]
fn channel_capabilities_missing() {
    let found = findings(remove_value("", "Capabilities"));
    assert!(has(&found, "channel-capabilities", Severity::Refused));
    assert!(has(&found, "orderer-addresses", Severity::Refused));
    // And without any capabilities at all.
    let found = findings(|root| {
        for path in ["", "Orderer", "Application"] {
            at(root, path).values.remove("Capabilities");
        }
    });
    assert!(has(&found, "orderer-addresses", Severity::Refused));
    assert!(!has(&found, "orderer-capabilities", Severity::Refused));
}

#[test]
fn neither_units_nor_admins() {
    // Roles of the policies are lost as well.
    among("msp-no-admins", Severity::Refused, |root| {
        change_msp(root, "Application/Org1MSP", |msp| {
            msp.fabric_node_ous = None;
        });
    });
    only("msp-no-admins", Severity::Refused, |root| {
        change_msp(root, "Orderer/OrdererOrg", |msp| msp.fabric_node_ous = None);
    });
}

#[test]
fn orderer_tls_roots_missing() {
    only("tls-roots-missing", Severity::Refused, |root| {
        change_msp(root, "Orderer/OrdererOrg", |msp| msp.tls_root_certs.clear());
    });
}

#[test]
fn solo_through_participation() {
    only("consensus-participation", Severity::Refused, |root| {
        set_consensus(root, "solo");
    });
    // Through a system channel it still works.
    only("consensus-deprecated", Severity::Warning, |root| {
        set_consensus(root, "solo");
        let name = fabric_proto::configuration::Consortium {
            name: "C".to_owned(),
        };
        root.values
            .insert("Consortium".to_owned(), value(&name, ADMINS));
    });
}

#[test]
fn capability_of_3_0_on_2_5() {
    only("capability-unknown", Severity::Refused, |root| {
        edit::set_capabilities(root, edit::Level::Channel, &["V3_0"]).unwrap();
    });
}

#[test]
fn metadata_array_empty() {
    for slots in 0..6 {
        let mut block = block_of("mychannel", tree(), &SEED, Form::V2);
        block.metadata.as_mut().unwrap().metadata.truncate(slots);
        let mut found = lint_block(
            &open_config_block(block).unwrap(),
            Target::new(Release::V2_5),
        );
        found.retain(|one| one.code != "raft-single");
        assert_eq!(found.len(), usize::from(slots < 5));
        assert_eq!(has(&found, "metadata-slots", Severity::Refused), slots < 5);
    }
    let mut block = block_of("mychannel", tree(), &SEED, Form::V2);
    block.metadata = None;
    let found = lint_block(
        &open_config_block(block).unwrap(),
        Target::new(Release::V2_5),
    );
    assert!(has(&found, "metadata-slots", Severity::Refused));
}

#[test]
fn endpoints_missing() {
    only(
        "endpoints-missing",
        Severity::Broken,
        remove_value("Orderer/OrdererOrg", "Endpoints"),
    );
}

#[test]
fn block_validation_missing() {
    only(
        "block-validation",
        Severity::Broken,
        remove_policies("Orderer", &["BlockValidation"]),
    );
}

#[test]
fn organization_policies_missing() {
    let all = ["Readers", "Writers", "Admins"];
    for path in [
        "Orderer/OrdererOrg",
        "Application/Org1MSP",
        "Application/Org2MSP",
    ] {
        let found = findings(|root| {
            for name in all {
                at(root, path).policies.remove(name);
            }
        });
        let codes: Vec<_> = found
            .iter()
            .filter(|one| one.code == "organization-policies" && one.severity == Severity::Broken)
            .map(|one| one.path.clone())
            .collect();
        let expected: Vec<_> = ["Admins", "Readers", "Writers"]
            .map(|name| format!("/Channel/{path}/{name}"))
            .into();
        assert_eq!(codes, expected);
    }
}

#[test]
fn channel_policies_missing() {
    let found = findings(remove_policies("", &["Readers", "Writers", "Admins"]));
    let codes: BTreeSet<_> = found.iter().map(|one| one.code).collect();
    assert!(codes.contains("channel-policies"));
    assert!(
        found
            .iter()
            .any(|one| one.path == "/Channel/Writers" && one.severity == Severity::Broken)
    );
}

#[test]
fn endorsement_missing() {
    only(
        "endorsement-policies",
        Severity::Broken,
        remove_policies("Application", &["Endorsement"]),
    );
    only(
        "endorsement-policies",
        Severity::Broken,
        remove_policies("Application", &["LifecycleEndorsement"]),
    );
    among(
        "endorsement-policies",
        Severity::Broken,
        remove_policies("Application/Org1MSP", &["Endorsement"]),
    );
}

#[test]
fn application_capabilities_missing() {
    only(
        "application-capabilities",
        Severity::Broken,
        remove_value("Application", "Capabilities"),
    );
}

#[test]
fn guards_of_groups_empty() {
    fn clear(group: &mut ConfigGroup) {
        group.mod_policy.clear();
        group.groups.values_mut().for_each(clear);
    }
    only("mod-policy-empty", Severity::Warning, clear);
    assert_eq!(findings(clear).len(), 6);
}

#[test]
fn what_works_is_only_noted() {
    only(
        "channel-restrictions",
        Severity::Note,
        remove_value("Orderer", "ChannelRestrictions"),
    );
    only("crypto-config", Severity::Note, |root| {
        change_msp(root, "Orderer/OrdererOrg", |msp| msp.crypto_config = None);
    });
    let mut empty = block(tree());
    empty.block.metadata = Some(crate::genesis::metadata(Form::V1_4));
    let found = lint_block(&empty, Target::new(Release::V2_5));
    assert!(has(&found, "metadata-form", Severity::Note) && !is_faulty(&found));
    let mut wrong = block(tree());
    wrong.envelope.channel_header.tx_id = "0".repeat(64);
    let found = lint_block(&wrong, Target::new(Release::V2_5));
    assert!(has(&found, "tx-id-mismatch", Severity::Warning) && !is_faulty(&found));
    let mut wrong = block(tree());
    wrong.block.header.as_mut().unwrap().data_hash = vec![0; 32];
    let found = lint_block(&wrong, Target::new(Release::V2_5));
    assert!(has(&found, "data-hash-mismatch", Severity::Warning) && !is_faulty(&found));
}

#[test]
fn the_minimum_that_works_is_not_faulty() {
    let found = findings(|root| {
        at(root, "Orderer").values.remove("ChannelRestrictions");
        at(root, "Application/Org1MSP").values.remove("AnchorPeers");
    });
    assert!(!is_faulty(&found), "{found:#?}");
}

#[test]
fn channels_for_nobody_and_providers_of_no_type() {
    among("application-missing", Severity::Refused, |root| {
        root.groups.remove("Application");
    });
    among("msp-type", Severity::Refused, |root| {
        let value = at(root, "Application/Org1MSP")
            .values
            .get_mut("MSP")
            .unwrap();
        let mut msp = fabric_proto::msp::MspConfig::decode(value.value.as_slice()).unwrap();
        msp.r#type = 7;
        value.value = msp.encode_to_vec();
    });
    let mut block = block(tree());
    block.block.metadata.as_mut().unwrap().metadata[0] = vec![0xff];
    let found = lint_block(&block, Target::new(Release::V2_5));
    assert!(has(&found, "metadata-undecodable", Severity::Refused));
}
