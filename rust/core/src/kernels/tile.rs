//! Many scores at once: a tile of a few queries by one panel of documents in int8, its sums held in registers, with the
//! band of each query in its epilogue.
//!
//! A row is a scale times codes plus a rest: `p = s a + e` for a query, `y = t b + f` for a document. With the length `n`
//! of `t b`, `|<p, y> - s t <a, b>| = |<e, t b> + <p, f>| <= |e| n + |p| |f|`, so a sum of codes and two lengths for each
//! side say between which ends a product of rows lies. What those ends are measured from (a centre, a unit) is the
//! caller's affair; a bias of each document takes part in it.
//!
//! Codes are packed so that the inner loop reads forwards: queries `[dimension / 4][query][4]`, documents
//! `[dimension / 4][document][4]`, the dimension padded to eight. Documents' codes are stored plus 128 where products are
//! of unsigned by signed codes. One body serves every instruction set; what differs is the register.

#![expect(unsafe_code, reason = "processor intrinsics, behind checked lengths")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256i, __m512i};

#[cfg(target_arch = "aarch64")]
use super::codes::{Dotprod, Widening};
use super::codes::{PortableSums, Sums};
use super::lanes::Lanes;
use super::prefetch::prefetch_line as prefetch;
use crate::cpu::{Features, features};

/// The most queries that a tile of any variant has.
pub const MOST_QUERIES: usize = 8;
/// The most documents.
pub const MOST_DOCUMENTS: usize = 64;
/// What is added to a document's code where it must be unsigned.
const OFFSET: u8 = 128;
/// A row's codes are padded with zeros to a multiple of this.
pub const STEP: usize = 8;

/// Some bytes of one cache line: rows of documents begin at one.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub struct Line(pub [u8; 64]);

/// One panel of documents.
#[derive(Debug, Clone, Copy)]
pub struct Documents<'a> {
    /// Codes plus [`Tile::offset`], `[dimension / 4][document][4]`, in lines of 64.
    pub codes: &'a [Line],
    /// What a document's codes are multiplied by.
    pub scales: &'a [f32],
    /// What is added to its product with any query; NaN where there is no document.
    pub biases: &'a [f32],
    /// At least the length of the row that the scale and the codes stand for.
    pub lengths: &'a [f32],
    /// At least the length of the rest.
    pub rests: &'a [f32],
    /// The greatest of the lengths.
    pub longest: f32,
    /// The greatest of the rests.
    pub coarsest: f32,
}

/// A tile's queries and what they look for. Of queries that are not there, the lows are NaN.
#[derive(Debug, Clone, Copy)]
pub struct Bands {
    /// What a query's codes are multiplied by.
    pub scales: [f32; MOST_QUERIES],
    /// Minus [`Tile::offset`] times the sum of the codes: where the sum of products begins.
    pub starts: [i32; MOST_QUERIES],
    /// At least the length of the rest.
    pub rests: [f32; MOST_QUERIES],
    /// At least the length of the row.
    pub lengths: [f32; MOST_QUERIES],
    /// What the arithmetic itself may cost: see [`rounding`].
    pub slacks: [f32; MOST_QUERIES],
    /// The least value of interest; NaN for none.
    pub lows: [f32; MOST_QUERIES],
    /// The greatest.
    pub caps: [f32; MOST_QUERIES],
}

impl Bands {
    /// No queries.
    pub const NONE: Self = Self {
        scales: [0.0; MOST_QUERIES],
        starts: [0; MOST_QUERIES],
        rests: [0.0; MOST_QUERIES],
        lengths: [0.0; MOST_QUERIES],
        slacks: [0.0; MOST_QUERIES],
        lows: [f32::NAN; MOST_QUERIES],
        caps: [f32::NAN; MOST_QUERIES],
    };
}

/// What float32 arithmetic may cost a tile's value, of queries up to `query` long (scale times codes) and documents up to
/// `document` long, biases up to `bias`.
///
/// With u = 2^-24, the value is `fl(fl(sum) fl(t s) + bias)`: the sum rounds once on its way to float32, each product
/// once, the sum with the bias once, and so do the ends `value +- error`; `|s a||t b|` bounds the product. That is at most
/// 5u of the product and the bias each, and the error itself (three roundings, two of them of positive terms) at most 3u
/// of the lengths' products that the callers round up by more. The factor has room for thrice as much, and the last term
/// for what underflow costs.
pub fn rounding(query: f64, document: f64, bias: f64) -> f64 {
    0.5f64.powi(20) * (query * document + bias) + 1e-30
}

/// What a tile found; bit `j` of a row is document `j` of the panel.
#[derive(Debug, Clone)]
pub struct Hits {
    /// Documents that could lie in the query's band.
    pub inside: [u64; MOST_QUERIES],
    /// Documents that certainly lie above it.
    pub above: [u64; MOST_QUERIES],
    /// The least that a document's value can be, in the rows that have a hit; elsewhere leftovers.
    pub least: [[f32; MOST_DOCUMENTS]; MOST_QUERIES],
    /// The most that it can be.
    pub most: [[f32; MOST_DOCUMENTS]; MOST_QUERIES],
}

impl Hits {
    /// Room for a tile.
    pub fn new() -> Self {
        Self {
            inside: [0; MOST_QUERIES],
            above: [0; MOST_QUERIES],
            least: [[0.0; MOST_DOCUMENTS]; MOST_QUERIES],
            most: [[0.0; MOST_DOCUMENTS]; MOST_QUERIES],
        }
    }
}

impl Default for Hits {
    fn default() -> Self {
        Self::new()
    }
}

/// Queries, and the panel that they are shown.
#[derive(Debug, Clone, Copy)]
pub struct Pass<'a> {
    /// The dimension, padded to a multiple of [`STEP`].
    pub dim: usize,
    /// Queries' codes, `[tile][dimension / 4][query][4]`.
    pub queries: &'a [i8],
    /// What they look for, tile by tile.
    pub bands: &'a [Bands],
    /// The panel.
    pub documents: Documents<'a>,
    /// The codes of the panel after it: they come from memory meanwhile.
    pub next: &'a [Line],
}

type Run = unsafe fn(&Pass<'_>, usize, &mut Hits) -> Option<(usize, u32)>;

/// A variant of the tile.
#[derive(Debug, Clone, Copy)]
pub struct Tile {
    /// The instruction set.
    pub name: &'static str,
    /// The queries of a tile.
    pub queries: usize,
    /// The documents of a panel.
    pub width: usize,
    /// The greatest sum of a query's codes of one sign over the places `8 j + i, 8 j + i + 1, 8 j + i + 4, 8 j + i + 5`,
    /// i = 0 or 2: past it the variant would saturate.
    pub most_of_four: i32,
    /// What is added to a document's code: 128 where the variant multiplies unsigned by signed codes, else nothing.
    pub offset: u8,
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

    /// The variant of that name, where it runs here.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|tile| tile.name == name)
    }

    #[cfg(target_arch = "x86_64")]
    fn with(features: Features) -> Vec<Self> {
        let mut tiles = vec![PORTABLE];
        tiles.extend(features.avx2.then_some(AVX2));
        tiles.extend(features.avx512_vnni.then_some(AVX512_VNNI));
        tiles
    }

    #[cfg(target_arch = "aarch64")]
    fn with(features: Features) -> Vec<Self> {
        let mut tiles = vec![PORTABLE];
        tiles.extend(features.neon.then_some(NEON));
        tiles.extend(features.neon_dotprod.then_some(NEON_DOTPROD));
        tiles
    }

    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    fn with(_: Features) -> Vec<Self> {
        vec![PORTABLE]
    }

    /// Compares tiles of queries with a panel, the tile numbered `from` first, until one has a hit: its number, and a bit for
    /// each of its queries that has any in `hits`. O(queries x width x dimension).
    ///
    /// # Panics
    /// Where an operand is not as long as the dimension and the variant's shape say, or the dimension is no multiple of
    /// [`STEP`].
    pub fn run(&self, pass: &Pass<'_>, from: usize, hits: &mut Hits) -> Option<(usize, u32)> {
        let (dim, documents) = (pass.dim, &pass.documents);
        assert!(
            dim.is_multiple_of(STEP)
                && pass.queries.len() == dim * self.queries * pass.bands.len()
                && documents.codes.len() * 64 == dim * self.width
                && documents.scales.len() == self.width
                && documents.biases.len() == self.width
                && documents.lengths.len() == self.width
                && documents.rests.len() == self.width
        );
        // SAFETY: the lengths are those the kernel reads, and a tile is only handed out where its instructions are.
        unsafe { (self.run)(pass, from, hits) }
    }
}

const PORTABLE: Tile = Tile {
    name: "portable",
    queries: 4,
    width: 8,
    most_of_four: PortableSums::MOST_IN_16_BITS,
    offset: OFFSET,
    run: tile::<PortableSums, 4, 2>,
};

#[cfg(target_arch = "x86_64")]
const AVX2: Tile = Tile {
    name: "avx2",
    queries: 4,
    width: 16,
    most_of_four: __m256i::MOST_IN_16_BITS,
    offset: OFFSET,
    run: tile_avx2,
};

#[cfg(target_arch = "x86_64")]
const AVX512_VNNI: Tile = Tile {
    name: "avx512_vnni",
    queries: 8,
    width: 48,
    most_of_four: __m512i::MOST_IN_16_BITS,
    offset: OFFSET,
    run: tile_avx512_vnni,
};

#[cfg(target_arch = "aarch64")]
const NEON: Tile = Tile {
    name: "neon",
    queries: 4,
    width: 8,
    most_of_four: Widening::MOST_IN_16_BITS,
    offset: 0,
    run: tile_neon,
};

#[cfg(target_arch = "aarch64")]
const NEON_DOTPROD: Tile = Tile {
    name: "neon_dotprod",
    queries: 6,
    width: 16,
    most_of_four: Dotprod::MOST_IN_16_BITS,
    offset: 0,
    run: tile_neon_dotprod,
};

#[cfg(target_arch = "aarch64")]
#[target_feature(enable = "neon")]
fn tile_neon(pass: &Pass<'_>, from: usize, hits: &mut Hits) -> Option<(usize, u32)> {
    // SAFETY: the instructions are this function's own; the lengths are the caller's word.
    unsafe { tile::<Widening, 4, 2>(pass, from, hits) }
}

#[cfg(target_arch = "aarch64")]
#[target_feature(enable = "neon,dotprod")]
fn tile_neon_dotprod(pass: &Pass<'_>, from: usize, hits: &mut Hits) -> Option<(usize, u32)> {
    // SAFETY: as above.
    unsafe { tile::<Dotprod, 6, 4>(pass, from, hits) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn tile_avx2(pass: &Pass<'_>, from: usize, hits: &mut Hits) -> Option<(usize, u32)> {
    // SAFETY: the instructions are this function's own; the lengths are the caller's word.
    unsafe { tile::<__m256i, 4, 2>(pass, from, hits) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
fn tile_avx512_vnni(pass: &Pass<'_>, from: usize, hits: &mut Hits) -> Option<(usize, u32)> {
    // SAFETY: as above.
    unsafe { tile::<__m512i, 8, 3>(pass, from, hits) }
}

/// Tiles of `QUERIES` queries by `PARTS` registers of documents.
///
/// # Safety
/// The processor has the instructions of `S`, and the operands have the lengths that [`Tile::run`] checks.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "compiled anew for each instruction set"
)]
unsafe fn tile<S: Sums, const QUERIES: usize, const PARTS: usize>(
    pass: &Pass<'_>,
    from: usize,
    hits: &mut Hits,
) -> Option<(usize, u32)> {
    let share = pass.next.len().div_ceil(pass.bands.len().max(1));
    let mut next = pass.next.iter().skip(from * share);
    for (at, bands) in pass.bands.iter().enumerate().skip(from) {
        next.by_ref().take(share).for_each(prefetch);
        // SAFETY: `at` is below the number of tiles, whose codes are all there.
        let rows = unsafe {
            let queries = pass.queries.as_ptr().add(at * QUERIES * pass.dim);
            one::<S, QUERIES, PARTS>(pass.dim, queries, &pass.documents, bands, hits)
        };
        if rows != 0 {
            return Some((at, rows));
        }
    }
    None
}

/// One tile: the bits of the queries that have a hit.
///
/// # Safety
/// As [`tile`], and `QUERIES * dim` codes of queries can be read.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "compiled anew for each instruction set"
)]
unsafe fn one<S: Sums, const QUERIES: usize, const PARTS: usize>(
    dim: usize,
    queries: *const i8,
    documents: &Documents<'_>,
    bands: &Bands,
    hits: &mut Hits,
) -> u32 {
    // SAFETY: all offsets stay below `dim * QUERIES`, `dim * width` and `width`, and those are the operands' lengths.
    unsafe {
        let codes = documents.codes.as_ptr().cast();
        let sums = products::<S, QUERIES, PARTS>(dim, queries, codes, bands);
        // One bound for the whole panel turns nearly every tile away, by one branch.
        let mut lows = [0.0; QUERIES];
        for (query, low) in lows.iter_mut().enumerate() {
            let widest = bands.rests[query] * documents.longest
                + (bands.lengths[query] * documents.coarsest + bands.slacks[query]);
            *low = bands.lows[query] - widest;
        }
        let mut values = [[S::Floats::splat(0.0); PARTS]; QUERIES];
        let mut greatest = S::Floats::splat(-1.0);
        for part in 0..PARTS {
            let at = part * S::Floats::COUNT;
            let steps = S::Floats::load(documents.scales.as_ptr().add(at));
            let bias = S::Floats::load(documents.biases.as_ptr().add(at));
            for query in 0..QUERIES {
                let scale = S::Floats::splat(bands.scales[query]).multiply(steps);
                let value = sums[query][part].to_floats().multiply_add(scale, bias);
                let over = value.subtract(S::Floats::splat(lows[query]));
                greatest = over.greater(greatest);
                values[query][part] = value;
            }
        }
        if greatest.at_least(S::Floats::splat(0.0)) == 0 {
            return 0;
        }
        let mut rows = 0;
        for (query, values) in values.iter().enumerate() {
            let low = S::Floats::splat(lows[query]);
            if values.iter().any(|value| value.at_least(low) != 0) {
                let any = sort::<S::Floats, PARTS>(query, values, documents, bands, hits);
                rows |= u32::from(any) << query;
            }
        }
        rows
    }
}

/// Sorts one query's values into inside, above and neither, each by its document's own bound; whether any is either.
///
/// # Safety
/// As [`tile`].
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "compiled anew for each instruction set"
)]
unsafe fn sort<L: Lanes, const PARTS: usize>(
    query: usize,
    values: &[L; PARTS],
    documents: &Documents<'_>,
    bands: &Bands,
    hits: &mut Hits,
) -> bool {
    // SAFETY: as `tile`; a row of hits has room for the widest panel.
    unsafe {
        let (low, cap) = (L::splat(bands.lows[query]), L::splat(bands.caps[query]));
        let (rest, length) = (L::splat(bands.rests[query]), L::splat(bands.lengths[query]));
        let slack = L::splat(bands.slacks[query]);
        let (mut inside, mut above) = (0, 0);
        for (part, &value) in values.iter().enumerate() {
            let at = part * L::COUNT;
            let coarse = L::load(documents.rests.as_ptr().add(at));
            let error = length.multiply_add(coarse, slack);
            let long = L::load(documents.lengths.as_ptr().add(at));
            let error = rest.multiply_add(long, error);
            let (least, most) = (value.subtract(error), value.add(error));
            let (reached, under) = (most.at_least(low), cap.at_least(least));
            inside |= (reached & under) << at;
            above |= (reached & !under) << at;
            least.store(hits.least[query].as_mut_ptr().add(at));
            most.store(hits.most[query].as_mut_ptr().add(at));
        }
        hits.inside[query] = inside;
        hits.above[query] = above;
        inside | above != 0
    }
}

/// Sums of products of `QUERIES` queries with `PARTS` registers of documents, one accumulator each.
///
/// # Safety
/// As [`tile`].
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "compiled anew for each instruction set"
)]
unsafe fn products<S: Sums, const QUERIES: usize, const PARTS: usize>(
    dim: usize,
    mut queries: *const i8,
    mut documents: *const u8,
    bands: &Bands,
) -> [[S; PARTS]; QUERIES] {
    // SAFETY: as `tile`: the pointers move on by what was read, `dim / STEP` times.
    unsafe {
        let part_bytes = 4 * S::Floats::COUNT;
        let mut sums = [[S::splat(0); PARTS]; QUERIES];
        for (row, &start) in sums.iter_mut().zip(&bands.starts) {
            *row = [S::splat(start); PARTS];
        }
        for _ in 0..dim / STEP {
            S::add_step(&mut sums, queries, documents);
            queries = queries.add(STEP * QUERIES);
            documents = documents.add(STEP / 4 * PARTS * part_bytes);
        }
        sums
    }
}

#[cfg(test)]
mod tests;
