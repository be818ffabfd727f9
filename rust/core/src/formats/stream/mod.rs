//! Files as a stream of batches, in bounded memory.
//!
//! [`Stream::open`] settles the types: text files are read once, of which only [`shape`]s stay; Parquet, Arrow and data sets
//! know theirs. [`Stream::reader`] then gives the rows, batch after batch, in the order of the files, parsed on threads. The
//! rows, the types and what is said of faults are the same for any number of threads and any size of blocks.
//!
//! A bad row is an error, or skipped and counted, by [`OnError`]. Bad is a row that is broken (no JSON object, a key twice,
//! another number of fields than the header has, no UTF-8), or that has a value of another kind than its column. With
//! [`OnError::Raise`] a column of several kinds is left out with the reason, as [`read`](super::read) does; with
//! [`OnError::Skip`] its kind is that of most of its values, and the rows with others are skipped.
//!
//! An object is a column on request ([`Streaming::is_nested`]): `a.b` for the `b` in the objects `a`, a list where `a` is a
//! list of objects, with a null for an object without a `b`.

mod arrow_file;
mod arrow_message;
mod bad;
mod cells;
mod columns;
mod elements;
mod first_pass;
mod fit;
mod folder;
mod gathered;
mod guess;
mod key;
mod mixed;
mod node;
mod observe;
mod parquet_file;
mod passed;
mod pieces;
mod plan;
mod reader;
mod records;
mod rows;
mod settle;
mod shape;
mod sheet;
mod sound;
mod source;
mod values;
mod whole;

use std::collections::HashMap;
use std::path::Path;

pub(super) use fit::path_of;
pub(super) use folder::{INFO, STATE};
pub(super) use parquet_file::bytes_of;

pub use bad::{MAX_REASONS, Skipped, SkippedRow};
pub use mixed::MixedKind;
pub use plan::Stream;
pub use reader::Batches;
pub use sound::{Mixed, Sound, read_sound};
pub use whole::read;

use super::MAX_COLUMNS;
use crate::error::Error;

/// What becomes of a bad row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// It is an error that names its file, its row and, where one is to blame, its column.
    #[default]
    Raise,
    /// It is left out and counted.
    Skip,
}

/// How to stream.
#[derive(Debug, Clone)]
pub struct Streaming {
    /// The columns to keep, which must be there; `None` for all that can be held.
    pub columns: Option<Vec<String>>,
    /// Types by name, as `text`, `int64`, `float64`, `bool`, `list[text]`, where they are not to be found out. If all of
    /// `columns` have one, text files are read once only.
    pub types: HashMap<String, String>,
    /// The names of the columns of CSV and TSV files that have no header.
    pub names: Option<Vec<String>>,
    /// Whether fields of CSV and TSV may be quoted; without it each line is a record.
    pub is_quoted: bool,
    /// Whether a column of CSV and TSV that holds numbers alone becomes numbers.
    pub has_text_numbers: bool,
    /// Whether objects become columns.
    pub is_nested: bool,
    /// What becomes of a bad row.
    pub on_error: OnError,
    /// The most rows of a batch.
    pub batch_rows: usize,
    /// The bytes that are read at a time.
    pub block_bytes: usize,
    /// Threads that parse.
    pub threads: usize,
}

impl Default for Streaming {
    fn default() -> Self {
        Self {
            columns: None,
            types: HashMap::new(),
            names: None,
            is_quoted: true,
            has_text_numbers: true,
            is_nested: false,
            on_error: OnError::Raise,
            batch_rows: 1 << 16,
            block_bytes: 1 << 20,
            threads: 1,
        }
    }
}

fn too_many_columns(file: &Path) -> Error {
    let message = format!("must have at most {MAX_COLUMNS} columns, got more");
    Error::data(file, message)
}

fn no_rows(file: &Path, hint: &str) -> Error {
    Error::data(file, format!("must hold rows, got none{hint}"))
}
