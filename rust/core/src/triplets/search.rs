//! In which of many neighbouring ranges a number lies: a table over the high bits, then a short search.

use super::index::Index;

/// Cells of the table for each range: with more, fewer have a border of two ranges in them, whose side nothing foresees.
const CELLS: usize = 8;
/// Cells from which on a range gets but one or two: the table stays in the cache.
const MANY: usize = 1 << 15;

/// Ranges of lengths that need not be alike, none empty, one after another from 0.
#[derive(Debug)]
pub(super) struct Search<I> {
    /// Where each range begins, and at last the end.
    starts: Vec<I>,
    /// For each value of the high bits the first range that has a number with them, and at last the last range.
    guide: Vec<u32>,
    shift: u32,
}

impl<I: Index> Search<I> {
    /// Ranges of `lengths`, whose sum fits. O(ranges).
    pub(super) fn new(lengths: impl ExactSizeIterator<Item = u128>) -> Self {
        let mut starts = Vec::with_capacity(lengths.len() + 1);
        let mut end = 0;
        for length in lengths {
            starts.push(I::from_wide(end));
            end += length;
        }
        starts.push(I::from_wide(end));
        let ranges = starts.len() - 1;
        let bits = u128::BITS - end.saturating_sub(1).leading_zeros();
        let wanted = (ranges * CELLS).min(MANY).max(ranges);
        let wanted = usize::BITS - wanted.leading_zeros();
        let shift = bits.saturating_sub(wanted);
        let cells = I::from_wide(end.saturating_sub(1)).above(shift) + 1;
        let mut guide = Vec::with_capacity(cells + 1);
        let mut range = 0;
        for cell in 0..cells as u128 {
            let first = cell << shift;
            while range + 1 < ranges && starts[range + 1].wide() <= first {
                range += 1;
            }
            guide.push(u32::try_from(range).unwrap_or(u32::MAX));
        }
        guide.push(u32::try_from(ranges.saturating_sub(1)).unwrap_or(u32::MAX));
        Self {
            starts,
            guide,
            shift,
        }
    }

    /// The sum of the lengths.
    pub(super) fn end(&self) -> u128 {
        self.starts.last().map_or(0, |end| end.wide())
    }

    /// The range of `number`, below the end, and how far into it.
    #[inline]
    pub(super) fn find(&self, number: I) -> (usize, I) {
        let cell = number.above(self.shift);
        let mut base = self.guide[cell] as usize;
        // The first number of the next cell may lie in the last range of this one.
        let mut size = self.guide[cell + 1] as usize - base + 1;
        while size > 1 {
            let half = size / 2;
            // A product, no branch.
            base += half * usize::from(self.starts[base + half] <= number);
            size -= half;
        }
        (base, number.minus(self.starts[base]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Key;

    fn agrees<I: Index>(lengths: &[u128], numbers: impl Iterator<Item = u128>) {
        let search = Search::<I>::new(lengths.iter().copied());
        assert_eq!(search.end(), lengths.iter().sum::<u128>());
        for number in numbers {
            let mut rest = number;
            let mut range = 0;
            while rest >= lengths[range] {
                rest -= lengths[range];
                range += 1;
            }
            let (found, into) = search.find(I::from_wide(number));
            assert_eq!((found, into.wide()), (range, rest), "{lengths:?}, {number}");
        }
    }

    #[test]
    fn every_number_is_found_where_a_loop_finds_it() {
        let mut rng = Key::new(3).rng();
        for _ in 0..300 {
            let ranges = 1 + rng.below(40);
            let skew = rng.below(9);
            let lengths: Vec<u128> = (0..ranges)
                .map(|_| {
                    let bits = rng.below(skew + 1);
                    1 + u128::from(rng.below(1 << bits))
                })
                .collect();
            let end = lengths.iter().sum();
            agrees::<u64>(&lengths, 0..end);
            agrees::<u128>(&lengths, 0..end);
        }
        for lengths in [
            vec![1u128 << 90, 1, 1, 1 << 60, 5],
            vec![1, 1 << 90],
            vec![(1 << 90) + 1; 3],
        ] {
            let end: u128 = lengths.iter().sum();
            let starts = lengths.iter().scan(0, |sum, length| {
                *sum += length;
                Some(*sum)
            });
            let numbers: Vec<u128> = starts
                .flat_map(|start| [start.wrapping_sub(1), start, start + 1])
                .filter(|&number| number < end)
                .collect();
            agrees::<u128>(&lengths, numbers.into_iter());
        }
    }
}
