//! The texts that a store had not, while it is written.

use std::hash::Hasher as _;
use std::path::Path;

use twox_hash::XxHash3_64;

use super::columns::{BlockHashes, Writing};
use super::growing::Growing;
use super::manifest::{bytes_of, offsets_of};
use super::{TextStore, known, npy};
use crate::error::Result;
use crate::files;
use crate::tick::Tick;

const FRESH_BYTES: &str = ".texts.aside";
const FRESH_ENDS: &str = ".offsets.aside";

/// Texts that were not there, in the order in which they came.
#[derive(Debug)]
pub(super) struct Fresh {
    pub(super) bytes: Growing,
    /// Where each text ends.
    pub(super) ends: Growing,
    /// What the first of them begins at.
    base: u64,
    pub(super) count: u32,
    pub(super) is_aside: bool,
}

impl Fresh {
    /// Behind the texts of a store, or aside, where they are not in the order of their ids yet.
    pub(super) fn new(folder: &Path, old: Option<&TextStore>, is_aside: bool) -> Result<Self> {
        let base = old.filter(|_| !is_aside).map_or(0, TextStore::num_bytes);
        let (bytes, ends) = if is_aside {
            let ends = Growing::new(folder.join(FRESH_ENDS), 0)?;
            (Growing::new(folder.join(FRESH_BYTES), 0)?, ends)
        } else {
            let count = old.map_or(0, TextStore::len) as u64;
            let ends = Growing::new(offsets_of(folder), 8 * (count + 1))?;
            (Growing::new(bytes_of(folder), base)?, ends)
        };
        Ok(Self {
            bytes,
            ends,
            base,
            count: 0,
            is_aside,
        })
    }

    pub(super) fn push(&mut self, text: &[u8]) -> Result<()> {
        self.bytes.write(text)?;
        let end = self.base + self.bytes.len();
        self.ends.write(&end.to_le_bytes())?;
        self.count += 1;
        Ok(())
    }

    /// Where a text that can be read lies among these.
    pub(super) fn range(&self, at: u32) -> (u64, u64) {
        let at = u64::from(at);
        let start = if at == 0 {
            self.base
        } else {
            self.ends.number(at - 1)
        };
        (start - self.base, self.ends.number(at) - self.base)
    }

    pub(super) fn show(&mut self) -> Result<()> {
        self.bytes.show()?;
        self.ends.show()
    }
}

/// The final ids of fresh texts, and the fresh texts in their order: column after column.
pub(super) fn order_of(
    columns: &[Writing],
    old: u32,
    count: u32,
    tick: &mut Tick<'_>,
) -> Result<(Vec<u32>, Vec<u32>)> {
    let mut new_of = vec![u32::MAX; count as usize];
    let mut order = Vec::with_capacity(count as usize);
    for column in columns {
        npy::read(
            &column.ids_path,
            column.num_ids,
            tick,
            |ids: &[[u8; 4]]| {
                for at in ids
                    .iter()
                    .filter_map(|id| u32::from_le_bytes(*id).checked_sub(old))
                {
                    let new = &mut new_of[at as usize];
                    if *new == u32::MAX {
                        *new = old + u32::try_from(order.len()).unwrap_or(u32::MAX);
                        order.push(at);
                    }
                }
                Ok(())
            },
        )?;
    }
    Ok((new_of, order))
}

/// Copies fresh texts behind those of the store, in their order.
pub(super) fn put_in_order(
    folder: &Path,
    fresh: Fresh,
    order: &[u32],
    old: Option<&TextStore>,
    hashes: &mut BlockHashes,
    tick: &mut Tick<'_>,
) -> Result<()> {
    let base = old.map_or(0, TextStore::num_bytes);
    let num_old = old.map_or(0, TextStore::len) as u64;
    let mut bytes = Growing::new(bytes_of(folder), base)?;
    let mut offsets = Growing::new(offsets_of(folder), 8 * (num_old + 1))?;
    let total = order.len() as u64;
    for (done, &at) in (0..).zip(order) {
        if done % known::BLOCK as u64 == 0 {
            tick.at(done, total)?;
        }
        let (start, end) = fresh.range(at);
        let mut pieces = fresh.bytes.pieces(start, end);
        let (first, second) = (pieces.next().unwrap_or_default(), pieces.next());
        bytes.write(first)?;
        if second.is_none() {
            hashes.push(XxHash3_64::oneshot(first));
        } else {
            let mut hash = XxHash3_64::new();
            hash.write(first);
            for piece in second.into_iter().chain(pieces) {
                bytes.write(piece)?;
                hash.write(piece);
            }
            hashes.push(hash.finish());
        }
        offsets.write(&(base + bytes.len()).to_le_bytes())?;
    }
    bytes.finish()?;
    offsets.finish()?;
    drop(fresh);
    [FRESH_BYTES, FRESH_ENDS]
        .into_iter()
        .try_for_each(|name| files::remove(&folder.join(name)))
}
