//! The tile itself, one body for every instruction set: products, and the bands' epilogue.

use std::hint::black_box;

use super::super::codes::Sums;
use super::super::lanes::Lanes;
use super::super::prefetch::prefetch_line as prefetch;
use super::{Back, Bands, Documents, Hits, Pass, STEP};

/// Nothing to look for.
const NOTHING: Back<'static> = Back {
    lows: &[],
    caps: &[],
};

/// Tiles of `QUERIES` queries by `PARTS` registers of documents.
///
/// # Safety
/// The processor has the instructions of `S`, and the operands have the lengths that [`Tile::run`](super::Tile::run)
/// checks.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "compiled anew for each instruction set"
)]
pub(super) unsafe fn tile<S: Sums, const QUERIES: usize, const PARTS: usize>(
    pass: &Pass<'_>,
    from: usize,
    hits: &mut Hits,
) -> Option<(usize, u32)> {
    // SAFETY: the caller's word.
    unsafe {
        match pass.back {
            None => shown::<S, QUERIES, PARTS, false>(pass, NOTHING, from, hits),
            Some(back) => shown::<S, QUERIES, PARTS, true>(pass, back, from, hits),
        }
    }
}

/// As [`tile`]; with `BOTH`, documents look for queries too.
///
/// # Safety
/// As [`tile`].
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "compiled anew for each instruction set"
)]
unsafe fn shown<S: Sums, const QUERIES: usize, const PARTS: usize, const BOTH: bool>(
    pass: &Pass<'_>,
    back: Back<'_>,
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
            let codes = pass.documents.codes.as_ptr().cast();
            let sums = products::<S, QUERIES, PARTS>(pass.dim, queries, codes, bands);
            sift::<S, QUERIES, PARTS, BOTH>(&sums, &pass.documents, bands, back, hits)
        };
        if rows != 0 {
            return Some((at, rows));
        }
    }
    None
}

/// Turns away what no band can hold: the bits of the queries that have a hit.
///
/// # Safety
/// As [`tile`].
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "compiled anew for each instruction set"
)]
unsafe fn sift<S: Sums, const QUERIES: usize, const PARTS: usize, const BOTH: bool>(
    sums: &[[S; PARTS]; QUERIES],
    documents: &Documents<'_>,
    bands: &Bands,
    back: Back<'_>,
    hits: &mut Hits,
) -> u32 {
    // SAFETY: all offsets stay below the panel's width, and that is the operands' length.
    unsafe {
        // One bound for the whole panel turns nearly every tile away, by one branch.
        let (mut lows, mut tops) = ([0.0; QUERIES], [0.0; QUERIES]);
        for query in 0..QUERIES {
            let widest = bands.rests[query] * documents.longest
                + (bands.lengths[query] * documents.coarsest + bands.slacks[query]);
            lows[query] = bands.lows[query] - widest;
            tops[query] = bands.tops[query] + widest * bands.factors[query];
        }
        // One chain of maxima for each register of documents, as each waits for the one before it.
        let mut greatest = [S::Floats::splat(-1.0); PARTS];
        for part in 0..PARTS {
            let at = part * S::Floats::COUNT;
            let steps = S::Floats::load(documents.scales.as_ptr().add(at));
            let bias = S::Floats::load(documents.biases.as_ptr().add(at));
            let mut most = S::Floats::splat(f32::NEG_INFINITY);
            for query in 0..QUERIES {
                let value = valued::<S>(sums[query][part], bands.scales[query], steps, bias);
                let over = value.subtract(S::Floats::splat(lows[query]));
                greatest[part] = over.greater(greatest[part]);
                if BOTH {
                    let factor = S::Floats::splat(bands.factors[query]);
                    let turned = value.multiply_add(factor, S::Floats::splat(tops[query]));
                    most = turned.greater(most);
                }
            }
            if BOTH {
                let over = most.subtract(S::Floats::load(back.lows.as_ptr().add(at)));
                greatest[part] = over.greater(greatest[part]);
            }
        }
        let mut of_all = S::Floats::splat(-1.0);
        for greatest in greatest {
            of_all = of_all.greater(greatest);
        }
        if of_all.at_least(S::Floats::splat(0.0)) == 0 {
            return 0;
        }
        // The sums go to memory here and not before, and values are computed again: kept for the few tiles that come this
        // far, they would leave no registers to the others.
        let sums = black_box(*sums);
        let mut rows = 0;
        for (query, sums) in sums.iter().enumerate() {
            let low = S::Floats::splat(lows[query]);
            let (factor, top) = (bands.factors[query], tops[query]);
            let (factor, top) = (S::Floats::splat(factor), S::Floats::splat(top));
            let mut values = [low; PARTS];
            let mut near = 0;
            for (part, value) in values.iter_mut().enumerate() {
                let at = part * S::Floats::COUNT;
                let steps = S::Floats::load(documents.scales.as_ptr().add(at));
                let bias = S::Floats::load(documents.biases.as_ptr().add(at));
                *value = valued::<S>(sums[part], bands.scales[query], steps, bias);
                near |= value.at_least(low);
                if BOTH {
                    let turned = value.multiply_add(factor, top);
                    near |= turned.at_least(S::Floats::load(back.lows.as_ptr().add(at)));
                }
            }
            if near != 0 {
                let any =
                    sort::<S::Floats, PARTS, BOTH>(query, &values, documents, bands, back, hits);
                rows |= u32::from(any) << query;
            }
        }
        rows
    }
}

/// What sums of products say: the products' scales applied, the bias added.
///
/// # Safety
/// The processor has the instructions of `S`.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "compiled anew for each instruction set"
)]
unsafe fn valued<S: Sums>(sums: S, scale: f32, steps: S::Floats, bias: S::Floats) -> S::Floats {
    // SAFETY: the caller's word.
    unsafe {
        let scale = S::Floats::splat(scale).multiply(steps);
        sums.to_floats().multiply_add(scale, bias)
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
unsafe fn sort<L: Lanes, const PARTS: usize, const BOTH: bool>(
    query: usize,
    values: &[L; PARTS],
    documents: &Documents<'_>,
    bands: &Bands,
    back: Back<'_>,
    hits: &mut Hits,
) -> bool {
    // SAFETY: as `tile`; a row of hits has room for the widest panel.
    unsafe {
        let (low, cap) = (L::splat(bands.lows[query]), L::splat(bands.caps[query]));
        let (rest, length) = (L::splat(bands.rests[query]), L::splat(bands.lengths[query]));
        let slack = L::splat(bands.slacks[query]);
        let factor = L::splat(bands.factors[query]);
        let (top, bottom) = (L::splat(bands.tops[query]), L::splat(bands.bottoms[query]));
        let (mut inside, mut above) = (0, 0);
        let (mut inside_back, mut above_back) = (0, 0);
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
            if BOTH {
                let low = L::load(back.lows.as_ptr().add(at));
                let cap = L::load(back.caps.as_ptr().add(at));
                let reached = most.multiply_add(factor, top).at_least(low);
                let under = cap.at_least(least.multiply_add(factor, bottom));
                inside_back |= (reached & under) << at;
                above_back |= (reached & !under) << at;
            }
            least.store(hits.least[query].as_mut_ptr().add(at));
            most.store(hits.most[query].as_mut_ptr().add(at));
        }
        hits.inside[query] = inside;
        hits.above[query] = above;
        hits.inside_back[query] = inside_back;
        hits.above_back[query] = above_back;
        inside | above | inside_back | above_back != 0
    }
}

/// Sums of products of `QUERIES` queries with `PARTS` registers of documents, one accumulator each.
///
/// # Safety
/// As [`tile`], and `QUERIES * dim` codes of queries can be read.
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
