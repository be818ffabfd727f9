//! Batches under construction.

/// Batches side by side, each with room for as many rows as it may have at most.
#[derive(Debug)]
pub(super) struct Batches {
    rows: Vec<u32>,
    /// Where each batch's room begins, and at last the room of all.
    starts: Vec<usize>,
    lens: Vec<u32>,
}

impl Batches {
    /// Empty batches that may have `most` rows.
    pub(super) fn new(most: &[u32]) -> Self {
        let mut starts = Vec::with_capacity(most.len() + 1);
        starts.push(0);
        let mut end = 0;
        starts.extend(most.iter().map(|&rows| {
            end += rows as usize;
            end
        }));
        Self {
            rows: vec![0; end],
            starts,
            lens: vec![0; most.len()],
        }
    }

    pub(super) fn len(&self) -> usize {
        self.lens.len()
    }

    pub(super) fn get(&self, batch: usize) -> &[u32] {
        &self.rows[self.starts[batch]..][..self.lens[batch] as usize]
    }

    pub(super) fn rows_of(&self, batch: usize) -> u32 {
        self.lens[batch]
    }

    /// How many rows a batch still may have.
    pub(super) fn room(&self, batch: usize) -> usize {
        self.starts[batch + 1] - self.starts[batch] - self.lens[batch] as usize
    }

    /// Adds a row to a batch with room.
    pub(super) fn push(&mut self, batch: usize, row: u32) {
        self.rows[self.starts[batch] + self.lens[batch] as usize] = row;
        self.lens[batch] += 1;
    }

    pub(super) fn clear(&mut self, batch: usize) {
        self.lens[batch] = 0;
    }

    /// The batches one after the other without gaps, and their sizes.
    pub(super) fn into_parts(mut self) -> (Vec<u32>, Vec<u32>) {
        let mut end = 0;
        for (batch, &len) in self.lens.iter().enumerate() {
            let start = self.starts[batch];
            if start > end {
                self.rows.copy_within(start..start + len as usize, end);
            }
            end += len as usize;
        }
        self.rows.truncate(end);
        (self.rows, self.lens)
    }

    /// The same in another order of the batches.
    pub(super) fn into_parts_in(self, order: &[u32]) -> (Vec<u32>, Vec<u32>) {
        let mut rows = Vec::with_capacity(self.lens.iter().map(|&len| len as usize).sum());
        for &batch in order {
            rows.extend_from_slice(self.get(batch as usize));
        }
        let lens = order
            .iter()
            .map(|&batch| self.lens[batch as usize])
            .collect();
        (rows, lens)
    }
}
