//! CSV and TSV as RFC 4180 says: texts are quoted and numbers are not; a null is an empty field without quotes.

use std::path::Path;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, SchemaRef};

use super::encoding::{Fault, Misfit};
use super::packing::{Packed, Packing};
use super::values::{Values, as_textual, textual};
use crate::error::{Error, Result};

pub(super) struct SeparatedRows {
    delimiter: u8,
    is_quoted: bool,
    packing: Packing,
}

/// Refuses columns that a sheet does not hold.
pub(super) fn check(path: &Path, schema: &SchemaRef) -> Result<()> {
    for field in schema.fields() {
        let got = match textual(field.data_type()) {
            Some(DataType::LargeList(_)) => "lists",
            Some(DataType::Struct(_)) => "objects",
            None => "such values",
            _ => continue,
        };
        let name = field.name();
        let message =
            format!("must hold no {got}, got column `{name}`\nhint: write .jsonl or .parquet");
        return Err(Error::data(path, message));
    }
    Ok(())
}

impl SeparatedRows {
    pub(super) fn new(delimiter: u8, is_quoted: bool, packing: Packing) -> Self {
        Self {
            delimiter,
            is_quoted,
            packing,
        }
    }

    pub(super) fn header(&self, path: &Path, schema: &SchemaRef) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        for (at, field) in schema.fields().iter().enumerate() {
            if at > 0 {
                out.push(self.delimiter);
            }
            let written = self.text(field.name(), schema.fields().len() == 1, &mut out);
            written.map_err(|message| {
                Error::data(path, format!("column `{}` {message}", field.name()))
            })?;
        }
        out.push(b'\n');
        Ok(out)
    }

    fn text(&self, text: &str, is_alone: bool, out: &mut Vec<u8>) -> Result<(), String> {
        if self.is_quoted {
            quote(text.as_bytes(), out);
            return Ok(());
        }
        let is_cut = |byte: &u8| *byte == self.delimiter || matches!(byte, b'\n' | b'\r');
        if let Some(byte) = text.bytes().find(is_cut) {
            let got = char::from(byte).escape_default();
            return Err(format!(
                "must hold no separator and no line end where nothing is quoted, got `{got}`"
            ));
        }
        if is_alone && text.is_empty() {
            return Err(
                "must not be empty where it is alone and nothing is quoted, got no text".into(),
            );
        }
        out.extend_from_slice(text.as_bytes());
        Ok(())
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
            let columns: Vec<Values<'_>> = columns.iter().map(Values::new).collect();
            for at in 0..batch.num_rows() {
                for (number, &values) in columns.iter().enumerate() {
                    if number > 0 {
                        out.push(self.delimiter);
                    }
                    let written = self.cell(values, at, columns.len() == 1, &mut out);
                    written.map_err(|message| Misfit {
                        row: row + at,
                        column: batch.schema().field(number).name().clone(),
                        message,
                    })?;
                }
                out.push(b'\n');
            }
            row += batch.num_rows();
        }
        Ok(self.packing.pack(out))
    }

    fn cell(
        &self,
        values: Values<'_>,
        row: usize,
        is_alone: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        if values.is_null(row) {
            if is_alone {
                return Err(
                    "must not be null in the only column of a sheet, got null\nhint: write .jsonl"
                        .into(),
                );
            }
            if !self.is_quoted && matches!(values, Values::Text(_)) {
                return Err("must not be null where nothing is quoted: it would be read as no text, got null".into());
            }
            return Ok(());
        }
        match values {
            Values::Text(texts) => self.text(texts.value(row), is_alone, out),
            number => number
                .write_number(row, out)
                .map_err(|got| format!("must be finite in a sheet, got {got}")),
        }
    }
}

fn quote(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut left = text;
    loop {
        let end = out.len();
        // Each byte is at most doubled.
        out.resize(end + left.len() * 2, 0);
        let (_, read, written) = csv_core::quote(left, &mut out[end..], b'"', b'\\', true);
        out.truncate(end + written);
        left = &left[read..];
        if left.is_empty() {
            break;
        }
    }
    out.push(b'"');
}
