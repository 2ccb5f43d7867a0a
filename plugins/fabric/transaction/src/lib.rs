//! Proposals, transactions, chaincode packages and the calls that carry them.
