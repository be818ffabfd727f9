//! The exact join: documents stream past blocks of queries, and each query keeps what could still be in its answer.
//!
//! The corpus is taken in shards, each packed once; threads take blocks of queries, and for each panel of documents run
//! the tile over the block. The tile's float32 scores are within a proven bound of the exact ones, so what it turns away
//! cannot be in the answer; what it lets through is scored exactly. Between shards a query holds its best exact scores
//! only.

use std::ops::ControlFlow;

use super::Options;
use super::block::{Block, Row};
use super::kept::{Asked, Best};
use super::panels::{Shard, pack_queries};
use super::rules::{Band, Known, Place};
use super::score::Scorer;
use crate::error::Result;
use crate::kernels::{Hits, QUERIES, Tile};
use crate::pool;
use crate::tick::Tick;

/// The bytes of packed queries that stay in a core's second cache beside a panel of documents.
const QUERY_BYTES: usize = 256 << 10;
/// The most queries of a block.
const MOST_QUERIES: usize = 192;
/// The operations of one block of queries with one shard: some 15 ms of a core, so that cancelling is quick.
const OPERATIONS: usize = 1 << 30;
/// The bytes of a packed shard.
const SHARD_BYTES: usize = 128 << 20;

/// How the work is done, which the answer does not depend on.
#[derive(Debug, Clone, Copy)]
pub struct Engine {
    /// The kernel.
    pub tile: Tile,
    /// The queries of a block.
    pub block_queries: usize,
    /// The documents of a shard.
    pub shard_documents: usize,
}

impl Engine {
    /// The fastest for this processor and `queries` of `dim` on `threads` threads.
    pub fn for_shape(queries: usize, dim: usize, threads: usize) -> Self {
        let row = dim.saturating_mul(size_of::<f32>());
        let fair = queries.div_ceil(threads.saturating_mul(4).max(1));
        let most = (QUERY_BYTES / row).min(MOST_QUERIES).min(fair);
        let block_queries = most.max(1).next_multiple_of(QUERIES);
        let pair = dim.saturating_mul(2).saturating_add(32);
        let shard = OPERATIONS / pair.saturating_mul(block_queries).max(1);
        Self {
            tile: Tile::best(),
            block_queries,
            shard_documents: shard.min(SHARD_BYTES / row).max(1024),
        }
    }

    /// What progress counts up to: every query once a shard.
    pub(super) fn steps(&self, queries: usize, corpus: usize) -> u64 {
        (queries * pool::blocks(corpus, self.shard_documents).len()) as u64
    }
}

/// The answer for every query.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) rows: Vec<Best>,
    /// As [`Report::above`](super::Report::above).
    pub(super) above: [u64; 3],
}

/// A query's band, and how many of its positives lie above it.
struct Limit {
    band: Band,
    known_above: u64,
}

/// Everything that does not change while the search runs.
struct Search<'a> {
    tile: Tile,
    scorer: &'a Scorer<'a>,
    known: &'a Known,
    limits: Vec<Limit>,
    depth: usize,
}

/// Finds the best allowed documents of every query. O(queries x corpus x dim).
pub(super) fn search(
    engine: Engine,
    scorer: &Scorer<'_>,
    known: &Known,
    options: &Options,
    tick: &mut Tick<'_>,
) -> Result<Found> {
    let (queries, corpus) = (scorer.queries.rows(), scorer.corpus.rows());
    let total = engine.steps(queries, corpus);
    let mut starting = |_, _| heard(tick, 0, total);
    let search = Search {
        tile: engine.tile,
        scorer,
        known,
        limits: limits(scorer, known, options, &mut Tick::new(&mut starting))?,
        depth: options.strategy.depth(options).min(corpus),
    };
    let mut found = Found {
        rows: vec![Vec::new(); queries],
        above: [0; 3],
    };
    let slow = (0..queries)
        .any(|query| scorer.query_scale(query).is_none() && scorer.query_norm(query) > 0.0);
    let block = if slow { 1 } else { engine.block_queries.max(1) };
    let per_shard = queries as u64;
    for (at, documents) in (0..).zip(pool::blocks(corpus, engine.shard_documents)) {
        let before = at * per_shard;
        let mut packing = |_, _| heard(tick, before, total);
        let ear = &mut Tick::new(&mut packing);
        let shard = Shard::pack(scorer, &search.tile, documents, options.threads, ear)?;
        let mut passing =
            |done: u64, blocks: u64| heard(tick, before + per_shard * done / blocks.max(1), total);
        let ear = &mut Tick::new(&mut passing);
        search.pass(&shard, block, options.threads, &mut found, ear)?;
    }
    for limit in &search.limits {
        found.above[limit.band.rule] -= limit.known_above;
    }
    Ok(found)
}

/// Passes a part's progress on as the whole's.
pub(super) fn heard(tick: &mut Tick<'_>, done: u64, total: u64) -> ControlFlow<()> {
    match tick.at(done, total) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    }
}

fn limits(
    scorer: &Scorer<'_>,
    known: &Known,
    options: &Options,
    tick: &mut Tick<'_>,
) -> Result<Vec<Limit>> {
    let limit = |query| {
        let scores = || {
            let known = known.get(query).iter();
            known.map(|&id| scorer.score(query, id as usize))
        };
        let band = options.rules.band(scores().min_by(f32::total_cmp));
        let above = scores().filter(|&score| band.place(score) == Place::Above);
        Limit {
            band,
            known_above: above.count() as u64,
        }
    };
    let queries = scorer.queries.rows();
    let blocks = pool::map_blocks(options.threads, queries, MOST_QUERIES, tick, |block| {
        Ok(block.map(limit).collect::<Vec<_>>())
    })?;
    Ok(blocks.into_iter().flatten().collect())
}

impl Search<'_> {
    /// Shows a shard to every query.
    fn pass(
        &self,
        shard: &Shard,
        block_queries: usize,
        threads: usize,
        found: &mut Found,
        tick: &mut Tick<'_>,
    ) -> Result<()> {
        let items = found.rows.chunks_mut(block_queries).enumerate();
        let work = |(packed, hits): &mut (Vec<f32>, Hits), (at, found): (usize, &mut [Best])| {
            let first = at * block_queries;
            pack_queries(self.scorer, first..first + found.len(), packed);
            let rows = (first..)
                .zip(found)
                .map(|(query, found)| self.row(query, found));
            let mut block = Block::new(rows.collect());
            block.show(shard, &self.tile, packed, hits);
            Ok(block.finish())
        };
        let state = || (Vec::new(), Hits::new());
        for above in pool::map_items(threads, items, tick, state, work)? {
            for (sum, part) in found.above.iter_mut().zip(above) {
                *sum += part;
            }
        }
        Ok(())
    }

    fn row<'a>(&'a self, query: usize, found: &'a mut Best) -> Row<'a> {
        let asked = Asked {
            scorer: self.scorer,
            query,
            band: self.limits[query].band,
            known: self.known.get(query),
            depth: self.depth,
        };
        Row::new(asked, found)
    }
}
