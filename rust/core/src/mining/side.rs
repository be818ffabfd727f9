//! Rows that are queries and documents at once, while they meet others.

use std::sync::atomic::{AtomicBool, Ordering};

use super::block::Row;
use super::exact::Search;
use super::kept::{Found, Room};
use super::panels::{Packer, Shard};
use super::rescore::Rescorer;
use super::ruler::Turned;
use crate::kernels::{Back, Bands, Documents, Hits, Pass, STEP, Tile};

/// The rows of some panels.
pub(super) struct Side<'a> {
    panels: Vec<usize>,
    /// In the panels' order.
    rows: Vec<Row<'a>>,
    /// Of each panel, the rows that take part.
    members: Vec<u64>,
    /// As queries.
    codes: Vec<i8>,
    bands: Vec<Bands>,
    /// As documents: what each looks for.
    lows: Vec<f32>,
    caps: Vec<f32>,
    turned: Turned,
    tile: Tile,
    dim: usize,
}

impl<'a> Side<'a> {
    /// The bytes that a row takes beside what it keeps.
    pub(super) fn row_bytes(dim: usize, tile: &Tile) -> usize {
        dim.next_multiple_of(STEP)
            + size_of::<Row<'_>>()
            + size_of::<Bands>() / tile.queries
            + 2 * size_of::<f32>()
    }

    /// Packs the rows of `panels`, whose places in the outcome are `found`.
    pub(super) fn new(
        search: &'a Search<'_>,
        shard: &Shard,
        room: Room,
        panels: Vec<usize>,
        found: Vec<&'a mut [Found]>,
        packer: &mut Packer,
    ) -> Self {
        let (prepared, scorer) = (search.prepared, search.question.scorer);
        let tile = prepared.engine.tile;
        let dim = scorer.queries.dim().next_multiple_of(STEP);
        let places = panels.len() * tile.width;
        let mut side = Self {
            rows: Vec::with_capacity(places),
            members: vec![0; panels.len()],
            codes: vec![0; places * dim],
            bands: vec![Bands::NONE; places / tile.queries],
            lows: vec![f32::NAN; places],
            caps: vec![f32::NAN; places],
            turned: prepared.frame.turned(),
            panels,
            tile,
            dim,
        };
        for (panel, found) in found.into_iter().enumerate() {
            let first = side.panels[panel] * tile.width;
            for (query, found) in (first..).zip(found) {
                let mut row = search.row(query, room, found);
                let at = side.rows.len();
                let bands = &mut side.bands[at / tile.queries];
                let codes =
                    &mut side.codes[at / tile.queries * tile.queries * dim..][..tile.queries * dim];
                let place = (at % tile.queries, &mut *bands, codes);
                if prepared.is_packed(query) {
                    row.ruler = packer.query((scorer, query), &prepared.frame, shard, &tile, place);
                }
                if row.ruler.is_some() {
                    side.members[panel] |= 1 << (query - first);
                    bands.caps[at % tile.queries] = row.cap();
                    side.caps[at] = side.turned.cap(row.asked.band.counted_cap());
                }
                side.rows.push(row);
                side.raise(at);
            }
        }
        side
    }

    /// The number of rows.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The rows that no tile serves.
    pub(super) fn loners(&self) -> impl Iterator<Item = usize> {
        let rows = self.rows.iter().filter(|row| row.ruler.is_none());
        rows.map(|row| row.asked.query)
    }

    /// Tells both tiles what a row looks for.
    fn raise(&mut self, at: usize) {
        let row = &self.rows[at];
        if row.ruler.is_some() {
            self.bands[at / self.tile.queries].lows[at % self.tile.queries] = row.low();
            self.lows[at] = self.turned.low(row.kept.bar());
        }
    }

    /// Settles every row, and sets what it looks for next.
    pub(super) fn look_for(&mut self, rank: usize) {
        for at in 0..self.rows.len() {
            let row = &mut self.rows[at];
            row.kept.settle(&row.asked);
            row.kept.look_for(rank);
            self.raise(at);
        }
    }

    /// Compares each row with each of this side.
    pub(super) fn meet_itself(&mut self, shard: &Shard, hits: &mut Hits, is_stopped: &AtomicBool) {
        for panel in 0..self.panels.len() {
            let (first, documents) = shard.panel(self.panels[panel]);
            let mut from = 0;
            if is_stopped.load(Ordering::Relaxed) {
                return;
            }
            while let Some((at, mut hit)) = self.run(documents, None, &[], from, hits) {
                while hit != 0 {
                    let query = hit.trailing_zeros() as usize;
                    self.take(at, query, (first, self.members[panel]), hits);
                    hit &= hit - 1;
                }
                from = at + 1;
            }
        }
    }

    /// Compares each row with each of another side, for both.
    pub(super) fn meet(
        &mut self,
        other: &mut Side<'_>,
        shard: &Shard,
        hits: &mut Hits,
        is_stopped: &AtomicBool,
    ) {
        let width = self.tile.width;
        for panel in 0..other.panels.len() {
            let (first, documents) = shard.panel(other.panels[panel]);
            let next = other.panels.get(panel + 1);
            let next = next.map_or(&[][..], |&next| shard.panel(next).1.codes);
            let mut from = 0;
            if is_stopped.load(Ordering::Relaxed) {
                return;
            }
            loop {
                let range = panel * width..(panel + 1) * width;
                let back = Back {
                    lows: &other.lows[range.clone()],
                    caps: &other.caps[range],
                };
                let Some((at, mut hit)) = self.run(documents, Some(back), next, from, hits) else {
                    break;
                };
                while hit != 0 {
                    let query = hit.trailing_zeros() as usize;
                    self.give(at, query, (other, panel), hits);
                    self.take(at, query, (first, other.members[panel]), hits);
                    hit &= hit - 1;
                }
                from = at + 1;
            }
        }
    }

    fn run(
        &self,
        documents: Documents<'_>,
        back: Option<Back<'_>>,
        next: &[crate::kernels::Line],
        from: usize,
        hits: &mut Hits,
    ) -> Option<(usize, u32)> {
        let pass = Pass {
            dim: self.dim,
            queries: &self.codes,
            bands: &self.bands,
            documents,
            back,
            next,
        };
        self.tile.run(&pass, from, hits)
    }

    /// Takes what a tile found for a query.
    fn take(&mut self, tile: usize, query: usize, (first, members): (usize, u64), hits: &Hits) {
        let at = tile * self.tile.queries + query;
        let row = &mut self.rows[at];
        let (inside, above) = (hits.inside[query] & members, hits.above[query] & members);
        row.turn_away(first, above);
        if row.take(first, inside, &hits.least[query], &hits.most[query]) {
            self.raise(at);
        }
    }

    /// Gives a query to the rows of another side's panel that it is a document of interest for.
    fn give(&self, tile: usize, query: usize, (to, panel): (&mut Side<'_>, usize), hits: &Hits) {
        let row = &self.rows[tile * self.tile.queries + query];
        let Some(ruler) = row.ruler else { return };
        let document = row.asked.query;
        let first = panel * self.tile.width;
        let mut above = hits.above_back[query];
        while above != 0 {
            let at = first + above.trailing_zeros() as usize;
            above &= above - 1;
            to.rows[at].turn_away(document, 1);
        }
        let mut inside = hits.inside_back[query];
        while inside != 0 {
            let place = inside.trailing_zeros() as usize;
            inside &= inside - 1;
            let (low, high) = ruler.ends(hits.least[query][place], hits.most[query][place]);
            let taker = &mut to.rows[first + place];
            taker.kept.push(document, low, high);
            if taker.settle_if_full() {
                to.raise(first + place);
            }
        }
    }

    /// Hands out what each row found, the `loners` compared too; the rows that are to be searched for again.
    pub(super) fn finish(&mut self, loners: &[usize], rescorer: &mut Rescorer) -> Vec<usize> {
        let mut left = Vec::new();
        let mut rows = std::mem::take(&mut self.rows);
        rows.retain(|row| row.ruler.is_some()); // the others are known as loners
        for row in &mut rows {
            row.compare(loners.iter().copied());
        }
        let documents = rows.first();
        let documents = documents.map_or(0, |row| row.asked.scorer.corpus.rows());
        rescorer.score(&mut rows, documents);
        for mut row in rows {
            match row.kept.finish(&row.asked) {
                Some(found) => *row.found = found,
                None => left.push(row.asked.query),
            }
        }
        (self.codes, self.bands) = (Vec::new(), Vec::new());
        left
    }
}
