//! Parquet is what was written.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use foolsgold_core::Result;
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

use super::common::{Folder, message, open, rows, wanting};

pub(super) fn parquet(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let written = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .map_err(parquet::errors::ParquetError::from)
    .and_then(|batch| {
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None)?;
        writer.write(&batch)?;
        writer.into_inner()
    });
    written.unwrap_or_default()
}

#[test]
fn parquet_is_what_was_written() -> Result<()> {
    let folder = Folder::new();
    let texts: Vec<String> = (0..5000).map(|row| format!("text {row}")).collect();
    let bytes = parquet(vec![
        ("text", Arc::new(StringArray::from(texts))),
        (
            "small",
            Arc::new(
                (0..5000)
                    .map(|row| (row % 7 > 0).then_some(row))
                    .collect::<Int32Array>(),
            ),
        ),
        (
            "date",
            Arc::new(arrow_array::Date32Array::from(vec![1; 5000])),
        ),
    ]);
    let file = folder.file("a.parquet", &bytes);
    for block in [1, 1 << 20] {
        let table = open(&file, block, 1)?;
        let found = rows(&table);
        assert_eq!(found.len(), 5000);
        for (row, (cells, line)) in found.iter().enumerate() {
            assert_eq!(*line, row as u64 + 1);
            let small = if row % 7 > 0 { json!(row) } else { Value::Null };
            assert_eq!(
                [&cells["text"], &cells["small"]],
                [&json!(format!("text {row}")), &small]
            );
        }
        let said = "FILE: column `date` must hold texts, numbers, truth values or lists of these, got Date32";
        assert_eq!(message(table.column("date"), &file), said);
        assert_eq!(
            message(table.require("small"), &file),
            "FILE, row 1, column `small`: must not be null or empty, got null"
        );
    }
    assert_eq!(
        message(wanting(&file, &["text", "date"]), &file),
        message(open(&file, 1, 1)?.column("date"), &file)
    );
    for length in [0, 3, 8, bytes.len() / 2, bytes.len() - 1] {
        let file = folder.file("cut.parquet", &bytes[..length]);
        let said = message(open(&file, 1 << 20, 1), &file);
        assert!(
            said.starts_with("FILE: must be sound Parquet, got "),
            "{said}"
        );
    }
    let file = folder.file(
        "empty.parquet",
        parquet(vec![("a", Arc::new(Int64Array::from(Vec::<i64>::new())))]),
    );
    assert_eq!(
        message(open(&file, 1, 1), &file),
        "FILE: must hold rows, got none"
    );
    Ok(())
}
