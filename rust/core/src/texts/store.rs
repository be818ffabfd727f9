//! Distinct texts on disk, by id: written once, mapped into memory, shared by all processes that open them.
//!
//! ```text
//! folder/
//!   manifest.json   how many texts, how many bytes, and their fingerprint; written last, by a rename
//!   texts.bytes     the texts in the order of their ids, UTF-8, one after the other
//!   offsets.i64     where each begins, and at last their bytes; little-endian
//!   .lock           empty; locked by the process that writes
//! ```
//!
//! Texts are never changed or removed; more are written behind them, and count once the manifest tells of them. So ids
//! stay, readers need no lock, and a writer that is killed leaves the store as it was: the same call begins anew.

mod build;
mod columns;
mod fresh;
mod growing;
mod known;
mod manifest;
mod npy;
mod numbering;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use arrow_array::{ArrayRef, LargeListArray, LargeStringArray};
use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field};
use twox_hash::XxHash3_64;

pub use build::Builder;
pub use columns::StoredColumn;
pub use numbering::{Chosen, IdsOf, Interned};

use super::{BLOCK, intern};
use crate::error::{Error, Result};
use crate::mapped;
use crate::pool;
use crate::tick::Tick;
use manifest::{Manifest, bytes_of, offsets_of};

/// A folder of distinct texts, opened to be read: nothing is copied, and pages are read when they are looked at.
#[derive(Debug)]
pub struct TextStore {
    folder: PathBuf,
    manifest: Manifest,
    bytes: Buffer,
    offsets: ScalarBuffer<i64>,
    all: OnceLock<LargeStringArray>,
}

impl TextStore {
    /// Opens a finished store. O(1): the sizes of its files are checked, their content where it is looked at.
    ///
    /// # Errors
    /// [`Data`](Error::Data) where the folder holds no store, or one that was cut short; [`Io`](Error::Io).
    pub fn open(folder: &Path) -> Result<Self> {
        let manifest = Manifest::read(folder)?;
        let (bytes_path, offsets_path) = (bytes_of(folder), offsets_of(folder));
        let bytes = mapped::file(&bytes_path, manifest.bytes)?;
        let count = u64::from(manifest.texts) + 1;
        let offsets = ScalarBuffer::from(mapped::file(&offsets_path, 8 * count)?);
        let ends = (offsets.first().copied(), offsets.last().copied());
        if ends != (Some(0), i64::try_from(manifest.bytes).ok()) {
            let message = format!(
                "must begin at 0 and end at {}, got {ends:?}",
                manifest.bytes
            );
            return Err(Error::data(&offsets_path, message));
        }
        Ok(Self {
            folder: folder.into(),
            manifest,
            bytes,
            offsets,
            all: OnceLock::new(),
        })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The number of texts.
    pub fn len(&self) -> usize {
        self.manifest.texts as usize
    }

    /// Whether there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of all texts.
    pub fn num_bytes(&self) -> u64 {
        self.manifest.bytes
    }

    /// 64 bits of the texts in the order of their ids: those that interning them as one column gives.
    pub fn fingerprint(&self) -> u64 {
        self.manifest.fingerprint
    }

    /// The text of an id, `None` past the last.
    ///
    /// # Errors
    /// [`Data`](Error::Data) where the files were changed.
    pub fn get(&self, id: u32) -> Result<Option<&str>> {
        let id = id as usize;
        if id >= self.len() {
            return Ok(None);
        }
        let (start, end) = (self.offsets[id], self.offsets[id + 1]);
        mapped::text(&self.bytes, start, end, &bytes_of(&self.folder)).map(Some)
    }

    /// All texts in the order of their ids, as one Arrow array over the mapped bytes; each is checked the first time. O(bytes)
    /// then, O(1) later.
    ///
    /// # Errors
    /// [`Data`](Error::Data) where the files were changed, [`Cancelled`](Error::Cancelled).
    pub fn distinct(&self, threads: usize, tick: &mut Tick<'_>) -> Result<&LargeStringArray> {
        if let Some(all) = self.all.get() {
            return Ok(all);
        }
        let path = bytes_of(&self.folder);
        let all = mapped::strings(&self.bytes, &self.offsets, &path, threads, tick)?;
        Ok(self.all.get_or_init(|| all))
    }

    /// A column of texts by their ids, lists where `offsets` cut them, as views of the mapped bytes. 16 bytes a text.
    ///
    /// # Errors
    /// As [`distinct`](Self::distinct); [`Argument`](Error::Argument) for an id that is not there, or bad offsets.
    pub fn column(
        &self,
        ids: &[u32],
        offsets: Option<&[i64]>,
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<ArrayRef> {
        let views = mapped::views(self.distinct(threads, tick)?, ids)?;
        let Some(offsets) = offsets else {
            return Ok(std::sync::Arc::new(views));
        };
        let is_ascending = offsets.windows(2).all(|cut| cut[0] <= cut[1]);
        if !is_ascending || offsets.first() != Some(&0) {
            return Err(Error::argument("offsets", "ascend from 0", "others"));
        }
        let field = std::sync::Arc::new(Field::new_list_field(DataType::Utf8View, false));
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets.to_vec()));
        let lists = LargeListArray::try_new(field, offsets, std::sync::Arc::new(views), None);
        let lists = lists.map_err(|error| Error::argument("offsets", "cut the ids", error))?;
        Ok(std::sync::Arc::new(lists))
    }

    /// Reads all texts and compares them with the fingerprint. O(bytes).
    ///
    /// # Errors
    /// [`Data`](Error::Data) where the files were changed, [`Cancelled`](Error::Cancelled).
    pub fn verify(&self, threads: usize, tick: &mut Tick<'_>) -> Result<()> {
        let hashes = self.hashes(0..self.len(), threads, tick)?;
        let blocks: Vec<u64> = hashes.iter().map(|hashes| hash_of(hashes)).collect();
        self.check_fingerprint(fingerprint_of_texts(self.len(), &blocks))
    }

    fn check_fingerprint(&self, found: u64) -> Result<()> {
        if found == self.fingerprint() {
            return Ok(());
        }
        let message = "must match the fingerprint of its manifest: it was changed";
        Err(Error::data(&bytes_of(&self.folder), message))
    }

    /// The hashes of some texts, in blocks of the fingerprint, by their ids in order.
    fn hashes(
        &self,
        ids: std::ops::Range<usize>,
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<Vec<Vec<u64>>> {
        pool::map_blocks(threads, ids.len(), BLOCK, tick, |block| {
            block.map(|at| self.hash(ids.start + at)).collect()
        })
    }

    fn hash(&self, id: usize) -> Result<u64> {
        let id = u32::try_from(id).unwrap_or(u32::MAX);
        let text = self.get(id)?.ok_or_else(|| {
            let rule = format!("be below {}", self.len());
            Error::argument("ids", rule, id)
        })?;
        Ok(XxHash3_64::oneshot(text.as_bytes()))
    }
}

/// The hash of a block of hashes.
fn hash_of(hashes: &[u64]) -> u64 {
    let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect();
    XxHash3_64::oneshot(&bytes)
}

/// The fingerprint of one column of texts with these block hashes.
fn fingerprint_of_texts(texts: usize, blocks: &[u64]) -> u64 {
    intern::fingerprint(std::iter::once((texts, blocks, None)))
}
