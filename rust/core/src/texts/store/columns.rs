//! The columns of a store, while they are written.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::{hash_of, npy};
use crate::error::{Error, Result};
use crate::files::refused;
use crate::texts::BLOCK;
use crate::tick::Tick;

/// A column that was written beside a store, as arrays of ids and offsets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredColumn {
    /// The rows.
    pub rows: u64,
    /// The texts, more or fewer than rows where the column has lists.
    pub ids: u64,
    /// Whether it has lists.
    pub is_ragged: bool,
    /// The hashes of its blocks of texts, which its fingerprint is made of.
    pub block_hashes: Vec<u64>,
    /// The checksum of the file of ids.
    pub ids_checksum: u64,
    /// The checksum of the file of offsets, where it has lists.
    pub offsets_checksum: Option<u64>,
}

/// Hashes of blocks of texts, as they come.
#[derive(Debug, Default)]
pub(super) struct BlockHashes {
    pending: Vec<u64>,
    blocks: Vec<u64>,
}

impl BlockHashes {
    pub(super) fn push(&mut self, hash: u64) {
        self.pending.push(hash);
        if self.pending.len() == BLOCK {
            self.blocks.push(hash_of(&self.pending));
            self.pending.clear();
        }
    }

    /// Those of the blocks so far, the last one as it is.
    pub(super) fn blocks(&self) -> Vec<u64> {
        let last = (!self.pending.is_empty()).then(|| hash_of(&self.pending));
        self.blocks.iter().copied().chain(last).collect()
    }
}

/// A column while it is written: ids as they are at first, and where lists end.
#[derive(Debug)]
pub(super) struct Writing {
    pub(super) name: String,
    ids: BufWriter<File>,
    pub(super) ids_path: PathBuf,
    ends: BufWriter<File>,
    ends_path: PathBuf,
    pub(super) num_ids: u64,
    is_ragged: Option<bool>,
    hashes: BlockHashes,
}

impl Writing {
    pub(super) fn new(folder: &Path, at: usize, name: &str) -> Result<Self> {
        let aside = |kind: &str| {
            let path = folder.join(format!(".{kind}-{at}.aside"));
            let file = File::create(&path).map_err(|source| refused(folder, source))?;
            Ok((BufWriter::new(file), path))
        };
        let ((ids, ids_path), (ends, ends_path)) = (aside("ids")?, aside("ends")?);
        Ok(Self {
            name: name.into(),
            ids,
            ids_path,
            ends,
            ends_path,
            num_ids: 0,
            is_ragged: None,
            hashes: BlockHashes::default(),
        })
    }

    /// Notes the lists of further rows; returns how many rows there are.
    pub(super) fn push_rows(&mut self, texts: usize, offsets: Option<&[i64]>) -> Result<u64> {
        let is_ragged = offsets.is_some();
        if *self.is_ragged.get_or_insert(is_ragged) != is_ragged {
            let kinds = ["a column of strings", "a column of lists of strings"];
            let [expected, got] = if is_ragged {
                kinds
            } else {
                [kinds[1], kinds[0]]
            };
            return Err(Error::shape(
                &self.name,
                format!("{expected} as before"),
                got,
            ));
        }
        let Some(offsets) = offsets else {
            return Ok(texts as u64);
        };
        let before = i64::try_from(self.num_ids).unwrap_or(i64::MAX);
        for cut in &offsets[1..] {
            let end = (before + cut).to_le_bytes();
            self.ends
                .write_all(&end)
                .map_err(|source| Error::io(&self.ends_path, source))?;
        }
        Ok(offsets.len() as u64 - 1)
    }

    pub(super) fn push_ids(&mut self, ids: &[u32], hashes: &[Vec<u64>]) -> Result<()> {
        let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
        self.ids
            .write_all(&bytes)
            .map_err(|source| Error::io(&self.ids_path, source))?;
        self.num_ids += ids.len() as u64;
        hashes
            .iter()
            .flatten()
            .for_each(|&hash| self.hashes.push(hash));
        Ok(())
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        let ids = self
            .ids
            .flush()
            .map_err(|source| Error::io(&self.ids_path, source));
        ids.and_then(|()| {
            let ends = self.ends.flush();
            ends.map_err(|source| Error::io(&self.ends_path, source))
        })
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.ids_path);
        let _ = std::fs::remove_file(&self.ends_path);
    }
}

/// Writes a column's arrays: final ids, and offsets.
pub(super) fn store_ids(
    column: &Writing,
    folder: &Path,
    at: usize,
    rows: u64,
    old: u32,
    new_of: &[u32],
    tick: &mut Tick<'_>,
) -> Result<StoredColumn> {
    let is_ragged = column.is_ragged.unwrap_or(false);
    let (ids_name, offsets_name) = (format!("ids-{at}.npy"), format!("offsets-{at}.npy"));
    let final_id = |id: [u8; 4]| {
        let id = u32::from_le_bytes(id);
        let fresh = id.checked_sub(old).and_then(|at| new_of.get(at as usize));
        fresh.copied().unwrap_or(id).to_le_bytes()
    };
    let (ids, offsets) = (
        (folder, ids_name.as_str(), "<u4"),
        (folder, offsets_name.as_str(), "<i8"),
    );
    let ids_checksum = npy::write(ids, &[], &column.ids_path, column.num_ids, tick, final_id)?;
    let mut offsets_checksum = None;
    if is_ragged {
        let same = |end: [u8; 8]| end;
        let found = npy::write(offsets, &[[0; 8]], &column.ends_path, rows, tick, same)?;
        offsets_checksum = Some(found);
    }
    Ok(StoredColumn {
        rows,
        ids: column.num_ids,
        is_ragged,
        ids_checksum,
        offsets_checksum,
        block_hashes: column.hashes.blocks(),
    })
}
