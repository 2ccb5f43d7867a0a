//! What is born, what stays, and what is made again.

use chain_plugin_sdk::{Call, Item, Plugin, Provisioned, TestHost};
use fabric_identity::certificate::Certificate;
use fabric_identity::key::PrivateKey;
use fabric_service::facts::{NodeIdentity, OrgIdentity};
use fabric_service::fixture::{self, BORN, ROLES, Size};
use fabric_service::{Release, item, role};
use serde_json::json;

use crate::Msp;

fn plugin() -> Msp {
    Msp::open(fixture::topology(Release::V2_5, Size::default(), &ROLES)).unwrap()
}

fn call(subject: &str) -> Call {
    TestHost::call(subject, role::MSP, &json!({}), &[])
}

/// A host that knows the authorities of `org1`, and they.
fn authorities() -> (TestHost, Vec<Item>) {
    let host = TestHost::new();
    let call = call("org/org1");
    let born = plugin().provision(&host.at(&call)).unwrap();
    (host.kept("org/org1", role::MSP, &born.keep), born.keep)
}

fn text<'a>(items: &'a [Item], name: &str) -> &'a str {
    let item = items.iter().find(|it| it.name == name).unwrap();
    std::str::from_utf8(&item.bytes).unwrap()
}

fn facts<T: serde::de::DeserializeOwned>(given: &Provisioned) -> T {
    serde_json::from_str(&given.facts).unwrap()
}

#[test]
fn an_organisation_has_two_authorities_of_its_own() {
    let host = TestHost::new();
    let call = call("org/org1");
    let given = plugin().provision(&host.at(&call)).unwrap();
    let identity: OrgIdentity = facts(&given);
    assert_eq!(identity.msp_id, "Org1MSP");
    let ca = Certificate::parse_pem(&identity.ca_certificate).unwrap();
    let tls = Certificate::parse_pem(&identity.tls_ca_certificate).unwrap();
    assert_eq!(ca.subject().common_name(), Some("ca.org1"));
    assert_eq!(tls.subject().common_name(), Some("tlsca.org1"));
    assert_ne!(ca.subject_public_key_info(), tls.subject_public_key_info());
    let secrets: Vec<&str> = given
        .keep
        .iter()
        .filter(|it| it.secret)
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(secrets, [item::CA_KEY, item::TLS_CA_KEY]);
    assert!(!given.facts.contains("PRIVATE KEY"));
}

#[test]
fn a_peer_is_certified_by_its_organisation_for_all_its_names() {
    let (host, authorities) = authorities();
    let call = call("peer/peer0.org1");
    let given = plugin().provision(&host.at(&call)).unwrap();
    let identity: NodeIdentity = facts(&given);
    let ca = Certificate::parse_pem(text(&authorities, item::CA_CERT)).unwrap();
    let tls_ca = Certificate::parse_pem(text(&authorities, item::TLS_CA_CERT)).unwrap();
    let cert = Certificate::parse_pem(&identity.certificate).unwrap();
    let tls = Certificate::parse_pem(&identity.tls_certificate).unwrap();
    cert.verify_issued_by(&ca).unwrap();
    tls.verify_issued_by(&tls_ca).unwrap();
    assert!(cert.verify_issued_by(&tls_ca).is_err());
    assert_eq!(cert.subject().common_name(), Some("peer0.org1"));
    assert_eq!(
        cert.subject().organizational_units().collect::<Vec<_>>(),
        ["peer"]
    );
    assert!(tls.covers("peer0.org1"));
    let key = PrivateKey::parse_pem(text(&given.keep, item::KEY)).unwrap();
    assert!(cert.is_of(key.public()));
    let tls_key = PrivateKey::parse_pem(text(&given.keep, item::TLS_KEY)).unwrap();
    assert!(tls.is_of(tls_key.public()));
    assert!(cert.validity().not_before <= i64::try_from(BORN / 1000).unwrap());
}

#[test]
fn what_was_born_is_not_born_again() {
    let (host, _) = authorities();
    let call = call("user/Admin@org1");
    let first = plugin().provision(&host.at(&call)).unwrap();
    let (host, _) = authorities();
    let host = host.kept("user/Admin@org1", role::MSP, &first.keep);
    let again = plugin().provision(&host.at(&call)).unwrap();
    assert!(again.keep.is_empty());
    assert_eq!(again.facts, first.facts);
    let identity: NodeIdentity = facts(&again);
    let cert = Certificate::parse_pem(&identity.certificate).unwrap();
    assert_eq!(cert.subject().common_name(), Some("Admin@org1"));
    assert_eq!(
        cert.subject().organizational_units().collect::<Vec<_>>(),
        ["admin"]
    );
}

#[test]
fn a_renewed_certificate_is_over_the_same_key() {
    let (host, _) = authorities();
    let mut call = call("peer/peer1.org1");
    let first = plugin().provision(&host.at(&call)).unwrap();
    let (host, _) = authorities();
    let host = host.kept("peer/peer1.org1", role::MSP, &first.keep);
    call.renew = vec![item::TLS_CERT.to_owned()];
    call.now_ms = BORN + 400 * 24 * 3_600_000;
    let again = plugin().provision(&host.at(&call)).unwrap();
    let names: Vec<&str> = again.keep.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(
        names,
        [item::TLS_CERT],
        "the key stays, and the other certificate"
    );
    let old = Certificate::parse_pem(text(&first.keep, item::TLS_CERT)).unwrap();
    let new = Certificate::parse_pem(text(&again.keep, item::TLS_CERT)).unwrap();
    assert_eq!(new.subject_public_key_info(), old.subject_public_key_info());
    assert_eq!(new.subject(), old.subject());
    assert_eq!(new.dns_names(), old.dns_names());
    assert!(new.validity().not_after > old.validity().not_after);
    assert_ne!(new.serial(), old.serial());
}

/// A host that came into the spec later: every run says so, and a renewal brings it into the certificate.
#[test]
fn names_that_came_later_are_told_and_come_with_a_renewal() {
    let (host, _) = authorities();
    let mut call = call("peer/peer1.org1");
    let first = plugin().provision(&host.at(&call)).unwrap();
    assert_eq!(first.notes, []);
    let mut all = fixture::topology(Release::V2_5, Size::default(), &ROLES);
    for subject in all.subjects.iter_mut().filter(|it| it.id == call.subject) {
        let node = fabric_service::extra::Node {
            host: "peer1.org1".to_owned(),
            sans: vec!["peer1.example.com".to_owned(), "192.0.2.7".to_owned()],
            anchor: false,
        };
        subject.extra = serde_json::to_string(&node).unwrap();
    }
    let later = Msp::open(all).unwrap();
    let host = host.kept("peer/peer1.org1", role::MSP, &first.keep);
    let told = later.provision(&host.at(&call)).unwrap();
    assert!(told.keep.is_empty());
    let note = &told.notes[0];
    assert!(
        note.message
            .contains("peer1.org1 is not for peer1.example.com, 192.0.2.7"),
        "{note:?}"
    );
    let hint = note.hint.as_deref().unwrap();
    assert!(hint.contains("cert-renew org1 only=peer1"), "{hint}");

    call.renew = vec![item::TLS_CERT.to_owned()];
    call.now_ms = BORN + 1000;
    let again = later.provision(&host.at(&call)).unwrap();
    assert_eq!(again.notes, []);
    let new = Certificate::parse_pem(text(&again.keep, item::TLS_CERT)).unwrap();
    let old = Certificate::parse_pem(text(&first.keep, item::TLS_CERT)).unwrap();
    assert_eq!(new.subject_public_key_info(), old.subject_public_key_info());
    for name in ["peer1.org1", "peer1.example.com", "192.0.2.7"] {
        assert!(new.covers(name), "{name}");
    }
    let kinds = |of: &Certificate| -> Vec<Vec<u8>> {
        of.extensions().iter().map(|it| it.kind.clone()).collect()
    };
    assert_eq!(
        kinds(&new),
        kinds(&old),
        "the same extensions in their order"
    );
}

#[test]
fn without_its_authority_nobody_is_born() {
    let host = TestHost::new();
    let call = call("peer/peer0.org1");
    let faults = plugin().provision(&host.at(&call)).unwrap_err();
    assert!(faults[0].message.contains("org/org1 has no ca-cert"));
}
