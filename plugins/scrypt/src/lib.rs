//! scrypt (RFC 7914) for guests.
//!
//! A guest has no vectors, and without them the libraries at hand take bytes one at a time where they
//! mean words: most of their time goes there. Here a block is sixteen words from the first step to
//! the last, which makes a derivation in a sandbox more than twice as fast. PBKDF2 and SHA-256 are
//! the libraries'; the crate `scrypt` stands in the tests as what this one must agree with.
//!
//! All memory is asked for at once before any work, and wiped at the end.

use core::mem::swap;

use pbkdf2::pbkdf2_hmac;
use sha2::Sha256;
use thiserror::Error;
use zeroize::Zeroizing;

/// 64 bytes, as little-endian words.
type Block = [u32; 16];

/// Most bytes that can be derived.
const MAX_OUTPUT: u64 = 32 * 0xffff_ffff;

/// Why no key could be derived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ScryptError {
    /// Parameters that RFC 7914 excludes, or more than this machine can address.
    #[error("scrypt does not take n = {n}, r = {r}, p = {p}")]
    Params {
        /// Cost.
        n: u64,
        /// Block size.
        r: u32,
        /// Parallelization.
        p: u32,
    },
    /// Nothing or too much to derive.
    #[error("scrypt derives between 1 byte and 32 (2^32 - 1), not {0}")]
    Output(usize),
    /// The memory is not there.
    #[error("scrypt needs {0} bytes of memory, more than there is")]
    Memory(u64),
}

/// Parameters that were checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Params {
    n: usize,
    /// Blocks of a lane: 2r.
    blocks: usize,
    /// Bytes of all lanes: 128rp.
    lanes: usize,
    memory: u64,
}

impl Params {
    /// Cost, block size and parallelization, as in RFC 7914.
    ///
    /// # Errors
    /// When `n` is no power of two above 1, or `r` or `p` is 0 or their product 2^30 or more.
    pub fn new(n: u64, r: u32, p: u32) -> Result<Self, ScryptError> {
        Self::check(n, r, p).ok_or(ScryptError::Params { n, r, p })
    }

    fn check(n: u64, r: u32, p: u32) -> Option<Self> {
        let lane = u64::from(r) * 128;
        let product = u64::from(r) * u64::from(p);
        if n < 2 || !n.is_power_of_two() || product == 0 || product >= 1 << 30 {
            return None;
        }
        // The table, two lanes that are mixed from one into the other, and all lanes as bytes.
        let memory = n.checked_add(2)?.checked_mul(lane)?;
        let memory = memory.checked_add(product * 128)?;
        isize::try_from(memory).ok()?;
        Some(Self {
            n: usize::try_from(n).ok()?,
            blocks: usize::try_from(r).ok()? * 2,
            lanes: usize::try_from(product * 128).ok()?,
            memory,
        })
    }

    /// Bytes of memory that a derivation takes.
    #[must_use]
    pub const fn memory(&self) -> u64 {
        self.memory
    }
}

/// Fills `out` with what a password, a salt and the parameters give.
///
/// # Errors
/// When the memory is not there, or `out` is empty or longer than scrypt can fill.
pub fn scrypt(
    password: &[u8],
    salt: &[u8],
    params: Params,
    out: &mut [u8],
) -> Result<(), ScryptError> {
    if out.is_empty() || u64::try_from(out.len()).is_ok_and(|length| length > MAX_OUTPUT) {
        return Err(ScryptError::Output(out.len()));
    }
    let mut table = empty(params.n * params.blocks, &params)?;
    let mut lane = zeros(params.blocks, [0; 16], &params)?;
    let mut other = zeros(params.blocks, [0; 16], &params)?;
    let mut lanes = zeros(params.lanes, 0, &params)?;
    pbkdf2_hmac::<Sha256>(password, salt, 1, &mut lanes);
    for bytes in lanes.chunks_exact_mut(params.blocks * 64) {
        let (words, _) = bytes.as_chunks_mut::<4>();
        for (word, bytes) in lane.as_flattened_mut().iter_mut().zip(&*words) {
            *word = u32::from_le_bytes(*bytes);
        }
        ro_mix(&mut lane, &mut other, &mut table, params.n);
        for (bytes, word) in words.iter_mut().zip(lane.as_flattened()) {
            *bytes = word.to_le_bytes();
        }
    }
    pbkdf2_hmac::<Sha256>(password, &lanes, 1, out);
    Ok(())
}

/// Room for so many, or a refusal: an allocation that fails otherwise ends the process.
fn empty<T: zeroize::Zeroize>(
    length: usize,
    params: &Params,
) -> Result<Zeroizing<Vec<T>>, ScryptError> {
    let mut room = Zeroizing::new(Vec::new());
    room.try_reserve_exact(length)
        .map_err(|_| ScryptError::Memory(params.memory))?;
    Ok(room)
}

fn zeros<T: zeroize::Zeroize + Clone>(
    length: usize,
    zero: T,
    params: &Params,
) -> Result<Zeroizing<Vec<T>>, ScryptError> {
    let mut room = empty(length, params)?;
    room.resize(length, zero);
    Ok(room)
}

/// Mixes one lane in place. `other` is as long, and the table has room for `n` lanes.
fn ro_mix(lane: &mut [Block], other: &mut [Block], table: &mut Vec<Block>, n: usize) {
    let length = lane.len();
    let (mut from, mut to) = (lane, other);
    table.clear();
    for _ in 0..n {
        table.extend_from_slice(from);
        block_mix(from, to);
        swap(&mut from, &mut to);
    }
    for _ in 0..n {
        let start = integerify(from) & (n - 1);
        let row = table.iter().skip(start * length);
        for (block, row) in from.iter_mut().zip(row) {
            for (word, other) in block.iter_mut().zip(row) {
                *word ^= other;
            }
        }
        block_mix(from, to);
        swap(&mut from, &mut to);
    }
    // After an even number of swaps the result lies in `lane`.
}

/// The number that the last block begins with. Its upper half would only count in a table of 2^32 lanes.
fn integerify(lane: &[Block]) -> usize {
    let word = lane.last().and_then(|block| block.first());
    word.and_then(|word| usize::try_from(*word).ok())
        .unwrap_or_default()
}

/// Blocks of even places go to the front half, those of odd ones to the back.
fn block_mix(from: &[Block], to: &mut [Block]) {
    let Some(mut last) = from.last() else {
        return;
    };
    let (front, back) = to.split_at_mut(from.len() / 2);
    let (pairs, _) = from.as_chunks::<2>();
    for (([even, odd], front), back) in pairs.iter().zip(front).zip(back) {
        step(last, even, front);
        step(front, odd, back);
        last = back;
    }
}

/// Salsa20/8 of the sum of two blocks.
// A function of its own, since inlined four times over it leaves the compiler short of registers.
#[inline(never)]
fn step(last: &Block, block: &Block, out: &mut Block) {
    let mut sum = *last;
    for (word, other) in sum.iter_mut().zip(block) {
        *word ^= other;
    }
    let mut x = sum;
    for _ in 0..4 {
        double_round(&mut x);
    }
    for ((out, word), other) in out.iter_mut().zip(x).zip(sum) {
        *out = word.wrapping_add(other);
    }
}

macro_rules! quarter_rounds {
    ($x:ident: $($a:literal $b:literal $c:literal $d:literal),+) => {
        $(
            $x[$b] ^= $x[$a].wrapping_add($x[$d]).rotate_left(7);
            $x[$c] ^= $x[$b].wrapping_add($x[$a]).rotate_left(9);
            $x[$d] ^= $x[$c].wrapping_add($x[$b]).rotate_left(13);
            $x[$a] ^= $x[$d].wrapping_add($x[$c]).rotate_left(18);
        )+
    };
}

/// Columns, then rows.
#[inline]
fn double_round(x: &mut Block) {
    quarter_rounds!(x: 0 4 8 12, 5 9 13 1, 10 14 2 6, 15 3 7 11);
    quarter_rounds!(x: 0 1 2 3, 5 6 7 4, 10 11 8 9, 15 12 13 14);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
