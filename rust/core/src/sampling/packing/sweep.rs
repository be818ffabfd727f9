//! The end of a plan, first part: rows without a place are held against every batch that has room, 64 at a time.

use super::conflicts::Conflicts;
use super::first_fit::below;
use super::floor::Floor;
use crate::error::Result;
use crate::key::{Key, stream};
use crate::tick::Tick;

/// Values looked at, for each row of the data, before the remaining rows are left to others.
const EFFORT: usize = 128;
const NONE: u32 = u32::MAX;

/// Rows without a place, of the same values: they share their fate.
struct Group {
    rows: Vec<u32>,
    /// Its values, numbered anew, and then what it reaches: where they end in the line of all groups' values.
    ends: [usize; 2],
}

/// All rows without a place, and of each of their values, which of 64 batches hold it.
///
/// These values are few beside all, and numbered anew, so that their masks stay in a core's cache.
struct Waiting<'a> {
    conflicts: &'a Conflicts,
    groups: Vec<Group>,
    values: Vec<u32>,
    numbers: Vec<u32>,
    held: Vec<u64>,
    /// The batches that hold a row which must not meet the value.
    barred: Vec<u64>,
}

impl<'a> Waiting<'a> {
    /// Groups rows that come group after group.
    fn new(floor: &Floor<'a>, rows: &[u32]) -> Self {
        let conflicts = floor.conflicts;
        let mut waiting = Self {
            conflicts,
            groups: Vec::new(),
            values: Vec::new(),
            numbers: vec![NONE; conflicts.values()],
            held: Vec::new(),
            barred: Vec::new(),
        };
        let are_alike = |row: &u32, other: &u32| {
            let kind = |row: u32| (floor.end(row), floor.source(row));
            conflicts.of(*row) == conflicts.of(*other) && kind(*row) == kind(*other)
        };
        for rows in rows.chunk_by(are_alike) {
            for &value in conflicts.of(rows[0]) {
                waiting.add(value);
            }
            let own = waiting.values.len();
            conflicts
                .reached_by(rows[0])
                .for_each(|value| waiting.add(value));
            waiting.groups.push(Group {
                rows: rows.to_vec(),
                ends: [own, waiting.values.len()],
            });
        }
        waiting.barred = vec![0; waiting.held.len()];
        waiting
    }

    fn add(&mut self, value: u32) {
        let number = &mut self.numbers[value as usize];
        if *number == NONE {
            *number = u32::try_from(self.held.len()).unwrap_or(NONE);
            self.held.push(0);
        }
        self.values.push(*number);
    }

    /// Begins with 64 other batches.
    fn turn_to(&mut self, floor: &Floor<'_>, batches: &[usize]) {
        self.held.fill(0);
        self.barred.fill(0);
        for (bit, &batch) in batches.iter().enumerate() {
            for &row in floor.get(batch) {
                for &value in self.conflicts.of(row) {
                    if let Some(mask) = self.held.get_mut(self.numbers[value as usize] as usize) {
                        *mask |= 1 << bit;
                    }
                }
                for value in self.conflicts.reached_by(row) {
                    if let Some(mask) = self.barred.get_mut(self.numbers[value as usize] as usize) {
                        *mask |= 1 << bit;
                    }
                }
            }
        }
    }

    /// The values of a group, and what it reaches.
    fn values_of(&self, group: usize) -> [&[u32]; 2] {
        let start = group
            .checked_sub(1)
            .map_or(0, |before| self.groups[before].ends[1]);
        let [own, reached] = self.groups[group].ends;
        [&self.values[start..own], &self.values[own..reached]]
    }

    /// The batches that must not take a row of a group.
    fn closed_to(&self, group: usize) -> u64 {
        let [own, reached] = self.values_of(group);
        let own = own.iter().map(|&value| value as usize);
        let closed = own.fold(0, |all, value| all | self.held[value] | self.barred[value]);
        let reached = reached.iter().map(|&value| self.held[value as usize]);
        reached.fold(closed, |all, mask| all | mask)
    }

    /// Notes that the batch of a bit has got a row of a group.
    fn put(&mut self, group: usize, bit: u64) {
        let start = group
            .checked_sub(1)
            .map_or(0, |before| self.groups[before].ends[1]);
        let [own, reached] = self.groups[group].ends;
        for at in start..own {
            self.held[self.values[at] as usize] |= bit;
        }
        for at in own..reached {
            self.barred[self.values[at] as usize] |= bit;
        }
    }
}

/// Puts rows into batches with room that may take them, as far as that goes with bounded effort; the rows left.
pub(super) fn sweep(
    floor: &mut Floor<'_>,
    mut rest: Vec<u32>,
    key: Key,
    tick: &mut Tick<'_>,
) -> Result<Vec<u32>> {
    let with_room: Vec<usize> = (0..floor.len())
        .filter(|&batch| floor.room(batch) > 0)
        .collect();
    if with_room.is_empty() || rest.is_empty() {
        return Ok(rest);
    }
    let conflicts = floor.conflicts;
    let key = key.fold(stream::SWEEP);
    rest.sort_by_cached_key(|&row| {
        let values = conflicts.of(row).iter();
        values.fold(0, |all, &value| key.bits(all ^ u64::from(value)))
    });
    let mut waiting = Waiting::new(floor, &rest);
    let mut left = rest.len();
    let mut effort = (conflicts.rows() + 4096) * EFFORT;
    for (done, batches) in (0u64..).zip(with_room.chunks(64)) {
        let cost = waiting.values.len() + waiting.groups.len() + waiting.held.len();
        if left == 0 || effort < cost {
            break;
        }
        effort -= cost;
        tick.at(done, with_room.len() as u64 / 64)?;
        waiting.turn_to(floor, batches);
        let mut open = below(batches.len());
        for group in 0..waiting.groups.len() {
            let Some(&row) = waiting.groups[group].rows.last() else {
                continue;
            };
            let end = floor.end(row);
            let may_take = below(batches.partition_point(|&batch| batch < end));
            let mut free = open & may_take & !waiting.closed_to(group);
            while free != 0 {
                let bit = free.trailing_zeros();
                free &= free - 1;
                let batch = batches[bit as usize];
                if !floor.takes_source(batch, row) {
                    continue;
                }
                let Some(row) = waiting.groups[group].rows.pop() else {
                    break;
                };
                waiting.put(group, 1 << bit);
                floor.push(batch, row);
                left -= 1;
                if floor.room(batch) == 0 {
                    open &= !(1 << bit);
                }
            }
        }
    }
    Ok(waiting
        .groups
        .into_iter()
        .flat_map(|group| group.rows)
        .collect())
}
