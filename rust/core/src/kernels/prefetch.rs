//! Memory asked for before it is read.

#![expect(unsafe_code, reason = "processor intrinsics")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

/// The bytes of a cache line.
const LINE: usize = 64;

/// Asks for the lines in which `values` lie; nothing where the processor has no such instruction.
pub fn prefetch<T>(values: &[T]) {
    #[cfg(target_arch = "x86_64")]
    for at in (0..size_of_val(values)).step_by(LINE) {
        // SAFETY: the address is inside the slice; a prefetch has no effect but on time, and SSE is part of x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(values.as_ptr().cast::<i8>().add(at)) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (values, LINE);
}
