//! The model of Fabric is strict: what real nodes refuse it refuses too.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use chain_plugin_sdk::{Failure, Http, Response};
use fabric_proto::Message as _;
use fabric_proto::peer::{BroadcastResponse, ProposalResponse};
use fabric_rehearsal::driver::{Faults, World, run};
use fabric_rehearsal::ledger::Ledger;
use fabric_rehearsal::network::{Network, Orderers, Spec, kinds};
use fabric_service::Release;
use fabric_transaction::grpc;
use serde_json::{Value, json};

const BASIC: &str = "chaincode/basic";

/// Keeps what is sent, and the ledger as it was before.
struct Recorder {
    ledger: Ledger,
    sent: Vec<(Ledger, String, String, Http)>,
}

impl World for Recorder {
    fn http(&mut self, node: &str, port: &str, http: &Http) -> Result<Response, Failure> {
        let before = self.ledger.clone();
        let kept = (before, node.to_owned(), port.to_owned(), http.clone());
        self.sent.push(kept);
        self.ledger.http(node, port, http)
    }

    fn now_ms(&mut self) -> Option<u64> {
        self.ledger.now_ms()
    }
}

/// Everything that is sent while a network is brought up and its chaincode called.
fn recorded(release: Release) -> Recorder {
    let spec = Spec::new(release, Orderers::Raft, &kinds(1, 1));
    let mut network = Network::new(spec).unwrap();
    let mut recorder = Recorder {
        ledger: Ledger::new(&network).unwrap(),
        sent: Vec::new(),
    };
    let (none, add) = (json!({}), json!({"call": "add n 1"}));
    for (operation, subject, args) in [
        ("bring-up", "chain", &none),
        ("chaincode-invoke", BASIC, &add),
    ] {
        let faults = Faults::none();
        let ended = run(
            &mut network,
            &mut recorder,
            operation,
            subject,
            args,
            &[],
            &faults,
        );
        ended.unwrap();
    }
    recorder
}

/// Whether an answer of gRPC says no, in any of the ways there are.
fn says_no(http: &Http, answer: Result<Response, Failure>) -> bool {
    let Ok(answer) = answer else { return true };
    let more: Value = serde_json::from_str(&answer.more).unwrap();
    let status = |of: &str| {
        let list = more[of].as_array().into_iter().flatten();
        let mut found = list.filter(|it| it[0] == "grpc-status");
        found.next().map(|it| it[1].as_str().unwrap().to_owned())
    };
    match status("trailers").or_else(|| status("headers")) {
        Some(code) if code == "0" => {}
        _ => return true,
    }
    let messages = grpc::whole(&answer.body, grpc::MAX_MESSAGE).unwrap();
    let first = messages[0];
    if http.path.ends_with("ProcessProposal") {
        let answer = ProposalResponse::decode(first).unwrap();
        return answer.response.unwrap().status >= 400;
    }
    // A broadcast's answer and a refused delivery both begin with the status.
    BroadcastResponse::decode(first).is_ok_and(|it| it.status >= 400)
}

#[test]
fn a_changed_byte_is_noticed_in_every_message() {
    let recorder = recorded(Release::V2_5);
    let mut tried = 0;
    for (before, node, port, http) in &recorder.sent {
        if !http.h2 {
            continue;
        }
        // Who asks for what is not there yet is told so.
        let mut honest = before.clone();
        if says_no(http, honest.http(node, port, http)) {
            continue;
        }
        // In the signature, which comes last; and in the middle of what it is over.
        for at in [http.body.len() - 3, http.body.len() / 2] {
            let mut ledger = before.clone();
            let mut http = http.clone();
            http.body[at] ^= 1;
            let answer = ledger.http(node, port, &http);
            assert!(says_no(&http, answer), "{node} {} at {at}", http.path);
            assert_eq!(
                ledger.summary(),
                before.summary(),
                "{node} {} at {at}",
                http.path
            );
            assert_eq!(ledger.blocks(), before.blocks());
            tried += 1;
        }
    }
    assert!(tried > 40, "{tried}");
}

/// Deliveries everywhere, proposals from 3.1 on; what is to be ordered may have been on its way for days.
#[test]
fn a_message_is_too_old_after_a_quarter_of_an_hour() {
    for release in [Release::V2_5, Release::V3_1] {
        let recorder = recorded(release);
        let mut refused = 0;
        for (before, node, port, http) in recorder.sent.iter().filter(|it| it.3.h2) {
            let mut honest = before.clone();
            if says_no(http, honest.http(node, port, http)) {
                continue;
            }
            let mut ledger = before.clone();
            ledger.pass(15 * 60 * 1000 + 1_000);
            let answer = ledger.http(node, port, http);
            let looks = http.path.contains("Deliver")
                || (http.path.ends_with("ProcessProposal") && release == Release::V3_1);
            assert_eq!(
                says_no(http, answer),
                looks,
                "{release:?} {node} {}",
                http.path
            );
            if looks {
                refused += 1;
                assert_eq!(ledger.summary(), before.summary());
            }
        }
        assert!(refused > 2, "{release:?}: {refused}");
    }
}

#[test]
fn whoever_speaks_to_the_wrong_name_is_cut_off() {
    let recorder = recorded(Release::V2_5);
    let (before, node, port, http) = recorder.sent.iter().find(|it| it.3.h2).unwrap();
    let mut ledger = before.clone();
    let mut wrong = http.clone();
    wrong.tls.as_mut().unwrap().server_name = "peer9.org1".to_owned();
    assert_eq!(ledger.http(node, port, &wrong).unwrap_err().kind, "tls");
    wrong.tls = None;
    assert_eq!(ledger.http(node, port, &wrong).unwrap_err().kind, "broken");
    let closed = ledger.http(node, "chaincode", http).unwrap_err();
    assert_eq!(closed.kind, "refused");
}

/// Another network with the same names: its administrators are strangers here.
#[test]
fn a_stranger_with_the_right_names_is_refused() {
    let mut spec = Spec::new(Release::V2_5, Orderers::Raft, &kinds(1, 1));
    let ours = Network::new(spec.clone()).unwrap();
    spec.seed = 2;
    let mut theirs = Network::new(spec).unwrap();
    let mut ledger = Ledger::new(&ours).unwrap();
    let ended = run(
        &mut theirs,
        &mut ledger,
        "bring-up",
        "chain",
        &json!({}),
        &[],
        &Faults::none(),
    );
    assert!(ended.is_err());
    assert!(ledger.peers.values().all(|it| it.channels.is_empty()));
    assert_eq!(ledger.audit.verified, 0, "{:#?}", ledger.audit);
}
