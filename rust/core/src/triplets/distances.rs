//! Triplets by how hard they are, from labels and distances: counted exactly, made or drawn without a list of them.
//!
//! With m = d(anchor, negative) - d(anchor, positive), a triplet is hard where m <= 0, semi-hard where 0 < m <= margin,
//! and easy where m > margin: a partition, as `FaceNet` (Schroff, Kalenichenko and Philbin 2015) and the miner of
//! pytorch-metric-learning have it. With an anchor's negatives in the order of their distances, those of one kind are a
//! stretch for each positive. So a pass over the anchors counts them, and a second one over the anchors that are asked for
//! makes any of them: a row of distances at a time, never a table.

use super::space::Space;
use super::take::{Order, Places};
use crate::error::{Error, Result};
use crate::pool;
use crate::tick::Tick;

/// Anchors that a thread counts before it asks for more.
const BLOCK: usize = 16;

/// Which triplets are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hardness {
    /// All of them.
    All,
    /// The negative is no farther than the positive.
    Hard,
    /// It is farther, by at most the margin.
    SemiHard,
    /// It is farther by more than the margin.
    Easy,
    /// Hard or semi-hard.
    Violating,
}

/// Triplets of one kind, as an implicit array.
///
/// In their own order they come by anchor, then by positive, both as in the data, then by negative, the nearest first.
#[derive(Debug)]
pub struct DistanceTriplets {
    labels: Vec<u32>,
    /// The label of rows that take no part.
    noise: Option<u32>,
    hardness: Hardness,
    margin: f64,
    norms: Vec<f64>,
    /// Where the triplets of each anchor begin, and at last their number.
    starts: Vec<u64>,
    /// Hard, semi-hard and easy ones.
    counts: [u128; 3],
}

/// What a thread needs for one anchor.
#[derive(Default)]
struct Scratch {
    distances: Vec<f64>,
    /// Rows of the anchor's class with their distances, in the order of the data.
    positives: Vec<(f64, u32)>,
    /// Rows of others, the nearest first.
    negatives: Vec<(f64, u32)>,
    /// For each positive where its triplets begin among the anchor's, and its first negative.
    stretches: Vec<(u64, usize)>,
}

impl DistanceTriplets {
    /// Counts the triplets of every anchor. O(rows^2 (dimension + log rows)) time, O(rows) memory for each thread.
    ///
    /// # Errors
    /// [`Error::Argument`] for labels of another length and a margin that is negative or no number, [`Error::Row`] for an
    /// embedding or distance that is not finite, [`Error::Shape`], [`Error::TooMany`] past 2^64 triplets,
    /// [`Error::Cancelled`].
    pub fn new(
        labels: Vec<u32>,
        noise: Option<u32>,
        space: Space<'_>,
        (hardness, margin): (Hardness, f64),
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<Self> {
        if labels.len() != space.rows() {
            let rule = format!("have one label for each of {} rows", space.rows());
            return Err(Error::argument("labels", rule, labels.len()));
        }
        if !(margin.is_finite() && margin >= 0.0) {
            let rule = "be a finite number that is not negative";
            return Err(Error::argument("margin", rule, margin));
        }
        let mut triplets = Self {
            norms: space.prepared()?,
            labels,
            noise,
            hardness,
            margin,
            starts: vec![0],
            counts: [0; 3],
        };
        let anchors = pool::blocks(triplets.labels.len(), BLOCK);
        let counted =
            pool::map_items(threads, anchors, tick, Scratch::default, |scratch, rows| {
                let count = |anchor| triplets.count(space, anchor, scratch);
                Ok(rows.map(count).collect::<Vec<_>>())
            })?;
        for counts in counted.into_iter().flatten() {
            let [hard, semi_hard, easy] = counts;
            for (sum, count) in triplets.counts.iter_mut().zip(counts) {
                *sum += u128::from(count);
            }
            let count = match hardness {
                Hardness::All => hard + semi_hard + easy,
                Hardness::Hard => hard,
                Hardness::SemiHard => semi_hard,
                Hardness::Easy => easy,
                Hardness::Violating => hard + semi_hard,
            };
            let end = triplets
                .starts
                .last()
                .and_then(|end| end.checked_add(count));
            let end = end.ok_or_else(|| Error::TooMany {
                name: "labels".into(),
                what: "triplets".into(),
                limit: u64::MAX,
                got: u64::MAX,
            })?;
            triplets.starts.push(end);
        }
        Ok(triplets)
    }

    /// How many triplets there are of the kind that was asked for.
    pub fn len(&self) -> u128 {
        self.starts.last().copied().unwrap_or(0).into()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many are hard, semi-hard and easy.
    pub fn counts(&self) -> [u128; 3] {
        self.counts
    }

    /// How many of the kind each anchor has.
    pub fn per_anchor(&self) -> impl ExactSizeIterator<Item = u64> + '_ {
        self.starts.windows(2).map(|pair| pair[1] - pair[0])
    }

    /// Anchor, positive and negative for each of `places` of `order`.
    ///
    /// In a random order these are draws without replacement, each equally likely. The distances of every anchor among
    /// them are computed once: O(anchors * rows * (dimension + log rows) + places log places).
    ///
    /// # Errors
    /// As [`LabelTuples::take`](super::LabelTuples::take); [`Error::Argument`] where `space` is not the one that was counted.
    pub fn take(
        &self,
        space: Space<'_>,
        places: &Places<'_>,
        order: Order,
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<Vec<u32>> {
        if space.rows() != self.labels.len() {
            let rule = format!("be those that were counted, of {} rows", self.labels.len());
            return Err(Error::argument("distances", rule, space.rows()));
        }
        let mut numbers = vec![0u64; places.check(self.len())?];
        places.write(0, &mut numbers);
        if let Some(permutation) = order.permutation(self.len())? {
            let shuffle = |_, block: &mut [u64]| {
                permutation.all(block);
                Ok(())
            };
            pool::fill_blocks(threads, &mut numbers, 1 << 14, tick, shuffle)?;
        }
        let mut by_number: Vec<(u64, usize)> =
            (0..).zip(&numbers).map(|(at, &n)| (n, at)).collect();
        if !numbers.is_sorted() {
            by_number.sort_unstable();
        }
        drop(numbers);
        let anchor_of = |number| self.starts.partition_point(|&start| start <= number) - 1;
        let mut jobs = Vec::new();
        let mut rest = &by_number[..];
        while let Some(&(number, _)) = rest.first() {
            let anchor = anchor_of(number);
            let size = rest.partition_point(|&(number, _)| number < self.starts[anchor + 1]);
            let (job, later) = rest.split_at(size);
            jobs.push((anchor, job));
            rest = later;
        }
        let made = pool::map_items(
            threads,
            jobs.iter(),
            tick,
            Scratch::default,
            |scratch, &(anchor, job)| self.of_anchor(space, anchor, job, scratch),
        )?;
        let mut out = vec![0; by_number.len() * 3];
        let (places, _) = out.as_chunks_mut::<3>();
        for (&(_, at), triplet) in by_number.iter().zip(made.into_iter().flatten()) {
            places[at] = triplet;
        }
        Ok(out)
    }

    fn count(&self, space: Space<'_>, anchor: usize, scratch: &mut Scratch) -> [u64; 3] {
        self.look(space, anchor, scratch);
        let mut counts = [0; 3];
        let all = scratch.negatives.len();
        for &(near, _) in &scratch.positives {
            let (hard, violating) = self.ends(near, &scratch.negatives);
            counts[0] += hard as u64;
            counts[1] += (violating - hard) as u64;
            counts[2] += (all - violating) as u64;
        }
        counts
    }

    /// The triplets of an anchor that are asked for, by their numbers among all.
    fn of_anchor(
        &self,
        space: Space<'_>,
        anchor: usize,
        numbers: &[(u64, usize)],
        scratch: &mut Scratch,
    ) -> Result<Vec<[u32; 3]>> {
        self.look(space, anchor, scratch);
        let mut end = 0;
        scratch.stretches.clear();
        for &(near, _) in &scratch.positives {
            let (hard, violating) = self.ends(near, &scratch.negatives);
            let (from, to) = match self.hardness {
                Hardness::All => (0, scratch.negatives.len()),
                Hardness::Hard => (0, hard),
                Hardness::SemiHard => (hard, violating),
                Hardness::Easy => (violating, scratch.negatives.len()),
                Hardness::Violating => (0, violating),
            };
            scratch.stretches.push((end, from));
            end += (to - from) as u64;
        }
        if self.starts[anchor] + end != self.starts[anchor + 1] {
            let rule = "be those that were counted";
            let got = format!("others in row {anchor}");
            return Err(Error::argument("distances", rule, got));
        }
        let anchor_id = u32::try_from(anchor).unwrap_or(u32::MAX);
        let triplet = |&(number, _): &(u64, usize)| {
            let into = number - self.starts[anchor];
            let stretches = &scratch.stretches;
            // The last of those that begin there: stretches before it may be empty.
            let positive = stretches.partition_point(|&(start, _)| start <= into) - 1;
            let (start, from) = stretches[positive];
            let negative = from + usize::try_from(into - start).unwrap_or(usize::MAX);
            let (positive, negative) =
                (scratch.positives[positive].1, scratch.negatives[negative].1);
            [anchor_id, positive, negative]
        };
        Ok(numbers.iter().map(triplet).collect())
    }

    /// Fills in the positives and the sorted negatives of an anchor.
    fn look(&self, space: Space<'_>, anchor: usize, scratch: &mut Scratch) {
        scratch.positives.clear();
        scratch.negatives.clear();
        let own = self.labels[anchor];
        if Some(own) == self.noise
            || !self
                .labels
                .iter()
                .zip(0..)
                .any(|(&label, row)| label == own && row != anchor)
        {
            return;
        }
        scratch.distances.resize(self.labels.len(), 0.0);
        space.write(&self.norms, anchor, &mut scratch.distances);
        let rows = self.labels.iter().zip(&scratch.distances);
        for (row, (&label, &distance)) in (0u32..).zip(rows) {
            if label == own {
                if row as usize != anchor {
                    scratch.positives.push((distance, row));
                }
            } else if Some(label) != self.noise {
                scratch.negatives.push((distance, row));
            }
        }
        let nearest = |one: &(f64, u32), other: &(f64, u32)| {
            one.0.total_cmp(&other.0).then(one.1.cmp(&other.1))
        };
        scratch.negatives.sort_unstable_by(nearest);
    }

    /// How many negatives are no farther than `near`, and how many by at most the margin.
    fn ends(&self, near: f64, negatives: &[(f64, u32)]) -> (usize, usize) {
        // Differences of rounded numbers never fall as the first one grows, so these are borders.
        let hard = negatives.partition_point(|&(far, _)| far - near <= 0.0);
        let violating = negatives.partition_point(|&(far, _)| far - near <= self.margin);
        (hard, violating)
    }
}
