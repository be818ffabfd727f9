//! Pairs of values that must not meet.

use crate::error::Result;
use crate::pool;
use crate::tick::Tick;
use crate::view::IdColumn;

const BLOCK: usize = 1 << 16;

/// For each value those that its holders must not meet; of a pair, one has the other in its reach.
///
/// The one with fewer pairs has it: so few values are looked at for a row even where one value is in very many pairs.
#[derive(Debug, Default)]
pub(super) struct Reach {
    values: Vec<u32>,
    /// Where each value's reach begins, and at last the number of pairs; empty where there is no pair.
    starts: Vec<u32>,
}

impl Reach {
    pub(super) fn new(mut pairs: Vec<[u32; 2]>, num_values: usize) -> Self {
        for pair in &mut pairs {
            pair.sort_unstable();
        }
        pairs.sort_unstable();
        pairs.dedup();
        if pairs.is_empty() {
            return Self::default();
        }
        let mut degrees = vec![0u32; num_values];
        for &value in pairs.as_flattened() {
            degrees[value as usize] += 1;
        }
        for pair in &mut pairs {
            if degrees[pair[0] as usize] > degrees[pair[1] as usize] {
                pair.swap(0, 1);
            }
        }
        pairs.sort_unstable();
        let mut starts = vec![0; num_values + 1];
        for pair in &pairs {
            starts[pair[0] as usize + 1] += 1;
        }
        for value in 0..num_values {
            starts[value + 1] += starts[value];
        }
        let values = pairs.into_iter().map(|pair| pair[1]).collect();
        Self { values, starts }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub(super) fn of(&self, value: u32) -> &[u32] {
        if self.is_empty() {
            return &[];
        }
        let [start, stop] = [value, value + 1].map(|at| self.starts[at as usize] as usize);
        &self.values[start..stop]
    }

    /// In how many rows, at most, the values are that one value is paired with, either way.
    pub(super) fn most_rows(&self, counts: &[u32]) -> usize {
        let mut rows = vec![0u64; if self.is_empty() { 0 } else { counts.len() }];
        for value in (0u32..).take(rows.len()) {
            for &other in self.of(value) {
                rows[value as usize] += u64::from(counts[other as usize]);
                rows[other as usize] += u64::from(counts[value as usize]);
            }
        }
        usize::try_from(rows.into_iter().max().unwrap_or(0)).unwrap_or(usize::MAX)
    }
}

/// The pairs of a query and its positives that can meet under two rows.
///
/// Where all rows that hold the one hold the other too, they cannot: rows that share a text are apart already.
pub(super) fn known_positives(
    queries: &IdColumn<'_>,
    positives: &IdColumn<'_>,
    counts: &[u32],
    tick: &mut Tick<'_>,
) -> Result<Vec<[u32; 2]>> {
    let is_shared = |id: &u32| counts[*id as usize] > 1;
    let mut pairs = Vec::new();
    for block in pool::blocks(queries.len(), BLOCK) {
        tick.at(block.start as u64, queries.len() as u64)?;
        for row in block {
            let first = pairs.len();
            for &query in queries.of(row).iter().filter(|id| is_shared(id)) {
                for &positive in positives.of(row).iter().filter(|id| is_shared(id)) {
                    if !pairs[first..].contains(&[query, positive]) {
                        pairs.push([query, positive]);
                    }
                }
            }
        }
    }
    pairs.sort_unstable();
    let by_pair = pairs.chunk_by(|one, next| one == next);
    let can_meet = |rows: &&[[u32; 2]]| {
        let mut counts = rows[0].iter().map(|&id| counts[id as usize] as usize);
        counts.all(|count| count > rows.len())
    };
    Ok(by_pair.filter(can_meet).map(|rows| rows[0]).collect())
}
