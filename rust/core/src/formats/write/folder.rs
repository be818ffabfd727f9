//! A folder that `datasets.load_from_disk` reads: Arrow streams, and two files that tell of them.
//!
//! The layout is that of `Dataset.save_to_disk` (`huggingface/datasets`, `src/datasets/arrow_dataset.py`). The types of the
//! columns are left to the Arrow schema, which every version of the library reads.

use std::fs::File;
use std::hash::Hasher as _;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, SchemaRef};
use serde_json::json;
use twox_hash::XxHash3_64;

use super::aside::{beside, refused, sync_folder};
use super::failed;
use crate::error::{Error, Result};
use crate::formats::stream::{INFO, STATE, bytes_of};

/// A file of a data set, about.
const SHARD_BYTES: usize = 500_000_000;

pub(super) struct FolderSink {
    path: PathBuf,
    aside: PathBuf,
    schema: SchemaRef,
    shards: usize,
    open: Option<(StreamWriter<Hashed>, usize)>,
    hash: XxHash3_64,
    is_published: bool,
}

/// A file whose bytes are hashed as they are written.
struct Hashed {
    file: BufWriter<File>,
    hash: XxHash3_64,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let taken = self.file.write(bytes)?;
        self.hash.write(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// Checks that nothing of another kind stands at `path`.
pub(super) fn check_place(path: &Path, is_folder: bool) -> Result<()> {
    if !is_folder {
        return if path.is_dir() {
            Err(Error::data(path, "must be a file, got a folder"))
        } else {
            Ok(())
        };
    }
    let is_empty = || {
        path.is_dir()
            && path
                .read_dir()
                .is_ok_and(|mut entries| entries.next().is_none())
    };
    if path.exists() && !path.join(INFO).is_file() && !is_empty() {
        let message = "must be a new folder, an empty one or an earlier data set's";
        return Err(Error::data(path, message));
    }
    Ok(())
}

impl FolderSink {
    pub(super) fn new(path: &Path, schema: &SchemaRef) -> Result<Self> {
        let aside = beside(path);
        let sink = Self {
            path: path.into(),
            schema: schema.clone(),
            shards: 0,
            open: None,
            hash: XxHash3_64::new(),
            is_published: false,
            aside,
        };
        remove(&sink.aside).map_err(|source| refused(path, source))?;
        std::fs::create_dir(&sink.aside).map_err(|source| refused(path, source))?;
        Ok(sink)
    }

    fn shard(&self, at: usize) -> PathBuf {
        self.aside.join(format!("{at}.arrow"))
    }

    pub(super) fn put(&mut self, batches: &[RecordBatch]) -> Result<()> {
        batches.iter().try_for_each(|batch| self.put_one(batch))
    }

    fn put_one(&mut self, batch: &RecordBatch) -> Result<()> {
        if self
            .open
            .as_ref()
            .is_none_or(|(_, bytes)| *bytes >= SHARD_BYTES)
        {
            self.close()?;
            self.begin()?;
        }
        if let Some((writer, bytes)) = &mut self.open {
            *bytes += bytes_of(batch);
            writer
                .write(batch)
                .map_err(|error| failed(&self.path, error))?;
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<()> {
        let file =
            File::create(self.shard(self.shards)).map_err(|source| refused(&self.path, source))?;
        self.shards += 1;
        let to = Hashed {
            file: BufWriter::with_capacity(1 << 20, file),
            hash: XxHash3_64::new(),
        };
        let writer = StreamWriter::try_new(to, &self.schema);
        self.open = Some((writer.map_err(|error| failed(&self.path, error))?, 0));
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        let Some((writer, _)) = self.open.take() else {
            return Ok(());
        };
        let close = || -> Result<Hashed, ArrowError> { writer.into_inner() };
        let mut file = close().map_err(|error| failed(&self.path, error))?;
        self.hash.write_u64(file.hash.finish());
        let synced = file
            .file
            .flush()
            .and_then(|()| file.file.get_ref().sync_all());
        synced.map_err(|source| refused(&self.path, source))
    }

    pub(super) fn finish(mut self) -> Result<()> {
        if self.shards == 0 {
            self.begin()?;
        }
        self.close()?;
        let done = self.publish();
        self.is_published = done.is_ok();
        done.map_err(|source| refused(&self.path, source))
    }

    fn publish(&self) -> std::io::Result<()> {
        let name = |at: usize| format!("data-{at:05}-of-{:05}.arrow", self.shards);
        for at in 0..self.shards {
            std::fs::rename(self.shard(at), self.aside.join(name(at)))?;
        }
        let files: Vec<_> = (0..self.shards)
            .map(|at| json!({"filename": name(at)}))
            .collect();
        let state = json!({
            "_data_files": files,
            "_fingerprint": format!("{:016x}", self.hash.finish()),
            "_format_columns": null,
            "_format_kwargs": {},
            "_format_type": null,
            "_output_all_columns": false,
            "_split": null,
        });
        let info = json!({"citation": "", "description": "", "features": null, "homepage": "", "license": ""});
        for (name, content) in [(STATE, state), (INFO, info)] {
            let mut file = File::create(self.aside.join(name))?;
            file.write_all(format!("{content:#}\n").as_bytes())?;
            file.sync_all()?;
        }
        sync_folder(&self.aside.join(STATE))?;
        // What stood there goes away once the new one has its name.
        let old = self.path.with_file_name(format!(
            ".{}.old.aside",
            self.path.file_name().unwrap_or_default().to_string_lossy()
        ));
        remove(&old)?;
        let had_one = self.path.exists();
        if had_one {
            std::fs::rename(&self.path, &old)?;
        }
        if let Err(error) = std::fs::rename(&self.aside, &self.path) {
            if had_one {
                std::fs::rename(&old, &self.path)?;
            }
            return Err(error);
        }
        sync_folder(&self.path)?;
        remove(&old)
    }
}

fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

impl Drop for FolderSink {
    fn drop(&mut self) {
        if !self.is_published {
            self.open = None;
            let _ = remove(&self.aside);
        }
    }
}
