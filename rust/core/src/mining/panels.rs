//! Rows packed for the tile: unit vectors in float32, a panel's rows side by side.

use std::ops::Range;

use super::score::Scorer;
use crate::error::Result;
use crate::kernels::{Documents, QUERIES, Tile, error_bound};
use crate::pool;
use crate::tick::Tick;

/// Added to every error: more than underflow can cost a score in units of the longest document.
const UNDERFLOW: f64 = 1e-24;

/// The panels a thread packs at once.
const PANELS: usize = 16;

/// Part of the corpus, packed.
pub(super) struct Shard {
    pub(super) documents: Range<usize>,
    width: usize,
    panel: usize,
    values: Vec<f32>,
    scales: Vec<f32>,
    errors: Vec<f32>,
}

impl Shard {
    /// Packs `documents` on up to `threads` threads. O(documents x dim).
    pub(super) fn pack(
        scorer: &Scorer<'_>,
        tile: &Tile,
        documents: Range<usize>,
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<Self> {
        let (width, dim) = (tile.width, scorer.corpus.dim());
        let (panels, panel) = (documents.len().div_ceil(width), width * dim);
        let mut values = vec![0.0; panels * panel];
        pool::fill_blocks(
            threads,
            &mut values,
            PANELS * panel,
            tick,
            |place, block| {
                let first = documents.start + place / dim;
                for (at, out) in block.chunks_exact_mut(panel).enumerate() {
                    let start = first + at * width;
                    for row in start..documents.end.min(start + width) {
                        let norm = scorer.document_norm(row);
                        pack_row(scorer.corpus.row(row), norm, &mut out[row - start..], width);
                    }
                }
                Ok(())
            },
        )?;
        let mut scales = vec![f32::NAN; panels * width];
        let mut errors = vec![0.0; panels * width];
        let bound = error_bound(dim);
        for (at, document) in documents.clone().enumerate() {
            let scale = scorer.document_scale(document);
            scales[at] = rounded(scale);
            errors[at] = rounded(bound * scale + UNDERFLOW).next_up();
        }
        Ok(Self {
            documents,
            width,
            panel,
            values,
            scales,
            errors,
        })
    }

    /// Each panel with its first document.
    pub(super) fn panels(&self) -> impl Iterator<Item = (usize, Documents<'_>)> {
        let values = self.values.chunks_exact(self.panel);
        let scales = self.scales.chunks_exact(self.width);
        let errors = self.errors.chunks_exact(self.width);
        let panels = values.zip(scales).zip(errors).enumerate();
        panels.map(|(at, ((values, scales), errors))| {
            let documents = Documents {
                values,
                scales,
                errors,
            };
            (self.documents.start + at * self.width, documents)
        })
    }
}

/// Packs `queries` into `out`, panels of six; missing rows are zeros.
pub(super) fn pack_queries(scorer: &Scorer<'_>, queries: Range<usize>, out: &mut Vec<f32>) {
    let panel = QUERIES * scorer.queries.dim();
    out.clear();
    out.resize(queries.len().div_ceil(QUERIES) * panel, 0.0);
    for (at, query) in queries.enumerate() {
        let out = &mut out[at / QUERIES * panel + at % QUERIES..];
        let row = scorer.queries.row(query);
        pack_row(row, scorer.query_norm(query), out, QUERIES);
    }
}

/// Writes a row's unit vector at every `stride`-th place of `out`; a zero vector stays zero.
fn pack_row(row: &[f32], norm: f64, out: &mut [f32], stride: usize) {
    let shrink = if norm > 0.0 { 1.0 / norm } else { 0.0 };
    for (&value, slot) in row.iter().zip(out.iter_mut().step_by(stride)) {
        *slot = rounded(f64::from(value) * shrink);
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding to float32 is meant"
)]
fn rounded(value: f64) -> f32 {
    value as f32
}

/// The greatest float32 not above `value`.
pub(super) fn rounded_down(value: f64) -> f32 {
    let near = rounded(value);
    if f64::from(near) > value {
        near.next_down()
    } else {
        near
    }
}

/// The least float32 not below `value`.
pub(super) fn rounded_up(value: f64) -> f32 {
    -rounded_down(-value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_keeps_its_side() {
        for value in [0.1, -0.1, 1e-60, -1e-60, 1e60, -1e60, 0.5, f64::INFINITY] {
            let (down, up) = (f64::from(rounded_down(value)), f64::from(rounded_up(value)));
            assert!(down <= value && value <= up, "{value}: {down} {up}");
            assert!(rounded_down(value).next_up() >= rounded_up(value));
        }
    }
}
