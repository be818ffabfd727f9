//! Text into a file, plain or packed. What can be packed by pieces is packed by the workers.
//!
//! Gzip is one member (readers that stop after the first are many): each piece is deflated apart and ends on a byte, so
//! that pieces follow one another in one stream, as pigz does; the checksums of the pieces add up to that of the whole.
//! Zstandard has threads of its own, and packs one frame of the same bytes for any number of them.

use std::io::Write as _;

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

use super::aside::{Aside, refused};
use crate::error::Result;

const GZIP_LEVEL: u32 = 6;
const ZSTD_LEVEL: i32 = 3;
/// RFC 1952: deflated, no name, no time, unknown system.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
/// An empty last block of a deflated stream (RFC 1951).
const DEFLATE_END: [u8; 2] = [3, 0];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    None,
    Gzip,
    Zstd,
}

/// Some text, maybe deflated.
pub(super) struct Packed {
    bytes: Vec<u8>,
    /// Of the text, where it is deflated.
    crc: Option<Crc>,
}

impl Packing {
    /// What a worker does for the packing.
    pub(super) fn pack(self, text: Vec<u8>) -> Packed {
        if self != Self::Gzip {
            return Packed {
                bytes: text,
                crc: None,
            };
        }
        let mut crc = Crc::new();
        crc.update(&text);
        let mut deflate = Compress::new(Compression::new(GZIP_LEVEL), false);
        let mut bytes = Vec::with_capacity(text.len() / 2 + 64);
        loop {
            let done = usize::try_from(deflate.total_in()).unwrap_or(usize::MAX);
            let status = deflate.compress_vec(
                &text[done.min(text.len())..],
                &mut bytes,
                FlushCompress::Sync,
            );
            let is_all = deflate.total_in() >= text.len() as u64;
            // Room that is left says that nothing is held back.
            if matches!(status, Ok(Status::Ok | Status::BufError))
                && is_all
                && bytes.len() < bytes.capacity()
            {
                break;
            }
            bytes.reserve(bytes.capacity() / 2 + 64);
        }
        Packed {
            bytes,
            crc: Some(crc),
        }
    }
}

enum To {
    Plain(Aside),
    Gzip(Aside, Crc),
    Zstd(zstd::stream::write::Encoder<'static, Aside>),
}

pub(super) struct TextSink {
    to: To,
    path: std::path::PathBuf,
}

impl TextSink {
    pub(super) fn new(
        mut aside: Aside,
        packing: Packing,
        threads: usize,
        start: &[u8],
    ) -> Result<Self> {
        let path = aside.path().to_owned();
        let failed = |source| refused(&path, source);
        let to = match packing {
            Packing::None => To::Plain(aside),
            Packing::Gzip => {
                aside.write_all(&GZIP_HEADER).map_err(failed)?;
                To::Gzip(aside, Crc::new())
            }
            Packing::Zstd => {
                let mut encoder =
                    zstd::stream::write::Encoder::new(aside, ZSTD_LEVEL).map_err(failed)?;
                let threads = u32::try_from(threads).unwrap_or(1).max(1);
                encoder.multithread(threads).map_err(failed)?;
                encoder.include_checksum(true).map_err(failed)?;
                To::Zstd(encoder)
            }
        };
        let mut sink = Self { to, path };
        sink.put_text(start)?;
        Ok(sink)
    }

    /// Writes what stands between the pieces.
    pub(super) fn put_text(&mut self, text: &[u8]) -> Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        let packing = match self.to {
            To::Gzip(..) => Packing::Gzip,
            _ => Packing::None,
        };
        self.put(&packing.pack(text.to_vec()))
    }

    pub(super) fn put(&mut self, text: &Packed) -> Result<()> {
        let done = match (&mut self.to, &text.crc) {
            (To::Gzip(file, all), Some(crc)) => {
                all.combine(crc);
                file.write_all(&text.bytes)
            }
            (To::Plain(file) | To::Gzip(file, _), _) => file.write_all(&text.bytes),
            (To::Zstd(encoder), _) => encoder.write_all(&text.bytes),
        };
        done.map_err(|source| refused(&self.path, source))
    }

    /// Writes the last text and what ends the packing.
    pub(super) fn finish(mut self, end: &[u8]) -> Result<Aside> {
        self.put_text(end)?;
        let done = match self.to {
            To::Plain(file) => Ok(file),
            To::Gzip(mut file, crc) => file
                .write_all(&DEFLATE_END)
                .and_then(|()| file.write_all(&crc.sum().to_le_bytes()))
                .and_then(|()| file.write_all(&crc.amount().to_le_bytes()))
                .map(|()| file),
            To::Zstd(encoder) => encoder.finish(),
        };
        done.map_err(|source| refused(&self.path, source))
    }
}
