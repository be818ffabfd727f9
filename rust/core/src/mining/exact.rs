//! The exact join: documents stream past blocks of queries, and each query keeps what could still be in its answer.
//!
//! The corpus is taken in shards, each packed once; threads take blocks of queries, and for each panel of documents run
//! the tile over the block. The tile's int8 products lie between proven ends, so what it turns away cannot be in the
//! answer; what it lets through and could be is scored exactly. Between shards a query holds its best exact scores only.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::block::{Block, Desk, Row};
use super::corpus::{Prepared, shards};
use super::exclusions::Excluded;
use super::kept::{Asked, Found, kept_bytes};
use super::panels::{Shard, packed_bytes};
use super::rules::Band;
use super::score::Scorer;
use crate::error::Result;
use crate::kernels::{MOST_QUERIES, Tile};
use crate::pool;
use crate::tick::Tick;

/// The most queries of a block.
const BLOCK: usize = 512;
/// The most bytes of a block's codes: they stay in a core's second cache while panels stream past, and the more queries
/// there are, the less often the corpus comes from memory.
const CODES: usize = 144 << 10;
/// The most bytes of what a block's queries keep meanwhile.
const KEPT: usize = 16 << 20;
/// The fewest documents of a shard.
const LEAST_SHARD: usize = 4096;

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
    /// The fastest for this processor and the shape of the task, within `max_memory` bytes beside the inputs where that is
    /// possible at all; the result, which the caller knows the size of, is not part of it.
    pub fn for_shape(
        (queries, corpus): (usize, usize),
        dim: usize,
        depth: usize,
        threads: usize,
        max_memory: usize,
    ) -> Self {
        let fair = queries.div_ceil(threads.saturating_mul(4).max(1));
        let kept = kept_bytes(depth.min(corpus));
        let block_queries = (CODES / dim.max(1))
            .min(KEPT / kept)
            .min(fair)
            .clamp(1, BLOCK)
            .next_multiple_of(MOST_QUERIES);
        let norms = corpus
            .saturating_add(queries)
            .saturating_mul(size_of::<f64>());
        let desk = block_queries * dim.saturating_add(kept);
        let taken = norms.saturating_add(desk.saturating_mul(threads));
        Self {
            tile: Tile::best(),
            block_queries,
            shard_documents: (max_memory.saturating_sub(taken) / packed_bytes(dim))
                .max(LEAST_SHARD),
        }
    }

    /// What progress counts up to: every query once a shard.
    pub(super) fn steps(&self, queries: usize, corpus: usize) -> u64 {
        (queries * shards(self, corpus).len()) as u64
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
    prepared: &'a Prepared,
    question: &'a Question<'a>,
    depth: usize,
    /// How many queries trusted a sample, and how many of them in vain: where it is too many, no more do.
    bold: AtomicUsize,
    mistaken: AtomicUsize,
    /// Set where the caller wants to stop: a block of many documents does not go on to its end then.
    is_stopped: AtomicBool,
}

/// Finds the best allowed documents of every query. O(queries x corpus x dim).
pub(super) fn search(
    prepared: &Prepared,
    question: &Question<'_>,
    tick: &mut Tick<'_>,
) -> Result<Vec<Found>> {
    let (scorer, threads, engine) = (question.scorer, question.threads, prepared.engine);
    let (queries, corpus) = (scorer.queries.rows(), scorer.corpus.rows());
    let total = engine.steps(queries, corpus);
    let search = Search {
        prepared,
        question,
        depth: question.depth.min(corpus),
        bold: AtomicUsize::new(0),
        mistaken: AtomicUsize::new(0),
        is_stopped: AtomicBool::new(false),
    };
    let mut found: Vec<_> = std::iter::repeat_with(Found::default)
        .take(queries)
        .collect();
    let per_shard = queries as u64;
    for (at, documents) in (0..).zip(shards(&engine, corpus)) {
        let before = at * per_shard;
        let mut packing = |_, _| heard(tick, before, total);
        let ear = &mut Tick::new(&mut packing);
        let fresh = match prepared.resident() {
            Some(_) => None,
            None => Some(prepared.pack(scorer.corpus, documents, threads, ear)?),
        };
        let mut passing = |done: u64, blocks: u64| {
            let said = heard(tick, before + per_shard * done / blocks.max(1), total);
            search.is_stopped.store(said.is_break(), Ordering::Relaxed);
            said
        };
        let ear = &mut Tick::new(&mut passing);
        if let Some(shard) = fresh.as_ref().or(prepared.resident()) {
            search.pass(shard, at == 0, &mut found, ear)?;
        }
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
    /// Shows a shard to every query. In the first one, where nothing is known yet, a sample may show what to look for.
    fn pass(
        &self,
        shard: &Shard,
        is_first: bool,
        found: &mut [Found],
        tick: &mut Tick<'_>,
    ) -> Result<()> {
        let Engine {
            tile,
            block_queries,
            ..
        } = self.prepared.engine;
        let block_queries = block_queries.max(1);
        let outliers = self.prepared.outliers(&shard.documents);
        let items = found.chunks_mut(block_queries).enumerate();
        let work = |desk: &mut Desk, (at, found): (usize, &mut [Found])| {
            let rows = (at * block_queries..).zip(found);
            let mut rows: Vec<_> = rows.map(|(query, found)| self.row(query, found)).collect();
            let mut is_bold = is_first && self.is_bold();
            let asked = rows.len();
            while !rows.is_empty() {
                let mut block = Block::new(rows, &self.prepared.frame, shard, tile, desk);
                block.show(shard, outliers, desk, is_bold, &self.is_stopped);
                rows = block.finish();
                self.bold.fetch_add(asked, Ordering::Relaxed);
                self.mistaken.fetch_add(rows.len(), Ordering::Relaxed);
                is_bold = false;
            }
            Ok(())
        };
        let state = || Desk::new(self.question.scorer.corpus.dim());
        pool::map_items(self.question.threads, items, tick, state, work).map(drop)
    }

    /// Whether a sample has been worth its trust so far. It changes the time alone.
    fn is_bold(&self) -> bool {
        let mistaken = self.mistaken.load(Ordering::Relaxed);
        8 * mistaken <= self.bold.load(Ordering::Relaxed)
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
