//! Interning in parallel: hash in blocks, deal by hash to shards, find first appearances shard by shard, number them.
//!
//! A shard sees its cells in order, so a text's first cell is found whatever the number of threads, and numbering first
//! cells in order gives ids in the order of first appearance.

use std::collections::HashMap;
use std::hash::Hasher as _;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

use arrow_array::ArrayAccessor;
use hashbrown::hash_table::{Entry, HashTable};
use twox_hash::XxHash3_64;

use super::column::{Cells, with_strings};
use super::{BLOCK, column::Chunk};
use crate::deal::{Dealt, shard_of};
use crate::error::Result;
use crate::pool;
use crate::tick::Tick;

/// Cells a shard should hold, so that its table stays in a core's cache.
const SHARD: usize = 1 << 15;
const MAX_SHARDS: usize = 1 << 10;
/// Pairs of texts that are compared together.
const GROUP: usize = 1 << 5;
/// 2^64 over the golden ratio, as for any multiplicative hash.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

pub(super) struct Numbered {
    pub(super) ids: Vec<u32>,
    pub(super) firsts: Vec<u32>,
    /// A hash of each block's content; blocks begin anew at each column.
    pub(super) block_hashes: Vec<Vec<u64>>,
}

/// A block's cells, dealt by the highest bits of their hashes, each with the lowest.
struct Block {
    cells: Dealt<(u32, u32)>,
    hash: u64,
}

pub(super) fn intern(cells: &Cells, threads: usize, tick: &mut Tick<'_>) -> Result<Numbered> {
    let shards = (cells.len() / SHARD).next_power_of_two().min(MAX_SHARDS);
    let columns: Vec<Vec<Range<usize>>> =
        cells.columns().map(|column| blocks_of(&column)).collect();
    let ranges: Vec<Range<usize>> = columns.iter().flatten().cloned().collect();
    let blocks = pool::map_items(
        threads,
        ranges.iter().cloned(),
        tick,
        Vec::new,
        |hashes, range| Ok(deal(cells, range, shards, hashes)),
    )?;
    let first_of: Vec<AtomicU32> = (0u32..).take(cells.len()).map(AtomicU32::new).collect();
    pool::map_items(
        threads,
        0..shards,
        tick,
        || (),
        |(), shard| {
            find_firsts(cells, &blocks, shard, &first_of);
            Ok(())
        },
    )?;
    let mut hashes = blocks.into_iter().map(|block| block.hash);
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

#[expect(
    clippy::cast_possible_truncation,
    reason = "some bits of a hash are meant; there are fewer than 2^32 cells"
)]
fn deal(cells: &Cells, range: Range<usize>, shards: usize, hashes: &mut Vec<u64>) -> Block {
    hashes.clear();
    hash_cells(cells, range.clone(), hashes);
    let items = hashes
        .iter()
        .zip(range)
        .map(|(&hash, cell)| (shard_of(hash, shards), (hash as u32, cell as u32)));
    let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect();
    Block {
        cells: Dealt::new(items, shards),
        hash: XxHash3_64::oneshot(&bytes),
    }
}

/// Adds the hashes of the texts of some cells.
pub(super) fn hash_cells(cells: &Cells, range: Range<usize>, hashes: &mut Vec<u64>) {
    for (chunk, part) in cells.parts(range) {
        with_strings!(chunk, array => hash_all(array, part, hashes));
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

/// Stores the first cell of every cell of a shard that is not its own first.
///
/// Cells of equal bits are taken for equal at first and compared afterwards, many at a time: their texts lie anywhere in
/// memory, and asked for together they arrive together. Those that differ after all are told apart text by text.
fn find_firsts(cells: &Cells, blocks: &[Block], shard: usize, first_of: &[AtomicU32]) {
    let dealt = blocks.iter().map(|block| block.cells.shard(shard));
    let count = dealt.clone().map(<[_]>::len).sum();
    // The table wants its bits at both ends.
    let spread = |hash: u32| u64::from(hash).wrapping_mul(SPREAD);
    let mut table: HashTable<(u32, u32)> = HashTable::with_capacity(count);
    let mut pairs = Vec::new();
    for &(hash, cell) in dealt.flatten() {
        let equal = |&(other, _): &(u32, u32)| other == hash;
        match table.entry(spread(hash), equal, |&(hash, _)| spread(hash)) {
            Entry::Vacant(place) => {
                place.insert((hash, cell));
            }
            Entry::Occupied(place) => pairs.push((place.get().1, cell)),
        }
    }
    let mut others: HashMap<&str, u32> = HashMap::new();
    let mut texts = Vec::with_capacity(GROUP);
    for group in pairs.chunks(GROUP) {
        texts.clear();
        texts.extend(
            group
                .iter()
                .map(|&(first, cell)| (cells.text(first), cells.text(cell))),
        );
        let ends = texts
            .iter()
            .flat_map(|(first, text)| [first.as_bytes().last(), text.as_bytes().last()]);
        std::hint::black_box(ends.flatten().fold(0, |all, byte| all ^ byte));
        for (&(first, cell), (text_of_first, text)) in group.iter().zip(&texts) {
            let first = if text == text_of_first {
                first
            } else {
                *others.entry(text).or_insert(cell)
            };
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

/// The hash of all columns' block hashes, rows and list lengths: of each column the number of ids, the hashes, and the
/// offsets where it has lists.
pub(super) fn fingerprint<'a>(
    columns: impl ExactSizeIterator<Item = (usize, &'a [u64], Option<&'a [i64]>)>,
) -> u64 {
    let mut hash = XxHash3_64::new();
    let mut add = |word: u64| hash.write(&word.to_le_bytes());
    add(columns.len() as u64);
    for (count, blocks, offsets) in columns {
        add(count as u64);
        for &block in blocks {
            add(block);
        }
        if let Some(offsets) = offsets {
            add(offsets.len() as u64);
            for cut in offsets {
                add(cut.cast_unsigned());
            }
        }
    }
    hash.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::{Column, Texts};

    /// Texts whose hashes have the same lowest 32 bits.
    fn alike() -> Vec<String> {
        let mut seen: HashMap<u32, String> = HashMap::new();
        let mut found = Vec::new();
        for text in (0..500_000).map(|number| number.to_string()) {
            #[expect(clippy::cast_possible_truncation, reason = "the lowest bits are meant")]
            let bits = XxHash3_64::oneshot(text.as_bytes()) as u32;
            if let Some(other) = seen.insert(bits, text.clone()) {
                found.extend([other, text]);
            }
        }
        found
    }

    #[test]
    fn texts_of_equal_bits_are_told_apart() -> Result<()> {
        let texts = alike();
        assert!(texts.len() >= 4, "{texts:?}");
        let count = u32::try_from(texts.len()).unwrap_or(0);
        let rows: Vec<u32> = (0..3).flat_map(|_| 0..count).collect();
        let column = Column::from_strings("text", rows.iter().map(|&at| &texts[at as usize]));
        let interned = Texts::intern(vec![column], 2, &mut Tick::silent())?;
        assert_eq!(interned.columns[0].ids, rows);
        Ok(())
    }
}
