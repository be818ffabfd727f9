//! The batches of an epoch while rows are put into them, and all that decides whether one may take a row.

use super::batches::Batches;
use super::conflicts::Conflicts;
use super::lengths::Bands;
use super::quotas::Quotas;
use super::shape::Shape;

/// Batches under construction, with the rules that they keep.
pub(super) struct Floor<'a> {
    pub(super) conflicts: &'a Conflicts,
    pub(super) shape: &'a Shape,
    bands: &'a Bands,
    quotas: Option<Quotas>,
    batches: Batches,
}

impl<'a> Floor<'a> {
    pub(super) fn new(
        conflicts: &'a Conflicts,
        shape: &'a Shape,
        bands: &'a Bands,
        quotas: Option<Quotas>,
    ) -> Self {
        Self {
            conflicts,
            shape,
            bands,
            quotas,
            batches: Batches::new(&shape.most),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.batches.len()
    }

    pub(super) fn get(&self, batch: usize) -> &[u32] {
        self.batches.get(batch)
    }

    /// Whether a batch has fewer rows than it gets where nothing keeps rows apart.
    pub(super) fn is_below_target(&self, batch: usize) -> bool {
        self.batches.rows_of(batch) < self.shape.targets[batch]
    }

    /// Whether a batch has as many rows as it must have.
    pub(super) fn has_enough(&self, batch: usize) -> bool {
        self.batches.rows_of(batch) >= self.shape.least[batch]
    }

    /// How many rows a batch still may have.
    pub(super) fn room(&self, batch: usize) -> usize {
        self.batches.room(batch)
    }

    /// The batch before which a row must be, for its length.
    pub(super) fn end(&self, row: u32) -> usize {
        self.shape.end(self.bands.of(row))
    }

    /// The batches of like lengths among which `batch` is.
    pub(super) fn peers(&self, batch: usize) -> std::ops::Range<usize> {
        let ends = &self.shape.ends;
        let band = ends.partition_point(|&end| end as usize <= batch);
        let start = band
            .checked_sub(1)
            .map_or(0, |before| ends[before] as usize);
        start..self.shape.end(band)
    }

    /// The source of a row, 0 where there are none.
    pub(super) fn source(&self, row: u32) -> usize {
        self.quotas.as_ref().map_or(0, |quotas| quotas.source(row))
    }

    /// Whether a batch's share of a row's source is open.
    pub(super) fn takes_source(&mut self, batch: usize, row: u32) -> bool {
        self.quotas
            .as_mut()
            .is_none_or(|quotas| *quotas.of(batch, row) > 0)
    }

    /// Adds a row to a batch with room.
    pub(super) fn push(&mut self, batch: usize, row: u32) {
        self.batches.push(batch, row);
        if let Some(quotas) = &mut self.quotas {
            let left = quotas.of(batch, row);
            *left = left.saturating_sub(1);
        }
    }

    /// Empties a batch; its rows.
    pub(super) fn clear(&mut self, batch: usize) -> Vec<u32> {
        let rows = self.batches.get(batch).to_vec();
        self.batches.clear(batch);
        for &row in &rows {
            if let Some(quotas) = &mut self.quotas {
                *quotas.of(batch, row) += 1;
            }
        }
        rows
    }

    /// Whether a batch may have `come` for `gone`, as far as lengths and sources go.
    pub(super) fn may_swap(
        &self,
        batch: usize,
        come: impl Iterator<Item = u32> + Clone,
        gone: impl Iterator<Item = u32>,
    ) -> bool {
        if come.clone().any(|row| batch >= self.end(row)) {
            return false;
        }
        let Some(quotas) = &self.quotas else {
            return true;
        };
        let mut left: Vec<i64> = quotas.left(batch).iter().map(|&left| left.into()).collect();
        come.for_each(|row| left[quotas.source(row)] -= 1);
        gone.for_each(|row| left[quotas.source(row)] += 1);
        left.into_iter().all(|left| left >= 0)
    }

    pub(super) fn into_batches(self) -> Batches {
        self.batches
    }
}
