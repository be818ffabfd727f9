//! The end of a plan: holes are filled by exchange with other batches, and at the very last by repeating rows.

use super::Batches;
use super::conflicts::Conflicts;
use crate::error::Result;
use crate::key::{Key, stream};
use crate::tick::Tick;

/// How many other batches a hole is tried against.
const TRIES: u64 = 64;
/// How many rows without a place are tried against one batch.
const LOOK: usize = 256;
/// Values looked at, for each row of the data, before the remaining holes stay.
const EFFORT: usize = 32;

/// Who holds a value, as far as was last asked; generations make clearing needless.
#[derive(Clone, Copy, Default)]
struct Stamp {
    /// The batch with the hole holds the value, if this is its generation.
    hole: u32,
    /// The other batch holds the value at place `at`, if this is its generation.
    other: u32,
    at: u32,
}

pub(super) struct Exchange<'a> {
    conflicts: &'a Conflicts,
    batches: &'a mut Batches,
    /// Rows without a place.
    rest: Vec<u32>,
    key: Key,
    draws: u64,
    stamps: Vec<Stamp>,
    generation: u32,
    effort: usize,
}

impl<'a> Exchange<'a> {
    pub(super) fn new(
        conflicts: &'a Conflicts,
        batches: &'a mut Batches,
        rest: Vec<u32>,
        key: Key,
    ) -> Self {
        Self {
            conflicts,
            batches,
            rest,
            key: key.fold(stream::EXCHANGE),
            draws: 0,
            stamps: Vec::new(),
            generation: 0,
            effort: (conflicts.rows() + 4096) * (conflicts.width() + 1) * EFFORT,
        }
    }

    /// Fills holes with rows that have no place, directly or by exchange, as far as that goes with bounded effort.
    pub(super) fn fill_holes(&mut self, tick: &mut Tick<'_>) -> Result<()> {
        let total = self.batches.lens.len();
        for batch in 0..total {
            if self.batches.holes(batch) == 0 || self.rest.is_empty() || self.effort == 0 {
                continue;
            }
            tick.at(batch as u64, total as u64)?;
            self.prepare();
            let hole = self.stamp_hole(batch);
            self.fill_directly(batch, hole);
            for _ in 0..TRIES {
                if self.batches.holes(batch) == 0 || self.rest.is_empty() || self.effort == 0 {
                    break;
                }
                let other = self.draw(total);
                if other != batch {
                    self.exchange(batch, hole, other);
                }
            }
        }
        Ok(())
    }

    /// Brings every batch to `least` rows by repeating rows of this plan; whether there was need to.
    ///
    /// Where no row fits, the batch becomes a copy of another full one, or of the first rows of `witness`.
    pub(super) fn complete(
        &mut self,
        least: usize,
        witness: &[u32],
        tick: &mut Tick<'_>,
    ) -> Result<bool> {
        let total = self.batches.lens.len();
        let mut repeated = false;
        for batch in 0..total {
            if self.batches.lens[batch] as usize >= least {
                continue;
            }
            tick.at(batch as u64, total as u64)?;
            repeated = true;
            self.prepare();
            self.repeat_rows(batch, least);
            if (self.batches.lens[batch] as usize) < least {
                self.copy_batch(batch, least, witness);
            }
        }
        Ok(repeated)
    }

    fn prepare(&mut self) {
        if self.stamps.is_empty() {
            self.stamps = vec![Stamp::default(); self.conflicts.values()];
        }
    }

    fn draw(&mut self, bound: usize) -> usize {
        self.draws += 1;
        let product = u128::from(self.key.bits(self.draws)) * bound as u128;
        usize::try_from(product >> 64).unwrap_or(0)
    }

    fn spend(&mut self, rows: usize) {
        self.effort = self
            .effort
            .saturating_sub(rows * (self.conflicts.width() + 1));
    }

    fn stamp_hole(&mut self, batch: usize) -> u32 {
        self.generation += 1;
        for &row in self.batches.get(batch) {
            for value in self.conflicts.of(row) {
                self.stamps[value].hole = self.generation;
            }
        }
        self.generation
    }

    fn fits_hole(&self, row: u32, hole: u32) -> bool {
        self.conflicts
            .of(row)
            .all(|value| self.stamps[value].hole != hole)
    }

    fn push(&mut self, batch: usize, hole: u32, row: u32) {
        self.batches.push(batch, row);
        for value in self.conflicts.of(row) {
            self.stamps[value].hole = hole;
        }
    }

    fn fill_directly(&mut self, batch: usize, hole: u32) {
        let mut at = 0;
        self.spend(self.rest.len().min(16 * LOOK));
        while at < self.rest.len().min(16 * LOOK) && self.batches.holes(batch) > 0 {
            let row = self.rest[at];
            if self.fits_hole(row, hole) {
                self.push(batch, hole, row);
                self.rest.swap_remove(at);
            } else {
                at += 1;
            }
        }
    }

    /// Moves a row of `other` into the hole and a row without a place to where it was, if there are two such rows.
    fn exchange(&mut self, batch: usize, hole: u32, other: usize) {
        self.spend(self.batches.get(other).len() * 2 + self.rest.len().min(LOOK));
        let Some(any) = self
            .batches
            .get(other)
            .iter()
            .position(|&row| self.fits_hole(row, hole))
        else {
            return;
        };
        self.generation += 1;
        for (at, &row) in (0u32..).zip(self.batches.get(other)) {
            for value in self.conflicts.of(row) {
                let stamp = &mut self.stamps[value];
                (stamp.other, stamp.at) = (self.generation, at);
            }
        }
        for at in 0..self.rest.len().min(LOOK) {
            let Some(place) = self.place_for(self.rest[at], any) else {
                continue;
            };
            let moved = self.batches.get(other)[place];
            if self.fits_hole(moved, hole) {
                let row = self.rest.swap_remove(at);
                self.batches.rows[other * self.batches.stride + place] = row;
                self.push(batch, hole, moved);
                return;
            }
        }
    }

    /// The place in the other batch that `row` can take: of the one row it conflicts with, `any` if there is none.
    fn place_for(&self, row: u32, any: usize) -> Option<usize> {
        let mut place = None;
        for value in self.conflicts.of(row) {
            let stamp = self.stamps[value];
            if stamp.other == self.generation {
                if place.is_some_and(|place| place != stamp.at) {
                    return None;
                }
                place = Some(stamp.at);
            }
        }
        Some(place.map_or(any, |place| place as usize))
    }

    fn repeat_rows(&mut self, batch: usize, least: usize) {
        let hole = self.stamp_hole(batch);
        let rows = self.conflicts.rows();
        let start = self.draw(rows);
        for step in 0..rows {
            if self.batches.lens[batch] as usize >= least || self.effort == 0 {
                return;
            }
            // Rows at random first: neighbours in a file are often alike.
            let at = if step < 1024 {
                self.draw(rows)
            } else {
                (start + step) % rows
            };
            let row = u32::try_from(at).unwrap_or(0);
            self.spend(1);
            if self.fits_hole(row, hole) && !self.batches.get(batch).contains(&row) {
                self.push(batch, hole, row);
            }
        }
    }

    fn copy_batch(&mut self, batch: usize, least: usize, witness: &[u32]) {
        let total = self.batches.lens.len();
        let start = self.draw(total);
        let full = (start..start + total)
            .map(|at| at % total)
            .find(|&at| self.batches.lens[at] as usize >= least);
        let copy = full
            .map_or(witness, |at| &self.batches.get(at)[..least])
            .to_vec();
        if copy.len() >= least {
            self.batches.lens[batch] = 0;
            copy.into_iter()
                .for_each(|row| self.batches.push(batch, row));
        }
    }
}
