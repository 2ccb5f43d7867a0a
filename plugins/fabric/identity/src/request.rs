//! Requests for a certificate (PKCS #10), as a Fabric CA server wants one from whoever enrols.

use thiserror::Error;

use crate::der::{self, DerError, Reader, tag};
use crate::key::{KeyError, PrivateKey, PublicKey};
use crate::name::{Name, NameParts, Place};
use crate::signature::SignatureError;
use crate::{oid, pem};

/// Label of the PEM block.
const LABEL: &str = "CERTIFICATE REQUEST";

/// Why bytes are no request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RequestError {
    /// The text is no PEM, or has no request in it.
    #[error("request for a certificate: {0}")]
    Pem(#[from] pem::PemError),
    /// DER that is none.
    #[error("request for a certificate: malformed")]
    Malformed,
    /// A key of another kind than ours.
    #[error("request for a certificate: {0}")]
    Key(#[from] KeyError),
    /// It is not signed by the key that it names.
    #[error("request for a certificate: {0}")]
    Signature(#[from] SignatureError),
}

impl From<DerError> for RequestError {
    fn from(_: DerError) -> Self {
        Self::Malformed
    }
}

/// A request: who asks, and for which key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningRequest {
    /// Who asks. A CA server decides itself about all but the common name.
    pub subject: Name,
    /// The key that shall be certified.
    pub key: PublicKey,
}

impl SigningRequest {
    /// A request in PEM for the key's public half, signed by the key.
    #[must_use]
    pub fn write(common_name: &str, key: &PrivateKey) -> String {
        let place = Place {
            country: None,
            province: None,
            locality: None,
            ..Place::default()
        };
        let subject = NameParts {
            place: &place,
            organization: None,
            units: Vec::new(),
            common_name,
        }
        .write();
        let body = der::sequence(&[
            // Version 1.
            &der::unsigned(&[0]),
            &subject,
            &key.public().subject_public_key_info(),
            // No attributes.
            &der::element(tag::explicit(0), &[]),
        ]);
        let algorithm = der::sequence(&[&der::oid(oid::ECDSA_WITH_SHA256)]);
        let signature = der::bits(&key.sign(&body));
        let whole = der::sequence(&[&body, &algorithm, &signature]);
        core::mem::take(&mut *pem::encode(LABEL, &whole))
    }

    /// Reads a request and checks its signature.
    ///
    /// # Errors
    /// When the text is no request, of another kind of key, or not signed by its key.
    pub fn parse_pem(text: &str) -> Result<Self, RequestError> {
        let block = pem::decode_all(text)?
            .into_iter()
            .find(|block| block.label == LABEL)
            .ok_or(pem::PemError::Missing(LABEL))?;
        let mut parts = Reader::only(&block.der, tag::SEQUENCE)?;
        let body = parts.element()?;
        if parts.sequence()?.expect(tag::OID)? != oid::ECDSA_WITH_SHA256 {
            return Err(RequestError::Malformed);
        }
        let signature = parts.bits()?;
        parts.end()?;
        let mut fields = Reader::only(body.whole, tag::SEQUENCE)?;
        fields.unsigned()?;
        let subject = Name::read(fields.element()?.whole)?;
        let key = PublicKey::from_subject_public_key_info(fields.element()?.whole)?;
        fields.optional(tag::explicit(0))?;
        fields.end()?;
        key.verify(body.whole, signature)?;
        Ok(Self { subject, key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_who_asks_and_is_signed_by_his_key() {
        let key = PrivateKey::from_scalar(&[7; 32]).unwrap();
        let text = SigningRequest::write("admin", &key);
        assert!(text.starts_with("-----BEGIN CERTIFICATE REQUEST-----\n"));
        let read = SigningRequest::parse_pem(&text).unwrap();
        assert_eq!(read.subject.to_string(), "CN=admin");
        assert_eq!(read.key, *key.public());
        let block = pem::decode_all(&text).unwrap().remove(0);
        for place in 0..block.der.len() {
            let mut odd = block.der.to_vec();
            odd[place] ^= 1;
            let odd = pem::encode(LABEL, &odd);
            if let Ok(read) = SigningRequest::parse_pem(&odd) {
                panic!("byte {place}: {read:?}");
            }
        }
        assert!(SigningRequest::parse_pem("text").is_err());
    }
}
