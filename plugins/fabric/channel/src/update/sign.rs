//! Signatures under a change, and the envelope that is submitted.

use fabric_proto::common::{Envelope, SignatureHeader, Timestamp};
use fabric_proto::configuration::{ConfigSignature, ConfigUpdate, ConfigUpdateEnvelope};
use fabric_proto::msp::SerializedIdentity;
use fabric_proto::{Message, Signer};

use super::{UpdateError, payload};
use crate::block::layer;

fn header(signer: &dyn Signer, nonce: &[u8]) -> Vec<u8> {
    SignatureHeader {
        creator: signer.creator(),
        nonce: nonce.to_vec(),
    }
    .encode_to_vec()
}

/// Adds a signature to a change; `nonce` must not have been used by this signer before.
///
/// What is signed is the header followed by the bytes of the change.
pub fn sign_update(envelope: &mut ConfigUpdateEnvelope, signer: &dyn Signer, nonce: &[u8]) {
    let signature_header = header(signer, nonce);
    let message = [signature_header.as_slice(), &envelope.config_update].concat();
    envelope.signatures.push(ConfigSignature {
        signature: signer.sign(&message),
        signature_header,
    });
}

/// The envelope that an orderer takes, signed by whoever submits the change: a writer of the
/// channel. Orderers refuse a time more than 15 minutes from theirs.
///
/// Fails if the bytes of the change are not one.
pub fn wrap(
    envelope: &ConfigUpdateEnvelope,
    signer: &dyn Signer,
    nonce: &[u8],
    timestamp: Timestamp,
) -> Result<Envelope, UpdateError> {
    let update: ConfigUpdate = layer("ConfigUpdate", &envelope.config_update)?;
    let payload = payload(
        &update.channel_id,
        envelope,
        Some(timestamp),
        header(signer, nonce),
    )
    .encode_to_vec();
    Ok(Envelope {
        signature: signer.sign(&payload),
        payload,
    })
}

/// One change with the signatures of several files, each creator once, in the order of the files.
pub fn merge(files: &[ConfigUpdateEnvelope]) -> Result<ConfigUpdateEnvelope, UpdateError> {
    let mut merged = ConfigUpdateEnvelope {
        config_update: files
            .first()
            .ok_or(UpdateError::Nothing)?
            .config_update
            .clone(),
        signatures: Vec::new(),
    };
    let mut creators = Vec::new();
    for (index, file) in files.iter().enumerate() {
        if file.config_update != merged.config_update {
            return Err(UpdateError::Different { index });
        }
        for signature in &file.signatures {
            let header: SignatureHeader = layer("SignatureHeader", &signature.signature_header)?;
            if !creators.contains(&header.creator) {
                creators.push(header.creator);
                merged.signatures.push(signature.clone());
            }
        }
    }
    Ok(merged)
}

/// Who signed a change, in order; signatures are not verified.
pub fn signers(envelope: &ConfigUpdateEnvelope) -> Result<Vec<SerializedIdentity>, UpdateError> {
    envelope
        .signatures
        .iter()
        .map(|signature| {
            let header: SignatureHeader = layer("SignatureHeader", &signature.signature_header)?;
            Ok(layer("SerializedIdentity", &header.creator)?)
        })
        .collect()
}
