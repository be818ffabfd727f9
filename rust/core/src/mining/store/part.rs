//! A part as a Parquet file: one row a query, with a list for what it has several of.
//!
//! Lists keep queries without candidates, and values that a query has once, in the same file; readers of Parquet unnest
//! them in one step (`explode` in polars and pandas, `unnest` in SQL). Plain pages under zstd: ids and scores are too
//! varied for dictionaries. Nothing in the file depends on the time or the machine.

use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchReader as _, UInt32Array};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use super::column::{Column, QUERY, Values};
use crate::error::{Error, Result};
use crate::guard::unless_panics;
use crate::tick::Tick;

/// Queries that are written or read between two ticks.
const STEP: usize = 1 << 12;

/// Writes the `queries` and what they have. O(values).
pub(super) fn write<W: Write + Send>(
    to: W,
    queries: Range<u32>,
    columns: &[Column],
    tick: &mut Tick<'_>,
) -> Result<W, Fault> {
    let rows = queries.len();
    for column in columns {
        column.check(rows)?;
    }
    let mut fields = vec![Field::new(QUERY, DataType::UInt32, false)];
    fields.extend(columns.iter().map(Column::field));
    let schema = Arc::new(Schema::new(fields));
    let options = ArrowWriterOptions::new()
        .with_properties(properties()?)
        .with_skip_arrow_metadata(true);
    let mut writer = ArrowWriter::try_new_with_options(to, Arc::clone(&schema), options)?;
    for start in (0..rows).step_by(STEP) {
        tick.at(start as u64, rows as u64)?;
        let range = start..rows.min(start + STEP);
        let numbers = queries.clone().skip(start).take(range.len());
        let mut arrays: Vec<ArrayRef> = vec![Arc::new(UInt32Array::from_iter_values(numbers))];
        for column in columns {
            arrays.push(column.slice(range.clone())?);
        }
        writer.write(&RecordBatch::try_new(Arc::clone(&schema), arrays)?)?;
    }
    let to = writer.into_inner()?;
    tick.at(rows as u64, rows as u64)?;
    Ok(to)
}

fn properties() -> Result<WriterProperties, ParquetError> {
    Ok(WriterProperties::builder()
        .set_created_by("foolsgold".into())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_column_statistics_enabled(QUERY.into(), EnabledStatistics::Chunk)
        .build())
}

/// What a step of writing can meet.
pub(super) enum Fault {
    /// A fault of the caller, or a stop.
    Own(Error),
    /// What Parquet or Arrow said, and through them the operating system.
    Parquet(ParquetError),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Own(error)
    }
}

impl From<ParquetError> for Fault {
    fn from(error: ParquetError) -> Self {
        Self::Parquet(error)
    }
}

impl From<ArrowError> for Fault {
    fn from(error: ArrowError) -> Self {
        Self::Parquet(error.into())
    }
}

impl Fault {
    /// The same as an error of the folder that is written in.
    pub(super) fn into_error(self, refused: impl FnOnce(std::io::Error) -> Error) -> Error {
        let error = match self {
            Self::Own(error) => return error,
            Self::Parquet(error) => error,
        };
        match error {
            ParquetError::External(source) => match source.downcast::<std::io::Error>() {
                Ok(source) => refused(*source),
                Err(source) => refused(std::io::Error::other(source)),
            },
            error => refused(std::io::Error::other(error)),
        }
    }
}

/// Reads a part of the `queries`: the columns of these names, or all. O(values).
pub(super) fn read(
    path: &Path,
    queries: &Range<u32>,
    names: Option<&[&str]>,
    tick: &mut Tick<'_>,
) -> Result<Vec<Column>> {
    let mut reader = guarded(path, || open(path, names))??;
    let mut columns = Vec::new();
    for field in reader.schema().fields() {
        columns.push(Column::of(field).ok_or_else(|| unsound(path, format!("a column {field}")))?);
    }
    let mut rows = 0;
    while let Some(batch) = guarded(path, || reader.next())? {
        tick.at(rows as u64, queries.len() as u64)?;
        let batch = batch.map_err(|error| unsound(path, error))?;
        rows += batch.num_rows();
        for (column, array) in columns.iter_mut().zip(batch.columns()) {
            column.extend(array);
        }
    }
    let numbers = columns.iter().position(|column| column.name == QUERY);
    let numbers = numbers.map(|at| columns.remove(at).values);
    if numbers != Some(Values::U32(queries.clone().collect())) {
        return Err(unsound(path, "other queries than its number says"));
    }
    Ok(columns)
}

fn unsound(path: &Path, got: impl std::fmt::Display) -> Error {
    Error::data(path, format!("must be a part of candidates, got {got}"))
}

/// Runs a step of the Parquet reader, which may panic where a file's bytes contradict each other.
fn guarded<T>(path: &Path, step: impl FnOnce() -> T) -> Result<T> {
    unless_panics(step).ok_or_else(|| unsound(path, "contradictions in its content"))
}

fn open(path: &Path, names: Option<&[&str]>) -> Result<ParquetRecordBatchReader> {
    let failed = |error: ParquetError| unsound(path, error);
    let file = File::open(path).map_err(|source| Error::io(path, source))?;
    let plain = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let builder =
        ParquetRecordBatchReaderBuilder::try_new_with_options(file, plain).map_err(failed)?;
    let schema = Arc::clone(builder.schema());
    for name in names.unwrap_or_default() {
        if schema.field_with_name(name).is_err() {
            return Err(unsound(path, format!("no column `{name}`")));
        }
    }
    let is_wanted = |name: &str| name == QUERY || names.is_none_or(|names| names.contains(&name));
    let wanted = (0..schema.fields().len()).filter(|&at| is_wanted(schema.field(at).name()));
    let mask = ProjectionMask::roots(builder.parquet_schema(), wanted);
    builder
        .with_projection(mask)
        .with_batch_size(STEP)
        .build()
        .map_err(failed)
}
