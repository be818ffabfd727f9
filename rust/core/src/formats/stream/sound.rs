//! What is sound in files with faults, in memory: rows that break their format are left out and counted, and columns of
//! several kinds come apart.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::UInt8Type;
use arrow_array::{Array as _, ArrayRef, LargeStringArray, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Schema, SchemaRef};

use super::bad::Skipped;
use super::gathered::Gathered;
use super::mixed::MixedKind;
use super::pieces::{Pieces, parse};
use super::plan::Stream;
use super::reader::pass;
use super::{OnError, Streaming, no_rows};
use crate::error::{Error, Result};
use crate::formats::table::Table;
use crate::tick::Tick;

/// The sound rows of some files.
#[derive(Debug)]
pub struct Sound {
    /// The rows.
    pub table: Table,
    /// Those that were left out.
    pub skipped: Skipped,
    /// The columns of several kinds.
    pub mixed: Vec<Mixed>,
}

/// A column of JSON that holds values of several kinds; in the table it is its texts: `LargeUtf8`, or where some rows hold
/// lists of texts `LargeList` of it, in which a text is a list of one; null where a row holds neither.
#[derive(Debug)]
pub struct Mixed {
    /// Its name.
    pub name: String,
    /// What each row holds, as a [`MixedKind`] has it.
    pub kinds: Vec<u8>,
}

/// Reads files of one schema, of any format that a [`Stream`] has, into one table, without the rows that break their
/// format. Columns are left out as by [`read`](crate::formats::read), but one of several kinds stays where files are JSON
/// and texts are among them. O(bytes), in two passes over text.
///
/// # Errors
/// As [`Stream::open`] and [`Batches::next`](super::Batches::next) for what is wrong with a file as a whole, also where no
/// row is left.
pub fn read_sound(
    files: &[PathBuf],
    threads: usize,
    block_bytes: usize,
    tick: &mut Tick<'_>,
) -> Result<Sound> {
    let how = Streaming {
        on_error: OnError::Skip,
        threads,
        block_bytes,
        ..Streaming::default()
    };
    // Each pass is half of the work.
    let mut look = |done, total: u64| stops(tick.at(done, 2 * total));
    let stream = Stream::open_tabular(files, how, &mut Tick::new(&mut look))?;
    let mut read = |done, total| stops(tick.at(total + done, 2 * total));
    let rows = all(&stream, &mut Tick::new(&mut read))?;
    if rows.num == 0 {
        return Err(no_rows(&files[0], ""));
    }
    rows.come_apart(&stream)
}

fn stops(told: Result<()>) -> ControlFlow<()> {
    told.map_or(ControlFlow::Break(()), ControlFlow::Continue)
}

/// All rows of a stream.
fn all(stream: &Stream, tick: &mut Tick<'_>) -> Result<Gathered> {
    let mut rows = Gathered::default();
    let total = stream.bytes();
    pass(
        stream,
        Pieces::of_all(stream, stream.how.block_bytes),
        |file, piece| parse(stream, file, piece),
        |part| rows.add(stream, part),
        tick,
        total,
    )?;
    tick.at(total, total)?;
    Ok(rows)
}

impl Gathered {
    /// The table, in which columns of several kinds are their texts.
    fn come_apart(mut self, stream: &Stream) -> Result<Sound> {
        let (mut fields, mut columns, mut mixed) = (Vec::new(), Vec::new(), Vec::new());
        let refused = &mut self.origin.refused;
        refused.extend(stream.refused.iter().cloned());
        for (at, field) in stream.schema().fields().iter().enumerate() {
            let chunks = self
                .batches
                .iter()
                .map(|batch| Arc::clone(batch.column(at)));
            let mut chunks: Vec<ArrayRef> = chunks.collect();
            let name = field.name();
            if let Some((_, fault)) = stream.mixed.iter().find(|(other, _)| other == name) {
                let Some(kinds) = apart(&mut chunks) else {
                    refused.push((name.clone(), fault.clone()));
                    continue;
                };
                let name = name.clone();
                mixed.push(Mixed { name, kinds });
            }
            let kind = chunks.first().map(|chunk| chunk.data_type().clone());
            fields.push(Field::new(name, kind.unwrap_or(DataType::Null), true));
            columns.push(chunks);
        }
        let schema = Arc::new(Schema::new(fields));
        self.batches = batches(&schema, &columns, &self.batches)?;
        let skipped = std::mem::take(&mut self.skipped);
        Ok(Sound {
            table: self.table(schema),
            skipped,
            mixed,
        })
    }
}

/// The kinds of a column of several, whose `chunks` become its texts; `None` where it has none after all.
fn apart(chunks: &mut [ArrayRef]) -> Option<Vec<u8>> {
    let mut kinds = Vec::new();
    let mut has_texts = false;
    for chunk in &mut *chunks {
        let column = chunk.as_struct();
        kinds.extend_from_slice(column.column(0).as_primitive::<UInt8Type>().values());
        let lists = Arc::clone(column.column(1));
        let items = lists.as_list::<i64>().values();
        has_texts |= items.null_count() < items.len();
        *chunk = lists;
    }
    if !kinds.contains(&(MixedKind::Texts as u8)) {
        for chunk in chunks {
            *chunk = single_texts(chunk);
        }
    }
    has_texts.then_some(kinds)
}

/// Lists of one text, or null, as texts.
fn single_texts(lists: &ArrayRef) -> ArrayRef {
    let lists = lists.as_list::<i64>();
    let texts = lists.values().as_string::<i64>();
    let mut texts = texts.iter();
    let single = (0..lists.len()).map(|row| {
        let is_there = lists.is_valid(row);
        is_there.then(|| texts.next().flatten()).flatten()
    });
    Arc::new(single.collect::<LargeStringArray>())
}

/// Batches of some columns, with as many rows as others have.
fn batches(
    schema: &SchemaRef,
    columns: &[Vec<ArrayRef>],
    others: &[RecordBatch],
) -> Result<Vec<RecordBatch>> {
    let made = others.iter().enumerate().map(|(at, other)| {
        let arrays = columns.iter().map(|chunks| Arc::clone(&chunks[at]));
        let options = RecordBatchOptions::new().with_row_count(Some(other.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(schema), arrays.collect(), &options)
            .map_err(|error| Error::argument("files", "be of one schema", error))
    });
    made.collect()
}
