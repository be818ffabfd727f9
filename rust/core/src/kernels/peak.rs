//! What this processor could do at best: multiply-adds that never leave the registers.

#![expect(unsafe_code, reason = "processor intrinsics")]

#[cfg(target_arch = "aarch64")]
use std::arch::aarch64::float32x4_t;
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256, __m256i, __m512, __m512i};
use std::hint::black_box;

#[cfg(target_arch = "aarch64")]
use super::codes::{Dotprod, Widening};
use super::codes::{PortableSums, Sums};
use super::lanes::{Lanes, Portable};
use super::tile::Tile;
use crate::cpu::features;

/// Independent sums: enough to hide the latency of a multiply-add at two a cycle, and to fit 16 registers.
const SUMS: usize = 12;
/// The same at four a cycle, in 32 registers.
#[cfg(target_arch = "aarch64")]
const MORE_SUMS: usize = 20;

/// Does `rounds` rounds of float32 multiply-adds in registers; the number of operations, two a multiply-add and lane.
///
/// For benches: divide by the seconds it took.
pub fn multiply_add_peak(rounds: u32) -> u64 {
    // SAFETY: each variant runs only where the probe found its instructions.
    let lanes = unsafe {
        #[cfg(target_arch = "x86_64")]
        if features().avx512 {
            burn_avx512(rounds)
        } else if features().avx2 {
            burn_avx2(rounds)
        } else {
            burn::<Portable, SUMS>(rounds)
        }
        #[cfg(target_arch = "aarch64")]
        if features().neon {
            burn_neon(rounds)
        } else {
            burn::<Portable, SUMS>(rounds)
        }
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        {
            let _ = features();
            burn::<Portable, SUMS>(rounds)
        }
    };
    2 * u64::from(rounds) * lanes as u64
}

/// Does `rounds` rounds of `tile`'s products of int8 codes in registers; the number of operations, two a product.
///
/// For benches: divide by the seconds it took.
pub fn code_peak(tile: &Tile, rounds: u32) -> u64 {
    // SAFETY: a tile is only handed out where its instructions are.
    let products = unsafe {
        match tile.name {
            #[cfg(target_arch = "x86_64")]
            "avx512_vnni" => multiply_avx512_vnni(rounds),
            #[cfg(target_arch = "x86_64")]
            "avx2" => multiply_avx2(rounds),
            #[cfg(target_arch = "aarch64")]
            "neon_dotprod" => multiply_neon_dotprod(rounds),
            #[cfg(target_arch = "aarch64")]
            "neon" => multiply_neon(rounds),
            _ => multiply::<PortableSums, SUMS>(rounds),
        }
    };
    2 * u64::from(rounds) * products as u64
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn multiply_avx2(rounds: u32) -> usize {
    // SAFETY: the instructions are this function's own.
    unsafe { multiply::<__m256i, SUMS>(rounds) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
fn multiply_avx512_vnni(rounds: u32) -> usize {
    // SAFETY: as above.
    unsafe { multiply::<__m512i, SUMS>(rounds) }
}

#[cfg(target_arch = "aarch64")]
#[target_feature(enable = "neon")]
fn multiply_neon(rounds: u32) -> usize {
    // SAFETY: as above.
    unsafe { multiply::<Widening, { SUMS / 2 }>(rounds) } // two registers each
}

#[cfg(target_arch = "aarch64")]
#[target_feature(enable = "neon,dotprod")]
fn multiply_neon_dotprod(rounds: u32) -> usize {
    // SAFETY: as above.
    unsafe { multiply::<Dotprod, MORE_SUMS>(rounds) }
}

/// Adds products to `SUMS` registers of sums, `rounds` times; how many products a round has.
///
/// # Safety
/// The processor has the instructions of `S`.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "compiled anew for each instruction set"
)]
unsafe fn multiply<S: Sums, const SUMS: usize>(rounds: u32) -> usize {
    // SAFETY: the caller vouches for the instructions; the codes have room for the widest register.
    unsafe {
        let query = black_box([3i8; 4]);
        let query = S::spread(query.as_ptr());
        let (mut codes, mut sums) = ([[query; 2]; 2], [S::splat(0); SUMS]);
        for sum in &mut sums {
            *sum = S::splat(black_box(0x0102_0304));
        }
        for _ in 0..rounds {
            for sum in &mut sums {
                codes = sum.unknown(codes);
                *sum = sum.add_products(codes[0], codes[1]);
            }
        }
        let mut out = [0.0; 64];
        for sum in sums {
            sum.to_floats().store(out.as_mut_ptr());
            black_box(&out);
        }
    }
    SUMS * super::tile::STEP * S::Floats::COUNT
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn burn_avx2(rounds: u32) -> usize {
    // SAFETY: the instructions are this function's own.
    unsafe { burn::<__m256, SUMS>(rounds) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn burn_avx512(rounds: u32) -> usize {
    // SAFETY: as above.
    unsafe { burn::<__m512, SUMS>(rounds) }
}

#[cfg(target_arch = "aarch64")]
#[target_feature(enable = "neon")]
fn burn_neon(rounds: u32) -> usize {
    // SAFETY: as above.
    unsafe { burn::<float32x4_t, MORE_SUMS>(rounds) }
}

/// Adds a product to `SUMS` registers, `rounds` times; how many lanes they have.
///
/// # Safety
/// The processor has the instructions of `L`.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "compiled anew for each instruction set"
)]
unsafe fn burn<L: Lanes, const SUMS: usize>(rounds: u32) -> usize {
    // SAFETY: the caller vouches for the instructions; `out` has room for the widest register.
    unsafe {
        let (by, plus) = (L::splat(black_box(0.999)), L::splat(black_box(0.001)));
        let mut sums = [by; SUMS];
        for sum in &mut sums {
            *sum = L::splat(black_box(1.0)); // equal sums that the compiler knows to be equal would be one
        }
        for _ in 0..rounds {
            for sum in &mut sums {
                *sum = by.multiply_add(plus, *sum); // where Arm's instruction writes to
            }
        }
        let mut out = [0.0; 64];
        for sum in sums {
            sum.store(out.as_mut_ptr());
            black_box(&out);
        }
    }
    SUMS * L::COUNT
}
