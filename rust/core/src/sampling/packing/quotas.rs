//! How many rows of each source a batch takes.

/// Sources are rows in a line, one source after the other; of each, every batch takes its share.
#[derive(Debug, Clone)]
pub(super) struct Quotas {
    /// The rows of each source.
    rows: Vec<u32>,
    /// The row at which each source ends.
    ends: Vec<u32>,
    /// Of each batch, what it still takes of every source.
    left: Vec<u32>,
}

impl Quotas {
    /// Shares of sources of `rows` rows in batches of `sizes` rows, within one of the same share in all batches.
    ///
    /// What a batch cannot have of each source by halves goes to those that are owed most.
    pub(super) fn new(rows: &[u32], shares: &[u32], sizes: &[u32]) -> Self {
        let total: u64 = shares.iter().map(|&share| u64::from(share)).sum();
        let mut ends = rows.to_vec();
        for source in 1..ends.len() {
            ends[source] += ends[source - 1];
        }
        let mut left = Vec::with_capacity(rows.len() * sizes.len());
        // What each source has had more than its due, in parts of a row.
        let mut debts = vec![0i128; rows.len()];
        for &size in sizes {
            let dues = shares
                .iter()
                .map(|&share| u128::from(share) * u128::from(size));
            let first = left.len();
            for (due, debt) in dues.zip(&mut debts) {
                let share = due / u128::from(total);
                *debt += i128::try_from(due - share * u128::from(total)).unwrap_or(0);
                left.push(u32::try_from(share).unwrap_or(u32::MAX));
            }
            let given: u32 = left[first..].iter().sum();
            let mut owed: Vec<usize> = (0..rows.len()).collect();
            owed.sort_by_key(|&source| std::cmp::Reverse(debts[source]));
            for source in owed.into_iter().take((size - given) as usize) {
                left[first + source] += 1;
                debts[source] -= i128::from(total);
            }
        }
        Self {
            rows: rows.to_vec(),
            ends,
            left,
        }
    }

    /// What batch `batch` still takes of the source of `row`.
    pub(super) fn of(&mut self, batch: usize, row: u32) -> &mut u32 {
        let at = batch * self.ends.len() + self.source(row);
        &mut self.left[at]
    }

    /// The rows of each source.
    pub(super) fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// The source of a row.
    pub(super) fn source(&self, row: u32) -> usize {
        self.ends.partition_point(|&end| end <= row)
    }

    /// What a batch still takes of every source.
    pub(super) fn left(&self, batch: usize) -> &[u32] {
        &self.left[batch * self.ends.len()..][..self.ends.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_within_one_and_use_every_row() {
        for (rows, size) in [
            (vec![70, 20, 10], 10),
            (vec![50, 33, 17], 4),
            (vec![99, 1], 5),
        ] {
            let batches = rows.iter().sum::<u32>() / size;
            let quotas = Quotas::new(&rows, &rows, &vec![size; batches as usize]);
            let mut used = vec![0; rows.len()];
            for batch in 0..batches as usize {
                assert_eq!(quotas.left(batch).iter().sum::<u32>(), size);
                for (source, &share) in quotas.left(batch).iter().enumerate() {
                    let low = rows[source] * size / (batches * size);
                    assert!(share == low || share == low + 1, "{rows:?} {share}");
                    used[source] += share;
                }
            }
            assert_eq!(used, rows);
        }
    }

    #[test]
    fn a_row_knows_its_source() {
        let mut quotas = Quotas::new(&[2, 0, 2], &[1, 0, 1], &[2, 2]);
        assert_eq!([0, 1, 2, 3].map(|row| quotas.source(row)), [0, 0, 2, 2]);
        assert_eq!(*quotas.of(1, 3), 1);
    }
}
