//! Items that come one after another from a source without a known end, worked on in parallel, handed on in order.
//!
//! The source is asked by the workers, one at a time, so that reading and unpacking go on beside the work; what is finished
//! is handed on by the calling thread. At most twice as many items as there are threads are between the two, which bounds
//! the memory.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use super::{WAIT, lock, pool};
use crate::error::{Error, Result};

/// Calls `work` on every item of `next` on up to `threads` threads, and `sink` on the results in the order of the items.
/// `poll` is called at least every 25 ms; `next` is told to stop by a flag that it may look at.
///
/// # Errors
/// The first error in the order of the items, be it of `next`, `work` or `sink`; that of `poll`; an unusable number of
/// threads.
pub(crate) fn in_order<I: Send, T: Send>(
    threads: usize,
    mut next: impl FnMut(&AtomicBool) -> Result<Option<I>> + Send,
    work: impl Fn(I) -> Result<T> + Sync,
    mut sink: impl FnMut(T) -> Result<()>,
    mut poll: impl FnMut() -> Result<()>,
) -> Result<()> {
    if threads == 0 {
        return Err(Error::argument("threads", "be positive", 0));
    }
    if threads == 1 {
        let never = AtomicBool::new(false);
        while let Some(item) = next(&never)? {
            poll()?;
            sink(work(item)?)?;
            poll()?;
        }
        return poll();
    }
    let belt = Belt {
        source: Mutex::new((next, 0)),
        state: Mutex::new(State {
            done: BTreeMap::new(),
            handed: 0,
            gone: 0,
        }),
        bell: Condvar::new(),
        stop: AtomicBool::new(false),
        most: threads * 2,
    };
    pool(threads)?.workers.in_place_scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|_| belt.serve(&work));
        }
        let outcome = belt.hand_on(threads, &mut sink, &mut poll);
        belt.stop.store(true, Ordering::Relaxed);
        belt.bell.notify_all();
        outcome
    })
}

struct Belt<N, T> {
    /// The source, and the number of the next item; one past the last where it has ended.
    source: Mutex<(N, usize)>,
    state: Mutex<State<T>>,
    bell: Condvar,
    stop: AtomicBool,
    most: usize,
}

struct State<T> {
    done: BTreeMap<usize, Result<T>>,
    /// How many were handed on.
    handed: usize,
    /// Workers that have left.
    gone: usize,
}

impl<N, T> Belt<N, T> {
    fn serve<I>(&self, work: &impl Fn(I) -> Result<T>)
    where
        N: FnMut(&AtomicBool) -> Result<Option<I>>,
    {
        let _leaving = Leaving(self);
        while !self.stop.load(Ordering::Relaxed) {
            let mut source = lock(&self.source);
            if !self.has_room(source.1) || self.stop.load(Ordering::Relaxed) {
                return;
            }
            let at = source.1;
            // After the end, and after a fault, nobody asks again.
            let taken = (source.0)(&self.stop);
            if !matches!(taken, Ok(Some(_))) {
                self.stop.store(true, Ordering::Relaxed);
            }
            source.1 += 1;
            drop(source);
            let result = match taken {
                Ok(Some(item)) => work(item),
                Ok(None) => return,
                Err(error) => Err(error),
            };
            if result.is_err() {
                self.stop.store(true, Ordering::Relaxed);
            }
            lock(&self.state).done.insert(at, result);
            self.bell.notify_all();
        }
    }

    /// Waits until item `at` may be taken; false where all is to stop.
    fn has_room(&self, at: usize) -> bool {
        let mut state = lock(&self.state);
        while at >= state.handed + self.most {
            if self.stop.load(Ordering::Relaxed) {
                return false;
            }
            let woken = self.bell.wait_timeout(state, WAIT);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn hand_on(
        &self,
        crew: usize,
        sink: &mut impl FnMut(T) -> Result<()>,
        poll: &mut impl FnMut() -> Result<()>,
    ) -> Result<()> {
        loop {
            let mut state = lock(&self.state);
            let at = state.handed;
            let Some(result) = state.done.remove(&at) else {
                if state.gone == crew {
                    return Ok(());
                }
                let woken = self.bell.wait_timeout(state, WAIT);
                drop(woken);
                poll()?;
                continue;
            };
            state.handed += 1;
            drop(state);
            self.bell.notify_all();
            sink(result?)?;
            poll()?;
        }
    }
}

/// Counts a worker out, also one that panics.
struct Leaving<'a, N, T>(&'a Belt<N, T>);

impl<N, T> Drop for Leaving<'_, N, T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop.store(true, Ordering::Relaxed);
        }
        lock(&self.0.state).gone += 1;
        self.0.bell.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(threads: usize, fail: Option<usize>) -> (Vec<usize>, Option<String>) {
        let mut at = 0;
        let mut got = Vec::new();
        let outcome = in_order(
            threads,
            |_| {
                at += 1;
                Ok((at <= 100).then_some(at))
            },
            |item| {
                std::thread::sleep(std::time::Duration::from_micros((item % 7) as u64 * 50));
                match fail {
                    Some(from) if item >= from => Err(Error::argument("item", "work", item)),
                    _ => Ok(item),
                }
            },
            |item| {
                got.push(item);
                Ok(())
            },
            || Ok(()),
        );
        (got, outcome.err().map(|error| error.to_string()))
    }

    #[test]
    fn results_come_in_order_up_to_the_first_fault() {
        for threads in [1, 2, 7] {
            assert_eq!(run(threads, None), ((1..=100).collect(), None));
            let said = Some("`item` must work, got 42".to_string());
            assert_eq!(run(threads, Some(42)), ((1..42).collect(), said));
        }
    }

    #[test]
    fn the_source_never_runs_ahead_of_what_is_handed_on() {
        for threads in [1, 2, 5] {
            let taken = std::sync::atomic::AtomicUsize::new(0);
            let mut handed = 0;
            let outcome = in_order(
                threads,
                |_| {
                    let at = taken.fetch_add(1, Ordering::Relaxed);
                    Ok((at < 60).then_some(at))
                },
                Ok,
                |_| {
                    std::thread::sleep(std::time::Duration::from_millis(1));
                    handed += 1;
                    let ahead = taken.load(Ordering::Relaxed) - handed;
                    assert!(ahead <= 2 * threads + 1, "{ahead} ahead");
                    Ok(())
                },
                || Ok(()),
            );
            assert!(outcome.is_ok());
        }
    }

    #[test]
    fn a_fault_of_the_source_comes_after_what_it_gave() {
        for threads in [1, 3] {
            let (mut at, mut got) = (0, 0);
            let outcome = in_order(
                threads,
                |_| {
                    at += 1;
                    if at > 5 {
                        Err(Error::Cancelled)
                    } else {
                        Ok(Some(at))
                    }
                },
                Ok,
                |_| {
                    got += 1;
                    Ok(())
                },
                || Ok(()),
            );
            assert!(matches!(outcome, Err(Error::Cancelled)));
            assert_eq!(got, 5);
        }
    }

    #[test]
    fn a_poll_that_fails_stops_the_work() {
        for threads in [1, 2] {
            let mut turns = 0;
            let outcome = in_order(
                threads,
                |_| Ok(Some(())),
                Ok,
                |()| Ok(()),
                || {
                    turns += 1;
                    if turns > 10 {
                        Err(Error::Cancelled)
                    } else {
                        Ok(())
                    }
                },
            );
            assert!(matches!(outcome, Err(Error::Cancelled)));
        }
    }
}
