//! The password of a kms and what it protects: the private keys in `kms.db`.
//!
//! Family sm: SM3 and SM4 in CFB mode with 128-bit feedback. The key comes from the password alone,
//! so one password always gives one key and one initial vector, and nothing authenticates the
//! result: a wrong generation decrypts to a wrong scalar without any error. [`Password::opens`]
//! notices that. Source: `kms_sm` v4.0.0 and v5.0.0 (reference 2.1, vector
//! `kms_private_key_encryption`).

use core::fmt;

use sm3::{Digest, Sm3};
use sm4::Sm4;
use sm4::cipher::{BlockCipherEncrypt, KeyInit};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::account::Account;

/// What the kms appends to the password before it hashes it.
const SALT: &str = "Matthew 5-13";

/// Which kms reads the database; the file is the same, the key that encrypts it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Generation {
    /// `kms_sm` before 2021-05-06, v4.0.0 among them: the key is SM3 of the password.
    V4,
    /// `kms_sm` v5.0.0 to v6.4.x: the key is the stored hash itself.
    V5,
}

/// A password that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PasswordError {
    /// Nothing is left when white space at the end is removed.
    #[error("kms password is empty")]
    Empty,
    /// It begins with white space.
    #[error("kms password begins with white space, which the kms answers with a password mismatch")]
    LeadingWhitespace,
}

/// The password of a kms. Wiped on drop and never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes the text of a key file or an option.
    ///
    /// White space at the end is removed, as the kms does: a file made with `echo` ends in a
    /// newline. White space at the beginning is refused: the kms keeps it, so that a password that
    /// is typed elsewhere without it does not match.
    ///
    /// # Errors
    /// When the password is empty or begins with white space.
    pub fn parse(text: &str) -> Result<Self, PasswordError> {
        let password = text.trim_end();
        if password.is_empty() {
            return Err(PasswordError::Empty);
        }
        if password.starts_with(char::is_whitespace) {
            return Err(PasswordError::LeadingWhitespace);
        }
        Ok(Self(Zeroizing::new(password.to_owned())))
    }

    /// The password: what belongs in the `key_file` of the kms, without newline.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The column `config.password`: SM3 of the password and the salt.
    #[must_use]
    pub fn stored_hash(&self) -> [u8; 32] {
        Sm3::new()
            .chain_update(self.0.as_bytes())
            .chain_update(SALT)
            .finalize()
            .into()
    }

    /// The column `account.privkey`: the private scalar, encrypted.
    #[must_use]
    pub fn encrypt(&self, generation: Generation, private: &[u8; 32]) -> [u8; 32] {
        let (cipher, iv) = self.cipher(generation);
        let [first, second] = halves(private);
        let first = xor(&keystream(&cipher, &iv), &first);
        let second = xor(&keystream(&cipher, &first), &second);
        join(&first, &second)
    }

    /// The private scalar of a column `account.privkey`.
    #[must_use]
    pub fn decrypt(&self, generation: Generation, encrypted: &[u8; 32]) -> Zeroizing<[u8; 32]> {
        let (cipher, iv) = self.cipher(generation);
        let [first, second] = halves(encrypted);
        let plain_first = xor(&keystream(&cipher, &iv), &first);
        let plain_second = xor(&keystream(&cipher, &first), &second);
        Zeroizing::new(join(&plain_first, &plain_second))
    }

    /// Whether an account of a `kms.db` decrypts, in this generation, to the key of its own public
    /// half. The services never check: they sign with the wrong key (vector
    /// `kms_cross_generation`).
    #[must_use]
    pub fn opens(&self, generation: Generation, encrypted: &[u8; 32], public: &[u8; 64]) -> bool {
        Account::from_private(&self.decrypt(generation, encrypted))
            .is_ok_and(|account| account.public() == public)
    }

    /// 32 bytes: the SM4 key and the initial vector.
    fn derived(&self, generation: Generation) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(match generation {
            Generation::V4 => Sm3::digest(self.0.as_bytes()).into(),
            Generation::V5 => self.stored_hash(),
        })
    }

    fn cipher(&self, generation: Generation) -> (Sm4, [u8; 16]) {
        let [key, iv] = halves(&self.derived(generation));
        (Sm4::new(&key.into()), iv)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password([redacted])")
    }
}

/// One step of the CFB mode: the bytes that the next 16 are combined with.
fn keystream(cipher: &Sm4, feedback: &[u8; 16]) -> [u8; 16] {
    let mut block = (*feedback).into();
    cipher.encrypt_block(&mut block);
    block.into()
}

fn xor(a: &[u8; 16], b: &[u8; 16]) -> [u8; 16] {
    let mut out = *a;
    for (to, from) in out.iter_mut().zip(b) {
        *to ^= from;
    }
    out
}

fn halves(whole: &[u8; 32]) -> [[u8; 16]; 2] {
    let mut halves = [[0; 16]; 2];
    for (to, from) in halves.as_flattened_mut().iter_mut().zip(whole) {
        *to = *from;
    }
    halves
}

fn join(first: &[u8; 16], second: &[u8; 16]) -> [u8; 32] {
    let mut whole = [0; 32];
    for (to, from) in whole.iter_mut().zip(first.iter().chain(second)) {
        *to = *from;
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{bytes, cases, text};

    /// Also the empty password of the vectors, which [`Password::parse`] refuses.
    fn unchecked(password: &str) -> Password {
        Password(Zeroizing::new(password.to_owned()))
    }

    #[test]
    fn vector_kms_private_key_encryption() {
        let mut tested = 0;
        for case in cases("kms_private_key_encryption") {
            if text(&case, "family") != "sm" {
                continue;
            }
            let generation = match text(&case, "generation") {
                "v4" => Generation::V4,
                "v5" => Generation::V5,
                other => panic!("unknown generation {other}"),
            };
            let password = unchecked(text(&case, "password_utf8"));
            let plain: [u8; 32] = bytes(&case, "plain_private_key");
            let encrypted: [u8; 32] = bytes(&case, "account.privkey");
            let derived = password.derived(generation);
            assert_eq!(*derived, bytes(&case, "kdf_output_32"));
            assert_eq!(derived[..16], bytes::<16>(&case, "cipher_key"));
            assert_eq!(derived[16..], bytes::<16>(&case, "cipher_iv"));
            assert_eq!(password.encrypt(generation, &plain), encrypted);
            assert_eq!(*password.decrypt(generation, &encrypted), plain);
            assert_eq!(password.stored_hash(), bytes(&case, "config.password"));
            tested += 1;
        }
        assert_eq!(tested, 10);
    }

    #[test]
    fn vector_kms_cross_generation_is_noticed() {
        let account = Account::from_private(&[7; 32]).unwrap();
        let password = Password::parse("123456").unwrap();
        for (made, opened) in [
            (Generation::V4, Generation::V5),
            (Generation::V5, Generation::V4),
        ] {
            let encrypted = password.encrypt(made, account.private());
            assert!(password.opens(made, &encrypted, account.public()));
            assert!(!password.opens(opened, &encrypted, account.public()));
        }
    }

    #[test]
    fn white_space_at_the_end_is_removed() {
        for written in ["123456", "123456\n", "123456 \t\r\n\u{3000}"] {
            assert_eq!(Password::parse(written).unwrap().as_str(), "123456");
        }
        assert_eq!(Password::parse("pass wörd").unwrap().as_str(), "pass wörd");
    }

    #[test]
    fn white_space_at_the_beginning_is_refused() {
        let error = Password::parse(" 123456").unwrap_err();
        assert_eq!(error, PasswordError::LeadingWhitespace);
        assert!(error.to_string().contains("begins with white space"));
    }

    #[test]
    fn nothing_but_white_space_is_empty() {
        for written in ["", "\n", " \t\n"] {
            assert_eq!(Password::parse(written), Err(PasswordError::Empty));
        }
    }

    #[test]
    fn debug_hides_the_password() {
        let shown = format!("{:?}", Password::parse("123456").unwrap());
        assert_eq!(shown, "Password([redacted])");
    }
}
