//! Nodes that begin from what their containers have mounted are those that the network's facts tell of.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use chain_plugin_sdk::{Http, Response};
use fabric_rehearsal::driver::{Faults, World as _, run};
use fabric_rehearsal::ledger::{Door, Ledger};
use fabric_rehearsal::network::{Network, Orderers, Spec};
use fabric_rehearsal::pod::{Container, containers};
use fabric_service::{Release, kind, port};
use serde_json::{Value, json};

/// The container of each node by the node's id.
fn nodes(network: &Network) -> Vec<(String, Container)> {
    let mut all = Vec::new();
    for of_kind in [kind::ORDERER, kind::PEER] {
        for subject in network.of_kind(of_kind) {
            let mut pod = containers(network, &subject.id).unwrap();
            all.push((subject.id.clone(), pod.remove(of_kind).unwrap()));
        }
    }
    all
}

fn network(release: Release, orderers: Orderers, node_ous: bool) -> Network {
    let kinds = json!({
        "orgs": [
            {"name": "orderer", "ordering": true, "orderers": 1, "nodeOus": node_ous},
            {"name": "org1", "peers": 1, "nodeOus": node_ous},
        ],
        "channels": [{"name": "mychannel"}],
    });
    Network::new(Spec::new(release, orderers, &kinds)).unwrap()
}

#[test]
fn nodes_begin_from_what_their_containers_have() {
    for (release, orderers, node_ous) in [
        (Release::V1_4, Orderers::Solo, false),
        (Release::V1_4, Orderers::Raft, false),
        (Release::V2_5, Orderers::Raft, true),
        (Release::V2_5, Orderers::Raft, false),
        (Release::V3_1, Orderers::Raft, true),
    ] {
        let network = network(release, orderers, node_ous);
        let told = Ledger::new(&network).unwrap();
        let mut read = Ledger::empty(release, network.now_ms);
        for (id, container) in nodes(&network) {
            read.boot(&id, &container).unwrap();
            let door = Door::of(&container).unwrap();
            assert!(door.key.contains("PRIVATE KEY"));
        }
        assert_eq!(format!("{read:?}"), format!("{told:?}"), "{release:?}");
    }
}

#[test]
fn a_program_without_a_file_or_with_anothers_key_does_not_begin() {
    let network = network(Release::V2_5, Orderers::Raft, true);
    let all = nodes(&network);
    let ((id, orderer), (_, peer)) = (&all[0], &all[1]);
    let begins = |container: &Container| {
        let mut ledger = Ledger::empty(Release::V2_5, network.now_ms);
        ledger.boot(id, container)
    };
    begins(orderer).unwrap();
    for path in orderer
        .files
        .keys()
        .filter(|it| !it.ends_with("config.yaml"))
    {
        // Who is known by roles needs no list; the roots of TLS stand in channels.
        if path.contains("tlscacerts") {
            continue;
        }
        let mut lacking = orderer.clone();
        lacking.files.remove(path);
        // The roots of TLS are read by who shakes hands.
        let fails = begins(&lacking).is_err() || Door::of(&lacking).is_err();
        assert!(fails, "{path}");
    }
    let key = orderer.files.keys().find(|it| it.contains("keystore"));
    let mut other = orderer.clone();
    let foreign = peer.files.iter().find(|(it, _)| it.contains("keystore"));
    let foreign = foreign.unwrap().1.clone();
    other.files.insert(key.unwrap().clone(), foreign);
    assert!(begins(&other).is_err());
}

fn get(ledger: &mut Ledger, node: &str, of: &str, path: &str) -> Response {
    let http = Http {
        port: of.to_owned(),
        h2: false,
        tls: None,
        method: "GET".to_owned(),
        path: path.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
    };
    ledger.http(node, of, &http).unwrap()
}

#[test]
fn a_node_that_begins_anew_has_what_it_had_and_tells_of_it() {
    let mut network = network(Release::V2_5, Orderers::Raft, true);
    let mut ledger = Ledger::new(&network).unwrap();
    let none: Value = json!({});
    let done = run(
        &mut network,
        &mut ledger,
        "bring-up",
        "chain",
        &none,
        &[],
        &Faults::none(),
    );
    done.unwrap();
    let before = ledger.summary();
    for (id, container) in nodes(&network) {
        ledger.boot(&id, &container).unwrap();
    }
    assert_eq!(ledger.summary(), before);
    let (orderer, peer) = ("orderer/orderer0.orderer", "peer/peer0.org1");
    for (node, of, line) in [
        (
            orderer,
            port::ORDERER_OPS,
            "participation_consensus_relation{channel=\"mychannel\"} 1",
        ),
        (
            orderer,
            port::ORDERER_OPS,
            "consensus_etcdraft_is_leader{channel=\"mychannel\"} 1",
        ),
        (
            peer,
            port::PEER_OPS,
            "ledger_blockchain_height{channel=\"mychannel\"} 1",
        ),
    ] {
        let body = get(&mut ledger, node, of, "/metrics").body;
        let text = String::from_utf8(body).unwrap();
        assert!(text.lines().any(|it| it == line), "{text}");
        assert_eq!(get(&mut ledger, node, of, "/healthz").code, 200);
    }
}

#[test]
fn without_enough_orderers_nothing_is_ordered_until_they_begin_again() {
    let kinds = json!({"orderers": 3, "orgs": 1, "peers": 1, "channels": [{"name": "mychannel"}]});
    let spec = Spec::new(Release::V2_5, Orderers::Raft, &kinds);
    let mut network = Network::new(spec).unwrap();
    let mut ledger = Ledger::new(&network).unwrap();
    let all = nodes(&network);
    let mut does = |ledger: &mut Ledger, operation: &str, about: &str, args: &Value| {
        run(
            &mut network,
            ledger,
            operation,
            about,
            args,
            &[],
            &Faults::none(),
        )
    };
    does(&mut ledger, "bring-up", "chain", &json!({})).unwrap();
    ledger.stop("orderer/orderer0.orderer");
    let batch = |time: &str| json!({"batchTimeout": time});
    let about = "channel/mychannel";
    does(&mut ledger, "channel-update", about, &batch("1s")).unwrap();
    ledger.stop("orderer/orderer1.orderer");
    let refused = does(&mut ledger, "channel-update", about, &batch("2s"));
    assert!(refused.is_err());
    assert_eq!(ledger.chain("mychannel").unwrap().config.sequence, 1);
    let (id, container) = &all[1];
    ledger.boot(id, container).unwrap();
    does(&mut ledger, "channel-update", about, &batch("2s")).unwrap();
    assert_eq!(ledger.chain("mychannel").unwrap().config.sequence, 2);
}
