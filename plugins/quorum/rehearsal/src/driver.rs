//! Runs an operation turn by turn, as the host does. Requests, console calls and what is remembered are counted, through
//! all lives of the process; each may meet a fault.

use std::collections::BTreeMap;

use chain_plugin_sdk::{Act, Operate, Outcome, Request, Step, Turn, error};
use quorum_service::fixture;
use serde_json::Value;

use crate::network::{Network, failure};

/// How many requests after the first fault a second one may come.
const NEAR: usize = 3;

/// Most turns of one life, as in the host.
const MOST_TURNS: usize = 10_000;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The connection is lost before the request is sent.
    LostBefore,
    /// The request is carried out, its answer is lost.
    LostAfter,
    /// The process is killed before the request is sent, and another one begins from the start.
    KilledBefore,
    /// The process is killed after the request was carried out, and another one begins from the start.
    KilledAfter,
}

/// All of them.
pub const FAULTS: [Fault; 4] = [
    Fault::LostBefore,
    Fault::LostAfter,
    Fault::KilledBefore,
    Fault::KilledAfter,
];

/// What a user types.
#[derive(Debug, Clone)]
pub struct Typed {
    /// The role whose plugin has the operation.
    pub role: &'static str,
    /// Its name.
    pub operation: &'static str,
    /// What it is about.
    pub subject: String,
    /// Its arguments.
    pub args: Value,
}

impl Typed {
    /// An operation of a role's plugin about a subject.
    pub fn new(role: &'static str, operation: &'static str, subject: &str, args: Value) -> Self {
        Self {
            role,
            operation,
            subject: subject.to_owned(),
            args,
        }
    }
}

/// How it ended, and how many requests that took.
#[derive(Debug)]
pub struct End {
    /// The last turn: done or failed.
    pub turn: Turn,
    /// Requests, in all lives of the process.
    pub sent: usize,
}

/// Runs an operation to its end. A process that is killed is followed by another one.
pub fn run<W: Operate>(
    network: &mut Network,
    typed: &Typed,
    faults: &BTreeMap<usize, Fault>,
) -> End {
    let mut sent = 0;
    loop {
        if let Some(turn) = life::<W>(network, typed, faults, &mut sent) {
            return End { turn, sent };
        }
    }
}

/// One life of the process; nothing when it is killed.
fn life<W: Operate>(
    network: &mut Network,
    typed: &Typed,
    faults: &BTreeMap<usize, Fault>,
    sent: &mut usize,
) -> Option<Turn> {
    let request = Request {
        now_ms: network.now_ms,
        ..fixture::request(typed.role, typed.operation, &typed.subject, &typed.args)
    };
    let mut work = match W::start(network.topology.clone(), request, &network.host()) {
        Ok(work) => work,
        Err(why) => return Some(Turn::Failed(why)),
    };
    let mut turn = work.next(Vec::new(), &network.host());
    for _ in 0..MOST_TURNS {
        let Turn::Steps(steps) = &turn else {
            return Some(turn);
        };
        let mut outcomes = Vec::new();
        for step in steps {
            outcomes.push(one(network, step, faults, sent)?);
        }
        turn = work.next(outcomes, &network.host());
    }
    Some(Turn::Failed(vec![error("turns", "", "it does not end")]))
}

fn one(
    network: &mut Network,
    step: &Step,
    faults: &BTreeMap<usize, Fault>,
    sent: &mut usize,
) -> Option<Outcome> {
    network.now_ms += 10;
    let counts = !matches!(step.act, Act::Sleep(_));
    let fault = faults.get(sent).copied().filter(|_| counts);
    *sent += usize::from(counts);
    let lost = || Err(failure("broken", "the connection was lost"));
    let answer = match fault {
        Some(Fault::KilledBefore) => return None,
        Some(Fault::LostBefore) => lost(),
        fault => {
            let answer = network.act(&step.on, &step.act);
            match fault {
                Some(Fault::KilledAfter) => return None,
                Some(Fault::LostAfter) => lost(),
                _ => answer,
            }
        }
    };
    Some(Outcome {
        at_ms: network.now_ms,
        answer,
    })
}

/// Lets each request of an operation meet each fault, and where `pairs` one of the next requests another; runs it again if
/// that made it fail. `look` is what must then be as it is when nothing goes wrong. Gives the number of runs.
///
/// # Errors
/// With the faults after which it is not so.
pub fn sweep<W: Operate, S: PartialEq + std::fmt::Debug>(
    fresh: &Network,
    typed: &Typed,
    pairs: bool,
    look: impl Fn(&Network) -> S,
) -> Result<usize, String> {
    let mut network = fresh.clone();
    let End { turn, sent } = run::<W>(&mut network, typed, &BTreeMap::new());
    if !matches!(turn, Turn::Done(_)) {
        return Err(format!("it fails of itself: {turn:?}"));
    }
    let wanted = look(&network);
    // A process that was killed begins again, and asks as much once more.
    let places = || (0..sent * 2).flat_map(|at| FAULTS.map(|fault| (at, fault)));
    let mut all: Vec<BTreeMap<usize, Fault>> = places().map(|one| [one].into()).collect();
    if pairs {
        for first in places() {
            let near = first.0 + 1..=first.0 + NEAR;
            let later = places().filter(|second| near.contains(&second.0));
            all.extend(later.map(|second| [first, second].into()));
        }
    }
    let count = all.len();
    for faults in all {
        let mut network = fresh.clone();
        let mut end = run::<W>(&mut network, typed, &faults);
        if matches!(end.turn, Turn::Failed(_)) {
            end = run::<W>(&mut network, typed, &BTreeMap::new());
        }
        let found = look(&network);
        if !matches!(end.turn, Turn::Done(_)) || found != wanted {
            return Err(format!(
                "after {faults:?} it ends with {:?}\nfound  {found:?}\nwanted {wanted:?}",
                end.turn
            ));
        }
    }
    Ok(count)
}
