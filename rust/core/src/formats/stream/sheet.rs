//! Records of CSV and TSV, read one after another.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::LargeStringArray;
use arrow_array::builder::LargeStringBuilder;

use super::bad::Bad;
use super::rows::no_utf8;
use super::{MAX_COLUMNS, OnError, Streaming};
use crate::error::{Error, Result};
use crate::formats::Progress;
use crate::formats::assembly::too_many_columns;
use crate::formats::blocks::{Block, Blocks};
use crate::formats::csv::{Fields, Records};
use crate::formats::table::Lines;

/// A longer record is one whose quotes are not closed.
const MAX_RECORD: usize = 1 << 30;

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
    rows: Rows,
}

struct Rows {
    on_error: OnError,
    is_quoted: bool,
    delimiter: u8,
    /// The columns to keep.
    wanted: Option<Arc<Vec<String>>>,
    names: Option<Arc<Vec<String>>>,
    texts: Vec<Option<LargeStringBuilder>>,
    lines: Lines,
    num: usize,
    bad: Bad,
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
            delimiter,
            wanted: how.columns.clone().map(Arc::new),
            names: None,
            texts: Vec::new(),
            lines: Lines::default(),
            num: 0,
            bad: Bad::default(),
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
            let (file, rows) = (&self.file, &mut self.rows);
            self.records
                .read(b"\n", |line, fields| rows.add(file, line, &fields, false))?;
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
        if rows.on_error == OnError::Raise {
            let (text, broken) = block.text(file);
            self.records.read(text.as_bytes(), |line, fields| {
                rows.add(file, line, &fields, false)
            })?;
            return broken.map_or(Ok(()), Err);
        }
        let is_broken = std::str::from_utf8(&block.bytes).is_err();
        self.records.read(&block.bytes, |line, fields| {
            rows.add(file, line, &fields, is_broken)
        })
    }
}

impl Rows {
    /// `is_broken`: whether a field may be no UTF-8.
    fn add(&mut self, file: &Path, line: u64, fields: &Fields<'_>, is_broken: bool) -> Result<()> {
        let broken = is_broken
            .then(|| {
                fields
                    .bytes()
                    .find_map(|field| std::str::from_utf8(field).err().map(|error| (field, error)))
            })
            .flatten();
        if let Some((field, error)) = broken {
            let error = no_utf8(file, line, 0, field, error.valid_up_to());
            let error = match error {
                Error::Data {
                    file,
                    place,
                    message,
                } => Error::Data {
                    message: format!("{message} of a field"),
                    file,
                    place,
                },
                error => error,
            };
            if self.names.is_none() {
                return Err(error);
            }
            return self.bad.skip(self.on_error, line, error);
        }
        let Some(names) = &self.names else {
            let names = fields
                .bytes()
                .map(|name| String::from_utf8_lossy(name).into_owned());
            let mut names: Vec<String> = names.collect();
            if let Some(last) = names.last_mut().filter(|_| !self.is_quoted) {
                last.truncate(last.strip_suffix('\r').unwrap_or(last).len());
            }
            return self.begin(file, line, names);
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
        let has_empty = self.is_quoted && fields.bytes().any(<[u8]>::is_empty);
        let blanks = if has_empty {
            fields.blanks(self.delimiter)
        } else {
            Vec::new()
        };
        let last = self.texts.len() - 1;
        for (at, (texts, field)) in self.texts.iter_mut().zip(fields.bytes()).enumerate() {
            if let Some(texts) = texts {
                if blanks.get(at).is_some_and(|is_blank| *is_blank) {
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
