//! Which two sides meet next, of those that nobody else has.

use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Pairs that are still to meet.
pub(super) struct Pairs {
    count: usize,
    state: Mutex<State>,
    freed: Condvar,
}

struct State {
    /// The first of the ones.
    first: usize,
    /// Whom each of them is still to meet, the next one last.
    left: Vec<Vec<usize>>,
    is_busy: Vec<bool>,
}

/// Two that meet; they are free again where this ends.
pub(super) struct Pair<'a> {
    pairs: &'a Pairs,
    pub(super) one: usize,
    pub(super) other: usize,
}

impl Pairs {
    /// Each of the ones with each of the others; where both ranges are the same, each two once and each with itself.
    pub(super) fn new(ones: Range<usize>, others: Range<usize>, sides: usize) -> Self {
        let is_same = ones == others;
        let meets = |one: usize| {
            let first = if is_same { one } else { others.start };
            (first..others.end).rev().collect::<Vec<_>>()
        };
        let first = ones.start;
        let left: Vec<_> = ones.map(meets).collect();
        Self {
            count: left.iter().map(Vec::len).sum(),
            state: Mutex::new(State {
                first,
                left,
                is_busy: vec![false; sides],
            }),
            freed: Condvar::new(),
        }
    }

    /// How many there were in the beginning.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Two that are free, the one the `last` one where possible: it is in the core's cache. Waits where all pairs that are
    /// left are busy; `None` where none is left.
    pub(super) fn take(&self, last: Option<usize>) -> Option<Pair<'_>> {
        let mut state = self.lock();
        loop {
            if let Some((one, other)) = state.take(last) {
                return Some(Pair {
                    pairs: self,
                    one,
                    other,
                });
            }
            if state.left.iter().all(Vec::is_empty) {
                return None;
            }
            state = self
                .freed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, last: Option<usize>) -> Option<(usize, usize)> {
        let all = self.first..self.first + self.left.len();
        for one in last.into_iter().chain(all) {
            if self.is_busy[one] {
                continue;
            }
            let left = &mut self.left[one - self.first];
            let is_free = |&other: &usize| other == one || !self.is_busy[other];
            if let Some(at) = left.iter().rposition(is_free) {
                let other = left.remove(at);
                (self.is_busy[one], self.is_busy[other]) = (true, true);
                return Some((one, other));
            }
        }
        None
    }
}

impl Drop for Pair<'_> {
    fn drop(&mut self) {
        let mut state = self.pairs.lock();
        (state.is_busy[self.one], state.is_busy[self.other]) = (false, false);
        drop(state);
        self.pairs.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_two_meet_once_and_nobody_meets_two_at_once() {
        for (ones, others) in [(2..7, 2..7), (0..3, 3..9), (4..4, 4..9), (1..3, 3..3)] {
            let pairs = Pairs::new(ones.clone(), others.clone(), 9);
            let met = Mutex::new(Vec::new());
            let busy = Mutex::new([0; 9]);
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        let mut last = None;
                        while let Some(pair) = pairs.take(last) {
                            last = Some(pair.one);
                            let mark = |by: i32| {
                                let mut busy = busy.lock().unwrap_or_else(PoisonError::into_inner);
                                busy[pair.one] += by;
                                if pair.other != pair.one {
                                    busy[pair.other] += by;
                                }
                                busy.iter().all(|&count| count <= 1)
                            };
                            assert!(mark(1));
                            std::thread::yield_now();
                            mark(-1);
                            let mut met = met.lock().unwrap_or_else(PoisonError::into_inner);
                            met.push((pair.one, pair.other));
                        }
                    });
                }
            });
            let mut met = met.into_inner().unwrap_or_else(PoisonError::into_inner);
            met.sort_unstable();
            let is_same = ones == others;
            let expected: Vec<_> = ones
                .flat_map(|one| others.clone().map(move |other| (one, other)))
                .filter(|(one, other)| !is_same || one <= other)
                .collect();
            assert_eq!(pairs.count(), expected.len());
            assert_eq!(met, expected);
        }
    }
}
