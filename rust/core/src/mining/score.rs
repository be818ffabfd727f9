//! The one definition of a score.

use std::borrow::Cow;

use super::rows::Rows;
use crate::error::{Error, Result};
use crate::kernels::{distances, dots, norm};
use crate::pool;
use crate::tick::Tick;

/// The rows of a block where every row is read once.
const ROWS: usize = 4096;

/// How a query and a document are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Similarity {
    /// The cosine of their angle; 0 where either is a zero vector.
    Cosine,
    /// Their dot product.
    Dot,
    /// Minus their Euclidean distance.
    Euclidean,
}

/// Queries and documents that can be compared: finite, of one dimension, their norms known.
#[derive(Debug)]
pub struct Scorer<'a> {
    pub(super) queries: Rows<'a>,
    pub(super) corpus: Rows<'a>,
    pub(super) similarity: Similarity,
    query_norms: Vec<f64>,
    corpus_norms: Cow<'a, [f64]>,
}

impl<'a> Scorer<'a> {
    /// Reads every row once. O((queries + corpus) x dim).
    ///
    /// # Errors
    /// [`Error::Shape`] where the dimensions differ, [`Error::Row`] at a value that is not finite, [`Error::Cancelled`].
    pub fn new(
        queries: impl Into<Rows<'a>>,
        corpus: impl Into<Rows<'a>>,
        similarity: Similarity,
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<Self> {
        let (queries, corpus) = (queries.into(), corpus.into());
        same_dim(queries, corpus)?;
        let query_norms = norms("queries", queries, threads, tick)?;
        let corpus_norms = Cow::Owned(norms("corpus", corpus, threads, tick)?);
        Ok(Self {
            queries,
            corpus,
            similarity,
            query_norms,
            corpus_norms,
        })
    }

    /// As [`new`](Self::new), with the documents' norms known.
    pub(super) fn with_norms(
        queries: Rows<'a>,
        corpus: Rows<'a>,
        similarity: Similarity,
        corpus_norms: &'a [f64],
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<Self> {
        same_dim(queries, corpus)?;
        Ok(Self {
            queries,
            corpus,
            similarity,
            query_norms: norms("queries", queries, threads, tick)?,
            corpus_norms: Cow::Borrowed(corpus_norms),
        })
    }

    /// The score of a query and a document: a float64 sum in a fixed order, rounded once to float32. O(dim).
    ///
    /// # Panics
    /// Where there is no such row.
    pub fn score(&self, query: usize, document: usize) -> f32 {
        // As of the sum, without it: such a query is compared with every document.
        if self.similarity != Similarity::Euclidean && self.query_norms[query] <= 0.0 {
            return 0.0;
        }
        self.scores([query], document)[0]
    }

    /// The scores of some queries for one document, computed side by side.
    ///
    /// # Panics
    /// Where there is no such row.
    pub(super) fn scores<const N: usize>(&self, queries: [usize; N], document: usize) -> [f32; N] {
        let rows = queries.map(|query| self.queries.row(query));
        let other = self.corpus.row(document);
        let mut sums = match self.similarity {
            Similarity::Cosine | Similarity::Dot => dots(rows, other),
            Similarity::Euclidean => distances(rows, other),
        };
        for (sum, query) in sums.iter_mut().zip(queries) {
            match self.similarity {
                Similarity::Dot => {}
                Similarity::Cosine => {
                    let norms = self.query_norms[query] * self.corpus_norms[document];
                    *sum = if norms > 0.0 { *sum / norms } else { 0.0 };
                }
                Similarity::Euclidean => *sum = -sum.sqrt(),
            }
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "rounding to float32 is meant"
        )]
        sums.map(|score| score as f32 + 0.0) // one zero: a tie must not depend on its sign
    }

    /// Asks for a document before it is scored.
    pub(super) fn prefetch(&self, document: usize) {
        self.corpus.row(document).prefetch();
    }

    pub(super) fn query_norm(&self, query: usize) -> f64 {
        self.query_norms[query]
    }
}

pub(super) fn same_dim(queries: Rows<'_>, corpus: Rows<'_>) -> Result<()> {
    if queries.dim() == corpus.dim() {
        return Ok(());
    }
    let expected = format!("of {} columns like `queries`", queries.dim());
    Err(Error::shape("corpus", expected, corpus.dim()))
}

/// Every row's norm: finite exactly where the row is.
pub(super) fn norms(
    name: &str,
    rows: Rows<'_>,
    threads: usize,
    tick: &mut Tick<'_>,
) -> Result<Vec<f64>> {
    let mut norms = vec![0.0; rows.rows()];
    pool::fill_blocks(threads, &mut norms, ROWS, tick, |first, block| {
        for (row, slot) in (first..).zip(block) {
            *slot = norm(rows.row(row));
            // A sum of squares of float32 cannot overflow float64, so it is finite exactly where every value is.
            if !slot.is_finite() {
                let mut values = vec![0.0; rows.dim()];
                rows.row(row).write(&mut values);
                let bad = values.iter().find(|value| !value.is_finite());
                return Err(Error::row(name, row, "be finite", bad.unwrap_or(&f32::NAN)));
            }
        }
        Ok(())
    })?;
    Ok(norms)
}

/// The scores of pairs: `queries[i]` with `documents[i]`. O(pairs x dim).
///
/// # Errors
/// [`Error::Argument`] where the lists differ in length or name a row that is not there, [`Error::Cancelled`].
pub fn pair_scores(
    scorer: &Scorer<'_>,
    queries: &[u32],
    documents: &[u32],
    threads: usize,
    tick: &mut Tick<'_>,
) -> Result<Vec<f32>> {
    if queries.len() != documents.len() {
        let rule = format!("be as many as the {} queries", queries.len());
        return Err(Error::argument("documents", rule, documents.len()));
    }
    for (name, list, rows) in [
        ("queries", queries, scorer.queries.rows()),
        ("documents", documents, scorer.corpus.rows()),
    ] {
        if let Some(id) = list.iter().find(|&&id| id as usize >= rows) {
            return Err(Error::argument(name, format!("be below {rows}"), id));
        }
    }
    let mut scores = vec![0.0; queries.len()];
    pool::fill_blocks(threads, &mut scores, ROWS, tick, |first, block| {
        for (at, slot) in (first..).zip(block) {
            *slot = scorer.score(queries[at] as usize, documents[at] as usize);
        }
        Ok(())
    })?;
    Ok(scores)
}
