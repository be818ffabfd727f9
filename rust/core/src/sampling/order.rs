//! Random orders: every row draws a position of 32 bits, and rows are sorted by it.

use crate::error::Result;
use crate::key::Key;
use crate::pool;
use crate::tick::Tick;

const BLOCK: usize = 1 << 16;
/// Below this, comparing is faster than counting digits.
const SMALL: usize = 1 << 12;
const DIGIT: u32 = 11;

/// Positions above, rows below: the numbers `position << 32 | row` in ascending order. O(rows).
pub(super) fn random_positions(
    rows: usize,
    key: Key,
    threads: usize,
    tick: &mut Tick<'_>,
) -> Result<Vec<u64>> {
    let mut positions = vec![0; rows];
    pool::fill_blocks(threads, &mut positions, BLOCK, tick, |start, block| {
        for (row, position) in (start as u64..).zip(block) {
            *position = key.bits(row) & !u64::from(u32::MAX) | row;
        }
        Ok(())
    })?;
    sort_by_position(&mut positions, tick)?;
    Ok(positions)
}

/// Sorts by the upper 32 bits, stable. O(items), as many again in memory.
#[expect(
    clippy::cast_possible_truncation,
    reason = "digits are what is left of a number"
)]
pub(super) fn sort_by_position(items: &mut Vec<u64>, tick: &mut Tick<'_>) -> Result<()> {
    if items.len() <= SMALL {
        items.sort_by_key(|item| item >> 32);
        return Ok(());
    }
    let shifts = [32, 32 + DIGIT, 32 + 2 * DIGIT];
    let digit = |item: u64, shift: u32| (item >> shift) as usize & ((1 << DIGIT) - 1);
    let mut places = vec![[0usize; 3]; 1 << DIGIT];
    for &item in items.iter() {
        for (at, &shift) in shifts.iter().enumerate() {
            places[digit(item, shift)][at] += 1;
        }
    }
    for at in 0..shifts.len() {
        let mut start = 0;
        for place in &mut places {
            start += std::mem::replace(&mut place[at], start);
        }
    }
    let mut sorted = vec![0; items.len()];
    for (at, &shift) in shifts.iter().enumerate() {
        for chunk in items.chunks(1 << 20) {
            tick.at(0, 1)?;
            for &item in chunk {
                let place = &mut places[digit(item, shift)][at];
                sorted[*place] = item;
                *place += 1;
            }
        }
        std::mem::swap(items, &mut sorted);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_digits_equals_comparing() -> Result<()> {
        for len in [0, 5, SMALL, SMALL + 1, 50_000] {
            let key = Key::new(len as u64);
            let mut items: Vec<u64> = (0..len as u64).map(|at| key.bits(at)).collect();
            let mut expected = items.clone();
            expected.sort_by_key(|item| item >> 32);
            sort_by_position(&mut items, &mut Tick::silent())?;
            assert_eq!(items, expected);
        }
        Ok(())
    }

    #[test]
    fn positions_are_even_and_rows_complete() -> Result<()> {
        let sorted = random_positions(10_000, Key::new(3), 2, &mut Tick::silent())?;
        let mut rows: Vec<u64> = sorted
            .iter()
            .map(|item| item & u64::from(u32::MAX))
            .collect();
        let early = rows[..5000].iter().filter(|&&row| row < 5000).count();
        assert!(early.abs_diff(2500) < 150, "{early}");
        rows.sort_unstable();
        assert!(rows.into_iter().eq(0..10_000));
        Ok(())
    }
}
