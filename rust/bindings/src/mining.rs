//! Hard negatives.

mod corpus;
mod options;
mod table;

use foolsgold_core::mining::{self, Anchors, Given, Options, Scorer, SearchOptions};
use foolsgold_core::{capacity, kernels, pool};
use numpy::{PyArray1, PyArray2};
use pyo3::prelude::*;

use crate::arrays::{self, Column, Embeddings};
use crate::enter::enter;
use crate::error::to_py;
use crate::exclusions::{self, Exclusions};
use options::{RulesArgs, SelectionArgs};

pub(crate) use corpus::Corpus;
pub(crate) use table::CandidateTable;

/// Counts by rule; queries that are short, places left empty, negatives from outside the window, negatives at random,
/// queries that may lack candidates.
type Report = (Vec<u64>, u64, u64, u64, u64, u64);

/// Ids, scores, ranks and report.
type Mined<'py> = (
    Bound<'py, PyArray2<i64>>,
    Bound<'py, PyArray2<f32>>,
    Bound<'py, PyArray2<i32>>,
    Report,
);

/// Offsets and values.
type Lists<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

fn pack(py: Python<'_>, found: mining::Candidates, num_negatives: usize) -> PyResult<Mined<'_>> {
    let report = found.report;
    Ok((
        arrays::table_from_vec(py, found.ids, num_negatives)?,
        arrays::table_from_vec(py, found.scores, num_negatives)?,
        arrays::table_from_vec(py, found.ranks, num_negatives)?,
        (
            report.rejected,
            report.short,
            report.missing,
            report.widened,
            report.filled,
            report.starved,
        ),
    ))
}

/// What margins are measured from, borrowed: lists of positives, or scores.
enum Measured<'py> {
    None,
    Positives(Column<'py, i64>, Column<'py, u32>),
    Scores(Column<'py, f32>),
}

impl<'py> Measured<'py> {
    fn new(value: Option<&Bound<'py, PyAny>>) -> PyResult<Self> {
        let Some(value) = value else {
            return Ok(Self::None);
        };
        match value.extract::<Lists<'py>>() {
            Ok((offsets, values)) => Ok(Self::Positives(
                arrays::column("positives", &offsets)?,
                arrays::column("positives", &values)?,
            )),
            Err(_) => Ok(Self::Scores(arrays::column("anchors", value)?)),
        }
    }

    fn view(&self) -> PyResult<Anchors<'_>> {
        Ok(match self {
            Self::None => Anchors::None,
            Self::Positives(offsets, values) => Anchors::Positives(
                arrays::groups("positives", offsets, values, usize::MAX)
                    .map_err(|error| to_py(&error))?,
            ),
            Self::Scores(scores) => Anchors::Scores(arrays::slice(scores)),
        })
    }
}

/// The best documents of every query inside its band, as many as wanted; `anchors` are offsets and values of positives, or
/// scores.
#[pyfunction]
#[pyo3(signature = (
    queries, corpus, exclusions, anchors, *, similarity, rules, selection, threads, max_memory=2_147_483_648,
    tile=None, prepared=None, progress=None
))]
#[expect(
    clippy::too_many_arguments,
    reason = "each is one of the user's, by name"
)]
pub(crate) fn mine<'py>(
    py: Python<'py>,
    queries: &Bound<'py, PyAny>,
    corpus: &Bound<'py, PyAny>,
    exclusions: Vec<exclusions::Given<'py>>,
    anchors: Option<Bound<'py, PyAny>>,
    similarity: &Bound<'_, PyAny>,
    rules: RulesArgs,
    selection: SelectionArgs<'py>,
    threads: usize,
    max_memory: usize,
    tile: Option<&str>,
    prepared: Option<&Bound<'py, Corpus>>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Mined<'py>> {
    let selection = selection.borrow()?;
    let options = Options {
        similarity: options::similarity(similarity)?,
        rules: options::rules(rules)?,
        selection: selection.view(),
        threads,
    };
    let (queries, corpus) = (
        Embeddings::new("queries", queries)?,
        Embeddings::new("corpus", corpus)?,
    );
    let (queries, corpus) = (queries.view("queries")?, corpus.view("corpus")?);
    let measured = Measured::new(anchors.as_ref())?;
    let anchors = measured.view()?; // first, so that a fault of positives is told by their name
    let exclusions = Exclusions::new(&exclusions)?;
    let given = Given {
        exclusions: &exclusions.view(corpus.rows())?,
        anchors,
    };
    let depth = options.selection.depth();
    let engine = options::engine((queries, corpus), depth, threads, max_memory, tile)?;
    let prepared = prepared.map(|corpus| &corpus.get().0);
    let found = enter(py, progress, |tick| match prepared {
        Some(ready) => mining::mine_prepared(ready, queries, corpus, &given, &options, tick),
        None => mining::mine_with(engine, queries, corpus, &given, &options, tick),
    })?;
    pack(py, found, options.selection.num_negatives)
}

/// Every query's best `depth` documents inside its band; ids count from `first_document`.
#[pyfunction]
#[pyo3(signature = (
    queries, corpus, exclusions, anchors, *, similarity, rules, depth, first_document=0, threads,
    max_memory=2_147_483_648, tile=None, prepared=None, progress=None
))]
#[expect(
    clippy::too_many_arguments,
    reason = "each is one of the user's, by name"
)]
pub(crate) fn search<'py>(
    py: Python<'py>,
    queries: &Bound<'py, PyAny>,
    corpus: &Bound<'py, PyAny>,
    exclusions: Vec<exclusions::Given<'py>>,
    anchors: Option<Bound<'py, PyAny>>,
    similarity: &Bound<'_, PyAny>,
    rules: RulesArgs,
    depth: usize,
    first_document: u32,
    threads: usize,
    max_memory: usize,
    tile: Option<&str>,
    prepared: Option<&Bound<'py, Corpus>>,
    progress: Option<Py<PyAny>>,
) -> PyResult<CandidateTable> {
    let options = SearchOptions {
        similarity: options::similarity(similarity)?,
        rules: options::rules(rules)?,
        depth,
        first_document,
        threads,
    };
    let (queries, corpus) = (
        Embeddings::new("queries", queries)?,
        Embeddings::new("corpus", corpus)?,
    );
    let (queries, corpus) = (queries.view("queries")?, corpus.view("corpus")?);
    let measured = Measured::new(anchors.as_ref())?;
    let anchors = measured.view()?; // first, so that a fault of positives is told by their name
    let exclusions = Exclusions::new(&exclusions)?;
    let given = Given {
        exclusions: &exclusions.view(usize::MAX)?,
        anchors,
    };
    let engine = options::engine((queries, corpus), depth, threads, max_memory, tile)?;
    let prepared = prepared.map(|corpus| &corpus.get().0);
    let table = enter(py, progress, |tick| match prepared {
        Some(ready) => mining::search_prepared(ready, queries, corpus, &given, &options, tick),
        None => mining::search_with(engine, queries, corpus, &given, &options, tick),
    })?;
    Ok(CandidateTable(table))
}

/// The scores of `queries[query_ids[i]]` with `corpus[document_ids[i]]`.
#[pyfunction]
#[pyo3(signature = (queries, corpus, query_ids, document_ids, *, similarity, threads, progress=None))]
#[expect(
    clippy::too_many_arguments,
    reason = "each is one of the user's, by name"
)]
pub(crate) fn pair_scores<'py>(
    py: Python<'py>,
    queries: &Bound<'py, PyAny>,
    corpus: &Bound<'py, PyAny>,
    query_ids: &Bound<'py, PyAny>,
    document_ids: &Bound<'py, PyAny>,
    similarity: &Bound<'_, PyAny>,
    threads: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyArray1<f32>>> {
    let similarity = options::similarity(similarity)?;
    let (queries, corpus) = (
        Embeddings::new("queries", queries)?,
        Embeddings::new("corpus", corpus)?,
    );
    let (queries, corpus) = (queries.view("queries")?, corpus.view("corpus")?);
    let query_ids = arrays::column::<u32>("query_ids", query_ids)?;
    let document_ids = arrays::column::<u32>("document_ids", document_ids)?;
    let (left, right) = (arrays::slice(&query_ids), arrays::slice(&document_ids));
    let scores = enter(py, progress, |tick| {
        let scorer = Scorer::new(queries, corpus, similarity, threads, tick)?;
        mining::pair_scores(&scorer, left, right, threads, tick)
    })?;
    Ok(arrays::from_vec(py, scores))
}

/// Refuses what `got` of `name` asks for where memory does not hold `queries` times `query_bytes`.
#[pyfunction]
pub(crate) fn check_fits(
    name: &str,
    got: usize,
    queries: usize,
    query_bytes: usize,
) -> PyResult<()> {
    let queries = (queries as u128, "queries");
    capacity::check_fits(name, got, queries, query_bytes).map_err(|error| to_py(&error))
}

/// Does int8 products as a variant of the search does, in registers on `threads` threads; how many operations that were.
#[pyfunction]
#[pyo3(signature = (rounds, *, threads, tile=None))]
pub(crate) fn code_peak(
    py: Python<'_>,
    rounds: u32,
    threads: usize,
    tile: Option<&str>,
) -> PyResult<u64> {
    let tile = options::tile(tile)?;
    let done = enter(py, None, |tick| {
        pool::map_blocks(threads, threads, 1, tick, |_| {
            Ok(kernels::code_peak(&tile, rounds))
        })
    })?;
    Ok(done.into_iter().sum())
}

/// The variants of the search that run here, slowest first.
#[pyfunction]
pub(crate) fn tiles() -> Vec<&'static str> {
    kernels::Tile::all().iter().map(|tile| tile.name).collect()
}

/// Does float32 multiply-adds in registers on `threads` threads; how many operations that were, for benches.
#[pyfunction]
#[pyo3(signature = (rounds, *, threads))]
pub(crate) fn multiply_add_peak(py: Python<'_>, rounds: u32, threads: usize) -> PyResult<u64> {
    let done = enter(py, None, |tick| {
        pool::map_blocks(threads, threads, 1, tick, |_| {
            Ok(kernels::multiply_add_peak(rounds))
        })
    })?;
    Ok(done.into_iter().sum())
}
