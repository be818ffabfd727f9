//! First fit into 64 open batches.

use super::batches::Batches;
use super::conflicts::Conflicts;
use crate::error::Result;
use crate::tick::Tick;

const BLOCK: usize = 1 << 16;
/// Rows whose values are fetched together.
const GROUP: usize = 1 << 8;
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
    masks: Vec<Mask>,
    first: u32,
    open: u64,
}

/// Puts rows into batches in their order; the rows that fitted nowhere, in their order. O(rows x columns).
pub(super) fn first_fit(
    conflicts: &Conflicts,
    order: &[u32],
    batches: &mut Batches,
    tick: &mut Tick<'_>,
) -> Result<Vec<u32>> {
    let mut window = Window {
        conflicts,
        batches,
        masks: vec![Mask::default(); conflicts.values()],
        first: 0,
        open: 0,
    };
    window.open_up_to(64);
    let mut rest = window.pass(order, tick)?;
    for _ in 1..PASSES {
        if rest.is_empty() || window.open == 0 {
            break;
        }
        rest = window.pass(&rest, tick)?;
    }
    Ok(rest)
}

impl Window<'_> {
    fn pass(&mut self, order: &[u32], tick: &mut Tick<'_>) -> Result<Vec<u32>> {
        let mut rest = Vec::new();
        let mut values = Vec::new();
        for (done, block) in (0..).zip(order.chunks(BLOCK)) {
            tick.at(done, order.len().div_ceil(BLOCK) as u64)?;
            for group in block.chunks(GROUP) {
                // Rows and masks lie anywhere in memory: asked for together, they arrive together.
                values.clear();
                for &row in group {
                    values.extend_from_slice(self.conflicts.raw(row));
                }
                let bases = values
                    .iter()
                    .filter_map(|&value| self.masks.get(value as usize));
                std::hint::black_box(bases.fold(0, |all, mask| all ^ mask.base));
                for (at, &row) in group.iter().enumerate() {
                    let width = self.conflicts.width();
                    if !self.place(row, &values[at * width..(at + 1) * width]) {
                        rest.push(row);
                    }
                }
            }
        }
        Ok(rest)
    }

    /// Puts a row into the oldest batch that has none of its values; whether there is one.
    fn place(&mut self, row: u32, values: &[u32]) -> bool {
        let mut free = self.open;
        for &value in values {
            // A value that no other row has, has no mask.
            if let Some(mask) = self.masks.get(value as usize) {
                free &= !mask.from(self.first);
            }
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
            if let Some(mask) = self.masks.get_mut(value as usize) {
                *mask = Mask::new(self.first, mask.from(self.first) | 1 << bit);
            }
        }
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
