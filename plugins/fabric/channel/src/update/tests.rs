use std::collections::BTreeSet;

use fabric_proto::Signer;
use fabric_proto::configuration::{Config, ConfigGroup};
use fabric_proto::msp::SerializedIdentity;
use sha2::{Digest, Sha256};

use super::*;
use crate::block::{decode_config_block, decode_update_file, layer, open_envelope};
use crate::json::envelope_json;
use crate::model::{AnchorPeer, OrganizationRole, Release};
use crate::tree::channel_group;
use crate::{edit, vectors};

/// Signs with a hash over its name: enough to see what is signed.
struct Hasher(&'static str);

impl Signer for Hasher {
    fn creator(&self) -> Vec<u8> {
        SerializedIdentity {
            mspid: self.0.to_owned(),
            id_bytes: b"certificate".to_vec(),
        }
        .encode_to_vec()
    }
    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let hash = Sha256::new().chain_update(self.0).chain_update(message);
        hash.finalize().to_vec()
    }
}

fn raft() -> Config {
    decode_config_block(vectors::RAFT).unwrap().config
}

fn group(config: &Config) -> &ConfigGroup {
    config.channel_group.as_ref().unwrap()
}

/// The tree with all versions 0.
fn plain(group: &ConfigGroup) -> ConfigGroup {
    let mut plain = group.clone();
    plain.version = 0;
    plain.values.values_mut().for_each(|one| one.version = 0);
    plain.policies.values_mut().for_each(|one| one.version = 0);
    for below in plain.groups.values_mut() {
        *below = super::tests::plain(below);
    }
    plain
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
fn channel_tx_of_1_4_is_reproduced() {
    let channel = vectors::created_channel();
    let update = channel_creation(&channel).unwrap();
    let time = Timestamp {
        seconds: open_envelope(&layer("Envelope", vectors::CHANNEL_TX).unwrap())
            .unwrap()
            .channel_header
            .timestamp
            .unwrap()
            .seconds,
        nanos: 0,
    };
    let file = update_file("mychannel", &unsigned(&update), Some(time));
    let expected = vectors::json(vectors::fixture!("14-channel.json"));
    assert_eq!(envelope_json(&file).unwrap(), expected);
    assert_eq!(file.encode_to_vec().len(), vectors::CHANNEL_TX.len());
}

#[test]
fn the_anchor_update_of_1_4_is_reproduced() {
    let update = first_anchor_update(&vectors::created_channel(), "Org1MSP").unwrap();
    let file = update_file("mychannel", &unsigned(&update), None);
    let expected = vectors::json(vectors::fixture!("14-Org1MSPanchors.json"));
    assert_eq!(envelope_json(&file).unwrap(), expected);
    assert_eq!(file.encode_to_vec().len(), vectors::ANCHORS_TX.len());
    assert!(first_anchor_update(&vectors::created_channel(), "Org9MSP").is_err());
}

/// The channel that the vector's orderer made, with the versions that it had.
fn created() -> Config {
    let mut channel = vectors::created_channel();
    for organization in &mut channel.organizations {
        organization.anchor_peers.clear();
    }
    let system = vectors::system_channel(&vectors::solo_json(), crate::model::Consensus::Solo);
    channel.orderer = system.orderer;
    channel.organizations.extend(system.organizations);
    let mut root = channel_group(&channel).unwrap();
    root.groups.get_mut("Application").unwrap().version = 1;
    // That the tree is the vector's is checked against its decoded form.
    assert_eq!(
        crate::json::group_json(&root).unwrap(),
        *vectors::group_in(&vectors::created_json())
    );
    Config {
        sequence: 1,
        channel_group: Some(root),
    }
}

#[test]
fn the_anchor_update_fits_the_channel_that_1_4_made() {
    let (_, file) = decode_update_file(vectors::ANCHORS_TX).unwrap();
    let update: ConfigUpdate = layer("ConfigUpdate", &file.config_update).unwrap();
    let config = created();
    let review = review(&config, &update).unwrap();
    assert_eq!(review.changes.len(), 1);
    assert_eq!(
        review.changes[0].element,
        "[Group] /Channel/Application/Org1MSP"
    );
    let policy = review.changes[0].policy.clone().unwrap();
    assert_eq!(policy.to_string(), "/Channel/Application/Org1MSP/Admins");
    let organization = &group(&review.result).groups["Application"].groups["Org1MSP"];
    assert!(organization.values.contains_key("AnchorPeers"));
    assert_eq!(organization.version, 1);
    // The same as the difference, but for what the tool repeats needlessly.
    let mut edited = group(&config).clone();
    let peers = [AnchorPeer {
        host: "peer0.org1".to_owned(),
        port: 7051,
    }];
    edit::set_anchor_peers(&mut edited, "Org1MSP", &peers).unwrap();
    let computed = compute_update("mychannel", group(&config), &edited).unwrap();
    let result = super::review(&config, &computed).unwrap().result;
    assert_eq!(result, review.result);
    // A second time it is refused, as the reference says.
    let error = super::review(&result, &update).unwrap_err();
    assert!(matches!(error, UpdateError::Version { .. }), "{error}");
}

/// Trees to walk between: each pair is a test of the algorithm.
fn trees() -> Vec<ConfigGroup> {
    let base = channel_group(&vectors::raft_channel()).unwrap();
    let mut all = vec![base.clone()];
    let mut edited = |change: &dyn Fn(&mut ConfigGroup)| {
        let mut tree = base.clone();
        change(&mut tree);
        all.push(tree);
    };
    edited(&|tree| edit::set_batch_timeout(tree, "250ms").unwrap());
    edited(&|tree| edit::remove_application_organization(tree, "Org2MSP").unwrap());
    edited(&|tree| {
        edit::remove_application_organization(tree, "Org2MSP").unwrap();
        edit::set_batch_timeout(tree, "1s").unwrap();
        edit::set_anchor_peers(tree, "Org1MSP", &[]).unwrap();
        edit::set_capabilities(tree, edit::Level::Channel, &["V3_0"]).unwrap();
    });
    edited(&|tree| {
        let mut organization = vectors::raft_channel().organizations[2].clone();
        organization.name = "Org3".to_owned();
        organization.msp_id = "Org3MSP".to_owned();
        edit::add_application_organization(tree, Release::V2_5, &organization).unwrap();
    });
    edited(&|tree| {
        tree.mod_policy = "/Channel/Orderer/Admins".to_owned();
        tree.policies.remove("Writers");
    });
    edited(&|tree| {
        let below = tree.groups.get_mut("Application").unwrap();
        below.policies.get_mut("Admins").unwrap().mod_policy = "Writers".to_owned();
        below.groups.get_mut("Org1MSP").unwrap().mod_policy = "Readers".to_owned();
    });
    all.push(channel_group(&vectors::bft_channel()).unwrap());
    all
}

#[test]
fn applying_the_difference_gives_the_other_tree() {
    let trees = trees();
    for (from, original) in trees.iter().enumerate() {
        let mut config = Config {
            sequence: 4,
            channel_group: Some(original.clone()),
        };
        // A walk over all trees, so that versions grow and differ.
        for (to, updated) in trees.iter().enumerate().chain([(from, original)]) {
            let current = group(&config).clone();
            if plain(&current) == plain(updated) {
                assert!(matches!(
                    compute_update("mychannel", &current, updated),
                    Err(UpdateError::NoDifference { .. })
                ));
                continue;
            }
            let update = compute_update("mychannel", &current, updated).unwrap();
            let review = review(&config, &update).unwrap();
            assert_eq!(
                plain(group(&review.result)),
                plain(updated),
                "{from} to {to}"
            );
            assert_eq!(review.result.sequence, config.sequence + 1);
            assert!(!review.changes.is_empty());
            // It is not accepted twice.
            assert!(super::review(&review.result, &update).is_err());
            config = review.result;
        }
    }
}

#[test]
fn a_changed_value_is_all_that_the_sets_hold() {
    let config = raft();
    let mut edited = group(&config).clone();
    edit::set_batch_timeout(&mut edited, "250ms").unwrap();
    let update = compute_update("mychannel", group(&config), &edited).unwrap();
    let (read, write) = (update.read_set.unwrap(), update.write_set.unwrap());
    let orderer = &write.groups["Orderer"];
    assert_eq!(orderer.values.len(), 1);
    assert_eq!(orderer.values["BatchTimeout"].version, 1);
    assert_eq!((orderer.version, orderer.mod_policy.as_str()), (0, ""));
    assert_eq!(read.groups["Orderer"], ConfigGroup::default());
    assert!(write.values.is_empty() && write.policies.is_empty() && write.groups.len() == 1);
}

#[test]
fn a_new_member_lists_the_others_bare() {
    let config = raft();
    let update = {
        let trees = trees();
        compute_update("mychannel", group(&config), &trees[4]).unwrap()
    };
    let (read, write) = (update.read_set.unwrap(), update.write_set.unwrap());
    let (read, write) = (&read.groups["Application"], &write.groups["Application"]);
    assert_eq!((read.version, write.version), (0, 1));
    assert_eq!(write.mod_policy, "Admins");
    assert_eq!(read.policies.len(), 5);
    assert_eq!(
        write.policies["Admins"],
        fabric_proto::configuration::ConfigPolicy::default()
    );
    assert_eq!(write.groups["Org1MSP"], ConfigGroup::default());
    assert!(!read.groups.contains_key("Org3"));
    assert!(write.groups["Org3"].values.contains_key("MSP"));
}

#[test]
fn who_must_sign_follows_the_guards() {
    let config = raft();
    let root = group(&config);
    let mut edited = root.clone();
    edit::set_batch_timeout(&mut edited, "250ms").unwrap();
    let orderers = compute_update("mychannel", root, &edited).unwrap();
    let open = missing(&config, &orderers, &set(&["Org1MSP"])).unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!(
        open[0].change.element,
        "[Value] /Channel/Orderer/BatchTimeout"
    );
    assert_eq!(open[0].organizations, Some(set(&["OrdererMSP"])));
    assert!(
        missing(&config, &orderers, &set(&["OrdererMSP"]))
            .unwrap()
            .is_empty()
    );

    let peers = compute_update("mychannel", root, &trees()[4]).unwrap();
    let open = missing(&config, &peers, &set(&["Org2MSP"])).unwrap();
    assert_eq!(
        open[0].change.policy.clone().unwrap().to_string(),
        "/Channel/Application/Admins"
    );
    // A majority of two is both.
    assert_eq!(open[0].organizations, Some(set(&["Org1MSP"])));

    // Capabilities of the root: a majority of the admins of Orderer and of Application.
    edit::set_capabilities(&mut edited, edit::Level::Channel, &["V3_0"]).unwrap();
    let both = compute_update("mychannel", root, &edited).unwrap();
    let all = missing_all(&config, &both, &set(&[])).unwrap();
    assert_eq!(all, Some(set(&["OrdererMSP", "Org1MSP", "Org2MSP"])));

    let mut unguarded = root.clone();
    let value = unguarded.groups.get_mut("Orderer").unwrap();
    value
        .values
        .get_mut("BatchTimeout")
        .unwrap()
        .mod_policy
        .clear();
    let config = Config {
        sequence: 0,
        channel_group: Some(unguarded),
    };
    let open = missing(&config, &orderers, &set(&["OrdererMSP"])).unwrap();
    assert_eq!(
        (&open[0].change.policy, &open[0].organizations),
        (&None, &None)
    );
    assert_eq!(
        missing_all(&config, &orderers, &set(&["OrdererMSP"])).unwrap(),
        None
    );
}

#[test]
fn signatures_cover_header_and_change() {
    let config = raft();
    let mut edited = group(&config).clone();
    edit::set_batch_timeout(&mut edited, "250ms").unwrap();
    let update = compute_update("mychannel", group(&config), &edited).unwrap();
    let mut one = unsigned(&update);
    let mut two = unsigned(&update);
    sign_update(&mut one, &Hasher("Org1MSP"), &[1; 24]);
    sign_update(&mut two, &Hasher("OrdererMSP"), &[2; 24]);
    let signature = &one.signatures[0];
    let message = [signature.signature_header.as_slice(), &one.config_update].concat();
    assert_eq!(signature.signature, Hasher("Org1MSP").sign(&message));

    let merged = merge(&[one.clone(), two, one.clone()]).unwrap();
    let names: Vec<String> = signers(&merged)
        .unwrap()
        .into_iter()
        .map(|one| one.mspid)
        .collect();
    assert_eq!(names, ["Org1MSP", "OrdererMSP"]);

    let time = Timestamp {
        seconds: 1_700_000_000,
        nanos: 5,
    };
    let envelope = wrap(&merged, &Hasher("Org1MSP"), &[3; 24], time).unwrap();
    assert_eq!(
        envelope.signature,
        Hasher("Org1MSP").sign(&envelope.payload)
    );
    let (opened, again) = decode_update_file(&envelope.encode_to_vec()).unwrap();
    assert_eq!(again, merged);
    assert_eq!(opened.channel_header.channel_id, "mychannel");
    assert_eq!(
        (opened.channel_header.r#type, opened.channel_header.version),
        (2, 0)
    );
    assert_eq!(opened.channel_header.tx_id, "");
    assert_eq!(opened.signature_header.creator, Hasher("Org1MSP").creator());
    assert_eq!(opened.signature_header.nonce, [3; 24]);

    let mut other = one.clone();
    other.config_update.push(0);
    assert!(matches!(
        merge(&[one, other.clone()]),
        Err(UpdateError::Different { index: 1 })
    ));
    assert!(matches!(merge(&[]), Err(UpdateError::Nothing)));
    assert!(wrap(&other, &Hasher("A"), &[], Timestamp::default()).is_err());
}

fn orderer(set: &mut Option<ConfigGroup>) -> &mut ConfigGroup {
    set.as_mut().unwrap().groups.get_mut("Orderer").unwrap()
}

#[test]
fn a_change_that_does_not_fit_is_refused() {
    let config = raft();
    let mut edited = group(&config).clone();
    edit::set_batch_timeout(&mut edited, "250ms").unwrap();
    let good = compute_update("mychannel", group(&config), &edited).unwrap();
    let refused = |change: &dyn Fn(&mut ConfigUpdate)| {
        let mut update = good.clone();
        change(&mut update);
        review(&config, &update).unwrap_err()
    };
    let value = |version| fabric_proto::configuration::ConfigValue {
        version,
        ..Default::default()
    };
    assert!(matches!(
        refused(&|update| orderer(&mut update.read_set).version = 3),
        UpdateError::Version {
            set: "read",
            found: 3,
            ..
        }
    ));
    assert!(matches!(
        refused(&|update| {
            orderer(&mut update.write_set)
                .values
                .insert("BatchTimeout".into(), value(2));
        }),
        UpdateError::Version {
            set: "write",
            found: 2,
            ..
        }
    ));
    assert!(matches!(
        refused(&|update| {
            orderer(&mut update.write_set)
                .values
                .insert("New".into(), value(0));
        }),
        UpdateError::Unlisted { .. }
    ));
    assert!(matches!(
        refused(&|update| {
            orderer(&mut update.write_set)
                .values
                .insert("BatchSize".into(), value(0));
        }),
        UpdateError::Unread { .. }
    ));
    assert!(matches!(
        refused(&|update| {
            orderer(&mut update.read_set)
                .values
                .insert("Gone".into(), value(0));
        }),
        UpdateError::Absent { .. }
    ));
    assert!(matches!(
        refused(&|update| {
            update.write_set.as_mut().unwrap().groups.clear();
            orderer(&mut update.read_set)
                .values
                .insert("BatchSize".into(), value(7));
        }),
        UpdateError::Version { found: 7, .. }
    ));
    assert!(matches!(
        refused(&|update| {
            let one = orderer(&mut update.write_set)
                .values
                .get_mut("BatchTimeout");
            one.unwrap().mod_policy.clear();
        }),
        UpdateError::Unguarded { .. }
    ));
    assert!(matches!(
        refused(&|update| update.write_set = update.read_set.clone()),
        UpdateError::NoDifference { .. }
    ));
    assert!(matches!(
        refused(&|update| update.read_set = None),
        UpdateError::NoSet { .. }
    ));
}

#[test]
fn a_creation_needs_a_consortium_and_peers() {
    let mut channel = vectors::created_channel();
    channel
        .organizations
        .iter_mut()
        .for_each(|one| one.role = OrganizationRole::Orderer);
    assert!(channel_creation(&channel).is_err());
    let mut channel = vectors::created_channel();
    channel.consortium = None;
    let error = channel_creation(&channel).unwrap_err().to_string();
    assert!(error.contains("consortium"), "{error}");
}
