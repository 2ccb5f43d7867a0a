//! Chaincode between parties, whatever is lost on the way: each sequence is raised once, each call made once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs
)]

mod homes;
#[path = "homes/steps.rs"]
mod steps;

use chain_plugin_sdk::Blob;
use fabric_rehearsal::driver::{FAULTS, Fault, Faults, sweep_all};

use homes::World;
use steps::{BY_ONE, BY_TWO, Step, both, faulty, goes};

/// One fault at each request of each step; the step is run again, and the others after it. All ends as without faults.
fn stands(steps: &'static [Step], faults: &[Fault]) {
    let file = both();
    let mut world = file.world();
    world.all_join();
    let mut made: Vec<Vec<Blob>> = Vec::new();
    let mut before = Vec::new();
    for number in 0..steps.len() {
        let (ledger, there) = (world.ledger.clone(), made.clone());
        goes(&mut world, &steps[..=number], &mut made);
        let requests = world.homes[steps[number].party].log.requests.len();
        before.push((ledger, there, requests));
    }
    let wanted = world.ledger.summary();
    let failed = sweep_all(faults, |fault| {
        let mut failed = Vec::new();
        let mut homes = Some(Vec::from(file.homes()));
        for (number, (ledger, made, requests)) in before.iter().enumerate() {
            for at in 0..*requests {
                let mut world = World {
                    homes: homes.take().unwrap(),
                    ledger: ledger.clone(),
                };
                for home in &mut world.homes {
                    // No run here has the seed of one that made the start.
                    home.runs += 1_000;
                }
                let mut made = made.clone();
                let told = format!("{number} {}, {fault:?} at {at}", steps[number].operation);
                let first = steps[number].run(&mut world, &made, &Faults::one(at, fault));
                if let Err(why) = first {
                    failed.push(format!("{told}: {why:?}"));
                }
                goes(&mut world, steps, &mut made);
                if world.ledger.summary() != wanted {
                    failed.push(format!("{told}: another end"));
                }
                failed.extend(faulty(&world.ledger).map(|why| format!("{told}: {why}")));
                homes = Some(world.homes);
            }
        }
        failed
    });
    assert!(failed.is_empty(), "{}: {failed:#?}", failed.len());
}

#[test]
fn all_steps_stand_every_fault_where_the_orderers_are() {
    stands(&BY_ONE, &FAULTS);
}

#[test]
fn all_steps_stand_every_fault_where_no_orderer_is() {
    stands(&BY_TWO, &FAULTS);
}
