//! The end of a plan, first part: rows without a place are held against every batch that has room.

use super::first_fit::{Masks, below};
use super::floor::Floor;
use crate::error::Result;
use crate::tick::Tick;

/// Values looked at, for each row of the data, before the remaining rows are left to others.
const EFFORT: usize = 32;

/// Puts rows into batches with room that may take them, as far as that goes with bounded effort; the rows left.
pub(super) fn sweep(
    floor: &mut Floor<'_>,
    mut rest: Vec<u32>,
    tick: &mut Tick<'_>,
) -> Result<Vec<u32>> {
    let with_room: Vec<usize> = (0..floor.len())
        .filter(|&batch| floor.room(batch) > 0)
        .collect();
    let mut masks = Masks::new(floor.conflicts);
    let mut effort = (floor.conflicts.rows() + 4096) * EFFORT;
    for (done, batches) in (0u32..).zip(with_room.chunks(64)) {
        let costs = rest.iter().map(|&row| floor.conflicts.cost(row));
        effort = effort.saturating_sub(costs.sum());
        if rest.is_empty() || effort == 0 {
            break;
        }
        tick.at(u64::from(done), with_room.len() as u64 / 64)?;
        // Masks of the 64 batches before are seen from too far off to count.
        let first = done * 64;
        for (bit, &batch) in batches.iter().enumerate() {
            for &row in floor.get(batch) {
                masks.put(first, 1 << bit, floor.conflicts.of(row));
            }
        }
        let mut open = below(batches.len());
        rest.retain(|&row| {
            let values = floor.conflicts.of(row);
            let end = floor.end(row);
            let may_take = below(batches.partition_point(|&batch| batch < end));
            let mut free = open & may_take & !masks.closed_to(first, values);
            while free != 0 {
                let bit = free.trailing_zeros();
                let batch = batches[bit as usize];
                if floor.takes_source(batch, row) {
                    masks.put(first, 1 << bit, values);
                    floor.push(batch, row);
                    if floor.room(batch) == 0 {
                        open &= !(1 << bit);
                    }
                    return false;
                }
                free &= free - 1;
            }
            true
        });
    }
    Ok(rest)
}
