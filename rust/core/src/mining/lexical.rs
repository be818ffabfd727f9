//! BM25: the documents that share rare words with a query.
//!
//! The weight of term `t` in document `d` is `idf(t) tf / (tf + k1 (1 - b + b |d| / mean |d|))` with
//! `idf(t) = ln(1 + (N - n + 0.5) / (n + 0.5))`, where `tf` counts `t` in `d`, `|d|` counts the terms of `d`, and `n` of the
//! `N` documents have `t`. It is equation 3.15 of Robertson and Zaragoza 2009 (<https://doi.org/10.1561/1500000019>) with
//! the idf of Lucene, which is never negative; the factor `k1 + 1` that others multiply with changes no rank. A weight
//! is computed in float64 and kept as float32. The score of `d` is the sum over the query's distinct terms, in the order
//! of first appearance, of the weight times the number of times the query has the term, in float64, rounded to float32.
//!
//! The terms of a text are the longest runs of alphanumeric characters in its normalised form (Unicode NFKC, case folded;
//! [`texts::normalized`](crate::texts::normalized)): `torch.nn_Module` has `torch`, `nn` and `module`. Words are not stemmed,
//! none are left out, and scripts without spaces are not cut into words.

mod postings;
mod vocabulary;

use super::exclusions::{Excluded, Exclusion};
use crate::capacity::check_fits;
use crate::error::{Error, Result};
use crate::pool;
use crate::texts::{Column, Strings};
use crate::tick::Tick;
use postings::Postings;
use vocabulary::{Vocabulary, for_each_term};

/// The postings that a block of queries may touch, about.
const WORK: usize = 1 << 22;
const MAX_QUERIES: usize = 64;
/// Above one posting for so many documents, reading all scores is cheaper than noting which were touched.
const DENSE: usize = 4;

/// The parameters of BM25.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bm25Options {
    /// How slowly further occurrences of a term stop to count: 0 for at once.
    pub k1: f64,
    /// How much a long document is discounted: 0 for not at all, 1 for in full.
    pub b: f64,
}

impl Default for Bm25Options {
    fn default() -> Self {
        Self { k1: 1.2, b: 0.75 }
    }
}

/// An index of documents by their terms.
#[derive(Debug)]
pub struct Bm25 {
    vocabulary: Vocabulary,
    postings: Postings,
    num_documents: usize,
}

/// The best documents of each query, best first: row `q` is `[q * top_k..(q + 1) * top_k]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Hits {
    /// Rows of the corpus, -1 where there are no more.
    pub ids: Vec<i64>,
    /// Their scores, negative infinity where there are no more.
    pub scores: Vec<f32>,
}

impl Bm25 {
    /// Indexes `corpus`. O(bytes + postings log postings); 8 bytes a posting and the vocabulary are kept.
    ///
    /// # Errors
    /// [`Argument`](Error::Argument) where `k1` is negative or infinite or `b` is not in `[0, 1]`, [`Row`](Error::Row) at a null,
    /// [`Shape`](Error::Shape) where the column holds no texts, [`Cancelled`](Error::Cancelled).
    pub fn build(
        corpus: Column,
        options: Bm25Options,
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<Self> {
        if !(options.k1 >= 0.0 && options.k1.is_finite()) {
            return Err(Error::argument(
                "k1",
                "be finite and not negative",
                options.k1,
            ));
        }
        if !(0.0..=1.0).contains(&options.b) {
            return Err(Error::argument("b", "be between 0 and 1", options.b));
        }
        let corpus = Strings::new(corpus)?;
        let (vocabulary, postings) = Postings::build(&corpus, options, threads, tick)?;
        Ok(Self {
            vocabulary,
            postings,
            num_documents: corpus.len(),
        })
    }

    /// The number of documents.
    pub fn len(&self) -> usize {
        self.num_documents
    }

    /// Whether there is no document at all.
    pub fn is_empty(&self) -> bool {
        self.num_documents == 0
    }

    /// The number of distinct terms.
    pub fn num_terms(&self) -> usize {
        self.vocabulary.len()
    }

    /// Finds the `top_k` documents of the highest scores for each of `queries`; of equal ones the lower row comes first.
    ///
    /// A document with a score of 0, as it has without a shared term, is not found, nor one that the query excludes: the
    /// next best takes its place. O(postings of the query's terms) a query, 8 bytes a document and a term for each thread.
    ///
    /// # Errors
    /// [`Argument`](Error::Argument) where `top_k` is 0 or an exclusion does not fit the queries or the documents,
    /// [`Row`](Error::Row) at a null, [`Shape`](Error::Shape) where the column holds no texts,
    /// [`Cancelled`](Error::Cancelled).
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a column has fewer than 2^32 rows"
    )]
    pub fn search(
        &self,
        queries: Column,
        exclusions: &[Exclusion<'_>],
        top_k: usize,
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<Hits> {
        if top_k == 0 {
            return Err(Error::argument("top_k", "be positive", top_k));
        }
        let queries = Strings::new(queries)?;
        let found = top_k.min(self.len()).saturating_mul(size_of::<Hit>());
        let place = size_of::<i64>() + size_of::<f32>();
        let row = top_k.saturating_mul(place).saturating_add(found);
        check_fits("top_k", top_k, (queries.len() as u128, "queries"), row)?;
        let excluded = Excluded::new(exclusions, queries.len(), self.len(), 0)?;
        let block = (WORK / self.len().max(1)).clamp(1, MAX_QUERIES);
        let found = pool::map_items(
            threads,
            pool::blocks(queries.len(), block),
            tick,
            || Scratch::new(self),
            |scratch, range| {
                let best = |row| {
                    let text = queries.get(row as u32).unwrap_or_default();
                    let is_allowed = |document| excluded.rule(row, document).is_none();
                    self.best(text, is_allowed, top_k, scratch)
                };
                Ok(range.map(best).collect::<Vec<_>>())
            },
        )?;
        let size = queries.len().saturating_mul(top_k);
        let (mut ids, mut scores) = (Vec::new(), Vec::new());
        if ids.try_reserve_exact(size).is_err() || scores.try_reserve_exact(size).is_err() {
            return Err(Error::argument(
                "top_k",
                "leave a table that fits into memory",
                top_k,
            ));
        }
        for row in found.iter().flatten() {
            ids.extend(row.iter().map(|hit| i64::from(hit.document())));
            scores.extend(row.iter().map(|hit| hit.score()));
            ids.resize(ids.len() + top_k - row.len(), -1);
            scores.resize(scores.len() + top_k - row.len(), f32::NEG_INFINITY);
        }
        Ok(Hits { ids, scores })
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "a score is given as float32"
    )]
    fn best(
        &self,
        query: &str,
        is_allowed: impl Fn(u32) -> bool,
        top_k: usize,
        scratch: &mut Scratch,
    ) -> Vec<Hit> {
        for_each_term(query, |text| {
            if let Some(term) = self.vocabulary.get(text) {
                let times = &mut scratch.times[term as usize];
                if *times == 0.0 {
                    scratch.terms.push(term);
                }
                *times += 1.0;
            }
        });
        let sizes = scratch
            .terms
            .iter()
            .map(|&term| self.postings.get(term).0.len());
        let is_dense = sizes.sum::<usize>() >= self.len() / DENSE;
        for term in scratch.terms.drain(..) {
            let times = std::mem::take(&mut scratch.times[term as usize]);
            let (documents, weights) = self.postings.get(term);
            for (&document, &weight) in documents.iter().zip(weights) {
                let score = &mut scratch.scores[document as usize];
                if !is_dense && *score == 0.0 {
                    scratch.touched.push(document);
                }
                *score += times * f64::from(weight);
            }
        }
        let mut best = Best::new(top_k);
        let mut offer = |document: u32, score: &mut f64| {
            let score = std::mem::take(score) as f32;
            if score > 0.0 {
                best.push(Hit::new(score, document), &is_allowed);
            }
        };
        if is_dense {
            (0..)
                .zip(&mut scratch.scores)
                .for_each(|(document, score)| offer(document, score));
        } else {
            let touched = scratch.touched.drain(..);
            touched.for_each(|document| offer(document, &mut scratch.scores[document as usize]));
        }
        best.sorted()
    }
}

/// What a thread reuses from query to query.
struct Scratch {
    /// The query's distinct terms in the order of first appearance.
    terms: Vec<u32>,
    /// How often the query has each term of the vocabulary.
    times: Vec<f64>,
    /// Zero but while a query is worked on.
    scores: Vec<f64>,
    /// The documents of a query with few postings.
    touched: Vec<u32>,
}

impl Scratch {
    fn new(index: &Bm25) -> Self {
        Self {
            terms: Vec::new(),
            times: vec![0.0; index.num_terms()],
            scores: vec![0.0; index.len()],
            touched: Vec::new(),
        }
    }
}

/// A score and a document in one number: greater for a higher score, then for a lower document.
///
/// The bits of floats that are not negative have the order of the floats.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Hit(u64);

impl Hit {
    fn new(score: f32, document: u32) -> Self {
        Self(u64::from(score.to_bits()) << 32 | u64::from(!document))
    }

    fn score(self) -> f32 {
        f32::from_bits((self.0 >> 32) as u32)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
    fn document(self) -> u32 {
        !(self.0 as u32)
    }
}

/// The greatest `len` of the hits pushed, in O(1) each on average and O(len) memory.
struct Best {
    len: usize,
    hits: Vec<Hit>,
    /// No hit below this one can be among the best.
    least: Hit,
}

impl Best {
    fn new(len: usize) -> Self {
        Self {
            len,
            hits: Vec::new(),
            least: Hit(0),
        }
    }

    fn push(&mut self, hit: Hit, is_allowed: impl Fn(u32) -> bool) {
        if hit < self.least || !is_allowed(hit.document()) {
            return;
        }
        self.hits.push(hit);
        if self.hits.len() >= self.len.saturating_mul(2).max(64) {
            self.cut();
        }
    }

    fn cut(&mut self) {
        if self.len < self.hits.len() {
            let (_, least, _) = self
                .hits
                .select_nth_unstable_by(self.len - 1, |a, b| b.cmp(a));
            self.least = *least;
            self.hits.truncate(self.len);
        }
    }

    fn sorted(mut self) -> Vec<Hit> {
        self.cut();
        self.hits.sort_unstable_by(|a, b| b.cmp(a));
        self.hits
    }
}
