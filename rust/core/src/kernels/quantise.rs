//! A row as a scale times int8 codes plus a rest, and how long both are.

use super::tile::STEP;
use crate::cpu::{Features, features};

/// Added to a float64 and so leaving its nearest integer, ties to even, in the low bits of the sum.
const MAGIC: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52
/// A scale below this is none: the row's codes are zeros, and all of it is rest.
const LEAST_SCALE: f32 = 1e-30;
/// More than the relative error of a float64 sum of squares of any dimension in use, and of rounding it to float32.
const ROUND_UP: f64 = 1.0 + 1e-6;

/// What codes stand for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantised {
    /// What the codes are multiplied by.
    pub scale: f32,
    /// At least the length of scale times codes.
    pub length: f32,
    /// At least the length of what is left of the row.
    pub rest: f32,
    /// The sum of the codes.
    pub sum: i32,
}

/// Writes the codes of `row`, in -127..=127, to the first places of `codes`; those past the row become zero. No sum of
/// codes of one sign over four places as [`Tile::most_of_four`](super::Tile::most_of_four) says exceeds `most_of_four`.
/// O(dimension).
///
/// # Panics
/// Where `codes` is not the row's length, padded to a multiple of [`STEP`].
pub fn quantise(row: &[f64], most_of_four: i32, codes: &mut [i8]) -> Quantised {
    assert_eq!(codes.len(), row.len().next_multiple_of(STEP));
    let greatest = greatest_with(features(), row);
    let mut steps = greatest / 127.0;
    if most_of_four < 4 * 127 {
        // Rounding adds at most a half to each of four codes.
        steps = steps.max(greatest_of_four(row) / f64::from(most_of_four - 2));
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding to float32 is meant"
    )]
    let scale = (steps * ROUND_UP) as f32;
    codes[row.len()..].fill(0);
    let mut sums = [0.0; 3];
    if scale >= LEAST_SCALE {
        sums = codes_with(features(), row, f64::from(scale), &mut codes[..row.len()]);
    } else {
        codes.fill(0);
        sums[1] = row.iter().map(|x| x * x).sum();
    }
    let up = |square: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "rounding to float32 is meant"
        )]
        let near = (square.sqrt() * ROUND_UP) as f32;
        near
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a sum of codes is far below 2^31"
    )]
    let sum = sums[2] as i32;
    Quantised {
        scale: if scale >= LEAST_SCALE { scale } else { 0.0 },
        length: up(sums[0]) * if scale >= LEAST_SCALE { scale } else { 0.0 } * (1.0 + 1e-6),
        rest: up(sums[1]) + f32::MIN_POSITIVE,
        sum,
    }
}

/// The greatest sum of one sign over the places that a kernel adds in 16 bits.
fn greatest_of_four(row: &[f64]) -> f64 {
    let mut greatest = 0.0f64;
    for eight in row.chunks(STEP) {
        let mut sums = [0.0; 4];
        for (at, &value) in eight.iter().enumerate() {
            let four = at / 2 % 2;
            sums[four] += value.max(0.0);
            sums[2 + four] += (-value).max(0.0);
        }
        greatest = sums.iter().copied().fold(greatest, f64::max);
    }
    greatest
}

#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "compiled anew for each instruction set"
)]
fn greatest(row: &[f64]) -> f64 {
    let mut parts = [0.0f64; 8];
    let (chunks, rest) = row.as_chunks::<8>();
    for chunk in chunks {
        for (part, value) in parts.iter_mut().zip(chunk) {
            *part = if value.abs() > *part {
                value.abs()
            } else {
                *part
            };
        }
    }
    let rest = rest.iter().map(|value| value.abs());
    parts.into_iter().chain(rest).fold(0.0, f64::max)
}

/// Squares of the codes, squares of the rest, and the codes, summed.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "compiled anew for each instruction set"
)]
fn fill(row: &[f64], scale: f64, codes: &mut [i8]) -> [f64; 3] {
    let mut parts = [[0.0; 8]; 3];
    let inverse = 1.0 / scale;
    let mut add = |at: usize, value: f64, out: &mut i8| {
        let shifted = value * inverse + MAGIC;
        let code = shifted - MAGIC;
        let rest = value - code * scale;
        parts[0][at] += code * code;
        parts[1][at] += rest * rest;
        parts[2][at] += code;
        #[expect(clippy::cast_possible_truncation, reason = "the low byte is the code")]
        let byte = shifted.to_bits() as u8;
        *out = byte.cast_signed();
    };
    let (chunks, rest) = row.as_chunks::<8>();
    let (outs, out_rest) = codes.as_chunks_mut::<8>();
    for (chunk, out) in chunks.iter().zip(outs) {
        for at in 0..8 {
            add(at, chunk[at], &mut out[at]);
        }
    }
    for (at, (&value, out)) in rest.iter().zip(out_rest).enumerate() {
        add(at, value, out);
    }
    parts.map(|part| part.iter().sum())
}

fn greatest_with(features: Features, row: &[f64]) -> f64 {
    #[cfg(target_arch = "x86_64")]
    if features.avx2 {
        #[expect(unsafe_code, reason = "the instruction set was probed")]
        // SAFETY: the probe found the instructions.
        return unsafe { greatest_avx2(row) };
    }
    let _ = features;
    greatest(row)
}

fn codes_with(features: Features, row: &[f64], scale: f64, codes: &mut [i8]) -> [f64; 3] {
    #[cfg(target_arch = "x86_64")]
    if features.avx2 {
        #[expect(unsafe_code, reason = "the instruction set was probed")]
        // SAFETY: the probe found the instructions.
        return unsafe { fill_avx2(row, scale, codes) };
    }
    let _ = features;
    fill(row, scale, codes)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn greatest_avx2(row: &[f64]) -> f64 {
    greatest(row)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn fill_avx2(row: &[f64], scale: f64, codes: &mut [i8]) -> [f64; 3] {
    fill(row, scale, codes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Key;

    fn check(row: &[f64], most_of_four: i32) -> Quantised {
        let mut codes = vec![1; row.len().next_multiple_of(STEP)];
        let found = quantise(row, most_of_four, &mut codes);
        let scale = f64::from(found.scale);
        let (mut length, mut rest, mut sum) = (0.0, 0.0, 0);
        for (at, &code) in codes.iter().enumerate() {
            let value = row.get(at).copied().unwrap_or(0.0);
            assert!(code >= -127 && (at < row.len() || code == 0));
            length += (f64::from(code) * scale).powi(2);
            rest += (value - f64::from(code) * scale).powi(2);
            sum += i32::from(code);
        }
        assert!(
            f64::from(found.length) >= length.sqrt()
                && f64::from(found.length) <= length.sqrt() * 1.00001 + 1e-30
        );
        assert!(
            f64::from(found.rest) >= rest.sqrt()
                && f64::from(found.rest) <= rest.sqrt() * 1.00001 + 1e-30
        );
        assert_eq!(found.sum, sum);
        for eight in codes.chunks(STEP) {
            for four in [[0, 1, 4, 5], [2, 3, 6, 7]] {
                for sign in [1, -1] {
                    let sum: i32 = four
                        .iter()
                        .map(|&at| (sign * i32::from(eight[at])).max(0))
                        .sum();
                    assert!(sum <= most_of_four, "{sum}");
                }
            }
        }
        found
    }

    #[test]
    fn codes_keep_their_bounds_and_lengths_theirs() {
        for dim in [1usize, 7, 8, 9, 384, 1100] {
            let mut rng = Key::new(dim as u64).rng();
            for size in [1.0, 1e-20, 1e-40, 0.0, 1e12] {
                let row: Vec<f64> = (0..dim).map(|_| (rng.unit() - 0.5) * size).collect();
                for most_of_four in [128, i32::MAX] {
                    check(&row, most_of_four);
                }
            }
        }
        check(&[3.0; 16], 128);
        check(&[-3.0; 16], 128);
    }

    #[test]
    fn both_forms_agree() {
        let mut rng = Key::new(5).rng();
        let row: Vec<f64> = (0..100).map(|_| rng.unit() - 0.5).collect();
        let (mut left, mut right) = (vec![0; 100], vec![0; 100]);
        let scale = greatest_with(features(), &row) / 127.0;
        let one = codes_with(features(), &row, scale, &mut left);
        let other = codes_with(Features::default(), &row, scale, &mut right);
        assert_eq!(
            (one.map(f64::to_bits), left),
            (other.map(f64::to_bits), right)
        );
    }
}
