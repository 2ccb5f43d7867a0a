//! Runs an operation of the stack against a world, turn by turn, as the host does. `remember`, `amend` and `renew` are
//! recorded in [`Network::log`]; an amendment is carried out by [`Network::amend`].

use std::collections::BTreeMap;

use chain_plugin_sdk::descriptor::{Operation, Phase};
use chain_plugin_sdk::{
    Act, Blob, Diagnostics, Failure, Http, Operate as _, Outcome, Report, Request, Response, Step,
    Turn, error,
};
use fabric_service::{CHAIN, role};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::network::{Log, Network};

/// Most turns of one operation, as in the host.
const MOST_TURNS: usize = 10_000;
/// What one turn takes by the driver's own clock, in milliseconds.
const TURN: u64 = 10;
/// The host's own limit of a step that names none, in milliseconds.
const USUAL: u32 = 30_000;

/// A request of one turn.
#[derive(Debug)]
pub struct Call<'a> {
    /// Id of the subject to whose pod it goes.
    pub node: &'a str,
    /// Name of the port.
    pub port: &'a str,
    /// The request.
    pub http: &'a Http,
    /// The answer must be there by then.
    pub timeout_ms: u32,
}

/// Whatever answers.
pub trait World {
    /// Sends one request to a port of a subject's pod.
    ///
    /// # Errors
    /// As the host: `timeout`, `refused`, `broken`, `truncated`, `not-found`, `invalid`, `tls`, `forbidden`, `unsupported`.
    fn http(&mut self, node: &str, port: &str, http: &Http) -> Result<Response, Failure>;

    /// Sends the requests of one turn, which may be sent side by side; here one after the other.
    fn turn(&mut self, calls: &[Call<'_>]) -> Vec<Result<Response, Failure>> {
        let one = |call: &Call<'_>| self.http(call.node, call.port, call.http);
        calls.iter().map(one).collect()
    }

    /// Time passes.
    fn pass(&mut self, ms: u32) {
        let _ = ms;
    }

    /// Now, in milliseconds since 1970; nothing where the driver's clock is all there is.
    fn now_ms(&mut self) -> Option<u64> {
        None
    }
}

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

/// Tries all faults side by side, each in a sweep of its own; what went wrong in any.
pub fn sweep_all(faults: &[Fault], sweep: impl Fn(Fault) -> Vec<String> + Sync) -> Vec<String> {
    std::thread::scope(|scope| {
        let sweep = &sweep;
        let workers: Vec<_> = faults
            .iter()
            .map(|fault| scope.spawn(move || sweep(*fault)))
            .collect();
        let ended = workers.into_iter().map(|it| {
            it.join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        ended.flatten().collect()
    })
}

/// What goes wrong, by the number of the request: the first is 0. Requests are counted through restarts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults(pub BTreeMap<usize, Fault>);

impl Faults {
    /// Nothing goes wrong.
    pub fn none() -> Self {
        Self::default()
    }

    /// One fault.
    pub fn one(at: usize, fault: Fault) -> Self {
        Self([(at, fault)].into())
    }
}

/// Runs an operation to its end. What it did beside is in [`Network::log`].
///
/// # Errors
/// What the operation ends with, or that there is none of this name about this subject.
#[allow(clippy::too_many_arguments)]
pub fn run(
    network: &mut Network,
    world: &mut dyn World,
    operation: &str,
    subject: &str,
    args: &Value,
    files: &[Blob],
    faults: &Faults,
) -> Result<Report, Diagnostics> {
    let stack = network.service(role::STACK)?;
    let known = stack.descriptor.operations.iter();
    let found = known.into_iter().find(|it| it.name == operation).cloned();
    let found = found.ok_or_else(|| {
        let message = format!("there is no operation {operation}");
        vec![error("operation", "", message)]
    })?;
    let about = match found.kind.as_str() {
        "" => CHAIN,
        kind => kind,
    };
    if network.kind(subject) != Some(about) {
        let message = format!("{operation} is about a {about}, and {subject} is none");
        return Err(vec![error("operation", "", message)]);
    }
    network.log = Log::default();
    let mut run = Run {
        network,
        world,
        faults,
        sent: 0,
    };
    loop {
        if let Some(end) = run.process(&found, subject, args, files) {
            return end;
        }
    }
}

struct Run<'a> {
    network: &'a mut Network,
    world: &'a mut dyn World,
    faults: &'a Faults,
    sent: usize,
}

fn failure(kind: &str, message: impl Into<String>) -> Failure {
    Failure {
        kind: kind.to_owned(),
        message: message.into(),
    }
}

fn done() -> Response {
    Response {
        code: 0,
        body: Vec::new(),
        more: "{}".to_owned(),
    }
}

impl Run<'_> {
    fn tick(&mut self) {
        let told = self.world.now_ms();
        let now = told.unwrap_or_else(|| self.network.now_ms.saturating_add(TURN));
        self.network.now_ms = self.network.now_ms.max(now);
    }

    /// One life of the process; nothing when it is killed.
    fn process(
        &mut self,
        operation: &Operation,
        subject: &str,
        args: &Value,
        files: &[Blob],
    ) -> Option<Result<Report, Diagnostics>> {
        self.tick();
        self.network.runs = self.network.runs.saturating_add(1);
        let seed = Sha256::new()
            .chain_update(self.network.seed())
            .chain_update(b"operation")
            .chain_update(self.network.runs.to_be_bytes())
            .finalize();
        let request = Request {
            operation: operation.name.clone(),
            subject: subject.to_owned(),
            role: role::STACK.to_owned(),
            instance: role::STACK.to_owned(),
            options: "{}".to_owned(),
            args: args.to_string(),
            files: files.to_vec(),
            now_ms: self.network.now_ms,
            seed: seed.to_vec(),
        };
        let mut work = match self.start(operation, subject, request) {
            Ok(work) => work,
            Err(fault) => return Some(Err(fault)),
        };
        let (mut outcomes, mut sleeping, mut asked) = (Vec::new(), Vec::new(), 0_u32);
        for _ in 0..MOST_TURNS {
            // Nothing is asked of the host between turns but what the door of the start would give.
            let turn = {
                let network = &*self.network;
                let service = match network.service(role::STACK) {
                    Ok(service) => service,
                    Err(fault) => return Some(Err(fault)),
                };
                let mut door = network.door(service, Phase::Operate, subject);
                door.operation = Some(operation);
                work.ended(outcomes, &door)
            };
            let Ok(turn) = turn else {
                let message = format!("{} wants whole turns", operation.name);
                return Some(Err(vec![error("operation", "", message)]));
            };
            match turn {
                Turn::Done(report) => return Some(Ok(report)),
                Turn::Failed(diagnostics) => return Some(Err(diagnostics)),
                Turn::Steps(steps) => {
                    let mut doing = Vec::new();
                    for (step, number) in steps.into_iter().zip(asked..) {
                        asked = number.saturating_add(1);
                        self.tell(&step);
                        match step.act {
                            Act::Sleep(ms) => {
                                let due = self.network.now_ms.saturating_add(u64::from(ms));
                                sleeping.push((due, number));
                            }
                            _ => doing.push((number, step)),
                        }
                    }
                    outcomes = self.steps(&doing)?;
                    outcomes.extend(self.awake(&mut sleeping, outcomes.is_empty()));
                }
            }
        }
        let message = format!("{} did not end within {MOST_TURNS} turns", operation.name);
        Some(Err(vec![error("operation", "", message)]))
    }

    fn start(
        &self,
        operation: &Operation,
        subject: &str,
        request: Request,
    ) -> Result<fabric::Work, Diagnostics> {
        let network = &*self.network;
        let mut door = network.door(network.service(role::STACK)?, Phase::Operate, subject);
        door.operation = Some(operation);
        fabric::Work::start(network.topology.clone(), request, &door)
    }

    fn tell(&mut self, step: &Step) {
        if !step.says.is_empty() {
            let told = (step.on.clone(), step.says.clone());
            self.network.log.says.push(told);
        }
    }

    /// Those whose sleep is over. When nothing else goes on, time passes until one is.
    fn awake(&mut self, sleeping: &mut Vec<(u64, u32)>, idle: bool) -> Vec<(u32, Outcome)> {
        if let (true, Some(&(due, _))) = (idle, sleeping.iter().min()) {
            let pause = due.saturating_sub(self.network.now_ms);
            self.world.pass(u32::try_from(pause).unwrap_or(u32::MAX));
            self.network.now_ms = self.network.now_ms.max(due);
            self.network.log.slept_ms += pause;
            self.tick();
        }
        let at_ms = self.network.now_ms;
        let over = sleeping.extract_if(.., |(due, _)| *due <= at_ms);
        let outcome = |(_, number)| {
            let answer = Ok(done());
            (number, Outcome { at_ms, answer })
        };
        over.map(outcome).collect()
    }

    /// Does steps, each with its number; nothing when the process is killed among them.
    fn steps(&mut self, steps: &[(u32, Step)]) -> Option<Vec<(u32, Outcome)>> {
        if steps.is_empty() {
            return Some(Vec::new());
        }
        self.network.log.turns += 1;
        let mut answers: Vec<Option<Result<Response, Failure>>> = Vec::new();
        let mut calls: Vec<(usize, Call<'_>)> = Vec::new();
        let mut lost = Vec::new();
        let mut killed = false;
        for (index, (_, step)) in steps.iter().enumerate() {
            answers.push(None);
            let Act::Http(http) = &step.act else {
                if let Some(last) = answers.last_mut() {
                    *last = Some(self.act(step));
                }
                continue;
            };
            if let Err(fault) = self.reach(&step.on, &http.port) {
                if let Some(last) = answers.last_mut() {
                    *last = Some(Err(fault));
                }
                continue;
            }
            let told = format!("{} {}", http.method, http.path);
            let told = (step.on.clone(), http.port.clone(), told);
            self.network.log.requests.push(told);
            let fault = self.faults.0.get(&self.sent).copied();
            self.sent += 1;
            if fault == Some(Fault::KilledBefore) {
                killed = true;
                break;
            }
            if fault == Some(Fault::LostBefore) {
                if let Some(last) = answers.last_mut() {
                    *last = Some(Err(failure("broken", "the connection was lost")));
                }
                continue;
            }
            let timeout_ms = if step.timeout_ms == 0 {
                USUAL
            } else {
                step.timeout_ms
            };
            let call = Call {
                node: &step.on,
                port: &http.port,
                http,
                timeout_ms,
            };
            calls.push((index, call));
            match fault {
                Some(Fault::LostAfter) => lost.push(index),
                Some(Fault::KilledAfter) => {
                    killed = true;
                    break;
                }
                _ => {}
            }
        }
        let (places, calls): (Vec<usize>, Vec<Call<'_>>) = calls.into_iter().unzip();
        let given = if calls.is_empty() {
            Vec::new()
        } else {
            self.world.turn(&calls)
        };
        self.tick();
        if killed {
            return None;
        }
        for (index, answer) in places.into_iter().zip(given) {
            if let Some(place) = answers.get_mut(index) {
                *place = Some(if lost.contains(&index) {
                    Err(failure("broken", "the connection was lost"))
                } else {
                    answer
                });
            }
        }
        let at_ms = self.network.now_ms;
        let outcome = |answer: Option<Result<Response, Failure>>| Outcome {
            at_ms,
            answer: answer.unwrap_or_else(|| Err(failure("broken", "the world gave no answer"))),
        };
        let numbers = steps.iter().map(|(number, _)| *number);
        Some(numbers.zip(answers.into_iter().map(outcome)).collect())
    }

    /// Whether the stack's operations may reach a port of a subject, by the host's rules.
    fn reach(&self, on: &str, port: &str) -> Result<(), Failure> {
        let subject = self
            .network
            .subject(on)
            .map_err(|_| failure("not-found", format!("no subject `{on}`")))?;
        if subject.foreign {
            return Err(failure("forbidden", format!("`{on}` is of another party")));
        }
        let open = self.network.services().iter().any(|service| {
            service.descriptor.ports.iter().any(|it| {
                it.name == port
                    && (it.reach == "clients"
                        || it.operators.iter().any(|role| role == role::STACK))
            })
        });
        if !open {
            return Err(failure("forbidden", format!("port `{port}` is closed")));
        }
        let workload = subject.workload.as_deref().unwrap_or_default();
        if workload.starts_with("statefulset/") {
            Ok(())
        } else {
            Err(failure("not-found", format!("`{on}` has no pod")))
        }
    }

    fn act(&mut self, step: &Step) -> Result<Response, Failure> {
        let json = |text: &str| -> Result<Value, Failure> {
            serde_json::from_str(text).map_err(|fault| failure("invalid", fault.to_string()))
        };
        let on = step.on.clone();
        match &step.act {
            // Every pod of a rehearsal is there as long as its world is.
            Act::Sleep(_) | Act::Wait(_) => Ok(done()),
            Act::Remember(state) => {
                let state = json(state)?;
                self.network.remember(&on, state.clone());
                self.network.log.remembered.push((on, state));
                Ok(done())
            }
            Act::Amend(patch) => {
                let patch = json(patch)?;
                self.network.log.amended.push(patch);
                Ok(done())
            }
            Act::Renew(names) => {
                self.network.log.renewed.push((on, names.clone()));
                Ok(done())
            }
            Act::Exec(_) | Act::Logs(_) | Act::Http(_) => {
                Err(failure("unsupported", "not in a rehearsal"))
            }
            Act::Other((kind, _)) => Err(failure("unsupported", format!("no act `{kind}`"))),
        }
    }
}
