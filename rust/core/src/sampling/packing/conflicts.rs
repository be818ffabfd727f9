//! What keeps rows apart: the values that a row holds and others hold too, and pairs of values that must not meet.

use super::pairs::{Reach, known_positives};
use crate::error::{Error, Result};
use crate::pool;
use crate::tick::Tick;
use crate::view::IdColumn;

const BLOCK: usize = 1 << 16;
/// In place of a number, for a value that keeps nothing apart.
const NONE: u32 = u32::MAX;

/// The values by row that keep it from other rows, numbered anew without all others.
///
/// Two rows conflict if both hold a value, or if one holds a value that the other's [reach](Self::reach) names.
#[derive(Debug)]
pub(super) struct Conflicts {
    /// Row after row, each value once.
    values: Vec<u32>,
    /// Where each row's values begin, and at last their number.
    starts: Vec<u32>,
    /// In how many rows each value is.
    counts: Vec<u32>,
    /// In how many rows the most frequent value is, whether it keeps rows apart or not.
    most: u32,
    /// The most values that a row holds.
    width: usize,
    reach: Reach,
}

impl Conflicts {
    /// Of `rows` rows: columns whose values no two rows of a batch share, and pairs of their values that must not meet.
    ///
    /// With `has_known_positives` the first two columns are queries and their positives, which must not meet under other
    /// rows.
    pub(super) fn new(
        rows: usize,
        columns: &[IdColumn<'_>],
        pairs: &[[u32; 2]],
        has_known_positives: bool,
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<Self> {
        let mut numbers = count_rows(rows, columns, threads, tick)?;
        let most = numbers.iter().copied().max().unwrap_or(0);
        let mut pairs = pairs.to_vec();
        if let (true, [queries, positives, ..]) = (has_known_positives, columns) {
            pairs.append(&mut known_positives(
                queries, positives, &numbers, threads, tick,
            )?);
        }
        pairs.retain(|pair| {
            let mut is_held = pair
                .iter()
                .map(|&id| numbers.get(id as usize).is_some_and(|&count| count > 0));
            is_held.all(|held| held) && pair[0] != pair[1]
        });
        let mut is_paired = vec![false; if pairs.is_empty() { 0 } else { numbers.len() }];
        for &id in pairs.as_flattened() {
            is_paired[id as usize] = true;
        }
        let mut counts = Vec::new();
        for (id, number) in numbers.iter_mut().enumerate() {
            let count = std::mem::replace(number, NONE);
            if count > 1 || is_paired.get(id).is_some_and(|&paired| paired) {
                *number = u32::try_from(counts.len()).unwrap_or(NONE);
                counts.push(count);
            }
        }
        for id in pairs.as_flattened_mut() {
            *id = numbers[*id as usize];
        }
        let (values, starts) = number_rows(rows, columns, &numbers, threads, tick)?;
        let width = starts.windows(2).map(|cut| cut[1] - cut[0]).max();
        Ok(Self {
            values,
            starts,
            most,
            width: width.unwrap_or(0) as usize,
            reach: Reach::new(&pairs, counts.len(), threads, tick)?,
            counts,
        })
    }

    pub(super) fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    /// The number of values.
    pub(super) fn values(&self) -> usize {
        self.counts.len()
    }

    /// In how many rows the most frequent value is.
    pub(super) fn most(&self) -> u32 {
        self.most
    }

    /// A number of rows that no row conflicts with more than.
    pub(super) fn most_conflicts(&self) -> usize {
        self.width * (self.most as usize + self.reach.most_rows(&self.counts))
    }

    /// The values of a row, each once.
    pub(super) fn of(&self, row: u32) -> &[u32] {
        let [start, stop] = [row, row + 1].map(|at| self.starts[at as usize] as usize);
        &self.values[start..stop]
    }

    /// Whether there are pairs that must not meet, so that values have a reach.
    pub(super) fn has_reach(&self) -> bool {
        !self.reach.is_empty()
    }

    /// The values that no row may hold which meets a holder of `value`; each pair is in the reach of one of its two.
    pub(super) fn reach(&self, value: u32) -> &[u32] {
        self.reach.of(value)
    }

    /// What a row reaches, a value perhaps more than once.
    pub(super) fn reached_by(&self, row: u32) -> impl Iterator<Item = u32> + Clone + '_ {
        let values = if self.has_reach() { self.of(row) } else { &[] };
        values.iter().flat_map(|&value| self.reach(value)).copied()
    }

    /// The number of values that are looked at to find who conflicts with a row.
    pub(super) fn cost(&self, row: u32) -> usize {
        let reach = |&value: &u32| self.reach(value).len();
        1 + self.of(row).len() + self.of(row).iter().map(reach).sum::<usize>()
    }

    /// Whether two rows must not meet.
    pub(super) fn between(&self, row: u32, other: u32) -> bool {
        let shares = |value: &u32| self.of(other).contains(value);
        self.of(row).iter().any(shares)
            || self.reached_by(row).any(|value| shares(&value))
            || self
                .reached_by(other)
                .any(|value| self.of(row).contains(&value))
    }

    /// The values of `rows`, in pieces of up to [`Piece::ROWS`] rows.
    pub(super) fn in_order(
        &self,
        rows: &[u32],
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<Vec<Piece>> {
        pool::map_blocks(threads, rows.len(), Piece::ROWS, tick, |range| {
            Ok(Piece::new(rows[range].iter().map(|&row| self.of(row))))
        })
    }

    /// A row's most frequent value and its count; the first of several.
    pub(super) fn heaviest(&self, row: u32) -> Option<(usize, u32)> {
        self.of(row)
            .iter()
            .map(|&value| (value as usize, self.counts[value as usize]))
            .reduce(|best, next| if next.1 > best.1 { next } else { best })
    }
}

/// The values of some rows one after the other, where a reader in their order finds them at once.
#[derive(Debug)]
pub(super) struct Piece {
    values: Vec<u32>,
    ends: Vec<u32>,
}

impl Piece {
    pub(super) const ROWS: usize = 1 << 16;

    fn new<'a>(rows: impl ExactSizeIterator<Item = &'a [u32]>) -> Self {
        let mut piece = Self {
            values: Vec::with_capacity(rows.len()),
            ends: Vec::with_capacity(rows.len()),
        };
        for values in rows {
            // A few values a row: a call to copy them costs more than they do.
            for &value in values {
                piece.values.push(value);
            }
            piece.end_row();
        }
        piece
    }

    fn end_row(&mut self) {
        self.ends
            .push(u32::try_from(self.values.len()).unwrap_or(NONE));
    }

    /// The values of the rows `first..last` of the piece.
    pub(super) fn between(&self, first: usize, last: usize) -> &[u32] {
        let place = |row: usize| row.checked_sub(1).map_or(0, |row| self.ends[row] as usize);
        &self.values[place(first)..place(last)]
    }

    /// The values of one row of the piece.
    pub(super) fn of(&self, row: usize) -> &[u32] {
        self.between(row, row + 1)
    }
}

/// In how many rows each value is, in any column.
///
/// Every thread reads all rows and counts the values of a range of its own: counters that threads share would make each
/// of these accesses, which lie anywhere in memory, wait for the one before.
fn count_rows(
    rows: usize,
    columns: &[IdColumn<'_>],
    threads: usize,
    tick: &mut Tick<'_>,
) -> Result<Vec<u32>> {
    let greatest = columns
        .iter()
        .filter_map(|column| column.values().iter().max());
    let bound = greatest.max().map_or(0, |&id| id as usize + 1);
    let mut counts = vec![0u32; bound];
    let part = pool::parts(threads, bound);
    pool::fill_blocks(threads, &mut counts, part, tick, |start, counts| {
        let mut count = |value: u32| {
            let at = (value as usize).wrapping_sub(start);
            if let Some(count) = counts.get_mut(at) {
                *count += 1;
            }
        };
        if let Some(flat) = flat(columns) {
            for (at, column) in flat.iter().enumerate() {
                for (row, &value) in column.iter().enumerate() {
                    if !flat[..at].iter().any(|earlier| earlier[row] == value) {
                        count(value);
                    }
                }
            }
            return Ok(());
        }
        let mut values = Vec::new();
        for row in 0..rows {
            values.clear();
            for column in columns {
                values.extend_from_slice(column.of(row));
            }
            values.sort_unstable();
            values.dedup();
            values.iter().copied().for_each(&mut count);
        }
        Ok(())
    })?;
    Ok(counts)
}

/// The columns' ids, if there is one in each row of every column.
fn flat<'a>(columns: &[IdColumn<'a>]) -> Option<Vec<&'a [u32]>> {
    let flat = columns.iter().map(|column| match column {
        IdColumn::Flat(ids) => Some(*ids),
        IdColumn::Lists(_) => None,
    });
    flat.collect()
}

/// The numbers of each row's values, and where each row's begin.
fn number_rows(
    rows: usize,
    columns: &[IdColumn<'_>],
    numbers: &[u32],
    threads: usize,
    tick: &mut Tick<'_>,
) -> Result<(Vec<u32>, Vec<u32>)> {
    let pieces = pool::map_blocks(threads, rows, BLOCK, tick, |range| {
        let mut piece = Piece::new([].into_iter());
        for row in range {
            let first = piece.values.len();
            for &value in columns.iter().flat_map(|column| column.of(row)) {
                let number = numbers[value as usize];
                if number != NONE && !piece.values[first..].contains(&number) {
                    piece.values.push(number);
                }
            }
            piece.end_row();
        }
        Ok(piece)
    })?;
    let total: usize = pieces.iter().map(|piece| piece.values.len()).sum();
    if u32::try_from(total).is_err() {
        return Err(Error::TooMany {
            name: "dataset".into(),
            what: "texts that are in several rows".into(),
            limit: u64::from(u32::MAX),
            got: total as u64,
        });
    }
    let mut values = vec![0; total];
    let mut starts = vec![0; rows + 1];
    let (mut rest, mut ends) = (&mut values[..], &mut starts[1..]);
    let mut before = 0;
    let places: Vec<_> = pieces
        .into_iter()
        .map(|piece| {
            let own = rest.split_off_mut(..piece.values.len()).unwrap_or_default();
            let ends = ends.split_off_mut(..piece.ends.len()).unwrap_or_default();
            let first = before;
            before += u32::try_from(piece.values.len()).unwrap_or(NONE);
            (piece, own, ends, first)
        })
        .collect();
    let places = places.into_iter();
    pool::map_items(
        threads,
        places,
        tick,
        || (),
        |(), (piece, own, ends, first)| {
            own.copy_from_slice(&piece.values);
            for (end, place) in piece.ends.iter().zip(ends) {
                *place = first + end;
            }
            Ok(())
        },
    )?;
    Ok((values, starts))
}
