//! Arrow IPC, as a file or a stream.

use std::path::Path;

use arrow_array::RecordBatch;
use arrow_ipc::writer::{DictionaryHandling, FileWriter, IpcWriteOptions, StreamWriter};
use arrow_schema::{ArrowError, SchemaRef};

use super::aside::Aside;
use super::failed;
use crate::error::Result;

pub(super) enum ArrowSink {
    File(FileWriter<Aside>, super::values::Dictionaries),
    Stream(StreamWriter<Aside>),
}

impl ArrowSink {
    pub(super) fn new(aside: Aside, schema: &SchemaRef, is_file: bool) -> Result<Self> {
        let path = aside.path().to_owned();
        let open = || -> Result<_, ArrowError> {
            Ok(if is_file {
                // A file's dictionaries may grow, but not change.
                let options =
                    IpcWriteOptions::default().with_dictionary_handling(DictionaryHandling::Delta);
                let writer = FileWriter::try_new_with_options(aside, schema, options)?;
                Self::File(writer, super::values::Dictionaries::default())
            } else {
                Self::Stream(StreamWriter::try_new(aside, schema)?)
            })
        };
        open().map_err(|error| failed(&path, error))
    }

    pub(super) fn put(&mut self, path: &Path, batches: &[RecordBatch]) -> Result<()> {
        for batch in batches {
            let done = match self {
                Self::File(writer, dictionaries) => dictionaries
                    .grow(batch)
                    .and_then(|batch| writer.write(&batch)),
                Self::Stream(writer) => writer.write(batch),
            };
            done.map_err(|error| failed(path, error))?;
        }
        Ok(())
    }

    pub(super) fn finish(self, path: &Path) -> Result<Aside> {
        let done = match self {
            Self::File(writer, _) => writer.into_inner(),
            Self::Stream(writer) => writer.into_inner(),
        };
        done.map_err(|error| failed(path, error))
    }
}
