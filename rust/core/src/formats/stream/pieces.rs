//! The pieces of files that a worker parses, one after another.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::arrow_file::ArrowBatches;
use super::elements::Array;
use super::fit::{fit, flatten, name_of};
use super::node::Leaf;
use super::parquet_file::{ParquetBatches, Rows};
use super::plan::Stream;
use super::reader::Part;
use super::rows::{self, Texts};
use super::sheet::{RecordTexts, Sheet};
use super::source::Format;
use crate::error::{Error, Result};
use crate::formats::Progress;
use crate::formats::blocks::Blocks;
use arrow_array::RecordBatch;
use arrow_schema::ArrowError;

/// Rows that are not yet parsed.
pub(super) enum Piece {
    Texts(Texts),
    Records(RecordTexts),
    /// Rows of a typed file, and the number of the first.
    Rows(Rows, u64),
}

/// An open file.
enum Source {
    Lines(Blocks),
    Array(Box<Array>),
    Sheet(Box<Sheet>),
    Parquet(ParquetBatches),
    Arrow(Box<ArrowBatches>),
}

/// The pieces of all files in their order.
pub(super) struct Pieces {
    block_bytes: usize,
    /// The file that comes next.
    next: usize,
    last: usize,
    source: Option<Source>,
    /// The bytes of what is done.
    pub(super) before: u64,
}

impl Source {
    fn open(stream: &Stream, at: usize, block_bytes: usize) -> Result<Self> {
        let file = &stream.files[at];
        let path = &file.path;
        Ok(match &file.format {
            Format::Lines => Self::Lines(Blocks::open(path, block_bytes)?),
            Format::Array => Self::Array(Box::new(Array::open(path, block_bytes)?)),
            Format::Separated(by) => {
                Self::Sheet(Box::new(Sheet::open(path, *by, &stream.how, block_bytes)?))
            }
            Format::Parquet(source) => {
                let columns = stream.typed_columns(source.schema());
                Self::Parquet(ParquetBatches::new(
                    Arc::clone(source),
                    columns,
                    block_bytes,
                ))
            }
            Format::Arrow => Self::Arrow(Box::new(ArrowBatches::open(path)?)),
        })
    }

    fn next(
        &mut self,
        block_bytes: usize,
        progress: &mut Progress<'_, '_>,
    ) -> Result<Option<Piece>> {
        Ok(match self {
            Self::Lines(blocks) => blocks
                .next(progress)?
                .map(|block| Piece::Texts(Texts::Lines(block))),
            Self::Array(array) => array
                .next(progress)?
                .map(|elements| Piece::Texts(Texts::Elements(elements))),
            Self::Sheet(sheet) => sheet.next(progress)?.map(Piece::Records),
            Self::Parquet(batches) => {
                progress.at(batches.taken())?;
                batches
                    .next()?
                    .map(|(rows, first)| Piece::Rows(rows, first))
            }
            Self::Arrow(batches) => {
                progress.at(batches.taken())?;
                let next = batches.next(block_bytes)?;
                next.map(|(rows, first)| Piece::Rows(rows, first))
            }
        })
    }
}

impl Pieces {
    /// The pieces of some files, `before` which that many bytes are done.
    pub(super) fn new(files: Range<usize>, block_bytes: usize, before: u64) -> Self {
        Self {
            block_bytes,
            next: files.start,
            last: files.end,
            source: None,
            before,
        }
    }

    pub(super) fn of_all(stream: &Stream, block_bytes: usize) -> Self {
        Self::new(0..stream.files.len(), block_bytes, 0)
    }

    /// The next piece and the number of its file.
    pub(super) fn next(
        &mut self,
        stream: &Stream,
        progress: &mut Progress<'_, '_>,
    ) -> Result<Option<(usize, Piece)>> {
        loop {
            if let Some(source) = &mut self.source {
                progress.before = self.before;
                if let Some(piece) = source.next(self.block_bytes, progress)? {
                    return Ok(Some((self.next - 1, piece)));
                }
                let file = &stream.files[self.next - 1];
                file.check_unchanged()?;
                self.before += file.size;
                self.source = None;
            }
            if self.next >= self.last {
                return Ok(None);
            }
            stream.files[self.next].check_unchanged()?;
            self.source = Some(Source::open(stream, self.next, self.block_bytes)?);
            self.next += 1;
        }
    }
}

/// A piece with the types that the stream has.
pub(super) fn parse(stream: &Stream, file: usize, piece: Piece) -> Result<Part> {
    let path = &stream.files[file].path;
    let on_error = stream.how.on_error;
    let misfit = |error| misfit(path, &error);
    let mut part = Part {
        file,
        ..Part::default()
    };
    match piece {
        Piece::Texts(texts) => {
            let kept = rows::keep(path, &texts, &stream.json, on_error, false)?;
            let names = stream.json_flat.iter().map(|flat| name_of(&flat.path));
            let named: HashMap<_, _> = names.zip(kept.arrays).collect();
            part.batches
                .push(fit(&stream.schema, &named, kept.rows).map_err(misfit)?);
            (part.lines, part.bad) = (kept.lines, kept.bad);
        }
        Piece::Records(records) => {
            let leaf = |name: &str| {
                stream
                    .sheet
                    .get(name)
                    .copied()
                    .unwrap_or((Leaf::Text, false))
            };
            let typed = records.typed(path, on_error, leaf)?;
            let named: HashMap<_, _> = typed.names.into_iter().zip(typed.arrays).collect();
            part.batches
                .push(fit(&stream.schema, &named, typed.rows).map_err(misfit)?);
            (part.lines, part.bad) = (typed.lines, typed.bad);
        }
        Piece::Rows(rows, first) => {
            part.lines.push(0, first);
            for batch in rows.batches()? {
                part.batches.push(adapt(stream, &batch).map_err(misfit)?);
            }
        }
    }
    Ok(part)
}

/// What is said where the values of a file do not become those of the columns.
pub(super) fn misfit(file: &Path, error: &ArrowError) -> Error {
    Error::data(file, format!("must suit the columns, got {error}"))
}

fn adapt(stream: &Stream, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    if batch.schema_ref() == &stream.schema {
        return Ok(batch.clone());
    }
    let mut named = HashMap::new();
    let schema = batch.schema();
    for (field, array) in schema.fields().iter().zip(batch.columns()) {
        let path = vec![(field.name().clone(), 0)];
        let mut columns = Vec::new();
        if stream.how.is_nested {
            flatten(path, array, &mut columns)?;
        } else {
            columns.push((path, Arc::clone(array)));
        }
        named.extend(
            columns
                .into_iter()
                .map(|(path, array)| (name_of(&path), array)),
        );
    }
    fit(&stream.schema, &named, batch.num_rows())
}
