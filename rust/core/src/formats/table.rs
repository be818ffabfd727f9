//! Named columns as Arrow arrays, and where each row comes from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, SchemaRef};
use arrow_select::interleave::interleave;

use crate::error::{Error, Result};
use crate::pool;
use crate::tick::Tick;

/// The rows of a batch that [`Table::take`] makes.
const BLOCK: usize = 1 << 13;

/// Columns of equal length in batches: texts as `LargeUtf8`, whole numbers as `Int64`, others as `Float64`, truth values
/// as `Boolean`, lists of these as `LargeList`, and `Null` for a column without any value.
#[derive(Debug, Clone)]
pub struct Table {
    pub(super) schema: SchemaRef,
    pub(super) batches: Vec<RecordBatch>,
    /// The row at which each batch begins, and at last their number.
    pub(super) cuts: Vec<usize>,
    pub(super) origin: Arc<Origin>,
    /// The row of the origin that each row is, where they differ.
    pub(super) picked: Option<Vec<u32>>,
}

/// Where the rows of some files lie in them, and which of their columns could not be held.
#[derive(Debug, Default)]
pub(super) struct Origin {
    /// The first row of each file.
    pub(super) files: Vec<(usize, PathBuf)>,
    pub(super) lines: Lines,
    pub(super) refused: Vec<(String, Fault)>,
    /// Columns that nobody asked for.
    pub(super) others: Vec<String>,
}

/// Why a column cannot be held.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) file: PathBuf,
    pub(super) line: Option<u64>,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn error(&self, column: &str) -> Error {
        match self.line {
            Some(line) => Error::data_cell(&self.file, line, column, &self.message),
            None => Error::data(&self.file, format!("column `{column}` {}", self.message)),
        }
    }
}

/// The line of each row, kept only where it does not follow from the row before.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Lines(Vec<(usize, u64)>);

impl Lines {
    /// `line` is the line of `row`; rows come in order.
    pub(super) fn push(&mut self, row: usize, line: u64) {
        if self.get(row) != Some(line) {
            self.0.push((row, line));
        }
    }

    /// Adds the lines of rows that begin at `start`.
    pub(super) fn extend(&mut self, start: usize, lines: &Self) {
        for &(row, line) in &lines.0 {
            self.push(start + row, line);
        }
    }

    /// What is kept.
    pub(super) fn runs(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, row: usize) -> Option<u64> {
        let run = self.0.partition_point(|&(first, _)| first <= row);
        let &(first, line) = self.0.get(run.checked_sub(1)?)?;
        Some(line + (row - first) as u64)
    }
}

impl Table {
    /// The names and types of the columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The rows, in batches.
    pub fn batches(&self) -> &[RecordBatch] {
        &self.batches
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.cuts.last().copied().unwrap_or(0)
    }

    /// The file that a row comes from and its number there: the line of a text file, the row of others, from 1.
    pub fn place(&self, row: usize) -> Option<(&Path, u64)> {
        let row = match &self.picked {
            Some(picked) => *picked.get(row)? as usize,
            None => (row < self.rows()).then_some(row)?,
        };
        let files = &self.origin.files;
        let file = files.partition_point(|(first, _)| *first <= row);
        let (_, file) = files.get(file.checked_sub(1)?)?;
        Some((file, self.origin.lines.get(row)?))
    }

    /// The columns that could not be held, each with the reason.
    pub fn unreadable(&self) -> impl Iterator<Item = (&str, Error)> {
        let refused = self.origin.refused.iter();
        refused.map(|(name, fault)| (name.as_str(), fault.error(name)))
    }

    /// The chunks of a column.
    ///
    /// # Errors
    /// [`Data`](Error::Data) where there is no such column, or it could not be held.
    pub fn column(&self, name: &str) -> Result<Vec<ArrayRef>> {
        let origin = &self.origin;
        if let Ok(at) = self.schema.index_of(name) {
            let columns = self.batches.iter().map(|batch| batch.column(at).clone());
            return Ok(columns.collect());
        }
        if let Some((_, fault)) = origin.refused.iter().find(|(other, _)| other == name) {
            return Err(fault.error(name));
        }
        let names = self.schema.fields().iter().map(|field| field.name());
        let refused = origin.refused.iter().map(|(name, _)| name);
        let names: Vec<String> = names
            .chain(refused)
            .chain(&origin.others)
            .map(|name| format!("`{name}`"))
            .collect();
        let file = origin.files.first().map_or(Path::new(""), |(_, file)| file);
        let message = format!(
            "must have a column `{name}`, got the columns {}",
            names.join(", ")
        );
        Err(Error::data(file, message))
    }

    /// Holds a column to what training needs: no null, and no text without a visible character.
    ///
    /// # Errors
    /// [`Data`](Error::Data) as [`Table::column`], and at the first row that breaks this.
    pub fn require(&self, name: &str) -> Result<()> {
        for (chunk, start) in self.column(name)?.iter().zip(&self.cuts) {
            if let Some((row, got)) = first_hole(chunk) {
                let (file, line) = self.place(start + row).unwrap_or((Path::new(""), 0));
                let message = format!("must not be null or empty, got {got}");
                return Err(Error::data_cell(file, line, name, message));
            }
        }
        Ok(())
    }

    /// The rows of a text, number or truth-value column that hold `value`, given as text.
    ///
    /// # Errors
    /// As [`Table::column`]; [`Argument`](Error::Argument) for a column of lists.
    pub fn rows_equal(&self, name: &str, value: &str) -> Result<Vec<u32>> {
        let number: Option<f64> = value.parse().ok();
        let mut rows = Vec::new();
        for (chunk, &start) in self.column(name)?.iter().zip(&self.cuts) {
            let is_equal: Box<dyn Fn(usize) -> bool> = match chunk.data_type() {
                DataType::Null => Box::new(|_| false),
                DataType::LargeUtf8 => {
                    let texts = chunk.as_string::<i64>();
                    Box::new(move |row| texts.value(row) == value)
                }
                DataType::Boolean => {
                    let flags = chunk.as_boolean();
                    let flag = match (number, value.to_lowercase().as_str()) {
                        (Some(1.0), _) | (_, "true") => Some(true),
                        (Some(0.0), _) | (_, "false") => Some(false),
                        _ => None,
                    };
                    Box::new(move |row| flag == Some(flags.value(row)))
                }
                #[expect(clippy::cast_precision_loss, reason = "what widening means")]
                DataType::Int64 => {
                    let numbers = chunk.as_primitive::<Int64Type>();
                    Box::new(move |row| number == Some(numbers.value(row) as f64))
                }
                DataType::Float64 => {
                    let numbers = chunk.as_primitive::<Float64Type>();
                    Box::new(move |row| number == Some(numbers.value(row)))
                }
                kind => return Err(Error::argument(name, "hold no lists", kind)),
            };
            let found = (0..chunk.len()).filter(|&row| !chunk.is_null(row) && is_equal(row));
            rows.extend(found.map(|row| u32::try_from(start + row).unwrap_or(u32::MAX)));
        }
        Ok(rows)
    }

    /// The given rows, in the given order. O(bytes).
    ///
    /// # Errors
    /// [`Argument`](Error::Argument) past the last row, [`Cancelled`](Error::Cancelled).
    pub fn take(&self, rows: &[u32], threads: usize, tick: &mut Tick<'_>) -> Result<Self> {
        let total = self.rows();
        if let Some(row) = rows.iter().find(|&&row| row as usize >= total) {
            return Err(Error::argument("rows", format!("be below {total}"), row));
        }
        let batches = pool::map_blocks(threads, rows.len(), BLOCK, tick, |range| {
            self.gather(&rows[range])
        })?;
        let picked = rows.iter().map(|&row| match &self.picked {
            Some(picked) => picked[row as usize],
            None => row,
        });
        Ok(Self {
            schema: Arc::clone(&self.schema),
            cuts: cuts(&batches),
            batches,
            origin: Arc::clone(&self.origin),
            picked: Some(picked.collect()),
        })
    }

    fn gather(&self, rows: &[u32]) -> Result<RecordBatch> {
        let places: Vec<(usize, usize)> = rows
            .iter()
            .map(|&row| {
                let batch = self.cuts.partition_point(|&cut| cut <= row as usize) - 1;
                (batch, row as usize - self.cuts[batch])
            })
            .collect();
        let columns = (0..self.schema.fields().len()).map(|at| {
            let chunks: Vec<&dyn Array> = self
                .batches
                .iter()
                .map(|batch| batch.column(at).as_ref())
                .collect();
            interleave(&chunks, &places)
        });
        columns
            .collect::<Result<Vec<_>, _>>()
            .and_then(|columns| RecordBatch::try_new(Arc::clone(&self.schema), columns))
            .map_err(|error| Error::argument("rows", "fit one batch", error))
    }
}

pub(super) fn cuts(batches: &[RecordBatch]) -> Vec<usize> {
    let mut cuts = vec![0];
    for batch in batches {
        cuts.push(cuts.last().copied().unwrap_or(0) + batch.num_rows());
    }
    cuts
}

/// The first row that is null or blank, or holds such a thing.
fn first_hole(array: &ArrayRef) -> Option<(usize, &'static str)> {
    let null = (array.logical_null_count() > 0)
        .then(|| (0..array.len()).find(|&row| array.data_type().is_null() || array.is_null(row)))
        .flatten()
        .map(|row| (row, "null"));
    let inside = match array.data_type() {
        DataType::LargeUtf8 => {
            let texts = array.as_string::<i64>();
            let is_blank = |&row: &usize| texts.is_valid(row) && texts.value(row).trim().is_empty();
            (0..texts.len()).find(is_blank).map(|row| (row, "no text"))
        }
        DataType::LargeList(_) => {
            let lists = array.as_list::<i64>();
            let find = |row| first_hole(&lists.value(row)).map(|(_, got)| (row, got));
            (0..lists.len())
                .filter(|&row| lists.is_valid(row))
                .find_map(find)
        }
        _ => None,
    };
    [null, inside].into_iter().flatten().min()
}
