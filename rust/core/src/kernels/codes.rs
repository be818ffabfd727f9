//! Registers of int8 codes and of their int32 sums, as the tile sees them: one implementation an instruction set.

#![expect(unsafe_code, reason = "processor intrinsics")]
#![expect(
    clippy::inline_always,
    reason = "a method must be part of a caller that has the instruction set"
)]

use super::lanes::{Lanes, Portable};

#[cfg(target_arch = "aarch64")]
mod neon;

#[cfg(target_arch = "aarch64")]
pub(super) use neon::{Dotprod, Widening};

/// A register of int32 sums, one a document. Every method may only run where the processor has its instructions.
pub(super) trait Sums: Copy {
    /// Four codes of each of these documents, with what [`Tile::offset`](super::Tile::offset) adds to them.
    type Codes: Copy;
    /// As many float32.
    type Floats: Lanes;

    /// The greatest sum of a query's positive codes, or of its negative ones without their sign, over the four
    /// dimensions that [`add_products`](Self::add_products) adds in 16 bits; `i32::MAX` where it uses none.
    ///
    /// A document's code plus its offset is at most 255, so 255 times this must not exceed 32767.
    const MOST_IN_16_BITS: i32;

    /// # Safety
    /// The instruction set is there.
    unsafe fn splat(value: i32) -> Self;
    /// # Safety
    /// The instruction set is there, and 4 codes a document can be read.
    unsafe fn load(from: *const u8) -> Self::Codes;
    /// Four codes of a query, once for each document.
    ///
    /// # Safety
    /// The instruction set is there, and 4 codes can be read.
    unsafe fn spread(from: *const i8) -> Self::Codes;
    /// `self` plus the products over eight dimensions, the first four and the last four.
    ///
    /// # Safety
    /// The instruction set is there.
    unsafe fn add_products(self, documents: [Self::Codes; 2], query: [Self::Codes; 2]) -> Self;
    /// Adds the products over eight dimensions to every sum, each query's with `PARTS` registers of documents.
    ///
    /// # Safety
    /// The instruction set is there, and eight codes of each query and document can be read.
    #[inline(always)]
    unsafe fn add_step<const QUERIES: usize, const PARTS: usize>(
        sums: &mut [[Self; PARTS]; QUERIES],
        queries: *const i8,
        documents: *const u8,
    ) {
        // SAFETY: the caller vouches for the instruction set and for the memory.
        unsafe {
            let part_bytes = 4 * Self::Floats::COUNT;
            let mut parts = [[Self::load(documents); 2]; PARTS];
            for (part, codes) in parts.iter_mut().enumerate() {
                let first = documents.add(part * part_bytes);
                *codes = [Self::load(first), Self::load(first.add(PARTS * part_bytes))];
            }
            for (query, row) in sums.iter_mut().enumerate() {
                let first = queries.add(4 * query);
                let codes = [Self::spread(first), Self::spread(first.add(4 * QUERIES))];
                for (sum, part) in row.iter_mut().zip(parts) {
                    *sum = sum.add_products(part, codes);
                }
            }
        }
    }
    /// # Safety
    /// The instruction set is there.
    unsafe fn to_floats(self) -> Self::Floats;
    /// Codes to multiply next, documents' and a query's, that the compiler cannot know to be those it is given: with known
    /// ones, the peak loop would be done once.
    ///
    /// # Safety
    /// The instruction set is there.
    unsafe fn unknown(self, codes: [[Self::Codes; 2]; 2]) -> [[Self::Codes; 2]; 2];
}

/// Four documents in plain Rust, for any processor; the compiler turns them into its own registers.
#[derive(Clone, Copy)]
pub(super) struct PortableSums([i32; 4]);

impl Sums for PortableSums {
    type Codes = [u8; 16];
    type Floats = Portable;
    const MOST_IN_16_BITS: i32 = i32::MAX;

    #[inline(always)]
    unsafe fn splat(value: i32) -> Self {
        Self([value; 4])
    }

    #[inline(always)]
    unsafe fn load(from: *const u8) -> [u8; 16] {
        // SAFETY: the caller vouches for 16 bytes, and bytes are always aligned.
        unsafe { from.cast::<[u8; 16]>().read() }
    }

    #[inline(always)]
    unsafe fn spread(from: *const i8) -> [u8; 16] {
        // SAFETY: the caller vouches for 4 bytes, and bytes are always aligned.
        let four = unsafe { from.cast::<[u8; 4]>().read() };
        std::array::from_fn(|at| four[at % 4])
    }

    #[inline(always)]
    unsafe fn add_products(self, documents: [[u8; 16]; 2], query: [[u8; 16]; 2]) -> Self {
        let mut sums = self.0;
        for (documents, query) in documents.iter().zip(&query) {
            for (at, sum) in sums.iter_mut().enumerate() {
                for place in 4 * at..4 * at + 4 {
                    let code = query[place].cast_signed();
                    *sum = sum.wrapping_add(i32::from(documents[place]) * i32::from(code));
                }
            }
        }
        Self(sums)
    }

    #[inline(always)]
    #[expect(
        clippy::cast_precision_loss,
        reason = "the tile's bound has room for the rounding"
    )]
    unsafe fn to_floats(self) -> Portable {
        Portable(self.0.map(|sum| sum as f32))
    }

    #[inline(always)]
    unsafe fn unknown(self, [_, [query, _]]: [[[u8; 16]; 2]; 2]) -> [[[u8; 16]; 2]; 2] {
        let own = std::array::from_fn(|at| self.0[at / 4].to_le_bytes()[at % 4]);
        [[own, query], [query, own]]
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256, __m256i, __m512, __m512i, _mm256_add_epi16, _mm256_add_epi32, _mm256_cvtepi32_ps,
        _mm256_loadu_si256, _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_set1_epi16,
        _mm256_set1_epi32, _mm512_cvtepi32_ps, _mm512_dpbusd_epi32, _mm512_loadu_si512,
        _mm512_set1_epi32,
    };

    use super::Sums;

    // SAFETY of every block below: the caller vouches for the instruction set and for the memory, as `Sums` demands.

    /// AVX2 has no product of bytes with a sum in 32 bits. Two pairs of products are summed in 16 bits, then widened: five
    /// instructions for eight dimensions, where widening after each would be six and on most processors a third slower.
    impl Sums for __m256i {
        type Codes = Self;
        type Floats = __m256;
        const MOST_IN_16_BITS: i32 = 128;

        #[inline(always)]
        unsafe fn splat(value: i32) -> Self {
            // SAFETY: see above.
            unsafe { _mm256_set1_epi32(value) }
        }

        #[inline(always)]
        unsafe fn load(from: *const u8) -> Self {
            // SAFETY: see above.
            unsafe { _mm256_loadu_si256(from.cast()) }
        }

        #[inline(always)]
        unsafe fn spread(from: *const i8) -> Self {
            // SAFETY: see above.
            unsafe { _mm256_set1_epi32(from.cast::<i32>().read_unaligned()) }
        }

        #[inline(always)]
        unsafe fn add_products(self, documents: [Self; 2], query: [Self; 2]) -> Self {
            // SAFETY: see above.
            unsafe {
                let first = _mm256_maddubs_epi16(documents[0], query[0]);
                let second = _mm256_maddubs_epi16(documents[1], query[1]);
                let both = _mm256_add_epi16(first, second);
                _mm256_add_epi32(self, _mm256_madd_epi16(both, _mm256_set1_epi16(1)))
            }
        }

        #[inline(always)]
        unsafe fn to_floats(self) -> __m256 {
            // SAFETY: see above.
            unsafe { _mm256_cvtepi32_ps(self) }
        }

        #[inline(always)]
        unsafe fn unknown(self, [_, [query, _]]: [[Self; 2]; 2]) -> [[Self; 2]; 2] {
            [[self, query], [query, self]]
        }
    }

    impl Sums for __m512i {
        type Codes = Self;
        type Floats = __m512;
        const MOST_IN_16_BITS: i32 = i32::MAX;

        #[inline(always)]
        unsafe fn splat(value: i32) -> Self {
            // SAFETY: see above.
            unsafe { _mm512_set1_epi32(value) }
        }

        #[inline(always)]
        unsafe fn load(from: *const u8) -> Self {
            // SAFETY: see above.
            unsafe { _mm512_loadu_si512(from.cast()) }
        }

        #[inline(always)]
        unsafe fn spread(from: *const i8) -> Self {
            // SAFETY: see above.
            unsafe { _mm512_set1_epi32(from.cast::<i32>().read_unaligned()) }
        }

        #[inline(always)]
        unsafe fn add_products(self, documents: [Self; 2], query: [Self; 2]) -> Self {
            // SAFETY: see above.
            unsafe {
                let sums = _mm512_dpbusd_epi32(self, documents[0], query[0]);
                _mm512_dpbusd_epi32(sums, documents[1], query[1])
            }
        }

        /// Four dimensions after four: with twice as many documents in registers, a sum would be spilled in every round.
        #[inline(always)]
        unsafe fn add_step<const QUERIES: usize, const PARTS: usize>(
            sums: &mut [[Self; PARTS]; QUERIES],
            queries: *const i8,
            documents: *const u8,
        ) {
            // SAFETY: see above.
            unsafe {
                for half in 0..2 {
                    let first = documents.add(half * PARTS * size_of::<Self>());
                    let mut parts = [Self::load(first); PARTS];
                    for (part, codes) in parts.iter_mut().enumerate() {
                        *codes = Self::load(first.add(part * size_of::<Self>()));
                    }
                    for (query, row) in sums.iter_mut().enumerate() {
                        let codes = Self::spread(queries.add(4 * (half * QUERIES + query)));
                        for (sum, part) in row.iter_mut().zip(parts) {
                            *sum = _mm512_dpbusd_epi32(*sum, part, codes);
                        }
                    }
                }
            }
        }

        #[inline(always)]
        unsafe fn to_floats(self) -> __m512 {
            // SAFETY: see above.
            unsafe { _mm512_cvtepi32_ps(self) }
        }

        #[inline(always)]
        unsafe fn unknown(self, [_, [query, _]]: [[Self; 2]; 2]) -> [[Self; 2]; 2] {
            [[self, query], [query, self]]
        }
    }
}
