//! Certificates of membership providers: what nodes demand of authorities and administrators when they
//! read a channel, and what they only miss when somebody dials them.
//!
//! Nodes look at an authority as of the time at which a certificate was issued, never as of now; TLS
//! looks at the clock. A key or signature that is not of P-256 is no fault by itself, it only cannot
//! be followed here.

use std::collections::BTreeSet;

use fabric_identity::certificate::{Certificate, IssuerError, KeyUsage};
use fabric_identity::check::{self, ChainError};
use fabric_identity::key::KeyError;
use fabric_identity::pem;
use fabric_identity::validity::ValidityState;
use fabric_proto::msp::{FabricMspConfig, FabricNodeOus, FabricOuIdentifier};

use super::capability::{LEVEL_NO_GLOBAL, LEVEL_NODE_OUS};
use super::{Linter, Severity};

/// Kinds of keys, by the algorithm or curve that stands in a certificate.
const RSA: &str = "1.2.840.113549.1.1.1";
const ED25519: &str = "1.3.101.112";
const CURVES: [&str; 3] = ["1.3.132.0.33", "1.3.132.0.34", "1.3.132.0.35"];

/// Authorities of one kind, those below the roots apart.
#[derive(Default)]
pub(super) struct Authorities {
    /// Roots.
    pub roots: Vec<Certificate>,
    /// Authorities below them.
    pub between: Vec<Certificate>,
}

impl Authorities {
    fn all(&self) -> impl Iterator<Item = &Certificate> {
        self.roots.iter().chain(&self.between)
    }

    /// What is wrong with the chain of a certificate; nothing when it cannot be followed.
    pub(super) fn fault_of(&self, certificate: &Certificate) -> Option<ChainError> {
        match check::chain(certificate, &self.roots, &self.between) {
            Ok(_) => None,
            Err(error) => (!is_beyond(&error)).then_some(error),
        }
    }
}

/// The certificate that nodes take of a text, when there is one.
pub(super) fn first(pem: &[u8]) -> Option<Certificate> {
    let text = String::from_utf8_lossy(pem);
    Certificate::parse_pem_all(&text).ok()?.into_iter().next()
}

/// Those of the texts that can be read.
pub(super) fn readable(all: &[Vec<u8>]) -> Vec<Certificate> {
    all.iter().filter_map(|pem| first(pem)).collect()
}

/// Whether a chain ends at a key or signature that cannot be checked here.
fn is_beyond(error: &ChainError) -> bool {
    matches!(
        error,
        ChainError::Issuer {
            source: IssuerError::Unsupported(_),
            ..
        }
    )
}

/// Who a certificate is about, as a message shows it.
pub(super) fn name_of(certificate: &Certificate) -> String {
    let subject = certificate.subject();
    subject
        .common_name()
        .map_or_else(|| subject.to_string(), ToOwned::to_owned)
}

fn overlap(one: &Certificate, other: &Certificate) -> bool {
    let (one, other) = (one.validity(), other.validity());
    one.not_before <= other.not_after && other.not_before <= one.not_after
}

fn units(units: &FabricNodeOus) -> [(&'static str, Option<&FabricOuIdentifier>); 4] {
    [
        ("clients", units.client_ou_identifier.as_ref()),
        ("peers", units.peer_ou_identifier.as_ref()),
        ("administrators", units.admin_ou_identifier.as_ref()),
        ("orderers", units.orderer_ou_identifier.as_ref()),
    ]
}

impl Linter<'_> {
    /// Reads certificates, of which nodes take the first of each text.
    pub(super) fn read(&mut self, path: &str, what: &str, all: &[Vec<u8>]) -> Vec<Certificate> {
        all.iter()
            .filter_map(|bytes| self.read_one(path, what, bytes))
            .collect()
    }

    /// Reads one certificate, as [`Linter::read`] does.
    pub(super) fn read_one(&mut self, path: &str, what: &str, pem: &[u8]) -> Option<Certificate> {
        match Certificate::parse_pem_all(&String::from_utf8_lossy(pem)) {
            Ok(mut found) => {
                let others = found.len().saturating_sub(1);
                if others > 0 {
                    self.add(
                        Severity::Warning,
                        "certificate-several",
                        path,
                        format!("has {what} with {others} more in the same text: nodes take the first one only"),
                        "give each certificate an entry of its own",
                    );
                }
                found.truncate(1);
                found.pop()
            }
            Err(error) => {
                self.add(
                    Severity::Refused,
                    "certificate-format",
                    path,
                    format!("has {what} that nodes cannot read ({error}): they refuse the channel"),
                    "put the whole PEM file in",
                );
                None
            }
        }
    }

    /// The certificates of a membership provider. `path` is that of the value.
    pub(super) fn certificates(&mut self, path: &str, config: &FabricMspConfig) {
        let own = Authorities {
            roots: self.read(path, "a root certificate", &config.root_certs),
            between: self.read(
                path,
                "an intermediate certificate",
                &config.intermediate_certs,
            ),
        };
        let tls = Authorities {
            roots: self.read(path, "a TLS root certificate", &config.tls_root_certs),
            between: self.read(
                path,
                "a TLS intermediate certificate",
                &config.tls_intermediate_certs,
            ),
        };
        let admins = self.read(path, "an administrator's certificate", &config.admins);
        self.authorities(path, &own, false);
        self.authorities(path, &tls, true);
        for root in &own.roots {
            self.signs_itself(path, root);
        }
        self.twins(path, &own);
        // Without a root, which is a finding of its own, nobody is a member.
        if !own.roots.is_empty() {
            self.units(path, config, &own);
            for admin in &admins {
                self.administrator(path, config, &own, admin);
            }
        }
        self.revocations(path, config);
    }

    /// What holds for authorities of identities and of TLS.
    fn authorities(&mut self, path: &str, all: &Authorities, tls: bool) {
        let kind = if tls { "TLS authority" } else { "authority" };
        let mut known: BTreeSet<&[u8]> = BTreeSet::new();
        for one in all.all() {
            let name = name_of(one);
            if let Err(error) = check::authority(one) {
                self.add(
                    Severity::Refused,
                    "authority-unfit",
                    path,
                    format!("has a {kind} that is none ({error}): nodes refuse the channel"),
                    "take the certificate of the authority itself: constraint CA, with a key identifier",
                );
            } else if tls
                && one
                    .key_usage()
                    .is_some_and(|usage| !usage.contains(KeyUsage::KEY_CERT_SIGN))
            {
                // Of an authority of identities nodes find that themselves: it cannot sign itself.
                self.add(
                    Severity::Broken,
                    "authority-usage",
                    path,
                    format!("has {kind} `{name}`, whose key usage lacks keyCertSign: no certificate under it is trusted"),
                    "make the authority's certificate with keyCertSign",
                );
            }
            if !tls {
                self.key_kind(path, &format!("{kind} `{name}`"), one, false);
            }
            if !known.insert(one.der()) {
                self.add(
                    Severity::Warning,
                    "certificate-duplicate",
                    path,
                    format!("has {kind} `{name}` twice"),
                    "list it once",
                );
            }
            self.validity(path, kind, one, tls);
        }
        for one in &all.between {
            if let Some(error) = all.fault_of(one) {
                self.add(
                    Severity::Refused,
                    "authority-chain",
                    path,
                    format!("has an intermediate {kind} under none of the roots ({error}): nodes refuse the channel"),
                    "add the root that signed it, or leave it out",
                );
            }
        }
    }

    fn validity(&mut self, path: &str, kind: &str, one: &Certificate, tls: bool) {
        let Some(now) = self.target.now else { return };
        let name = name_of(one);
        match one.validity().at(now) {
            ValidityState::Valid => {}
            ValidityState::NotYet => self.add(
                Severity::Warning,
                "certificate-early",
                path,
                format!("has {kind} `{name}`, which is not valid yet: what it issues is not trusted until then"),
                "wait, or set the clock of who made it",
            ),
            ValidityState::Expired if tls => self.add(
                Severity::Broken,
                "certificate-expired",
                path,
                format!("has {kind} `{name}`, which has expired: every connection to its nodes fails"),
                "renew it over the same key",
            ),
            ValidityState::Expired => self.add(
                Severity::Warning,
                "certificate-expired",
                path,
                format!("has {kind} `{name}`, which has expired: what it issues from now on is refused"),
                "renew it over the same key",
            ),
        }
    }

    /// Nodes bring the signature of each authority into a form of their own, and need its key for that.
    fn signs_itself(&mut self, path: &str, root: &Certificate) {
        if !root.is_ecdsa_signed() || check::authority(root).is_err() {
            return;
        }
        if let Err(error) = root.verify_issued_by(root)
            && !matches!(error, IssuerError::Unsupported(_))
        {
            self.add(
                Severity::Refused,
                "root-signature",
                path,
                format!(
                    "has root certificate `{}`, which does not sign itself ({error}): nodes refuse the channel",
                    name_of(root)
                ),
                "take the root of the chain, and list authorities below it as intermediate ones",
            );
        }
    }

    /// One name and key with two certificates give each identity two chains, and nodes take one only.
    fn twins(&mut self, path: &str, own: &Authorities) {
        let all: Vec<&Certificate> = own.all().collect();
        for (number, one) in all.iter().enumerate() {
            let twin = all.iter().skip(number + 1).find(|other| {
                one.der() != other.der()
                    && one.subject().der() == other.subject().der()
                    && one.subject_public_key_info() == other.subject_public_key_info()
                    && overlap(one, other)
            });
            if twin.is_some() {
                self.add(
                    Severity::Broken,
                    "authority-twins",
                    path,
                    format!(
                        "has two certificates of authority `{}` with one key: whoever is issued while both are valid has two chains and is refused",
                        name_of(one)
                    ),
                    "list the one that identities in use were issued under",
                );
            }
        }
    }

    /// Which keys nodes know, for authorities and for those who sign messages.
    fn key_kind(&mut self, path: &str, who: &str, one: &Certificate, signs: bool) {
        let Err(KeyError::Unsupported(kind)) = one.public_key() else {
            return;
        };
        let (severity, what) = match kind.as_str() {
            RSA if signs => (
                Severity::Broken,
                "of RSA: no message that it signs is taken",
            ),
            RSA => return,
            ED25519 if self.root_level() >= LEVEL_NO_GLOBAL => return,
            ED25519 => (
                Severity::Refused,
                "of Ed25519, which needs channel capability V3_0: nodes refuse the channel",
            ),
            curve if CURVES.contains(&curve) => return,
            _ => (
                Severity::Refused,
                "of a kind that nodes do not know: they refuse the channel",
            ),
        };
        self.add(
            severity,
            "certificate-key",
            path,
            format!("has {who} with a key {what}"),
            "take a key of ECDSA, such as P-256",
        );
    }

    /// Units may only be certified by authorities of the provider itself.
    fn units(&mut self, path: &str, config: &FabricMspConfig, own: &Authorities) {
        let level = self.root_level();
        let mut certifiers: Vec<(&str, &FabricOuIdentifier)> = config
            .organizational_unit_identifiers
            .iter()
            .map(|unit| (unit.organizational_unit_identifier.as_str(), unit))
            .collect();
        if let Some(node_ous) = config.fabric_node_ous.as_ref().filter(|_| level >= 0) {
            let known = if level < LEVEL_NODE_OUS { 2 } else { 4 };
            for (name, unit) in units(node_ous).into_iter().take(known) {
                match unit {
                    Some(unit) if !unit.certificate.is_empty() => certifiers.push((name, unit)),
                    None if level < LEVEL_NODE_OUS => self.add(
                        Severity::Refused,
                        "node-ous-units",
                        path,
                        format!("has NodeOUs without a unit of {name}: below channel capability V1_4_3 nodes refuse it"),
                        "name the units of clients and of peers",
                    ),
                    _ => {}
                }
            }
        }
        for (name, unit) in certifiers {
            let what = format!("a certificate of unit `{name}`");
            let Some(certifier) = self.read_one(path, &what, &unit.certificate) else {
                continue;
            };
            if !own.all().any(|one| one.is_same_but_signature(&certifier)) {
                self.add(
                    Severity::Refused,
                    "unit-certificate",
                    path,
                    format!("has {what}, `{}`, that is no authority of this organisation: nodes refuse the channel", name_of(&certifier)),
                    "name one of the organisation's authorities, or none",
                );
            }
        }
    }

    /// An administrator by certificate must be a member, and of a unit where units count.
    fn administrator(
        &mut self,
        path: &str,
        config: &FabricMspConfig,
        own: &Authorities,
        admin: &Certificate,
    ) {
        let name = name_of(admin);
        let level = self.root_level();
        self.key_kind(path, &format!("administrator `{name}`"), admin, true);
        let enforced = config
            .fabric_node_ous
            .as_ref()
            .filter(|units| units.enable && level >= 0);
        let fault = if admin.is_ca() {
            Some("is an authority".to_owned())
        } else if let Some(error) = own.fault_of(admin) {
            Some(format!("is no member: {error}"))
        } else if let Some(node_ous) = enforced {
            let mut roles = vec![node_ous.client_ou_identifier.as_ref()];
            if level >= LEVEL_NODE_OUS {
                roles.push(node_ous.admin_ou_identifier.as_ref());
            }
            let is_one = admin.subject().organizational_units().any(|own| {
                roles
                    .iter()
                    .flatten()
                    .any(|unit| unit.organizational_unit_identifier == own)
            });
            (!is_one).then(|| {
                if level >= LEVEL_NODE_OUS {
                    "is neither of the unit of clients nor of that of administrators".to_owned()
                } else {
                    "is not of the unit of clients".to_owned()
                }
            })
        } else {
            None
        };
        if let Some(fault) = fault {
            self.add(
                Severity::Refused,
                "administrator-unfit",
                path,
                format!("has administrator `{name}`, who {fault}: nodes refuse the channel"),
                "list certificates of users that the organisation's authority issued",
            );
        }
        if self
            .target
            .now
            .is_some_and(|now| admin.validity().at(now) == ValidityState::Expired)
        {
            self.add(
                Severity::Warning,
                "certificate-expired",
                path,
                format!("has administrator `{name}`, whose certificate has expired: nothing he signs counts"),
                "list the renewed certificate",
            );
        }
    }

    fn revocations(&mut self, path: &str, config: &FabricMspConfig) {
        let is_list = |bytes: &Vec<u8>| {
            let text = String::from_utf8_lossy(bytes);
            let der = match pem::decode_all(&text) {
                Ok(blocks) if !blocks.is_empty() => blocks
                    .into_iter()
                    .next()
                    .filter(|block| block.label == "X509 CRL")
                    .map(|block| block.der.to_vec()),
                _ => Some(bytes.clone()),
            };
            der.is_some_and(|der| pem::is_one_sequence(&der))
        };
        if !config.revocation_list.iter().all(is_list) {
            self.add(
                Severity::Refused,
                "revocation-list",
                path,
                "has a revocation list that is none: nodes refuse the channel",
                "put the list in as the authority gave it: `X509 CRL` in PEM, or DER",
            );
        }
    }
}
