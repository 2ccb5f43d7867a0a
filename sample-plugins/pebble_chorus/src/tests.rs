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

fn answer(code: i32, body: &str) -> Vec<Outcome> {
    vec![Outcome {
        at_ms: 0,
        answer: Ok(Response {
            code,
            body: body.into(),
            more: "{}".into(),
        }),
    }]
}

fn lost() -> Vec<Outcome> {
    vec![Outcome {
        at_ms: 0,
        answer: Err(Failure {
            kind: "timeout".into(),
            message: "no answer".into(),
        }),
    }]
}

fn step(turn: &Turn) -> (&str, &Act) {
    match turn {
        Turn::Steps(steps) => (&steps[0].on, &steps[0].act),
        other => panic!("steps expected, not {other:?}"),
    }
}

#[test]
fn a_seat_is_asked_for_read_and_remembered() {
    let host = host();
    let mut run = Join::start(all(), request(), &host).unwrap();
    let turn = run.next(vec![], &host);
    let (on, Act::Exec(exec)) = step(&turn) else {
        panic!()
    };
    assert_eq!(
        (on, exec.command.join(" ")),
        ("node/x/n0", "pebble join id2".to_owned())
    );
    let turn = run.next(answer(0, "seat 17\n"), &host);
    let (on, Act::Remember(state)) = step(&turn) else {
        panic!()
    };
    assert_eq!((on, state.as_str()), ("node/x/n2", r#"{"seat":17}"#));
    assert!(matches!(run.next(answer(0, ""), &host), Turn::Done(_)));
}

#[test]
fn the_next_is_asked_when_one_is_lost_and_the_last_word_is_told() {
    let host = host();
    let mut run = Join::start(all(), request(), &host).unwrap();
    run.next(vec![], &host);
    assert_eq!(step(&run.next(lost(), &host)).0, "node/x/n1");
    let Turn::Failed(why) = run.next(answer(0, "nonsense"), &host) else {
        panic!()
    };
    assert_eq!(
        why[0].message,
        "no node gave a seat: node/x/n1 answered `nonsense`"
    );
}

#[test]
fn one_that_has_a_seat_asks_nobody() {
    let host = host().state("node/x/n2", &json!({"seat": 4}));
    let mut run = Join::start(all(), request(), &host).unwrap();
    assert!(
        matches!(run.next(vec![], &host), Turn::Done(report) if report.text.contains("seat 4"))
    );
}
