//! The one thread pool, and the only file that names rayon.
//!
//! Work is cut into items that workers take in order; results come back in the order of the items, so an answer never
//! depends on the number of threads. The calling thread does no work: it waits, and gives [`Tick`] its turn. The pool
//! belongs to a process: a forked child, whose copy of the parent's threads is dead, builds its own.
#![expect(
    unsafe_code,
    reason = "the pool hangs on an atomic pointer: a fork could leave a lock held for ever"
)]

mod in_order;

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(crate) use in_order::in_order;

use crate::error::{Error, Result};
use crate::tick::Tick;

/// How long the calling thread sleeps between two ticks.
const WAIT: Duration = Duration::from_millis(25);

/// The most blocks of work that reads everything for each.
const MAX_PARTS: usize = 8;

struct Pool {
    process: u32,
    threads: usize,
    workers: rayon::ThreadPool,
}

/// The current pool, or null. A pool is never freed: a child must not join threads that only its parent has.
static POOL: AtomicPtr<Pool> = AtomicPtr::new(std::ptr::null_mut());

/// The number of threads that this process may use at once: cores, affinity and cgroup quota considered.
pub fn available() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Cuts `0..len` into ranges of `block`, the last one shorter.
pub fn blocks(len: usize, block: usize) -> impl ExactSizeIterator<Item = Range<usize>> + Send {
    let block = block.max(1);
    (0..len.div_ceil(block)).map(move |at| at * block..len.min((at + 1) * block))
}

/// The size of `len` items' blocks where every thread has one: for work that reads everything for each block.
pub(crate) fn parts(threads: usize, len: usize) -> usize {
    len.div_ceil(threads.clamp(1, MAX_PARTS)).max(1 << 16)
}

/// Calls `work` on every block of `0..len`, on up to `threads` threads; the results in order.
///
/// # Errors
/// The error of the first block that has one, [`Error::Cancelled`], or an unusable number of threads.
pub fn map_blocks<T: Send>(
    threads: usize,
    len: usize,
    block: usize,
    tick: &mut Tick<'_>,
    work: impl Fn(Range<usize>) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    map_items(
        threads,
        blocks(len, block),
        tick,
        || (),
        |(), range| work(range),
    )
}

/// Calls `work` on every chunk of `out` with the place where the chunk begins, on up to `threads` threads.
///
/// # Errors
/// As [`map_blocks`].
pub fn fill_blocks<V: Send>(
    threads: usize,
    out: &mut [V],
    block: usize,
    tick: &mut Tick<'_>,
    work: impl Fn(usize, &mut [V]) -> Result<()> + Sync,
) -> Result<()> {
    let block = block.max(1);
    let chunks = out.chunks_mut(block).enumerate();
    map_items(
        threads,
        chunks,
        tick,
        || (),
        |(), (at, chunk)| work(at * block, chunk),
    )
    .map(drop)
}

/// Calls `work` on every item, on up to `threads` threads that each hold a `state`; the results in order.
///
/// # Errors
/// As [`map_blocks`].
pub fn map_items<I, S, T>(
    threads: usize,
    items: I,
    tick: &mut Tick<'_>,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, I::Item) -> Result<T> + Sync,
) -> Result<Vec<T>>
where
    I: ExactSizeIterator + Send,
    T: Send,
{
    if threads == 0 {
        return Err(Error::argument("threads", "be positive", 0));
    }
    let total = items.len();
    if threads == 1 || total <= 1 {
        return map_here(items, tick, &state, &work);
    }
    let line = Line::new(items);
    let crew = threads.min(total);
    let stopped = pool(crew)?.workers.in_place_scope(|scope| {
        for _ in 0..crew {
            scope.spawn(|_| line.serve(&state, &work));
        }
        line.watch(crew, total, tick)
    });
    stopped?;
    line.results()
}

fn map_here<I: ExactSizeIterator, S, T>(
    items: I,
    tick: &mut Tick<'_>,
    state: &impl Fn() -> S,
    work: &impl Fn(&mut S, I::Item) -> Result<T>,
) -> Result<Vec<T>> {
    let total = items.len() as u64;
    let mut state = state();
    let mut results = Vec::with_capacity(items.len());
    for (done, item) in (0..).zip(items) {
        tick.at(done, total)?;
        results.push(work(&mut state, item)?);
    }
    tick.at(total, total)?;
    Ok(results)
}

/// A line of items, the workers that serve it, and one caller who watches.
struct Line<I, T> {
    items: Mutex<std::iter::Enumerate<I>>,
    results: Mutex<Vec<(usize, Result<T>)>>,
    done: AtomicUsize,
    stop: AtomicBool,
    gone: Mutex<usize>,
    bell: Condvar,
}

impl<I: Iterator, T> Line<I, T> {
    fn new(items: I) -> Self {
        Self {
            items: Mutex::new(items.enumerate()),
            results: Mutex::new(Vec::new()),
            done: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            gone: Mutex::new(0),
            bell: Condvar::new(),
        }
    }

    fn serve<S>(&self, state: &impl Fn() -> S, work: &impl Fn(&mut S, I::Item) -> Result<T>) {
        let _leaving = Leaving {
            gone: &self.gone,
            bell: &self.bell,
            stop: &self.stop,
        };
        let mut state = state();
        let mut mine = Vec::new();
        while !self.stop.load(Ordering::Relaxed) {
            let Some((at, item)) = lock(&self.items).next() else {
                break;
            };
            let result = work(&mut state, item);
            // Items are taken in order, so every one before a failed one is finished: the first error is the one reported.
            if result.is_err() {
                self.stop.store(true, Ordering::Relaxed);
            }
            mine.push((at, result));
            self.done.fetch_add(1, Ordering::Relaxed);
        }
        lock(&self.results).append(&mut mine);
    }

    fn watch(&self, crew: usize, total: usize, tick: &mut Tick<'_>) -> Result<()> {
        let mut gone = lock(&self.gone);
        let mut outcome = Ok(());
        while *gone < crew {
            gone = self
                .bell
                .wait_timeout(gone, WAIT)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            if outcome.is_ok() {
                drop(gone);
                outcome = tick.at(self.done.load(Ordering::Relaxed) as u64, total as u64);
                if outcome.is_err() {
                    self.stop.store(true, Ordering::Relaxed);
                }
                gone = lock(&self.gone);
            }
        }
        outcome
    }

    fn results(self) -> Result<Vec<T>> {
        let mut results = self
            .results
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        results.sort_unstable_by_key(|(at, _)| *at);
        results.into_iter().map(|(_, result)| result).collect()
    }
}

/// Counts a worker out, also one that panics, so that the watcher never waits for it.
struct Leaving<'a> {
    gone: &'a Mutex<usize>,
    bell: &'a Condvar,
    stop: &'a AtomicBool,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.stop.store(true, Ordering::Relaxed);
        }
        *lock(self.gone) += 1;
        self.bell.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// This process's pool with at least `threads` threads.
fn pool(threads: usize) -> Result<&'static Pool> {
    let process = std::process::id();
    loop {
        let current = POOL.load(Ordering::Acquire);
        // SAFETY: the pointer is null or was published below, and no published pool is ever freed or changed.
        let found = unsafe { current.as_ref() };
        if let Some(pool) = found
            && pool.process == process
            && pool.threads >= threads
        {
            return Ok(pool);
        }
        let threads = threads.max(available());
        let workers = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|at| format!("foolsgold-{at}"))
            .build()
            .map_err(|error| Error::Threads {
                threads,
                reason: error.to_string(),
            })?;
        let fresh = Box::into_raw(Box::new(Pool {
            process,
            threads,
            workers,
        }));
        if POOL
            .compare_exchange(current, fresh, Ordering::AcqRel, Ordering::Acquire)
            .is_err()
        {
            // SAFETY: `fresh` came from `Box::into_raw` above and was not published.
            drop(unsafe { Box::from_raw(fresh) });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;

    #[test]
    fn results_come_in_order_for_any_threads_and_blocks() -> Result<()> {
        for threads in [1, 2, 7] {
            for block in [1, 4, 1000] {
                let sums = map_blocks(threads, 103, block, &mut Tick::silent(), |range| {
                    Ok(range.sum::<usize>())
                })?;
                let expected: Vec<usize> = blocks(103, block).map(Iterator::sum).collect();
                assert_eq!(sums, expected, "threads {threads}, block {block}");
            }
        }
        assert!(map_blocks(3, 0, 4, &mut Tick::silent(), |_| Ok(()))?.is_empty());
        Ok(())
    }

    #[test]
    fn blocks_are_filled_in_place() -> Result<()> {
        for threads in [1, 3] {
            let mut squares = vec![0; 1001];
            fill_blocks(
                threads,
                &mut squares,
                10,
                &mut Tick::silent(),
                |start, chunk| {
                    for (at, value) in (start..).zip(chunk) {
                        *value = at * at;
                    }
                    Ok(())
                },
            )?;
            assert!(
                squares
                    .iter()
                    .enumerate()
                    .all(|(at, &square)| square == at * at)
            );
        }
        Ok(())
    }

    #[test]
    fn the_first_error_is_the_one_reported() {
        for threads in [1, 2, 7] {
            let outcome = map_blocks(threads, 100, 1, &mut Tick::silent(), |range| {
                match range.start {
                    at @ (31 | 32 | 90) => Err(Error::argument("at", "work", at)),
                    at => Ok(at),
                }
            });
            assert_eq!(
                outcome.err().map(|error| error.to_string()),
                Some("`at` must work, got 31".into())
            );
        }
    }

    #[test]
    fn a_break_stops_the_work_early() {
        for threads in [1, 2] {
            let started = AtomicUsize::new(0);
            let mut poll = |_, _| ControlFlow::Break(());
            let outcome = map_blocks(threads, 1000, 1, &mut Tick::new(&mut poll), |_| {
                started.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(5));
                Ok(())
            });
            assert!(matches!(outcome, Err(Error::Cancelled)));
            assert!(started.load(Ordering::Relaxed) < 500);
        }
    }

    #[test]
    fn zero_threads_are_refused_and_many_are_given() -> Result<()> {
        let outcome = map_blocks(0, 10, 1, &mut Tick::silent(), |_| Ok(()));
        assert_eq!(
            outcome.err().map(|error| error.to_string()),
            Some("`threads` must be positive, got 0".into())
        );
        let names = map_blocks(available() + 3, 64, 1, &mut Tick::silent(), |_| {
            std::thread::sleep(Duration::from_millis(2));
            Ok(std::thread::current().name().map(str::to_owned))
        })?;
        assert!(names.iter().all(|name| {
            name.as_ref()
                .is_some_and(|name| name.starts_with("foolsgold-"))
        }));
        Ok(())
    }

    #[test]
    fn a_panic_reaches_the_caller_and_leaves_the_pool_usable() -> Result<()> {
        let outcome = std::panic::catch_unwind(|| {
            map_blocks(2, 10, 1, &mut Tick::silent(), |range| {
                assert!(range.start != 3, "three");
                Ok(())
            })
        });
        assert!(outcome.is_err());
        assert_eq!(
            map_blocks(2, 4, 1, &mut Tick::silent(), |range| Ok(range.start))?,
            [0, 1, 2, 3]
        );
        Ok(())
    }
}
