//! What is computed once of a corpus and serves many searches.

use super::exact::{Engine, heard};
use super::panels::Shard;
use super::rows::Rows;
use super::ruler::Turned;
use super::score::{Similarity, norms};
use crate::error::{Error, Result};
use crate::pool;
use crate::tick::Tick;

/// The rows that a centre is the mean of, at most, evenly spaced.
const SAMPLE: usize = 4096;

/// One document in so many may be an outlier: few enough to be compared with exactly.
const OUTLIERS: usize = 512;

/// How many times as long as the longest of the others it is at least.
const LONG: f64 = 16.0;

/// A centre of queries so far out that a few of them pull it there: none is better.
const FAR: f64 = 16.0;

/// A corpus made ready: norms, centres, and packed codes as far as the engine's shards hold the whole of it.
///
/// It owns what it computed; the rows themselves are passed again with each search.
#[derive(Debug)]
pub struct Prepared {
    pub(super) engine: Engine,
    pub(super) similarity: Similarity,
    pub(super) norms: Vec<f64>,
    pub(super) frame: Frame,
    dim: usize,
    /// The documents too long for the frame, in order: every query is compared with them exactly.
    outliers: Vec<u32>,
    /// The whole corpus packed, where one shard holds it.
    resident: Option<Shard>,
}

/// In what units rows are packed, and from where.
#[derive(Debug)]
pub(super) struct Frame {
    similarity: Similarity,
    /// The norm of the longest document that is packed.
    pub(super) longest: f64,
    /// Near the mean of the documents in their units: what is near it takes few bits.
    pub(super) documents: Vec<f64>,
    /// Near the mean of the queries in theirs.
    pub(super) queries: Vec<f64>,
    /// The length of that.
    pub(super) offset: f64,
}

impl Prepared {
    /// Reads the corpus twice at most. `queries` need only be like those that are searched for: the answer does not depend
    /// on them, but the time does. O(corpus x dim) time; 8 bytes a document, and where one of the engine's shards holds the
    /// whole corpus `dim` + 16 bytes more.
    ///
    /// # Errors
    /// [`Error::Argument`] for an empty corpus, [`Error::Shape`] where the dimensions differ, [`Error::Row`] at a value
    /// that is not finite, [`Error::Cancelled`].
    pub fn new<'a>(
        engine: Engine,
        corpus: impl Into<Rows<'a>>,
        queries: impl Into<Rows<'a>>,
        similarity: Similarity,
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<Self> {
        let (corpus, queries) = (corpus.into(), queries.into());
        super::score::same_dim(queries, corpus)?;
        if corpus.rows() == 0 {
            return Err(Error::argument("corpus", "have at least one row", 0));
        }
        let total = 2 * corpus.rows() as u64;
        let mut reading = |done, blocks: u64| heard(tick, total / 2 * done / blocks.max(1), total);
        let norms = norms("corpus", corpus, threads, &mut Tick::new(&mut reading))?;
        let frame = Frame::new(similarity, corpus, queries, &norms);
        let is_outlier = |row: &u32| !frame.holds(norms[*row as usize]);
        let mut prepared = Self {
            outliers: (0..).take(norms.len()).filter(is_outlier).collect(),
            engine,
            similarity,
            norms,
            frame,
            dim: corpus.dim(),
            resident: None,
        };
        if engine.shard_documents >= corpus.rows() {
            let mut packing = |done, blocks: u64| {
                heard(tick, total / 2 + total / 2 * done / blocks.max(1), total)
            };
            let ear = &mut Tick::new(&mut packing);
            prepared.resident = Some(prepared.pack(corpus, 0..corpus.rows(), threads, ear)?);
        }
        Ok(prepared)
    }

    /// The number of documents.
    pub fn documents(&self) -> usize {
        self.norms.len()
    }

    /// Whether this is what was made ready, as far as its shape tells.
    pub(super) fn check(&self, corpus: Rows<'_>, similarity: Similarity) -> Result<()> {
        let wanted = (self.norms.len(), self.dim);
        if (corpus.rows(), corpus.dim()) != wanted {
            let expected = format!("of {} rows of {} as it was made ready", wanted.0, wanted.1);
            let got = format!("{} rows of {}", corpus.rows(), corpus.dim());
            return Err(Error::shape("corpus", expected, got));
        }
        if similarity != self.similarity {
            let name = |similarity| format!("{similarity:?}").to_lowercase();
            let rule = format!(
                "be {} as the corpus was made ready for",
                name(self.similarity)
            );
            return Err(Error::argument("similarity", rule, name(similarity)));
        }
        Ok(())
    }

    /// Whether a panel holds that document.
    pub(super) fn is_packed(&self, document: usize) -> bool {
        self.frame.holds(self.norms[document])
    }

    /// Those of these documents that no panel holds.
    pub(super) fn outliers(&self, documents: &std::ops::Range<usize>) -> &[u32] {
        let place = |end: usize| self.outliers.partition_point(|&row| (row as usize) < end);
        &self.outliers[place(documents.start)..place(documents.end)]
    }

    pub(super) fn resident(&self) -> Option<&Shard> {
        self.resident.as_ref()
    }

    /// Packs part of the corpus.
    pub(super) fn pack(
        &self,
        corpus: Rows<'_>,
        documents: std::ops::Range<usize>,
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<Shard> {
        let tile = &self.engine.tile;
        Shard::pack(
            corpus,
            &self.frame,
            &self.norms,
            tile,
            documents,
            threads,
            tick,
        )
    }
}

impl Frame {
    fn new(similarity: Similarity, corpus: Rows<'_>, queries: Rows<'_>, norms: &[f64]) -> Self {
        let mut frame = Self {
            similarity,
            longest: longest(norms),
            documents: vec![0.0; corpus.dim()],
            queries: vec![0.0; corpus.dim()],
            offset: 0.0,
        };
        frame.documents = mean(corpus, |row| {
            let norm = norms[row];
            if frame.holds(norm) {
                frame.document_factor(norm)
            } else {
                0.0
            }
        });
        frame.queries = mean(queries, |row| {
            let norm = crate::kernels::norm(queries.row(row));
            frame.query_factor(norm)
        });
        frame.offset = frame.queries.iter().map(|x| x * x).sum::<f64>().sqrt();
        if frame.offset.is_nan() || frame.offset > FAR {
            frame.queries.fill(0.0);
            frame.offset = 0.0;
        }
        frame
    }

    /// Whether a document of that norm is packed.
    pub(super) fn holds(&self, norm: f64) -> bool {
        self.similarity == Similarity::Cosine || norm <= self.longest
    }

    /// What a document of that norm is multiplied by: at most of length 1 then.
    pub(super) fn document_factor(&self, norm: f64) -> f64 {
        inverse(match self.similarity {
            Similarity::Cosine => norm,
            Similarity::Dot | Similarity::Euclidean => self.longest,
        })
    }

    /// What a query of that norm is multiplied by.
    pub(super) fn query_factor(&self, norm: f64) -> f64 {
        inverse(match self.similarity {
            Similarity::Cosine | Similarity::Dot => norm,
            Similarity::Euclidean => self.longest,
        })
    }

    /// What a unit of the tile is in scores, for a query of that norm.
    pub(super) fn scale(&self, norm: f64) -> f64 {
        match self.similarity {
            Similarity::Cosine => 1.0,
            Similarity::Dot => norm * self.longest,
            Similarity::Euclidean => self.longest,
        }
    }

    /// What a unit is where the queries are the documents: the same for each of them.
    pub(super) fn turned(&self) -> Turned {
        Turned {
            similarity: self.similarity,
            unit: match self.similarity {
                Similarity::Cosine => 1.0,
                Similarity::Dot => self.longest * self.longest,
                Similarity::Euclidean => self.longest,
            },
            dim: self.documents.len(),
        }
    }

    /// What a document's bias holds beside its product with the queries' centre.
    pub(super) fn own_bias(&self, length: f64) -> f64 {
        match self.similarity {
            Similarity::Cosine | Similarity::Dot => 0.0,
            Similarity::Euclidean => -length * length / 2.0,
        }
    }
}

/// The greatest norm, but for a few that are so much greater that next to them the others would be nothing.
fn longest(norms: &[f64]) -> f64 {
    let mut sorted = norms.to_vec();
    let few = (norms.len() / OUTLIERS).min(norms.len().saturating_sub(1));
    let (_, usual, _) = sorted.select_nth_unstable_by(few, |a, b| b.total_cmp(a));
    let most = *usual * LONG;
    norms
        .iter()
        .copied()
        .filter(|&norm| norm <= most)
        .fold(0.0, f64::max)
}

fn inverse(norm: f64) -> f64 {
    if norm > 0.0 { 1.0 / norm } else { 0.0 }
}

/// The mean of a sample of rows, each times its factor.
#[expect(clippy::cast_precision_loss, reason = "a sample is small")]
fn mean(rows: Rows<'_>, factor: impl Fn(usize) -> f64) -> Vec<f64> {
    let (mut sums, mut wide) = (vec![0.0; rows.dim()], vec![0.0; rows.dim()]);
    let taken: Vec<usize> = (0..rows.rows())
        .step_by(rows.rows().div_ceil(SAMPLE).max(1))
        .collect();
    for &row in &taken {
        rows.row(row).write(&mut wide);
        let factor = factor(row) / taken.len() as f64;
        for (sum, &value) in sums.iter_mut().zip(&wide) {
            *sum += f64::from(value) * factor;
        }
    }
    sums
}

/// The shards of a corpus where it is not resident.
pub(super) fn shards(
    engine: &Engine,
    corpus: usize,
) -> impl ExactSizeIterator<Item = std::ops::Range<usize>> {
    pool::blocks(corpus, engine.shard_documents)
}
