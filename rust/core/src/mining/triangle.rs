//! Queries that are the corpus itself: each pair of rows is compared once, and offered to both.
//!
//! Panels are taken in the stages of a [`Block`](super::block::Block), those of a stage in sides: rows packed as queries,
//! whose codes as documents the shard holds. In the turn of a stage its sides meet one another, then all sides of later
//! stages; its rows have met every other then, and the later rows have seen an even sample more, which may show them what to
//! look for. A thread that lets two sides meet has both for itself; in which order they meet changes the time alone.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::block::{Desk, STAGES, likely_rank, stage};
use super::exact::Search;
use super::kept::{Found, Room};
use super::pairs::Pairs;
use super::panels::Shard;
use super::side::Side;
use crate::error::Result;
use crate::pool;
use crate::tick::Tick;

/// The widest of these that memory has room for is taken.
const ROOMS: [Room; 3] = [
    Room::WIDE,
    Room { more: 32, times: 2 },
    Room { more: 16, times: 1 },
];
/// The most bytes of a side's codes: they stay in a core's second cache.
const CODES: usize = 144 << 10;
/// The most rows of a side.
const ROWS: usize = 512;
/// One row in so many may be outside the tile: every row is compared with those exactly.
const LONERS: usize = 64;
/// How often a thread asks whether to go on, in a stage.
const ITEMS: usize = 1024;

/// What is searched, and what came of it.
pub(super) struct Triangle<'a, 's> {
    search: &'s Search<'a>,
    shard: &'s Shard,
    sides: Vec<Mutex<Side<'s>>>,
    /// Where the sides of each stage begin, and where the last ones end.
    starts: Vec<usize>,
    /// The rows that no tile serves.
    loners: Vec<usize>,
    /// The rows that are still to be searched for.
    left: Vec<usize>,
    pairs_met: AtomicUsize,
    /// How many of them belong to the first stage, after which all may begin anew: progress is told from there on.
    begun: usize,
}

/// Lets every row meet every other. What is left are the rows that are to be searched for in the ordinary way: `None` where
/// these are all, as the queries are not the corpus, or memory does not hold what all of them keep at once.
pub(super) fn search_once(
    search: &Search<'_>,
    shard: &Shard,
    found: &mut [Found],
    tick: &mut Tick<'_>,
) -> Result<Option<Vec<usize>>> {
    let scorer = search.question.scorer;
    if !scorer.queries.is_same(scorer.corpus) {
        return Ok(None);
    }
    let Some(room) = room(search) else {
        return Ok(None);
    };
    let left = match Triangle::new(search, shard, room, &mut *found)? {
        Some(mut triangle) => triangle.meet_all(tick)?,
        None => None,
    };
    if left.is_none() {
        found.fill_with(Found::default); // nothing is known of any row
    }
    Ok(left)
}

/// How much every row may keep at once.
fn room(search: &Search<'_>) -> Option<Room> {
    let engine = &search.prepared.engine;
    let scorer = search.question.scorer;
    ROOMS.into_iter().find(|room| {
        // A vector's capacity doubles.
        let kept = room.bytes(search.depth).saturating_mul(3) / 2;
        let row = kept.saturating_add(Side::row_bytes(scorer.queries.dim(), &engine.tile));
        row.saturating_mul(scorer.queries.rows()) <= engine.spare
    })
}

impl<'a, 's> Triangle<'a, 's>
where
    'a: 's,
{
    /// Packs every row as a query; `None` where too many of them are none for the tile.
    fn new(
        search: &'s Search<'a>,
        shard: &'s Shard,
        room: Room,
        found: &'s mut [Found],
    ) -> Result<Option<Self>> {
        let (tile, threads) = (search.prepared.engine.tile, search.question.threads);
        let dim = search.question.scorer.queries.dim();
        let all = shard.panels().len();
        let most = (CODES / dim.max(1)).min(ROWS) / tile.width;
        let mut starts = vec![0];
        let mut cut: Vec<Vec<usize>> = Vec::new();
        for number in 0..=STAGES {
            let (first, step) = stage(number);
            let panels: Vec<_> = (first..all).step_by(step).collect();
            let fair = panels.len().div_ceil(2 * threads.max(1));
            let sides = panels.len().div_ceil(most.min(fair).max(1));
            cut.extend(
                pool::blocks(panels.len(), panels.len().div_ceil(sides.max(1)))
                    .map(|range| panels[range].to_vec()),
            );
            starts.push(cut.len());
        }
        let mut places: Vec<_> = found.chunks_mut(tile.width).map(Some).collect();
        let items = cut.into_iter().map(|panels| {
            let found: Vec<_> = panels.iter().filter_map(|&at| places[at].take()).collect();
            (panels, found)
        });
        let items: Vec<_> = items.collect();
        let state = || Desk::new(dim);
        let work = |desk: &mut Desk, (panels, found)| {
            Ok(Side::new(
                search,
                shard,
                room,
                panels,
                found,
                &mut desk.packer,
            ))
        };
        let count = items.len();
        let sides = pool::map_items(threads, items.into_iter(), &mut Tick::silent(), state, work)?;
        let loners: Vec<_> = sides.iter().flat_map(Side::loners).collect();
        let rows = search.question.scorer.queries.rows();
        Ok((loners.len() * LONERS <= rows).then(|| Self {
            search,
            shard,
            sides: sides.into_iter().map(Mutex::new).collect(),
            begun: (0..starts[1]).map(|one| count - one).sum(),
            starts,
            left: loners.clone(),
            loners,
            pairs_met: AtomicUsize::new(0),
        }))
    }

    /// Stage after stage; `None` where the first one shows that a sample tells nothing here.
    fn meet_all(&mut self, tick: &mut Tick<'_>) -> Result<Option<Vec<usize>>> {
        let depth = self.search.depth;
        let rows = self.search.question.scorer.queries.rows();
        let (mut shown, mut is_bold) = (0, self.search.is_bold());
        let mut finished = 0;
        for number in 0..self.starts.len() - 1 {
            let (first, end) = (self.starts[number], self.starts[number + 1]);
            let of_stage = |side: &mut Side<'_>| side.len();
            let count: usize = self.sides[first..end]
                .iter_mut()
                .map(inner)
                .map(of_stage)
                .sum();
            shown += count;
            let rank = likely_rank(depth, shown, rows).filter(|_| is_bold);
            self.look_for(first..self.sides.len(), rank.unwrap_or(depth))?;
            self.meet(first..end, first..end, tick)?;
            self.look_for(first..end, depth)?;
            self.meet(first..end, end..self.sides.len(), tick)?;
            let before = self.left.len();
            self.finish(first..end)?;
            finished += count;
            let mistaken = self.left.len() - self.loners.len();
            let fresh = self.left.len() - before;
            self.search.trusted(count, fresh);
            is_bold &= 8 * mistaken <= finished;
            if number == 0 && !is_bold {
                return Ok(None);
            }
        }
        self.left.sort_unstable();
        Ok(Some(std::mem::take(&mut self.left)))
    }

    /// Settles the rows of these sides, and sets what they look for next.
    fn look_for(&mut self, sides: std::ops::Range<usize>, rank: usize) -> Result<()> {
        let items = self.sides[sides].iter_mut();
        let work = |(): &mut (), side: &mut Mutex<Side<'_>>| {
            inner(side).look_for(rank);
            Ok(())
        };
        let threads = self.search.question.threads;
        pool::map_items(threads, items, &mut Tick::silent(), || (), work).map(drop)
    }

    /// Lets every side of one range meet every one of another, each pair once where they are the same.
    fn meet(
        &self,
        ones: std::ops::Range<usize>,
        others: std::ops::Range<usize>,
        tick: &mut Tick<'_>,
    ) -> Result<()> {
        let search = self.search;
        let pairs = Pairs::new(ones, others, self.sides.len());
        let total = self.sides.len() * (self.sides.len() + 1) / 2 - self.begun;
        let quota = pairs.count().div_ceil(ITEMS).max(1);
        let rows = search.question.scorer.queries.rows() as u64;
        let mut passing = |_, _| {
            let met = self.pairs_met.load(Ordering::Relaxed).max(self.begun) - self.begun;
            search.hears(tick, rows * met as u64 / total.max(1) as u64, rows)
        };
        let ear = &mut Tick::new(&mut passing);
        let state = || Desk::new(search.question.scorer.corpus.dim());
        let work = |desk: &mut Desk, _| {
            let mut last = None;
            for _ in 0..quota {
                let Some(pair) = pairs.take(last) else { break };
                last = Some(pair.one);
                let mut one = lock(&self.sides[pair.one]);
                if pair.one == pair.other {
                    one.meet_itself(self.shard, &mut desk.hits, &search.is_stopped);
                } else {
                    let mut other = lock(&self.sides[pair.other]);
                    one.meet(&mut other, self.shard, &mut desk.hits, &search.is_stopped);
                }
                self.pairs_met.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        };
        let items = 0..pairs.count().div_ceil(quota);
        pool::map_items(search.question.threads, items, ear, state, work).map(drop)
    }

    /// Hands out what the rows of these sides found; those whose trust was mistaken are left.
    fn finish(&mut self, sides: std::ops::Range<usize>) -> Result<()> {
        let loners = &self.loners;
        let items = self.sides[sides].iter_mut();
        let state = || Desk::new(self.search.question.scorer.corpus.dim());
        let work = |desk: &mut Desk, side: &mut Mutex<Side<'_>>| {
            Ok(inner(side).finish(loners, &mut desk.rescorer))
        };
        let threads = self.search.question.threads;
        let left = pool::map_items(threads, items, &mut Tick::silent(), state, work)?;
        self.left.extend(left.into_iter().flatten());
        Ok(())
    }
}

fn lock<'m, 's>(side: &'m Mutex<Side<'s>>) -> MutexGuard<'m, Side<'s>> {
    side.lock().unwrap_or_else(PoisonError::into_inner)
}

fn inner<'m, 's>(side: &'m mut Mutex<Side<'s>>) -> &'m mut Side<'s> {
    side.get_mut().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::{Asked, exact::Question};
    use super::super::{Engine, Given, Prepared, Rows, Rules, SearchOptions, Similarity, Values};
    use super::*;
    use crate::kernels::Tile;
    use crate::key::Key;

    /// Whether the rows are compared once.
    fn is_once(queries: &[f32], corpus: &[f32], spare: usize) -> Result<bool> {
        let dim = 16;
        let view = |values| Rows::new("r", Values::F32(values), values.len() / dim, dim);
        let (queries, corpus) = (view(queries)?, view(corpus)?);
        let engine = Engine {
            tile: Tile::best(),
            block_queries: 16,
            shard_documents: usize::MAX,
            spare,
        };
        let options = SearchOptions {
            similarity: Similarity::Dot,
            rules: Rules::default(),
            depth: 4,
            first_document: 0,
            threads: 2,
        };
        let tick = &mut Tick::silent();
        let prepared = Prepared::new(engine, corpus, queries, Similarity::Dot, 2, tick)?;
        let asked = Asked::new(
            &prepared,
            queries,
            corpus,
            &Given::default(),
            &options,
            tick,
        )?;
        let question = Question {
            scorer: &asked.scorer,
            excluded: &asked.excluded,
            bands: &asked.bands,
            depth: 4,
            threads: 2,
        };
        let search = Search::new(&prepared, &question);
        let mut found: Vec<_> = std::iter::repeat_with(Found::default)
            .take(queries.rows())
            .collect();
        let shard = prepared.resident();
        let left = shard.map(|shard| search_once(&search, shard, &mut found, tick));
        let left = left.transpose()?.flatten();
        assert!(left.is_none_or(|left| left.len() < 50));
        Ok(found.iter().filter(|found| found.best.len() == 4).count() > 500)
    }

    #[test]
    fn rows_that_are_the_same_are_compared_once_where_memory_holds_it() -> Result<()> {
        let mut rng = Key::new(1).rng();
        #[expect(clippy::cast_possible_truncation, reason = "rounding is meant")]
        let mut rows: Vec<f32> = (0..600 * 16).map(|_| rng.unit() as f32 - 0.5).collect();
        let copy = rows.clone();
        assert!(is_once(&rows, &rows, usize::MAX)?);
        assert!(is_once(&rows, &copy, usize::MAX)?);
        assert!(is_once(&rows, &copy, 600 * 2000)?);
        assert!(!is_once(&rows, &copy, 600 * 100)?);
        rows[16..32].fill(0.0); // one for the ordinary way
        assert!(is_once(&rows, &rows, usize::MAX)?);
        assert!(!is_once(&rows, &copy, usize::MAX)?);
        rows[..600 * 8].fill(0.0); // too many
        assert!(!is_once(&rows, &rows, usize::MAX)?);
        Ok(())
    }
}
