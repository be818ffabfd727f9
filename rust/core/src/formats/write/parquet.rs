//! Parquet under zstd: a row group is encoded by one worker, column after column, and written when its turn comes.

use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, ArrowWriterOptions,
    compute_leaves,
};
use parquet::arrow::{ArrowSchemaConverter, ArrowWriter};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;

use super::aside::Aside;
use super::failed;
use crate::error::{Error, Result};
use crate::guard::unless_panics;

const LEVEL: i32 = 1;

pub(super) struct Encoder {
    factory: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
}

/// An encoded row group.
pub(super) struct Group(Vec<ArrowColumnChunk>);

pub(super) struct ParquetSink {
    writer: SerializedFileWriter<Aside>,
}

/// Refuses columns that Parquet does not hold.
pub(super) fn check(path: &Path, schema: &SchemaRef) -> Result<()> {
    // Its writer panics at unions.
    let converted = unless_panics(|| ArrowSchemaConverter::new().convert(schema));
    let got = match converted {
        Some(Ok(_)) => return Ok(()),
        Some(Err(error)) => error.to_string(),
        None => format!("{schema}"),
    };
    let message = format!("must have columns that Parquet holds, got {got}");
    Err(Error::data(path, message))
}

impl ParquetSink {
    pub(super) fn new(aside: Aside, schema: &SchemaRef) -> Result<(Self, Encoder)> {
        let path = aside.path().to_owned();
        let open = || -> Result<_, ParquetError> {
            let properties = WriterProperties::builder()
                .set_created_by("foolsgold".into())
                .set_compression(Compression::ZSTD(ZstdLevel::try_new(LEVEL)?))
                .set_statistics_enabled(EnabledStatistics::Chunk)
                .build();
            let options = ArrowWriterOptions::new().with_properties(properties);
            let writer = ArrowWriter::try_new_with_options(aside, Arc::clone(schema), options)?;
            writer.into_serialized_writer()
        };
        let (writer, factory) = open().map_err(|error| failed(&path, error))?;
        let schema = Arc::clone(schema);
        Ok((Self { writer }, Encoder { factory, schema }))
    }

    pub(super) fn put(&mut self, path: &Path, Group(chunks): Group) -> Result<()> {
        let put = || -> Result<(), ParquetError> {
            let mut group = self.writer.next_row_group()?;
            for chunk in chunks {
                chunk.append_to_row_group(&mut group)?;
            }
            group.close().map(drop)
        };
        put().map_err(|error| failed(path, error))
    }

    pub(super) fn finish(self, path: &Path) -> Result<Aside> {
        self.writer
            .into_inner()
            .map_err(|error| failed(path, error))
    }
}

impl Encoder {
    pub(super) fn encode(&self, path: &Path, batches: &[RecordBatch]) -> Result<Group> {
        let encode = || -> Result<_, ParquetError> {
            let mut writers = self.factory.create_column_writers(0)?;
            for batch in batches {
                let mut next = writers.iter_mut();
                for (field, column) in self.schema.fields().iter().zip(batch.columns()) {
                    for leaf in compute_leaves(field, column)? {
                        if let Some(writer) = next.next() {
                            writer.write(&leaf)?;
                        }
                    }
                }
            }
            let chunks = writers.into_iter().map(ArrowColumnWriter::close);
            chunks.collect::<Result<Vec<_>, _>>()
        };
        encode().map(Group).map_err(|error| failed(path, error))
    }
}
