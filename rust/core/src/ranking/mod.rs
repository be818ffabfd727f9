//! How good a ranking is: retrieval metrics from tables of ids.
//!
//! A row's scores say its order; equal scores are a random order, and a metric is its expected value over all of them
//! (`McSherry` and Najork 2008, <https://doi.org/10.1007/978-3-540-78646-7_38>). Without equal scores that is the plain
//! definition, and a tie is never decided by the order in which documents happen to be stored.
//!
//! With ranks `i` from 1, gain `g(i)` and `r(i)` = 1 where the gain is positive, of `R` relevant documents:
//!
//! | metric | at `k` |
//! | --- | --- |
//! | accuracy | 1 if any `r(i)` with `i <= k` |
//! | precision, recall | sum of `r(i)`, by `k` and by `R` |
//! | reciprocal rank | `1 / i` of the first `r(i)` |
//! | average precision | sum of `r(i)` times the precision at `i`, by `min(k, R)` |
//! | `nDCG` | sum of `g(i) / log2(i + 1)`, by that of the best order of all relevant documents |

mod profile;
mod table;

use crate::error::{Error, Result};
use crate::pool;
use crate::tick::Tick;
use profile::Profile;
pub use table::{Ranked, Relevant};

/// The queries of a block.
const QUERIES: usize = 256;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Whether there is a relevant document.
    Accuracy,
    /// The part of the places that are relevant.
    Precision,
    /// The part of the relevant documents that are found.
    Recall,
    /// One by the rank of the first relevant document.
    ReciprocalRank,
    /// The mean of the precisions at relevant documents.
    AveragePrecision,
    /// The normalised discounted cumulative gain, with linear gain.
    Ndcg,
}

impl Metric {
    /// The metric that is called `name` where means over queries are printed.
    ///
    /// # Errors
    /// [`Argument`](Error::Argument) for any other name.
    pub fn named(name: &str) -> Result<Self> {
        match name {
            "accuracy" => Ok(Self::Accuracy),
            "precision" => Ok(Self::Precision),
            "recall" => Ok(Self::Recall),
            "mrr" => Ok(Self::ReciprocalRank),
            "map" => Ok(Self::AveragePrecision),
            "ndcg" => Ok(Self::Ndcg),
            _ => {
                let rule = "be accuracy, precision, recall, mrr, map or ndcg";
                Err(Error::argument("metric", rule, name))
            }
        }
    }
}

/// A metric of the first `k` places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cutoff {
    /// What is measured.
    pub metric: Metric,
    /// How many places count, at least 1.
    pub k: usize,
}

/// The outcome of [`evaluate`].
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Each cutoff's mean over the queries that have a relevant document; NaN where none has.
    pub means: Vec<f64>,
    /// Query after query, each cutoff's value; NaN where the query has no relevant document.
    pub values: Vec<f64>,
    /// The queries without a relevant document.
    pub num_left_out: usize,
}

/// Measures `ranked` by `relevant` at each of `cutoffs`. O(width log width + relevant log relevant) a query.
///
/// Places beyond the table's width hold nothing: a tie that goes on there is not seen.
///
/// # Errors
/// [`Argument`](Error::Argument) where a `k` is 0 or the numbers of queries differ, [`Row`](Error::Row) at a NaN score, an id
/// below -1, a document twice in a row, or a gain that is negative or not finite, [`Cancelled`](Error::Cancelled).
pub fn evaluate(
    ranked: Ranked<'_>,
    relevant: Relevant<'_>,
    cutoffs: &[Cutoff],
    threads: usize,
    tick: &mut Tick<'_>,
) -> Result<Evaluation> {
    if ranked.len() != relevant.len() {
        let rule = format!(
            "have one list for each of the {} rows of `ids`",
            ranked.len()
        );
        return Err(Error::argument("relevant", rule, relevant.len()));
    }
    if cutoffs.iter().any(|cutoff| cutoff.k == 0) {
        return Err(Error::argument("k", "be positive", 0));
    }
    let depth = cutoffs.iter().map(|cutoff| cutoff.k).max().unwrap_or(0);
    let blocks = pool::map_items(
        threads,
        pool::blocks(ranked.len(), QUERIES),
        tick,
        Profile::default,
        |profile, range| {
            let mut values = Vec::with_capacity(range.len() * cutoffs.len());
            for row in range {
                profile.read(ranked, relevant, row, depth)?;
                values.extend(cutoffs.iter().map(|&cutoff| profile.value(cutoff)));
            }
            Ok(values)
        },
    )?;
    let values: Vec<f64> = blocks.concat();
    let (means, num_left_out) = means(&values, cutoffs.len());
    Ok(Evaluation {
        means,
        values,
        num_left_out,
    })
}

/// The mean of each column over the rows that are not NaN, added in the order of rows; and how many rows are.
#[expect(clippy::cast_precision_loss, reason = "rows are below 2^53")]
fn means(values: &[f64], width: usize) -> (Vec<f64>, usize) {
    let mut sums = vec![0.0; width];
    let (mut kept, mut left_out) = (0usize, 0);
    for row in values.chunks_exact(width.max(1)) {
        if row.iter().any(|value| value.is_nan()) {
            left_out += 1;
            continue;
        }
        kept += 1;
        sums.iter_mut()
            .zip(row)
            .for_each(|(sum, value)| *sum += value);
    }
    let means = sums.into_iter().map(|sum| sum / kept as f64).collect();
    (means, left_out)
}
