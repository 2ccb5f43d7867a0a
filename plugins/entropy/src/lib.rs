//! Entropy comes from the caller.
//!
//! A guest has no random generator of its own, so everything that makes a key takes a source. A
//! draw that is not a valid key is thrown away and another is made, which keeps the distribution
//! uniform; a source that never gives a valid key is an error, not an endless loop.

use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

/// Where random bytes come from: called with the number of bytes wanted.
pub type EntropySource<'a> = dyn FnMut(u32) -> Vec<u8> + 'a;

/// Draws before a source is called broken. An honest one is refused fewer than once in 2^32 draws.
const MAX_DRAWS: u32 = 64;

/// Why no key could be drawn.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EntropyError {
    /// The source gave another number of bytes than it was asked for.
    #[error("entropy source gave {got} bytes instead of {wanted}")]
    Length {
        /// Bytes asked for.
        wanted: usize,
        /// Bytes given.
        got: usize,
    },
    /// The source gave only invalid keys, as a constant source does.
    #[error("entropy source gave no valid key in {MAX_DRAWS} draws")]
    NoValidKey,
}

/// Draws `N` bytes until `accept` makes something of them, which is returned.
///
/// # Errors
/// When the source gives another number of bytes than asked for, or nothing that is accepted.
pub fn draw<const N: usize, T>(
    source: &mut EntropySource<'_>,
    mut accept: impl FnMut(&[u8; N]) -> Option<T>,
) -> Result<T, EntropyError> {
    for _ in 0..MAX_DRAWS {
        let mut drawn = source(u32::try_from(N).unwrap_or(u32::MAX));
        let got = drawn.len();
        let candidate = <[u8; N]>::try_from(drawn.as_slice()).map(Zeroizing::new);
        drawn.zeroize();
        let candidate = candidate.map_err(|_| EntropyError::Length { wanted: N, got })?;
        if let Some(accepted) = accept(&candidate) {
            return Ok(accepted);
        }
    }
    Err(EntropyError::NoValidKey)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn draws_until_accepted() {
        let mut next = 0u8;
        let mut source = |n: u32| {
            next += 1;
            vec![next; n as usize]
        };
        let drawn = draw(&mut source, |b: &[u8; 2]| (b[0] == 3).then_some(*b));
        assert_eq!(drawn, Ok([3, 3]));
    }

    #[test]
    fn refuses_a_wrong_length() {
        let drawn = draw(&mut |_| vec![0; 3], |b: &[u8; 2]| Some(*b));
        assert_eq!(drawn, Err(EntropyError::Length { wanted: 2, got: 3 }));
    }

    #[test]
    fn a_source_without_valid_keys_ends() {
        let drawn: Result<(), _> = draw(&mut |n| vec![0; n as usize], |_: &[u8; 2]| None);
        assert_eq!(drawn, Err(EntropyError::NoValidKey));
    }
}
