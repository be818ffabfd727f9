//! Files of columns: JSON Lines, CSV, TSV and Parquet, text also packed with gzip or zstd; BEIR folders; and TREC runs.
//!
//! A file is read in blocks, each in bounded memory, into a [`Table`] of Arrow arrays; the answer does not depend on the
//! size of the blocks or the number of threads. A column's type is what holds all its values: whole numbers widen to
//! fractions, a missing value is a null. A column that nothing holds (objects, texts among lists) is left out with the
//! reason, which is the error of whoever asks for it. Every fault names the file and, in text, the line.

mod assembly;
mod beir;
mod blocks;
mod compression;
mod convert;
mod csv;
mod json_lines;
mod parquet;
mod stream;
mod table;
mod trec_run;
mod write;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

pub use beir::{Beir, Judgments, is_beir};
pub use stream::{
    Batches, MAX_REASONS, Mixed, MixedKind, OnError, Skipped, SkippedRow, Sound, Stream, Streaming,
    read_sound,
};
pub use table::Table;
pub use trec_run::TrecRun;
pub use write::{Writer, Writing, check_writable, convert};

use crate::error::{Error, Result};
use crate::tick::Tick;
use assembly::Assembly;

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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    JsonLines,
    Separated(u8),
    Parquet,
}

/// Reads files of one schema into one table, in the order given; progress counts bytes. O(bytes).
///
/// # Errors
/// [`Data`](Error::Data) where a file's ending is unknown, it holds no rows, is cut short, is no UTF-8 or breaks its
/// format, or a wanted column is missing, null, blank or of mixed types; [`Io`](Error::Io);
/// [`Cancelled`](Error::Cancelled).
pub fn read(files: &[PathBuf], how: &Reading<'_>, tick: &mut Tick<'_>) -> Result<Table> {
    if files.is_empty() {
        return Err(Error::argument("files", "name at least one file", 0));
    }
    if how.threads == 0 {
        return Err(Error::argument("threads", "be positive", 0));
    }
    let formats = files
        .iter()
        .map(|file| format_of(file))
        .collect::<Result<Vec<_>>>()?;
    let sizes = files
        .iter()
        .map(|file| size_of(file))
        .collect::<Result<Vec<_>>>()?;
    let mut progress = Progress {
        tick,
        before: 0,
        total: sizes.iter().sum(),
    };
    let mut assembly = Assembly::default();
    for ((file, format), size) in files.iter().zip(formats).zip(sizes) {
        let rows = assembly.rows();
        assembly.begin(file);
        match format {
            Format::JsonLines => json_lines::read(file, how, &mut progress, &mut assembly)?,
            Format::Separated(by) => csv::read(file, by, how, &mut progress, &mut assembly)?,
            Format::Parquet => parquet::read(file, how, &mut progress, &mut assembly)?,
        }
        if assembly.rows() == rows {
            return Err(Error::data(file, "must hold rows, got none"));
        }
        progress.before += size;
    }
    let total = progress.total;
    let table = assembly.finish()?;
    for name in how.columns.unwrap_or_default() {
        table.require(name)?;
    }
    tick.at(total, total)?;
    Ok(table)
}

fn format_of(file: &Path) -> Result<Format> {
    let name = file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    let packed = [".gz", ".zst"];
    let plain = packed.iter().find_map(|end| name.strip_suffix(end));
    let ending = plain
        .unwrap_or(&name)
        .rsplit_once('.')
        .map(|(_, ending)| ending);
    match ending {
        Some("jsonl" | "ndjson" | "json") => Ok(Format::JsonLines),
        Some("csv") => Ok(Format::Separated(b',')),
        Some("tsv") => Ok(Format::Separated(b'\t')),
        Some("parquet") if plain.is_none() => Ok(Format::Parquet),
        _ if file.is_dir() => Err(Error::data(
            file,
            "must be a file, got a folder\nhint: name the files in it",
        )),
        _ => Err(Error::data(
            file,
            "must end in .jsonl, .ndjson, .json, .csv or .tsv (also with .gz or .zst) or .parquet",
        )),
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
