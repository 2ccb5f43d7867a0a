use chain_plugin_sdk::TestHost;
use chain_plugin_sdk::serde_json::Value;

use super::*;

fn subject(id: &str, kind: &str) -> Subject {
    let name = id.rsplit('/').next().unwrap_or(id);
    Subject {
        id: id.into(),
        kind: kind.into(),
        name: name.into(),
        parent: None,
        ordinal: 0,
        born_ms: 42,
        foreign: false,
        cluster: String::new(),
        namespace: "ns".into(),
        workload: None,
        endpoints: vec![chain_plugin_sdk::Endpoint {
            port: "talk".into(),
            service: format!("demo-{name}"),
            number: 7700,
            outside: (name == "b").then(|| "b.example:31000".into()),
        }],
        folder: String::new(),
        extra: "{}".into(),
    }
}

fn session() -> Talker {
    let subjects = vec![
        subject("chain", "chain"),
        subject("circle/x", "circle"),
        subject("node/x/a", "node"),
        subject("node/x/b", "node"),
        subject("node/x/c", "node"),
    ];
    Talker::open(Topology {
        chain: "demo".into(),
        stack: "pebble".into(),
        release: "first".into(),
        subjects,
        host_features: vec![],
        extra: "{}".into(),
    })
    .unwrap()
}

#[test]
fn keys_are_made_once_and_the_id_follows_from_the_seed() {
    let host = TestHost::new();
    let call = TestHost::call("node/x/a", "talker", &default_options(), &[]);
    let first = session().provision(&host.at(&call)).unwrap();
    let [seed, id] = &first.keep[..] else {
        panic!("two items")
    };
    assert!(seed.secret && !id.secret);
    assert_eq!(id_of(&seed.bytes).as_bytes(), id.bytes);

    let host = host.kept("node/x/a", "talker", std::slice::from_ref(id));
    let again = session().provision(&host.at(&call)).unwrap();
    assert_eq!((again.keep.len(), again.facts), (0, first.facts));
}

#[test]
fn the_genesis_is_what_consensus_and_circles_say() {
    let host = TestHost::new()
        .fact(
            "chain",
            "chorus",
            &json!({"order": ["2", "1"], "kind": "round-robin"}),
        )
        .fact("circle/x", "stack", &json!({"motto": "m"}));
    let call = TestHost::call("chain", "talker", &default_options(), &[]);
    let made = session().configure(&host.at(&call)).unwrap();
    let genesis: Value = chain_plugin_sdk::serde_json::from_slice(&made.files[0].bytes).unwrap();
    assert_eq!(genesis["members"], json!(["2", "1"]));
    assert_eq!(genesis["circles"], json!([{"name": "x", "motto": "m"}]));
    assert_eq!(genesis["bornMs"], json!("42"));
    assert_eq!(made.fingerprint.unwrap().len(), 64);
}

#[test]
fn without_consensus_there_is_no_genesis_and_the_message_says_who_is_missing() {
    let host = TestHost::new();
    let call = TestHost::call("chain", "talker", &default_options(), &[]);
    let fault = session().configure(&host.at(&call)).unwrap_err();
    assert_eq!(fault[0].message, "role chorus gave no facts about chain");
}

#[test]
fn peers_are_all_others_by_the_address_at_which_they_are_reached() {
    let host = TestHost::new();
    let call = TestHost::call(
        "node/x/a",
        "talker",
        &default_options(),
        &[("talker", "img:1")],
    );
    let made = session().render(&host.at(&call)).unwrap();
    let chain_plugin_sdk::Content::Bytes(peers) = &made.files[0].content else {
        panic!("bytes")
    };
    assert_eq!(
        std::str::from_utf8(peers).unwrap(),
        r#"["b.example:31000","demo-c:7700"]"#
    );
    assert!(made.fragments[0].body.contains("img:1"));
}
