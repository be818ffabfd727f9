//! JSON: an object a row, a row a line, or all in one array.

use std::path::Path;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::SchemaRef;

use super::encoding::{Fault, Misfit};
use super::nest::Tree;
use super::packing::{Packed, Packing};
use super::values::{Values, as_textual, textual};
use crate::error::{Error, Result};

pub(super) struct JsonRows {
    tree: Tree,
    is_array: bool,
    packing: Packing,
    schema: SchemaRef,
}

/// Refuses columns that JSON does not hold.
pub(super) fn check(path: &Path, schema: &SchemaRef, is_nested: Option<bool>) -> Result<()> {
    for field in schema.fields() {
        if textual(field.data_type()).is_none() {
            let message = format!(
                "must hold texts, numbers, truth values or lists of these, got column `{}` of {}\nhint: write .parquet",
                field.name(),
                field.data_type()
            );
            return Err(Error::data(path, message));
        }
    }
    Tree::new(schema, is_nested)
        .map(drop)
        .map_err(|message| Error::data(path, message))
}

/// What a text is in JSON.
pub(super) fn quoted(text: &str, out: &mut Vec<u8>) {
    // Writing to memory does not fail.
    let _ = serde_json::to_writer(out, text);
}

impl JsonRows {
    pub(super) fn new(
        path: &Path,
        schema: &SchemaRef,
        is_nested: Option<bool>,
        is_array: bool,
        packing: Packing,
    ) -> Result<Self> {
        let tree = Tree::new(schema, is_nested).map_err(|message| Error::data(path, message))?;
        Ok(Self {
            tree,
            is_array,
            packing,
            schema: schema.clone(),
        })
    }

    pub(super) fn encode(&self, batches: &[RecordBatch]) -> Result<Packed, Fault> {
        let mut out = Vec::new();
        let mut row = 0;
        for batch in batches {
            let columns: Vec<ArrayRef> = batch
                .columns()
                .iter()
                .map(as_textual)
                .collect::<Result<_, _>>()
                .map_err(|error| Fault::Own(Error::argument("batches", "be sound", error)))?;
            let values: Vec<Values<'_>> = columns.iter().map(Values::new).collect();
            let mut places: Vec<(Values<'_>, usize)> =
                values.iter().map(|&values| (values, 0)).collect();
            for at in 0..batch.num_rows() {
                for (place, &values) in places.iter_mut().zip(&values) {
                    *place = (values, at);
                }
                let written = self.tree.write(&mut places, &mut out);
                written.map_err(|(column, message)| Misfit {
                    row: row + at,
                    column: self.schema.field(column).name().clone(),
                    message,
                })?;
                out.extend_from_slice(if self.is_array { b",\n" } else { b"\n" });
            }
            row += batch.num_rows();
        }
        // What follows a piece is the affair of whoever puts pieces together.
        if self.is_array {
            out.truncate(out.len().saturating_sub(2));
        }
        Ok(self.packing.pack(out))
    }
}

/// Writes a value of any kind.
pub(super) fn write(
    values: Values<'_>,
    row: usize,
    out: &mut Vec<u8>,
) -> std::result::Result<(), String> {
    if values.is_null(row) {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    match values {
        Values::Text(texts) => quoted(texts.value(row), out),
        Values::List(lists) => {
            let offsets = lists.value_offsets();
            let place = |offset: i64| usize::try_from(offset).unwrap_or(0);
            let items = Values::new(lists.values());
            out.push(b'[');
            for at in place(offsets[row])..place(offsets[row + 1]) {
                write(items, at, out)?;
                out.push(b',');
            }
            close(out, b']');
        }
        Values::Struct(parts) => {
            out.push(b'{');
            for (field, column) in parts.fields().iter().zip(parts.columns()) {
                quoted(field.name(), out);
                out.push(b':');
                write(Values::new(column), row, out)?;
                out.push(b',');
            }
            close(out, b'}');
        }
        number => number
            .write_number(row, out)
            .map_err(|got| format!("must be finite in JSON, got {got}"))?,
    }
    Ok(())
}

/// Ends a list or an object, in place of the comma after its last part.
pub(super) fn close(out: &mut Vec<u8>, with: u8) {
    match out.last_mut() {
        Some(last @ b',') => *last = with,
        _ => out.push(with),
    }
}
