//! Rows of JSON out of blocks, observed or kept.

use std::path::Path;

use arrow_array::ArrayRef;
use serde_core::de::Deserializer as _;

use super::bad::Bad;
use super::cells::{self, Object};
use super::elements::Elements;
use super::node::Node;
use super::observe::{self, Observed};
use super::shape::{Keys, Place};
use super::values::Fields;
use super::{MAX_COLUMNS, OnError, too_many_columns};
use crate::error::{Error, Result};
use crate::formats::blocks::{Block, no_utf8};
use crate::formats::table::Lines;

/// Rows of JSON, each a text.
pub(super) enum Texts {
    Lines(Block),
    Elements(Elements),
}

impl Texts {
    /// Calls `row` with the number and the text of each row, or what is wrong with its bytes.
    fn each(
        &self,
        file: &Path,
        mut row: impl FnMut(u64, Result<&str, Error>) -> Result<()>,
    ) -> Result<()> {
        match self {
            Self::Elements(elements) => {
                let starts = std::iter::once(0).chain(elements.ends.iter().copied());
                let spans = starts.zip(&elements.ends);
                (elements.first..)
                    .zip(spans)
                    .try_for_each(|(number, (start, &end))| {
                        row(
                            number,
                            Ok(elements.text.get(start..end).unwrap_or_default()),
                        )
                    })
            }
            Self::Lines(block) => {
                if let Ok(text) = std::str::from_utf8(&block.bytes) {
                    let ends = memchr::memchr_iter(b'\n', text.as_bytes());
                    let mut start = 0;
                    for (line, end) in (block.line..).zip(ends.chain([text.len()])) {
                        row(line, Ok(&text[start..end]))?;
                        start = end + 1;
                    }
                    return Ok(());
                }
                let mut offset = block.offset;
                for (line, bytes) in (block.line..).zip(block.bytes.split(|&byte| byte == b'\n')) {
                    let text = std::str::from_utf8(bytes)
                        .map_err(|error| no_utf8(file, line, offset, bytes, error.valid_up_to()));
                    row(line, text)?;
                    offset += bytes.len() as u64 + 1;
                }
                Ok(())
            }
        }
    }
}

/// What is said of a text that is no object.
fn said(text: &str, error: &serde_json::Error) -> String {
    if text.starts_with('[') {
        return "must be one JSON object, got an array\nhint: put each object on a line of its own"
            .into();
    }
    let told = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let told = told.strip_suffix(&place).unwrap_or(&told);
    let byte = error.column();
    format!("must be one JSON object, got {told} at byte {byte}")
}

fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\r', '\n'])
}

/// The shapes of the rows, and how many there are.
pub(super) fn observe(
    file: &Path,
    number: u32,
    texts: &Texts,
    on_error: OnError,
) -> Result<(Keys, u64, Bad)> {
    let mut keys = Keys::default();
    let (mut rows, mut bad) = (0, Bad::default());
    let mut walk = observe::Walk {
        place: Place::default(),
        object: 0,
        is_undone: false,
        has_too_many: false,
    };
    texts.each(file, |line, text| {
        let text = match text {
            Ok(text) => trimmed(text),
            Err(error) => return bad.skip(on_error, line, error),
        };
        if text.is_empty() {
            return Ok(());
        }
        let mut look = |walk: &mut observe::Walk, is_undone: bool| {
            walk.is_undone = is_undone;
            walk.place = Place {
                file: number,
                line,
                turn: 0,
            };
            let keys = &mut keys;
            let mut json = serde_json::Deserializer::from_str(text);
            json.deserialize_map(Observed { keys, walk })?;
            json.end()
        };
        if let Err(error) = look(&mut walk, false) {
            if walk.has_too_many {
                return Err(too_many_columns(file));
            }
            // The same walk again, up to the same place.
            let _ = look(&mut walk, true);
            let error = Error::data_row(file, line, said(text, &error));
            return bad.skip(on_error, line, error);
        }
        rows += 1;
        Ok(())
    })?;
    if keys.len() > MAX_COLUMNS {
        return Err(too_many_columns(file));
    }
    Ok((keys, rows, bad))
}

/// Rows of a block as arrays.
pub(super) struct Kept {
    pub(super) rows: usize,
    pub(super) lines: Lines,
    pub(super) arrays: Vec<ArrayRef>,
    pub(super) bad: Bad,
}

/// The rows as columns, in the order of [`Node::flat`]; with `is_closed` a name that none of them has breaks its row.
pub(super) fn keep(
    file: &Path,
    texts: &Texts,
    columns: &[(String, Option<Node>)],
    on_error: OnError,
    is_closed: bool,
) -> Result<Kept> {
    let mut fields = Fields::new(columns);
    let (mut lines, mut bad) = (Lines::default(), Bad::default());
    let mut walk = cells::Walk {
        is_closed,
        ..cells::Walk::default()
    };
    texts.each(file, |line, text| {
        let text = match text {
            Ok(text) => trimmed(text),
            Err(error) => return bad.skip(on_error, line, error),
        };
        if text.is_empty() {
            return Ok(());
        }
        let rows = fields.len;
        let mut json = serde_json::Deserializer::from_str(text);
        let object = Object {
            fields: &mut fields,
            walk: &mut walk,
        };
        let read = json.deserialize_map(object).and_then(|()| json.end());
        if let Err(error) = read {
            fields.truncate(rows);
            let error = match walk.fault.take() {
                Some((column, message)) => Error::data_cell(file, line, &column, message),
                None => Error::data_row(file, line, said(text, &error)),
            };
            return bad.skip(on_error, line, error);
        }
        lines.push(rows, line);
        Ok(())
    })?;
    let rows = fields.len;
    let mut arrays = Vec::new();
    fields
        .finish(&mut arrays)
        .map_err(|error| Error::data(file, format!("must fit into Arrow arrays, got {error}")))?;
    Ok(Kept {
        rows,
        lines,
        arrays,
        bad,
    })
}
