//! The gzip format (RFC 1952): written as stored blocks, read with a bound.

use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};

use super::PackageError;

/// A stored block's length is 16 bits.
const STORED: usize = 65535;
/// How much is unpacked at a time: a bomb is found after at most so much too much.
const STEP: usize = 32 * 1024;

/// Wraps `data` without compressing it: no time, no name, unknown system, stored blocks (RFC 1951, 3.2.4).
pub(super) fn store(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() + data.len() / STORED * 5 + 32);
    out.extend_from_slice(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    let blocks = data.len().div_ceil(STORED).max(1);
    for number in 1..=blocks {
        let from = (number - 1) * STORED;
        let block = data
            .get(from..data.len().min(from + STORED))
            .unwrap_or_default();
        out.push(u8::from(number == blocks));
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    out.extend_from_slice(&crc32fast::hash(data).to_le_bytes());
    out.extend_from_slice(&isize_field(data.len()).to_le_bytes());
    out
}

/// Unpacks all members of `bytes`, at most `limit` bytes of them.
pub(super) fn unpack(
    part: &'static str,
    bytes: &[u8],
    limit: usize,
) -> Result<Vec<u8>, PackageError> {
    let broken = |reason| PackageError::Gzip { part, reason };
    let mut out = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        // Archivers pad to a block of the tape; anything else behind the stream is a fault.
        if !out.is_empty() && rest.iter().all(|byte| *byte == 0) {
            break;
        }
        rest = header(rest).map_err(broken)?;
        let start = out.len();
        rest = member(part, rest, limit, &mut out)?;
        let data = out.get(start..).unwrap_or_default();
        let (trailer, behind) = rest
            .split_first_chunk::<8>()
            .ok_or_else(|| broken("it ends before its checksum"))?;
        let [c0, c1, c2, c3, l0, l1, l2, l3] = *trailer;
        if u32::from_le_bytes([c0, c1, c2, c3]) != crc32fast::hash(data)
            || u32::from_le_bytes([l0, l1, l2, l3]) != isize_field(data.len())
        {
            return Err(broken("its checksum is wrong"));
        }
        rest = behind;
    }
    if bytes.is_empty() {
        return Err(broken("it is empty"));
    }
    Ok(out)
}

/// The length modulo 2^32, as the trailer holds it.
fn isize_field(length: usize) -> u32 {
    u32::try_from(length as u64 & 0xffff_ffff).unwrap_or_default()
}

/// Skips a member's header.
fn header(bytes: &[u8]) -> Result<&[u8], &'static str> {
    const SHORT: &str = "it ends within its header";
    let (fixed, mut rest) = bytes.split_first_chunk::<10>().ok_or("it has no header")?;
    let [0x1f, 0x8b, method, flags, ..] = *fixed else {
        return Err("it does not begin with 1f 8b");
    };
    if method != 8 {
        return Err("its method is not deflate");
    }
    if flags & 0xe0 != 0 {
        return Err("it has reserved flags");
    }
    if flags & 0x04 != 0 {
        let (length, behind) = rest.split_first_chunk::<2>().ok_or(SHORT)?;
        rest = behind
            .get(usize::from(u16::from_le_bytes(*length))..)
            .ok_or(SHORT)?;
    }
    for flag in [0x08, 0x10] {
        if flags & flag != 0 {
            let end = rest.iter().position(|byte| *byte == 0).ok_or(SHORT)?;
            rest = rest.get(end + 1..).ok_or(SHORT)?;
        }
    }
    if flags & 0x02 != 0 {
        rest = rest.get(2..).ok_or(SHORT)?;
    }
    Ok(rest)
}

/// Unpacks one deflate stream into `out` and gives what follows it.
fn member<'a>(
    part: &'static str,
    mut rest: &'a [u8],
    limit: usize,
    out: &mut Vec<u8>,
) -> Result<&'a [u8], PackageError> {
    let broken = |reason| PackageError::Gzip { part, reason };
    let mut state = InflateState::new_boxed(DataFormat::Raw);
    let mut window = vec![0; STEP];
    loop {
        let step = inflate(&mut state, rest, &mut window, MZFlush::None);
        rest = rest.get(step.bytes_consumed..).unwrap_or_default();
        let made = window.get(..step.bytes_written).unwrap_or_default();
        if made.len() > limit.saturating_sub(out.len()) {
            return Err(PackageError::TooLarge { part, limit });
        }
        out.extend_from_slice(made);
        match step.status {
            Ok(MZStatus::StreamEnd) => return Ok(rest),
            Ok(_) if step.bytes_consumed > 0 || step.bytes_written > 0 => {}
            Ok(_) | Err(MZError::Buf) => return Err(broken("it ends too early")),
            Err(_) => return Err(broken("its data is not deflate")),
        }
    }
}
