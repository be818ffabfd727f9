//! Hard negatives.

use foolsgold_core::key::Key;
use foolsgold_core::mining::{self, Options, Rules, Scorer, Similarity, Strategy};
use foolsgold_core::{kernels, pool};
use numpy::{PyArray1, PyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::arrays;
use crate::enter::enter;
use crate::error::to_py;

/// Ids, scores, pairs above the cap by rule, queries that are short, places left empty.
type Mined<'py> = (
    Bound<'py, PyArray2<i64>>,
    Bound<'py, PyArray2<f32>>,
    [u64; 3],
    u64,
    u64,
);

/// One of a few names.
fn named<T: Copy>(argument: &str, name: &str, choices: &[(&str, T)]) -> PyResult<T> {
    let found = choices.iter().find(|(choice, _)| *choice == name);
    found.map(|&(_, value)| value).ok_or_else(|| {
        let names: Vec<_> = choices
            .iter()
            .map(|(name, _)| format!("\"{name}\""))
            .collect();
        let names = names.join(" or ");
        PyValueError::new_err(format!("`{argument}` must be {names}, got \"{name}\""))
    })
}

fn similarity(name: &str) -> PyResult<Similarity> {
    let choices = [("cosine", Similarity::Cosine), ("dot", Similarity::Dot)];
    named("similarity", name, &choices)
}

fn strategy(name: &str) -> PyResult<Strategy> {
    let choices = [("top", Strategy::Top), ("random", Strategy::Random)];
    named("sampling_strategy", name, &choices)
}

/// The best documents of every query inside its band; `positives` are offsets and values.
#[pyfunction]
#[pyo3(signature = (
    queries, corpus, positives, *, similarity, num_negatives, absolute_margin, relative_margin, max_score, min_score,
    range_min, range_max, sampling_strategy, seed, threads, progress=None
))]
#[expect(
    clippy::too_many_arguments,
    reason = "each is one of the user's, by name"
)]
pub(crate) fn mine<'py>(
    py: Python<'py>,
    queries: &Bound<'py, PyAny>,
    corpus: &Bound<'py, PyAny>,
    positives: Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)>,
    similarity: &str,
    num_negatives: usize,
    absolute_margin: Option<f64>,
    relative_margin: Option<f64>,
    max_score: Option<f64>,
    min_score: Option<f64>,
    range_min: usize,
    range_max: Option<usize>,
    sampling_strategy: &str,
    seed: u64,
    threads: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Mined<'py>> {
    let options = Options {
        similarity: self::similarity(similarity)?,
        rules: Rules {
            absolute_margin,
            relative_margin,
            max_score,
            min_score,
        },
        num_negatives,
        range_min,
        range_max,
        strategy: strategy(sampling_strategy)?,
        key: Key::new(seed),
        threads,
    };
    let queries = arrays::rows::<f32>("queries", queries)?;
    let corpus = arrays::rows::<f32>("corpus", corpus)?;
    let queries = arrays::matrix("queries", &queries).map_err(|error| to_py(&error))?;
    let corpus = arrays::matrix("corpus", &corpus).map_err(|error| to_py(&error))?;
    let lists = match &positives {
        None => None,
        Some((offsets, values)) => Some((
            arrays::column::<i64>("positives", offsets)?,
            arrays::column::<u32>("positives", values)?,
        )),
    };
    let lists = match &lists {
        None => None,
        Some((offsets, values)) => Some(
            arrays::groups("positives", offsets, values, corpus.rows())
                .map_err(|error| to_py(&error))?,
        ),
    };
    let found = enter(py, progress, |tick| {
        mining::mine(queries, corpus, lists, &options, tick)
    })?;
    Ok((
        arrays::table_from_vec(py, found.ids, num_negatives)?,
        arrays::table_from_vec(py, found.scores, num_negatives)?,
        found.report.above,
        found.report.short,
        found.report.missing,
    ))
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
    similarity: &str,
    threads: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyArray1<f32>>> {
    let similarity = self::similarity(similarity)?;
    let queries = arrays::rows::<f32>("queries", queries)?;
    let corpus = arrays::rows::<f32>("corpus", corpus)?;
    let query_ids = arrays::column::<u32>("query_ids", query_ids)?;
    let document_ids = arrays::column::<u32>("document_ids", document_ids)?;
    let (queries, corpus) = (&queries, &corpus);
    let (left, right) = (arrays::slice(&query_ids), arrays::slice(&document_ids));
    let queries = arrays::matrix("queries", queries).map_err(|error| to_py(&error))?;
    let corpus = arrays::matrix("corpus", corpus).map_err(|error| to_py(&error))?;
    let scores = enter(py, progress, |tick| {
        let scorer = Scorer::new(queries, corpus, similarity, threads, tick)?;
        mining::pair_scores(&scorer, left, right, threads, tick)
    })?;
    Ok(arrays::from_vec(py, scores))
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
