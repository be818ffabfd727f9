//! Random orders, and orders by position.

use crate::deal::{Dealt, shard_of};
use crate::error::Result;
use crate::key::Key;
use crate::pool;
use crate::tick::Tick;

const BLOCK: usize = 1 << 16;
/// Items that are put in order at once, in a core's first cache.
const SHARD: usize = 1 << 12;
const MAX_SHARDS: usize = 1 << 12;

/// The rows `0..rows` in random order, every one equally likely. O(rows).
///
/// Each row draws its shard, then each shard is shuffled (Rao 1961, Sandelius 1962).
#[expect(
    clippy::cast_possible_truncation,
    reason = "rows are 32 bits, shards fewer"
)]
pub(super) fn shuffled(
    rows: usize,
    key: Key,
    threads: usize,
    tick: &mut Tick<'_>,
) -> Result<Vec<u32>> {
    let shards = num_shards(rows);
    let draw = |row: usize| (shard_of(key.bits(row as u64), shards), row as u32);
    let shuffle = |shard: usize, rows: &mut [u32]| key.fold(shard as u64).rng().shuffle(rows);
    by_shard(rows, shards, draw, shuffle, threads, tick)
}

/// Numbers in ascending order, whose highest bits are about even. O(items).
pub(super) fn sorted(items: &[u64], threads: usize, tick: &mut Tick<'_>) -> Result<Vec<u64>> {
    let shards = num_shards(items.len());
    let item = |at: usize| (shard_of(items[at], shards), items[at]);
    let sort = |_, items: &mut [u64]| items.sort_unstable();
    by_shard(items.len(), shards, item, sort, threads, tick)
}

fn num_shards(len: usize) -> usize {
    (len / SHARD).next_power_of_two().min(MAX_SHARDS)
}

/// Deals `len` items, each with its shard, to `shards` shards; these one after the other, each put in order by `arrange`.
fn by_shard<T: Copy + Default + Send + Sync>(
    len: usize,
    shards: usize,
    item: impl Fn(usize) -> (usize, T) + Sync,
    arrange: impl Fn(usize, &mut [T]) + Sync,
    threads: usize,
    tick: &mut Tick<'_>,
) -> Result<Vec<T>> {
    let blocks = pool::map_blocks(threads, len, BLOCK, tick, |range| {
        Ok(Dealt::new(range.map(&item), shards))
    })?;
    let mut out = vec![T::default(); len];
    let mut rest = &mut out[..];
    let mut places = Vec::with_capacity(shards);
    for shard in 0..shards {
        let count = blocks.iter().map(|block| block.shard(shard).len()).sum();
        places.push(rest.split_off_mut(..count).unwrap_or_default());
    }
    let places = places.into_iter().enumerate();
    pool::map_items(
        threads,
        places,
        tick,
        || (),
        |(), (shard, place)| {
            let mut end = 0;
            for block in &blocks {
                let items = block.shard(shard);
                place[end..end + items.len()].copy_from_slice(items);
                end += items.len();
            }
            arrange(shard, place);
            Ok(())
        },
    )?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_in_order_are_a_sort() -> Result<()> {
        for len in [0, 5, SHARD, 2 * SHARD, 200_000] {
            let key = Key::new(len as u64);
            let items: Vec<u64> = (0..len as u64).map(|at| key.bits(at)).collect();
            let mut expected = items.clone();
            expected.sort_unstable();
            for threads in 1..3 {
                assert_eq!(sorted(&items, threads, &mut Tick::silent())?, expected);
            }
        }
        Ok(())
    }

    #[test]
    fn an_order_has_every_row_and_depends_on_the_key_alone() -> Result<()> {
        for len in [0, 1, SHARD, 5 * SHARD + 3] {
            let order = shuffled(len, Key::new(3), 1, &mut Tick::silent())?;
            assert_eq!(order, shuffled(len, Key::new(3), 2, &mut Tick::silent())?);
            let mut rows = order.clone();
            rows.sort_unstable();
            assert!(rows.into_iter().map(|row| row as usize).eq(0..len));
            if len > 1 {
                assert_ne!(order, shuffled(len, Key::new(4), 2, &mut Tick::silent())?);
            }
        }
        Ok(())
    }

    /// Where each of six rows comes, over many keys; and in many shards, where the rows of each tenth come.
    #[test]
    fn every_place_is_equally_likely() -> Result<()> {
        let mut counts = [[0.0f64; 6]; 6];
        for seed in 0..6000 {
            let order = shuffled(6, Key::new(seed), 1, &mut Tick::silent())?;
            for (place, row) in order.into_iter().enumerate() {
                counts[place][row as usize] += 1.0;
            }
        }
        let spread = |counts: &[f64], mean: f64| -> f64 {
            counts
                .iter()
                .map(|count| (count - mean).powi(2) / mean)
                .sum()
        };
        // Chi-squared of 25 and of 81 degrees of freedom: these are passed once in 10^5.
        assert!(spread(counts.as_flattened(), 1000.0) < 70.0);
        let rows = 100_000;
        let order = shuffled(rows, Key::new(1), 2, &mut Tick::silent())?;
        let mut counts = [[0.0f64; 10]; 10];
        for (place, row) in order.into_iter().enumerate() {
            counts[place * 10 / rows][row as usize * 10 / rows] += 1.0;
        }
        assert!(spread(counts.as_flattened(), 1000.0) < 145.0);
        Ok(())
    }
}
