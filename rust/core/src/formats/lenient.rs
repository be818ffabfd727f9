//! Files with faults: rows that break their format are left out and counted, columns of several kinds read as lists.
//!
//! A line of JSON is judged before it is read, and blanked where it is broken, so that what is read is what
//! [`read`](super::read) reads of the rest, and lines keep their numbers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{LargeListBuilder, LargeStringBuilder};
use arrow_array::{ArrayRef, LargeStringArray};
use arrow_schema::DataType;
use serde_core::de::{Deserializer as _, Error as _, MapAccess, Visitor};
use serde_json::Value;

use super::assembly::Assembly;
use super::blocks::{Block, Blocks, count_lines};
use super::convert::item;
use super::csv::{Records, Sheet};
use super::table::Table;
use super::{Format, Progress, Reading, format_of, json_lines, parquet, size_of};
use crate::error::{Error, Result};
use crate::tick::Tick;

/// Rows that were left out.
#[derive(Debug, Default)]
pub struct BrokenRows {
    /// How many.
    pub count: u64,
    /// Why, of the first.
    pub first: Vec<Error>,
    most: usize,
}

impl BrokenRows {
    fn push(&mut self, error: Error) {
        self.count += 1;
        if self.first.len() < self.most {
            self.first.push(error);
        }
    }
}

/// A column of JSON Lines that holds values of several kinds.
#[derive(Debug)]
pub struct Mixed {
    /// Its name.
    pub name: String,
    /// What each row holds.
    pub kinds: Vec<MixedKind>,
    /// The texts: `LargeUtf8`, or where some rows hold lists `LargeList` of it, in which a text is a list of one; null
    /// where a row holds neither.
    pub texts: ArrayRef,
}

/// What a row of a mixed column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum MixedKind {
    /// Nothing.
    Null,
    /// A text.
    Text,
    /// A list of texts and nulls.
    Texts,
    /// A number.
    Number,
    /// A truth value.
    Flag,
    /// An object.
    Object,
    /// A list of other things.
    Others,
}

/// As [`read`](super::read), but leaves out the rows of text files that break their format; the reasons of the first
/// `most` are kept. Columns of several kinds come apart, where all files are JSON Lines. O(bytes), on one thread.
///
/// # Errors
/// As [`read`](super::read) for what is wrong with a file as a whole, also where no row is left.
pub fn read_lenient(
    files: &[PathBuf],
    how: &Reading<'_>,
    most: usize,
    tick: &mut Tick<'_>,
) -> Result<(Table, BrokenRows, Vec<Mixed>)> {
    let formats = files
        .iter()
        .map(|file| format_of(file))
        .collect::<Result<Vec<_>>>()?;
    let sizes = files
        .iter()
        .map(|file| size_of(file))
        .collect::<Result<Vec<_>>>()?;
    let mut progress = Progress {
        tick,
        before: 0,
        total: 2 * sizes.iter().sum::<u64>(),
    };
    let mut skipped = BrokenRows {
        most,
        ..BrokenRows::default()
    };
    let mut assembly = Assembly::default();
    for ((file, format), size) in files.iter().zip(&formats).zip(&sizes) {
        let rows = assembly.rows();
        assembly.begin(file);
        match format {
            Format::JsonLines => {
                json_blocks(file, how, &mut progress, &mut skipped, &mut |block, _| {
                    assembly.push(file, json_lines::parse(file, block, how.columns)?)
                })?;
            }
            Format::Separated(by) => {
                separated(file, *by, how, &mut progress, &mut skipped, &mut assembly)?;
            }
            Format::Parquet => parquet::read(file, how, &mut progress, &mut assembly)?,
        }
        if assembly.rows() == rows {
            let error = skipped.first.pop();
            return Err(error.unwrap_or_else(|| Error::data(file, "must hold rows, got none")));
        }
        progress.before += size;
    }
    let table = assembly.finish()?;
    let names = table
        .unreadable()
        .map(|(name, _)| MixedCells::new(name))
        .collect::<Vec<_>>();
    let mut mixed = Vec::new();
    if !names.is_empty() && formats.iter().all(|format| *format == Format::JsonLines) {
        let mut columns = names;
        for (file, size) in files.iter().zip(&sizes) {
            json_blocks(
                file,
                how,
                &mut progress,
                &mut BrokenRows::default(),
                &mut |_, rows| {
                    for row in &rows {
                        for column in &mut columns {
                            column.push(row);
                        }
                    }
                    Ok(())
                },
            )?;
            progress.before += size;
        }
        mixed = columns.into_iter().map(MixedCells::finish).collect();
    }
    Ok((table, skipped, mixed))
}

type Row = serde_json::Map<String, Value>;

/// Calls `take` with each block, its broken lines blanked, and the rows of it.
fn json_blocks(
    file: &Path,
    how: &Reading<'_>,
    progress: &mut Progress<'_, '_>,
    skipped: &mut BrokenRows,
    take: &mut dyn FnMut(&Block, Vec<Row>) -> Result<()>,
) -> Result<()> {
    let mut blocks = Blocks::open(file, how.block_bytes)?;
    while let Some(mut block) = blocks.next(progress)? {
        let mut rows = Vec::new();
        let (mut start, mut number) = (0, block.line);
        while start < block.bytes.len() {
            let end = block.bytes[start..]
                .iter()
                .position(|&byte| byte == b'\n')
                .map_or(block.bytes.len(), |at| start + at);
            match judged(
                file,
                &block.bytes[start..end],
                number,
                block.offset + start as u64,
            ) {
                Ok(Some(row)) => rows.push(row),
                Ok(None) => {}
                Err(error) => {
                    skipped.push(error);
                    block.bytes[start..end].fill(b' ');
                }
            }
            (start, number) = (end + 1, number + 1);
        }
        take(&block, rows)?;
    }
    Ok(())
}

/// The row of a line, `None` of an empty one.
fn judged(file: &Path, line: &[u8], number: u64, offset: u64) -> Result<Option<Row>> {
    let text = as_text(file, line, number, offset)?;
    let text = text.trim_matches([' ', '\t', '\r']);
    if text.is_empty() {
        return Ok(None);
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let row = json
        .deserialize_map(Distinct)
        .and_then(|row| json.end().map(|()| row));
    row.map(Some)
        .map_err(|error| Error::data_row(file, number, json_lines::said(text, &error)))
}

fn as_text<'a>(file: &Path, line: &'a [u8], number: u64, offset: u64) -> Result<&'a str> {
    std::str::from_utf8(line).map_err(|error| {
        let at = error.valid_up_to();
        let byte = line.get(at).copied().unwrap_or_default();
        let offset = offset + at as u64;
        let message = format!("must be UTF-8, got byte 0x{byte:02x} at offset {offset}");
        Error::data_row(file, number, message)
    })
}

/// An object without a key twice.
struct Distinct;

impl<'de> Visitor<'de> for Distinct {
    type Value = Row;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
        let mut row = Row::new();
        while let Some(key) = map.next_key::<String>()? {
            if row.contains_key(&key) {
                return Err(A::Error::custom(format_args!("the key `{key}` twice")));
            }
            row.insert(key, map.next_value()?);
        }
        Ok(row)
    }
}

fn separated(
    file: &Path,
    delimiter: u8,
    how: &Reading<'_>,
    progress: &mut Progress<'_, '_>,
    skipped: &mut BrokenRows,
    assembly: &mut Assembly,
) -> Result<()> {
    let mut blocks = Blocks::open(file, how.block_bytes)?;
    let mut records = Records::new(delimiter);
    let mut sheet = Sheet::new(file, how);
    // A record may end in a later block than the line that spoils it.
    let mut spoiled: Vec<(u64, Error)> = Vec::new();
    let mut add = |line: u64,
                   fields: super::csv::Fields<'_>,
                   spoiled: &mut Vec<(u64, Error)>,
                   sheet: &mut Sheet<'_>| {
        let last = line + count_lines(fields.bytes);
        let mut errors = spoiled
            .extract_if(.., |(at, _)| *at <= last)
            .map(|(_, error)| error);
        let first = errors.next();
        drop(errors);
        let outcome = match first {
            Some(error) if sheet.columns.is_some() => Err(error),
            Some(error) => return Err(error),
            None if sheet.columns.is_none() => return sheet.add(line, &fields),
            None => sheet.add(line, &fields),
        };
        outcome.or_else(|error| {
            skipped.push(error);
            Ok(())
        })
    };
    while let Some(block) = blocks.next(progress)? {
        let mut start = 0;
        for (number, line) in (block.line..).zip(block.bytes.split(|&byte| byte == b'\n')) {
            if let Err(error) = as_text(file, line, number, block.offset + start) {
                spoiled.push((number, error));
            }
            start += line.len() as u64 + 1;
        }
        let text = String::from_utf8_lossy(&block.bytes);
        records.read(text.as_bytes(), |line, fields| {
            add(line, fields, &mut spoiled, &mut sheet)
        })?;
        sheet.flush(assembly)?;
    }
    if records.is_within {
        records.read(b"\n", |line, fields| {
            add(line, fields, &mut spoiled, &mut sheet)
        })?;
        if records.is_within {
            let message = "must close the quotes it opens, got the end of the file";
            skipped.push(Error::data_row(file, records.line, message));
        }
        sheet.flush(assembly)?;
    }
    Ok(())
}

/// The cells of a mixed column, as they come.
struct MixedCells {
    name: String,
    kinds: Vec<MixedKind>,
    lists: LargeListBuilder<LargeStringBuilder>,
}

impl MixedCells {
    fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            kinds: Vec::new(),
            lists: LargeListBuilder::new(LargeStringBuilder::new())
                .with_field(item(DataType::LargeUtf8)),
        }
    }

    fn push(&mut self, row: &Row) {
        let value = row.get(&self.name).unwrap_or(&Value::Null);
        let kind = MixedKind::of(value);
        match value {
            Value::String(text) => self.lists.values().append_value(text),
            Value::Array(items) if kind == MixedKind::Texts => {
                for item in items {
                    self.lists.values().append_option(item.as_str());
                }
            }
            _ => {}
        }
        self.lists
            .append(matches!(kind, MixedKind::Text | MixedKind::Texts));
        self.kinds.push(kind);
    }

    fn finish(mut self) -> Mixed {
        let lists = self.lists.finish();
        let texts: ArrayRef = if self.kinds.contains(&MixedKind::Texts) {
            Arc::new(lists)
        } else {
            let texts = lists.iter().map(|list| {
                list.map(|list| {
                    use arrow_array::cast::AsArray as _;
                    list.as_string::<i64>().value(0).to_owned()
                })
            });
            Arc::new(texts.collect::<LargeStringArray>())
        };
        Mixed {
            name: self.name,
            kinds: self.kinds,
            texts,
        }
    }
}

impl MixedKind {
    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Flag,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::Text,
            Value::Object(_) => Self::Object,
            Value::Array(items) => {
                let is_text = |item: &Value| item.is_string() || item.is_null();
                if items.iter().all(is_text) {
                    Self::Texts
                } else {
                    Self::Others
                }
            }
        }
    }
}
