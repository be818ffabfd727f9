//! Pairs of values that must not meet.

use crate::error::Result;
use crate::pool;
use crate::sampling::order::sorted;
use crate::tick::Tick;
use crate::view::IdColumn;

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
    /// Of pairs of values below `num_values`, either way around, perhaps more than once.
    pub(super) fn new(
        pairs: &[[u32; 2]],
        num_values: usize,
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<Self> {
        if pairs.is_empty() {
            return Ok(Self::default());
        }
        // The smaller value in the highest bits, where they are about even.
        let shift = (num_values as u64).leading_zeros();
        let pack = |&[a, b]: &[u32; 2]| u64::from(a.min(b)) << shift | u64::from(a.max(b));
        let packed: Vec<u64> = pairs.iter().map(pack).collect();
        let mut packed = sorted(&packed, threads, tick)?;
        packed.dedup();
        #[expect(clippy::cast_possible_truncation, reason = "values are 32 bits")]
        let unpack = |pair: u64| [(pair >> shift) as u32, pair as u32];
        let mut degrees = vec![0u32; num_values];
        for &pair in &packed {
            for value in unpack(pair) {
                degrees[value as usize] += 1;
            }
        }
        let oriented = packed.into_iter().map(|pair| {
            let [a, b] = unpack(pair);
            let is_turned = degrees[a as usize] > degrees[b as usize];
            if is_turned { [b, a] } else { [a, b] }
        });
        let mut starts = vec![0u32; num_values + 1];
        for [from, _] in oriented.clone() {
            starts[from as usize + 1] += 1;
        }
        for value in 0..num_values {
            starts[value + 1] += starts[value];
        }
        let mut places = starts.clone();
        let mut values = vec![0; starts[num_values] as usize];
        for [from, to] in oriented {
            let place = &mut places[from as usize];
            values[*place as usize] = to;
            *place += 1;
        }
        Ok(Self { values, starts })
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
    threads: usize,
    tick: &mut Tick<'_>,
) -> Result<Vec<[u32; 2]>> {
    let count = |id: u32| counts[id as usize] as usize;
    let parts = pool::parts(threads, counts.len());
    let found = pool::map_blocks(threads, counts.len(), parts, tick, |range| {
        let mut pairs: Vec<u64> = Vec::new();
        for row in 0..queries.len() {
            let first = pairs.len();
            for &query in queries.of(row) {
                if !range.contains(&(query as usize)) || count(query) < 2 {
                    continue;
                }
                for &positive in positives.of(row) {
                    let pair = u64::from(query) << 32 | u64::from(positive);
                    if count(positive) > 1 && !pairs[first..].contains(&pair) {
                        pairs.push(pair);
                    }
                }
            }
        }
        pairs.sort_unstable();
        #[expect(clippy::cast_possible_truncation, reason = "the halves of 64 bits")]
        let unpack = |pair: u64| [(pair >> 32) as u32, pair as u32];
        let by_pair = pairs.chunk_by(|one, next| one == next);
        let can_meet = |rows: &&[u64]| unpack(rows[0]).into_iter().all(|id| count(id) > rows.len());
        let found: Vec<_> = by_pair
            .filter(can_meet)
            .map(|rows| unpack(rows[0]))
            .collect();
        Ok(found)
    })?;
    Ok(found.concat())
}
