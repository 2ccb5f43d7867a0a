//! A password that is born once and never passes through a rendered file, and a database that nobody else reaches.

use super::*;
use chain_plugin_sdk::{Content, TestHost};
use fabric_service::fixture::{self, Size};
use serde_json::Value;

const PEER: &str = "peer/peer0.org1";
const IMAGE: (&str, &str) = (CONTAINER, "couchdb:3.4.2");

fn couchdb(release: Release) -> CouchDb {
    let roles = [(role::STATE_DB, "couchdb")];
    CouchDb::open(fixture::topology(release, Size::default(), &roles)).unwrap()
}

fn provisioned(host: &TestHost, options: &Value) -> Provisioned {
    let call = TestHost::call(PEER, role::STATE_DB, options, &[IMAGE]);
    couchdb(Release::V2_5).provision(&host.at(&call)).unwrap()
}

fn rendered_for(release: Release, options: &Value) -> Rendered {
    let call = TestHost::call(PEER, role::STATE_DB, options, &[IMAGE]);
    couchdb(release).render(&TestHost::new().at(&call)).unwrap()
}

fn rendered(options: &Value) -> Rendered {
    rendered_for(Release::V2_5, options)
}

fn written(rendered: &Rendered) -> String {
    let Content::Bytes(bytes) = &rendered.files[0].content else {
        panic!("no bytes")
    };
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_password_is_born_once_and_shared_with_the_peer() {
    let first = provisioned(&TestHost::new(), &json!({"user": "fabric"}));
    let kept: Vec<(&str, bool, usize)> = first
        .keep
        .iter()
        .map(|it| (it.name.as_str(), it.secret, it.bytes.len()))
        .collect();
    assert_eq!(kept, [("password", true, 48), ("user", false, 6)]);
    let facts: Value = first.facts.parse().unwrap();
    let expected = json!({"kind": "CouchDB", "address": "127.0.0.1:5984", "user": "fabric"});
    assert_eq!(facts, expected);
    let host = TestHost::new().kept(PEER, role::STATE_DB, &first.keep[1..]);
    // The user of a database that is there already stays, whatever the option says.
    let again = provisioned(&host, &json!({"user": "other"}));
    assert_eq!((again.keep.len(), again.facts), (0, first.facts));
    let share = CouchDb::descriptor().kept[0].share.clone();
    assert_eq!(share, [role::PEER]);
}

#[test]
fn a_password_is_hexadecimal_since_it_is_written_into_a_configuration() {
    let keep = provisioned(&TestHost::new(), &json!({})).keep;
    assert!(keep[0].bytes.iter().all(u8::is_ascii_hexdigit));
    assert!(keep[0].bytes.starts_with(b"010203"));
}

#[test]
fn it_listens_on_loopback_and_is_asked_from_within() {
    let rendered = rendered(&json!({"logging": "info"}));
    let text = written(&rendered);
    for line in [
        "bind_address = 127.0.0.1",
        "single_node = true",
        "n = 1",
        "level = info",
    ] {
        assert!(text.lines().any(|it| it == line), "{text}");
    }
    let container = fixture::container(&rendered, CONTAINER);
    for probe in ["startupProbe", "readinessProbe"] {
        let command = container[probe]["exec"]["command"].as_array().unwrap();
        assert_eq!(command[0], "curl");
        assert_eq!(command.last().unwrap(), "http://127.0.0.1:5984/_up");
    }
    assert!(container.get("ports").is_none());
    assert!(
        CouchDb::descriptor()
            .ports
            .iter()
            .all(|it| it.reach == "pod")
    );
}

#[test]
fn a_peer_of_1_4_may_set_who_administers_the_users() {
    let line = "users_db_security_editable = true";
    for release in Release::ALL {
        let text = written(&rendered_for(release, &json!({})));
        let (before, after) = text.split_once("[cluster]").unwrap();
        assert_eq!(before.contains(line), release == Release::V1_4, "{text}");
        assert!(!after.contains(line), "{text}");
    }
}

#[test]
fn user_and_password_come_by_reference_and_the_data_lies_on_a_volume() {
    let rendered = rendered(&json!({}));
    assert_eq!(
        fixture::bindings(&rendered, CONTAINER),
        [
            "COUCHDB_USER <- state-db peer/peer0.org1 user",
            "COUCHDB_PASSWORD <- state-db peer/peer0.org1 password",
            "/opt/couchdb/data <- couchdb/",
            "/opt/couchdb/etc/default.d/50-fabric.ini <- state-db peer/peer0.org1 fabric.ini",
        ]
    );
    assert!(fixture::variables(&rendered, CONTAINER).is_empty());
}
