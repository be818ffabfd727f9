//! Records of CSV and TSV, read one after another; what their texts are is found out on the workers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::LargeStringBuilder;
use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, LargeStringArray};
use arrow_select::filter::filter;

use super::bad::Bad;
use super::node::Leaf;
use super::rows::no_utf8;
use super::{MAX_COLUMNS, OnError, Streaming};
use crate::error::{Error, Result};
use crate::formats::Progress;
use crate::formats::assembly::too_many_columns;
use crate::formats::blocks::{Block, Blocks};
use crate::formats::convert::{Numeric, fraction, whole};
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

/// What the texts of a column could be read as; empty ones say nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guess {
    numeric: Numeric,
    is_filled: bool,
}

impl Default for Guess {
    fn default() -> Self {
        Self {
            numeric: Numeric::ALL,
            is_filled: false,
        }
    }
}

impl Guess {
    pub(super) fn of(texts: &LargeStringArray) -> Self {
        let mut guess = Self::default();
        for text in texts.iter().flatten().filter(|text| !text.is_empty()) {
            guess.is_filled = true;
            guess.numeric = guess.numeric.of(text);
            if guess.numeric == Numeric::NONE {
                break;
            }
        }
        guess
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self {
            numeric: self.numeric.and(other.numeric),
            is_filled: self.is_filled || other.is_filled,
        }
    }

    pub(super) fn leaf(self) -> Leaf {
        match self.numeric {
            Numeric { whole: true, .. } if self.is_filled => Leaf::Int,
            Numeric { fraction: true, .. } if self.is_filled => Leaf::Float,
            _ => Leaf::Text,
        }
    }
}

/// Texts as values; an empty text is a null where the values are no texts. With the rows that are none.
fn parse(texts: &LargeStringArray, leaf: Leaf, is_strict: bool) -> (ArrayRef, Vec<usize>) {
    fn each<T>(
        texts: &LargeStringArray,
        bad: &mut Vec<usize>,
        read: impl Fn(&str) -> Option<T>,
    ) -> Vec<Option<T>> {
        let read = |(row, text): (usize, Option<&str>)| {
            let text = text.filter(|text| !text.is_empty())?;
            let value = read(text);
            if value.is_none() {
                bad.push(row);
            }
            value
        };
        texts.iter().enumerate().map(read).collect()
    }
    let mut bad = Vec::new();
    // A type that the caller gives takes any spelling of a number.
    let array: ArrayRef = match leaf {
        Leaf::Int if is_strict => Arc::new(Int64Array::from(each(texts, &mut bad, whole))),
        Leaf::Int => Arc::new(Int64Array::from(each(texts, &mut bad, |text| {
            text.parse().ok()
        }))),
        Leaf::Float if is_strict => Arc::new(Float64Array::from(each(texts, &mut bad, fraction))),
        Leaf::Float => {
            let read = |text: &str| text.parse().ok().filter(|value: &f64| value.is_finite());
            Arc::new(Float64Array::from(each(texts, &mut bad, read)))
        }
        Leaf::Bool => {
            let read = |text: &str| match text {
                "true" | "True" | "1" => Some(true),
                "false" | "False" | "0" => Some(false),
                _ => None,
            };
            Arc::new(BooleanArray::from(each(texts, &mut bad, read)))
        }
        Leaf::Null | Leaf::Text => Arc::new(texts.clone()),
    };
    (array, bad)
}

/// Records with the types that their columns have.
pub(super) struct Typed {
    pub(super) names: Vec<String>,
    pub(super) arrays: Vec<ArrayRef>,
    pub(super) lines: Lines,
    pub(super) rows: usize,
    pub(super) bad: Bad,
}

impl RecordTexts {
    pub(super) fn typed(
        self,
        file: &Path,
        on_error: OnError,
        leaf: impl Fn(&str) -> (Leaf, bool),
    ) -> Result<Typed> {
        let (mut names, mut arrays, mut faults) = (Vec::new(), Vec::new(), Vec::new());
        for (name, texts) in self.names.iter().zip(&self.texts) {
            let Some(texts) = texts else { continue };
            let (leaf, is_given) = leaf(name);
            let (array, bad) = parse(texts, leaf, !is_given);
            faults.extend(bad.into_iter().map(|row| {
                let line = self.lines.get(row).unwrap_or_default();
                let got = texts.value(row);
                let message = format!("must be {}, got `{got:.80}`", leaf.named());
                (row, line, Error::data_cell(file, line, name, message))
            }));
            names.push(name.clone());
            arrays.push(array);
        }
        let mut typed = Typed {
            names,
            arrays,
            lines: self.lines,
            rows: self.rows,
            bad: self.bad,
        };
        if !faults.is_empty() {
            faults.sort_by_key(|(row, ..)| *row);
            faults.dedup_by_key(|(row, ..)| *row);
            let mut is_good = vec![true; typed.rows];
            for (row, line, error) in faults {
                is_good[row] = false;
                typed.bad.skip(on_error, line, error)?;
            }
            typed.keep(file, &is_good)?;
        }
        Ok(typed)
    }

    /// The guess for each column.
    pub(super) fn guesses(&self) -> Vec<Option<Guess>> {
        let texts = self.texts.iter();
        texts.map(|texts| texts.as_ref().map(Guess::of)).collect()
    }
}

impl Typed {
    fn keep(&mut self, file: &Path, is_good: &[bool]) -> Result<()> {
        let mask = BooleanArray::from(is_good.to_vec());
        for array in &mut self.arrays {
            *array = filter(array, &mask).map_err(|error| {
                Error::data(file, format!("must fit into Arrow arrays, got {error}"))
            })?;
        }
        let mut lines = Lines::default();
        let good = (0..is_good.len()).filter(|&row| is_good[row]);
        for (to, from) in good.enumerate() {
            lines.push(to, self.lines.get(from).unwrap_or_default());
        }
        self.rows = mask.values().count_set_bits();
        self.lines = lines;
        Ok(())
    }
}
