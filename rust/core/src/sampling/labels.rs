//! Batches by class: so many rows of a class come together, and every batch has several classes.
//!
//! What is dealt is a unit of `k` rows of one class. Every class's units go to as many different batches as there are
//! units, to those with most room, so that all batches fill alike and each has as even a share of every class as can be.
//! How many batches there are follows from the counts of the classes alone.

mod check;
mod deal;
mod shape;

use crate::error::{Error, Result};
use crate::fingerprint::Fingerprint;
use crate::key::{Key, Rng, stream};
use crate::pool;
use crate::sampling::plan::{Batching, Draw, Plan, Reason, Report};
use crate::tick::Tick;
use crate::view::check_rows;
use deal::Dealer;
use shape::Shape;

/// About how many rows are shuffled with one generator.
const BLOCK: usize = 1 << 16;

/// What of a class comes together in a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Units {
    /// Pairs of rows, any number of them as long as there is a pair of another class in the batch.
    Pairs,
    /// Of `batch_size / k` classes, `k` different rows each.
    Classes {
        /// Rows of a class in a batch, at least 2.
        k: usize,
        /// What is done about classes of unequal size.
        imbalance: Imbalance,
        /// Whether every row of a class with at least `k` rows comes at least once.
        coverage: bool,
    },
}

impl Units {
    fn rows(self) -> usize {
        match self {
            Self::Pairs => 2,
            Self::Classes { k, .. } => k,
        }
    }
}

/// What is done about classes of unequal size where a batch takes as much of one as of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imbalance {
    /// Nothing comes twice; what large classes have more than the batches take is left out.
    Cap,
    /// Small classes come again until all have come as often as the largest.
    Oversample,
    /// Everything comes once, in more batches of fewer classes, at least 2.
    Shrink,
}

/// The rows of a data set by class; plans any number of epochs.
#[derive(Debug)]
pub struct Labels {
    /// Row numbers, class after class.
    rows: Vec<u32>,
    /// Where each class begins, and at last the number of rows.
    starts: Vec<u32>,
    /// Rows of a unit.
    k: usize,
    shape: Shape,
}

impl Labels {
    /// Looks at the class of each row, numbered from 0 to `num_classes`. O(rows + classes).
    ///
    /// # Errors
    /// [`Error::Argument`] where a label is not below `num_classes`, where the size of a batch does not fit the units, and
    /// where the classes do not make one batch for each rank; [`Error::TooMany`] past `u32` rows or places;
    /// [`Error::Cancelled`].
    pub fn new(
        labels: &[u32],
        num_classes: usize,
        units: Units,
        batching: Batching,
        tick: &mut Tick<'_>,
    ) -> Result<Self> {
        check::check_options(units, batching)?;
        check_rows("dataset", labels.len())?;
        let (rows, starts) = by_class(labels, num_classes, tick)?;
        let counts: Vec<u32> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let shape = Shape::new(&counts, units, batching)?;
        Ok(Self {
            rows,
            starts,
            k: units.rows(),
            shape,
        })
    }

    /// The number of batches of all ranks, in every epoch.
    pub fn len(&self) -> usize {
        self.shape.len()
    }

    /// Never: there is at least one batch for each rank.
    pub fn is_empty(&self) -> bool {
        self.shape.len() == 0
    }

    /// 64 bits of which rows are of which class. O(rows).
    pub fn fingerprint(&self) -> u64 {
        let mut fingerprint = Fingerprint::new();
        fingerprint.u32s(&self.rows);
        fingerprint.u32s(&self.starts);
        fingerprint.finish()
    }

    /// The plan of an epoch; deterministic in `draw`. O(rows + places).
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn plan(&self, draw: Draw, threads: usize, tick: &mut Tick<'_>) -> Result<Plan> {
        let key = draw.key();
        let rows = self.shuffled(key.fold(stream::CLASS), threads, tick)?;
        let mut rng = key.fold(stream::DEAL).rng();
        let (main, last) = self.shares(&mut rng);
        let again = key.fold(stream::REPEAT).rng();
        let mut dealer = Dealer::new(rows, &self.starts, self.k, again);
        dealer.deal(&main, self.shape.main.batches, &mut rng, tick)?;
        dealer.deal(&last, self.shape.last.batches, &mut rng, tick)?;
        let (order, offsets) = dealer.into_parts();
        let report = self.report(&main, &last, order.len());
        Ok(Plan::new(order, offsets, report))
    }

    /// The rows, class after class, those of a class in random order.
    fn shuffled(&self, key: Key, threads: usize, tick: &mut Tick<'_>) -> Result<Vec<u32>> {
        let mut rows = self.rows.clone();
        let mut rest = &mut rows[..];
        let mut blocks = Vec::new();
        let mut first = 0;
        for class in 0..self.starts.len() - 1 {
            let size = (self.starts[class + 1] - self.starts[first]) as usize;
            if size >= BLOCK || class + 2 == self.starts.len() {
                let block = rest.split_off_mut(..size).unwrap_or_default();
                blocks.push((&self.starts[first..=class + 1], block));
                first = class + 1;
            }
        }
        let blocks = blocks.into_iter().enumerate();
        let shuffle = |number: usize, starts: &[u32], mut rows: &mut [u32]| {
            let mut rng = key.fold(number as u64).rng();
            for pair in starts.windows(2) {
                let size = (pair[1] - pair[0]) as usize;
                rng.shuffle(rows.split_off_mut(..size).unwrap_or_default());
            }
        };
        let work = |(): &mut (), (number, (starts, rows))| {
            shuffle(number, starts, rows);
            Ok(())
        };
        pool::map_items(threads, blocks, tick, || (), work)?;
        Ok(rows)
    }

    /// How many units each class gives to the batches, and to those of the last, smaller step.
    fn shares(&self, rng: &mut Rng) -> (Vec<u32>, Vec<u32>) {
        let (main, last) = (self.shape.main, self.shape.last);
        let mut given: Vec<u32> = self.bounds().map(|(fewest, _)| fewest).collect();
        let (have, want) = (sum(&given), main.units + last.units);
        if have > want {
            debug_assert_eq!(last.units, 0, "a last step takes all that is left");
            for class in pick(&given, have - want, rng) {
                given[class] -= 1;
            }
        } else if have < want {
            let more: Vec<u32> = self.bounds().map(|(fewest, most)| most - fewest).collect();
            for class in pick(&more, want - have, rng) {
                given[class] += 1;
            }
        }
        if last.units == 0 {
            return (given, Vec::new());
        }
        let beyond = |&units: &u32| units.saturating_sub(main.limit);
        let mut to_last: Vec<u32> = given.iter().map(beyond).collect();
        let more = given.iter().zip(&to_last);
        let more: Vec<u32> = more
            .map(|(&units, &sure)| units.min(last.limit).saturating_sub(sure))
            .collect();
        for class in pick(&more, last.units - sum(&to_last), rng) {
            to_last[class] += 1;
        }
        for (units, last) in given.iter_mut().zip(&to_last) {
            *units -= last;
        }
        (given, to_last)
    }

    /// Of each class, the units that it gives where none are left over or wanting, and where most are wanting.
    fn bounds(&self) -> impl Iterator<Item = (u32, u32)> {
        self.counts().map(|rows| self.shape.bounds(rows))
    }

    /// The rows of each class.
    fn counts(&self) -> impl Iterator<Item = u32> {
        self.starts.windows(2).map(|pair| pair[1] - pair[0])
    }

    fn report(&self, main: &[u32], last: &[u32], places: usize) -> Report {
        let (mut used, mut small, mut large, mut odd, mut tail) = (0, 0, 0, 0, 0);
        let last = last.iter().chain(std::iter::repeat(&0));
        for (rows, (&main, &last)) in self.counts().zip(main.iter().zip(last)) {
            let rows = rows as usize;
            let own = rows.min((main as usize + last as usize) * self.k);
            used += own;
            if rows < self.k {
                small += rows;
                continue;
            }
            let spare = (rows - own).min(rows % self.k);
            let beyond = (rows / self.k).saturating_sub(self.shape.limit());
            let beyond = (rows - own - spare).min(beyond * self.k);
            odd += spare;
            large += beyond;
            tail += rows - own - spare - beyond;
        }
        let why = [
            (Reason::SmallClass, small),
            (Reason::LargeClass, large),
            (Reason::OddRows, odd),
            (Reason::Tail, tail),
        ];
        Report::new(used, places, &why)
    }
}

/// Row numbers in the order of their labels, and where each class begins (counting sort).
fn by_class(
    labels: &[u32],
    num_classes: usize,
    tick: &mut Tick<'_>,
) -> Result<(Vec<u32>, Vec<u32>)> {
    let total = labels.len() as u64 * 2;
    let mut starts = vec![0u32; num_classes + 1];
    for (row, &label) in labels.iter().enumerate() {
        if row.is_multiple_of(BLOCK) {
            tick.at(row as u64, total)?;
        }
        let Some(count) = starts[1..].get_mut(label as usize) else {
            let got = format!("{label} at row {row}");
            let rule = format!("be below {num_classes}");
            return Err(Error::argument("labels", rule, got));
        };
        *count += 1;
    }
    for class in 0..num_classes {
        starts[class + 1] += starts[class];
    }
    let mut places = starts.clone();
    let mut rows = vec![0; labels.len()];
    for (row, &label) in (0u32..).zip(labels) {
        if (row as usize).is_multiple_of(BLOCK) {
            tick.at((labels.len() + row as usize) as u64, total)?;
        }
        let place = &mut places[label as usize];
        rows[*place as usize] = row;
        *place += 1;
    }
    Ok((rows, starts))
}

/// `count` classes, each as often at most as `units` says, every set of units equally likely.
fn pick(units: &[u32], count: usize, rng: &mut Rng) -> Vec<usize> {
    let mut classes = Vec::with_capacity(count);
    let (mut class, mut before) = (0, 0);
    for unit in rng.choose(sum(units) as u64, count as u64) {
        while unit >= before + u64::from(units[class]) {
            before += u64::from(units[class]);
            class += 1;
        }
        classes.push(class);
    }
    classes
}

fn sum(units: &[u32]) -> usize {
    units.iter().map(|&units| units as usize).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_lie_by_class_in_their_order() -> Result<()> {
        let sorted = by_class(&[2, 0, 2, 3, 0], 5, &mut Tick::silent())?;
        assert_eq!(sorted, (vec![1, 4, 0, 2, 3], vec![0, 2, 2, 4, 5, 5]));
        let refused = by_class(&[0, 2], 2, &mut Tick::silent());
        let refused = refused.err().map(|error| error.to_string());
        assert_eq!(
            refused.as_deref(),
            Some("`labels` must be below 2, got 2 at row 1")
        );
        Ok(())
    }

    #[test]
    fn classes_are_picked_by_their_units() {
        let mut rng = Key::new(0).rng();
        assert_eq!(pick(&[2, 0, 1], 3, &mut rng), [0, 0, 2]);
        let mut counts = [0u32; 3];
        for _ in 0..6000 {
            for class in pick(&[1, 0, 2], 1, &mut rng) {
                counts[class] += 1;
            }
        }
        assert!(counts[0].abs_diff(2000) < 200 && counts[1] == 0);
    }
}
