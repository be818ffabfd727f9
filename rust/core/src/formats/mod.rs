//! Files of columns: JSON Lines, JSON arrays, CSV, TSV, Parquet, Arrow and folders of `datasets`, text also packed with gzip
//! or zstd; BEIR folders; and TREC runs.
//!
//! Files are a [`Stream`] of batches in bounded memory, or read as a whole into a [`Table`] of Arrow arrays; the answer does
//! not depend on the size of the blocks or the number of threads. A column's type is what holds all its values: whole
//! numbers widen to fractions, a missing value is a null. A column that nothing holds (objects, texts among lists) is left
//! out with the reason, which is the error of whoever asks for it. Every fault names the file and, in text, the line.

mod beir;
mod blocks;
mod compression;
mod convert;
mod stream;
mod table;
mod trec_run;
mod write;

use std::ops::ControlFlow;
use std::path::Path;

pub use beir::{Beir, Judgments, is_beir};
pub use stream::{
    Batches, MAX_REASONS, Mixed, MixedKind, OnError, Skipped, SkippedRow, Sound, Stream, Streaming,
    read, read_sound,
};
pub use table::Table;
pub use trec_run::TrecRun;
pub use write::{Writer, Writing, check_writable, convert};

use crate::error::{Error, Result};
use crate::tick::Tick;

/// More columns than this are taken for a mistake: rows that are keyed by their content.
const MAX_COLUMNS: usize = 1000;

/// How to read.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// The columns to keep, which must be there without nulls and blank texts; `None` for all that can be held.
    pub columns: Option<&'a [String]>,
    /// Threads that parse.
    pub threads: usize,
    /// The bytes of a block: the unit of work.
    pub block_bytes: usize,
    /// Whether a CSV column of numbers alone becomes numbers.
    pub has_text_numbers: bool,
}

impl Default for Reading<'_> {
    fn default() -> Self {
        Self {
            columns: None,
            threads: 1,
            block_bytes: 1 << 20,
            has_text_numbers: true,
        }
    }
}

fn size_of(file: &Path) -> Result<u64> {
    let metadata = std::fs::metadata(file).map_err(|source| Error::io(file, source))?;
    Ok(metadata.len())
}

/// The share of all bytes that is done.
struct Progress<'a, 't> {
    tick: &'a mut Tick<'t>,
    before: u64,
    total: u64,
}

impl Progress<'_, '_> {
    /// `taken` bytes of the current file are read.
    fn at(&mut self, taken: u64) -> Result<()> {
        // The end is told once, when it has come.
        let last = self.total.saturating_sub(1);
        self.tick.at((self.before + taken).min(last), self.total)
    }

    /// Lets `work` stop where the caller wants to, while no further bytes are read.
    fn during<T>(
        &mut self,
        taken: u64,
        work: impl FnOnce(&mut Tick<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut poll = |_, _| match self.at(taken) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        };
        work(&mut Tick::new(&mut poll))
    }
}
