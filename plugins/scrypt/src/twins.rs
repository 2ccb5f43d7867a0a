//! The mixing of two lanes side by side, in vectors.
//!
//! Each vector holds two words of the one lane and two of the other, so four words of a lane lie in
//! two vectors: to turn them by two places is to swap those, and to turn them by one takes shifts. The
//! words of a block are kept in the order of its diagonals, in which a round takes them; they are put
//! in that order once, and back at the end.

use core::hint::black_box;
use core::mem::swap;
use core::sync::atomic::{Ordering, compiler_fence};

use crate::quad::Quad;
use crate::words;

/// A block of each of two lanes: the diagonals of the matrix of words, each in two vectors.
pub type Twin = [[Quad; 2]; 4];

/// Blocks of two lanes, wiped at the end.
// `zeroize` would call a function for each vector.
pub struct Twins(pub Vec<Twin>);

impl Drop for Twins {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
fn wipe(twins: &mut [Twin]) {
    twins.fill(Twin::default());
    // Whoever may look at them now sees zeros, so that they are written.
    black_box(twins);
    compiler_fence(Ordering::SeqCst);
}

/// The twin of little-endian bytes of two lanes.
pub fn read(one: &[u8; 64], other: &[u8; 64]) -> Twin {
    let mut twin = Twin::default();
    let [ones, others] = [one, other].map(|bytes| diagonals(words::read(bytes)));
    let pairs = ones.into_iter().zip(others);
    for (quad, (one, other)) in twin.as_flattened_mut().iter_mut().zip(pairs) {
        *quad = Quad::new(one, other);
    }
    twin
}

/// The bytes of which [`read`] makes that twin.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
pub fn write(twin: &Twin, one: &mut [u8; 64], other: &mut [u8; 64]) {
    let (mut ones, mut others) = ([0; 8], [0; 8]);
    let pairs = ones.iter_mut().zip(&mut others);
    for (quad, (one, other)) in twin.as_flattened().iter().zip(pairs) {
        (*one, *other) = (quad.one(), quad.other());
    }
    words::write(&rows(ones), one);
    words::write(&rows(others), other);
}

/// Pairs of words in the order of diagonals.
fn diagonals(block: words::Block) -> [u64; 8] {
    let [
        a0,
        a1,
        a2,
        a3,
        b0,
        b1,
        b2,
        b3,
        c0,
        c1,
        c2,
        c3,
        d0,
        d1,
        d2,
        d3,
    ] = block.map(u64::from);
    [
        a0 | b1 << 32,
        c2 | d3 << 32,
        b0 | c1 << 32,
        d2 | a3 << 32,
        c0 | d1 << 32,
        a2 | b3 << 32,
        d0 | a1 << 32,
        b2 | c3 << 32,
    ]
}

/// The block that has those diagonals.
#[allow(clippy::cast_possible_truncation, reason = "words are what is wanted")]
fn rows(diagonals: [u64; 8]) -> words::Block {
    let [
        [a0, b1],
        [c2, d3],
        [b0, c1],
        [d2, a3],
        [c0, d1],
        [a2, b3],
        [d0, a1],
        [b2, c3],
    ] = diagonals.map(|pair| [pair as u32, (pair >> 32) as u32]);
    [
        a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3,
    ]
}

/// Mixes lanes in place. `other` is as long, and the table has room for `n` lanes.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
pub fn ro_mix(lanes: &mut [Twin], other: &mut [Twin], table: &mut [Twin], n: usize) {
    let length = lanes.len();
    let mut rows = table.chunks_exact_mut(length);
    let Some(mut row) = rows.next() else {
        return;
    };
    row.copy_from_slice(lanes);
    for next in rows {
        block_mix(row.last(), row.iter().copied(), next);
        row = next;
    }
    block_mix(row.last(), row.iter().copied(), lanes);

    // A row holds a block of each lane, and each lane takes half of another row. What the masks are is hidden from the
    // compiler, which would make a shuffle of that.
    let (ones, others) = black_box((Quad::new(u64::MAX, 0), Quad::new(0, u64::MAX)));
    let (mut from, mut to) = (lanes, other);
    for _ in 0..n {
        let (one, other) = match from.last() {
            Some(last) => integerify(last),
            None => (0, 0),
        };
        let row = |place: usize| {
            let start = (place & (n - 1)) * length;
            table.get(start..start + length).unwrap_or_default()
        };
        let blocks = from.iter().zip(row(one)).zip(row(other));
        let blocks = blocks.map(|((block, row), other_row)| {
            let mut block = *block;
            let both = row.as_flattened().iter().zip(other_row.as_flattened());
            for (quad, (one, other)) in block.as_flattened_mut().iter_mut().zip(both) {
                *quad = quad.xor(one.and(ones)).xor(other.and(others));
            }
            block
        });
        let last = blocks.clone().next_back();
        block_mix(last.as_ref(), blocks, to);
        swap(&mut from, &mut to);
    }
    // After an even number of swaps the result lies in `lanes`.
}

/// The number that a block of each lane begins with. Its upper half would only count in a table of 2^32 lanes.
#[inline]
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
fn integerify([[quad, _], ..]: &Twin) -> (usize, usize) {
    let place = |pair: u64| usize::try_from(pair & 0xffff_ffff).unwrap_or_default();
    (place(quad.one()), place(quad.other()))
}

/// Mixes blocks, of which the last is given, too. Those of even places go to the front half, those of odd ones to the back.
#[inline]
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
fn block_mix(last: Option<&Twin>, mut blocks: impl Iterator<Item = Twin>, to: &mut [Twin]) {
    let Some(mut last) = last.copied() else {
        return;
    };
    let (front, back) = to.split_at_mut(to.len() / 2);
    for (front, back) in front.iter_mut().zip(back) {
        let (Some(even), Some(odd)) = (blocks.next(), blocks.next()) else {
            return;
        };
        last = step(&last, &even);
        *front = last;
        last = step(&last, &odd);
        *back = last;
    }
}

/// Salsa20/8 of the sum of two blocks.
#[inline]
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
pub fn step(last: &Twin, block: &Twin) -> Twin {
    let mut sum = *last;
    for (quad, with) in sum.as_flattened_mut().iter_mut().zip(block.as_flattened()) {
        *quad = quad.xor(*with);
    }
    let mut x = sum;
    // Each turn of a loop would look whether time is up, and for that put all vectors into memory.
    double_round(&mut x);
    double_round(&mut x);
    double_round(&mut x);
    double_round(&mut x);
    for (quad, sum) in x.as_flattened_mut().iter_mut().zip(sum.as_flattened()) {
        *quad = quad.plus(*sum);
    }
    x
}

/// Columns, then rows.
#[inline]
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
fn double_round([a, b, c, d]: &mut Twin) {
    quarter::<7>(b, a, d);
    quarter::<9>(c, b, a);
    quarter::<13>(d, c, b);
    quarter::<18>(a, d, c);
    (*b, *c, *d) = (turned_back(b), turned_around(c), turned(d));
    quarter::<7>(d, a, b);
    quarter::<9>(c, d, a);
    quarter::<13>(b, c, d);
    quarter::<18>(a, b, c);
    (*b, *c, *d) = (turned(b), turned_around(c), turned_back(d));
}

/// A quarter of a round.
#[inline]
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
fn quarter<const BITS: u32>(to: &mut [Quad; 2], [a, c]: &[Quad; 2], [b, d]: &[Quad; 2]) {
    let [first, second] = *to;
    *to = [
        first.xor_rotated::<BITS>(a.plus(*b)),
        second.xor_rotated::<BITS>(c.plus(*d)),
    ];
}

/// A diagonal whose words move one place to the front, the first to the end.
#[inline]
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
fn turned([first, second]: &[Quad; 2]) -> [Quad; 2] {
    [first.then(*second), second.then(*first)]
}

/// The words move two places.
#[inline]
fn turned_around([first, second]: &[Quad; 2]) -> [Quad; 2] {
    [*second, *first]
}

/// The words move one place to the back.
#[inline]
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
fn turned_back(diagonal: &[Quad; 2]) -> [Quad; 2] {
    turned_around(&turned(diagonal))
}
