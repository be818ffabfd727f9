//! CSV and TSV with a header, quoted as RFC 4180 says; a column of numbers alone becomes numbers.

use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::LargeStringBuilder;
use csv_core::{ReadFieldResult, ReadRecordResult, Reader, ReaderBuilder, Terminator};

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
    /// The record as it stands in the file, as far as it is not in the piece that is being read.
    raw: Vec<u8>,
    filled: (usize, usize),
    pub(super) is_within: bool,
    pub(super) line: u64,
}

/// The fields of a record.
pub(super) struct Fields<'a> {
    bytes: &'a [u8],
    ends: &'a [usize],
    raw: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Which fields are empty and without quotes, in a record with quotes.
    pub(super) fn blanks(&self, delimiter: u8) -> Vec<bool> {
        let mut reader = ReaderBuilder::new().delimiter(delimiter).build();
        let (mut left, mut scratch) = (self.raw, [0; 64]);
        let (mut blanks, mut taken, mut given) = (Vec::new(), 0, 0);
        while blanks.len() < self.ends.len() {
            let (result, read, written) = reader.read_field(left, &mut scratch);
            left = &left[read..];
            taken += read;
            given += written;
            match result {
                ReadFieldResult::Field { .. } => {
                    // The separator, or the line's end, is all that was read.
                    blanks.push(given == 0 && taken <= 1);
                    (taken, given) = (0, 0);
                }
                ReadFieldResult::End => break,
                ReadFieldResult::InputEmpty | ReadFieldResult::OutputFull => {}
            }
        }
        blanks.resize(self.ends.len(), false);
        blanks
    }

    /// The bytes of each field.
    pub(super) fn bytes(&self) -> impl Iterator<Item = &'a [u8]> {
        let (bytes, ends) = (self.bytes, self.ends);
        let starts = std::iter::once(0).chain(ends.iter().copied());
        starts
            .zip(ends)
            .map(move |(start, &end)| bytes.get(start..end).unwrap_or_default())
    }

    fn iter(&self) -> impl Iterator<Item = &'a str> {
        // The delimiters are ASCII and the text is UTF-8, so no character is cut.
        self.bytes()
            .map(|field| std::str::from_utf8(field).unwrap_or_default())
    }
}

impl Records {
    pub(super) fn new(delimiter: u8) -> Self {
        Self::of(ReaderBuilder::new().delimiter(delimiter).build())
    }

    /// Records without quotes: each line is one, and a quote is a character as any other.
    pub(super) fn unquoted(delimiter: u8) -> Self {
        let mut reader = ReaderBuilder::new();
        reader.delimiter(delimiter).quoting(false);
        Self::of(reader.terminator(Terminator::Any(b'\n')).build())
    }

    /// The bytes of the record so far.
    pub(super) fn pending(&self) -> usize {
        self.filled.0
    }

    fn of(reader: Reader) -> Self {
        Self {
            reader,
            bytes: vec![0; 1 << 10],
            ends: vec![0; 16],
            raw: Vec::new(),
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
        let mut begin = input;
        loop {
            if !self.is_within {
                // Empty lines, which the reader would skip too, but then their number would be the record's.
                while let Some((&end @ (b'\r' | b'\n'), rest)) = input.split_first() {
                    self.reader
                        .set_line(self.reader.line() + u64::from(end == b'\n'));
                    input = rest;
                }
                self.line = self.reader.line();
                begin = input;
            }
            if input.is_empty() {
                self.raw.extend_from_slice(begin);
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
                    let here = &begin[..begin.len() - input.len()];
                    if !self.raw.is_empty() {
                        self.raw.extend_from_slice(here);
                    }
                    let fields = Fields {
                        bytes: &self.bytes[..self.filled.0],
                        ends: &self.ends[..self.filled.1],
                        raw: if self.raw.is_empty() { here } else { &self.raw },
                    };
                    record(self.line, fields)?;
                    self.raw.clear();
                    self.filled = (0, 0);
                    self.is_within = false;
                }
            }
        }
    }
}

/// The rows since the last flush, column by column.
struct Sheet<'a> {
    file: &'a Path,
    how: &'a Reading<'a>,
    columns: Option<Vec<Column>>,
    others: Vec<String>,
    lines: Lines,
    rows: usize,
}

struct Column {
    name: String,
    /// `None` where nobody asked for it.
    cells: Option<LargeStringBuilder>,
    numeric: Numeric,
}

impl<'a> Sheet<'a> {
    fn new(file: &'a Path, how: &'a Reading<'a>) -> Self {
        Self {
            file,
            how,
            columns: None,
            others: Vec::new(),
            lines: Lines::default(),
            rows: 0,
        }
    }

    fn add(&mut self, line: u64, fields: &Fields<'_>) -> Result<()> {
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

    fn flush(&mut self, assembly: &mut Assembly) -> Result<()> {
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
