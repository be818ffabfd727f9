//! How many batches there are, how many rows each has, and which rows each may take: the same in every epoch.

use super::lengths::Bands;
use crate::sampling::plan::{Batching, Tail};

/// The outlines of the global batches, before any row is in one.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// The rows that each batch gets where nothing keeps rows apart.
    pub(super) targets: Vec<u32>,
    /// The rows that each may have at most.
    pub(super) most: Vec<u32>,
    /// The rows that each must have.
    pub(super) least: Vec<u32>,
    /// For each band of lengths the batch before which its rows must be; empty where all go anywhere.
    pub(super) ends: Vec<u32>,
}

impl Shape {
    /// `wanted` batches for `rows` rows that go anywhere; at least so many, where that can be, for bands of like lengths.
    pub(super) fn new(batching: Batching, bands: &Bands, rows: usize, wanted: usize) -> Self {
        if bands.len() == 0 {
            Self::plain(batching, rows, wanted)
        } else {
            Self::banded(batching, bands, wanted)
        }
    }

    /// `batches` batches for `rows` rows that go anywhere.
    fn plain(batching: Batching, rows: usize, batches: usize) -> Self {
        Self::of_band(batching, batching.whole(), rows, batches)
    }

    /// `batches` batches of at most `whole` rows for `rows` rows.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a global batch has at most 2^31 rows"
    )]
    fn of_band(batching: Batching, whole: usize, rows: usize, batches: usize) -> Self {
        let targets = batching.sizes(whole, rows, batches);
        let most = |&target: &u32| match batching.tail() {
            // What finds no place in a batch of its size finds one in a larger one.
            Tail::Short => (whole as u32).min(2 * target + 8),
            Tail::Drop | Tail::Refill => whole as u32,
        };
        let least = match batching.tail() {
            Tail::Short => batching.num_replicas() as u32,
            Tail::Drop | Tail::Refill => whole as u32,
        };
        Self {
            most: targets.iter().map(most).collect(),
            least: vec![least; batches],
            targets,
            ends: Vec::new(),
        }
    }

    /// Batches of rows of like lengths, the longest first, at least `wanted` of them where that can be.
    fn banded(batching: Batching, bands: &Bands, wanted: usize) -> Self {
        let fewest: usize = bands.iter().map(|band| band.batches).sum();
        let mut shape = Self::default();
        for band in bands.iter() {
            let batches = match batching.tail() {
                Tail::Drop => band.batches,
                Tail::Short | Tail::Refill => {
                    let more = (band.batches * wanted.max(fewest)).div_ceil(fewest.max(1));
                    more.min(band.rows / batching.num_replicas())
                        .max(band.batches)
                }
            };
            let own = Self::of_band(batching, band.whole, band.rows, batches);
            shape.targets.extend(own.targets);
            shape.most.extend(own.most);
            shape.least.extend(own.least);
            shape
                .ends
                .push(u32::try_from(shape.targets.len()).unwrap_or(u32::MAX));
        }
        shape
    }

    pub(super) fn len(&self) -> usize {
        self.targets.len()
    }

    /// The same without the batches that `keep` does not name.
    pub(super) fn without(&self, keep: impl Fn(usize) -> bool) -> Self {
        let kept: Vec<usize> = (0..self.len()).filter(|&batch| keep(batch)).collect();
        let of = |values: &[u32]| kept.iter().map(|&batch| values[batch]).collect();
        let before = |&end: &u32| kept.partition_point(|&batch| batch < end as usize);
        Self {
            targets: of(&self.targets),
            most: of(&self.most),
            least: of(&self.least),
            ends: self
                .ends
                .iter()
                .map(|end| u32::try_from(before(end)).unwrap_or(u32::MAX))
                .collect(),
        }
    }

    /// The batch before which the rows of a band must be.
    pub(super) fn end(&self, band: usize) -> usize {
        self.ends.get(band).map_or(self.len(), |&end| end as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Result;

    #[test]
    fn a_shape_without_some_batches_keeps_its_ends() -> Result<()> {
        let batching = Batching::new(2, 1, Tail::Drop)?;
        let mut shape = Shape::plain(batching, 8, 4);
        shape.ends = vec![1, 4];
        let fewer = shape.without(|batch| batch != 0 && batch != 2);
        assert_eq!((fewer.len(), fewer.ends), (2, vec![0, 2]));
        Ok(())
    }
}
