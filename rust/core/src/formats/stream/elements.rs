//! The objects of a JSON file that is one array of them.

use std::path::{Path, PathBuf};

use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::formats::Progress;
use crate::formats::blocks::MARK;
use crate::formats::compression::Unpacked;

const STEP: usize = 1 << 18;
/// A longer element is taken for a file that is not what its name says.
const MAX_ELEMENT: usize = 1 << 30;

/// Some elements, one after another.
pub(super) struct Elements {
    pub(super) text: String,
    /// Where each ends.
    pub(super) ends: Vec<usize>,
    /// The number of the first, from 1.
    pub(super) first: u64,
}

enum Broken {
    /// The file, as whoever unpacks it says.
    File(Error),
    /// A byte of the next element.
    Byte(String),
}

/// Cuts an array into elements; their syntax is the affair of `serde_json`, here are only brackets and commas.
pub(super) struct Array {
    file: PathBuf,
    bytes: Unpacked,
    block_bytes: usize,
    /// What is read and not yet handed on; as far as `valid` it is UTF-8.
    rest: Vec<u8>,
    valid: usize,
    offset: u64,
    next: u64,
    expected: Expected,
    has_ended: bool,
    /// What is wrong with the bytes past `valid`.
    broken: Option<Broken>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Start,
    FirstOrEnd,
    Element,
    CommaOrEnd,
    Nothing,
}

impl Array {
    /// Whether the first character of a file opens an array.
    pub(super) fn is_in(file: &Path) -> Result<bool> {
        let mut bytes = Unpacked::open(file)?;
        let mut start = Vec::new();
        while bytes.fill(file, &mut start, 1 << 10)? {
            let text = start.strip_prefix(MARK).unwrap_or(&start);
            match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
                Some(byte) => return Ok(*byte == b'['),
                None if start.len() > STEP => return Ok(false),
                None => {}
            }
        }
        Ok(false)
    }

    pub(super) fn open(file: &Path, block_bytes: usize) -> Result<Self> {
        Ok(Self {
            file: file.into(),
            bytes: Unpacked::open(file)?,
            block_bytes: block_bytes.max(1),
            rest: Vec::new(),
            valid: 0,
            offset: 0,
            next: 1,
            expected: Expected::Start,
            has_ended: false,
            broken: None,
        })
    }

    fn fault(&self, got: impl std::fmt::Display) -> Error {
        let message = format!("must be an array of JSON objects, got {got}");
        Error::data_row(&self.file, self.next, message)
    }

    /// Reads on until there are `most` bytes that nobody has seen, or all.
    fn fill(&mut self, most: usize, progress: &mut Progress<'_, '_>) -> Result<()> {
        if self.broken.is_some() {
            return Ok(());
        }
        while self.rest.len() < most && !self.has_ended {
            let step = (most - self.rest.len()).min(STEP);
            match self.bytes.fill(&self.file, &mut self.rest, step) {
                Ok(has_more) => self.has_ended = !has_more,
                Err(error) => {
                    self.has_ended = true;
                    self.broken = Some(Broken::File(error));
                }
            }
            progress.at(self.bytes.taken())?;
        }
        if self.offset == 0 && self.expected == Expected::Start && self.rest.starts_with(MARK) {
            self.rest.drain(..MARK.len());
            self.offset += MARK.len() as u64;
        }
        match std::str::from_utf8(&self.rest[self.valid..]) {
            Ok(_) => self.valid = self.rest.len(),
            Err(error) => {
                self.valid += error.valid_up_to();
                if error.error_len().is_some() || self.has_ended && self.broken.is_none() {
                    let byte = self.rest[self.valid];
                    let offset = self.offset + self.valid as u64;
                    let message =
                        format!("must be UTF-8, got byte 0x{byte:02x} at offset {offset}");
                    self.broken = Some(Broken::Byte(message));
                }
            }
        }
        Ok(())
    }

    /// The next elements, about `block_bytes` of them.
    pub(super) fn next(&mut self, progress: &mut Progress<'_, '_>) -> Result<Option<Elements>> {
        let mut most = self.block_bytes;
        let mut found = Elements {
            text: String::new(),
            ends: Vec::new(),
            first: self.next,
        };
        loop {
            self.fill(most, progress)?;
            let used = self.take(&mut found)?;
            self.rest.drain(..used);
            self.valid -= used;
            self.offset += used as u64;
            if !found.ends.is_empty() {
                return Ok(Some(found));
            }
            if let Some(broken) = self.broken.take() {
                return Err(match broken {
                    Broken::File(error) => error,
                    Broken::Byte(message) => Error::data_row(&self.file, self.next, message),
                });
            }
            if self.has_ended {
                return if self.expected == Expected::Nothing && self.rest.is_empty() {
                    Ok(None)
                } else {
                    Err(self.fault("the end of the file before that of the array"))
                };
            }
            if self.rest.len() > MAX_ELEMENT {
                return Err(Error::data_row(
                    &self.file,
                    self.next,
                    "must be at most 1 GiB",
                ));
            }
            most = (self.rest.len() * 2).max(self.block_bytes);
        }
    }

    /// Moves the whole elements of what is read to `found`; how many bytes are done with.
    fn take(&mut self, found: &mut Elements) -> Result<usize> {
        let text = std::str::from_utf8(&self.rest[..self.valid]).unwrap_or_default();
        let mut used = 0;
        let is_all = self.has_ended && self.broken.is_none();
        loop {
            let left = text[used..].trim_start_matches([' ', '\t', '\r', '\n']);
            used = text.len() - left.len();
            let Some(&byte) = left.as_bytes().first() else {
                return Ok(used);
            };
            self.expected = match (self.expected, byte) {
                (Expected::Start, b'[') => Expected::FirstOrEnd,
                (Expected::FirstOrEnd | Expected::CommaOrEnd, b']') => Expected::Nothing,
                (Expected::CommaOrEnd, b',') => Expected::Element,
                (Expected::FirstOrEnd | Expected::Element, _) => {
                    let mut values =
                        serde_json::Deserializer::from_str(left).into_iter::<&RawValue>();
                    match values.next() {
                        Some(Ok(value)) if value.get().len() < left.len() || is_all => {
                            found.text.push_str(value.get());
                            found.ends.push(found.text.len());
                            self.next += 1;
                            used += value.get().len();
                            self.expected = Expected::CommaOrEnd;
                            continue;
                        }
                        // A number may go on in what is not yet read.
                        Some(Ok(_)) | None => return Ok(used),
                        // So may a value that is faulty at its very end: a number cut short is called invalid.
                        Some(Err(error))
                            if !is_all
                                && (error.is_eof() || byte_of(left, &error) + 4 >= left.len()) =>
                        {
                            return Ok(used);
                        }
                        Some(Err(error)) => {
                            // What comes before the fault is judged before it.
                            if !found.ends.is_empty() {
                                return Ok(used);
                            }
                            let text = error.to_string();
                            let (got, _) = text.rsplit_once(" at line ").unwrap_or((&text, ""));
                            let byte = self.offset + (used + byte_of(left, &error)) as u64;
                            return Err(self.fault(format_args!("{got} at byte {byte}")));
                        }
                    }
                }
                // What comes before the fault is judged before it.
                (..) if !found.ends.is_empty() => return Ok(used),
                (Expected::Nothing, _) => return Err(self.fault("characters after its end")),
                (..) => {
                    let got = left.chars().next().unwrap_or_default();
                    return Err(self.fault(format_args!(
                        "`{}` between its objects",
                        got.escape_default()
                    )));
                }
            };
            used += 1;
        }
    }
}

/// Where in a text a fault of it is.
fn byte_of(text: &str, error: &serde_json::Error) -> usize {
    let lines = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1));
    lines.map(str::len).sum::<usize>() + error.column().saturating_sub(1)
}
