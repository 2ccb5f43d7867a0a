//! Who signs: a certificate under the name of its membership provider, and the key.

use thiserror::Error;

use crate::certificate::{Certificate, CertificateError};
use crate::key::PrivateKey;

/// Why something is no identity.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// Membership providers have names.
    #[error("identity has no msp id")]
    NoMspId,
    /// The certificate cannot be read.
    #[error("identity of `{msp_id}`: {source}")]
    Certificate {
        /// The membership provider.
        msp_id: String,
        /// What is wrong.
        source: CertificateError,
    },
    /// Key and certificate do not belong together.
    #[error(
        "identity of `{msp_id}`: private key does not belong to the certificate of `{subject}`"
    )]
    ForeignKey {
        /// The membership provider.
        msp_id: String,
        /// Whose certificate.
        subject: String,
    },
}

/// A signer of proposals, transactions and configurations. Its key is never shown.
#[derive(Debug, Clone)]
pub struct Identity {
    msp_id: String,
    certificate: Certificate,
    creator: Vec<u8>,
    key: PrivateKey,
}

impl Identity {
    /// An identity of the provider `msp_id`. The PEM text goes into [`Self::creator`] as it is.
    ///
    /// # Errors
    /// When the name is empty, the text is not one certificate, or the key is not the certificate's.
    pub fn new(
        msp_id: &str,
        certificate_pem: &str,
        key: PrivateKey,
    ) -> Result<Self, IdentityError> {
        if msp_id.is_empty() {
            return Err(IdentityError::NoMspId);
        }
        let certificate = Certificate::parse_pem(certificate_pem).map_err(|source| {
            IdentityError::Certificate {
                msp_id: msp_id.to_owned(),
                source,
            }
        })?;
        if !certificate.is_of(key.public()) {
            return Err(IdentityError::ForeignKey {
                msp_id: msp_id.to_owned(),
                subject: certificate.subject().to_string(),
            });
        }
        Ok(Self {
            msp_id: msp_id.to_owned(),
            creator: serialized(msp_id, certificate_pem),
            certificate,
            key,
        })
    }

    /// Name of the membership provider.
    #[must_use]
    pub fn msp_id(&self) -> &str {
        &self.msp_id
    }

    /// The certificate.
    #[must_use]
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// `msp.SerializedIdentity`, as headers of messages name their creator.
    #[must_use]
    pub fn creator(&self) -> &[u8] {
        &self.creator
    }

    /// Signs a message, see [`PrivateKey::sign`].
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.key.sign(message)
    }
}

impl fabric_proto::Signer for Identity {
    fn creator(&self) -> Vec<u8> {
        self.creator.clone()
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.key.sign(message)
    }
}

/// `msp.SerializedIdentity { mspid = 1, id_bytes = 2 }` in protobuf; also the principal of a policy
/// that names one identity, for which no key is needed.
#[must_use]
pub fn serialized(msp_id: &str, certificate_pem: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for (field, bytes) in [(1, msp_id.as_bytes()), (2, certificate_pem.as_bytes())] {
        if bytes.is_empty() {
            continue;
        }
        // Length-delimited.
        out.push(field << 3 | 2);
        let mut length = bytes.len();
        while length >= 0x80 {
            out.push(u8::try_from(length & 0x7f).unwrap_or(0) | 0x80);
            length >>= 7;
        }
        out.push(u8::try_from(length).unwrap_or(0));
        out.extend_from_slice(bytes);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issue::{self, CaProfile};
    use crate::validity::Validity;
    use crate::vectors;
    use fabric_proto::msp::SerializedIdentity;
    use fabric_proto::{Message, Signer};

    fn key(number: u8) -> PrivateKey {
        PrivateKey::from_scalar(&[number; 32]).unwrap()
    }

    fn certificate_of(key: &PrivateKey) -> String {
        let profile = CaProfile {
            common_name: "self".to_owned(),
            ..CaProfile::default()
        };
        let validity = Validity::days(0, 1).unwrap();
        let certificate = issue::authority(&profile, key, validity, &[1; 16]);
        certificate.unwrap().to_pem()
    }

    #[test]
    fn the_creator_is_what_fabric_reads() {
        for msp_id in [
            "Org1MSP",
            &"x".repeat(127),
            &"x".repeat(128),
            &"x".repeat(20_000),
        ] {
            let text = vectors::CERTIFICATES[2].1;
            let read = SerializedIdentity::decode(serialized(msp_id, text).as_slice()).unwrap();
            assert_eq!(read.mspid, *msp_id);
            assert_eq!(read.id_bytes, text.as_bytes());
            assert_eq!(read.encode_to_vec(), serialized(msp_id, text));
        }
        assert!(serialized("", "").is_empty());
    }

    #[test]
    fn an_identity_signs_as_its_creator() {
        let text = certificate_of(&key(7));
        let identity = Identity::new("Org1MSP", &text, key(7)).unwrap();
        let signer: &dyn Signer = &identity;
        let signature = signer.sign(b"message");
        let read = SerializedIdentity::decode(signer.creator().as_slice()).unwrap();
        let pem = String::from_utf8(read.id_bytes).unwrap();
        let certificate = Certificate::parse_pem(&pem).unwrap();
        let public = certificate.public_key().unwrap();
        assert_eq!(public.verify(b"message", &signature), Ok(()));
        assert_eq!(identity.sign(b"message"), signature);
        assert!(format!("{identity:?}").contains("[redacted]"));
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        let text = certificate_of(&key(7));
        assert!(matches!(
            Identity::new("Org1MSP", &text, key(8)),
            Err(IdentityError::ForeignKey { .. })
        ));
        assert!(matches!(
            Identity::new("", &text, key(7)),
            Err(IdentityError::NoMspId)
        ));
        assert!(matches!(
            Identity::new("Org1MSP", "", key(7)),
            Err(IdentityError::Certificate { .. })
        ));
    }
}
