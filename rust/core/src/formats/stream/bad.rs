//! Rows that were skipped.

use std::path::PathBuf;

use super::OnError;
use crate::error::{Error, Result};

/// The most rows that are kept with their reason.
pub const MAX_REASONS: usize = 100;

/// A row that was skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedRow {
    /// Its file.
    pub file: PathBuf,
    /// Its number there, from 1: the line of a text file, else the row.
    pub row: u64,
    /// What is wrong with it, with the place before it.
    pub reason: String,
}

/// How many rows were skipped, and the first of them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// All of them.
    pub count: u64,
    /// The first ones, at most [`MAX_REASONS`].
    pub rows: Vec<SkippedRow>,
}

impl Skipped {
    pub(super) fn add(&mut self, file: &std::path::Path, mut bad: Bad) {
        self.count += bad.count;
        bad.rows.sort_by_key(|&(row, _)| row);
        let left = MAX_REASONS - self.rows.len();
        let rows = bad.rows.into_iter().take(left);
        self.rows.extend(rows.map(|(row, error)| SkippedRow {
            file: file.into(),
            row,
            reason: error.to_string(),
        }));
    }
}

/// The bad rows of a block, which bounds their number.
#[derive(Debug, Default)]
pub(super) struct Bad {
    pub(super) count: u64,
    rows: Vec<(u64, Error)>,
}

impl Bad {
    /// Counts a bad row, or hands its error on.
    pub(super) fn skip(&mut self, on_error: OnError, row: u64, error: Error) -> Result<()> {
        if on_error == OnError::Raise {
            return Err(error);
        }
        self.count += 1;
        self.rows.push((row, error));
        Ok(())
    }
}
