//! Four lanes of Arm's Advanced SIMD.

use std::arch::aarch64::{
    float32x4_t, vaddq_f32, vaddvq_u32, vandq_u32, vcgeq_f32, vdupq_n_f32, vfmaq_f32, vld1q_f32,
    vld1q_u32, vmaxnmq_f32, vmulq_f32, vst1q_f32, vsubq_f32,
};

use super::Lanes;

// SAFETY of every block below: the caller vouches for the instruction set and for the memory, as `Lanes` demands.

impl Lanes for float32x4_t {
    const COUNT: usize = 4;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: see above.
        unsafe { vdupq_n_f32(value) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: see above.
        unsafe { vld1q_f32(from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: see above.
        unsafe { vst1q_f32(to, self) }
    }

    #[inline(always)]
    unsafe fn multiply_add(self, by: Self, plus: Self) -> Self {
        // SAFETY: see above.
        unsafe { vfmaq_f32(plus, self, by) }
    }

    #[inline(always)]
    unsafe fn multiply(self, by: Self) -> Self {
        // SAFETY: see above.
        unsafe { vmulq_f32(self, by) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: see above.
        unsafe { vaddq_f32(self, other) }
    }

    #[inline(always)]
    unsafe fn subtract(self, other: Self) -> Self {
        // SAFETY: see above.
        unsafe { vsubq_f32(self, other) }
    }

    #[inline(always)]
    unsafe fn greater(self, other: Self) -> Self {
        // SAFETY: see above. Of a number and a quiet NaN it takes the number.
        unsafe { vmaxnmq_f32(self, other) }
    }

    #[inline(always)]
    unsafe fn at_least(self, other: Self) -> u64 {
        // SAFETY: see above.
        let bits = unsafe {
            let lanes = vcgeq_f32(self, other);
            vaddvq_u32(vandq_u32(lanes, vld1q_u32([1, 2, 4, 8].as_ptr())))
        };
        u64::from(bits)
    }
}
