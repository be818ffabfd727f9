//! Batch plans.

mod labels;
mod mix;
mod negatives;
mod packing;

use foolsgold_core::sampling::{self, Batching, Draw, Tail};
use foolsgold_core::{Error, Result};
use numpy::PyArray1;
use pyo3::prelude::*;

use crate::arrays;
use crate::enter::enter;
use crate::error::to_py;

pub(crate) use labels::{Labels, tally};
pub(crate) use mix::{blend_plan, mix_counts, mix_passes, mix_plan};
pub(crate) use negatives::{draw_negatives, draw_negatives_of_row};
pub(crate) use packing::Packing;

/// Used, repeated, and left out by reason.
type Report = (u64, u64, Vec<(&'static str, u64)>);
/// Rows, offsets, fingerprint and report.
type Plan<'py> = (
    Bound<'py, PyArray1<u32>>,
    Bound<'py, PyArray1<u64>>,
    u64,
    Report,
);

fn pack(py: Python<'_>, plan: sampling::Plan) -> Plan<'_> {
    (
        arrays::from_vec(py, plan.rows),
        arrays::from_vec(py, plan.offsets),
        plan.fingerprint,
        pack_report(plan.report),
    )
}

fn pack_report(report: sampling::Report) -> Report {
    let why = report.why.iter();
    let why = why.map(|&(reason, rows)| (reason.name(), rows)).collect();
    (report.used, report.repeated, why)
}

/// Batch size, number of ranks and tail.
pub(crate) type BatchingArgs = (usize, usize, String);

fn batching((batch_size, num_replicas, tail): &BatchingArgs) -> Result<Batching> {
    let tail = match tail.as_str() {
        "drop" => Tail::Drop,
        "short" => Tail::Short,
        "refill" => Tail::Refill,
        other => {
            let got = format!("{other:?}");
            return Err(Error::argument("tail", "be drop, short or refill", got));
        }
    };
    Batching::new(*batch_size, *num_replicas, tail)
}

/// Seed, epoch and stream.
pub(crate) type DrawArgs = (u64, u64, u64);

fn draw((seed, epoch, stream): DrawArgs) -> Draw {
    Draw {
        seed,
        epoch,
        stream,
    }
}

/// The number of batches of all ranks that `num_rows` rows make which may meet in any batch.
#[pyfunction]
#[pyo3(signature = (num_rows, *, batching))]
pub(crate) fn num_batches(num_rows: usize, batching: BatchingArgs) -> PyResult<usize> {
    let num_replicas = batching.1;
    self::batching(&batching)
        .and_then(|batching| batching.num_batches(num_rows))
        .map(|batches| batches * num_replicas)
        .map_err(|error| to_py(&error))
}

/// 64 bits of columns of ids.
#[pyfunction]
pub(crate) fn fingerprint(py: Python<'_>, columns: Vec<Bound<'_, PyAny>>) -> PyResult<u64> {
    let columns: Vec<arrays::Column<'_, u32>> = columns
        .iter()
        .map(|ids| arrays::column("columns", ids))
        .collect::<PyResult<_>>()?;
    let columns: Vec<&[u32]> = columns.iter().map(arrays::slice).collect();
    enter(py, None, |_| {
        Ok(foolsgold_core::view::fingerprint(&columns))
    })
}

/// A plan of shuffled batches.
#[pyfunction]
#[pyo3(signature = (num_rows, draw, *, batching, threads, progress=None))]
pub(crate) fn random_plan(
    py: Python<'_>,
    num_rows: usize,
    draw: DrawArgs,
    batching: BatchingArgs,
    threads: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Plan<'_>> {
    let plan = enter(py, progress, |tick| {
        let batching = self::batching(&batching)?;
        sampling::random(num_rows, batching, self::draw(draw), threads, tick)
    })?;
    Ok(pack(py, plan))
}

/// A plan of batches in the order of the rows.
#[pyfunction]
#[pyo3(signature = (num_rows, *, batching))]
pub(crate) fn sequential_plan(
    py: Python<'_>,
    num_rows: usize,
    batching: BatchingArgs,
) -> PyResult<Plan<'_>> {
    let plan = enter(py, None, |_| {
        sampling::sequential(num_rows, self::batching(&batching)?)
    })?;
    Ok(pack(py, plan))
}
