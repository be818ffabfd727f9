//! A corpus made ready once for many searches.

use foolsgold_core::mining::Prepared;
use pyo3::prelude::*;

use super::options;
use crate::arrays::Embeddings;
use crate::enter::enter;

/// What was computed of a corpus; its rows are passed again with each search.
#[pyclass(frozen, module = "foolsgold._core")]
pub(crate) struct Corpus(pub(super) Prepared);

#[pymethods]
impl Corpus {
    /// `queries` need only be like those to come; `max_memory` counts the results of one search of as many of them.
    #[new]
    #[pyo3(signature = (
        corpus, queries, *, similarity, depth, threads, max_memory=2_147_483_648, tile=None, progress=None
    ))]
    #[expect(
        clippy::too_many_arguments,
        reason = "each is one of the user's, by name"
    )]
    fn new(
        py: Python<'_>,
        corpus: &Bound<'_, PyAny>,
        queries: &Bound<'_, PyAny>,
        similarity: &Bound<'_, PyAny>,
        depth: usize,
        threads: usize,
        max_memory: usize,
        tile: Option<&str>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let similarity = options::similarity(similarity)?;
        let (queries, corpus) = (
            Embeddings::new("queries", queries)?,
            Embeddings::new("corpus", corpus)?,
        );
        let (queries, corpus) = (queries.view("queries")?, corpus.view("corpus")?);
        let engine = options::engine((queries, corpus), depth, threads, max_memory, tile)?;
        enter(py, progress, |tick| {
            Prepared::new(engine, corpus, queries, similarity, threads, tick)
        })
        .map(Self)
    }

    fn __len__(&self) -> usize {
        self.0.documents()
    }
}
