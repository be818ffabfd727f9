//! Text ids.

use foolsgold_core::texts;
use foolsgold_core::{Result, tick::Tick};
use numpy::PyArray1;
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3_arrow::PyArray;

use crate::enter::enter;
use crate::near_duplicates::{NearDuplicates, NearOptions, near_duplicates_of};
use crate::{arrays, arrow};

/// A column's ids, and where its lists begin in them if it is ragged.
type ColumnIds<'py> = (Bound<'py, PyArray1<u32>>, Option<Bound<'py, PyArray1<i64>>>);

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
        twins_of(py, |_| Ok(&self.texts), threads, progress)
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
        near_duplicates_of(py, |_| Ok(&self.texts), options, threads, progress)
    }
}

/// For each id of some texts, which may have to be made, the number of its class of texts that are equal when normalised.
pub(crate) fn twins_of<'py, 'a>(
    py: Python<'py>,
    texts: impl FnOnce(&mut Tick<'_>) -> Result<&'a texts::Texts> + Send,
    threads: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyArray1<u32>>> {
    let twins = enter(py, progress, |tick| texts(tick)?.twins(threads, tick))?;
    Ok(arrays::from_vec(py, twins))
}
