//! Hard negatives: for each query the best documents that its rules allow.
//!
//! The search is an exact join with the rules inside it: a query's band and positives are known to the kernel, so that
//! a filter never starves a query and nothing is fetched twice. The answer equals brute force over [`Scorer::score`],
//! ties by the lower document, bit for bit, for any number of threads, block size and instruction set.

mod block;
mod exact;
mod exclusions;
pub mod fuse;
mod kept;
pub mod lexical;
mod panels;
mod rules;
mod score;
mod select;

pub use exact::Engine;
pub use exclusions::Exclusion;
pub use rules::Rules;
pub use score::{Scorer, Similarity, pair_scores};
pub use select::Strategy;

use crate::error::{Error, Result};
use crate::key::Key;
use crate::tick::Tick;
use crate::view::{Groups, Matrix};
use rules::Known;

/// The most negatives of all queries together: a table that no memory holds is refused before it is tried.
const MOST_PLACES: usize = 1 << 40;

/// What to mine.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How a query and a document are compared.
    pub similarity: Similarity,
    /// Which scores a negative may have.
    pub rules: Rules,
    /// How many negatives a query gets.
    pub num_negatives: usize,
    /// How many of the best allowed documents are left out, first.
    pub range_min: usize,
    /// The rank among the allowed documents at which candidates end; `None` for no end.
    pub range_max: Option<usize>,
    /// Which candidates are taken.
    pub strategy: Strategy,
    /// Where the random strategy draws from: the key of the query is this one folded with its number.
    pub key: Key,
    /// The most threads at once.
    pub threads: usize,
}

/// Negatives of every query, best first.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidates {
    /// Documents, `num_negatives` a query; -1 where there are fewer.
    pub ids: Vec<i64>,
    /// Their scores; minus infinity where there are fewer.
    pub scores: Vec<f32>,
    /// What happened.
    pub report: Report,
}

/// Counts over all queries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Pairs of a query and a document, not its positive, that score above the query's lowest cap, where that cap was
    /// set by the absolute margin, the relative margin, or the greatest score.
    ///
    /// What the least score turns away is not counted: it displaces nothing, it only leaves places empty.
    pub above: [u64; 3],
    /// Queries with fewer negatives than asked for.
    pub short: u64,
    /// Places left empty.
    pub missing: u64,
}

/// Mines with the fastest variant for this processor. O(queries x corpus x dim) time; memory over the inputs: the
/// result, `range_min + num_negatives` (at random: `range_max`) times 8 bytes a query, and some 100 MiB of packed blocks.
///
/// Deterministic in the inputs and `options.key`.
///
/// # Errors
/// [`Error::Argument`] and [`Error::Shape`] for unusable options and shapes, [`Error::Row`] at a value that is not
/// finite, [`Error::Cancelled`].
pub fn mine(
    queries: Matrix<'_>,
    corpus: Matrix<'_>,
    positives: Option<Groups<'_>>,
    options: &Options,
    tick: &mut Tick<'_>,
) -> Result<Candidates> {
    let engine = Engine::for_shape(queries.rows(), corpus.dim(), options.threads);
    mine_with(engine, queries, corpus, positives, options, tick)
}

/// As [`mine`], with a given variant and given block sizes, which the answer does not depend on.
///
/// # Errors
/// As [`mine`].
pub fn mine_with(
    engine: Engine,
    queries: Matrix<'_>,
    corpus: Matrix<'_>,
    positives: Option<Groups<'_>>,
    options: &Options,
    tick: &mut Tick<'_>,
) -> Result<Candidates> {
    check(queries, corpus, positives, options)?;
    let total = engine.steps(queries.rows(), corpus.rows());
    let mut reading = |_, _| exact::heard(tick, 0, total);
    let ear = &mut Tick::new(&mut reading);
    let scorer = Scorer::new(queries, corpus, options.similarity, options.threads, ear)?;
    let known = Known::new(positives, queries.rows());
    let found = exact::search(engine, &scorer, &known, options, tick)?;
    Ok(select::select(&found, options))
}

fn check(
    queries: Matrix<'_>,
    corpus: Matrix<'_>,
    positives: Option<Groups<'_>>,
    options: &Options,
) -> Result<()> {
    if corpus.rows() == 0 {
        return Err(Error::argument("corpus", "have at least one row", 0));
    }
    if let Some(lists) = positives.map(|lists| lists.len())
        && lists != queries.rows()
    {
        let rule = format!("have one list for each of {} queries", queries.rows());
        return Err(Error::argument("positives", rule, lists));
    }
    options.rules.check(positives.is_some())?;
    if options.num_negatives == 0 {
        return Err(Error::argument("num_negatives", "be positive", 0));
    }
    let least = options.range_min.saturating_add(options.num_negatives);
    let places = least.checked_mul(queries.rows().max(1));
    if places.is_none_or(|places| places > MOST_PLACES) {
        let rule = format!("leave at most {MOST_PLACES} places for all queries");
        return Err(Error::argument(
            "num_negatives",
            rule,
            options.num_negatives,
        ));
    }
    match options.range_max {
        Some(range_max) if range_max < least => Err(Error::argument(
            "range_max",
            format!("be at least `range_min` + `num_negatives` = {least}"),
            range_max,
        )),
        _ => Ok(()),
    }
}
