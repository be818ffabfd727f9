//! Bytes as they were before gzip or zstd packed them.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::GzDecoder;

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
        let packing = [Packing::Gzip, Packing::Zstd]
            .into_iter()
            .find(|packing| start.starts_with(packing.magic()));
        let reader: Box<dyn Read + Send> = if let Some(packing) = packing {
            let members = Members {
                packing,
                member: Some(packing.member(bytes).map_err(refused)?),
            };
            Box::new(BufReader::with_capacity(UNPACKED, members))
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

#[derive(Clone, Copy)]
enum Packing {
    Gzip,
    Zstd,
}

/// A member of gzip, or a frame of zstd.
enum Member {
    Gzip(Box<GzDecoder<BufReader<Counted>>>),
    Zstd(zstd::stream::read::Decoder<'static, BufReader<Counted>>),
}

/// Members one after another, up to the end of the file.
struct Members {
    packing: Packing,
    /// `None` after the last one.
    member: Option<Member>,
}

impl Packing {
    fn magic(self) -> &'static [u8] {
        match self {
            Self::Gzip => GZIP,
            Self::Zstd => ZSTD,
        }
    }

    fn member(self, bytes: BufReader<Counted>) -> io::Result<Member> {
        Ok(match self {
            Self::Gzip => Member::Gzip(Box::new(GzDecoder::new(bytes))),
            Self::Zstd => {
                let decoder = zstd::stream::read::Decoder::with_buffer(bytes)?;
                Member::Zstd(decoder.single_frame())
            }
        })
    }

    /// Whether bytes, or as many as there are of them, begin a member. A frame of zstd may be one to skip.
    fn begins(self, bytes: &[u8]) -> bool {
        let is_skipped = |bytes: &[u8]| {
            bytes[0] & 0xf0 == 0x50 && [0x2a, 0x4d, 0x18].starts_with(&bytes[1..bytes.len().min(4)])
        };
        let start = &bytes[..bytes.len().min(self.magic().len())];
        self.magic().starts_with(start) || matches!(self, Self::Zstd) && is_skipped(bytes)
    }
}

impl Read for Members {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = match &mut self.member {
                Some(Member::Gzip(decoder)) => decoder.read(buffer)?,
                Some(Member::Zstd(decoder)) => decoder.read(buffer)?,
                None => return Ok(0),
            };
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let mut rest = match self.member.take() {
                Some(Member::Gzip(decoder)) => decoder.into_inner(),
                Some(Member::Zstd(decoder)) => decoder.finish(),
                None => return Ok(0),
            };
            let bytes = rest.fill_buf()?;
            if bytes.is_empty() {
                return Ok(0);
            }
            if !self.packing.begins(bytes) {
                let num = bytes.len() as u64;
                let at = rest.get_ref().taken.load(Ordering::Relaxed) - num;
                let message = format!("other bytes behind its end, from byte {at} on");
                return Err(io::Error::new(ErrorKind::InvalidData, message));
            }
            self.member = Some(self.packing.member(rest)?);
        }
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
