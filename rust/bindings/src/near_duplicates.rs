//! Texts that are almost the same.

use foolsgold_core::texts::Texts;
use foolsgold_core::texts::near_duplicates::{self as near, Options};
use foolsgold_core::{Result, tick::Tick};
use numpy::PyArray1;
use pyo3::prelude::*;

use crate::enter::enter;
use crate::{arrays, arrow};

/// Left rows, right rows, similarities.
type Pairs<'py> = (
    Bound<'py, PyArray1<u32>>,
    Bound<'py, PyArray1<u32>>,
    Bound<'py, PyArray1<f32>>,
);
/// Threshold, characters of a shingle, hashes, `max_bucket`, seed.
pub(crate) type NearOptions = (f64, usize, usize, usize, u64);
/// Different texts, bands, rows, probability at the threshold, candidates, large buckets, pairs skipped.
type NearReport = (u64, usize, usize, f64, u64, u64, u64);
/// Pairs, classes of twins, groups, report.
pub(crate) type NearDuplicates<'py> = (
    Pairs<'py>,
    Bound<'py, PyArray1<u32>>,
    Bound<'py, PyArray1<u32>>,
    NearReport,
);
/// Pairs, left rows and right rows that are in some pair, report.
pub(crate) type Overlap<'py> = (
    Pairs<'py>,
    Bound<'py, PyArray1<bool>>,
    Bound<'py, PyArray1<bool>>,
    NearReport,
);

/// The near-duplicates in a column of texts.
#[pyfunction]
#[pyo3(signature = (texts, options, *, threads, progress=None))]
pub(crate) fn near_duplicates<'py>(
    py: Python<'py>,
    texts: &Bound<'py, PyAny>,
    options: NearOptions,
    threads: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<NearDuplicates<'py>> {
    let texts = arrow::texts("texts", texts)?;
    let options = near_options(options);
    let found = enter(py, progress, |tick| {
        near::near_duplicates(texts, &options, threads, tick)
    })?;
    Ok(packed(py, options, found))
}

/// The near-duplicates that two columns of texts share.
#[pyfunction]
#[pyo3(signature = (left, right, options, *, threads, progress=None))]
pub(crate) fn near_duplicates_between<'py>(
    py: Python<'py>,
    left: &Bound<'py, PyAny>,
    right: &Bound<'py, PyAny>,
    options: NearOptions,
    threads: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Overlap<'py>> {
    let (left, right) = (arrow::texts("left", left)?, arrow::texts("right", right)?);
    let options = near_options(options);
    let found = enter(py, progress, |tick| {
        near::near_duplicates_between(left, right, &options, threads, tick)
    })?;
    Ok(overlap(py, options, found))
}

/// The near-duplicates among some texts, which may have to be made.
pub(crate) fn near_duplicates_of<'py, 'a>(
    py: Python<'py>,
    texts: impl FnOnce(&mut Tick<'_>) -> Result<&'a Texts> + Send,
    options: NearOptions,
    threads: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<NearDuplicates<'py>> {
    let options = near_options(options);
    let found = enter(py, progress, |tick| {
        texts(tick)?.near_duplicates(&options, threads, tick)
    })?;
    Ok(packed(py, options, found))
}

pub(crate) fn near_options(
    (threshold, shingle_size, num_hashes, max_bucket, seed): NearOptions,
) -> Options {
    Options {
        threshold,
        shingle_size,
        num_hashes,
        max_bucket,
        seed,
    }
}

pub(crate) fn overlap(py: Python<'_>, options: Options, found: near::Overlap) -> Overlap<'_> {
    (
        pairs(py, found.pairs),
        arrays::from_vec(py, found.in_left),
        arrays::from_vec(py, found.in_right),
        report(options, found.report),
    )
}

fn packed(py: Python<'_>, options: Options, found: near::NearDuplicates) -> NearDuplicates<'_> {
    (
        pairs(py, found.pairs),
        arrays::from_vec(py, found.twins),
        arrays::from_vec(py, found.groups),
        report(options, found.report),
    )
}

fn pairs(py: Python<'_>, pairs: near::Pairs) -> Pairs<'_> {
    (
        arrays::from_vec(py, pairs.left),
        arrays::from_vec(py, pairs.right),
        arrays::from_vec(py, pairs.jaccard),
    )
}

fn report(options: Options, found: near::Report) -> NearReport {
    (
        found.distinct,
        found.split.bands,
        found.split.rows,
        found.split.probability(options.threshold),
        found.candidates,
        found.large_buckets,
        found.skipped,
    )
}
