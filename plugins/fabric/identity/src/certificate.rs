//! X.509 certificates as read: what Fabric, its nodes and our checks look at.
//!
//! Read is every certificate of version 3 (and 1), whoever made it. A key of another kind than ours
//! is kept as bytes; asking for it or for a signature by it gives an error value.

use core::net::IpAddr;

use sha2::{Digest, Sha256, Sha384, Sha512};
use thiserror::Error;

use crate::der::{DerError, Reader, tag};
use crate::key::{KeyError, PublicKey};
use crate::name::Name;
use crate::signature::SignatureError;
use crate::validity::{Validity, read_time};
use crate::{oid, pem};

mod extension;
mod host;

use extension::Extensions;
pub use extension::{BasicConstraints, Extension, KeyUsage};

/// Label of a certificate's PEM block.
const LABEL: &str = "CERTIFICATE";

/// A text or bytes that are no certificate.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CertificateError {
    /// The text is no PEM, or has no certificate in it.
    #[error("certificate: {0}")]
    Pem(#[from] pem::PemError),
    /// More than one block where one was expected.
    #[error("certificate: expected one pem block, found {0}")]
    Several(usize),
    /// Bytes that are no certificate.
    #[error("certificate: {field}: {fault}")]
    Malformed {
        /// The part that is wrong.
        field: &'static str,
        /// What is wrong with it.
        fault: &'static str,
    },
}

/// Names the field of a fault in DER.
fn in_field(field: &'static str) -> impl Fn(DerError) -> CertificateError {
    move |fault| CertificateError::Malformed {
        field,
        fault: match fault {
            DerError::Truncated => "truncated",
            DerError::Length => "bad length",
            DerError::Tag => "unexpected element",
            DerError::Trailing => "trailing bytes",
            DerError::Content => "bad content",
        },
    }
}

/// Why a certificate is not signed by another one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IssuerError {
    /// The issuer is called otherwise.
    #[error("certificate is issued by `{issuer}`, not by `{candidate}`")]
    Name {
        /// The issuer by the certificate.
        issuer: String,
        /// The subject of the candidate.
        candidate: String,
    },
    /// The issuer may not sign certificates.
    #[error(
        "`{0}` is no authority: expected basic constraint ca and, if any, key usage keyCertSign"
    )]
    NoAuthority(String),
    /// A signature that cannot be checked here: another algorithm, or another kind of key.
    #[error("signature of algorithm {0} cannot be checked, expected ecdsa on p-256")]
    Unsupported(String),
    /// The signature is wrong.
    #[error("certificate is not signed by its issuer: {0}")]
    Signature(#[from] SignatureError),
}

/// A certificate.
#[derive(Debug, Clone)]
pub struct Certificate {
    der: Vec<u8>,
    signed: Vec<u8>,
    serial: Vec<u8>,
    algorithm: Vec<u8>,
    issuer: Name,
    validity: Validity,
    subject: Name,
    key_info: Vec<u8>,
    public_key: Result<PublicKey, KeyError>,
    extensions: Extensions,
    signature: Vec<u8>,
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl Certificate {
    /// Reads the only certificate of a PEM text.
    ///
    /// # Errors
    /// When the text has no certificate, several, or a malformed one.
    pub fn parse_pem(text: &str) -> Result<Self, CertificateError> {
        let mut all = Self::parse_pem_all(text)?;
        match (all.len(), all.pop()) {
            (1, Some(only)) => Ok(only),
            (count, _) => Err(CertificateError::Several(count)),
        }
    }

    /// Reads all certificates of a PEM text, at least one. Blocks with other labels are skipped.
    ///
    /// # Errors
    /// When the text has no certificate, or a malformed one.
    pub fn parse_pem_all(text: &str) -> Result<Vec<Self>, CertificateError> {
        let certificates = pem::decode_all(text)?
            .iter()
            .filter(|block| block.label == LABEL)
            .map(|block| Self::parse_der(&block.der))
            .collect::<Result<Vec<_>, _>>()?;
        if certificates.is_empty() {
            return Err(pem::PemError::Missing(LABEL).into());
        }
        Ok(certificates)
    }

    /// Reads DER.
    ///
    /// # Errors
    /// When the bytes are no certificate; says which field is wrong.
    pub fn parse_der(bytes: &[u8]) -> Result<Self, CertificateError> {
        let outer = in_field("certificate");
        let mut parts = Reader::only(bytes, tag::SEQUENCE).map_err(&outer)?;
        let signed = parts.element().map_err(&outer)?;
        let algorithm = read_algorithm(&mut parts).map_err(in_field("signature algorithm"))?;
        let signature = parts.bits().map_err(in_field("signature"))?;
        parts.end().map_err(&outer)?;

        let mut fields = Reader::only(signed.whole, tag::SEQUENCE).map_err(&outer)?;
        fields
            .optional(tag::explicit(0))
            .map_err(in_field("version"))?;
        let serial = fields
            .expect(tag::INTEGER)
            .map_err(in_field("serial number"))?;
        let inner = read_algorithm(&mut fields).map_err(in_field("signature algorithm"))?;
        if inner != algorithm {
            return Err(CertificateError::Malformed {
                field: "signature algorithm",
                fault: "not the same inside and outside",
            });
        }
        let issuer = read_name(&mut fields).map_err(in_field("issuer"))?;
        let validity = read_validity(&mut fields).map_err(in_field("validity"))?;
        let subject = read_name(&mut fields).map_err(in_field("subject"))?;
        let key_info = fields.element().map_err(in_field("public key"))?;
        key_info
            .expect(tag::SEQUENCE)
            .map_err(in_field("public key"))?;
        for number in [1, 2] {
            fields
                .optional(tag::implicit(number))
                .map_err(in_field("unique identifier"))?;
        }
        let extensions = fields
            .optional(tag::explicit(3))
            .map_err(in_field("extensions"))?
            .map_or_else(|| Ok(Extensions::default()), Extensions::read)?;
        fields.end().map_err(&outer)?;
        Ok(Self {
            der: bytes.to_vec(),
            signed: signed.whole.to_vec(),
            serial: serial.to_vec(),
            algorithm: algorithm.to_vec(),
            issuer,
            validity,
            subject,
            public_key: PublicKey::from_subject_public_key_info(key_info.whole),
            key_info: key_info.whole.to_vec(),
            extensions,
            signature: signature.to_vec(),
        })
    }

    /// The whole certificate in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The whole certificate in PEM, with a newline at the end.
    #[must_use]
    pub fn to_pem(&self) -> String {
        core::mem::take(&mut *pem::encode(LABEL, &self.der))
    }

    /// Whether both certify the same in the same words; only the signature may be another one, as
    /// that of ECDSA has many values.
    #[must_use]
    pub fn is_same_but_signature(&self, other: &Self) -> bool {
        self.signed == other.signed
    }

    /// Whether it is signed by ECDSA, over whatever hash.
    #[must_use]
    pub fn is_ecdsa_signed(&self) -> bool {
        self.algorithm.starts_with(oid::ECDSA_SIGNATURES)
    }

    /// The content of the serial number: big-endian, two's complement.
    #[must_use]
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// Who the certificate is about.
    #[must_use]
    pub const fn subject(&self) -> &Name {
        &self.subject
    }

    /// Who signed it.
    #[must_use]
    pub const fn issuer(&self) -> &Name {
        &self.issuer
    }

    /// From when to when it holds.
    #[must_use]
    pub const fn validity(&self) -> Validity {
        self.validity
    }

    /// The key that it certifies.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] for a key that is not on P-256.
    pub fn public_key(&self) -> Result<&PublicKey, KeyError> {
        self.public_key.as_ref().map_err(Clone::clone)
    }

    /// `SubjectPublicKeyInfo` in DER: the key, of whatever kind.
    #[must_use]
    pub fn subject_public_key_info(&self) -> &[u8] {
        &self.key_info
    }

    /// All extensions, in order.
    #[must_use]
    pub fn extensions(&self) -> &[Extension] {
        &self.extensions.all
    }

    /// One extension, by the content of its identifier.
    #[must_use]
    pub fn extension(&self, kind: &[u8]) -> Option<&Extension> {
        self.extensions
            .all
            .iter()
            .find(|extension| extension.kind == kind)
    }

    /// What the key may do; `None` means everything.
    #[must_use]
    pub const fn key_usage(&self) -> Option<KeyUsage> {
        self.extensions.key_usage
    }

    /// Purposes by the content of their identifiers; `None` means all.
    #[must_use]
    pub fn extended_key_usage(&self) -> Option<&[Vec<u8>]> {
        self.extensions.purposes.as_deref()
    }

    /// Whether the certificate may serve a purpose, see [`oid::SERVER_AUTH`] and
    /// [`oid::CLIENT_AUTH`].
    #[must_use]
    pub fn allows(&self, purpose: &[u8]) -> bool {
        self.extended_key_usage().is_none_or(|purposes| {
            purposes
                .iter()
                .any(|own| own == purpose || own == oid::ANY_PURPOSE)
        })
    }

    /// The basic constraints, when there are any.
    #[must_use]
    pub const fn basic_constraints(&self) -> Option<BasicConstraints> {
        self.extensions.basic_constraints
    }

    /// Whether it is an authority's: basic constraint `CA`.
    #[must_use]
    pub fn is_ca(&self) -> bool {
        self.basic_constraints().is_some_and(|basic| basic.ca)
    }

    /// Key identifier of the subject. Of any length: others use SHA-1.
    #[must_use]
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        self.extensions.subject_key_id.as_deref()
    }

    /// Key identifier of the issuer.
    #[must_use]
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.extensions.authority_key_id.as_deref()
    }

    /// Alternative names that are hosts, in order.
    #[must_use]
    pub fn dns_names(&self) -> &[String] {
        &self.extensions.dns_names
    }

    /// Alternative names that are addresses, in order.
    #[must_use]
    pub fn ip_addresses(&self) -> &[IpAddr] {
        &self.extensions.ip_addresses
    }

    /// Whether a client of Go that dials `host` takes the certificate: a name or an address, without
    /// port; an address may stand in square brackets. The common name does not count.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        host::covers(self.dns_names(), self.ip_addresses(), host)
    }

    /// Whether the certificate is of this key.
    #[must_use]
    pub fn is_of(&self, key: &PublicKey) -> bool {
        self.public_key.as_ref() == Ok(key)
    }

    /// Whether subject and issuer are the same; says nothing about the signature.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.subject.der() == self.issuer.der()
    }

    /// Checks that `authority` signed this certificate and may do so. Validity is not looked at.
    ///
    /// # Errors
    /// When names differ, the other one is no authority, its signature is wrong, or of a kind that
    /// cannot be checked here.
    pub fn verify_issued_by(&self, authority: &Self) -> Result<(), IssuerError> {
        if self.issuer.der() != authority.subject.der() {
            return Err(IssuerError::Name {
                issuer: self.issuer.to_string(),
                candidate: authority.subject.to_string(),
            });
        }
        let may_sign = authority
            .key_usage()
            .is_none_or(|usage| usage.contains(KeyUsage::KEY_CERT_SIGN));
        if !authority.is_ca() || !may_sign {
            return Err(IssuerError::NoAuthority(authority.subject.to_string()));
        }
        let key = match authority.public_key() {
            Ok(key) => key,
            Err(KeyError::Unsupported(kind)) => return Err(IssuerError::Unsupported(kind)),
            Err(_) => return Err(SignatureError::Malformed.into()),
        };
        let digest = match self.algorithm.as_slice() {
            oid::ECDSA_WITH_SHA256 => Sha256::digest(&self.signed).to_vec(),
            oid::ECDSA_WITH_SHA384 => Sha384::digest(&self.signed).to_vec(),
            oid::ECDSA_WITH_SHA512 => Sha512::digest(&self.signed).to_vec(),
            other => return Err(IssuerError::Unsupported(oid::dotted(other))),
        };
        Ok(key.verify_digest(&digest, &self.signature)?)
    }
}

/// `AlgorithmIdentifier`: the identifier; parameters are not looked at.
fn read_algorithm<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DerError> {
    reader.sequence()?.expect(tag::OID)
}

fn read_name(reader: &mut Reader<'_>) -> Result<Name, DerError> {
    Name::read(reader.element()?.whole)
}

fn read_validity(reader: &mut Reader<'_>) -> Result<Validity, DerError> {
    let mut times = reader.sequence()?;
    let validity = Validity {
        not_before: read_time(&times.element()?)?,
        not_after: read_time(&times.element()?)?,
    };
    times.end()?;
    Ok(validity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors;

    #[test]
    fn vectors_are_read() {
        let ca = vectors::certificate("ca.org1-cert.pem");
        let peer = vectors::certificate("peer0.org1-cert.pem");
        let admin = vectors::certificate("Admin@org1-cert.pem");
        let tls_ca = vectors::certificate("tlsca.org1-cert.pem");
        let tls = vectors::certificate("peer0-tls-server.crt");

        assert_eq!(
            ca.subject().to_string(),
            "C=US, ST=California, L=San Francisco, O=org1, CN=ca.org1"
        );
        assert_eq!(ca.subject(), ca.issuer());
        assert_eq!(ca.subject().organizations().collect::<Vec<_>>(), ["org1"]);
        assert_eq!(peer.subject().common_name(), Some("peer0.org1"));
        assert_eq!(
            admin.subject().organizational_units().collect::<Vec<_>>(),
            ["admin"]
        );
        assert_eq!(
            hex::encode(peer.serial()),
            "13ad0250def98f18aa546bf6bc0ecba5"
        );
        // The highest bit is set, so that a zero stands in front.
        assert_eq!(
            hex::encode(tls.serial()),
            "00c85af4346ac3792e24e18270b4a199f2"
        );
        // 2026-11-20 17:21:00 and 2036-11-17 17:21:00.
        for certificate in [&ca, &peer, &admin, &tls_ca, &tls] {
            assert_eq!(certificate.validity().not_before, 1_795_195_260);
            assert_eq!(certificate.validity().not_after, 2_110_555_260);
        }
        assert!(ca.is_ca() && tls_ca.is_ca() && !peer.is_ca() && !tls.is_ca());
        for (authority, leaf) in [(&ca, &peer), (&ca, &admin), (&tls_ca, &tls)] {
            let id = authority.public_key().unwrap().ski();
            assert_eq!(authority.subject_key_id(), Some(&id[..]));
            assert_eq!(leaf.authority_key_id(), Some(&id[..]));
            assert_eq!(leaf.subject_key_id(), None);
            assert_eq!(leaf.verify_issued_by(authority), Ok(()));
            // One of these signatures has the higher s.
            assert_eq!(authority.verify_issued_by(authority), Ok(()));
        }
        assert_eq!(tls.dns_names(), ["peer0.org1", "peer0", "localhost"]);
        assert_eq!(tls.ip_addresses(), [IpAddr::from([127, 0, 0, 1])]);
        assert!(tls.allows(oid::SERVER_AUTH) && tls.allows(oid::CLIENT_AUTH));
        assert_eq!(peer.extended_key_usage(), None);
        let usage = peer.key_usage().unwrap();
        assert_eq!(usage, KeyUsage::DIGITAL_SIGNATURE);
    }

    #[test]
    fn wrong_issuers_say_why() {
        let ca = vectors::certificate("ca.org1-cert.pem");
        let tls_ca = vectors::certificate("tlsca.org1-cert.pem");
        let peer = vectors::certificate("peer0.org1-cert.pem");
        assert!(matches!(
            peer.verify_issued_by(&tls_ca),
            Err(IssuerError::Name { .. })
        ));
        assert!(matches!(
            peer.verify_issued_by(&peer),
            Err(IssuerError::Name { .. })
        ));
        let mut odd = peer.der().to_vec();
        let last = odd.len() - 1;
        odd[last] ^= 1;
        let odd = Certificate::parse_der(&odd).unwrap();
        assert_eq!(
            odd.verify_issued_by(&ca),
            Err(IssuerError::Signature(SignatureError::Mismatch))
        );
    }

    #[test]
    fn pem_goes_there_and_back() {
        for (name, text) in vectors::CERTIFICATES {
            let certificate = Certificate::parse_pem(text).unwrap();
            assert_eq!(certificate.to_pem(), text, "{name}");
        }
        let both = format!(
            "{}{}",
            vectors::CERTIFICATES[0].1,
            vectors::CERTIFICATES[1].1
        );
        assert_eq!(Certificate::parse_pem_all(&both).unwrap().len(), 2);
        assert_eq!(
            Certificate::parse_pem(&both),
            Err(CertificateError::Several(2))
        );
        assert_eq!(
            Certificate::parse_pem("text"),
            Err(CertificateError::Pem(pem::PemError::Missing(LABEL)))
        );
    }

    #[test]
    fn broken_bytes_are_errors_and_never_panic() {
        for (_, text) in vectors::CERTIFICATES {
            let der = Certificate::parse_pem(text).unwrap().der().to_vec();
            for length in 0..der.len() {
                assert!(Certificate::parse_der(&der[..length]).is_err());
            }
            assert!(Certificate::parse_der(&[&der[..], &[0]].concat()).is_err());
            for place in 0..der.len() {
                for change in [0x01, 0x80, 0xff] {
                    let mut odd = der.clone();
                    odd[place] ^= change;
                    if let Ok(read) = Certificate::parse_der(&odd) {
                        assert!(!read.covers(""));
                        read.verify_issued_by(&read).ok();
                    }
                }
            }
        }
    }
}
