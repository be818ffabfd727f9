//! The texts of one flat column, row by row.

use super::column::{Cells, Column};
use crate::error::{Error, Result};

/// A column of one text a row, without nulls; the texts stay in the Arrow buffers that came in.
#[derive(Debug)]
pub struct Strings {
    cells: Cells,
}

impl Strings {
    /// The rows of `column`. O(chunks), and O(rows) where a chunk has nulls.
    ///
    /// # Errors
    /// [`Row`](Error::Row) at a null, [`Shape`](Error::Shape) where the column holds lists or no texts,
    /// [`TooMany`](Error::TooMany) past 2^32 - 2 rows.
    pub fn new(column: Column) -> Result<Self> {
        let name = column.name().to_owned();
        let (cells, ragged) = Cells::new(vec![column])?;
        if ragged.iter().any(Option::is_some) {
            return Err(Error::shape(&name, "a column of strings", "lists"));
        }
        Ok(Self { cells })
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether there is no row at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The text of a row, `None` past the last.
    pub fn get(&self, row: u32) -> Option<&str> {
        ((row as usize) < self.len()).then(|| self.cells.text(row))
    }
}
