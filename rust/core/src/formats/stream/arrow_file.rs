//! Arrow IPC: the file format, whose end says where its batches are, and the stream format.
//!
//! Lengths are compared with the file before anything is allocated; a reader that panics on bytes that contradict each
//! other is an error of the file.

use std::fs::File;
use std::io::{Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::convert::fb_to_schema;
use arrow_ipc::reader::{FileDecoder, StreamDecoder, read_footer_length};
use arrow_ipc::{Block, root_as_footer};
use arrow_schema::SchemaRef;

use super::arrow_message::{check_block, read_message};
use super::parquet_file::{Rows, bytes_of};
use crate::error::{Error, Result};
use crate::guard::unless_panics;

const MAGIC: &[u8] = b"ARROW1";
const TRAILER: usize = 10;
/// The most rows of a batch, by the format's own advice: 2³¹ - 1.
const MAX_ROWS: usize = i32::MAX as usize;

/// A file's batches, one after another.
pub(super) struct ArrowBatches {
    file: PathBuf,
    opened: File,
    size: u64,
    taken: u64,
    row: u64,
    kind: Kind,
}

enum Kind {
    File(FileDecoder, std::vec::IntoIter<Block>, SchemaRef),
    Stream(Box<StreamDecoder>, Buffer, bool),
}

pub(super) fn unsound(file: &Path, got: &impl ToString) -> Error {
    Error::data(
        file,
        format!("must be sound Arrow IPC, got {}", got.to_string()),
    )
}

fn guarded<T>(file: &Path, step: impl FnOnce() -> T) -> Result<T> {
    unless_panics(step).ok_or_else(|| unsound(file, &"contradictions in its content"))
}

impl ArrowBatches {
    pub(super) fn open(file: &Path) -> Result<Self> {
        let mut opened = File::open(file).map_err(|source| Error::io(file, source))?;
        let size = opened.metadata().map_or(0, |metadata| metadata.len());
        let mut start = Vec::new();
        let begin = (&mut opened)
            .take(MAGIC.len() as u64)
            .read_to_end(&mut start);
        begin.map_err(|source| Error::io(file, source))?;
        let kind = if start == MAGIC {
            open_file(file, &mut opened, size)?
        } else {
            opened
                .seek(SeekFrom::Start(0))
                .map_err(|source| Error::io(file, source))?;
            Kind::Stream(Box::default(), Buffer::from_vec(Vec::<u8>::new()), false)
        };
        Ok(Self {
            file: file.into(),
            opened,
            size,
            taken: 0,
            row: 0,
            kind,
        })
    }

    pub(super) fn taken(&self) -> u64 {
        self.taken.min(self.size)
    }

    /// The schema; of a stream it is read here.
    pub(super) fn schema(&mut self) -> Result<SchemaRef> {
        loop {
            match &mut self.kind {
                Kind::File(_, _, schema) => return Ok(Arc::clone(schema)),
                Kind::Stream(decoder, left, _) => {
                    if let Some(schema) = decoder.schema() {
                        return Ok(schema);
                    }
                    if left.is_empty() && !self.fill()? {
                        return Err(unsound(&self.file, &"no schema"));
                    }
                    let Kind::Stream(decoder, left, _) = &mut self.kind else {
                        continue;
                    };
                    guarded(&self.file, || decoder.decode(left))?
                        .map_err(|error| unsound(&self.file, &error))?;
                }
            }
        }
    }

    /// Reads the next message of a stream; whether there is any.
    fn fill(&mut self) -> Result<bool> {
        let bytes = read_message(&self.file, &mut self.opened)?;
        self.taken += bytes.len() as u64;
        let is_some = !bytes.is_empty();
        if let Kind::Stream(_, left, _) = &mut self.kind {
            *left = Buffer::from_vec(bytes);
        }
        Ok(is_some)
    }

    /// The next rows, about a block of them, and the number of the first, from 1.
    pub(super) fn next(&mut self, block_bytes: usize) -> Result<Option<(Rows, u64)>> {
        let first = self.row + 1;
        let (mut batches, mut bytes) = (Vec::new(), 0);
        while bytes < block_bytes {
            let Some(batch) = self.next_batch()? else {
                break;
            };
            // Columns show that rows are there; without one, or in one of nulls, any number could be claimed.
            if batch.num_rows() > MAX_ROWS || batch.num_columns() == 0 && batch.num_rows() > 0 {
                let got = format!(
                    "{} rows of {} columns",
                    batch.num_rows(),
                    batch.num_columns()
                );
                return Err(unsound(&self.file, &got));
            }
            self.row += batch.num_rows() as u64;
            bytes += bytes_of(&batch).max(1);
            batches.push(batch);
        }
        Ok((!batches.is_empty()).then_some((Rows::Batches(batches), first)))
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        Ok(match &mut self.kind {
            Kind::File(decoder, blocks, _) => {
                let Some(block) = blocks.next() else {
                    return Ok(None);
                };
                let bytes = read_block(&self.file, &mut self.opened, self.size, &block)?;
                self.taken += bytes.len() as u64;
                check_block(&self.file, &block, &bytes)?;
                let decode = || decoder.read_record_batch(&block, &bytes);
                guarded(&self.file, decode)?.map_err(|error| unsound(&self.file, &error))?
            }
            Kind::Stream(..) => self.next_of_stream()?,
        })
    }

    fn next_of_stream(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let Kind::Stream(decoder, left, has_ended) = &mut self.kind else {
                return Ok(None);
            };
            if *has_ended {
                return Ok(None);
            }
            if !left.is_empty() {
                let found = guarded(&self.file, || decoder.decode(left))?;
                if let Some(batch) = found.map_err(|error| unsound(&self.file, &error))? {
                    return Ok(Some(batch));
                }
            }
            if !self.fill()? {
                if let Kind::Stream(decoder, _, has_ended) = &mut self.kind {
                    *has_ended = true;
                    decoder
                        .finish()
                        .map_err(|error| unsound(&self.file, &error))?;
                }
                return Ok(None);
            }
        }
    }
}

fn open_file(file: &Path, opened: &mut File, size: u64) -> Result<Kind> {
    let tail = |opened: &mut File, length: u64| {
        let start = size
            .checked_sub(length)
            .ok_or_else(|| unsound(file, &"a file cut short"))?;
        read_at(file, opened, start, length)
    };
    let trailer = tail(opened, TRAILER as u64)?;
    let trailer: [u8; TRAILER] = trailer[..]
        .try_into()
        .map_err(|_| unsound(file, &"no end"))?;
    let length = read_footer_length(trailer).map_err(|error| unsound(file, &error))?;
    let bytes = tail(opened, length as u64 + TRAILER as u64)?;
    guarded(file, || {
        let footer = root_as_footer(&bytes[..length]).map_err(|error| unsound(file, &error))?;
        let schema = footer.schema().ok_or_else(|| unsound(file, &"no schema"))?;
        let schema = Arc::new(fb_to_schema(schema));
        let mut decoder = FileDecoder::new(Arc::clone(&schema), footer.version());
        for block in footer.dictionaries().iter().flatten() {
            let bytes = read_block(file, opened, size, block)?;
            check_block(file, block, &bytes)?;
            decoder
                .read_dictionary(block, &bytes)
                .map_err(|error| unsound(file, &error))?;
        }
        let blocks = footer
            .recordBatches()
            .iter()
            .flatten()
            .copied()
            .collect::<Vec<_>>();
        Ok(Kind::File(decoder, blocks.into_iter(), schema))
    })?
}

fn read_block(file: &Path, opened: &mut File, size: u64, block: &Block) -> Result<Buffer> {
    let part = |length: i64| u64::try_from(length).ok();
    let length = part(block.bodyLength())
        .and_then(|body| body.checked_add(part(block.metaDataLength().into())?))
        .filter(|&length| length <= size);
    match (part(block.offset()), length) {
        (Some(start), Some(length)) => read_at(file, opened, start, length).map(Buffer::from_vec),
        _ => Err(unsound(file, &"a batch past its end")),
    }
}

/// Bytes of a file; no more than it has are allocated.
fn read_at(file: &Path, opened: &mut File, start: u64, length: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = opened
        .seek(SeekFrom::Start(start))
        .and_then(|_| opened.take(length).read_to_end(&mut bytes));
    read.map_err(|source| Error::io(file, source))?;
    if bytes.len() as u64 == length {
        Ok(bytes)
    } else {
        Err(unsound(file, &"a file cut short"))
    }
}
