//! First fit into 64 open batches.

use super::batches::Batches;
use super::conflicts::Conflicts;
use crate::error::Result;
use crate::tick::Tick;

/// Rows whose masks are fetched together.
const GROUP: usize = 1 << 8;
const GROUPS_PER_TICK: usize = 1 << 8;
/// How often rows that fitted nowhere come again.
const PASSES: usize = 4;

/// The open batches that hold a value: bit `i` is batch `base + i`. Three words, for there is one a value.
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
}

/// A window of 64 batches that moves on when the oldest is full; bit 0 is batch `first`.
struct Window<'a> {
    conflicts: &'a Conflicts,
    batches: &'a mut Batches,
    /// One a value, and at last one of no value that stays empty.
    masks: Vec<Mask>,
    first: u32,
    open: u64,
}

/// Puts rows into batches in their order; the rows that fitted nowhere, in their order. O(rows x columns).
pub(super) fn first_fit(
    conflicts: &Conflicts,
    order: &[u32],
    batches: &mut Batches,
    threads: usize,
    tick: &mut Tick<'_>,
) -> Result<Vec<u32>> {
    let mut window = Window {
        conflicts,
        batches,
        masks: vec![Mask::default(); conflicts.values() + 1],
        first: 0,
        open: 0,
    };
    window.open_up_to(64);
    let mut rest = window.pass(order, threads, tick)?;
    for _ in 1..PASSES {
        if rest.is_empty() || window.open == 0 {
            break;
        }
        rest = window.pass(&rest, threads, tick)?;
    }
    Ok(rest)
}

impl Window<'_> {
    fn pass(&mut self, order: &[u32], threads: usize, tick: &mut Tick<'_>) -> Result<Vec<u32>> {
        let width = self.conflicts.width();
        let values = self.conflicts.in_order(order, threads, tick)?;
        let mut rest = Vec::new();
        for (at, group) in order.chunks(GROUP).enumerate() {
            if at % GROUPS_PER_TICK == 0 {
                tick.at((at * GROUP) as u64, order.len() as u64)?;
            }
            // Masks lie anywhere in memory: asked for together, they arrive together.
            let values = &values[at * GROUP * width..][..group.len() * width];
            let bases = values
                .iter()
                .map(|&value| self.masks[self.mask_of(value)].base);
            std::hint::black_box(bases.fold(0, |all, base| all ^ base));
            for (at, &row) in group.iter().enumerate() {
                if !self.place(row, &values[at * width..][..width]) {
                    rest.push(row);
                }
            }
        }
        Ok(rest)
    }

    /// The place of a value's mask; a value that no other row has, has none. No branch, for it could not be foretold.
    fn mask_of(&self, value: u32) -> usize {
        (value as usize).min(self.masks.len() - 1)
    }

    /// Puts a row into the oldest batch that has none of its values; whether there is one.
    fn place(&mut self, row: u32, values: &[u32]) -> bool {
        let mut free = self.open;
        for &value in values {
            free &= !self.masks[self.mask_of(value)].from(self.first);
        }
        if free == 0 {
            // The oldest holds the others up; its holes are left to the exchange.
            let more = (self.first as usize) + 64 < self.batches.len();
            if more && self.open.count_ones() <= 32 {
                self.close(0);
            }
            return false;
        }
        let bit = free.trailing_zeros();
        for &value in values {
            let at = self.mask_of(value);
            let held = self.masks[at].from(self.first);
            self.masks[at] = Mask::new(self.first, held | 1 << bit);
        }
        let none = self.masks.len() - 1;
        self.masks[none] = Mask::default();
        let batch = (self.first + bit) as usize;
        self.batches.push(batch, row);
        if self.batches.holes(batch) == 0 {
            self.close(bit);
        }
        true
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
            if (self.first + bit) as usize >= self.batches.len() {
                break;
            }
            self.open |= 1 << bit;
        }
    }
}
