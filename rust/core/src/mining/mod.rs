//! Hard negatives: for each query the best documents that its rules allow.
//!
//! The search is an exact join with the rules inside it: a query's band and positives are known to the kernel, so that
//! a filter never starves a query and nothing is fetched twice. The answer equals brute force over [`Scorer::score`],
//! ties by the lower document, bit for bit, for any number of threads, block size and instruction set.

mod block;
mod corpus;
mod exact;
mod exclusions;
pub mod fuse;
mod kept;
pub mod lexical;
mod pairs;
mod panels;
mod rescore;
mod rows;
mod ruler;
mod rules;
mod score;
mod select;
mod side;
pub mod store;
mod table;
mod triangle;

pub use corpus::Prepared;
pub use exact::Engine;
pub use exclusions::Exclusion;
pub use rows::{Rows, Values};
pub use rules::{Anchors, MarginFrom, Rules};
pub use score::{Scorer, Similarity, pair_scores};
pub use select::{Candidates, OnShort, Report, Selection, Strategy, select};
pub use table::{Table, TurnedAway};

use crate::capacity::check_fits;
use crate::error::{Error, Result};
use crate::tick::Tick;
use exact::Question;
use exclusions::Excluded;
use rules::Band;

/// The bytes of a candidate while a search's result becomes a table.
const CANDIDATE: usize = 2 * size_of::<(f32, u32)>();

/// What is known of the queries, beside their embeddings.
#[derive(Debug, Clone, Copy, Default)]
pub struct Given<'a> {
    /// What is never a negative, known positives among it. A document is counted for the first that turns it away.
    pub exclusions: &'a [Exclusion<'a>],
    /// What margins are measured from.
    pub anchors: Anchors<'a>,
}

/// What to search for.
#[derive(Debug, Clone, Copy)]
pub struct SearchOptions {
    /// How a query and a document are compared.
    pub similarity: Similarity,
    /// Which scores a candidate may have.
    pub rules: Rules,
    /// How many candidates a query gets at most.
    pub depth: usize,
    /// The number of the first document: 0, or where this part of a corpus begins.
    pub first_document: u32,
    /// The most threads at once.
    pub threads: usize,
}

/// What to mine.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// How a query and a document are compared.
    pub similarity: Similarity,
    /// Which scores a negative may have.
    pub rules: Rules,
    /// Which candidates are taken.
    pub selection: Selection<'a>,
    /// The most threads at once.
    pub threads: usize,
}

/// Bytes beside the inputs, where the caller does not say.
const MEMORY: usize = 2 << 30;

/// Searches with the fastest variant for this processor. O(queries x corpus x dim) time; memory over the inputs: the
/// table, and the packed corpus, `dim` + 24 bytes a document, as far as 2 GiB hold it.
///
/// Deterministic in the inputs.
///
/// # Errors
/// [`Error::Argument`] and [`Error::Shape`] for unusable options and shapes, [`Error::Row`] at a value that is not
/// finite, [`Error::Cancelled`].
pub fn search<'a>(
    queries: impl Into<Rows<'a>>,
    corpus: impl Into<Rows<'a>>,
    given: &Given<'a>,
    options: &SearchOptions,
    tick: &mut Tick<'_>,
) -> Result<Table> {
    let (queries, corpus) = (queries.into(), corpus.into());
    let engine = engine_for(queries, corpus, options.depth, options.threads, MEMORY);
    search_with(engine, queries, corpus, given, options, tick)
}

/// As [`search`], with a given variant and given block sizes, which the answer does not depend on.
///
/// # Errors
/// As [`search`].
pub fn search_with<'a>(
    engine: Engine,
    queries: impl Into<Rows<'a>>,
    corpus: impl Into<Rows<'a>>,
    given: &Given<'a>,
    options: &SearchOptions,
    tick: &mut Tick<'_>,
) -> Result<Table> {
    let (queries, corpus) = (queries.into(), corpus.into());
    check(queries, corpus, given, options)?;
    let prepared = prepare(engine, queries, corpus, options, tick)?;
    search_prepared(&prepared, queries, corpus, given, options, tick)
}

/// As [`search`], of a corpus that was made ready once for many searches: its rows are passed again.
///
/// # Errors
/// As [`search`]; [`Error::Shape`] too where `corpus` is not of the prepared one's shape, [`Error::Argument`] where the
/// similarity is another.
pub fn search_prepared<'a>(
    prepared: &'a Prepared,
    queries: impl Into<Rows<'a>>,
    corpus: impl Into<Rows<'a>>,
    given: &Given<'a>,
    options: &SearchOptions,
    tick: &mut Tick<'_>,
) -> Result<Table> {
    let (queries, corpus) = (queries.into(), corpus.into());
    check(queries, corpus, given, options)?;
    let asked = Asked::new(prepared, queries, corpus, given, options, tick)?;
    asked.table(prepared, given, options, tick)
}

/// Mines with the fastest variant for this processor: a [`search`] as deep as the selection needs, and a [`select`].
///
/// Deterministic in the inputs and `options.selection.key`.
///
/// # Errors
/// As [`search`] and [`select`].
pub fn mine<'a>(
    queries: impl Into<Rows<'a>>,
    corpus: impl Into<Rows<'a>>,
    given: &Given<'a>,
    options: &Options<'_>,
    tick: &mut Tick<'_>,
) -> Result<Candidates> {
    let (queries, corpus) = (queries.into(), corpus.into());
    let depth = options.selection.depth();
    let engine = engine_for(queries, corpus, depth, options.threads, MEMORY);
    mine_with(engine, queries, corpus, given, options, tick)
}

/// As [`mine`], with a given variant and given block sizes, which the answer does not depend on.
///
/// # Errors
/// As [`mine`].
pub fn mine_with<'a>(
    engine: Engine,
    queries: impl Into<Rows<'a>>,
    corpus: impl Into<Rows<'a>>,
    given: &Given<'a>,
    options: &Options<'_>,
    tick: &mut Tick<'_>,
) -> Result<Candidates> {
    let (queries, corpus) = (queries.into(), corpus.into());
    let (search, _) = search_options(queries, corpus, given, options)?;
    let prepared = prepare(engine, queries, corpus, &search, tick)?;
    mine_prepared(&prepared, queries, corpus, given, options, tick)
}

/// As [`mine`], of a corpus that was made ready: see [`search_prepared`].
///
/// # Errors
/// As [`search_prepared`] and [`select`].
pub fn mine_prepared<'a>(
    prepared: &'a Prepared,
    queries: impl Into<Rows<'a>>,
    corpus: impl Into<Rows<'a>>,
    given: &Given<'a>,
    options: &Options<'_>,
    tick: &mut Tick<'_>,
) -> Result<Candidates> {
    let (queries, corpus) = (queries.into(), corpus.into());
    let (search, selection) = search_options(queries, corpus, given, options)?;
    let asked = Asked::new(prepared, queries, corpus, given, &search, tick)?;
    let table = asked.table(prepared, given, &search, tick)?;
    let (rules, threads) = (options.rules, options.threads);
    let quiet = &mut Tick::silent();
    let mut found = match selection.on_short {
        OnShort::Random => {
            let pool = select::Pool {
                scorer: &asked.scorer,
                excluded: &asked.excluded,
                bands: &asked.bands,
                first_document: search.first_document,
            };
            select::select_or_fill(&table, &selection, Some(&pool), threads, quiet)?
        }
        _ => select(&table, &selection, threads, quiet)?,
    };
    if search.rules != rules {
        let narrow = table.narrow(rules, table.depth, threads, quiet)?;
        found.report.rejected = narrow.rejected();
    }
    Ok(found)
}

/// The search that a selection needs, and the selection from its table.
fn search_options<'a>(
    queries: Rows<'_>,
    corpus: Rows<'_>,
    given: &Given<'_>,
    options: &Options<'a>,
) -> Result<(SearchOptions, Selection<'a>)> {
    let (rules, threads) = (options.rules, options.threads);
    let mut selection = options.selection;
    selection.check(!matches!(given.anchors, Anchors::None))?;
    let mut search = SearchOptions {
        similarity: options.similarity,
        rules,
        depth: selection.depth(),
        first_document: 0,
        threads,
    };
    // A window that is to be widened below the least score needs the candidates there.
    let widens = selection.on_short == OnShort::Widen && rules.min_score.is_some();
    if widens {
        rules.check(!matches!(given.anchors, Anchors::None))?;
        (search.rules.min_score, selection.min_score) = (None, rules.min_score);
    }
    let candidates = search.depth.min(corpus.rows()).saturating_mul(CANDIDATE);
    let row = selection.row_bytes().saturating_add(candidates);
    check_fits(
        "num_negatives",
        selection.num_negatives,
        (queries.rows() as u128, "queries"),
        row,
    )?;
    check(queries, corpus, given, &search)?;
    Ok((search, selection))
}

/// The fastest way for this processor within `max_memory` bytes beside the inputs, as far as that is possible: the result,
/// `depth` candidates a query, is part of it.
pub fn engine_for(
    queries: Rows<'_>,
    corpus: Rows<'_>,
    depth: usize,
    threads: usize,
    max_memory: usize,
) -> Engine {
    // Found, and once more in a table.
    let row = depth
        .min(corpus.rows())
        .saturating_mul(CANDIDATE)
        .saturating_add(64);
    let left = max_memory.saturating_sub(row.saturating_mul(queries.rows()));
    let rows = (queries.rows(), corpus.rows());
    Engine::for_shape(rows, corpus.dim(), depth, threads, left)
}

fn prepare(
    engine: Engine,
    queries: Rows<'_>,
    corpus: Rows<'_>,
    options: &SearchOptions,
    tick: &mut Tick<'_>,
) -> Result<Prepared> {
    let total = engine.steps(queries.rows(), corpus.rows());
    let mut reading = |_, _| exact::heard(tick, 0, total);
    let ear = &mut Tick::new(&mut reading);
    Prepared::new(
        engine,
        corpus,
        queries,
        options.similarity,
        options.threads,
        ear,
    )
}

/// Everything that a search runs on.
struct Asked<'a> {
    scorer: Scorer<'a>,
    excluded: Excluded<'a>,
    anchors: Vec<f32>,
    bands: Vec<Band>,
}

impl<'a> Asked<'a> {
    fn new(
        prepared: &'a Prepared,
        queries: Rows<'a>,
        corpus: Rows<'a>,
        given: &Given<'a>,
        options: &SearchOptions,
        tick: &mut Tick<'_>,
    ) -> Result<Self> {
        prepared.check(corpus, options.similarity)?;
        let (rows, documents) = (queries.rows(), corpus.rows());
        let excluded = Excluded::new(given.exclusions, rows, documents, options.first_document)?;
        let total = prepared.engine.steps(rows, documents);
        let mut reading = |_, _| exact::heard(tick, 0, total);
        let ear = &mut Tick::new(&mut reading);
        let (norms, threads) = (&prepared.norms, options.threads);
        let scorer = Scorer::with_norms(queries, corpus, options.similarity, norms, threads, ear)?;
        let anchors = rules::anchor_scores(&scorer, given.anchors, options, ear)?;
        let bands = anchors.iter().map(|&anchor| options.rules.band(anchor));
        Ok(Self {
            bands: bands.collect(),
            scorer,
            excluded,
            anchors,
        })
    }

    fn table(
        &self,
        prepared: &Prepared,
        given: &Given<'_>,
        options: &SearchOptions,
        tick: &mut Tick<'_>,
    ) -> Result<Table> {
        let question = Question {
            scorer: &self.scorer,
            excluded: &self.excluded,
            bands: &self.bands,
            depth: options.depth,
            threads: options.threads,
        };
        let found = exact::search(prepared, &question, tick)?;
        let names = given.exclusions.iter().map(|one| one.name.to_owned());
        let documents = self.scorer.corpus.rows() as u64;
        let table = Table::new(options.rules, options.depth, documents, names.collect());
        Ok(table.fill(found, &self.anchors, options.first_document))
    }
}

fn check(
    queries: Rows<'_>,
    corpus: Rows<'_>,
    given: &Given<'_>,
    options: &SearchOptions,
) -> Result<()> {
    if corpus.rows() == 0 {
        return Err(Error::argument("corpus", "have at least one row", 0));
    }
    if options.depth == 0 {
        return Err(Error::argument("depth", "be positive", 0));
    }
    let last = (options.first_document as usize).saturating_add(corpus.rows());
    if last >= u32::MAX as usize {
        let rule = "leave numbers below 2^32 for the corpus";
        return Err(Error::argument(
            "first_document",
            rule,
            options.first_document,
        ));
    }
    let candidates = options.depth.min(corpus.rows()).saturating_mul(CANDIDATE);
    check_fits(
        "depth",
        options.depth,
        (queries.rows() as u128, "queries"),
        candidates,
    )?;
    options.rules.check(!matches!(given.anchors, Anchors::None))
}
