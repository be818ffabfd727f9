//! Readers that others wrote may panic on a file whose bytes contradict each other: here that is an outcome.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

static HOOK: Once = Once::new();

/// What the step gives; none where it panics, and then nothing is printed. For steps of other crates only: a panic of our
/// own is a defect, and must be seen.
pub(crate) fn unless_panics<T>(step: impl FnOnce() -> T) -> Option<T> {
    HOOK.call_once(|| {
        let print = take_hook();
        set_hook(Box::new(move |panic| {
            if !IS_GUARDED.get() {
                print(panic);
            }
        }));
    });
    let was_guarded = IS_GUARDED.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(step));
    IS_GUARDED.set(was_guarded);
    outcome.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_none_and_the_next_step_is_guarded_by_itself() {
        assert_eq!(unless_panics(|| 1), Some(1));
        let outcome: Option<()> = unless_panics(|| panic!("contradictions"));
        assert_eq!(outcome, None);
        assert!(!IS_GUARDED.get());
        let inner = unless_panics(|| {
            let outcome: Option<()> = unless_panics(|| panic!("within"));
            outcome.is_none() && IS_GUARDED.get()
        });
        assert_eq!(inner, Some(true));
    }
}
