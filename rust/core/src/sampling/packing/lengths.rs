//! Batches of rows of like lengths: few tokens are padding, and a batch may have as many rows as its tokens allow.
//!
//! Rows are cut by length into bands, the longest first. A band's batches may have as many rows as its longest row
//! allows, and its last batch is filled with rows of the next band. All this follows from the lengths alone, so the
//! number of batches is the same in every epoch; which rows of a band meet is drawn.

use crate::error::{Error, Result};
use crate::sampling::plan::{Batching, Tail};

/// Batches that a band has at least, so that its rows meet others in every epoch.
const BATCHES: usize = 16;

/// How long rows are, and what that means for batches.
#[derive(Debug, Clone, Copy)]
pub struct Lengths<'a> {
    /// Of each row, in tokens.
    pub rows: &'a [u32],
    /// The most tokens of a rank's batch, padding included: its rows times the longest.
    pub max_tokens: Option<u64>,
    /// The share of a band's longest row by which others may be shorter, 0 to 1; a band of few batches ignores it.
    pub max_padding: f64,
}

impl Lengths<'_> {
    /// Batches that the longest row may be in: every row may be in one of these.
    pub(super) fn of_longest(self, batching: Batching) -> Batching {
        let longest = self.rows.iter().max().copied().unwrap_or(0);
        batching.of(rows_of(longest, self.max_tokens, batching))
    }
}

/// Rows of like lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Band {
    /// The length of its longest row.
    longest: u32,
    /// The rows of a global batch.
    pub(super) whole: usize,
    pub(super) batches: usize,
    /// The rows for these batches, some of them from the bands of shorter rows.
    pub(super) rows: usize,
}

/// All bands, the longest rows first.
#[derive(Debug, Default)]
pub(super) struct Bands {
    all: Vec<Band>,
    /// The band of each row: the last whose batches may take it.
    of: Vec<u16>,
}

impl Bands {
    pub(super) fn new(lengths: Lengths<'_>, batching: Batching) -> Result<Self> {
        check(lengths)?;
        let mut counts = counts_by_length(lengths.rows);
        let mut bands: Vec<Band> = Vec::new();
        let mut left = lengths.rows.len();
        while let Some(&(longest, _)) = counts.last() {
            let whole = rows_of(longest, lengths.max_tokens, batching) * batching.num_replicas();
            // Of more bands than a number holds, the last has all that is left.
            let is_last = bands.len() == usize::from(u16::MAX);
            let shortest = f64::from(longest) * (1.0 - lengths.max_padding);
            let like = counts.iter().rev();
            let like = like.take_while(|(length, _)| is_last || f64::from(*length) >= shortest);
            let wanted: usize = like.map(|(_, rows)| rows).sum();
            let batches = wanted.div_ceil(whole).max(BATCHES);
            // Too few rows would be left for another band: this one has them all, and is the last.
            let band = if left >= (batches + BATCHES) * whole {
                Band {
                    longest,
                    whole,
                    batches,
                    rows: batches * whole,
                }
            } else {
                Band {
                    longest,
                    whole,
                    batches: match batching.tail() {
                        Tail::Drop => left / whole,
                        Tail::Short => left.div_ceil(whole).min(left / batching.num_replicas()),
                        Tail::Refill => left.div_ceil(whole),
                    },
                    rows: left,
                }
            };
            bands.push(band);
            left -= take(&mut counts, band.rows);
        }
        let of = bands_of(lengths.rows, &bands);
        Ok(Self { all: bands, of })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Band> {
        self.all.iter()
    }

    /// The number of bands.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// The band of a row, 0 where there are none.
    pub(super) fn of(&self, row: u32) -> usize {
        self.of
            .get(row as usize)
            .map_or(0, |&band| usize::from(band))
    }
}

/// How many rows a rank's batch may have whose longest row has `longest` tokens.
fn rows_of(longest: u32, max_tokens: Option<u64>, batching: Batching) -> usize {
    let rows = max_tokens.map_or(u64::MAX, |tokens| tokens / u64::from(longest.max(1)));
    usize::try_from(rows)
        .unwrap_or(usize::MAX)
        .clamp(1, batching.batch_size())
}

fn check(lengths: Lengths<'_>) -> Result<()> {
    if !(0.0..=1.0).contains(&lengths.max_padding) {
        return Err(Error::argument(
            "max_padding",
            "be from 0 to 1",
            lengths.max_padding,
        ));
    }
    let Some(max_tokens) = lengths.max_tokens else {
        return Ok(());
    };
    let too_long = |&length: &u32| u64::from(length) > max_tokens;
    if let Some(row) = lengths.rows.iter().position(too_long) {
        let rule = "be at least the length of the longest row";
        let got = format!("{max_tokens} for {} tokens of row {row}", lengths.rows[row]);
        return Err(Error::argument("max_tokens", rule, got));
    }
    Ok(())
}

/// Each length and the number of its rows, in ascending order.
fn counts_by_length(lengths: &[u32]) -> Vec<(u32, usize)> {
    let longest = lengths.iter().max().map_or(0, |&length| length as usize);
    if longest < 1 << 20 {
        let mut counts = vec![0usize; longest + 1];
        for &length in lengths {
            counts[length as usize] += 1;
        }
        let found = (0..).zip(counts);
        return found.filter(|&(_, rows)| rows > 0).collect();
    }
    let mut sorted = lengths.to_vec();
    sorted.sort_unstable();
    sorted
        .chunk_by(|one, next| one == next)
        .map(|same| (same[0], same.len()))
        .collect()
}

/// Takes `rows` of the longest rows away; how many there were.
fn take(counts: &mut Vec<(u32, usize)>, rows: usize) -> usize {
    let mut taken = 0;
    while let Some((_, count)) = counts.last_mut() {
        let more = (*count).min(rows - taken);
        taken += more;
        *count -= more;
        if *count > 0 {
            break;
        }
        counts.pop();
    }
    taken
}

fn bands_of(lengths: &[u32], bands: &[Band]) -> Vec<u16> {
    // The last band whose longest row is no shorter.
    let of = |length: u32| {
        let after = bands.partition_point(|band| band.longest >= length);
        u16::try_from(after.saturating_sub(1)).unwrap_or(u16::MAX)
    };
    let longest = bands.first().map_or(0, |band| band.longest as usize);
    if longest < 1 << 20 {
        let by_length: Vec<u16> = (0u32..).take(longest + 1).map(of).collect();
        return lengths
            .iter()
            .map(|&length| by_length[length as usize])
            .collect();
    }
    lengths.iter().map(|&length| of(length)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bands(rows: &[u32], size: usize, max_tokens: Option<u64>, tail: Tail) -> Result<Bands> {
        let lengths = Lengths {
            rows,
            max_tokens,
            max_padding: 0.1,
        };
        Bands::new(lengths, Batching::new(size, 1, tail)?)
    }

    #[test]
    fn bands_hold_like_lengths_and_all_rows() -> Result<()> {
        let rows: Vec<u32> = (0..4000).map(|row| 1 + row * 7 % 100).collect();
        let found = bands(&rows, 8, None, Tail::Short)?;
        let held: usize = found.iter().map(|band| band.rows).sum();
        assert_eq!(held, rows.len());
        assert!(found.len() > 10);
        for (row, &length) in (0..).zip(&rows) {
            let band = found.of(row);
            assert!(length <= found.all[band].longest);
            let next = found.all.get(band + 1);
            assert!(next.is_none_or(|next| length > next.longest));
        }
        Ok(())
    }

    #[test]
    fn tokens_bound_the_rows_of_a_band() -> Result<()> {
        let rows: Vec<u32> = (0..4000).map(|row| 1 + row * 7 % 100).collect();
        for band in bands(&rows, 64, Some(400), Tail::Drop)?.iter() {
            assert!(band.whole as u64 * u64::from(band.longest) <= 400);
            assert!(band.whole == 64 || (band.whole as u64 + 1) * u64::from(band.longest) > 400);
        }
        let refused = bands(&rows, 64, Some(99), Tail::Drop).err();
        let text = refused.map(|error| error.to_string()).unwrap_or_default();
        assert!(
            text.contains("`max_tokens` must be at least the length"),
            "{text}"
        );
        Ok(())
    }
}
