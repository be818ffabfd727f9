//! Shuffled batches: every row once, in an order that `(seed, epoch)` decides.

use crate::error::Result;
use crate::key::{Key, stream};
use crate::sampling::order::shuffled;
use crate::sampling::plan::{Batching, Plan, Report};
use crate::tick::Tick;

/// A plan of shuffled batches; deterministic in `(seed, epoch)`. O(rows).
///
/// # Errors
/// [`Argument`](crate::Error::Argument) where the rows do not make one batch for each rank, [`Cancelled`](crate::Error::Cancelled).
pub fn random(
    rows: usize,
    batching: Batching,
    seed: u64,
    epoch: u64,
    threads: usize,
    tick: &mut Tick<'_>,
) -> Result<Plan> {
    let batches = batching.num_batches(rows)?;
    let key = Key::new(seed).fold(epoch).fold(stream::SHUFFLE);
    let sizes = batching.sizes(rows, batches);
    let places: usize = sizes.iter().map(|&size| size as usize).sum();
    let mut order = shuffled(rows, key, threads, tick)?;
    order.truncate(places);
    let report = Report::new(batching, rows, order.len(), order.len());
    Ok(Plan::new(order, &sizes, batching, seed, epoch, report))
}
