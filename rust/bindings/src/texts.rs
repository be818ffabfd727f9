//! Text ids.

use foolsgold_core::texts;
use foolsgold_core::texts::near_duplicates::{self as near, Options};
use numpy::PyArray1;
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3_arrow::PyArray;

use crate::enter::enter;
use crate::{arrays, arrow};

/// A column's ids, and where its lists begin in them if it is ragged.
type ColumnIds<'py> = (Bound<'py, PyArray1<u32>>, Option<Bound<'py, PyArray1<i64>>>);

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

/// The distinct texts of some columns.
#[pyclass(frozen, module = "foolsgold._core")]
#[derive(Debug)]
pub(crate) struct Texts {
    texts: texts::Texts,
    #[pyo3(get)]
    fingerprint: u64,
}

#[pymethods]
impl Texts {
    /// Interns named columns: the distinct texts, and for each column its ids.
    #[staticmethod]
    #[pyo3(signature = (columns, *, threads, progress=None))]
    fn intern<'py>(
        py: Python<'py>,
        columns: Vec<(String, Bound<'py, PyAny>)>,
        threads: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<(Self, Vec<ColumnIds<'py>>)> {
        let columns = columns
            .iter()
            .map(|(name, value)| arrow::texts(name, value))
            .collect::<PyResult<Vec<_>>>()?;
        let found = enter(py, progress, |tick| {
            texts::Texts::intern(columns, threads, tick)
        })?;
        let pack = |column: texts::ColumnIds| {
            (
                arrays::from_vec(py, column.ids),
                column.offsets.map(|offsets| arrays::from_vec(py, offsets)),
            )
        };
        let texts = Self {
            texts: found.texts,
            fingerprint: found.fingerprint,
        };
        Ok((texts, found.columns.into_iter().map(pack).collect()))
    }

    fn __len__(&self) -> usize {
        self.texts.len()
    }

    fn __getitem__(&self, id: usize) -> PyResult<&str> {
        let text = u32::try_from(id).ok().and_then(|id| self.texts.get(id));
        text.ok_or_else(|| {
            PyIndexError::new_err(format!("`id` must be below {}, got {id}", self.texts.len()))
        })
    }

    /// The distinct texts in the order of their ids, as an Arrow array.
    fn distinct(&self, py: Python<'_>) -> PyResult<PyArray> {
        enter(py, None, |_| Ok(arrow::from_strings(self.texts.distinct())))
    }

    /// The texts of `ids`, as Python strings.
    fn take(&self, ids: &Bound<'_, PyAny>) -> PyResult<Vec<&str>> {
        let ids = arrays::column::<u32>("ids", ids)?;
        arrays::slice(&ids)
            .iter()
            .map(|&id| self.__getitem__(id as usize))
            .collect()
    }

    /// For each id the number of its class of texts that are equal when normalised.
    #[pyo3(signature = (*, threads, progress=None))]
    fn twins<'py>(
        &self,
        py: Python<'py>,
        threads: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyArray1<u32>>> {
        let twins = enter(py, progress, |tick| self.texts.twins(threads, tick))?;
        Ok(arrays::from_vec(py, twins))
    }

    /// The near-duplicates among the distinct texts.
    #[pyo3(signature = (options, *, threads, progress=None))]
    fn near_duplicates<'py>(
        &self,
        py: Python<'py>,
        options: NearOptions,
        threads: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<NearDuplicates<'py>> {
        let options = near_options(options);
        let found = enter(py, progress, |tick| {
            self.texts.near_duplicates(&options, threads, tick)
        })?;
        Ok(packed(py, options, found))
    }
}

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

pub(crate) fn packed(
    py: Python<'_>,
    options: Options,
    found: near::NearDuplicates,
) -> NearDuplicates<'_> {
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
