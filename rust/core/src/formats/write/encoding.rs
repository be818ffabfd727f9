//! What rows become on any thread, and where that goes in their order.

use std::path::Path;

use arrow_array::RecordBatch;

use super::arrow::ArrowSink;
use super::folder::FolderSink;
use super::json::JsonRows;
use super::packing::{Packed, TextSink};
use super::parquet::{self, ParquetSink};
use super::separated::SeparatedRows;
use crate::error::{Error, Result};

/// Makes text or row groups of batches, on any thread.
pub(super) enum Encoder {
    Json(JsonRows),
    Separated(SeparatedRows),
    Parquet(parquet::Encoder),
    Arrow,
}

/// Something encoded.
pub(super) enum Encoded {
    Text(Packed),
    Group(parquet::Group),
    Batches(Vec<RecordBatch>),
}

/// A value that the format cannot hold; `row` counts from the first of the piece.
#[derive(Debug)]
pub(super) struct Misfit {
    pub(super) row: usize,
    pub(super) column: String,
    pub(super) message: String,
}

/// What a step of encoding can meet.
pub(super) enum Fault {
    Value(Misfit),
    Own(Error),
}

impl From<Misfit> for Fault {
    fn from(misfit: Misfit) -> Self {
        Self::Value(misfit)
    }
}

/// Encoded rows, or the value in the way; how many rows.
pub(super) type Piece = (std::result::Result<Encoded, Misfit>, u64);

/// Where what is encoded goes, in order.
pub(super) enum Sink {
    Text(Box<TextSink>),
    Parquet(Box<ParquetSink>),
    Arrow(Box<ArrowSink>),
    Folder(Box<FolderSink>),
}

impl Encoder {
    pub(super) fn piece(&self, path: &Path, batches: &[RecordBatch]) -> Result<Piece> {
        let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum();
        let encoded = match self {
            Self::Json(json) => json.encode(batches).map(Encoded::Text),
            Self::Separated(sheet) => sheet.encode(batches).map(Encoded::Text),
            Self::Parquet(parquet) => parquet
                .encode(path, batches)
                .map(Encoded::Group)
                .map_err(Fault::Own),
            Self::Arrow => Ok(Encoded::Batches(batches.to_vec())),
        };
        match encoded {
            Ok(encoded) => Ok((Ok(encoded), rows)),
            Err(Fault::Value(misfit)) => Ok((Err(misfit), rows)),
            Err(Fault::Own(error)) => Err(error),
        }
    }
}

impl Sink {
    pub(super) fn put(&mut self, path: &Path, encoded: Encoded) -> Result<()> {
        match (self, encoded) {
            (Self::Text(sink), Encoded::Text(text)) => sink.put(&text),
            (Self::Parquet(sink), Encoded::Group(group)) => sink.put(path, group),
            (Self::Arrow(sink), Encoded::Batches(batches)) => sink.put(path, &batches),
            (Self::Folder(sink), Encoded::Batches(batches)) => sink.put(&batches),
            _ => Ok(()),
        }
    }
}
