//! The exact score: products of float32 are exact in float64, and their sum is taken in one order on every machine.
//!
//! Eight partial sums, number `j` over the indices `j, j + 8, ...` in ascending order, then folded in halves. The order
//! is written out, and the compiler may not change it, so the bits do not depend on the instruction set.

use crate::cpu::{Features, features};

const PARTS: usize = 8;

/// The dot product of two equally long vectors; of the shorter length where they differ. O(dimension).
pub fn dot(left: &[f32], right: &[f32]) -> f64 {
    dot_with(features(), left, right)
}

/// The Euclidean norm, by the same sum. O(dimension).
pub fn norm(vector: &[f32]) -> f64 {
    dot(vector, vector).sqrt()
}

#[cfg(target_arch = "x86_64")]
fn dot_with(features: Features, left: &[f32], right: &[f32]) -> f64 {
    #[expect(unsafe_code, reason = "the variant's instruction set was probed")]
    // SAFETY: each function is called only where the probe found its instructions.
    unsafe {
        if features.avx512 {
            dot_avx512(left, right)
        } else if features.avx2 {
            dot_avx2(left, right)
        } else {
            sum(left, right)
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn dot_with(_: Features, left: &[f32], right: &[f32]) -> f64 {
    sum(left, right)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn dot_avx2(left: &[f32], right: &[f32]) -> f64 {
    sum(left, right)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn dot_avx512(left: &[f32], right: &[f32]) -> f64 {
    sum(left, right)
}

#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "compiled anew for each instruction set"
)]
fn sum(left: &[f32], right: &[f32]) -> f64 {
    let mut parts = [0.0; PARTS];
    let (left, right) = (left.chunks_exact(PARTS), right.chunks_exact(PARTS));
    let rest = left.remainder().iter().zip(right.remainder());
    for (left, right) in left.zip(right) {
        for j in 0..PARTS {
            parts[j] += f64::from(left[j]) * f64::from(right[j]);
        }
    }
    for (part, (&left, &right)) in parts.iter_mut().zip(rest) {
        *part += f64::from(left) * f64::from(right);
    }
    let pair = |at| parts[at] + parts[at + 4];
    (pair(0) + pair(2)) + (pair(1) + pair(3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Key;

    #[test]
    fn variants_give_the_bits_of_the_written_order() {
        for dim in [1usize, 7, 8, 9, 31, 384, 1100] {
            let mut rng = Key::new(dim as u64).rng();
            let mut draw = || (0..dim).map(|_| spread(rng.bits())).collect::<Vec<_>>();
            let (left, right) = (draw(), draw());
            let mut parts = [0.0f64; PARTS];
            for (at, (x, y)) in left.iter().zip(&right).enumerate() {
                parts[at % PARTS] += f64::from(*x) * f64::from(*y);
            }
            for half in [4, 2, 1] {
                for j in 0..half {
                    parts[j] += parts[j + half];
                }
            }
            for features in [features(), Features::default()] {
                assert_eq!(
                    dot_with(features, &left, &right).to_bits(),
                    parts[0].to_bits()
                );
            }
            if features().avx2 {
                let avx2 = Features {
                    avx2: true,
                    ..Features::default()
                };
                assert_eq!(dot_with(avx2, &left, &right).to_bits(), parts[0].to_bits());
            }
        }
    }

    /// Values of both signs over forty binades, so that another order would show.
    fn spread(bits: u64) -> f32 {
        let exponent = i32::try_from(bits % 40).unwrap_or(0) - 20;
        let mantissa = f32::from(u16::try_from((bits >> 16) & 0xffff).unwrap_or(0)) / 65536.0;
        let sign = if bits >> 63 == 0 { 1.0 } else { -1.0 };
        sign * (1.0 + mantissa) * 2.0f32.powi(exponent)
    }

    #[test]
    fn ends_hold() {
        assert_eq!(dot(&[], &[]).to_bits(), 0);
        assert_eq!(dot(&[-0.0], &[1.0]).to_bits(), 0);
        assert!((norm(&[3.0, 4.0]) - 5.0).abs() < 1e-15);
        let (tiny, huge) = (f32::from_bits(1), f32::MAX);
        assert!(norm(&[tiny; 3]) > 0.0 && norm(&[huge; 1100]).is_finite());
    }
}
