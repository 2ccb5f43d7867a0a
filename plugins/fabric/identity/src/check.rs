//! Checks that Fabric makes late, or never says anything about.
//!
//! What a membership provider demands of its authorities, to which authority a certificate goes
//! back, and which role it has. Hosts, keys and expiry are asked of a certificate itself
//! ([`Certificate::covers`], [`Certificate::is_of`], [`Certificate::validity`]).

use core::fmt;

use thiserror::Error;

use crate::certificate::{Certificate, IssuerError};
use crate::oid;

/// Authorities between a certificate and its root at most; real chains have one or two.
const MAX_DEPTH: usize = 8;
/// Signatures that are checked for one chain at most.
const MAX_CHECKS: usize = 100;

/// What a certificate is for, by its organisational unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// A user.
    Client,
    /// A peer.
    Peer,
    /// An administrator of its organisation.
    Admin,
    /// An orderer.
    Orderer,
}

impl Role {
    /// All of them, in the order of `config.yaml`.
    pub const ALL: [Self; 4] = [Self::Client, Self::Peer, Self::Admin, Self::Orderer];

    /// The organisational unit.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Peer => "peer",
            Self::Admin => "admin",
            Self::Orderer => "orderer",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.unit())
    }
}

/// Why a certificate has no role.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RoleError {
    /// No unit is one of the four.
    #[error(
        "certificate of `{0}` has no unit client, peer, admin or orderer, expected exactly one"
    )]
    None(String),
    /// Several are.
    #[error(
        "certificate of `{subject}` has {count} units of client, peer, admin and orderer, expected exactly one"
    )]
    Several {
        /// Whose certificate.
        subject: String,
        /// How many units are one of the four.
        count: usize,
    },
}

/// The role of a certificate where a membership provider classifies by units (`NodeOUs`): exactly
/// one unit is one of the four.
///
/// # Errors
/// When none or several are.
pub fn role(certificate: &Certificate) -> Result<Role, RoleError> {
    let roles: Vec<Role> = certificate
        .subject()
        .organizational_units()
        .filter_map(|unit| Role::ALL.into_iter().find(|role| role.unit() == unit))
        .collect();
    let subject = || certificate.subject().to_string();
    match roles.as_slice() {
        [] => Err(RoleError::None(subject())),
        [one] => Ok(*one),
        several => Err(RoleError::Several {
            subject: subject(),
            count: several.len(),
        }),
    }
}

/// What a membership provider does not take as an authority.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AuthorityError {
    /// Not marked as one.
    #[error("certificate of `{0}` is no authority: expected basic constraint ca")]
    NotMarked(String),
    /// No key identifier.
    #[error("authority `{0}` has no subject key identifier")]
    NoKeyId(String),
}

/// Checks what a membership provider demands of each of its root and intermediate authorities, those
/// for TLS included.
///
/// # Errors
/// When the certificate is not marked as an authority's or has no subject key identifier.
pub fn authority(certificate: &Certificate) -> Result<(), AuthorityError> {
    let subject = || certificate.subject().to_string();
    if !certificate.is_ca() {
        return Err(AuthorityError::NotMarked(subject()));
    }
    if certificate.subject_key_id().is_none_or(<[u8]>::is_empty) {
        return Err(AuthorityError::NoKeyId(subject()));
    }
    Ok(())
}

/// Why a certificate goes back to no root.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ChainError {
    /// Nobody among the given authorities has the name of the issuer.
    #[error("certificate of `{subject}` is issued by `{issuer}`, which is none of the authorities")]
    Unknown {
        /// Whose certificate.
        subject: String,
        /// Who issued it.
        issuer: String,
    },
    /// Somebody has the name, but did not sign.
    #[error("certificate of `{subject}`: {source}")]
    Issuer {
        /// Whose certificate.
        subject: String,
        /// What is wrong.
        source: IssuerError,
    },
    /// An authority stands higher than it may.
    #[error("authority `{0}` has more authorities below it than it allows")]
    Depth(String),
    /// More authorities than any real chain has.
    #[error("chain of `{0}` is too long")]
    Length(String),
}

/// A chain from a certificate to a root: the certificate first, the root last.
///
/// Validity is not looked at, as membership providers do it; TLS does, so ask each certificate of
/// the chain. A root is a root by being given as one.
///
/// # Errors
/// The first reason found when there is no chain.
pub fn chain<'a>(
    certificate: &'a Certificate,
    roots: &'a [Certificate],
    intermediates: &'a [Certificate],
) -> Result<Vec<&'a Certificate>, ChainError> {
    let mut search = Search {
        roots,
        intermediates,
        checks: 0,
        fault: None,
    };
    let mut path = vec![certificate];
    if roots.contains(certificate) || search.climb(&mut path) {
        return Ok(path);
    }
    Err(search.fault.unwrap_or_else(|| ChainError::Unknown {
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
    }))
}

struct Search<'a> {
    roots: &'a [Certificate],
    intermediates: &'a [Certificate],
    checks: usize,
    fault: Option<ChainError>,
}

impl<'a> Search<'a> {
    /// Lengthens the path up to a root.
    fn climb(&mut self, path: &mut Vec<&'a Certificate>) -> bool {
        let Some(&lowest) = path.last() else {
            return false;
        };
        let subject = || lowest.subject().to_string();
        let roots = self.roots.iter().map(|root| (root, true));
        let others = self.intermediates.iter().map(|other| (other, false));
        let candidates: Vec<_> = roots.chain(others).collect();
        let mut named = false;
        for (candidate, is_root) in candidates {
            if candidate.subject().der() != lowest.issuer().der() || path.contains(&candidate) {
                continue;
            }
            named = true;
            self.checks += 1;
            if path.len() > MAX_DEPTH || self.checks > MAX_CHECKS {
                self.fault.get_or_insert(ChainError::Length(subject()));
                return false;
            }
            if let Err(source) = lowest.verify_issued_by(candidate) {
                self.fault.get_or_insert(ChainError::Issuer {
                    subject: subject(),
                    source,
                });
                continue;
            }
            // The certificate itself does not count.
            let below = path.iter().skip(1).filter(|one| !one.is_self_issued());
            let allowed = candidate
                .basic_constraints()
                .and_then(|basic| basic.path_length);
            if allowed
                .is_some_and(|most| below.count() > usize::try_from(most).unwrap_or(usize::MAX))
            {
                self.fault
                    .get_or_insert(ChainError::Depth(candidate.subject().to_string()));
                continue;
            }
            path.push(candidate);
            if is_root || self.climb(path) {
                return true;
            }
            path.pop();
        }
        if !named {
            self.fault.get_or_insert(ChainError::Unknown {
                subject: subject(),
                issuer: lowest.issuer().to_string(),
            });
        }
        false
    }
}

/// Whether every certificate of a chain may be a client and a server of TLS, as those of consenters
/// must.
#[must_use]
pub fn is_client_and_server(chain: &[&Certificate]) -> bool {
    chain
        .iter()
        .all(|one| one.allows(oid::CLIENT_AUTH) && one.allows(oid::SERVER_AUTH))
}

/// Those of the hosts that a certificate does not cover. A node's TLS certificate must cover every
/// host under which others dial it: endpoints, anchor peers, consenters.
pub fn uncovered<'a>(
    certificate: &Certificate,
    hosts: impl IntoIterator<Item = &'a str>,
) -> Vec<&'a str> {
    hosts
        .into_iter()
        .filter(|host| !certificate.covers(host))
        .collect()
}
