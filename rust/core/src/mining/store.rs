//! Tables on disk: a folder of parts, each of a fixed range of queries, that an interrupted search goes on from.
//!
//! ```text
//! folder/
//!   manifest.json                           what the parts are of; written first
//!   part-00000-0123456789abcdef.parquet     the queries 0..part_rows; the digits are the checksum of its bytes
//!   .lock                                   empty; locked by the process that writes
//! ```
//!
//! A file appears under its name when all of it is on the disk, by a rename: a part that is there is whole, and what a
//! killed process left (`.….aside`) is removed by the next. The checksum is in the name, so that a part and its
//! checksum appear at once; a part that does not match it is an error where it is read, and made again where the search
//! goes on. Equal input gives equal bytes, also after any number of interruptions.

mod column;
mod manifest;
mod part;
mod statistics;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use crate::files::{FolderLock, checksum};
pub use column::{Column, Values};
pub use manifest::Manifest;
pub use statistics::Statistics;

use crate::error::{Error, Result};
use crate::files::{self, Aside};
use crate::tick::Tick;

/// A folder of parts.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    manifest: Manifest,
    /// The checksums of the parts that are there.
    parts: Mutex<BTreeMap<u32, u64>>,
    damaged: Vec<PathBuf>,
    lock: Mutex<Option<FolderLock>>,
}

impl Store {
    /// Opens a folder to write the parts that are missing: a new one, or one that the same call has begun.
    ///
    /// Every part that is there is read and compared with its checksum; those that differ are removed, told by
    /// [`damaged`](Self::damaged), and missing. O(bytes).
    ///
    /// # Errors
    /// [`Data`](Error::Data) where the folder holds anything else, another call's parts, or is being written;
    /// [`Io`](Error::Io); [`Cancelled`](Error::Cancelled).
    pub fn create(folder: &Path, manifest: Manifest, tick: &mut Tick<'_>) -> Result<Self> {
        if folder.is_file() {
            return Err(Error::data(folder, "must be a folder, got a file"));
        }
        std::fs::create_dir_all(folder).map_err(|source| Error::io(folder, source))?;
        let has_manifest = |names: &[String]| names.iter().any(|name| name == manifest::NAME);
        let names = files::names(folder)?;
        if let Some(other) = names.iter().find(|name| !files::is_own(name))
            && !has_manifest(&names)
        {
            let hint = "hint: give a new folder, an empty one, or one of stored candidates";
            let message = format!("must hold stored candidates or nothing, got `{other}`\n{hint}");
            return Err(Error::data(folder, message));
        }
        let lock = FolderLock::new(folder)?;
        files::remove_leftovers(folder)?;
        let manifest = if has_manifest(&files::names(folder)?) {
            let begun = Manifest::read(folder)?;
            if begun != manifest && listed(folder, &begun)?.is_empty() {
                // A call that was refused before its first part is no reason to refuse the mended one.
                manifest.write(folder)?;
                manifest
            } else {
                begun.check_same(&manifest, folder)?;
                begun
            }
        } else {
            manifest.write(folder)?;
            manifest
        };
        let mut store = Self {
            parts: Mutex::new(listed(folder, &manifest)?),
            folder: folder.into(),
            manifest,
            damaged: Vec::new(),
            lock: Mutex::new(Some(lock)),
        };
        store.remove_damaged(tick)?;
        Ok(store)
    }

    /// Opens a folder to read it, finished or not.
    ///
    /// # Errors
    /// [`Data`](Error::Data) where it holds no stored candidates, [`Io`](Error::Io).
    pub fn open(folder: &Path) -> Result<Self> {
        let manifest = Manifest::read(folder)?;
        Ok(Self {
            parts: Mutex::new(listed(folder, &manifest)?),
            folder: folder.into(),
            manifest,
            damaged: Vec::new(),
            lock: Mutex::new(None),
        })
    }

    /// What the parts are of.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The parts that did not match their checksums, and were removed.
    pub fn damaged(&self) -> &[PathBuf] {
        &self.damaged
    }

    /// The parts that are not there, in order.
    pub fn missing(&self) -> Vec<u32> {
        let parts = self.parts();
        let missing = (0..self.manifest.parts()).filter(|part| !parts.contains_key(part));
        missing.collect()
    }

    /// The queries of a part.
    ///
    /// # Errors
    /// [`Argument`](Error::Argument) where there is no such part.
    pub fn rows(&self, part: u32) -> Result<Range<u32>> {
        let parts = self.manifest.parts();
        if part >= parts {
            return Err(Error::argument("part", format!("be below {parts}"), part));
        }
        Ok(self.manifest.rows(part))
    }

    /// Writes a part: it is there, whole, when this returns. O(values).
    ///
    /// # Errors
    /// [`Argument`](Error::Argument) where the store was opened to be read or a column does not fit the part;
    /// [`Io`](Error::Io), as on a full disk: nothing of the part stays; [`Cancelled`](Error::Cancelled).
    pub fn write(&self, part: u32, columns: &[Column], tick: &mut Tick<'_>) -> Result<()> {
        let rows = self.rows(part)?;
        if guard(&self.lock).is_none() {
            return Err(Error::argument("store", "be opened for writing", "reading"));
        }
        let refused = |source| files::refused(&self.folder, source);
        let aside = Aside::new(&self.folder, &format!("part-{part:05}"))?;
        let aside =
            part::write(aside, rows, columns, tick).map_err(|fault| fault.into_error(refused))?;
        let checksum = aside.checksum();
        aside.publish(&self.folder, &name(part, checksum))?;
        self.parts().insert(part, checksum);
        Ok(())
    }

    /// Reads a part: the columns of these names, or all, in the order in which they were written. O(bytes).
    ///
    /// # Errors
    /// [`Data`](Error::Data) where the part is missing, does not match its checksum, or has no such column;
    /// [`Argument`](Error::Argument), [`Io`](Error::Io), [`Cancelled`](Error::Cancelled).
    pub fn read(
        &self,
        part: u32,
        names: Option<&[&str]>,
        tick: &mut Tick<'_>,
    ) -> Result<Vec<Column>> {
        let rows = self.rows(part)?;
        let Some(checksum) = self.parts().get(&part).copied() else {
            let (missing, parts) = (self.missing().len(), self.manifest.parts());
            let hint = "hint: make the call that began it again; it makes what is missing";
            let message =
                format!("must be finished, got {missing} of {parts} parts missing\n{hint}");
            return Err(Error::data(&self.folder, message));
        };
        let path = self.folder.join(name(part, checksum));
        let total = files::size_of(&path);
        if files::checksum_of(&path, &mut 0, total, tick)? != checksum {
            let hint = "hint: make the call that began it again; it makes this part anew";
            let message = format!("must match the checksum in its name: it was changed\n{hint}");
            return Err(Error::data(&path, message));
        }
        part::read(&path, &rows, names, tick)
    }

    /// Statistics of a column of float32, all queries together, in the memory of one part. O(bytes).
    ///
    /// # Errors
    /// As [`read`](Self::read); [`Argument`](Error::Argument) where the column holds other numbers.
    pub fn statistics(&self, name: &str, tick: &mut Tick<'_>) -> Result<Statistics> {
        let parts = u64::from(self.manifest.parts());
        let mut first = statistics::First::new();
        self.visit(name, (0, 2 * parts), tick, &mut |numbers| {
            first.take(numbers);
        })?;
        let mut second = first.next();
        self.visit(name, (parts, 2 * parts), tick, &mut |numbers| {
            second.take(numbers);
        })?;
        tick.at(2 * parts, 2 * parts)?;
        Ok(second.finish())
    }

    /// How many queries have fewer than `wanted` values in a column of lists. O(bytes).
    ///
    /// # Errors
    /// As [`read`](Self::read); [`Argument`](Error::Argument) where the column holds no lists.
    pub fn num_short(&self, name: &str, wanted: u64, tick: &mut Tick<'_>) -> Result<u64> {
        let parts = self.manifest.parts();
        let mut short = 0;
        for part in 0..parts {
            tick.at(part.into(), parts.into())?;
            let columns = self.read(part, Some(&[name]), &mut Tick::silent())?;
            let Some(offsets) = columns.into_iter().find_map(|column| column.offsets) else {
                return Err(Error::argument(name, "hold lists", "one value a query"));
            };
            let lists = offsets.windows(2);
            short += lists.filter(|cut| cut[1] - cut[0] < wanted).count() as u64;
        }
        tick.at(parts.into(), parts.into())?;
        Ok(short)
    }

    /// Lets others write in the folder; this store can be read only from now on.
    pub fn close(&self) {
        *guard(&self.lock) = None;
    }

    fn parts(&self) -> MutexGuard<'_, BTreeMap<u32, u64>> {
        guard(&self.parts)
    }

    /// Shows `take` all numbers of a column, part after part; `done` of `total` units come before them.
    fn visit(
        &self,
        name: &str,
        (done, total): (u64, u64),
        tick: &mut Tick<'_>,
        take: &mut dyn FnMut(&[f32]),
    ) -> Result<()> {
        for part in 0..self.manifest.parts() {
            tick.at(done + u64::from(part), total)?;
            for column in self.read(part, Some(&[name]), &mut Tick::silent())? {
                let Values::F32(numbers) = &column.values else {
                    return Err(Error::argument(name, "hold float32", "other numbers"));
                };
                take(numbers);
            }
        }
        Ok(())
    }

    /// Removes the parts that do not match their checksums.
    fn remove_damaged(&mut self, tick: &mut Tick<'_>) -> Result<()> {
        let parts = self.parts().clone();
        let path = |(&part, &checksum): (&u32, &u64)| self.folder.join(name(part, checksum));
        let paths: Vec<_> = parts.iter().map(path).collect();
        let (mut read, total) = (0, paths.iter().map(|path| files::size_of(path)).sum());
        for ((part, checksum), path) in parts.into_iter().zip(paths) {
            if files::checksum_of(&path, &mut read, total, tick)? != checksum {
                files::remove(&path)?;
                self.parts().remove(&part);
                self.damaged.push(path);
            }
        }
        tick.at(total, total)
    }
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The name of a part with that checksum.
fn name(part: u32, checksum: u64) -> String {
    format!("part-{part:05}-{checksum:016x}.parquet")
}

/// The parts in a folder.
fn listed(folder: &Path, manifest: &Manifest) -> Result<BTreeMap<u32, u64>> {
    let mut parts = BTreeMap::new();
    for found in files::names(folder)? {
        let digits = found.strip_prefix("part-");
        let digits = digits.and_then(|digits| digits.strip_suffix(".parquet"));
        let Some((part, checksum)) = digits.and_then(|digits| digits.split_once('-')) else {
            continue;
        };
        let Some((part, checksum)) = part
            .parse()
            .ok()
            .zip(u64::from_str_radix(checksum, 16).ok())
            .filter(|&(part, checksum)| name(part, checksum) == found)
        else {
            continue;
        };
        let rule = if part >= manifest.parts() {
            format!("be one of {} parts, got `{found}`", manifest.parts())
        } else if let Some(other) = parts.insert(part, checksum) {
            format!(
                "hold each part once, got `{found}` and `{}`",
                name(part, other)
            )
        } else {
            continue;
        };
        let hint = "hint: remove the file that is not of this folder";
        return Err(Error::data(folder, format!("must {rule}\n{hint}")));
    }
    Ok(parts)
}
