//! Making certificates: the three profiles of `cryptogen`, and renewal.
//!
//! | | authority | identity | TLS |
//! |---|---|---|---|
//! | subject | place, `O`, `OU`, `CN` | place, `OU`s, `CN` | place, `OU`, `CN` |
//! | key usage, critical | sign, encipher keys, sign certificates and lists | sign | sign, encipher keys |
//! | extended key usage | client, server | - | server, client |
//! | basic constraints, critical | `CA` | none | none |
//! | key identifiers | own | issuer's | issuer's |
//! | alternative names | - | - | hosts, then addresses |
//!
//! Extensions stand in the order of this table. Unlike `cryptogen`, whose authorities sign
//! themselves with either `s`, every signature has the lower one. Nothing here looks at the length
//! of names: neither does Fabric.

use core::net::IpAddr;

use thiserror::Error;

use crate::certificate::{Certificate, CertificateError, KeyUsage};
use crate::der::{self, tag};
use crate::entropy::{EntropyError, EntropySource, draw};
use crate::key::{PrivateKey, PublicKey};
use crate::name::{NameParts, Place};
use crate::oid;
use crate::validity::Validity;

/// Bytes of a serial number: it is not negative and has no needless zeros, so that the certificate
/// may hold one byte more or fewer.
pub const SERIAL_BYTES: usize = 16;

/// A serial number, from entropy.
pub type Serial = [u8; SERIAL_BYTES];

/// Why no certificate could be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IssueError {
    /// A name without text.
    #[error("certificate has no common name")]
    NoCommonName,
    /// An alternative name that does not fit: only ASCII does.
    #[error("certificate of `{common_name}`: alternative name `{name}` is no host and no address")]
    AlternativeName {
        /// Whose certificate.
        common_name: String,
        /// The odd name.
        name: String,
    },
    /// A time before the year 0 or after 9999, or an end before the beginning.
    #[error("certificate cannot hold from {not_before} to {not_after} (seconds since 1970)")]
    Validity {
        /// Wanted first second.
        not_before: i64,
        /// Wanted last second.
        not_after: i64,
    },
    /// Only zeros.
    #[error("certificate has the serial number 0, expected 16 bytes of entropy")]
    Serial,
    /// The key that shall sign is not that of the authority's certificate.
    #[error("private key does not belong to the authority `{0}`")]
    ForeignKey(String),
    /// The issuer's certificate has no basic constraint `CA`.
    #[error("`{0}` is no authority: expected basic constraint ca")]
    NoAuthority(String),
    /// The issuer's certificate has no key identifier, without which no membership provider takes it.
    #[error("authority `{0}` has no subject key identifier")]
    NoKeyId(String),
    /// What was made cannot be read back; does not happen with what an old certificate holds.
    #[error(transparent)]
    Unreadable(#[from] CertificateError),
}

/// Draws a serial number: 16 bytes that are not all zero.
///
/// # Errors
/// When the source gives another number of bytes than asked for, or only zeros.
pub fn draw_serial(entropy: &mut EntropySource<'_>) -> Result<Serial, EntropyError> {
    draw(entropy, |serial: &Serial| {
        (*serial != [0; SERIAL_BYTES]).then_some(*serial)
    })
}

/// An authority that signs itself: one for identities and another for TLS in each organisation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CaProfile {
    /// Where the organisation is.
    pub place: Place,
    /// `O`: the organisation's domain.
    pub organization: String,
    /// `OU`, which identities below it repeat; seldom used.
    pub organizational_unit: Option<String>,
    /// `CN`: `ca.<domain>` or `tlsca.<domain>`.
    pub common_name: String,
}

/// A peer, orderer or user that signs messages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IdentityProfile {
    /// Where the organisation is.
    pub place: Place,
    /// `OU`s: that of the authority if it has one, and the role (`client`, `peer`, `admin`,
    /// `orderer`) where the membership provider classifies by units.
    pub organizational_units: Vec<String>,
    /// `CN`: `peer0.<domain>`, `Admin@<domain>`.
    pub common_name: String,
}

/// An end of TLS connections.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsProfile {
    /// Where the organisation is.
    pub place: Place,
    /// `OU` of the authority if it has one.
    pub organizational_unit: Option<String>,
    /// `CN`: nobody checks it against a host.
    pub common_name: String,
    /// Every host and address by which the node is dialled; what is no address is a host. Empty for
    /// users.
    pub alternative_names: Vec<String>,
}

/// Makes the certificate of an authority, signed by itself.
///
/// # Errors
/// When a name, the validity or the serial number cannot be.
pub fn authority(
    profile: &CaProfile,
    key: &PrivateKey,
    validity: Validity,
    serial: &Serial,
) -> Result<Certificate, IssueError> {
    let usage = KeyUsage::DIGITAL_SIGNATURE
        | KeyUsage::KEY_ENCIPHERMENT
        | KeyUsage::KEY_CERT_SIGN
        | KeyUsage::CRL_SIGN;
    let subject = name(
        &profile.place,
        Some(&profile.organization),
        profile.organizational_unit.as_slice(),
        &profile.common_name,
    )?;
    let extensions = [
        key_usage(usage),
        purposes(&[oid::CLIENT_AUTH, oid::SERVER_AUTH]),
        basic_constraints(true),
        extension(
            oid::SUBJECT_KEY_IDENTIFIER,
            false,
            &der::octets(&key.public().ski()),
        ),
    ];
    sign(
        key,
        &Body {
            issuer: &subject,
            subject: &subject,
            key_info: &key.public().subject_public_key_info(),
            validity,
            serial,
            extensions: &extensions,
        },
    )
}

/// Renews the certificate of an authority that signed itself: same name, key and extensions.
///
/// # Errors
/// When the key is not the certificate's, or validity or serial number cannot be.
pub fn renew_authority(
    old: &Certificate,
    key: &PrivateKey,
    validity: Validity,
    serial: &Serial,
) -> Result<Certificate, IssueError> {
    if !old.is_of(key.public()) || !old.is_self_issued() {
        return Err(IssueError::ForeignKey(old.subject().to_string()));
    }
    if !old.is_ca() {
        return Err(IssueError::NoAuthority(old.subject().to_string()));
    }
    let extensions: Vec<_> = old.extensions().iter().map(|one| one.der.clone()).collect();
    sign(
        key,
        &Body {
            issuer: old.subject().der(),
            subject: old.subject().der(),
            key_info: old.subject_public_key_info(),
            validity,
            serial,
            extensions: &extensions,
        },
    )
}

/// An authority that issues certificates.
#[derive(Debug, Clone)]
pub struct Issuer<'a> {
    name: &'a [u8],
    key_id: &'a [u8],
    key: &'a PrivateKey,
}

impl<'a> Issuer<'a> {
    /// The authority of a certificate and its key.
    ///
    /// # Errors
    /// When they do not belong together, or the certificate is no authority's or has no key
    /// identifier.
    pub fn new(certificate: &'a Certificate, key: &'a PrivateKey) -> Result<Self, IssueError> {
        let called = || certificate.subject().to_string();
        if !certificate.is_of(key.public()) {
            return Err(IssueError::ForeignKey(called()));
        }
        if !certificate.is_ca() {
            return Err(IssueError::NoAuthority(called()));
        }
        let key_id = certificate
            .subject_key_id()
            .ok_or_else(|| IssueError::NoKeyId(called()))?;
        Ok(Self {
            name: certificate.subject().der(),
            key_id,
            key,
        })
    }

    /// Makes the certificate of who signs messages. Only the public half of its key is needed.
    ///
    /// # Errors
    /// When a name, the validity or the serial number cannot be.
    pub fn identity(
        &self,
        profile: &IdentityProfile,
        key: &PublicKey,
        validity: Validity,
        serial: &Serial,
    ) -> Result<Certificate, IssueError> {
        let subject = name(
            &profile.place,
            None,
            &profile.organizational_units,
            &profile.common_name,
        )?;
        let extensions = [
            key_usage(KeyUsage::DIGITAL_SIGNATURE),
            basic_constraints(false),
            self.key_id(),
        ];
        self.issue(&subject, key, validity, serial, &extensions)
    }

    /// Makes the certificate of an end of TLS connections. Only the public half of its key is
    /// needed. The key of an orderer must stay the same over renewals: by it the others know it.
    ///
    /// # Errors
    /// When a name, the validity or the serial number cannot be.
    pub fn tls(
        &self,
        profile: &TlsProfile,
        key: &PublicKey,
        validity: Validity,
        serial: &Serial,
    ) -> Result<Certificate, IssueError> {
        let subject = name(
            &profile.place,
            None,
            profile.organizational_unit.as_slice(),
            &profile.common_name,
        )?;
        let mut extensions = vec![
            key_usage(KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_ENCIPHERMENT),
            purposes(&[oid::SERVER_AUTH, oid::CLIENT_AUTH]),
            basic_constraints(false),
            self.key_id(),
        ];
        if !profile.alternative_names.is_empty() {
            let names = &profile.alternative_names;
            extensions.push(alternative_names(&profile.common_name, names)?);
        }
        self.issue(&subject, key, validity, serial, &extensions)
    }

    /// Renews a certificate: same name, key (of whatever kind) and extensions, the issuer's key
    /// identifier aside, with a new validity and serial number. The private key is not needed.
    ///
    /// # Errors
    /// When validity or serial number cannot be.
    pub fn renew(
        &self,
        old: &Certificate,
        validity: Validity,
        serial: &Serial,
    ) -> Result<Certificate, IssueError> {
        self.renew_with(old, None, validity, serial)
    }

    /// Renews a TLS certificate as [`Self::renew`] does, for other hosts and addresses.
    ///
    /// # Errors
    /// When a name, validity or serial number cannot be.
    pub fn renew_for(
        &self,
        old: &Certificate,
        names: &[String],
        validity: Validity,
        serial: &Serial,
    ) -> Result<Certificate, IssueError> {
        let whose = old.subject().common_name().unwrap_or_default();
        let names = alternative_names(whose, names)?;
        self.renew_with(old, Some(names), validity, serial)
    }

    fn renew_with(
        &self,
        old: &Certificate,
        names: Option<Vec<u8>>,
        validity: Validity,
        serial: &Serial,
    ) -> Result<Certificate, IssueError> {
        let mut extensions: Vec<Vec<u8>> = Vec::new();
        for one in old.extensions() {
            extensions.push(if one.kind == oid::AUTHORITY_KEY_IDENTIFIER {
                self.key_id()
            } else if one.kind == oid::SUBJECT_ALT_NAME {
                names.clone().unwrap_or_else(|| one.der.clone())
            } else {
                one.der.clone()
            });
        }
        if old.extension(oid::AUTHORITY_KEY_IDENTIFIER).is_none() {
            extensions.push(self.key_id());
        }
        if old.extension(oid::SUBJECT_ALT_NAME).is_none() {
            extensions.extend(names);
        }
        sign(
            self.key,
            &Body {
                issuer: self.name,
                subject: old.subject().der(),
                key_info: old.subject_public_key_info(),
                validity,
                serial,
                extensions: &extensions,
            },
        )
    }

    fn issue(
        &self,
        subject: &[u8],
        key: &PublicKey,
        validity: Validity,
        serial: &Serial,
        extensions: &[Vec<u8>],
    ) -> Result<Certificate, IssueError> {
        sign(
            self.key,
            &Body {
                issuer: self.name,
                subject,
                key_info: &key.subject_public_key_info(),
                validity,
                serial,
                extensions,
            },
        )
    }

    fn key_id(&self) -> Vec<u8> {
        let id = der::element(tag::implicit(0), &[self.key_id]);
        extension(oid::AUTHORITY_KEY_IDENTIFIER, false, &der::sequence(&[&id]))
    }
}

/// What is signed.
struct Body<'a> {
    issuer: &'a [u8],
    subject: &'a [u8],
    key_info: &'a [u8],
    validity: Validity,
    serial: &'a Serial,
    extensions: &'a [Vec<u8>],
}

fn sign(key: &PrivateKey, body: &Body<'_>) -> Result<Certificate, IssueError> {
    if *body.serial == [0; SERIAL_BYTES] {
        return Err(IssueError::Serial);
    }
    let validity = body.validity.write().ok_or(IssueError::Validity {
        not_before: body.validity.not_before,
        not_after: body.validity.not_after,
    })?;
    let algorithm = der::sequence(&[&der::oid(oid::ECDSA_WITH_SHA256)]);
    let extensions: Vec<&[u8]> = body.extensions.iter().map(Vec::as_slice).collect();
    let extensions = if extensions.is_empty() {
        Vec::new()
    } else {
        der::element(tag::explicit(3), &[&der::sequence(&extensions)])
    };
    let signed = der::sequence(&[
        // Version 3.
        &der::element(tag::explicit(0), &[&der::unsigned(&[2])]),
        &der::unsigned(body.serial),
        &algorithm,
        body.issuer,
        &validity,
        body.subject,
        body.key_info,
        &extensions,
    ]);
    let signature = der::bits(&key.sign(&signed));
    let whole = der::sequence(&[&signed, &algorithm, &signature]);
    Ok(Certificate::parse_der(&whole)?)
}

fn name(
    place: &Place,
    organization: Option<&str>,
    units: &[String],
    common_name: &str,
) -> Result<Vec<u8>, IssueError> {
    if common_name.is_empty() {
        return Err(IssueError::NoCommonName);
    }
    let parts = NameParts {
        place,
        organization,
        units: units.iter().map(String::as_str).collect(),
        common_name,
    };
    Ok(parts.write())
}

fn extension(kind: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { der::TRUE } else { &[] };
    der::sequence(&[&der::oid(kind), critical, &der::octets(value)])
}

fn key_usage(usage: KeyUsage) -> Vec<u8> {
    extension(oid::KEY_USAGE, true, &usage.write())
}

fn purposes(kinds: &[&[u8]]) -> Vec<u8> {
    let kinds: Vec<Vec<u8>> = kinds.iter().map(|kind| der::oid(kind)).collect();
    let parts: Vec<&[u8]> = kinds.iter().map(Vec::as_slice).collect();
    extension(oid::EXTENDED_KEY_USAGE, false, &der::sequence(&parts))
}

fn basic_constraints(ca: bool) -> Vec<u8> {
    let inside = if ca { der::TRUE } else { &[] };
    extension(oid::BASIC_CONSTRAINTS, true, &der::sequence(&[inside]))
}

/// Hosts come first, then addresses, both in the order given.
fn alternative_names(common_name: &str, names: &[String]) -> Result<Vec<u8>, IssueError> {
    let mut hosts = Vec::new();
    let mut addresses = Vec::new();
    for name in names {
        match name.parse::<IpAddr>().map(|address| address.to_canonical()) {
            Ok(IpAddr::V4(four)) => {
                addresses.push(der::element(tag::implicit(7), &[&four.octets()]));
            }
            Ok(IpAddr::V6(six)) => addresses.push(der::element(tag::implicit(7), &[&six.octets()])),
            Err(_) if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic()) => {
                hosts.push(der::element(tag::implicit(2), &[name.as_bytes()]));
            }
            Err(_) => {
                return Err(IssueError::AlternativeName {
                    common_name: common_name.to_owned(),
                    name: name.clone(),
                });
            }
        }
    }
    let parts: Vec<&[u8]> = hosts.iter().chain(&addresses).map(Vec::as_slice).collect();
    Ok(extension(
        oid::SUBJECT_ALT_NAME,
        false,
        &der::sequence(&parts),
    ))
}
