//! The certificates that are made here, against those of `cryptogen` and by an independent reader.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use fabric_identity::certificate::Certificate;
use fabric_identity::issue::{
    self, CaProfile, IdentityProfile, IssueError, Issuer, Serial, TlsProfile,
};
use fabric_identity::name::Place;
use fabric_identity::oid;
use fabric_identity::validity::Validity;
use fabric_identity::{PrivateKey, PublicKey};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

const CA: &str = include_str!("fixtures/certs25/ca.org1-cert.pem");
const TLS_CA: &str = include_str!("fixtures/certs25/tlsca.org1-cert.pem");
const PEER: &str = include_str!("fixtures/certs25/peer0.org1-cert.pem");
const ADMIN: &str = include_str!("fixtures/certs25/Admin@org1-cert.pem");
const TLS: &str = include_str!("fixtures/certs25/peer0-tls-server.crt");

/// 2026-11-20 17:26:00: five minutes later than the certificates begin.
const NOW: i64 = 1_795_195_560;

fn read(text: &str) -> Certificate {
    Certificate::parse_pem(text).unwrap()
}

fn key(number: u8) -> PrivateKey {
    PrivateKey::from_scalar(&[number; 32]).unwrap()
}

fn validity() -> Validity {
    Validity::cryptogen(NOW).unwrap()
}

/// The serial number of a certificate, as the entropy that gave it.
fn serial(of: &Certificate) -> Serial {
    let digits = of.serial();
    digits[digits.len() - 16..].try_into().unwrap()
}

fn authority(common_name: &str, number: u8, like: &Certificate) -> Certificate {
    let profile = CaProfile {
        organization: "org1".to_owned(),
        common_name: common_name.to_owned(),
        ..CaProfile::default()
    };
    issue::authority(&profile, &key(number), validity(), &serial(like)).unwrap()
}

fn identity(unit: &str, common_name: &str) -> IdentityProfile {
    IdentityProfile {
        organizational_units: vec![unit.to_owned()],
        common_name: common_name.to_owned(),
        ..IdentityProfile::default()
    }
}

fn tls(names: &[&str]) -> TlsProfile {
    TlsProfile {
        common_name: "peer0.org1".to_owned(),
        alternative_names: names.iter().map(|&name| name.to_owned()).collect(),
        ..TlsProfile::default()
    }
}

/// Puts what two keys have to differ in into the vector, and then the signed parts must be the same
/// bytes. (`swap` holds pairs of the vector's bytes and ours.)
fn assert_same_signed_bytes(ours: &Certificate, vector: &Certificate, swap: &[(&[u8], &[u8])]) {
    assert_eq!(ours.subject().der(), vector.subject().der());
    assert_eq!(ours.issuer().der(), vector.issuer().der());
    assert_eq!(ours.validity(), vector.validity());
    assert_eq!(ours.serial(), vector.serial());
    let kinds = |of: &Certificate| -> Vec<(Vec<u8>, bool)> {
        let pair = |one: &fabric_identity::certificate::Extension| (one.kind.clone(), one.critical);
        of.extensions().iter().map(pair).collect()
    };
    assert_eq!(kinds(ours), kinds(vector));
    let mut expected = signed_part(vector.der());
    for (from, to) in swap {
        let places: Vec<usize> = expected
            .windows(from.len())
            .enumerate()
            .filter_map(|(place, window)| (window == *from).then_some(place))
            .collect();
        assert!(!places.is_empty());
        for place in places {
            expected[place..place + to.len()].copy_from_slice(to);
        }
    }
    assert_eq!(hex::encode(signed_part(ours.der())), hex::encode(expected));
}

fn signed_part(der: &[u8]) -> Vec<u8> {
    let (_, certificate) = X509Certificate::from_der(der).unwrap();
    certificate.tbs_certificate.as_ref().to_vec()
}

fn point(of: &Certificate) -> PublicKey {
    *of.public_key().unwrap()
}

#[test]
fn authorities_are_those_of_cryptogen_but_for_the_key() {
    for (vector, common_name) in [(CA, "ca.org1"), (TLS_CA, "tlsca.org1")] {
        let vector = read(vector);
        let ours = authority(common_name, 1, &vector);
        assert_same_signed_bytes(
            &ours,
            &vector,
            &[
                (point(&vector).point(), key(1).public().point()),
                (&point(&vector).ski(), &key(1).public().ski()),
            ],
        );
        assert_eq!(ours.verify_issued_by(&ours), Ok(()));
    }
}

/// The same key as in the vector: only the key identifier of the authority differs.
#[test]
fn leaves_are_those_of_cryptogen() {
    let ca = authority("ca.org1", 1, &read(CA));
    let tls_ca = authority("tlsca.org1", 2, &read(TLS_CA));
    let (ca_key, tls_key) = (key(1), key(2));
    let issuer = Issuer::new(&ca, &ca_key).unwrap();
    let tls_issuer = Issuer::new(&tls_ca, &tls_key).unwrap();

    for (vector, profile) in [
        (PEER, identity("peer", "peer0.org1")),
        (ADMIN, identity("admin", "Admin@org1")),
    ] {
        let vector = read(vector);
        let ours = issuer
            .identity(&profile, &point(&vector), validity(), &serial(&vector))
            .unwrap();
        let swap = (&point(&read(CA)).ski()[..], &ca_key.public().ski()[..]);
        assert_same_signed_bytes(&ours, &vector, &[swap]);
        assert_eq!(ours.verify_issued_by(&ca), Ok(()));
    }

    let vector = read(TLS);
    // An address between the hosts still comes last.
    let profile = tls(&["peer0.org1", "peer0", "127.0.0.1", "localhost"]);
    let ours = tls_issuer
        .tls(&profile, &point(&vector), validity(), &serial(&vector))
        .unwrap();
    let swap = (&point(&read(TLS_CA)).ski()[..], &tls_key.public().ski()[..]);
    assert_same_signed_bytes(&ours, &vector, &[swap]);
    assert_eq!(ours.verify_issued_by(&tls_ca), Ok(()));
}

#[test]
fn another_reader_verifies_what_was_made() {
    let ca = authority("ca.org1", 1, &read(CA));
    let ca_key = key(1);
    let issuer = Issuer::new(&ca, &ca_key).unwrap();
    let leaf = issuer
        .tls(
            &tls(&["a.b", "fd00::1", "::ffff:10.0.0.1", "*.c"]),
            key(3).public(),
            validity(),
            &[0x7f; 16],
        )
        .unwrap();
    let (rest, read_ca) = X509Certificate::from_der(ca.der()).unwrap();
    assert!(rest.is_empty());
    read_ca.verify_signature(None).unwrap();
    assert!(read_ca.is_ca());
    let (rest, read_leaf) = X509Certificate::from_der(leaf.der()).unwrap();
    assert!(rest.is_empty());
    read_leaf
        .verify_signature(Some(read_ca.public_key()))
        .unwrap();
    let names = read_leaf.subject_alternative_name().unwrap().unwrap().value;
    let mut six = [0; 16];
    (six[0], six[15]) = (0xfd, 1);
    assert_eq!(
        names.general_names,
        [
            GeneralName::DNSName("a.b"),
            GeneralName::DNSName("*.c"),
            GeneralName::IPAddress(&six),
            GeneralName::IPAddress(&[10, 0, 0, 1]),
        ]
    );
    assert_eq!(read_leaf.raw_serial(), [0x7f; 16]);
    assert_eq!(read_leaf.validity().not_before.timestamp(), NOW - 300);
    assert_eq!(
        read_leaf.validity().not_after.timestamp(),
        NOW - 300 + 3650 * 86_400
    );
}

#[test]
fn serial_numbers_are_positive_and_minimal() {
    let ca_key = key(1);
    let made = |serial: Serial| {
        let profile = CaProfile {
            common_name: "ca".to_owned(),
            ..CaProfile::default()
        };
        issue::authority(&profile, &ca_key, validity(), &serial)
    };
    let mut small = [0; 16];
    small[15] = 0x80;
    assert_eq!(made(small).unwrap().serial(), [0, 0x80]);
    assert_eq!(made([0x80; 16]).unwrap().serial().len(), 17);
    assert_eq!(made([1; 16]).unwrap().serial(), [1; 16]);
    assert_eq!(made([0; 16]), Err(IssueError::Serial));

    let mut given = vec![vec![5; 16], vec![0; 16]];
    let drawn = issue::draw_serial(&mut |_| given.pop().unwrap());
    assert_eq!(drawn, Ok([5; 16]));
}

#[test]
fn a_renewed_certificate_keeps_name_key_and_extensions() {
    let ca = authority("tlsca.org1", 1, &read(TLS_CA));
    let ca_key = key(1);
    let issuer = Issuer::new(&ca, &ca_key).unwrap();
    // Its private key is nowhere.
    let old = read(TLS);
    let later = Validity::days(NOW + 1000, 30).unwrap();
    let new = issuer.renew(&old, later, &[9; 16]).unwrap();
    assert_eq!(new.validity(), later);
    assert_eq!(new.serial(), [9; 16]);
    assert_eq!(new.subject().der(), old.subject().der());
    assert_eq!(new.subject_public_key_info(), old.subject_public_key_info());
    assert_eq!(new.verify_issued_by(&ca), Ok(()));
    assert_eq!(new.authority_key_id(), ca.subject_key_id());
    assert_eq!(new.extensions().len(), old.extensions().len());
    for (ours, theirs) in new.extensions().iter().zip(old.extensions()) {
        if ours.kind != oid::AUTHORITY_KEY_IDENTIFIER {
            assert_eq!(ours, theirs);
        }
    }
    let again = issuer.renew(&new, old.validity(), &serial(&old)).unwrap();
    let direct = issuer
        .tls(
            &tls(&["peer0.org1", "peer0", "localhost", "127.0.0.1"]),
            &point(&old),
            old.validity(),
            &serial(&old),
        )
        .unwrap();
    assert_eq!(again, direct);

    let renewed = issue::renew_authority(&ca, &ca_key, later, &[7; 16]).unwrap();
    assert_eq!(renewed.extensions(), ca.extensions());
    assert_eq!(renewed.validity(), later);
    // What the old one signed, the new one covers.
    assert_eq!(new.verify_issued_by(&renewed), Ok(()));
    assert!(matches!(
        issue::renew_authority(&ca, &key(2), later, &[7; 16]),
        Err(IssueError::ForeignKey(_))
    ));
}

#[test]
fn odd_names_are_kept_or_refused() {
    let ca = authority("ca.org1", 1, &read(CA));
    let ca_key = key(1);
    let issuer = Issuer::new(&ca, &ca_key).unwrap();
    let long = "x".repeat(5000);
    for common_name in [&long, "\u{7ec4}\u{7ec7}", "a\nb", "*", "a,b=c+d"] {
        let made = issuer
            .identity(
                &identity("peer", common_name),
                key(2).public(),
                validity(),
                &[1; 16],
            )
            .unwrap();
        assert_eq!(made.subject().common_name(), Some(common_name));
        assert!(X509Certificate::from_der(made.der()).is_ok());
    }
    let refused = issuer.identity(&identity("peer", ""), key(2).public(), validity(), &[1; 16]);
    assert_eq!(refused, Err(IssueError::NoCommonName));
    for name in ["", "h\u{e9}", "a b", "a\0"] {
        let refused = issuer.tls(&tls(&["ok", name]), key(2).public(), validity(), &[1; 16]);
        assert!(
            matches!(refused, Err(IssueError::AlternativeName { .. })),
            "{name:?}"
        );
    }
    let user = issuer
        .tls(&tls(&[]), key(2).public(), validity(), &[1; 16])
        .unwrap();
    assert!(user.extension(oid::SUBJECT_ALT_NAME).is_none());
    let backwards = Validity {
        not_before: 2,
        not_after: 1,
    };
    assert!(matches!(
        issuer.tls(&tls(&[]), key(2).public(), backwards, &[1; 16]),
        Err(IssueError::Validity { .. })
    ));
    let late = Validity::days(4_000_000_000, 1).unwrap();
    let made = issuer
        .tls(&tls(&[]), key(2).public(), late, &[1; 16])
        .unwrap();
    assert_eq!(made.validity(), late);
    let (_, read) = X509Certificate::from_der(made.der()).unwrap();
    assert!(read.validity().not_before.is_generalizedtime());
}

#[test]
fn the_place_and_the_unit_of_an_authority_are_repeated() {
    let place = Place {
        country: Some("CH".to_owned()),
        street_address: Some("Gasse 1".to_owned()),
        ..Place::default()
    };
    let profile = IdentityProfile {
        place: place.clone(),
        organizational_units: vec!["Sales".to_owned(), "peer".to_owned()],
        common_name: "p".to_owned(),
    };
    let ca_profile = CaProfile {
        place: place.clone(),
        organization: "o".to_owned(),
        organizational_unit: Some("Sales".to_owned()),
        common_name: "ca".to_owned(),
    };
    let ca_key = key(1);
    let ca = issue::authority(&ca_profile, &ca_key, validity(), &[1; 16]).unwrap();
    assert_eq!(
        ca.subject().to_string(),
        "C=CH, ST=California, L=San Francisco, STREET=Gasse 1, O=o, OU=Sales, CN=ca"
    );
    let made = Issuer::new(&ca, &ca_key)
        .unwrap()
        .identity(&profile, key(2).public(), validity(), &[1; 16])
        .unwrap();
    let units: Vec<&str> = made.subject().organizational_units().collect();
    assert_eq!(units, ["peer", "Sales"]);
    assert_eq!(made.subject().place(), place);
}

#[test]
fn only_authorities_with_their_key_issue() {
    let ca = authority("ca.org1", 1, &read(CA));
    let (own, other) = (key(1), key(2));
    assert!(matches!(
        Issuer::new(&ca, &other),
        Err(IssueError::ForeignKey(_))
    ));
    let leaf = Issuer::new(&ca, &own)
        .unwrap()
        .identity(&identity("peer", "p"), other.public(), validity(), &[1; 16])
        .unwrap();
    assert!(matches!(
        Issuer::new(&leaf, &other),
        Err(IssueError::NoAuthority(_))
    ));
}
