//! Bytes as they were before gzip or zstd packed them.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use crate::error::{Error, Result};

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const BUFFER: usize = 1 << 17;
/// What is unpacked at a time, whatever is asked for: how far an unpacker comes before it meets a fault depends on this.
const UNPACKED: usize = 1 << 18;

/// A file's content, unpacked as it is read.
pub(super) struct Unpacked {
    reader: Box<dyn Read + Send>,
    taken: Arc<AtomicU64>,
}

impl Unpacked {
    /// Opens `file`; its first bytes, not its name, say whether it is packed.
    pub(super) fn open(file: &Path) -> Result<Self> {
        let refused = |source| Error::io(file, source);
        let taken = Arc::new(AtomicU64::new(0));
        let counted = Counted {
            file: File::open(file).map_err(refused)?,
            taken: Arc::clone(&taken),
        };
        let mut bytes = BufReader::with_capacity(BUFFER, counted);
        let start = bytes.fill_buf().map_err(refused)?;
        let reader: Box<dyn Read + Send> = if start.starts_with(GZIP) {
            Box::new(BufReader::with_capacity(
                UNPACKED,
                MultiGzDecoder::new(bytes),
            ))
        } else if start.starts_with(ZSTD) {
            let decoder = zstd::stream::read::Decoder::with_buffer(bytes).map_err(refused)?;
            Box::new(BufReader::with_capacity(UNPACKED, decoder))
        } else {
            Box::new(bytes)
        };
        Ok(Self { reader, taken })
    }

    /// Appends up to `most` bytes to `out`; whether there may be more.
    pub(super) fn fill(&mut self, file: &Path, out: &mut Vec<u8>, most: usize) -> Result<bool> {
        let end = out.len();
        out.resize(end + most, 0);
        let count = loop {
            match self.reader.read(&mut out[end..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                outcome => break outcome,
            }
        };
        out.truncate(end + count.as_ref().map_or(0, |&count| count.min(most)));
        count
            .map(|count| count > 0)
            .map_err(|error| fault(file, error))
    }

    /// How many bytes of the file itself have been read.
    pub(super) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}

/// The operating system's refusals are its own; all else is the unpacker's word on the content.
fn fault(file: &Path, error: io::Error) -> Error {
    if error.raw_os_error().is_some() {
        Error::io(file, error)
    } else if error.kind() == ErrorKind::UnexpectedEof {
        Error::data(file, "is cut short")
    } else {
        Error::data(file, format!("must be sound gzip or zstd, got {error}"))
    }
}

struct Counted {
    file: File,
    taken: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.taken.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
