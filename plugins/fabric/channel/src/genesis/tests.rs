use serde_json::Value;

use super::*;
use crate::block::{decode_config_block, open_config_block};
use crate::json::block_json;
use crate::model::Consensus;
use crate::vectors;

/// Builds `channel` with nonce and time of the vector and compares all of the decoded form. The
/// hash of the data differs, because Go orders maps at random; so it is left out, and checked
/// against the bytes elsewhere.
fn same(channel: &Channel, mut expected: Value) {
    let block = genesis_block(channel, &vectors::seed_of(&expected)).unwrap();
    let mut found = block_json(&block).unwrap();
    for one in [&mut found, &mut expected] {
        one["header"]["data_hash"] = Value::Null;
    }
    assert_eq!(found, expected);
}

#[test]
fn the_scratch_block_is_reproduced_to_the_byte() {
    let channel = vectors::scratch_channel();
    let seed = vectors::seed_of(&vectors::scratch_json());
    let block = genesis_block(&channel, &seed).unwrap();
    assert!(block.encode_to_vec() == vectors::SCRATCH);
    assert_eq!(block_json(&block).unwrap(), vectors::scratch_json());
}

#[test]
fn a_system_channel_of_1_4_is_reproduced() {
    let solo = vectors::solo_json();
    same(&vectors::system_channel(&solo, Consensus::Solo), solo);
    let kafka = vectors::kafka_json();
    same(
        &vectors::system_channel(&kafka, vectors::kafka_brokers()),
        kafka,
    );
}

#[test]
fn an_application_channel_of_2_5_is_reproduced() {
    same(&vectors::raft_channel(), vectors::raft_json());
}

#[test]
fn an_application_channel_of_3_1_is_reproduced() {
    // 3.1's tool writes "" where the tools before write null.
    let mut expected = vectors::bft_json();
    expected["header"]["previous_hash"] = Value::Null;
    let envelope = &mut expected["data"]["data"][0];
    envelope["signature"] = Value::Null;
    envelope["payload"]["header"]["channel_header"]["tls_cert_hash"] = Value::Null;
    same(&vectors::bft_channel(), expected);
}

#[test]
fn a_system_channel_of_2_5_holds_consortiums_and_the_pointer() {
    let mut channel = vectors::system_channel(&vectors::solo_json(), Consensus::Solo);
    channel.release = Release::V2_5;
    let seed = Seed {
        nonce: [7; NONCE_LEN],
        timestamp: 0,
    };
    let block = open_config_block(genesis_block(&channel, &seed).unwrap()).unwrap();
    assert_eq!(
        block.group.groups.keys().collect::<Vec<_>>(),
        ["Consortiums", "Orderer"]
    );
    let organization = &block.group.groups["Consortiums"].groups["SampleConsortium"].groups;
    assert!(organization["Org1MSP"].policies.contains_key("Endorsement"));
    let metadata = block.block.metadata.unwrap().metadata;
    assert_eq!(metadata.len(), 5);
    assert_eq!(metadata[0], [0x0a, 0x02, 0x0a, 0x00]);
}

#[test]
fn a_derived_seed_follows_the_inputs() {
    let group = channel_group(&vectors::raft_channel()).unwrap();
    let seed = Seed::derived("mychannel", &group, 5);
    assert_eq!(seed, Seed::derived("mychannel", &group, 5));
    assert_ne!(seed.nonce, Seed::derived("mychannel", &group, 6).nonce);
    assert_ne!(seed.nonce, Seed::derived("mychannel2", &group, 5).nonce);
}

#[test]
fn what_cannot_be_built_says_why() {
    let seed = Seed {
        nonce: [0; NONCE_LEN],
        timestamp: 0,
    };
    let mut channel = vectors::raft_channel();
    channel.organizations[2].name = "Org1MSP".to_owned();
    let error = genesis_block(&channel, &seed).unwrap_err().to_string();
    assert!(
        error.contains("/Channel/Application") && error.contains("Org1MSP"),
        "{error}"
    );
    let mut channel = vectors::raft_channel();
    channel
        .policies
        .insert("Readers".to_owned(), "MOST Readers".to_owned());
    let error = genesis_block(&channel, &seed).unwrap_err().to_string();
    assert!(error.contains("/Channel/Readers"), "{error}");
    let mut channel = vectors::raft_channel();
    channel.orderer = None;
    assert!(matches!(
        genesis_block(&channel, &seed),
        Err(TreeError::NoOrderer { .. })
    ));
}

#[test]
fn an_empty_text_leaves_a_policy_out() {
    let mut channel = vectors::raft_channel();
    channel
        .application
        .policies
        .insert("Endorsement".to_owned(), String::new());
    let group = channel_group(&channel).unwrap();
    assert!(
        !group.groups["Application"]
            .policies
            .contains_key("Endorsement")
    );
}

#[test]
fn a_description_survives_its_text_form() {
    for channel in [
        vectors::raft_channel(),
        vectors::bft_channel(),
        vectors::created_channel(),
        vectors::system_channel(&vectors::kafka_json(), vectors::kafka_brokers()),
    ] {
        let text = serde_json::to_string(&channel).unwrap();
        assert_eq!(serde_json::from_str::<Channel>(&text).unwrap(), channel);
    }
}

#[test]
fn a_vector_reads_back_as_its_description() {
    let scratch = decode_config_block(vectors::SCRATCH).unwrap();
    let read = crate::read::channel_model("scratch", &scratch.group).unwrap();
    assert_eq!(read, vectors::scratch_channel());
    let raft = decode_config_block(vectors::RAFT).unwrap();
    let read = crate::read::channel_model(raft.channel_id(), &raft.group).unwrap();
    assert_eq!(read, vectors::raft_channel());
    let bft = decode_config_block(vectors::BFT).unwrap();
    let read = crate::read::channel_model(bft.channel_id(), &bft.group).unwrap();
    assert_eq!(read, vectors::bft_channel());
    let solo = decode_config_block(vectors::SOLO).unwrap();
    let read = crate::read::channel_model(solo.channel_id(), &solo.group).unwrap();
    let expected = vectors::system_channel(&vectors::solo_json(), Consensus::Solo);
    assert_eq!(read, expected);
}

#[test]
fn every_vector_is_built_again_from_what_was_read() {
    for (name, bytes) in vectors::BLOCKS {
        let block = decode_config_block(bytes).unwrap();
        let channel = crate::read::channel_model(block.channel_id(), &block.group).unwrap();
        let again = channel_group(&channel).unwrap();
        assert_eq!(again, block.group, "{name}");
        // The group was as long before it was decoded: see the tests of blocks.
        assert!(
            again.encode_to_vec() == block.group.encode_to_vec(),
            "{name}"
        );
    }
}

#[test]
fn an_organisation_with_orderers_and_peers_reads_back() {
    let mut channel = vectors::raft_channel();
    channel.organizations[0].role = crate::model::OrganizationRole::Both;
    let group = channel_group(&channel).unwrap();
    let read = crate::read::channel_model("mychannel", &group).unwrap();
    assert_eq!(channel_group(&read).unwrap(), group);
    assert_eq!(
        read.organizations[0].role,
        crate::model::OrganizationRole::Both
    );
}
