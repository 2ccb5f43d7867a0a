//! The operations against members that live here, with connections that break where it hurts.

use super::*;
use chain_plugin_sdk::{Act, Failure, Operate, Outcome, Request, Response, TestHost, Turn};
use quorum_service::fixture;

/// Members of a cluster, and when connections to them break.
#[derive(Default)]
struct Members {
    all: Vec<(u16, String, &'static str)>,
    last: u16,
    added: u32,
    remembered: Option<u16>,
    gone: Option<Gone>,
    /// Requests that are carried out, but whose answer is lost.
    lose: Vec<&'static str>,
    /// Requests that never arrive.
    drop: Vec<&'static str>,
    dead: Vec<&'static str>,
    /// One that was removed, and lists nobody.
    outcast: Option<&'static str>,
}

impl Members {
    fn of(nodes: u16) -> Self {
        let all = (0..nodes).map(|index| (index + 1, id(u32::from(index)), "verifier"));
        Self {
            all: all.collect(),
            last: nodes,
            ..Self::default()
        }
    }

    fn answer(&mut self, on: &str, act: &Act) -> Outcome {
        let lost = || Err(failure());
        let answer = match act {
            Act::Sleep(_) => Ok(response(&Value::Null)),
            Act::Remember(state) => {
                if let Ok(state) = serde_json::from_str::<Joined>(state) {
                    assert_ne!(on, "chain");
                    self.remembered = Some(state.number);
                } else {
                    assert_eq!(on, "chain");
                    self.gone = Some(serde_json::from_str(state).unwrap());
                }
                Ok(response(&Value::Null))
            }
            Act::Http(_) if self.dead.contains(&on) => lost(),
            Act::Http(http) => {
                assert_eq!((http.port.as_str(), http.path.as_str()), ("rpc", "/"));
                let body: Value = serde_json::from_slice(&http.body).unwrap();
                let method = body["method"].as_str().unwrap().to_owned();
                let take = |list: &mut Vec<&'static str>| {
                    let place = list.iter().position(|it| *it == method);
                    place.map(|place| list.remove(place)).is_some()
                };
                if take(&mut self.drop) {
                    lost()
                } else {
                    let result = if self.outcast == Some(on) {
                        json!([])
                    } else {
                        self.carry_out(&method, &body["params"])
                    };
                    if take(&mut self.lose) {
                        lost()
                    } else {
                        Ok(response(
                            &json!({"jsonrpc": "2.0", "id": 1, "result": result}),
                        ))
                    }
                }
            }
            other => panic!("{other:?}"),
        };
        Outcome { at_ms: 0, answer }
    }

    fn carry_out(&mut self, method: &str, params: &Value) -> Value {
        let number = || u16::try_from(params[0].as_u64().unwrap()).unwrap();
        match method {
            "raft_cluster" => self
                .all
                .iter()
                .map(|(number, id, role)| {
                    json!({"raftId": number, "nodeId": id, "role": role, "nodeActive": true})
                })
                .collect(),
            "raft_addPeer" => {
                let url = params[0].as_str().unwrap();
                let id = url.strip_prefix("enode://").unwrap()[..128].to_owned();
                self.last += 1;
                self.added += 1;
                self.all.push((self.last, id, "verifier"));
                json!(self.last)
            }
            "raft_removePeer" => {
                self.all.retain(|it| it.0 != number());
                Value::Null
            }
            "raft_promoteToPeer" => {
                let member = self.all.iter_mut().find(|it| it.0 == number()).unwrap();
                member.2 = "verifier";
                json!(true)
            }
            other => panic!("{other}"),
        }
    }
}

fn id(index: u32) -> String {
    fixture::client(index).node_id
}

fn failure() -> Failure {
    Failure {
        kind: "timeout".to_owned(),
        message: "connection lost".to_owned(),
    }
}

fn response(body: &Value) -> Response {
    Response {
        code: 200,
        body: body.to_string().into_bytes(),
        more: "{}".to_owned(),
    }
}

fn request(operation: &str, subject: &str, args: &Value) -> Request {
    fixture::request(CONSENSUS, operation, subject, args)
}

/// Runs to the end, or until so many steps were taken (a process that is killed).
fn drive(members: &mut Members, what: Request, host: &TestHost, most: usize) -> Option<Turn> {
    let mut run = Work::start(fixture::topology(5, 2), what, host).unwrap();
    let mut turn = run.next(Vec::new(), host);
    for _ in 0..most {
        let Turn::Steps(steps) = &turn else {
            return Some(turn);
        };
        let outcomes = steps
            .iter()
            .map(|it| members.answer(&it.on, &it.act))
            .collect();
        turn = run.next(outcomes, host);
    }
    None
}

fn join() -> Request {
    request("join", "node/node3", &json!({}))
}

#[test]
fn a_node_is_given_a_number_which_is_remembered() {
    let mut members = Members::of(3);
    let end = drive(&mut members, join(), &fixture::host(5), 100);
    assert!(matches!(end, Some(Turn::Done(_))));
    assert_eq!((members.remembered, members.added), (Some(4), 1));
}

#[test]
fn whatever_is_lost_or_killed_the_rerun_adds_the_member_once() {
    let host = fixture::host(5);
    for kill_after in 0..8 {
        for (lose, drop) in [
            (vec![], vec![]),
            (vec!["raft_addPeer"], vec![]),
            (vec![], vec!["raft_addPeer"]),
            (vec!["raft_cluster"], vec![]),
            (vec!["raft_cluster", "raft_cluster"], vec!["raft_addPeer"]),
        ] {
            let mut members = Members::of(3);
            (members.lose, members.drop) = (lose, drop);
            drive(&mut members, join(), &host, kill_after);
            let end = drive(&mut members, join(), &host, 300);
            assert!(matches!(end, Some(Turn::Done(_))), "{kill_after}");
            assert_eq!((members.remembered, members.added), (Some(4), 1));
            assert_eq!(members.all.len(), 4);
        }
    }
}

#[test]
fn a_dead_member_is_passed_over_and_without_any_it_fails_with_the_reason() {
    let host = fixture::host(5);
    let mut members = Members::of(3);
    members.dead = vec!["node/node0"];
    let end = drive(&mut members, join(), &host, 100);
    assert!(matches!(end, Some(Turn::Done(_))));
    assert_eq!(members.remembered, Some(4));

    members = Members::of(3);
    members.dead = vec!["node/node0", "node/node1", "node/node2"];
    let Some(Turn::Failed(faults)) = drive(&mut members, join(), &host, 100) else {
        panic!("it must fail")
    };
    assert!(
        faults[0].message.contains("connection lost"),
        "{}",
        faults[0].message
    );
}

/// Who was removed itself answers with an empty list, which does not mean that the others are gone.
#[test]
fn a_node_that_is_no_member_itself_is_passed_over() {
    let host = fixture::host(5);
    let mut members = Members::of(3);
    members.outcast = Some("node/node0");
    let leave = || request("leave", "node/node2", &json!({}));
    let end = drive(&mut members, leave(), &host, 100);
    assert!(matches!(end, Some(Turn::Done(_))), "{end:?}");
    let left: Vec<u16> = members.all.iter().map(|it| it.0).collect();
    assert_eq!(left, [1, 2], "the membership of the third has ended");
}

#[test]
fn founders_ask_for_nothing_and_who_is_listed_keeps_its_number() {
    let host = fixture::host(5).state("node/node3", &json!({"number": 4}));
    let mut members = Members::of(3);
    let founder = request("join", "node/node0", &json!({}));
    assert!(matches!(
        drive(&mut members, founder, &host, 1),
        Some(Turn::Done(_))
    ));
    members.all.push((4, id(3), "verifier"));
    assert!(matches!(
        drive(&mut members, join(), &host, 9),
        Some(Turn::Done(_))
    ));
    assert_eq!((members.added, members.remembered), (0, Some(4)));
}

#[test]
fn who_went_and_comes_back_is_given_a_new_number_also_a_founder() {
    let mut members = Members::of(3);
    let leave = request("leave", "node/node2", &json!({}));
    drive(&mut members, leave, &fixture::host(5), 100);
    let gone = members.gone.take().unwrap();
    assert_eq!(gone.left.iter().collect::<Vec<_>>(), ["node/node2"]);
    let host = fixture::host(5).state("chain", &json!(gone));
    let back = || request("join", "node/node2", &json!({}));
    assert!(matches!(
        drive(&mut members, back(), &host, 100),
        Some(Turn::Done(_))
    ));
    assert_eq!(members.remembered, Some(4));
    let session = Raft::open(fixture::topology(3, 0)).unwrap();
    let host = host.state("node/node2", &json!({"number": 4}));
    let call = TestHost::call("node/node2", "consensus", &json!({}), &[]);
    let facts = session.provision(&host.at(&call)).unwrap().facts;
    let facts: ConsensusNode = serde_json::from_str(&facts).unwrap();
    assert_eq!((facts.founder, facts.member_number), (false, Some(4)));
}

#[test]
fn a_node_that_goes_ends_its_membership_and_may_be_gone_already() {
    let host = fixture::host(5);
    let mut members = Members::of(3);
    members.lose = vec!["raft_removePeer"];
    for _ in 0..2 {
        let leave = request("leave", "node/node2", &json!({}));
        let end = drive(&mut members, leave, &host, 100);
        assert!(matches!(end, Some(Turn::Done(_))));
        assert_eq!(members.all.len(), 2);
    }
}

#[test]
fn a_founder_goes_by_its_number() {
    let session = Raft::open(fixture::topology(3, 0)).unwrap();
    let call = TestHost::call("chain", "consensus", &json!({}), &[]);
    let facts = session
        .configure(&fixture::host(3).at(&call))
        .unwrap()
        .facts;
    let facts: Value = serde_json::from_str(&facts).unwrap();
    let number = |index: u32| facts["numbers"][fixture::client(index).node_id].clone();
    assert_eq!([number(0), number(1), number(2)], [1, 2, 3]);
    let host = fixture::host(3).fact("chain", "consensus", &facts);
    let mut members = Members::of(3);
    let leave = request("leave", "node/node1", &json!({}));
    let end = drive(&mut members, leave, &host, 100);
    assert!(matches!(end, Some(Turn::Done(_))));
    let left: Vec<u16> = members.all.iter().map(|it| it.0).collect();
    assert_eq!(left, [1, 3]);
}

/// Another party's node, which is reached from outside.
fn foreign(topology: &mut Topology) {
    let endpoint = |port: &str, address: &str| chain_plugin_sdk::Endpoint {
        port: port.to_owned(),
        service: String::new(),
        number: 0,
        outside: Some(address.to_owned()),
    };
    let mut node = fixture::node(0, true);
    node.id = "node/beta/node0".to_owned();
    node.name = "beta-node0".to_owned();
    node.foreign = true;
    node.endpoints = vec![
        endpoint("p2p", "beta.example:31001"),
        endpoint("raft", "beta.example:31002"),
    ];
    topology.subjects.push(node);
}

#[test]
fn another_partys_node_is_added_at_its_address_and_told_its_number() {
    let mut topology = fixture::topology(3, 0);
    foreign(&mut topology);
    let facts = serde_json::to_value(fixture::client(4)).unwrap();
    let host = fixture::host(3).fact("node/beta/node0", "client", &facts);
    let mut members = Members::of(3);
    let what = || request("raft-add", "chain", &json!({"member": "beta-node0"}));
    for _ in 0..2 {
        let mut run = Work::start(topology.clone(), what(), &host).unwrap();
        let mut turn = run.next(Vec::new(), &host);
        while let Turn::Steps(steps) = &turn {
            for step in steps {
                if let Act::Http(http) = &step.act {
                    let body = String::from_utf8_lossy(&http.body).into_owned();
                    assert!(
                        !body.contains("addPeer")
                            || body.contains("@beta.example:31001?discport=0&raftport=31002"),
                        "{body}"
                    );
                }
            }
            let outcomes = steps.iter().map(|it| members.answer(&it.on, &it.act));
            turn = run.next(outcomes.collect(), &host);
        }
        let Turn::Done(report) = turn else {
            panic!("{turn:?}")
        };
        assert!(
            report.text.contains("raft-number member=node0 number=4"),
            "{}",
            report.text
        );
    }
    assert_eq!((members.added, members.remembered), (1, None));
    let own = request("raft-add", "chain", &json!({"member": "node0"}));
    assert!(Work::start(topology, own, &host).is_err());
}

#[test]
fn a_number_from_another_party_is_remembered_and_then_rendered() {
    let host = fixture::host(3);
    let what = request(
        "raft-number",
        "chain",
        &json!({"member": "node1", "number": 7}),
    );
    let mut run = Work::start(fixture::topology(3, 0), what, &host).unwrap();
    let mut acts = Vec::new();
    let mut turn = run.next(Vec::new(), &host);
    while let Turn::Steps(steps) = &turn {
        acts.extend(
            steps
                .iter()
                .map(|step| (step.on.clone(), format!("{:?}", step.act))),
        );
        let fine = || Outcome {
            at_ms: 0,
            answer: Ok(response(&Value::Null)),
        };
        turn = run.next(steps.iter().map(|_| fine()).collect(), &host);
    }
    assert!(matches!(turn, Turn::Done(_)), "{turn:?}");
    assert_eq!(acts.len(), 2);
    assert!(acts[0].0 == "node/node1" && acts[0].1.contains("Remember") && acts[0].1.contains('7'));
    assert!(acts[1].0 == "chain" && acts[1].1.contains("Amend"));
}

#[test]
fn a_learner_gets_a_vote_and_who_is_no_member_does_not() {
    let host = fixture::host(5);
    let mut members = Members::of(3);
    members.all[2].2 = "learner";
    for member in ["node2", "3"] {
        let promote = request("raft-promote", "chain", &json!({"member": member}));
        assert!(matches!(
            drive(&mut members, promote, &host, 100),
            Some(Turn::Done(_))
        ));
        assert_eq!(members.all[2].2, "verifier");
    }
    let promote = request("raft-promote", "chain", &json!({"member": "7"}));
    assert!(matches!(
        drive(&mut members, promote, &host, 100),
        Some(Turn::Failed(_))
    ));
    let unknown = request("raft-remove", "chain", &json!({"member": "berlin"}));
    let fault = Work::start(fixture::topology(3, 0), unknown, &host).unwrap_err();
    assert_eq!(fault[0].path, "/member");
}

#[test]
fn the_facts_say_nothing_about_flags_and_a_remembered_number_is_among_them() {
    let session = Raft::open(fixture::topology(4, 1)).unwrap();
    let host = fixture::host(4).state("node/node3", &json!({"number": 4}));
    let facts = |node: &str| -> ConsensusNode {
        let call = TestHost::call(node, "consensus", &json!({}), &[]);
        serde_json::from_str(&session.provision(&host.at(&call)).unwrap().facts).unwrap()
    };
    assert_eq!(
        (
            facts("node/node0").founder,
            facts("node/node0").member_number
        ),
        (true, None)
    );
    assert_eq!(
        (
            facts("node/node3").founder,
            facts("node/node3").member_number
        ),
        (false, Some(4))
    );

    let call = TestHost::call("chain", "consensus", &json!({}), &[]);
    let configured = session.configure(&host.at(&call)).unwrap();
    let facts: ConsensusFacts = serde_json::from_str(&configured.facts).unwrap();
    assert_eq!((facts.kind.as_str(), facts.block_period_ms), ("raft", 50));
    assert_eq!(facts.genesis.difficulty, "0x0");
    assert_eq!(facts.genesis.extra_data, format!("0x{}", "0".repeat(64)));
    assert!(facts.members.is_empty());
}

#[test]
fn fewer_than_three_are_refused_unless_the_user_says_so() {
    let session = Raft::open(fixture::topology(2, 0)).unwrap();
    let host = fixture::host(2);
    let call = TestHost::call("chain", "consensus", &json!({}), &[]);
    let fault = session.configure(&host.at(&call)).unwrap_err();
    assert!(fault[0].message.contains("raft needs 3 nodes"));
    let call = TestHost::call("chain", "consensus", &json!({"fragile": true}), &[]);
    assert!(session.configure(&host.at(&call)).is_ok());
}
