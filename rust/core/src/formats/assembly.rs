//! Parts of files into one table: a column's type is known when the last row has been seen.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_schema::{DataType, Field, Schema};

use super::MAX_COLUMNS;
use super::convert::{Numeric, clash, conform, named, unify};
use super::table::{Fault, Lines, Origin, Table, cuts};
use crate::error::{Error, Result};
use crate::view::check_rows;

/// Some rows as a reader has found them.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) rows: usize,
    pub(super) lines: Lines,
    pub(super) chunks: Vec<Chunk>,
    /// The names of columns that nobody asked for.
    pub(super) others: Vec<String>,
}

/// A part of one column, in the types that a table holds.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) name: String,
    pub(super) array: ArrayRef,
    /// For texts that may as well be numbers: what they could be.
    pub(super) numeric: Option<Numeric>,
    /// For the column, and for each depth of lists in it, the line of the first value that is not null.
    pub(super) firsts: Vec<u64>,
    /// The first line that does not suit the lines before it, and why.
    pub(super) fault: Option<(u64, String)>,
}

struct Growing {
    name: String,
    kind: DataType,
    numeric: Option<Numeric>,
    /// The first chunk whose type is still open.
    open: Option<(std::path::PathBuf, u64)>,
    chunks: Vec<(usize, ArrayRef)>,
    fault: Option<Fault>,
}

#[derive(Default)]
pub(super) struct Assembly {
    columns: Vec<Growing>,
    places: HashMap<String, usize>,
    origin: Origin,
    /// The rows of each part.
    parts: Vec<usize>,
    rows: usize,
}

impl Assembly {
    /// What is pushed from here on comes from `file`.
    pub(super) fn begin(&mut self, file: &Path) {
        self.origin.files.push((self.rows, file.into()));
    }

    /// The rows so far.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Notes a column that cannot be held.
    pub(super) fn refuse(&mut self, name: &str, file: &Path, message: String) {
        let column = self.column(name);
        column.chunks.clear();
        column.fault.get_or_insert(Fault {
            file: file.into(),
            line: None,
            message,
        });
    }

    /// Notes a column that nobody asked for.
    pub(super) fn pass_over(&mut self, name: &str) {
        if !self.origin.others.iter().any(|other| other == name) {
            self.origin.others.push(name.into());
        }
    }

    pub(super) fn push(&mut self, file: &Path, part: Part) -> Result<()> {
        for chunk in part.chunks {
            let at = self.parts.len();
            self.column(&chunk.name).grow(file, at, chunk);
        }
        part.others.iter().for_each(|name| self.pass_over(name));
        if self.columns.len() + self.origin.others.len() > MAX_COLUMNS {
            return Err(too_many_columns(file));
        }
        self.origin.lines.extend(self.rows, &part.lines);
        self.parts.push(part.rows);
        self.rows += part.rows;
        check_rows("rows", self.rows).map(drop)
    }

    fn column(&mut self, name: &str) -> &mut Growing {
        let at = self.places.get(name).copied().unwrap_or_else(|| {
            self.places.insert(name.into(), self.columns.len());
            self.columns.push(Growing::new(name));
            self.columns.len() - 1
        });
        &mut self.columns[at]
    }

    pub(super) fn finish(mut self) -> Result<Table> {
        let (mut fields, mut columns) = (Vec::new(), Vec::new());
        for mut column in self.columns {
            let kind = column.settle();
            if let Some(fault) = column.fault {
                self.origin.refused.push((column.name, fault));
                continue;
            }
            fields.push(Field::new(column.name, kind.clone(), true));
            columns.push((column.chunks.into_iter().peekable(), kind));
        }
        let schema = Arc::new(Schema::new(fields));
        let mut batches = Vec::with_capacity(self.parts.len());
        for (at, rows) in self.parts.into_iter().enumerate() {
            let arrays = columns.iter_mut().map(|(chunks, kind)| {
                chunks.next_if(|(part, _)| *part == at).map_or_else(
                    || new_null_array(kind, rows),
                    |(_, array)| conform(&array, kind),
                )
            });
            let options = RecordBatchOptions::new().with_row_count(Some(rows));
            let batch =
                RecordBatch::try_new_with_options(Arc::clone(&schema), arrays.collect(), &options)
                    .map_err(|error| Error::argument("files", "be of one schema", error))?;
            batches.push(batch);
        }
        Ok(Table {
            schema,
            cuts: cuts(&batches),
            batches,
            origin: Arc::new(self.origin),
            picked: None,
        })
    }
}

impl Growing {
    fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            kind: DataType::Null,
            numeric: None,
            open: None,
            chunks: Vec::new(),
            fault: None,
        }
    }

    fn grow(&mut self, file: &Path, part: usize, chunk: Chunk) {
        if self.fault.is_some() {
            return;
        }
        let line_at = |depth: usize| chunk.firsts.get(depth).copied().unwrap_or_default();
        let mut fault = chunk.fault;
        if let Some(numeric) = chunk.numeric {
            self.numeric = Some(self.numeric.map_or(numeric, |before| before.and(numeric)));
            self.open.get_or_insert_with(|| (file.into(), line_at(0)));
        } else {
            match unify(&self.kind, chunk.array.data_type(), 0) {
                Ok(kind) => self.kind = kind,
                // Of two faults the one that a reader of single lines meets first.
                Err((depth, message)) => {
                    let line = line_at(depth);
                    if fault.as_ref().is_none_or(|&(other, _)| line <= other) {
                        fault = Some((line, message));
                    }
                }
            }
        }
        self.chunks.push((part, chunk.array));
        if let Some((line, message)) = fault {
            self.fault = Some(Fault {
                file: file.into(),
                line: Some(line),
                message,
            });
            self.chunks.clear();
        }
    }

    /// The type of the whole column.
    fn settle(&mut self) -> DataType {
        let (Some(numeric), Some((file, line))) = (self.numeric, &self.open) else {
            return self.kind.clone();
        };
        match (&self.kind, numeric.kind()) {
            (DataType::Null, kind) => kind,
            (DataType::LargeUtf8, _) => DataType::LargeUtf8,
            (DataType::Int64 | DataType::Float64, DataType::Int64) => self.kind.clone(),
            (DataType::Int64 | DataType::Float64, DataType::Float64) => DataType::Float64,
            (kind, text) => {
                self.fault.get_or_insert_with(|| Fault {
                    file: file.clone(),
                    line: Some(*line),
                    message: clash(named(kind), named(&text), 0)
                        .replace("the rows before", "other files"),
                });
                kind.clone()
            }
        }
    }
}

pub(super) fn too_many_columns(file: &Path) -> Error {
    Error::data(
        file,
        format!("must have at most {MAX_COLUMNS} columns, got more"),
    )
}
