//! Four documents in a register of Arm's Advanced SIMD. Its products are of signed by signed codes.

use std::arch::aarch64::{
    float32x4_t, int8x16_t, int32x4_t, vcvtq_f32_s32, vdupq_n_s32, vget_low_s8, vld1q_s8,
    vmlal_high_s8, vmlal_s8, vmull_high_s8, vmull_s8, vpadalq_s16, vpaddq_s32, vsetq_lane_s32,
};
use std::arch::asm;

use super::Sums;

/// The bytes of a register.
const REGISTER: usize = size_of::<int8x16_t>();

// SAFETY of every block below: the caller vouches for the instruction set and for the memory, as `Sums` demands.

/// Two sums a document, to be added at the end: of the places 0 and 1 of every four, and of 2 and 3.
///
/// Without the dot product extension there is no product of bytes with a sum in 32 bits. Two products fit 16 bits, as
/// codes of both sides are within 127 (2 * 127 * 127 = 32258), and pairs of those are widened: six instructions for eight
/// dimensions of four documents, whatever the codes are.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Widening([int32x4_t; 2]);

impl Sums for Widening {
    type Codes = int8x16_t;
    type Floats = float32x4_t;
    const MOST_IN_16_BITS: i32 = i32::MAX;

    #[inline(always)]
    unsafe fn splat(value: i32) -> Self {
        // SAFETY: see above.
        let half = unsafe {
            let first = vsetq_lane_s32::<0>(value, vdupq_n_s32(0));
            vsetq_lane_s32::<2>(value, first)
        };
        Self([half; 2])
    }

    #[inline(always)]
    unsafe fn load(from: *const u8) -> int8x16_t {
        // SAFETY: see above.
        unsafe { vld1q_s8(from.cast()) }
    }

    #[inline(always)]
    unsafe fn spread(from: *const i8) -> int8x16_t {
        // SAFETY: see above.
        unsafe { spread(from) }
    }

    #[inline(always)]
    unsafe fn add_products(self, documents: [int8x16_t; 2], query: [int8x16_t; 2]) -> Self {
        // SAFETY: see above.
        unsafe {
            let [low, high] = [vget_low_s8(documents[0]), vget_low_s8(documents[1])];
            let [first, second] = [vget_low_s8(query[0]), vget_low_s8(query[1])];
            let low = vmlal_s8(vmull_s8(low, first), high, second);
            let high = vmull_high_s8(documents[0], query[0]);
            let high = vmlal_high_s8(high, documents[1], query[1]);
            Self([vpadalq_s16(self.0[0], low), vpadalq_s16(self.0[1], high)])
        }
    }

    #[inline(always)]
    unsafe fn to_floats(self) -> float32x4_t {
        // SAFETY: see above.
        unsafe { vcvtq_f32_s32(vpaddq_s32(self.0[0], self.0[1])) }
    }

    #[inline(always)]
    unsafe fn unknown(self, codes: [[int8x16_t; 2]; 2]) -> [[int8x16_t; 2]; 2] {
        codes.map(|pair| pair.map(unknown))
    }
}

/// One sum a document, by the dot product extension.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Dotprod(int32x4_t);

impl Sums for Dotprod {
    type Codes = int8x16_t;
    type Floats = float32x4_t;
    const MOST_IN_16_BITS: i32 = i32::MAX;

    #[inline(always)]
    unsafe fn splat(value: i32) -> Self {
        // SAFETY: see above.
        Self(unsafe { vdupq_n_s32(value) })
    }

    #[inline(always)]
    unsafe fn load(from: *const u8) -> int8x16_t {
        // SAFETY: see above.
        unsafe { vld1q_s8(from.cast()) }
    }

    #[inline(always)]
    unsafe fn spread(from: *const i8) -> int8x16_t {
        // SAFETY: see above.
        unsafe { spread(from) }
    }

    #[inline(always)]
    unsafe fn add_products(self, documents: [int8x16_t; 2], query: [int8x16_t; 2]) -> Self {
        // SAFETY: see above.
        unsafe {
            let sums = dot_quarter::<0>(self.0, documents[0], query[0]);
            Self(dot_quarter::<0>(sums, documents[1], query[1]))
        }
    }

    /// The instruction takes four codes of a query from any quarter of a register: nothing is spread, and one load serves
    /// four queries. The quarter is part of the instruction, so the queries are written out, not looped over.
    #[inline(always)]
    unsafe fn add_step<const QUERIES: usize, const PARTS: usize>(
        sums: &mut [[Self; PARTS]; QUERIES],
        queries: *const i8,
        documents: *const u8,
    ) {
        const { assert!(QUERIES.is_multiple_of(2) && QUERIES <= 8) }; // whole registers of queries' codes
        macro_rules! add {
            ($($quarter:literal)*) => {$(
                if $quarter < 2 * QUERIES {
                    let codes = vld1q_s8(queries.add($quarter / 4 * REGISTER));
                    let first = documents.add($quarter / QUERIES * PARTS * REGISTER);
                    for (part, sum) in sums[$quarter % QUERIES].iter_mut().enumerate() {
                        let documents = Self::load(first.add(part * REGISTER));
                        sum.0 = dot_quarter::<{ $quarter % 4 }>(sum.0, documents, codes);
                    }
                }
            )*};
        }
        // SAFETY: see above; eight codes of an even number of queries are whole registers.
        unsafe {
            add!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        }
    }

    #[inline(always)]
    unsafe fn to_floats(self) -> float32x4_t {
        // SAFETY: see above.
        unsafe { vcvtq_f32_s32(self.0) }
    }

    #[inline(always)]
    unsafe fn unknown(self, codes: [[int8x16_t; 2]; 2]) -> [[int8x16_t; 2]; 2] {
        codes // the compiler does not know what the instruction does
    }
}

/// The same codes, through no instruction.
#[inline(always)]
fn unknown(codes: int8x16_t) -> int8x16_t {
    let mut codes = codes;
    // SAFETY: nothing is done.
    unsafe {
        asm!("/* {0:v} */", inout(vreg) codes, options(nomem, nostack, preserves_flags));
    }
    codes
}

/// Four codes, four times.
///
/// Where the compiler knows both halves of the register to be equal, it moves the documents' upper halves down instead of
/// multiplying upper by upper halves, and lacks registers for it.
///
/// # Safety
/// Four codes can be read.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn spread(from: *const i8) -> int8x16_t {
    let codes;
    // SAFETY: the instruction reads four bytes at any address, the caller's; it is part of this function's own set.
    unsafe {
        asm!(
            "ld1r {{{codes:v}.4s}}, [{from}]",
            codes = lateout(vreg) codes,
            from = in(reg) from,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    codes
}

/// `sums` plus the products of each document's four codes with those in quarter `QUARTER` of `query`.
///
/// The intrinsic of this instruction is not stable.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn dot_quarter<const QUARTER: u8>(
    sums: int32x4_t,
    documents: int8x16_t,
    query: int8x16_t,
) -> int32x4_t {
    let mut sums = sums;
    // SAFETY: the instruction is part of this function's own set, and touches registers alone.
    unsafe {
        asm!(
            "sdot {sums:v}.4s, {documents:v}.16b, {query:v}.4b[{quarter}]",
            sums = inout(vreg) sums,
            documents = in(vreg) documents,
            query = in(vreg) query,
            quarter = const QUARTER,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}
