//! The end of a plan: holes are filled by exchange between two batches.
//!
//! A row without a place is put into a full batch; the rows it conflicts with move to the batch with the hole, the rows
//! they conflict with move back, and so on: the chains of Kempe, by which König coloured the edges of bipartite graphs.
//! With two columns that share no values every row can be placed this way; with more it is a good heuristic.

use super::batches::Batches;
use super::conflicts::Conflicts;
use crate::error::Result;
use crate::key::{Key, stream};
use crate::tick::Tick;

/// How many other batches every hole is tried against, before any is tried against all.
const TRIES: usize = 64;
/// How many rows without a place are tried against one pair of batches.
const LOOK: usize = 128;
/// Values looked at, for each row of the data, before the remaining holes stay.
const EFFORT: usize = 16;

/// The two batches of an exchange.
const HOLE: usize = 0;
const FULL: usize = 1;

/// Where a value is in each of the two batches, as far as the generation is the present one.
#[derive(Clone, Copy, Default)]
struct Stamp {
    generation: [u32; 2],
    place: [u32; 2],
}

/// Which rows of the two batches change sides, by their places.
#[derive(Default)]
struct Moves {
    places: [Vec<u32>; 2],
    /// Rows whose conflicts have been looked at, of each batch.
    seen: [usize; 2],
}

impl Moves {
    /// How many rows more the batch with the hole has after them.
    #[expect(
        clippy::cast_possible_wrap,
        reason = "a batch has fewer than 2^32 rows"
    )]
    fn gain(&self) -> i64 {
        let [back, forth] = self.places.each_ref().map(|places| places.len() as i64);
        forth - back
    }
}

struct Exchange<'a> {
    conflicts: &'a Conflicts,
    batches: &'a mut Batches,
    /// Rows without a place.
    rest: Vec<u32>,
    key: Key,
    draws: u64,
    stamps: Vec<Stamp>,
    generation: [u32; 2],
    /// For each place of the two batches, the walk that last met it.
    met: [Vec<u32>; 2],
    walk: u32,
    effort: usize,
}

/// Fills holes with rows that have no place, directly or by exchange, as far as that goes with bounded effort.
pub(super) fn fill_holes(
    conflicts: &Conflicts,
    batches: &mut Batches,
    rest: Vec<u32>,
    key: Key,
    tick: &mut Tick<'_>,
) -> Result<()> {
    let holes: Vec<usize> = (0..batches.len())
        .filter(|&batch| batches.holes(batch) > 0)
        .collect();
    if holes.is_empty() || rest.is_empty() {
        return Ok(());
    }
    let stride = batches.stride();
    let mut exchange = Exchange {
        conflicts,
        batches,
        rest,
        key: key.fold(stream::EXCHANGE),
        draws: 0,
        stamps: vec![Stamp::default(); conflicts.values()],
        generation: [0; 2],
        met: [vec![0; stride], vec![0; stride]],
        walk: 0,
        effort: (conflicts.rows() + 4096) * (conflicts.width() + 1) * EFFORT,
    };
    exchange.fill(&holes, TRIES, tick)?;
    exchange.fill(&holes, usize::MAX, tick)
}

impl Exchange<'_> {
    fn fill(&mut self, holes: &[usize], tries: usize, tick: &mut Tick<'_>) -> Result<()> {
        let total = self.batches.len();
        for (done, &batch) in (0..).zip(holes) {
            if self.is_over(batch) {
                continue;
            }
            tick.at(done, holes.len() as u64)?;
            self.stamp(HOLE, batch);
            self.fill_directly(batch);
            let start = self.draw(total);
            for step in 0..tries.min(total) {
                if self.is_over(batch) {
                    break;
                }
                // In order, every other batch has its turn.
                let other = if tries < total {
                    self.draw(total)
                } else {
                    (start + step) % total
                };
                if other != batch {
                    self.exchange(batch, other);
                }
            }
        }
        Ok(())
    }

    fn is_over(&self, batch: usize) -> bool {
        self.batches.holes(batch) == 0 || self.rest.is_empty() || self.effort == 0
    }

    /// A number below `bound`.
    fn draw(&mut self, bound: usize) -> usize {
        self.draws += 1;
        let product = u128::from(self.key.bits(self.draws)) * bound as u128;
        usize::try_from(product >> 64).unwrap_or(0)
    }

    fn spend(&mut self, rows: usize) {
        let values = rows * (self.conflicts.width() + 1);
        self.effort = self.effort.saturating_sub(values);
    }

    fn stamp(&mut self, side: usize, batch: usize) {
        self.generation[side] += 1;
        for (place, &row) in (0u32..).zip(self.batches.get(batch)) {
            for value in self.conflicts.of(row) {
                let stamp = &mut self.stamps[value];
                stamp.generation[side] = self.generation[side];
                stamp.place[side] = place;
            }
        }
    }

    /// The place of the row that holds `value`, in one of the two batches.
    fn holder(&self, side: usize, value: usize) -> Option<u32> {
        let stamp = self.stamps[value];
        (stamp.generation[side] == self.generation[side]).then_some(stamp.place[side])
    }

    fn fill_directly(&mut self, batch: usize) {
        let mut at = 0;
        let conflicts = self.conflicts;
        let mut failed: Option<&[u32]> = None;
        while at < self.rest.len().min(16 * LOOK) && self.batches.holes(batch) > 0 {
            let row = self.rest[at];
            if failed.replace(conflicts.raw(row)) == Some(conflicts.raw(row)) {
                at += 1;
                continue;
            }
            self.spend(1);
            let mut values = conflicts.of(row);
            if values.all(|value| self.holder(HOLE, value).is_none()) {
                self.rest.swap_remove(at);
                self.batches.push(batch, row);
                self.stamp(HOLE, batch);
                failed = None;
            } else {
                at += 1;
            }
        }
    }

    /// Puts one row into `other` such that it has no row more than it may, and `batch` some more than it had.
    fn exchange(&mut self, batch: usize, other: usize) {
        self.stamp(FULL, other);
        self.spend(self.batches.get(other).len());
        let start = self.draw(self.rest.len());
        let conflicts = self.conflicts;
        let mut failed: Option<&[u32]> = None;
        for step in 0..self.rest.len().min(LOOK) {
            let at = (start + step) % self.rest.len();
            let row = self.rest[at];
            // Rows of the same values, which come in long runs where a value is in most of them, share their fate.
            if failed.replace(conflicts.raw(row)) == Some(conflicts.raw(row)) {
                continue;
            }
            self.walk += 1;
            let Some(mut moves) = self.moves_for(row, batch, other) else {
                continue;
            };
            if self.balance(&mut moves, row, batch, other) {
                self.rest.swap_remove(at);
                self.apply(&moves, row, batch, other);
                return;
            }
        }
    }

    /// The rows that change sides when `row` comes to `other`; none if one of them would conflict with it.
    fn moves_for(&mut self, row: u32, batch: usize, other: usize) -> Option<Moves> {
        let mut moves = Moves::default();
        self.meet_holders(row, FULL, &mut moves);
        self.follow(&mut moves, batch, other);
        (!self.clashes(&moves, row, batch)).then_some(moves)
    }

    /// Whether a row that comes from `batch` shares a value with `row`.
    fn clashes(&self, moves: &Moves, row: u32, batch: usize) -> bool {
        moves.places[HOLE].iter().any(|&place| {
            let came = self.batches.get(batch)[place as usize];
            let mut values = self.conflicts.of(came);
            values.any(|value| self.conflicts.of(row).any(|own| own == value))
        })
    }

    /// Adds chains until `other` has no row too many and `batch` no fewer; whether that is so.
    fn balance(&mut self, moves: &mut Moves, row: u32, batch: usize, other: usize) -> bool {
        let most = i64::from(self.batches.holes(batch));
        let least = 1 - i64::from(self.batches.holes(other));
        let len = self.batches.get(other).len();
        let start = self.draw(len);
        for step in 0..len {
            if moves.gain() >= least {
                break;
            }
            let place = (start + step) % len;
            if self.met[FULL][place] == self.walk {
                continue;
            }
            self.met[FULL][place] = self.walk;
            let mut chain = Moves::default();
            chain.places[FULL].push(u32::try_from(place).unwrap_or(0));
            self.follow(&mut chain, batch, other);
            let fits = chain.gain() > 0 && chain.gain() + moves.gain() <= most;
            if fits && !self.clashes(&chain, row, batch) {
                for side in [HOLE, FULL] {
                    moves.places[side].append(&mut chain.places[side]);
                }
            }
        }
        (least..=most).contains(&moves.gain())
    }

    /// Adds the rows of one batch that share a value with `row`, as far as this walk has not met them.
    fn meet_holders(&mut self, row: u32, side: usize, moves: &mut Moves) {
        self.spend(1);
        for value in self.conflicts.of(row) {
            if let Some(place) = self.holder(side, value)
                && self.met[side][place as usize] != self.walk
            {
                self.met[side][place as usize] = self.walk;
                moves.places[side].push(place);
            }
        }
    }

    /// Adds what must move because of the moves so far, to the end.
    fn follow(&mut self, moves: &mut Moves, batch: usize, other: usize) {
        loop {
            let before = moves.seen;
            for (side, own) in [(FULL, other), (HOLE, batch)] {
                while let Some(&place) = moves.places[side].get(moves.seen[side]) {
                    moves.seen[side] += 1;
                    self.meet_holders(self.batches.get(own)[place as usize], 1 - side, moves);
                }
            }
            if moves.seen == before {
                return;
            }
        }
    }

    fn apply(&mut self, moves: &Moves, row: u32, batch: usize, other: usize) {
        let taken = [batch, other].map(|at| self.batches.get(at).to_vec());
        let moved = |side: usize, place: u32| moves.places[side].contains(&place);
        for (side, at) in [(HOLE, batch), (FULL, other)] {
            self.batches.clear(at);
            for (place, &stays) in (0u32..).zip(&taken[side]) {
                if !moved(side, place) {
                    self.batches.push(at, stays);
                }
            }
        }
        for (side, to) in [(FULL, batch), (HOLE, other)] {
            for &place in &moves.places[side] {
                self.batches.push(to, taken[side][place as usize]);
            }
        }
        self.batches.push(other, row);
        self.stamp(HOLE, batch);
    }
}
