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

mod certificates;
mod consensus;
mod table;

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
    let [root, admin] = certificates::root_and_administrator();
    for organization in channel.organizations.iter_mut().chain(all) {
        organization.msp.root_certs = vec![root.clone()];
        organization.msp.node_ous = Some(crate::model::NodeOus::usual(None));
        organization.msp.admins = vec![admin.clone()];
    }
    let found = lint_config(
        "syschan",
        &channel_group(&channel).unwrap(),
        Target::new(Release::V1_4),
    );
    assert!(found.is_empty(), "{found:#?}");
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
            let listed = certificates::root_and_administrator().map(String::into_bytes);
            let [root, admin] = listed;
            msp.fabric_node_ous = None;
            msp.root_certs = vec![root];
            msp.admins = vec![admin];
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
    let [root, admin] = certificates::root_and_administrator();
    let msp = &mut channel.organizations[1].msp;
    msp.node_ous = None;
    msp.root_certs = vec![root];
    msp.admins = vec![admin];
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
    among("anchor-peer", Severity::Broken, |root| {
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

#[test]
fn what_has_no_place_is_refused() {
    only("element-name", Severity::Refused, |root| {
        let policies = &mut at(root, "Application").policies;
        let readers = policies["Readers"].clone();
        policies.insert("My_Readers".to_owned(), readers);
    });
    only("value-unknown", Severity::Refused, |root| {
        let size = at(root, "Orderer").values["BatchSize"].clone();
        at(root, "Application")
            .values
            .insert("BatchSize".to_owned(), size);
    });
    among("group-unknown", Severity::Refused, |root| {
        let group = at(root, "Application").clone();
        root.groups.insert("Applications".to_owned(), group);
    });
    among("group-unknown", Severity::Refused, |root| {
        let group = at(root, "Application/Org1MSP").clone();
        at(root, "Application/Org2MSP")
            .groups
            .insert("Below".to_owned(), group);
    });
    among("endpoints-capability", Severity::Refused, |root| {
        edit::set_capabilities(root, edit::Level::Channel, &["V1_3"]).unwrap();
    });
    among("acl-capability", Severity::Refused, |root| {
        edit::set_capabilities(root, edit::Level::Application, &["V1_1"]).unwrap();
        let acls = fabric_proto::configuration::Acls {
            acls: [(
                "peer/Propose".to_owned(),
                fabric_proto::configuration::ApiResource {
                    policy_ref: "Writers".to_owned(),
                },
            )]
            .into(),
        };
        at(root, "Application")
            .values
            .insert("ACLs".to_owned(), value(&acls, ADMINS));
    });
}
