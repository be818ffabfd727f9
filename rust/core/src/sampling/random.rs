//! Every row once: in an order that the draw decides, or in their own.

use crate::error::Result;
use crate::key::stream;
use crate::sampling::order::shuffled;
use crate::sampling::plan::{Batching, Draw, Plan, Report, Tail};
use crate::tick::Tick;

/// A plan of shuffled batches; deterministic in `draw`. O(rows).
///
/// # Errors
/// [`Argument`](crate::Error::Argument) where the rows do not make one batch for each rank, [`Cancelled`](crate::Error::Cancelled).
pub fn random(
    rows: usize,
    batching: Batching,
    draw: Draw,
    threads: usize,
    tick: &mut Tick<'_>,
) -> Result<Plan> {
    batching.num_batches(rows)?;
    let key = draw.key().fold(stream::SHUFFLE);
    cut(shuffled(rows, key, threads, tick)?, batching)
}

/// A plan of the rows in their own order, the same in every epoch. O(rows).
///
/// # Errors
/// As [`random`].
#[expect(
    clippy::cast_possible_truncation,
    reason = "counting batches checks that rows are 32 bits"
)]
pub fn sequential(rows: usize, batching: Batching) -> Result<Plan> {
    batching.num_batches(rows)?;
    cut((0..rows as u32).collect(), batching)
}

/// Cuts an order of all rows into batches; where the last one is refilled, with the first rows.
fn cut(mut order: Vec<u32>, batching: Batching) -> Result<Plan> {
    let rows = order.len();
    let batches = batching.num_batches(rows)?;
    let mut sizes = batching.sizes(batching.whole(), rows, batches);
    if let (Tail::Refill, Some(last)) = (batching.tail(), sizes.last_mut()) {
        order.extend_from_within(..batching.whole() - *last as usize);
        *last = u32::try_from(batching.whole()).unwrap_or(u32::MAX);
    }
    let places: usize = sizes.iter().map(|&size| size as usize).sum();
    order.truncate(places);
    let report = Report::of_batches(places, rows, rows.min(places), places);
    Ok(Plan::dealt(order, &sizes, batching.num_replicas(), report))
}
