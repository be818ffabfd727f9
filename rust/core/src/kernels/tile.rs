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

mod body;

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256i, __m512i};

#[cfg(target_arch = "aarch64")]
use super::codes::{Dotprod, Widening};
use super::codes::{PortableSums, Sums};
use crate::cpu::{Features, features};
use body::tile;

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
    /// What a value is multiplied by to be in the unit of [`Back`].
    pub factors: [f32; MOST_QUERIES],
    /// What is added then: at least as much, the sum's own rounding paid for; NaN for a query that no document looks for.
    pub tops: [f32; MOST_QUERIES],
    /// The same, at most as much.
    pub bottoms: [f32; MOST_QUERIES],
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
        factors: [0.0; MOST_QUERIES],
        tops: [f32::NAN; MOST_QUERIES],
        bottoms: [f32::NAN; MOST_QUERIES],
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

/// What the documents of a panel look for among the queries, where a pair is compared once for both of its rows: a query
/// of value `v` lies in a document's band where `factor v + top` reaches its low and `factor v + bottom` stays under its
/// cap, each `v` at its own end.
#[derive(Debug, Clone, Copy)]
pub struct Back<'a> {
    /// The least value of interest; NaN for none.
    pub lows: &'a [f32],
    /// The greatest.
    pub caps: &'a [f32],
}

/// What a tile found; bit `j` of a row is document `j` of the panel.
#[derive(Debug, Clone)]
pub struct Hits {
    /// Documents that could lie in the query's band.
    pub inside: [u64; MOST_QUERIES],
    /// Documents that certainly lie above it.
    pub above: [u64; MOST_QUERIES],
    /// Documents in whose band the query could lie; leftovers where they were not asked.
    pub inside_back: [u64; MOST_QUERIES],
    /// Documents above whose band it certainly lies.
    pub above_back: [u64; MOST_QUERIES],
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
            inside_back: [0; MOST_QUERIES],
            above_back: [0; MOST_QUERIES],
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
    /// What its documents look for in turn; `None` for nothing.
    pub back: Option<Back<'a>>,
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
                && pass.back.is_none_or(
                    |back| back.lows.len() == self.width && back.caps.len() == self.width
                )
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

#[cfg(test)]
mod tests;
