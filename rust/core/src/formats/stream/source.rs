//! One file of a stream, and what it holds.

use std::path::PathBuf;
use std::sync::Arc;

use super::elements::Array;
use super::parquet_file::ParquetFile;
use crate::error::{Error, Result};
use crate::formats::size_of;

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
}

impl Source {
    pub(super) fn open(path: PathBuf) -> Result<Self> {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .to_lowercase();
        let packed = [".gz", ".zst"];
        let plain = packed.iter().find_map(|end| name.strip_suffix(end));
        let ending = plain.unwrap_or(&name).rsplit_once('.').map(|(_, end)| end);
        let size = size_of(&path)?;
        let format = match ending {
            _ if path.is_dir() => {
                let message = "must be a file or a folder that `datasets` saved, got another folder\nhint: name the files in it";
                return Err(Error::data(&path, message));
            }
            Some("json") if Array::is_in(&path)? => Format::Array,
            Some("jsonl" | "ndjson" | "json") => Format::Lines,
            Some("csv") => Format::Separated(b','),
            Some("tsv") => Format::Separated(b'\t'),
            Some("parquet") if plain.is_none() => {
                Format::Parquet(Arc::new(ParquetFile::open(&path)?))
            }
            Some("arrow" | "arrows" | "feather") if plain.is_none() => Format::Arrow,
            _ => return Err(Error::data(&path, ENDINGS)),
        };
        Ok(Self { path, format, size })
    }

    pub(super) fn is_text(&self) -> bool {
        matches!(
            self.format,
            Format::Lines | Format::Array | Format::Separated(_)
        )
    }
}
