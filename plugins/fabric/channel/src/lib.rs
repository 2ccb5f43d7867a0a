//! Channel configuration of Hyperledger Fabric: blocks, updates, policies, and a check of all that.
