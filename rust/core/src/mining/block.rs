//! A block of queries while a shard's documents are shown to it.

use std::sync::atomic::{AtomicBool, Ordering};

use super::corpus::Frame;
use super::kept::{Asked, Found, Kept};
use super::panels::{Packer, Shard};
use super::rescore::Rescorer;
use super::ruler::Ruler;
use crate::kernels::{Bands, Documents, Hits, Pass, STEP, Tile};

/// What a thread reuses from block to block.
pub(super) struct Desk {
    pub(super) packer: Packer,
    codes: Vec<i8>,
    pub(super) hits: Hits,
    pub(super) rescorer: Rescorer,
}

impl Desk {
    pub(super) fn new(dim: usize) -> Self {
        Self {
            packer: Packer::new(dim),
            codes: Vec::new(),
            hits: Hits::new(),
            rescorer: Rescorer::default(),
        }
    }
}

/// One query of the block.
pub(super) struct Row<'a> {
    pub(super) asked: Asked<'a>,
    pub(super) kept: Kept,
    /// `None` where this query does without the tile.
    pub(super) ruler: Option<Ruler>,
    pub(super) found: &'a mut Found,
}

impl<'a> Row<'a> {
    /// Goes on from what was `found` in earlier shards, and leaves the outcome there.
    pub(super) fn new(asked: Asked<'a>, found: &'a mut Found) -> Self {
        Self {
            kept: Kept::resume(&asked, found),
            ruler: None,
            asked,
            found,
        }
    }

    /// The least value of the tile that is of interest.
    pub(super) fn low(&self) -> f32 {
        self.ruler
            .map_or(f32::NAN, |ruler| ruler.low(self.kept.bar()))
    }

    /// The greatest.
    pub(super) fn cap(&self) -> f32 {
        self.ruler
            .map_or(f32::NAN, |ruler| ruler.cap(self.asked.band.counted_cap()))
    }

    /// Scores documents and takes them.
    pub(super) fn compare(&mut self, documents: impl Iterator<Item = usize>) {
        for document in documents {
            self.kept.push_exact(document, &self.asked);
            if self.kept.is_full() {
                self.kept.settle(&self.asked);
            }
        }
    }

    /// Takes the documents of a panel that lie above the band.
    pub(super) fn turn_away(&mut self, first: usize, mut above: u64) {
        if self.asked.excluded.is_empty() {
            return self.kept.count_above(above.count_ones());
        }
        while above != 0 {
            let at = above.trailing_zeros() as usize;
            above &= above - 1;
            self.kept.push_above(first + at, &self.asked);
        }
    }

    /// Takes the documents of a panel that the tile lets through; whether the bar may have risen.
    pub(super) fn take(
        &mut self,
        first: usize,
        mut inside: u64,
        least: &[f32],
        most: &[f32],
    ) -> bool {
        let Some(ruler) = self.ruler else {
            return false;
        };
        while inside != 0 {
            let at = inside.trailing_zeros() as usize;
            inside &= inside - 1;
            let (low, high) = ruler.ends(least[at], most[at]);
            self.kept.push(first + at, low, high);
        }
        self.settle_if_full()
    }

    /// Makes room where there is none; whether the bar may have risen.
    pub(super) fn settle_if_full(&mut self) -> bool {
        let is_full = self.kept.is_full();
        if is_full {
            self.kept.settle(&self.asked);
        }
        is_full
    }
}

/// Panels are shown in stages, each evenly spread over the shard: the first of every 2^6, then as many again, and so on.
pub(super) const STAGES: u32 = 6;

/// The panels of a stage: those whose number leaves the first of these when it is divided by the second. All stages are all
/// panels.
pub(super) fn stage(number: u32) -> (usize, usize) {
    match number {
        0 => (0, 1 << STAGES),
        _ => (1 << (STAGES - number), 1 << (STAGES + 1 - number)),
    }
}

/// The rank among `shown` documents, of which about that many should score at least as well as the last of `depth` among all
/// `documents`: what is expected of an even sample, and three standard deviations more. `None` where that tells nothing.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rank far below 2^53"
)]
pub(super) fn likely_rank(depth: usize, shown: usize, documents: usize) -> Option<usize> {
    let expected = depth as f64 * shown as f64 / documents as f64;
    let rank = (expected + 3.0 * expected.sqrt() + 1.0).ceil() as usize;
    (rank < depth && 8 * rank <= shown).then_some(rank)
}

/// Queries in panels as wide as the tile.
pub(super) struct Block<'a> {
    rows: Vec<Row<'a>>,
    bands: Vec<Bands>,
    tile: Tile,
    dim: usize,
}

impl<'a> Block<'a> {
    /// Packs the queries for the shard.
    pub(super) fn new(
        mut rows: Vec<Row<'a>>,
        frame: &Frame,
        shard: &Shard,
        tile: Tile,
        desk: &mut Desk,
    ) -> Self {
        let dim = rows.first().map_or(0, |row| row.asked.scorer.queries.dim());
        let dim = dim.next_multiple_of(STEP);
        let mut bands = vec![Bands::NONE; rows.len().div_ceil(tile.queries)];
        desk.codes.clear();
        desk.codes.resize(bands.len() * tile.queries * dim, 0);
        let panels = desk.codes.chunks_exact_mut(tile.queries * dim);
        for ((rows, bands), codes) in rows.chunks_mut(tile.queries).zip(&mut bands).zip(panels) {
            for (at, row) in rows.iter_mut().enumerate() {
                let asked = (row.asked.scorer, row.asked.query);
                row.ruler = desk
                    .packer
                    .query(asked, frame, shard, &tile, (at, bands, codes));
                (bands.lows[at], bands.caps[at]) = (row.low(), row.cap());
            }
        }
        Self {
            rows,
            bands,
            tile,
            dim,
        }
    }

    /// Shows every document of the shard to every query, the `outliers` that no panel holds too; with `is_bold`, what the
    /// first ones show is trusted. Where it is stopped, what was found is worth nothing.
    pub(super) fn show(
        &mut self,
        shard: &Shard,
        outliers: &[u32],
        desk: &mut Desk,
        is_bold: bool,
        is_stopped: &AtomicBool,
    ) {
        let (depth, documents) = (self.depth(), shard.documents.len());
        let all = shard.panels().len();
        let mut shown = 0;
        for number in (0..=STAGES).filter(|_| is_bold) {
            let (first, step) = stage(number);
            shown += all.saturating_sub(first).div_ceil(step) * self.tile.width;
            let rank = likely_rank(depth, shown, documents);
            self.look_for(rank.unwrap_or(depth));
            let panels = shard.panels().skip(first).step_by(step);
            self.pass(panels, desk, is_stopped);
        }
        if !is_bold {
            self.pass(shard.panels(), desk, is_stopped);
        }
        for row in &mut self.rows {
            match row.ruler {
                _ if is_stopped.load(Ordering::Relaxed) => return,
                Some(_) => row.compare(outliers.iter().map(|&document| document as usize)),
                None => row.compare(shard.documents.clone()),
            }
        }
    }

    /// How many documents each query asks for.
    fn depth(&self) -> usize {
        self.rows.first().map_or(0, |row| row.asked.depth)
    }

    /// Settles every query that the tile serves, and sets what it looks for next.
    fn look_for(&mut self, rank: usize) {
        for (at, row) in self.rows.iter_mut().enumerate() {
            if row.ruler.is_some() {
                row.kept.settle(&row.asked);
                row.kept.look_for(rank);
                let bands = &mut self.bands[at / self.tile.queries];
                bands.lows[at % self.tile.queries] = row.low();
            }
        }
    }

    /// Shows some panels to every query that the tile serves.
    fn pass<'b>(
        &mut self,
        panels: impl Iterator<Item = (usize, Documents<'b>)>,
        desk: &mut Desk,
        is_stopped: &AtomicBool,
    ) {
        let Desk { codes, hits, .. } = desk;
        let tile = self.tile;
        let mut panels = panels.peekable();
        while let Some((first, documents)) = panels.next() {
            if is_stopped.load(Ordering::Relaxed) {
                return;
            }
            let next = panels.peek().map_or(&[][..], |(_, next)| next.codes);
            let mut from = 0;
            loop {
                let pass = Pass {
                    dim: self.dim,
                    queries: codes,
                    bands: &self.bands,
                    documents,
                    back: None,
                    next,
                };
                let Some((at, mut hit)) = tile.run(&pass, from, hits) else {
                    break;
                };
                while hit != 0 {
                    self.take(at, hit.trailing_zeros() as usize, first, hits);
                    hit &= hit - 1;
                }
                from = at + 1;
            }
        }
    }

    fn take(&mut self, panel: usize, query: usize, first: usize, hits: &Hits) {
        let row = &mut self.rows[panel * self.tile.queries + query];
        row.turn_away(first, hits.above[query]);
        let (least, most) = (&hits.least[query], &hits.most[query]);
        if row.take(first, hits.inside[query], least, most) {
            self.bands[panel].lows[query] = row.low();
        }
    }

    /// Hands out what each query found. The queries whose trust was mistaken are left, to be shown everything again.
    pub(super) fn finish(mut self, desk: &mut Desk) -> Vec<Row<'a>> {
        let mut mistaken = Vec::new();
        let documents = self.rows.first();
        let documents = documents.map_or(0, |row| row.asked.scorer.corpus.rows());
        desk.rescorer.score(&mut self.rows, documents);
        for mut row in self.rows {
            match row.kept.finish(&row.asked) {
                Some(found) => *row.found = found,
                None => mistaken.push(Row::new(row.asked, row.found)),
            }
        }
        mistaken
    }
}
