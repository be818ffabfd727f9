//! Data sets that `datasets` saved: a folder of Arrow streams, which `state.json` names.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::{Error, Result};

/// The name that marks a data set.
pub(in crate::formats) const STATE: &str = "state.json";
/// The name beside it that tells of the columns.
pub(in crate::formats) const INFO: &str = "dataset_info.json";
const SPLITS: &str = "dataset_dict.json";

/// The files of a data set's folder, in the order of their rows; `None` where it is none.
pub(super) fn files_of(folder: &Path) -> Result<Option<Vec<PathBuf>>> {
    if !folder.is_dir() {
        return Ok(None);
    }
    if folder.join(SPLITS).is_file() {
        let found = read(&folder.join(SPLITS))?;
        let splits = found["splits"].as_array().into_iter().flatten();
        let names: Vec<String> = splits
            .filter_map(|name| Some(format!("`{}`", name.as_str()?)))
            .collect();
        let first = names.first().map_or("train", |name| name.trim_matches('`'));
        let message = format!(
            "must be one data set, got the splits {}\nhint: name one, as {}",
            names.join(", "),
            folder.join(first).display()
        );
        return Err(Error::data(folder, message));
    }
    let state = folder.join(STATE);
    if !state.is_file() {
        return Ok(None);
    }
    let found = read(&state)?;
    let list = |name: &str| found[name].as_array().cloned().unwrap_or_default();
    if !list("_indices_data_files").is_empty() || !list("_indices_files").is_empty() {
        let message = "must hold its rows in their order, got a list of indices\nhint: save it again with `flatten_indices()`";
        return Err(Error::data(folder, message));
    }
    let names = list("_data_files").into_iter().map(|file| {
        let name = file["filename"].as_str().map(PathBuf::from);
        // A name, not a way out of the folder.
        name.filter(|name| {
            name.file_name()
                .is_some_and(|last| last == name.as_os_str())
        })
    });
    let files: Option<Vec<PathBuf>> = names.map(|name| Some(folder.join(name?))).collect();
    files
        .filter(|files| !files.is_empty())
        .map(Some)
        .ok_or_else(|| {
            Error::data(
                &state,
                "must name the files of the data set under `_data_files`",
            )
        })
}

fn read(file: &Path) -> Result<Value> {
    let text = std::fs::read(file).map_err(|source| Error::io(file, source))?;
    serde_json::from_slice(&text)
        .map_err(|error| Error::data(file, format!("must be JSON, got {error}")))
}
