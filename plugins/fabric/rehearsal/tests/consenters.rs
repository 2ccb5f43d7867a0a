//! Orderers come into a channel that lives, and leave it: with Raft, and with BFT.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs
)]

use chain_plugin_sdk::{Diagnostics, Report};
use fabric_channel::tree::bft_quorum;
use fabric_proto::Message as _;
use fabric_proto::configuration::Orderers as Mapping;
use fabric_proto::policies::{SignaturePolicyEnvelope, SignatureRule};
use fabric_rehearsal::driver::{FAULTS, Faults, run, sweep_all};
use fabric_rehearsal::ledger::Ledger;
use fabric_rehearsal::network::{Network, Orderers, Spec};
use fabric_service::Release;
use serde_json::{Value, json};

/// A kind of orderers, and how many there are at first.
type Kind = (Release, Orderers, u32);

const RAFT: Kind = (Release::V2_5, Orderers::Raft, 3);
const BFT: Kind = (Release::V3_1, Orderers::Bft, 4);

fn kinds(orderers: u32) -> Value {
    json!({"orderers": orderers, "orgs": 1, "peers": 1, "channels": [{"name": "mychannel"}]})
}

/// A network of so many orderers more than at first.
fn network((release, kind, first): Kind, more: u32) -> Network {
    let mut network = Network::new(Spec::new(release, kind, &kinds(first))).unwrap();
    if more > 0 {
        network.change(&kinds(first + more)).unwrap();
    }
    network
}

fn tries(
    network: &mut Network,
    ledger: &mut Ledger,
    operation: &str,
    subject: &str,
    faults: &Faults,
) -> Result<Report, Diagnostics> {
    network.now_ms = network.now_ms.max(ledger.clock_ms());
    run(network, ledger, operation, subject, &json!({}), &[], faults)
}

fn does(network: &mut Network, ledger: &mut Ledger, operation: &str, subject: &str) -> Report {
    let ended = tries(network, ledger, operation, subject, &Faults::none());
    ended.unwrap_or_else(|why| panic!("{operation}: {why:?} {:#?}", ledger.audit.refusals))
}

fn brought_up(kind: Kind) -> (Network, Ledger) {
    let mut network = network(kind, 0);
    let mut ledger = Ledger::new(&network).unwrap();
    does(&mut network, &mut ledger, "bring-up", "chain");
    (network, ledger)
}

/// Carries out what an operation wishes of the spec, as the host does.
fn amended(network: &mut Network, ledger: &mut Ledger) {
    for patch in network.log.amended.clone() {
        network.amend(&patch).unwrap();
        ledger.start(network).unwrap();
        does(network, ledger, "after-ready", "chain");
    }
}

fn consenters(ledger: &Ledger) -> usize {
    let chain = ledger.chain("mychannel").unwrap();
    chain.ordering.consenters.as_ref().unwrap().len()
}

fn faulty(ledger: &Ledger) -> Option<String> {
    let audit = &ledger.audit;
    // A change that is sent again when the answer was lost is outdated by itself.
    let mut refused = audit
        .refusals
        .iter()
        .filter(|it| !it.contains("error applying config update to existing channel"));
    let clean = audit.invalid.is_empty() && refused.next().is_none() && audit.verified > 0;
    (!clean).then(|| format!("{audit:#?}"))
}

#[test]
fn an_orderer_comes_and_another_goes() {
    for kind in [RAFT, BFT] {
        let first = usize::try_from(kind.2).unwrap();
        let (mut network, mut ledger) = brought_up(kind);
        does(&mut network, &mut ledger, "orderer-add", "chain");
        amended(&mut network, &mut ledger);
        assert_eq!(consenters(&ledger), first + 1, "{kind:?}");
        // Once more is no wish for another when one is on its way; here none is.
        let blocks = ledger.blocks();
        does(&mut network, &mut ledger, "bring-up", "chain");
        assert_eq!(ledger.blocks(), blocks, "{kind:?}");
        let gone = "orderer/orderer0.orderer";
        does(&mut network, &mut ledger, "orderer-remove", gone);
        assert_eq!(consenters(&ledger), first, "{kind:?}");
        assert!(ledger.orderers[gone].channels.is_empty(), "{kind:?}");
        amended(&mut network, &mut ledger);
        assert!(network.subject(gone).is_err());
        does(&mut network, &mut ledger, "bring-up", "chain");
        assert_eq!(faulty(&ledger), None);
    }
}

/// Whoever orders by BFT signs blocks: the policy over them names the consenters of now, and a quorum of them.
#[test]
fn the_policy_over_blocks_names_the_consenters_of_now() {
    let (mut network, mut ledger) = brought_up(BFT);
    does(&mut network, &mut ledger, "orderer-add", "chain");
    amended(&mut network, &mut ledger);
    does(&mut network, &mut ledger, "orderer-add", "chain");
    amended(&mut network, &mut ledger);
    for (gone, left) in [
        ("orderer/orderer1.orderer", 5),
        ("orderer/orderer4.orderer", 4),
    ] {
        does(&mut network, &mut ledger, "orderer-remove", gone);
        amended(&mut network, &mut ledger);
        let root = ledger.chain("mychannel").unwrap().root().clone();
        let group = &root.groups["Orderer"];
        let mapping = Mapping::decode(group.values["Orderers"].value.as_slice()).unwrap();
        let mapping = mapping.consenter_mapping;
        assert_eq!(mapping.len(), left);
        let policy = group.policies["BlockValidation"].policy.clone().unwrap();
        let rule = SignaturePolicyEnvelope::decode(policy.value.as_slice()).unwrap();
        assert_eq!(rule.identities.len(), left);
        for (principal, consenter) in rule.identities.iter().zip(&mapping) {
            let text = String::from_utf8_lossy(&principal.principal).into_owned();
            let identity = String::from_utf8_lossy(&consenter.identity).into_owned();
            assert!(text.contains(&identity));
        }
        let Some(SignatureRule::NOutOf(gate)) = rule.rule.unwrap().r#type else {
            panic!("no quorum")
        };
        assert_eq!(usize::try_from(gate.n).unwrap(), bft_quorum(left));
        let numbers: std::collections::BTreeSet<u32> = mapping.iter().map(|it| it.id).collect();
        assert_eq!(numbers.len(), left);
    }
    // Four are the fewest.
    let before = (ledger.summary(), ledger.blocks());
    let last = "orderer/orderer0.orderer";
    let none = Faults::none();
    let fault = tries(&mut network, &mut ledger, "orderer-remove", last, &none);
    let text = format!("{:?}", fault.unwrap_err());
    assert!(text.contains("would have 3 consenters"), "{text}");
    assert!(network.log.amended.is_empty());
    assert_eq!((ledger.summary(), ledger.blocks()), before);
    assert_eq!(faulty(&ledger), None);
}

/// One fault at each request: the same command again, and all is as without.
fn stands(kind: Kind, start: &Ledger, operation: &str, subject: &str) -> Ledger {
    let mut whole = network(kind, 1);
    whole.runs = 500;
    let mut end = start.clone();
    end.start(&whole).unwrap();
    does(&mut whole, &mut end, operation, subject);
    let (wanted, requests) = (end.summary(), whole.log.requests.len());
    println!("{operation}: {requests} requests");
    let failed = sweep_all(&FAULTS, |fault| {
        let mut failed = Vec::new();
        let mut network = network(kind, 1);
        network.runs = 1_000;
        for at in 0..requests {
            let mut ledger = start.clone();
            ledger.start(&network).unwrap();
            network.now_ms = ledger.clock_ms();
            let told = format!("{operation}, {fault:?} at {at}");
            for faults in [Faults::one(at, fault), Faults::none()] {
                let ended = tries(&mut network, &mut ledger, operation, subject, &faults);
                if let Err(why) = ended {
                    failed.push(format!("{told}: {why:?}"));
                }
            }
            if ledger.summary() != wanted {
                failed.push(format!("{told}: another end"));
            }
            failed.extend(faulty(&ledger).map(|why| format!("{told}: {why}")));
        }
        failed
    });
    assert!(failed.is_empty(), "{}: {failed:#?}", failed.len());
    end
}

fn comes_and_goes(kind: Kind) {
    let (_, start) = brought_up(kind);
    let first = usize::try_from(kind.2).unwrap();
    let more = stands(kind, &start, "after-ready", "chain");
    assert_eq!(consenters(&more), first + 1);
    let less = stands(kind, &more, "orderer-remove", "orderer/orderer1.orderer");
    assert_eq!(consenters(&less), first);
}

#[test]
fn coming_and_going_stand_every_fault_with_raft() {
    comes_and_goes(RAFT);
}

#[test]
fn coming_and_going_stand_every_fault_with_bft() {
    comes_and_goes(BFT);
}
