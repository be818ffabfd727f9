//! What every sampler answers, and how rows are cut into batches.

use std::hash::Hasher as _;

use twox_hash::XxHash3_64;

use crate::error::{Error, Result};
use crate::view::check_rows;

/// How many rows make a batch, for how many ranks, and what becomes of the last rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batching {
    batch_size: usize,
    num_replicas: usize,
    drop_last: bool,
}

impl Batching {
    /// Batches of `batch_size` rows for each of `num_replicas` ranks; together they are a global batch.
    ///
    /// With `drop_last` every batch is full, else the last ones may be smaller, but never empty.
    ///
    /// # Errors
    /// [`Error::Argument`] where a number is zero or a global batch has more than 2^31 rows.
    pub fn new(batch_size: usize, num_replicas: usize, drop_last: bool) -> Result<Self> {
        for (name, value) in [("batch_size", batch_size), ("num_replicas", num_replicas)] {
            if value == 0 {
                return Err(Error::argument(name, "be at least 1", value));
            }
        }
        if batch_size
            .checked_mul(num_replicas)
            .is_none_or(|rows| rows > 1 << 31)
        {
            let got = format!("{batch_size} for each of {num_replicas} ranks");
            return Err(Error::argument(
                "batch_size",
                "give at most 2^31 rows a step",
                got,
            ));
        }
        Ok(Self {
            batch_size,
            num_replicas,
            drop_last,
        })
    }

    /// The rows of a global batch.
    pub(super) fn whole(&self) -> usize {
        self.batch_size * self.num_replicas
    }

    /// The rows that a global batch must have.
    pub(super) fn least(&self) -> usize {
        if self.drop_last {
            self.whole()
        } else {
            self.num_replicas
        }
    }

    pub(super) fn num_replicas(&self) -> usize {
        self.num_replicas
    }

    pub(super) fn drop_last(&self) -> bool {
        self.drop_last
    }

    /// The most global batches that `rows` rows can make, each with the least it must have.
    pub(super) fn most(&self, rows: usize) -> usize {
        rows / self.least()
    }

    /// The fewest global batches that hold `rows` rows; all full ones where the last is dropped.
    pub(super) fn fewest(&self, rows: usize) -> usize {
        if self.drop_last {
            rows / self.whole()
        } else {
            rows.div_ceil(self.whole()).min(self.most(rows))
        }
    }

    /// The number of global batches of `rows` rows that may meet in any batch.
    ///
    /// # Errors
    /// [`Error::Argument`] where that is none, [`Error::TooMany`] past `u32` rows.
    pub fn num_batches(&self, rows: usize) -> Result<usize> {
        check_rows("dataset", rows)?;
        if self.most(rows) > 0 {
            return Ok(self.fewest(rows));
        }
        let rule = format!("have at least {} rows for one step", self.least());
        let hint = "\nhint: take a smaller `batch_size` or `drop_last=False`";
        let hint = if self.drop_last && rows > 0 { hint } else { "" };
        Err(Error::argument("dataset", rule, format!("{rows}{hint}")))
    }

    /// The rows of each of `batches` global batches.
    ///
    /// All are full but the last; where there are more batches than `rows` needs, their sizes differ by one at most.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a global batch has at most 2^31 rows"
    )]
    pub(super) fn sizes(&self, rows: usize, batches: usize) -> Vec<u32> {
        let whole = self.whole();
        if self.drop_last || batches == 0 {
            return vec![whole as u32; batches];
        }
        if batches > rows.div_ceil(whole) {
            let (size, larger) = (rows / batches, rows % batches);
            return (0..batches)
                .map(|batch| (size + usize::from(batch < larger)) as u32)
                .collect();
        }
        let mut sizes = vec![whole as u32; batches];
        let before = (batches - 1) * whole;
        let last = rows.saturating_sub(before).min(whole);
        sizes[batches - 1] = last as u32;
        // Every rank needs a row of the last batch; the one before it can spare some.
        if last < self.num_replicas && batches > 1 {
            sizes[batches - 1] = self.num_replicas as u32;
            sizes[batches - 2] -= (self.num_replicas - last) as u32;
        }
        sizes
    }
}

/// All batches of an epoch.
///
/// Batch `k` is `rows[offsets[k]..offsets[k + 1]]`. Rank `r` of `W` reads the batches `r, r + W, r + 2W, ...`; the `W`
/// batches of a step together are a global batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Row numbers, batch after batch.
    pub rows: Vec<u32>,
    /// Where each batch begins, and at last the number of rows.
    pub offsets: Vec<u64>,
    /// What the order was drawn from.
    pub seed: u64,
    /// What the order was drawn from.
    pub epoch: u64,
    /// 64 bits of rows and offsets.
    pub fingerprint: u64,
    /// How the data was used.
    pub report: Report,
}

/// How a plan uses the rows of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Rows that are in a batch.
    pub used: u64,
    /// Places that are filled with a row for a second time.
    pub repeated: u64,
    /// Rows in no batch because too few were left for one more.
    pub tail: u64,
    /// Rows in no batch because each would have shared a text with another row of it.
    pub conflicts: u64,
}

impl Report {
    /// Rows in no batch.
    pub fn left_out(&self) -> u64 {
        self.tail + self.conflicts
    }

    /// The report on `used` of `total` rows in `places` places.
    pub(super) fn new(batching: Batching, total: usize, used: usize, places: usize) -> Self {
        let left_out = total - used;
        let room = batching.fewest(total) * batching.whole();
        let tail = left_out.min(total.saturating_sub(room));
        Self {
            used: used as u64,
            repeated: (places - used) as u64,
            tail: tail as u64,
            conflicts: (left_out - tail) as u64,
        }
    }
}

impl Plan {
    /// A plan of global batches that lie one after the other in `rows`, dealt to the ranks in equal parts.
    pub(super) fn new(
        rows: Vec<u32>,
        sizes: &[u32],
        batching: Batching,
        seed: u64,
        epoch: u64,
        report: Report,
    ) -> Self {
        let ranks = batching.num_replicas as u64;
        let mut offsets = Vec::with_capacity(sizes.len() * batching.num_replicas + 1);
        offsets.push(0);
        let mut start = 0;
        for &size in sizes {
            offsets.extend((1..=ranks).map(|rank| start + u64::from(size) * rank / ranks));
            start += u64::from(size);
        }
        Self {
            fingerprint: fingerprint(&rows, &offsets),
            rows,
            offsets,
            seed,
            epoch,
            report,
        }
    }

    /// The rows of a batch, `None` past the last.
    pub fn batch(&self, batch: usize) -> Option<&[u32]> {
        let place = |at: usize| usize::try_from(*self.offsets.get(at)?).ok();
        self.rows.get(place(batch)?..place(batch + 1)?)
    }

    /// The number of batches of all ranks.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there is no batch at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn fingerprint(rows: &[u32], offsets: &[u64]) -> u64 {
    let mut hasher = XxHash3_64::new();
    let mut bytes = [0; 1 << 13];
    hasher.write(&(rows.len() as u64).to_le_bytes());
    for chunk in rows.chunks(bytes.len() / 4) {
        for (bytes, row) in bytes.chunks_exact_mut(4).zip(chunk) {
            bytes.copy_from_slice(&row.to_le_bytes());
        }
        hasher.write(&bytes[..chunk.len() * 4]);
    }
    for chunk in offsets.chunks(bytes.len() / 8) {
        for (bytes, offset) in bytes.chunks_exact_mut(8).zip(chunk) {
            bytes.copy_from_slice(&offset.to_le_bytes());
        }
        hasher.write(&bytes[..chunk.len() * 8]);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(rows: usize, whole: (usize, usize), drop_last: bool, batches: usize) -> Vec<u32> {
        Batching::new(whole.0, whole.1, drop_last)
            .map(|batching| batching.sizes(rows, batches))
            .unwrap_or_default()
    }

    #[test]
    fn sizes_hold_all_rows_and_give_every_rank_one() {
        assert_eq!(sizes(10, (4, 1), false, 3), [4, 4, 2]);
        assert_eq!(sizes(10, (4, 1), true, 2), [4, 4]);
        assert_eq!(sizes(10, (4, 1), false, 4), [3, 3, 2, 2]);
        assert_eq!(sizes(9, (2, 2), false, 3), [4, 3, 2]);
        assert_eq!(sizes(3, (4, 1), false, 1), [3]);
        assert_eq!(sizes(8, (4, 1), false, 2), [4, 4]);
    }

    #[test]
    fn ranks_share_a_batch_and_seek_is_a_slice() -> Result<()> {
        let batching = Batching::new(2, 2, false)?;
        let plan = Plan::new((0..7).collect(), &[4, 3], batching, 0, 0, Report::default());
        let batches: Vec<_> = (0..5).map(|batch| plan.batch(batch)).collect();
        assert_eq!(
            batches,
            [
                Some(&[0, 1][..]),
                Some(&[2, 3]),
                Some(&[4]),
                Some(&[5, 6]),
                None
            ]
        );
        assert_eq!((plan.len(), plan.is_empty()), (4, false));
        Ok(())
    }

    #[test]
    fn fingerprints_see_rows_and_cuts() {
        assert_ne!(fingerprint(&[1, 2], &[0, 2]), fingerprint(&[2, 1], &[0, 2]));
        assert_ne!(
            fingerprint(&[1, 2], &[0, 2]),
            fingerprint(&[1, 2], &[0, 1, 2])
        );
    }

    #[test]
    fn senseless_batchings_are_refused() {
        let refused = |size, ranks| {
            Batching::new(size, ranks, false)
                .err()
                .map(|e| e.to_string())
        };
        assert_eq!(
            refused(0, 1),
            Some("`batch_size` must be at least 1, got 0".into())
        );
        assert_eq!(
            refused(1, 0),
            Some("`num_replicas` must be at least 1, got 0".into())
        );
        assert!(refused(usize::MAX, 2).is_some());
    }
}
