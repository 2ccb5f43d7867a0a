//! The network key: the secret of a node in `network_p2p`'s encrypted sessions.
//!
//! The file named by `network run -k`: `0x` and the 64 hex digits of a secp256k1 secret. Peers do
//! not pin it. Without `0x` the first two digits would be cut off and the service ends with
//! `SecretGenerationFailed` (reference 2.2; running notes A 10 and 11).

use core::fmt;

use k256::SecretKey;
use k256::elliptic_curve::sec1::ToSec1Point;
use zeroize::Zeroizing;

use crate::entropy::{EntropyError, EntropySource, draw};

/// A secp256k1 secret, wiped on drop and never shown by `Debug`.
pub struct NetworkKey(SecretKey);

impl NetworkKey {
    /// Makes a key from entropy: 32 bytes a draw, until they are a valid secret.
    ///
    /// # Errors
    /// When the source gives another number of bytes than asked for, or no valid secret at all.
    pub fn generate(entropy: &mut EntropySource<'_>) -> Result<Self, EntropyError> {
        draw(entropy, |secret: &[u8; 32]| {
            SecretKey::from_slice(secret).ok().map(Self)
        })
    }

    /// The content of the key file, without newline.
    #[must_use]
    pub fn render(&self) -> Zeroizing<String> {
        let secret = Zeroizing::new(self.0.to_bytes());
        let digits = Zeroizing::new(hex::encode(secret.as_slice()));
        Zeroizing::new(["0x", digits.as_str()].concat())
    }

    /// The public key by which other nodes see this one in a session: the compressed point, 66 hex
    /// digits. No service reads it; it tells sessions apart, and that the secret was born.
    #[must_use]
    pub fn public_key(&self) -> String {
        hex::encode(self.0.public_key().to_sec1_point(true).as_bytes())
    }
}

impl fmt::Debug for NetworkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NetworkKey([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The order of secp256k1; a secret is below it and not zero.
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xfe, 0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36,
        0x41, 0x41,
    ];

    #[test]
    fn is_0x_and_64_digits() {
        let key = NetworkKey::generate(&mut |n| vec![0xab; n as usize]).unwrap();
        assert_eq!(key.render().as_str(), format!("0x{}", "ab".repeat(32)));
        assert_eq!(format!("{key:?}"), "NetworkKey([redacted])");
    }

    #[test]
    fn only_secrets_below_the_order_are_taken() {
        let mut last_good = ORDER.to_vec();
        last_good[31] -= 1;
        let mut draws = vec![last_good.clone(), vec![0; 32], ORDER.to_vec()];
        let key = NetworkKey::generate(&mut |_| draws.pop().unwrap()).unwrap();
        assert_eq!(
            key.render().as_str(),
            format!("0x{}", hex::encode(last_good))
        );
    }

    #[test]
    fn the_public_key_of_one_is_the_generator() {
        let mut secret = vec![0; 32];
        secret[31] = 1;
        let key = NetworkKey::generate(&mut |_| secret.clone()).unwrap();
        assert_eq!(
            key.public_key(),
            "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
        );
    }
}
