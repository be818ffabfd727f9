//! A forked child can use the pool although its parent's threads are not there.
#![cfg(unix)]
#![expect(unsafe_code, reason = "fork and waitpid have no safe form")]

use foolsgold_core::{Result, pool, tick::Tick};

fn sum_of_blocks() -> Result<usize> {
    // More than one item: a line of length 1 runs inline and would hide a hang.
    let sums = pool::map_blocks(4, 1000, 10, &mut Tick::silent(), |range| {
        Ok(range.sum::<usize>())
    })?;
    Ok(sums.into_iter().sum())
}

#[test]
fn a_child_forked_after_first_use_computes() -> Result<()> {
    assert_eq!(sum_of_blocks()?, 499_500);
    // SAFETY: the child calls nothing but this crate and `_exit`.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: an end without the parent's exit handlers; the alarm ends a child that hangs.
        unsafe {
            libc::alarm(10);
            libc::_exit(i32::from(sum_of_blocks().ok() != Some(499_500)));
        }
    }
    let mut status = -1;
    // SAFETY: `status` outlives the call.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(
        (waited, status),
        (child, 0),
        "the child hung, failed or was ended by its alarm"
    );
    assert_eq!(sum_of_blocks()?, 499_500);
    Ok(())
}
