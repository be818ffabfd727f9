//! Columns of a store's ids as interning their texts would give them, without a look at a text.

use std::sync::Arc;

use arrow_array::Array as _;

use super::{TextStore, hash_of};
use crate::error::{Error, Result};
use crate::pool;
use crate::texts::{BLOCK, Column, Texts, column::Cells, intern};
use crate::tick::Tick;

/// A column of a store's texts by their ids.
#[derive(Debug, Clone, Copy)]
pub struct IdsOf<'a> {
    /// The ids, list after list where the column has lists; `None` for all of the store in order.
    pub ids: Option<&'a [u32]>,
    /// Where each list begins, and at last the number of ids; `None` for one text a row.
    pub offsets: Option<&'a [i64]>,
    /// The hashes of the column's blocks, where they are known; else its texts are read for them.
    pub block_hashes: Option<&'a [u64]>,
}

/// Some of a store's texts, in an order of their own.
#[derive(Debug)]
pub enum Chosen {
    /// So many of the first ones.
    First(u32),
    /// These.
    Listed(Vec<u32>),
}

impl Chosen {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::First(count) => *count as usize,
            Self::Listed(ids) => ids.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The store's id of the text at a place, `None` past the last.
    pub fn id(&self, at: u32) -> Option<u32> {
        match self {
            Self::First(count) => (at < *count).then_some(at),
            Self::Listed(ids) => ids.get(at as usize).copied(),
        }
    }
}

/// What [`Texts::intern`] says of the same columns.
#[derive(Debug)]
pub struct Interned {
    /// The distinct texts.
    pub texts: Chosen,
    /// The ids of each column; `None` where they are those that came.
    pub columns: Vec<Option<Vec<u32>>>,
    /// As of [`Texts::intern`].
    pub fingerprint: u64,
}

impl TextStore {
    /// Interns columns of ids: the outcome is that of [`Texts::intern`] over their texts. O(ids), and 4 bytes an id and a
    /// text where the ids are not in the order of first appearance; no text is read if block hashes are given.
    ///
    /// # Errors
    /// [`Argument`](Error::Argument) for an id that is not there, [`Data`](Error::Data) where the files were changed,
    /// [`Cancelled`](Error::Cancelled).
    pub fn intern(
        &self,
        columns: &[IdsOf<'_>],
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<Interned> {
        let fingerprint = self.fingerprint_of(columns, threads, tick)?;
        let bound = u32::try_from(self.len()).unwrap_or(u32::MAX);
        let (columns, texts) = numbered(columns, bound, tick)?;
        Ok(Interned {
            texts,
            columns,
            fingerprint,
        })
    }

    /// Some texts as if they had been interned. 4 bytes a text; the texts stay in the map.
    ///
    /// # Errors
    /// As [`distinct`](Self::distinct); [`Argument`](Error::Argument) for an id that is not there.
    pub fn texts(&self, chosen: &Chosen, threads: usize, tick: &mut Tick<'_>) -> Result<Texts> {
        let all = self.distinct(threads, tick)?;
        let firsts: Vec<u32> = match chosen {
            Chosen::First(count) => (0..*count).collect(),
            Chosen::Listed(ids) => ids.clone(),
        };
        if let Some(id) = firsts.iter().find(|&&id| id as usize >= all.len()) {
            return Err(Error::argument(
                "ids",
                format!("be below {}", all.len()),
                id,
            ));
        }
        let (cells, _) = Cells::new(vec![Column::new("texts", vec![Arc::new(all.clone())])])?;
        let in_order = match chosen {
            Chosen::First(count) => Some(all.slice(0, *count as usize)),
            Chosen::Listed(_) => None,
        };
        Ok(Texts {
            cells,
            firsts,
            distinct: in_order.map_or_else(Default::default, Into::into),
        })
    }

    fn fingerprint_of(
        &self,
        columns: &[IdsOf<'_>],
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<u64> {
        if let [
            IdsOf {
                ids: None,
                offsets: None,
                ..
            },
        ] = columns
        {
            return Ok(self.fingerprint());
        }
        let mut hashes = Vec::with_capacity(columns.len());
        for column in columns {
            hashes.push(match column.block_hashes {
                Some(hashes) => hashes.to_vec(),
                None => self.block_hashes(column.ids, threads, tick)?,
            });
        }
        let described = columns.iter().zip(&hashes).map(|(column, hashes)| {
            let count = column.ids.map_or(self.len(), <[u32]>::len);
            (count, hashes.as_slice(), column.offsets)
        });
        Ok(intern::fingerprint(described))
    }

    fn block_hashes(
        &self,
        ids: Option<&[u32]>,
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<Vec<u64>> {
        let count = ids.map_or(self.len(), <[u32]>::len);
        pool::map_blocks(threads, count, BLOCK, tick, |block| {
            let hash = |at: usize| self.hash(ids.map_or(at, |ids| ids[at] as usize));
            let hashes: Vec<u64> = block.map(hash).collect::<Result<_>>()?;
            Ok(hash_of(&hashes))
        })
    }
}

/// Ids in the order of first appearance, `None` for columns that have them so, and the old id of each.
fn numbered(
    columns: &[IdsOf<'_>],
    bound: u32,
    tick: &mut Tick<'_>,
) -> Result<(Vec<Option<Vec<u32>>>, Chosen)> {
    let count = |column: &IdsOf<'_>| column.ids.map_or(bound as usize, <[u32]>::len);
    let total = columns.iter().map(count).sum::<usize>() as u64;
    let mut done = 0;
    let (mut next, mut is_numbered) = (0, true);
    for column in columns {
        let Some(ids) = column.ids else {
            // All of them follow, in order: those that came are the first.
            next = bound;
            continue;
        };
        for piece in ids.chunks(BLOCK) {
            tick.at(done, total)?;
            for &id in piece {
                if id >= bound {
                    return Err(Error::argument("ids", format!("be below {bound}"), id));
                }
                is_numbered &= id <= next;
                next += u32::from(id == next);
            }
            done += piece.len() as u64;
        }
    }
    if is_numbered {
        return Ok((columns.iter().map(|_| None).collect(), Chosen::First(next)));
    }
    let mut new = vec![u32::MAX; bound as usize];
    let mut firsts = Vec::new();
    let mut number = |id: u32| {
        let place = &mut new[id as usize];
        if *place == u32::MAX {
            *place = u32::try_from(firsts.len()).unwrap_or(u32::MAX);
            firsts.push(id);
        }
        *place
    };
    let renumber = |column: &IdsOf<'_>| match column.ids {
        Some(ids) => Some(ids.iter().map(|&id| number(id)).collect()),
        None => Some((0..bound).map(&mut number).collect()),
    };
    let columns = columns.iter().map(renumber).collect();
    Ok((columns, Chosen::Listed(firsts)))
}
