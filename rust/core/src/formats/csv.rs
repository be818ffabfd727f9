//! CSV and TSV with a header, quoted as RFC 4180 says; a column of numbers alone becomes numbers.

use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::LargeStringBuilder;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::assembly::{Assembly, Chunk, Part, too_many_columns};
use super::blocks::Blocks;
use super::convert::Numeric;
use super::table::Lines;
use super::{MAX_COLUMNS, Progress, Reading};
use crate::error::{Error, Result};

pub(super) fn read(
    file: &Path,
    delimiter: u8,
    how: &Reading<'_>,
    progress: &mut Progress<'_, '_>,
    assembly: &mut Assembly,
) -> Result<()> {
    let mut blocks = Blocks::open(file, how.block_bytes)?;
    let mut records = Records::new(delimiter);
    let mut sheet = Sheet::new(file, how);
    while let Some(block) = blocks.next(progress)? {
        let (text, broken) = block.text(file);
        records.read(text.as_bytes(), |line, fields| sheet.add(line, &fields))?;
        if let Some(error) = broken {
            return Err(error);
        }
        sheet.flush(assembly)?;
    }
    // The end of the last line may be missing; a quote that it does not end is still open.
    if records.is_within {
        records.read(b"\n", |line, fields| sheet.add(line, &fields))?;
        if records.is_within {
            let message = "must close the quotes it opens, got the end of the file";
            return Err(Error::data_row(file, records.line, message));
        }
        sheet.flush(assembly)?;
    }
    Ok(())
}

/// Records out of bytes that come piece by piece.
pub(super) struct Records {
    reader: Reader,
    /// The record so far: its fields' bytes and where each ends.
    bytes: Vec<u8>,
    ends: Vec<usize>,
    filled: (usize, usize),
    pub(super) is_within: bool,
    pub(super) line: u64,
}

/// The fields of a record.
pub(super) struct Fields<'a> {
    pub(super) bytes: &'a [u8],
    ends: &'a [usize],
}

impl<'a> Fields<'a> {
    fn iter(&self) -> impl Iterator<Item = &'a str> {
        let (bytes, ends) = (self.bytes, self.ends);
        let starts = std::iter::once(0).chain(ends.iter().copied());
        // The delimiters are ASCII and the text is UTF-8, so no character is cut.
        starts.zip(ends).map(move |(start, &end)| {
            let field = bytes.get(start..end).unwrap_or_default();
            std::str::from_utf8(field).unwrap_or_default()
        })
    }
}

impl Records {
    pub(super) fn new(delimiter: u8) -> Self {
        Self {
            reader: ReaderBuilder::new().delimiter(delimiter).build(),
            bytes: vec![0; 1 << 10],
            ends: vec![0; 16],
            filled: (0, 0),
            is_within: false,
            line: 1,
        }
    }

    /// Calls `record` with the first line and the fields of each record that ends in `input`.
    pub(super) fn read(
        &mut self,
        mut input: &[u8],
        mut record: impl FnMut(u64, Fields<'_>) -> Result<()>,
    ) -> Result<()> {
        loop {
            if !self.is_within {
                // Empty lines, which the reader would skip too, but then their number would be the record's.
                while let Some((&end @ (b'\r' | b'\n'), rest)) = input.split_first() {
                    self.reader
                        .set_line(self.reader.line() + u64::from(end == b'\n'));
                    input = rest;
                }
                self.line = self.reader.line();
            }
            if input.is_empty() {
                return Ok(());
            }
            self.is_within = true;
            let (bytes, ends) = (
                &mut self.bytes[self.filled.0..],
                &mut self.ends[self.filled.1..],
            );
            let (result, read, written, ended) = self.reader.read_record(input, bytes, ends);
            input = &input[read..];
            self.filled.0 += written;
            self.filled.1 += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.bytes.resize(self.bytes.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record | ReadRecordResult::End => {
                    let fields = Fields {
                        bytes: &self.bytes[..self.filled.0],
                        ends: &self.ends[..self.filled.1],
                    };
                    record(self.line, fields)?;
                    self.filled = (0, 0);
                    self.is_within = false;
                }
            }
        }
    }
}

/// The rows since the last flush, column by column.
pub(super) struct Sheet<'a> {
    file: &'a Path,
    how: &'a Reading<'a>,
    pub(super) columns: Option<Vec<Column>>,
    others: Vec<String>,
    lines: Lines,
    rows: usize,
}

pub(super) struct Column {
    name: String,
    /// `None` where nobody asked for it.
    cells: Option<LargeStringBuilder>,
    numeric: Numeric,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(file: &'a Path, how: &'a Reading<'a>) -> Self {
        Self {
            file,
            how,
            columns: None,
            others: Vec::new(),
            lines: Lines::default(),
            rows: 0,
        }
    }

    pub(super) fn add(&mut self, line: u64, fields: &Fields<'_>) -> Result<()> {
        let Some(columns) = &mut self.columns else {
            return self.begin(line, fields);
        };
        if fields.ends.len() != columns.len() {
            let message = format!(
                "must have {} fields as the header has, got {}",
                columns.len(),
                fields.ends.len()
            );
            return Err(Error::data_row(self.file, line, message));
        }
        for (column, field) in columns.iter_mut().zip(fields.iter()) {
            if let Some(cells) = &mut column.cells {
                column.numeric = column.numeric.of(field);
                cells.append_value(field);
            }
        }
        self.lines.push(self.rows, line);
        self.rows += 1;
        Ok(())
    }

    fn begin(&mut self, line: u64, fields: &Fields<'_>) -> Result<()> {
        if fields.ends.len() > MAX_COLUMNS {
            return Err(too_many_columns(self.file));
        }
        let mut columns: Vec<Column> = Vec::new();
        for name in fields.iter() {
            if columns.iter().any(|column| column.name == name) {
                let message = format!("must name each column once, got `{name}` twice");
                return Err(Error::data_row(self.file, line, message));
            }
            let is_wanted = self
                .how
                .columns
                .is_none_or(|wanted| wanted.iter().any(|other| other == name));
            if !is_wanted {
                self.others.push(name.into());
            }
            columns.push(Column {
                name: name.into(),
                cells: is_wanted.then(LargeStringBuilder::new),
                numeric: if self.how.has_text_numbers {
                    Numeric::ALL
                } else {
                    Numeric::NONE
                },
            });
        }
        self.columns = Some(columns);
        Ok(())
    }

    pub(super) fn flush(&mut self, assembly: &mut Assembly) -> Result<()> {
        let mut part = Part {
            rows: std::mem::take(&mut self.rows),
            lines: std::mem::take(&mut self.lines),
            chunks: Vec::new(),
            others: std::mem::take(&mut self.others),
        };
        if part.rows == 0 && part.others.is_empty() {
            return Ok(());
        }
        let first = part.lines.get(0).unwrap_or_default();
        for column in self.columns.iter_mut().flatten() {
            if let Some(cells) = &mut column.cells {
                part.chunks.push(Chunk {
                    name: column.name.clone(),
                    array: Arc::new(cells.finish()),
                    numeric: self.how.has_text_numbers.then_some(column.numeric),
                    firsts: vec![first],
                    fault: None,
                });
            }
        }
        assembly.push(self.file, part)
    }
}
