//! The rows of a stream in memory.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use super::bad::Skipped;
use super::plan::Stream;
use super::reader::Part;
use crate::error::Result;
use crate::formats::table::{Origin, Table, cuts};
use crate::view::check_rows;

/// The rows so far, and where they come from.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) num: usize,
    pub(super) batches: Vec<RecordBatch>,
    pub(super) origin: Origin,
    pub(super) skipped: Skipped,
}

impl Gathered {
    pub(super) fn add(&mut self, stream: &Stream, part: Part) -> Result<()> {
        let file = &stream.files[part.file].path;
        self.skipped.add(file, part.bad);
        let batches = part.batches.into_iter();
        let before = self.batches.len();
        self.batches
            .extend(batches.filter(|batch| batch.num_rows() > 0));
        let added = &self.batches[before..];
        if added.is_empty() {
            return Ok(());
        }
        let files = &mut self.origin.files;
        if files.last().is_none_or(|(_, last)| last != file) {
            files.push((self.num, file.clone()));
        }
        self.origin.lines.extend(self.num, &part.lines);
        self.num += added.iter().map(RecordBatch::num_rows).sum::<usize>();
        check_rows("rows", self.num).map(drop)
    }

    /// The rows as a table.
    pub(super) fn table(self, schema: SchemaRef) -> Table {
        Table {
            schema,
            cuts: cuts(&self.batches),
            batches: self.batches,
            origin: Arc::new(self.origin),
            picked: None,
        }
    }
}
