//! Messages of Hyperledger Fabric's protocols.
