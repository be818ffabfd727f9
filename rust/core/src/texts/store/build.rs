//! A store from a stream of columns: texts are written as they come, and only hashes and ids are held.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::columns::{BlockHashes, StoredColumn, Writing, store_ids};
use super::fresh::{Fresh, order_of, put_in_order};
use super::known::{self, Known};
use super::manifest::{Manifest, offsets_of};
use super::{TextStore, fingerprint_of_texts};
use crate::error::{Error, Result};
use crate::files::{self, FolderLock, refused};
use crate::pool;
use crate::texts::column::Cells;
use crate::texts::{Column, intern};
use crate::tick::Tick;

/// Cells that are numbered together; all threads work on them.
const GROUP: usize = 1 << 18;
/// One id is kept as a marker, and those of a group are counted before it is known how many are new.
const MAX_TEXTS: u64 = u32::MAX as u64 - 1 - GROUP as u64;

/// Writes a store, or more texts behind those of one. Nothing counts before [`finish`](Self::finish).
///
/// Memory is 10 to 20 bytes a distinct text, the columns that are given at once, and a few megabytes.
#[derive(Debug)]
pub struct Builder {
    folder: PathBuf,
    ids_folder: Option<PathBuf>,
    _lock: FolderLock,
    old: Option<TextStore>,
    known: Known,
    fresh: Fresh,
    /// Of the store's texts, as far as their ids are final: all but the fresh ones of several columns.
    texts: BlockHashes,
    columns: Vec<Writing>,
    /// Whether ids are written at all.
    keeps_ids: bool,
    rows: u64,
}

impl Builder {
    /// Begins a store in a folder that is new, empty, or has what a stopped build left.
    ///
    /// `columns` are the names of the columns that will come, and `ids_folder` is where their ids go at last, `None` for
    /// nowhere.
    ///
    /// # Errors
    /// [`Data`](Error::Data) where the folder holds a store or anything else, or is being written; [`Io`](Error::Io).
    pub fn create(folder: &Path, columns: &[String], ids_folder: Option<&Path>) -> Result<Self> {
        if folder.is_file() {
            return Err(Error::data(folder, "must be a folder, got a file"));
        }
        std::fs::create_dir_all(folder).map_err(|source| Error::io(folder, source))?;
        Manifest::check_absent(folder)?;
        let lock = FolderLock::new(folder)?;
        // Another writer may have finished in between.
        Manifest::check_absent(folder)?;
        files::remove_leftovers(folder)?;
        let path = offsets_of(folder);
        std::fs::write(&path, [0; 8]).map_err(|source| refused(folder, source))?;
        Self::new(folder, columns, ids_folder, lock, None)
    }

    /// Begins to write further texts behind those of a store, which are read once. O(bytes).
    ///
    /// # Errors
    /// [`Data`](Error::Data) where the folder holds no store, or one that was changed, or is being written;
    /// [`Io`](Error::Io); [`Cancelled`](Error::Cancelled).
    pub fn append(
        folder: &Path,
        columns: &[String],
        ids_folder: Option<&Path>,
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<Self> {
        TextStore::open(folder)?;
        let lock = FolderLock::new(folder)?;
        let old = TextStore::open(folder)?;
        files::remove_leftovers(folder)?;
        let (mut known, mut texts) = (Known::new(), BlockHashes::default());
        let total = old.len() as u64;
        for group in pool::blocks(old.len(), GROUP) {
            tick.at(group.start as u64, total)?;
            let hashes = old.hashes(group, threads, &mut Tick::silent())?;
            hashes.iter().flatten().for_each(|&hash| texts.push(hash));
            known.extend(&hashes, threads, &mut Tick::silent())?;
        }
        old.check_fingerprint(fingerprint_of_texts(old.len(), &texts.blocks()))?;
        let mut builder = Self::new(folder, columns, ids_folder, lock, Some(old))?;
        (builder.known, builder.texts) = (known, texts);
        Ok(builder)
    }

    fn new(
        folder: &Path,
        columns: &[String],
        ids_folder: Option<&Path>,
        lock: FolderLock,
        old: Option<TextStore>,
    ) -> Result<Self> {
        let ids_at = ids_folder.unwrap_or(folder);
        let names = columns.iter().enumerate();
        let writing = names.map(|(at, name)| Writing::new(ids_at, at, name));
        // The texts of one column come in the order of their ids, those of several are put into it at last.
        let is_aside = columns.len() > 1;
        let fresh = Fresh::new(folder, old.as_ref(), is_aside)?;
        Ok(Self {
            columns: writing.collect::<Result<_>>()?,
            folder: folder.into(),
            ids_folder: ids_folder.map(Into::into),
            keeps_ids: is_aside || ids_folder.is_some(),
            _lock: lock,
            old,
            known: Known::new(),
            fresh,
            texts: BlockHashes::default(),
            rows: 0,
        })
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Takes further rows of all columns, in the order of their names.
    ///
    /// # Errors
    /// As [`Texts::intern`](crate::texts::Texts::intern), with rows counted from the first that came;
    /// [`Io`](Error::Io), as on a full disk.
    pub fn push(
        &mut self,
        columns: Vec<Column>,
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<()> {
        let (cells, ragged) = Cells::new(columns).map_err(|error| self.at_row(error))?;
        let mut rows = None;
        let parts: Vec<Range<usize>> = cells.columns().collect();
        if parts.len() != self.columns.len() {
            let rule = format!("be the {} that were named", self.columns.len());
            return Err(Error::argument("columns", rule, parts.len()));
        }
        for ((writing, part), offsets) in self.columns.iter_mut().zip(&parts).zip(&ragged) {
            let found = writing.push_rows(part.len(), offsets.as_deref())?;
            if *rows.get_or_insert(found) != found {
                let rule = format!("have {} rows as the others", rows.unwrap_or(0));
                return Err(Error::argument(&writing.name, rule, found));
            }
        }
        let total = cells.len() as u64;
        for (at, part) in parts.into_iter().enumerate() {
            for group in pool::blocks(part.len(), GROUP) {
                tick.at((part.start + group.start) as u64, total)?;
                let group = part.start + group.start..part.start + group.end;
                let (ids, hashes) = self.number(&cells, group, threads)?;
                if self.keeps_ids {
                    self.columns[at].push_ids(&ids, &hashes)?;
                }
            }
        }
        self.rows += rows.unwrap_or(0);
        tick.at(total, total)
    }

    fn at_row(&self, mut error: Error) -> Error {
        if let Error::Row { row, .. } = &mut error {
            *row += usize::try_from(self.rows).unwrap_or(0);
        }
        error
    }

    /// Gives a group of cells their ids, and writes the texts that are new.
    fn number(
        &mut self,
        cells: &Cells,
        group: Range<usize>,
        threads: usize,
    ) -> Result<(Vec<u32>, Vec<Vec<u64>>)> {
        let silent = &mut Tick::silent();
        let count = u64::from(self.known.len()) + group.len() as u64;
        if count > MAX_TEXTS + GROUP as u64 {
            return Err(Error::TooMany {
                name: "texts".into(),
                what: "different texts".into(),
                limit: MAX_TEXTS,
                got: count,
            });
        }
        let hashes = pool::map_blocks(threads, group.len(), known::BLOCK, silent, |block| {
            let mut hashes = Vec::with_capacity(block.len());
            let part = group.start + block.start..group.start + block.end;
            intern::hash_cells(cells, part, &mut hashes);
            Ok(hashes)
        })?;
        let text = |at: usize| cells.text(u32::try_from(group.start + at).unwrap_or(u32::MAX));
        let (old, fresh) = (self.old.as_ref(), &self.fresh);
        let num_old = old.map_or(0, TextStore::len) as u64;
        let is_text = |id: u32, cell: usize| {
            let Some(at) = u64::from(id).checked_sub(num_old) else {
                let known = old.and_then(|old| old.get(id).ok().flatten());
                return known == Some(text(cell));
            };
            let (start, end) = fresh.range(u32::try_from(at).unwrap_or(u32::MAX));
            fresh.bytes.holds(start, end, text(cell).as_bytes())
        };
        let are_equal = |one: usize, other: usize| text(one) == text(other);
        let (ids, firsts) = self
            .known
            .number(&hashes, threads, silent, is_text, are_equal)?;
        for cell in firsts {
            let text = text(cell).as_bytes();
            self.fresh.push(text)?;
            if !self.fresh.is_aside {
                let [block, at] = [cell / known::BLOCK, cell % known::BLOCK];
                self.texts.push(hashes[block][at]);
            }
        }
        self.fresh.show()?;
        Ok((ids, hashes))
    }

    /// Writes what is left, and lets the texts count.
    ///
    /// # Errors
    /// [`Io`](Error::Io), as on a full disk: the store is as it was; [`Cancelled`](Error::Cancelled).
    pub fn finish(mut self, tick: &mut Tick<'_>) -> Result<(TextStore, Vec<StoredColumn>)> {
        self.known = Known::new();
        self.columns.iter_mut().try_for_each(Writing::flush)?;
        let num_old = self.old.as_ref().map_or(0, TextStore::len);
        let count = self.fresh.count;
        let num_bytes = self.old.as_ref().map_or(0, TextStore::num_bytes) + self.fresh.bytes.len();
        let Self {
            folder,
            columns,
            fresh,
            mut texts,
            ..
        } = self;
        let old = u32::try_from(num_old).unwrap_or(u32::MAX);
        let new_of = if fresh.is_aside {
            let (new_of, order) = order_of(&columns, old, count, tick)?;
            put_in_order(&folder, fresh, &order, self.old.as_ref(), &mut texts, tick)?;
            new_of
        } else {
            fresh.bytes.finish()?;
            fresh.ends.finish()?;
            Vec::new()
        };
        let stored = match &self.ids_folder {
            Some(ids_folder) => {
                let columns = columns.iter().enumerate();
                let stored = columns.map(|(at, column)| {
                    store_ids(column, ids_folder, at, self.rows, old, &new_of, tick)
                });
                stored.collect::<Result<_>>()?
            }
            None => Vec::new(),
        };
        let total = num_old + count as usize;
        Manifest {
            texts: old + count,
            bytes: num_bytes,
            fingerprint: fingerprint_of_texts(total, &texts.blocks()),
        }
        .write(&folder)?;
        Ok((TextStore::open(&folder)?, stored))
    }
}
