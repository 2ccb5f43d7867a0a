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

/// A network that is made without a stop; with it how many requests that took, and how many writes.
async fn whole(chain: &str) -> Option<(Picture, usize, usize)> {
    let front = Front::of(plane(), chain)?;
    let one = Operator::new(plane(), chain).await;
    let points = one.home.path().join("points");
    let output = one
        .command(&create(chain))
        .env("CHAIN_CRASH_COUNT", &points)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let points = std::fs::read_to_string(points).unwrap_or_default();
    let picture = picture(&front.ledger(), "mychannel");
    Some((picture, front.asked().len(), points.lines().count()))
}

/// Where the first run of a network ends.
#[derive(Debug, Clone, Copy)]
enum Stop {
    /// It is killed at a request.
    Request(usize, Fault),
    /// It stops at a write to the API server.
    Write(usize),
}

/// The same network, whose first run ends somewhere; finished by a second one.
async fn stopped(chain: String, stop: Stop) -> Picture {
    let front = Front::of(plane(), &chain).unwrap();
    let one = Operator::new(plane(), &chain).await;
    let line = create(&chain);
    let at = match stop {
        Stop::Write(at) => at.to_string(),
        Stop::Request(..) => String::new(),
    };
    let child = one.start(&line, &[("CHAIN_CRASH_AT", &at)]);
    let child = Arc::new(Mutex::new(child));
    if let Stop::Request(at, fault) = stop {
        front.goes_wrong(&Faults::one(at, fault), Some(Arc::clone(&child)));
    }
    let status = ended(&child).await;
    let code = match stop {
        Stop::Write(_) => Some(kubectl_chain::crash::EXIT_CODE),
        Stop::Request(..) => None,
    };
    assert_eq!(status.code(), code, "{stop:?}: {status}");
    let (code, out, said) = one.output(&line);
    assert_eq!(code, Some(0), "{stop:?}\n{out}\n{said}");
    picture(&front.ledger(), "mychannel")
}

/// The same network, whose connections are lost now and then; one run is enough.
async fn lossy(chain: &str, requests: usize) -> Picture {
    let front = Front::of(plane(), chain).unwrap();
    let one = Operator::new(plane(), chain).await;
    let kinds = [Fault::LostBefore, Fault::LostAfter];
    let lost = (0..requests).step_by(5).zip(kinds.into_iter().cycle());
    front.goes_wrong(&Faults(lost.collect()), None);
    one.run(&create(chain));
    picture(&front.ledger(), "mychannel")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_whose_run_is_stopped_is_finished_by_the_next() {
    let Some((wanted, requests, writes)) = whole("stop").await else {
        return;
    };
    assert_eq!(lossy("stoplossy", requests).await, wanted);
    let mut stops = vec![
        Stop::Request(requests / 6, Fault::KilledAfter),
        Stop::Request(requests / 2, Fault::KilledBefore),
        Stop::Request(requests * 3 / 4, Fault::KilledAfter),
    ];
    // A build without crash points counts none.
    if writes > 0 {
        stops.push(Stop::Write(writes - 3));
    }
    let mut runs = Vec::new();
    for (number, stop) in stops.into_iter().enumerate() {
        let run = tokio::spawn(stopped(format!("stop{number}"), stop));
        runs.push((stop, run));
    }
    for (stop, run) in runs {
        assert_eq!(run.await.unwrap(), wanted, "{stop:?}");
    }
}
