//! BM25.

use foolsgold_core::mining::lexical::{self, Bm25Options};
use numpy::PyArray2;
use pyo3::prelude::*;

use crate::enter::enter;
use crate::exclusions::{Exclusions, Given};
use crate::{arrays, arrow};

/// Ids and scores, one row a query.
type Table<'py> = (Bound<'py, PyArray2<i64>>, Bound<'py, PyArray2<f32>>);

/// An index of documents by their terms.
#[pyclass(frozen, module = "foolsgold._core")]
#[derive(Debug)]
pub(crate) struct Bm25(lexical::Bm25);

#[pymethods]
impl Bm25 {
    /// Indexes a column of texts.
    #[staticmethod]
    #[pyo3(signature = (corpus, *, k1, b, threads, progress=None))]
    fn build(
        py: Python<'_>,
        corpus: &Bound<'_, PyAny>,
        k1: f64,
        b: f64,
        threads: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let corpus = arrow::texts("corpus", corpus)?;
        let options = Bm25Options { k1, b };
        enter(py, progress, |tick| {
            lexical::Bm25::build(corpus, options, threads, tick).map(Self)
        })
    }

    /// The best documents of each query that it does not exclude: rows of the corpus and scores.
    #[pyo3(signature = (queries, exclusions, top_k, *, threads, progress=None))]
    fn search<'py>(
        &self,
        py: Python<'py>,
        queries: &Bound<'py, PyAny>,
        exclusions: Vec<Given<'py>>,
        top_k: usize,
        threads: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Table<'py>> {
        let queries = arrow::texts("queries", queries)?;
        let exclusions = Exclusions::new(&exclusions)?;
        let exclusions = exclusions.view(self.0.len())?;
        let hits = enter(py, progress, |tick| {
            self.0.search(queries, &exclusions, top_k, threads, tick)
        })?;
        Ok((
            arrays::table_from_vec(py, hits.ids, top_k)?,
            arrays::table_from_vec(py, hits.scores, top_k)?,
        ))
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    #[getter]
    fn num_terms(&self) -> usize {
        self.0.num_terms()
    }
}
