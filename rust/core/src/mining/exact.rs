//! The exact join: documents stream past blocks of queries, and each query keeps what could still be in its answer.
//!
//! The corpus is taken in shards, each packed once; threads take blocks of queries, and for each panel of documents run
//! the tile over the block. The tile's float32 scores are within a proven bound of the exact ones, so what it turns away
//! cannot be in the answer; what it lets through is scored exactly. Between shards a query holds its best exact scores
//! only.

use std::ops::ControlFlow;

use super::block::{Block, Row};
use super::exclusions::Excluded;
use super::kept::{Asked, Found};
use super::panels::{Shard, pack_queries};
use super::rules::Band;
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

/// What is asked of every query.
pub(super) struct Question<'a> {
    pub(super) scorer: &'a Scorer<'a>,
    pub(super) excluded: &'a Excluded<'a>,
    pub(super) bands: &'a [Band],
    /// How many of the best documents are wanted.
    pub(super) depth: usize,
    pub(super) threads: usize,
}

/// Everything that does not change while the search runs.
struct Search<'a> {
    tile: Tile,
    question: &'a Question<'a>,
    depth: usize,
}

/// Finds the best allowed documents of every query. O(queries x corpus x dim).
pub(super) fn search(
    engine: Engine,
    question: &Question<'_>,
    tick: &mut Tick<'_>,
) -> Result<Vec<Found>> {
    let (scorer, threads) = (question.scorer, question.threads);
    let (queries, corpus) = (scorer.queries.rows(), scorer.corpus.rows());
    let total = engine.steps(queries, corpus);
    let search = Search {
        tile: engine.tile,
        question,
        depth: question.depth.min(corpus),
    };
    let mut found: Vec<_> = std::iter::repeat_with(Found::default)
        .take(queries)
        .collect();
    let slow = (0..queries)
        .any(|query| scorer.query_scale(query).is_none() && scorer.query_norm(query) > 0.0);
    let block = if slow { 1 } else { engine.block_queries.max(1) };
    let per_shard = queries as u64;
    for (at, documents) in (0..).zip(pool::blocks(corpus, engine.shard_documents)) {
        let before = at * per_shard;
        let mut packing = |_, _| heard(tick, before, total);
        let ear = &mut Tick::new(&mut packing);
        let shard = Shard::pack(scorer, &search.tile, documents, threads, ear)?;
        let mut passing =
            |done: u64, blocks: u64| heard(tick, before + per_shard * done / blocks.max(1), total);
        let ear = &mut Tick::new(&mut passing);
        search.pass(&shard, block, &mut found, ear)?;
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

impl Search<'_> {
    /// Shows a shard to every query.
    fn pass(
        &self,
        shard: &Shard,
        block_queries: usize,
        found: &mut [Found],
        tick: &mut Tick<'_>,
    ) -> Result<()> {
        let items = found.chunks_mut(block_queries).enumerate();
        let work = |(packed, hits): &mut (Vec<f32>, Hits), (at, found): (usize, &mut [Found])| {
            let first = at * block_queries;
            pack_queries(self.question.scorer, first..first + found.len(), packed);
            let rows = (first..)
                .zip(found)
                .map(|(query, found)| self.row(query, found));
            let mut block = Block::new(rows.collect());
            block.show(shard, &self.tile, packed, hits);
            block.finish();
            Ok(())
        };
        let state = || (Vec::new(), Hits::new());
        pool::map_items(self.question.threads, items, tick, state, work).map(drop)
    }

    fn row<'a>(&'a self, query: usize, found: &'a mut Found) -> Row<'a> {
        let asked = Asked {
            scorer: self.question.scorer,
            query,
            band: self.question.bands[query],
            excluded: self.question.excluded,
            depth: self.depth,
        };
        Row::new(asked, found)
    }
}
