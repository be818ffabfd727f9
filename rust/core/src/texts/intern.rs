//! Interning in parallel: hash in blocks, deal by hash to shards, find first appearances shard by shard, number them.
//!
//! A shard sees its cells in order, so a text's first cell is found whatever the number of threads, and numbering first
//! cells in order gives ids in the order of first appearance.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

use arrow_array::ArrayAccessor;
use hashbrown::HashTable;
use twox_hash::XxHash3_64;

use super::column::{Cells, with_strings};
use super::{BLOCK, ColumnIds, column::Chunk};
use crate::error::Result;
use crate::pool;
use crate::tick::Tick;

/// Cells a shard should hold, so that its table stays in a core's cache.
const SHARD: usize = 1 << 15;
const MAX_SHARDS: usize = 1 << 10;
/// 2^64 over the golden ratio, as for any multiplicative hash.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

pub(super) struct Numbered {
    pub(super) ids: Vec<u32>,
    pub(super) firsts: Vec<u32>,
    /// A hash of each block's content; blocks begin anew at each column.
    pub(super) block_hashes: Vec<Vec<u64>>,
}

/// A block's cells, dealt by the highest bits of their hashes: shard `s` has `cells[cuts[s]..cuts[s + 1]]`, in order,
/// each with the lowest bits of its hash.
struct Dealt {
    cells: Vec<(u32, u32)>,
    cuts: Vec<u32>,
    hash: u64,
}

pub(super) fn intern(cells: &Cells, threads: usize, tick: &mut Tick<'_>) -> Result<Numbered> {
    let shards = (cells.len() / SHARD).next_power_of_two().min(MAX_SHARDS);
    let columns: Vec<Vec<Range<usize>>> =
        cells.columns().map(|column| blocks_of(&column)).collect();
    let ranges: Vec<Range<usize>> = columns.iter().flatten().cloned().collect();
    let dealt = pool::map_items(
        threads,
        ranges.iter().cloned(),
        tick,
        Vec::new,
        |hashes, range| Ok(deal(cells, range, shards, hashes)),
    )?;
    let first_of: Vec<AtomicU32> = std::iter::repeat_with(|| AtomicU32::new(0))
        .take(cells.len())
        .collect();
    pool::map_items(
        threads,
        0..shards,
        tick,
        || (),
        |(), shard| {
            find_firsts(cells, &dealt, shard, &first_of);
            Ok(())
        },
    )?;
    let mut hashes = dealt.into_iter().map(|block| block.hash);
    let block_hashes = columns
        .iter()
        .map(|blocks| hashes.by_ref().take(blocks.len()).collect())
        .collect();
    let first_of: Vec<u32> = first_of.into_iter().map(AtomicU32::into_inner).collect();
    let (ids, firsts) = number(&first_of);
    Ok(Numbered {
        ids,
        firsts,
        block_hashes,
    })
}

fn blocks_of(column: &Range<usize>) -> Vec<Range<usize>> {
    pool::blocks(column.len(), BLOCK)
        .map(|block| column.start + block.start..column.start + block.end)
        .collect()
}

fn deal(cells: &Cells, range: Range<usize>, shards: usize, hashes: &mut Vec<u64>) -> Dealt {
    hashes.clear();
    for (chunk, part) in cells.parts(range.clone()) {
        with_strings!(chunk, array => hash_all(array, part, hashes));
    }
    #[expect(clippy::cast_possible_truncation, reason = "the lowest bits are taken")]
    let shard_of = |hash: u64| hash.rotate_left(shards.trailing_zeros()) as usize & (shards - 1);
    let mut cuts = vec![0u32; shards + 1];
    for &hash in hashes.iter() {
        cuts[shard_of(hash) + 1] += 1;
    }
    for shard in 0..shards {
        cuts[shard + 1] += cuts[shard];
    }
    let mut places = cuts.clone();
    let mut dealt = vec![(0, 0); hashes.len()];
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the lowest bits of a hash are kept; there are fewer than 2^32 cells"
    )]
    for (cell, &hash) in range.zip(hashes.iter()) {
        let place = &mut places[shard_of(hash)];
        dealt[*place as usize] = (hash as u32, cell as u32);
        *place += 1;
    }
    let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect();
    Dealt {
        cells: dealt,
        cuts,
        hash: XxHash3_64::oneshot(&bytes),
    }
}

fn hash_all<'a>(
    array: impl ArrayAccessor<Item = &'a str> + Copy,
    part: Range<usize>,
    hashes: &mut Vec<u64>,
) {
    debug_assert!(part.end <= array.len());
    hashes.extend(part.map(|at| XxHash3_64::oneshot(array.value(at).as_bytes())));
}

fn find_firsts(cells: &Cells, dealt: &[Dealt], shard: usize, first_of: &[AtomicU32]) {
    let slice = |block: &Dealt| block.cuts[shard] as usize..block.cuts[shard + 1] as usize;
    let count = dealt.iter().map(|block| slice(block).len()).sum();
    let mut table: HashTable<(u32, u32)> = HashTable::with_capacity(count);
    // The table wants its bits at both ends.
    let spread = |hash: u32| u64::from(hash).wrapping_mul(SPREAD);
    for block in dealt {
        for &(hash, cell) in &block.cells[slice(block)] {
            let equal = |&(other, first): &(u32, u32)| {
                other == hash && cells.text(first) == cells.text(cell)
            };
            let (_, first) = *table
                .entry(spread(hash), equal, |&(hash, _)| spread(hash))
                .or_insert((hash, cell))
                .get();
            first_of[cell as usize].store(first, Ordering::Relaxed);
        }
    }
}

/// Ids from first cells: a cell that is its own first gets the next number, any other the number of its first.
fn number(first_of: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let mut firsts = Vec::new();
    let mut ids = Vec::with_capacity(first_of.len());
    let mut next = 0;
    for (cell, &first) in (0u32..).zip(first_of) {
        if first == cell {
            ids.push(next);
            firsts.push(cell);
            next += 1;
        } else {
            ids.push(ids[first as usize]);
        }
    }
    (ids, firsts)
}

/// The hash of all columns' block hashes, rows and list lengths.
pub(super) fn fingerprint(block_hashes: &[Vec<u64>], columns: &[ColumnIds]) -> u64 {
    let mut words = vec![columns.len() as u64];
    for (blocks, column) in block_hashes.iter().zip(columns) {
        words.push(column.ids.len() as u64);
        words.extend(blocks);
        if let Some(offsets) = &column.offsets {
            words.push(offsets.len() as u64);
            words.extend(offsets.iter().map(|&cut| cut.cast_unsigned()));
        }
    }
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    XxHash3_64::oneshot(&bytes)
}
