//! How much each source gives in an epoch.

use crate::error::{Error, Result};

/// When an epoch ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Before a source would begin again.
    First,
    /// When every source has given all it has.
    All,
    /// After a number of steps.
    Steps(u64),
}

/// The most steps of an epoch.
const MOST: u64 = u32::MAX as u64;
/// The most steps by which rounding lengthens or shortens an epoch; only weights far below this share reach it.
const WALK: u64 = 1 << 16;

/// What sources of `lengths` give where each in turn gives one step.
///
/// # Errors
/// [`Error::Argument`] where there are no sources, one has nothing, or the steps are none or too many.
pub fn counts_in_turn(lengths: &[u64], stop: Stop) -> Result<Vec<u64>> {
    check_lengths(lengths)?;
    let (sources, number) = (lengths.len() as u64, |length: Option<&u64>| {
        length.copied().unwrap_or(0)
    });
    let steps = match stop {
        Stop::First => number(lengths.iter().min()).saturating_mul(sources),
        Stop::All => number(lengths.iter().max()).saturating_mul(sources),
        Stop::Steps(steps) => steps,
    };
    check_steps(steps)?;
    let of_source = |source| steps / sources + u64::from(source < steps % sources);
    Ok((0..sources).map(of_source).collect())
}

/// What sources of `lengths` give, in steps of `whole` parts, shared by `weights`; each within one of its exact share.
///
/// The parts that shares leave over go to the largest remainders, the first source first where they are equal (Hamilton).
/// With [`Stop::First`] the steps are as many as can be so that no source gives more than it has, with [`Stop::All`] as few
/// as can be so that each gives all. A source without weight gives nothing, and nobody waits for it. The arithmetic is
/// that of integers. O(sources), and O(sources) for each step by which rounding could lengthen an epoch.
///
/// # Errors
/// [`Error::Argument`] where there are no sources, one has nothing, weights are not one non-negative number a source or sum
/// to zero, or the steps are none or too many.
pub fn counts_of_weights(
    lengths: &[u64],
    weights: &[f64],
    stop: Stop,
    whole: u64,
) -> Result<Vec<u64>> {
    check_lengths(lengths)?;
    let shares = Shares::new(weights, lengths.len())?;
    let mut kept = weights.iter().zip(&shares.weights);
    if stop == Stop::All && kept.any(|(&weight, &kept)| weight > 0.0 && kept == 0) {
        let rule = "be at least 2^-53 of the largest, or 0, where every source is to come";
        return Err(Error::argument("weights", rule, format!("{weights:?}")));
    }
    let holds = |steps: u64, holds: fn(u64, u64) -> bool| {
        let counts = shares.of(u128::from(steps) * u128::from(whole));
        let mut pairs = counts.iter().zip(lengths).zip(&shares.weights);
        pairs.all(|((&count, &length), &weight)| weight == 0 || holds(count, length))
    };
    // How many steps give exactly what a source has, rounded down or up.
    let full = |round: fn(u128, u128) -> u128| {
        let weighted = shares.weights.iter().zip(lengths);
        weighted
            .filter(|(weight, _)| **weight > 0)
            .map(move |(&weight, &length)| {
                let parts = u128::from(length) * shares.total;
                round(parts, u128::from(weight) * u128::from(whole))
            })
    };
    let steps = match stop {
        Stop::First => {
            let least = full(|parts, of| parts / of).min().unwrap_or(0);
            let mut steps = u64::try_from(least).unwrap_or(u64::MAX).min(MOST + 1);
            let last = MOST.min(steps.saturating_add(WALK));
            while steps < last && holds(steps + 1, |count, length| count <= length) {
                steps += 1;
            }
            steps
        }
        Stop::All => {
            let most = full(u128::div_ceil).max().unwrap_or(0);
            let mut steps = u64::try_from(most).unwrap_or(u64::MAX).min(MOST + 1);
            let last = steps.saturating_sub(WALK).max(1);
            while steps > last && steps <= MOST && holds(steps - 1, |count, length| count >= length)
            {
                steps -= 1;
            }
            steps
        }
        Stop::Steps(steps) => steps,
    };
    if steps == 0 && stop == Stop::First {
        let rule = "leave rows of every source for one step";
        return Err(Error::argument("batch_size", rule, whole));
    }
    check_steps(steps)?;
    Ok(shares.of(u128::from(steps) * u128::from(whole)))
}

/// Weights as integers.
struct Shares {
    weights: Vec<u64>,
    total: u128,
}

impl Shares {
    fn new(weights: &[f64], sources: usize) -> Result<Self> {
        let rule = format!("be {sources} non-negative numbers with a sum above zero");
        let refused = || Error::argument("weights", rule.as_str(), format!("{weights:?}"));
        let is_weight = |weight: &f64| weight.is_finite() && *weight >= 0.0;
        if weights.len() != sources || !weights.iter().all(is_weight) {
            return Err(refused());
        }
        let largest = weights
            .iter()
            .fold(0.0f64, |most, &weight| most.max(weight));
        if largest == 0.0 {
            return Err(refused());
        }
        let (_, highest) = parts(largest);
        let weights: Vec<u64> = weights
            .iter()
            .map(|&weight| {
                let (mantissa, exponent) = parts(weight);
                // What is 2^-53 of the largest or less counts for nothing.
                mantissa.checked_shr(highest - exponent).unwrap_or(0)
            })
            .collect();
        let total = weights.iter().map(|&weight| u128::from(weight)).sum();
        Ok(Self { weights, total })
    }

    /// `parts` parts by weight.
    fn of(&self, parts: u128) -> Vec<u64> {
        let number = |count: u128| u64::try_from(count).unwrap_or(u64::MAX);
        let exact = |&weight: &u64| u128::from(weight) * parts;
        let mut counts: Vec<u64> = self
            .weights
            .iter()
            .map(|weight| number(exact(weight) / self.total))
            .collect();
        let given: u128 = counts.iter().map(|&count| u128::from(count)).sum();
        let mut left = usize::try_from(parts - given).unwrap_or(usize::MAX);
        let mut owed: Vec<(u128, usize)> = self.weights.iter().map(exact).zip(0..).collect();
        for (rest, _) in &mut owed {
            *rest %= self.total;
        }
        owed.sort_unstable_by_key(|&(rest, source)| (std::cmp::Reverse(rest), source));
        left = left.min(owed.len());
        for &(_, source) in &owed[..left] {
            counts[source] += 1;
        }
        counts
    }
}

/// A finite non-negative number as `mantissa * 2^(exponent - 1075)`.
fn parts(value: f64) -> (u64, u32) {
    let bits = value.to_bits();
    let exponent = u32::try_from(bits >> 52).unwrap_or(0);
    let fraction = bits & ((1 << 52) - 1);
    if exponent == 0 {
        (fraction, 1)
    } else {
        (fraction | 1 << 52, exponent)
    }
}

pub(super) fn check_lengths(lengths: &[u64]) -> Result<()> {
    if lengths.is_empty() {
        let rule = "have at least one source";
        return Err(Error::argument("batch_samplers", rule, "none"));
    }
    if let Some(source) = lengths.iter().position(|&length| length == 0) {
        let name = format!("batch_samplers[{source}]");
        let rule = "give at least one batch for each rank";
        return Err(Error::argument(&name, rule, "none"));
    }
    if let Some(&length) = lengths.iter().find(|&&length| length > MOST) {
        let rule = format!("have at most {MOST} batches");
        return Err(Error::argument("batch_samplers", rule, length));
    }
    Ok(())
}

pub(super) fn check_steps(steps: u64) -> Result<()> {
    if steps == 0 {
        return Err(Error::argument("stop", "leave at least one step", 0));
    }
    if steps > MOST {
        let rule = format!("come after at most {MOST} steps");
        return Err(Error::argument("stop", rule, "more"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_hold_what_the_weights_are_to_each_other() -> Result<()> {
        let tiny = f64::MIN_POSITIVE / 4.0;
        for weights in [
            [1.0, 2.0, 5.0],
            [0.25, 0.5, 1.25],
            [tiny, 2.0 * tiny, 5.0 * tiny],
        ] {
            let shares = Shares::new(&weights, 3)?;
            assert_eq!(shares.of(8), [1, 2, 5]);
            assert_eq!(shares.of(4), [1, 1, 2]);
        }
        assert_eq!(Shares::new(&[1.0, 1e-30], 2)?.of(10), [10, 0]);
        Ok(())
    }

    #[test]
    fn no_count_is_more_than_the_source_has_or_less() -> Result<()> {
        let first = counts_of_weights(&[9, 3], &[0.9, 0.1], Stop::First, 1)?;
        assert_eq!(first, [9, 1]);
        let all = counts_of_weights(&[9, 3], &[0.9, 0.1], Stop::All, 1)?;
        assert_eq!(all[1], 3);
        assert_eq!(
            counts_of_weights(&[7, 5], &[7.0, 5.0], Stop::First, 1)?,
            [7, 5]
        );
        assert_eq!(
            counts_of_weights(&[7, 5], &[0.0, 1.0], Stop::All, 1)?,
            [0, 5]
        );
        assert_eq!(
            counts_of_weights(&[7, 5], &[1.0, 1.0], Stop::First, 4)?,
            [4, 4]
        );
        Ok(())
    }
}
