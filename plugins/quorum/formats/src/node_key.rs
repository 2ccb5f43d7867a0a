//! The key of a node: its identity among its peers and, for Istanbul and QBFT, as a validator.
//!
//! The file `nodekey` holds the scalar in 64 lower-case hex digits. The tool that makes it writes no
//! newline, editors add one, and the client takes both; the file `enode` holds the public half in
//! 128 digits with a newline, and `nodekeyaddress` the checksummed address with a newline.

use core::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::address::Address;
use crate::enode::NodeId;
use crate::entropy::{EntropyError, EntropySource};
use crate::key_pair::{InvalidPrivateKey, KeyPair};

/// A file `nodekey` that holds no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NodeKeyError {
    /// Not 64 hex digits. The text itself is a secret and is not shown.
    #[error("nodekey is not 64 hex digits")]
    Malformed,
    /// Digits, but no scalar of the curve.
    #[error(transparent)]
    Invalid(#[from] InvalidPrivateKey),
}

/// The key of a node.
#[derive(Debug)]
pub struct NodeKey(KeyPair);

impl NodeKey {
    /// Makes a key from entropy: 32 bytes a draw, until they are a valid scalar.
    ///
    /// # Errors
    /// When the source gives another number of bytes than asked for, or no valid scalar at all.
    pub fn generate(entropy: &mut EntropySource<'_>) -> Result<Self, EntropyError> {
        KeyPair::generate(entropy).map(Self)
    }

    /// The key of a known scalar (32 bytes, big-endian).
    ///
    /// # Errors
    /// When the scalar is zero, the curve's order, or larger.
    pub fn from_private(scalar: &[u8; 32]) -> Result<Self, InvalidPrivateKey> {
        KeyPair::from_private(scalar).map(Self)
    }

    /// Reads the file `nodekey`: 64 hex digits, then line ends or nothing.
    ///
    /// # Errors
    /// When the text holds something else, or no scalar of the curve.
    pub fn parse(file: &str) -> Result<Self, NodeKeyError> {
        let digits = file.trim_end_matches(['\n', '\r']);
        let mut scalar = Zeroizing::new([0; 32]);
        hex::decode_to_slice(digits, scalar.as_mut_slice()).map_err(|_| NodeKeyError::Malformed)?;
        Ok(Self::from_private(&scalar)?)
    }

    /// The pair itself, for what signs with it.
    #[must_use]
    pub const fn pair(&self) -> &KeyPair {
        &self.0
    }

    /// The public half, by which peers know the node.
    #[must_use]
    pub const fn id(&self) -> NodeId {
        NodeId::of_public_key(*self.0.public())
    }

    /// The address of the node: its name as a validator of Istanbul and QBFT.
    #[must_use]
    pub fn address(&self) -> Address {
        self.0.address()
    }

    /// The exact content of the file `nodekey`: 64 lower-case hex digits, no newline.
    #[must_use]
    pub fn key_file(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.0.private()))
    }

    /// The exact content of the file `enode`: 128 lower-case hex digits and a newline.
    #[must_use]
    pub fn enode_file(&self) -> String {
        format!("{}\n", self.id())
    }

    /// The exact content of the file `nodekeyaddress`: the checksummed address and a newline.
    #[must_use]
    pub fn address_file(&self) -> String {
        format!("{}\n", self.address())
    }
}

impl From<KeyPair> for NodeKey {
    /// The same pair in this role.
    fn from(pair: KeyPair) -> Self {
        Self(pair)
    }
}

impl fmt::Display for NodeKey {
    /// The public half only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{text, vector};

    #[test]
    fn vector_nodekeys() {
        for case in vector("nodekeys").as_array().unwrap() {
            let key = NodeKey::parse(text(case, "nodekey_hex")).unwrap();
            assert_eq!(key.key_file().as_str(), text(case, "nodekey_hex"));
            assert_eq!(
                key.enode_file(),
                format!("{}\n", text(case, "enode_id_128hex"))
            );
            assert_eq!(
                key.address_file(),
                format!("{}\n", text(case, "address_eip55"))
            );
            if let Some(published) = case["published"]["enode_id"].as_str() {
                assert_eq!(key.id().to_string(), published);
            }
        }
    }

    #[test]
    fn line_ends_are_taken_and_other_texts_refused() {
        let digits = "01".repeat(32);
        for good in [
            digits.clone(),
            format!("{digits}\n"),
            format!("{digits}\r\n"),
        ] {
            assert!(NodeKey::parse(&good).is_ok(), "{good:?}");
        }
        for wrong in [
            format!("0x{digits}"),
            format!("{digits} "),
            digits[..62].to_owned(),
            String::new(),
        ] {
            assert_eq!(NodeKey::parse(&wrong).err(), Some(NodeKeyError::Malformed));
        }
        assert_eq!(
            NodeKey::parse(&"00".repeat(32)).err(),
            Some(NodeKeyError::Invalid(InvalidPrivateKey))
        );
    }
}
