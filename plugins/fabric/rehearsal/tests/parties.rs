//! Two parties with homes of their own in one network: what one cannot do alone goes as files to the other.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod homes;

use serde_json::json;

use homes::{BASIC, CHANNEL, File};

#[test]
fn a_change_is_signed_in_one_home_and_submitted_from_another() {
    let mut world = File::default().world();
    world.all_join();
    let before = world.ledger.chain("mychannel").unwrap().config.sequence;
    let wish = json!({"policies": {"Endorsement": "ANY Endorsement"}});
    let open = world.does(0, "channel-update", CHANNEL, &wish, &[]);
    let open = open.unwrap();
    assert_eq!(open.files.len(), 1, "{}", open.text);
    assert!(open.text.contains("Org2MSP"), "{}", open.text);
    // Its own signature is not enough, whoever sends it.
    let alone = world.does(0, "channel-submit", CHANNEL, &json!({}), &open.files);
    let text = format!("{:?}", alone.unwrap_err());
    assert!(text.contains("Org2MSP"), "{text}");
    let signed = world.does(1, "channel-sign", CHANNEL, &json!({}), &open.files);
    let signed = signed.unwrap();
    assert!(signed.text.contains("signed by Org2MSP"), "{}", signed.text);
    let files = [open.files.clone(), signed.files.clone()].concat();
    // Who has no orderer cannot submit.
    let far = world.does(1, "channel-submit", CHANNEL, &json!({}), &files);
    let text = format!("{:?}", far.unwrap_err());
    assert!(text.contains("no orderer"), "{text}");
    for _ in 0..2 {
        let done = world.does(0, "channel-submit", CHANNEL, &json!({}), &files);
        done.unwrap();
        let after = world.ledger.chain("mychannel").unwrap().config.sequence;
        assert_eq!(after, before + 1);
    }
    let again = world.does(0, "channel-update", CHANNEL, &wish, &[]);
    assert!(again.unwrap().files.is_empty());
    let after = world.ledger.chain("mychannel").unwrap().config.sequence;
    assert_eq!(after, before + 1);
    assert!(
        world.ledger.audit.refusals.is_empty(),
        "{:#?}",
        world.ledger.audit
    );
}

#[test]
fn a_file_that_was_tampered_with_is_refused_by_the_orderer() {
    let mut world = File::default().world();
    world.all_join();
    let wish = json!({"policies": {"Endorsement": "ANY Endorsement"}});
    let open = world.does(0, "channel-update", CHANNEL, &wish, &[]);
    let open = open.unwrap();
    let signed = world.does(1, "channel-sign", CHANNEL, &json!({}), &open.files);
    let mut signed = signed.unwrap().files;
    // The last byte of a signature is the last one of the file.
    *signed[0].bytes.last_mut().unwrap() ^= 1;
    let files = [open.files, signed].concat();
    let done = world.does(0, "channel-submit", CHANNEL, &json!({}), &files);
    assert!(done.is_err());
    assert_eq!(world.ledger.chain("mychannel").unwrap().config.sequence, 0);
}

/// Each party approves for its own; whose approval is missing is said by name.
#[test]
fn a_chaincode_waits_for_who_has_not_approved() {
    let mut world = File::default().world();
    world.all_join();
    let first = world.does(0, "chaincode-deploy", BASIC, &json!({}), &[]);
    let first = first.unwrap();
    let note = &first.notes[0].message;
    assert!(note.contains("missing: Org2MSP"), "{note}");
    let commit = world.does(0, "chaincode-commit", BASIC, &json!({}), &[]);
    let text = format!("{:?}", commit.unwrap_err());
    assert!(text.contains("missing: Org2MSP"), "{text}");
    assert!(world.ledger.audit.raised.is_empty());
    assert!(world.ledger.audit.invalid.is_empty());
}
