//! Records of CSV and TSV out of bytes, quoted as RFC 4180 says or not at all.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};

use crate::error::Result;
use crate::formats::blocks::MARK;

const QUOTE: u8 = b'"';

/// Records out of bytes that come piece by piece.
pub(super) struct Records {
    reader: Reader,
    /// The record so far: its fields' bytes and where each ends.
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// The record as it stands in the file, as far as it is not in the piece that is being read.
    raw: Vec<u8>,
    filled: (usize, usize),
    /// Where the record begins in the file.
    offset: u64,
    pub(super) is_within: bool,
    pub(super) line: u64,
}

/// The fields of a record.
pub(super) struct Fields<'a> {
    bytes: &'a [u8],
    ends: &'a [usize],
    /// The record as it stands in the file.
    pub(super) raw: &'a [u8],
    /// Where it begins there.
    pub(super) offset: u64,
}

impl<'a> Fields<'a> {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The bytes of each field.
    pub(super) fn bytes(&self) -> impl Iterator<Item = &'a [u8]> {
        let (bytes, ends) = (self.bytes, self.ends);
        let starts = std::iter::once(0).chain(ends.iter().copied());
        starts
            .zip(ends)
            .map(move |(start, &end)| bytes.get(start..end).unwrap_or_default())
    }

    /// Notes for each field whether it stands in quotes, up to the first that goes on behind them: gives its number.
    pub(super) fn find_quotes(&self, is_quoted: &mut Vec<bool>) -> Option<usize> {
        is_quoted.clear();
        if !self.raw.contains(&QUOTE) {
            is_quoted.resize(self.len(), false);
            return None;
        }
        // The reader drops a second mark of UTF-8.
        let mark = self.raw.strip_prefix(MARK);
        let mark = mark.filter(|_| !self.bytes.starts_with(MARK));
        let mut left = mark.unwrap_or(self.raw);
        for (at, field) in self.bytes().enumerate() {
            let has_quotes = left.first() == Some(&QUOTE);
            let rest = if has_quotes {
                after_quoted(left, field)
            } else {
                left.get(field.len()..)
            };
            let Some(rest) = rest else { return Some(at) };
            is_quoted.push(has_quotes);
            // The separator, or the line's end.
            left = rest.get(1..).unwrap_or_default();
        }
        None
    }
}

/// What follows `field` in quotes, where `text` begins with just that.
fn after_quoted<'a>(text: &'a [u8], field: &[u8]) -> Option<&'a [u8]> {
    let mut left = text.strip_prefix(&[QUOTE])?;
    for piece in field.split_inclusive(|&byte| byte == QUOTE) {
        left = left.strip_prefix(piece)?;
        if piece.ends_with(&[QUOTE]) {
            left = left.strip_prefix(&[QUOTE])?;
        }
    }
    left.strip_prefix(&[QUOTE])
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
            offset: 0,
            is_within: false,
            line: 1,
        }
    }

    /// Calls `record` with the first line and the fields of each record that ends in `input`, which begins at `offset` of
    /// the file.
    pub(super) fn read(
        &mut self,
        mut input: &[u8],
        offset: u64,
        mut record: impl FnMut(u64, Fields<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut begin = input;
        let end = offset + input.len() as u64;
        loop {
            if !self.is_within {
                // Empty lines, which the reader would skip too, but then their number would be the record's.
                while let Some((&byte @ (b'\r' | b'\n'), rest)) = input.split_first() {
                    self.reader
                        .set_line(self.reader.line() + u64::from(byte == b'\n'));
                    input = rest;
                }
                self.line = self.reader.line();
                self.offset = end - input.len() as u64;
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
                        offset: self.offset,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The fields of a record, and what is said of their quotes.
    fn told(text: &str) -> (Vec<String>, Result<Vec<bool>, usize>) {
        let mut told = (Vec::new(), Err(usize::MAX));
        let outcome = Records::new(b',').read(text.as_bytes(), 0, |_, fields| {
            let texts = fields
                .bytes()
                .map(|field| String::from_utf8_lossy(field).into());
            told.0 = texts.collect();
            let mut is_quoted = Vec::new();
            let fault = fields.find_quotes(&mut is_quoted);
            told.1 = fault.map_or(Ok(is_quoted), Err);
            Ok(())
        });
        assert!(outcome.is_ok());
        told
    }

    #[test]
    fn a_field_is_in_quotes_that_it_alone_fills_or_in_none() {
        type Case = (
            &'static str,
            &'static [&'static str],
            Result<Vec<bool>, usize>,
        );
        let cases: [Case; 11] = [
            ("a,,b\n", &["a", "", "b"], Ok(vec![false; 3])),
            (
                "\"\",,\"a\"\r\n",
                &["", "", "a"],
                Ok(vec![true, false, true]),
            ),
            (
                "\"\"\"\",\"a\"\"b\",\"\"\"a\"\n",
                &["\"", "a\"b", "\"a"],
                Ok(vec![true; 3]),
            ),
            ("\"a,\n\",\"\r\n\"\n", &["a,\n", "\r\n"], Ok(vec![true; 2])),
            ("a\"b,\"c\"\n", &["a\"b", "c"], Ok(vec![false, true])),
            ("a,\"x\"y\n", &["a", "xy"], Err(1)),
            ("\"x\"y\",a\n", &["xy\"", "a"], Err(0)),
            ("a,b,\"x\" \n", &["a", "b", "x "], Err(2)),
            ("\"\"x\n", &["x"], Err(0)),
            ("\"\"x\",a\n", &["x\"", "a"], Err(0)),
            ("\"a\"\"\"b\n", &["a\"b"], Err(0)),
        ];
        for (text, fields, quotes) in cases {
            let fields: Vec<String> = fields.iter().map(|&field| field.into()).collect();
            assert_eq!(told(text), (fields, quotes), "{text:?}");
        }
    }
}
