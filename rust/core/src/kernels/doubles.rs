//! Eight float64 numbers side by side, as the processor holds them: what sums of float32 products are taken in.

#![expect(unsafe_code, reason = "processor intrinsics")]
#![expect(
    clippy::inline_always,
    reason = "a method must be part of a caller that has the instruction set"
)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256d, __m512d, _mm_loadu_ps, _mm256_add_pd, _mm256_cvtps_pd, _mm256_fmadd_pd,
    _mm256_loadu_pd, _mm256_loadu_ps, _mm256_mul_pd, _mm256_storeu_pd, _mm256_sub_pd,
    _mm512_add_pd, _mm512_cvtps_pd, _mm512_fmadd_pd, _mm512_loadu_pd, _mm512_mul_pd,
    _mm512_storeu_pd, _mm512_sub_pd,
};

/// How many numbers there are.
pub(super) const COUNT: usize = 8;

/// Eight numbers. Every operation rounds each of them once, to nearest; [`plus_product`](Self::plus_product) may round the
/// product too.
///
/// # Safety
/// All of it: the processor has the type's instructions.
pub(super) trait Doubles: Copy {
    unsafe fn load(from: &[f64; COUNT]) -> Self;
    unsafe fn store(self, to: &mut [f64; COUNT]);
    /// Eight float32 numbers, exactly.
    unsafe fn widened(from: &[f32; COUNT]) -> Self;
    unsafe fn plus(self, other: Self) -> Self;
    unsafe fn minus(self, other: Self) -> Self;
    unsafe fn times(self, other: Self) -> Self;
    /// `self + left * right`: the same bits for every type only where the product needs no rounding.
    unsafe fn plus_product(self, left: Self, right: Self) -> Self;
}

impl Doubles for [f64; COUNT] {
    #[inline(always)]
    unsafe fn load(from: &[f64; COUNT]) -> Self {
        *from
    }
    #[inline(always)]
    unsafe fn store(self, to: &mut [f64; COUNT]) {
        *to = self;
    }
    #[inline(always)]
    unsafe fn widened(from: &[f32; COUNT]) -> Self {
        from.map(f64::from)
    }
    #[inline(always)]
    unsafe fn plus(self, other: Self) -> Self {
        std::array::from_fn(|at| self[at] + other[at])
    }
    #[inline(always)]
    unsafe fn minus(self, other: Self) -> Self {
        std::array::from_fn(|at| self[at] - other[at])
    }
    #[inline(always)]
    unsafe fn times(self, other: Self) -> Self {
        std::array::from_fn(|at| self[at] * other[at])
    }
    #[inline(always)]
    unsafe fn plus_product(self, left: Self, right: Self) -> Self {
        std::array::from_fn(|at| self[at] + left[at] * right[at])
    }
}

#[cfg(target_arch = "x86_64")]
impl Doubles for [__m256d; 2] {
    #[inline(always)]
    unsafe fn load(from: &[f64; COUNT]) -> Self {
        // SAFETY: eight numbers can be read; the instructions are the caller's word.
        unsafe {
            let from = from.as_ptr();
            [_mm256_loadu_pd(from), _mm256_loadu_pd(from.add(4))]
        }
    }
    #[inline(always)]
    unsafe fn store(self, to: &mut [f64; COUNT]) {
        // SAFETY: as above, to be written.
        unsafe {
            _mm256_storeu_pd(to.as_mut_ptr(), self[0]);
            _mm256_storeu_pd(to.as_mut_ptr().add(4), self[1]);
        }
    }
    #[inline(always)]
    unsafe fn widened(from: &[f32; COUNT]) -> Self {
        // SAFETY: as above.
        unsafe {
            let from = from.as_ptr();
            let (low, high) = (_mm_loadu_ps(from), _mm_loadu_ps(from.add(4)));
            [_mm256_cvtps_pd(low), _mm256_cvtps_pd(high)]
        }
    }
    #[inline(always)]
    unsafe fn plus(self, other: Self) -> Self {
        // SAFETY: the caller's word.
        unsafe {
            [
                _mm256_add_pd(self[0], other[0]),
                _mm256_add_pd(self[1], other[1]),
            ]
        }
    }
    #[inline(always)]
    unsafe fn minus(self, other: Self) -> Self {
        // SAFETY: the caller's word.
        unsafe {
            [
                _mm256_sub_pd(self[0], other[0]),
                _mm256_sub_pd(self[1], other[1]),
            ]
        }
    }
    #[inline(always)]
    unsafe fn times(self, other: Self) -> Self {
        // SAFETY: the caller's word.
        unsafe {
            [
                _mm256_mul_pd(self[0], other[0]),
                _mm256_mul_pd(self[1], other[1]),
            ]
        }
    }
    #[inline(always)]
    unsafe fn plus_product(self, left: Self, right: Self) -> Self {
        // SAFETY: the caller's word.
        unsafe {
            [
                _mm256_fmadd_pd(left[0], right[0], self[0]),
                _mm256_fmadd_pd(left[1], right[1], self[1]),
            ]
        }
    }
}

#[cfg(target_arch = "x86_64")]
impl Doubles for __m512d {
    #[inline(always)]
    unsafe fn load(from: &[f64; COUNT]) -> Self {
        // SAFETY: eight numbers can be read; the instructions are the caller's word.
        unsafe { _mm512_loadu_pd(from.as_ptr()) }
    }
    #[inline(always)]
    unsafe fn store(self, to: &mut [f64; COUNT]) {
        // SAFETY: as above, to be written.
        unsafe { _mm512_storeu_pd(to.as_mut_ptr(), self) }
    }
    #[inline(always)]
    unsafe fn widened(from: &[f32; COUNT]) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_cvtps_pd(_mm256_loadu_ps(from.as_ptr())) }
    }
    #[inline(always)]
    unsafe fn plus(self, other: Self) -> Self {
        // SAFETY: the caller's word.
        unsafe { _mm512_add_pd(self, other) }
    }
    #[inline(always)]
    unsafe fn minus(self, other: Self) -> Self {
        // SAFETY: the caller's word.
        unsafe { _mm512_sub_pd(self, other) }
    }
    #[inline(always)]
    unsafe fn times(self, other: Self) -> Self {
        // SAFETY: the caller's word.
        unsafe { _mm512_mul_pd(self, other) }
    }
    #[inline(always)]
    unsafe fn plus_product(self, left: Self, right: Self) -> Self {
        // SAFETY: the caller's word.
        unsafe { _mm512_fmadd_pd(left, right, self) }
    }
}
