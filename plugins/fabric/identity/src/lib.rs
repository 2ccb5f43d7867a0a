//! Keys, certificates and membership providers of Hyperledger Fabric.
