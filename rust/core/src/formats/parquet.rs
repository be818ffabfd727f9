//! Parquet, row group after row group, in batches of bounded size.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array as _, ArrayRef, Int64Array, LargeListArray, PrimitiveArray, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};

use super::assembly::{Assembly, Chunk, Part};
use super::convert::item;
use super::{Progress, Reading};
use crate::error::{Error, Result};

const MAX_BATCH: usize = 1 << 13;

pub(super) fn read(
    file: &Path,
    how: &Reading<'_>,
    progress: &mut Progress<'_, '_>,
    assembly: &mut Assembly,
) -> Result<()> {
    let opened = File::open(file).map_err(|source| Error::io(file, source))?;
    let size = opened.metadata().map_or(0, |metadata| metadata.len());
    let (mut reader, rows) = guarded(file, || open(opened, file, how, assembly))??;
    let mut done = 0;
    progress.at(0)?;
    while let Some(batch) = guarded(file, || reader.next())? {
        let batch = batch.map_err(|error| unsound(file, &error))?;
        let part = part(&batch, done).map_err(|error| unsound(file, &error))?;
        done += batch.num_rows();
        assembly.push(file, part)?;
        let taken = u128::from(size) * done as u128 / rows.max(1) as u128;
        progress.at(u64::try_from(taken).unwrap_or(size))?;
    }
    Ok(())
}

fn unsound(file: &Path, error: &impl ToString) -> Error {
    Error::data(
        file,
        format!("must be sound Parquet, got {}", error.to_string()),
    )
}

/// Runs a step of the Parquet reader, which may panic where a file's bytes contradict each other.
fn guarded<T>(file: &Path, step: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(step))
        .map_err(|_| unsound(file, &"contradictions in its content"))
}

fn open(
    opened: File,
    file: &Path,
    how: &Reading<'_>,
    assembly: &mut Assembly,
) -> Result<(ParquetRecordBatchReader, usize)> {
    // Without the writer's own schema, dictionaries and views of strings are strings.
    let plain = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let found = ArrowReaderMetadata::load(&opened, plain).map_err(|error| unsound(file, &error))?;
    let mut columns = Vec::new();
    let fields = found
        .schema()
        .fields()
        .iter()
        .enumerate()
        .map(|(at, field)| {
            let name = field.name();
            if how.columns.is_some_and(|wanted| !wanted.contains(name)) {
                assembly.pass_over(name);
            } else if let Some(kind) = readable(field.data_type()) {
                columns.push(at);
                return Field::new(name, kind, field.is_nullable());
            } else {
                let rule = "must hold texts, numbers, truth values or lists of these";
                assembly.refuse(name, file, format!("{rule}, got {}", field.data_type()));
            }
            field.as_ref().clone()
        });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let metadata = found.metadata();
    let rows = metadata
        .row_groups()
        .iter()
        .map(|group| usize::try_from(group.num_rows()).unwrap_or(0))
        .sum();
    let bytes: usize = metadata
        .row_groups()
        .iter()
        .map(|group| usize::try_from(group.total_byte_size()).unwrap_or(0))
        .sum();
    let batch = (how.block_bytes / (bytes / usize::max(rows, 1)).max(1)).clamp(1, MAX_BATCH);
    let options = ArrowReaderOptions::new().with_schema(schema);
    let typed = ArrowReaderMetadata::try_new(Arc::clone(metadata), options)
        .map_err(|error| unsound(file, &error))?;
    let mask = ProjectionMask::roots(metadata.file_metadata().schema_descr(), columns);
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(opened, typed)
        .with_projection(mask)
        .with_batch_size(batch)
        .build()
        .map_err(|error| unsound(file, &error))?;
    Ok((reader, rows))
}

/// The type to read a column as, where a table can hold it.
fn readable(kind: &DataType) -> Option<DataType> {
    use DataType::{FixedSizeList, LargeList, LargeUtf8, List, Utf8, Utf8View};
    match kind {
        Utf8 | LargeUtf8 | Utf8View => Some(LargeUtf8),
        List(field) | LargeList(field) | FixedSizeList(field, _) => {
            let inner = readable(field.data_type())?;
            Some(LargeList(Arc::new(Field::new(
                field.name(),
                inner,
                field.is_nullable(),
            ))))
        }
        kind if kind.is_integer() || kind.is_null() => Some(kind.clone()),
        DataType::Boolean | DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            Some(kind.clone())
        }
        _ => None,
    }
}

fn part(batch: &RecordBatch, start: usize) -> Result<Part, ArrowError> {
    let mut part = Part {
        rows: batch.num_rows(),
        ..Part::default()
    };
    let line = start as u64 + 1;
    part.lines.push(0, line);
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        let array = plain(array)?;
        let first = line
            + (0..array.len())
                .find(|&row| array.is_valid(row))
                .unwrap_or(0) as u64;
        part.chunks.push(Chunk {
            name: field.name().clone(),
            array,
            numeric: None,
            firsts: vec![first; 8],
            fault: None,
        });
    }
    Ok(part)
}

/// `array` in the types of a table.
fn plain(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    macro_rules! widen {
        ($from:ty => $to:ty) => {{
            let wide: PrimitiveArray<$to> = array.as_primitive::<$from>().unary(Into::into);
            Arc::new(wide)
        }};
    }
    Ok(match array.data_type() {
        DataType::Int8 => widen!(Int8Type => Int64Type),
        DataType::Int16 => widen!(Int16Type => Int64Type),
        DataType::Int32 => widen!(Int32Type => Int64Type),
        DataType::UInt8 => widen!(UInt8Type => Int64Type),
        DataType::UInt16 => widen!(UInt16Type => Int64Type),
        DataType::UInt32 => widen!(UInt32Type => Int64Type),
        DataType::UInt64 => {
            let narrow = |number: u64| {
                i64::try_from(number).map_err(|error| ArrowError::CastError(error.to_string()))
            };
            let numbers: Int64Array = array.as_primitive::<UInt64Type>().try_unary(narrow)?;
            Arc::new(numbers)
        }
        DataType::Float16 => widen!(Float16Type => Float64Type),
        DataType::Float32 => widen!(Float32Type => Float64Type),
        DataType::LargeList(_) => {
            let lists = array.as_list::<i64>();
            let items = plain(lists.values())?;
            let field = item(items.data_type().clone());
            let (offsets, nulls) = (lists.offsets().clone(), lists.nulls().cloned());
            Arc::new(LargeListArray::try_new(field, offsets, items, nulls)?)
        }
        _ => array.clone(),
    })
}
