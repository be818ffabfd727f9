//! Rows packed for the tile: int8 codes of unit vectors less a centre, a panel's rows side by side.

use std::ops::Range;

use super::corpus::Frame;
use super::rows::Rows;
use super::ruler::{Ruler, sum_error};
use super::score::{Scorer, Similarity};
use crate::error::Result;
use crate::kernels::{Bands, Documents, Line, STEP, Tile, quantise, rounding};
use crate::pool;
use crate::tick::Tick;

/// The panels a thread packs at once.
const PANELS: usize = 16;
/// Past this dimension an int32 could overflow.
const MOST_DIM: usize = 1 << 16;

/// Part of the corpus, packed.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) documents: Range<usize>,
    width: usize,
    /// The lines of a panel.
    panel: usize,
    codes: Vec<Line>,
    scales: Vec<f32>,
    biases: Vec<f32>,
    lengths: Vec<f32>,
    rests: Vec<f32>,
    /// The greatest length and the greatest rest of each panel.
    greatest: Vec<(f32, f32)>,
    /// The greatest of all: a length with its rest, and a bias.
    pub(super) longest: f64,
    pub(super) bias: f64,
}

/// The bytes that a packed document takes.
pub(super) fn packed_bytes(dim: usize) -> usize {
    dim.next_multiple_of(STEP) + 4 * size_of::<f32>()
}

impl Shard {
    /// Packs `documents` on up to `threads` threads. O(documents x dim).
    pub(super) fn pack(
        corpus: Rows<'_>,
        frame: &Frame,
        norms: &[f64],
        tile: &Tile,
        documents: Range<usize>,
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<Self> {
        let (width, dim) = (tile.width, corpus.dim().next_multiple_of(STEP));
        let (panels, panel) = (documents.len().div_ceil(width), width * dim / 64);
        let mut shard = Self {
            width,
            panel,
            codes: vec![Line([tile.offset; 64]); panels * panel],
            scales: vec![0.0; panels * width],
            biases: vec![f32::NAN; panels * width],
            lengths: vec![0.0; panels * width],
            rests: vec![0.0; panels * width],
            greatest: vec![(0.0, 0.0); panels],
            documents,
            longest: 0.0,
            bias: 0.0,
        };
        let (first, end) = (shard.documents.start, shard.documents.end);
        let items = shard
            .codes
            .chunks_mut(PANELS * panel)
            .zip(shard.scales.chunks_mut(PANELS * width))
            .zip(shard.biases.chunks_mut(PANELS * width))
            .zip(shard.lengths.chunks_mut(PANELS * width))
            .zip(shard.rests.chunks_mut(PANELS * width))
            .enumerate();
        let state = || Packer::new(corpus.dim());
        let work = |packer: &mut Packer, item| {
            let (at, ((((lines, scales), biases), lengths), rests)) = item;
            let (lines, scales): (&mut [Line], &mut [f32]) = (lines, scales);
            let (biases, lengths, rests): (&mut [f32], &mut [f32], &mut [f32]) =
                (biases, lengths, rests);
            for (place, row) in (first + at * PANELS * width..end)
                .take(scales.len())
                .enumerate()
            {
                if !frame.holds(norms[row]) {
                    continue; // a column without a document
                }
                let found = packer.document(corpus, row, frame, norms[row]);
                let lines = &mut lines[place / width * panel..][..panel];
                packer.write(lines, place % width, tile);
                scales[place] = found.scale;
                lengths[place] = found.length;
                rests[place] = found.rest;
                biases[place] = found.bias;
            }
            Ok(())
        };
        pool::map_items(threads, items, tick, state, work)?;
        shard.measure();
        Ok(shard)
    }

    fn measure(&mut self) {
        let lengths = self.lengths.chunks_exact(self.width);
        let rests = self.rests.chunks_exact(self.width);
        for (greatest, (lengths, rests)) in self.greatest.iter_mut().zip(lengths.zip(rests)) {
            let most = |values: &[f32]| values.iter().copied().fold(0.0, f32::max);
            *greatest = (most(lengths), most(rests));
            self.longest = self
                .longest
                .max(f64::from(greatest.0) + f64::from(greatest.1));
        }
        let biases = self.biases.iter().map(|bias| f64::from(bias.abs()));
        self.bias = biases.fold(0.0, f64::max);
    }

    /// Each panel with its first document.
    pub(super) fn panels(&self) -> impl ExactSizeIterator<Item = (usize, Documents<'_>)> {
        (0..self.greatest.len()).map(|at| self.panel(at))
    }

    /// A panel with its first document.
    pub(super) fn panel(&self, at: usize) -> (usize, Documents<'_>) {
        let rows = at * self.width..(at + 1) * self.width;
        let documents = Documents {
            codes: &self.codes[at * self.panel..(at + 1) * self.panel],
            scales: &self.scales[rows.clone()],
            biases: &self.biases[rows.clone()],
            lengths: &self.lengths[rows.clone()],
            rests: &self.rests[rows],
            longest: self.greatest[at].0,
            coarsest: self.greatest[at].1,
        };
        (self.documents.start + at * self.width, documents)
    }
}

/// What the tile reads of one document beside its codes.
struct Packed {
    scale: f32,
    length: f32,
    rest: f32,
    bias: f32,
}

/// One row on its way to codes.
pub(super) struct Packer {
    wide: Vec<f32>,
    row: Vec<f64>,
    codes: Vec<i8>,
}

impl Packer {
    pub(super) fn new(dim: usize) -> Self {
        Self {
            wide: vec![0.0; dim],
            row: vec![0.0; dim],
            codes: vec![0; dim.next_multiple_of(STEP)],
        }
    }

    fn document(&mut self, corpus: Rows<'_>, row: usize, frame: &Frame, norm: f64) -> Packed {
        let factor = frame.document_factor(norm);
        corpus.row(row).write(&mut self.wide);
        // Partial sums, so that the compiler may use its registers.
        let mut parts = [0.0; 8];
        let centres = frame.documents.iter().zip(&frame.queries);
        let values = self.row.iter_mut().zip(&self.wide).zip(centres).enumerate();
        for (at, ((out, &value), (&centre, &query))) in values {
            *out = f64::from(value) * factor - centre;
            parts[at % 8] += *out * query;
        }
        let product: f64 = parts.iter().sum();
        let found = quantise(&self.row, i32::MAX, &mut self.codes);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "rounding to float32 is meant"
        )]
        let bias = (product + frame.own_bias(norm * factor)) as f32;
        Packed {
            scale: found.scale,
            length: found.length,
            rest: found.rest,
            bias,
        }
    }

    /// Writes the codes of a document to a panel's column.
    fn write(&self, lines: &mut [Line], column: usize, tile: &Tile) {
        for (group, codes) in self.codes.as_chunks::<4>().0.iter().enumerate() {
            let place = (group * tile.width + column) * 4;
            let slot = &mut lines[place / 64].0[place % 64..][..4];
            slot.copy_from_slice(&codes.map(|code| code.cast_unsigned().wrapping_add(tile.offset)));
        }
    }

    /// Packs a query at place `at` of a tile's `bands` and `codes`; `None` where a tile in int8 proves nothing (a zero query,
    /// zero documents, an enormous dimension or distance).
    pub(super) fn query(
        &mut self,
        (scorer, query): (&Scorer<'_>, usize),
        frame: &Frame,
        shard: &Shard,
        tile: &Tile,
        (at, bands, codes): (usize, &mut Bands, &mut [i8]),
    ) -> Option<Ruler> {
        let (norm, dim) = (scorer.query_norm(query), scorer.queries.dim());
        let (scale, factor) = (frame.scale(norm), frame.query_factor(norm));
        let length = norm * factor;
        let is_distance = scorer.similarity == Similarity::Euclidean;
        let usable = scale > 0.0
            && (is_distance || norm > 0.0)
            && length <= 2.0f64.powi(40)
            && dim <= MOST_DIM;
        if !usable {
            return None;
        }
        scorer.queries.row(query).write(&mut self.wide);
        let mut shift = 0.0;
        let values = self.row.iter_mut().zip(&self.wide);
        for ((out, &value), (&centre, &query)) in
            values.zip(frame.documents.iter().zip(&frame.queries))
        {
            let value = f64::from(value) * factor;
            shift += value * centre;
            *out = value - query;
        }
        let found = quantise(&self.row, tile.most_of_four, &mut self.codes);
        for (group, four) in self.codes.as_chunks::<4>().0.iter().enumerate() {
            codes[(group * tile.queries + at) * 4..][..4].copy_from_slice(four);
        }
        let whole = f64::from(found.length) + f64::from(found.rest);
        // The second term is what float64 sums cost, the score's own and those of the packing.
        let slack = rounding(whole, shard.longest, shard.bias)
            + 4.0 * sum_error(dim) * (1.0 + length + frame.offset).powi(2);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "rounding to float32 is meant, and one step up makes up for it"
        )]
        {
            bands.slacks[at] = (slack as f32).next_up();
            bands.lengths[at] = ((whole * (1.0 + 1e-5)) as f32).next_up();
        }
        bands.rests[at] = found.rest * (1.0 + 1e-5);
        bands.scales[at] = found.scale;
        bands.starts[at] = -i32::from(tile.offset) * found.sum;
        let ruler = Ruler::new(scorer.similarity, scale, shift, length, dim);
        let (factor, most, least) = frame.turned().of(&ruler);
        // As much as a value's own rounding, once more.
        let offset = shard.bias + shift.abs() + most.abs().max(least.abs()) / factor;
        let slack = rounding(whole, shard.longest, offset) * factor + 1e-30;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "rounding to float32 is meant, and the slack makes up for it"
        )]
        {
            bands.factors[at] = factor as f32;
            bands.tops[at] = (most + slack) as f32;
            bands.bottoms[at] = (least - slack) as f32;
        }
        Some(ruler)
    }
}
