//! Some of each row's negatives, drawn anew in every epoch.
//!
//! A row's draw is keyed by its number: it can be made alone, by whoever reads the row, and is that of the whole draw.
//! All is done in integers, so that it is the same on every platform.

use crate::error::{Error, Result};
use crate::key::{Key, stream};
use crate::pool;
use crate::sampling::plan::Draw;
use crate::tick::Tick;
use crate::view::check_rows;

/// Rows whose negatives are drawn together.
const BLOCK: usize = 1 << 12;
/// The weight of a list's first place; the sum over 2^32 places stays below 2^53.
const FIRST: u64 = 1 << 48;

/// How likely each place of a list is to be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weighting {
    /// All alike.
    Uniform,
    /// Lists are best first: place j has the weight 1 / (j + 1), and each next negative is drawn from what is left by
    /// its weight. That is the choice of the largest keys `u ^ (1 / weight)` (Efraimidis and Spirakis 2006), without
    /// their logarithms, whose last bits are a platform's own.
    Top,
}

/// `count` different places of each row's list, ascending, row after row; deterministic in `draw`.
///
/// `lengths` are those of the rows' lists. O(rows x (count^2 + count log length)), and 8 bytes a place of the longest list.
///
/// # Errors
/// [`Error::Argument`] where `count` is zero, [`Error::Row`] at the first row with fewer negatives,
/// [`Error::TooMany`] past `u32` rows, [`Error::Cancelled`].
pub fn draw_negatives(
    lengths: &[u32],
    count: usize,
    weighting: Weighting,
    draw: Draw,
    threads: usize,
    tick: &mut Tick<'_>,
) -> Result<Vec<u32>> {
    check_rows("negatives", lengths.len())?;
    for (row, &length) in lengths.iter().enumerate() {
        check(length, count, row)?;
    }
    let longest = lengths.iter().copied().max().unwrap_or(0);
    let places = Places::new(longest, weighting);
    let key = draw.key().fold(stream::NEGATIVES);
    let mut drawn = vec![0; lengths.len() * count];
    pool::fill_blocks(threads, &mut drawn, BLOCK * count, tick, |start, block| {
        let first = start / count;
        for (row, drawn) in (first..).zip(block.chunks_exact_mut(count)) {
            places.draw(lengths[row], key.fold(row as u64), drawn);
        }
        Ok(())
    })?;
    Ok(drawn)
}

/// What [`draw_negatives`] draws for one row, whose list has `length` places.
///
/// # Errors
/// [`Error::Argument`] where `count` is zero, [`Error::Row`] where the list has fewer places.
pub fn draw_row(
    length: u32,
    count: usize,
    weighting: Weighting,
    draw: Draw,
    row: u32,
) -> Result<Vec<u32>> {
    check(length, count, row as usize)?;
    let key = draw.key().fold(stream::NEGATIVES).fold(u64::from(row));
    let mut drawn = vec![0; count];
    Places::new(length, weighting).draw(length, key, &mut drawn);
    Ok(drawn)
}

fn check(length: u32, count: usize, row: usize) -> Result<()> {
    if count == 0 {
        return Err(Error::argument("num_negatives", "be at least 1", count));
    }
    if (length as usize) < count {
        return Err(Error::Row {
            column: "negatives".into(),
            row,
            rule: format!("have at least {count} negatives"),
            got: length.to_string(),
        });
    }
    Ok(())
}

/// The places of lists up to some length, and how likely they are.
enum Places {
    Uniform,
    /// The sum of the weights up to each place and with it.
    Weighted(Vec<u64>),
}

impl Places {
    fn new(longest: u32, weighting: Weighting) -> Self {
        match weighting {
            Weighting::Uniform => Self::Uniform,
            Weighting::Top => {
                let weights = (1..=u64::from(longest)).map(|place| FIRST / place);
                let sums = weights.scan(0, |sum, weight| {
                    *sum += weight;
                    Some(*sum)
                });
                Self::Weighted(sums.collect())
            }
        }
    }

    /// Fills `drawn` with different places below `length`, ascending.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "places are below a length of 32 bits"
    )]
    fn draw(&self, length: u32, key: Key, drawn: &mut [u32]) {
        if drawn.len() == length as usize {
            for (place, drawn) in (0..).zip(drawn) {
                *drawn = place;
            }
            return;
        }
        match self {
            Self::Uniform => {
                let places = key.rng().choose(u64::from(length), drawn.len() as u64);
                for (drawn, place) in drawn.iter_mut().zip(places) {
                    *drawn = place as u32;
                }
            }
            Self::Weighted(sums) => one_by_one(&sums[..length as usize], key, drawn),
        }
    }
}

/// Draws places one after the other, each by its weight among those that are left.
#[expect(
    clippy::cast_possible_truncation,
    reason = "places are below a length of 32 bits"
)]
fn one_by_one(sums: &[u64], key: Key, drawn: &mut [u32]) {
    let start = |place: u32| (place as usize).checked_sub(1).map_or(0, |last| sums[last]);
    let weight = |place: u32| sums[place as usize] - start(place);
    let mut left = sums.last().copied().unwrap_or(0);
    let mut rng = key.rng();
    for count in 0..drawn.len() {
        // A point of what is left, moved past the places that are taken.
        let mut point = rng.below(left);
        let mut before = 0;
        for &taken in &drawn[..count] {
            if point < start(taken) {
                break;
            }
            point += weight(taken);
            before += 1;
        }
        let place = sums.partition_point(|&sum| sum <= point) as u32;
        left -= weight(place);
        drawn.copy_within(before..count, before + 1);
        drawn[before] = place;
    }
}
