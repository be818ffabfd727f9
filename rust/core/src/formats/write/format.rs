//! Which format a path's ending says.

use std::path::Path;

use super::Writing;
use super::packing::Packing;
use crate::error::{Error, Result};

/// A format to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    JsonLines,
    JsonArray,
    Separated(u8),
    Parquet,
    ArrowFile,
    ArrowStream,
    Folder,
}

/// What a path's ending says.
pub(super) fn format_of(path: &Path, how: &Writing) -> Result<(Format, Packing)> {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    let (plain, packing) = match (name.strip_suffix(".gz"), name.strip_suffix(".zst")) {
        (Some(plain), _) => (plain, Packing::Gzip),
        (_, Some(plain)) => (plain, Packing::Zstd),
        _ => (name.as_str(), Packing::None),
    };
    let plain = plain.strip_prefix('.').unwrap_or(plain);
    let format = match plain.rsplit_once('.').map(|(_, ending)| ending) {
        Some("json") if how.is_array => Format::JsonArray,
        Some("jsonl" | "ndjson" | "json") => Format::JsonLines,
        Some("csv") => Format::Separated(b','),
        Some("tsv") => Format::Separated(b'\t'),
        Some("parquet") if packing == Packing::None => Format::Parquet,
        Some("arrow" | "feather") if packing == Packing::None => Format::ArrowFile,
        Some("arrows") if packing == Packing::None => Format::ArrowStream,
        None if packing == Packing::None => Format::Folder,
        _ => {
            let message = "must end in .jsonl, .ndjson, .json, .csv or .tsv (also with .gz or .zst), .parquet, .arrow, .arrows or .feather, or have no ending for a folder";
            return Err(Error::data(path, message));
        }
    };
    Ok((format, packing))
}

/// Checks that what is said of JSON alone is said of JSON.
pub(super) fn check_arguments(path: &Path, format: Format, how: &Writing) -> Result<()> {
    if how.is_array && format != Format::JsonArray {
        let rule = "be left out for a file that is no .json";
        return Err(Error::argument("array", rule, path.display()));
    }
    if how.is_nested == Some(true) && !matches!(format, Format::JsonLines | Format::JsonArray) {
        let rule = "be left out for a file that is no JSON";
        return Err(Error::argument("nested", rule, path.display()));
    }
    Ok(())
}
