//! A signer for tests, with keys that everybody knows.

use fabric_proto::common::Timestamp;
use fabric_proto::msp::SerializedIdentity;
use fabric_proto::{Message as _, Signer};
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{Signature, SigningKey};

use crate::proposal::Stamp;

/// Signs with a key made of one byte.
pub(crate) struct TestSigner {
    key: SigningKey,
    number: u8,
}

impl TestSigner {
    pub(crate) fn new(number: u8) -> Self {
        let key = SigningKey::from_slice(&[number; 32]).unwrap();
        Self { key, number }
    }

    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_der(signature)
            .is_ok_and(|signature| self.key.verifying_key().verify(message, &signature).is_ok())
    }
}

impl Signer for TestSigner {
    fn creator(&self) -> Vec<u8> {
        SerializedIdentity {
            mspid: format!("Org{}MSP", self.number),
            id_bytes: vec![self.number; 8],
        }
        .encode_to_vec()
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: Signature = self.key.sign(message);
        signature.to_der().as_bytes().to_vec()
    }
}

pub(crate) fn stamp(byte: u8) -> Stamp {
    Stamp {
        nonce: [byte; 24],
        time: Timestamp {
            seconds: 1_700_000_000,
            nanos: 5,
        },
        tls_cert_hash: None,
    }
}
