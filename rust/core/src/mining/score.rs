//! The one definition of a score.

use crate::error::{Error, Result};
use crate::kernels::{dot, error_bound, norm};
use crate::pool;
use crate::tick::Tick;
use crate::view::Matrix;

/// The rows of a block where every row is read once.
const ROWS: usize = 4096;

/// How a query and a document are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Similarity {
    /// The cosine of their angle; 0 where either is a zero vector.
    Cosine,
    /// Their dot product.
    Dot,
}

/// Queries and documents that can be compared: finite, of one dimension, their norms known.
#[derive(Debug)]
pub struct Scorer<'a> {
    pub(super) queries: Matrix<'a>,
    pub(super) corpus: Matrix<'a>,
    similarity: Similarity,
    query_norms: Vec<f64>,
    corpus_norms: Vec<f64>,
    /// The longest document.
    longest: f64,
}

impl<'a> Scorer<'a> {
    /// Reads every row once. O((queries + corpus) x dim).
    ///
    /// # Errors
    /// [`Error::Shape`] where the dimensions differ, [`Error::Row`] at a value that is not finite, [`Error::Cancelled`].
    pub fn new(
        queries: Matrix<'a>,
        corpus: Matrix<'a>,
        similarity: Similarity,
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<Self> {
        if queries.dim() != corpus.dim() {
            let expected = format!("of {} columns like `queries`", queries.dim());
            return Err(Error::shape("corpus", expected, corpus.dim()));
        }
        let query_norms = norms("queries", queries, threads, tick)?;
        let corpus_norms = norms("corpus", corpus, threads, tick)?;
        Ok(Self {
            queries,
            corpus,
            similarity,
            query_norms,
            longest: corpus_norms.iter().copied().fold(0.0, f64::max),
            corpus_norms,
        })
    }

    /// The score of a query and a document: a float64 sum in a fixed order, rounded once to float32. O(dim).
    ///
    /// # Panics
    /// Where there is no such row.
    pub fn score(&self, query: usize, document: usize) -> f32 {
        if self.query_norms[query] <= 0.0 {
            return 0.0; // as below, without the sum: such a query is compared with every document
        }
        let sum = dot(self.queries.row(query), self.corpus.row(document));
        let score = match self.similarity {
            Similarity::Dot => sum,
            Similarity::Cosine => {
                let norms = self.query_norms[query] * self.corpus_norms[document];
                if norms > 0.0 { sum / norms } else { 0.0 }
            }
        };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "rounding to float32 is meant"
        )]
        let rounded = score as f32;
        rounded + 0.0 // one zero: a tie must not depend on its sign
    }

    /// How much a document's unit vector counts, in units of the longest document: at most 1.
    pub(super) fn document_scale(&self, document: usize) -> f64 {
        match self.similarity {
            Similarity::Cosine => 1.0,
            Similarity::Dot if self.longest > 0.0 => self.corpus_norms[document] / self.longest,
            Similarity::Dot => 0.0,
        }
    }

    /// What a tile's result for this query is to be multiplied by; `None` where a tile in float32 proves too little
    /// (a zero query, scores near the ends of float32's range, an enormous dimension).
    pub(super) fn query_scale(&self, query: usize) -> Option<f64> {
        let norm = self.query_norms[query];
        let scale = match self.similarity {
            Similarity::Cosine => 1.0,
            Similarity::Dot => norm * self.longest,
        };
        let usable = norm > 0.0
            && (0.5f64.powi(60)..=2.0f64.powi(126)).contains(&scale)
            && error_bound(self.queries.dim()).is_finite();
        usable.then_some(scale)
    }

    pub(super) fn query_norm(&self, query: usize) -> f64 {
        self.query_norms[query]
    }

    pub(super) fn document_norm(&self, document: usize) -> f64 {
        self.corpus_norms[document]
    }
}

fn norms(name: &str, matrix: Matrix<'_>, threads: usize, tick: &mut Tick<'_>) -> Result<Vec<f64>> {
    let mut norms = vec![0.0; matrix.rows()];
    pool::fill_blocks(threads, &mut norms, ROWS, tick, |first, block| {
        for (row, slot) in (first..).zip(block) {
            *slot = norm(matrix.row(row));
            // A sum of squares of float32 cannot overflow float64, so it is finite exactly where every value is.
            if !slot.is_finite() {
                let bad = matrix.row(row).iter().find(|value| !value.is_finite());
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
