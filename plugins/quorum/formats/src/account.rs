//! The account of a node: a key that is funded in the genesis block, and the password of its file.
//!
//! The client unlocks it at the start with `--password <file>`, one password a line. An empty file
//! is an empty password, which is what the original tool uses throughout.

use core::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::address::Address;
use crate::entropy::{EntropyError, EntropySource, draw};
use crate::key_pair::{InvalidPrivateKey, KeyPair};

/// The account of a node, or of a member that only sends transactions.
#[derive(Debug)]
pub struct Account(KeyPair);

impl Account {
    /// Makes an account from entropy: 32 bytes a draw, until they are a valid scalar.
    ///
    /// # Errors
    /// When the source gives another number of bytes than asked for, or no valid scalar at all.
    pub fn generate(entropy: &mut EntropySource<'_>) -> Result<Self, EntropyError> {
        KeyPair::generate(entropy).map(Self)
    }

    /// The account of a known scalar (32 bytes, big-endian).
    ///
    /// # Errors
    /// When the scalar is zero, the curve's order, or larger.
    pub fn from_private(scalar: &[u8; 32]) -> Result<Self, InvalidPrivateKey> {
        KeyPair::from_private(scalar).map(Self)
    }

    /// The pair itself, for what signs with it or stores it.
    #[must_use]
    pub const fn pair(&self) -> &KeyPair {
        &self.0
    }

    /// The address of the account: funded in the genesis block, and a signer of Clique.
    #[must_use]
    pub fn address(&self) -> Address {
        self.0.address()
    }
}

impl From<KeyPair> for Account {
    /// The same pair in this role.
    fn from(pair: KeyPair) -> Self {
        Self(pair)
    }
}

/// A text that cannot be a password in a password file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an account password must be one line: a password file has one password a line")]
pub struct PasswordError;

/// The password of an account. Wiped on drop and never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// The empty password.
    #[must_use]
    pub fn empty() -> Self {
        Self(Zeroizing::new(String::new()))
    }

    /// A password of one's own.
    ///
    /// # Errors
    /// When it holds a line end, at which the client would cut it.
    pub fn new(text: &str) -> Result<Self, PasswordError> {
        if text.contains(['\n', '\r']) {
            return Err(PasswordError);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// 32 characters from 24 bytes of entropy, of the alphabet `A-Za-z0-9-_`.
    ///
    /// # Errors
    /// When the source gives another number of bytes than asked for.
    pub fn generate(entropy: &mut EntropySource<'_>) -> Result<Self, EntropyError> {
        draw(entropy, |bytes: &[u8; 24]| {
            Some(Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes))))
        })
    }

    /// Reads a password file: its first line, as the client does for the first account.
    #[must_use]
    pub fn parse(file: &str) -> Self {
        let line = file.lines().next().unwrap_or_default();
        Self(Zeroizing::new(line.trim_end_matches('\r').to_owned()))
    }

    /// The password as bytes, as the key derivation takes it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The content of `password.txt`: the password and a newline; nothing when it is empty.
    #[must_use]
    pub fn file(&self) -> Zeroizing<String> {
        if self.0.is_empty() {
            return Zeroizing::new(String::new());
        }
        Zeroizing::new(format!("{}\n", self.0.as_str()))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_survives_its_file() {
        let mut drawn = |n: u32| (0..n).map(|b| u8::try_from(b).unwrap()).collect();
        let made = Password::generate(&mut drawn).unwrap();
        assert_eq!(made.as_bytes().len(), 32);
        for password in [made, Password::empty(), Password::new("a b").unwrap()] {
            assert_eq!(Password::parse(&password.file()), password);
        }
    }

    #[test]
    fn the_empty_password_is_an_empty_file() {
        assert_eq!(Password::empty().file().as_str(), "");
        assert_eq!(Password::parse("\n"), Password::empty());
    }

    #[test]
    fn the_first_line_counts() {
        assert_eq!(Password::parse("one\r\ntwo\n").as_bytes(), b"one");
        assert_eq!(Password::new("one\ntwo").err(), Some(PasswordError));
    }

    #[test]
    fn debug_hides_the_password() {
        assert!(!format!("{:?}", Password::new("secret").unwrap()).contains("secret"));
    }
}
