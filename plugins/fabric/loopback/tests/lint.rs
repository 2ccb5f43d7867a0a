//! The check of channels held against real nodes: what it calls refused they refuse, or die of, and
//! what it lets pass they take.
//!
//! Needs the programs, see [`fabric_loopback::VARIABLE`]; without them nothing is tested.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs
)]

mod network;

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use fabric_channel::block::{block_data_hash, open_config_block};
use fabric_channel::genesis::{Form, Seed, block_of};
use fabric_channel::lint::{Diagnostic, Severity, Target, lint_block};
use fabric_channel::model::{Channel, Release};
use fabric_channel::tree::channel_group;
use fabric_loopback::Programs;
use fabric_proto::Message;
use fabric_proto::common::Block;
use fabric_proto::configuration::ConfigGroup;
use fabric_transaction::proposal::system;
use network::channel::{Network, Ordering};
use network::faults::{BFT_FAULTS, FAULTS, Fault};
use network::organization::{entropy, now};

/// Where check and nodes differ, and why that is left so.
const KNOWN: &[(&str, &str)] = &[
    ("four slots", "nobody makes so many"),
    // An orderer that is told to join looks at what concerns itself only.
    ("bft: no consenters", "it would only follow"),
    ("bft: no mapping", "it would only follow"),
    (
        "bft: a consenter of another organisation",
        "it is another one",
    ),
    ("bft: one certificate twice", "it finds itself by the first"),
    (
        "bft: a certificate of another authority",
        "it would only follow",
    ),
    (
        "bft: capability of 2.0",
        "it is looked at with the first change",
    ),
];

/// What nodes say.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    /// Both took it.
    Taken,
    /// Which one refused it, and how.
    Refused(String),
    /// Which one died.
    Died(&'static str),
}

fn make(network: &Network, ordering: Ordering, id: &str, fault: &Fault) -> Option<Block> {
    let mut channel = network.channel(ordering, network.orderers.len());
    id.clone_into(&mut channel.id);
    if let Fault::Model(change) = fault {
        change(&mut channel);
    }
    let Channel { id, .. } = &channel;
    let mut group: ConfigGroup = channel_group(&channel).ok()?;
    if let Fault::Tree(change) = fault {
        change(&mut group);
    }
    let seed = Seed {
        nonce: entropy(24).try_into().unwrap(),
        timestamp: now(),
    };
    let mut block = block_of(id, group, &seed, Form::V2);
    if let Fault::Block(change) = fault {
        change(&mut block);
        let hash = block_data_hash(block.data.as_ref().unwrap());
        block.header.as_mut().unwrap().data_hash = hash.to_vec();
    }
    Some(block)
}

/// Starts a node again without what it knew of channels.
fn reborn(network: &mut Network, name: &str) {
    let loopback = &mut network.wire.loopback;
    loopback.kill(name).unwrap();
    let data = loopback
        .node(name)
        .unwrap()
        .root()
        .join("var/hyperledger/production");
    fs::remove_dir_all(&data).unwrap();
    fs::create_dir_all(&data).unwrap();
    loopback.restart(name).unwrap();
}

/// Whether a node died of what it was told: it may do so a moment later.
fn died(network: &mut Network, name: &str) -> bool {
    sleep(Duration::from_millis(100));
    !network.wire.loopback.is_running(name).unwrap()
}

fn told(network: &mut Network, block: &Block) -> Said {
    let (orderer, peer) = (network.orderer(0).to_owned(), network.peer(0).to_owned());
    let bytes = block.encode_to_vec();
    let join = network.wire.try_join(&orderer, &bytes);
    if died(network, &orderer) {
        reborn(network, &orderer);
        return Said::Died("orderer");
    }
    match join {
        Err(error) => return Said::Refused(format!("orderer: {error}")),
        Ok(Err(error)) => return Said::Refused(format!("orderer: {error}")),
        Ok(Ok(channel)) => {
            network.wire.remove(&orderer, &channel.name).unwrap();
        }
    }
    let join = system::join_channel(&bytes);
    let answer = network.wire.try_ask(&peer, &join, network.admin_of(0));
    if died(network, &peer) {
        reborn(network, &peer);
        return Said::Died("peer");
    }
    match answer {
        Ok(_) => Said::Taken,
        Err(error) => Said::Refused(format!("peer: {error}")),
    }
}

fn worst(findings: &[Diagnostic]) -> Option<Severity> {
    findings.iter().map(|one| one.severity).max()
}

#[test]
fn nodes_refuse_what_the_check_calls_refused() {
    if let Some(programs) = Programs::from_env_of(&["2.", "3."]).unwrap() {
        compared(&programs, Ordering::Raft, 1, FAULTS);
    }
}

#[test]
fn nodes_refuse_what_the_check_calls_refused_of_bft() {
    if let Some(programs) = Programs::from_env_of(&["3."]).unwrap() {
        compared(&programs, Ordering::Bft, 4, BFT_FAULTS);
    }
}

fn compared(programs: &Programs, ordering: Ordering, orderers: usize, faults: &[(&str, Fault)]) {
    let mut network = Network::start(programs, orderers, "none:0");
    let release = if network.release.starts_with("3.") {
        Release::V3_1
    } else {
        Release::V2_5
    };
    let mut wrong = Vec::new();
    for (number, (name, fault)) in faults.iter().enumerate() {
        let Some(block) = make(&network, ordering, &format!("case{number}"), fault) else {
            println!("{name}: cannot even be made");
            continue;
        };
        let target = Target::new(release).at(now());
        // What cannot be opened is never sent to a node.
        let (severity, codes) = match open_config_block(block.clone()) {
            Ok(opened) => {
                let findings = lint_block(&opened, target);
                let worst = worst(&findings);
                let codes: Vec<_> = findings
                    .iter()
                    .filter(|one| Some(one.severity) == worst)
                    .map(|one| one.code)
                    .collect();
                (worst, codes.join(" "))
            }
            Err(error) => (Some(Severity::Refused), error.to_string()),
        };
        let said = told(&mut network, &block);
        let line = format!("{name}: check {severity:?} ({codes}), nodes {said:?}");
        let line: String = line.chars().take(300).collect();
        // What works never is either refused or taken.
        let agree = match severity {
            Some(Severity::Refused) => said != Said::Taken,
            Some(Severity::Broken) => true,
            _ => said == Said::Taken,
        };
        println!("{} {line}", if agree { "  " } else { "!!" });
        let known = KNOWN.iter().any(|(one, _)| one == name);
        if !agree && !known {
            wrong.push(line);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
