//! Numbers of up to 256 bits, as genesis files write them: decimal, or hexadecimal after `0x`.
//!
//! Balances do not fit a machine word, and nothing here calculates with them: they are read, kept
//! big-endian, and written.

use core::fmt;
use core::str::FromStr;

use thiserror::Error;

/// A number below 2^256. `Display` is decimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Quantity([u8; 32]);

/// A text that is no such number.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a number below 2^256, decimal or hexadecimal after 0x")]
pub struct QuantityError(String);

impl Quantity {
    /// The 32 bytes, big-endian.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The number, when it fits 64 bits.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        let (high, low) = self.0.split_at(24);
        if high.iter().any(|byte| *byte != 0) {
            return None;
        }
        low.try_into().ok().map(u64::from_be_bytes)
    }

    /// The last `N` bytes, when all before them are zero.
    #[must_use]
    pub fn as_array<const N: usize>(&self) -> Option<[u8; N]> {
        let (high, low) = self.0.split_at_checked(32usize.checked_sub(N)?)?;
        if high.iter().any(|byte| *byte != 0) {
            return None;
        }
        low.try_into().ok()
    }

    /// `0x` and hex digits without leading zeros, as the client writes numbers.
    #[must_use]
    pub fn hex(&self) -> String {
        let digits = hex::encode(self.0);
        match digits.trim_start_matches('0') {
            "" => "0x0".to_owned(),
            digits => format!("0x{digits}"),
        }
    }

    /// Multiplies by `by` and adds `plus`; nothing when it no longer fits.
    fn push(&mut self, by: u32, plus: u32) -> Option<()> {
        let mut carry = plus;
        for byte in self.0.iter_mut().rev() {
            let value = u32::from(*byte).checked_mul(by)?.checked_add(carry)?;
            *byte = u8::try_from(value & 0xff).ok()?;
            carry = value >> 8;
        }
        (carry == 0).then_some(())
    }

    /// Divides by ten; gives the remainder.
    fn pop(&mut self) -> u8 {
        let mut rest = 0u32;
        for byte in &mut self.0 {
            let value = (rest << 8) | u32::from(*byte);
            *byte = u8::try_from(value / 10).unwrap_or(u8::MAX);
            rest = value % 10;
        }
        u8::try_from(rest).unwrap_or_default()
    }
}

impl From<u64> for Quantity {
    fn from(number: u64) -> Self {
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().rev().zip(number.to_le_bytes()) {
            *to = from;
        }
        Self(bytes)
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || QuantityError(text.to_owned());
        let hexed = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
        let (base, digits) = hexed.map_or((10, text), |digits| (16, digits));
        if digits.is_empty() {
            return Err(refused());
        }
        let mut number = Self::default();
        for digit in digits.chars() {
            let digit = digit.to_digit(base).ok_or_else(refused)?;
            number.push(base, digit).ok_or_else(refused)?;
        }
        Ok(number)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = *self;
        let mut digits = Vec::new();
        while rest != Self::default() {
            digits.push(char::from(b'0'.saturating_add(rest.pop())));
        }
        if digits.is_empty() {
            digits.push('0');
        }
        f.pad_integral(true, "", &digits.iter().rev().collect::<String>())
    }
}

impl fmt::Debug for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Quantity({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_bases_are_read_and_written() {
        for (decimal, hexed) in [
            ("0", "0x0"),
            ("1", "0x1"),
            ("256", "0x100"),
            ("3758096384", "0xe0000000"),
            ("1000000000000000000000000000", "0x33b2e3c9fd0803ce8000000"),
        ] {
            let number: Quantity = decimal.parse().unwrap();
            assert_eq!(number, hexed.parse().unwrap());
            assert_eq!(number.to_string(), decimal);
            assert_eq!(number.hex(), hexed);
        }
        let largest: Quantity = format!("0x{}", "ff".repeat(32)).parse().unwrap();
        assert_eq!(largest.to_string().parse(), Ok(largest));
        assert_eq!(Quantity::from(0xE000_0000).as_u64(), Some(0xE000_0000));
        assert_eq!(largest.as_u64(), None);
        assert_eq!(Quantity::from(7).as_array::<20>().unwrap()[19], 7);
        assert_eq!(largest.as_array::<20>(), None);
    }

    #[test]
    fn other_texts_are_refused() {
        for wrong in ["", "0x", "-1", "1.0", "1e3", "0xg", " 1", "1_000"] {
            assert!(wrong.parse::<Quantity>().is_err(), "{wrong:?}");
        }
        assert!(
            format!("0x1{}", "00".repeat(32))
                .parse::<Quantity>()
                .is_err()
        );
    }
}
