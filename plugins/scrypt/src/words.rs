//! The mixing of one lane, in words.

use core::mem::swap;

/// 64 bytes, as little-endian words.
pub type Block = [u32; 16];

/// The block of little-endian bytes.
pub fn read(bytes: &[u8; 64]) -> Block {
    let mut block = [0; 16];
    for (word, bytes) in block.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    block
}

/// The bytes of which [`read`] makes that block.
pub fn write(block: &Block, bytes: &mut [u8; 64]) {
    for (bytes, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(block) {
        *bytes = word.to_le_bytes();
    }
}

/// Mixes one lane in place. `other` is as long, and the table has room for `n` lanes.
pub fn ro_mix(lane: &mut [Block], other: &mut [Block], table: &mut Vec<Block>, n: usize) {
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
pub fn step(last: &Block, block: &Block, out: &mut Block) {
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
