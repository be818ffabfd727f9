//! Records of CSV and TSV, read one after another.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::LargeStringArray;
use arrow_array::builder::LargeStringBuilder;

use super::bad::Bad;
use super::records::{Fields, Records};
use super::{MAX_COLUMNS, OnError, Streaming, too_many_columns};
use crate::error::{Error, Result};
use crate::formats::Progress;
use crate::formats::blocks::{Block, Blocks, no_utf8};
use crate::formats::table::Lines;

/// A longer record is one whose quotes are not closed.
const MAX_RECORD: usize = 1 << 30;
const BEHIND_QUOTES: &str = "must end where its quotes close, got more behind them\nhint: a quote within quotes is written twice";

/// Some records, as texts.
pub(super) struct RecordTexts {
    pub(super) names: Arc<Vec<String>>,
    /// `None` where nobody asked for the column.
    pub(super) texts: Vec<Option<LargeStringArray>>,
    pub(super) lines: Lines,
    pub(super) rows: usize,
    pub(super) bad: Bad,
}

/// A file, read record after record.
pub(super) struct Sheet {
    file: PathBuf,
    blocks: Blocks,
    records: Records,
    /// Whether the record that is not yet whole has a byte that is no UTF-8.
    is_broken: bool,
    rows: Rows,
}

struct Rows {
    on_error: OnError,
    is_quoted: bool,
    /// The columns to keep.
    wanted: Option<Arc<Vec<String>>>,
    names: Option<Arc<Vec<String>>>,
    texts: Vec<Option<LargeStringBuilder>>,
    lines: Lines,
    num: usize,
    bad: Bad,
    /// Which fields of the record stand in quotes.
    has_quotes: Vec<bool>,
}

impl Sheet {
    pub(super) fn open(
        file: &Path,
        delimiter: u8,
        how: &Streaming,
        block_bytes: usize,
    ) -> Result<Self> {
        let mut rows = Rows {
            on_error: how.on_error,
            is_quoted: how.is_quoted,
            wanted: how.columns.clone().map(Arc::new),
            names: None,
            texts: Vec::new(),
            lines: Lines::default(),
            num: 0,
            bad: Bad::default(),
            has_quotes: Vec::new(),
        };
        if let Some(names) = &how.names {
            rows.begin(file, 1, names.clone())?;
        }
        Ok(Self {
            file: file.into(),
            blocks: Blocks::open(file, block_bytes)?,
            records: if how.is_quoted {
                Records::new(delimiter)
            } else {
                Records::unquoted(delimiter)
            },
            is_broken: false,
            rows,
        })
    }

    /// The records of the next block that has any.
    pub(super) fn next(&mut self, progress: &mut Progress<'_, '_>) -> Result<Option<RecordTexts>> {
        while let Some(block) = self.blocks.next(progress)? {
            self.add(&block)?;
            if self.records.pending() > MAX_RECORD {
                let message =
                    "must have records of at most 1 GiB\nhint: quotes that are not closed?";
                return Err(Error::data_row(&self.file, self.records.line, message));
            }
            if let Some(found) = self.rows.flush() {
                return Ok(Some(found));
            }
        }
        // The end of the last line may be missing; a quote that it does not end is still open.
        if self.records.is_within {
            let (file, rows, is_broken) = (&self.file, &mut self.rows, self.is_broken);
            self.records.read(b"\n", 0, |line, fields| {
                rows.add(file, line, &fields, is_broken)
            })?;
            if self.records.is_within {
                self.records.is_within = false;
                let message = "must close the quotes it opens, got the end of the file";
                let error = Error::data_row(file, self.records.line, message);
                rows.bad.skip(rows.on_error, self.records.line, error)?;
            }
        }
        Ok(self.rows.flush())
    }

    fn add(&mut self, block: &Block) -> Result<()> {
        let (file, rows) = (&self.file, &mut self.rows);
        let is_broken = self.is_broken || std::str::from_utf8(&block.bytes).is_err();
        self.records
            .read(&block.bytes, block.offset, |line, fields| {
                rows.add(file, line, &fields, is_broken)
            })?;
        self.is_broken = is_broken && self.records.is_within;
        Ok(())
    }
}

impl Rows {
    /// `is_broken`: whether a field may be no UTF-8.
    fn add(&mut self, file: &Path, line: u64, fields: &Fields<'_>, is_broken: bool) -> Result<()> {
        if is_broken && let Err(error) = std::str::from_utf8(fields.raw) {
            let at = error.valid_up_to();
            let error = no_utf8(file, line, fields.offset, fields.raw, at);
            if self.names.is_none() {
                return Err(error);
            }
            return self.bad.skip(self.on_error, line, error);
        }
        let behind = if self.is_quoted {
            fields.find_quotes(&mut self.has_quotes)
        } else {
            None
        };
        let Some(names) = &self.names else {
            let names = fields
                .bytes()
                .map(|name| String::from_utf8_lossy(name).into_owned());
            let mut names: Vec<String> = names.collect();
            if let Some(last) = names.last_mut().filter(|_| !self.is_quoted) {
                last.truncate(last.strip_suffix('\r').unwrap_or(last).len());
            }
            return match behind {
                Some(at) => {
                    let message = format!("field {} {BEHIND_QUOTES}", at + 1);
                    Err(Error::data_row(file, line, message))
                }
                None => self.begin(file, line, names),
            };
        };
        if fields.len() != names.len() {
            let message = format!(
                "must have {} fields as the header has, got {}",
                names.len(),
                fields.len()
            );
            return self
                .bad
                .skip(self.on_error, line, Error::data_row(file, line, message));
        }
        if let Some(at) = behind {
            let error = Error::data_cell(file, line, &names[at], BEHIND_QUOTES);
            return self.bad.skip(self.on_error, line, error);
        }
        let last = self.texts.len() - 1;
        for (at, (texts, field)) in self.texts.iter_mut().zip(fields.bytes()).enumerate() {
            if let Some(texts) = texts {
                // An empty field is a text in quotes alone.
                if self.is_quoted && field.is_empty() && !self.has_quotes[at] {
                    texts.append_null();
                    continue;
                }
                // The delimiters are ASCII and the text is UTF-8, so no character is cut.
                let mut field = std::str::from_utf8(field).unwrap_or_default();
                if at == last && !self.is_quoted {
                    field = field.strip_suffix('\r').unwrap_or(field);
                }
                texts.append_value(field);
            }
        }
        self.lines.push(self.num, line);
        self.num += 1;
        Ok(())
    }

    fn begin(&mut self, file: &Path, line: u64, names: Vec<String>) -> Result<()> {
        if names.len() > MAX_COLUMNS {
            return Err(too_many_columns(file));
        }
        for (at, name) in names.iter().enumerate() {
            if names[..at].contains(name) {
                let message = format!("must name each column once, got `{name}` twice");
                return Err(Error::data_row(file, line, message));
            }
        }
        let is_wanted = |name: &String| {
            self.wanted
                .as_ref()
                .is_none_or(|wanted| wanted.contains(name))
        };
        let texts = names
            .iter()
            .map(|name| is_wanted(name).then(LargeStringBuilder::new));
        self.texts = texts.collect();
        self.names = Some(Arc::new(names));
        Ok(())
    }

    fn flush(&mut self) -> Option<RecordTexts> {
        if self.num == 0 && self.bad.count == 0 {
            return None;
        }
        Some(RecordTexts {
            names: self.names.clone().unwrap_or_default(),
            texts: self
                .texts
                .iter_mut()
                .map(|texts| texts.as_mut().map(LargeStringBuilder::finish))
                .collect(),
            lines: std::mem::take(&mut self.lines),
            rows: std::mem::take(&mut self.num),
            bad: std::mem::take(&mut self.bad),
        })
    }
}
