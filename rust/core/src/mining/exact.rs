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
use super::kept::{Asked, Found, Room};
use super::panels::{Shard, packed_bytes};
use super::rules::Band;
use super::score::Scorer;
use super::triangle::search_once;
use crate::error::Result;
use crate::kernels::{MOST_QUERIES, Tile};
use crate::pool;
use crate::tick::Tick;

/// The most queries of a block.
const BLOCK: usize = 1024;
/// The most bytes of a block's codes: they stay in a core's second cache while panels stream past, and the more queries
/// there are, the less often the corpus comes from memory.
const CODES: usize = 288 << 10;
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
    /// Bytes beside the packed corpus for what queries that are the corpus itself keep all at once: as far as they hold it,
    /// each two rows are compared once, not twice.
    pub spare: usize,
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
        let kept = Room::WIDE.bytes(depth.min(corpus));
        let block_queries = (CODES / dim.max(1))
            .min(KEPT / kept)
            .min(fair)
            .clamp(1, BLOCK)
            .next_multiple_of(MOST_QUERIES);
        let norms = corpus
            .saturating_add(queries)
            .saturating_mul(size_of::<f64>());
        let desk = (block_queries * dim.saturating_add(kept))
            .saturating_add(corpus.saturating_mul(size_of::<u32>()));
        let taken = norms.saturating_add(desk.saturating_mul(threads));
        let packed = packed_bytes(dim).saturating_mul(corpus);
        Self {
            tile: Tile::best(),
            block_queries,
            shard_documents: (max_memory.saturating_sub(taken) / packed_bytes(dim))
                .max(LEAST_SHARD),
            spare: max_memory.saturating_sub(norms).saturating_sub(packed),
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
pub(super) struct Search<'a> {
    pub(super) prepared: &'a Prepared,
    pub(super) question: &'a Question<'a>,
    pub(super) depth: usize,
    /// How many queries trusted a sample, and how many of them in vain: where it is too many, no more do.
    bold: AtomicUsize,
    mistaken: AtomicUsize,
    /// Set where the caller wants to stop: a block of many documents does not go on to its end then.
    pub(super) is_stopped: AtomicBool,
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
    let search = Search::new(prepared, question);
    let mut found: Vec<_> = std::iter::repeat_with(Found::default)
        .take(queries)
        .collect();
    if let Some(shard) = prepared.resident()
        && let Some(left) = search_once(&search, shard, &mut found, tick)?
    {
        let mut passing = |_, _| search.hears(tick, total, total);
        search.again(shard, &left, &mut found, &mut Tick::new(&mut passing))?;
        return Ok(found);
    }
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
            search.hears(tick, before + per_shard * done / blocks.max(1), total)
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

impl<'a> Search<'a> {
    pub(super) fn new(prepared: &'a Prepared, question: &'a Question<'a>) -> Self {
        Self {
            prepared,
            question,
            depth: question.depth.min(question.scorer.corpus.rows()),
            bold: AtomicUsize::new(0),
            mistaken: AtomicUsize::new(0),
            is_stopped: AtomicBool::new(false),
        }
    }

    /// As [`heard`]; blocks that are under way stop too.
    pub(super) fn hears(&self, tick: &mut Tick<'_>, done: u64, total: u64) -> ControlFlow<()> {
        let said = heard(tick, done, total);
        self.is_stopped.store(said.is_break(), Ordering::Relaxed);
        said
    }

    /// Shows a shard to every query. In the first one, where nothing is known yet, a sample may show what to look for.
    fn pass(
        &self,
        shard: &Shard,
        is_first: bool,
        found: &mut [Found],
        tick: &mut Tick<'_>,
    ) -> Result<()> {
        let block = self.prepared.engine.block_queries.max(1);
        let items = found.chunks_mut(block).enumerate();
        let items = items.map(|(at, found)| (at * block..).zip(found).collect());
        self.show(shard, items, is_first, tick)
    }

    /// Shows a shard that is the whole corpus to some queries, in order, of which nothing is known.
    fn again(
        &self,
        shard: &Shard,
        queries: &[usize],
        found: &mut [Found],
        tick: &mut Tick<'_>,
    ) -> Result<()> {
        let block = self.prepared.engine.block_queries.max(1);
        let is_asked = |(query, _): &(usize, &mut Found)| queries.binary_search(query).is_ok();
        let mut rows = found.iter_mut().enumerate().filter(is_asked);
        let blocks = pool::blocks(queries.len(), block);
        let items = blocks.map(|range| rows.by_ref().take(range.len()).collect());
        let items: Vec<Vec<_>> = items.collect();
        self.show(shard, items.into_iter(), false, tick)
    }

    /// Shows a shard to blocks of queries.
    fn show<'f>(
        &self,
        shard: &Shard,
        blocks: impl ExactSizeIterator<Item = Vec<(usize, &'f mut Found)>> + Send,
        is_first: bool,
        tick: &mut Tick<'_>,
    ) -> Result<()> {
        let tile = self.prepared.engine.tile;
        let outliers = self.prepared.outliers(&shard.documents);
        let work = |desk: &mut Desk, found: Vec<(usize, &mut Found)>| {
            let row = |(query, found)| self.row(query, Room::WIDE, found);
            let mut rows: Vec<_> = found.into_iter().map(row).collect();
            let mut is_bold = is_first && self.is_bold();
            let asked = rows.len();
            while !rows.is_empty() {
                let mut block = Block::new(rows, &self.prepared.frame, shard, tile, desk);
                block.show(shard, outliers, desk, is_bold, &self.is_stopped);
                rows = block.finish(desk);
                self.trusted(asked, rows.len());
                is_bold = false;
            }
            Ok(())
        };
        let state = || Desk::new(self.question.scorer.corpus.dim());
        pool::map_items(self.question.threads, blocks, tick, state, work).map(drop)
    }

    /// Counts queries that trusted a sample, and those that did so in vain.
    pub(super) fn trusted(&self, queries: usize, mistaken: usize) {
        self.bold.fetch_add(queries, Ordering::Relaxed);
        self.mistaken.fetch_add(mistaken, Ordering::Relaxed);
    }

    /// Whether a sample has been worth its trust so far. It changes the time alone.
    pub(super) fn is_bold(&self) -> bool {
        let mistaken = self.mistaken.load(Ordering::Relaxed);
        8 * mistaken <= self.bold.load(Ordering::Relaxed)
    }

    pub(super) fn row<'s>(&'s self, query: usize, room: Room, found: &'s mut Found) -> Row<'s> {
        let asked = Asked {
            scorer: self.question.scorer,
            query,
            band: self.question.bands[query],
            excluded: self.question.excluded,
            depth: self.depth,
            room,
        };
        Row::new(asked, found)
    }
}
