//! First fit into 64 open batches.

use super::conflicts::{Conflicts, Piece};
use super::floor::Floor;
use crate::error::Result;
use crate::tick::Tick;

/// Rows whose masks are fetched together.
const GROUP: usize = 1 << 8;
/// Rows whose values are laid out at once.
const STRETCH: usize = 8 * Piece::ROWS;
/// How often rows that fitted nowhere come again.
const PASSES: usize = 4;

/// Some of 64 batches: bit `i` is batch `base + i`. Three words, for there is one a value.
#[derive(Clone, Copy, Default)]
struct Mask {
    base: u32,
    low: u32,
    high: u32,
}

impl Mask {
    /// The mask as it is seen from batch `first` on.
    fn from(self, first: u32) -> u64 {
        let bits = u64::from(self.high) << 32 | u64::from(self.low);
        bits.checked_shr(first - self.base).unwrap_or(0)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the halves of 64 bits")]
    fn new(base: u32, bits: u64) -> Self {
        Self {
            base,
            low: bits as u32,
            high: (bits >> 32) as u32,
        }
    }

    fn add(&mut self, first: u32, bit: u64) {
        *self = Self::new(first, self.from(first) | bit);
    }
}

/// Which of 64 batches hold a value, and which hold a row that must not meet it.
struct Masks<'a> {
    conflicts: &'a Conflicts,
    held: Vec<Mask>,
    /// Empty where no value has a reach.
    barred: Vec<Mask>,
}

impl<'a> Masks<'a> {
    fn new(conflicts: &'a Conflicts) -> Self {
        let reached = if conflicts.has_reach() {
            conflicts.values()
        } else {
            0
        };
        Self {
            conflicts,
            held: vec![Mask::default(); conflicts.values()],
            barred: vec![Mask::default(); reached],
        }
    }

    /// The batches from `first` on that must not take a row of these values.
    fn closed_to(&self, first: u32, values: &[u32]) -> u64 {
        let held = |value: &u32| self.held[*value as usize].from(first);
        let mut closed = values.iter().map(held).fold(0, |all, mask| all | mask);
        if !self.barred.is_empty() {
            for &value in values {
                closed |= self.barred[value as usize].from(first);
                let reach = self.conflicts.reach(value);
                closed |= reach.iter().map(held).fold(0, |all, mask| all | mask);
            }
        }
        closed
    }

    /// Notes that the batch of a bit has got a row of these values.
    fn put(&mut self, first: u32, bit: u64, values: &[u32]) {
        for &value in values {
            self.held[value as usize].add(first, bit);
        }
        if !self.barred.is_empty() {
            for &value in values {
                for &reached in self.conflicts.reach(value) {
                    self.barred[reached as usize].add(first, bit);
                }
            }
        }
    }

    /// Asks for the masks of values, which lie anywhere in memory: asked for together, they arrive together.
    fn fetch(&self, values: &[u32]) {
        let bases = values.iter().map(|&value| self.held[value as usize].base);
        std::hint::black_box(bases.fold(0, |all, base| all ^ base));
    }
}

/// A window of 64 batches that moves on when the oldest is full; bit 0 is batch `first`.
struct Window<'a, 'b> {
    floor: &'b mut Floor<'a>,
    masks: Masks<'a>,
    first: u32,
    open: u64,
}

/// Puts rows into batches in their order; the rows that fitted nowhere, in their order. O(rows x columns).
///
/// Of several bands of lengths, the rows of one come after the other; `ends` has the number of rows up to its end.
pub(super) fn first_fit(
    floor: &mut Floor<'_>,
    order: &[u32],
    ends: &[usize],
    threads: usize,
    tick: &mut Tick<'_>,
) -> Result<Vec<u32>> {
    let mut window = Window {
        masks: Masks::new(floor.conflicts),
        floor,
        first: 0,
        open: 0,
    };
    window.open_up_to(64);
    let mut rest = Vec::new();
    let mut start = 0;
    for (band, &stop) in ends.iter().enumerate() {
        let end = window.floor.shape.end(band);
        rest.extend(window.pass(&order[start..stop], Some(end), threads, tick)?);
        start = stop;
    }
    for _ in 1..PASSES {
        if rest.is_empty() || window.open == 0 {
            break;
        }
        rest = window.pass(&rest, None, threads, tick)?;
    }
    Ok(rest)
}

impl Window<'_, '_> {
    /// Puts rows into batches before `end`, by default before each row's own end.
    fn pass(
        &mut self,
        order: &[u32],
        end: Option<usize>,
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<Vec<u32>> {
        let mut rest = Vec::new();
        for stretch in order.chunks(STRETCH) {
            let pieces = self.floor.conflicts.in_order(stretch, threads, tick)?;
            for (rows, piece) in stretch.chunks(Piece::ROWS).zip(pieces) {
                tick.at(0, 1)?;
                for (at, group) in (0..).step_by(GROUP).zip(rows.chunks(GROUP)) {
                    self.masks.fetch(piece.between(at, at + group.len()));
                    for (at, &row) in (at..).zip(group) {
                        let end = end.unwrap_or_else(|| self.floor.end(row));
                        if !self.place(row, end, piece.of(at)) {
                            rest.push(row);
                        }
                    }
                }
            }
        }
        Ok(rest)
    }

    /// Puts a row into the oldest batch before `end` that may take it; whether there is one.
    fn place(&mut self, row: u32, end: usize, values: &[u32]) -> bool {
        let before_end = below(end.saturating_sub(self.first as usize));
        let mut free = self.open & before_end & !self.masks.closed_to(self.first, values);
        while free != 0 {
            let bit = free.trailing_zeros();
            let batch = (self.first + bit) as usize;
            if self.floor.takes_source(batch, row) {
                self.masks.put(self.first, 1 << bit, values);
                self.floor.push(batch, row);
                if !self.floor.is_below_target(batch) {
                    self.close(bit);
                }
                return true;
            }
            free &= free - 1;
        }
        // The oldest holds the others up; its room is left to those who come later.
        let more = (self.first as usize) + 64 < self.floor.len();
        if more && self.open.count_ones() <= 32 {
            self.close(0);
        }
        false
    }

    /// Closes a batch, and where it is the oldest, moves on to the oldest that is open.
    fn close(&mut self, bit: u32) {
        if self.open == 0 {
            return;
        }
        self.open &= !(1 << bit);
        if bit == 0 {
            let shift = self.open.trailing_zeros();
            self.first += shift;
            self.open = self.open.checked_shr(shift).unwrap_or(0);
            self.open_up_to(shift);
        }
    }

    /// Opens the `count` batches at the far end of the window, as far as there are any.
    fn open_up_to(&mut self, count: u32) {
        for bit in 64 - count..64 {
            let batch = (self.first + bit) as usize;
            if batch >= self.floor.len() {
                break;
            }
            if self.floor.is_below_target(batch) {
                self.open |= 1 << bit;
            }
        }
    }
}

/// The `count` lowest bits.
pub(super) fn below(count: usize) -> u64 {
    u32::try_from(count)
        .ok()
        .and_then(|count| 1u64.checked_shl(count))
        .map_or(u64::MAX, |bit| bit - 1)
}
