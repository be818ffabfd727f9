//! Batches into a file, or a folder that `datasets` reads.
//!
//! A file appears under its name when all of it is on the disk; before that it lies beside, and is removed after a fault.
//! What is written can be read again as it was, as far as the format can say it; where it cannot (a fraction that is no
//! number in JSON, a list in CSV) the value is refused by row and column. Equal rows in equal pieces give equal bytes, for
//! any number of threads.

mod arrow;
mod aside;
mod encoding;
mod folder;
mod format;
mod json;
mod nest;
mod packing;
mod parquet;
mod separated;
mod values;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef};

use self::arrow::ArrowSink;
use self::aside::{Aside, refused};
use self::encoding::{Encoder, Piece, Sink};
use self::folder::FolderSink;
use self::format::{Format, check_arguments, format_of};
use self::json::JsonRows;
use self::parquet::ParquetSink;
use self::separated::SeparatedRows;
use super::stream::{Skipped, Stream};
use crate::error::{Error, Result};
use crate::pool;
use crate::tick::Tick;

/// The text that a worker makes at a time, about.
const TEXT_BYTES: usize = 1 << 20;
/// What stands before the objects of an array, between pieces of them, and after.
const ARRAY: (&[u8], &[u8], &[u8]) = (b"[\n", b",\n", b"\n]\n");
/// A row group of Parquet, about, before it is packed.
const GROUP_BYTES: usize = 1 << 24;

/// How to write.
#[derive(Debug, Clone)]
pub struct Writing {
    /// Whether columns that lie in objects are written as objects; `None` where their schema says so.
    pub is_nested: Option<bool>,
    /// Whether a `.json` file is one array, not an object a line.
    pub is_array: bool,
    /// Whether CSV and TSV begin with the names of the columns.
    pub has_header: bool,
    /// Whether texts of CSV and TSV are quoted; without it, texts with tabs or line ends are refused.
    pub is_quoted: bool,
    /// Threads that encode.
    pub threads: usize,
}

impl Default for Writing {
    fn default() -> Self {
        Self {
            is_nested: None,
            is_array: false,
            has_header: true,
            is_quoted: true,
            threads: 1,
        }
    }
}

/// Checks that `path` can hold the columns, and that nothing of another kind stands there. O(columns).
///
/// # Errors
/// [`Argument`](Error::Argument) where something is said that is for JSON alone; [`Data`](Error::Data) where the ending is unknown, the format cannot hold a column, or something stands there that is
/// none of ours; [`Io`](Error::Io) where there is no folder to write in.
pub fn check_writable(path: &Path, schema: Option<&SchemaRef>, how: &Writing) -> Result<()> {
    let (format, _) = format_of(path, how)?;
    check_arguments(path, format, how)?;
    folder::check_place(path, format == Format::Folder)?;
    let Some(schema) = schema else { return Ok(()) };
    let mut names = HashSet::new();
    if let Some(field) = schema
        .fields()
        .iter()
        .find(|field| !names.insert(field.name()))
    {
        let message = format!("must name each column once, got `{}` twice", field.name());
        return Err(Error::data(path, message));
    }
    match format {
        Format::Parquet => parquet::check(path, schema),
        Format::Separated(_) => separated::check(path, schema),
        Format::JsonLines | Format::JsonArray => json::check(path, schema, how.is_nested),
        _ => Ok(()),
    }
}

/// A file that is being written.
pub struct Writer {
    path: PathBuf,
    schema: SchemaRef,
    encoder: Encoder,
    sink: Sink,
    threads: usize,
    unit: usize,
    is_array: bool,
    waiting: Vec<RecordBatch>,
    bytes: usize,
    rows: u64,
}

impl Writer {
    /// Begins a file beside `path`.
    ///
    /// # Errors
    /// As [`check_writable`]; an unusable number of threads.
    pub fn new(path: &Path, schema: &SchemaRef, how: &Writing) -> Result<Self> {
        if how.threads == 0 {
            return Err(Error::argument("threads", "be positive", 0));
        }
        check_writable(path, Some(schema), how)?;
        let (format, packing) = format_of(path, how)?;
        let aside = || Aside::new(path);
        let text = |start: &[u8]| -> Result<Sink> {
            let sink = packing::TextSink::new(aside()?, packing, how.threads, start)?;
            Ok(Sink::Text(Box::new(sink)))
        };
        let (encoder, sink, unit) = match format {
            Format::JsonLines | Format::JsonArray => {
                let is_array = format == Format::JsonArray;
                let rows = JsonRows::new(path, schema, how.is_nested, is_array, packing)?;
                let start: &[u8] = if is_array { ARRAY.0 } else { b"" };
                (Encoder::Json(rows), text(start)?, TEXT_BYTES)
            }
            Format::Separated(by) => {
                let rows = SeparatedRows::new(by, how.is_quoted, packing);
                let header = if how.has_header {
                    rows.header(path, schema)?
                } else {
                    Vec::new()
                };
                (Encoder::Separated(rows), text(&header)?, TEXT_BYTES)
            }
            Format::Parquet => {
                let (sink, encoder) = ParquetSink::new(aside()?, schema)?;
                let sink = Sink::Parquet(Box::new(sink));
                (Encoder::Parquet(encoder), sink, GROUP_BYTES)
            }
            Format::ArrowFile | Format::ArrowStream => {
                let sink = ArrowSink::new(aside()?, schema, format == Format::ArrowFile)?;
                (Encoder::Arrow, Sink::Arrow(Box::new(sink)), TEXT_BYTES)
            }
            Format::Folder => {
                let sink = FolderSink::new(path, schema)?;
                (Encoder::Arrow, Sink::Folder(Box::new(sink)), TEXT_BYTES)
            }
        };
        Ok(Self {
            path: path.into(),
            schema: schema.clone(),
            encoder,
            sink,
            threads: how.threads,
            unit,
            is_array: format == Format::JsonArray,
            waiting: Vec::new(),
            bytes: 0,
            rows: 0,
        })
    }

    /// Takes rows, and writes where enough have come.
    ///
    /// # Errors
    /// [`Data`](Error::Data) at a value that the format cannot hold; [`Shape`](Error::Shape) for a batch of another schema;
    /// [`Io`](Error::Io); [`Cancelled`](Error::Cancelled).
    pub fn push(&mut self, batch: RecordBatch, tick: &mut Tick<'_>) -> Result<()> {
        let kinds = |fields: &arrow_schema::Fields| -> Vec<(String, DataType)> {
            let fields = fields.iter();
            fields
                .map(|field| (field.name().clone(), field.data_type().clone()))
                .collect()
        };
        if kinds(batch.schema_ref().fields()) != kinds(self.schema.fields()) {
            let columns = |schema: &SchemaRef| {
                let fields = schema.fields().iter();
                let fields =
                    fields.map(|field| format!("`{}` ({})", field.name(), field.data_type()));
                fields.collect::<Vec<_>>().join(", ")
            };
            let got = columns(&batch.schema());
            return Err(Error::shape(
                "batches",
                format!("of the columns {}", columns(&self.schema)),
                got,
            ));
        }
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.bytes += super::stream::bytes_of(&batch);
        self.waiting.push(batch);
        if self.bytes >= self.unit.saturating_mul(self.threads) {
            self.write_waiting(tick)?;
        }
        Ok(())
    }

    /// Writes what is waiting, in pieces whose bounds do not depend on the number of threads.
    fn write_waiting(&mut self, tick: &mut Tick<'_>) -> Result<()> {
        self.bytes = 0;
        let mut pieces = vec![(Vec::new(), 0)];
        for batch in std::mem::take(&mut self.waiting) {
            if pieces.last().is_some_and(|(_, bytes)| *bytes >= self.unit) {
                pieces.push((Vec::new(), 0));
            }
            if let Some((piece, bytes)) = pieces.last_mut() {
                *bytes += super::stream::bytes_of(&batch);
                piece.push(batch);
            }
        }
        let (encoder, path) = (&self.encoder, &self.path);
        let work = |(): &mut (), (piece, _): (Vec<RecordBatch>, usize)| encoder.piece(path, &piece);
        let done = pool::map_items(self.threads, pieces.into_iter(), tick, || (), work)?;
        for piece in done {
            self.put(piece, self.rows)?;
        }
        Ok(())
    }

    fn put(&mut self, (encoded, rows): Piece, first: u64) -> Result<()> {
        let encoded = encoded.map_err(|misfit| {
            let row = first + misfit.row as u64 + 1;
            Error::data_cell(&self.path, row, &misfit.column, misfit.message)
        })?;
        self.rows = first + rows;
        if let Sink::Text(sink) = &mut self.sink
            && self.is_array
            && first > 0
        {
            sink.put_text(ARRAY.1)?;
        }
        self.sink.put(&self.path, encoded)
    }

    /// Ends the file and gives it its name; what stands there is replaced.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn finish(mut self, tick: &mut Tick<'_>) -> Result<u64> {
        if !self.waiting.is_empty() {
            self.write_waiting(tick)?;
        }
        self.publish()
    }

    fn publish(self) -> Result<u64> {
        let end = if self.is_array { ARRAY.2 } else { b"" };
        match self.sink {
            Sink::Text(sink) => sink.finish(end)?.publish()?,
            Sink::Parquet(sink) => sink.finish(&self.path)?.publish()?,
            Sink::Arrow(sink) => sink.finish(&self.path)?.publish()?,
            Sink::Folder(sink) => sink.finish()?,
        }
        Ok(self.rows)
    }
}

/// Writes all rows of a stream: reading, parsing, encoding and writing go on beside one another. Progress counts the bytes
/// that are read. O(bytes), in memory of some blocks a thread. Gives the rows that were written, and those skipped.
///
/// # Errors
/// As [`Batches::next`](super::Batches::next) and [`Writer::push`].
pub fn convert(
    stream: &Stream,
    path: &Path,
    how: &Writing,
    tick: &mut Tick<'_>,
) -> Result<(u64, Skipped)> {
    let mut writer = Writer::new(path, stream.schema(), how)?;
    let block = if writer.unit == TEXT_BYTES {
        stream.how().block_bytes
    } else {
        stream.how().block_bytes.max(writer.unit)
    };
    // What workers need is apart from what the caller's thread writes to.
    let encoder = std::mem::replace(&mut writer.encoder, Encoder::Arrow);
    let work = |batches: Vec<RecordBatch>| encoder.piece(path, &batches);
    let skipped = stream.each(block, work, |piece, first| writer.put(piece, first), tick)?;
    writer.encoder = encoder;
    Ok((writer.publish()?, skipped))
}

/// What an encoder of another crate said, which may be the operating system.
fn failed(path: &Path, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return refused(path, std::io::Error::new(io.kind(), io.to_string()));
        }
        source = inner.source();
    }
    Error::data(path, format!("cannot be written: {error}"))
}
