//! The exact score: products of float32 are exact in float64, and their sum is taken in one order on every machine.
//!
//! Eight partial sums, number `j` over the indices `j, j + 8, ...` in ascending order, then folded in halves. The order
//! is written out, and the compiler may not change it, so the bits do not depend on the instruction set.

use half::slice::HalfFloatSliceExt as _;
use half::{bf16, f16};

use super::prefetch::prefetch;
use crate::cpu::{Features, features};

const PARTS: usize = 8;
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
    let features = features();
    total(left, right, |parts, left, right| {
        add_products(features, parts, left, right);
    })
}

/// The squared Euclidean distance of two rows: the same sum, of squared differences. O(dimension).
pub fn distance(left: Row<'_>, right: Row<'_>) -> f64 {
    let features = features();
    total(left, right, |parts, left, right| {
        add_distances(features, parts, left, right);
    })
}

/// The Euclidean norm, by the sum of [`dot`]. O(dimension).
pub fn norm(row: Row<'_>) -> f64 {
    dot(row, row).sqrt()
}

/// Adds two rows' terms up, stretch after stretch where a row is to be widened.
fn total(left: Row<'_>, right: Row<'_>, add: impl Fn(&mut [f64; PARTS], &[f32], &[f32])) -> f64 {
    let mut parts = [0.0; PARTS];
    if let (Row::F32(left), Row::F32(right)) = (left, right) {
        add(&mut parts, left, right);
    } else {
        let (mut first, mut second) = ([0.0; CHUNK], [0.0; CHUNK]);
        for start in (0..left.len().min(right.len())).step_by(CHUNK) {
            let left = left.stretch(start, &mut first);
            add(&mut parts, left, right.stretch(start, &mut second));
        }
    }
    folded(parts)
}

fn folded(parts: [f64; PARTS]) -> f64 {
    let pair = |at| parts[at] + parts[at + 4];
    (pair(0) + pair(2)) + (pair(1) + pair(3))
}

/// One sum for each instruction set from one body.
macro_rules! variants {
    ($name:ident, $avx512:ident, $avx2:ident, $term:expr) => {
        #[cfg(target_arch = "x86_64")]
        fn $name(features: Features, parts: &mut [f64; PARTS], left: &[f32], right: &[f32]) {
            #[expect(unsafe_code, reason = "the variant's instruction set was probed")]
            // SAFETY: each function is called only where the probe found its instructions.
            unsafe {
                if features.avx512 {
                    $avx512(parts, left, right);
                } else if features.avx2 {
                    $avx2(parts, left, right);
                } else {
                    add(parts, left, right, $term);
                }
            }
        }

        #[cfg(not(target_arch = "x86_64"))]
        fn $name(_: Features, parts: &mut [f64; PARTS], left: &[f32], right: &[f32]) {
            add(parts, left, right, $term);
        }

        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2")]
        fn $avx2(parts: &mut [f64; PARTS], left: &[f32], right: &[f32]) {
            add(parts, left, right, $term);
        }

        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f")]
        fn $avx512(parts: &mut [f64; PARTS], left: &[f32], right: &[f32]) {
            add(parts, left, right, $term);
        }
    };
}

variants!(add_products, products_avx512, products_avx2, |x, y| x * y);
variants!(add_distances, distances_avx512, distances_avx2, |x, y| {
    let difference = x - y;
    difference * difference
});

#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "compiled anew for each instruction set"
)]
fn add(
    sums: &mut [f64; PARTS],
    left: &[f32],
    right: &[f32],
    term: impl Fn(f64, f64) -> f64 + Copy,
) {
    let mut parts = *sums; // in registers
    let (left, right) = (left.chunks_exact(PARTS), right.chunks_exact(PARTS));
    let rest = left.remainder().iter().zip(right.remainder());
    for (left, right) in left.zip(right) {
        for j in 0..PARTS {
            parts[j] += term(f64::from(left[j]), f64::from(right[j]));
        }
    }
    for (part, (&left, &right)) in parts.iter_mut().zip(rest) {
        *part += term(f64::from(left), f64::from(right));
    }
    *sums = parts;
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
                let mut sums = [0.0; PARTS];
                add_products(features, &mut sums, &left, &right);
                assert_eq!(folded(sums).to_bits(), parts[0].to_bits());
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
                let mut sums = [0.0; PARTS];
                add_distances(features, &mut sums, &left, &right);
                assert_eq!(folded(sums).to_bits(), folded(parts).to_bits());
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
