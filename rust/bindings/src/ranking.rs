//! Retrieval metrics.

use foolsgold_core::ranking::{self, Cutoff, Metric, Ranked, Relevant};
use numpy::{PyArray1, PyArray2, PyUntypedArrayMethods as _};
use pyo3::prelude::*;

use crate::arrays;
use crate::enter::enter;
use crate::error::to_py;

/// The means, the values one row a query, and how many queries were left out.
type Evaluation<'py> = (Bound<'py, PyArray1<f64>>, Bound<'py, PyArray2<f64>>, usize);

/// Measures retrieved ids by relevant ones at each `(metric, k)` of `cutoffs`.
#[pyfunction]
#[pyo3(signature = (ids, scores, offsets, relevant, gains, cutoffs, *, threads, progress=None))]
#[expect(
    clippy::too_many_arguments,
    reason = "two tables and what is asked of them"
)]
pub(crate) fn evaluate<'py>(
    py: Python<'py>,
    ids: &Bound<'py, PyAny>,
    scores: &Bound<'py, PyAny>,
    offsets: &Bound<'py, PyAny>,
    relevant: &Bound<'py, PyAny>,
    gains: &Bound<'py, PyAny>,
    cutoffs: Vec<(String, usize)>,
    threads: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Evaluation<'py>> {
    let (ids, scores) = (arrays::rows("ids", ids)?, arrays::rows("scores", scores)?);
    let offsets = arrays::column("offsets", offsets)?;
    let relevant = arrays::column("relevant", relevant)?;
    let gains = arrays::column("gains", gains)?;
    let cutoffs = named(&cutoffs).map_err(|error| to_py(&error))?;
    let (rows, width) = (ids.shape()[0], ids.shape()[1]);
    let (ids, scores) = (arrays::slice(&ids), arrays::slice(&scores));
    let lists = (arrays::slice(&offsets), arrays::slice(&relevant));
    let gains = arrays::slice(&gains);
    let found = enter(py, progress, |tick| {
        let ranked = Ranked::new(ids, scores, rows, width)?;
        let relevant = Relevant::new(lists.0, lists.1, Some(gains))?;
        ranking::evaluate(ranked, relevant, &cutoffs, threads, tick)
    })?;
    let values = arrays::table_from_vec(py, found.values, cutoffs.len())?;
    Ok((
        arrays::from_vec(py, found.means),
        values,
        found.num_left_out,
    ))
}

fn named(cutoffs: &[(String, usize)]) -> foolsgold_core::Result<Vec<Cutoff>> {
    let one =
        |(name, k): &(String, usize)| Metric::named(name).map(|metric| Cutoff { metric, k: *k });
    cutoffs.iter().map(one).collect()
}
