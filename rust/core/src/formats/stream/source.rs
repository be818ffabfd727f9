//! One file of a stream, and what it holds.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::elements::Array;
use super::parquet_file::ParquetFile;
use crate::error::{Error, Result};

/// The ends of names that are read.
const ENDINGS: &str = "must end in .jsonl, .ndjson, .json, .csv or .tsv (also with .gz or .zst), .parquet, .arrow, .arrows or .feather, or be a folder that `datasets` saved";

/// What a file holds.
#[derive(Debug)]
pub(super) enum Format {
    Lines,
    Array,
    Separated(u8),
    Parquet(Arc<ParquetFile>),
    Arrow,
}

#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) format: Format,
    pub(super) size: u64,
    /// When it was last written, where it is a file that tells.
    modified: Option<SystemTime>,
}

impl Source {
    pub(super) fn new(path: PathBuf, format: Format) -> Result<Self> {
        let (size, modified) = stamp(&path)?;
        Ok(Self {
            path,
            format,
            size,
            modified,
        })
    }

    /// Refuses a file that is no longer the one that was opened.
    pub(super) fn check_unchanged(&self) -> Result<()> {
        if stamp(&self.path)? == (self.size, self.modified) {
            return Ok(());
        }
        let message = "must stay as it is while it is read, got another content";
        Err(Error::data(&self.path, message))
    }

    pub(super) fn open(path: PathBuf) -> Result<Self> {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .to_lowercase();
        let packed = [".gz", ".zst"];
        let plain = packed.iter().find_map(|end| name.strip_suffix(end));
        let ending = plain.unwrap_or(&name).rsplit_once('.').map(|(_, end)| end);
        let mut source = Self::new(path, Format::Lines)?;
        let path = &source.path;
        source.format = match ending {
            _ if path.is_dir() => {
                let message = "must be a file or a folder that `datasets` saved, got another folder\nhint: name the files in it";
                return Err(Error::data(path, message));
            }
            Some("json") if Array::is_in(path)? => Format::Array,
            Some("jsonl" | "ndjson" | "json") => Format::Lines,
            Some("csv") => Format::Separated(b','),
            Some("tsv") => Format::Separated(b'\t'),
            Some("parquet") if plain.is_none() => {
                Format::Parquet(Arc::new(ParquetFile::open(path)?))
            }
            Some("arrow" | "arrows" | "feather") if plain.is_none() => Format::Arrow,
            _ => return Err(Error::data(path, ENDINGS)),
        };
        Ok(source)
    }

    pub(super) fn is_text(&self) -> bool {
        matches!(
            self.format,
            Format::Lines | Format::Array | Format::Separated(_)
        )
    }
}

/// The size of a file, and when it was last written; of what is no plain file nothing is known.
fn stamp(path: &Path) -> Result<(u64, Option<SystemTime>)> {
    let metadata = std::fs::metadata(path).map_err(|source| Error::io(path, source))?;
    let modified = metadata.is_file().then(|| metadata.modified().ok());
    Ok((metadata.len(), modified.flatten()))
}
