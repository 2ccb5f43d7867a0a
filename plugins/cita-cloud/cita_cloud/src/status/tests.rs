//! The hook against answers as the host brings them.

use super::*;
use chain_plugin_sdk::{Failure, Response, TestHost};

fn run(interval: Option<u32>) -> Status {
    let mut host = TestHost::new();
    if let Some(interval) = interval {
        let facts = json!({"chainId": "0x1", "blockInterval": interval, "genesisHash": "0x0"});
        host = host.fact(CHAIN, "controller", &facts);
    }
    let topology = Topology {
        chain: "c".to_owned(),
        stack: "s".to_owned(),
        release: "r".to_owned(),
        subjects: Vec::new(),
        host_features: Vec::new(),
        extra: "{}".to_owned(),
    };
    let request = Request {
        operation: "status".to_owned(),
        subject: "node/node0".to_owned(),
        role: "stack".to_owned(),
        instance: "stack".to_owned(),
        options: "{}".to_owned(),
        args: "{}".to_owned(),
        files: Vec::new(),
        now_ms: 0,
        seed: Vec::new(),
    };
    Status::start(topology, request, &host).unwrap()
}

fn answer(body: &[u8], more: &Value) -> Outcome {
    Outcome {
        at_ms: 0,
        answer: Ok(Response {
            code: 200,
            body: body.to_vec(),
            more: more.to_string(),
        }),
    }
}

fn at(height: u8) -> Outcome {
    answer(
        &[0, 0, 0, 0, 2, 8, height],
        &json!({"trailers": {"grpc-status": "0"}}),
    )
}

/// Plays heights until the run is done; gives the table and the number of questions.
fn play(mut run: Status, mut outcome: impl FnMut(u32) -> Outcome) -> (Value, u32) {
    let host = TestHost::new();
    let mut turn = run.next(Vec::new(), &host);
    let mut asked = 0;
    loop {
        let steps = match turn {
            Turn::Done(report) => return (serde_json::from_str(&report.table).unwrap(), asked),
            Turn::Failed(faults) => panic!("{faults:?}"),
            Turn::Steps(steps) => steps,
        };
        assert_eq!(steps[0].on, "node/node0");
        let outcome = match &steps[0].act {
            Act::Http(http) => {
                assert!(http.h2 && http.port == "rpc" && http.body == [0; 5]);
                assert_eq!(http.path, "/controller.RPCService/GetBlockNumber");
                asked += 1;
                outcome(asked)
            }
            Act::Sleep(_) => answer(&[], &json!({})),
            other => panic!("{other:?}"),
        };
        turn = run.next(vec![outcome], &host);
    }
}

#[test]
fn a_chain_that_grows_is_seen_as_soon_as_it_does() {
    let (table, asked) = play(run(None), |asked| at(if asked < 3 { 12 } else { 13 }));
    assert_eq!(table, json!({"HEIGHT": "13", "ADVANCING": "yes"}));
    assert_eq!(asked, 3);
}

#[test]
fn a_chain_that_stands_still_is_watched_for_longer_than_a_block_takes() {
    let (table, asked) = play(run(Some(6)), |_| at(7));
    assert_eq!(table, json!({"HEIGHT": "7", "ADVANCING": "no"}));
    assert_eq!(asked, 5, "four pauses of two seconds");
    assert_eq!(play(run(Some(2)), |_| at(7)).1, 3);
}

#[test]
fn height_zero_is_an_empty_message() {
    let (table, _) = play(run(Some(1)), |_| answer(&[0, 0, 0, 0, 0], &json!({})));
    assert_eq!(table["HEIGHT"], "0");
}

#[test]
fn large_heights_are_read_and_garbage_is_not() {
    assert_eq!(block_number(&[0, 0, 0, 0, 3, 8, 0xac, 2]), Some(300));
    let most = [
        0, 0, 0, 0, 11, 8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1,
    ];
    assert_eq!(block_number(&most), Some(u64::MAX));
    for garbage in [
        &[][..],
        &[1, 0, 0, 0, 0],
        &[0, 0, 0, 0, 9, 8],
        &[0, 0, 0, 0, 1, 9],
        &[0, 0, 0, 0, 2, 8, 128],
    ] {
        assert_eq!(block_number(garbage), None, "{garbage:?}");
    }
}

#[test]
fn a_controller_that_does_not_answer_is_no_failure_of_the_command() {
    let refused = |_| Outcome {
        at_ms: 0,
        answer: Err(Failure {
            kind: "refused".to_owned(),
            message: "connection refused".to_owned(),
        }),
    };
    assert_eq!(
        play(run(None), refused).0,
        json!({"HEIGHT": "-", "ADVANCING": "unknown"})
    );
    let status = |_| {
        answer(
            &[],
            &json!({"trailers": {"grpc-status": "14", "grpc-message": "no"}}),
        )
    };
    assert_eq!(play(run(None), status).0["ADVANCING"], "unknown");
}
