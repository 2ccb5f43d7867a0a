//! Votes, contracts and acceptance against a chain that lives here, with connections that break where it hurts.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use chain_plugin_sdk::{Act, Failure, Operate as _, Outcome, Request, Response, Turn};
use quorum_formats::contract::{deployment, set_data};
use quorum_formats::quantity::Quantity;
use serde_json::Value;

const GENESIS: &str = "0x1111111111111111111111111111111111111111111111111111111111111111";
const CONTRACT: &str = "0x1932c48b2bf8102ba33b4a6b545c32236e342f34";

/// A chain: who may vote, which votes are pending, and what one contract holds for whom.
struct Chain {
    nodes: u32,
    validators: BTreeSet<String>,
    /// Votes by node: address to in or out.
    pending: BTreeMap<String, BTreeMap<String, bool>>,
    /// Votes ever cast, by node.
    cast: BTreeMap<String, u32>,
    /// Nodes that see the contract, and what it holds.
    readers: BTreeSet<String>,
    stored: u64,
    now_ms: u64,
    silent: BTreeSet<String>,
    lose: Vec<&'static str>,
    drop: Vec<&'static str>,
    fork: bool,
}

fn node(index: u32) -> String {
    format!("node/node{index}")
}

fn validator(index: u32) -> String {
    fixture::client(index).node_address.to_lowercase()
}

impl Chain {
    fn new(nodes: u32, validators: u32) -> Self {
        Self {
            nodes,
            validators: (0..validators).map(validator).collect(),
            pending: BTreeMap::new(),
            cast: BTreeMap::new(),
            readers: BTreeSet::new(),
            stored: 0,
            now_ms: 0,
            silent: BTreeSet::new(),
            lose: Vec::new(),
            drop: Vec::new(),
            fork: false,
        }
    }

    fn answer(&mut self, on: &str, act: &Act) -> Outcome {
        self.now_ms += 10;
        let lost = || {
            Err(Failure {
                kind: "timeout".to_owned(),
                message: "connection lost".to_owned(),
            })
        };
        let answer = match act {
            Act::Sleep(ms) => {
                self.now_ms += u64::from(*ms);
                self.count();
                Ok(response(0, ""))
            }
            Act::Http(_) if self.silent.contains(on) => lost(),
            Act::Http(http) => {
                let body: Value = serde_json::from_slice(&http.body).unwrap();
                let method = body["method"].as_str().unwrap().to_owned();
                let take = |list: &mut Vec<&'static str>| {
                    let place = list.iter().position(|it| *it == method);
                    place.map(|place| list.remove(place)).is_some()
                };
                if take(&mut self.drop) {
                    lost()
                } else {
                    let result = self.carry_out(on, &method, &body["params"]);
                    if take(&mut self.lose) {
                        lost()
                    } else {
                        let body = json!({"jsonrpc": "2.0", "id": 1, "result": result});
                        Ok(response(200, &body.to_string()))
                    }
                }
            }
            Act::Exec(exec) => {
                assert_eq!(exec.container, "quorum");
                let opens = exec.command == ["sh", "/geth-helpers/geth-attach.sh"];
                assert_eq!(exec.tty, opens);
                let said = match exec.command.last().map(String::as_str) {
                    _ if opens => "",
                    Some("eth.blockNumber") => "31\n",
                    _ => "ReferenceError: nothing is not defined\n",
                };
                Ok(response(0, said))
            }
            Act::Remember(_) => Ok(response(0, "")),
            other => panic!("{other:?}"),
        };
        Outcome {
            at_ms: self.now_ms,
            answer,
        }
    }

    /// A block is made: votes of more than half of the validators come to their result.
    fn count(&mut self) {
        let all: Vec<(String, bool)> = self
            .pending
            .values()
            .flatten()
            .map(|(address, vote)| (address.clone(), *vote))
            .collect();
        for (address, vote) in all {
            let alike = (0..self.nodes).filter(|index| {
                self.validators.contains(&validator(*index))
                    && self
                        .pending
                        .get(&node(*index))
                        .and_then(|it| it.get(&address))
                        == Some(&vote)
            });
            if alike.count() > self.validators.len() / 2 {
                if vote {
                    self.validators.insert(address);
                } else {
                    self.validators.remove(&address);
                }
            }
        }
    }

    fn carry_out(&mut self, on: &str, method: &str, params: &Value) -> Value {
        let address = || params[0].as_str().unwrap().to_lowercase();
        match method {
            "istanbul_getValidators" => json!(self.validators),
            "istanbul_candidates" => json!(self.pending.get(on).cloned().unwrap_or_default()),
            "istanbul_propose" => {
                *self.cast.entry(on.to_owned()).or_default() += 1;
                let vote = params[1].as_bool().unwrap();
                self.pending
                    .entry(on.to_owned())
                    .or_default()
                    .insert(address(), vote);
                Value::Null
            }
            "istanbul_discard" => {
                self.pending
                    .entry(on.to_owned())
                    .or_default()
                    .remove(&address());
                Value::Null
            }
            "eth_accounts" => json!([fixture::client(0).account_address]),
            "eth_getTransactionCount" => json!("0x7"),
            "eth_sendTransaction" => {
                let data = params[0]["data"].as_str().unwrap();
                if params[0].get("to").is_none() {
                    assert_eq!(data, deployment(Quantity::from(42)));
                    self.stored = 42;
                    let private = params[0].get("privateFor").is_some();
                    let sees = |index: &u32| !private || *index < 2;
                    self.readers = (0..self.nodes).filter(sees).map(node).collect();
                } else {
                    assert_eq!(params[0]["to"].as_str().unwrap().to_lowercase(), CONTRACT);
                    assert_eq!(data, set_data(Quantity::from(43)));
                    self.stored = 43;
                }
                json!("0xabc")
            }
            "eth_getTransactionReceipt" => json!({"status": "0x1", "contractAddress": CONTRACT}),
            "eth_call" if self.readers.contains(on) => json!(format!("0x{:064x}", self.stored)),
            "eth_call" => json!("0x"),
            "net_peerCount" => json!(format!("{:#x}", self.nodes - 1)),
            "eth_blockNumber" => json!("0x5"),
            "eth_getBlockByNumber" if params[0] == "0x0" => json!({"hash": GENESIS}),
            "eth_getBlockByNumber" => {
                json!({"hash": if self.fork && on == "node/node1" { "0xb" } else { "0xa" }})
            }
            other => panic!("{other}"),
        }
    }
}

fn response(code: i32, body: &str) -> Response {
    Response {
        code,
        body: body.as_bytes().to_vec(),
        more: "{}".to_owned(),
    }
}

fn host(nodes: u32, kind: &str, private: bool) -> TestHost {
    let facts = super::genesis::consensus(kind, 4);
    let chain = json!({"chainId": 1, "networkId": 1, "genesisHash": GENESIS});
    let host = fixture::host(nodes)
        .fact(CHAIN, CONSENSUS, &json!(facts))
        .fact(CHAIN, CLIENT, &chain);
    if !private {
        return host;
    }
    (0..nodes).fold(host, |host, index| {
        let key = json!({"publicKey": "BULeR8JyUWhiuuCMU/HLA0Q5pzkYT+cHII3ZKBey3Bo=", "socket": "tm.ipc"});
        host.fact(&node(index), PRIVACY, &key)
    })
}

fn request(operation: &str, subject: &str, args: &Value) -> Request {
    fixture::request(CLIENT, operation, subject, args)
}

/// Runs to the end, or until so many turns were taken (a process that is killed).
fn drive(chain: &mut Chain, host: &TestHost, mut what: Request, most: usize) -> Option<Turn> {
    what.now_ms = chain.now_ms;
    let mut run = Work::start(fixture::topology(chain.nodes, 0), what, host).unwrap();
    let mut turn = run.next(Vec::new(), host);
    for _ in 0..most {
        let Turn::Steps(steps) = &turn else {
            return Some(turn);
        };
        let outcomes = steps
            .iter()
            .map(|it| chain.answer(&it.on, &it.act))
            .collect();
        turn = run.next(outcomes, host);
    }
    None
}

fn failed(turn: Option<Turn>) -> String {
    match turn {
        Some(Turn::Failed(faults)) => faults[0].message.clone(),
        other => panic!("{other:?}"),
    }
}

fn add() -> Request {
    request("add-validator", CHAIN, &json!({"validator": "node4"}))
}

#[test]
fn whatever_is_lost_or_killed_each_votes_once_and_the_validator_is_in() {
    let host = host(5, "qbft", false);
    for kill_after in 0..9 {
        for (lose, drop) in [
            (vec![], vec![]),
            (vec!["istanbul_propose"], vec![]),
            (vec![], vec!["istanbul_propose"]),
            (vec!["istanbul_candidates"], vec!["istanbul_getValidators"]),
            (vec!["istanbul_discard"], vec!["istanbul_candidates"]),
        ] {
            let mut chain = Chain::new(5, 4);
            (chain.lose, chain.drop) = (lose, drop);
            drive(&mut chain, &host, add(), kill_after);
            let end = drive(&mut chain, &host, add(), 300);
            assert!(matches!(end, Some(Turn::Done(_))), "{kill_after}: {end:?}");
            assert!(chain.validators.contains(&validator(4)));
            assert!(
                chain.cast.values().all(|cast| *cast == 1),
                "{:?}",
                chain.cast
            );
            assert!(
                !chain.cast.contains_key(&node(4)),
                "who is no validator has no vote"
            );
        }
    }
}

#[test]
fn what_is_left_of_a_vote_is_taken_back() {
    let mut chain = Chain::new(5, 4);
    let end = drive(&mut chain, &host(5, "qbft", false), add(), 300);
    assert!(matches!(end, Some(Turn::Done(_))));
    assert!(chain.pending.values().all(BTreeMap::is_empty));
    let out = request("remove-validator", CHAIN, &json!({"validator": "node4"}));
    let end = drive(&mut chain, &host(5, "qbft", false), out, 300);
    assert!(matches!(end, Some(Turn::Done(_))));
    assert!(!chain.validators.contains(&validator(4)));
}

#[test]
fn a_minority_that_is_silent_does_not_stop_the_vote_and_a_majority_does() {
    let host = host(5, "qbft", false);
    let mut chain = Chain::new(5, 4);
    chain.silent = [node(3)].into();
    assert!(matches!(
        drive(&mut chain, &host, add(), 300),
        Some(Turn::Done(_))
    ));
    let mut chain = Chain::new(5, 4);
    chain.silent = [node(1), node(2), node(3)].into();
    let why = failed(drive(&mut chain, &host, add(), 2000));
    assert!(
        why.contains("is not yet a validator: connection lost"),
        "{why}"
    );
}

#[test]
fn where_others_have_the_votes_they_are_told_what_to_type() {
    let mut chain = Chain::new(2, 2);
    chain.validators.extend((5..8).map(validator));
    let stranger = fixture::client(4).node_address;
    let add = request("add-validator", CHAIN, &json!({"validator": stranger}));
    let Some(Turn::Done(report)) = drive(&mut chain, &host(2, "qbft", false), add, 300) else {
        panic!("it ends")
    };
    assert_eq!(chain.cast.len(), 2);
    let hint = report.notes[0].hint.clone().unwrap();
    assert!(
        hint.contains(&format!("add-validator validator={stranger}")),
        "{hint}"
    );
}

#[test]
fn the_last_validator_strangers_and_raft_are_refused() {
    let qbft = host(2, "qbft", false);
    let mut chain = Chain::new(2, 1);
    let out = request("remove-validator", CHAIN, &json!({"validator": "node0"}));
    assert!(failed(drive(&mut chain, &qbft, out, 300)).contains("last validator"));
    let start = |host: &TestHost, who: &str| {
        let what = request("add-validator", CHAIN, &json!({"validator": who}));
        Work::start(fixture::topology(2, 0), what, host)
            .unwrap_err()
            .remove(0)
    };
    assert_eq!(start(&qbft, "berlin").path, "/validator");
    assert!(
        start(&host(2, "raft", false), "node1")
            .message
            .contains("not voted on")
    );
}

#[test]
fn contracts_are_read_by_all_and_private_ones_by_two() {
    for (private, readers) in [(false, 4), (true, 2)] {
        let mut chain = Chain::new(4, 4);
        let what = request("test-contract", "node/node0", &json!({"private": private}));
        let Some(Turn::Done(report)) = drive(&mut chain, &host(4, "qbft", private), what, 100)
        else {
            panic!("it ends")
        };
        let table: Value = from_str(&report.table).unwrap();
        assert_eq!(table["readBy"].as_array().unwrap().len(), readers);
        assert_eq!(chain.stored, 43);
    }
    let what = request("test-contract", "node/node0", &json!({"private": true}));
    let fault = Work::start(fixture::topology(4, 0), what, &host(4, "qbft", false)).unwrap_err();
    assert_eq!(fault[0].path, "/private");
}

#[test]
fn a_private_contract_that_a_stranger_reads_is_a_failure() {
    let mut chain = Chain::new(4, 4);
    let host = host(4, "qbft", true);
    let what = request("test-contract", "node/node0", &json!({"private": true}));
    let mut run = Work::start(fixture::topology(4, 0), what, &host).unwrap();
    let mut turn = run.next(Vec::new(), &host);
    while let Turn::Steps(steps) = &turn {
        let outcomes = steps
            .iter()
            .map(|it| chain.answer(&it.on, &it.act))
            .collect();
        chain.readers = (0..4).map(node).collect();
        turn = run.next(outcomes, &host);
    }
    assert!(failed(Some(turn)).contains("private to others"));
}

#[test]
fn acceptance_looks_at_everything_and_fails_on_a_fork() {
    let host = host(4, "qbft", true);
    let accept = || request("accept", CHAIN, &json!({}));
    let mut chain = Chain::new(4, 4);
    let Some(Turn::Done(report)) = drive(&mut chain, &host, accept(), 100) else {
        panic!("it ends")
    };
    let passed: Value = from_str(&report.table).unwrap();
    assert_eq!(passed["passed"].as_array().unwrap().len(), 3, "{passed}");
    chain.fork = true;
    let why = failed(drive(&mut chain, &host, accept(), 1000));
    assert!(why.contains("different blocks at height 5"), "{why}");
}

#[test]
fn the_console_evaluates_and_its_errors_are_errors() {
    let host = host(1, "qbft", false);
    let mut chain = Chain::new(1, 1);
    let eval = |script: &str| request("exec-js", "node/node0", &json!({"script": script}));
    let Some(Turn::Done(report)) = drive(&mut chain, &host, eval("eth.blockNumber"), 9) else {
        panic!("it ends")
    };
    assert_eq!(report.text, "31");
    assert!(failed(drive(&mut chain, &host, eval("nothing"), 9)).contains("ReferenceError"));
    let console = request("console", "node/node0", &json!({}));
    let Some(Turn::Done(report)) = drive(&mut chain, &host, console, 9) else {
        panic!("it ends")
    };
    assert_eq!(report.text, "", "what was said stands on the terminal");
}
