//! Every distinct text once, as a `u32`.
//!
//! [`Texts::intern`] gives equal texts of one or many columns the same id, in the order of first appearance: column after
//! column, row after row. Equality is exact; the 64-bit hash (XXH3) only finds candidates. Ids do not depend on the
//! number of threads, nor on how the columns are cut into chunks. The texts stay where they are, in the Arrow buffers
//! that came in, until [`Texts::distinct`] is asked for.

mod column;
mod intern;
pub mod near_duplicates;
mod normal;
pub mod store;
mod strings;

use std::sync::OnceLock;

use arrow_array::{Array as _, ArrayRef, LargeStringArray};

pub use column::Column;
pub use normal::normalized;
pub use strings::Strings;

use crate::error::Result;
use crate::pool;
use crate::tick::Tick;
use column::Cells;

/// The rows of a block: the unit of work, and of the fingerprint.
const BLOCK: usize = 1 << 16;

/// The distinct texts of some columns; a text's id is its place in order of first appearance.
#[derive(Debug)]
pub struct Texts {
    cells: Cells,
    /// The cell in which each id appears first.
    firsts: Vec<u32>,
    distinct: OnceLock<LargeStringArray>,
}

/// What [`Texts::intern`] says of one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnIds {
    /// One id a text, list after list where the column is ragged.
    pub ids: Vec<u32>,
    /// Where each row's list begins in `ids`, and at last their number; `None` for one text a row.
    pub offsets: Option<Vec<i64>>,
}

/// The outcome of [`Texts::intern`].
#[derive(Debug)]
pub struct Interned {
    /// The distinct texts.
    pub texts: Texts,
    /// The ids of each column.
    pub columns: Vec<ColumnIds>,
    /// 64 bits of the columns' content in order: equal content gives equal bits, on every platform.
    pub fingerprint: u64,
}

impl Texts {
    /// Interns `columns` on up to `threads` threads. O(bytes) time; 12 to 20 bytes a text besides the input.
    ///
    /// # Errors
    /// [`Row`](crate::Error::Row) at a null, [`Shape`](crate::Error::Shape) where a column holds no texts,
    /// [`TooMany`](crate::Error::TooMany) past 2^32 - 2 texts, [`Cancelled`](crate::Error::Cancelled).
    pub fn intern(columns: Vec<Column>, threads: usize, tick: &mut Tick<'_>) -> Result<Interned> {
        let (cells, ragged) = Cells::new(columns)?;
        let interned = intern::intern(&cells, threads, tick)?;
        let mut columns = Vec::with_capacity(ragged.len());
        for (range, offsets) in cells.columns().zip(ragged) {
            columns.push(ColumnIds {
                ids: interned.ids[range].to_vec(),
                offsets,
            });
        }
        let described = interned.block_hashes.iter().zip(&columns);
        let described = described.map(|(hashes, column): (&Vec<u64>, &ColumnIds)| {
            (
                column.ids.len(),
                hashes.as_slice(),
                column.offsets.as_deref(),
            )
        });
        let fingerprint = intern::fingerprint(described);
        let texts = Self {
            cells,
            firsts: interned.firsts,
            distinct: OnceLock::new(),
        };
        Ok(Interned {
            texts,
            columns,
            fingerprint,
        })
    }

    /// The number of distinct texts.
    pub fn len(&self) -> usize {
        self.firsts.len()
    }

    /// Whether there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.firsts.is_empty()
    }

    /// The text of an id, `None` past the last.
    pub fn get(&self, id: u32) -> Option<&str> {
        self.firsts
            .get(id as usize)
            .map(|&cell| self.cells.text(cell))
    }

    /// All distinct texts in the order of their ids, as one Arrow array; built at the first call, then shared.
    pub fn distinct(&self) -> &LargeStringArray {
        self.distinct.get_or_init(|| {
            LargeStringArray::from_iter_values(
                self.firsts.iter().map(|&cell| self.cells.text(cell)),
            )
        })
    }

    /// For each id, the number of its class of twins: texts whose [`normalized`] forms are equal. O(bytes).
    ///
    /// Classes are numbered in the order of first appearance, so a set without twins maps onto itself.
    ///
    /// # Errors
    /// [`Cancelled`](crate::Error::Cancelled).
    pub fn twins(&self, threads: usize, tick: &mut Tick<'_>) -> Result<Vec<u32>> {
        let text = |id: usize| self.cells.text(self.firsts[id]);
        let forms = normal_column(self.len(), text, threads, tick)?;
        let (cells, _) = Cells::new(vec![forms])?;
        Ok(intern::intern(&cells, threads, tick)?.ids)
    }

    /// The bytes that the distinct texts take.
    pub fn bytes(&self) -> usize {
        self.firsts
            .iter()
            .map(|&cell| self.cells.text(cell).len())
            .sum()
    }
}

/// The normal forms of `len` texts.
fn normal_column<'a>(
    len: usize,
    text: impl Fn(usize) -> &'a str + Sync,
    threads: usize,
    tick: &mut Tick<'_>,
) -> Result<Column> {
    let chunks = pool::map_blocks(threads, len, BLOCK, tick, |range| {
        let forms = range.map(|at| normalized(text(at)));
        Ok(std::sync::Arc::new(LargeStringArray::from_iter_values(forms)) as ArrayRef)
    })?;
    Ok(Column::new("texts", chunks))
}

impl Column {
    /// A column of strings held in memory, as tests and small callers have it.
    pub fn from_strings<S: AsRef<str>>(name: &str, texts: impl IntoIterator<Item = S>) -> Self {
        let array = LargeStringArray::from_iter_values(texts);
        Self::new(
            name,
            if array.is_empty() {
                vec![]
            } else {
                vec![std::sync::Arc::new(array)]
            },
        )
    }
}
