//! Certificates: authorities, administrators, units, and what consenters serve with. What nodes say of
//! each was read in their sources, and tried on them where `loopback` has the same fault.

use fabric_identity::issue::{self, CaProfile, IdentityProfile, Issuer, TlsProfile};
use fabric_identity::validity::Validity;
use fabric_identity::{Certificate, PrivateKey};

use super::*;
use crate::model::{Channel, Msp, NodeOus, OrganizationalUnit, RaftConsenter};

const NOW: i64 = 1_800_000_000;
const YEAR: i64 = 365;
const RSA_ROOT: &str = include_str!("../../../../identity/tests/fixtures/foreign/rsa-root.pem");
const RSA_LEAF: &str = include_str!("../../../../identity/tests/fixtures/foreign/rsa-leaf.pem");
const P384_ROOT: &str = include_str!("../../../../identity/tests/fixtures/foreign/p384-root.pem");
const ED25519: &str = include_str!("../../../../identity/tests/fixtures/foreign/ed25519-root.pem");

fn key(number: u8) -> PrivateKey {
    PrivateKey::from_scalar(&[number; 32]).unwrap()
}

fn valid() -> Validity {
    Validity::days(NOW - 3600, 10 * YEAR).unwrap()
}

/// An authority with the key of this number.
fn authority(name: &str, number: u8, validity: Validity) -> Certificate {
    let profile = CaProfile {
        common_name: name.to_owned(),
        ..CaProfile::default()
    };
    issue::authority(&profile, &key(number), validity, &[number; 16]).unwrap()
}

/// A user, peer or orderer under an authority.
fn member(ca: &Certificate, ca_key: u8, number: u8, units: &[&str]) -> Certificate {
    let profile = IdentityProfile {
        organizational_units: units.iter().map(|&unit| unit.to_owned()).collect(),
        common_name: format!("member{number}"),
        ..IdentityProfile::default()
    };
    Issuer::new(ca, &key(ca_key))
        .unwrap()
        .identity(&profile, key(number).public(), valid(), &[number; 16])
        .unwrap()
}

/// A certificate that a node serves with.
fn server(ca: &Certificate, ca_key: u8, number: u8, host: &str, validity: Validity) -> String {
    let profile = TlsProfile {
        common_name: host.to_owned(),
        alternative_names: vec![host.to_owned()],
        ..TlsProfile::default()
    };
    Issuer::new(ca, &key(ca_key))
        .unwrap()
        .tls(&profile, key(number).public(), validity, &[number; 16])
        .unwrap()
        .to_pem()
}

/// The authority put under another one, as cross-signing does.
fn under(root: &Certificate, root_key: u8, lower: &Certificate) -> Certificate {
    Issuer::new(root, &key(root_key))
        .unwrap()
        .renew(lower, valid(), &[77; 16])
        .unwrap()
}

/// The certificate with some of its bytes replaced, so that no signature fits any more.
fn patched(certificate: &Certificate, from: &[u8], to: &[u8]) -> String {
    let mut der = certificate.der().to_vec();
    let place = der
        .windows(from.len())
        .position(|part| part == from)
        .unwrap();
    der[place..place + to.len()].copy_from_slice(to);
    Certificate::parse_der(&der).unwrap().to_pem()
}

/// Key usage of an authority without `keyCertSign`.
fn unable(certificate: &Certificate) -> String {
    patched(
        certificate,
        &[0x03, 0x02, 0x01, 0xa6],
        &[0x03, 0x02, 0x01, 0xa2],
    )
}

/// A root, and an administrator whom units of any release take.
pub(super) fn root_and_administrator() -> [String; 2] {
    let ca = authority("ca", 3, valid());
    let admin = member(&ca, 3, 31, &["client"]);
    [ca.to_pem(), admin.to_pem()]
}

/// One organisation that orders, and one with peers. The orderers' authority
/// has key 1, that of their TLS key 2; the peers' 3 and 4; consenters have 11, 12 and so on.
pub(super) fn channel_of(orderers: u8) -> Channel {
    let mut channel = vectors::raft_channel();
    channel.organizations.truncate(2);
    for (organization, number) in channel.organizations.iter_mut().zip([1, 3]) {
        let ca = authority("ca", number, valid());
        organization.msp = Msp {
            node_ous: Some(NodeOus::usual(Some(&ca.to_pem()))),
            root_certs: vec![ca.to_pem()],
            tls_root_certs: vec![authority("tlsca", number + 1, valid()).to_pem()],
            ..Msp::default()
        };
    }
    channel.organizations[0].endpoints = vec!["orderer0:7050".to_owned()];
    let tls = authority("tlsca", 2, valid());
    *consenters(&mut channel) = (0..orderers)
        .map(|number| {
            let host = format!("orderer{number}");
            let certificate = server(&tls, 2, 11 + number, &host, valid());
            RaftConsenter {
                host,
                port: 7050,
                client_tls_cert: certificate.clone(),
                server_tls_cert: certificate,
            }
        })
        .collect();
    channel
}

fn channel() -> Channel {
    channel_of(3)
}

pub(super) fn consenters(channel: &mut Channel) -> &mut Vec<RaftConsenter> {
    match &mut channel.orderer.as_mut().unwrap().consensus {
        Consensus::Etcdraft { consenters, .. } => consenters,
        other => panic!("{other:?}"),
    }
}

fn msp(channel: &mut Channel) -> &mut Msp {
    &mut channel.organizations[1].msp
}

fn serves(channel: &mut Channel, number: usize, certificate: &str) {
    let one = &mut consenters(channel)[number];
    certificate.clone_into(&mut one.client_tls_cert);
    certificate.clone_into(&mut one.server_tls_cert);
}

fn found(change: impl FnOnce(&mut Channel)) -> Vec<Diagnostic> {
    let mut channel = channel();
    change(&mut channel);
    let group = channel_group(&channel).unwrap();
    let release = channel.release;
    lint_block(&block(group), Target::new(release).at(NOW))
}

/// Checks that the block of a changed channel has one fault, or several of one code.
fn only(code: &str, severity: Severity, change: impl FnOnce(&mut Channel)) {
    let found = found(change);
    assert!(has(&found, code, severity), "{code}: {found:#?}");
    assert!(
        found.iter().all(|one| one.code == code),
        "{code}: {found:#?}"
    );
}

fn clean(change: impl FnOnce(&mut Channel)) {
    let found = found(change);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn what_is_well_made_has_no_finding() {
    clean(|_| {});
    // Authorities below the root, of identities and of TLS; and a unit that one of them certifies.
    clean(|channel| {
        let root = authority("root", 21, valid());
        let lower = under(&root, 21, &authority("lower", 22, valid()));
        let organization = msp(channel);
        organization.root_certs = vec![root.to_pem()];
        organization.intermediate_certs = vec![lower.to_pem()];
        organization.node_ous = Some(NodeOus::usual(Some(&lower.to_pem())));
        organization.tls_intermediate_certs = vec![
            under(
                &authority("tlsca", 4, valid()),
                4,
                &authority("tls lower", 23, valid()),
            )
            .to_pem(),
        ];
    });
    // An administrator by certificate beside units.
    clean(|channel| {
        let ca = authority("ca", 3, valid());
        msp(channel).admins = ["client", "admin"]
            .map(|unit| member(&ca, 3, 31, &[unit]).to_pem())
            .into();
    });
    // Keys of others: nodes know them as authorities.
    for foreign in [RSA_ROOT, P384_ROOT] {
        clean(|channel| {
            let organization = msp(channel);
            organization.root_certs.push(foreign.to_owned());
            organization.tls_root_certs.push(foreign.to_owned());
        });
    }
    clean(|channel| {
        channel.organizations[0]
            .msp
            .tls_root_certs
            .push(RSA_ROOT.to_owned());
    });
    // Without a time nothing is expired.
    let mut old = channel();
    let over = Validity::days(NOW - 400 * 86_400, YEAR).unwrap();
    msp(&mut old).tls_root_certs = vec![authority("tlsca", 4, over).to_pem()];
    let group = channel_group(&old).unwrap();
    assert!(lint_config("mychannel", &group, Target::new(Release::V2_5)).is_empty());
}

#[test]
fn authorities_are_authorities() {
    let leaf = server(&authority("tlsca", 4, valid()), 4, 41, "peer0", valid());
    only("authority-unfit", Severity::Refused, |channel| {
        msp(channel).tls_root_certs = vec![leaf.clone()];
    });
    let ca = authority("ca", 3, valid());
    let unmarked = patched(&ca, &[0x30, 3, 1, 1, 0xff], &[0x30, 3, 1, 1, 0]);
    only("authority-unfit", Severity::Refused, |channel| {
        msp(channel).root_certs = vec![unmarked.clone()];
        msp(channel).node_ous = Some(NodeOus::usual(None));
    });
    // The object identifier of the key identifier made another one.
    let nameless = patched(&ca, &[0x55, 0x1d, 0x0e], &[0x55, 0x1d, 0x7e]);
    only("authority-unfit", Severity::Refused, |channel| {
        msp(channel).root_certs = vec![nameless.clone()];
        msp(channel).node_ous = Some(NodeOus::usual(None));
    });
    for broken in [
        "x",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let changes: [fn(&mut Msp) -> &mut Vec<String>; 5] = [
            |msp| &mut msp.root_certs,
            |msp| &mut msp.intermediate_certs,
            |msp| &mut msp.admins,
            |msp| &mut msp.tls_root_certs,
            |msp| &mut msp.tls_intermediate_certs,
        ];
        for list in changes {
            only("certificate-format", Severity::Refused, |channel| {
                list(msp(channel)).push(broken.to_owned());
            });
        }
    }
    only("certificate-several", Severity::Warning, |channel| {
        let second = authority("other", 9, valid()).to_pem();
        msp(channel).root_certs[0].push_str(&second);
    });
    // As nodes do: what stands before or behind the block does not count.
    clean(|channel| {
        let organization = msp(channel);
        organization.root_certs[0].insert_str(0, "Subject: ca\n");
        let bare = organization.tls_root_certs[0].trim_end().to_owned();
        organization.tls_root_certs = vec![bare];
    });
}

#[test]
fn authorities_may_sign() {
    let ca = authority("ca", 3, valid());
    only("root-signature", Severity::Refused, |channel| {
        msp(channel).root_certs = vec![unable(&ca)];
        msp(channel).node_ous = Some(NodeOus::usual(None));
    });
    only("authority-usage", Severity::Broken, |channel| {
        msp(channel).tls_root_certs = vec![unable(&authority("tlsca", 4, valid()))];
    });
    // One that is below another, given as a root; and one whose signature is damaged.
    let lower = under(&authority("root", 21, valid()), 21, &ca);
    only("root-signature", Severity::Refused, |channel| {
        msp(channel).root_certs = vec![lower.to_pem()];
        msp(channel).node_ous = Some(NodeOus::usual(None));
    });
    let mut der = ca.der().to_vec();
    *der.last_mut().unwrap() ^= 1;
    let damaged = Certificate::parse_der(&der).unwrap().to_pem();
    only("root-signature", Severity::Refused, |channel| {
        msp(channel).root_certs = vec![damaged.clone()];
    });
}

#[test]
fn intermediate_authorities_have_a_root() {
    let stranger = authority("stranger", 25, valid());
    only("authority-chain", Severity::Refused, |channel| {
        msp(channel).intermediate_certs = vec![stranger.to_pem()];
    });
    only("authority-chain", Severity::Refused, |channel| {
        msp(channel).tls_intermediate_certs = vec![stranger.to_pem()];
    });
    let orphan = under(&stranger, 25, &authority("lower", 22, valid()));
    only("authority-chain", Severity::Refused, |channel| {
        msp(channel).intermediate_certs = vec![orphan.to_pem()];
    });
    // Who bears the name of the root and is not it.
    let namesake = under(
        &authority("ca", 26, valid()),
        26,
        &authority("lower", 22, valid()),
    );
    only("authority-chain", Severity::Refused, |channel| {
        msp(channel).intermediate_certs = vec![namesake.to_pem()];
    });
}

#[test]
fn authorities_are_listed_once() {
    only("certificate-duplicate", Severity::Warning, |channel| {
        let organization = msp(channel);
        organization
            .root_certs
            .push(organization.root_certs[0].clone());
    });
    only("certificate-duplicate", Severity::Warning, |channel| {
        let organization = msp(channel);
        organization
            .tls_intermediate_certs
            .push(organization.tls_root_certs[0].clone());
    });
    // Renewed over the same key, and the old one still there.
    let renewed = Validity::days(NOW - 60, 10 * YEAR).unwrap();
    only("authority-twins", Severity::Broken, |channel| {
        let again = authority("ca", 3, renewed);
        msp(channel).root_certs.push(again.to_pem());
    });
    // TLS takes either.
    clean(|channel| {
        let again = authority("tlsca", 4, renewed);
        msp(channel).tls_root_certs.push(again.to_pem());
    });
    // With another key it is another authority.
    clean(|channel| {
        let again = authority("ca", 27, renewed);
        msp(channel).root_certs.push(again.to_pem());
    });
}

#[test]
fn certificates_have_their_time() {
    let over = Validity::days(NOW - 400 * 86_400, YEAR).unwrap();
    let early = Validity::days(NOW + 86_400, YEAR).unwrap();
    only("certificate-expired", Severity::Broken, |channel| {
        msp(channel).tls_root_certs = vec![authority("tlsca", 4, over).to_pem()];
    });
    // Nodes judge a member by the time of his own certificate.
    only("certificate-expired", Severity::Warning, |channel| {
        msp(channel).root_certs = vec![authority("ca", 3, over).to_pem()];
        msp(channel).node_ous = Some(NodeOus::usual(None));
    });
    for tls in [false, true] {
        only("certificate-early", Severity::Warning, |channel| {
            let organization = msp(channel);
            organization.node_ous = Some(NodeOus::usual(None));
            let list = if tls {
                &mut organization.tls_root_certs
            } else {
                &mut organization.root_certs
            };
            *list = vec![authority("ca", 3, early).to_pem()];
        });
    }
    let tls = authority("tlsca", 2, valid());
    only("consenter-expired", Severity::Broken, |channel| {
        serves(channel, 1, &server(&tls, 2, 12, "orderer1", over));
    });
}

#[test]
fn keys_are_of_a_kind_that_nodes_know() {
    only("certificate-key", Severity::Refused, |channel| {
        msp(channel).root_certs.push(ED25519.to_owned());
    });
    // Nodes of 3.x do, once the channel says so.
    clean(|channel| {
        channel.release = Release::V3_1;
        channel.capabilities = Some(vec!["V3_0".to_owned()]);
        msp(channel).root_certs.push(ED25519.to_owned());
    });
    // For TLS it is Go's matter.
    clean(|channel| msp(channel).tls_root_certs.push(ED25519.to_owned()));
}

#[test]
fn administrators_are_members() {
    let (ca, other) = (authority("ca", 3, valid()), authority("other", 25, valid()));
    let admin = |certificate: &Certificate| {
        let text = certificate.to_pem();
        move |channel: &mut Channel| msp(channel).admins = vec![text]
    };
    let unfit = |certificate: &Certificate| {
        only("administrator-unfit", Severity::Refused, admin(certificate));
    };
    unfit(&ca);
    unfit(&member(&other, 25, 31, &["admin"]));
    unfit(&member(&ca, 3, 31, &["peer"]));
    unfit(&member(&ca, 3, 31, &[]));
    // Without units the certificate alone says it.
    let without = |channel: &mut Channel| {
        msp(channel).node_ous = None;
        msp(channel).admins = vec![member(&authority("ca", 3, valid()), 3, 31, &[]).to_pem()];
        let policies = &mut channel.organizations[1].policies;
        for name in ["Readers", "Writers", "Endorsement"] {
            policies.insert(name.to_owned(), "OR('Org1MSP.member')".to_owned());
        }
    };
    clean(without);
    // Below V1_4_3 an administrator is a client.
    let old = |unit: &'static str| {
        move |channel: &mut Channel| {
            channel.capabilities = Some(vec!["V1_4_2".to_owned()]);
            for (organization, number) in channel.organizations.iter_mut().zip([1, 3]) {
                let ca = authority("ca", number, valid());
                organization.msp.admins = vec![member(&ca, number, 31, &[unit]).to_pem()];
            }
        }
    };
    assert!(!has(
        &found(old("client")),
        "administrator-unfit",
        Severity::Refused
    ));
    assert!(has(
        &found(old("admin")),
        "administrator-unfit",
        Severity::Refused
    ));
    // What RSA signs is not taken.
    let rsa = found(|channel| {
        msp(channel).root_certs.push(RSA_ROOT.to_owned());
        msp(channel).admins = vec![RSA_LEAF.to_owned()];
    });
    assert!(rsa.is_empty(), "the leaf has a key of P-256: {rsa:#?}");
    only("certificate-expired", Severity::Warning, |channel| {
        let over = Validity::days(NOW - 400 * 86_400, YEAR).unwrap();
        let profile = IdentityProfile {
            organizational_units: vec!["admin".to_owned()],
            common_name: "admin".to_owned(),
            ..IdentityProfile::default()
        };
        let ca = authority("ca", 3, valid());
        let admin = Issuer::new(&ca, &key(3))
            .unwrap()
            .identity(&profile, key(31).public(), over, &[31; 16])
            .unwrap();
        msp(channel).admins = vec![admin.to_pem()];
    });
}

#[test]
fn units_are_certified_by_ones_own() {
    let stranger = authority("ca", 25, valid()).to_pem();
    only("unit-certificate", Severity::Refused, |channel| {
        let units = msp(channel).node_ous.as_mut().unwrap();
        units
            .peer
            .as_mut()
            .unwrap()
            .certificate
            .clone_from(&stranger);
    });
    only("unit-certificate", Severity::Refused, |channel| {
        msp(channel).organizational_units = vec![OrganizationalUnit {
            certificate: stranger.clone(),
            unit: "sales".to_owned(),
        }];
    });
    only("node-ous-units", Severity::Refused, |channel| {
        channel.capabilities = Some(vec!["V1_4_2".to_owned()]);
        for (organization, number) in channel.organizations.iter_mut().zip([1, 3]) {
            let ca = authority("ca", number, valid());
            organization.msp.admins = vec![member(&ca, number, 31, &["client"]).to_pem()];
        }
        // Of units that are off as well.
        let units = channel.organizations[0].msp.node_ous.as_mut().unwrap();
        units.peer = None;
    });
}

#[test]
fn revocation_lists_are_lists() {
    for wrong in [
        "x",
        "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
    ] {
        only("revocation-list", Severity::Refused, |channel| {
            msp(channel).revocation_list = vec![wrong.to_owned()];
        });
    }
    clean(|channel| {
        let list = "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n";
        msp(channel).revocation_list = vec![list.to_owned()];
    });
}

#[test]
fn consenters_serve_what_others_dial() {
    let tls = authority("tlsca", 2, valid());
    only("consenter-host", Severity::Broken, |channel| {
        consenters(channel)[1].host = "orderer1.elsewhere".to_owned();
    });
    // Under the authority of the peers, and under none.
    let foreign = server(&authority("tlsca", 4, valid()), 4, 12, "orderer1", valid());
    only("consenter-untrusted", Severity::Refused, |channel| {
        serves(channel, 1, &foreign);
    });
    let signing = member(&authority("ca", 1, valid()), 1, 12, &["orderer"]);
    let found = found(|channel| serves(channel, 1, &signing.to_pem()));
    assert!(has(&found, "consenter-untrusted", Severity::Refused));
    // For servers alone: the purpose of clients made another one.
    let purpose = [0x2b, 6, 1, 5, 5, 7, 3, 2];
    let certificate = Certificate::parse_pem(&server(&tls, 2, 12, "orderer1", valid())).unwrap();
    let half = patched(&certificate, &purpose, &[0x2b, 6, 1, 5, 5, 7, 3, 9]);
    only("consenter-untrusted", Severity::Refused, |channel| {
        serves(channel, 1, &half);
    });
    only("certificate-format", Severity::Refused, |channel| {
        consenters(channel)[1].client_tls_cert = "DER".to_owned();
    });
    // A chain that cannot be followed is not called wrong.
    clean(|channel| {
        channel.organizations[0]
            .msp
            .tls_root_certs
            .push(RSA_ROOT.to_owned());
        consenters(channel)[1].client_tls_cert = RSA_LEAF.to_owned();
    });
}

#[test]
fn consenters_have_keys_of_their_own() {
    let tls = authority("tlsca", 2, valid());
    only("consenter-key-shared", Severity::Broken, |channel| {
        serves(channel, 1, &server(&tls, 2, 11, "orderer1", valid()));
    });
    only(
        "consenter-certificate-shared",
        Severity::Refused,
        |channel| {
            let profile = TlsProfile {
                common_name: "both".to_owned(),
                alternative_names: vec!["orderer0".to_owned(), "orderer1".to_owned()],
                ..TlsProfile::default()
            };
            let both = Issuer::new(&tls, &key(2))
                .unwrap()
                .tls(&profile, key(11).public(), valid(), &[11; 16])
                .unwrap()
                .to_pem();
            serves(channel, 0, &both);
            serves(channel, 1, &both);
        },
    );
    // One for each direction is fine.
    clean(|channel| {
        consenters(channel)[1].client_tls_cert = server(&tls, 2, 19, "orderer1", valid());
    });
}

#[test]
fn addresses_are_in_a_certificate() {
    only("address-certificate", Severity::Broken, |channel| {
        channel.organizations[0].endpoints = vec!["orderer0.elsewhere:7050".to_owned()];
    });
    let label = "a".repeat(64);
    for host in [label.as_str(), "a..b", &"a.".repeat(130)] {
        only("address-format", Severity::Broken, |channel| {
            channel.organizations[0].endpoints = vec![format!("{host}:7050")];
        });
        only("consenter-address", Severity::Broken, |channel| {
            consenters(channel)[1].host = host.to_owned();
        });
        only("anchor-peer", Severity::Broken, |channel| {
            channel.organizations[1].anchor_peers[0].host = host.to_owned();
        });
    }
}

#[test]
fn identities_of_byzantine_consenters_are_members() {
    let lint = |change: &dyn Fn(&mut Vec<crate::model::BftConsenter>)| {
        let mut channel = vectors::bft_channel();
        match &mut channel.orderer.as_mut().unwrap().consensus {
            Consensus::Bft { consenters, .. } => change(consenters),
            other => panic!("{other:?}"),
        }
        let group = channel_group(&channel).unwrap();
        lint_config("bftchan", &group, Target::new(Release::V3_1))
    };
    assert!(lint(&|_| {}).is_empty());
    let stranger = member(&authority("ca", 25, valid()), 25, 31, &["orderer"]).to_pem();
    let authority = authority("ca", 25, valid()).to_pem();
    for wrong in [stranger, authority] {
        let found = lint(&|all| all[2].identity.clone_from(&wrong));
        assert!(has(&found, "bft-identity", Severity::Broken), "{found:#?}");
    }
    let found = lint(&|all| all[2].identity = "x".to_owned());
    assert!(has(&found, "certificate-format", Severity::Refused));
}
