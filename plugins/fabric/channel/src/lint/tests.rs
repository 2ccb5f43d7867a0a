use std::collections::BTreeSet;

use fabric_proto::Message;
use fabric_proto::configuration::{ConfigGroup, ConsensusType, etcdraft};
use fabric_proto::msp::{FabricMspConfig, MspConfig};

use super::*;
use crate::block::{decode_config_block, open_config_block};
use crate::genesis::{Form, Seed, block_of};
use crate::model::{BatchSize, Consensus};
use crate::tree::{ADMINS, capabilities, channel_group, guarded, value};
use crate::{edit, policy as texts, vectors};

const SEED: Seed = Seed {
    nonce: [1; 24],
    timestamp: 1_700_000_000,
};

fn tree() -> ConfigGroup {
    decode_config_block(vectors::RAFT).unwrap().group
}

fn block(group: ConfigGroup) -> ConfigBlock {
    open_config_block(block_of("mychannel", group, &SEED, Form::V2)).unwrap()
}

/// Findings on a mutated tree of the vector of 2.5, but for its single consenter.
fn findings(change: impl FnOnce(&mut ConfigGroup)) -> Vec<Diagnostic> {
    let mut group = tree();
    change(&mut group);
    let mut found = lint_block(&block(group), Target::new(Release::V2_5));
    found.retain(|one| one.code != "raft-single");
    found
}

fn has(found: &[Diagnostic], code: &str, severity: Severity) -> bool {
    found
        .iter()
        .any(|one| one.code == code && one.severity == severity)
}

/// Checks that a mutation gives one finding, or several of one code.
fn only(code: &str, severity: Severity, change: impl FnOnce(&mut ConfigGroup)) {
    let found = findings(change);
    assert!(has(&found, code, severity), "{code}: {found:#?}");
    assert!(
        found.iter().all(|one| one.code == code),
        "{code}: {found:#?}"
    );
}

/// Checks that a mutation gives a finding, perhaps among others.
fn among(code: &str, severity: Severity, change: impl FnOnce(&mut ConfigGroup)) {
    let found = findings(change);
    assert!(has(&found, code, severity), "{code}: {found:#?}");
}

fn at<'a>(root: &'a mut ConfigGroup, path: &str) -> &'a mut ConfigGroup {
    path.split('/')
        .filter(|name| !name.is_empty())
        .fold(root, |group, name| group.groups.get_mut(name).unwrap())
}

fn remove_value(path: &'static str, name: &'static str) -> impl FnOnce(&mut ConfigGroup) {
    move |root| assert!(at(root, path).values.remove(name).is_some())
}

fn remove_policies(path: &'static str, names: &'static [&str]) -> impl FnOnce(&mut ConfigGroup) {
    move |root| {
        for name in names {
            assert!(at(root, path).policies.remove(*name).is_some());
        }
    }
}

fn change_msp(root: &mut ConfigGroup, path: &str, change: impl FnOnce(&mut FabricMspConfig)) {
    let slot = at(root, path).values.get_mut("MSP").unwrap();
    let mut config = MspConfig::decode(slot.value.as_slice()).unwrap();
    let mut msp = FabricMspConfig::decode(config.config.as_slice()).unwrap();
    change(&mut msp);
    config.config = msp.encode_to_vec();
    slot.value = config.encode_to_vec();
}

fn change_raft(root: &mut ConfigGroup, change: impl FnOnce(&mut etcdraft::ConfigMetadata)) {
    let slot = at(root, "Orderer").values.get_mut("ConsensusType").unwrap();
    let mut consensus = ConsensusType::decode(slot.value.as_slice()).unwrap();
    let mut metadata = etcdraft::ConfigMetadata::decode(consensus.metadata.as_slice()).unwrap();
    change(&mut metadata);
    consensus.metadata = metadata.encode_to_vec();
    slot.value = consensus.encode_to_vec();
}

fn set_policy(root: &mut ConfigGroup, path: &str, name: &str, text: &str) {
    let policy = guarded(texts::parse(text).unwrap());
    at(root, path).policies.insert(name.to_owned(), policy);
}

fn set_consensus(root: &mut ConfigGroup, name: &str) {
    let message = ConsensusType {
        r#type: name.to_owned(),
        ..ConsensusType::default()
    };
    at(root, "Orderer")
        .values
        .insert("ConsensusType".to_owned(), value(&message, ADMINS));
}

#[test]
fn what_ran_is_not_faulty() {
    for (bytes, release) in [
        (vectors::SCRATCH, Release::V2_5),
        (vectors::RAFT, Release::V2_5),
        (vectors::SOLO, Release::V1_4),
        (vectors::KAFKA, Release::V1_4),
        (vectors::BFT, Release::V3_1),
    ] {
        let block = decode_config_block(bytes).unwrap();
        let found = lint_block(&block, Target::new(release));
        let expected: &[&str] = match release {
            Release::V2_5 => &["raft-single"],
            _ => &[],
        };
        let codes: Vec<&str> = found.iter().map(|one| one.code).collect();
        assert_eq!(codes, expected, "{found:#?}");
        assert!(!is_faulty(&found));
    }
}

// The rows of the reference's table of mutated blocks, in its order.

#[test]
fn row_missing_values_are_refused() {
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
fn row_channel_capabilities_missing() {
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
fn row_neither_units_nor_admins() {
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
fn row_orderer_tls_roots_missing() {
    only("tls-roots-missing", Severity::Refused, |root| {
        change_msp(root, "Orderer/OrdererOrg", |msp| msp.tls_root_certs.clear());
    });
}

#[test]
fn row_solo_through_participation() {
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
fn row_capability_of_3_0_on_2_5() {
    only("capability-unknown", Severity::Refused, |root| {
        edit::set_capabilities(root, edit::Level::Channel, &["V3_0"]).unwrap();
    });
}

#[test]
fn row_metadata_array_empty() {
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
fn row_endpoints_missing() {
    only(
        "endpoints-missing",
        Severity::Broken,
        remove_value("Orderer/OrdererOrg", "Endpoints"),
    );
}

#[test]
fn row_block_validation_missing() {
    only(
        "block-validation",
        Severity::Broken,
        remove_policies("Orderer", &["BlockValidation"]),
    );
}

#[test]
fn row_organization_policies_missing() {
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
fn row_channel_policies_missing() {
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
fn row_endorsement_missing() {
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
fn row_application_capabilities_missing() {
    only(
        "application-capabilities",
        Severity::Broken,
        remove_value("Application", "Capabilities"),
    );
}

#[test]
fn row_guards_of_groups_empty() {
    fn clear(group: &mut ConfigGroup) {
        group.mod_policy.clear();
        group.groups.values_mut().for_each(clear);
    }
    only("mod-policy-empty", Severity::Warning, clear);
    assert_eq!(findings(clear).len(), 6);
}

#[test]
fn row_what_works_is_only_noted() {
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

// Beyond the table.

#[test]
fn administrators_by_unit_need_a_capability() {
    let mut channel = vectors::system_channel(&vectors::solo_json(), Consensus::Solo);
    channel.capabilities = Some(vec!["V1_4_2".to_owned()]);
    let found = lint_config(
        "syschan",
        &channel_group(&channel).unwrap(),
        Target::new(Release::V1_4),
    );
    assert!(
        has(&found, "node-ous-capability", Severity::Broken),
        "{found:#?}"
    );
    // With administrators listed the same profile works.
    let all = channel.consortiums.values_mut().flatten();
    for organization in channel.organizations.iter_mut().chain(all) {
        organization.msp.admins = organization.msp.root_certs.clone();
    }
    let found = lint_config(
        "syschan",
        &channel_group(&channel).unwrap(),
        Target::new(Release::V1_4),
    );
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn consenters_are_counted_and_compared() {
    let add = |metadata: &mut etcdraft::ConfigMetadata, n: u32, pem: &str| {
        let mut one = metadata.consenters[0].clone();
        one.port += n;
        let extra = format!("{pem}-----BEGIN CERTIFICATE-----{n}\n").into_bytes();
        one.client_tls_cert = extra.clone();
        one.server_tls_cert = extra;
        metadata.consenters.push(one);
    };
    let mut group = tree();
    let single = lint_block(&block(group.clone()), Target::new(Release::V2_5));
    assert!(has(&single, "raft-single", Severity::Warning));
    change_raft(&mut group, |metadata| add(metadata, 1, ""));
    let two = lint_block(&block(group.clone()), Target::new(Release::V2_5));
    assert!(has(&two, "raft-even", Severity::Warning));
    change_raft(&mut group, |metadata| add(metadata, 2, ""));
    assert!(lint_block(&block(group), Target::new(Release::V2_5)).is_empty());

    among("consenter-certificate-shared", Severity::Refused, |root| {
        change_raft(root, |metadata| {
            let mut twin = metadata.consenters[0].clone();
            twin.port += 1;
            metadata.consenters.push(twin);
        });
    });
    among("consenter-duplicate", Severity::Warning, |root| {
        change_raft(root, |metadata| add(metadata, 0, ""));
    });
    only("consenters-empty", Severity::Refused, |root| {
        change_raft(root, |metadata| metadata.consenters.clear());
    });
    only("certificate-format", Severity::Refused, |root| {
        change_raft(root, |metadata| {
            metadata.consenters[0].server_tls_cert = b"DER".to_vec();
        });
    });
    only("consenter-address", Severity::Refused, |root| {
        change_raft(root, |metadata| metadata.consenters[0].port = 70_000);
    });
    for change in [
        |options: &mut etcdraft::Options| options.election_tick = 1,
        |options: &mut etcdraft::Options| options.heartbeat_tick = 0,
        |options: &mut etcdraft::Options| options.tick_interval = "soon".to_owned(),
    ] {
        only("raft-options", Severity::Refused, |root| {
            change_raft(root, |metadata| change(metadata.options.as_mut().unwrap()));
        });
    }
}

#[test]
fn certificates_are_asked_of_the_caller() {
    let group = tree();
    let asked = std::cell::RefCell::new(Vec::new());
    let trusted = |certificate: &str, roots: &[String], _: &[String]| {
        asked
            .borrow_mut()
            .push((certificate.to_owned(), roots.len()));
        false
    };
    let target = Target {
        release: Release::V2_5,
        trusted: Some(&trusted),
    };
    let found = lint_config("mychannel", &group, target);
    assert!(has(&found, "consenter-untrusted", Severity::Refused));
    // Client and server certificate are the same one, asked for once.
    assert_eq!(asked.borrow().len(), 1);
    assert_eq!(asked.borrow()[0].1, 1);
    let yes = |_: &str, _: &[String], _: &[String]| true;
    let target = Target {
        release: Release::V2_5,
        trusted: Some(&yes),
    };
    assert!(!is_faulty(&lint_config("mychannel", &group, target)));
}

#[test]
fn one_msp_id_is_one_organisation() {
    among("msp-id-duplicate", Severity::Refused, |root| {
        change_msp(root, "Application/Org2MSP", |msp| {
            msp.name = "Org1MSP".to_owned();
        });
    });
    among("msp-id-duplicate", Severity::Warning, |root| {
        let twin = at(root, "Application/Org1MSP").clone();
        at(root, "Application")
            .groups
            .insert("Org3".to_owned(), twin);
    });
    // The same organisation with orderers and peers is fine.
    let mut channel = vectors::raft_channel();
    channel.organizations[0].role = crate::model::OrganizationRole::Both;
    let found = lint_config(
        "mychannel",
        &channel_group(&channel).unwrap(),
        Target::new(Release::V2_5),
    );
    assert!(
        !found.iter().any(|one| one.code == "msp-id-duplicate"),
        "{found:#?}"
    );
    among("msp-id", Severity::Warning, |root| {
        change_msp(root, "Orderer/OrdererOrg", |msp| {
            msp.name = "Orderer_MSP".to_owned();
        });
    });
}

#[test]
fn somebody_must_order_and_somebody_must_peer() {
    among("orderer-organization", Severity::Refused, |root| {
        at(root, "Orderer").groups.clear();
    });
    among("application-organization", Severity::Broken, |root| {
        at(root, "Application").groups.clear();
    });
    among("orderer-missing", Severity::Refused, |root| {
        root.groups.remove("Orderer");
    });
    only("msp-no-root", Severity::Refused, |root| {
        change_msp(root, "Orderer/OrdererOrg", |msp| msp.root_certs.clear());
    });
}

#[test]
fn release_3_has_no_old_consensus_and_no_system_channel() {
    let on_3 = |change: &dyn Fn(&mut ConfigGroup)| {
        let mut group = tree();
        change(&mut group);
        lint_config("mychannel", &group, Target::new(Release::V3_1))
    };
    for name in ["solo", "kafka"] {
        let found = on_3(&|root| set_consensus(root, name));
        assert!(has(&found, "consensus-removed", Severity::Refused));
        among("consensus-removed", Severity::Refused, |root| {
            set_consensus(root, name);
            root.values
                .insert("Capabilities".to_owned(), capabilities(&["V3_0"]));
        });
    }
    assert!(!is_faulty(&on_3(&|_| {})));
    let solo = decode_config_block(vectors::SOLO).unwrap();
    let found = lint_block(&solo, Target::new(Release::V3_1));
    assert!(has(&found, "system-channel-removed", Severity::Refused));
    let found = on_3(&|root| {
        edit::set_capabilities(root, edit::Level::Application, &["V1_4_2"]).unwrap();
    });
    assert!(has(&found, "application-capabilities", Severity::Broken));
    let found = on_3(&|root| {
        edit::set_capabilities(root, edit::Level::Channel, &["V3_0"]).unwrap();
        let addresses = crate::tree::addresses(&["o:1".to_owned()], ADMINS);
        root.values.insert("OrdererAddresses".to_owned(), addresses);
        at(root, "Orderer/OrdererOrg").values.remove("Endpoints");
    });
    assert!(has(
        &found,
        "orderer-addresses-forbidden",
        Severity::Refused
    ));
    assert!(has(&found, "endpoints-missing", Severity::Refused));
    only("consensus-type", Severity::Refused, |root| {
        set_consensus(root, "pbft");
    });
    only("maintenance", Severity::Warning, |root| {
        edit::set_maintenance(root, true).unwrap();
    });
}

fn consenters(channel: &mut crate::model::Channel) -> &mut Vec<crate::model::BftConsenter> {
    match &mut channel.orderer.as_mut().unwrap().consensus {
        Consensus::Bft { consenters, .. } => consenters,
        other => panic!("{other:?}"),
    }
}

#[test]
fn byzantine_consenters_fit_their_policy() {
    let found = |change: &dyn Fn(&mut crate::model::Channel)| {
        let mut channel = vectors::bft_channel();
        change(&mut channel);
        lint_config(
            "bftchan",
            &channel_group(&channel).unwrap(),
            Target::new(Release::V3_1),
        )
    };
    assert!(found(&|_| {}).is_empty());
    let few = found(&|channel| consenters(channel).truncate(3));
    assert!(has(&few, "bft-few", Severity::Warning) && !is_faulty(&few));
    let twins = found(&|channel| consenters(channel)[1].id = 1);
    assert!(has(&twins, "bft-identifiers", Severity::Refused));
    let foreign = found(&|channel| consenters(channel)[0].msp_id = "Org1MSP".to_owned());
    assert!(has(&foreign, "bft-organization", Severity::Refused));
    let weak = found(&|channel| {
        channel
            .orderer
            .as_mut()
            .unwrap()
            .policies
            .insert("BlockValidation".to_owned(), "ANY Writers".to_owned());
    });
    assert!(has(&weak, "bft-block-validation", Severity::Broken));
    let old = lint_config(
        "bftchan",
        &channel_group(&vectors::bft_channel()).unwrap(),
        Target::new(Release::V2_5),
    );
    assert!(has(&old, "bft-capability", Severity::Refused));
}

#[test]
fn policies_that_nobody_satisfies_are_found() {
    only("policy-unsatisfiable", Severity::Broken, |root| {
        set_policy(root, "Application", "Endorsement", "ALL Endorsements");
    });
    among("policy-unsatisfiable", Severity::Broken, |root| {
        set_policy(
            root,
            "Application/Org1MSP",
            "Admins",
            "AND('Org1MSP.admin', 'Gone.admin')",
        );
    });
    among("policy-stranger", Severity::Warning, |root| {
        set_policy(
            root,
            "Application/Org1MSP",
            "Readers",
            "OR('Org1MSP.admin', 'Gone.admin')",
        );
    });
    only("policy-undecodable", Severity::Refused, |root| {
        let policies = &mut at(root, "Application/Org1MSP").policies;
        policies.insert(
            "Own".to_owned(),
            guarded(fabric_proto::policies::Policy::default()),
        );
    });
    only("mod-policy-unknown", Severity::Warning, |root| {
        at(root, "Orderer")
            .values
            .get_mut("BatchSize")
            .unwrap()
            .mod_policy = "Owners".to_owned();
    });
}

#[test]
fn roles_need_units() {
    let admins = |root: &mut ConfigGroup| {
        change_msp(root, "Application/Org1MSP", |msp| {
            msp.fabric_node_ous = None;
            msp.admins = msp.root_certs.clone();
        });
    };
    let found = findings(admins);
    let severity = |path: &str| {
        found
            .iter()
            .find(|one| one.path == path && one.code == "policy-role")
            .map(|one| one.severity)
    };
    // Only peers may endorse, and nobody is one; readers may be administrators too.
    assert_eq!(
        severity("/Channel/Application/Org1MSP/Endorsement"),
        Some(Severity::Broken)
    );
    assert_eq!(
        severity("/Channel/Application/Org1MSP/Readers"),
        Some(Severity::Warning)
    );
    assert_eq!(severity("/Channel/Application/Org1MSP/Admins"), None);
    // The custom for such an organisation asks for members instead.
    let mut channel = vectors::raft_channel();
    channel.organizations[1].msp.node_ous = None;
    channel.organizations[1].msp.admins = channel.organizations[1].msp.root_certs.clone();
    let group = channel_group(&channel).unwrap();
    assert!(!is_faulty(&lint_config(
        "mychannel",
        &group,
        Target::new(Release::V2_5)
    )));
}

#[test]
fn addresses_and_sizes_are_read() {
    among("address-format", Severity::Broken, |root| {
        let wrong = crate::tree::addresses(&["grpcs://o:7050".to_owned()], ADMINS);
        at(root, "Orderer/OrdererOrg")
            .values
            .insert("Endpoints".to_owned(), wrong);
    });
    among("anchor-peer", Severity::Refused, |root| {
        let wrong = crate::tree::anchor_peers(&[crate::model::AnchorPeer {
            host: String::new(),
            port: 7051,
        }]);
        at(root, "Application/Org1MSP")
            .values
            .insert("AnchorPeers".to_owned(), wrong);
    });
    only("batch-size", Severity::Refused, |root| {
        let size = fabric_proto::configuration::BatchSize {
            max_message_count: 0,
            absolute_max_bytes: 1,
            preferred_max_bytes: 2,
        };
        at(root, "Orderer")
            .values
            .insert("BatchSize".to_owned(), value(&size, ADMINS));
    });
    only("batch-size", Severity::Warning, |root| {
        let size = BatchSize {
            absolute_max_bytes: 200 * 1024 * 1024,
            ..BatchSize::default()
        };
        edit::set_batch_size(root, size).unwrap();
    });
    only("value-undecodable", Severity::Refused, |root| {
        at(root, "Orderer")
            .values
            .get_mut("BatchTimeout")
            .unwrap()
            .value = vec![0xff];
    });
    for wrong in ["0s", "2", ""] {
        only("batch-timeout", Severity::Refused, |root| {
            let message = fabric_proto::configuration::BatchTimeout {
                timeout: wrong.to_owned(),
            };
            at(root, "Orderer")
                .values
                .insert("BatchTimeout".to_owned(), value(&message, ADMINS));
        });
    }
}

#[test]
fn access_rules_name_policies() {
    let mut channel = vectors::raft_channel();
    let acls = &mut channel.application.acls;
    acls.insert(
        "peer/Propose".to_owned(),
        "/Channel/Application/Writers".to_owned(),
    );
    acls.insert("qscc/GetChainInfo".to_owned(), "Readers".to_owned());
    let lint = |channel: &crate::model::Channel| {
        lint_config(
            "mychannel",
            &channel_group(channel).unwrap(),
            Target::new(Release::V2_5),
        )
    };
    assert!(!is_faulty(&lint(&channel)));
    channel
        .application
        .acls
        .insert("event/Block".to_owned(), "/Channel/Nobody".to_owned());
    assert!(has(&lint(&channel), "acl-policy", Severity::Broken));
}

#[test]
fn names_of_channels_follow_the_rules() {
    for good in ["a", "my-channel.1", &"a".repeat(249)] {
        assert_eq!(check_channel_id(good), Ok(()));
    }
    for wrong in [
        "",
        "1a",
        "A",
        "-a",
        ".a",
        "my_channel",
        "myChannel",
        "a b",
        &"a".repeat(250),
    ] {
        assert!(check_channel_id(wrong).is_err(), "{wrong}");
    }
    let found = lint_config("My", &tree(), Target::new(Release::V2_5));
    assert!(has(&found, "channel-id", Severity::Refused));
    let later = {
        let mut later = block(tree());
        later.block.header.as_mut().unwrap().number = 7;
        lint_block(&later, Target::new(Release::V2_5))
    };
    assert!(has(&later, "block-number", Severity::Refused));
}

#[test]
fn the_worst_comes_first() {
    let found = findings(|root| {
        at(root, "Orderer").values.remove("ChannelRestrictions");
        root.values.remove("HashingAlgorithm");
        at(root, "Orderer").policies.remove("BlockValidation");
    });
    let severities: Vec<_> = found.iter().map(|one| one.severity).collect();
    assert_eq!(
        severities,
        [Severity::Refused, Severity::Broken, Severity::Note]
    );
}
