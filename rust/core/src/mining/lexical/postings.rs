//! The inverted index: for each term the documents that have it, with its weight there.

use std::ops::Range;

use super::Bm25Options;
use super::vocabulary::{Vocabulary, for_each_term};
use crate::error::Result;
use crate::pool;
use crate::texts::Strings;
use crate::tick::Tick;

/// The documents of a block: the unit of work when texts are read.
const DOCUMENTS: usize = 1 << 11;
/// The postings of a shard of terms: the unit of work when weights are laid out.
const POSTINGS: usize = 1 << 18;

/// Term `t` is in `documents[offsets[t]..offsets[t + 1]]`, ascending, with the weights at the same places.
#[derive(Debug, Default)]
pub(super) struct Postings {
    offsets: Vec<usize>,
    documents: Vec<u32>,
    weights: Vec<f32>,
}

/// How often one document has one term.
#[derive(Clone, Copy)]
struct Count {
    term: u32,
    document: u32,
    times: u32,
}

/// What one block of documents holds, with terms by the block's own numbers.
struct Block {
    vocabulary: Vocabulary,
    counts: Vec<Count>,
    lengths: Vec<u64>,
}

impl Postings {
    pub(super) fn build(
        corpus: &Strings,
        options: Bm25Options,
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<(Vocabulary, Self)> {
        let read = |range| Ok(Block::read(corpus, range));
        let blocks = pool::map_blocks(threads, corpus.len(), DOCUMENTS, tick, read)?;
        let lengths: Vec<u64> = blocks
            .iter()
            .flat_map(|block| block.lengths.iter().copied())
            .collect();
        let (vocabulary, counts) = renumber(blocks, threads, tick)?;
        let mut offsets = vec![0; vocabulary.len() + 1];
        for (done, block) in counts.iter().enumerate() {
            tick.at(done as u64, counts.len() as u64)?;
            for count in block {
                offsets[count.term as usize + 1] += 1;
            }
        }
        for term in 0..vocabulary.len() {
            offsets[term + 1] += offsets[term];
        }
        let norms = Norms::new(options, &lengths);
        let postings = Self::lay_out(offsets, &counts, &norms, threads, tick)?;
        Ok((vocabulary, postings))
    }

    /// The documents of a term and its weights in them.
    pub(super) fn get(&self, term: u32) -> (&[u32], &[f32]) {
        let range = self.offsets[term as usize]..self.offsets[term as usize + 1];
        (&self.documents[range.clone()], &self.weights[range])
    }

    fn lay_out(
        offsets: Vec<usize>,
        counts: &[Vec<Count>],
        norms: &Norms,
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<Self> {
        let total = offsets.last().copied().unwrap_or(0);
        let mut documents = vec![0; total];
        let mut weights = vec![0.0; total];
        let mut rest = (documents.as_mut_slice(), weights.as_mut_slice());
        let mut shards = Vec::new();
        for terms in shards_of(&offsets) {
            let size = offsets[terms.end] - offsets[terms.start];
            let (documents, weights) = (rest.0.split_at_mut(size), rest.1.split_at_mut(size));
            rest = (documents.1, weights.1);
            shards.push((terms, documents.0, weights.0));
        }
        pool::map_items(
            threads,
            shards.into_iter(),
            tick,
            || (),
            |(), (terms, documents, weights)| {
                fill(&offsets, terms, counts, norms, documents, weights);
                Ok(())
            },
        )?;
        Ok(Self {
            offsets,
            documents,
            weights,
        })
    }
}

impl Block {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a column has fewer than 2^32 rows"
    )]
    fn read(corpus: &Strings, range: Range<usize>) -> Self {
        let mut vocabulary = Vocabulary::default();
        let mut counts: Vec<Count> = Vec::new();
        let mut lengths = Vec::with_capacity(range.len());
        // Where a term was counted last: the count of a later document is a new one.
        let mut last: Vec<usize> = Vec::new();
        for document in range {
            let (first, mut length) = (counts.len(), 0);
            for_each_term(corpus.get(document as u32).unwrap_or_default(), |text| {
                length += 1;
                let term = vocabulary.intern(text);
                if term as usize == last.len() {
                    last.push(usize::MAX);
                }
                let place = &mut last[term as usize];
                if *place < first || *place == usize::MAX {
                    *place = counts.len();
                    counts.push(Count {
                        term,
                        document: document as u32,
                        times: 0,
                    });
                }
                let times = &mut counts[*place].times;
                *times = times.saturating_add(1);
            });
            lengths.push(length);
        }
        Self {
            vocabulary,
            counts,
            lengths,
        }
    }
}

/// One vocabulary for all blocks, and each block's counts by its numbers, in the order of term and document.
fn renumber(
    blocks: Vec<Block>,
    threads: usize,
    tick: &mut Tick<'_>,
) -> Result<(Vocabulary, Vec<Vec<Count>>)> {
    let mut vocabulary = Vocabulary::default();
    let mut renamed = Vec::with_capacity(blocks.len());
    let total = blocks.len() as u64;
    for (done, block) in (0..).zip(blocks) {
        tick.at(done, total)?;
        let terms = block.vocabulary.terms();
        let numbers: Vec<u32> = terms.map(|term| vocabulary.intern(term)).collect();
        renamed.push((numbers, block.counts));
    }
    let counts = pool::map_items(
        threads,
        renamed.into_iter(),
        tick,
        || (),
        |(), (numbers, mut counts)| {
            for count in &mut counts {
                count.term = numbers[count.term as usize];
            }
            counts.sort_unstable_by_key(|count| (count.term, count.document));
            Ok(counts)
        },
    )?;
    Ok((vocabulary, counts))
}

/// Cuts the terms into ranges of about [`POSTINGS`] postings.
fn shards_of(offsets: &[usize]) -> Vec<Range<usize>> {
    let num_terms = offsets.len() - 1;
    let mut shards = Vec::new();
    let mut start = 0;
    while start < num_terms {
        let full = offsets.partition_point(|&offset| offset <= offsets[start] + POSTINGS) - 1;
        let end = full.clamp(start + 1, num_terms);
        shards.push(start..end);
        start = end;
    }
    shards
}

/// Writes the postings of `terms`; blocks come in the order of their documents, so these ascend.
fn fill(
    offsets: &[usize],
    terms: Range<usize>,
    counts: &[Vec<Count>],
    norms: &Norms,
    documents: &mut [u32],
    weights: &mut [f32],
) {
    let base = offsets[terms.start];
    let mut places = offsets[terms.clone()].to_vec();
    for block in counts {
        let first = block.partition_point(|count| (count.term as usize) < terms.start);
        let found = block[first..].iter();
        for count in found.take_while(|count| (count.term as usize) < terms.end) {
            let term = count.term as usize;
            let place = &mut places[term - terms.start];
            documents[*place - base] = count.document;
            weights[*place - base] = norms.weight(offsets[term + 1] - offsets[term], count);
            *place += 1;
        }
    }
}

/// The parts of the formula that do not depend on the term.
struct Norms {
    /// `k1 (1 - b + b length / mean length)` of each document.
    of: Vec<f64>,
}

impl Norms {
    #[expect(clippy::cast_precision_loss, reason = "counts of terms are below 2^53")]
    fn new(Bm25Options { k1, b }: Bm25Options, lengths: &[u64]) -> Self {
        let mean = lengths.iter().sum::<u64>() as f64 / lengths.len() as f64;
        let norm = |&length: &u64| k1 * (1.0 - b + b * (length as f64 / mean));
        Self {
            of: lengths.iter().map(norm).collect(),
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "numbers of documents are below 2^32; a weight is kept as float32"
    )]
    fn weight(&self, num_with_term: usize, count: &Count) -> f32 {
        let (num_all, num_with_term) = (self.of.len() as f64, num_with_term as f64);
        let rarity = (1.0 + (num_all - num_with_term + 0.5) / (num_with_term + 0.5)).ln();
        let times = f64::from(count.times);
        (rarity * (times / (times + self.of[count.document as usize]))) as f32
    }
}
