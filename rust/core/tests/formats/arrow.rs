//! Arrow IPC: packed files are those that they pack; what a file claims without having it is refused.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, StringArray};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use arrow_schema::{ArrowError, Schema};
use foolsgold_core::Result;
use foolsgold_core::formats::Streaming;

use super::common::{Folder, message};
use super::streamed::{one, said};

const NAMES: [&str; 2] = ["a.arrow", "a.arrows"];
const ROWS: usize = 1000;

fn written(
    name: &str,
    batch: &RecordBatch,
    packing: Option<CompressionType>,
) -> Result<Vec<u8>, ArrowError> {
    let options = IpcWriteOptions::default().try_with_compression(packing)?;
    let schema = batch.schema();
    if name.ends_with('s') {
        let mut writer = StreamWriter::try_new_with_options(Vec::new(), &schema, options)?;
        writer.write(batch)?;
        writer.finish()?;
        writer.into_inner()
    } else {
        let mut writer = FileWriter::try_new_with_options(Vec::new(), &schema, options)?;
        writer.write(batch)?;
        writer.finish()?;
        writer.into_inner()
    }
}

fn refused(file: &Path) -> String {
    message(one(file, Streaming::default()), file)
}

/// Columns whose packed bytes are told by how long they are unpacked, and the first bytes of what packs them.
fn batch() -> Result<RecordBatch, ArrowError> {
    let texts = StringArray::from_iter_values((0..ROWS).map(|row| format!("text {}", row % 7)));
    let numbers = Int64Array::from_iter_values(0..1000);
    RecordBatch::try_from_iter([("a", Arc::new(texts) as ArrayRef), ("b", Arc::new(numbers))])
}

#[test]
fn packed_columns_are_read_and_a_length_that_memory_has_not_is_refused() -> Result<(), ArrowError> {
    let folder = Folder::new();
    let batch = batch()?;
    for name in NAMES {
        let plain = said(&one(
            &folder.file(name, written(name, &batch, None)?),
            Streaming::default(),
        ));
        for (packing, magic) in [
            (CompressionType::ZSTD, [0x28, 0xb5, 0x2f, 0xfd]),
            (CompressionType::LZ4_FRAME, [0x04, 0x22, 0x4d, 0x18]),
        ] {
            let packed = written(name, &batch, Some(packing))?;
            let file = folder.file(name, &packed);
            assert_eq!(said(&one(&file, Streaming::default())), plain);
            let claim = [&(8 * ROWS as u64).to_le_bytes()[..], &magic].concat();
            let at = packed.windows(claim.len()).position(|bytes| bytes == claim);
            let at = at.ok_or_else(|| ArrowError::IpcError("no packed numbers".into()))?;
            for (length, got) in [
                (1_i64 << 50, "a column of 1125899906842624 bytes"),
                (i64::MAX, "a column of 9223372036854775807 bytes"),
                (7999, ""),
                (8001, ""),
                (-2, ""),
            ] {
                let mut bytes = packed.clone();
                bytes[at..at + 8].copy_from_slice(&length.to_le_bytes());
                let text = refused(&folder.file(name, &bytes));
                let start = format!("FILE: must be sound Arrow IPC, got {got}");
                assert!(text.starts_with(&start), "{name}, {length}: {text}");
            }
        }
    }
    Ok(())
}

#[test]
fn rows_that_no_column_holds_are_refused() -> Result<(), ArrowError> {
    let folder = Folder::new();
    for (rows, expected) in [
        (3, "FILE: must be sound Arrow IPC, got 3 rows of 0 columns"),
        (
            1 << 60,
            "FILE: must be sound Arrow IPC, got 1152921504606846976 rows of 0 columns",
        ),
    ] {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let schema = Arc::new(Schema::empty());
        let batch = RecordBatch::try_new_with_options(schema, Vec::new(), &options)?;
        for name in NAMES {
            let file = folder.file(name, written(name, &batch, None)?);
            assert_eq!(refused(&file), expected, "{name}");
        }
    }
    Ok(())
}
