//! Memory asked for before it is read.

#![expect(unsafe_code, reason = "processor intrinsics")]

#[cfg(target_arch = "aarch64")]
use std::arch::asm;
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

use super::tile::Line;

/// Asks for the lines in which `values` lie; nothing where the processor has no such instruction.
pub fn prefetch<T>(values: &[T]) {
    for at in (0..size_of_val(values)).step_by(size_of::<Line>()) {
        ask(values.as_ptr().cast::<i8>().wrapping_add(at));
    }
}

/// Asks for one line.
#[inline(always)]
#[expect(clippy::inline_always, reason = "one instruction")]
pub(super) fn prefetch_line(line: &Line) {
    ask(std::ptr::from_ref(line).cast());
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "one instruction")]
fn ask(at: *const i8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch has no effect but on time, whatever the address, and SSE is part of x86-64.
    unsafe {
        _mm_prefetch::<_MM_HINT_T0>(at);
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above; the instruction is part of every such processor, and its intrinsic is not stable.
    unsafe {
        asm!("prfm pldl1keep, [{at}]", at = in(reg) at, options(readonly, nostack, preserves_flags));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = at;
}
