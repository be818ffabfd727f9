//! Which texts are there already: tables from hashes to ids, in memory, with the texts themselves elsewhere.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

use hashbrown::hash_table::HashTable;

use crate::deal::{Dealt, shard_of};
use crate::error::Result;
use crate::pool;
use crate::tick::Tick;

/// Tables, each with its own share of the hashes: they grow one by one, and threads work on different ones.
pub(super) const SHARDS: usize = 1 << 8;
/// Cells that are hashed together.
pub(super) const BLOCK: usize = 1 << 14;
/// 2^64 over the golden ratio, as for any multiplicative hash.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// A part of a text's hash that its shard does not tell, and its id: 8 bytes, and about as many of free room.
type Entry = (u32, u32);

/// The ids of the texts that are there, by hash.
#[derive(Debug)]
pub(super) struct Known {
    tables: Vec<HashTable<Entry>>,
    len: u32,
}

/// Cells of a block, dealt to shards: each with a part of its hash.
type Block = Dealt<Entry>;

impl Known {
    pub(super) fn new() -> Self {
        Self {
            tables: (0..SHARDS).map(|_| HashTable::new()).collect(),
            len: 0,
        }
    }

    /// How many texts there are.
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    /// Adds texts that are known to be new and distinct, with the next ids; hashes block after block.
    pub(super) fn extend(
        &mut self,
        hashes: &[Vec<u64>],
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<()> {
        let first = self.len;
        let blocks = deal(hashes, threads, tick)?;
        pool::map_items(
            threads,
            self.tables.iter_mut().enumerate(),
            tick,
            || (),
            |(), (shard, table)| {
                for &(part, at) in blocks.iter().flat_map(|block| block.shard(shard)) {
                    table
                        .insert_unique(spread(part), (part, first + at), |&(part, _)| spread(part));
                }
                Ok(())
            },
        )?;
        let added: usize = hashes.iter().map(Vec::len).sum();
        self.len += u32::try_from(added).unwrap_or(u32::MAX);
        Ok(())
    }

    /// Gives cells their ids, new texts the next ones in the order of their first cells.
    ///
    /// `hashes` are those of the cells, block after block; `is_text(id, cell)` says whether the text of an id is that of a
    /// cell, and `are_equal` whether two cells have the same text. Returns the ids, and the first cells of the new texts.
    pub(super) fn number(
        &mut self,
        hashes: &[Vec<u64>],
        threads: usize,
        tick: &mut Tick<'_>,
        is_text: impl Fn(u32, usize) -> bool + Sync,
        are_equal: impl Fn(usize, usize) -> bool + Sync,
    ) -> Result<(Vec<u32>, Vec<usize>)> {
        let known = self.len;
        let blocks = deal(hashes, threads, tick)?;
        let count: usize = hashes.iter().map(Vec::len).sum();
        let places: Vec<AtomicU32> = (0..count).map(|_| AtomicU32::new(0)).collect();
        // The id of a text that is new in these cells is, until they are numbered, `known` and its first cell.
        let tables = self.tables.iter_mut().enumerate();
        let added = pool::map_items(
            threads,
            tables,
            tick,
            || (),
            |(), (shard, table)| {
                let mut added: Vec<Entry> = Vec::new();
                for &(part, cell) in blocks.iter().flat_map(|block| block.shard(shard)) {
                    let is_same = |&(other, id): &Entry| {
                        other == part
                            && if id < known {
                                is_text(id, cell as usize)
                            } else {
                                are_equal((id - known) as usize, cell as usize)
                            }
                    };
                    let id = if let Some(&(_, id)) = table.find(spread(part), is_same) {
                        id
                    } else {
                        added.push((part, cell));
                        table.insert_unique(spread(part), (part, known + cell), |&(part, _)| {
                            spread(part)
                        });
                        known + cell
                    };
                    places[cell as usize].store(id, Ordering::Relaxed);
                }
                Ok(added)
            },
        )?;
        let mut ids: Vec<u32> = places.into_iter().map(AtomicU32::into_inner).collect();
        let firsts = settle(&mut ids, known);
        let tables = self.tables.iter_mut().zip(added);
        pool::map_items(
            threads,
            tables,
            &mut Tick::silent(),
            || (),
            |(), (table, added)| {
                // In the order of cells: a settled id is at most its cell's, so none is taken for one that is not settled yet.
                for (part, cell) in added {
                    let unsettled = (part, known + cell);
                    if let Some(entry) = table.find_mut(spread(part), |entry| *entry == unsettled) {
                        entry.1 = ids[cell as usize];
                    }
                }
                Ok(())
            },
        )?;
        self.len += u32::try_from(firsts.len()).unwrap_or(u32::MAX);
        Ok((ids, firsts))
    }
}

fn spread(part: u32) -> u64 {
    u64::from(part).wrapping_mul(SPREAD)
}

/// Numbers new texts in the order of their first cells, which are returned.
fn settle(ids: &mut [u32], known: u32) -> Vec<usize> {
    let mut firsts = Vec::new();
    let mut next = known;
    for cell in 0..ids.len() {
        let Some(first) = ids[cell].checked_sub(known).map(|first| first as usize) else {
            continue;
        };
        if first == cell {
            firsts.push(cell);
            ids[cell] = next;
            next += 1;
        } else {
            ids[cell] = ids[first];
        }
    }
    firsts
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the lowest bits of a hash are meant; a group has fewer than 2^32 cells"
)]
fn deal(hashes: &[Vec<u64>], threads: usize, tick: &mut Tick<'_>) -> Result<Vec<Block>> {
    let ends = hashes.iter().scan(0, |end, block| {
        *end += block.len();
        Some(*end - block.len()..*end)
    });
    let blocks: Vec<(Range<usize>, &Vec<u64>)> = ends.zip(hashes).collect();
    pool::map_items(
        threads,
        blocks.into_iter(),
        tick,
        || (),
        |(), (cells, hashes)| {
            let items = hashes
                .iter()
                .zip(cells)
                .map(|(&hash, cell)| (shard_of(hash, SHARDS), (hash as u32, cell as u32)));
            Ok(Dealt::new(items, SHARDS))
        },
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Numbers groups of cells by a hash that says little, next to a map that says all.
    fn check(groups: &[Vec<u32>], hash: impl Fn(u32) -> u64, threads: usize) -> Result<()> {
        let mut known = Known::new();
        let (mut texts, mut naive) = (Vec::new(), HashMap::new());
        for group in groups {
            let hashes: Vec<Vec<u64>> = group
                .chunks(3)
                .map(|cells| cells.iter().map(|&text| hash(text)).collect())
                .collect();
            let is_text = |id: u32, cell: usize| texts.get(id as usize) == Some(&group[cell]);
            let are_equal = |one: usize, other: usize| group[one] == group[other];
            let (ids, firsts) =
                known.number(&hashes, threads, &mut Tick::silent(), is_text, are_equal)?;
            texts.extend(firsts.iter().map(|&cell| group[cell]));
            let expected: Vec<u32> = group
                .iter()
                .map(|&text| {
                    let next = u32::try_from(naive.len()).unwrap_or(0);
                    *naive.entry(text).or_insert(next)
                })
                .collect();
            assert_eq!(ids, expected);
            assert_eq!(known.len() as usize, naive.len());
        }
        Ok(())
    }

    #[test]
    fn hashes_that_collide_tell_nothing() -> Result<()> {
        let group = |seed: u32| {
            (0..200)
                .map(|at| (at * at + seed * 31) % 97 % (40 + seed))
                .collect()
        };
        let groups: Vec<Vec<u32>> = (0..12).map(group).collect();
        for threads in [1, 3] {
            check(&groups, |_| 0, threads)?;
            check(&groups, |text| u64::from(text % 3), threads)?;
            check(&groups, |text| u64::from(text % 3) << 62, threads)?;
            check(&groups, |text| u64::from(text) << 40, threads)?;
            check(
                &groups,
                |text| u64::from(text).wrapping_mul(SPREAD),
                threads,
            )?;
        }
        Ok(())
    }
}
