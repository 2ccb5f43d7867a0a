//! Finds out what became of a transaction.

use fabric_proto::peer::{FilteredBlock, ProcessedTransaction, TxValidationCode};
use thiserror::Error;

use crate::failure::Verdict;

/// A transaction in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Number of the block.
    pub block: u64,
    /// What the peer says of it; a [`TxValidationCode`] as a number.
    pub code: i32,
}

/// A transaction that is in a block and changed nothing.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the transaction is invalid: {} ({code}): {}", name(*.code), words(*.code))]
pub struct InvalidTransaction {
    /// A [`TxValidationCode`] as a number.
    pub code: i32,
}

impl InvalidTransaction {
    /// What to do about it: conflicts with other transactions go away with a new proposal, and a
    /// copy of a transaction that is in a block already needs nothing.
    pub fn verdict(&self) -> Verdict {
        match TxValidationCode::try_from(self.code) {
            Ok(TxValidationCode::MvccReadConflict | TxValidationCode::PhantomReadConflict) => {
                Verdict::Again
            }
            Ok(TxValidationCode::DuplicateTxid) => Verdict::Done,
            _ => Verdict::GiveUp,
        }
    }
}

/// Looks for a transaction in a block. When it stands in it twice the valid one counts: the other is a
/// copy that was submitted again.
pub fn find(block: &FilteredBlock, tx_id: &str) -> Option<Committed> {
    let mine = || {
        block
            .filtered_transactions
            .iter()
            .filter(|transaction| transaction.txid == tx_id)
    };
    mine()
        .find(|transaction| transaction.tx_validation_code == 0)
        .or_else(|| mine().next())
        .map(|transaction| Committed {
            block: block.number,
            code: transaction.tx_validation_code,
        })
}

/// Whether a validation code says that the state was changed.
///
/// # Errors
/// The code with its meaning.
pub fn check(code: i32) -> Result<(), InvalidTransaction> {
    if code == TxValidationCode::Valid as i32 {
        Ok(())
    } else {
        Err(InvalidTransaction { code })
    }
}

/// Whether a transaction that was looked up (qscc) changed the state.
///
/// # Errors
/// Its code with the meaning.
pub fn check_processed(transaction: &ProcessedTransaction) -> Result<(), InvalidTransaction> {
    check(transaction.validation_code)
}

/// The name of a validation code, as the field's tools print it.
pub fn name(code: i32) -> &'static str {
    TxValidationCode::try_from(code).map_or("UNKNOWN", TxValidationCode::name)
}

/// What a validation code means, in plain words.
pub fn words(code: i32) -> &'static str {
    use TxValidationCode as Code;
    let Ok(code) = Code::try_from(code) else {
        return "a code of a newer release";
    };
    match code {
        Code::Valid => "it changed the state",
        Code::NilEnvelope => "its envelope is empty",
        Code::BadPayload => "its payload cannot be read",
        Code::BadCommonHeader => "its header is wrong",
        Code::BadCreatorSignature => {
            "its signature is wrong, or the signer is not known in the channel"
        }
        Code::InvalidEndorserTransaction => "it cannot be read as a transaction",
        Code::InvalidConfigTransaction => "its configuration cannot be applied",
        Code::UnsupportedTxPayload => "its type is not one that peers process",
        Code::BadProposalTxid => "its id is not the hash of nonce and creator",
        Code::DuplicateTxid => "a transaction of this id is in a block already",
        Code::EndorsementPolicyFailure => {
            "too few organisations have endorsed it, or others than the policy names; for a commit of the lifecycle: the channel's LifecycleEndorsement"
        }
        Code::MvccReadConflict => {
            "what it read was changed by another transaction in the meantime: try again"
        }
        Code::PhantomReadConflict => {
            "a range that it read was changed by another transaction in the meantime: try again"
        }
        Code::UnknownTxType => "its type is unknown",
        Code::TargetChainNotFound => "the peer does not know its channel",
        Code::MarshalTxError => "it cannot be encoded again",
        Code::NilTxaction => "it has no action",
        Code::ExpiredChaincode => "the chaincode was upgraded in the meantime: try again",
        Code::ChaincodeVersionConflict => "another version of the chaincode is instantiated by now",
        Code::BadHeaderExtension => "its header names no chaincode",
        Code::BadChannelHeader => "its channel header is wrong",
        Code::BadResponsePayload => "the endorsed outcome cannot be read",
        Code::BadRwset => "the endorsed changes cannot be read",
        Code::IllegalWriteset => "it writes where this chaincode may not",
        Code::InvalidWriteset => "what it writes is malformed",
        Code::InvalidChaincode => "the chaincode is not defined on the channel",
        Code::NotValidated => "the peer has not looked at it yet",
        Code::InvalidOtherReason => "the peer's log has the reason",
    }
}

#[cfg(test)]
mod tests {
    use fabric_proto::peer::FilteredTransaction;

    use super::*;

    fn block(transactions: &[(&str, i32)]) -> FilteredBlock {
        FilteredBlock {
            channel_id: "c".to_owned(),
            number: 4,
            filtered_transactions: transactions
                .iter()
                .map(|(txid, code)| FilteredTransaction {
                    txid: (*txid).to_owned(),
                    r#type: 3,
                    tx_validation_code: *code,
                })
                .collect(),
        }
    }

    #[test]
    fn a_transaction_is_found_by_its_id() {
        let block = block(&[("aa", 0), ("ab", 11), ("aa", 9)]);
        assert_eq!(find(&block, "aa"), Some(Committed { block: 4, code: 0 }));
        assert_eq!(find(&block, "ab"), Some(Committed { block: 4, code: 11 }));
        assert_eq!(find(&block, "a"), None);
    }

    #[test]
    fn codes_have_the_names_of_the_field_and_a_meaning() {
        assert_eq!(name(10), "ENDORSEMENT_POLICY_FAILURE");
        assert_eq!(name(254), "NOT_VALIDATED");
        assert_eq!(name(99), "UNKNOWN");
        assert!(check(0).is_ok());
        let error = check(11).unwrap_err();
        assert_eq!(error.verdict(), Verdict::Again);
        assert!(error.to_string().contains("MVCC_READ_CONFLICT (11)"));
        assert_eq!(check(9).unwrap_err().verdict(), Verdict::Done);
        assert_eq!(check(10).unwrap_err().verdict(), Verdict::GiveUp);
    }
}
