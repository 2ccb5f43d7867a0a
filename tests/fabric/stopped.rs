//! A network that comes up is stopped on the way, and the next run finishes it: the same end, each step taken once.

use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fabric_rehearsal::driver::{Fault, Faults};

use super::Operator;
use super::front::Front;
use super::live::{Picture, picture};
use super::plane::plane;

/// The smallest network that goes through all steps.
fn create(chain: &str) -> String {
    format!(
        "create {chain} --stack fabric --namespaces one --orgs 2 --peers 1 --orderers 1 --channel mychannel \
         --chaincode kv=example/kv:1 --wait"
    )
}

async fn ended(child: &Mutex<Child>) -> ExitStatus {
    loop {
        if let Some(status) = child.lock().unwrap().try_wait().unwrap() {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A network that is made without a stop; with it how many requests that took.
async fn whole(chain: &str) -> Option<(Picture, usize)> {
    let front = Front::of(plane(), chain)?;
    let one = Operator::new(plane(), chain).await;
    one.run(&create(chain));
    let asked = front.asked();
    for (n, l) in asked.iter().enumerate() { println!("{n} {l:?}"); }
    let picture = picture(&front.ledger(), "mychannel");
    Some((picture, asked.len()))
}

/// The same network, whose first run is killed at a request; finished by a second one.
async fn killed(chain: String, at: usize, fault: Fault) -> Picture {
    let front = Front::of(plane(), &chain).unwrap();
    let one = Operator::new(plane(), &chain).await;
    let line = create(&chain);
    let child = Arc::new(Mutex::new(one.start(&line, &[])));
    front.goes_wrong(&Faults::one(at, fault), Some(Arc::clone(&child)));
    let status = ended(&child).await;
    assert_eq!(status.code(), None, "{fault:?} at {at}: {status}");
    let (code, out, said) = one.output(&line);
    assert_eq!(code, Some(0), "{fault:?} at {at}\n{out}\n{said}");
    picture(&front.ledger(), "mychannel")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_whose_run_is_killed_is_finished_by_the_next() {
    let Some((wanted, requests)) = whole("stop").await else {
        return;
    };
    let mut runs = Vec::new();
    for (number, fault) in [
        Fault::KilledAfter,
        Fault::KilledBefore,
        Fault::KilledAfter,
        Fault::KilledAfter,
    ]
    .into_iter()
    .enumerate()
    {
        let at = requests * (number + 1) / 5;
        let one = killed(format!("stop{number}"), at, fault);
        runs.push((at, fault, tokio::spawn(one)));
    }
    for (at, fault, run) in runs {
        assert_eq!(run.await.unwrap(), wanted, "{fault:?} at {at}");
    }
}
