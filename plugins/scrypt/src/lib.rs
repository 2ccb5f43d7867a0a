//! scrypt (RFC 7914) for guests.
//!
//! The libraries at hand take bytes one at a time in a guest where they mean words, or shuffle them,
//! which the baseline CPU cannot: most of their time goes there. Here two lanes are mixed side by side
//! in vectors (`twins`), which makes a derivation in a sandbox about four times as fast; one that is
//! left over, or whose table is large, is mixed in words (`words`). PBKDF2 and SHA-256 are the
//! libraries'; the crate `scrypt` stands in the tests as what this one must agree with.
//!
//! All memory is asked for at once before any work, and wiped at the end.

mod quad;
mod twins;
mod words;

use pbkdf2::pbkdf2_hmac;
use sha2::Sha256;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::twins::Twins;

/// Most bytes that can be derived.
const MAX_OUTPUT: u64 = 32 * 0xffff_ffff;
/// Most bytes of a lane's table where two are mixed side by side, which takes two tables.
const MAX_TWIN: u64 = 16 << 20;

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
    /// Whether two lanes are mixed side by side.
    twins: bool,
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
        let table = n.checked_mul(lane)?;
        let twins = p > 1 && table <= MAX_TWIN;
        // The table, two lanes that are mixed from one into the other, and all lanes as bytes.
        let memory = table.checked_add(2 * lane)?;
        let memory = memory.checked_mul(if twins { 2 } else { 1 })?;
        let memory = memory.checked_add(product * 128)?;
        isize::try_from(memory).ok()?;
        Some(Self {
            n: usize::try_from(n).ok()?,
            blocks: usize::try_from(r).ok()? * 2,
            lanes: usize::try_from(product * 128).ok()?,
            twins,
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
    let mut lanes = Zeroizing::new(zeros(params.lanes, &params)?);
    pbkdf2_hmac::<Sha256>(password, salt, 1, &mut lanes);
    let (blocks, _) = lanes.as_chunks_mut::<64>();
    let mut rest = blocks.chunks_exact_mut(params.blocks);
    if params.twins {
        let mut twins = Twins(zeros(params.blocks, &params)?);
        let mut other = Twins(zeros(params.blocks, &params)?);
        let mut table = Twins(zeros(params.blocks * params.n, &params)?);
        while rest.len() > 1
            && let (Some(one), Some(another)) = (rest.next(), rest.next())
        {
            for ((twin, one), another) in twins.0.iter_mut().zip(&*one).zip(&*another) {
                *twin = twins::read(one, another);
            }
            twins::ro_mix(&mut twins.0, &mut other.0, &mut table.0, params.n);
            for ((twin, one), another) in twins.0.iter().zip(one).zip(another) {
                twins::write(twin, one, another);
            }
        }
    }
    if rest.len() > 0 {
        let mut lane = Zeroizing::new(zeros(params.blocks, &params)?);
        let mut other = Zeroizing::new(zeros(params.blocks, &params)?);
        let mut table = Zeroizing::new(empty(params.blocks * params.n, &params)?);
        for bytes in rest {
            for (block, bytes) in lane.iter_mut().zip(&*bytes) {
                *block = words::read(bytes);
            }
            words::ro_mix(&mut lane, &mut other, &mut table, params.n);
            for (block, bytes) in lane.iter().zip(bytes) {
                words::write(block, bytes);
            }
        }
    }
    pbkdf2_hmac::<Sha256>(password, &lanes, 1, out);
    Ok(())
}

/// Room for so many, or a refusal: an allocation that fails otherwise ends the process.
fn empty<T>(length: usize, params: &Params) -> Result<Vec<T>, ScryptError> {
    let mut room = Vec::new();
    room.try_reserve_exact(length)
        .map_err(|_| ScryptError::Memory(params.memory))?;
    Ok(room)
}

fn zeros<T: Clone + Default>(length: usize, params: &Params) -> Result<Vec<T>, ScryptError> {
    let mut room = empty(length, params)?;
    room.resize(length, T::default());
    Ok(room)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
