use chain_plugin_sdk::{Act, Failure, Operate, Outcome, Request, Response, TestHost, Turn};

use super::*;

fn all() -> Topology {
    let node = |ordinal: u32| Subject {
        id: format!("node/x/n{ordinal}"),
        kind: "node".into(),
        name: format!("n{ordinal}"),
        parent: Some("chain".into()),
        ordinal,
        born_ms: 0,
        foreign: false,
        cluster: String::new(),
        namespace: "ns".into(),
        workload: None,
        endpoints: vec![],
        folder: String::new(),
        extra: "{}".into(),
    };
    Topology {
        chain: "demo".into(),
        stack: "pebble".into(),
        release: "first".into(),
        // Not in the order of ordinals, as a host may give them.
        subjects: vec![node(1), node(0), node(2)],
        host_features: vec![],
        extra: "{}".into(),
    }
}

fn host() -> TestHost {
    (0..3).fold(TestHost::new(), |host, i| {
        host.fact(
            &format!("node/x/n{i}"),
            "talker",
            &json!({"id": format!("id{i}")}),
        )
    })
}

fn render(host: &TestHost) -> String {
    let call = TestHost::call("node/x/n2", "chorus", &json!({}), &[]);
    let made = Chorus::open(all())
        .unwrap()
        .render(&host.at(&call))
        .unwrap();
    made.fragments[0].body.clone()
}

#[test]
fn the_order_is_that_of_birth() {
    let host = host();
    let call = TestHost::call("chain", "chorus", &json!({}), &[]);
    let made = Chorus::open(all())
        .unwrap()
        .configure(&host.at(&call))
        .unwrap();
    assert_eq!(
        made.facts,
        r#"{"kind":"round-robin","order":["id0","id1","id2"]}"#
    );
}

#[test]
fn a_pledge_is_made_where_the_seed_may_be_read_and_only_then() {
    let call = TestHost::call("node/x/n0", "chorus", &json!({}), &[]);
    let session = Chorus::open(all()).unwrap();
    let without = session.provision(&host().at(&call)).unwrap();
    assert!(without.keep.is_empty() && without.notes[0].message.contains("may not be read"));

    let seed = Item {
        name: "seed".into(),
        bytes: vec![7; 32],
        secret: true,
        media: String::new(),
    };
    let host = host().kept("node/x/n0", "talker", &[seed]);
    let with = session.provision(&host.at(&call)).unwrap();
    assert_eq!(with.keep[0].bytes, pledge_of(&[7; 32]).as_bytes());
}

#[test]
fn founders_sit_in_order_and_those_who_joined_where_they_were_seated() {
    let founders = host().fact(
        "chain",
        "chorus",
        &json!({"order": ["id1", "id2"], "kind": ""}),
    );
    assert!(render(&founders).contains(r#""--seat","1""#));
    let newcomer = || {
        host().fact(
            "chain",
            "chorus",
            &json!({"order": ["id0", "id1"], "kind": ""}),
        )
    };
    assert!(render(&newcomer()).contains("--wait-for-seat"));
    let seated = newcomer().state("node/x/n2", &json!({"seat": 17}));
    assert!(render(&seated).contains(r#""--seat","17""#));
}

fn request() -> Request {
    Request {
        operation: "join".into(),
        subject: "node/x/n2".into(),
        role: "chorus".into(),
        instance: "chorus".into(),
        options: "{}".into(),
        args: "{}".into(),
        files: vec![],
        now_ms: 0,
        seed: vec![0; 32],
    }
}

fn answer(number: u32, code: i32, body: &str) -> Vec<(u32, Outcome)> {
    let answer = Ok(Response {
        code,
        body: body.into(),
        more: "{}".into(),
    });
    vec![(number, Outcome { at_ms: 0, answer })]
}

fn lost(number: u32) -> Vec<(u32, Outcome)> {
    let answer = Err(Failure {
        kind: "timeout".into(),
        message: "no answer".into(),
    });
    vec![(number, Outcome { at_ms: 0, answer })]
}

fn steps(turn: Result<Turn, Vec<(u32, Outcome)>>) -> Vec<(String, Act)> {
    match turn.unwrap() {
        Turn::Steps(steps) => steps.into_iter().map(|it| (it.on, it.act)).collect(),
        other => panic!("steps expected, not {other:?}"),
    }
}

fn command(act: &Act) -> String {
    match act {
        Act::Exec(exec) => exec.command.join(" "),
        other => panic!("a command expected, not {other:?}"),
    }
}

#[test]
fn all_are_asked_at_once_and_the_first_seat_is_remembered() {
    let host = host();
    let mut run = Join::start(all(), request(), &host).unwrap();
    let asked = steps(run.ended(vec![], &host));
    let asked: Vec<_> = asked.iter().map(|(on, it)| (&**on, command(it))).collect();
    let expected = "pebble join id2".to_owned();
    assert_eq!(
        asked,
        [("node/x/n0", expected.clone()), ("node/x/n1", expected)]
    );
    // The second answers, the first has not yet.
    let [(on, Act::Remember(state))] = &steps(run.ended(answer(1, 0, "seat 17\n"), &host))[..]
    else {
        panic!()
    };
    assert_eq!((&**on, state.as_str()), ("node/x/n2", r#"{"seat":17}"#));
    // It does so too late.
    assert!(steps(run.ended(answer(0, 0, "seat 17\n"), &host)).is_empty());
    let done = run.ended(answer(2, 0, ""), &host).unwrap();
    assert!(matches!(done, Turn::Done(report) if report.text.contains("seat 17")));
}

#[test]
fn when_nobody_gives_a_seat_all_that_they_said_is_told() {
    let host = host();
    let mut run = Join::start(all(), request(), &host).unwrap();
    run.ended(vec![], &host).unwrap();
    assert!(steps(run.ended(answer(1, 0, "nonsense"), &host)).is_empty());
    let Turn::Failed(why) = run.ended(lost(0), &host).unwrap() else {
        panic!()
    };
    assert_eq!(
        why[0].message,
        "no node gave a seat: node/x/n0: no answer; node/x/n1: answered `nonsense`"
    );
}

#[test]
fn whole_turns_will_do_as_well() {
    let host = host();
    let mut run = Join::start(all(), request(), &host).unwrap();
    run.next(vec![], &host);
    let both = [lost(0), answer(1, 0, "seat 3")].concat();
    let both = both.into_iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(steps(Ok(run.next(both, &host))).len(), 1);
    let own = answer(0, 0, "").into_iter().map(|(_, it)| it).collect();
    assert!(matches!(run.next(own, &host), Turn::Done(_)));
}

#[test]
fn one_that_has_a_seat_asks_nobody() {
    let host = host().state("node/x/n2", &json!({"seat": 4}));
    let mut run = Join::start(all(), request(), &host).unwrap();
    assert!(
        matches!(run.next(vec![], &host), Turn::Done(report) if report.text.contains("seat 4"))
    );
}
