//! Batch plans.

use foolsgold_core::sampling::{self, Batching};
use numpy::PyArray1;
use pyo3::prelude::*;

use crate::arrays;
use crate::enter::enter;
use crate::error::to_py;

/// Used, repeated, left out for lack of rows, left out for conflicts.
type Report = (u64, u64, u64, u64);
/// Rows, offsets, fingerprint and report.
type Plan<'py> = (
    Bound<'py, PyArray1<u32>>,
    Bound<'py, PyArray1<u64>>,
    u64,
    Report,
);

fn pack(py: Python<'_>, plan: sampling::Plan) -> Plan<'_> {
    let report = plan.report;
    (
        arrays::from_vec(py, plan.rows),
        arrays::from_vec(py, plan.offsets),
        plan.fingerprint,
        (report.used, report.repeated, report.tail, report.conflicts),
    )
}

/// The rows of a data set by the values that keep them apart.
#[pyclass(frozen, module = "foolsgold._core")]
#[derive(Debug)]
pub(crate) struct NoDuplicates {
    rows: sampling::NoDuplicates,
}

#[pymethods]
impl NoDuplicates {
    #[new]
    #[pyo3(signature = (columns, *, batch_size, num_replicas, drop_last, threads, progress=None))]
    fn new(
        py: Python<'_>,
        columns: Vec<Bound<'_, PyAny>>,
        batch_size: usize,
        num_replicas: usize,
        drop_last: bool,
        threads: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let columns = columns
            .iter()
            .map(|column| arrays::column::<u32>("columns", column))
            .collect::<PyResult<Vec<_>>>()?;
        let columns: Vec<&[u32]> = columns.iter().map(arrays::slice).collect();
        let rows = enter(py, progress, |tick| {
            let batching = Batching::new(batch_size, num_replicas, drop_last)?;
            sampling::NoDuplicates::new(&columns, batching, threads, tick)
        })?;
        Ok(Self { rows })
    }

    fn __len__(&self) -> usize {
        self.rows.len()
    }

    /// The plan of an epoch.
    #[pyo3(signature = (seed, epoch, *, threads, progress=None))]
    fn plan<'py>(
        &self,
        py: Python<'py>,
        seed: u64,
        epoch: u64,
        threads: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Plan<'py>> {
        let plan = enter(py, progress, |tick| {
            self.rows.plan(seed, epoch, threads, tick)
        })?;
        Ok(pack(py, plan))
    }
}

/// The number of shuffled batches of all ranks that `num_rows` rows make.
#[pyfunction]
#[pyo3(signature = (num_rows, *, batch_size, num_replicas, drop_last))]
pub(crate) fn num_random_batches(
    num_rows: usize,
    batch_size: usize,
    num_replicas: usize,
    drop_last: bool,
) -> PyResult<usize> {
    Batching::new(batch_size, num_replicas, drop_last)
        .and_then(|batching| batching.num_batches(num_rows))
        .map(|batches| batches * num_replicas)
        .map_err(|error| to_py(&error))
}

/// A plan of shuffled batches.
#[pyfunction]
#[pyo3(signature = (num_rows, seed, epoch, *, batch_size, num_replicas, drop_last, threads, progress=None))]
#[expect(clippy::too_many_arguments, reason = "keyword-only in Python")]
pub(crate) fn random_plan(
    py: Python<'_>,
    num_rows: usize,
    seed: u64,
    epoch: u64,
    batch_size: usize,
    num_replicas: usize,
    drop_last: bool,
    threads: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Plan<'_>> {
    let plan = enter(py, progress, |tick| {
        let batching = Batching::new(batch_size, num_replicas, drop_last)?;
        sampling::random(num_rows, batching, seed, epoch, threads, tick)
    })?;
    Ok(pack(py, plan))
}
