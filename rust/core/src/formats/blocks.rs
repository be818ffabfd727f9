//! A text file in blocks of whole lines.

use std::path::{Path, PathBuf};

use super::Progress;
use super::compression::Unpacked;
use crate::error::{Error, Result};

/// What is read between two looks at the caller.
const STEP: usize = 1 << 18;
pub(super) const MARK: &[u8] = b"\xef\xbb\xbf";
/// A longer line is taken for a file that is not what its name says.
const MAX_LINE: usize = 1 << 30;

/// Whole lines of a file; only the last block of a file may lack a line's end.
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    /// Where the block begins in the unpacked file.
    pub(super) offset: u64,
    /// The number of its first line, counting from 1.
    pub(super) line: u64,
}

impl Block {
    /// The block's lines as far as they are UTF-8, and what is said of the first one that is not.
    pub(super) fn text(&self, file: &Path) -> (&str, Option<Error>) {
        let error = match std::str::from_utf8(&self.bytes) {
            Ok(text) => return (text, None),
            Err(error) => error,
        };
        let valid = &self.bytes[..error.valid_up_to()];
        let whole = valid.iter().rposition(|&byte| byte == b'\n');
        let line = self.line + count_lines(valid);
        let error = no_utf8(file, line, self.offset, &self.bytes, valid.len());
        let lines = &valid[..whole.map_or(0, |at| at + 1)];
        (std::str::from_utf8(lines).unwrap_or_default(), Some(error))
    }
}

/// What is said of a byte that is no UTF-8: the one `at` which `bytes`, whose first stands at `offset` of the file, are none.
pub(super) fn no_utf8(file: &Path, line: u64, offset: u64, bytes: &[u8], at: usize) -> Error {
    let byte = bytes.get(at).copied().unwrap_or_default();
    let hint = match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] if offset == 0 => "\nhint: it looks like UTF-16",
        _ => "",
    };
    let offset = offset + at as u64;
    let message = format!("must be UTF-8, got byte 0x{byte:02x} at offset {offset}{hint}");
    Error::data_row(file, line, message)
}

/// Cuts a file into blocks.
pub(super) struct Blocks {
    file: PathBuf,
    bytes: Unpacked,
    block_bytes: usize,
    rest: Vec<u8>,
    offset: u64,
    line: u64,
    ended: bool,
    /// What is wrong with what comes after the lines that are read.
    fault: Option<Error>,
}

impl Blocks {
    pub(super) fn open(file: &Path, block_bytes: usize) -> Result<Self> {
        Ok(Self {
            file: file.into(),
            bytes: Unpacked::open(file)?,
            block_bytes: block_bytes.max(1),
            rest: Vec::new(),
            offset: 0,
            line: 1,
            ended: false,
            fault: None,
        })
    }

    /// The next lines, at least `block_bytes` of them where there are so many; `None` at the end.
    pub(super) fn next(&mut self, progress: &mut Progress<'_, '_>) -> Result<Option<Block>> {
        let mut bytes = std::mem::take(&mut self.rest);
        let mut searched = 0;
        while !self.ended {
            if bytes.len() >= self.block_bytes {
                if let Some(at) = bytes[searched..].iter().rposition(|&byte| byte == b'\n') {
                    self.rest = bytes.split_off(searched + at + 1);
                    break;
                }
                searched = bytes.len();
            }
            if bytes.len() > MAX_LINE {
                let message = "must have lines of at most 1 GiB";
                return Err(Error::data_row(&self.file, self.line, message));
            }
            let most = self.block_bytes.min(STEP);
            match self.bytes.fill(&self.file, &mut bytes, most) {
                Ok(has_more) => self.ended = !has_more,
                Err(error) => {
                    // Whole lines before a fault are judged before it, whatever the size of the blocks.
                    let whole = bytes.iter().rposition(|&byte| byte == b'\n');
                    bytes.truncate(whole.map_or(0, |at| at + 1));
                    self.ended = true;
                    self.fault = Some(error);
                }
            }
            progress.at(self.bytes.taken())?;
        }
        if bytes.is_empty() {
            return self.fault.take().map_or(Ok(None), Err);
        }
        let lines = count_lines(&bytes);
        let read = bytes.len() as u64;
        let mark = if self.offset == 0 && bytes.starts_with(MARK) {
            bytes.drain(..MARK.len());
            MARK.len() as u64
        } else {
            0
        };
        let block = Block {
            bytes,
            offset: self.offset + mark,
            line: self.line,
        };
        self.offset += read;
        self.line += lines;
        Ok(Some(block))
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
