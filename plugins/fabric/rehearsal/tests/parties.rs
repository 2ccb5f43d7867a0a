//! Two parties with homes of their own in one network: what one cannot do alone goes as files to the other.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use chain_plugin_sdk::{Blob, Diagnostics, Report};
use fabric_rehearsal::driver::{Faults, run};
use fabric_rehearsal::ledger::Ledger;
use fabric_rehearsal::network::{Network, Orderers, Spec};
use fabric_service::Release;
use serde_json::{Value, json};

const CHANNEL: &str = "channel/mychannel";
const BASIC: &str = "chaincode/basic";

/// A party that owns all but some organisations, and knows of those what they publish. One seed makes one network of all
/// homes.
fn home(away: &[&str]) -> Network {
    let kinds = json!({
        "orderers": 1, "orgs": 2, "peers": 1,
        "channels": [{"name": "mychannel"}],
        "chaincodes": [{"name": "basic", "image": "registry.example/basic:1.0"}],
    });
    let mut network = Network::new(Spec::new(Release::V2_5, Orderers::Raft, &kinds)).unwrap();
    for subject in &mut network.topology.subjects {
        let org = subject.parent.clone().unwrap_or_default();
        subject.foreign = away.contains(&subject.id.as_str()) || away.contains(&org.as_str());
        for endpoint in &mut subject.endpoints {
            if subject.foreign {
                let outside = format!("{}.example:{}", endpoint.service, endpoint.number);
                endpoint.outside = Some(outside);
            }
        }
    }
    network
}

struct World {
    one: Network,
    two: Network,
    ledger: Ledger,
}

/// The first party has the orderers and `org1`, the second `org2`.
fn world() -> World {
    let one = home(&["org/org2"]);
    let two = home(&["org/orderer", "org/org1"]);
    let mut ledger = Ledger::new(&one).unwrap();
    ledger.start(&two).unwrap();
    World { one, two, ledger }
}

impl World {
    fn does(
        &mut self,
        second: bool,
        operation: &str,
        subject: &str,
        args: &Value,
        files: &[Blob],
    ) -> Result<Report, Diagnostics> {
        let network = if second { &mut self.two } else { &mut self.one };
        network.now_ms = self.ledger.clock_ms();
        let none = Faults::none();
        run(
            network,
            &mut self.ledger,
            operation,
            subject,
            args,
            files,
            &none,
        )
    }

    fn both_join(&mut self) {
        for second in [false, true] {
            let report = self.does(second, "channel-join", CHANNEL, &json!({}), &[]);
            report.unwrap();
        }
        for peer in self.ledger.peers.values() {
            assert!(peer.channels.contains_key("mychannel"));
        }
    }
}

#[test]
fn a_change_is_signed_in_one_home_and_submitted_from_another() {
    let mut world = world();
    world.both_join();
    let before = world.ledger.chain("mychannel").unwrap().config.sequence;
    let wish = json!({"policies": {"Endorsement": "ANY Endorsement"}});
    let open = world.does(false, "channel-update", CHANNEL, &wish, &[]);
    let open = open.unwrap();
    assert_eq!(open.files.len(), 1, "{}", open.text);
    assert!(open.text.contains("Org2MSP"), "{}", open.text);
    // Its own signature is not enough, whoever sends it.
    let alone = world.does(false, "channel-submit", CHANNEL, &json!({}), &open.files);
    let text = format!("{:?}", alone.unwrap_err());
    assert!(text.contains("Org2MSP"), "{text}");
    let signed = world.does(true, "channel-sign", CHANNEL, &json!({}), &open.files);
    let signed = signed.unwrap();
    assert!(signed.text.contains("signed by Org2MSP"), "{}", signed.text);
    let files = [open.files.clone(), signed.files.clone()].concat();
    // Who has no orderer cannot submit.
    let far = world.does(true, "channel-submit", CHANNEL, &json!({}), &files);
    let text = format!("{:?}", far.unwrap_err());
    assert!(text.contains("no orderer"), "{text}");
    for _ in 0..2 {
        let done = world.does(false, "channel-submit", CHANNEL, &json!({}), &files);
        done.unwrap();
        let after = world.ledger.chain("mychannel").unwrap().config.sequence;
        assert_eq!(after, before + 1);
    }
    let again = world.does(false, "channel-update", CHANNEL, &wish, &[]);
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
    let mut world = world();
    world.both_join();
    let wish = json!({"policies": {"Endorsement": "ANY Endorsement"}});
    let open = world.does(false, "channel-update", CHANNEL, &wish, &[]);
    let open = open.unwrap();
    let signed = world.does(true, "channel-sign", CHANNEL, &json!({}), &open.files);
    let mut signed = signed.unwrap().files;
    // The last byte of a signature is the last one of the file.
    *signed[0].bytes.last_mut().unwrap() ^= 1;
    let files = [open.files, signed].concat();
    let done = world.does(false, "channel-submit", CHANNEL, &json!({}), &files);
    assert!(done.is_err());
    assert_eq!(world.ledger.chain("mychannel").unwrap().config.sequence, 0);
}

/// Each party approves for its own; whose approval is missing is said by name.
#[test]
fn a_chaincode_waits_for_who_has_not_approved() {
    let mut world = world();
    world.both_join();
    let first = world.does(false, "chaincode-deploy", BASIC, &json!({}), &[]);
    let first = first.unwrap();
    let note = &first.notes[0].message;
    assert!(note.contains("missing: Org2MSP"), "{note}");
    let commit = world.does(false, "chaincode-commit", BASIC, &json!({}), &[]);
    let text = format!("{:?}", commit.unwrap_err());
    assert!(text.contains("missing: Org2MSP"), "{text}");
    assert!(world.ledger.audit.raised.is_empty());
    assert!(world.ledger.audit.invalid.is_empty());
}
