//! Puts a proposal and its endorsements together into an envelope for the orderers.

#[cfg(test)]
mod tests;

use fabric_proto::common::{Envelope, Payload, SignatureHeader};
use fabric_proto::peer::{
    ChaincodeActionPayload, ChaincodeEndorsedAction, Transaction, TransactionAction,
};
use fabric_proto::{Message, Signer};
use thiserror::Error;

use crate::endorsement::Endorsed;
use crate::proposal::Prepared;

/// Why no transaction can be made.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TransactionError {
    /// Peers refuse a transaction that another identity signed than the proposal.
    #[error("the signer of transaction {0} is not the one of its proposal")]
    Signer(String),
    /// A call without a channel cannot be ordered.
    #[error("proposal {0} names no channel: its outcome cannot become a transaction")]
    NoChannel(String),
}

/// Makes the signed envelope of a transaction. Private input stays out of it.
///
/// # Errors
/// Another signer than the proposal's, or a proposal without a channel.
pub fn assemble(
    prepared: &Prepared,
    endorsed: &Endorsed,
    signer: &dyn Signer,
) -> Result<Envelope, TransactionError> {
    if prepared.channel.is_empty() {
        return Err(TransactionError::NoChannel(prepared.tx_id.clone()));
    }
    let header = SignatureHeader::decode(prepared.header.signature_header.as_slice());
    if header.map(|header| header.creator) != Ok(signer.creator()) {
        return Err(TransactionError::Signer(prepared.tx_id.clone()));
    }
    let action = ChaincodeActionPayload {
        chaincode_proposal_payload: prepared.public_payload(),
        action: Some(ChaincodeEndorsedAction {
            proposal_response_payload: endorsed.payload.clone(),
            endorsements: endorsed.endorsements.clone(),
        }),
    };
    let transaction = Transaction {
        actions: vec![TransactionAction {
            header: prepared.header.signature_header.clone(),
            payload: action.encode_to_vec(),
        }],
    };
    let payload = Payload {
        header: Some(prepared.header.clone()),
        data: transaction.encode_to_vec(),
    }
    .encode_to_vec();
    let signature = signer.sign(&payload);
    Ok(Envelope { payload, signature })
}
