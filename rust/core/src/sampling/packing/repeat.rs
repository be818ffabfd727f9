//! The last resort of full batches: rows that come twice.

use super::floor::Floor;
use crate::error::Result;
use crate::key::{Key, stream};
use crate::tick::Tick;

/// Rows drawn at random, and rows then looked at in order, for one batch.
const LOOK: usize = 1 << 10;
const WALK: usize = 1 << 12;

/// Brings every batch to the rows that it must have by repeating rows of the data; whether there was need to.
///
/// Where no row is found that fits, the batch becomes a copy of another one, or of `witness`.
pub(super) fn complete(
    floor: &mut Floor<'_>,
    witness: &[u32],
    key: Key,
    tick: &mut Tick<'_>,
) -> Result<bool> {
    let conflicts = floor.conflicts;
    let short: Vec<usize> = (0..floor.len())
        .filter(|&batch| !floor.has_enough(batch))
        .collect();
    let marked = if short.is_empty() {
        0
    } else {
        conflicts.values()
    };
    let (mut held, mut barred) = (vec![u32::MAX; marked], vec![u32::MAX; marked]);
    for (done, &batch) in (0u32..).zip(&short) {
        tick.at(u64::from(done), short.len() as u64)?;
        let mut mark = |row: u32| {
            conflicts
                .of(row)
                .iter()
                .for_each(|&value| held[value as usize] = done);
            conflicts
                .reached_by(row)
                .for_each(|value| barred[value as usize] = done);
        };
        let mut rng = key.fold(stream::REPEAT).fold(batch as u64).rng();
        let mut draw = |bound: usize| usize::try_from(rng.below(bound as u64)).unwrap_or(0);
        floor.get(batch).iter().for_each(|&row| mark(row));
        let start = draw(conflicts.rows());
        for step in 0..LOOK + WALK.min(conflicts.rows()) {
            if floor.has_enough(batch) {
                break;
            }
            let at = if step < LOOK {
                draw(conflicts.rows())
            } else {
                (start + step) % conflicts.rows()
            };
            let row = u32::try_from(at).unwrap_or(0);
            let has_place = batch < floor.end(row) && !floor.get(batch).contains(&row);
            let mut values = conflicts.of(row).iter();
            let is_free = has_place
                && values
                    .all(|&value| held[value as usize] != done && barred[value as usize] != done)
                && conflicts
                    .reached_by(row)
                    .all(|value| held[value as usize] != done);
            if is_free {
                floor.push(batch, row);
                let mut mark = |row: u32| {
                    conflicts
                        .of(row)
                        .iter()
                        .for_each(|&value| held[value as usize] = done);
                    conflicts
                        .reached_by(row)
                        .for_each(|value| barred[value as usize] = done);
                };
                mark(row);
            }
        }
        if !floor.has_enough(batch) {
            let start = draw(floor.len());
            copy_another(floor, batch, start, witness);
        }
    }
    Ok(!short.is_empty())
}

/// Makes a batch of the first rows of another that has enough of them, none longer than its own may be.
fn copy_another(floor: &mut Floor<'_>, batch: usize, start: usize, witness: &[u32]) {
    let least = floor.shape.least[batch] as usize;
    let others = (start..start + floor.len()).map(|at| floor.get(at % floor.len()));
    let fits = |rows: &[u32]| rows.len() >= least && rows.iter().all(|&row| batch < floor.end(row));
    let copy = others.chain([witness]).find(|rows| fits(rows));
    let copy = copy.map(|rows| rows[..least].to_vec());
    if let Some(copy) = copy {
        floor.clear(batch);
        for row in copy {
            floor.push(batch, row);
        }
    }
}
