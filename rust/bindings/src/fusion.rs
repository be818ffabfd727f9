//! Fusion of rankings.

use foolsgold_core::mining::fuse as core;
use foolsgold_core::mining::fuse::{Fusion, Source};
use numpy::{PyArray2, PyUntypedArrayMethods as _};
use pyo3::prelude::*;

use crate::arrays::{self, Rows};
use crate::enter::enter;

/// Ids, scores, sources and ranks, one row a query.
type Fused<'py> = (
    Bound<'py, PyArray2<i64>>,
    Bound<'py, PyArray2<f32>>,
    Bound<'py, PyArray2<u8>>,
    Bound<'py, PyArray2<u32>>,
);

/// One ranking of tables of ids and scores: by `quotas` where there are any, else by reciprocal ranks.
#[pyfunction]
#[pyo3(signature = (tables, num, *, k, quotas, threads, progress=None))]
pub(crate) fn fuse<'py>(
    py: Python<'py>,
    tables: Vec<(Bound<'py, PyAny>, Bound<'py, PyAny>)>,
    num: usize,
    k: f64,
    quotas: Option<Vec<usize>>,
    threads: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Fused<'py>> {
    let borrow = |(ids, scores): &(Bound<'py, PyAny>, Bound<'py, PyAny>)| {
        Ok((arrays::rows("ids", ids)?, arrays::rows("scores", scores)?))
    };
    let tables = tables.iter().map(borrow).collect::<PyResult<Vec<_>>>()?;
    let sources: Vec<_> = tables.iter().map(source).collect();
    let queries = tables.first().map_or(0, |(ids, _)| ids.shape()[0]);
    let quotas = quotas.as_deref();
    let fusion = quotas.map_or(Fusion::ReciprocalRank { k }, Fusion::Quota);
    let fused = enter(py, progress, |tick| {
        core::fuse(&sources, fusion, queries, num, threads, tick)
    })?;
    Ok((
        arrays::table_from_vec(py, fused.ids, num)?,
        arrays::table_from_vec(py, fused.scores, num)?,
        arrays::table_from_vec(py, fused.sources, num)?,
        arrays::table_from_vec(py, fused.ranks, num)?,
    ))
}

fn source<'a>((ids, scores): &'a (Rows<'_, i64>, Rows<'_, f32>)) -> Source<'a> {
    Source {
        ids: arrays::slice(ids),
        scores: arrays::slice(scores),
        width: ids.shape()[1],
    }
}
