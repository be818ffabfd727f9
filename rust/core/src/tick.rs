//! Progress out, cancellation in.
//!
//! Long work calls [`Tick::at`] between blocks, on the thread that called it. What happens there (a progress bar, a look
//! for Ctrl-C) is the caller's affair.

use std::ops::ControlFlow;

use crate::error::{Error, Result};

/// What is called with `(done, total)` between blocks; breaking stops the work.
pub type Poll<'a> = dyn FnMut(u64, u64) -> ControlFlow<()> + 'a;

/// A caller's ear and brake.
pub struct Tick<'a> {
    poll: Option<&'a mut Poll<'a>>,
}

impl<'a> Tick<'a> {
    /// Reports to `poll` and stops when it breaks.
    pub fn new(poll: &'a mut Poll<'a>) -> Self {
        Self { poll: Some(poll) }
    }

    /// Nobody listens, nothing stops.
    pub fn silent() -> Self {
        Self { poll: None }
    }

    /// Says that `done` of `total` units are finished.
    ///
    /// # Errors
    /// [`Error::Cancelled`] where the caller wants to stop.
    pub fn at(&mut self, done: u64, total: u64) -> Result<()> {
        match self.poll.as_mut().map(|poll| poll(done, total)) {
            Some(ControlFlow::Break(())) => Err(Error::Cancelled),
            Some(ControlFlow::Continue(())) | None => Ok(()),
        }
    }
}

impl std::fmt::Debug for Tick<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Tick")
            .field("listened_to", &self.poll.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn break_becomes_cancelled() {
        let mut heard = Vec::new();
        let mut poll = |done, total| {
            heard.push((done, total));
            if done < 2 {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        };
        let mut tick = Tick::new(&mut poll);
        assert!(tick.at(1, 3).is_ok());
        assert!(matches!(tick.at(2, 3), Err(Error::Cancelled)));
        assert_eq!(heard, [(1, 3), (2, 3)]);
    }

    #[test]
    fn silence_never_stops() {
        assert!(Tick::silent().at(1, 0).is_ok());
    }
}
