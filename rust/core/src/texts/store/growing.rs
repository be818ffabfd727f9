//! A file that is written at its end, and read through memory maps while it grows.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use arrow_buffer::Buffer;

use crate::error::Result;
use crate::files::refused;
use crate::mapped;

/// What is written at once.
const PIECE: usize = 1 << 20;
/// Bytes of a map: a multiple of 8 and of every page size, and few maps for a terabyte.
const SEGMENT: u64 = 1 << 26;

/// Bytes behind the first ones of a file, which stay as they are. Dropped unfinished, it leaves those alone.
#[derive(Debug)]
pub(super) struct Growing {
    path: PathBuf,
    file: BufWriter<File>,
    first: u64,
    len: u64,
    segment: u64,
    maps: Vec<Buffer>,
    is_finished: bool,
}

impl Growing {
    /// Writes from byte `first` on; what lies behind it goes.
    pub(super) fn new(path: PathBuf, first: u64) -> Result<Self> {
        Self::in_segments(path, first, SEGMENT)
    }

    fn in_segments(path: PathBuf, first: u64, segment: u64) -> Result<Self> {
        let open = || {
            let mut options = OpenOptions::new();
            let options = options.create(true).truncate(false).read(true).write(true);
            let mut file = options.open(&path)?;
            file.set_len(first)?;
            file.seek(SeekFrom::Start(first))?;
            Ok(file)
        };
        let file = open().map_err(|source| refused(folder_of(&path), source))?;
        Ok(Self {
            file: BufWriter::with_capacity(PIECE, file),
            path,
            first,
            len: 0,
            segment,
            maps: Vec::new(),
            is_finished: false,
        })
    }

    /// Bytes written.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file
            .write_all(bytes)
            .map_err(|source| refused(folder_of(&self.path), source))?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Makes all that was written readable. The file is lengthened to whole segments, so that a map stays as it grows.
    pub(super) fn show(&mut self) -> Result<()> {
        let io = |source| refused(folder_of(&self.path), source);
        self.file.flush().map_err(io)?;
        let there = self.maps.len() as u64;
        let wanted = self.len.div_ceil(self.segment);
        if there < wanted {
            let file = self.file.get_ref();
            file.set_len(self.first + wanted * self.segment)
                .map_err(io)?;
        }
        for at in there..wanted {
            let start = self.first + at * self.segment;
            let map = mapped::part(self.file.get_ref(), &self.path, start, self.segment)?;
            self.maps.push(map);
        }
        Ok(())
    }

    /// The pieces, one in each map, of bytes that are readable.
    pub(super) fn pieces(&self, start: u64, end: u64) -> impl Iterator<Item = &[u8]> {
        let segment = self.segment;
        let maps = start / segment..end.div_ceil(segment);
        maps.filter(move |_| start < end).map(move |at| {
            let begin = at * segment;
            let [from, to] = [start.max(begin), end.min(begin + segment)];
            let place = |byte: u64| usize::try_from(byte - begin).unwrap_or(usize::MAX);
            let map = usize::try_from(at).ok().and_then(|at| self.maps.get(at));
            map.and_then(|map| map.get(place(from)..place(to)))
                .unwrap_or_default()
        })
    }

    /// Whether the readable bytes from `start` to `end` are those of `text`.
    pub(super) fn holds(&self, start: u64, end: u64, text: &[u8]) -> bool {
        if end - start != text.len() as u64 {
            return false;
        }
        let mut rest = text;
        self.pieces(start, end).all(|piece| {
            let (same, behind) = rest.split_at(piece.len());
            rest = behind;
            same == piece
        })
    }

    /// The readable eight bytes of number `at`, as one.
    pub(super) fn number(&self, at: u64) -> u64 {
        let mut bytes = [0; 8];
        for piece in self.pieces(8 * at, 8 * at + 8) {
            bytes.copy_from_slice(piece);
        }
        u64::from_le_bytes(bytes)
    }

    /// Puts all of it on the disk.
    pub(super) fn finish(mut self) -> Result<()> {
        let io = |source| refused(folder_of(&self.path), source);
        self.maps.clear();
        self.file.flush().map_err(io)?;
        let file = self.file.get_ref();
        file.set_len(self.first + self.len).map_err(io)?;
        file.sync_all().map_err(io)?;
        self.is_finished = true;
        Ok(())
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        if !self.is_finished {
            self.maps.clear();
            let _ = self.file.get_ref().set_len(self.first);
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_across_segments_is_read_whole() -> Result<()> {
        let folder = std::env::temp_dir().join(format!("foolsgold-growing-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|source| crate::Error::io(&folder, source))?;
        let path = folder.join("file");
        for first in [0, 8, 72] {
            // The length of a map need not be that of pages where its place in the file is.
            let mut growing = Growing::in_segments(path.clone(), first, 16)?;
            let mut all = Vec::new();
            for length in [0, 1, 7, 8, 16, 17, 40, 0, 3] {
                let text: Vec<u8> = (0..length).map(|at| at ^ 3).collect();
                growing.write(&text)?;
                growing.show()?;
                let start = all.len() as u64;
                all.extend(&text);
                let end = all.len() as u64;
                assert!(growing.holds(start, end, &text), "{length} at {start}");
                assert!(length == 0 || !growing.holds(start, end, &text[1..]));
                let mut other = text.clone();
                if let Some(last) = other.last_mut() {
                    *last ^= 1;
                    assert!(!growing.holds(start, end, &other));
                }
                let joined: Vec<u8> = growing.pieces(0, end).flatten().copied().collect();
                assert_eq!(joined, all);
            }
            let word = all[8..16].try_into().map(u64::from_le_bytes).ok();
            assert_eq!(Some(growing.number(1)), word);
            growing.finish()?;
            let written = std::fs::read(&path).map_err(|source| crate::Error::io(&path, source))?;
            assert_eq!(&written[usize::try_from(first).unwrap_or(0)..], all);
        }
        drop(Growing::in_segments(path.clone(), 5, 16)?);
        assert_eq!(crate::files::size_of(&path), 5);
        std::fs::remove_dir_all(&folder).map_err(|source| crate::Error::io(&folder, source))
    }
}
