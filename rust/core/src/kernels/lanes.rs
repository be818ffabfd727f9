//! A register of float32 lanes, as the tile sees it: one implementation an instruction set.

#![expect(unsafe_code, reason = "processor intrinsics")]
#![expect(
    clippy::inline_always,
    reason = "a method must be part of a caller that has the instruction set"
)]

/// A register. Every method may only run where the processor has its instructions.
pub(super) trait Lanes: Copy {
    /// The number of lanes, a power of two up to 64.
    const COUNT: usize;

    /// # Safety
    /// The instruction set is there.
    unsafe fn splat(value: f32) -> Self;
    /// # Safety
    /// The instruction set is there, and `COUNT` values can be read.
    unsafe fn load(from: *const f32) -> Self;
    /// # Safety
    /// The instruction set is there, and `COUNT` values can be written.
    unsafe fn store(self, to: *mut f32);
    /// `self * by + plus`, rounded once or twice.
    ///
    /// # Safety
    /// The instruction set is there.
    unsafe fn multiply_add(self, by: Self, plus: Self) -> Self;
    /// # Safety
    /// The instruction set is there.
    unsafe fn multiply(self, by: Self) -> Self;
    /// # Safety
    /// The instruction set is there.
    unsafe fn add(self, other: Self) -> Self;
    /// # Safety
    /// The instruction set is there.
    unsafe fn subtract(self, other: Self) -> Self;
    /// The greater; `other` where `self` is NaN.
    ///
    /// # Safety
    /// The instruction set is there.
    unsafe fn greater(self, other: Self) -> Self;
    /// One bit a lane where `self >= other`; never where either is NaN.
    ///
    /// # Safety
    /// The instruction set is there.
    unsafe fn at_least(self, other: Self) -> u64;
}

/// Four lanes in plain Rust, for any processor; the compiler turns them into its own registers.
#[derive(Clone, Copy)]
pub(super) struct Portable(pub(super) [f32; 4]);

impl Portable {
    #[inline(always)]
    fn with(self, other: Self, operation: impl Fn(f32, f32) -> f32) -> Self {
        Self(std::array::from_fn(|at| operation(self.0[at], other.0[at])))
    }
}

impl Lanes for Portable {
    const COUNT: usize = 4;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self([value; 4])
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for four values; an array of `f32` is aligned as they are.
        Self(unsafe { from.cast::<[f32; 4]>().read() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: as above.
        unsafe { to.cast::<[f32; 4]>().write(self.0) }
    }

    #[inline(always)]
    unsafe fn multiply_add(self, by: Self, plus: Self) -> Self {
        // Fused only where that is one instruction; elsewhere it would be a call.
        if cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
            Self(std::array::from_fn(|at| {
                self.0[at].mul_add(by.0[at], plus.0[at])
            }))
        } else {
            self.with(by, |a, b| a * b).with(plus, |a, b| a + b)
        }
    }

    #[inline(always)]
    unsafe fn multiply(self, by: Self) -> Self {
        self.with(by, |a, b| a * b)
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self.with(other, |a, b| a + b)
    }

    #[inline(always)]
    unsafe fn subtract(self, other: Self) -> Self {
        self.with(other, |a, b| a - b)
    }

    #[inline(always)]
    unsafe fn greater(self, other: Self) -> Self {
        self.with(other, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    unsafe fn at_least(self, other: Self) -> u64 {
        (0..4).fold(0, |bits, at| {
            bits | u64::from(self.0[at] >= other.0[at]) << at
        })
    }
}

#[cfg(target_arch = "aarch64")]
mod neon;

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256, __m512, _CMP_GE_OQ, _mm256_add_ps, _mm256_cmp_ps, _mm256_fmadd_ps, _mm256_loadu_ps,
        _mm256_max_ps, _mm256_movemask_ps, _mm256_mul_ps, _mm256_set1_ps, _mm256_storeu_ps,
        _mm256_sub_ps, _mm512_add_ps, _mm512_cmp_ps_mask, _mm512_fmadd_ps, _mm512_loadu_ps,
        _mm512_max_ps, _mm512_mul_ps, _mm512_set1_ps, _mm512_storeu_ps, _mm512_sub_ps,
    };

    use super::Lanes;

    // SAFETY of every block below: the caller vouches for the instruction set and for the memory, as `Lanes` demands.

    impl Lanes for __m256 {
        const COUNT: usize = 8;

        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            // SAFETY: see above.
            unsafe { _mm256_set1_ps(value) }
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: see above.
            unsafe { _mm256_loadu_ps(from) }
        }

        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            // SAFETY: see above.
            unsafe { _mm256_storeu_ps(to, self) }
        }

        #[inline(always)]
        unsafe fn multiply_add(self, by: Self, plus: Self) -> Self {
            // SAFETY: see above.
            unsafe { _mm256_fmadd_ps(self, by, plus) }
        }

        #[inline(always)]
        unsafe fn multiply(self, by: Self) -> Self {
            // SAFETY: see above.
            unsafe { _mm256_mul_ps(self, by) }
        }

        #[inline(always)]
        unsafe fn add(self, other: Self) -> Self {
            // SAFETY: see above.
            unsafe { _mm256_add_ps(self, other) }
        }

        #[inline(always)]
        unsafe fn subtract(self, other: Self) -> Self {
            // SAFETY: see above.
            unsafe { _mm256_sub_ps(self, other) }
        }

        #[inline(always)]
        unsafe fn greater(self, other: Self) -> Self {
            // SAFETY: see above.
            unsafe { _mm256_max_ps(self, other) }
        }

        #[inline(always)]
        unsafe fn at_least(self, other: Self) -> u64 {
            // SAFETY: see above.
            let bits = unsafe { _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GE_OQ>(self, other)) };
            u64::from(bits.cast_unsigned())
        }
    }

    impl Lanes for __m512 {
        const COUNT: usize = 16;

        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            // SAFETY: see above.
            unsafe { _mm512_set1_ps(value) }
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: see above.
            unsafe { _mm512_loadu_ps(from) }
        }

        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            // SAFETY: see above.
            unsafe { _mm512_storeu_ps(to, self) }
        }

        #[inline(always)]
        unsafe fn multiply_add(self, by: Self, plus: Self) -> Self {
            // SAFETY: see above.
            unsafe { _mm512_fmadd_ps(self, by, plus) }
        }

        #[inline(always)]
        unsafe fn multiply(self, by: Self) -> Self {
            // SAFETY: see above.
            unsafe { _mm512_mul_ps(self, by) }
        }

        #[inline(always)]
        unsafe fn add(self, other: Self) -> Self {
            // SAFETY: see above.
            unsafe { _mm512_add_ps(self, other) }
        }

        #[inline(always)]
        unsafe fn subtract(self, other: Self) -> Self {
            // SAFETY: see above.
            unsafe { _mm512_sub_ps(self, other) }
        }

        #[inline(always)]
        unsafe fn greater(self, other: Self) -> Self {
            // SAFETY: see above.
            unsafe { _mm512_max_ps(self, other) }
        }

        #[inline(always)]
        unsafe fn at_least(self, other: Self) -> u64 {
            // SAFETY: see above.
            u64::from(unsafe { _mm512_cmp_ps_mask::<_CMP_GE_OQ>(self, other) })
        }
    }
}
