//! Items at random for each row, outside what the row must not get.
//!
//! What a row must not get is a list of ranges, so that what is allowed is counted and its i-th item found without being
//! listed: no draw is tried twice, however much is forbidden.

use crate::capacity::check_fits;
use crate::error::{Error, Result};
use crate::key::{Key, Rng, stream};
use crate::pool;
use crate::tick::Tick;
use crate::view::{Groups, check_rows};

/// Stands where a row has no further item.
pub const NONE: u32 = u32::MAX;
/// Rows that are drawn together.
const BLOCK: usize = 1 << 12;

/// `count` different items of `0..total` for each row, outside the row's ranges, each set and each order equally likely;
/// deterministic in `key` and the row's number.
///
/// A list of `ranges` holds where each range begins and ends, in turn, ascending and apart. A row that is allowed fewer
/// than `count` items gets them all, and [`NONE`] in its last places. O(rows x (ranges + count log count)).
///
/// # Errors
/// [`Error::Row`] at the first row whose ranges are no ascending pairs, [`Error::Argument`] for a `count` of zero,
/// [`Error::TooMany`] past `u32` rows, [`Error::Cancelled`].
pub fn draw_outside(
    total: u32,
    ranges: Groups<'_>,
    count: usize,
    key: Key,
    threads: usize,
    tick: &mut Tick<'_>,
) -> Result<Vec<u32>> {
    if count == 0 {
        return Err(Error::argument("count", "be at least 1", count));
    }
    check_rows("ranges", ranges.len())?;
    for row in 0..ranges.len() {
        check(ranges.get(row), total, row)?;
    }
    let item = size_of::<u32>();
    check_fits(
        "count",
        count,
        (ranges.len() as u128, "rows"),
        count.saturating_mul(item),
    )?;
    let size = ranges.len() * count;
    let key = key.fold(stream::OUTSIDE);
    let mut drawn = vec![NONE; size];
    pool::fill_blocks(threads, &mut drawn, BLOCK * count, tick, |start, block| {
        for (row, drawn) in (start / count..).zip(block.chunks_exact_mut(count)) {
            let mut rng = key.fold(row as u64).rng();
            draw(total, ranges.get(row), &mut rng, drawn);
        }
        Ok(())
    })?;
    Ok(drawn)
}

fn check(ranges: &[u32], total: u32, row: usize) -> Result<()> {
    let ascends = ranges.is_sorted() && ranges.last().is_none_or(|&end| end <= total);
    if ranges.len().is_multiple_of(2) && ascends {
        return Ok(());
    }
    let rule = format!("be ascending pairs up to {total}");
    Err(Error::row("ranges", row, rule, format!("{ranges:?}")))
}

/// Fills `drawn` from its front.
#[expect(
    clippy::cast_possible_truncation,
    reason = "items are below a total of 32 bits"
)]
fn draw(total: u32, ranges: &[u32], rng: &mut Rng, drawn: &mut [u32]) {
    let forbidden: u32 = ranges.chunks_exact(2).map(|pair| pair[1] - pair[0]).sum();
    let chosen = rng.choose(u64::from(total - forbidden), drawn.len() as u64);
    let (mut pairs, mut passed) = (ranges.chunks_exact(2).peekable(), 0);
    for (drawn, place) in drawn.iter_mut().zip(&chosen) {
        let mut item = *place as u32 + passed;
        while let Some(pair) = pairs.next_if(|pair| pair[0] <= item) {
            passed += pair[1] - pair[0];
            item += pair[1] - pair[0];
        }
        *drawn = item;
    }
    rng.shuffle(&mut drawn[..chosen.len()]);
}
