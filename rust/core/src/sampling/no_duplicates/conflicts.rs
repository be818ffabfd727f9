//! What keeps rows apart: for each row the values that other rows hold too.

use crate::error::Result;
use crate::pool;
use crate::sampling::plan::Batching;
use crate::tick::Tick;

const BLOCK: usize = 1 << 16;
/// In place of a value that no other row holds, or that the row holds in an earlier column.
const NONE: u32 = u32::MAX;

/// Shared values by row, numbered anew without the values of one row only.
#[derive(Debug)]
pub(super) struct Conflicts {
    /// Row after row, `width` numbers each.
    values: Vec<u32>,
    width: usize,
    rows: usize,
    /// In how many rows each shared value is.
    counts: Vec<u32>,
    most: u32,
}

impl Conflicts {
    pub(super) fn new(columns: &[&[u32]], threads: usize, tick: &mut Tick<'_>) -> Result<Self> {
        let rows = columns.first().map_or(0, |column| column.len());
        let mut numbers = count_rows(columns, tick)?;
        let most = numbers.iter().copied().max().unwrap_or(0);
        let mut counts = Vec::new();
        for number in &mut numbers {
            let count = std::mem::replace(number, NONE);
            if count > 1 {
                *number = u32::try_from(counts.len()).unwrap_or(NONE);
                counts.push(count);
            }
        }
        let is_shared = |column: &&&[u32]| column.iter().any(|&id| numbers[id as usize] != NONE);
        let columns: Vec<&[u32]> = columns.iter().filter(is_shared).copied().collect();
        let width = columns.len();
        let mut values = vec![NONE; rows * width];
        pool::fill_blocks(
            threads,
            &mut values,
            BLOCK * width.max(1),
            tick,
            |start, block| {
                for (row, values) in (start / width..).zip(block.chunks_exact_mut(width)) {
                    for at in 0..width {
                        let value = numbers[columns[at][row] as usize];
                        if !values[..at].contains(&value) {
                            values[at] = value;
                        }
                    }
                }
                Ok(())
            },
        )?;
        Ok(Self {
            values,
            width,
            rows,
            counts,
            most,
        })
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The number of shared values.
    pub(super) fn values(&self) -> usize {
        self.counts.len()
    }

    /// The number of columns with shared values.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// In how many rows the most frequent value is, shared or not.
    pub(super) fn most(&self) -> u32 {
        self.most
    }

    /// The shared values of a row, each once.
    pub(super) fn of(&self, row: u32) -> impl Iterator<Item = usize> + Clone + '_ {
        self.raw(row)
            .iter()
            .filter(|&&value| value != NONE)
            .map(|&value| value as usize)
    }

    /// The shared values of a row among numbers that are no value's.
    pub(super) fn raw(&self, row: u32) -> &[u32] {
        &self.values[row as usize * self.width..][..self.width]
    }

    /// [`width`](Self::width) numbers for each of `rows`: its shared values among numbers that are no value's.
    pub(super) fn in_order(
        &self,
        rows: &[u32],
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<Vec<u32>> {
        let mut values = vec![NONE; rows.len() * self.width];
        let block = BLOCK * self.width.max(1);
        pool::fill_blocks(threads, &mut values, block, tick, |start, block| {
            let rows = &rows[start / self.width..];
            for (values, &row) in block.chunks_exact_mut(self.width).zip(rows) {
                values.copy_from_slice(self.raw(row));
            }
            Ok(())
        })?;
        Ok(values)
    }

    /// A row's most frequent value and its count; the first of several.
    pub(super) fn heaviest(&self, row: u32) -> Option<(usize, u32)> {
        self.of(row)
            .map(|value| (value, self.counts[value]))
            .reduce(|best, next| if next.1 > best.1 { next } else { best })
    }

    /// The most global batches that the counts allow in each column, or the fewest that hold every row.
    ///
    /// Of a value in `m` rows, `b` batches take `min(m, b)` rows at most.
    pub(super) fn num_batches(&self, columns: &[&[u32]], batching: Batching) -> usize {
        let wanted = if batching.drop_last() {
            batching.most(self.rows)
        } else {
            batching.fewest(self.rows).max(self.most as usize)
        };
        if self.most as usize <= wanted.min(batching.most(self.rows)) {
            return wanted.min(batching.most(self.rows));
        }
        let least = batching.least();
        let of_column = |column: &&[u32]| {
            let counts = count_column(column);
            let enough = |batches: usize| {
                let rows: usize = counts
                    .iter()
                    .map(|&count| (count as usize).min(batches))
                    .sum();
                rows >= batches * least
            };
            // The rows taken grow ever slower with the batches, so what is enough is an interval from 0.
            let (mut low, mut high) = (0, batching.most(self.rows));
            while low < high {
                let middle = (low + high).div_ceil(2);
                if enough(middle) {
                    low = middle;
                } else {
                    high = middle - 1;
                }
            }
            low
        };
        columns.iter().map(of_column).min().unwrap_or(0).min(wanted)
    }
}

/// In how many rows each value is, in any column.
fn count_rows(columns: &[&[u32]], tick: &mut Tick<'_>) -> Result<Vec<u32>> {
    let bound = columns
        .iter()
        .filter_map(|column| column.iter().max())
        .max()
        .map_or(0, |&id| id as usize + 1);
    let mut counts = vec![0u32; bound];
    for (at, column) in columns.iter().enumerate() {
        for block in pool::blocks(column.len(), BLOCK) {
            tick.at(0, 1)?;
            for row in block {
                let id = column[row];
                if !columns[..at].iter().any(|earlier| earlier[row] == id) {
                    counts[id as usize] += 1;
                }
            }
        }
    }
    Ok(counts)
}

fn count_column(column: &[u32]) -> Vec<u32> {
    let bound = column.iter().max().map_or(0, |&id| id as usize + 1);
    let mut counts = vec![0u32; bound];
    for &id in column {
        counts[id as usize] += 1;
    }
    counts.retain(|&count| count > 0);
    counts
}
