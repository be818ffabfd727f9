//! What every sampler answers, what decides it, and how rows are cut into batches.

use crate::error::{Error, Result};
use crate::fingerprint::Fingerprint;
use crate::key::Key;
use crate::view::check_rows;

/// What decides a plan besides data and options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Draw {
    /// What the user chose.
    pub seed: u64,
    /// How often the data was gone through before.
    pub epoch: u64,
    /// Which of several sources with one seed this is.
    pub stream: u64,
}

impl Draw {
    pub(super) fn key(self) -> Key {
        Key::new(self.seed).fold(self.epoch).fold(self.stream)
    }
}

/// What becomes of the rows that are too few for one more full batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// They are in no batch.
    Drop,
    /// They make a smaller batch.
    Short,
    /// They make a full batch with rows that come a second time.
    Refill,
}

/// How many rows make a batch, for how many ranks, and what becomes of the last rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batching {
    batch_size: usize,
    num_replicas: usize,
    tail: Tail,
}

impl Batching {
    /// Batches of `batch_size` rows for each of `num_replicas` ranks; together they are a global batch.
    ///
    /// Every batch is full, but with [`Tail::Short`] the last ones may be smaller, never empty.
    ///
    /// # Errors
    /// [`Error::Argument`] where a number is zero or a global batch has more than 2^31 rows.
    pub fn new(batch_size: usize, num_replicas: usize, tail: Tail) -> Result<Self> {
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
            tail,
        })
    }

    pub(super) fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// The same with batches of `batch_size` rows.
    pub(super) fn of(self, batch_size: usize) -> Self {
        Self { batch_size, ..self }
    }

    /// The rows of a global batch.
    pub(super) fn whole(&self) -> usize {
        self.batch_size * self.num_replicas
    }

    /// The rows that a global batch must have.
    pub(super) fn least(&self) -> usize {
        if self.tail == Tail::Short {
            self.num_replicas
        } else {
            self.whole()
        }
    }

    pub(super) fn num_replicas(&self) -> usize {
        self.num_replicas
    }

    pub(super) fn tail(&self) -> Tail {
        self.tail
    }

    /// The most global batches that `rows` rows can make, each with the least it must have.
    pub(super) fn most(&self, rows: usize) -> usize {
        rows / self.least()
    }

    /// The fewest global batches that hold `rows` rows; all full ones where the last is dropped.
    pub(super) fn fewest(&self, rows: usize) -> usize {
        match self.tail {
            Tail::Drop => rows / self.whole(),
            Tail::Short => rows.div_ceil(self.whole()).min(self.most(rows)),
            Tail::Refill => rows.div_ceil(self.whole()),
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
        let is_small = self.tail != Tail::Short && rows > 0;
        let hint = if is_small { hint } else { "" };
        Err(Error::argument("dataset", rule, format!("{rows}{hint}")))
    }

    /// The rows of each of `batches` global batches of at most `whole` rows, where there is a row for every place.
    ///
    /// They are full but for the last, or where there are more than needed, differ by one row at most.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a global batch has at most 2^31 rows"
    )]
    pub(super) fn sizes(&self, whole: usize, rows: usize, batches: usize) -> Vec<u32> {
        if self.tail == Tail::Drop || batches == 0 {
            return vec![whole as u32; batches];
        }
        if batches > rows.div_ceil(whole) {
            let (size, larger) = (rows / batches, rows % batches);
            return (0..batches)
                .map(|batch| (size + usize::from(batch < larger)) as u32)
                .collect();
        }
        let mut sizes = vec![whole as u32; batches];
        let last = rows.saturating_sub((batches - 1) * whole).min(whole);
        sizes[batches - 1] = last as u32;
        // Every rank needs a row of the last batch; the one before it can spare some.
        if self.tail == Tail::Short && last < self.num_replicas && batches > 1 {
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
    /// 64 bits of rows and offsets.
    pub fingerprint: u64,
    /// How the data was used.
    pub report: Report,
}

/// Why a row is in no batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Too few were left for one more batch.
    Tail,
    /// It would have met a row that it must not meet.
    Conflicts,
    /// Its class has too few rows.
    SmallClass,
    /// Its class has more rows than the batches may take.
    LargeClass,
    /// Its class's rows do not divide into equal groups.
    OddRows,
    /// The turns of its source ended before it.
    NotReached,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::Tail,
        Self::Conflicts,
        Self::SmallClass,
        Self::LargeClass,
        Self::OddRows,
        Self::NotReached,
    ];

    /// The reason in words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tail => "tail",
            Self::Conflicts => "conflicts",
            Self::SmallClass => "small classes",
            Self::LargeClass => "large classes",
            Self::OddRows => "odd rows",
            Self::NotReached => "not reached",
        }
    }
}

/// How a plan uses the rows of a data set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Rows that are in a batch.
    pub used: u64,
    /// Places that are filled with a row for a second time.
    pub repeated: u64,
    /// Rows in no batch, by reason; no reason twice, none for no row.
    pub why: Vec<(Reason, u64)>,
}

impl Report {
    /// The report on `used` rows in `places` places; reasons of no row are left away.
    pub(super) fn new(used: usize, places: usize, why: &[(Reason, usize)]) -> Self {
        let why = why.iter().filter(|(_, rows)| *rows > 0);
        Self {
            used: used as u64,
            repeated: (places - used) as u64,
            why: why.map(|&(reason, rows)| (reason, rows as u64)).collect(),
        }
    }

    /// The report on rows that are left out where a batch could not be filled, or for conflicts.
    pub(super) fn of_batches(room: usize, total: usize, used: usize, places: usize) -> Self {
        let left_out = total - used;
        let tail = left_out.min(total.saturating_sub(room));
        let why = [(Reason::Tail, tail), (Reason::Conflicts, left_out - tail)];
        Self::new(used, places, &why)
    }

    /// Rows in no batch.
    pub fn left_out(&self) -> u64 {
        self.why.iter().map(|(_, rows)| rows).sum()
    }

    /// Rows in no batch for one reason.
    pub fn because(&self, reason: Reason) -> u64 {
        let found = self.why.iter().find(|(own, _)| *own == reason);
        found.map_or(0, |&(_, rows)| rows)
    }
}

impl Plan {
    /// A plan of batches that end at `offsets` in `rows`, which begin with 0.
    pub(super) fn new(rows: Vec<u32>, offsets: Vec<u64>, report: Report) -> Self {
        let mut fingerprint = Fingerprint::new();
        fingerprint.u32s(&rows);
        fingerprint.u64s(&offsets);
        Self {
            fingerprint: fingerprint.finish(),
            rows,
            offsets,
            report,
        }
    }

    /// A plan of global batches that lie one after the other in `rows`, dealt to the ranks in equal parts.
    pub(super) fn dealt(rows: Vec<u32>, sizes: &[u32], ranks: usize, report: Report) -> Self {
        let ranks = ranks as u64;
        let mut offsets = Vec::with_capacity(sizes.len() * usize::try_from(ranks).unwrap_or(1) + 1);
        offsets.push(0);
        let mut start = 0;
        for &size in sizes {
            offsets.extend((1..=ranks).map(|rank| start + u64::from(size) * rank / ranks));
            start += u64::from(size);
        }
        Self::new(rows, offsets, report)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(rows: usize, whole: (usize, usize), tail: Tail, batches: usize) -> Vec<u32> {
        Batching::new(whole.0, whole.1, tail)
            .map(|batching| batching.sizes(batching.whole(), rows, batches))
            .unwrap_or_default()
    }

    #[test]
    fn sizes_hold_all_rows_and_give_every_rank_one() {
        assert_eq!(sizes(10, (4, 1), Tail::Short, 3), [4, 4, 2]);
        assert_eq!(sizes(10, (4, 1), Tail::Drop, 2), [4, 4]);
        assert_eq!(sizes(10, (4, 1), Tail::Refill, 3), [4, 4, 2]);
        assert_eq!(sizes(10, (4, 1), Tail::Short, 4), [3, 3, 2, 2]);
        assert_eq!(sizes(9, (2, 2), Tail::Short, 3), [4, 3, 2]);
        assert_eq!(sizes(3, (4, 1), Tail::Short, 1), [3]);
        assert_eq!(sizes(8, (4, 1), Tail::Short, 2), [4, 4]);
    }

    #[test]
    fn ranks_share_a_batch_and_seek_is_a_slice() {
        let plan = Plan::dealt((0..7).collect(), &[4, 3], 2, Report::default());
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
    }

    #[test]
    fn fingerprints_see_rows_and_cuts() {
        let print = |rows: &[u32], offsets: &[u64]| {
            Plan::new(rows.to_vec(), offsets.to_vec(), Report::default()).fingerprint
        };
        assert_ne!(print(&[1, 2], &[0, 2]), print(&[2, 1], &[0, 2]));
        assert_ne!(print(&[1, 2], &[0, 2]), print(&[1, 2], &[0, 1, 2]));
    }

    #[test]
    fn reports_count_by_reason() {
        let report = Report::of_batches(8, 10, 5, 8);
        assert_eq!(report.why, [(Reason::Tail, 2), (Reason::Conflicts, 3)]);
        assert_eq!((report.used, report.repeated, report.left_out()), (5, 3, 5));
        assert_eq!(report.because(Reason::Conflicts), 3);
        assert_eq!(report.because(Reason::OddRows), 0);
        assert_eq!(Report::of_batches(8, 8, 8, 8).why, []);
    }

    #[test]
    fn senseless_batchings_are_refused() {
        let refused = |size, ranks| {
            Batching::new(size, ranks, Tail::Short)
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
