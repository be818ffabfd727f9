//! Batches in which no two rows share a value, in any column and across columns.
//!
//! Rows come in a random order and go to the oldest of 64 open batches that has none of their values: one 64-bit mask a
//! value says which open batches hold it, so a row costs O(columns) however many duplicates there are. Rows of frequent
//! values come at even distances, so that no pile of them is left for the end. What then finds no place is exchanged
//! with rows of full batches.

mod batches;
mod conflicts;
mod exchange;
mod first_fit;
mod repeat;

use crate::error::{Error, Result};
use crate::key::{Key, stream};
use crate::sampling::order::{shuffled, sorted};
use crate::sampling::plan::{Batching, Plan, Report};
use crate::tick::Tick;
use batches::Batches;
use conflicts::Conflicts;
use exchange::fill_holes;
use first_fit::first_fit;
use repeat::complete;

/// Rows of a value that is in more rows than this are laid out at even distances.
const FREQUENT: u32 = 64;

/// The rows of a data set, by what keeps them apart; plans any number of epochs.
#[derive(Debug)]
pub struct NoDuplicates {
    conflicts: Conflicts,
    batching: Batching,
    batches: usize,
    /// Rows of one batch without duplicates, kept where an epoch might not find another.
    witness: Vec<u32>,
}

impl NoDuplicates {
    /// Looks at the columns' values, equal numbers being equal values whatever the column. O(rows x columns).
    ///
    /// The number of batches is one for all epochs. It is what the counts of the values allow, column by column; where
    /// conflicts are so dense that this may be too many, one trial plan, the same for every seed, says how many are filled.
    ///
    /// # Errors
    /// [`Error::Argument`] where not one batch can be made, or where one value is in all rows; [`Error::Shape`] where the
    /// columns differ in length; [`Error::Cancelled`].
    pub fn new(
        columns: &[&[u32]],
        batching: Batching,
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<Self> {
        let rows = columns.first().map_or(0, |column| column.len());
        if let Some(column) = columns.iter().find(|column| column.len() != rows) {
            let got = format!("{rows} and {}", column.len());
            return Err(Error::shape("columns", "of one length", got));
        }
        batching.num_batches(rows)?;
        let conflicts = Conflicts::new(columns, threads, tick)?;
        if conflicts.most() as usize == rows && rows > 1 && batching.whole() > 1 {
            let got = format!("a text that is in all {rows} rows");
            let hint = "\nhint: leave out a column that is the same in every row";
            return Err(Error::argument(
                "dataset",
                "have rows without a common text",
                got + hint,
            ));
        }
        let batches = conflicts.num_batches(columns, batching);
        let mut sampler = Self {
            conflicts,
            batching,
            batches,
            witness: Vec::new(),
        };
        sampler.try_out(threads, tick)?;
        if sampler.batches == 0 {
            return Err(too_dense(columns, batching));
        }
        Ok(sampler)
    }

    /// The number of global batches of every epoch.
    pub fn num_batches(&self) -> usize {
        self.batches
    }

    /// The number of batches of all ranks, in every epoch.
    pub fn len(&self) -> usize {
        self.batches * self.batching.num_replicas()
    }

    /// Never: there is at least one batch.
    pub fn is_empty(&self) -> bool {
        self.batches == 0
    }

    /// The plan of an epoch; deterministic in `(seed, epoch)`. O(rows x columns).
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn plan(&self, seed: u64, epoch: u64, threads: usize, tick: &mut Tick<'_>) -> Result<Plan> {
        let key = Key::new(seed).fold(epoch);
        let mut batches = self.fill(key, threads, tick)?;
        let least = self.batching.least();
        let repeated = complete(
            &self.conflicts,
            &mut batches,
            least,
            &self.witness,
            key,
            tick,
        )?;
        let rows = self.conflicts.rows();
        let (order, sizes) = batches.into_parts();
        let used = if repeated {
            count_distinct(&order, rows)
        } else {
            order.len()
        };
        let report = Report::new(self.batching, rows, used, order.len());
        Ok(Plan::new(order, &sizes, self.batching, seed, epoch, report))
    }

    /// Batches of different rows, with holes where no more could be placed.
    fn fill(&self, key: Key, threads: usize, tick: &mut Tick<'_>) -> Result<Batches> {
        let (order, spare) = self.order(key.fold(stream::SHUFFLE), threads, tick)?;
        let targets = self.batching.sizes(self.conflicts.rows(), self.batches);
        let mut batches = Batches::new(targets);
        let mut rest = first_fit(&self.conflicts, &order, &mut batches, threads, tick)?;
        rest.extend(spare);
        fill_holes(&self.conflicts, &mut batches, rest, key, tick)?;
        Ok(batches)
    }

    /// Rows in the order in which they are placed, and rows beyond one for each batch that holds their value.
    fn order(&self, key: Key, threads: usize, tick: &mut Tick<'_>) -> Result<(Vec<u32>, Vec<u32>)> {
        let order = shuffled(self.conflicts.rows(), key, threads, tick)?;
        let limit = u64::from(FREQUENT).min(self.batches as u64 / 64 + 1);
        if u64::from(self.conflicts.most()) <= limit {
            return Ok((order, Vec::new()));
        }
        let places = order.len() as u64;
        let mut spare = Vec::new();
        let mut ranks = vec![0u32; self.conflicts.values()];
        let inside = key.fold(0);
        // Where each row goes, as a share of 2^32, above its number.
        let mut positions = Vec::with_capacity(order.len());
        for (place, row) in (0..).zip(order) {
            let frequent = self.conflicts.heaviest(row);
            let position = match frequent.filter(|&(_, count)| u64::from(count) > limit) {
                None => (place << 32) / places,
                Some((value, count)) => {
                    let rank = ranks[value];
                    ranks[value] += 1;
                    if rank as usize >= self.batches {
                        spare.push(row);
                        continue;
                    }
                    let strata = u64::from(count).min(self.batches as u64);
                    let offset = inside.bits(u64::from(row)) >> 32;
                    (u64::from(rank) << 32 | offset) / strata
                }
            };
            positions.push(position << 32 | u64::from(row));
        }
        let positions = sorted(&positions, threads, tick)?;
        #[expect(clippy::cast_possible_truncation, reason = "the lower half is the row")]
        let order = positions.into_iter().map(|item| item as u32).collect();
        Ok((order, spare))
    }

    /// Lowers the number of batches to what one plan fills, where values are so frequent that exchange might not.
    ///
    /// A row conflicts with at most `w * m` others, for `w` columns and `m` rows of the most frequent value. With more
    /// than `2 * w * m + 1` batches there always is a full batch that takes any row for one that any other batch takes.
    fn try_out(&mut self, threads: usize, tick: &mut Tick<'_>) -> Result<()> {
        let reach = 2 * self.conflicts.width() * self.conflicts.most() as usize + 1;
        let least = self.batching.least();
        if self.batches > reach || least == 1 || self.batches == 0 {
            return Ok(());
        }
        let key = Key::new(0).fold(stream::TRIAL);
        let batches = self.fill(key, threads, tick)?;
        let filled = (0..batches.len()).filter(|&batch| batches.get(batch).len() >= least);
        if let Some(first) = filled.clone().next() {
            self.witness = batches.get(first)[..least].to_vec();
        }
        self.batches = filled.count();
        Ok(())
    }
}

fn too_dense(columns: &[&[u32]], batching: Batching) -> Error {
    let fewest = columns
        .iter()
        .map(|column| count_distinct(column, column.iter().max().map_or(0, |&id| id as usize + 1)))
        .min()
        .unwrap_or(0);
    let rows = columns.first().map_or(0, |column| column.len());
    let got = format!(
        "{} for {rows} rows with {fewest} distinct texts in a column\nhint: take a smaller `batch_size` or `drop_last=False`",
        batching.whole()
    );
    Error::argument(
        "batch_size",
        "leave room for one batch without duplicates",
        got,
    )
}

/// The number of distinct values, all below `bound`.
fn count_distinct(values: &[u32], bound: usize) -> usize {
    let mut seen = vec![0u64; bound.div_ceil(64)];
    for &value in values {
        seen[value as usize / 64] |= 1 << (value % 64);
    }
    seen.iter().map(|word| word.count_ones() as usize).sum()
}
