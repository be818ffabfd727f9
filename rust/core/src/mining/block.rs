//! A block of queries while a shard's documents are shown to it.

use super::kept::{Asked, Found, Kept};
use super::panels::{Shard, rounded_down, rounded_up};
use crate::kernels::{Bands, Documents, Hits, QUERIES, Tile};

/// One query of the block.
pub(super) struct Row<'a> {
    asked: Asked<'a>,
    kept: Kept,
    /// What a tile's result is multiplied by to be a score; `None` where this query does without the tile.
    scale: Option<f64>,
    found: &'a mut Found,
}

impl<'a> Row<'a> {
    /// Goes on from what was `found` in earlier shards, and leaves the outcome there.
    pub(super) fn new(asked: Asked<'a>, found: &'a mut Found) -> Self {
        Self {
            kept: Kept::resume(&asked, found),
            scale: asked.scorer.query_scale(asked.query),
            asked,
            found,
        }
    }

    /// The least result of the tile that is of interest.
    fn low(&self) -> f32 {
        self.scale
            .map_or(f32::NAN, |scale| rounded_down(self.kept.bar() / scale))
    }

    /// The greatest.
    fn cap(&self) -> f32 {
        self.scale.map_or(f32::NAN, |scale| {
            rounded_up(self.asked.band.counted_cap() / scale)
        })
    }

    /// Takes the documents of a panel that lie above the band.
    fn turn_away(&mut self, first: usize, mut above: u64) {
        if self.asked.excluded.is_empty() {
            return self.kept.count_above(above.count_ones());
        }
        while above != 0 {
            let at = above.trailing_zeros() as usize;
            above &= above - 1;
            self.kept.push_above(first + at, &self.asked);
        }
    }

    /// Takes the documents of a panel that the tile lets through.
    fn take(&mut self, first: usize, mut inside: u64, scores: &[f32], errors: &[f32]) {
        let scale = self.scale.unwrap_or(f64::NAN);
        while inside != 0 {
            let at = inside.trailing_zeros() as usize;
            inside &= inside - 1;
            let (score, error) = (f64::from(scores[at]), f64::from(errors[at]));
            self.kept
                .push(first + at, (score - error) * scale, (score + error) * scale);
        }
        if self.kept.is_full(&self.asked) {
            self.kept.settle(&self.asked);
        }
    }
}

/// Queries in panels of six.
pub(super) struct Block<'a> {
    rows: Vec<Row<'a>>,
    bands: Vec<Bands>,
}

impl<'a> Block<'a> {
    pub(super) fn new(rows: Vec<Row<'a>>) -> Self {
        let bands = rows.chunks(QUERIES).map(|six| {
            let mut bands = Bands {
                lows: [f32::NAN; QUERIES],
                caps: [f32::NAN; QUERIES],
            };
            for (at, row) in six.iter().enumerate() {
                (bands.lows[at], bands.caps[at]) = (row.low(), row.cap());
            }
            bands
        });
        Self {
            bands: bands.collect(),
            rows,
        }
    }

    /// Shows every document of the shard to every query; `packed` holds the queries in panels.
    pub(super) fn show(&mut self, shard: &Shard, tile: &Tile, packed: &[f32], hits: &mut Hits) {
        let panel = packed.len() / self.bands.len().max(1);
        for (first, documents) in shard.panels() {
            for (six, queries) in packed.chunks_exact(panel).enumerate() {
                if tile.run(panel / QUERIES, queries, documents, &self.bands[six], hits) {
                    self.take(six, first, documents, hits);
                }
            }
        }
        for row in self.rows.iter_mut().filter(|row| row.scale.is_none()) {
            for document in shard.documents.clone() {
                row.kept.push_exact(document, &row.asked);
                if row.kept.is_full(&row.asked) {
                    row.kept.settle(&row.asked);
                }
            }
        }
    }

    fn take(&mut self, six: usize, first: usize, documents: Documents<'_>, hits: &Hits) {
        let rows = self.rows[six * QUERIES..].iter_mut().take(QUERIES);
        for (at, row) in rows.enumerate() {
            row.turn_away(first, hits.above[at]);
            if hits.inside[at] != 0 {
                row.take(first, hits.inside[at], &hits.scores[at], documents.errors);
                self.bands[six].lows[at] = row.low();
            }
        }
    }

    /// Hands out what each query found.
    pub(super) fn finish(self) {
        for mut row in self.rows {
            *row.found = row.kept.finish(&row.asked);
        }
    }
}
