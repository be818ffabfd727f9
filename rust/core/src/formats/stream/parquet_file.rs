//! Parquet: small row groups are decoded in parallel, large ones batch after batch. Types are those of the file.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{Array as _, ArrayRef, RecordBatch};
use arrow_schema::SchemaRef;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Type;
use parquet::file::metadata::RowGroupMetaData;

use crate::error::{Error, Result};
use crate::guard::unless_panics;

/// Row groups of more bytes than this, unpacked, are decoded batch after batch.
const MAX_GROUP: usize = 1 << 26;
const MAX_BATCH: usize = 1 << 13;

/// A file whose footer is read.
#[derive(Debug)]
pub(super) struct ParquetFile {
    file: PathBuf,
    size: u64,
    metadata: ArrowReaderMetadata,
    /// The first row of each group, and at last their number.
    starts: Vec<u64>,
}

/// A file that is being read.
pub(super) struct ParquetBatches {
    source: Arc<ParquetFile>,
    columns: Vec<usize>,
    block_bytes: usize,
    group: usize,
    open: Option<ParquetRecordBatchReader>,
    row: u64,
}

/// Rows to decode, or decoded.
pub(super) enum Rows {
    Groups(Arc<ParquetFile>, Vec<usize>, Vec<usize>),
    Batches(Vec<RecordBatch>),
}

fn unsound(file: &Path, got: &impl ToString) -> Error {
    Error::data(
        file,
        format!("must be sound Parquet, got {}", got.to_string()),
    )
}

/// Runs a step of the Parquet reader, which may panic where a file's bytes contradict each other.
fn guarded<T>(file: &Path, step: impl FnOnce() -> T) -> Result<T> {
    unless_panics(step).ok_or_else(|| unsound(file, &"contradictions in its content"))
}

impl ParquetFile {
    pub(super) fn open(file: &Path) -> Result<Self> {
        let opened = File::open(file).map_err(|source| Error::io(file, source))?;
        let size = opened.metadata().map_or(0, |metadata| metadata.len());
        let load = || ArrowReaderMetadata::load(&opened, ArrowReaderOptions::new());
        let metadata = guarded(file, load)?.map_err(|error| unsound(file, &error))?;
        let mut starts = vec![0_u64];
        for group in metadata.metadata().row_groups() {
            let rows = u64::try_from(group.num_rows()).map_err(|error| unsound(file, &error))?;
            starts.push(starts.last().copied().unwrap_or(0).saturating_add(rows));
        }
        Ok(Self {
            file: file.into(),
            size,
            metadata,
            starts,
        })
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        self.metadata.schema()
    }

    fn rows(&self) -> u64 {
        self.starts.last().copied().unwrap_or(0)
    }

    fn reader(
        &self,
        columns: &[usize],
        groups: Vec<usize>,
        batch: usize,
    ) -> Result<ParquetRecordBatchReader> {
        let opened = File::open(&self.file).map_err(|source| Error::io(&self.file, source))?;
        let schema = self.metadata.metadata().file_metadata().schema_descr();
        let mask = ProjectionMask::roots(schema, columns.iter().copied());
        let build = || {
            ParquetRecordBatchReaderBuilder::new_with_metadata(opened, self.metadata.clone())
                .with_projection(mask)
                .with_row_groups(groups)
                .with_batch_size(batch)
                .build()
        };
        guarded(&self.file, build)?.map_err(|error| unsound(&self.file, &error))
    }

    fn next(&self, reader: &mut ParquetRecordBatchReader) -> Result<Option<RecordBatch>> {
        let batch = guarded(&self.file, || reader.next())?;
        batch
            .transpose()
            .map_err(|error| unsound(&self.file, &error))
    }

    fn batch_rows(group: &RowGroupMetaData, block_bytes: usize) -> usize {
        let rows = usize::try_from(group.num_rows()).unwrap_or(1).max(1);
        let bytes = unpacked_bytes(group).unwrap_or_else(|| positive(group.total_byte_size()));
        (block_bytes / (bytes / rows).max(1)).clamp(1, MAX_BATCH)
    }
}

fn positive(number: i64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

/// The bytes of a group's values, where its writer has noted those of texts: dictionaries hide them.
fn unpacked_bytes(group: &RowGroupMetaData) -> Option<usize> {
    let bytes = group.columns().iter().map(|column| {
        if column.column_type() == Type::BYTE_ARRAY {
            column.unencoded_byte_array_data_bytes().map(positive)
        } else {
            Some(positive(column.num_values()).saturating_mul(8))
        }
    });
    bytes.sum()
}

impl ParquetBatches {
    pub(super) fn new(source: Arc<ParquetFile>, columns: Vec<usize>, block_bytes: usize) -> Self {
        Self {
            source,
            columns,
            block_bytes,
            group: 0,
            open: None,
            row: 0,
        }
    }

    /// The share of the file's bytes that the rows so far stand for.
    pub(super) fn taken(&self) -> u64 {
        let rows = u128::from(self.source.rows().max(1));
        let taken = u128::from(self.source.size) * u128::from(self.row) / rows;
        u64::try_from(taken).unwrap_or(self.source.size)
    }

    /// The next rows, about a block of them, and the number of the first, from 1.
    pub(super) fn next(&mut self) -> Result<Option<(Rows, u64)>> {
        let first = self.row + 1;
        let (mut batches, mut bytes) = (Vec::new(), 0);
        while bytes < self.block_bytes {
            if let Some(reader) = &mut self.open {
                if let Some(batch) = self.source.next(reader)? {
                    self.row += batch.num_rows() as u64;
                    bytes += bytes_of(&batch).max(1);
                    batches.push(batch);
                } else {
                    self.open = None;
                }
                continue;
            }
            let groups = self.source.metadata.metadata().row_groups();
            let Some(group) = groups.get(self.group) else {
                break;
            };
            if self.is_small(group) {
                if batches.is_empty() {
                    return Ok(Some((self.small_groups(), first)));
                }
                break;
            }
            let batch = ParquetFile::batch_rows(group, self.block_bytes);
            let at = vec![self.group];
            self.open = Some(self.source.reader(&self.columns, at, batch)?);
            self.group += 1;
        }
        Ok((!batches.is_empty()).then_some((Rows::Batches(batches), first)))
    }

    fn is_small(&self, group: &RowGroupMetaData) -> bool {
        let most = MAX_GROUP.min(self.block_bytes.saturating_mul(16));
        unpacked_bytes(group).is_some_and(|bytes| bytes <= most)
    }

    /// The next groups, about a block of them, to be decoded by whoever takes them.
    fn small_groups(&mut self) -> Rows {
        let groups = self.source.metadata.metadata().row_groups();
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while let Some(group) = groups.get(self.group).filter(|group| self.is_small(group)) {
            let more = unpacked_bytes(group).unwrap_or(0);
            if !taken.is_empty() && bytes + more > self.block_bytes {
                break;
            }
            taken.push(self.group);
            bytes += more;
            self.group += 1;
        }
        self.row = self.source.starts[self.group];
        Rows::Groups(Arc::clone(&self.source), self.columns.clone(), taken)
    }
}

/// The bytes of a batch's values, whoever else holds its buffers.
pub(in crate::formats) fn bytes_of(batch: &RecordBatch) -> usize {
    let bytes = |array: &ArrayRef| array.to_data().get_slice_memory_size().unwrap_or(0);
    batch.columns().iter().map(bytes).sum()
}

impl Rows {
    pub(super) fn batches(self) -> Result<Vec<RecordBatch>> {
        match self {
            Self::Batches(batches) => Ok(batches),
            Self::Groups(source, columns, groups) => {
                let mut reader = source.reader(&columns, groups, MAX_BATCH)?;
                let mut batches = Vec::new();
                while let Some(batch) = source.next(&mut reader)? {
                    batches.push(batch);
                }
                Ok(batches)
            }
        }
    }
}
