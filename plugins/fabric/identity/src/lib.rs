//! Keys, certificates and membership providers of Hyperledger Fabric, as pure functions.
//!
//! Nothing here reads a clock, a file or a random generator: entropy and times are handed in by the
//! caller, and the same input always gives the same bytes.
//!
//! Keys are of P-256, as the tool `cryptogen` makes them; certificates follow its three profiles
//! byte for byte. Signatures have the nonce of RFC 6979 and the lower of the two possible values of
//! `s`, without which peers and orderers refuse a message. What foreign organisations bring may
//! have other keys: it is read, and only what needs the key itself answers with an error.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub use plugin_entropy as entropy;

pub mod certificate;
pub mod check;
pub mod identity;
pub mod issue;
pub mod key;
pub mod msp;

pub mod name;
pub mod oid;
pub mod pem;
pub mod request;
pub mod signature;
pub mod validity;

mod der;
#[cfg(test)]
mod vectors;

pub use certificate::Certificate;
pub use identity::Identity;
pub use key::{PrivateKey, PublicKey};
pub use signature::warm;
