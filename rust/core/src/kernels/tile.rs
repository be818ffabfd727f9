//! Many scores at once: a tile of 6 queries by one panel of documents, held in registers, with the band in its epilogue.
//!
//! Operands are packed so that the inner loop reads forwards: queries `[dimension][6]`, documents `[dimension][width]`,
//! where the width is the variant's own. One body serves every instruction set; what differs is the register.

#![expect(unsafe_code, reason = "processor intrinsics, behind checked lengths")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256, __m512};

use super::lanes::{Lanes, Portable};
use crate::cpu::{Features, features};

/// The queries of a tile.
pub const QUERIES: usize = 6;
/// The most documents that a tile of any variant has.
pub const MOST_DOCUMENTS: usize = 64;

/// How far a tile's `cosine * scale` may be from the score it stands for, in units of `scale`; infinite where the
/// arithmetic proves nothing.
///
/// With u = 2^-24: a sum of `dim` products errs by at most gamma(dim) |q||x| in any order, fused or not (Higham 2002, 3.1);
/// rounding both unit vectors adds 2u, the scale and the product with it 2u, the comparison 1u, rounding the score itself
/// to float32 1u. The count below has room for as many again.
#[expect(clippy::cast_precision_loss, reason = "dimensions are far below 2^53")]
pub fn error_bound(dim: usize) -> f64 {
    let steps = (dim + 16) as f64 * 0.5f64.powi(24);
    if steps < 0.25 {
        steps / (1.0 - steps) * 1.01
    } else {
        f64::INFINITY
    }
}

/// One panel of documents.
#[derive(Debug, Clone, Copy)]
pub struct Documents<'a> {
    /// Unit vectors, `[dimension][width]`.
    pub values: &'a [f32],
    /// What a document's cosine is multiplied by; NaN where there is no document.
    pub scales: &'a [f32],
    /// How far the product may be from the score.
    pub errors: &'a [f32],
}

/// What six queries look for, in the units of a document's scale.
#[derive(Debug, Clone, Copy)]
pub struct Bands {
    /// The least score of interest; NaN for none.
    pub lows: [f32; QUERIES],
    /// The greatest.
    pub caps: [f32; QUERIES],
}

/// What a tile found; bit `j` of a row is document `j` of the panel.
#[derive(Debug, Clone)]
pub struct Hits {
    /// Documents that could lie in the query's band.
    pub inside: [u64; QUERIES],
    /// Documents that certainly lie above it.
    pub above: [u64; QUERIES],
    /// Approximate scores, in the rows that have a bit inside; elsewhere leftovers.
    pub scores: [[f32; MOST_DOCUMENTS]; QUERIES],
}

impl Hits {
    /// Room for a tile.
    pub fn new() -> Self {
        Self {
            inside: [0; QUERIES],
            above: [0; QUERIES],
            scores: [[0.0; MOST_DOCUMENTS]; QUERIES],
        }
    }
}

impl Default for Hits {
    fn default() -> Self {
        Self::new()
    }
}

type Run = unsafe fn(usize, &[f32], Documents<'_>, &Bands, &mut Hits) -> bool;

/// A variant of the tile.
#[derive(Debug, Clone, Copy)]
pub struct Tile {
    /// The instruction set.
    pub name: &'static str,
    /// The documents of a panel.
    pub width: usize,
    run: Run,
}

impl Tile {
    /// The fastest variant for this processor.
    pub fn best() -> Self {
        let all = Self::all();
        all.last().copied().unwrap_or(PORTABLE)
    }

    /// Every variant that runs here, slowest first; the portable one is always there.
    pub fn all() -> Vec<Self> {
        Self::with(features())
    }

    #[cfg(target_arch = "x86_64")]
    fn with(features: Features) -> Vec<Self> {
        let mut tiles = vec![PORTABLE];
        tiles.extend(features.avx2.then_some(AVX2));
        tiles.extend(features.avx512.then_some(AVX512));
        tiles
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn with(_: Features) -> Vec<Self> {
        vec![PORTABLE]
    }

    /// Compares six packed queries with one panel of documents; whether there is any bit in `hits`. O(dimension).
    ///
    /// # Panics
    /// Where an operand is shorter than `dim` and the panel's width say.
    pub fn run(
        &self,
        dim: usize,
        queries: &[f32],
        documents: Documents<'_>,
        bands: &Bands,
        hits: &mut Hits,
    ) -> bool {
        assert!(
            queries.len() == dim * QUERIES
                && documents.values.len() == dim * self.width
                && documents.scales.len() == self.width
                && documents.errors.len() == self.width
        );
        // SAFETY: the lengths are those the kernel reads, and a tile is only handed out where its instructions are.
        unsafe { (self.run)(dim, queries, documents, bands, hits) }
    }
}

const PORTABLE: Tile = Tile {
    name: "portable",
    width: 8,
    run: tile::<Portable, 2>,
};

#[cfg(target_arch = "x86_64")]
const AVX2: Tile = Tile {
    name: "avx2",
    width: 16,
    run: tile_avx2,
};

#[cfg(target_arch = "x86_64")]
const AVX512: Tile = Tile {
    name: "avx512",
    width: 64,
    run: tile_avx512,
};

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn tile_avx2(
    dim: usize,
    queries: &[f32],
    documents: Documents<'_>,
    bands: &Bands,
    hits: &mut Hits,
) -> bool {
    // SAFETY: the instructions are this function's own; the lengths are the caller's word.
    unsafe { tile::<__m256, 2>(dim, queries, documents, bands, hits) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn tile_avx512(
    dim: usize,
    queries: &[f32],
    documents: Documents<'_>,
    bands: &Bands,
    hits: &mut Hits,
) -> bool {
    // SAFETY: as above.
    unsafe { tile::<__m512, 4>(dim, queries, documents, bands, hits) }
}

/// `PARTS` registers of documents by six queries.
///
/// # Safety
/// The processor has the instructions of `L`, and the operands have the lengths that [`Tile::run`] checks.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "compiled anew for each instruction set"
)]
unsafe fn tile<L: Lanes, const PARTS: usize>(
    dim: usize,
    queries: &[f32],
    documents: Documents<'_>,
    bands: &Bands,
    hits: &mut Hits,
) -> bool {
    // SAFETY: all offsets stay below `dim * QUERIES` and `dim * width`, and those are the operands' lengths.
    unsafe {
        let products = products::<L, PARTS>(dim, queries.as_ptr(), documents.values.as_ptr());
        let mut any = 0;
        for (query, row) in products.iter().enumerate() {
            let (low, cap) = (L::splat(bands.lows[query]), L::splat(bands.caps[query]));
            let (mut near, mut above) = (0, 0);
            let mut scores = *row;
            for (part, score) in scores.iter_mut().enumerate() {
                let at = part * L::COUNT;
                *score = score.multiply(L::load(documents.scales.as_ptr().add(at)));
                let error = L::load(documents.errors.as_ptr().add(at));
                let in_reach = score.add(error).at_least(low);
                let under = cap.at_least(score.subtract(error));
                near |= (in_reach & under) << at;
                above |= (in_reach & !under) << at;
            }
            hits.inside[query] = near;
            hits.above[query] = above;
            any |= near | above;
            if near != 0 {
                for (part, score) in scores.iter().enumerate() {
                    score.store(hits.scores[query].as_mut_ptr().add(part * L::COUNT));
                }
            }
        }
        any != 0
    }
}

/// Dot products of six queries with `PARTS` registers of documents, one accumulator each.
///
/// # Safety
/// As [`tile`].
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "compiled anew for each instruction set"
)]
unsafe fn products<L: Lanes, const PARTS: usize>(
    dim: usize,
    mut queries: *const f32,
    mut documents: *const f32,
) -> [[L; PARTS]; QUERIES] {
    // SAFETY: as `tile`: the pointers move on by what was read, `dim` times.
    unsafe {
        let mut sums = [[L::splat(0.0); PARTS]; QUERIES];
        for _ in 0..dim {
            let mut parts = [L::splat(0.0); PARTS];
            for (part, lanes) in parts.iter_mut().enumerate() {
                *lanes = L::load(documents.add(part * L::COUNT));
            }
            for (query, row) in sums.iter_mut().enumerate() {
                let value = L::splat(*queries.add(query));
                for (sum, part) in row.iter_mut().zip(parts) {
                    *sum = value.multiply_add(part, *sum);
                }
            }
            queries = queries.add(QUERIES);
            documents = documents.add(PARTS * L::COUNT);
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Key;

    /// Unit vectors, `count` by `dim`.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding to float32 is meant"
    )]
    fn vectors(key: Key, count: usize, dim: usize) -> Vec<Vec<f32>> {
        let mut rng = key.rng();
        (0..count)
            .map(|_| {
                let raw: Vec<f64> = (0..dim).map(|_| rng.unit() - 0.5).collect();
                let norm = raw.iter().map(|x| x * x).sum::<f64>().sqrt();
                raw.iter().map(|x| (x / norm) as f32).collect()
            })
            .collect()
    }

    fn packed(rows: &[Vec<f32>], dim: usize) -> Vec<f32> {
        (0..dim)
            .flat_map(|k| rows.iter().map(move |row| row[k]))
            .collect()
    }

    #[test]
    fn every_variant_is_within_the_bound_of_a_naive_sum() {
        for tile in Tile::all() {
            for dim in [1, 2, 17, 384, 1100] {
                let queries = vectors(Key::new(1), QUERIES, dim);
                let documents = vectors(Key::new(2), tile.width, dim);
                let (scales, errors) = (vec![0.75; tile.width], vec![0.0; tile.width]);
                let bands = Bands {
                    lows: [-2.0; QUERIES],
                    caps: [2.0; QUERIES],
                };
                let (left, right) = (packed(&queries, dim), packed(&documents, dim));
                let panel = Documents {
                    values: &right,
                    scales: &scales,
                    errors: &errors,
                };
                let mut hits = Hits::new();
                assert!(tile.run(dim, &left, panel, &bands, &mut hits));
                for (query, row) in queries.iter().zip(hits.scores) {
                    for (document, score) in documents.iter().zip(row) {
                        let pairs = query.iter().zip(document);
                        let sum: f64 = pairs.map(|(&x, &y)| f64::from(x) * f64::from(y)).sum();
                        let error = (f64::from(score) - 0.75 * sum).abs();
                        assert!(
                            error <= 0.75 * error_bound(dim),
                            "{} {dim}: {error}",
                            tile.name
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn every_variant_sorts_into_inside_above_and_neither() {
        for tile in Tile::all() {
            let dim = 5;
            let queries = vectors(Key::new(3), QUERIES, dim);
            let documents = vectors(Key::new(4), tile.width, dim);
            let mut scales = vec![1.0; tile.width];
            scales[3] = f32::NAN;
            let errors = vec![0.125; tile.width];
            let mut bands = Bands {
                lows: [-0.25; QUERIES],
                caps: [0.25; QUERIES],
            };
            bands.lows[4] = f32::NAN;
            bands.caps[2] = f32::INFINITY;
            let (left, right) = (packed(&queries, dim), packed(&documents, dim));
            let panel = Documents {
                values: &right,
                scales: &scales,
                errors: &errors,
            };
            let mut wide = Hits::new();
            let all = Bands {
                lows: [f32::NEG_INFINITY; QUERIES],
                caps: [f32::INFINITY; QUERIES],
            };
            tile.run(dim, &left, panel, &all, &mut wide);
            let mut hits = Hits::new();
            tile.run(dim, &left, panel, &bands, &mut hits);
            for query in 0..QUERIES {
                for (document, &score) in wide.scores[query][..tile.width].iter().enumerate() {
                    let reached = score + 0.125 >= bands.lows[query];
                    let under = score - 0.125 <= bands.caps[query];
                    let inside = hits.inside[query] >> document & 1 == 1;
                    let above = hits.above[query] >> document & 1 == 1;
                    assert_eq!((inside, above), (reached && under, reached && !under));
                    assert!(!inside || hits.scores[query][document].to_bits() == score.to_bits());
                }
                let unused = u64::MAX
                    .checked_shl(u32::try_from(tile.width).unwrap_or(64))
                    .unwrap_or(0);
                assert_eq!(
                    (hits.inside[query] | hits.above[query]) & (unused | 1 << 3),
                    0
                );
            }
            assert_eq!(hits.inside[4] | hits.above[4] | hits.above[2], 0);
        }
    }

    #[test]
    fn the_bound_grows_and_gives_up() {
        assert!(error_bound(384) < 2.6e-5 && error_bound(384) > error_bound(383));
        assert!(error_bound(1 << 24).is_infinite());
    }
}
