//! The end of a plan, second part: room is made by exchange between two batches.
//!
//! A row without a place is put into another batch; the rows it conflicts with move to the batch with room, the rows
//! they conflict with move back, and so on: the chains of Kempe, by which König coloured the edges of bipartite graphs.
//! With two columns that share no values every row can be placed this way; with more it is a good heuristic.

use super::floor::Floor;
use crate::error::Result;
use crate::key::{Key, stream};
use crate::tick::Tick;

/// How many other batches every batch with room is tried against, before any is tried against all.
const TRIES: usize = 64;
/// How many rows without a place are tried against one pair of batches.
const LOOK: usize = 128;
/// Values looked at, for each row of the data, before the remaining rows stay without a place.
const EFFORT: usize = 4;

/// The two batches of an exchange.
const ROOM: usize = 0;
const OTHER: usize = 1;

/// In place of an entry, past the last of a list.
const END: u32 = u32::MAX;

/// What is known of a value in each of the two batches, as far as the generation is the present one.
#[derive(Clone, Copy)]
struct Stamp {
    generation: [u32; 2],
    /// The place of the row that holds it.
    holder: [u32; 2],
    /// The first of the entries of rows that reach it.
    reacher: [u32; 2],
}

/// A row that reaches a value, and the next one that does.
struct Reacher {
    place: u32,
    next: u32,
}

/// Which rows of the two batches change sides, by their places.
#[derive(Default)]
struct Moves {
    places: [Vec<u32>; 2],
    /// Rows whose conflicts have been looked at, of each batch.
    seen: [usize; 2],
}

impl Moves {
    /// How many rows more the batch with room has after them.
    #[expect(
        clippy::cast_possible_wrap,
        reason = "a batch has fewer than 2^32 rows"
    )]
    fn gain(&self) -> i64 {
        let [back, forth] = self.places.each_ref().map(|places| places.len() as i64);
        forth - back
    }
}

struct Exchange<'a, 'b> {
    floor: &'b mut Floor<'a>,
    /// Rows without a place.
    rest: Vec<u32>,
    key: Key,
    draws: u64,
    stamps: Vec<Stamp>,
    reachers: [Vec<Reacher>; 2],
    generation: [u32; 2],
    /// For each place of the two batches, the walk that last met it.
    met: [Vec<u32>; 2],
    walk: u32,
    effort: usize,
}

/// Makes room for rows that have no place, as far as that goes with bounded effort; the rows left.
pub(super) fn exchange(
    floor: &mut Floor<'_>,
    rest: Vec<u32>,
    key: Key,
    tick: &mut Tick<'_>,
) -> Result<Vec<u32>> {
    let with_room: Vec<usize> = (0..floor.len())
        .filter(|&batch| floor.room(batch) > 0)
        .collect();
    if with_room.is_empty() || rest.is_empty() {
        return Ok(rest);
    }
    let most = floor.shape.most.iter().copied().max().unwrap_or(0) as usize;
    let (conflicts, rows) = (floor.conflicts, floor.conflicts.rows());
    let unknown = Stamp {
        generation: [0; 2],
        holder: [END; 2],
        reacher: [END; 2],
    };
    let mut exchange = Exchange {
        floor,
        rest,
        key: key.fold(stream::EXCHANGE),
        draws: 0,
        stamps: vec![unknown; conflicts.values()],
        reachers: [Vec::new(), Vec::new()],
        generation: [0; 2],
        met: [vec![0; most], vec![0; most]],
        walk: 0,
        effort: rows.max(1 << 20) * EFFORT,
    };
    exchange.fill(&with_room, TRIES, tick)?;
    exchange.fill(&with_room, usize::MAX, tick)?;
    Ok(exchange.rest)
}

impl Exchange<'_, '_> {
    fn fill(&mut self, with_room: &[usize], tries: usize, tick: &mut Tick<'_>) -> Result<()> {
        for (done, &batch) in (0..).zip(with_room) {
            if self.is_over(batch) {
                continue;
            }
            tick.at(done, with_room.len() as u64)?;
            self.stamp(ROOM, batch);
            let others = self.floor.peers(batch);
            let start = self.draw(others.len());
            for step in 0..tries.min(others.len()) {
                if self.is_over(batch) {
                    break;
                }
                // In order, every other batch has its turn.
                let at = if tries < others.len() {
                    self.draw(others.len())
                } else {
                    (start + step) % others.len()
                };
                if others.start + at != batch {
                    self.exchange(batch, others.start + at);
                }
            }
        }
        Ok(())
    }

    fn is_over(&self, batch: usize) -> bool {
        self.floor.room(batch) == 0 || self.rest.is_empty() || self.effort == 0
    }

    /// A number below `bound`.
    fn draw(&mut self, bound: usize) -> usize {
        self.draws += 1;
        let product = u128::from(self.key.bits(self.draws)) * bound as u128;
        usize::try_from(product >> 64).unwrap_or(0)
    }

    fn spend(&mut self, row: u32) {
        let values = self.floor.conflicts.cost(row);
        self.effort = self.effort.saturating_sub(values);
    }

    /// Notes who holds and who reaches which value in a batch.
    fn stamp(&mut self, side: usize, batch: usize) {
        self.generation[side] += 1;
        self.reachers[side].clear();
        let conflicts = self.floor.conflicts;
        for (place, &row) in (0u32..).zip(self.floor.get(batch)) {
            for &value in conflicts.of(row) {
                known(&mut self.stamps, self.generation, side, value).holder[side] = place;
            }
            for value in conflicts.reached_by(row) {
                let stamp = known(&mut self.stamps, self.generation, side, value);
                let next = stamp.reacher[side];
                stamp.reacher[side] = u32::try_from(self.reachers[side].len()).unwrap_or(END);
                self.reachers[side].push(Reacher { place, next });
            }
        }
    }

    /// Puts one row into `other` such that it has no row more than it may, and `batch` some more than it had.
    fn exchange(&mut self, batch: usize, other: usize) {
        self.stamp(OTHER, other);
        for at in 0..self.floor.get(other).len() {
            self.spend(self.floor.get(other)[at]);
        }
        let start = self.draw(self.rest.len());
        let conflicts = self.floor.conflicts;
        let mut failed: Option<&[u32]> = None;
        for step in 0..self.rest.len().min(LOOK) {
            let at = (start + step) % self.rest.len();
            let row = self.rest[at];
            // Rows of the same values, which come in long runs where a value is in most of them, share their fate.
            if failed.replace(conflicts.of(row)) == Some(conflicts.of(row))
                || other >= self.floor.end(row)
            {
                continue;
            }
            self.walk += 1;
            let Some(mut moves) = self.moves_for(row, batch, other) else {
                continue;
            };
            if self.balance(&mut moves, row, batch, other)
                && self.is_allowed(&moves, row, batch, other)
            {
                self.rest.swap_remove(at);
                self.apply(&moves, row, batch, other);
                return;
            }
        }
    }

    /// The rows that change sides when `row` comes to `other`; none if one of them would conflict with it.
    fn moves_for(&mut self, row: u32, batch: usize, other: usize) -> Option<Moves> {
        let mut moves = Moves::default();
        self.meet_conflicting(row, OTHER, &mut moves);
        self.follow(&mut moves, batch, other);
        (!self.clashes(&moves, row, batch)).then_some(moves)
    }

    /// Whether a row that comes from `batch` conflicts with `row`.
    fn clashes(&self, moves: &Moves, row: u32, batch: usize) -> bool {
        let rows = self.floor.get(batch);
        let mut coming = moves.places[ROOM].iter().map(|&place| rows[place as usize]);
        coming.any(|came| self.floor.conflicts.between(came, row))
    }

    /// Adds chains until `other` has no row too many and `batch` no fewer; whether that is so.
    #[expect(
        clippy::cast_possible_wrap,
        reason = "a batch has fewer than 2^32 rows"
    )]
    fn balance(&mut self, moves: &mut Moves, row: u32, batch: usize, other: usize) -> bool {
        let most = self.floor.room(batch) as i64;
        let least = 1 - self.floor.room(other) as i64;
        let len = self.floor.get(other).len();
        let start = self.draw(len);
        for step in 0..len {
            if moves.gain() >= least {
                break;
            }
            let place = (start + step) % len;
            if self.met[OTHER][place] == self.walk {
                continue;
            }
            self.met[OTHER][place] = self.walk;
            let mut chain = Moves::default();
            chain.places[OTHER].push(u32::try_from(place).unwrap_or(0));
            self.follow(&mut chain, batch, other);
            let fits = chain.gain() > 0 && chain.gain() + moves.gain() <= most;
            if fits && !self.clashes(&chain, row, batch) {
                for side in [ROOM, OTHER] {
                    moves.places[side].append(&mut chain.places[side]);
                }
            }
        }
        (least..=most).contains(&moves.gain())
    }

    /// Whether both batches may have the rows that come to them, as far as lengths and sources go.
    fn is_allowed(&self, moves: &Moves, row: u32, batch: usize, other: usize) -> bool {
        let rows = |side: usize, own: usize| {
            let rows = self.floor.get(own);
            moves.places[side].iter().map(|&place| rows[place as usize])
        };
        let (back, forth) = (rows(ROOM, batch), rows(OTHER, other));
        self.floor.may_swap(batch, forth.clone(), back.clone())
            && self.floor.may_swap(other, back.chain([row]), forth)
    }

    /// Adds the rows of one batch that conflict with `row`, as far as this walk has not met them.
    fn meet_conflicting(&mut self, row: u32, side: usize, moves: &mut Moves) {
        self.spend(row);
        let conflicts = self.floor.conflicts;
        for &value in conflicts.of(row) {
            let stamp = self.stamps[value as usize];
            if stamp.generation[side] != self.generation[side] {
                continue;
            }
            self.meet(stamp.holder[side], side, moves);
            let mut at = stamp.reacher[side];
            while let Some(&Reacher { place, next }) = self.reachers[side].get(at as usize) {
                self.meet(place, side, moves);
                at = next;
            }
        }
        for value in conflicts.reached_by(row) {
            let stamp = self.stamps[value as usize];
            if stamp.generation[side] == self.generation[side] {
                self.meet(stamp.holder[side], side, moves);
            }
        }
    }

    fn meet(&mut self, place: u32, side: usize, moves: &mut Moves) {
        if let Some(met) = self.met[side].get_mut(place as usize)
            && *met != self.walk
        {
            *met = self.walk;
            moves.places[side].push(place);
        }
    }

    /// Adds what must move because of the moves so far, to the end.
    fn follow(&mut self, moves: &mut Moves, batch: usize, other: usize) {
        loop {
            let before = moves.seen;
            for (side, own) in [(OTHER, other), (ROOM, batch)] {
                while let Some(&place) = moves.places[side].get(moves.seen[side]) {
                    moves.seen[side] += 1;
                    let row = self.floor.get(own)[place as usize];
                    self.meet_conflicting(row, 1 - side, moves);
                }
            }
            if moves.seen == before {
                return;
            }
        }
    }

    fn apply(&mut self, moves: &Moves, row: u32, batch: usize, other: usize) {
        let taken = [batch, other].map(|at| self.floor.clear(at));
        for (side, at) in [(ROOM, batch), (OTHER, other)] {
            for (place, &stays) in (0u32..).zip(&taken[side]) {
                if !moves.places[side].contains(&place) {
                    self.floor.push(at, stays);
                }
            }
        }
        for (side, to) in [(OTHER, batch), (ROOM, other)] {
            for &place in &moves.places[side] {
                self.floor.push(to, taken[side][place as usize]);
            }
        }
        self.floor.push(other, row);
        self.stamp(ROOM, batch);
    }
}

/// The stamp of a value, of the present generation.
fn known(stamps: &mut [Stamp], generation: [u32; 2], side: usize, value: u32) -> &mut Stamp {
    let stamp = &mut stamps[value as usize];
    if stamp.generation[side] != generation[side] {
        stamp.generation[side] = generation[side];
        stamp.holder[side] = END;
        stamp.reacher[side] = END;
    }
    stamp
}
