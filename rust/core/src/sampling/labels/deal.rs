//! Units dealt to batches.

use crate::error::Result;
use crate::key::Rng;
use crate::tick::Tick;

/// Classes between two ticks.
const PAUSE: usize = 1 << 10;

/// The rows of each class, and the batches they were dealt to.
pub(super) struct Dealer<'a> {
    /// Rows, class after class, those of a class in random order.
    rows: Vec<u32>,
    starts: &'a [u32],
    /// How many rows of each class are dealt since they were last shuffled.
    taken: Vec<u32>,
    /// Rows of a unit.
    k: usize,
    /// Shuffles the rows of a class that come again.
    again: Rng,
    order: Vec<u32>,
    offsets: Vec<u64>,
}

impl<'a> Dealer<'a> {
    pub(super) fn new(rows: Vec<u32>, starts: &'a [u32], k: usize, again: Rng) -> Self {
        Self {
            rows,
            starts,
            taken: vec![0; starts.len()],
            k,
            again,
            order: Vec::new(),
            offsets: vec![0],
        }
    }

    /// Rows batch after batch, and where each batch begins.
    pub(super) fn into_parts(self) -> (Vec<u32>, Vec<u64>) {
        (self.order, self.offsets)
    }

    /// Adds `batches` batches in which each class has the units that `units` says. O(units + classes + batches).
    ///
    /// Sizes of batches differ by a unit at most, and so do the units of a class in them. Of the batches, `wide` ones have
    /// room for one unit more than the others; a class's last units go to different batches, first to wide ones. So
    /// there are never more than these two kinds, and each batch is full when all units are dealt. A class with more units
    /// than the smaller batches leave to one comes first: only then are the wide ones those of larger size.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the places of a plan are counted in 32 bits when its shape is made"
    )]
    pub(super) fn deal(
        &mut self,
        units: &[u32],
        batches: usize,
        rng: &mut Rng,
        tick: &mut Tick<'_>,
    ) -> Result<()> {
        if batches == 0 {
            return Ok(());
        }
        let total = super::sum(units);
        let mut order: Vec<u32> = (0..batches as u32).collect();
        rng.shuffle(&mut order);
        let mut wide = total % batches;
        let mut places = self.open(total / batches, batches, &order[..wide]);
        let mut classes: Vec<u32> = (0..units.len() as u32)
            .filter(|&class| units[class as usize] > 0)
            .collect();
        rng.shuffle(&mut classes);
        let least = (total / batches).saturating_sub(1) * batches;
        classes.sort_by_key(|&class| units[class as usize] as usize <= least);
        for (done, &class) in classes.iter().enumerate() {
            if done.is_multiple_of(PAUSE) {
                tick.at(done as u64, classes.len() as u64)?;
            }
            let class = class as usize;
            let (each, more) = (
                units[class] as usize / batches,
                units[class] as usize % batches,
            );
            let (from_wide, from_others);
            if more <= wide {
                to_end(&mut order[..wide], more, rng);
                (from_wide, from_others) = (wide - more..wide, batches..batches);
                wide -= more;
            } else {
                let others = more - wide;
                to_end(&mut order[wide..], others, rng);
                (from_wide, from_others) = (0..wide, batches - others..batches);
                wide = batches - others;
            }
            let rest = [0..from_wide.start, from_wide.end..from_others.start];
            let shares = [(from_wide, each + 1), (from_others, each + 1)]
                .into_iter()
                .chain(rest.map(|range| (range, each)));
            for (range, share) in shares.filter(|&(_, share)| share > 0) {
                for &batch in &order[range] {
                    let place = &mut places[batch as usize];
                    self.take(class, share * self.k, *place as usize);
                    *place += (share * self.k) as u32;
                }
            }
        }
        Ok(())
    }

    /// Adds room for `batches` batches of `size` units, those of `larger` for one more; where each begins.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the places of a plan are counted in 32 bits when its shape is made"
    )]
    fn open(&mut self, size: usize, batches: usize, larger: &[u32]) -> Vec<u32> {
        let mut places = vec![(size * self.k) as u32; batches];
        for &batch in larger {
            places[batch as usize] += self.k as u32;
        }
        let mut end = self.order.len() as u32;
        for place in &mut places {
            (*place, end) = (end, end + *place);
            self.offsets.push(end.into());
        }
        self.order.resize(end as usize, 0);
        places
    }

    /// Puts the next `count` rows of a class, all different, at `place`; at most as many as the class has.
    ///
    /// Rows come again when all have come, in a new order, and none of this batch in this batch.
    #[expect(clippy::cast_possible_truncation, reason = "row numbers are 32 bits")]
    fn take(&mut self, class: usize, count: usize, place: usize) {
        let own = &mut self.rows[self.starts[class] as usize..self.starts[class + 1] as usize];
        let at = self.taken[class] as usize;
        let fresh = count.min(own.len() - at);
        let (here, rest) = self.order[place..place + count].split_at_mut(fresh);
        here.copy_from_slice(&own[at..at + fresh]);
        self.taken[class] += count as u32;
        if rest.is_empty() {
            return;
        }
        for first in 0..rest.len() {
            let drawn = self.again.below((at - first) as u64) as usize;
            own.swap(first, first + drawn);
        }
        self.again.shuffle(&mut own[rest.len()..]);
        rest.copy_from_slice(&own[..rest.len()]);
        self.taken[class] = rest.len() as u32;
    }
}

/// Brings `count` of `items`, any of them equally likely, to the end.
#[expect(clippy::cast_possible_truncation, reason = "a draw is below the bound")]
fn to_end(items: &mut [u32], count: usize, rng: &mut Rng) {
    for end in (items.len() - count..items.len()).rev() {
        items.swap(end, rng.below(end as u64 + 1) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Key;

    fn dealt(
        starts: &[u32],
        k: usize,
        units: &[u32],
        batches: usize,
        seed: u64,
    ) -> Result<Vec<Vec<u32>>> {
        let rows = (0..starts[starts.len() - 1]).collect();
        let mut dealer = Dealer::new(rows, starts, k, Key::new(seed).rng());
        let mut rng = Key::new(seed).fold(1).rng();
        dealer.deal(units, batches, &mut rng, &mut Tick::silent())?;
        let (order, offsets) = dealer.into_parts();
        let cut = |pair: &[u64]| {
            let range = pair.iter().map(|&at| usize::try_from(at).unwrap_or(0));
            let [start, end] = <[usize; 2]>::try_from(range.collect::<Vec<_>>()).unwrap_or([0; 2]);
            order[start..end].to_vec()
        };
        Ok(offsets.windows(2).map(cut).collect())
    }

    #[test]
    fn rows_that_come_again_are_not_in_one_batch_and_come_as_often() -> Result<()> {
        for seed in 0..200 {
            // Ten units of 3 of 5 rows, where each batch takes one: every second one ends a pass in its midst.
            let batches = dealt(&[0, 5, 15], 3, &[10, 10], 10, seed)?;
            let mut uses = [0; 15];
            for batch in &batches {
                let distinct: std::collections::BTreeSet<_> = batch.iter().collect();
                assert_eq!((distinct.len(), batch.len()), (6, 6));
                for &row in batch {
                    uses[row as usize] += 1;
                }
            }
            assert_eq!(uses[..5], [6; 5]);
            assert_eq!(uses[5..], [3; 10]);
        }
        Ok(())
    }

    #[test]
    fn a_class_with_all_but_one_unit_a_batch_leaves_room_for_it() -> Result<()> {
        for seed in 0..200 {
            // Batches of 2 and of 3 units; the first class has one more than one a batch.
            let batches = dealt(&[0, 10, 14, 18], 2, &[5, 2, 2], 4, seed)?;
            assert!(
                batches
                    .iter()
                    .all(|batch| batch.len() == 4 || batch.len() == 6)
            );
            for batch in batches {
                let first = batch.iter().filter(|&&row| row < 10).count();
                assert!(first < batch.len(), "a batch of one class");
            }
        }
        Ok(())
    }

    #[test]
    fn every_batch_gets_a_unit_as_often() -> Result<()> {
        let mut counts = [0u32; 4];
        for seed in 0..4000 {
            let batches = dealt(&[0, 2, 4, 12], 2, &[1, 1, 2], 4, seed)?;
            for (count, batch) in counts.iter_mut().zip(batches) {
                *count += u32::from(batch.contains(&0));
            }
        }
        assert!(
            counts.iter().all(|count| count.abs_diff(1000) < 120),
            "{counts:?}"
        );
        Ok(())
    }
}
