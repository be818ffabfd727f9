//! Files to read, and what their readers say.

use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::Array as _;
use arrow_array::ArrayRef;
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int64Type};
use flate2::Compression;
use flate2::write::GzEncoder;
use foolsgold_core::formats::{Reading, Table, read};
use foolsgold_core::{Result, tick::Tick};
use serde_json::{Map, Value};

/// A folder that is gone with the test.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "foolsgold-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap_or_default();
        Self(path)
    }

    pub(super) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        let folder = path.parent().unwrap_or(&self.0);
        std::fs::create_dir_all(folder).unwrap_or_default();
        std::fs::write(&path, bytes).unwrap_or_default();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap_or_default();
    }
}

pub(super) fn open(file: &Path, block_bytes: usize, threads: usize) -> Result<Table> {
    let how = Reading {
        block_bytes,
        threads,
        ..Reading::default()
    };
    read(&[file.into()], &how, &mut Tick::silent())
}

pub(super) fn lines(rows: Range<usize>, line: impl Fn(usize) -> String) -> String {
    rows.map(line).collect::<Vec<_>>().concat()
}

pub(super) fn wanting(file: &Path, columns: &[&str]) -> Result<Table> {
    let columns: Vec<String> = columns.iter().map(|&name| name.into()).collect();
    let how = Reading {
        columns: Some(&columns),
        ..Reading::default()
    };
    read(&[file.into()], &how, &mut Tick::silent())
}

pub(super) fn message<T>(outcome: Result<T>, file: &Path) -> String {
    let text = outcome
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    text.replace(&file.display().to_string(), "FILE")
}

/// A cell as JSON has it.
fn cell(array: &ArrayRef, row: usize) -> Value {
    use arrow_schema::DataType as Kind;
    match array.data_type() {
        _ if array.is_null(row) => Value::Null,
        Kind::LargeUtf8 => array.as_string::<i64>().value(row).into(),
        Kind::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        Kind::Float64 => array.as_primitive::<Float64Type>().value(row).into(),
        Kind::Boolean => array.as_boolean().value(row).into(),
        Kind::LargeList(_) => {
            let items = array.as_list::<i64>().value(row);
            (0..items.len()).map(|at| cell(&items, at)).collect()
        }
        _ => Value::Null,
    }
}

/// The rows of a table, and where each comes from.
pub(super) fn rows(table: &Table) -> Vec<(Map<String, Value>, u64)> {
    let mut rows = Vec::new();
    for batch in table.batches() {
        let schema = batch.schema();
        for row in 0..batch.num_rows() {
            let cells = schema.fields().iter().zip(batch.columns());
            let cells = cells.map(|(field, array)| (field.name().clone(), cell(array, row)));
            let line = table.place(rows.len()).map_or(0, |(_, line)| line);
            rows.push((cells.collect(), line));
        }
    }
    rows
}

/// What a reader says in all, to be equal for any blocks and threads.
pub(super) fn told(outcome: &Result<Table>) -> String {
    match outcome {
        Ok(table) => {
            let refused: Vec<_> = table
                .unreadable()
                .map(|(_, error)| error.to_string())
                .collect();
            format!("{:?} {:?} {refused:?}", table.schema(), rows(table))
        }
        Err(error) => error.to_string(),
    }
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).unwrap_or_default();
    packer.finish().unwrap_or_default()
}
