//! The exact score: products of float32 are exact in float64, and their sum is taken in one order on every machine. An exact
//! product needs no rounding, so one fused with its sum gives the bits of the two apart.
//!
//! Eight partial sums, number `j` over the indices `j, j + 8, ...` in ascending order, then folded in halves. The order
//! is written out, and the compiler may not change it, so the bits do not depend on the instruction set.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256d, __m512d};

use half::slice::HalfFloatSliceExt as _;
use half::{bf16, f16};

use super::doubles::Doubles;
use super::prefetch::prefetch;
use crate::cpu::{Features, features};

/// The partial sums.
const PARTS: usize = super::doubles::COUNT;
/// The values of a half-precision row that are widened at once, a multiple of `PARTS`.
const CHUNK: usize = 128;

/// A row of any of the types that embeddings come in; every value of each is a float32.
#[derive(Debug, Clone, Copy)]
pub enum Row<'a> {
    /// float32.
    F32(&'a [f32]),
    /// float16.
    F16(&'a [f16]),
    /// bfloat16.
    Bf16(&'a [bf16]),
}

impl<'a> Row<'a> {
    /// How many values there are.
    pub fn len(self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F16(values) => values.len(),
            Self::Bf16(values) => values.len(),
        }
    }

    /// Whether there is no value.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Asks for the row before it is read.
    pub fn prefetch(self) {
        match self {
            Self::F32(values) => prefetch(values),
            Self::F16(values) => prefetch(values),
            Self::Bf16(values) => prefetch(values),
        }
    }

    /// Writes the row as float32.
    ///
    /// # Panics
    /// Where `out` is not as long as the row.
    pub fn write(self, out: &mut [f32]) {
        match self {
            Self::F32(values) => out.copy_from_slice(values),
            Self::F16(values) => values.convert_to_f32_slice(out),
            Self::Bf16(values) => values.convert_to_f32_slice(out),
        }
    }

    /// The values from `start` on, at most `CHUNK` of them, as float32.
    fn stretch<'b>(self, start: usize, wide: &'b mut [f32; CHUNK]) -> &'b [f32]
    where
        'a: 'b,
    {
        let end = self.len().min(start + CHUNK);
        let part = match self {
            Self::F32(values) => return &values[start..end],
            Self::F16(values) => Self::F16(&values[start..end]),
            Self::Bf16(values) => Self::Bf16(&values[start..end]),
        };
        part.write(&mut wide[..end - start]);
        &wide[..end - start]
    }
}

/// The dot product of two equally long rows; of the shorter length where they differ. O(dimension).
pub fn dot(left: Row<'_>, right: Row<'_>) -> f64 {
    dots([left], right)[0]
}

/// Dot products of some rows with another one as long, which is widened once for all. A sum waits for its last term at
/// every step; the others fill that time.
pub fn dots<const N: usize>(rows: [Row<'_>; N], other: Row<'_>) -> [f64; N] {
    totals::<N, false>(rows, other)
}

/// The squared Euclidean distance of two rows: the same sum, of squared differences. O(dimension).
pub fn distance(left: Row<'_>, right: Row<'_>) -> f64 {
    distances([left], right)[0]
}

/// Squared Euclidean distances of some rows from another one, side by side as [`dots`].
pub fn distances<const N: usize>(rows: [Row<'_>; N], other: Row<'_>) -> [f64; N] {
    totals::<N, true>(rows, other)
}

/// The Euclidean norm, by the sum of [`dot`]. O(dimension).
pub fn norm(row: Row<'_>) -> f64 {
    dot(row, row).sqrt()
}

/// Adds up the terms of each of some rows with another: all at once, or one row after another, stretch after stretch, where
/// rows are to be widened.
fn totals<const N: usize, const SQUARES: bool>(rows: [Row<'_>; N], other: Row<'_>) -> [f64; N] {
    let features = features();
    let mut parts = [[0.0; PARTS]; N];
    if let (Some(rows), Row::F32(other)) = (floats(rows), other) {
        add::<N, SQUARES>(features, &mut parts, rows, other);
        return parts.map(folded);
    }
    let (mut first, mut second) = ([0.0; CHUNK], [0.0; CHUNK]);
    for (parts, row) in parts.iter_mut().zip(rows) {
        let mut sums = [*parts];
        for start in (0..row.len().min(other.len())).step_by(CHUNK) {
            let row = row.stretch(start, &mut first);
            let other = other.stretch(start, &mut second);
            add::<1, SQUARES>(features, &mut sums, [row], other);
        }
        [*parts] = sums;
    }
    parts.map(folded)
}

/// The values of rows that are all of float32.
fn floats<const N: usize>(rows: [Row<'_>; N]) -> Option<[&[f32]; N]> {
    let mut values: [&[f32]; N] = [&[]; N];
    for (values, row) in values.iter_mut().zip(rows) {
        let Row::F32(of_row) = row else {
            return None;
        };
        *values = of_row;
    }
    Some(values)
}

fn folded(parts: [f64; PARTS]) -> f64 {
    let pair = |at| parts[at] + parts[at + 4];
    (pair(0) + pair(2)) + (pair(1) + pair(3))
}

/// Adds the terms of each of some rows with another to its sum, with the best instructions: products, or squares of differences.
fn add<const N: usize, const SQUARES: bool>(
    features: Features,
    sums: &mut [[f64; PARTS]; N],
    rows: [&[f32]; N],
    other: &[f32],
) {
    #[expect(unsafe_code, reason = "the variant's instruction set was probed")]
    // SAFETY: each variant runs only where the probe found its instructions.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        if features.avx512 {
            return add_avx512::<N, SQUARES>(sums, rows, other);
        } else if features.avx2 {
            return add_avx2::<N, SQUARES>(sums, rows, other);
        }
        let _ = features;
        add_all::<[f64; PARTS], N, SQUARES>(sums, rows, other);
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn add_avx2<const N: usize, const SQUARES: bool>(
    sums: &mut [[f64; PARTS]; N],
    rows: [&[f32]; N],
    other: &[f32],
) {
    #[expect(unsafe_code, reason = "the instructions are this function's own")]
    // SAFETY: as the reason says.
    unsafe {
        add_all::<[__m256d; 2], N, SQUARES>(sums, rows, other);
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn add_avx512<const N: usize, const SQUARES: bool>(
    sums: &mut [[f64; PARTS]; N],
    rows: [&[f32]; N],
    other: &[f32],
) {
    #[expect(unsafe_code, reason = "the instructions are this function's own")]
    // SAFETY: as the reason says.
    unsafe {
        add_all::<__m512d, N, SQUARES>(sums, rows, other);
    }
}

/// # Safety
/// The processor has the instructions of `D`.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "compiled anew for each instruction set"
)]
#[expect(unsafe_code, reason = "a check for each step would cost as much as it")]
unsafe fn add_all<D: Doubles, const N: usize, const SQUARES: bool>(
    sums: &mut [[f64; PARTS]; N],
    rows: [&[f32]; N],
    other: &[f32],
) {
    let lengths = rows.iter().map(|row| row.len());
    let len = lengths.fold(other.len(), usize::min);
    let steps = len / PARTS;
    // SAFETY: the instructions are the caller's word, and no row is shorter than `steps * PARTS`.
    unsafe {
        let at = |row: &[f32], step| &*row.as_ptr().cast::<[f32; PARTS]>().add(step);
        let mut parts = [D::load(&[0.0; PARTS]); N];
        for (part, sums) in parts.iter_mut().zip(&*sums) {
            *part = D::load(sums);
        }
        for step in 0..steps {
            let right = D::widened(at(other, step));
            for (part, row) in parts.iter_mut().zip(rows) {
                let left = D::widened(at(row, step));
                *part = if SQUARES {
                    let difference = left.minus(right);
                    part.plus(difference.times(difference))
                } else {
                    part.plus_product(left, right)
                };
            }
        }
        for (part, sums) in parts.into_iter().zip(&mut *sums) {
            part.store(sums);
        }
    }
    for (sums, row) in sums.iter_mut().zip(rows) {
        let rest = steps * PARTS..len;
        let pairs = row[rest.clone()].iter().zip(&other[rest]);
        for (sum, (&left, &right)) in sums.iter_mut().zip(pairs) {
            let (left, right) = (f64::from(left), f64::from(right));
            *sum += if SQUARES {
                (left - right) * (left - right)
            } else {
                left * right
            };
        }
    }
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
            let mut all = vec![features(), Features::default()];
            all.extend(features().avx2.then(|| Features {
                avx2: true,
                ..Features::default()
            }));
            for features in all {
                let mut sums = [[0.0; PARTS]];
                add::<1, false>(features, &mut sums, [&left], &right);
                assert_eq!(folded(sums[0]).to_bits(), parts[0].to_bits());
            }
        }
    }

    #[test]
    fn a_distance_is_the_written_sum_of_squares() {
        for dim in [1usize, 8, 31, 384] {
            let mut rng = Key::new(dim as u64 + 7).rng();
            let mut draw = || (0..dim).map(|_| spread(rng.bits())).collect::<Vec<_>>();
            let (left, right) = (draw(), draw());
            let mut parts = [0.0f64; PARTS];
            for (at, (&x, &y)) in left.iter().zip(&right).enumerate() {
                parts[at % PARTS] += (f64::from(x) - f64::from(y)) * (f64::from(x) - f64::from(y));
            }
            for features in [features(), Features::default()] {
                let mut sums = [[0.0; PARTS]];
                add::<1, true>(features, &mut sums, [&left], &right);
                assert_eq!(folded(sums[0]).to_bits(), folded(parts).to_bits());
            }
            assert_eq!(
                distance(Row::F32(&left), Row::F32(&right)).to_bits(),
                folded(parts).to_bits()
            );
        }
    }

    #[test]
    fn half_rows_count_as_their_float32() {
        for dim in [1usize, 127, 128, 129, 384, 700] {
            let mut rng = Key::new(dim as u64).rng();
            let left: Vec<f32> = (0..dim).map(|_| spread(rng.bits())).collect();
            let raw: Vec<f32> = (0..dim).map(|_| spread(rng.bits()) / 64.0).collect();
            let small: Vec<f16> = raw.iter().map(|&x| f16::from_f32(x)).collect();
            let brain: Vec<bf16> = raw.iter().map(|&x| bf16::from_f32(x)).collect();
            let mut wide = vec![0.0; dim];
            for row in [Row::F16(&small), Row::Bf16(&brain)] {
                row.write(&mut wide);
                assert!(
                    wide.iter()
                        .zip(&raw)
                        .all(|(x, y)| (x - y).abs() <= y.abs() / 128.0 + 1e-6)
                );
                let same = Row::F32(&wide);
                assert_eq!(
                    dot(Row::F32(&left), row).to_bits(),
                    dot(Row::F32(&left), same).to_bits()
                );
                assert_eq!(norm(row).to_bits(), norm(same).to_bits());
                assert_eq!(
                    distance(Row::F32(&left), row).to_bits(),
                    distance(Row::F32(&left), same).to_bits()
                );
            }
        }
    }

    #[test]
    fn rows_side_by_side_are_each_its_own() {
        for dim in [1usize, 7, 8, 31, 128, 384] {
            let mut rng = Key::new(dim as u64 + 11).rng();
            let mut draw = || (0..dim).map(|_| spread(rng.bits())).collect::<Vec<_>>();
            let rows: [Vec<f32>; 4] = std::array::from_fn(|_| draw());
            let small: Vec<f16> = rows[3].iter().map(|&x| f16::from_f32(x)).collect();
            let all = [0, 1, 2, 3].map(|at| Row::F32(&rows[at]));
            let half = Row::F16(&small);
            for (left, right) in [
                ([all[0], all[1], all[2]], all[3]),
                ([all[0], half, all[2]], all[1]),
                ([all[0], all[1], all[2]], half),
            ] {
                let (together, apart) = (dots(left, right), distances(left, right));
                for at in 0..3 {
                    let left = left[at];
                    assert_eq!(together[at].to_bits(), dot(left, right).to_bits());
                    assert_eq!(apart[at].to_bits(), distance(left, right).to_bits());
                }
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
        assert_eq!(dot(Row::F32(&[]), Row::F32(&[])).to_bits(), 0);
        assert_eq!(dot(Row::F32(&[-0.0]), Row::F32(&[1.0])).to_bits(), 0);
        assert!((norm(Row::F32(&[3.0, 4.0])) - 5.0).abs() < 1e-15);
        let (tiny, huge) = (f32::from_bits(1), f32::MAX);
        assert!(norm(Row::F32(&[tiny; 3])) > 0.0 && norm(Row::F32(&[huge; 1100])).is_finite());
    }
}
