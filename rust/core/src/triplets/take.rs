//! Tuples at places of an order, made on threads into one block of memory.

use std::ops::Range;

use super::index::Index;
use super::permutation::{Permutation, Rounds};
use crate::capacity::check_fits;
use crate::error::{Error, Result};
use crate::key::{Key, stream};
use crate::pool;
use crate::tick::Tick;

/// Tuples that a thread makes before it asks for more.
const BLOCK: usize = 1 << 14;
/// Numbers that are shuffled, then looked up, together: enough to hide what one of them waits for.
pub(super) const PIECE: usize = 256;

/// In which order tuples come, and what is drawn where not all of them do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Order {
    /// What the user chose.
    pub seed: u64,
    /// How often the tuples were gone through before.
    pub epoch: u64,
    /// Whether they come in a random order; else in their own.
    pub is_shuffled: bool,
}

impl Order {
    fn key(self) -> Key {
        Key::new(self.seed).fold(self.epoch)
    }

    /// The order of `len` tuples, if it is random.
    ///
    /// # Errors
    /// [`Error::Argument`] past 2^126.
    pub fn permutation(self, len: u128) -> Result<Option<Permutation>> {
        let key = self.key().fold(stream::TUPLES);
        self.is_shuffled
            .then(|| Permutation::new(len, key))
            .transpose()
    }
}

/// What decides which tuples come where not all of them do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draws {
    pub(super) key: Key,
    /// Of the orders of all anchors, which their numbers tell apart.
    pub(super) rounds: Rounds,
}

impl Draws {
    fn new(order: Order) -> Self {
        let key = order.key().fold(stream::SHARES);
        let rounds = Rounds::new(key);
        Self { key, rounds }
    }
}

/// Places of an order, from 0.
#[derive(Debug, Clone)]
pub enum Places<'a> {
    /// One after another.
    Run(Range<u128>),
    /// Any.
    Narrow(&'a [u64]),
    /// Any, past 2^64 as well.
    Wide(&'a [u128]),
}

impl Places<'_> {
    /// How many there are.
    pub fn len(&self) -> u128 {
        match self {
            Self::Run(range) => range.end.saturating_sub(range.start),
            Self::Narrow(places) => places.len() as u128,
            Self::Wide(places) => places.len() as u128,
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Checks that all lie below `end`; their number.
    pub(super) fn check(&self, end: u128) -> Result<usize> {
        let rule = || format!("be below {end}");
        let told = |at: usize, place: u128| Err(Error::row("places", at, rule(), place));
        match self {
            Self::Run(range) if range.end > end && !self.is_empty() => {
                return Err(Error::argument(
                    "stop",
                    format!("be at most {end}"),
                    range.end,
                ));
            }
            Self::Run(_) => {}
            Self::Narrow(places) => {
                let is_out = |&&place: &&u64| u128::from(place) >= end;
                if let Some(&place) = places.iter().find(is_out) {
                    let at = places.iter().position(|&other| other == place);
                    return told(at.unwrap_or(0), place.into());
                }
            }
            Self::Wide(places) => {
                if let Some(at) = places.iter().position(|&place| place >= end) {
                    return told(at, places[at]);
                }
            }
        }
        // What is made lies in memory: three numbers of four bytes each at most.
        let count = self.len();
        let stop = match self {
            Self::Run(range) => range.end,
            Self::Narrow(_) | Self::Wide(_) => count,
        };
        check_fits("stop", stop, (count, "combinations"), 12)?;
        usize::try_from(count)
            .map_err(|_| Error::argument("stop", "leave a number of 64 bits", stop))
    }

    /// Writes those from number `from` on.
    pub(super) fn write<I: Index>(&self, from: usize, out: &mut [I]) {
        match self {
            Self::Run(range) => {
                for (place, out) in (range.start + from as u128..).zip(out) {
                    *out = I::from_wide(place);
                }
            }
            Self::Narrow(places) => {
                for (&place, out) in places[from..].iter().zip(out) {
                    *out = I::from_wide(place.into());
                }
            }
            Self::Wide(places) => {
                for (&place, out) in places[from..].iter().zip(out) {
                    *out = I::from_wide(place);
                }
            }
        }
    }
}

/// An implicit array of tuples, numbered with `I`.
pub(super) trait Tuples<I: Index>: Sync {
    fn len(&self) -> u128;
    /// Numbers of a tuple.
    fn width(&self) -> usize;
    /// Writes the tuples of `numbers`, each below the length.
    fn write(&self, draws: &Draws, numbers: &[I], out: &mut [u32]);
    /// Writes neighbours from `start` on; false where there is no faster way than one by one.
    fn write_run(&self, _start: I, _out: &mut [u32]) -> bool {
        false
    }
}

/// Tuples whose numbers are as narrow as their count lets them be: half the work in the wide ones is for nothing.
#[derive(Debug)]
pub(super) enum Numbered<N, W> {
    Narrow(N),
    Wide(W),
}

impl<N: Tuples<u64>, W: Tuples<u128>> Numbered<N, W> {
    pub(super) fn len(&self) -> u128 {
        match self {
            Self::Narrow(tuples) => tuples.len(),
            Self::Wide(tuples) => tuples.len(),
        }
    }

    /// As [`take`].
    pub(super) fn take(
        &self,
        places: &Places<'_>,
        order: Order,
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<Vec<u32>> {
        match self {
            Self::Narrow(tuples) => take(tuples, places, order, threads, tick),
            Self::Wide(tuples) => take(tuples, places, order, threads, tick),
        }
    }
}

/// The tuples at `places` of `order`, one after another. O(places).
pub(super) fn take<I: Index>(
    tuples: &impl Tuples<I>,
    places: &Places<'_>,
    order: Order,
    threads: usize,
    tick: &mut Tick<'_>,
) -> Result<Vec<u32>> {
    let count = places.check(tuples.len())?;
    let permutation = order.permutation(tuples.len())?;
    let (width, draws) = (tuples.width(), Draws::new(order));
    let mut out = vec![0; count * width];
    let work = |start: usize, block: &mut [u32]| {
        let start = start / width;
        if let (Places::Run(range), None) = (places, &permutation)
            && tuples.write_run(I::from_wide(range.start + start as u128), block)
        {
            return Ok(());
        }
        let mut numbers = [I::from_wide(0); PIECE];
        for (at, piece) in block.chunks_mut(PIECE * width).enumerate() {
            let numbers = &mut numbers[..piece.len() / width];
            places.write(start + at * PIECE, numbers);
            if let Some(permutation) = &permutation {
                permutation.all(numbers);
            }
            tuples.write(&draws, numbers, piece);
        }
        Ok(())
    };
    pool::fill_blocks(threads, &mut out, BLOCK * width, tick, work)?;
    Ok(out)
}
