//! Triplets and pairs from the class of each row.

use super::classes::{Classes, Labels};
use super::counts::{Counts, Share};
use super::set::Set;
use super::take::{Numbered, Order, Places};
use crate::error::Result;
use crate::tick::Tick;

/// What a tuple of rows is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// An anchor, another row of its class, a row of another class.
    Triplets,
    /// Two rows of one class.
    SamePairs {
        /// Whether (a, b) and (b, a) are two pairs.
        is_ordered: bool,
    },
    /// Rows of two classes.
    DifferentPairs {
        /// Whether (a, b) and (b, a) are two pairs.
        is_ordered: bool,
    },
}

impl Form {
    pub(super) fn width(self) -> usize {
        if self == Self::Triplets { 3 } else { 2 }
    }

    /// Whether rows of a class of `size` rows, of `total` in all, are in a tuple as its anchor or, without order, at all.
    pub(super) fn has_anchors(self, size: u64, total: u64) -> bool {
        match self {
            Self::Triplets => size > 1 && size < total,
            Self::SamePairs { .. } => size > 1,
            Self::DifferentPairs { .. } => 0 < size && size < total,
        }
    }
}

/// What the labels give, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Rows of a class.
    pub rows: u64,
    /// Rows of no class.
    pub noise: u64,
    /// Classes with rows.
    pub classes: u64,
    /// Those of them with one row.
    pub single: u64,
    /// Rows of a class that are the anchor of no tuple; of pairs in no order, rows that are in none.
    pub without_tuples: u64,
    /// Tuples that there are.
    pub all: u128,
    /// Tuples that come once more than another of their class, counted as often.
    pub repeated: u128,
    /// Tuples that never come.
    pub left_out: u128,
}

impl Report {
    pub(super) fn new(classes: &Classes, counts: &Counts) -> Self {
        let rows = classes.sizes().sum();
        Self {
            rows,
            noise: classes.num_noise as u64,
            classes: classes.sizes().filter(|&size| size > 0).count() as u64,
            single: classes.sizes().filter(|&size| size == 1).count() as u64,
            without_tuples: rows - counts.anchors,
            all: counts.all,
            repeated: counts.repeated,
            left_out: counts.all - (counts.total - counts.repeated),
        }
    }
}

/// The triplets or pairs of classes, as an implicit array.
///
/// In their own order they come by class, then by anchor, then by positive, then by negative; rows of a class stand as
/// they come in the data. Where a share is drawn, the anchors of a class take turns.
#[derive(Debug)]
pub struct LabelTuples {
    tuples: Numbered<Set<u64>, Set<u128>>,
    report: Report,
}

impl LabelTuples {
    /// The tuples of `form` that every class gives. O(rows + classes log classes).
    ///
    /// # Errors
    /// [`Error::Row`](crate::Error::Row) where a label is not below the number of classes,
    /// [`Error::Argument`](crate::Error::Argument) for ids of another length and a share that unordered pairs have not,
    /// [`Error::TooMany`](crate::Error::TooMany) past `u32` rows, [`Error::Cancelled`](crate::Error::Cancelled).
    pub fn new(labels: Labels<'_>, form: Form, share: Share, tick: &mut Tick<'_>) -> Result<Self> {
        let classes = Classes::new(labels, tick)?;
        let counts = Counts::new(&classes, form, share)?;
        let report = Report::new(&classes, &counts);
        let tuples = if u64::try_from(counts.total).is_ok() {
            Numbered::Narrow(Set::new(form, share, classes.ids, counts))
        } else {
            Numbered::Wide(Set::new(form, share, classes.ids, counts))
        };
        Ok(Self { tuples, report })
    }

    /// How many tuples come.
    pub fn len(&self) -> u128 {
        self.tuples.len()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the labels give.
    pub fn report(&self) -> Report {
        self.report
    }

    /// The tuples at `places` of `order`, one after another. O(places), whatever the number of tuples.
    ///
    /// # Errors
    /// [`Error::Row`](crate::Error::Row) and [`Error::Argument`](crate::Error::Argument) for places past the end,
    /// [`Error::Cancelled`](crate::Error::Cancelled).
    pub fn take(
        &self,
        places: &Places<'_>,
        order: Order,
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<Vec<u32>> {
        self.tuples.take(places, order, threads, tick)
    }
}
