//! Batches under construction.

/// Batches side by side, each with room for as many rows as the largest may have.
pub(super) struct Batches {
    rows: Vec<u32>,
    lens: Vec<u32>,
    targets: Vec<u32>,
    stride: usize,
}

impl Batches {
    /// Empty batches that may have `targets` rows.
    pub(super) fn new(targets: Vec<u32>) -> Self {
        let stride = targets.iter().copied().max().unwrap_or(0) as usize;
        Self {
            rows: vec![0; stride * targets.len()],
            lens: vec![0; targets.len()],
            targets,
            stride,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.lens.len()
    }

    /// The most rows that any batch may have.
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    pub(super) fn get(&self, batch: usize) -> &[u32] {
        &self.rows[batch * self.stride..][..self.lens[batch] as usize]
    }

    /// How many rows a batch still may have.
    pub(super) fn holes(&self, batch: usize) -> u32 {
        self.targets[batch] - self.lens[batch]
    }

    /// Adds a row to a batch with a hole.
    pub(super) fn push(&mut self, batch: usize, row: u32) {
        self.rows[batch * self.stride + self.lens[batch] as usize] = row;
        self.lens[batch] += 1;
    }

    pub(super) fn clear(&mut self, batch: usize) {
        self.lens[batch] = 0;
    }

    /// The batches one after the other without gaps, and their sizes.
    pub(super) fn into_parts(mut self) -> (Vec<u32>, Vec<u32>) {
        let mut end = 0;
        for (batch, &len) in self.lens.iter().enumerate() {
            let start = batch * self.stride;
            if start > end {
                self.rows.copy_within(start..start + len as usize, end);
            }
            end += len as usize;
        }
        self.rows.truncate(end);
        (self.rows, self.lens)
    }
}
