//! One ranking out of several: what a model, a lexical index and somebody's run file found for the same queries.
//!
//! Reciprocal rank fusion gives a document the sum of `1 / (k + rank)` over the sources that found it, ranks from 1
//! (Cormack, Clarke and Buettcher 2009, <https://doi.org/10.1145/1571941.1572114>). The sum is taken in float64 in the
//! order of the sources and rounded to float32; equal ones go to the lower document. Quotas let each source in turn give
//! its best document that no source has given yet, until its quota is filled.

use std::collections::HashSet;

use crate::capacity::check_fits;
use crate::error::{Error, Result};
use crate::pool;
use crate::tick::Tick;

/// The queries of a block: the unit of work.
const QUERIES: usize = 256;
/// The most documents of one source: a rank is kept in 24 bits.
const MOST_RANKS: usize = (1 << 24) - 1;
/// The source of a place that holds no document; sources are numbered below it.
pub const NO_SOURCE: u8 = u8::MAX;

/// What one source found: row `q` is `[q * width..(q + 1) * width]`, best first, -1 where there is no document.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Documents; one that comes twice counts where it comes first.
    pub ids: &'a [i64],
    /// Their scores by the source's own measure.
    pub scores: &'a [f32],
    /// The places of a query.
    pub width: usize,
}

/// How sources become one ranking.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fusion<'a> {
    /// By the sum of reciprocal ranks; the greater `k`, the less the first ranks stand out.
    ReciprocalRank {
        /// Added to each rank.
        k: f64,
    },
    /// By turns: the most documents that each source gives.
    Quota(&'a [usize]),
}

/// One ranking: row `q` is `[q * num..(q + 1) * num]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Fused {
    /// Documents, -1 where there are no more.
    pub ids: Vec<i64>,
    /// The sum of reciprocal ranks, or the score by the source that gave the document; minus infinity where there is none.
    pub scores: Vec<f32>,
    /// The source that has the document at its best rank, or the one that gave it; [`NO_SOURCE`] where there is none.
    pub sources: Vec<u8>,
    /// The document's rank there, from 1; 0 where there is none.
    pub ranks: Vec<u32>,
}

/// A document of the answer.
#[derive(Debug, Clone, Copy)]
struct Given {
    score: f32,
    document: u32,
    source: u8,
    rank: u32,
}

/// Fuses what `sources` found for the same `queries` into `num` documents each. O(documents x log(documents of a query)).
///
/// # Errors
/// [`Error::Argument`] for no source or too many, sources of other sizes, an id that is no document, a `k` or quotas out of
/// range; [`Error::Cancelled`].
pub fn fuse(
    sources: &[Source<'_>],
    fusion: Fusion<'_>,
    queries: usize,
    num: usize,
    threads: usize,
    tick: &mut Tick<'_>,
) -> Result<Fused> {
    check(sources, fusion, queries, num)?;
    let place = size_of::<i64>() + size_of::<f32>() + size_of::<u8>() + size_of::<u32>();
    check_fits(
        "num",
        num,
        (queries as u128, "queries"),
        num.saturating_mul(place),
    )?;
    let size = queries * num;
    let mut fused = Fused {
        ids: vec![-1; size],
        scores: vec![f32::NEG_INFINITY; size],
        sources: vec![NO_SOURCE; size],
        ranks: vec![0; size],
    };
    let block = QUERIES * num;
    let ids = fused
        .ids
        .chunks_mut(block)
        .zip(fused.scores.chunks_mut(block));
    let from = fused
        .sources
        .chunks_mut(block)
        .zip(fused.ranks.chunks_mut(block));
    let work = |scratch: &mut Scratch, (at, ((ids, scores), (from, ranks))): (usize, _)| {
        let (ids, scores): (&mut [i64], &mut [f32]) = (ids, scores);
        let (from, ranks): (&mut [u8], &mut [u32]) = (from, ranks);
        for row in 0..ids.len() / num {
            let query = at * QUERIES + row;
            match fusion {
                Fusion::ReciprocalRank { k } => scratch.sum(sources, query, k, num)?,
                Fusion::Quota(quotas) => scratch.take_turns(sources, query, quotas, num)?,
            }
            for (place, given) in (row * num..).zip(scratch.given.drain(..)) {
                (ids[place], scores[place]) = (i64::from(given.document), given.score);
                (from[place], ranks[place]) = (given.source, given.rank);
            }
        }
        Ok(())
    };
    let items = ids.zip(from).enumerate();
    pool::map_items(threads, items, tick, Scratch::default, work)?;
    Ok(fused)
}

fn check(sources: &[Source<'_>], fusion: Fusion<'_>, queries: usize, num: usize) -> Result<()> {
    if sources.is_empty() || sources.len() >= usize::from(NO_SOURCE) {
        let rule = format!("be 1 to {}", NO_SOURCE - 1);
        return Err(Error::argument("sources", rule, sources.len()));
    }
    for source in sources {
        let wanted = queries.saturating_mul(source.width);
        if source.ids.len() != wanted || source.scores.len() != wanted {
            let rule = format!("have {queries} rows of ids and scores each");
            let got = format!("{} and {}", source.ids.len(), source.scores.len());
            return Err(Error::argument("sources", rule, got));
        }
        if source.width > MOST_RANKS {
            let rule = format!("have at most {MOST_RANKS} columns");
            return Err(Error::argument("sources", rule, source.width));
        }
    }
    if num == 0 {
        return Err(Error::argument("num", "be positive", num));
    }
    match fusion {
        Fusion::ReciprocalRank { k } if !(k >= 0.0 && k.is_finite()) => {
            Err(Error::argument("k", "be finite and not negative", k))
        }
        Fusion::Quota(quotas) if quotas.len() != sources.len() => {
            let rule = format!("be one for each of {} sources", sources.len());
            Err(Error::argument("quotas", rule, quotas.len()))
        }
        _ => Ok(()),
    }
}

/// What a thread reuses from query to query.
#[derive(Default)]
struct Scratch {
    given: Vec<Given>,
    /// For each document found: itself, its source and its rank there, from the highest bit.
    found: Vec<u64>,
    seen: HashSet<u32>,
    cursors: Vec<(usize, usize)>,
}

impl Scratch {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "parts of a packed number; a score is given as float32"
    )]
    fn sum(&mut self, sources: &[Source<'_>], query: usize, k: f64, num: usize) -> Result<()> {
        self.found.clear();
        for (at, source) in (0u64..).zip(sources) {
            for found in documents(source, query, 0) {
                let (rank, document) = found?;
                self.found
                    .push(u64::from(document) << 32 | at << 24 | u64::from(rank));
            }
        }
        self.found.sort_unstable();
        for of_one in self.found.chunk_by(|a, b| a >> 32 == b >> 32) {
            let (mut sum, mut best, mut last) = (0.0, (u32::MAX, NO_SOURCE), None);
            for &found in of_one {
                let (source, rank) = ((found >> 24) as u8, found as u32 & MOST_RANKS as u32);
                if last.replace(source) == Some(source) {
                    continue;
                }
                sum += 1.0 / (k + f64::from(rank));
                best = best.min((rank, source));
            }
            self.given.push(Given {
                score: sum as f32,
                document: (of_one[0] >> 32) as u32,
                source: best.1,
                rank: best.0,
            });
        }
        let order = |a: &Given, b: &Given| {
            let by_score = b.score.total_cmp(&a.score);
            by_score.then(a.document.cmp(&b.document))
        };
        if self.given.len() > num {
            self.given.select_nth_unstable_by(num, order);
            self.given.truncate(num);
        }
        self.given.sort_unstable_by(order);
        Ok(())
    }

    fn take_turns(
        &mut self,
        sources: &[Source<'_>],
        query: usize,
        quotas: &[usize],
        num: usize,
    ) -> Result<()> {
        self.seen.clear();
        self.cursors.clear();
        self.cursors.extend(quotas.iter().map(|&quota| (0, quota)));
        let mut is_done = false;
        while !is_done {
            is_done = true;
            for (at, (source, (next, left))) in (0u8..).zip(sources.iter().zip(&mut self.cursors)) {
                if *left == 0 || self.given.len() == num {
                    continue;
                }
                for found in documents(source, query, *next) {
                    let (rank, document) = found?;
                    *next = rank as usize;
                    if self.seen.insert(document) {
                        self.given.push(Given {
                            score: source.scores[query * source.width + *next - 1],
                            document,
                            source: at,
                            rank,
                        });
                        *left -= 1;
                        is_done = false;
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The documents that a source has for a query from place `start` on, each with its rank.
fn documents(
    source: &Source<'_>,
    query: usize,
    start: usize,
) -> impl Iterator<Item = Result<(u32, u32)>> {
    let row = &source.ids[query * source.width..][..source.width];
    let places = (1u32..).zip(row).skip(start).filter(|&(_, &id)| id != -1);
    places.map(move |(rank, &id)| match u32::try_from(id) {
        Ok(document) if document != u32::MAX => Ok((rank, document)),
        _ => Err(Error::row("sources", query, "hold documents or -1", id)),
    })
}
