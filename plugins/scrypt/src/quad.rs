//! Two words of each of two lanes: a vector in a guest, an array elsewhere.
//!
//! Built-in guests are compiled for the baseline CPU of each architecture, where any shuffle is a
//! call and slower than none at all. Sums, shifts and what joins bits are one instruction, so nothing
//! else stands here. An array serves the tests of other targets, with the same steps.

#[cfg(not(target_arch = "wasm32"))]
pub use array::Quad;
#[cfg(target_arch = "wasm32")]
pub use vector::Quad;

#[cfg(target_arch = "wasm32")]
mod vector {
    use core::arch::wasm32::{
        i32x4_add, i32x4_shl, i64x2_shl, u32x4_shr, u64x2, u64x2_extract_lane, u64x2_shr, v128,
        v128_and, v128_or, v128_xor,
    };

    /// Two words of one lane, then two of another.
    #[derive(Debug, Clone, Copy)]
    pub struct Quad(v128);

    impl Quad {
        /// Of two words of each lane, the first in the lower half.
        #[inline]
        pub const fn new(one: u64, other: u64) -> Self {
            Self(u64x2(one, other))
        }

        /// The words of the first lane.
        #[inline]
        #[target_feature(enable = "simd128")]
        pub fn one(self) -> u64 {
            u64x2_extract_lane::<0>(self.0)
        }

        /// The words of the second lane.
        #[inline]
        #[target_feature(enable = "simd128")]
        pub fn other(self) -> u64 {
            u64x2_extract_lane::<1>(self.0)
        }

        /// Word by word the sum, without carry.
        #[inline]
        #[target_feature(enable = "simd128")]
        pub fn plus(self, with: Self) -> Self {
            Self(i32x4_add(self.0, with.0))
        }

        /// Bit by bit the exclusive or.
        #[inline]
        #[target_feature(enable = "simd128")]
        pub fn xor(self, with: Self) -> Self {
            Self(v128_xor(self.0, with.0))
        }

        /// The bits that both have.
        #[inline]
        #[target_feature(enable = "simd128")]
        pub fn and(self, with: Self) -> Self {
            Self(v128_and(self.0, with.0))
        }

        /// Exclusive or with words that are rotated to the left.
        // There is no rotation; the two halves of one have no bit in common.
        #[inline]
        #[target_feature(enable = "simd128")]
        pub fn xor_rotated<const BITS: u32>(self, with: Self) -> Self {
            let left = v128_xor(self.0, i32x4_shl(with.0, BITS));
            Self(v128_xor(left, u32x4_shr(with.0, 32 - BITS)))
        }

        /// Of each lane the second word, and the first of `next`.
        #[inline]
        #[target_feature(enable = "simd128")]
        pub fn then(self, next: Self) -> Self {
            Self(v128_or(u64x2_shr(self.0, 32), i64x2_shl(next.0, 32)))
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod array {
    /// Two words of one lane, then two of another.
    #[derive(Debug, Clone, Copy)]
    pub struct Quad([u64; 2]);

    impl Quad {
        /// Of two words of each lane, the first in the lower half.
        #[inline]
        pub const fn new(one: u64, other: u64) -> Self {
            Self([one, other])
        }

        /// The words of the first lane.
        #[inline]
        pub fn one(self) -> u64 {
            let [one, _] = self.0;
            one
        }

        /// The words of the second lane.
        #[inline]
        pub fn other(self) -> u64 {
            let [_, other] = self.0;
            other
        }

        /// Word by word the sum, without carry.
        #[inline]
        pub fn plus(self, with: Self) -> Self {
            self.by_words(with, u32::wrapping_add)
        }

        /// Bit by bit the exclusive or.
        #[inline]
        pub fn xor(self, with: Self) -> Self {
            self.by_lanes(with, |lane, with| lane ^ with)
        }

        /// The bits that both have.
        #[inline]
        pub fn and(self, with: Self) -> Self {
            self.by_lanes(with, |lane, with| lane & with)
        }

        /// Exclusive or with words that are rotated to the left.
        #[inline]
        pub fn xor_rotated<const BITS: u32>(self, with: Self) -> Self {
            self.by_words(with, |word, with| word ^ with.rotate_left(BITS))
        }

        /// Of each lane the second word, and the first of `next`.
        #[inline]
        pub fn then(self, next: Self) -> Self {
            self.by_lanes(next, |lane, next| lane >> 32 | next << 32)
        }

        #[inline]
        fn by_lanes(self, with: Self, join: impl Fn(u64, u64) -> u64) -> Self {
            let ([one, other], [with_one, with_other]) = (self.0, with.0);
            Self([join(one, with_one), join(other, with_other)])
        }

        #[inline]
        #[allow(clippy::cast_possible_truncation, reason = "words are what is wanted")]
        fn by_words(self, with: Self, join: impl Fn(u32, u32) -> u32) -> Self {
            self.by_lanes(with, |lane, with| {
                let low = join(lane as u32, with as u32);
                let high = join((lane >> 32) as u32, (with >> 32) as u32);
                u64::from(low) | u64::from(high) << 32
            })
        }
    }
}

impl Default for Quad {
    fn default() -> Self {
        Self::new(0, 0)
    }
}
