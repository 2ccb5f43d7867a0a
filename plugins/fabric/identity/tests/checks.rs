//! Checks against chains of several levels and what foreign organisations bring.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use fabric_identity::PrivateKey;
use fabric_identity::certificate::{Certificate, IssuerError};
use fabric_identity::check::{self, AuthorityError, ChainError, Role, RoleError};
use fabric_identity::issue::{self, CaProfile, IdentityProfile, IssueError, Issuer};
use fabric_identity::key::KeyError;
use fabric_identity::validity::{Validity, ValidityState};

const CA: &str = include_str!("fixtures/certs25/ca.org1-cert.pem");
const TLS_CA: &str = include_str!("fixtures/certs25/tlsca.org1-cert.pem");
const PEER: &str = include_str!("fixtures/certs25/peer0.org1-cert.pem");
const ADMIN: &str = include_str!("fixtures/certs25/Admin@org1-cert.pem");
const TLS: &str = include_str!("fixtures/certs25/peer0-tls-server.crt");
/// Made with openssl; the keys are gone.
const RSA_ROOT: &str = include_str!("fixtures/foreign/rsa-root.pem");
const RSA_LEAF: &str = include_str!("fixtures/foreign/rsa-leaf.pem");
const P384_ROOT: &str = include_str!("fixtures/foreign/p384-root.pem");
const SHA384_ROOT: &str = include_str!("fixtures/foreign/p256-sha384-root.pem");
const ED25519_ROOT: &str = include_str!("fixtures/foreign/ed25519-root.pem");

fn read(text: &str) -> Certificate {
    Certificate::parse_pem(text).unwrap()
}

fn key(number: u8) -> PrivateKey {
    PrivateKey::from_scalar(&[number; 32]).unwrap()
}

fn with_units(units: &[&str]) -> Certificate {
    let profile = CaProfile {
        common_name: "ca".to_owned(),
        ..CaProfile::default()
    };
    let ca_key = key(1);
    let validity = Validity::days(0, 1).unwrap();
    let ca = issue::authority(&profile, &ca_key, validity, &[1; 16]).unwrap();
    let profile = IdentityProfile {
        organizational_units: units.iter().map(|&unit| unit.to_owned()).collect(),
        common_name: "x".to_owned(),
        ..IdentityProfile::default()
    };
    Issuer::new(&ca, &ca_key)
        .unwrap()
        .identity(&profile, key(2).public(), validity, &[1; 16])
        .unwrap()
}

#[test]
fn exactly_one_unit_is_a_role() {
    assert_eq!(check::role(&read(PEER)), Ok(Role::Peer));
    assert_eq!(check::role(&read(ADMIN)), Ok(Role::Admin));
    assert!(matches!(check::role(&read(TLS)), Err(RoleError::None(_))));
    for (units, expected) in [
        (&["client"][..], Some(Role::Client)),
        (&["orderer", "Sales"], Some(Role::Orderer)),
        (&["Peer"], None),
        (&["peer", "admin"], None),
        (&["peer", "peer"], None),
        (&[], None),
    ] {
        assert_eq!(check::role(&with_units(units)).ok(), expected, "{units:?}");
    }
    assert!(matches!(
        check::role(&read(RSA_LEAF)),
        Err(RoleError::Several { count: 2, .. })
    ));
}

#[test]
fn chains_end_at_a_root() {
    let roots = [read(TLS_CA), read(CA)];
    let peer = read(PEER);
    let chain = check::chain(&peer, &roots, &[]).unwrap();
    assert_eq!(chain, [&peer, &roots[1]]);
    assert_eq!(check::chain(&roots[0], &roots, &[]).unwrap(), [&roots[0]]);
    assert!(matches!(
        check::chain(&peer, &roots[..1], &[]),
        Err(ChainError::Unknown { .. })
    ));
    // An authority that is only below a root is none.
    assert!(check::chain(&peer, &[], &roots).is_err());
    let tls = read(TLS);
    let chain = check::chain(&tls, &roots, &[]).unwrap();
    assert!(check::is_client_and_server(&chain));
}

/// A namesake with another key: the name is right and the signature is not. When the right one is
/// there too, it is found.
#[test]
fn namesakes_do_not_sign() {
    let ca = read(CA);
    let profile = CaProfile {
        organization: "org1".to_owned(),
        common_name: "ca.org1".to_owned(),
        ..CaProfile::default()
    };
    let namesake = issue::authority(&profile, &key(1), ca.validity(), &[1; 16]).unwrap();
    assert_eq!(namesake.subject().der(), ca.subject().der());
    let peer = read(PEER);
    let only = [namesake.clone()];
    assert!(matches!(
        check::chain(&peer, &only, &[]),
        Err(ChainError::Issuer {
            source: IssuerError::Signature(_),
            ..
        })
    ));
    let both = [namesake, ca];
    assert_eq!(check::chain(&peer, &both, &[]).unwrap(), [&peer, &both[1]]);
}

/// A leaf is no authority, even when its signature would do.
#[test]
fn a_leaf_signs_nothing() {
    let leaf = with_units(&["peer"]);
    assert!(matches!(
        check::authority(&leaf),
        Err(AuthorityError::NotMarked(_))
    ));
    assert!(matches!(
        Issuer::new(&leaf, &key(2)),
        Err(IssueError::NoAuthority(_))
    ));
    // The vector's authority with the mark taken away.
    let mut der = read(CA).der().to_vec();
    let marked = [0x30, 3, 1, 1, 0xff];
    let place = der.windows(5).position(|five| five == marked).unwrap();
    der[place + 4] = 0;
    let unmarked = Certificate::parse_der(&der).unwrap();
    assert!(matches!(
        read(PEER).verify_issued_by(&unmarked),
        Err(IssuerError::NoAuthority(_))
    ));
}

/// Root, authority below it, leaf. The one in the middle is made by renewing a root's certificate
/// under another issuer, as cross-signing does.
#[test]
fn authorities_in_between() {
    let validity = Validity::days(0, 1).unwrap();
    let made = |name: &str, number: u8| {
        let profile = CaProfile {
            common_name: name.to_owned(),
            ..CaProfile::default()
        };
        issue::authority(&profile, &key(number), validity, &[number; 16]).unwrap()
    };
    let (root, lower) = (made("root", 1), made("lower", 2));
    let (root_key, lower_key) = (key(1), key(2));
    let cross = Issuer::new(&root, &root_key)
        .unwrap()
        .renew(&lower, validity, &[3; 16])
        .unwrap();
    assert!(!cross.is_self_issued() && cross.is_ca());
    let leaf = Issuer::new(&cross, &lower_key)
        .unwrap()
        .identity(
            &IdentityProfile {
                common_name: "leaf".to_owned(),
                ..IdentityProfile::default()
            },
            key(3).public(),
            validity,
            &[4; 16],
        )
        .unwrap();
    let roots = [root];
    let between = [cross];
    assert_eq!(
        check::chain(&leaf, &roots, &between).unwrap(),
        [&leaf, &between[0], &roots[0]]
    );
    assert!(check::chain(&leaf, &roots, &[]).is_err());
    assert!(check::chain(&leaf, &[], &between).is_err());
}

#[test]
fn foreign_keys_are_read_and_answer_with_errors() {
    let root = read(RSA_ROOT);
    assert_eq!(root.subject().to_string(), "C=DE, O=foreign, CN=rsa root");
    assert_eq!(check::authority(&root), Ok(()));
    assert_eq!(
        root.public_key().err(),
        Some(KeyError::Unsupported("1.2.840.113549.1.1.1".to_owned()))
    );
    assert!(!root.is_of(key(1).public()));
    let leaf = read(RSA_LEAF);
    assert!(leaf.public_key().is_ok());
    assert_eq!(
        leaf.verify_issued_by(&root),
        Err(IssuerError::Unsupported("1.2.840.113549.1.1.1".to_owned()))
    );
    assert_eq!(leaf.dns_names(), ["*.foreign"]);
    assert!(leaf.covers("a.foreign") && leaf.covers("10.1.2.3") && !leaf.covers("foreign"));
    assert_eq!(
        check::uncovered(&leaf, ["a.foreign", "b", "10.1.2.4"]),
        ["b", "10.1.2.4"]
    );
    assert_eq!(leaf.serial(), [77]);

    for (text, kind) in [(P384_ROOT, "1.3.132.0.34"), (ED25519_ROOT, "1.3.101.112")] {
        let root = read(text);
        assert_eq!(
            root.verify_issued_by(&root),
            Err(IssuerError::Unsupported(kind.to_owned()))
        );
        assert_eq!(check::authority(&root), Ok(()));
    }
    // Our curve under a longer hash.
    let root = read(SHA384_ROOT);
    assert_eq!(root.verify_issued_by(&root), Ok(()));
    assert_eq!(root.subject_key_id().map(<[u8]>::len), Some(20));
}

#[test]
fn foreign_bytes_never_panic() {
    for text in [RSA_ROOT, RSA_LEAF, P384_ROOT, SHA384_ROOT, ED25519_ROOT] {
        let der = read(text).der().to_vec();
        for length in 0..der.len() {
            assert!(Certificate::parse_der(&der[..length]).is_err());
        }
        for place in 0..der.len() {
            for change in [0x01, 0x20, 0x80, 0xff] {
                let mut odd = der.clone();
                odd[place] ^= change;
                if let Ok(one) = Certificate::parse_der(&odd) {
                    check::role(&one).ok();
                    check::authority(&one).ok();
                }
            }
        }
    }
}

#[test]
fn expiry_is_asked_at_a_time() {
    let validity = read(PEER).validity();
    assert_eq!(validity.at(1_795_195_259), ValidityState::NotYet);
    assert_eq!(validity.at(1_795_195_260), ValidityState::Valid);
    assert_eq!(validity.at(2_110_555_261), ValidityState::Expired);
}
