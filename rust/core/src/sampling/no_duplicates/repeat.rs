//! The last resort of full batches: rows that come twice.

use super::batches::Batches;
use super::conflicts::Conflicts;
use crate::error::Result;
use crate::key::{Key, stream};
use crate::tick::Tick;

/// Rows drawn at random, and rows then looked at in order, for one batch.
const LOOK: usize = 1 << 10;
const WALK: usize = 1 << 12;

/// Brings every batch to `least` rows by repeating rows of the data; whether there was need to.
///
/// Where no row is found that fits, the batch becomes a copy of another full one, or of `witness`.
pub(super) fn complete(
    conflicts: &Conflicts,
    batches: &mut Batches,
    least: usize,
    witness: &[u32],
    key: Key,
    tick: &mut Tick<'_>,
) -> Result<bool> {
    let short: Vec<usize> = (0..batches.len())
        .filter(|&batch| batches.get(batch).len() < least)
        .collect();
    let mut holders = vec![
        u32::MAX;
        if short.is_empty() {
            0
        } else {
            conflicts.values()
        }
    ];
    for (done, &batch) in (0u32..).zip(&short) {
        tick.at(u64::from(done), short.len() as u64)?;
        let mut rng = key.fold(stream::REPEAT).fold(batch as u64).rng();
        let mut draw = |bound: usize| usize::try_from(rng.below(bound as u64)).unwrap_or(0);
        for &row in batches.get(batch) {
            conflicts.of(row).for_each(|value| holders[value] = done);
        }
        let start = draw(conflicts.rows());
        for step in 0..LOOK + WALK.min(conflicts.rows()) {
            if batches.get(batch).len() >= least {
                break;
            }
            let at = if step < LOOK {
                draw(conflicts.rows())
            } else {
                (start + step) % conflicts.rows()
            };
            let row = u32::try_from(at).unwrap_or(0);
            let fits = conflicts.of(row).all(|value| holders[value] != done);
            if fits && !batches.get(batch).contains(&row) {
                batches.push(batch, row);
                conflicts.of(row).for_each(|value| holders[value] = done);
            }
        }
        if batches.get(batch).len() < least {
            let start = draw(batches.len());
            copy_a_full_one(batches, batch, start, least, witness);
        }
    }
    Ok(!short.is_empty())
}

fn copy_a_full_one(
    batches: &mut Batches,
    batch: usize,
    start: usize,
    least: usize,
    witness: &[u32],
) {
    let full = (start..start + batches.len())
        .map(|at| batches.get(at % batches.len()))
        .find(|rows| rows.len() >= least);
    let copy = full.map_or(witness, |rows| &rows[..least]).to_vec();
    if copy.len() == least {
        batches.clear(batch);
        for row in copy {
            batches.push(batch, row);
        }
    }
}
