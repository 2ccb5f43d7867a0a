//! Births of authorities and of who belongs to them.

use std::cell::RefCell;
use std::collections::BTreeMap;

use chain_plugin_sdk::{At, Diagnostics, Item, Subject};
use fabric_identity::certificate::Certificate;
use fabric_identity::issue::{
    CaProfile, IdentityProfile, Issuer, Serial, TlsProfile, authority, draw_serial,
};
use fabric_identity::key::PrivateKey;
use fabric_identity::msp::{ca_name, tls_ca_name};
use fabric_identity::name::Place;
use fabric_identity::validity::Validity;
use fabric_service::descriptor::text_item;
use fabric_service::extra;
use fabric_service::fault::{at as fault_at, refuse, refuse_with};
use fabric_service::{item, kind};

/// An authority: its certificate and its key.
#[derive(Debug, Clone)]
pub struct Authority {
    certificate: Certificate,
    key: PrivateKey,
}

/// Authorities by organisation and item, read once in a session: a key is costly to read.
#[derive(Debug, Default)]
pub struct Authorities(RefCell<BTreeMap<(String, &'static str), Authority>>);

impl Authorities {
    /// The authority of an organisation: that of identities, or that of TLS.
    fn of(
        &self,
        at: &At<'_>,
        org: &str,
        (certificate, key): (&'static str, &'static str),
    ) -> Result<Authority, Diagnostics> {
        let place = (org.to_owned(), key);
        if let Some(known) = self.0.borrow().get(&place) {
            return Ok(known.clone());
        }
        let read = |name: &str| {
            let bytes = at.host.kept(&at.own_of(org, name)).ok_or_else(|| {
                let message = format!("{org} has no {name} that may be read here");
                let hint = "its vault is missing, or is of another host: restore it";
                refuse_with("kept", "", message, hint)
            })?;
            String::from_utf8(bytes)
                .map_err(|_| refuse("kept", "", format!("{name} of {org} is no text")))
        };
        let authority = Authority {
            certificate: Certificate::parse_pem(&read(certificate)?).map_err(fault_at("ca", ""))?,
            key: PrivateKey::parse_pem(&read(key)?).map_err(fault_at("ca", ""))?,
        };
        self.0.borrow_mut().insert(place, authority.clone());
        Ok(authority)
    }
}

/// The two authorities of an organisation, and the items that they keep.
const SIGNING: (&str, &str) = (item::CA_CERT, item::CA_KEY);
const TLS: (&str, &str) = (item::TLS_CA_CERT, item::TLS_CA_KEY);

/// For how long certificates hold.
#[derive(Debug, Clone, Copy)]
pub struct Term {
    /// Days of an authority.
    pub authority: i64,
    /// Days of what it issues.
    pub identity: i64,
}

/// A while before a time, to the minute, as other tools do: clocks differ.
fn begins(at_ms: u64) -> i64 {
    let seconds = i64::try_from(at_ms / 1000).unwrap_or(i64::MAX);
    Validity::cryptogen(seconds).map_or(seconds, |it| it.not_before)
}

fn holds(at_ms: u64, days: i64) -> Result<Validity, Diagnostics> {
    Validity::days(begins(at_ms), days).ok_or_else(|| {
        let message = format!("{days} days from {} on end after all time", begins(at_ms));
        refuse("validity", "/days", message)
    })
}

fn place(org: &extra::Org) -> Place {
    let usual = Place::default();
    let or = |said: &str, usual: Option<String>| {
        if said.is_empty() {
            usual
        } else {
            Some(said.to_owned())
        }
    };
    Place {
        country: or(&org.country, usual.country),
        province: or(&org.province, usual.province),
        locality: or(&org.locality, usual.locality),
        ..Place::default()
    }
}

fn serial(at: &At<'_>) -> Result<Serial, Diagnostics> {
    draw_serial(&mut |length| at.host.entropy(length)).map_err(fault_at("entropy", ""))
}

fn key(at: &At<'_>) -> Result<PrivateKey, Diagnostics> {
    PrivateKey::generate(&mut |length| at.host.entropy(length)).map_err(fault_at("entropy", ""))
}

/// An organisation's authorities are born: for identities, and for TLS.
pub fn org(at: &At<'_>, subject: &Subject, term: Term) -> Result<Vec<Item>, Diagnostics> {
    let about: extra::Org = extra::of(subject)?;
    let validity = holds(subject.born_ms, term.authority)?;
    let mut keep = Vec::new();
    for ((certificate, secret), name) in [
        (SIGNING, ca_name(&about.domain)),
        (TLS, tls_ca_name(&about.domain)),
    ] {
        let key = key(at)?;
        let profile = CaProfile {
            place: place(&about),
            organization: about.domain.clone(),
            organizational_unit: None,
            common_name: name,
        };
        let made = authority(&profile, &key, validity, &serial(at)?).map_err(fault_at("ca", ""))?;
        keep.push(text_item(certificate, &made.to_pem(), false));
        keep.push(text_item(secret, &key.to_pem(), true));
    }
    Ok(keep)
}

/// The name of somebody, and the role that stands in the certificate.
struct Who {
    common_name: String,
    role: String,
    sans: Vec<String>,
}

fn who(subject: &Subject, org: &extra::Org) -> Result<Who, Diagnostics> {
    if subject.kind == kind::USER {
        let user: extra::User = extra::of(subject)?;
        let name = subject.name.split('@').next().unwrap_or_default();
        return Ok(Who {
            common_name: format!("{name}@{}", org.domain),
            role: user.role,
            sans: Vec::new(),
        });
    }
    let node: extra::Node = extra::of(subject)?;
    let mut sans = vec![node.host.clone()];
    sans.extend(node.sans);
    Ok(Who {
        common_name: node.host,
        role: subject.kind.clone(),
        sans,
    })
}

/// What is wanted of an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What signs messages.
    Signing,
    /// What ends TLS connections.
    Tls,
}

impl Part {
    /// The items that it keeps: certificate and key.
    pub fn items(self) -> (&'static str, &'static str) {
        match self {
            Self::Signing => (item::CERT, item::KEY),
            Self::Tls => (item::TLS_CERT, item::TLS_KEY),
        }
    }

    /// The authority that signs it.
    fn authority(self) -> (&'static str, &'static str) {
        match self {
            Self::Signing => SIGNING,
            Self::Tls => TLS,
        }
    }
}

/// A part of an identity is born under its organisation.
pub fn member(
    at: &At<'_>,
    authorities: &Authorities,
    subject: &Subject,
    org: &Subject,
    part: Part,
    term: Term,
) -> Result<[Item; 2], Diagnostics> {
    let about: extra::Org = extra::of(org)?;
    let who = who(subject, &about)?;
    let authority = authorities.of(at, &org.id, part.authority())?;
    let issuer = Issuer::new(&authority.certificate, &authority.key).map_err(fault_at("ca", ""))?;
    let key = key(at)?;
    let (validity, serial) = (holds(subject.born_ms, term.identity)?, serial(at)?);
    let made = match part {
        Part::Signing => {
            let profile = IdentityProfile {
                place: place(&about),
                organizational_units: about.node_ous.then_some(who.role).into_iter().collect(),
                common_name: who.common_name,
            };
            issuer.identity(&profile, key.public(), validity, &serial)
        }
        Part::Tls => {
            let profile = TlsProfile {
                place: place(&about),
                organizational_unit: None,
                common_name: who.common_name,
                alternative_names: who.sans,
            };
            issuer.tls(&profile, key.public(), validity, &serial)
        }
    };
    let made = made.map_err(fault_at("certificate", ""))?;
    let (certificate, secret) = part.items();
    Ok([
        text_item(certificate, &made.to_pem(), false),
        text_item(secret, &key.to_pem(), true),
    ])
}

/// Names by which a node is dialled and which its TLS certificate does not have: they came into the spec after its birth.
pub fn unnamed(subject: &Subject, org: &Subject, tls: &str) -> Result<Vec<String>, Diagnostics> {
    let who = who(subject, &extra::of(org)?)?;
    let certificate = Certificate::parse_pem(tls).map_err(fault_at("certificate", ""))?;
    let missing = who
        .sans
        .into_iter()
        .filter(|name| !certificate.covers(name));
    Ok(missing.collect())
}

/// A certificate is made again over the same key: a new one would make an orderer a stranger. One for TLS is for the hosts
/// that the spec says now.
pub fn renewed(
    at: &At<'_>,
    authorities: &Authorities,
    (subject, org): (&Subject, &Subject),
    part: Part,
    old: &str,
    term: Term,
) -> Result<Item, Diagnostics> {
    let old = Certificate::parse_pem(old).map_err(fault_at("certificate", ""))?;
    let authority = authorities.of(at, &org.id, part.authority())?;
    let issuer = Issuer::new(&authority.certificate, &authority.key).map_err(fault_at("ca", ""))?;
    let validity = holds(at.call.now_ms, term.identity)?;
    let names = who(subject, &extra::of(org)?)?.sans;
    let made = if part == Part::Tls && !names.is_empty() {
        issuer.renew_for(&old, &names, validity, &serial(at)?)
    } else {
        issuer.renew(&old, validity, &serial(at)?)
    };
    let made = made.map_err(fault_at("certificate", ""))?;
    Ok(text_item(part.items().0, &made.to_pem(), false))
}
